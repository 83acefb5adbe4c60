//! The first load of a model file happens in a short-lived child of the same program, under limits of memory and time: what
//! would end the process there becomes a sentence here.
//!
//! The checks (`check`) refuse what is known to be wrong; this is for what nobody knows yet. What came out is remembered, so
//! that the child is started once for each file and each version of the program (`memory`).
//!
//! Cost: see [`ensure`].

mod child;
mod memory;

use crate::error::{Severity, Stage, StageError};
use crate::turn::CancelToken;
use memory::Memory;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Name of the hidden command that is the child.
pub const COMMAND: &str = "probe";

/// What kind of file it is, and with it which engine loads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeKind {
    /// A ggml whisper file.
    Stt,
    /// A GGUF chat model.
    Chat,
    /// The ONNX file of a voice; what belongs to it lies beside it.
    Voice,
}

impl ProbeKind {
    /// The word for the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            ProbeKind::Stt => "stt",
            ProbeKind::Chat => "chat",
            ProbeKind::Voice => "voice",
        }
    }

    /// The stage that would load it.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            ProbeKind::Stt => Stage::Stt,
            ProbeKind::Chat => Stage::Llm,
            ProbeKind::Voice => Stage::Tts,
        }
    }

    fn what(self) -> &'static str {
        match self {
            ProbeKind::Stt => "speech model",
            ProbeKind::Chat => "chat model",
            ProbeKind::Voice => "voice",
        }
    }
}

/// How a file is probed.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// The program that is started as child. `None`: this one, when it said that it knows the command ([`offer`]).
    pub program: Option<PathBuf>,
    /// It is ended after so long; `None`: by the size of the file ([`patience`]).
    pub timeout: Option<Duration>,
    /// The folder where verdicts are kept; `None`: nowhere.
    pub cache: Option<PathBuf>,
    /// SHA-256 of the file, 64 hexadecimal digits, where the store knows it: saves reading the file.
    pub sha256: Option<String>,
    /// Try again, whatever is remembered.
    pub again: bool,
    /// Ends the child early.
    pub cancel: CancelToken,
    /// Variables that the child gets beside those of this process; for tests.
    pub environment: Vec<(OsString, OsString)>,
}

impl Default for ProbeOptions {
    fn default() -> Self {
        ProbeOptions {
            program: None,
            timeout: None,
            cache: None,
            sha256: None,
            again: false,
            cancel: CancelToken::never(),
            environment: Vec::new(),
        }
    }
}

/// A file that an engine loaded, and that worked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probed {
    /// Time that the child took, ms; as it was then, when it is remembered.
    pub ms: u64,
    /// Whether it is known from before and no child was started.
    pub remembered: bool,
}

/// Why a file is not to be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// It ended the engine by this signal or exception (`SIGSEGV`).
    #[error("ends its engine at once ({0})")]
    Crashed(String),
    /// The engine gave itself up (`abort`).
    #[error("makes its engine give up at once")]
    Aborted,
    /// There was not enough memory for it.
    #[error("needs more memory than there is")]
    OutOfMemory,
    /// The system ended the child, which it does when memory is short.
    #[error("was ended by the system while it was being loaded, most likely because memory is short")]
    Killed,
    /// It was not done in this time.
    #[error("was not loaded within {} seconds", .0.as_secs_f64().ceil())]
    TooLong(Duration),
    /// The engine or a check says why not: a whole sentence, and what to do.
    #[error("{message}")]
    Refused {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A fault of ours in the child.
    #[error("met a fault inside this program while it was being tried")]
    Fault,
    /// The child ended without an answer.
    #[error("was tried without a result")]
    NoAnswer,
    /// The child was ended before it was done: nobody wants it any more, or a person or a guard of the memory sent a signal.
    #[error("was not tried to the end")]
    Cancelled,
    /// No child could be started; says why.
    #[error("could not be tried beforehand ({0})")]
    Unavailable(String),
}

impl ProbeError {
    /// As a notice of the stage that wanted to load it.
    #[must_use]
    pub fn at(&self, kind: ProbeKind, path: &Path) -> StageError {
        let stage = kind.stage();
        let message = match self {
            ProbeError::Refused { message, hint } => return StageError::new(stage, Severity::Stage, message, hint),
            other => format!("The {} {} {other}.", kind.what(), path.display()),
        };
        let hint = match self {
            ProbeError::OutOfMemory | ProbeError::Killed => "Close other programs or choose a smaller one.",
            ProbeError::TooLong(_) => "Try again when the computer has less to do, or choose a smaller one.",
            ProbeError::Cancelled | ProbeError::NoAnswer | ProbeError::Unavailable(_) => "Try again.",
            _ => "Choose another one; if it was copied or downloaded, do that again.",
        };
        StageError::new(stage, Severity::Stage, message, hint)
    }

    /// Whether another try with the same file would end in the same way.
    fn is_for_good(&self) -> bool {
        // A panic of ours may be for want of threads or of a place on the disk.
        match self {
            // A page of the file could not be read: a bad cable, a disk that was pulled out.
            ProbeError::Crashed(signal) => signal != "SIGBUS",
            error => *error == ProbeError::Aborted,
        }
    }
}

