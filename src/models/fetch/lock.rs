//! One worker for a folder: two that write the same part would mix their bytes.

use super::FetchError;
use super::part::cannot_write;
use crate::clock;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A worker whose parent was killed ends within half a second; this is long enough to outlast it.
const PATIENCE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(30);

/// Its name in the folder. It holds the number of the process and is gone when the work is done.
pub const LOCK_NAME: &str = ".fetch.lock";

/// The folder is ours until this is dropped, or until this process ends in whatever way.
#[derive(Debug)]
pub struct FolderLock {
    file: File,
    path: PathBuf,
}

impl FolderLock {
    /// Waits a few seconds for another worker's end. `Ok(None)`: cancelled.
    ///
    /// # Errors
    /// [`FetchError::Busy`], or the folder cannot be written.
    pub fn take(folder: &Path, cancelled: &dyn Fn() -> bool) -> Result<Option<FolderLock>, FetchError> {
        let path = folder.join(LOCK_NAME);
        let deadline = clock::now().plus(PATIENCE);
        loop {
            if cancelled() {
                return Ok(None);
            }
            // Opened anew each time: the one who had it has deleted it.
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(|e| cannot_write(&path, &e))?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    let mut lock = FolderLock { file, path };
                    lock.sign();
                    return Ok(Some(lock));
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    // Some network drives know no locks; without one is better than not at all.
                    tracing::warn!(%error, "the models folder knows no locks");
                    return Ok(Some(FolderLock { file, path }));
                }
            }
            if clock::now() >= deadline {
                return Err(FetchError::Busy { path: folder.display().to_string() });
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The number of this process, for people who wonder who it is.
    fn sign(&mut self) {
        let _ = self.file.set_len(0).and_then(|()| writeln!(self.file, "{}", std::process::id()));
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // While it is still locked, so that nobody's else is deleted.
        if is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the file that is open is still the one at this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_at_a_time_and_nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(dir.path(), &|| false).unwrap().unwrap();
        let text = fs::read_to_string(dir.path().join(LOCK_NAME)).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
        assert!(matches!(FolderLock::take(dir.path(), &|| false), Err(FetchError::Busy { .. })));
        assert!(FolderLock::take(dir.path(), &|| true).unwrap().is_none());
        drop(lock);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        // One that a killed worker left is taken over.
        fs::write(dir.path().join(LOCK_NAME), "4711").unwrap();
        drop(FolderLock::take(dir.path(), &|| false).unwrap().unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn one_who_waits_gets_the_folder_and_there_is_never_a_second() {
        use std::sync::atomic::{AtomicU32, Ordering};
        let dir = tempfile::tempdir().unwrap();
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..8 {
                        let lock = FolderLock::take(dir.path(), &|| false).unwrap().unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
    }
}
