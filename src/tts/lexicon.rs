//! `lexicon.txt`: a line per word, `word sound sound …`; with tones (MeloTTS) `word sound … tone …`, as many tones as sounds.
//!
//! All words stand in one text and all sounds in one list, so that two million words take no more memory than their file.

use super::tables::{Limits, each_line};
use super::tokens::Tokens;
use std::path::Path;

/// The largest published one has 10 MB and 180,000 lines.
const LIMITS: Limits = Limits { bytes: 64 << 20, lines: 2_000_000 };
/// Longest word, bytes. Longer ones are passed over.
const MAX_WORD: usize = 128;
/// Most sounds of a word. Longer ones are passed over.
const MAX_SOUNDS: usize = 128;
/// Highest tone; real ones end at 11.
const MAX_TONE: u8 = 63;
/// Words that may have a sound that the voice does not know (published lexicons have some): one of so many.
const ODD_SHARE: usize = 20;

/// A word's place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    word: u32,
    sounds: u32,
    word_bytes: u8,
    sound_count: u8,
}

/// How a word sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sounds<'a> {
    /// Ids of its sounds.
    pub ids: &'a [u16],
    /// Their tones; empty when the voice has none.
    pub tones: &'a [u8],
}

/// Words and their sounds.
#[derive(Clone, Debug, Default)]
pub struct Lexicon {
    words: String,
    ids: Vec<u16>,
    tones: Vec<u8>,
    /// Sorted by their words.
    entries: Vec<Entry>,
    /// Characters of the longest word.
    longest: usize,
}

/// What could not be used.
#[derive(Default)]
struct Odd {
    words: usize,
    unknown: Option<String>,
}

impl Lexicon {
    /// Reads a lexicon whose sounds are `tokens`. Words are kept in lower case; of a word that stands there twice the first counts.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn read(path: &Path, tokens: &Tokens, with_tones: bool) -> Result<Self, String> {
        let (mut lexicon, mut odd) = (Lexicon::default(), Odd::default());
        each_line(path, LIMITS, |line| lexicon.line(line, tokens, with_tones, &mut odd))?;
        lexicon.finish(&odd, &path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
    }

    fn line(&mut self, line: &str, tokens: &Tokens, with_tones: bool, odd: &mut Odd) -> Result<(), String> {
        let mut fields = line.split_ascii_whitespace();
        let Some(word) = fields.next() else { return Ok(()) };
        let fields: Vec<&str> = fields.take(2 * MAX_SOUNDS + 2).collect();
        let (sounds, tones) = match with_tones {
            true if !fields.len().is_multiple_of(2) => return Err(format!("\"{word:.20}\" has not as many tones as sounds")),
            true => fields.split_at(fields.len() / 2),
            false => (&fields[..], &[][..]),
        };
        if sounds.is_empty() {
            return Err(format!("\"{word:.20}\" has no sounds"));
        }
        let (word, from) = (word.to_lowercase(), (self.words.len(), self.ids.len(), self.tones.len()));
        for tone in tones {
            match tone.parse::<u8>() {
                Ok(tone) if tone <= MAX_TONE => self.tones.push(tone),
                _ => return Err(format!("\"{tone:.20}\" is no tone")),
            }
        }
        let unknown = sounds.iter().find(|sound| tokens.get(sound).is_none());
        self.ids.extend(sounds.iter().filter_map(|sound| tokens.get(sound)));
        let fits = word.len() <= MAX_WORD && sounds.len() <= MAX_SOUNDS;
        let entry = match (unknown, u32::try_from(from.0), u32::try_from(from.1)) {
            (None, Ok(word_at), Ok(sounds_at)) if fits => {
                Entry { word: word_at, sounds: sounds_at, word_bytes: word.len() as u8, sound_count: sounds.len() as u8 }
            }
            _ => {
                odd.words += 1;
                odd.unknown = odd.unknown.take().or_else(|| unknown.map(|sound| (*sound).to_owned()));
                self.ids.truncate(from.1);
                self.tones.truncate(from.2);
                return Ok(());
            }
        };
        self.words.push_str(&word);
        self.longest = self.longest.max(word.chars().count());
        self.entries.push(entry);
        Ok(())
    }

    fn finish(mut self, odd: &Odd, name: &str) -> Result<Self, String> {
        if odd.words > 1 + self.entries.len() / ODD_SHARE {
            return Err(match &odd.unknown {
                Some(sound) => format!("its {name:.80} uses sounds (\"{sound:.20}\") that its table of symbols does not have"),
                None => format!("its {name:.80} has words that are too long"),
            });
        }
        if self.entries.is_empty() {
            return Err(format!("its {name:.80} is empty"));
        }
        if odd.words > 0 {
            tracing::info!(words = odd.words, sound = odd.unknown, "words of the lexicon are passed over");
        }
        let mut entries = std::mem::take(&mut self.entries);
        // Stable, so that of equal words the first stays.
        entries.sort_by(|a, b| self.word(a).cmp(self.word(b)));
        entries.dedup_by(|later, first| self.word(later) == self.word(first));
        entries.shrink_to_fit();
        self.entries = entries;
        Ok(self)
    }

