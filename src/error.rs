//! What a stage reports when something went wrong: what happened, and what to do.

use crate::printable::is_hidden;
use std::fmt;
use std::io;

/// A part of the way from the key to the voice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The microphone.
    Capture,
    /// Speech to text.
    Stt,
    /// The chat model.
    Llm,
    /// Text to speech.
    Tts,
    /// The speaker.
    Playback,
    /// The settings file.
    Settings,
    /// The window, the global key and the rest of the desktop.
    Desktop,
}

impl Stage {
    /// The stages that have a worker thread, in the order of the way.
    pub const WORKERS: [Stage; 5] = [Stage::Capture, Stage::Stt, Stage::Llm, Stage::Tts, Stage::Playback];
}

/// How much is lost by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is lost; good to know.
    Info,
    /// This turn, or a part of it, is lost; the next one may work.
    Turn,
    /// The stage is out of work until the user changes something.
    Stage,
}

/// One sentence that says what happened and one that says what to do. Made once, at the worker's border.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StageError {
    /// Where it happened.
    pub stage: Stage,
    /// How much is lost.
    pub severity: Severity,
    /// What happened, one sentence.
    pub message: String,
    /// What to do, one sentence; empty when there is nothing to do.
    pub hint: String,
}

impl StageError {
    /// Puts the two sentences together with their place.
    pub fn new(stage: Stage, severity: Severity, message: impl Into<String>, hint: impl Into<String>) -> Self {
        StageError { stage, severity, message: on_one_line(message.into()), hint: on_one_line(hint.into()) }
    }
}

/// A sentence may quote a file or a device: a line break or an escape sequence in it would be obeyed by a terminal, and what
/// turns the direction of reading would be obeyed by the window, too ([`crate::printable`]).
pub(crate) fn on_one_line(text: String) -> String {
    if !text.contains(|c: char| c.is_control() || is_hidden(c)) {
        return text;
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect()
}

/// What the system says of a file, in plain words, as a part of a sentence.
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "the disk is full".to_owned(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "the system does not allow it".to_owned(),
        io::ErrorKind::NotADirectory => "a part of its path is a file, not a folder".to_owned(),
        _ => one_line(&error.to_string()),
    }
}

/// A library's own words, as a part of a sentence.
pub(crate) fn one_line(text: &str) -> String {
    // "(os error 2)" says nothing to a person.
    let text = text.split(" (os error").next().unwrap_or_default();
    text.trim().trim_end_matches('.').replace(['\n', '\r'], " ")
}

impl fmt::Display for StageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hint.is_empty() { f.write_str(&self.message) } else { write!(f, "{} {}", self.message, self.hint) }
    }
}

impl std::error::Error for StageError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sentence_quotes_cannot_move_a_terminal_s_cursor() {
        let error = StageError::new(Stage::Tts, Severity::Info, "The voice a\u{1b}[2J\nb is gone.", "Try\r\u{7}again.");
        assert_eq!((error.message.as_str(), error.hint.as_str()), ("The voice a [2J b is gone.", "Try  again."));
        assert_eq!(on_one_line("gpj\u{202e}.\u{2066}exe\u{200b}".to_owned()), "gpj.exe");
        assert_eq!(on_one_line("你好 — ok".to_owned()), "你好 — ok");
    }
}
