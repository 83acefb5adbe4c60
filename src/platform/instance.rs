//! One window at a time: a lock that the system takes back when its owner ends, however it ends.

use crate::platform::files;
use std::fs::{File, TryLockError};
use std::path::Path;

/// Another window of this user has the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Hark is already running.")]
pub struct AlreadyRunning;

/// The right to be the only window; given back when dropped.
#[derive(Debug)]
pub struct Instance {
    /// Open while the lock is held. `None`: the folder cannot be written or locked, so nobody can be told apart.
    lock: Option<File>,
}

impl Instance {
    /// Takes the lock `hark.lock` in `dir` (made when missing). Where the system cannot lock (a read-only folder, some
    /// network file systems) the program runs all the same: a second window is a nuisance, none is worse.
    ///
    /// # Errors
    /// [`AlreadyRunning`] when another process, or another part of this one, has it.
    pub fn acquire(dir: &Path) -> Result<Instance, AlreadyRunning> {
        let opened = files::private_folder(dir)
            .and_then(|()| File::options().create(true).truncate(false).write(true).read(true).open(dir.join("hark.lock")));
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                tracing::warn!(%error, "no lock file, a second window cannot be told");
                return Ok(Instance { lock: None });
            }
        };
        match file.try_lock() {
            Ok(()) => Ok(Instance { lock: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(AlreadyRunning),
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "this folder has no locks, a second window cannot be told");
                Ok(Instance { lock: None })
            }
        }
    }

    /// Whether a second window would be told.
    #[must_use]
    pub fn is_exclusive(&self) -> bool {
        self.lock.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_is_told_and_the_next_one_after_the_end_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("not/there/yet");
        let first = Instance::acquire(&place).unwrap();
        assert!(first.is_exclusive());
        assert_eq!(Instance::acquire(&place).unwrap_err().to_string(), "Hark is already running.");
        drop(first);
        assert!(Instance::acquire(&place).unwrap().is_exclusive());
    }

    #[test]
    fn a_place_that_cannot_be_written_does_not_keep_the_window_away() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(!Instance::acquire(&dir.path().join("file")).unwrap().is_exclusive());
    }
}
