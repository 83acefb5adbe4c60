//! Every place where the command line touches an engine or a device, one small function each.
//! Nothing else of `cli/` names one.

use super::drive::Core;
use crate::assistant::{Assistant, Devices, planner, registry};
use crate::audio::devices::{Direction, list};
use crate::audio::host::{OutputFactory, OutputHost, TurnPlayer};
use crate::audio::outputs::{NullOutput, WavFileOutput};
use crate::audio::{AudioError, Clip, Pcm16k, RodioOutput, file};
use crate::config::{Config, EngineSet};
use crate::error::{Severity, Stage, StageError};
use crate::event::{EventSink, UserAction};
use crate::models::check::{ggml, gguf, onnx};
use crate::models::store::ModelEntry;
use crate::platform::{cpu, files, hotkey};
use crate::speech::{Lang, SpokenText};
use crate::stt::{SttOptions, Transcriber};
use crate::tts::{SynthesisError, Synthesizer};
use crate::turn::CancelToken;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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

impl Core for Assistant {
    fn send(&self, action: UserAction) {
        Assistant::send(self, action);
    }

    fn stop(self: Box<Self>, within: Duration) -> bool {
        Assistant::stop(*self, within)
    }
}

/// Starts the assistant for `hark ask`: without a microphone, with the speaker or a WAV file.
///
/// # Errors
/// When the system gives no threads.
pub fn start_core(config: Config, sound: &Sound, events: EventSink) -> Result<Box<dyn Core>, StageError> {
    let output = match sound {
        Sound::File(path) => {
            let path = path.clone();
            Arc::new(move || Box::new(WavFileOutput::new(path.clone())) as Box<dyn OutputHost>) as OutputFactory
        }
        Sound::Speaker => speaker(config.engines),
    };
    let core = Assistant::start(Arc::new(config), Devices { input: None, output }, events).map_err(|error| no_threads(&error))?;
    Ok(Box::new(core))
}

/// The system's speaker; with fake engines one that takes everything at once and is silent.
pub(super) fn speaker(engines: EngineSet) -> OutputFactory {
    match engines {
        EngineSet::Real => Arc::new(|| Box::new(RodioOutput) as Box<dyn OutputHost>),
        EngineSet::Fake => Arc::new(|| Box::new(NullOutput::instant()) as Box<dyn OutputHost>),
    }
}

/// What is said when the core cannot start.
pub(super) fn no_threads(error: &std::io::Error) -> StageError {
    StageError::new(
        Stage::Desktop,
        Severity::Stage,
        format!("The system gives no more threads: {error}."),
        "Close other programs and try again.",
    )
}

/// Opens the window with the same core and ends when it is closed.
///
/// # Errors
/// When no window can be opened.
pub fn open_window(opening: super::window::Opening) -> Result<(), StageError> {
    super::window_host::open(opening)
}

/// Decodes an audio file.
///
/// # Errors
/// When it is not there or no sound.
pub fn read_audio(path: &Path) -> Result<Pcm16k, StageError> {
    file::read_audio_16k(path).map_err(|error| error.at(Stage::Stt))
}

/// A speech model without the assistant.
pub struct Ears {
    /// The engine.
    pub engine: Box<dyn Transcriber>,
    /// How it hears, with the threads that fit this machine now.
    pub options: SttOptions,
    /// What a person should know of the choice.
    pub notices: Vec<StageError>,
}

/// Loads the speech model that fits this machine now, or the fake one.
///
/// # Errors
/// When it is missing or broken, or nobody waits any more.
pub fn load_transcriber(config: &Config, cancel: &CancelToken) -> Result<Ears, StageError> {
    let (config, notices) = planner::fitted(config);
    let notices = notices.into_iter().filter(|notice| notice.stage == Stage::Stt).collect();
    let engine = registry::probed_transcriber(&config, registry::probe(&config), cancel.clone())()?;
    Ok(Ears { engine, options: config.stt.clone(), notices })
}

/// Loads the voice, or the fake one.
///
/// # Errors
/// When it is missing or broken, or nobody waits any more.
pub fn load_voice(config: &Config, cancel: &CancelToken) -> Result<Box<dyn Synthesizer>, StageError> {
    registry::probed_voice(config, registry::probe(config), cancel.clone())().map_err(StageError::from)
}

/// Splits a text into clauses in spoken form. `latin`: what the voice takes Latin letters for.
#[must_use]
pub fn clauses(text: &str, latin: Lang) -> Vec<String> {
    let mut spoken = SpokenText::with_latin(false, latin);
    let mut clauses = spoken.push(text);
    clauses.extend(spoken.finish());
    clauses.into_iter().map(|clause| clause.text).collect()
}

/// Sound that may wait in the speaker before [`ClipPlayer::play`] waits.
const AHEAD: Duration = Duration::from_secs(10);
/// A player wants to be driven so often.
const DRIVE: Duration = Duration::from_millis(5);

struct SpeakerPlayer {
    // Dropped in this order: the player is part of the stream.
    player: Box<dyn TurnPlayer>,
    stream: Box<dyn crate::audio::host::OutputStream>,
    /// Position after the last clip, and samples of it per second, as far as known.
    end: u64,
    per_second: u64,
}

