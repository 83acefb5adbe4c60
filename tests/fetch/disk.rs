//! Disks that are full, read-only or small, and two who want the same folder.

use crate::hub::{Fault, Hub};
use crate::{Dice, MB, NAME, PATH, assert_all_there, exact, options, part_len, pull, pull_with, unknown};
use hark::models::fetch::{FetchError, Options, free_bytes};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program).args(args).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A disk in memory. Only root may make one.
struct Mount(PathBuf);

impl Mount {
    fn new(folder: &Path, how: &str) -> Option<Mount> {
        run("mount", &["-t", "tmpfs", "-o", how, "tmpfs", folder.to_str()?]).then(|| Mount(folder.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        run("umount", &[self.0.to_str().unwrap()]);
    }
}

#[test]
fn a_full_disk_is_said_and_the_part_is_used_when_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(dir.path(), "size=512k") else {
        println!("skipped: needs the right to mount");
        return;
    };
    let body = Dice(1).bytes(MB);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    // No size is known beforehand, so it is only noticed when it happens.
    hub.script(PATH, [Fault::Chunked(0)]);
    let file = unknown(&[hub.url(PATH)]);
    let error = pull(&mount.0, &file).unwrap_err();
    assert_eq!(error, FetchError::DiskFull { name: NAME.into() });
    assert!(!mount.0.join(NAME).exists());
    let there = part_len(&mount.0).unwrap();
    assert!(there > 300_000, "{there}");
    assert!(run("mount", &["-o", "remount,size=4m", mount.0.to_str().unwrap()]));
    let before = hub.sent(PATH);
    pull(&mount.0, &file).unwrap();
    assert_all_there(&mount.0, &body, "with room");
    assert_eq!(hub.sent(PATH) - before, MB as u64 - there);
}

#[test]
fn a_disk_that_is_too_small_is_known_before_the_first_byte() {
    let dir = tempfile::tempdir().unwrap();
    let Some(free) = free_bytes(dir.path()) else {
        println!("skipped: needs a disk whose free space the system tells");
        return;
    };
    let hub = Hub::start();
    hub.put(PATH, vec![1; 1000]);
    hub.script(PATH, [Fault::Announce(usize::try_from(free).unwrap() * 2)]);
    let error = pull(dir.path(), &unknown(&[hub.url(PATH)])).unwrap_err();
    let FetchError::NoRoom { needs_bytes, .. } = error else { panic!("{error}") };
    assert_eq!(needs_bytes, free * 2);
    assert_eq!(part_len(dir.path()), Some(0));
}

#[test]
fn a_folder_that_takes_no_files_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let hub = Hub::start();
    hub.put(PATH, vec![1; 1000]);
    let file = unknown(&[hub.url(PATH)]);
    let in_the_way = dir.path().join("a file");
    std::fs::write(&in_the_way, "x").unwrap();
    let error = pull(&in_the_way.join("models"), &file).unwrap_err();
    assert!(error.to_string().contains("cannot be written"), "{error}");
    std::fs::create_dir(dir.path().join(NAME)).unwrap();
    let error = pull(dir.path(), &file).unwrap_err();
    assert!(error.to_string().ends_with("a folder stands there."), "{error}");

    let closed = dir.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    // Root may write anywhere but on a disk that is mounted read-only.
    let mount = Mount::new(&closed, "ro");
    let mut rights = std::fs::metadata(&closed).unwrap().permissions();
    if mount.is_none() {
        rights.set_readonly(true);
        std::fs::set_permissions(&closed, rights).unwrap();
        if std::fs::write(closed.join("x"), "x").is_ok() {
            println!("skipped: needs a user whom rights of files bind, or the right to mount");
            return;
        }
    }
    let error = pull(&closed, &file).unwrap_err();
    assert!(error.to_string().ends_with("cannot be written: the system does not allow it."), "{error}");
    assert_eq!(hub.asked().len(), 0, "nobody was asked for what cannot be kept");
}

/// Sticks with an old file system take 4 GB; here it is 256 kB.
#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_large_files_is_said_and_nothing_else_happens() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("small-files-only");
    // Written by another process: one that is open for writing in this one could not be run.
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 512\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_hark"));
    assert!(run("sh", &["-c", "printf %s \"$1\" >\"$2\" && chmod +x \"$2\"", "sh", &text, script.to_str().unwrap()]));
    let body = Dice(2).bytes(MB);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    let (folder, file) = (dir.path().join("models"), exact(&[hub.url(PATH)], &body));
    let limited = Options { program: Some(script), ..options() };
    let error = pull_with(&folder, &file, &limited).0.unwrap_err();
    assert!(error.to_string().ends_with("this disk does not take files of that size."), "{error}");
    let there = part_len(&folder).unwrap();
    assert!((200_000..700_000).contains(&there), "{there}");
    pull(&folder, &file).unwrap();
    assert_all_there(&folder, &body, "on a good disk");
    assert_eq!(hub.asked().last().unwrap().headers["range"], format!("bytes={there}-"));
}

#[test]
fn two_who_fetch_into_one_folder_do_not_mix() {
    let body = Dice(3).bytes(MB);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    let file = exact(&[hub.url(PATH)], &body);
    for (piece, pause, both) in [(64 << 10, 10, true), (16 << 10, 80, false)] {
        let dir = tempfile::tempdir().unwrap();
        hub.script(PATH, [Fault::Drip(piece, Duration::from_millis(pause))]);
        let results: Vec<_> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..2).map(|_| scope.spawn(|| pull(dir.path(), &file))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_all_there(dir.path(), &body, "two at once");
        let busy = results.iter().filter(|result| matches!(result, Err(FetchError::Busy { .. }))).count();
        let good = results.iter().filter(|result| result.is_ok()).count();
        // A short fetch is waited for, a long one is not.
        assert_eq!((good, busy), if both { (2, 0) } else { (1, 1) }, "{results:?}");
        assert_eq!(hub.sent(PATH), MB as u64 * if both { 1 } else { 2 }, "nothing was fetched twice");
    }
}
