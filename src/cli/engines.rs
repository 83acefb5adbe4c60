//! Every place where the command line touches an engine or a device, one small function each.
//!
//! For the integrator: each function that ends in `not_linked` is to be filled in; nothing else of `cli/` names an engine.

use super::drive::Core;
use crate::audio::{Clip, Pcm16k};
use crate::config::Config;
use crate::error::{Severity, Stage, StageError};
use crate::event::EventSink;
use crate::models::store::ModelEntry;
use crate::stt::Transcriber;
use crate::tts::Synthesizer;
use crate::turn::CancelToken;
use std::path::{Path, PathBuf};

/// Where the sound of answers goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sound {
    /// The speaker of the configuration.
    Speaker,
    /// A WAV file.
    File(PathBuf),
}

/// Takes sound and plays it in order.
pub trait ClipPlayer {
    /// Plays this after what was given before; waits while much is queued.
    ///
    /// # Errors
    /// When the speaker is gone.
    fn play(&mut self, clip: Clip) -> Result<(), StageError>;

    /// Waits until all was played, or until the token is cancelled (then it is silent at once).
    ///
    /// # Errors
    /// When the speaker is gone.
    fn finish(self: Box<Self>, cancel: &CancelToken) -> Result<(), StageError>;
}

/// A microphone or speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct DeviceRow {
    /// Its name, as `microphone` and `speaker` in the settings take it.
    pub name: String,
    /// The system uses it when none is chosen.
    pub default: bool,
    /// Rate, channels; empty when it does not say.
    pub detail: String,
}

/// All devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRows {
    /// Inputs.
    pub microphones: Vec<DeviceRow>,
    /// Outputs.
    pub speakers: Vec<DeviceRow>,
}

/// Starts the assistant for `hark ask`: `Assistant::start(Arc::new(config), devices, events)` with a microphone that is
/// never opened (`fakes` or a silent one) and with the speaker or `audio::WavFileOutput`; fakes when
/// `config.engines` says so. `Core` is to be implemented for `Assistant`.
///
/// # Errors
/// When the system gives no threads.
pub fn start_core(_config: Config, _sound: &Sound, _events: EventSink) -> Result<Box<dyn Core>, StageError> {
    Err(not_linked(Stage::Desktop, "The assistant"))
}

/// Opens the window with the same core and ends when it is closed. `notices` are shown in it.
///
/// # Errors
/// When no window can be opened.
pub fn open_window(_opening: super::window::Opening) -> Result<(), StageError> {
    Err(not_linked(Stage::Desktop, "The window"))
}

/// Decodes an audio file: `audio::file::read_audio_16k(path)`, `AudioError::at(Stage::Stt)`.
///
/// # Errors
/// When it is not there or no sound.
pub fn read_audio(_file: &Path) -> Result<Pcm16k, StageError> {
    Err(not_linked(Stage::Stt, "Reading audio files"))
}

/// Loads the speech model: `stt::whisper::WhisperTranscriber::load`, or the fake one.
///
/// # Errors
/// When it is missing or broken.
pub fn load_transcriber(_config: &Config) -> Result<Box<dyn Transcriber>, StageError> {
    Err(not_linked(Stage::Stt, "The speech engine"))
}

/// Loads the voice: `tts::factory(&config.voice, threads)`, or the fake one.
///
/// # Errors
/// When it is missing or broken.
pub fn load_voice(_config: &Config) -> Result<Box<dyn Synthesizer>, StageError> {
    Err(not_linked(Stage::Tts, "The voice"))
}

/// Splits a text into clauses in spoken form: `speech`'s filter and splitter.
#[must_use]
pub fn clauses(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Opens the speaker of the configuration.
///
/// # Errors
/// When there is none.
pub fn open_speaker(_config: &Config) -> Result<Box<dyn ClipPlayer>, StageError> {
    Err(not_linked(Stage::Playback, "The speaker"))
}

/// Lists the devices: `audio::devices::list…`.
///
/// # Errors
/// When the sound system does not answer.
pub fn devices() -> Result<DeviceRows, StageError> {
    Err(not_linked(Stage::Playback, "Listing devices"))
}

/// Whether the processor has what the engines were compiled for: `platform::cpu::check()`. On success: its name or what
/// it has.
///
/// # Errors
/// What it lacks.
pub fn check_cpu() -> Result<String, StageError> {
    Err(not_linked(Stage::Desktop, "The processor check"))
}

/// Reads a speech model's header and tables: `models::check::ggml`.
///
/// # Errors
/// What is wrong with it.
pub fn check_stt_model(_model: &ModelEntry) -> Result<(), StageError> {
    Err(not_linked(Stage::Stt, "The check of speech models"))
}

/// Reads a chat model's header and tables: `models::check::gguf`.
///
/// # Errors
/// What is wrong with it.
pub fn check_chat_model(_model: &ModelEntry) -> Result<(), StageError> {
    Err(not_linked(Stage::Llm, "The check of chat models"))
}

/// Reads a voice and its config: `models::check::onnx`.
///
/// # Errors
/// What is wrong with it.
pub fn check_voice_file(_voice: &ModelEntry) -> Result<(), StageError> {
    Err(not_linked(Stage::Tts, "The check of voices"))
}

/// Where ONNX Runtime is: `ORT_DYLIB_PATH`, beside the program, `models/runtime/`, the system.
///
/// # Errors
/// When it is nowhere.
pub fn onnx_runtime() -> Result<PathBuf, StageError> {
    Err(not_linked(Stage::Tts, "ONNX Runtime"))
}

/// The languages of espeak-ng's own voice: `tts::espeak::languages()`.
///
/// # Errors
/// When its data is not installed.
pub fn espeak_languages() -> Result<Vec<String>, StageError> {
    Err(not_linked(Stage::Tts, "espeak-ng"))
}

/// Whether the global talk key works on this desktop: `platform::hotkey`.
///
/// # Errors
/// Why it does not.
pub fn global_key(_key: &str) -> Result<(), StageError> {
    Err(not_linked(Stage::Desktop, "The global key"))
}

fn not_linked(stage: Stage, what: &str) -> StageError {
    StageError::new(stage, Severity::Stage, format!("{what} is not linked into this build yet."), "Use a complete build.")
}
