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
mod inside;
mod job;
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

pub use job::{Fetched, Job, JobFile, Progress};
pub use parent::fetch;
pub(crate) use part::public;
pub use problem::FetchError;
pub use space::free_bytes;
pub use worker::worker_main;

use std::path::PathBuf;
use std::time::Duration;

/// The name of the hidden command that the child is started with.
pub const WORKER_COMMAND: &str = "fetch-worker";

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
