//! The config of a Piper voice (`voice.onnx.json`) and the way from phonemes to ids.
//!
//! Format: the training program's `config.json`; fields that are not needed are ignored, every used one is bounded,
//! because the file comes from anywhere.

use crate::platform::files;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// Largest config: published ones have 5 KB, with 1,000 speakers 25 KB.
const MAX_BYTES: u64 = 4 << 20;
/// Most speakers; the largest published voice has 904.
const MAX_SPEAKERS: u32 = 65_536;
/// Highest id of a symbol. Piper's tables have 256.
const MAX_ID: i64 = 65_535;

/// How text becomes symbols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhonemeType {
    /// By espeak-ng.
    Espeak,
    /// The letters are the symbols.
    Text,
}

/// The random and length scales of a VITS graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scales {
    /// Variation of the sound.
    pub noise: f32,
    /// Length; 1 is as trained, 2 is twice as long.
    pub length: f32,
    /// Variation of the durations.
    pub noise_width: f32,
}

/// A validated config.
#[derive(Clone, Debug, PartialEq)]
pub struct PiperConfig {
    /// Samples per second.
    pub sample_rate: u32,
    /// espeak-ng's voice (`en-us`).
    pub espeak_voice: String,
    /// How text becomes symbols.
    pub phoneme_type: PhonemeType,
    /// Speakers; 1 when the voice has only one.
    pub speakers: u32,
    /// Names of speakers.
    pub speaker_ids: BTreeMap<String, u32>,
    /// What the voice itself says.
    pub scales: Scales,
    ids: HashMap<char, Vec<i64>>,
    replaced: HashMap<char, Vec<char>>,
}

#[derive(serde::Deserialize)]
struct Raw {
    audio: RawAudio,
    #[serde(default)]
    espeak: RawEspeak,
    #[serde(default)]
    inference: RawInference,
    phoneme_type: Option<String>,
    #[serde(default)]
    phoneme_map: HashMap<String, Vec<String>>,
    phoneme_id_map: HashMap<String, Vec<i64>>,
    num_speakers: Option<u32>,
    #[serde(default)]
    speaker_id_map: BTreeMap<String, u32>,
}

#[derive(serde::Deserialize)]
struct RawAudio {
    sample_rate: u32,
}

#[derive(Default, serde::Deserialize)]
struct RawEspeak {
    voice: Option<String>,
}

#[derive(Default, serde::Deserialize)]
struct RawInference {
    noise_scale: Option<f32>,
    length_scale: Option<f32>,
    noise_w: Option<f32>,
}

impl PiperConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let metadata = std::fs::metadata(path).map_err(|_| format!("its config {} is missing", name_of(path)))?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(format!("its config {} is no JSON file of a voice", name_of(path)));
        }
        let text = files::read_text(path, files::LARGEST_CONFIG)
            .map_err(|error| format!("its config {} cannot be read ({error})", name_of(path)))?;
        Self::parse(&text).map_err(|reason| format!("its config {} {reason}", name_of(path)))
    }

    /// Reads the text of a config.
    ///
    /// # Errors
    /// What is wrong with it, to follow "its config".
    pub fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| format!("is not a voice config ({error})"))?;
        let phoneme_type = match raw.phoneme_type.as_deref() {
            None | Some("espeak") => PhonemeType::Espeak,
            Some("text") => PhonemeType::Text,
            Some(other) => return Err(format!("asks for phonemes of the type \"{other:.40}\", which is not known")),
        };
        let espeak_voice = raw.espeak.voice.unwrap_or_default();
        if phoneme_type == PhonemeType::Espeak && !is_voice_name(&espeak_voice) {
            return Err("names no language for espeak-ng".to_owned());
        }
        let config = PiperConfig {
            sample_rate: raw.audio.sample_rate,
            espeak_voice,
            phoneme_type,
            speakers: raw.num_speakers.unwrap_or(1).max(1),
            speaker_ids: raw.speaker_id_map,
            scales: Scales {
                noise: raw.inference.noise_scale.unwrap_or(0.667),
                length: raw.inference.length_scale.unwrap_or(1.0),
                noise_width: raw.inference.noise_w.unwrap_or(0.8),
            },
            ids: raw.phoneme_id_map.into_iter().filter_map(|(symbol, ids)| Some((single(&symbol)?, ids))).collect(),
            replaced: raw
                .phoneme_map
                .into_iter()
                .filter_map(|(from, to)| Some((single(&from)?, to.iter().flat_map(|symbol| symbol.chars()).take(16).collect())))
                .collect(),
        };
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), String> {
        if !(8_000..=48_000).contains(&self.sample_rate) {
            return Err(format!("gives an impossible sample rate of {} Hz", self.sample_rate));
        }
        if self.speakers > MAX_SPEAKERS || self.speaker_ids.values().any(|id| *id >= self.speakers) {
            return Err(format!("has a wrong list of speakers (of {})", self.speakers));
        }
        let Scales { noise, length, noise_width } = self.scales;
        if !(0.0..=4.0).contains(&noise) || !(0.0..=4.0).contains(&noise_width) || !(0.1..=10.0).contains(&length) {
            return Err("has impossible scales of noise or length".to_owned());
        }
        if self.ids.values().any(|ids| ids.len() > 16 || ids.iter().any(|id| !(0..=MAX_ID).contains(id))) {
            return Err("has an impossible number in its table of phonemes".to_owned());
        }
        match ['^', '_', '$'].iter().find(|mark| self.ids.get(mark).is_none_or(Vec::is_empty)) {
            Some(mark) => Err(format!("lacks the symbol \"{mark}\" in its table of phonemes")),
            None => Ok(()),
        }
    }

    /// The highest id that the table can give.
    #[must_use]
    pub fn highest_id(&self) -> i64 {
        self.ids.values().flatten().copied().max().unwrap_or(0)
    }

    /// The symbols that stand for sounds, by their ids: without the marks of start, end and padding.
    #[must_use]
    pub fn symbols(&self) -> Vec<char> {
        let mut symbols: Vec<(&Vec<i64>, char)> = self
            .ids
            .iter()
            .filter(|(symbol, ids)| !matches!(symbol, '^' | '_' | '$') && !ids.is_empty())
            .map(|(s, ids)| (ids, *s))
            .collect();
        symbols.sort_unstable();
        symbols.into_iter().map(|(_, symbol)| symbol).collect()
    }

    /// Ids of one sentence: `^ _ (p _)* $`, one symbol per code point after NFD; unknown symbols are skipped.
    /// Empty when no symbol is known.
    #[must_use]
    pub fn ids_of(&self, phonemes: &str) -> Vec<i64> {
        let known = |symbol: char| self.ids.get(&symbol).map_or(&[][..], Vec::as_slice);
        let mut ids: Vec<i64> = [known('^'), known('_')].concat();
        let start = ids.len();
        for symbol in phonemes.nfd() {
            let symbols = self.replaced.get(&symbol).map_or(std::slice::from_ref(&symbol), Vec::as_slice);
            for found in symbols.iter().map(|symbol| known(*symbol)).filter(|found| !found.is_empty()) {
                ids.extend_from_slice(found);
                ids.extend_from_slice(known('_'));
            }
        }
        if ids.len() == start {
            return Vec::new();
        }
        ids.extend_from_slice(known('$'));
        ids
    }
}

