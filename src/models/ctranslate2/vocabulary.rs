//! The words beside a model: a list (`vocabulary.json`), lines (`vocabulary.txt`), or a tokenizer with numbers
//! (`tokenizer.json`). A word is written in the alphabet of GPT-2, in which each byte is a printable character.

use super::super::check::ggml::{CheckError, LONGEST_WORD};
use super::super::check::ggml_file::refuse;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A tokenizer has 4 MB.
const LARGEST: u64 = 32 << 20;
/// Words before the special ones, which whisper.cpp adds by itself.
const WORDS: usize = 50_257;
/// More numbers than any whisper model has.
const MOST_TOKENS: usize = 51_866;
/// Vocabulary of the models that know English only.
const ENGLISH: usize = 51_864;
const END_OF_TEXT: &str = "<|endoftext|>";

/// The tokens of a vocabulary by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The file that they come from.
    name: &'static str,
    all: Vec<String>,
    /// All of them: a tokenizer may leave out the last special ones.
    complete: bool,
}

#[derive(Deserialize)]
struct Tokenizer {
    model: Model,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Added {
    id: usize,
    content: String,
}

/// Reads the vocabulary that lies beside a model.
///
/// # Errors
/// When there is none, or it cannot be understood.
pub fn beside(model: &Path) -> Result<Tokens, CheckError> {
    for name in ["vocabulary.json", "vocabulary.txt", "tokenizer.json"] {
        let path = model.with_file_name(name);
        // Opening a named pipe would wait for its writer.
        let Some(meta) = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file) else { continue };
        let mut text = Vec::new();
        let read = if meta.len() > LARGEST { Ok(0) } else { File::open(&path).and_then(|file| file.take(LARGEST).read_to_end(&mut text)) };
        read.or_else(|error| refuse(format!("its {name} could not be read ({})", crate::error::reason(&error))))?;
        return Tokens::parse(name, &text);
    }
    refuse("its vocabulary.json is missing (vocabulary.txt or tokenizer.json would do)")
}

impl Tokens {
    /// Understands the text of a file of this name.
    ///
    /// # Errors
    /// When it is not what its name says.
    pub fn parse(name: &'static str, text: &[u8]) -> Result<Tokens, CheckError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let all = match name {
            "vocabulary.json" => serde_json::from_slice::<Vec<String>>(text).ok(),
            "vocabulary.txt" => std::str::from_utf8(text).ok().map(|text| text.lines().map(str::to_owned).collect()),
            _ => serde_json::from_slice::<Tokenizer>(text).ok().and_then(Tokenizer::in_order),
        };
        match all {
            Some(all) => Ok(Tokens { name, all, complete: name != "tokenizer.json" }),
            None => refuse(format!("its {name} holds no vocabulary")),
        }
    }

    /// The words as ggml holds them, for a model of so many tokens.
    pub(super) fn words(&self, n_vocab: u64) -> Result<Vec<Vec<u8>>, CheckError> {
        let Tokens { name, all, complete } = self;
        let (has, needs) = (all.len(), usize::try_from(n_vocab).unwrap_or(0));
        if *complete && has != needs || has > needs || has < WORDS {
            return refuse(format!("its {name} has {has} tokens, and the model {needs}"));
        }
        let end_of_text = if needs == ENGLISH { WORDS - 1 } else { WORDS };
        if all.get(end_of_text).is_some_and(|token| token != END_OF_TEXT) {
            return refuse(format!("its {name} is not that of a whisper model ({END_OF_TEXT} is not token {end_of_text})"));
        }
        let alphabet = alphabet();
        let word = |(number, token): (usize, &String)| {
            let bytes: Option<Vec<u8>> = token.chars().map(|letter| alphabet.get(&letter).copied()).collect();
            match bytes.filter(|bytes| bytes.len() as u64 <= LONGEST_WORD) {
                Some(bytes) => Ok(bytes),
                None => refuse(format!("its {name} is broken at token {number}")),
            }
        };
        let words = all.iter().take(WORDS).enumerate().map(word).collect::<Result<Vec<_>, _>>()?;
        // whisper.cpp looks the blank up by name and ends the process when there is none.
        if words.iter().any(|word| word == b" ") { Ok(words) } else { refuse(format!("its {name} is broken (it has no blank)")) }
    }
}

impl Tokenizer {
    /// Each number once, from 0 on.
    fn in_order(self) -> Option<Vec<String>> {
        let added = self.added_tokens.into_iter().map(|added| (added.id, added.content));
        let mut by_number: BTreeMap<usize, String> = BTreeMap::new();
        for (number, token) in self.model.vocab.into_iter().map(|(token, number)| (number, token)).chain(added) {
            if number >= MOST_TOKENS || by_number.insert(number, token.clone()).is_some_and(|before| before != token) {
                return None;
            }
        }
        let whole = by_number.keys().copied().eq(0..by_number.len());
        whole.then(|| by_number.into_values().collect())
    }
}

/// GPT-2's alphabet: printable bytes of Latin-1 are themselves, the others are the characters from U+0100 on.
fn alphabet() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let (own, others): (Vec<u8>, Vec<u8>) = (0..=255_u8).partition(printable);
    let own = own.into_iter().map(|byte| (char::from(byte), byte));
    own.chain(('\u{100}'..).zip(others)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_letter_of_its_own() {
        let alphabet = alphabet();
        assert_eq!(alphabet.len(), 256);
        let bytes = ['Ġ', 'Ċ', 'a', '場', 'å', 'ľ', 'º'].map(|letter| alphabet.get(&letter).copied());
        assert_eq!(bytes, [Some(b' '), Some(b'\n'), Some(b'a'), None, Some(0xe5), Some(0x9c), Some(0xba)]);
    }
}
