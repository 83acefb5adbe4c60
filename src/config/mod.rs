//! What the user chose: the raw settings file (`settings.rs`, read and written by `load.rs`), where things are
//! (`paths.rs`), what a value may be (`limits.rs`), and the resolved, validated [`Config`] (`resolve.rs`).

pub mod edit;
pub mod limits;
pub mod load;
pub mod paths;
pub mod resolve;
pub mod settings;

use crate::llm::ChatOptions;
use crate::models::store::ModelEntry;
use crate::speech::Lang;
use crate::stt::SttOptions;
use crate::tts::{VoiceOptions, languages};
use std::path::PathBuf;
use std::time::Duration;

/// Which voice speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VoiceChoice {
    /// A VITS voice file: Piper (`.onnx` with `.onnx.json`) or char-based (`.onnx` with `tokens.txt`).
    Vits(PathBuf),
    /// espeak-ng's own voice in this language (`en-us`, `cmn`, …).
    Espeak(String),
}

/// Which engines and devices work: the real ones, or fakes by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineSet {
    /// whisper.cpp, llama.cpp, VITS or espeak-ng, the sound card.
    #[default]
    Real,
    /// Scripted fakes ([`crate::fakes`]), for tests of our own logic.
    Fake,
}

/// What may be used instead of a chosen file: when it is gone or broken, or when there is no memory for it. All that is
/// installed, best first; empty where the command line names a file, which is then used or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spare {
    /// Speech models.
    pub stt: Vec<ModelEntry>,
    /// Chat models.
    pub chat: Vec<ModelEntry>,
    /// Voices of the same language, espeak-ng's own last.
    pub voices: Vec<VoiceChoice>,
}

/// Everything that the core needs to know, resolved and validated. Files may still turn out missing or broken when they
/// are loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Real engines or fakes.
    pub engines: EngineSet,
    /// The speech model; `None`: none is installed.
    pub stt_model: Option<PathBuf>,
    /// The chat model; `None`: none is installed.
    pub chat_model: Option<PathBuf>,
    /// The voice.
    pub voice: VoiceChoice,
    /// Codes of the languages that a voice file speaks; empty where nothing says them. Its spare ones speak them, too.
    pub voice_languages: Vec<String>,
    /// Of the chosen voice file and its spare ones those that do not read digits: their symbols are letters, or a lexicon's words.
    pub digitless_voices: Vec<PathBuf>,
    /// What may be used instead.
    pub spare: Spare,
    /// Threads of the voice.
    pub voice_threads: u32,
    /// A smaller model is used when memory is short.
    pub fit_memory: bool,
    /// Fewer threads and nothing ahead of the words on battery.
    pub save_on_battery: bool,
    /// Words that may still change are computed ahead by the chat model.
    pub speculate: bool,
    /// Options of hearing.
    pub stt: SttOptions,
    /// Options of thinking.
    pub chat: ChatOptions,
    /// Options of the voice.
    pub voice_options: VoiceOptions,
    /// Name of the microphone; `None`: the system's default.
    pub microphone: Option<String>,
    /// Name of the speaker; `None`: the system's default.
    pub speaker: Option<String>,
    /// Show answers only, say nothing.
    pub mute: bool,
    /// The microphone stays open between two presses (pre-roll).
    pub keep_microphone_open: bool,
    /// Engines that did nothing for so long give their memory back; they are loaded again at the next press. `None`: never.
    pub unload_after: Option<Duration>,
}

impl Config {
    /// What the voice takes text in Latin letters for: its numbers become English words for a voice that speaks English (Chinese
    /// ones do so between Chinese words) or that says no language, and are left to any other. A voice that does not read digits
    /// would drop them, so it gets English words, too.
    #[must_use]
    pub fn latin(&self) -> Lang {
        let english = |code: &str| matches!(code, "en" | "zh" | "yue" | "hak");
        let is_english = match &self.voice {
            VoiceChoice::Espeak(name) => languages::code_of(name).is_none_or(|code| english(&code)),
            VoiceChoice::Vits(file) => {
                let spoken = &self.voice_languages;
                spoken.is_empty() || spoken.iter().any(|code| english(code)) || self.digitless_voices.contains(file)
            }
        };
        if is_english { Lang::En } else { Lang::Other }
    }
}

/// A configuration of fakes for tests.
#[cfg(test)]
pub(crate) fn test_config() -> Config {
    Config {
        engines: EngineSet::Fake,
        stt_model: None,
        chat_model: None,
        voice: VoiceChoice::Espeak("en-us".to_owned()),
        voice_languages: Vec::new(),
        digitless_voices: Vec::new(),
        spare: Spare::default(),
        voice_threads: 1,
        fit_memory: true,
        save_on_battery: true,
        speculate: true,
        stt: SttOptions {
            language: crate::stt::SpokenLanguage::Fixed("en".to_owned()),
            threads: 1,
            phrases: crate::stt::Phrases::Auto,
            script: crate::stt::chinese::ChineseScript::default(),
        },
        chat: ChatOptions::default(),
        voice_options: VoiceOptions::default(),
        microphone: None,
        speaker: None,
        mute: false,
        keep_microphone_open: true,
        unload_after: None,
    }
}