/// The only character of a text.
fn single(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

fn is_voice_name(name: &str) -> bool {
    (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl Fn(&mut serde_json::Value)) -> Result<PiperConfig, String> {
        let mut value = serde_json::json!({
            "audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"},
            "inference": {"noise_scale": 0.5, "length_scale": 1.2, "noise_w": 0.7}, "phoneme_type": "espeak",
            "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [14], "ə": [59], "\u{303}": [141], "x": [5, 6]},
            "num_speakers": 2, "speaker_id_map": {"anna": 0, "bert": 1}
        });
        change(&mut value);
        PiperConfig::parse(&value.to_string())
    }

    #[test]
    fn ids_follow_the_pattern_and_skip_what_is_unknown() {
        let config = config(|_| {}).unwrap();
        assert_eq!(config.ids_of("a?ə"), [1, 0, 14, 0, 59, 0, 2]);
        assert_eq!(config.ids_of("ã"), [1, 0, 14, 0, 141, 0, 2], "one code point after NFD");
        assert_eq!(config.ids_of("x"), [1, 0, 5, 6, 0, 2]);
        assert!(config.ids_of("???").is_empty());
        assert_eq!(config.highest_id(), 141);
        assert_eq!(config.symbols(), ['x', 'a', 'ə', '\u{303}']);
        assert_eq!(config.scales, Scales { noise: 0.5, length: 1.2, noise_width: 0.7 });
    }

    #[test]
    fn a_phoneme_map_replaces_symbols() {
        let config = config(|v| v["phoneme_map"] = serde_json::json!({"q": ["a", "ə"]})).unwrap();
        assert_eq!(config.ids_of("q"), [1, 0, 14, 0, 59, 0, 2]);
    }

    #[test]
    fn every_field_is_bounded() {
        type Change = fn(&mut serde_json::Value);
        let wrong: [(&str, Change); 11] = [
            ("sample rate", |v| v["audio"]["sample_rate"] = 0.into()),
            ("sample rate", |v| v["audio"]["sample_rate"] = 4_000_000_000u32.into()),
            ("not a voice config", |v| v["audio"]["sample_rate"] = (-5).into()),
            ("not a voice config", |v| v["phoneme_id_map"] = 3.into()),
            ("symbol", |v| v["phoneme_id_map"]["^"] = serde_json::json!([])),
            ("table of phonemes", |v| v["phoneme_id_map"]["a"] = serde_json::json!([-1])),
            ("table of phonemes", |v| v["phoneme_id_map"]["a"] = serde_json::json!([9_000_000])),
            ("scales", |v| v["inference"]["length_scale"] = 0.into()),
            ("speakers", |v| v["speaker_id_map"]["anna"] = 7.into()),
            ("language", |v| v["espeak"]["voice"] = "../../etc".into()),
            ("type", |v| v["phoneme_type"] = "pinyin".into()),
        ];
        for (part, change) in wrong {
            let reason = config(change).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
        for text in ["", "[]", "{", "null", "{\"audio\":{\"sample_rate\":1e999}}"] {
            assert!(PiperConfig::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn absent_fields_have_the_trainer_s_defaults() {
        let config = config(|v| {
            let v = v.as_object_mut().unwrap();
            for field in ["inference", "num_speakers", "speaker_id_map", "phoneme_type"] {
                v.remove(field);
            }
        })
        .unwrap();
        assert_eq!((config.speakers, config.scales.noise, config.phoneme_type), (1, 0.667, PhonemeType::Espeak));
    }
}
