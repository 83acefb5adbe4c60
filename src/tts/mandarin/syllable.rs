//! Syllables in pinyin, and the symbols that voices of Mandarin have for them: initial, and final with tone.

/// A syllable as it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syllable {
    /// Its character.
    pub(super) han: char,
    /// Pinyin without tone (`zhong`, `nv`).
    pub(super) base: &'static str,
    /// 1 to 4, and 5 for the neutral one.
    pub(super) tone: u8,
    /// It ends with the tongue turned up: 点儿 is `dianr3`.
    pub(super) curled: bool,
}

/// Initials of pinyin, the longer ones first.
pub(super) const INITIALS: [&str; 21] =
    ["zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s"];
/// What stands where a syllable has no initial.
pub(super) const NO_INITIAL: &str = "^";
/// Finals: `ii` as in `zi`, `iii` as in `zhi`, `v` for ü.
pub(super) const FINALS: [&str; 38] = [
    "a", "ai", "an", "ang", "ao", "e", "ei", "en", "eng", "er", "i", "ia", "ian", "iang", "iao", "ie", "ii", "iii", "in", "ing", "iong",
    "iou", "o", "ong", "ou", "u", "ua", "uai", "uan", "uang", "uei", "uen", "ueng", "uo", "v", "van", "ve", "vn",
];

impl Syllable {
    /// Reads `zhong1`; `None` when it is no syllable.
    pub(super) fn parse(han: char, pinyin: &'static str) -> Option<Self> {
        let tone = pinyin.bytes().last().filter(u8::is_ascii_digit).map_or(5, |digit| digit - b'0');
        let base = pinyin.trim_end_matches(|c: char| c.is_ascii_digit());
        let syllable = Syllable { han, base, tone, curled: false };
        (matches!(tone, 1..=5) && syllable.parts().is_some()).then_some(syllable)
    }

    /// Initial and final.
    pub(super) fn parts(&self) -> Option<(&'static str, &'static str)> {
        // What has no vowel: 嗯 and its kin.
        let base = if matches!(self.base, "n" | "ng" | "m" | "hm" | "hng") { "en" } else { self.base };
        let initial = INITIALS.into_iter().find(|initial| base.starts_with(initial)).unwrap_or("");
        let rest = base.get(initial.len()..)?;
        let written = match (initial, rest) {
            ("z" | "c" | "s", "i") => "ii",
            ("zh" | "ch" | "sh" | "r", "i") => "iii",
            ("j" | "q" | "x", "u") => "v",
            ("j" | "q" | "x", "uan") => "van",
            ("j" | "q" | "x", "ue") | ("n" | "l", "ue") => "ve",
            ("j" | "q" | "x", "un") => "vn",
            ("", "yi") => "i",
            ("", "yu") => "v",
            ("", "yuan") => "van",
            ("", "yue") => "ve",
            ("", "yun") => "vn",
            ("", "yin") => "in",
            ("", "ying") => "ing",
            ("", "yong") => "iong",
            ("", "you" | "yo") => "iou",
            ("", "ya") => "ia",
            ("", "yan") => "ian",
            ("", "yang") => "iang",
            ("", "yao") => "iao",
            ("", "ye") => "ie",
            ("", "wu") => "u",
            ("", "wa") => "ua",
            ("", "wai") => "uai",
            ("", "wan") => "uan",
            ("", "wang") => "uang",
            ("", "wei") => "uei",
            ("", "wen") => "uen",
            ("", "weng") => "ueng",
            ("", "wo") => "uo",
            (_, "iu") => "iou",
            (_, "ui") => "uei",
            ("", "un") => return None,
            (_, "un") => "uen",
            (_, "ü") => "v",
            (_, "üe") => "ve",
            (_, "ê") => "ei",
            (_, rest) => rest,
        };
        let found = FINALS.into_iter().find(|known| *known == written)?;
        Some((if initial.is_empty() { NO_INITIAL } else { initial }, found))
    }
}

impl std::fmt::Display for Syllable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}{}", self.base.replace('ü', "v"), if self.curled { "r" } else { "" }, self.tone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_becomes_initial_and_final() {
        for (pinyin, initial, last) in [
            ("zhong1", "zh", "ong"),
            ("zi5", "z", "ii"),
            ("shi4", "sh", "iii"),
            ("ji1", "j", "i"),
            ("yuan2", "^", "van"),
            ("xue2", "x", "ve"),
            ("lve4", "l", "ve"),
            ("lüe4", "l", "ve"),
            ("nv3", "n", "v"),
            ("liu2", "l", "iou"),
            ("gui4", "g", "uei"),
            ("lun2", "l", "uen"),
            ("wen4", "^", "uen"),
            ("er2", "^", "er"),
            ("a5", "^", "a"),
            ("n4", "^", "en"),
            ("yong4", "^", "iong"),
        ] {
            assert_eq!(Syllable::parse('字', pinyin).unwrap().parts(), Some((initial, last)), "{pinyin}");
        }
        for wrong in ["", "5", "zhx1", "hello1", "zhong7", "un3"] {
            assert_eq!(Syllable::parse('字', wrong), None, "{wrong}");
        }
    }
}
