//! What can go wrong while files are fetched, sorted by what the person can do about it.

use super::resume::WEB_PAGE;
use crate::error::{Severity, Stage, StageError};
use serde::{Deserialize, Serialize};

/// Why a file did not come. Its text is one sentence; [`FetchError::hint`] is the other one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchError {
    /// No way to the server: offline, a wrong name, a proxy, a certificate, a cut line.
    #[error("{host} cannot be reached: {why}.")]
    Unreachable {
        /// The server.
        host: String,
        /// The cause in plain words.
        why: String,
    },
    /// The server has no such file.
    #[error("{host} does not have the file {name} any more.")]
    NotFound {
        /// The file.
        name: String,
        /// The server.
        host: String,
    },
    /// The server said no.
    #[error("{host} does not hand the file {name} out (status {status}).")]
    Refused {
        /// The file.
        name: String,
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
    },
    /// What came is no such file: a page, a wrong size, a compressed answer.
    #[error("What {host} sends is not the file {name}: {why}.")]
    WrongContent {
        /// The file.
        name: String,
        /// The server.
        host: String,
        /// What is wrong with it.
        why: String,
    },
    /// All of it came, and it is another file. It was deleted.
    #[error("The file {name} is not the expected one and was deleted: its SHA-256 is {got}, expected was {expected}.")]
    WrongHash {
        /// The file.
        name: String,
        /// Expected SHA-256.
        expected: String,
        /// SHA-256 of what came.
        got: String,
    },
    /// It is known beforehand that the disk has no room.
    #[error("The disk has no room for the file {name}: {} more are needed, {} are free.", size(*needs_bytes), size(*free_bytes))]
    NoRoom {
        /// The file.
        name: String,
        /// Bytes that are still to come.
        needs_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// The disk was full in the middle; what came is kept.
    #[error("The disk is full; the part of {name} that is already there is kept.")]
    DiskFull {
        /// The file.
        name: String,
    },
    /// The folder or the disk takes no files.
    #[error("{path} cannot be written: {why}.")]
    CannotWrite {
        /// The file or folder.
        path: String,
        /// The cause in plain words.
        why: String,
    },
    /// The server went silent, again and again.
    #[error("{host} sent nothing for {seconds} s, several times.")]
    Stalled {
        /// The server.
        host: String,
        /// So long was waited each time.
        seconds: u64,
    },
    /// Another program fetches into the same folder.
    #[error("Another Hark is already fetching into {path}.")]
    Busy {
        /// The folder.
        path: String,
    },
    /// The child is gone without a result.
    #[error("The part of Hark that fetches files ended in the middle: {why}.")]
    ChildEnded {
        /// The cause in plain words.
        why: String,
    },
    /// The job makes no sense.
    #[error("This cannot be fetched: {why}.")]
    BadJob {
        /// What is wrong with it.
        why: String,
    },
}

impl FetchError {
    /// What to do, one sentence.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            FetchError::Unreachable { .. } => {
                "Check the connection (and HTTPS_PROXY, if there is a proxy) and try again; without network, files can be imported."
            }
            FetchError::NotFound { .. } => "Take another model, or get the file by other means and import it.",
            FetchError::Refused { status: 401 | 403 | 451, .. } => {
                "Its makers may want an account or a consent first: get it with a browser and import it."
            }
            // "In a moment": the server is busy or was too slow.
            FetchError::Refused { status: 408 | 425 | 429, .. } => "Try again later; what has come so far is kept.",
            FetchError::Refused { status: 400..500, .. } => "Take another model, or get the file by other means and import it.",
            FetchError::Refused { .. } => "Try again later; what has come so far is kept.",
            FetchError::WrongContent { why, .. } if why == WEB_PAGE => {
                "A network that wants a login answers like this: open a browser, log in, try again."
            }
            FetchError::WrongContent { .. } => "Try again later, or another mirror.",
            FetchError::WrongHash { .. } => "Try again, or another mirror; if it stays so, the file was changed or damaged there.",
            FetchError::NoRoom { .. } | FetchError::DiskFull { .. } => "Free some space, or choose another models folder, and try again.",
            FetchError::CannotWrite { .. } => "Choose a models folder that you may write to, and try again.",
            FetchError::Stalled { .. } => "Try again later: it goes on where it stopped.",
            FetchError::Busy { .. } => "Wait until that one is done, or end it.",
            FetchError::ChildEnded { .. } => "Try again: it goes on where it stopped.",
            FetchError::BadJob { .. } => "Please report this.",
        }
    }
}

impl From<FetchError> for StageError {
    /// A file that did not come is no loss: what is installed works on.
    fn from(error: FetchError) -> StageError {
        let hint = error.hint();
        StageError::new(Stage::Settings, Severity::Info, error.to_string(), hint)
    }
}

/// A size for people: three digits are enough.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes.div_ceil(1_000_000)),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes % 1_000_000_000 / 100_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_two_sentences_that_survive_the_pipe() {
        let s = |text: &str| text.to_owned();
        let (name, host, why, path) = (s("m.gguf"), s("hub.test"), s("it rains"), s("/models"));
        let all = [
            FetchError::Unreachable { host: host.clone(), why: why.clone() },
            FetchError::NotFound { name: name.clone(), host: host.clone() },
            FetchError::Refused { name: name.clone(), host: host.clone(), status: 403 },
            FetchError::Refused { name: name.clone(), host: host.clone(), status: 418 },
            FetchError::Refused { name: name.clone(), host: host.clone(), status: 503 },
            FetchError::WrongContent { name: name.clone(), host: host.clone(), why: why.clone() },
            FetchError::WrongHash { name: name.clone(), expected: s("aa"), got: s("bb") },
            FetchError::NoRoom { name: name.clone(), needs_bytes: 5_123_456_789, free_bytes: 1 },
            FetchError::DiskFull { name },
            FetchError::CannotWrite { path: path.clone(), why: why.clone() },
            FetchError::Stalled { host, seconds: 30 },
            FetchError::Busy { path },
            FetchError::ChildEnded { why: why.clone() },
            FetchError::BadJob { why },
        ];
        for error in all {
            let text = error.to_string();
            assert!(text.ends_with('.') && !text.contains(".."), "{text}");
            assert!(error.hint().ends_with('.'), "{}", error.hint());
            let json = serde_json::to_string(&error).unwrap();
            assert_eq!(serde_json::from_str::<FetchError>(&json).unwrap(), error);
            let stage: StageError = error.into();
            assert_eq!((stage.severity, stage.message), (Severity::Info, text));
        }
    }

    #[test]
    fn the_hint_is_for_this_very_refusal() {
        let (name, host) = ("m.gguf".to_owned(), "hub.test".to_owned());
        let refused = |status| FetchError::Refused { name: name.clone(), host: host.clone(), status }.hint();
        for busy in [408, 425, 429, 503] {
            assert!(refused(busy).contains("Try again later"), "{busy}");
        }
        assert!(refused(403).contains("account") && refused(418).contains("another model"));
        let wrong = |why: &str| FetchError::WrongContent { name: name.clone(), host: host.clone(), why: why.into() }.hint();
        assert!(wrong(WEB_PAGE).contains("login"));
        assert_eq!(wrong("it has 5 bytes, not 6"), "Try again later, or another mirror.");
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!([size(0), size(1), size(1_500_000), size(5_123_456_789)], ["0 kB", "1 kB", "2 MB", "5.1 GB"].map(str::to_owned));
    }
}
