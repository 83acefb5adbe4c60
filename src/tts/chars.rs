//! Voices whose symbols are letters (MMS style): `voice.onnx` with `tokens.txt` beside it.
//!
//! Each letter becomes its id, in lower case where the table has only that; a blank symbol stands before, between and after
//! them when the graph says so (`add_blank`, the default). Some MMS voices (Arabic, Korean and about 80 more) were trained on
//! text that a program called uroman wrote in Latin letters. Hark has no uroman: such a voice says only what is written in
//! Latin letters, and a text without any is refused with a sentence ([`CharTable::reads`]).

use super::facts::Facts;
use super::tokens::Tokens;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// Rate of voices that do not say theirs: all of MMS have it.
const MMS_RATE: u32 = 16_000;

/// The letters of a voice.
#[derive(Clone, Debug, PartialEq)]
pub struct CharTable {
    ids: HashMap<char, i64>,
    blank: bool,
    facts: Facts,
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
        Self::of(&Tokens::read(path)?, metadata)
    }

    /// Reads the text of a table.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn parse(text: &str, metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        Self::of(&Tokens::parse(text)?, metadata)
    }

    fn of(tokens: &Tokens, metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let facts = Facts::of(metadata)?;
        if facts.comment.contains("piper") || metadata.get("has_espeak").is_some_and(|value| value.trim() == "1") {
            return Err("its symbols are phonemes, and the .onnx.json that says whose is missing".to_owned());
        }
        Self::with_facts(tokens, facts)
    }

    /// A table of single characters, whatever they stand for.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub(super) fn with_facts(tokens: &Tokens, facts: Facts) -> Result<Self, String> {
        let mut ids = HashMap::new();
        for (symbol, id) in tokens.iter() {
            let mut chars = symbol.chars();
            match (chars.next(), chars.next()) {
                (Some(letter), None) => drop(ids.insert(letter, i64::from(id))),
                // `<unk>`, `<blank>`: not letters.
                (Some('<'), Some(_)) => {}
                _ => return Err(format!("its symbols (\"{symbol:.20}\") are not single letters, a lexicon.txt would be needed")),
            }
        }
        if ids.is_empty() {
            return Err("its tokens.txt has no letters".to_owned());
        }
        Ok(CharTable {
            ids,
            blank: facts.add_blank.unwrap_or(true),
            sample_rate: facts.sample_rate.unwrap_or(MMS_RATE),
            speakers: facts.speakers,
            facts,
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
        let mut found: Vec<i64> = Vec::with_capacity(text.len());
        for letter in text.trim().nfc() {
            match known(letter) {
                Some(id) => found.push(id),
                // `İ` becomes two characters.
                None => found.extend(self.lower(letter).filter_map(known)),
            }
        }
        self.dress(&found)
    }

    /// Ids of characters as they are.
    #[must_use]
    pub(super) fn ids_of_phonemes(&self, phonemes: &str) -> Vec<i64> {
        let found: Vec<i64> = phonemes.trim().chars().filter_map(|symbol| self.ids.get(&symbol).copied()).collect();
        self.dress(&found)
    }

    fn dress(&self, ids: &[i64]) -> Vec<i64> {
        if ids.is_empty() { Vec::new() } else { self.facts.dress(ids, self.blank, self.facts.blank) }
    }

    /// Lower case by the voice's language: in Turkish and Azerbaijani `I` is the capital of `ı`.
    fn lower(&self, letter: char) -> impl Iterator<Item = char> {
        let turkic = matches!(self.facts.language.as_str(), "tur" | "tr" | "turkish" | "azj" | "azb" | "aze" | "az");
        let replaced = match letter {
            'I' if turkic => Some('ı'),
            'İ' if turkic => Some('i'),
            _ => None,
        };
        let rest = if replaced.is_some() { None } else { Some(letter.to_lowercase()) };
        replaced.into_iter().chain(rest.into_iter().flatten())
    }

    /// Whether it knows the script of a text: false when the text has letters and the voice has none of them.
    #[must_use]
    pub fn reads(&self, text: &str) -> bool {
        let known = |letter: char| self.ids.contains_key(&letter) || self.lower(letter).any(|lower| self.ids.contains_key(&lower));
        let mut letters = text.nfc().filter(|c| c.is_alphabetic()).peekable();
        letters.peek().is_none() || letters.any(known)
    }

    /// Its language as the graph says it (`deu`); empty when it does not.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.facts.language
    }

    /// The highest id that the table can give.
    #[must_use]
    pub fn highest_id(&self) -> i64 {
        let ends = self.facts.ends.map_or(0, |(start, end)| start.max(end));
        let blank = if self.blank { self.facts.blank } else { 0 };
        self.ids.values().copied().max().unwrap_or(0).max(ends).max(blank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn letters_become_ids_with_blanks_between() {
        let table = CharTable::parse("_ 0\na 1\nb 2\n  3\né 4\n", &BTreeMap::new()).unwrap();
        assert_eq!(table.ids_of("Ab e\u{301}!"), [0, 1, 0, 2, 0, 3, 0, 4, 0]);
        assert!(table.ids_of("!?").is_empty());
        let plain = CharTable::parse("a 1\n", &metadata(&[("add_blank", "0"), ("sample_rate", "22050")])).unwrap();
        assert_eq!((plain.ids_of("aa"), plain.sample_rate), (vec![1, 1], 22_050));
    }

    #[test]
    fn the_graph_says_which_symbol_is_blank_and_what_stands_at_the_ends() {
        let facts = metadata(&[("blank_id", "5"), ("use_eos_bos", "1"), ("bos_id", "6"), ("eos_id", "7"), ("n_speakers", "3")]);
        let table = CharTable::parse("<PAD> 8\na 1\n", &facts).unwrap();
        assert_eq!((table.ids_of("a"), table.speakers, table.highest_id()), (vec![6, 5, 1, 5, 7], 3, 7));
    }

    #[test]
    fn capitals_are_written_small_as_the_language_does_it() {
        let turkish = CharTable::parse("ı 1\ni 2\n", &metadata(&[("language", "tur"), ("add_blank", "0")])).unwrap();
        assert_eq!(turkish.ids_of("Iİıi"), [1, 2, 1, 2]);
        let english = CharTable::parse("ı 1\ni 2\n", &metadata(&[("language", "eng"), ("add_blank", "0")])).unwrap();
        assert_eq!(english.ids_of("I"), [2]);
        assert_eq!(english.language(), "eng");
    }

    #[test]
    fn a_script_that_the_voice_does_not_read_is_noticed() {
        let table = CharTable::parse("a 1\nb 2\n", &BTreeMap::new()).unwrap();
        assert!(table.reads("Ab") && table.reads("123 !") && table.reads("") && table.reads("مرحبا a"));
        assert!(!table.reads("مرحبا") && !table.reads("xyz"));
    }

    #[test]
    fn wrong_tables_are_refused() {
        for text in ["", "a\n", "a x\n", "a -1\n", "zh 5\n", "a 99999999999999999999\n", "<unk> 3\n"] {
            assert!(CharTable::parse(text, &BTreeMap::new()).is_err(), "{text:?}");
        }
        let piper = CharTable::parse("a 1\n", &metadata(&[("comment", "piper")])).unwrap_err();
        assert!(piper.contains("phonemes"), "{piper}");
        assert!(CharTable::parse("a 1\n", &metadata(&[("sample_rate", "1")])).is_err());
    }
}
