//! Kinds of characters that the filter, the splitter and the normaliser share.

/// What is left of a character for a voice: `None` for what cannot be said (emoji, controls, zero-width and direction marks),
/// a plain blank for every kind of blank, ASCII for full-width letters and digits.
pub(super) fn speakable(c: char, before: Option<char>) -> Option<char> {
    match c {
        '\t' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{2028}' | '\u{2029}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
            Some(' ')
        }
        // (Non-)joiners are invisible in Latin and emoji, but part of the spelling in Persian and the scripts of India.
        '\u{200C}' | '\u{200D}' => before.filter(|b| ('\u{600}'..'\u{1100}').contains(b)).map(|_| c),
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => {
            None
        }
        '\u{FFF0}'..='\u{FFFD}' => None,
        '‼' => Some('!'),
        '⁉' => Some('?'),
        '０'..='９' | 'Ａ'..='Ｚ' | 'ａ'..='ｚ' => char::from_u32(c as u32 - 0xFEE0),
        '％' | '＄' | '＋' | '＝' | '／' | '＃' | '＠' | '＆' | '～' | '－' => char::from_u32(c as u32 - 0xFEE0),
        '￥' => Some('¥'),
        '\u{2212}' => Some('−'),
        c if c.is_control() || is_emoji(c) => None,
        c => Some(c),
    }
}

/// Pictures, their modifiers and keycap, and the symbols of fonts that no voice reads. Not digits, `#`, `*`, arrows.
pub(super) fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{20D0}'..='\u{20F0}' | '\u{2139}' | '\u{2300}'..='\u{23FF}' | '\u{2400}'..='\u{245F}' | '\u{2500}'..='\u{27BF}'
        | '\u{2934}' | '\u{2935}' | '\u{2B00}'..='\u{2BFF}' | '\u{3030}' | '\u{303D}' | '\u{3297}' | '\u{3299}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{E000}'..='\u{F8FF}' | '\u{1F000}'..='\u{1FAFF}' | '\u{E0000}'..='\u{10FFFF}'
        | '\u{2122}' | '\u{A9}' | '\u{AE}')
}

/// Chinese characters.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}' | '〇')
}

/// Scripts that are written without blanks between words: Chinese and Japanese.
pub(super) fn is_unspaced(c: char) -> bool {
    is_han(c) || matches!(c, '\u{3040}'..='\u{30FF}')
}

/// Marks that end a sentence where they stand, without a blank after them.
pub(super) fn is_wide_end(c: char) -> bool {
    matches!(c, '。' | '！' | '？' | '．' | '｡')
}

/// Marks inside a sentence that need no blank after them.
pub(super) fn is_wide_pause(c: char) -> bool {
    matches!(c, '，' | '、' | '；' | '：' | '､')
}

/// Brackets and quotes that belong to the sentence before them.
pub(super) fn is_closer(c: char) -> bool {
    matches!(c, ')' | ']' | '}' | '”' | '’' | '»' | '›' | '）' | '】' | '」' | '』' | '》' | '〉' | '〕' | '］' | '｝')
}

/// Brackets and quotes that belong to what follows them.
pub(super) fn is_opener(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '“' | '‘' | '«' | '‹' | '（' | '【' | '「' | '『' | '《' | '〈' | '〔' | '［' | '｛' | '¿' | '¡')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_go_and_letters_of_every_script_stay() {
        for c in "👋🏽🇩🇪❤\u{FE0F}\u{200D}✨⭐✅⏰▶\u{20E3}\u{200B}\u{FEFF}\u{202E}\u{7}\u{1b}™".chars() {
            assert_eq!(speakable(c, Some('a')), None, "{c:?}");
        }
        for c in "aÄß你かカ한яعא१ไ→×½°€#*1—…".chars() {
            assert_eq!(speakable(c, Some('a')), Some(c), "{c:?}");
        }
        assert_eq!(speakable('\u{3000}', None), Some(' '));
        assert_eq!(speakable('３', None), Some('3'));
        assert_eq!(speakable('\u{200C}', Some('ی')), Some('\u{200C}'), "Persian needs it");
    }
}
