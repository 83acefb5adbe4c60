//! Voices whose symbols are letters (MMS style): `voice.onnx` with `tokens.txt` beside it.
//!
//! Format of the table: a line per symbol, `symbol id`, the symbol may be a blank. Each letter becomes its id, and a blank
//! symbol (id 0) stands before, between and after them when the graph says so (`add_blank`, the default).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// Largest table, bytes.
const MAX_BYTES: u64 = 4 << 20;
/// Highest id.
const MAX_ID: i64 = 1_000_000;

/// The letters of a voice.
#[derive(Clone, Debug, PartialEq)]
pub struct CharTable {
    ids: HashMap<char, i64>,
    blank: bool,
    /// Samples per second.
    pub sample_rate: u32,
    /// Speakers.
    pub speakers: u32,
}

impl CharTable {
    /// Reads the table beside a voice; `metadata` is that of the graph.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn read(path: &Path, metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let size = std::fs::metadata(path).map_err(|_| "its tokens.txt is missing".to_owned())?;
        if !size.is_file() || size.len() > MAX_BYTES {
            return Err("its tokens.txt is no table of letters".to_owned());
        }
        let text = std::fs::read_to_string(path).map_err(|error| format!("its tokens.txt cannot be read ({error})"))?;
        Self::parse(&text, metadata)
    }

    /// Reads the text of a table.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn parse(text: &str, metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut ids = HashMap::new();
        for line in text.lines().map(|line| line.trim_end_matches(['\r', '\n', ' '])).filter(|line| !line.is_empty()) {
            let (symbol, id) = line.rsplit_once([' ', '\t']).ok_or("its tokens.txt has a line that is not \"symbol id\"")?;
            let id: i64 = id.parse().ok().filter(|id| (0..=MAX_ID).contains(id)).ok_or("its tokens.txt has a wrong number")?;
            let mut chars = symbol.chars();
            match (chars.next(), chars.next()) {
                // An editor may have taken one of the two blanks away.
                (None, _) | (Some(' '), _) => drop(ids.insert(' ', id)),
                (Some(letter), None) => drop(ids.insert(letter, id)),
                // `<unk>`, `<blank>`: not letters.
                (Some('<'), _) => {}
                _ => return Err(format!("its symbols (\"{symbol:.20}\") are not single letters, a lexicon would be needed")),
            }
        }
        if ids.is_empty() {
            return Err("its tokens.txt is empty".to_owned());
        }
        let number = |key: &str| metadata.get(key).and_then(|value| value.trim().parse::<u32>().ok());
        let sample_rate = number("sample_rate").unwrap_or(16_000);
        if !(8_000..=48_000).contains(&sample_rate) {
            return Err(format!("it gives an impossible sample rate of {sample_rate} Hz"));
        }
        Ok(CharTable {
            ids,
            blank: number("add_blank") != Some(0),
            sample_rate,
            speakers: number("n_speakers").unwrap_or(1).clamp(1, 65_536),
        })
    }

    /// The letters, by their ids.
    #[must_use]
    pub fn symbols(&self) -> Vec<char> {
        let mut symbols: Vec<(i64, char)> = self.ids.iter().filter(|(c, _)| !c.is_whitespace()).map(|(c, id)| (*id, *c)).collect();
        symbols.sort_unstable();
        symbols.into_iter().map(|(_, symbol)| symbol).collect()
    }

    /// Ids of a text; letters that the voice does not have are skipped. Empty when it has none of them.
    #[must_use]
    pub fn ids_of(&self, text: &str) -> Vec<i64> {
        let known = |letter: char| self.ids.get(&letter).copied();
        let mut ids: Vec<i64> = Vec::with_capacity(text.len() * 2 + 1);
        for letter in text.trim().nfc() {
            let lower = || letter.to_lowercase().filter_map(known).next();
            if let Some(id) = known(letter).or_else(lower) {
                ids.extend(self.blank.then_some(0));
                ids.push(id);
            }
        }
        if self.blank && !ids.is_empty() {
            ids.push(0);
        }
        ids
    }

    /// The highest id that the table can give.
    #[must_use]
    pub fn highest_id(&self) -> i64 {
        self.ids.values().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_ids_with_blanks_between() {
        let table = CharTable::parse("_ 0\na 1\nb 2\n  3\né 4\n", &BTreeMap::new()).unwrap();
        assert_eq!(table.ids_of("Ab e\u{301}!"), [0, 1, 0, 2, 0, 3, 0, 4, 0]);
        assert!(table.ids_of("!?").is_empty());
        let plain =
            CharTable::parse("a 1\n", &BTreeMap::from([("add_blank".into(), "0".into()), ("sample_rate".into(), "22050".into())])).unwrap();
        assert_eq!((plain.ids_of("aa"), plain.sample_rate), (vec![1, 1], 22_050));
    }

    #[test]
    fn wrong_tables_are_refused() {
        for text in ["", "a\n", "a x\n", "a -1\n", "zh 5\n", "a 99999999999999999999\n"] {
            assert!(CharTable::parse(text, &BTreeMap::new()).is_err(), "{text:?}");
        }
    }
}
