//! The real thing behind the model page: the library, the catalog, the downloads.

use super::catalog::ModelKind;
use super::listing::{Here, Home, Listing};
use super::manager::{Desk, ModelServices};
use super::store::{self, ModelEntry};
use crate::config::paths::Surroundings;
use crate::error::{Severity, Stage, StageError};
use crate::turn::Outcome;
use std::path::{Path, PathBuf};

/// What [`ModelServices`] asks for, on this machine.
#[derive(Debug)]
pub struct Services {
    folders: Vec<PathBuf>,
}

impl Services {
    /// Services on these folders; the first one that can be written gets what is installed.
    #[must_use]
    pub fn of(_: &Surroundings, folders: Vec<PathBuf>) -> Self {
        Services { folders }
    }
}

fn unknown() -> StageError {
    StageError::new(Stage::Desktop, Severity::Turn, "This model is not in the list.", "Look again, or choose another.")
}

fn here(kind: ModelKind, entry: ModelEntry) -> Here {
    Here {
        id: entry.name.clone(),
        name: entry.name,
        kind,
        file: entry.path,
        bytes: entry.bytes,
        languages: Vec::new(),
        licence: String::new(),
        starter: entry.starter,
        home: if entry.starter { Home::Program } else { Home::Elsewhere },
        removable: false,
        verifiable: false,
    }
}

impl ModelServices for Services {
    fn list(&self, _: &[String]) -> Listing {
        let found = store::scan(&self.folders);
        let kinds = [(ModelKind::Stt, found.stt), (ModelKind::Chat, found.chat), (ModelKind::Voice, found.voices)];
        let installed = kinds.into_iter().flat_map(|(kind, all)| all.into_iter().map(move |entry| here(kind, entry))).collect();
        Listing { installed, ..Listing::default() }
    }

    fn pull(&self, _: &str, _: &Desk) -> Result<Outcome<()>, StageError> {
        Err(unknown())
    }

    fn import(&self, _: &Path, _: &Desk) -> Result<Outcome<Vec<String>>, StageError> {
        Err(unknown())
    }

    fn remove(&self, _: &str) -> Result<(), StageError> {
        Err(unknown())
    }

    fn verify(&self, _: &str, _: &Desk) -> Result<Outcome<()>, StageError> {
        Err(unknown())
    }
}
