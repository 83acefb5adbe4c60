//! Files of others, opened so that nothing hangs; files of ours, written so that nobody else reads them and nothing planted is
//! followed; and one file from its check to its load.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of the longest description of a voice that is read: published ones have some kB.
pub const LARGEST_CONFIG: u64 = 4 << 20;

/// Opens a file for reading. A pipe, a device, a socket or a folder is refused without waiting: opening a pipe waits for a writer
/// that may never come, and a device may have no end.
///
/// # Errors
/// As [`File::open`], and what it is instead of a file, as a part of a sentence.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NO_WAIT);
    let file = match options.open(path) {
        // What an open socket answers says nothing to a person.
        Err(error) => return Err(fs::metadata(path).ok().and_then(|meta| no_file(&meta)).unwrap_or(error)),
        Ok(file) => file,
    };
    match no_file(&file.metadata()?) {
        Some(error) => Err(error),
        None => Ok(file),
    }
}

/// `O_NONBLOCK` stays on: it changes nothing for a file on a disk, and files of `/proc` may wait otherwise.
#[cfg(unix)]
const NO_WAIT: i32 = (rustix::fs::OFlags::NONBLOCK.bits() | rustix::fs::OFlags::NOCTTY.bits()) as i32;

fn no_file(about: &fs::Metadata) -> Option<io::Error> {
    let kind = about.file_type();
    if kind.is_file() {
        return None;
    }
    #[cfg(unix)]
    let what = {
        use std::os::unix::fs::FileTypeExt;
        match () {
            () if kind.is_dir() => "a folder",
            () if kind.is_fifo() => "a pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        }
    };
    #[cfg(not(unix))]
    let what = if kind.is_dir() { "a folder" } else { "a device" };
    Some(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what} and no file")))
}

/// Reads a text of at most `most` bytes.
///
/// # Errors
/// As [`open()`]; [`io::ErrorKind::InvalidData`] when it is longer or no UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text"))
}

/// Makes a folder that only its owner can enter, with those above it; one of ours that others could enter is closed to them.
///
/// # Errors
/// As [`fs::create_dir_all`].
pub fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let about = fs::metadata(folder)?;
        if about.mode() & 0o077 != 0 && about.uid() == rustix::process::geteuid().as_raw() {
            // A file system without modes has nothing to close.
            let _ = fs::set_permissions(folder, PermissionsExt::from_mode(0o700));
        }
    }
    Ok(())
}

/// Writes a file that only its owner can read, in one step: a draft with a random name beside it, which no link can be planted
/// for, takes its place. Its folder is there.
///
/// # Errors
/// When it cannot be written; then the old file is as it was.
pub fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_private(file, &mut |draft| draft.write_all(bytes))
}

/// [`write_private`] with what `write` does, on the disk when it returns.
///
/// # Errors
/// As [`write_private`].
pub fn replace_private(file: &Path, write: &mut dyn FnMut(&mut File) -> io::Result<()>) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // 0600 and exclusive on every system.
    let mut draft = tempfile::Builder::new().prefix(".hark-").tempfile_in(folder)?;
    write(draft.as_file_mut())?;
    draft.as_file().sync_all()?;
    draft.persist(file)?;
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        // The rename itself is on the disk only after this; some file systems cannot do it, the file is complete anyway.
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Creates a file that a person named for a result, readable by its owner only: what is heard or said is a person's. One that is
/// there is emptied and keeps its mode; a link that another user laid into a shared folder is not followed.
///
/// # Errors
/// As [`File::create`].
pub fn create_result(path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    if let Ok(about) = fs::symlink_metadata(path)
        && about.is_symlink()
    {
        use std::os::unix::fs::MetadataExt;
        if ![0, rustix::process::geteuid().as_raw()].contains(&about.uid()) {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is another user's link"));
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file that was checked and is loaded by an engine that wants a path.
#[derive(Debug)]
pub struct Checked {
    file: File,
    path: PathBuf,
}

impl Checked {
    /// `file` was opened at `path`.
    #[must_use]
    pub fn new(file: File, path: &Path) -> Self {
        Checked { file, path: path.to_owned() }
    }

    /// What the engine is given, while this lives. On Linux it is the open file itself, whatever lies at its path by now.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        #[cfg(target_os = "linux")]
        {
            use std::os::fd::AsRawFd;
            let open = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
            if open.exists() {
                return open;
            }
        }
        self.path.clone()
    }

    /// Asked after the load: where the engine had the path, the file there must still be the one that was checked.
    ///
    /// # Errors
    /// When it is another one, as a part of a sentence.
    pub fn must_be_the_same(&self) -> io::Result<()> {
        let same = || self.file.metadata().ok().and_then(|about| Identity::of(&about)) == Identity::at(&self.path);
        if self.path() != self.path || same() { Ok(()) } else { Err(io::Error::other("it was exchanged while it was being loaded")) }
    }
}

/// Which file it is and in which state: of two equal ones the content is the same, unless the clock was turned back or the disk
/// was written past the system. (The time of the last change of a file's inode cannot be set by whoever writes it.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// Length, bytes.
    pub bytes: u64,
    /// Time of its last change, ns since 1970.
    changed: u64,
    /// Number of its inode, and time of the inode's last change, ns since 1970; 0 where the system has none.
    #[serde(default)]
    inode: u64,
    #[serde(default)]
    touched: u64,
}

impl Identity {
    /// Of the file at a path; `None`: there is none.
    #[must_use]
    pub fn at(path: &Path) -> Option<Self> {
        Self::of(&fs::metadata(path).ok()?)
    }

    /// Of these; `None`: no file.
    #[must_use]
    pub fn of(about: &fs::Metadata) -> Option<Self> {
        if !about.is_file() {
            return None;
        }
        let changed = about.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
        let changed = u64::try_from(changed.as_nanos()).ok()?;
        #[cfg(unix)]
        let (inode, touched) = {
            use std::os::unix::fs::MetadataExt;
            (
                about.ino() ^ about.dev().rotate_left(32),
                about.ctime().wrapping_mul(1_000_000_000).wrapping_add(about.ctime_nsec()).unsigned_abs(),
            )
        };
        #[cfg(not(unix))]
        let (inode, touched) = (0, 0);
        Some(Identity { bytes: about.len(), changed, inode, touched })
    }

    /// Of several files together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Identity {
            bytes: self.bytes.wrapping_add(other.bytes),
            changed: self.changed.wrapping_mul(31).wrapping_add(other.changed),
            inode: self.inode.wrapping_mul(31).wrapping_add(other.inode),
            touched: self.touched.wrapping_mul(31).wrapping_add(other.touched),
        }
    }
}

#[cfg(all(test, unix))]
#[path = "files_tests.rs"]
mod tests;
