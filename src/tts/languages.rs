//! Names of languages: those that voices give themselves, the codes of the settings, and espeak-ng's.

use crate::speech::is_han;
use std::borrow::Cow;

/// ISO 639-1 code, espeak-ng's voice of it, and other names that voices give it: ISO 639-2 and 639-3, the name in English.
/// Only languages that espeak-ng 1.51 speaks.
const LANGUAGES: &[(&str, &str, &[&str])] = &[
    ("en", "en-us", &["eng", "english"]),
    ("zh", "cmn", &["cmn", "zho", "chi", "chinese", "mandarin"]),
    ("yue", "yue", &["cantonese"]),
    ("de", "de", &["deu", "ger", "german"]),
    ("fr", "fr-fr", &["fra", "fre", "french"]),
    ("es", "es", &["spa", "spanish"]),
    ("it", "it", &["ita", "italian"]),
    ("pt", "pt", &["por", "portuguese"]),
    ("ru", "ru", &["rus", "russian"]),
    ("ja", "ja", &["jpn", "japanese"]),
    ("ko", "ko", &["kor", "korean"]),
    ("nl", "nl", &["nld", "dut", "dutch"]),
    ("pl", "pl", &["pol", "polish"]),
    ("uk", "uk", &["ukr", "ukrainian"]),
    ("cs", "cs", &["ces", "cze", "czech"]),
    ("sk", "sk", &["slk", "slo", "slovak"]),
    ("sl", "sl", &["slv", "slovenian"]),
    ("hr", "hr", &["hrv", "croatian"]),
    ("sr", "sr", &["srp", "serbian"]),
    ("bs", "bs", &["bos", "bosnian"]),
    ("mk", "mk", &["mkd", "mac", "macedonian"]),
    ("bg", "bg", &["bul", "bulgarian"]),
    ("ro", "ro", &["ron", "rum", "romanian"]),
    ("hu", "hu", &["hun", "hungarian"]),
    ("el", "el", &["ell", "gre", "greek"]),
    ("sv", "sv", &["swe", "swedish"]),
    ("no", "nb", &["nb", "nn", "nor", "nob", "norwegian"]),
    ("da", "da", &["dan", "danish"]),
    ("is", "is", &["isl", "ice", "icelandic"]),
    ("fi", "fi", &["fin", "finnish"]),
    ("et", "et", &["est", "estonian"]),
    ("lv", "lv", &["lav", "latvian"]),
    ("lt", "lt", &["lit", "lithuanian"]),
    ("tr", "tr", &["tur", "turkish"]),
    ("az", "az", &["aze", "azj", "azerbaijani"]),
    ("kk", "kk", &["kaz", "kazakh"]),
    ("ar", "ar", &["ara", "arb", "arabic"]),
    ("fa", "fa", &["fas", "per", "pes", "persian"]),
    ("ur", "ur", &["urd", "urdu"]),
    ("hi", "hi", &["hin", "hindi"]),
    ("bn", "bn", &["ben", "bengali"]),
    ("gu", "gu", &["guj", "gujarati"]),
    ("kn", "kn", &["kan", "kannada"]),
    ("ml", "ml", &["mal", "malayalam"]),
    ("mr", "mr", &["mar", "marathi"]),
    ("ne", "ne", &["nep", "npi", "nepali"]),
    ("pa", "pa", &["pan", "punjabi"]),
    ("si", "si", &["sin", "sinhala"]),
    ("ta", "ta", &["tam", "tamil"]),
    ("te", "te", &["tel", "telugu"]),
    ("vi", "vi", &["vie", "vietnamese"]),
    ("id", "id", &["ind", "indonesian"]),
    ("ms", "ms", &["msa", "may", "zlm", "malay"]),
    ("my", "my", &["mya", "bur", "burmese"]),
    ("ka", "ka", &["kat", "geo", "georgian"]),
    ("hy", "hy", &["hye", "arm", "armenian"]),
    ("sq", "sq", &["sqi", "alb", "albanian"]),
    ("ca", "ca", &["cat", "catalan"]),
    ("eu", "eu", &["eus", "baq", "basque"]),
    ("cy", "cy", &["cym", "wel", "welsh"]),
    ("ga", "ga", &["gle", "irish"]),
    ("sw", "sw", &["swa", "swh", "swahili"]),
    ("am", "am", &["amh", "amharic"]),
    ("af", "af", &["afr", "afrikaans"]),
    ("la", "la", &["lat", "latin"]),
    ("eo", "eo", &["epo", "esperanto"]),
];

