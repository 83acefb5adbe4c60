//! Text to sounds by a lexicon: the longest word that fits at each place, Chinese and English in one text.
//!
//! Where a voice's makers differ, its table of symbols says how: a symbol for the blank stands between words (VITS of LJSpeech
//! and VCTK), `sil` and `eos` stand around a sentence and `#0` is a pause (icefall's AISHELL-3), each sound has a tone (MeloTTS).

use super::facts::Facts;
use super::front::Symbols;
use super::lexicon::{Lexicon, Sounds};
use super::tokens::Tokens;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A sentence is cut at a word when it has so many symbols: attention takes memory by their square.
const MAX_SYMBOLS: usize = 400;
/// Shortest half of an unknown word that is two known ones (`smartphone`), letters.
const SHORTEST_HALF: usize = 3;
/// A longer word, bytes, is not two known ones, and looking at all its halves takes time by the square of its length.
const LONGEST_PAIR: usize = 256;

/// What turns text into sounds.
#[derive(Clone, Debug)]
pub struct Words {
    lexicon: Lexicon,
    tokens: Tokens,
    facts: Facts,
    tones: bool,
    /// Stands behind each word.
    between: Option<u16>,
    /// `sil` and `eos`.
    around: Option<(u16, u16)>,
    /// Stands for a mark that has no symbol.
    pause: Option<u16>,
    /// What stands between symbols, when something does.
    blank: Option<i64>,
}

/// A sentence under construction.
#[derive(Default)]
struct Sentence {
    ids: Vec<i64>,
    tones: Vec<i64>,
    words: usize,
}

impl Sentence {
    fn push(&mut self, id: u16, tone: u8) {
        self.ids.push(i64::from(id));
        self.tones.push(i64::from(tone));
    }
}

impl Words {
    /// The words of a voice; `tones` when its graph takes them.
    #[must_use]
    pub fn new(lexicon: Lexicon, tokens: Tokens, facts: Facts, tones: bool) -> Self {
        let around = tokens.get("sil").zip(tokens.get("eos"));
        Words {
            between: if tones { None } else { tokens.get(" ") },
            pause: if around.is_some() { tokens.get("#0").or_else(|| tokens.get("sp")).or_else(|| tokens.get("sil")) } else { None },
            around,
            blank: facts.add_blank.unwrap_or(false).then_some(facts.blank),
            lexicon,
            tokens,
            facts,
            tones,
        }
    }

    /// What the graph says of itself.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The highest id that can come out.
    #[must_use]
    pub fn highest_id(&self) -> i64 {
        let ends = self.facts.ends.map_or(0, |(start, end)| start.max(end));
        self.tokens.highest_id().max(self.blank.unwrap_or(0)).max(ends)
    }

    /// The highest tone that can come out.
    #[must_use]
    pub fn highest_tone(&self) -> i64 {
        self.lexicon.highest_tone()
    }

    /// Symbols of a text, sentence by sentence. What the lexicon does not have is spelled, or passed over when it cannot be.
    #[must_use]
    pub fn symbols_of(&self, text: &str) -> Vec<Symbols> {
        let text: String = text.nfc().flat_map(char::to_lowercase).map(plain).collect();
        let (mut done, mut sentence, mut rest) = (Vec::new(), Sentence::default(), text.as_str());
        while let Some(first) = rest.chars().next() {
            let mut taken = first.len_utf8();
            if let Some(mark) = Mark::of(first) {
                self.mark(first, mark, &mut sentence, &mut done);
            } else if !first.is_whitespace() {
                taken = self.word(rest, &mut sentence, &mut done);
            }
            self.cut(&mut sentence, &mut done);
            rest = rest.get(taken..).unwrap_or("");
        }
        done.extend(self.finish(&mut sentence));
        done
    }

    /// Ends a sentence that is long enough.
    fn cut(&self, sentence: &mut Sentence, done: &mut Vec<Symbols>) {
        if sentence.ids.len() * (1 + usize::from(self.blank.is_some())) >= MAX_SYMBOLS {
            done.extend(self.finish(sentence));
        }
    }

    /// Takes a word from the start of `rest`; how many bytes it has.
    fn word(&self, rest: &str, sentence: &mut Sentence, done: &mut Vec<Symbols>) -> usize {
        // A word does not end inside of a run of letters: `on` is not the start of `one`.
        let may_end = |end: usize| {
            let (before, after) = (rest.get(..end).and_then(|t| t.chars().next_back()), rest.get(end..).and_then(|t| t.chars().next()));
            !(before.is_some_and(is_letter) && after.is_some_and(|c| is_letter(c) || is_combining_mark(c)))
        };
        if let Some((bytes, sounds)) = self.lexicon.longest(rest, may_end) {
            self.say(sounds, sentence);
            return bytes;
        }
        let Some(first) = rest.chars().next().filter(|c| is_letter(*c)) else {
            return rest.chars().next().map_or(1, char::len_utf8);
        };
        let mut run = first.len_utf8();
        for (at, letter) in rest.char_indices().skip(1) {
            let apostrophe = letter == '\'' && rest.get(at + 1..).and_then(|t| t.chars().next()).is_some_and(is_letter);
            if !(is_letter(letter) || is_combining_mark(letter) || apostrophe) {
                break;
            }
            run = at + letter.len_utf8();
        }
        self.unknown(rest.get(..run).unwrap_or(""), sentence, done);
        run
    }

