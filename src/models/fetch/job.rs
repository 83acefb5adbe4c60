//! What is to be fetched, and what is said of it: the messages between the two processes, as plain values.

use super::FetchError;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Files to get, one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// The files.
    pub files: Vec<JobFile>,
    /// Where `<name>.part`, then `<name>` are written; it is made when it is not there.
    pub folder: PathBuf,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    /// Its name in the folder: no path.
    pub name: String,
    /// Where it can be had; the first that answers is taken. A part is gone on with where it came from.
    pub urls: Vec<String>,
    /// Its size, where it is known.
    pub bytes: Option<u64>,
    /// Its SHA-256, 64 hexadecimal digits, where it is known.
    pub sha256: Option<String>,
    /// The size and the hash are certain: anything else is refused and deleted. Otherwise it is kept and reported.
    pub strict: bool,
}

/// How far a fetch is. Said at most ten times a second for each file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Bytes are about to come.
    Started {
        /// The file.
        name: String,
        /// Its size, where somebody said it.
        total: Option<u64>,
        /// So many bytes were there already.
        resumed_at: u64,
    },
    /// Bytes came.
    Bytes {
        /// The file.
        name: String,
        /// So many are there.
        done: u64,
        /// Its size, where somebody said it.
        total: Option<u64>,
        /// Speed of the last seconds.
        per_second: f64,
        /// Time left at this speed, seconds.
        seconds_left: Option<f64>,
    },
    /// Something went wrong, and it goes on.
    Retrying {
        /// The file.
        name: String,
        /// What went wrong, one sentence.
        why: String,
        /// Which try in a row without a byte this was.
        attempt: u32,
    },
    /// Bytes that are on the disk are read again, because their hash must be known.
    Verifying {
        /// The file.
        name: String,
    },
    /// It is there, under its final name.
    Done {
        /// The file.
        name: String,
        /// Its size.
        bytes: u64,
        /// Its SHA-256, 64 lower-case hexadecimal digits.
        sha256: String,
        /// Whether this is the expected hash; `None`: none was expected.
        as_expected: Option<bool>,
    },
}

/// A file that is there, under its final name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether this is the expected hash; `None`: none was expected.
    pub as_expected: Option<bool>,
}

impl Job {
    /// Whether it can be worked on at all: names without paths, addresses of the web, hashes that are hashes.
    ///
    /// # Errors
    /// [`FetchError::BadJob`].
    pub fn check(&self) -> Result<(), FetchError> {
        let bad = |why: String| Err(FetchError::BadJob { why });
        for (at, file) in self.files.iter().enumerate() {
            let name = &file.name;
            // What is not allowed on one system is refused on all. `.part` and leading dots are ours.
            let strange = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
            if name.is_empty() || name.len() > 200 || name.starts_with('.') || name.ends_with(['.', ' ']) || name.contains(strange) {
                return bad(format!("\"{}\" is no name for a file", name.escape_debug()));
            }
            let lower = name.to_lowercase();
            if lower.ends_with(".part") || lower.ends_with(".part.toml") {
                return bad(format!("\"{name}\" is a name for unfinished files"));
            }
            if self.files[..at].iter().any(|other| other.name.to_lowercase() == lower) {
                return bad(format!("\"{name}\" stands in it twice"));
            }
            if file.urls.is_empty() {
                return bad(format!("it does not say where \"{name}\" can be had"));
            }
            if let Some(url) = file.urls.iter().find(|url| !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme))) {
                return bad(format!("\"{}\" is no address of the web", super::part::public(url).escape_debug()));
            }
            if file.sha256.as_ref().is_some_and(|hash| hash.len() != 64 || !hash.bytes().all(|b| b.is_ascii_hexdigit())) {
                return bad(format!("the SHA-256 of \"{name}\" does not have 64 hexadecimal digits"));
            }
        }
        Ok(())
    }
}

impl JobFile {
    /// Whether a file with this hash is the expected one; `None`: no hash is expected.
    pub(super) fn as_expected(&self, sha256: &str) -> Option<bool> {
        self.sha256.as_ref().map(|expected| expected.eq_ignore_ascii_case(sha256))
    }

    /// The size that it must have.
    pub(super) fn required_bytes(&self) -> Option<u64> {
        self.bytes.filter(|_| self.strict)
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
