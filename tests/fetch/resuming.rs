//! Going on with a part, and never mixing two files.

use crate::hub::{Fault, Hub};
use crate::{Dice, MB, NAME, PATH, assert_all_there, exact, final_path, job, options, part_len, patient, pull, pull_with, sha256, unknown};
use hark::models::fetch::{FetchError, Progress, fetch};
use hark::turn::Outcome;
use std::path::Path;

/// A hub with this file, and a folder with a part of it of this length, from an earlier fetch that was cancelled.
fn begun(body: &[u8], at: usize) -> (Hub, tempfile::TempDir) {
    let hub = Hub::start();
    hub.put(PATH, body.to_vec());
    let dir = tempfile::tempdir().unwrap();
    begin(&hub, dir.path(), at);
    (hub, dir)
}

fn begin(hub: &Hub, folder: &Path, at: usize) {
    hub.script(PATH, [Fault::HoldAt(at)]);
    let job = job(folder, &unknown(&[hub.url(PATH)]));
    let outcome = fetch(&job, &patient(), &|| part_len(folder) == Some(at as u64), &mut |_| {});
    assert_eq!(outcome, Ok(Outcome::Cancelled));
    assert_eq!((part_len(folder), final_path(folder).exists()), (Some(at as u64), false));
}

#[test]
fn a_cancelled_fetch_is_gone_on_with_and_says_where() {
    let body = Dice(1).bytes(MB);
    let (hub, dir) = begun(&body, 600_000);
    let (result, said) = pull_with(dir.path(), &exact(&[hub.url(PATH)], &body), &options());
    assert_eq!(result.unwrap().as_expected, Some(true));
    assert_all_there(dir.path(), &body, "resumed");
    assert_eq!(hub.sent(PATH), MB as u64);
    let started = Progress::Started { name: NAME.into(), total: Some(MB as u64), resumed_at: 600_000 };
    assert!(said.contains(&started), "{said:?}");
    let asked = hub.asked().pop().unwrap().headers;
    assert_eq!((asked["range"].as_str(), asked["accept-encoding"].as_str()), ("bytes=600000-", "identity"));
    assert!(asked["if-range"].starts_with('"'));
}

#[test]
fn a_cut_line_is_gone_on_with_at_once() {
    let body = Dice(2).bytes(MB);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    let dir = tempfile::tempdir().unwrap();
    hub.script(PATH, [Fault::CutAt(300_000), Fault::CutAt(300_000)]);
    let (result, said) = pull_with(dir.path(), &unknown(&[hub.url(PATH)]), &options());
    assert_eq!(result.unwrap().sha256, sha256(&body));
    assert_all_there(dir.path(), &body, "cut twice");
    assert_eq!((hub.sent(PATH), hub.asked().len()), (MB as u64, 3));
    let why = said.iter().filter_map(|p| if let Progress::Retrying { why, .. } = p { Some(why.as_str()) } else { None });
    assert_eq!(why.collect::<Vec<_>>(), ["127.0.0.1 cannot be reached: the connection was cut."; 2]);
}

#[test]
fn many_cuts_of_a_large_file_do_not_use_up_the_tries() {
    let body = Dice(3).bytes(9 * MB);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    let dir = tempfile::tempdir().unwrap();
    hub.script(PATH, vec![Fault::CutAt(MB + 5000); 8]);
    pull(dir.path(), &exact(&[hub.url(PATH)], &body)).unwrap();
    assert_all_there(dir.path(), &body, "eight cuts");
    // One that begins anew each time brings nothing new and is given up.
    let dir = tempfile::tempdir().unwrap();
    hub.put_with(PATH, body.clone(), None, None);
    hub.script(PATH, vec![Fault::CutAt(3 * MB); 20]);
    assert!(pull(dir.path(), &exact(&[hub.url(PATH)], &body)).is_err());
    assert!(hub.asked().len() < 9 + 6, "{}", hub.asked().len());
}

#[test]
fn what_does_not_fit_to_the_part_starts_anew_without_mixing() {
    let body = Dice(4).bytes(MB);
    let other = Dice(5).bytes(MB - 77);
    let size = body.len() as u64;
    for (fault, now) in [
        (Fault::IgnoreRange, &body),
        (Fault::ShiftedRange, &body),
        (Fault::ChangeTo(other.clone()), &other),
        (Fault::Unsatisfiable(Some(5)), &body),
        (Fault::Unsatisfiable(None), &body),
        (Fault::Chunked(0), &body),
    ] {
        let (hub, dir) = begun(&body, 700_000);
        hub.script(PATH, [fault.clone()]);
        let fetched = pull(dir.path(), &unknown(&[hub.url(PATH)])).unwrap();
        assert_eq!(fetched.sha256, sha256(now), "{fault:?}");
        assert_all_there(dir.path(), now, &format!("{fault:?}"));
    }
    // A hub that lies: another content under the old tag. Only the hash can tell, and then all is fetched again.
    let liar = Dice(6).bytes(MB);
    let (hub, dir) = begun(&body, 700_000);
    hub.script(PATH, [Fault::ChangeSecretlyTo(liar.clone())]);
    pull(dir.path(), &exact(&[hub.url(PATH)], &liar)).unwrap();
    assert_all_there(dir.path(), &liar, "a liar");
    assert_eq!(hub.sent(PATH), 700_000 + (size - 700_000) + size);
}

