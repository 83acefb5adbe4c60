//! The words of the window: keys to strings, one TOML file per language in `assets/locales`.

use super::sentences::Sentences;
use crate::config::settings::UiLanguage;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::read("en", include_str!("../../assets/locales/en.toml"), None));
static CHINESE: LazyLock<Texts> = LazyLock::new(|| {
    let sentences = Sentences::read(include_str!("../../assets/locales/zh-CN.sentences.toml"));
    Texts::read("zh-CN", include_str!("../../assets/locales/zh-CN.toml"), Some(sentences))
});

/// All strings of one language.
#[derive(Debug)]
pub struct Texts {
    /// BCP 47 tag.
    pub language: &'static str,
    strings: HashMap<String, String>,
    /// What the core says in English; `None`: so does the window.
    sentences: Option<Sentences>,
}

impl Texts {
    /// The strings of the chosen language; `system` is the system's locale (`zh_CN.UTF-8`, `de-DE`).
    #[must_use]
    pub fn of(choice: UiLanguage, system: &str) -> &'static Texts {
        match choice {
            UiLanguage::English => &ENGLISH,
            UiLanguage::Chinese => &CHINESE,
            UiLanguage::System if system.to_ascii_lowercase().starts_with("zh") => &CHINESE,
            UiLanguage::System => &ENGLISH,
        }
    }

    fn read(language: &'static str, source: &str, sentences: Option<Sentences>) -> Texts {
        // The files are part of the program and a test reads them; a broken one would show keys instead of words.
        Texts { language, strings: toml::from_str(source).unwrap_or_default(), sentences }
    }

    /// The string of a key; the key itself when there is none.
    #[must_use]
    pub fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.strings.get(key).map_or(key, String::as_str)
    }

    /// The string of a key with its one `{}` filled in.
    #[must_use]
    pub fn f(&self, key: &str, value: impl std::fmt::Display) -> String {
        self.t(key).replacen("{}", &value.to_string(), 1)
    }

    /// What the core says (the sentences of an error, a notice, a reason), in this language as far as it is known.
    #[must_use]
    pub fn said<'a>(&self, english: &'a str) -> Cow<'a, str> {
        self.sentences.as_ref().map_or(Cow::Borrowed(english), |sentences| sentences.said(english))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(texts: &Texts) -> BTreeSet<&str> {
        texts.strings.keys().map(String::as_str).collect()
    }

    /// Every `.t("…")`, `.f("…"` and `.choice(ui, "…"` in the sources of the window.
    fn used() -> BTreeSet<String> {
        let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ui")];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true if path.ends_with("tests") => {}
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        let mut found = BTreeSet::new();
        for path in files {
            let source = std::fs::read_to_string(path).unwrap();
            for call in [".t(\"", ".f(\"", ".choice(ui, \""] {
                for rest in source.split(call).skip(1) {
                    found.extend(rest.split('"').next().filter(|key| key.contains('.') && !key.contains(' ')).map(str::to_owned));
                }
            }
        }
        found
    }

    #[test]
    fn both_languages_have_the_same_keys_and_every_key_is_used() {
        assert!(ENGLISH.strings.len() > 50, "the English file could not be read");
        assert_eq!(keys(&ENGLISH), keys(&CHINESE));
        let used = used();
        let used: BTreeSet<&str> = used.iter().map(String::as_str).collect();
        assert_eq!(used.difference(&keys(&ENGLISH)).collect::<Vec<_>>(), Vec::<&&str>::new(), "used and not there");
        assert_eq!(keys(&ENGLISH).difference(&used).collect::<Vec<_>>(), Vec::<&&str>::new(), "there and not used");
    }

    #[test]
    fn both_languages_fill_in_the_same_places_and_none_shouts() {
        for (key, english) in &ENGLISH.strings {
            let chinese = CHINESE.t(key);
            assert_eq!(english.matches("{}").count(), chinese.matches("{}").count(), "{key}");
            assert!(!english.contains('!') && !chinese.contains('！'), "{key}");
            assert!(!english.trim().is_empty() && !chinese.trim().is_empty(), "{key}");
        }
    }

    #[test]
    fn the_systems_language_decides_when_nothing_was_chosen() {
        assert_eq!(Texts::of(UiLanguage::System, "zh_CN.UTF-8").language, "zh-CN");
        assert_eq!(Texts::of(UiLanguage::System, "de-DE").language, "en");
        assert_eq!(Texts::of(UiLanguage::Chinese, "").language, "zh-CN");
        assert_eq!(ENGLISH.f("talk.listening_seconds", 3), "Listening… 3 s");
    }
}