    /// A run of letters that is no word: without its accents, its parts, two words in one, its letters.
    fn unknown(&self, run: &str, sentence: &mut Sentence, done: &mut Vec<Symbols>) {
        let bare: String = run.nfd().filter(|c| !is_combining_mark(*c)).collect();
        if let Some(sounds) = self.lexicon.get(&bare) {
            return self.say(sounds, sentence);
        }
        for part in bare.split('\'').filter(|part| !part.is_empty()) {
            self.cut(sentence, done);
            if let Some(sounds) = self.lexicon.get(part) {
                self.say(sounds, sentence);
                continue;
            }
            let mut places = part.char_indices().map(|(at, _)| at).skip(SHORTEST_HALF).take_while(|_| part.len() <= LONGEST_PAIR);
            let halves = places.find_map(|at| {
                let (head, tail) = part.split_at_checked(at).filter(|(_, tail)| tail.chars().count() >= SHORTEST_HALF)?;
                Some((self.lexicon.get(head)?, self.lexicon.get(tail)?))
            });
            if let Some((head, tail)) = halves {
                self.say(head, sentence);
                self.say(tail, sentence);
                continue;
            }
            let mut letter_bytes = [0; 4];
            for sounds in part.chars().filter_map(|letter| self.lexicon.get(letter.encode_utf8(&mut letter_bytes))) {
                self.say(sounds, sentence);
                self.cut(sentence, done);
            }
        }
    }

    fn say(&self, sounds: Sounds<'_>, sentence: &mut Sentence) {
        for (at, id) in sounds.ids.iter().enumerate() {
            sentence.push(*id, sounds.tones.get(at).copied().unwrap_or(0));
        }
        if let Some(between) = self.between {
            sentence.push(between, 0);
        }
        sentence.words += 1;
    }

    fn mark(&self, mark: char, kind: Mark, sentence: &mut Sentence, done: &mut Vec<Symbols>) {
        if sentence.words == 0 {
            return;
        }
        let mut bytes = [0; 4];
        let own = self.tokens.get(mark.encode_utf8(&mut bytes)).or_else(|| self.tokens.get(twin(mark)?));
        if let Some(id) = own.or_else(|| kind.others().iter().find_map(|other| self.tokens.get(other))).or(self.pause) {
            sentence.push(id, 0);
            if let (Mark::End, Some(between)) = (kind, self.between) {
                sentence.push(between, 0);
            }
        }
        if kind == Mark::End {
            done.extend(self.finish(sentence));
        }
    }

    /// The symbols of a sentence; none when it has no words.
    fn finish(&self, sentence: &mut Sentence) -> Option<Symbols> {
        let mut sentence = std::mem::take(sentence);
        if sentence.words == 0 {
            return None;
        }
        // English voices were trained without a blank at the end, Chinese ones with.
        let chinese = self.facts.language.starts_with("chinese") || self.facts.language.starts_with("zh");
        if let Some(between) = self.between.filter(|_| !chinese)
            && sentence.ids.last() == Some(&i64::from(between))
        {
            sentence.ids.pop();
            sentence.tones.pop();
        }
        if let Some((silence, end)) = self.around {
            sentence.ids.insert(0, i64::from(silence));
            sentence.tones.insert(0, 0);
            for id in [silence, end] {
                sentence.push(id, 0);
            }
        }
        let dress = |values: &[i64], blank: i64| self.facts.dress(values, self.blank.is_some(), blank);
        let tones = if self.tones { dress(&sentence.tones, 0) } else { Vec::new() };
        Some(Symbols { ids: dress(&sentence.ids, self.blank.unwrap_or(0)), tones })
    }

    /// Words from all over the lexicon, about so many symbols: for a first test of the voice.
    #[must_use]
    pub fn probe(&self, symbols: usize) -> Symbols {
        let mut sentence = Sentence::default();
        for sounds in self.lexicon.some(symbols) {
            if sentence.ids.len() >= symbols {
                break;
            }
            self.say(sounds, &mut sentence);
        }
        self.finish(&mut sentence).unwrap_or_default()
    }
}

/// What a mark means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Pause,
    End,
}

impl Mark {
    fn of(mark: char) -> Option<Self> {
        match mark {
            ',' | '，' | '、' | ';' | '；' | ':' | '：' | '—' | '–' => Some(Mark::Pause),
            '.' | '。' | '!' | '！' | '?' | '？' | '…' | '．' => Some(Mark::End),
            _ => None,
        }
    }

    /// Symbols of the same meaning.
    fn others(self) -> &'static [&'static str] {
        match self {
            Mark::Pause => &[",", "，"],
            Mark::End => &[".", "。"],
        }
    }
}

/// The same mark in the other script.
fn twin(mark: char) -> Option<&'static str> {
    Some(match mark {
        '，' => ",",
        '；' => ";",
        '：' => ":",
        '。' | '．' => ".",
        '！' => "!",
        '？' => "?",
        ',' => "，",
        ';' => "；",
        ':' => "：",
        '.' => "。",
        '!' => "！",
        '?' => "？",
        _ => return None,
    })
}

/// One way to write an apostrophe, and letters and digits as wide as Chinese ones in their usual form.
fn plain(letter: char) -> char {
    match letter {
        '’' | '‘' | 'ʼ' | '＇' => '\'',
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

/// A letter of a script that writes blanks between words.
fn is_letter(letter: char) -> bool {
    letter.is_alphabetic() && !is_solid(letter)
}

/// A character of a script that writes none: Chinese, Japanese, Thai, Lao, Khmer, Burmese.
fn is_solid(letter: char) -> bool {
    matches!(u32::from(letter),
        0x2e80..=0x303f | 0x3040..=0x30ff | 0x3100..=0x312f | 0x31a0..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff
        | 0x20000..=0x3ffff | 0x0e00..=0x0eff | 0x1780..=0x17ff | 0x1000..=0x109f)
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
