#![allow(clippy::unwrap_used)] // helpers of tests that are for one system only are not recognised as tests

use super::super::JobFile;
use super::*;
use std::path::{Path, PathBuf};

/// What a parent hears from a child that misbehaves in this way.
fn with_child_that(behaviour: &str, cancel: &dyn Fn() -> bool, on: &mut dyn FnMut(Progress)) -> Result<Outcome<Vec<Fetched>>, FetchError> {
    let name = behaviour.to_owned();
    let file = JobFile { name, urls: vec!["https://hub.test/m".into()], bytes: None, sha256: None, strict: false };
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/models/fetch/strange_worker.sh");
    let options = Options { program: Some(program), ..Options::default() };
    fetch(&Job { files: vec![file], folder: PathBuf::from("nowhere") }, &options, cancel, on)
}

fn fault_of_child_that(behaviour: &str) -> String {
    with_child_that(behaviour, &|| false, &mut |_| {}).unwrap_err().to_string()
}

#[test]
fn a_child_that_dies_is_a_sentence() {
    for (behaviour, why) in [
        ("dies", "it was killed"),
        ("crashes", "it crashed with signal 11"),
        ("ends", "it ended with code 3"),
        ("lies", "it said no result"),
        ("says-garbage", "what it says is not understood"),
    ] {
        let text = fault_of_child_that(behaviour);
        assert_eq!(text, format!("The part of Hark that fetches files ended in the middle: {why}."), "{behaviour}");
    }
}

#[test]
fn a_line_without_an_end_fills_no_memory_and_can_be_cancelled() {
    let start = clock::now();
    let outcome = with_child_that("says-one-long-line", &|| clock::now().since(start) > Duration::from_millis(500), &mut |_| {});
    assert_eq!(outcome, Ok(Outcome::Cancelled));
}

#[test]
fn a_few_strange_lines_are_passed_over() {
    let mut heard = Vec::new();
    let error = with_child_that("says-little-garbage", &|| false, &mut |progress| heard.push(progress)).unwrap_err();
    assert_eq!(error, FetchError::Stalled { host: "hub.test".into(), seconds: 7 });
    assert_eq!(heard, [Progress::Verifying { name: "m".into() }]);
}

#[test]
fn cancelling_ends_the_child_whether_it_listens_or_not() {
    let cancelled_after_ms = |behaviour| {
        let told = std::cell::Cell::new(None);
        let outcome = with_child_that(behaviour, &|| told.get().is_some(), &mut |_| told.set(Some(clock::now())));
        assert_eq!(outcome, Ok(Outcome::Cancelled));
        clock::now().since(told.get().unwrap()).as_millis()
    };
    // One that listens is not killed; a busy machine may need a second try to show it.
    assert!((0..3).any(|_| cancelled_after_ms("listens") < 900));
    let deaf = cancelled_after_ms("is-deaf");
    assert!((1000..10_000).contains(&deaf), "{deaf} ms");
}

#[test]
fn a_program_that_is_not_there_is_a_sentence() {
    let options = Options { program: Some("/no/such/program".into()), ..Options::default() };
    let file = JobFile { name: "m".into(), urls: vec!["https://hub.test/m".into()], bytes: None, sha256: None, strict: false };
    let job = Job { files: vec![file], folder: PathBuf::from("nowhere") };
    let error = fetch(&job, &options, &|| false, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("cannot be started") && !error.to_string().contains("os error"), "{error}");
    assert!(!Path::new("nowhere").exists());
}

#[test]
fn a_bad_job_and_an_empty_one_start_no_child() {
    let options = Options { program: Some("/no/such/program".into()), ..Options::default() };
    let mut job = Job { files: Vec::new(), folder: PathBuf::from("nowhere") };
    assert_eq!(fetch(&job, &options, &|| false, &mut |_| {}), Ok(Outcome::Done(Vec::new())));
    job.files.push(JobFile { name: "../m".into(), urls: vec!["https://hub.test/m".into()], bytes: None, sha256: None, strict: false });
    assert!(matches!(fetch(&job, &options, &|| false, &mut |_| {}), Err(FetchError::BadJob { .. })));
}
