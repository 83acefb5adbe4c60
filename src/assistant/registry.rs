//! Which engines and devices work behind the workers: the registry. A second implementation of an engine is a new file and
//! one line here.

use super::stages::file_of;
use crate::audio::host::{InputFactory, OutputFactory};
use crate::config::{Config, EngineSet, VoiceChoice};
use crate::error::{Severity, Stage, StageError};
use crate::fakes::engines::{self as fakes, Fate};
use crate::llm::worker::ChatFactory;
use crate::llm::{ChatError, ChatModel};
use crate::models::catalog::ModelKind;
use crate::models::probe::{ProbeKind, ProbeOptions, ensure};
use crate::platform::files::Identity;
use crate::stt::worker::TranscriberFactory;
use crate::stt::{TranscribeError, Transcriber};
use crate::tts::worker::VoiceFactory;
use crate::tts::{SynthesisError, Synthesizer};
use crate::turn::CancelToken;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where sound comes from and goes to.
#[derive(Clone)]
pub struct Devices {
    /// The microphone; none: recordings are given ([`crate::event::UserAction::SubmitAudio`]) or text is typed.
    pub input: Option<InputFactory>,
    /// The speaker.
    pub output: OutputFactory,
}

/// Tries a model file where a crash does no harm, before it is loaded here. Called on the thread that loads the engine, at
/// each load: it remembers what it tried before. It ends early when the token says that nobody waits for the engine.
pub type Probe = Arc<dyn Fn(ModelKind, &Path, &CancelToken) -> Result<(), StageError> + Send + Sync>;

/// The probe of this configuration: for real engines a child of this program ([`crate::models::probe`]).
#[must_use]
pub fn probe(config: &Config) -> Probe {
    let (engines, cache) = (config.engines, config.chat.cache.clone());
    Arc::new(move |kind, file, wanted| {
        let kind = match kind {
            ModelKind::Stt => ProbeKind::Stt,
            ModelKind::Chat => ProbeKind::Chat,
            ModelKind::Voice => ProbeKind::Voice,
            // Nothing loads these in an engine of C++ that could end the process.
            ModelKind::Vad | ModelKind::Embedding => return Ok(()),
        };
        if engines == EngineSet::Fake {
            return Ok(());
        }
        ensure(kind, file, &ProbeOptions { cache: cache.clone(), cancel: wanted.clone(), ..ProbeOptions::default() })
    })
}

/// Forgets that the model of a stage was refused by its probe for good, because somebody wants it tried once more.
pub fn forget(stage: Stage, config: &Config) {
    let kind = match stage {
        Stage::Stt => ProbeKind::Stt,
        Stage::Llm => ProbeKind::Chat,
        Stage::Tts => ProbeKind::Voice,
        _ => return,
    };
    if let (EngineSet::Real, Some(file)) = (config.engines, file_of(stage, config)) {
        crate::models::probe::forget(kind, &file, config.chat.cache.as_deref());
    }
}

/// What is said when no model file was found at all.
const NO_FILE: &str = "(none installed)";

/// Loads the speech model of this configuration.
#[must_use]
pub fn transcriber(config: &Config) -> TranscriberFactory {
    probed_transcriber(config, probe(config), CancelToken::never())
}

/// [`transcriber`] with another probe; nothing is loaded any more once `wanted` is cancelled.
#[must_use]
pub fn probed_transcriber(config: &Config, probe: Probe, wanted: CancelToken) -> TranscriberFactory {
    let (engines, model, threads) = (config.engines, config.stt_model.clone(), config.stt.threads);
    Arc::new(move || {
        let tried = tried(&probe, &wanted, ModelKind::Stt, model.as_deref()).map_err(TranscribeError::Refused)?;
        let path = model.clone().unwrap_or_else(|| PathBuf::from(NO_FILE));
        match engines {
            EngineSet::Real if model.is_none() => Err(TranscribeError::ModelMissing(path)),
            EngineSet::Real => {
                let engine = crate::stt::whisper::WhisperTranscriber::load(&path, threads)?;
                tried.same().map_err(TranscribeError::Refused)?;
                Ok(Box::new(engine) as Box<dyn Transcriber>)
            }
            EngineSet::Fake => match fakes::load(model.as_deref(), "fake ears") {
                (name, Fate::Good) => Ok(Box::new(fakes::FakeTranscriber { name, panics: false }) as Box<dyn Transcriber>),
                (_, Fate::Missing) => Err(TranscribeError::ModelMissing(path)),
                (_, Fate::Broken) => Err(TranscribeError::ModelCorrupt { path, reason: "the fake is broken".to_owned() }),
                (_, Fate::TooBig) => Err(TranscribeError::OutOfMemory(path)),
            },
        }
    })
}

