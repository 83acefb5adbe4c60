//! Whether a file may vanish while it is open: it lies on a stick, a memory card or another machine.
//!
//! A file that is mapped into memory must stay: a page that cannot be read any more ends the process. So such files are
//! read into memory instead. What this does not cover: a built-in disk that fails, and a mapped file that another program
//! cuts short in its place (copying over it; replacing it by a rename does no harm).

use std::path::Path;

/// See above. What cannot be found out counts as "stays".
#[must_use]
pub fn may_vanish(path: &Path) -> bool {
    std::fs::canonicalize(path).is_ok_and(|real| system::may_vanish(&real))
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    /// Kinds of file systems whose files lie on another machine, or on what is mostly a stick.
    const AFAR: [&str; 12] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse", "vfat", "exfat", "davfs"];

    /// Reads the table of mounts and, of a disk, where it is plugged in. The mount itself is never asked: one whose other
    /// side is gone does not answer.
    pub(super) fn may_vanish(path: &Path) -> bool {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let Some(mount) = super::mount_of(path, &table) else { return false };
        let afar = AFAR.iter().any(|kind| mount.kind == *kind || mount.kind.starts_with("fuse."));
        afar || on_usb(Path::new("/sys"), &mount.device)
    }

    fn on_usb(sys: &Path, device: &str) -> bool {
        let place = sys.join("dev/block").join(device);
        let Ok(real) = std::fs::canonicalize(&place) else { return false };
        let plugged = real.components().any(|part| part.as_os_str().to_string_lossy().starts_with("usb"));
        // A partition's folder lies in that of its disk.
        let marked = |dir: &Path| std::fs::read_to_string(dir.join("removable")).is_ok_and(|text| text.trim() == "1");
        plugged || marked(&real) || real.parent().is_some_and(marked)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    pub(super) fn may_vanish(path: &Path) -> bool {
        let disks = sysinfo::Disks::new_with_refreshed_list();
        let disk = disks.list().iter().filter(|disk| path.starts_with(disk.mount_point())).max_by_key(|disk| disk.mount_point().as_os_str().len());
        disk.is_none_or(sysinfo::Disk::is_removable)
    }
}

/// Where a file is mounted.
#[cfg(target_os = "linux")]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount {
    /// `major:minor`.
    device: String,
    /// `ext4`, `nfs4`, …
    kind: String,
}

/// The line of `/proc/self/mountinfo` that this file belongs to: `36 35 98:0 /root /mount options optional… - kind source options`.
#[cfg(target_os = "linux")]
fn mount_of(path: &Path, table: &str) -> Option<Mount> {
    let mut best: Option<(usize, Mount)> = None;
    for line in table.lines() {
        let Some((left, right)) = line.split_once(" - ") else { continue };
        let mut fields = left.split(' ').skip(2);
        let (Some(device), Some(point), Some(kind)) = (fields.next(), fields.nth(1), right.split(' ').next()) else { continue };
        // Blanks are written as \040.
        let point = point.replace("\\040", " ");
        // Of two mounts on one place the later one is seen.
        if path.starts_with(&point) && best.as_ref().is_none_or(|(length, _)| point.len() >= *length) {
            best = Some((point.len(), Mount { device: device.to_owned(), kind: kind.to_owned() }));
        }
    }
    best.map(|(_, mount)| mount)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    const TABLE: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
        27 1 254:0 / / rw,noatime shared:1 - ext4 /dev/root rw\n\
        40 27 8:17 / /media/me/MY\\040STICK rw shared:9 - vfat /dev/sdb1 rw\n\
        41 27 0:55 / /home/me/net rw - nfs4 server:/x rw\nnonsense\n42 27\n";

    #[test]
    fn a_file_belongs_to_the_longest_mount_above_it() {
        let of = |path: &str| mount_of(Path::new(path), TABLE).map(|m| (m.device, m.kind));
        let is = |device: &str, kind: &str| Some((device.to_owned(), kind.to_owned()));
        assert_eq!(of("/home/me/a.gguf"), is("254:0", "ext4"));
        assert_eq!(of("/home/me/net/a.gguf"), is("0:55", "nfs4"));
        assert_eq!(of("/home/me/network/a.gguf"), is("254:0", "ext4"));
        assert_eq!(of("/media/me/MY STICK/models/a.gguf"), is("8:17", "vfat"));
        assert_eq!(mount_of(Path::new("/x"), "broken"), None);
    }

    #[test]
    fn a_file_of_the_built_in_disk_stays_and_a_missing_one_is_no_question() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("a.gguf");
        std::fs::write(&file, "x").unwrap();
        assert!(!may_vanish(&file));
        assert!(!may_vanish(&here.path().join("none")));
    }
}