#[test]
fn a_whole_part_needs_no_byte_more() {
    let body = Dice(7).bytes(MB);
    // It was killed between the last byte and the rename.
    let (hub, dir) = begun(&body, MB - 1);
    let part = dir.path().join(format!("{NAME}.part"));
    std::fs::write(&part, &body).unwrap();
    let asked = hub.asked().len();
    pull(dir.path(), &exact(&[hub.url(PATH)], &body)).unwrap();
    assert_all_there(dir.path(), &body, "whole");
    assert_eq!(hub.asked().len(), asked);
    // The same without a hash: the size that the hub said is enough.
    let (hub, dir) = begun(&body, MB - 1);
    std::fs::write(dir.path().join(format!("{NAME}.part")), &body).unwrap();
    let asked = hub.asked().len();
    assert_eq!(pull(dir.path(), &unknown(&[hub.url(PATH)])).unwrap().as_expected, None);
    assert_eq!(hub.asked().len(), asked);
    // A part that is damaged on the disk, or too long, is fetched again.
    for damage in [vec![7; MB], vec![7; MB + 1]] {
        let (hub, dir) = begun(&body, MB - 1);
        std::fs::write(dir.path().join(format!("{NAME}.part")), &damage).unwrap();
        pull(dir.path(), &exact(&[hub.url(PATH)], &body)).unwrap();
        assert_all_there(dir.path(), &body, "damaged");
    }
}

#[test]
fn a_file_that_is_there_is_not_fetched_again_unless_it_is_wrong() {
    let body = Dice(8).bytes(100_000);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    let dir = tempfile::tempdir().unwrap();
    let file = exact(&[hub.url(PATH)], &body);
    pull(dir.path(), &file).unwrap();
    let (again, said) = pull_with(dir.path(), &file, &options());
    assert_eq!((again.unwrap().as_expected, hub.asked().len()), (Some(true), 1));
    assert!(matches!(said.as_slice(), [Progress::Verifying { .. }, Progress::Done { .. }]), "{said:?}");
    for wrong in [vec![1; 100_000], vec![1; 5]] {
        std::fs::write(final_path(dir.path()), &wrong).unwrap();
        pull(dir.path(), &file).unwrap();
        assert_all_there(dir.path(), &body, "repaired");
    }
}

#[test]
fn the_address_that_a_part_came_from_is_asked_first() {
    let body = Dice(9).bytes(MB);
    let (hub, dir) = begun(&body, 500_000);
    let main = Hub::start();
    main.put(PATH, body.clone());
    pull(dir.path(), &exact(&[main.url(PATH), hub.url(PATH)], &body)).unwrap();
    assert_eq!((main.asked().len(), hub.sent(PATH)), (0, MB as u64));
}

#[test]
fn a_server_without_tag_and_date_starts_anew() {
    let body = Dice(10).bytes(MB);
    let hub = Hub::start();
    hub.put_with(PATH, body.clone(), None, None);
    let dir = tempfile::tempdir().unwrap();
    begin(&hub, dir.path(), 400_000);
    pull(dir.path(), &exact(&[hub.url(PATH)], &body)).unwrap();
    assert_all_there(dir.path(), &body, "anew");
    assert_eq!(hub.sent(PATH), 400_000 + MB as u64);
    // With a date alone it is gone on with.
    hub.put_with(PATH, body.clone(), None, Some("Sat, 01 Aug 2026 10:00:00 GMT"));
    let dir = tempfile::tempdir().unwrap();
    begin(&hub, dir.path(), 400_000);
    let before = hub.sent(PATH);
    pull(dir.path(), &exact(&[hub.url(PATH)], &body)).unwrap();
    assert_eq!(hub.sent(PATH) - before, MB as u64 - 400_000);
}

#[test]
fn a_wrong_hash_is_deleted_or_reported() {
    let body = Dice(11).bytes(200_000);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    hub.script(PATH, vec![Fault::Damaged; 2]);
    let dir = tempfile::tempdir().unwrap();
    let strict = exact(&[hub.url(PATH)], &body);
    let error = pull(dir.path(), &strict).unwrap_err();
    let FetchError::WrongHash { expected, got, .. } = &error else { panic!("{error}") };
    assert_eq!(*expected, sha256(&body));
    assert!(error.to_string().contains(expected.as_str()) && error.to_string().contains(got.as_str()), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the wrong bytes were deleted");
    // What is only hearsay is kept, and the person is asked.
    let hearsay = hark::models::fetch::JobFile { strict: false, ..strict };
    let fetched = pull(dir.path(), &hearsay).unwrap();
    assert_eq!((fetched.as_expected, &fetched.sha256), (Some(false), got));
    assert!(final_path(dir.path()).exists());
    assert_eq!(pull(dir.path(), &hearsay).unwrap().as_expected, Some(false));
    assert_eq!(hub.asked().len(), 2, "it was not fetched again");
}