/// The code of a language as the settings have it (`en`): of `en_US`, `en-us`, `eng`, `English`, `cmn`. A code that is not in the
/// table is its own; `None`: the text names no language.
#[must_use]
pub fn code_of(name: &str) -> Option<String> {
    let main = name.trim().split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    if let Some((code, ..)) = LANGUAGES.iter().find(|(code, _, others)| *code == main || others.contains(&main.as_str())) {
        return Some((*code).to_owned());
    }
    (matches!(main.len(), 2 | 3) && main.bytes().all(|b| b.is_ascii_lowercase())).then_some(main)
}

/// espeak-ng's voice of a language.
#[must_use]
pub fn espeak_voice(language: &str) -> Option<&'static str> {
    let code = code_of(language)?;
    LANGUAGES.iter().find(|(known, ..)| *known == code).map(|(_, voice, _)| *voice)
}

/// What espeak-ng's voice would spell (`Chinese letter`) and not read: characters of East Asia in another language's text.
fn is_spelled(c: char, espeak: &str) -> bool {
    let language = code_of(espeak).unwrap_or_default();
    match c {
        '\u{3040}'..='\u{30FF}' => language != "ja",
        '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7AF}' => language != "ko",
        // Japanese is written with some of these characters too.
        c if is_han(c) => !matches!(language.as_str(), "zh" | "yue" | "hak" | "ja"),
        _ => false,
    }
}

/// What espeak-ng's voice reads of a text: all of it, or without a few words of another script. `None` when these are as many as
/// the words that it reads: little would be left of it.
pub(super) fn readable<'t>(text: &'t str, espeak: &str) -> Option<Cow<'t, str>> {
    let spelled = text.chars().filter(|c| is_spelled(*c, espeak)).count();
    if spelled == 0 {
        return Some(text.into());
    }
    let (mut words, mut inside) = (0, false);
    for c in text.chars() {
        let letter = c.is_alphabetic() && !is_spelled(c, espeak);
        // Chinese is written without blanks between words.
        words += usize::from(letter && (!inside || is_han(c)));
        inside = letter;
    }
    (spelled < words).then(|| text.chars().map(|c| if is_spelled(c, espeak) { ' ' } else { c }).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_one_code_whatever_it_is_called() {
        for (name, code) in [
            ("en_US", Some("en")),
            ("en-gb", Some("en")),
            ("English", Some("en")),
            ("cmn", Some("zh")),
            ("zh_CN", Some("zh")),
            ("Chinese", Some("zh")),
            ("deu", Some("de")),
            ("nb", Some("no")),
            ("hau", Some("hau")),
            ("", None),
            ("klingonese", None),
        ] {
            assert_eq!(code_of(name).as_deref(), code, "{name}");
        }
    }

    #[test]
    fn espeak_speaks_the_languages_of_the_table() {
        let spoken = crate::tts::espeak::languages();
        let missing = LANGUAGES.iter().filter(|(_, voice, _)| !spoken.iter().any(|name| name == voice)).map(|(code, ..)| *code);
        // An older or smaller library lacks some of the others.
        let (core, others): (Vec<_>, Vec<_>) = missing.partition(|code| ["en", "zh", "de", "fr", "es", "it", "pt", "ru"].contains(code));
        assert!(core.is_empty(), "{core:?} of {spoken:?}");
        if !others.is_empty() {
            println!("skipped: this espeak-ng does not speak {others:?}; 1.51 does");
        }
        assert_eq!((espeak_voice("fr"), espeak_voice("no"), espeak_voice("ha")), (Some("fr-fr"), Some("nb"), None));
    }

    #[test]
    fn a_voice_does_not_spell_the_letters_of_another_script() {
        for (text, espeak, said) in [
            ("Hello there.", "en-us", Some("Hello there.")),
            ("你好，今天天气很好。", "en-us", None),
            ("你好，今天天气很好。", "cmn", Some("你好，今天天气很好。")),
            ("我用 Python 写。", "de", None),
            ("The city of 北京 is a very large one.", "en-us", Some("The city of    is a very large one.")),
            ("東京です", "ja", Some("東京です")),
            ("ありがとう", "en-us", None),
            ("안녕하세요", "cmn", None),
            ("안녕하세요", "ko", Some("안녕하세요")),
        ] {
            assert_eq!(readable(text, espeak).as_deref(), said, "{text} by {espeak}");
        }
    }
}
