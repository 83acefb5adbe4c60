//! Chinese as it is written where the person lives: whisper writes Mandarin in traditional or simplified characters as it likes,
//! with ASCII punctuation or none. Conversion of characters: OpenCC's tables, word by word (皇后 stays, 後來 becomes 后来).

use super::guard::is_unspaced;
use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use std::sync::OnceLock;

/// Which characters Mandarin is written with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChineseScript {
    /// Mainland China, Singapore.
    #[default]
    Simplified,
    /// Traditional, with Taiwan's forms.
    Taiwan,
    /// Traditional, with Hong Kong's forms.
    HongKong,
}

impl ChineseScript {
    /// That of a language tag such as `zh-TW`, `zh_HK.UTF-8`, `zh-Hant`; `None`: it is no Chinese, or does not say.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let tag = tag.split(['.', '@']).next().unwrap_or_default().to_lowercase();
        let mut parts = tag.split(['-', '_']);
        if parts.next() != Some("zh") {
            return None;
        }
        parts.rev().find_map(|part| match part {
            "tw" | "hant" => Some(Self::Taiwan),
            "hk" | "mo" => Some(Self::HongKong),
            "cn" | "sg" | "hans" => Some(Self::Simplified),
            _ => None,
        })
    }

    fn converter(self) -> Option<&'static OpenCC> {
        static CONVERTERS: [OnceLock<Option<OpenCC>>; 3] = [const { OnceLock::new() }; 3];
        let config = match self {
            Self::Simplified => BuiltinConfig::T2s,
            Self::Taiwan => BuiltinConfig::S2tw,
            Self::HongKong => BuiltinConfig::S2hk,
        };
        CONVERTERS[self as usize].get_or_init(|| OpenCC::from_config(config).ok()).as_ref()
    }
}

/// A Mandarin transcript in these characters, with full-width punctuation behind Chinese, and without blanks inside of it; a
/// blank between Chinese and Latin letters stays as it was heard. A text without Chinese characters stays as it is.
#[must_use]
pub fn written(text: &str, script: ChineseScript) -> String {
    if !text.chars().any(is_unspaced) {
        return text.to_owned();
    }
    let text = script.converter().map_or_else(|| text.to_owned(), |converter| converter.convert(text));
    punctuated(&text)
}

/// The full-width form of a mark.
fn full_width(mark: char) -> Option<char> {
    Some(match mark {
        ',' => '，',
        '.' => '。',
        '?' => '？',
        '!' => '！',
        ':' => '：',
        ';' => '；',
        _ => return None,
    })
}

fn punctuated(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let latin = |c: Option<&char>| c.is_some_and(char::is_ascii_alphanumeric);
    let mut out = String::with_capacity(text.len());
    for (at, &c) in chars.iter().enumerate() {
        let before = out.chars().next_back();
        let next = chars[at + 1..].iter().find(|c| !c.is_whitespace());
        if c.is_whitespace() {
            // None between two Chinese characters or beside a full-width mark, one elsewhere.
            let touches_latin = |c: Option<char>| c.is_some_and(|c| !is_unspaced(c) && !c.is_whitespace());
            let mark = |c: Option<char>| c.is_some_and(|c| "，。？！：；、".contains(c));
            if (touches_latin(before) || touches_latin(next.copied())) && !mark(before) && before.is_some_and(|c| c != ' ') {
                out.push(' ');
            }
            continue;
        }
        // 3.5, 10:30, v2.0 and e.g. keep theirs: a mark of Chinese stands behind Chinese, or ends what follows it (我用GPS.).
        let inside = latin(before.as_ref()) && latin(chars.get(at + 1));
        let ends = latin(before.as_ref()) && (next.is_none() || next.is_some_and(|&c| is_unspaced(c)));
        match full_width(c) {
            Some(wide) if before.is_some_and(is_unspaced) || ends && !inside => out.push(wide),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ChineseScript::{HongKong, Simplified, Taiwan};

    #[test]
    fn the_script_follows_the_setting_word_by_word() {
        for (heard, script, text) in [
            ("開放時間早上9點至下午5點", Simplified, "开放时间早上9点至下午5点"),
            ("开放时间早上9点至下午5点", Taiwan, "開放時間早上9點至下午5點"),
            ("皇后後來乾杯", Simplified, "皇后后来干杯"),
            ("头发发展，里面干净", Taiwan, "頭髮發展，裡面乾淨"),
            ("里面", HongKong, "裏面"),
            ("开放时间", Simplified, "开放时间"),
            ("開放時間", Taiwan, "開放時間"),
        ] {
            assert_eq!(written(heard, script), text, "{heard} {script:?}");
        }
    }

    #[test]
    fn punctuation_is_full_width_behind_chinese_and_numbers_keep_theirs() {
        for (heard, text) in [
            ("你好,今天天气怎么样?", "你好，今天天气怎么样？"),
            ("现在是10:30. 温度是3.5度.", "现在是10:30。温度是3.5度。"),
            ("我用GPS.", "我用GPS。"),
            ("请 打开 文件", "请打开文件"),
            ("打开 Wi-Fi 设置", "打开 Wi-Fi 设置"),
            ("我在用WiFi  上网", "我在用WiFi 上网"),
            ("我喜欢 Rust, 你呢?", "我喜欢 Rust，你呢？"),
            ("你好 ， 世界 。", "你好，世界。"),
            ("好。", "好。"),
            ("", ""),
            (" . ", " . "),
            ("What's 2.5 times 4?", "What's 2.5 times 4?"),
        ] {
            assert_eq!(written(heard, Simplified), text, "{heard:?}");
        }
    }

    #[test]
    fn a_tag_says_which_characters_are_meant() {
        for (tag, script) in [
            ("zh-TW", Some(Taiwan)),
            ("zh_TW.UTF-8", Some(Taiwan)),
            ("zh-Hant", Some(Taiwan)),
            ("zh-Hant-HK", Some(HongKong)),
            ("ZH-hk", Some(HongKong)),
            ("zh-CN", Some(Simplified)),
            ("zh", None),
            ("en-US", None),
            ("", None),
        ] {
            assert_eq!(ChineseScript::of_tag(tag), script, "{tag}");
        }
    }
}
