//! What the child that fetches says, and what an answer of a server means. The types are those of `hark::models::fetch`,
//! which names the network.

#[path = "../../../src/models/fetch/message.rs"]
pub mod message;
#[path = "../../../src/models/fetch/part.rs"]
pub mod part;
#[path = "../../../src/models/fetch/problem.rs"]
mod problem;
#[path = "../../../src/models/fetch/resume.rs"]
pub mod resume;

pub use problem::FetchError;

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The one thing that the part names there.
pub mod http {
    /// As in Hark.
    #[derive(Debug)]
    pub enum Trouble {
        End(super::FetchError),
    }
}

/// As in Hark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    pub files: Vec<JobFile>,
    pub folder: PathBuf,
}

/// As in Hark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFile {
    pub name: String,
    pub urls: Vec<String>,
    pub bytes: Option<u64>,
    pub sha256: Option<String>,
    pub strict: bool,
}

/// As in Hark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Started { name: String, total: Option<u64>, resumed_at: u64 },
    Bytes { name: String, done: u64, total: Option<u64>, per_second: f64, seconds_left: Option<f64> },
    Retrying { name: String, why: String, attempt: u32 },
    Verifying { name: String },
    Done { name: String, bytes: u64, sha256: String, as_expected: Option<bool> },
}

/// As in Hark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
    pub as_expected: Option<bool>,
}

/// There is always room.
pub fn free_bytes(_: &Path) -> Option<u64> {
    Some(u64::MAX)
}
