//! How much room a disk has.

use crossbeam_channel::bounded;
use std::path::Path;
use std::time::Duration;
use sysinfo::{DiskRefreshKind, Disks};

/// A network drive that does not answer must not hold anybody up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that are free where this folder is (or will be made); `None`: the system does not say.
#[must_use]
pub fn free_bytes(folder: &Path) -> Option<u64> {
    let absolute = std::path::absolute(folder).ok()?;
    let there = absolute.ancestors().find(|path| path.exists())?.to_owned();
    let (tx, rx) = bounded(1);
    std::thread::Builder::new()
        .name("hark-free-space".to_owned())
        .spawn(move || {
            // Nobody listens any more when it took too long.
            let _ = tx.send(ask(&there));
        })
        .ok()?;
    rx.recv_timeout(PATIENCE).ok().flatten()
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
