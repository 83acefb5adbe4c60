//! Small texts that are kept in the cache folder: what was found out once and need not be found out at the next start.

use std::path::{Path, PathBuf};

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
        std::fs::read_to_string(self.file.as_ref()?).ok()
    }

    /// Keeps it for the next start; that it cannot be kept costs only time then.
    pub fn keep(&self, text: &str) {
        let Some((file, folder)) = self.file.as_ref().and_then(|file| Some((file, file.parent()?))) else { return };
        // Written beside and renamed, so that another start never reads half of it.
        let draft = file.with_extension(format!("{}.draft", std::process::id()));
        let done = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&draft, text)).and_then(|()| std::fs::rename(&draft, file));
        if let Err(error) = done {
            let _ = std::fs::remove_file(&draft);
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
