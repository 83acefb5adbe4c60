//! Stores that cannot be written: full, read-only, of another user.

#![cfg(unix)]

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The superuser may write everywhere; then another user does the test.
fn may_write_everywhere(home: &Home) -> bool {
    let probe = home.path("probe");
    std::fs::create_dir(&probe).unwrap();
    permit(&probe, 0o555);
    std::fs::write(probe.join("x"), "").is_ok()
}

/// A checkout in a home that is closed to others cannot be run as another user.
fn nobody_gets_here() -> bool {
    let open = |dir: &Path| std::fs::metadata(dir).is_ok_and(|about| about.permissions().mode() & 0o001 != 0);
    Path::new(env!("CARGO_BIN_EXE_hark")).ancestors().all(open)
}

fn as_nobody(home: &Home, args: &[&str]) -> Option<Ended> {
    let mut command = home.hark(args);
    if may_write_everywhere(home) {
        if !nobody_gets_here() {
            println!("skipped: needs a user who is not the superuser, or a checkout that others may enter");
            return None;
        }
        command.uid(65_534).gid(65_534);
    }
    std::fs::remove_dir_all(home.path("probe")).unwrap();
    Some(ended(command))
}

#[test]
fn a_store_that_is_read_only_is_used_and_not_changed() {
    let home = Home::new();
    home.models(&["import", &home.voice("stick/anna", 1, 100)]).good();
    home.voice("stick/bo", 2, 100);
    permit(home.0.path(), 0o755);
    for folder in ["store", "store/voices", "store/voices/anna", "store/.incoming"] {
        permit(&home.path(folder), 0o555);
    }
    let before = home.store();
    let checks = [
        (vec!["models", "list"], "anna"),
        (vec!["models", "verify", "anna"], "have not changed since they came"),
        (vec!["models", "path", "anna"], "anna.onnx"),
    ];
    for (args, part) in checks {
        let Some(ended) = as_nobody(&home, &args) else { return };
        assert!(ended.good().out.contains(part), "{}", ended.out);
    }
    let bo = home.name("stick/bo.onnx");
    for args in [&["models", "import", &bo][..], &["models", "remove", "anna"]] {
        let Some(ended) = as_nobody(&home, args) else { return };
        ended.refused("the system does not allow it");
    }
    assert_eq!(home.store(), before);
    for folder in ["store", "store/voices", "store/voices/anna", "store/.incoming"] {
        permit(&home.path(folder), 0o755);
    }
}

#[test]
fn a_file_that_may_not_be_read_is_said() {
    let home = Home::new();
    permit(home.0.path(), 0o777);
    let file = home.voice("stick/anna", 1, 100);
    permit(&home.path("stick/anna.onnx"), 0o000);
    let Some(ended) = as_nobody(&home, &["models", "import", &file]) else { return };
    ended.refused("the system does not allow it");
    assert_eq!(home.store(), [""; 0]);
}

/// A small disk of its own; `None`: only the superuser can have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(at: PathBuf, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir_all(&at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(at));
        }
        println!("skipped: needs the right to mount a small disk");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_said_and_nothing_half_written_stays() {
    let home = Home::new();
    let Some(_disk) = SmallDisk::new(home.path("store"), "1m") else { return };
    let large = home.voice("stick/anna", 1, 3_000_000);
    home.models(&["import", &large]).refused("the disk is full");
    assert_eq!(home.store(), [""; 0]);
    // What fits when it begins, and no longer while it is copied: another file takes the room.
    let small = home.voice("stick/bo", 2, 200_000);
    home.models(&["import", &small]).good();
    std::fs::write(home.path("store/other"), vec![0; 750_000]).unwrap();
    let third = home.voice("stick/cleo", 3, 400_000);
    home.models(&["import", &third]).refused("the disk is full");
    assert!(home.store().iter().all(|name| !name.contains("cleo")), "{:?}", home.store());
    let pack = home.name("store/bo.harkpack");
    home.models(&["pack", "bo", "--out", &pack]).refused("the disk is full");
    assert!(!Path::new(&pack).exists());
    assert!(home.models(&["verify", "bo"]).good().out.contains("have not changed since they came"));
}

#[test]
fn a_disk_without_room_for_a_single_name_is_said() {
    let home = Home::new();
    let Some(_disk) = SmallDisk::new(home.path("store"), "1m,nr_inodes=4") else { return };
    // The root, `.incoming`, the lock, the folder: nothing is left for a file.
    let ended = home.models(&["import", &home.voice("stick/anna", 1, 100)]);
    ended.refused("the disk is full");
    assert_eq!(home.store(), [""; 0]);
}
