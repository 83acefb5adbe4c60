//! Downloads with the real program as child, against a hub on loopback: whatever the hub, the disk or a kill does, the
//! final path holds nothing or exactly the right bytes, and the next undisturbed fetch completes.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are not recognised as tests

#[path = "../hub/mod.rs"]
mod hub;

mod disk;
mod faults;
mod kills;
mod resuming;
mod telling;

use hark::models::fetch::{FetchError, Fetched, Job, JobFile, Options, Progress, fetch};
use hark::turn::Outcome;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATH: &str = "/owner/model/resolve/main/m.bin";
const NAME: &str = "m.bin";
const MB: usize = 1 << 20;

/// Impatient, so that the tests are short.
fn options() -> Options {
    Options { stall: Duration::from_millis(400), tries: 3, program: Some(env!("CARGO_BIN_EXE_hark").into()) }
}

/// Patient: a hub that holds a line is not left.
fn patient() -> Options {
    Options { stall: Duration::from_secs(60), ..options() }
}

/// Random numbers that are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count.div_ceil(8)).flat_map(|_| self.roll().to_le_bytes()).take(count).collect()
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file, known exactly.
fn exact(urls: &[String], body: &[u8]) -> JobFile {
    JobFile { name: NAME.into(), urls: urls.to_vec(), bytes: Some(body.len() as u64), sha256: Some(sha256(body)), strict: true }
}

/// The file, of which nothing is known.
fn unknown(urls: &[String]) -> JobFile {
    JobFile { name: NAME.into(), urls: urls.to_vec(), bytes: None, sha256: None, strict: false }
}

fn job(folder: &Path, file: &JobFile) -> Job {
    Job { files: vec![file.clone()], folder: folder.to_owned() }
}

/// Fetches, and what was said meanwhile.
fn pull_with(folder: &Path, file: &JobFile, options: &Options) -> (Result<Fetched, FetchError>, Vec<Progress>) {
    let mut said = Vec::new();
    let result = fetch(&job(folder, file), options, &|| false, &mut |progress| said.push(progress));
    let result = result.map(|outcome| match outcome {
        Outcome::Done(mut files) => files.remove(0),
        Outcome::Cancelled => panic!("nobody cancelled"),
    });
    (result, said)
}

fn pull(folder: &Path, file: &JobFile) -> Result<Fetched, FetchError> {
    pull_with(folder, file, &options()).0
}

fn final_path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

fn part_len(folder: &Path) -> Option<u64> {
    std::fs::metadata(folder.join(format!("{NAME}.part"))).ok().map(|data| data.len())
}

/// What must hold at any moment.
#[track_caller]
fn assert_nothing_or_right(folder: &Path, body: &[u8], when: &str) {
    if let Ok(there) = std::fs::read(final_path(folder)) {
        assert!(there == body, "{when}: {} bytes under the final name are not the right {}", there.len(), body.len());
    }
}

/// What must hold after a fetch that nobody disturbed: the file and nothing else.
#[track_caller]
fn assert_all_there(folder: &Path, body: &[u8], when: &str) {
    assert!(final_path(folder).exists(), "{when}: nothing is there");
    assert_nothing_or_right(folder, body, when);
    let names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [NAME], "{when}");
}

/// Does these cases in four threads: they mostly wait.
fn in_parallel(cases: usize, case: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for first in 0..4 {
            let case = &case;
            scope.spawn(move || (first..cases).step_by(4).for_each(case));
        }
    });
}
