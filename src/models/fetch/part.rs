//! The unfinished file on the disk: `<name>.part`, its hash as far as it goes, and `<name>.part.toml`, which says where
//! it came from.

use super::FetchError;
use super::http::Trouble;
use super::resume::{Head, Resume};
use crate::error::reason;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// The system is asked to really write after so many bytes, so that the end is no long wait and a full disk is noticed.
const SYNC_EVERY: u64 = 64 << 20;
/// Nobody's note is longer.
const NOTE_LIMIT: u64 = 64 << 10;

/// What is kept beside a part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Address, without user, password and parameters.
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// The part of one file.
#[derive(Debug)]
pub struct Part {
    folder: PathBuf,
    name: String,
    file: Option<File>,
    len: u64,
    unsynced: u64,
    hasher: Sha256,
    note: Option<Note>,
}

impl Part {
    /// Looks at what is there and reads it once for its hash. `on_bytes` is told of each piece and says whether to go on;
    /// `Ok(None)`: it said no.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn open(folder: &Path, name: &str, on_bytes: &mut dyn FnMut(u64) -> bool) -> Result<Option<Part>, FetchError> {
        let mut part =
            Part { folder: folder.to_owned(), name: name.to_owned(), file: None, len: 0, unsynced: 0, hasher: Sha256::new(), note: None };
        let path = part.path();
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() => {}
            // A link would lead the bytes somewhere else; nobody of us makes one.
            Ok(data) if data.is_symlink() => {
                fs::remove_file(&path).map_err(|e| cannot_write(&path, &e))?;
                return Ok(Some(part));
            }
            Ok(_) => return Err(cannot_write(&path, &ErrorKind::IsADirectory.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Some(part)),
            Err(error) => return Err(cannot_write(&path, &error)),
        }
        part.note = read_note(&part.note_path());
        if part.note.is_none() {
            // Bytes of unknown origin are of no use.
            part.discard()?;
            return Ok(Some(part));
        }
        let Some((hasher, len)) = hash_file(&path, on_bytes).map_err(|e| cannot_write(&path, &e))? else { return Ok(None) };
        (part.hasher, part.len) = (hasher, len);
        Ok(Some(part))
    }

    /// So many bytes are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// SHA-256 of what is there.
    pub fn sha256(&self) -> String {
        hex(&self.hasher.clone().finalize())
    }

    /// The size that was said by the server where it came from.
    pub fn total(&self) -> Option<u64> {
        self.note.as_ref()?.total
    }

    /// Whether it came from this address.
    pub fn is_from(&self, url: &str) -> bool {
        self.len > 0 && self.note.as_ref().is_some_and(|note| note.source == public(url))
    }

    /// How to go on at this address; `None`: only from the beginning.
    pub fn resume(&self, url: &str) -> Option<Resume> {
        let note = self.note.as_ref().filter(|_| self.is_from(url))?;
        // A weak tag says "about the same", which is not enough for bytes.
        let strong = note.etag.clone().filter(|tag| !tag.starts_with("W/"));
        // Anything else cannot stand in a request, so that none could be made as long as the note is there.
        let sayable = |text: &String| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let validator = strong.clone().or_else(|| note.last_modified.clone()).filter(sayable)?;
        Some(Resume { from: self.len, validator, etag: strong, last_modified: note.last_modified.clone(), total: note.total })
    }

    /// Forgets what is there; bytes of this answer follow.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn start(&mut self, url: &str, head: &Head, total: Option<u64>) -> Result<(), FetchError> {
        self.file = None;
        (self.len, self.unsynced, self.hasher) = (0, 0, Sha256::new());
        // First the old bytes, then the old note: a kill in between leaves no bytes with a wrong note.
        let path = self.path();
        let file = File::create(&path).map_err(|e| self.fault(&path, &e))?;
        let (etag, last_modified) = (head.etag.clone(), head.last_modified.clone());
        let note = Note { source: public(url), etag, last_modified, total };
        let note_path = self.note_path();
        write_note(&note, &note_path).map_err(|e| self.fault(&note_path, &e))?;
        (self.note, self.file) = (Some(note), Some(file));
        Ok(())
    }

    /// More bytes of it.
    ///
    /// # Errors
    /// The disk is full or does not take them; what was written before stays.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        let path = self.path();
        let mut file = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).open(&path).map_err(|e| self.fault(&path, &e))?,
        };
        let mut rest = bytes;
        while !rest.is_empty() {
            match file.write(rest) {
                Ok(0) => return Err(self.fault(&path, &ErrorKind::WriteZero.into())),
                Ok(written) => {
                    let (taken, left) = rest.split_at_checked(written).unwrap_or((rest, &[]));
                    self.hasher.update(taken);
                    self.len += taken.len() as u64;
                    self.unsynced += taken.len() as u64;
                    rest = left;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.fault(&path, &error)),
            }
        }
        if self.unsynced >= SYNC_EVERY {
            file.sync_data().map_err(|e| self.fault(&path, &e))?;
            self.unsynced = 0;
        }
        self.file = Some(file);
        Ok(())
    }

    /// Deletes it.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn discard(&mut self) -> Result<(), FetchError> {
        self.file = None;
        (self.len, self.unsynced, self.hasher, self.note) = (0, 0, Sha256::new(), None);
        for path in [self.path(), self.note_path()] {
            match fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(cannot_write(&path, &error)),
            }
        }
        Ok(())
    }

    /// Gives it its final name, once the disk has all of it.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written; the part stays.
    pub fn finish(&mut self) -> Result<(), FetchError> {
        let (path, last) = (self.path(), self.folder.join(&self.name));
        let file = match self.file.take() {
            Some(file) => file,
            // Windows wants it open for writing before it flushes.
            None => OpenOptions::new().append(true).open(&path).map_err(|e| self.fault(&path, &e))?,
        };
        file.sync_all().map_err(|e| self.fault(&path, &e))?;
        drop(file);
        fs::rename(&path, &last).map_err(|e| cannot_write(&last, &e))?;
        sync_folder(&self.folder);
        Part::forget(&self.folder, &self.name);
        Ok(())
    }

    /// Deletes what a file that is there does not need any more. A kill may have left it; it harms nobody.
    pub fn forget(folder: &Path, name: &str) {
        for end in ["part", "part.toml", "part.toml.new"] {
            let _ = fs::remove_file(folder.join(format!("{name}.{end}")));
        }
    }

    /// A fault of the disk as a person sees it.
    fn fault(&self, path: &Path, error: &io::Error) -> FetchError {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::WriteZero => FetchError::DiskFull { name: self.name.clone() },
            ErrorKind::FileTooLarge => {
                FetchError::CannotWrite { path: path.display().to_string(), why: "this disk does not take files of that size".to_owned() }
            }
            _ => cannot_write(path, error),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.part", self.name))
    }

    fn note_path(&self) -> PathBuf {
        self.folder.join(format!("{}.part.toml", self.name))
    }
}

