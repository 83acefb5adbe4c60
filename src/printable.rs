//! Text of others (files, names, models, the network, a chat model), as a person may be shown it.
//!
//! A terminal obeys control characters: they move the cursor, colour lines, rename the window, fill the clipboard. Direction
//! overrides and isolates reorder what is read on a terminal and in the window (`exe.cod` for `doc.exe`), and invisible
//! characters make two names look alike or carry text that nobody sees. All that is shown passes [`printable`]; machines that read
//! JSON get the same text with those characters as escapes ([`json`]).

use std::borrow::Cow;
use std::fmt::{self, Write};

/// Whether a character steers what shows it, or is not seen at all. Line breaks and tabs are neither; U+200C and U+200D belong to the
/// spelling of Persian, the scripts of India and emoji, and variation selectors to that of emoji and Han characters.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => false,
        // Soft hyphen, marks and fillers without a shape.
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}' | '\u{3164}' | '\u{FFA0}' => true,
        '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' => true,
        // Annotations, musical and shorthand format controls, tags.
        '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' => true,
        '\u{E0000}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}' => true,
        // Those of 0x00 to 0x1F, DEL and 0x80 to 0x9F.
        c => c.is_control(),
    }
}

/// `text` without hidden characters ([`is_hidden`]); line and paragraph separators become line breaks. Each character is looked at by
/// itself, so pieces of a text may be made printable one by one.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(
        text.chars()
            .filter_map(|c| match c {
                '\u{2028}' | '\u{2029}' => Some('\n'),
                c => (!is_hidden(c)).then_some(c),
            })
            .collect(),
    )
}

/// [`printable`] on one line, for names: a line break in a name could fake a line of ours.
#[must_use]
pub fn one_line(text: &impl fmt::Display) -> String {
    printable(&text.to_string()).replace(['\n', '\t'], " ")
}

/// JSON for a terminal as well as for a program: the same value, with hidden characters (they stand in strings only) as `\u` escapes.
#[must_use]
pub fn json(value: &impl fmt::Display) -> String {
    let raw = value.to_string();
    let mut out = String::with_capacity(raw.len());
    for c in raw.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRICKS: &str = "\u{1b}\u{7}\u{8}\r\0\u{7f}\u{80}\u{9b}\u{9f}\u{202a}\u{202e}\u{2066}\u{2069}\u{200b}\u{200e}\u{200f}\u{feff}\u{e0000}\u{e0041}\u{e007f}\u{ad}";

    #[test]
    fn what_steers_or_hides_is_not_shown() {
        for trick in TRICKS.chars() {
            assert_eq!(printable(&format!("a{trick}b")), "ab", "{trick:?}");
        }
        assert_eq!(printable("a\u{2028}b\u{2029}c"), "a\nb\nc");
        assert_eq!(one_line(&"a\n\tb\u{2028}c"), "a  b c");
    }

    #[test]
    fn what_people_write_stays_as_it_is_and_costs_no_copy() {
        let samples = ["a\tb\n", "می‌خواهم", "क्‍ष", "👨‍👩‍👧 ❤️", "葛\u{e0100}", "שלום", "é ñ 你好 ｡"];
        for text in samples {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn a_program_reads_the_true_text_and_a_terminal_gets_none_of_it() {
        let value = serde_json::json!({ "name": format!("{TRICKS}\u{2028}\"你") });
        for text in [json(&value), json(&format_args!("{value:#}"))] {
            assert!(!text.chars().any(is_hidden), "{text:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }
}