/// Loads the chat model of this configuration.
#[must_use]
pub fn chat(config: &Config) -> ChatFactory {
    probed_chat(config, probe(config), CancelToken::never())
}

/// [`chat`] with another probe; nothing is loaded any more once `wanted` is cancelled.
#[must_use]
pub fn probed_chat(config: &Config, probe: Probe, wanted: CancelToken) -> ChatFactory {
    let (engines, model) = (config.engines, config.chat_model.clone());
    Arc::new(move || {
        let tried = tried(&probe, &wanted, ModelKind::Chat, model.as_deref()).map_err(ChatError::Refused)?;
        let path = model.clone().unwrap_or_else(|| PathBuf::from(NO_FILE));
        match engines {
            EngineSet::Real if model.is_none() => Err(ChatError::ModelMissing(path)),
            // How many threads is an option of the session, which can change while the model is loaded.
            EngineSet::Real => {
                let model = crate::llm::llama::LlamaModelHandle::load(&path, 0)?;
                tried.same().map_err(ChatError::Refused)?;
                Ok(Box::new(model) as Box<dyn ChatModel>)
            }
            EngineSet::Fake => match fakes::load(model.as_deref(), "fake mind") {
                (name, Fate::Good) => Ok(Box::new(fakes::FakeChat { name }) as Box<dyn ChatModel>),
                (_, Fate::Missing) => Err(ChatError::ModelMissing(path)),
                (_, Fate::Broken) => Err(ChatError::ModelCorrupt { path, reason: "the fake is broken".to_owned() }),
                (_, Fate::TooBig) => Err(ChatError::OutOfMemory(path)),
            },
        }
    })
}

/// Loads the voice of this configuration.
#[must_use]
pub fn voice(config: &Config) -> VoiceFactory {
    probed_voice(config, probe(config), CancelToken::never())
}

/// [`voice`] with another probe; nothing is loaded any more once `wanted` is cancelled.
#[must_use]
pub fn probed_voice(config: &Config, probe: Probe, wanted: CancelToken) -> VoiceFactory {
    let file = match &config.voice {
        VoiceChoice::Vits(path) => Some(path.clone()),
        VoiceChoice::Espeak(_) => None,
    };
    let real = crate::tts::worker::factory(&config.voice, config.voice_threads);
    let engines = config.engines;
    Arc::new(move || {
        let tried = tried(&probe, &wanted, ModelKind::Voice, file.as_deref()).map_err(SynthesisError::Refused)?;
        let path = file.clone().unwrap_or_default();
        match engines {
            EngineSet::Real => real().and_then(|voice| tried.same().map_err(SynthesisError::Refused).map(|()| voice)),
            EngineSet::Fake => match fakes::load(file.as_deref(), "fake voice") {
                (name, Fate::Good) => Ok(Box::new(fakes::FakeVoice { name, broken: false }) as Box<dyn Synthesizer>),
                (_, Fate::Missing) => Err(SynthesisError::VoiceMissing(path)),
                (_, Fate::Broken) => Err(SynthesisError::VoiceCorrupt { path, reason: "the fake is broken".to_owned() }),
                (_, Fate::TooBig) => Err(SynthesisError::OutOfMemory(path)),
            },
        }
    })
}

/// A file as it was before it was tried.
struct Tried {
    file: Option<(PathBuf, Option<Identity>)>,
    kind: ModelKind,
}

impl Tried {
    /// What was tried must be what was loaded.
    fn same(&self) -> Result<(), StageError> {
        match &self.file {
            Some((path, before)) if Identity::at(path) != *before => {
                let stage = match self.kind {
                    ModelKind::Stt => Stage::Stt,
                    ModelKind::Chat => Stage::Llm,
                    _ => Stage::Tts,
                };
                let message = format!("{} was exchanged while it was being loaded.", path.display());
                Err(StageError::new(stage, Severity::Stage, message, "Choose it once more when it is complete."))
            }
            _ => Ok(()),
        }
    }
}

/// Without a file there is nothing to try. What nobody waits for any more is not loaded: it would take the memory, and for chat
/// models the turn, of what is wanted instead.
fn tried(probe: &Probe, wanted: &CancelToken, kind: ModelKind, file: Option<&Path>) -> Result<Tried, StageError> {
    let tried = Tried { file: file.map(|file| (file.to_owned(), Identity::at(file))), kind };
    file.map_or(Ok(()), |file| probe(kind, file, wanted))?;
    if wanted.is_cancelled() {
        return Err(StageError::new(Stage::Settings, Severity::Info, "Another choice was made meanwhile.", ""));
    }
    Ok(tried)
}
