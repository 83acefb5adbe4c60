//! Kills: of the child and of the parent, at one hundred offsets each.
#![cfg(unix)]

use crate::hub::{Fault, Hub};
use crate::{Dice, MB, PATH, assert_all_there, assert_nothing_or_right, exact, in_parallel, job, part_len, patient, pull_with};
use hark::models::fetch::{FetchError, Job, fetch};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const LOCK: &str = ".fetch.lock";
/// Tells this test program that it is to be a parent.
const BE_A_PARENT: &str = "HARK_TEST_FETCH_JOB";

/// A hundred offsets: the edges, and random ones in each hundredth between.
fn offset(case: usize, size: usize) -> usize {
    match case {
        0 => 0,
        1 => 1,
        98 => size - 2,
        99 => size - 1,
        _ => size / 100 * case + Dice(case as u64).below(size / 100),
    }
}

#[track_caller]
fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The child writes its number into the lock.
fn child_of(folder: &Path) -> Option<i32> {
    std::fs::read_to_string(folder.join(LOCK)).ok()?.trim().parse().ok()
}

fn kill(process: i32) {
    let status = Command::new("kill").args(["-9", &process.to_string()]).stderr(Stdio::null()).status().unwrap();
    let _ = status; // it may have ended by itself
}

/// A folder with nobody in it: a process that is gone holds no lock.
fn is_free(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()) || !folder.join(LOCK).exists()
}

/// The hub holds the line at this offset, somebody is killed, and the next fetch only gets the rest.
fn killed_at(case: usize, kill_somebody: impl FnOnce(&Path, &Job)) {
    let mut dice = Dice(1000 + case as u64);
    let body = dice.bytes(MB);
    let offset = offset(case, MB);
    let when = format!("killed at byte {offset}");
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    hub.script(PATH, [Fault::HoldAt(offset)]);
    let dir = tempfile::tempdir().unwrap();
    let file = exact(&[hub.url(PATH)], &body);
    kill_somebody(dir.path(), &job(dir.path(), &file));
    assert_eq!(part_len(dir.path()), Some(offset as u64), "{when}");
    assert!(!dir.path().join(crate::NAME).exists(), "{when}");
    let before = hub.sent(PATH);
    assert_eq!(before, offset as u64, "{when}");
    pull_with(dir.path(), &file, &patient()).0.unwrap_or_else(|error| panic!("{when}: {error}"));
    assert_all_there(dir.path(), &body, &when);
    assert_eq!(hub.sent(PATH) - before, (MB - offset) as u64, "{when}: the part was not used");
}

#[test]
fn a_child_killed_at_100_offsets_leaves_a_part_that_the_next_fetch_goes_on_with() {
    in_parallel(100, |case| {
        killed_at(case, |folder, job| {
            let error = std::thread::scope(|scope| {
                let parent = scope.spawn(|| fetch(job, &patient(), &|| false, &mut |_| {}).unwrap_err());
                wait_until("bytes", || part_len(folder) == Some(offset(case, MB) as u64));
                kill(child_of(folder).unwrap());
                parent.join().unwrap()
            });
            assert_eq!(error, FetchError::ChildEnded { why: "it was killed".into() });
        });
    });
}

/// Not a test of its own: the process that the next test kills.
#[test]
fn a_parent_to_be_killed() {
    if let Ok(job) = std::env::var(BE_A_PARENT) {
        let job = serde_json::from_str(&job).unwrap();
        fetch(&job, &patient(), &|| false, &mut |_| {}).unwrap();
    }
}

#[test]
fn a_parent_killed_at_100_offsets_takes_its_child_with_it_and_the_next_fetch_goes_on() {
    in_parallel(100, |case| {
        killed_at(case, |folder, job| {
            let mut parent = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "kills::a_parent_to_be_killed"])
                .env(BE_A_PARENT, serde_json::to_string(job).unwrap())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            wait_until("bytes", || part_len(folder) == Some(offset(case, MB) as u64));
            let child = child_of(folder).unwrap();
            parent.kill().unwrap();
            parent.wait().unwrap();
            let start = Instant::now();
            wait_until("the child's end", || is_free(folder));
            assert!(start.elapsed() < Duration::from_secs(2), "process {child} lived on for {:?}", start.elapsed());
        });
    });
}

/// Where bytes come all the time, a kill also falls between the last byte, the check and the rename.
#[test]
fn a_kill_at_any_moment_near_the_end_leaves_nothing_or_the_right_file() {
    let late = std::sync::atomic::AtomicUsize::new(0);
    in_parallel(40, |case| {
        let mut dice = Dice(5000 + case as u64);
        let body = dice.bytes(MB);
        let hub = Hub::start();
        hub.put(PATH, body.clone());
        let dir = tempfile::tempdir().unwrap();
        let file = exact(&[hub.url(PATH)], &body);
        let job = job(dir.path(), &file);
        let result = std::thread::scope(|scope| {
            let parent = scope.spawn(|| fetch(&job, &patient(), &|| false, &mut |_| {}));
            let at = dice.below(MB) as u64;
            wait_until("bytes", || part_len(dir.path()).is_some_and(|len| len >= at) || dir.path().join(crate::NAME).exists());
            std::thread::sleep(Duration::from_micros(dice.below(6000) as u64));
            if let Some(child) = child_of(dir.path()) {
                kill(child);
            }
            parent.join().unwrap()
        });
        late.fetch_add(usize::from(result.is_ok()), std::sync::atomic::Ordering::Relaxed);
        assert_nothing_or_right(dir.path(), &body, &format!("case {case}"));
        pull_with(dir.path(), &file, &patient()).0.unwrap();
        assert_nothing_or_right(dir.path(), &body, &format!("case {case}"));
        assert!(dir.path().join(crate::NAME).exists(), "case {case}");
        assert_eq!(part_len(dir.path()), None, "case {case}");
    });
    println!("40 kills near the end: {} came after it", late.into_inner());
}
