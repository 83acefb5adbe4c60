//! Latin letters in Chinese text, by their Chinese names.

use super::readings::Word;
use super::syllable::Syllable;

/// The names of the letters, as near as syllables of Mandarin come.
const NAMES: [&str; 26] = [
    "ei1",
    "bi4",
    "xi1",
    "di4",
    "yi4",
    "ai2 fu5",
    "ji4",
    "ei1 chi5",
    "ai4",
    "zhei4",
    "kei4",
    "ai2 lou5",
    "ai2 mu5",
    "en1",
    "ou1",
    "pi1",
    "kiu1",
    "a4 er5",
    "ai2 si5",
    "ti4",
    "you1",
    "wei1",
    "da2 bu5 liu5",
    "ai2 ke5 si5",
    "wai4",
    "zei4",
];

/// Letters that have a name.
pub(super) fn is_spelled(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, 'Ａ'..='Ｚ' | 'ａ'..='ｚ')
}

/// A word for each letter.
pub(super) fn spell(run: &str) -> impl Iterator<Item = Word> + '_ {
    run.chars().filter_map(|c| {
        let plain = if c.is_ascii() { c } else { char::from_u32(u32::from(c) - 0xfee0)? };
        let name = NAMES.get(usize::from(u8::try_from(plain.to_ascii_lowercase()).ok()?.checked_sub(b'a')?))?;
        let syllables: Vec<Syllable> = name.split(' ').filter_map(|pinyin| Syllable::parse(plain, pinyin)).collect();
        Some(Word { feet: vec![1; syllables.len()], syllables })
    })
}
