//! `tokens.txt`: a line per symbol, `symbol id`. The symbol may be a blank, and its line then often has the number alone.

use super::tables::{Limits, each_line};
use std::collections::HashMap;
use std::path::Path;

/// Real tables have 30 to 500 symbols, 5 KB.
const LIMITS: Limits = Limits { bytes: 4 << 20, lines: 200_000 };
/// Highest id: the sounds of a lexicon are kept in 16 bits.
const MAX_ID: u16 = u16::MAX;
/// Longest symbol, bytes.
const MAX_SYMBOL: usize = 64;

/// The symbols of a voice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    ids: HashMap<Box<str>, u16>,
}

impl Tokens {
    /// Reads a table.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let mut tokens = Tokens::default();
        each_line(path, LIMITS, |line| tokens.line(line))?;
        tokens.finish(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy())
    }

    /// Reads the text of a table.
    ///
    /// # Errors
    /// As [`Tokens::read`].
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = Tokens::default();
        text.lines().filter(|line| !line.trim().is_empty()).try_for_each(|line| tokens.line(line))?;
        tokens.finish("tokens.txt")
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim_end();
        let (symbol, number) = line.rsplit_once([' ', '\t']).unwrap_or((" ", line));
        let id: u16 = match number.parse::<u64>() {
            Ok(id) => u16::try_from(id).map_err(|_| format!("the number {number:.20} is larger than {MAX_ID}"))?,
            Err(_) => return Err(format!("\"{line:.40}\" is not a symbol and its number")),
        };
        // The symbol of a blank may be one or, as an editor took one away, none.
        let symbol = if symbol.trim().is_empty() { " " } else { symbol.trim() };
        if symbol.len() > MAX_SYMBOL {
            return Err(format!("the symbol \"{symbol:.20}…\" is too long"));
        }
        self.ids.entry(symbol.into()).or_insert(id);
        Ok(())
    }

    fn finish(self, name: &str) -> Result<Self, String> {
        if self.ids.is_empty() { Err(format!("its {name:.80} is empty")) } else { Ok(self) }
    }

    /// The id of a symbol.
    #[must_use]
    pub fn get(&self, symbol: &str) -> Option<u16> {
        self.ids.get(symbol).copied()
    }

    /// All symbols, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u16)> {
        self.ids.iter().map(|(symbol, id)| (&**symbol, *id))
    }

    /// The highest id that the table can give.
    #[must_use]
    pub fn highest_id(&self) -> i64 {
        self.ids.values().copied().max().map_or(0, i64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_may_be_a_symbol_and_the_first_of_two_lines_counts() {
        let tokens = Tokens::parse("_ 0\n  16\nzh 17\na1\t18\n好 19\n_ 5\n").unwrap();
        let ids = ["_", " ", "zh", "a1", "好", "x"].map(|symbol| tokens.get(symbol));
        assert_eq!(ids, [Some(0), Some(16), Some(17), Some(18), Some(19), None]);
        assert_eq!(Tokens::parse("_ 0\n3\n").unwrap().get(" "), Some(3), "a number alone");
        assert_eq!(tokens.highest_id(), 19);
    }

    #[test]
    fn wrong_tables_are_refused_with_the_reason() {
        for (text, part) in
            [("", "empty"), ("a\n", "not a symbol"), ("a -1", "not a symbol"), ("a 70000", "larger than"), ("a 1 b", "not a")]
        {
            let reason = Tokens::parse(text).unwrap_err();
            assert!(reason.contains(part), "{text:?}: {reason}");
        }
        assert!(Tokens::parse(&format!("{} 1", "x".repeat(65))).is_err());
    }
}
