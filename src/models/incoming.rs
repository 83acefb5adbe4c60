//! Where models wait until they are whole: `<models>/.incoming/`. The final place only ever holds verified files, because
//! a model gets there by one rename of its folder, after everything in it was forced to the disk.
//!
//! ```text
//! .incoming/<id>/          a download; it stays when it is broken off, and is gone on with
//! .incoming/import-<id>/   a copy of local files; it goes when it is broken off
//! .incoming/trash-<id>-…/  a model that is being deleted
//! .incoming/<id>.lock      locked by the program that works on this model
//! ```

use super::catalog::ModelKind;
use super::fault::{Fault, InstallError};
use super::record::Record;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Name of the folder.
pub const FOLDER: &str = ".incoming";
/// More than any accident leaves.
const MOST_LEFTOVERS: usize = 1000;

/// The folder of models of this kind in a store.
#[must_use]
pub fn kind_folder(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Stt => "stt",
        ModelKind::Chat => "chat",
        ModelKind::Voice => "voices",
        ModelKind::Vad => "vad",
        ModelKind::Embedding => "embedding",
    }
}

/// Whether a download goes on after a break, or a copy starts anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What is there already is kept, also when it fails.
    Download,
    /// Begins with an empty folder and leaves none when it fails.
    Copy,
}

/// A model that is on its way. No other program works on it meanwhile. Dropping it gives it up.
#[derive(Debug)]
pub struct Incoming {
    root: PathBuf,
    id: String,
    folder: PathBuf,
    way: Way,
    placed: bool,
    /// Held until the end.
    _lock: File,
}

impl Incoming {
    /// Makes the folder for a model of this kind and name (see [`super::names::is_id`]) and locks it.
    ///
    /// # Errors
    /// When another program works on it, or the store cannot be written.
    pub fn begin(root: &Path, kind: ModelKind, id: &str, way: Way) -> Result<Self, InstallError> {
        let waiting = root.join(FOLDER);
        fs::create_dir_all(&waiting).map_err(|error| InstallError::unwritable(root, &error))?;
        on_one_disk(&waiting, &root.join(kind_folder(kind)))?;
        let Some(lock) = lock(&waiting, id)? else {
            let message = format!("Another program is working on the model {id} at this moment.");
            return Err(InstallError::new(Fault::Busy, message, "Wait until it is done, then try again."));
        };
        let folder = folder_of(&waiting, id, way);
        if way == Way::Copy {
            delete(&folder).map_err(|error| InstallError::unwritable(&folder, &error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| InstallError::unwritable(&folder, &error))?;
        Ok(Incoming { root: root.to_owned(), id: id.to_owned(), folder, way, placed: false, _lock: lock })
    }

    /// Where its files are to be put.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Writes the record, forces everything to the disk and renames the folder to its final place. The record's name must
    /// be the one that is locked.
    ///
    /// # Errors
    /// When something stands at the final place, or it cannot be written.
    pub fn place(mut self, record: &Record) -> Result<PathBuf, InstallError> {
        let folder = self.folder.clone();
        let unwritable = |error: io::Error| InstallError::unwritable(&folder, &error);
        for file in &record.files {
            settle(&folder.join(&file.name)).map_err(unwritable)?;
        }
        tidy(&folder, record).map_err(unwritable)?;
        record.write(&folder).map_err(unwritable)?;
        settle_folder(&folder);
        let shelf = self.root.join(kind_folder(record.kind));
        fs::create_dir_all(&shelf).map_err(|error| InstallError::unwritable(&shelf, &error))?;
        let place = shelf.join(&self.id);
        // A rename over a link or a file may succeed.
        if occupied(&place) {
            return Err(taken(&self.id, &place));
        }
        fs::rename(&folder, &place).map_err(|error| InstallError::unwritable(&place, &error))?;
        self.placed = true;
        if self.way == Way::Copy {
            // A download of it that was broken off is not needed any more.
            let _ = delete(&folder_of(&self.root.join(FOLDER), &self.id, Way::Download));
        }
        settle_folder(&shelf);
        Ok(place)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.placed && self.way == Way::Copy {
            // What cannot be deleted now is deleted by the next installation (`sweep`).
            let _ = delete(&self.folder);
        }
    }
}

/// Deletes what a download needed on its way and what the record does not name.
fn tidy(folder: &Path, record: &Record) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !record.files.iter().any(|file| entry.file_name() == file.name.as_str()) {
            let path = entry.path();
            if entry.file_type()?.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
    }
    Ok(())
}

/// Whether something stands where a model should go. An empty folder is nothing and is taken away: no command could remove it,
/// as no model is in it.
pub(crate) fn occupied(place: &Path) -> bool {
    if fs::symlink_metadata(place).is_ok_and(|about| about.is_dir()) {
        // Fails where anything is in it.
        let _ = fs::remove_dir(place);
    }
    fs::symlink_metadata(place).is_ok()
}

/// What is said when something stands where a model should go.
pub(crate) fn taken(id: &str, place: &Path) -> InstallError {
    if Record::read(place).is_none() {
        let message = format!("{} is in the way: the model {id} would be put there.", place.display());
        return InstallError::new(Fault::Taken, message, "Move it elsewhere first, then try again.");
    }
    let message = format!("A model called {id} is already at {}.", place.display());
    InstallError::new(Fault::Taken, message, format!("Remove it first with hark models remove {id}."))
}

/// A model gets to its shelf by a rename, which does not lead to another disk: that is better known before 5 GB came. A shelf
/// that does not exist yet is made beside `waiting`.
fn on_one_disk(waiting: &Path, shelf: &Path) -> Result<(), InstallError> {
    if fs::symlink_metadata(shelf).is_err() {
        return Ok(());
    }
    let there = fs::metadata(shelf).map_err(|error| InstallError::unwritable(shelf, &error))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if fs::metadata(waiting).is_ok_and(|here| here.dev() != there.dev()) {
            let message = format!("The folder {} is on another disk than {}.", shelf.display(), waiting.display());
            let hint = "Link the whole models folder to that disk instead, or choose a folder there in the settings.";
            return Err(InstallError::new(Fault::Io, message, hint));
        }
    }
    #[cfg(not(unix))]
    let _ = (waiting, there);
    Ok(())
}

