//! The settings file: what a person may write into `settings.toml` or choose in the window. Every field has a default.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Language of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum UiLanguage {
    /// What the system says; English when it says nothing known.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    Chinese,
}

/// Colours of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// What the system says; dark when it says nothing.
    #[default]
    System,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The window.
    pub window: WindowSettings,
    /// Microphone, speaker.
    pub audio: AudioSettings,
    /// Which files.
    pub models: ModelSettings,
    /// Hearing.
    pub hearing: HearingSettings,
    /// Thinking.
    pub chat: ChatSettings,
    /// The voice.
    pub voice: VoiceSettings,
    /// The battery.
    pub power: PowerSettings,
}

/// `[window]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowSettings {
    /// Its language.
    pub language: UiLanguage,
    /// Its colours.
    pub theme: ThemeChoice,
    /// Size of everything, 1 is normal, 0.75 to 2.5.
    pub zoom: f32,
    /// No moving parts.
    pub reduced_motion: bool,
    /// The global talk key, `Ctrl+Alt+Space`; empty switches it off.
    pub hotkey: String,
    /// Width and height in points.
    pub size: (f32, f32),
}

impl Default for WindowSettings {
    fn default() -> Self {
        WindowSettings {
            language: UiLanguage::System,
            theme: ThemeChoice::System,
            zoom: 1.0,
            reduced_motion: false,
            hotkey: "Ctrl+Alt+Space".to_owned(),
            size: (440.0, 720.0),
        }
    }
}

/// `[audio]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AudioSettings {
    /// Name of the microphone; none is the system's default.
    pub microphone: Option<String>,
    /// Name of the speaker; none is the system's default.
    pub speaker: Option<String>,
    /// Show answers only.
    pub mute: bool,
    /// The microphone stays open between two presses, so that the first syllable is not lost: the last 0.4 s are held in
    /// memory. Else it is opened at the press.
    pub keep_microphone_open: bool,
}

impl Default for AudioSettings {
    fn default() -> Self {
        AudioSettings { microphone: None, speaker: None, mute: false, keep_microphone_open: true }
    }
}

/// `[models]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelSettings {
    /// Where models are; none is the data folder and the program's own `models/`.
    pub folder: Option<PathBuf>,
    /// Address that is asked for models instead of the Hugging Face hub (`hark models pull`); none is the hub itself.
    pub mirror: Option<String>,
    /// The speech model; none is the best found.
    pub stt: Option<PathBuf>,
    /// The chat model; none is the best found.
    pub chat: Option<PathBuf>,
    /// A voice file or `espeak:LANG`; none is the best found.
    pub voice: Option<String>,
    /// Models that did nothing for so many minutes give their memory back until the next press; none: never.
    pub unload_after_minutes: Option<u32>,
    /// When a model would leave less than 2 GB of memory free, the next smaller installed one is used, and said. Off: the
    /// chosen one is loaded whatever is free. A model of the command line is always taken as it is.
    pub fit_memory: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        ModelSettings { folder: None, mirror: None, stt: None, chat: None, voice: None, unload_after_minutes: None, fit_memory: true }
    }
}

/// `[power]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PowerSettings {
    /// On battery hearing and thinking use half of the threads (at least 1), and nothing is computed ahead for words that
    /// may still change. Off: as on mains.
    pub save_on_battery: bool,
}

impl Default for PowerSettings {
    fn default() -> Self {
        PowerSettings { save_on_battery: true }
    }
}

/// `[hearing]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HearingSettings {
    /// The languages that the user speaks (`en`, `zh`): one is fixed, several are told apart by sound. Empty: all.
    pub languages: Vec<String>,
    /// Threads of the engines; none: one fewer than the machine has cores, at least 1, at most 4, and for the chat model
    /// what was measured.
    pub threads: Option<u32>,
}

/// `[chat]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatSettings {
    /// What the model is told about its task; empty is the built-in text.
    pub system: String,
    /// See [`crate::llm::Sampling`].
    pub temperature: f32,
    /// See [`crate::llm::Sampling`].
    pub top_p: f32,
    /// See [`crate::llm::Sampling`].
    pub top_k: i32,
    /// See [`crate::llm::Sampling`].
    pub min_p: f32,
    /// See [`crate::llm::Sampling`].
    pub repeat_penalty: f32,
    /// See [`crate::llm::Sampling`].
    pub seed: Option<u32>,
    /// Longest answer.
    pub max_tokens: u32,
    /// Size of the context.
    pub context_tokens: u32,
    /// Threads of the chat model at most; none: those of `[hearing]`, and when there are none either the measured best
    /// number. Fewer work while other programs or the voice need the cores.
    pub threads: Option<u32>,
    /// See [`crate::llm::FlashAttention`]: `auto`, `on` or `off`.
    pub flash_attention: crate::llm::FlashAttention,
}

impl Default for ChatSettings {
    fn default() -> Self {
        let sampling = crate::llm::Sampling::default();
        ChatSettings {
            system: String::new(),
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: sampling.top_k,
            min_p: sampling.min_p,
            repeat_penalty: sampling.repeat_penalty,
            seed: None,
            max_tokens: 400,
            context_tokens: 2048,
            threads: None,
            flash_attention: crate::llm::FlashAttention::Auto,
        }
    }
}

/// `[voice]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VoiceSettings {
    /// See [`crate::tts::VoiceOptions`].
    pub speed: f32,
    /// See [`crate::tts::VoiceOptions`].
    pub noise: Option<f32>,
    /// See [`crate::tts::VoiceOptions`].
    pub noise_width: Option<f32>,
    /// See [`crate::tts::VoiceOptions`].
    pub speaker: Option<u32>,
    /// See [`crate::tts::VoiceOptions`].
    pub volume: f32,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        VoiceSettings { speed: 1.0, noise: None, noise_width: None, speaker: None, volume: 1.0 }
    }
}
