//! Speech to text: the trait, its options and results. `whisper.rs` is the real engine.

pub mod chinese;
pub mod guard;
mod hearing;
pub mod pieces;
#[cfg(test)]
mod shortcut_tests;
mod trust;
pub mod whisper;
pub mod worker;

use crate::audio::Pcm16k;
use crate::error::{Severity, Stage, StageError};
use crate::private::Private;
use crate::turn::{CancelToken, Outcome};
use std::path::PathBuf;

/// Which language is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpokenLanguage {
    /// Always this one (ISO 639-1 code, as whisper writes it: `en`, `zh`, …).
    Fixed(String),
    /// Found out from the sound, among these; among all when empty.
    Detect(Vec<String>),
}

/// What the user may choose about hearing.
#[derive(Clone, Debug, PartialEq)]
pub struct SttOptions {
    /// The language; an English-only model takes English whatever is said here.
    pub language: SpokenLanguage,
    /// Threads of the engine.
    pub threads: u32,
    /// Whether the time while the key is held is used.
    pub phrases: Phrases,
    /// The characters of Mandarin.
    pub script: chinese::ChineseScript,
}

/// What is done with a recording that goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phrases {
    /// It is transcribed at its pauses; the words are those of the whole recording as far as the model bears it.
    #[default]
    Auto,
    /// It is transcribed once, as a whole, when it is complete: the yardstick for the other.
    Off,
}

/// The words of a recording that goes on. `certain` and `uncertain` are to be joined with a blank unless one is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Words {
    /// Will most likely stay: worth being shown as they are and prefilled into the chat model.
    pub certain: Private,
    /// The newest ones, which what is said next may still change.
    pub uncertain: Private,
}

impl Words {
    /// All of them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.certain.clone();
        join(&mut text, &self.uncertain);
        text.into()
    }
}

/// Puts `words` behind `text`, with a blank between unless the writing has none.
pub(crate) fn join(text: &mut String, words: &str) {
    let unspaced = |c: Option<char>| c.is_some_and(guard::is_unspaced);
    let together = text.is_empty() || words.is_empty() || unspaced(text.chars().next_back()) && unspaced(words.chars().next());
    if !together {
        text.push(' ');
    }
    text.push_str(words);
}

/// What was heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// The words, trimmed. Empty: nothing was said.
    pub text: Private,
    /// ISO 639-1 code.
    pub language: String,
    /// Geometric mean of the token probabilities, 0 to 1.
    pub confidence: f32,
}

/// What an engine is and has loaded, for the status line and `doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct EngineInfo {
    /// The engine: `whisper.cpp`, `llama.cpp`, `vits`, `espeak-ng`, `fake`, or a device's host.
    pub engine: String,
    /// The name of the model, voice or device, for people.
    pub name: String,
    /// True for the small models that come with the program.
    pub starter: bool,
}

/// What can go wrong, by what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum TranscribeError {
    /// The file is not there.
    #[error("The speech model {} was not found.", .0.display())]
    ModelMissing(PathBuf),
    /// The file is there and is no usable whisper model.
    #[error("The speech model {} cannot be used: {reason}.", path.display())]
    ModelCorrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without a full stop.
        reason: String,
    },
    /// The machine has not enough memory for it.
    #[error("There is not enough memory for the speech model {}.", .0.display())]
    OutOfMemory(PathBuf),
    /// The engine gave up on this clip.
    #[error("The speech engine could not work on this recording: {0}.")]
    Engine(String),
    /// The first load was tried elsewhere and went wrong.
    #[error("{}", .0.message)]
    Refused(StageError),
}

impl From<TranscribeError> for StageError {
    fn from(error: TranscribeError) -> Self {
        let (severity, hint) = match &error {
            TranscribeError::Refused(reason) => return reason.clone(),
            TranscribeError::ModelMissing(_) => {
                (Severity::Stage, "Put a ggml whisper file into the models folder, or choose one with --stt FILE.")
            }
            TranscribeError::ModelCorrupt { .. } => {
                (Severity::Stage, "Choose another file with --stt FILE or in the settings; if it was copied or downloaded, do that again.")
            }
            TranscribeError::OutOfMemory(_) => (Severity::Stage, "Close other programs or choose a smaller speech model."),
            TranscribeError::Engine(_) => (Severity::Turn, "Please say it again, or type it."),
        };
        StageError::new(Stage::Stt, severity, error.to_string(), hint)
    }
}

/// An engine that turns speech into text. Blocking; built on the thread that uses it.
pub trait Transcriber {
    /// Transcribes one utterance. `on_partial` gets the text so far, whole, each time more of it is known.
    ///
    /// # Errors
    /// See [`TranscribeError`]. A clip without speech is no error: the text is empty.
    fn transcribe(
        &mut self,
        pcm: &Pcm16k,
        options: &SttOptions,
        cancel: &CancelToken,
        on_partial: &mut dyn FnMut(&str),
    ) -> Result<Outcome<Transcript>, TranscribeError>;

    /// What is loaded.
    fn info(&self) -> EngineInfo;
}