fn folder_of(waiting: &Path, id: &str, way: Way) -> PathBuf {
    match way {
        Way::Download => waiting.join(id),
        Way::Copy => waiting.join(format!("import-{id}")),
    }
}

/// The lock of a model; `None`: somebody else has it. The file stays: removing it would let two programs hold a lock each.
fn lock(waiting: &Path, id: &str) -> Result<Option<File>, InstallError> {
    let path = waiting.join(format!("{id}.lock"));
    let unwritable = |error: io::Error| InstallError::unwritable(&path, &error);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        // Some network file systems have no locks; the rename at the end still keeps the final place whole.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(Some(file)),
        Err(TryLockError::Error(error)) => Err(unwritable(error)),
    }
}

/// Moves a folder of the store out of sight by one rename, then deletes it: a crash never leaves half a model visible.
///
/// # Errors
/// When it could not be moved; it is then as it was.
pub(crate) fn discard(root: &Path, id: &str, folder: &Path) -> Result<(), InstallError> {
    let waiting = root.join(FOLDER);
    fs::create_dir_all(&waiting).map_err(|error| InstallError::unwritable(root, &error))?;
    let Some(_lock) = lock(&waiting, id)? else {
        let message = format!("Another program is working on the model {id} at this moment.");
        return Err(InstallError::new(Fault::Busy, message, "Wait until it is done, then try again."));
    };
    let moved = (0..100_u32).find_map(|n| {
        let trash = waiting.join(format!("trash-{id}-{}-{n}", std::process::id()));
        match fs::symlink_metadata(&trash) {
            Ok(_) => None,
            Err(_) => Some(fs::rename(folder, &trash).map(|()| trash)),
        }
    });
    match moved {
        Some(Ok(trash)) => {
            // Gone for everybody; what cannot be deleted now (a file that is open on Windows) is deleted by `sweep`.
            let _ = delete(&trash);
            Ok(())
        }
        Some(Err(error)) => Err(InstallError::unwritable(folder, &error)),
        None => Err(InstallError::unwritable(&waiting, &io::Error::other("it is full of leftovers"))),
    }
}

/// Deletes what broken-off imports and removals left. Downloads stay, to be gone on with.
pub(crate) fn sweep(root: &Path) {
    let waiting = root.join(FOLDER);
    let Ok(entries) = fs::read_dir(&waiting) else { return };
    for entry in entries.take(MOST_LEFTOVERS).flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let leftover = if let Some(id) = name.strip_prefix("import-") {
            // Somebody who has the lock is still at it.
            lock(&waiting, id).ok().flatten()
        } else if name.starts_with("trash-") {
            delete(&entry.path()).unwrap_or_default();
            continue;
        } else {
            continue;
        };
        if leftover.is_some() {
            delete(&entry.path()).unwrap_or_default();
        }
    }
}

/// Bytes of the files of a folder.
pub(crate) fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MOST_LEFTOVERS).flatten();
    entries.filter_map(|entry| entry.metadata().ok()).fold(0, |sum, about| sum.saturating_add(about.len()))
}

fn delete(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Forces a file to the disk.
pub(crate) fn settle(path: &Path) -> io::Result<()> {
    // Windows wants the right to write for it.
    File::options().read(true).write(cfg!(windows)).open(path)?.sync_all()
}

/// Forces the names in a folder to the disk, where the system can.
pub(crate) fn settle_folder(folder: &Path) {
    if cfg!(unix)
        && let Ok(folder) = File::open(folder)
    {
        // Some file systems cannot; the files themselves are on the disk anyway.
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
#[path = "incoming_tests.rs"]
mod tests;