    fn word(&self, entry: &Entry) -> &str {
        let from = entry.word as usize;
        self.words.get(from..from + usize::from(entry.word_bytes)).unwrap_or("")
    }

    fn sounds(&self, entry: &Entry) -> Sounds<'_> {
        let from = entry.sounds as usize;
        let to = from + usize::from(entry.sound_count);
        Sounds { ids: self.ids.get(from..to).unwrap_or_default(), tones: self.tones.get(from..to).unwrap_or_default() }
    }

    /// The sounds of a word in lower case.
    #[must_use]
    pub fn get(&self, word: &str) -> Option<Sounds<'_>> {
        let at = self.entries.binary_search_by(|entry| self.word(entry).cmp(word)).ok()?;
        self.entries.get(at).map(|entry| self.sounds(entry))
    }

    /// The longest word that `text` (in lower case) starts with, in bytes, and its sounds; only such ends count that `may_end`
    /// accepts.
    #[must_use]
    pub fn longest(&self, text: &str, may_end: impl Fn(usize) -> bool) -> Option<(usize, Sounds<'_>)> {
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(1).take(self.longest);
        let ends: Vec<usize> = ends.filter(|end| may_end(*end)).collect();
        ends.into_iter().rev().find_map(|end| Some((end, self.get(text.get(..end)?)?)))
    }

    /// How many words it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// It has no words.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Some sounds, for a first test of the voice: those of words all over the lexicon.
    pub fn some(&self, words: usize) -> impl Iterator<Item = Sounds<'_>> {
        let step = (self.entries.len() / words.max(1)).max(1);
        self.entries.iter().step_by(step).map(|entry| self.sounds(entry))
    }

    /// The highest tone.
    #[must_use]
    pub fn highest_tone(&self) -> i64 {
        self.tones.iter().copied().max().map_or(0, i64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::parse("_ 0\nn 1\ni3 2\nh 3\nao3 4\nəʊ 5\nl 6\n").unwrap()
    }

    fn read(text: &[u8], with_tones: bool) -> Result<Lexicon, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lexicon.txt");
        std::fs::write(&path, text).unwrap();
        Lexicon::read(&path, &tokens(), with_tones)
    }

    #[test]
    fn words_have_their_sounds_and_the_longest_wins() {
        let lexicon = read("你 n i3\n好 h ao3\n你好 n i3 h ao3\nHello h əʊ l əʊ\n你 h\n".as_bytes(), false).unwrap();
        assert_eq!(lexicon.len(), 4);
        assert_eq!(lexicon.get("hello").unwrap().ids, [3, 5, 6, 5]);
        assert_eq!(lexicon.get("你").unwrap().ids, [1, 2], "the first of two");
        assert_eq!(lexicon.longest("你好吗", |_| true).unwrap(), ("你好".len(), Sounds { ids: &[1, 2, 3, 4], tones: &[] }));
        assert_eq!(lexicon.longest("你们", |_| true).unwrap().0, "你".len());
        assert!(lexicon.longest("helloo", |end| end == 6).is_none() && lexicon.longest("", |_| true).is_none());
    }

    #[test]
    fn tones_stand_behind_the_sounds() {
        let lexicon = read("你 n i3 3 3\nok əʊ 7\n".as_bytes(), true).unwrap();
        assert_eq!(lexicon.get("你").unwrap(), Sounds { ids: &[1, 2], tones: &[3, 3] });
        assert_eq!(lexicon.highest_tone(), 7);
        for (text, part) in [("你 n i3 3\n", "as many tones"), ("你 n x\n", "no tone"), ("你 n 99\n", "no tone"), ("你\n", "no sounds")]
        {
            let reason = read(text.as_bytes(), true).unwrap_err();
            assert!(reason.contains(part) && reason.contains("line 1"), "{reason}");
        }
    }

    #[test]
    fn a_few_unknown_sounds_are_passed_over_and_many_are_refused() {
        let mut text: String = (0..100).map(|n| format!("word{n} n h\n")).collect();
        text.push_str("odd zz\n");
        let lexicon = read(text.as_bytes(), false).unwrap();
        assert!(lexicon.len() == 100 && lexicon.get("odd").is_none() && lexicon.get("word99").is_some());
        for n in 0..30 {
            text.push_str(&format!("more{n} n zz\n"));
        }
        assert!(read(text.as_bytes(), false).unwrap_err().contains("\"zz\""));
        assert!(read(b"a zz\nb zz\n", false).is_err());
        assert!(read(b"\n \n", false).unwrap_err().contains("empty"));
    }
}
