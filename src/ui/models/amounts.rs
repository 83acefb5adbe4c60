//! Sizes, speeds and times as people say them, and languages by their own names.

use crate::ui::i18n::Texts;

/// `640 KB`, `98 MB`, `1.2 GB`: decimal, as shops and downloads count.
#[must_use]
pub fn size(bytes: u64) -> String {
    let mb = bytes as f64 / 1e6;
    match mb {
        // What would be rounded to 1000 MB is 1.0 GB.
        999.5.. => format!("{:.1} GB", mb / 1000.0),
        0.95.. => format!("{mb:.0} MB"),
        _ => format!("{:.0} KB", (mb * 1000.0).ceil()),
    }
}

/// `3.2 MB/s`.
#[must_use]
pub fn speed(per_second: f64) -> String {
    if per_second < 1e6 { format!("{:.0} KB/s", per_second / 1e3) } else { format!("{:.1} MB/s", per_second / 1e6) }
}

/// Seconds, minutes or hours, whichever is one or two digits.
#[must_use]
pub fn span(texts: &Texts, seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.clamp(0.0, 3.6e8) } else { 0.0 };
    if seconds < 90.0 {
        texts.f("amount.seconds", seconds.ceil())
    } else if seconds < 5400.0 {
        texts.f("amount.minutes", (seconds / 60.0).ceil())
    } else {
        texts.f("amount.hours", (seconds / 3600.0).ceil())
    }
}

/// 0 to 1; `None`: the whole is not known.
#[must_use]
pub fn share(done: u64, total: Option<u64>) -> Option<f32> {
    let total = total.filter(|total| *total > 0)?;
    Some((done as f64 / total as f64).clamp(0.0, 1.0) as f32)
}

/// Languages with their own names, most spoken first. The second name is for systems without a font for the first.
const LANGUAGES: [(&str, &str, &str); 26] = [
    ("en", "English", "English"),
    ("zh", "中文", "Chinese"),
    ("de", "Deutsch", "German"),
    ("es", "Español", "Spanish"),
    ("fr", "Français", "French"),
    ("it", "Italiano", "Italian"),
    ("nl", "Nederlands", "Dutch"),
    ("pl", "Polski", "Polish"),
    ("pt", "Português", "Portuguese"),
    ("ru", "Русский", "Russian"),
    ("tr", "Türkçe", "Turkish"),
    ("uk", "Українська", "Ukrainian"),
    ("ar", "Arabic", "Arabic"),
    ("ca", "Català", "Catalan"),
    ("cs", "Čeština", "Czech"),
    ("da", "Dansk", "Danish"),
    ("el", "Ελληνικά", "Greek"),
    ("fi", "Suomi", "Finnish"),
    ("hi", "Hindi", "Hindi"),
    ("hu", "Magyar", "Hungarian"),
    ("ja", "日本語", "Japanese"),
    ("ko", "한국어", "Korean"),
    ("no", "Norsk", "Norwegian"),
    ("ro", "Română", "Romanian"),
    ("sv", "Svenska", "Swedish"),
    ("vi", "Tiếng Việt", "Vietnamese"),
];

/// The codes of the languages that can be chosen one by one on the first page.
pub fn common() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().take(12).map(|(code, ..)| *code)
}

/// A language's own name; `east`: the system has a font for Chinese. A code that is not known here stays a code.
#[must_use]
pub fn language(code: &str, east: bool) -> &str {
    let Some((_, own, plain)) = LANGUAGES.iter().find(|(known, ..)| *known == code) else { return code };
    if east || !matches!(code, "zh" | "ja" | "ko") { own } else { plain }
}

/// The languages of a model in one line; the first few when there are many.
#[must_use]
pub fn languages(texts: &Texts, codes: &[String], east: bool) -> String {
    if codes.iter().any(|code| code == "*") {
        return texts.t("amount.many_languages").to_owned();
    }
    let mut names: Vec<&str> = codes.iter().take(3).map(|code| language(code, east)).collect();
    if codes.len() > names.len() {
        names.push("…");
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::UiLanguage;

    #[test]
    fn amounts_are_short_and_never_strange() {
        for (bytes, text) in
            [(0, "0 KB"), (1, "1 KB"), (640_000, "640 KB"), (98_400_000, "98 MB"), (999_600_000, "1.0 GB"), (5_030_000_000, "5.0 GB")]
        {
            assert_eq!(size(bytes), text);
        }
        let texts = Texts::of(UiLanguage::English, "");
        for (seconds, text) in [(4.2, "5 s"), (89.0, "89 s"), (100.0, "2 min"), (7200.0, "2 h"), (f64::NAN, "0 s"), (f64::INFINITY, "0 s")]
        {
            assert_eq!(span(texts, seconds), text);
        }
        assert_eq!((share(5, None), share(5, Some(0)), share(9, Some(3)), share(1, Some(4))), (None, None, Some(1.0), Some(0.25)));
        assert_eq!(speed(12.44e6), "12.4 MB/s");
    }

    #[test]
    fn languages_have_names_and_unknown_codes_stay() {
        let texts = Texts::of(UiLanguage::English, "");
        let codes = |list: &[&str]| list.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        assert_eq!(languages(texts, &codes(&["en", "zh"]), true), "English, 中文");
        assert_eq!(languages(texts, &codes(&["en", "zh"]), false), "English, Chinese");
        assert_eq!(languages(texts, &codes(&["xx", "en", "de", "fr"]), false), "xx, English, Deutsch, …");
        assert_eq!(languages(texts, &codes(&["*"]), false), "about 100 languages");
    }
}
