//! One setting by its name, `power.save_on_battery`, as a person writes it.

use super::limits;
use super::load::{every_key, shorten_floats};
use super::settings::Settings;
use toml::{Table, Value};

/// Every setting with its name; `None`: it says nothing, and the program chooses.
#[must_use]
pub fn entries(settings: &Settings) -> Vec<(String, Option<Value>)> {
    let table = |settings: &Settings| Table::try_from(settings).unwrap_or_default();
    let mut ours = table(settings);
    let mut all = Vec::new();
    for (section, keys) in &table(&every_key()) {
        let mut own = ours.remove(section);
        for key in keys.as_table().into_iter().flat_map(Table::keys) {
            let mut value = own.as_mut().and_then(Value::as_table_mut).and_then(|own| own.remove(key));
            value.iter_mut().for_each(shorten_floats);
            all.push((format!("{section}.{key}"), value));
        }
    }
    all
}

/// The settings with this one changed. `text` is a value as in TOML; quotation marks around a text and brackets around a list
/// may be left out.
///
/// # Errors
/// Why not, as a sentence without a full stop.
pub fn set(settings: &Settings, name: &str, text: &str) -> Result<Settings, String> {
    let known = known(settings, name)?;
    let text = &if is_path(name, text) { absolute(text) } else { text.to_owned() };
    let list = text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(|part| Value::String(part.to_owned())).collect();
    let written = format!("x = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("x"));
    let candidates = written.into_iter().chain([Value::String(text.to_owned()), Value::Array(list)]);
    let mut wanted = None;
    for value in candidates {
        match with(settings, &known, Some(value)) {
            Ok(mut changed) => {
                let problem = limits::clamp(&mut changed).first().map(|problem| cause(&problem.message).to_owned());
                return problem.map_or(Ok(changed), Err);
            }
            // What was written is told of first.
            Err(error) => wanted = wanted.or_else(|| expected(&error)),
        }
    }
    let wanted = wanted.map_or_else(String::new, |wanted| format!(": it takes {wanted}"));
    Err(format!("\"{}\" is no value for {name}{wanted}", text.escape_debug()))
}

/// What a setting takes, by the words of the reader.
fn expected(error: &toml::de::Error) -> Option<String> {
    let (_, wanted) = error.message().rsplit_once("expected ")?;
    Some(match wanted.trim() {
        "f32" | "f64" => "a number".to_owned(),
        "u32" | "i32" => "a whole number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list, as in en,zh".to_owned(),
        other => other.strip_prefix("one of ").unwrap_or(other).replace('`', "").chars().filter(|c| !c.is_control()).collect(),
    })
}

/// The settings with this one as it is when nobody chooses.
///
/// # Errors
/// When there is none of this name.
pub fn reset(settings: &Settings, name: &str) -> Result<Settings, String> {
    with(settings, &known(settings, name)?, None).map_err(|_| format!("there is no setting {name}"))
}

/// Whether the setting takes a path, and this is one.
fn is_path(name: &str, text: &str) -> bool {
    let quoted = text.starts_with(['"', '\'']);
    !text.is_empty()
        && !quoted
        && match name {
            "models.folder" | "models.stt" | "models.chat" => true,
            "models.voice" => !text.starts_with("espeak:"),
            _ => false,
        }
}

/// The window is started from another folder than this command.
fn absolute(path: &str) -> String {
    std::path::absolute(path).map_or_else(|_| path.to_owned(), |path| path.display().to_string())
}

/// What is wrong, of a sentence that also says what is done instead when a file has it: here nothing is.
#[must_use]
pub fn cause(sentence: &str) -> &str {
    let cause = sentence.split(';').next().unwrap_or(sentence);
    cause.trim_end_matches('.').trim_end_matches(" any more")
}

/// Section and key of a setting that there is.
fn known<'n>(settings: &Settings, name: &'n str) -> Result<(&'n str, &'n str), String> {
    let there = entries(settings).iter().any(|(known, _)| known == name);
    name.split_once('.').filter(|_| there).ok_or_else(|| format!("there is no setting \"{}\"", name.escape_debug()))
}

