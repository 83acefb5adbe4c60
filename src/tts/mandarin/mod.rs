//! Mandarin text to the symbols of a voice that was made for pinyin (Databaker's corpus, AISHELL-3): each syllable is its initial
//! and its final with the tone that is said, `#0` stands between syllables, `#3` at a pause, `sil` and `eos` around a sentence.

mod letters;
mod readings;
mod sandhi;
mod syllable;

use self::readings::{DICTIONARY, Word};
use self::syllable::{FINALS, INITIALS, NO_INITIAL, Syllable};
use super::facts::Facts;
use super::front::Symbols;
use super::tokens::Tokens;
use crate::speech::is_han;
use crate::speech::{Lang, normalize};

/// A sentence is cut at a pause when it has so many syllables: the longest that these voices learnt from have about 35.
const LONG: usize = 28;
/// It is cut anywhere when it has so many.
const LONGEST: usize = 100;

/// The symbols of a voice.
#[derive(Clone, Debug)]
pub(super) struct Mandarin {
    tokens: Tokens,
    facts: Facts,
    marks: Marks,
}

/// Ids of what stands around and between syllables.
#[derive(Clone, Copy, Debug)]
struct Marks {
    between: u16,
    pause: u16,
    silence: u16,
    end: Option<u16>,
}

/// What a sentence is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Said(Vec<Syllable>),
    Pause,
    End,
}

impl Mandarin {
    /// The front of a voice with these symbols.
    ///
    /// # Errors
    /// Which symbol is missing, as a part of a sentence.
    pub(super) fn new(tokens: Tokens, facts: Facts) -> Result<Self, String> {
        let lacks = |symbol: &str| format!("its symbols are said to be pinyin, and its table of symbols has no \"{symbol}\"");
        let need = |symbol: &str| tokens.get(symbol).ok_or_else(|| lacks(symbol));
        for initial in INITIALS.into_iter().chain([NO_INITIAL]) {
            need(initial)?;
        }
        for last in FINALS {
            (1..=4).try_for_each(|tone| need(&format!("{last}{tone}")).map(drop))?;
        }
        need("er5")?;
        let between = need("#0")?;
        let marks = Marks { between, pause: tokens.get("#3").unwrap_or(between), silence: need("sil")?, end: tokens.get("eos") };
        Ok(Mandarin { tokens, facts, marks })
    }

    /// What the graph says of itself.
    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The highest id that can come out.
    pub(super) fn highest_id(&self) -> i64 {
        self.tokens.highest_id()
    }

    /// Symbols of a text, sentence by sentence.
    pub(super) fn symbols_of(&self, text: &str) -> Vec<Symbols> {
        let (mut done, mut ids, mut syllables) = (Vec::new(), Vec::new(), 0);
        for piece in pieces(text) {
            match piece {
                Piece::Said(said) => {
                    for syllable in said {
                        if syllables >= LONGEST {
                            done.extend(self.finish(&mut ids, &mut syllables));
                        }
                        if syllables > 0 && ids.last() != Some(&i64::from(self.marks.pause)) {
                            ids.push(i64::from(self.marks.between));
                        }
                        ids.extend(self.ids_of(syllable));
                        syllables += 1;
                    }
                }
                Piece::Pause if syllables >= LONG => done.extend(self.finish(&mut ids, &mut syllables)),
                Piece::Pause if syllables > 0 && ids.last() != Some(&i64::from(self.marks.pause)) => ids.push(i64::from(self.marks.pause)),
                Piece::Pause => {}
                Piece::End => done.extend(self.finish(&mut ids, &mut syllables)),
            }
        }
        done.extend(self.finish(&mut ids, &mut syllables));
        done
    }

    /// Some syllables, for a first test of the voice.
    pub(super) fn probe(&self) -> Symbols {
        self.symbols_of("你好").into_iter().next().unwrap_or_default()
    }

    fn ids_of(&self, syllable: Syllable) -> Vec<i64> {
        let Some((initial, last)) = syllable.parts() else { return Vec::new() };
        // Few voices know all finals without a tone.
        let with_tone = [syllable.tone, 1].into_iter().find_map(|tone| self.tokens.get(&format!("{last}{tone}")));
        let curl = syllable.curled.then(|| self.tokens.get("er5")).flatten();
        [self.tokens.get(initial), with_tone, curl].into_iter().flatten().map(i64::from).collect()
    }

    fn finish(&self, ids: &mut Vec<i64>, syllables: &mut usize) -> Option<Symbols> {
        let mut said = std::mem::take(ids);
        if std::mem::take(syllables) == 0 {
            return None;
        }
        if said.last() == Some(&i64::from(self.marks.pause)) {
            said.pop();
        }
        said.insert(0, i64::from(self.marks.silence));
        said.push(i64::from(self.marks.silence));
        said.extend(self.marks.end.map(i64::from));
        Some(said.into())
    }
}

/// Reads a text: its syllables as they are said, and where it pauses. Letters are spelled, numbers are said.
fn pieces(text: &str) -> Vec<Piece> {
    let text = if text.contains(|c: char| c.is_ascii_digit()) { normalize(text, Lang::Zh) } else { text.to_owned() };
    let mut pieces = Vec::new();
    let mut rest = text.as_str();
    let mut words: Vec<Word> = Vec::new();
    while let Some(first) = rest.chars().next() {
        let same = |c: char| if is_han(first) { is_han(c) } else { letters::is_spelled(first) && letters::is_spelled(c) };
        let end = rest.find(|c: char| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (run, behind) = rest.split_at(end);
        rest = behind;
        if is_han(first) {
            words.extend(DICTIONARY.words(run));
        } else if letters::is_spelled(first) {
            words.extend(letters::spell(run));
        } else if first == '.' && rest.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            // Node.js: no end.
        } else if let Some(mark) = mark(first) {
            pieces.extend(said(&mut words));
            pieces.push(mark);
        }
    }
    pieces.extend(said(&mut words));
    pieces
}

/// The syllables of a text as they are said, one blank between them.
#[cfg(test)]
pub(crate) fn pinyin(text: &str) -> String {
    let said = pieces(text).into_iter().flat_map(|piece| if let Piece::Said(said) = piece { said } else { Vec::new() });
    said.map(|syllable| syllable.to_string()).collect::<Vec<_>>().join(" ")
}

fn said(words: &mut Vec<Word>) -> Option<Piece> {
    let mut words = std::mem::take(words);
    sandhi::apply(&mut words);
    let syllables: Vec<Syllable> = words.into_iter().flat_map(|word| word.syllables).collect();
    (!syllables.is_empty()).then_some(Piece::Said(syllables))
}

fn mark(c: char) -> Option<Piece> {
    Some(match c {
        ',' | '，' | '、' | ';' | '；' | ':' | '：' | '—' | '–' | '…' | '（' | '）' | '(' | ')' => Piece::Pause,
        '.' | '。' | '!' | '！' | '?' | '？' | '．' | '\n' => Piece::End,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "mandarin_tests.rs"]
mod tests;
