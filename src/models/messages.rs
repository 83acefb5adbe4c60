//! What the window and the threads behind the model page say to each other: commands go down as imperatives, events come up
//! in the past tense.

use super::catalog::{Evidence, ModelKind};
use super::listing::Listing;
use crate::error::StageError;
use std::path::PathBuf;
use std::sync::Arc;

/// What the window wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManagerCommand {
    /// Look what is there. The codes of the languages that the person speaks decide what is recommended.
    Refresh(Vec<String>),
    /// Get these models, one after the other; what an earlier try left is gone on with.
    Pull(Vec<String>),
    /// Stop the work on this model (or import); `None`: on all. What came so far stays for the next try.
    Stop(Option<String>),
    /// Take over a file, a folder or a pack.
    Import(PathBuf),
    /// Remove an installed model.
    Remove(String),
    /// Compare an installed model's files with what they should be.
    Verify(String),
    /// The answer to a [`Question`]: keep the file?
    Answer {
        /// The model.
        id: String,
        /// The file.
        file: String,
        /// Keep it.
        keep: bool,
    },
}

/// What is being done with a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Others come first.
    #[default]
    Waiting,
    /// Asking the sources.
    Starting,
    /// Bytes come.
    Fetching,
    /// The source failed, the next try follows.
    Retrying {
        /// Why, without a full stop.
        why: String,
        /// Number of the try.
        attempt: u32,
    },
    /// The files are compared with what they should be, looked through and put in place.
    Checking,
    /// Files are copied from a folder.
    Copying,
}

/// How far the work on a model is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// The model, or the path of an import.
    pub id: String,
    /// The file that is being worked on; empty: none yet.
    pub file: String,
    /// Bytes of the model so far.
    pub done: u64,
    /// Bytes of the whole model; `None`: not known.
    pub total: Option<u64>,
    /// Bytes a second; 0: not known.
    pub per_second: f64,
    /// Seconds until it is there; `None`: not known.
    pub seconds_left: Option<f64>,
    /// What is being done.
    pub work: Work,
}

/// A file came whose hash is not one that we saw ourselves: the person decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// The model.
    pub id: String,
    /// The file.
    pub file: String,
    /// What came, bytes.
    pub bytes: u64,
    /// The SHA-256 of what came, hexadecimal.
    pub sha256: String,
    /// The SHA-256 of public lists; `None`: there is none.
    pub expected: Option<String>,
    /// What we know.
    pub evidence: Evidence,
}

/// What came of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Names of the models that can be used now.
    pub names: Vec<String>,
    /// Their kinds.
    pub kinds: Vec<ModelKind>,
    /// Sentences about files that cannot, or are doubtful.
    pub notes: Vec<String>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It was downloaded and put in place.
    Got,
    /// What was taken over, and what was not.
    Imported(Taken),
    /// It was removed.
    Removed,
    /// Its files can be used; `known`: and each is what it should be.
    Verified {
        /// It is known what they should be.
        known: bool,
    },
    /// The person stopped it; what came so far is kept.
    Stopped,
}

/// What the threads have to say.
#[derive(Clone, Debug, PartialEq)]
pub enum ManagerEvent {
    /// What is there.
    Listing(Arc<Listing>),
    /// Work goes on.
    Progress(Progress),
    /// The person is asked; answered by [`ManagerCommand::Answer`].
    Question(Question),
    /// Work on a model (or import) ended.
    Finished {
        /// The model, or the path of an import.
        id: String,
        /// How.
        result: Result<Done, StageError>,
    },
}
