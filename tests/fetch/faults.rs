//! One hundred seeded faults: the hub does up to four bad things in a row, then behaves.

use crate::hub::{Fault, Hub};
use crate::{Dice, MB, NAME, PATH, assert_all_there, assert_nothing_or_right, exact, in_parallel, pull};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn any_fault(dice: &mut Dice, size: usize) -> Fault {
    let at = dice.below(size + 1);
    let more = 1 + dice.below(3 * MB);
    match dice.below(25) {
        0 => Fault::HoldAt(at),
        1 => Fault::Silent,
        2 => Fault::Close,
        3 => Fault::Damaged,
        4 => Fault::ChangeTo(dice.bytes(size)),
        5 => Fault::ChangeSecretlyTo(dice.bytes(size)),
        6 => Fault::IgnoreRange,
        7 => Fault::ShiftedRange,
        8 => Fault::Unsatisfiable([None, Some(at as u64), Some(size as u64)][dice.below(3)]),
        9 => Fault::Drip(size / 10 + 1, Duration::from_millis(3)),
        10 => Fault::Announce(at),
        11 => Fault::Announce(size + more),
        12 => Fault::Status([404, 410, 403, 429, 500, 502, 503, 418, 204][dice.below(9)]),
        13 => Fault::Redirect(["/nowhere", PATH, "ftp://127.0.0.1/x", "http://127.0.0.1:1/x", "::::", ""][dice.below(6)].into()),
        14 => Fault::Garbage,
        15 => Fault::Chunked(0),
        16 => Fault::Chunked(more),
        17 => Fault::ChunkedCutAt(at),
        18 => Fault::UntilClose([0, more][dice.below(2)]),
        19 => Fault::Gzip,
        20 => Fault::LoginPage,
        21 => Fault::EndlessHeaders,
        _ => Fault::CutAt(at),
    }
}

#[test]
fn after_each_of_100_faults_the_final_path_holds_nothing_or_the_right_bytes() {
    let (completed, resumed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    in_parallel(100, |seed| {
        let mut dice = Dice(seed as u64);
        let size = [MB, 300_000, 70_000, 1 + dice.below(2000)][dice.below(4)];
        let body = dice.bytes(size);
        let faults: Vec<_> = (0..1 + dice.below(4)).map(|_| any_fault(&mut dice, size)).collect();
        let names: Vec<_> = faults.iter().map(|fault| format!("{fault:?}").chars().take(30).collect::<String>()).collect();
        let when = format!("seed {seed}, {names:?}");

        let hub = Hub::start();
        hub.put(PATH, body.clone());
        hub.script(PATH, faults);
        let dir = tempfile::tempdir().unwrap();
        let mut file = exact(&[hub.url(PATH)], &body);
        if dice.below(3) == 0 {
            file.bytes = None;
        }
        let first = pull(dir.path(), &file);
        assert_nothing_or_right(dir.path(), &body, &when);
        match first {
            Ok(_) => {
                completed.fetch_add(1, Ordering::Relaxed);
                assert_all_there(dir.path(), &body, &when);
            }
            Err(error) => {
                let text = error.to_string();
                assert!(text.ends_with('.') && !text.contains("os error") && error.hint().ends_with('.'), "{when}: {text}");
                assert!(!dir.path().join(NAME).exists(), "{when}: refused, but there");
            }
        }
        hub.behave(PATH);
        hub.put(PATH, body.clone());
        pull(dir.path(), &file).unwrap_or_else(|error| panic!("{when}: {error}"));
        assert_all_there(dir.path(), &body, &when);
        resumed.fetch_add(usize::from(hub.asked().iter().any(|asked| asked.headers.contains_key("range"))), Ordering::Relaxed);
    });
    let (completed, resumed) = (completed.into_inner(), resumed.into_inner());
    println!("100 seeds: {completed} completed in spite of their faults, {resumed} asked for a rest");
    // Both ways were taken, or this test would show little.
    assert!((20..100).contains(&completed) && resumed >= 20, "{completed} {resumed}");
}
