//! What the child that fetches says, and what an answer of a server means. `hark::models::fetch` itself names the
//! network.

#[path = "../../../src/models/fetch/job.rs"]
mod job;
#[path = "../../../src/models/fetch/message.rs"]
pub mod message;
#[path = "../../../src/models/fetch/part.rs"]
pub mod part;
#[path = "../../../src/models/fetch/problem.rs"]
mod problem;
#[path = "../../../src/models/fetch/resume.rs"]
pub mod resume;

pub use job::{Fetched, Job, JobFile, Progress};
pub use problem::FetchError;

use std::path::Path;

/// The one thing that the part names there.
pub mod http {
    /// As in Hark.
    #[derive(Debug)]
    pub enum Trouble {
        End(super::FetchError),
    }
}

/// There is always room.
pub fn free_bytes(_: &Path) -> Option<u64> {
    Some(u64::MAX)
}
