//! Which engines and devices work behind the workers: the registry. A second implementation of an engine is a new file and
//! one line here.

use crate::audio::host::{InputFactory, OutputFactory};
use crate::config::{Config, EngineSet};
use crate::fakes;
use crate::llm::worker::ChatFactory;
use crate::llm::{ChatError, ChatModel};
use crate::stt::worker::TranscriberFactory;
use crate::stt::{TranscribeError, Transcriber};
use crate::tts::worker::VoiceFactory;
use std::path::PathBuf;
use std::sync::Arc;

/// Where sound comes from and goes to.
#[derive(Clone)]
pub struct Devices {
    /// The microphone; none: recordings are given ([`crate::event::UserAction::SubmitAudio`]) or text is typed.
    pub input: Option<InputFactory>,
    /// The speaker.
    pub output: OutputFactory,
}

/// What is said when no model file was found at all.
const NO_FILE: &str = "(none installed)";

/// Loads the speech model of this configuration.
#[must_use]
pub fn transcriber(config: &Config) -> TranscriberFactory {
    match config.engines {
        EngineSet::Fake => Arc::new(|| Ok(Box::new(fakes::engines::FakeTranscriber::default()) as Box<dyn Transcriber>)),
        EngineSet::Real => {
            let (model, threads) = (config.stt_model.clone(), config.stt.threads);
            Arc::new(move || {
                let path = model.clone().ok_or_else(|| TranscribeError::ModelMissing(PathBuf::from(NO_FILE)))?;
                Ok(Box::new(crate::stt::whisper::WhisperTranscriber::load(&path, threads)?) as Box<dyn Transcriber>)
            })
        }
    }
}

/// Loads the chat model of this configuration.
#[must_use]
pub fn chat(config: &Config) -> ChatFactory {
    match config.engines {
        EngineSet::Fake => Arc::new(|| Ok(Box::new(fakes::engines::FakeChat) as Box<dyn ChatModel>)),
        EngineSet::Real => {
            let (model, threads) = (config.chat_model.clone(), config.chat.threads);
            Arc::new(move || {
                let path = model.clone().ok_or_else(|| ChatError::ModelMissing(PathBuf::from(NO_FILE)))?;
                Ok(Box::new(crate::llm::llama::LlamaModelHandle::load(&path, threads)?) as Box<dyn ChatModel>)
            })
        }
    }
}

/// Loads the voice of this configuration.
#[must_use]
pub fn voice(config: &Config) -> VoiceFactory {
    match config.engines {
        EngineSet::Fake => Arc::new(|| Ok(Box::new(fakes::engines::FakeVoice::default()) as _)),
        EngineSet::Real => crate::tts::worker::factory(&config.voice, config.stt.threads),
    }
}
