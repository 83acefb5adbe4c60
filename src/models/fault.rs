//! What is said when a model could not be listed, put in place, verified or removed.

use crate::error::{Severity, Stage, StageError, on_one_line, reason};
use std::fmt;
use std::io;
use std::path::Path;

/// What kind of fault it is, for those who act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no such model, file or folder.
    Missing,
    /// The bytes are not those of a model that can be used.
    Refused,
    /// The bytes are not the announced ones.
    WrongHash,
    /// Another program works on the same model.
    Busy,
    /// A model of this name is installed already.
    Taken,
    /// There is no room on the disk.
    NoRoom,
    /// The folder or file may not be changed.
    ReadOnly,
    /// There is no way to the server.
    Offline,
    /// The server does not hand it out, or not all of it.
    Network,
    /// The person said no to a file whose hash is not ours.
    Declined,
    /// Reading or writing failed.
    Io,
}

/// One sentence that says what happened and one that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallError {
    /// What kind of fault it is.
    pub fault: Fault,
    /// What happened, one sentence.
    pub message: String,
    /// What to do, one sentence; empty when there is nothing to do.
    pub hint: String,
}

impl InstallError {
    /// Puts the two sentences together.
    pub fn new(fault: Fault, message: impl Into<String>, hint: impl Into<String>) -> Self {
        InstallError { fault, message: on_one_line(message.into()), hint: on_one_line(hint.into()) }
    }

    /// A file whose bytes are refused; `why` is a part of a sentence without a full stop.
    pub(crate) fn refused(path: &Path, why: &str) -> Self {
        let message = format!("{} cannot be used: {}.", path.display(), why.trim_end_matches('.'));
        Self::new(Fault::Refused, message, "Copy or download it again, or choose another file.")
    }

    /// A file or folder that cannot be read.
    pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Self::new(Fault::Missing, format!("{} is not there.", path.display()), "Look at how its name is written.");
        }
        let message = format!("{} cannot be read: {}.", path.display(), reason(error));
        Self::new(Fault::Io, message, "Allow reading it, or copy it again.")
    }

    /// A place in the store that cannot be written.
    pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Self {
        let (fault, hint) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                (Fault::NoRoom, "Make room on the disk and try again; nothing half-written was left.")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                (Fault::ReadOnly, "Choose a folder of your own: [models] folder in the settings, or the variable HARK_MODELS.")
            }
            _ => (Fault::Io, "Look at the folder and the disk, then try again."),
        };
        Self::new(fault, format!("{} could not be written: {}.", path.display(), reason(error)), hint)
    }

    pub(crate) fn no_room(folder: &Path, needs: u64, free: u64) -> Self {
        let message = format!("There is no room in {}: {} are needed, {} are free.", folder.display(), size(needs), size(free));
        Self::new(Fault::NoRoom, message, "Make room on that disk, or choose another folder in the settings.")
    }
}

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hint.is_empty() { f.write_str(&self.message) } else { write!(f, "{} {}", self.message, self.hint) }
    }
}

impl std::error::Error for InstallError {}

impl From<InstallError> for StageError {
    fn from(error: InstallError) -> Self {
        StageError::new(Stage::Desktop, Severity::Turn, error.message, error.hint)
    }
}

/// Bytes as people read them: `63 MB`, `1.9 GB` (powers of ten, as on a shop's label).
#[must_use]
pub fn size(bytes: u64) -> String {
    let figure = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.0} kB", figure / 1e3),
        1_000_000..10_000_000 => format!("{:.1} MB", figure / 1e6),
        10_000_000..1_000_000_000 => format!("{:.0} MB", figure / 1e6),
        _ => format!("{:.1} GB", figure / 1e9),
    }
}
