//! Small texts that are kept in the cache folder: what was found out once and need not be found out at the next start.

use crate::platform::files;
use std::path::{Path, PathBuf};

/// Bytes of the longest one.
const LONGEST: u64 = 1 << 20;

/// A file that holds one such text.
#[derive(Clone, Debug)]
pub struct Note {
    file: Option<PathBuf>,
}

impl Note {
    /// The text of this name in the cache folder; without a folder nothing is kept.
    #[must_use]
    pub fn new(cache: Option<&Path>, kind: &str, name: &str) -> Self {
        Note { file: cache.map(|folder| folder.join(kind).join(name)) }
    }

    /// What was kept; `None`: nothing that can be read.
    #[must_use]
    pub fn recall(&self) -> Option<String> {
        files::read_text(self.file.as_ref()?, LONGEST).ok()
    }

    /// Keeps it for the next start; that it cannot be kept costs only time then.
    pub fn keep(&self, text: &str) {
        let Some((file, folder)) = self.file.as_ref().and_then(|file| Some((file, file.parent()?))) else { return };
        let done = files::private_folder(folder).and_then(|()| files::write_private(file, text.as_bytes()));
        if let Err(error) = done {
            tracing::info!(%error, file = %file.display(), "what was found out could not be kept");
        }
    }

    /// Forgets what turned out to be wrong.
    pub fn forget(&self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}