fn with(settings: &Settings, (section, key): &(&str, &str), value: Option<Value>) -> Result<Settings, toml::de::Error> {
    let mut table = Table::try_from(settings).unwrap_or_default();
    let keys = table.entry(*section).or_insert_with(|| Value::Table(Table::new()));
    if let Some(keys) = keys.as_table_mut() {
        match value {
            Some(value) => keys.insert((*key).to_owned(), value),
            None => keys.remove(*key),
        };
    }
    table.try_into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(settings: &Settings, name: &str) -> Option<String> {
        entries(settings).into_iter().find(|(known, _)| known == name).and_then(|(_, value)| value).map(|value| value.to_string())
    }

    #[test]
    fn every_kind_of_value_is_set_as_a_person_writes_it_and_reset() {
        let cases = [
            ("power.save_on_battery", "false", "false"),
            ("models.fit_memory", "false", "false"),
            ("models.unload_after_minutes", "15", "15"),
            ("models.mirror", "https://mirror.example", "\"https://mirror.example\""),
            ("models.folder", "/media/models", "\"/media/models\""),
            ("hearing.languages", "en,zh", "[\"en\", \"zh\"]"),
            ("hearing.languages", "zh", "[\"zh\"]"),
            ("hearing.languages", "[\"de\"]", "[\"de\"]"),
            ("voice.speed", "1.5", "1.5"),
            ("voice.speed", "2", "2.0"),
            ("voice.noise", "0.7", "0.7"),
            ("window.theme", "light", "\"light\""),
            ("window.language", "zh-CN", "\"zh-CN\""),
            ("window.hotkey", "", "\"\""),
            ("audio.microphone", "3", "\"3\""),
            ("chat.flash_attention", "on", "\"on\""),
        ];
        let before = Settings::default();
        for (name, text, expected) in cases {
            let after = set(&before, name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(value(&after, name).as_deref(), Some(expected), "{name}");
            assert_eq!(reset(&after, name).unwrap(), before, "{name}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_reason() {
        let before = Settings::default();
        for name in ["", ".", "voice", "voice.", ".speed", "voice.speeed", "voice.speed.x", "chat.context", "\u{1b}[2J"] {
            let error = set(&before, name, "1").unwrap_err();
            assert!(error.contains("there is no setting") && !error.contains(char::is_control), "{error:?}");
            assert!(reset(&before, name).is_err());
        }
        for (name, text) in [
            ("voice.speed", "fast"),
            ("voice.speed", "100"),
            ("voice.speed", "nan"),
            ("power.save_on_battery", "yes"),
            ("chat.max_tokens", "-1"),
            ("models.unload_after_minutes", "1e9"),
            ("window.theme", "green"),
            ("window.theme", "\u{1b}"),
            ("hearing.threads", "x = 1\ny = 2"),
        ] {
            let error = set(&before, name, text).unwrap_err();
            assert!(error.contains(name) && !error.contains(char::is_control), "{name} {text}: {error:?}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_not_that_something_was_done() {
        let refused = |name: &str, text: &str| set(&Settings::default(), name, text).unwrap_err();
        assert_eq!(refused("voice.speed", "100"), "The setting voice.speed is 100, which is not between 0.25 and 4");
        assert_eq!(refused("hearing.languages", "en,x1"), "The setting hearing.languages names \"x1\", which is no language code");
        assert_eq!(
            cause("The chat model of the settings, /x, is not there any more; the best other one is used."),
            "The chat model of the settings, /x, is not there"
        );
    }

    #[test]
    fn a_path_means_the_same_wherever_the_program_is_started() {
        let here = std::env::current_dir().unwrap();
        for name in ["models.folder", "models.stt", "models.chat", "models.voice"] {
            let after = set(&Settings::default(), name, "a/b.x").unwrap();
            assert_eq!(value(&after, name), Some(Value::String(here.join("a/b.x").display().to_string()).to_string()));
        }
        assert_eq!(value(&set(&Settings::default(), "models.voice", "espeak:de").unwrap(), "models.voice").unwrap(), "\"espeak:de\"");
        assert_eq!(value(&set(&Settings::default(), "models.folder", "").unwrap(), "models.folder").unwrap(), "\"\"");
    }

    #[test]
    fn every_setting_of_the_file_has_a_name() {
        let names: Vec<String> = entries(&Settings::default()).into_iter().map(|(name, _)| name).collect();
        assert!(names.len() > 30 && names.contains(&"voice.speaker".to_owned()), "{names:?}");
        // Each takes the value that it has.
        for (name, value) in entries(&every_key()) {
            let text = value.expect("each says something").to_string();
            assert!(with(&Settings::default(), &known(&Settings::default(), &name).unwrap(), None).is_ok());
            let set = set(&Settings::default(), &name, &text);
            assert!(set.is_ok(), "{name} = {text}: {set:?}");
        }
    }
}