impl SpeakerPlayer {
    fn drive(&mut self) -> Result<u64, StageError> {
        if let Some(error) = self.stream.failed() {
            return Err(error.at(Stage::Playback));
        }
        self.player.advance().map_err(|error| error.at(Stage::Playback))
    }
}

impl ClipPlayer for SpeakerPlayer {
    fn play(&mut self, clip: Clip) -> Result<(), StageError> {
        let span = self.player.enqueue(&clip).map_err(|error| error.at(Stage::Playback))?;
        let millis = clip.millis().max(1.0) as u64;
        self.per_second = (span.end.saturating_sub(span.start)).saturating_mul(1000).checked_div(millis).unwrap_or(0).max(1);
        self.end = span.end;
        while self.end.saturating_sub(self.drive()?) > self.per_second.saturating_mul(AHEAD.as_secs()) {
            std::thread::sleep(DRIVE);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, cancel: &CancelToken) -> Result<(), StageError> {
        while !cancel.is_cancelled() && self.drive()? < self.end {
            std::thread::sleep(DRIVE);
        }
        if !cancel.is_cancelled() {
            // The device's own buffer still sounds after the last sample was handed over.
            std::thread::sleep(Duration::from_millis(120));
        }
        Ok(())
    }
}

/// Opens the speaker of the configuration.
///
/// # Errors
/// When there is none.
pub fn open_speaker(config: &Config) -> Result<Box<dyn ClipPlayer>, StageError> {
    let open = || -> Result<SpeakerPlayer, AudioError> {
        let mut stream = speaker(config.engines)().open(config.speaker.as_deref())?;
        Ok(SpeakerPlayer { player: stream.begin_turn()?, stream, end: 0, per_second: 1 })
    };
    Ok(Box::new(open().map_err(|error| error.at(Stage::Playback))?))
}

/// Lists the devices.
///
/// # Errors
/// When the sound system does not answer.
pub fn devices() -> Result<DeviceRows, StageError> {
    let rows = |direction, stage| -> Result<Vec<DeviceRow>, StageError> {
        let found = list(direction).map_err(|error| error.at(stage))?;
        Ok(found.into_iter().map(|d| DeviceRow { name: d.name, default: d.default, detail: String::new() }).collect())
    };
    Ok(DeviceRows { microphones: rows(Direction::Input, Stage::Capture)?, speakers: rows(Direction::Output, Stage::Playback)? })
}

/// Whether the processor has what the engines were compiled for.
///
/// # Errors
/// What it lacks.
pub fn check_cpu() -> Result<String, StageError> {
    cpu::check()
        .map(|()| format!("{} has what the engines need; they use {}", std::env::consts::ARCH, cpu::isa().used))
        .map_err(|message| StageError::new(Stage::Desktop, Severity::Stage, message, ""))
}

fn open(stage: Stage, path: &Path) -> Result<File, StageError> {
    files::open(path).map_err(|error| refused(stage, path, &crate::error::reason(&error)))
}

fn refused(stage: Stage, path: &Path, reason: &str) -> StageError {
    StageError::new(
        stage,
        Severity::Stage,
        format!("{} cannot be used: {reason}.", path.display()),
        "Copy or download it again, or choose another file.",
    )
}

/// Reads a speech model's header and tables.
///
/// # Errors
/// What is wrong with it.
pub fn check_stt_model(model: &ModelEntry) -> Result<(), StageError> {
    ggml::check(open(Stage::Stt, &model.path)?).map(|_| ()).map_err(|error| refused(Stage::Stt, &model.path, &error.to_string()))
}

/// Reads a chat model's header and tables.
///
/// # Errors
/// What is wrong with it.
pub fn check_chat_model(model: &ModelEntry) -> Result<(), StageError> {
    gguf::check(open(Stage::Llm, &model.path)?).map(|_| ()).map_err(|error| refused(Stage::Llm, &model.path, &error.to_string()))
}

/// Reads a voice's graph.
///
/// # Errors
/// What is wrong with it.
pub fn check_voice_file(voice: &ModelEntry) -> Result<(), StageError> {
    onnx::read(&voice.path).map(|_| ()).map_err(|error| refused(Stage::Tts, &voice.path, &error.to_string()))
}

/// Where ONNX Runtime is: `ORT_DYLIB_PATH`, beside the program, `models/runtime/`, the system.
///
/// # Errors
/// When it is nowhere.
pub fn onnx_runtime() -> Result<PathBuf, StageError> {
    crate::tts::runtime::look().map_err(StageError::from)
}

/// The languages of espeak-ng's own voice.
///
/// # Errors
/// When its data is not installed.
pub fn espeak_languages() -> Result<Vec<String>, StageError> {
    let languages = crate::tts::espeak::languages();
    if languages.is_empty() {
        return Err(SynthesisError::RuntimeMissing("The voice data of espeak-ng".to_owned()).into());
    }
    Ok(languages)
}

/// Whether the global talk key works on this desktop.
///
/// # Errors
/// Why it does not.
pub fn global_key(key: &str) -> Result<(), StageError> {
    hotkey::TalkKey::register(key, Box::new(|_| {})).map(|_| ())
}