impl From<FetchError> for Trouble {
    /// Faults of the disk: no other address would help.
    fn from(error: FetchError) -> Trouble {
        Trouble::End(error)
    }
}

/// Reads a file and counts its hash and its bytes; `Ok(None)`: `on_bytes` said stop.
///
/// # Errors
/// Those of the disk.
pub fn hash_file(path: &Path, on_bytes: &mut dyn FnMut(u64) -> bool) -> io::Result<Option<(Sha256, u64)>> {
    let mut file = File::open(path)?;
    let (mut hasher, mut len) = (Sha256::new(), 0_u64);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok(Some((hasher, len))),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        len += count as u64;
        if !on_bytes(len) {
            return Ok(None);
        }
    }
}

/// A hash as it is written everywhere.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The sentence for a file or folder that does not take anything.
pub fn cannot_write(path: &Path, error: &io::Error) -> FetchError {
    let why = match error.kind() {
        ErrorKind::IsADirectory => "a folder stands there".to_owned(),
        _ => reason(error),
    };
    FetchError::CannotWrite { path: path.display().to_string(), why }
}

fn read_note(path: &Path) -> Option<Note> {
    let mut text = String::new();
    File::open(path).ok()?.take(NOTE_LIMIT).read_to_string(&mut text).ok()?;
    toml::from_str(&text).ok()
}

fn write_note(note: &Note, path: &Path) -> io::Result<()> {
    let text = toml::to_string(note).map_err(io::Error::other)?;
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, format!("# Hark goes on with the unfinished file beside this by these.\n{text}"))?;
    fs::rename(&new, path)
}

/// What may be written down of an address: no user, no password, no parameters.
pub(crate) fn public(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    // What is no address may still hold a password.
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    format!("{scheme}://{server}/{path}")
}

/// A rename is only certain when the folder is on the disk too. Some systems cannot do that to folders; then it is as
/// certain as they make it.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
