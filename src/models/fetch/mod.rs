//! Getting files from the network: resumed, verified, and only then under their final name.
//!
//! **The window and the commands never open a network socket.** [`fetch`] starts a child of the same program
//! (`hark fetch-worker`), hands it the [`Job`] as one line of JSON on its stdin and reads [`Progress`] as lines of JSON
//! from its stdout. The child ([`worker_main`]) is the only code of the whole program that talks to the network, it hears
//! no microphone and sees no conversation. It ends by itself when its stdin closes, so also when the parent is killed.
//!
//! A file is written to `<name>.part`, with what is needed for going on later in `<name>.part.toml`. Only when all of it
//! is there, its hash is right and the disk has it, it is renamed to `<name>`. A child that is killed at any moment leaves
//! a part that the next one goes on with.
//!
//! Nothing in here knows of catalogs or of the store: addresses come in, files come out.

mod file;
mod http;
mod lock;
mod message;
mod parent;
mod part;
mod problem;
mod proxy;
mod resume;
mod space;
mod speed;
mod worker;

pub use parent::fetch;
pub use problem::FetchError;
pub use space::free_bytes;
pub use worker::worker_main;

use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// The name of the hidden command that the child is started with.
pub const WORKER_COMMAND: &str = "fetch-worker";

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

/// How patient a fetch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// No byte for so long: the next try. The first wait between two tries is a fortieth of it, each further one twice
    /// as long, at most 30 s.
    pub stall: Duration,
    /// So many tries in a row that bring nothing, for each address, then it is given up.
    pub tries: u32,
    /// The program that is run as child; `None`: this one.
    pub program: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options { stall: Duration::from_secs(30), tries: 5, program: None }
    }
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
                return bad(format!("\"{}\" is no address of the web", url.escape_debug()));
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
    fn as_expected(&self, sha256: &str) -> Option<bool> {
        self.sha256.as_ref().map(|expected| expected.eq_ignore_ascii_case(sha256))
    }

    /// The size that it must have.
    fn required_bytes(&self) -> Option<u64> {
        self.bytes.filter(|_| self.strict)
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
