//! How much room a disk has.

use crossbeam_channel::bounded;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sysinfo::{DiskRefreshKind, Disks};

/// A network drive that does not answer must not hold anybody up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are free where this folder is (or will be made); `None`: the system does not say.
#[must_use]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let folder = folder.to_owned();
    let (tx, rx) = bounded(1);
    std::thread::Builder::new()
        .name("hark-free-space".to_owned())
        .spawn(move || {
            // Nobody listens any more when it took too long.
            let _ = tx.send(existing(&folder).and_then(|there| ask(&there)));
        })
        .ok()?;
    rx.recv_timeout(PATIENCE).ok().flatten()
}

/// The nearest folder above that exists, with its real name: a link may lead to another disk.
fn existing(folder: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(folder).ok()?;
    // Windows' real names start with `\\?\`, and its disks are called `C:\`.
    let real = |path: &Path| if cfg!(unix) { path.canonicalize().ok() } else { path.exists().then(|| path.to_owned()) };
    absolute.ancestors().find_map(real)
}

fn ask(folder: &Path) -> Option<u64> {
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()).ok()?;
    // The longest mount point wins: /home/x is not on / when /home is a disk of its own.
    let candidates = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()) && same_disk(folder, disk.mount_point()));
    candidates.max_by_key(|disk| disk.mount_point().as_os_str().len()).map(sysinfo::Disk::available_space)
}

/// Not every mount is in the system's list; the room of another disk would be a lie.
#[cfg(unix)]
fn same_disk(folder: &Path, mount_point: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let device = |path: &Path| std::fs::metadata(path).map(|data| data.dev()).ok();
    device(folder).is_some_and(|ours| device(mount_point) == Some(ours))
}

#[cfg(not(unix))]
fn same_disk(_: &Path, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_stands_for_the_folder_that_it_leads_to() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(other.path(), dir.path().join("models")).unwrap();
        assert_eq!(existing(&dir.path().join("models/not/there")), other.path().canonicalize().ok());
        assert!(existing(Path::new("")).is_none_or(|place| place.is_dir()));
    }

    #[test]
    fn a_folder_that_is_still_to_be_made_has_the_room_of_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("not/yet/there");
        match (free_bytes(dir.path()), free_bytes(&deep)) {
            (Some(here), Some(there)) => {
                // Other programs write meanwhile.
                assert!(here > 0 && here.abs_diff(there) < 1 << 30, "{here} {there}");
            }
            (here, there) => {
                assert_eq!((here, there), (None, None));
                println!("skipped: needs a folder for temporary files on a disk that the system lists");
            }
        }
    }
}
