//! Which languages a voice speaks: what lies beside it says it, or its name. Only small files are read.

use super::record::Record;
use super::voice_files::{VoiceFiles, VoiceForm};
use super::voice_toml::VoiceToml;
use crate::platform::files;
use crate::tts::languages::code_of;
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// Configs of voices have 5 KB, with 1,000 speakers 25 KB.
const MAX_CONFIG: u64 = 1 << 18;

/// The languages of the voice of this file, the main one first; empty when nothing says them. `name`: the voice's.
#[must_use]
pub fn of(onnx: &Path, files: Option<&VoiceFiles>, name: &str) -> Vec<String> {
    let said = recorded(onnx).or_else(|| match files?.form {
        VoiceForm::Piper => piper(&files?.config),
        VoiceForm::TwoFiles => VoiceToml::read(&files?.config).ok().and_then(|toml| described(&toml)),
        VoiceForm::Lexicon | VoiceForm::Letters => None,
    });
    said.unwrap_or_else(|| named(name))
}

/// By the record of its installation.
fn recorded(onnx: &Path) -> Option<Vec<String>> {
    let record = Record::read(onnx.parent()?)?;
    let own = record.files.iter().any(|file| onnx.file_name().is_some_and(|name| name == file.name.as_str()));
    let languages: Vec<String> = record.languages.iter().filter_map(|language| code_of(language)).collect();
    (own && !languages.is_empty()).then_some(languages)
}

#[derive(Deserialize)]
struct PiperLanguage {
    espeak: Option<Espeak>,
    language: Option<Code>,
}

#[derive(Deserialize)]
struct Espeak {
    voice: Option<String>,
}

#[derive(Deserialize)]
struct Code {
    code: Option<String>,
}

/// By the config of a Piper voice.
fn piper(config: &Path) -> Option<Vec<String>> {
    fs::metadata(config).ok().filter(|meta| meta.is_file() && meta.len() <= MAX_CONFIG)?;
    let text = files::read_text(config, files::LARGEST_CONFIG).ok()?;
    let found: PiperLanguage = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    let code = found.language.and_then(|language| language.code);
    let language = code_of(&found.espeak.and_then(|espeak| espeak.voice).or(code)?)?;
    Some(vec![language])
}

/// By the description of a voice of two files.
fn described(toml: &VoiceToml) -> Option<Vec<String>> {
    let language = code_of(&toml.language).or_else(|| code_of(toml.espeak.as_deref()?))?;
    Some(vec![language])
}

/// By names as Piper's (`en_US-lessac-medium`) and those of Chinese voices (`vits-zh-aishell3`, `vits-melo-tts-zh_en`).
fn named(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split(['-', '_']).collect();
    let two = |part: &&str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_alphabetic());
    if let [language, region, _, ..] = parts.as_slice()
        && two(language)
        && two(region)
        && *region == region.to_ascii_uppercase()
    {
        return code_of(language).into_iter().collect();
    }
    parts.iter().filter(|part| matches!(**part, "zh" | "en")).map(|part| (*part).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::store::scan;

    /// The languages of the voices in a folder with these files.
    fn languages(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        scan(&[folder.path().to_owned()]).voices.into_iter().map(|voice| voice.languages).collect()
    }

    #[test]
    fn what_lies_beside_a_voice_says_its_language() {
        assert_eq!(languages(&[("a.onnx", ""), ("a.onnx.json", r#"{"espeak":{"voice":"cmn"}}"#)]), [["zh"]]);
        assert_eq!(languages(&[("a.onnx", ""), ("a.onnx.json", r#"{"language":{"code":"de_DE"},"audio":{}}"#)]), [["de"]]);
        let toml = "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 22050\nhop = 256\nbands = 80\n";
        let two = [("a.onnx", ""), ("v.onnx", ""), ("tokens.txt", "")];
        let with = |more: &str| languages(&[two.as_slice(), &[("hark-voice.toml", &format!("{toml}{more}"))]].concat());
        assert_eq!(with("language = \"Chinese\"\n"), [["zh"]]);
        assert_eq!(with("espeak = \"en-us\"\n"), [["en"]]);
        let record = format!(
            "format = 1\nid = \"b\"\nname = \"B\"\nkind = \"voice\"\ninstalled = \"2026-01-01T00:00:00Z\"\nfrom = \"a folder\"\n\
             languages = [\"ta\"]\n[[file]]\nname = \"b.onnx\"\nbytes = 0\nsha256 = \"{}\"\n",
            "0".repeat(64)
        );
        assert_eq!(languages(&[("b.onnx", ""), ("tokens.txt", ""), ("hark-model.toml", &record)]), [["ta"]]);
    }

    #[test]
    fn a_broken_config_leaves_the_name() {
        for config in ["", "[]", "{", r#"{"espeak":7}"#, r#"{"espeak":{"voice":""}}"#] {
            assert_eq!(languages(&[("fr_FR-siwis-low.onnx", ""), ("fr_FR-siwis-low.onnx.json", config)]), [["fr"]], "{config}");
        }
        for (name, spoken) in [("vits-melo-tts-zh_en", &["zh", "en"][..]), ("my-voice", &[]), ("pt_BR-faber-medium", &["pt"]), ("", &[])] {
            assert_eq!(named(name), spoken, "{name}");
        }
    }
}