/// Forgets that a file was refused for good: somebody wants to see it tried once more.
pub fn forget(kind: ProbeKind, path: &Path, cache: Option<&Path>) {
    Memory::of(cache, kind, path, &CancelToken::never()).forget();
}

static OFFERED: AtomicBool = AtomicBool::new(false);

/// Says that the running program knows the command [`COMMAND`], so that it can be its own child. `main` says it; a test's
/// program does not, and would start all its tests when it was asked to probe.
pub fn offer() {
    OFFERED.store(true, Ordering::Relaxed);
}

/// How long a file of this size is waited for: half a minute, and what it takes to read it from a slow disk twice.
#[must_use]
pub fn patience(bytes: u64) -> Duration {
    Duration::from_secs(30).saturating_add(Duration::from_secs(bytes / 20_000_000))
}

/// Loads the file in a child and lets it work for a moment, unless it is known already how that ends.
///
/// # Errors
/// See [`ProbeError`].
pub fn probe(kind: ProbeKind, path: &Path, options: &ProbeOptions) -> Result<Probed, ProbeError> {
    let memory = Memory::of(options.cache.as_deref(), kind, path, &options.cancel);
    if memory.is_starter() {
        return Ok(Probed { ms: 0, remembered: true });
    }
    let known = if options.again { None } else { memory.recall(options.sha256.as_deref()) };
    if let Some(result) = known {
        return result;
    }
    let program = program(options)?;
    let before = memory.look();
    let bytes = std::fs::metadata(path).map_or(0, |about| about.len());
    let result = child::run(&child::Order {
        program: &program,
        kind,
        path,
        timeout: options.timeout.unwrap_or_else(|| patience(bytes)),
        environment: &options.environment,
        cancel: &options.cancel,
    });
    match &result {
        Ok(probed) => tracing::info!(file = %path.display(), ms = probed.ms, "the model was tried in a process of its own and works"),
        // Whoever asked says it.
        Err(error) => tracing::info!(file = %path.display(), ?error, "the model was tried in a process of its own and does not work"),
    }
    if result.as_ref().err().is_none_or(ProbeError::is_for_good) {
        memory.keep(&result, options.sha256.as_deref(), before);
    }
    result
}

/// [`probe`], to be called right before an engine loads the file in this process. Where no child can be started the engine
/// is let try: the checks still stand before it.
///
/// Remembered: 0.02 ms. A first time costs a load and a moment of work, and the load that follows finds the file in the page
/// cache: 5.9 s for the speech model, 11.2 s for the chat model that come with the program and 19 s for a Piper voice (most of
/// it the question whether it can be streamed, whose answer is kept for the load that follows), measured on two cores that
/// had six times as much to do as they can.
///
/// # Errors
/// What happened and what to do.
pub fn ensure(kind: ProbeKind, path: &Path, options: &ProbeOptions) -> Result<(), StageError> {
    match probe(kind, path, options) {
        Ok(_) => Ok(()),
        Err(ProbeError::Unavailable(reason)) => {
            tracing::info!(file = %path.display(), reason, "the model is loaded without having been tried");
            Ok(())
        }
        Err(error) => Err(error.at(kind, path)),
    }
}

fn program(options: &ProbeOptions) -> Result<PathBuf, ProbeError> {
    if let Some(program) = &options.program {
        return Ok(program.clone());
    }
    if !OFFERED.load(Ordering::Relaxed) {
        return Err(ProbeError::Unavailable("this program is no child of itself".to_owned()));
    }
    super::own_program::own_program().map_err(|error| ProbeError::Unavailable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_child_the_engine_is_let_try() {
        let options = ProbeOptions::default();
        let path = Path::new("/nowhere/model.gguf");
        assert!(matches!(probe(ProbeKind::Chat, path, &options), Err(ProbeError::Unavailable(_))));
        assert_eq!(ensure(ProbeKind::Chat, path, &options), Ok(()));
        let options = ProbeOptions { program: Some("/nowhere/hark".into()), ..options };
        assert_eq!(ensure(ProbeKind::Chat, path, &options), Ok(()));
    }

    #[test]
    fn each_end_is_two_sentences() {
        let path = Path::new("m.gguf");
        for error in [
            ProbeError::Crashed("SIGSEGV".to_owned()),
            ProbeError::Aborted,
            ProbeError::OutOfMemory,
            ProbeError::Killed,
            ProbeError::TooLong(Duration::from_millis(1500)),
            ProbeError::Refused { message: "The chat model m.gguf is no good.".to_owned(), hint: "Take another one.".to_owned() },
            ProbeError::Fault,
            ProbeError::NoAnswer,
            ProbeError::Cancelled,
        ] {
            let told = error.at(ProbeKind::Chat, path);
            assert!(told.message.starts_with("The chat model m.gguf ") && told.message.ends_with('.'), "{told}");
            assert!(told.hint.ends_with('.') && told.stage == Stage::Llm, "{told}");
        }
        assert!(ProbeError::TooLong(Duration::from_millis(1500)).to_string().contains("2 seconds"));
    }

    #[test]
    fn larger_files_are_waited_for_longer() {
        assert_eq!(patience(0), Duration::from_secs(30));
        assert_eq!(patience(5_000_000_000), Duration::from_secs(280));
        assert!(patience(u64::MAX) > patience(1));
    }
}
