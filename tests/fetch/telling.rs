//! What a person is told: each way to fail has its sentence, and progress is not a flood.

use crate::hub::{Fault, Hub};
use crate::{Dice, MB, NAME, PATH, assert_all_there, exact, options, part_len, patient, pull, pull_with, unknown};
use hark::models::fetch::{FetchError, Options, Progress};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn body() -> Vec<u8> {
    Dice(1).bytes(100_000)
}

/// The sentence after all tries met this fault.
fn told(fault: Fault) -> String {
    let hub = Hub::start();
    hub.put(PATH, body());
    hub.script(PATH, vec![fault.clone(); 30]);
    let dir = tempfile::tempdir().unwrap();
    let error = pull(dir.path(), &exact(&[hub.url(PATH)], &body())).unwrap_err();
    assert!(!dir.path().join(NAME).exists(), "{fault:?}");
    error.to_string()
}

#[test]
fn each_way_to_fail_has_its_sentence() {
    for (fault, sentence) in [
        (Fault::Status(404), "127.0.0.1 does not have the file m.bin any more."),
        (Fault::Status(410), "127.0.0.1 does not have the file m.bin any more."),
        (Fault::Status(403), "127.0.0.1 does not hand the file m.bin out (status 403)."),
        (Fault::Status(500), "127.0.0.1 does not hand the file m.bin out (status 500)."),
        (Fault::RetryAfter(429, 0), "127.0.0.1 does not hand the file m.bin out (status 429)."),
        (Fault::Silent, "127.0.0.1 sent nothing for 1 s, several times."),
        (Fault::HoldAt(0), "127.0.0.1 sent nothing for 1 s, several times."),
        (Fault::Close, "127.0.0.1 cannot be reached: the connection was cut."),
        (Fault::CutAt(0), "127.0.0.1 cannot be reached: the connection was cut."),
        (Fault::Garbage, "127.0.0.1 cannot be reached: it does not answer as a web server does."),
        (Fault::EndlessHeaders, "127.0.0.1 cannot be reached: it does not answer as a web server does."),
        (Fault::Redirect(PATH.into()), "127.0.0.1 cannot be reached: it sends from one address to the next without end."),
        (Fault::Announce(99_999), "What 127.0.0.1 sends is not the file m.bin: it has 99999 bytes, not 100000."),
        (Fault::Announce(5_000_000_000), "What 127.0.0.1 sends is not the file m.bin: it has 5000000000 bytes, not 100000."),
        (Fault::Chunked(MB), "What 127.0.0.1 sends is not the file m.bin: it has more than 100000 bytes."),
        (Fault::UntilClose(1), "What 127.0.0.1 sends is not the file m.bin: it has more than 100000 bytes."),
        (Fault::Gzip, "What 127.0.0.1 sends is not the file m.bin: it is packed as gzip."),
        (Fault::LoginPage, "What 127.0.0.1 sends is not the file m.bin: it is a web page."),
    ] {
        assert_eq!(told(fault.clone()), sentence, "{fault:?}");
    }
    assert!(told(Fault::Redirect("ftp://127.0.0.1/x".into())).contains("cannot be reached: "));
}

#[test]
fn what_cannot_be_reached_is_said_with_its_host() {
    let dir = tempfile::tempdir().unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = pull(dir.path(), &unknown(&[format!("http://{closed}/x")])).unwrap_err().to_string();
    assert_eq!(error, "127.0.0.1 cannot be reached: it refuses connections.");
    let error = pull(dir.path(), &unknown(&["http://no-such-host.invalid/x".into()])).unwrap_err().to_string();
    assert!(error.starts_with("no-such-host.invalid cannot be reached: its name was not found"), "{error}");
    // A hub without encryption where some is expected, as when somebody sits in between.
    let hub = Hub::start();
    let error = pull(dir.path(), &unknown(&[format!("https://{}/x", hub.address())])).unwrap_err().to_string();
    assert!(error.starts_with("127.0.0.1 cannot be reached: "), "{error}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_next_address_is_taken_when_one_does_not_have_it() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for fault in [Fault::Status(404), Fault::Status(410), Fault::Status(503), Fault::Damaged, Fault::LoginPage, Fault::Garbage] {
        let (bad, good) = (Hub::start(), Hub::start());
        good.put(PATH, body());
        bad.put(PATH, body());
        bad.script(PATH, [fault.clone()]);
        let dir = tempfile::tempdir().unwrap();
        let start = Instant::now();
        pull(dir.path(), &exact(&[format!("http://{closed}/x"), bad.url(PATH), good.url(PATH)], &body())).unwrap();
        assert_all_there(dir.path(), &body(), "from the mirror");
        assert_eq!((bad.asked().len(), good.asked().len()), (1, 1), "{fault:?}");
        assert!(start.elapsed() < Duration::from_secs(5), "{fault:?}");
    }
}

#[test]
fn what_is_odd_but_right_is_taken() {
    for fault in [
        Fault::Chunked(0),
        Fault::UntilClose(0),
        Fault::Drip(5000, Duration::from_millis(5)),
        Fault::Redirect("/owner/model/elsewhere?token=1".into()),
        Fault::RetryAfter(503, 1),
    ] {
        let hub = Hub::start();
        hub.put(PATH, body());
        hub.put("/owner/model/elsewhere", body());
        hub.script(PATH, [fault.clone()]);
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(pull(dir.path(), &exact(&[hub.url(PATH)], &body())).unwrap().as_expected, Some(true), "{fault:?}");
        assert_all_there(dir.path(), &body(), "odd");
    }
}

#[test]
fn five_hops_are_followed_and_six_are_not() {
    let hub = Hub::start();
    let dir = tempfile::tempdir().unwrap();
    for hop in 0..6 {
        // More than any number of tries uses up: on a busy machine one may be made anew.
        hub.script(&format!("/{hop}"), vec![Fault::Redirect(format!("/{}", hop + 1)); 64]);
    }
    hub.put("/6", body());
    assert!(pull(dir.path(), &unknown(&[hub.url("/0")])).unwrap_err().to_string().contains("without end"));
    pull(dir.path(), &unknown(&[hub.url("/1")])).unwrap();
    assert_all_there(dir.path(), &body(), "five hops");
}

#[test]
fn progress_is_in_order_and_no_flood() {
    let body = Dice(2).bytes(MB);
    let hub = Hub::start();
    hub.put(PATH, body.clone());
    hub.script(PATH, [Fault::Drip(8 << 10, Duration::from_millis(8))]);
    let dir = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let (result, said) = pull_with(dir.path(), &exact(&[hub.url(PATH)], &body), &patient());
    let took = start.elapsed().as_secs_f64();
    result.unwrap();
    let total = Some(MB as u64);
    assert!(matches!(&said[0], Progress::Started { resumed_at: 0, total: t, .. } if *t == total), "{said:?}");
    assert!(matches!(said.last(), Some(Progress::Done { bytes, as_expected: Some(true), .. }) if *bytes == MB as u64));
    let mut steps = Vec::new();
    for progress in &said[1..said.len() - 1] {
        let Progress::Bytes { done, total: t, per_second, seconds_left, .. } = progress else { panic!("{progress:?}") };
        assert_eq!(*t, total);
        steps.push((*done, *per_second, *seconds_left));
    }
    assert!(steps.is_sorted_by_key(|step| step.0) && steps.last().unwrap().0 == MB as u64, "{steps:?}");
    assert!(steps.len() >= 5 && (steps.len() as f64) <= took * 10.0 + 2.0, "{} in {took} s", steps.len());
    let (done, per_second, left) = steps[steps.len() / 2];
    assert!(per_second > 50_000.0 && per_second < 2e6, "{per_second}");
    let expected = (MB as u64 - done) as f64 / per_second;
    assert!((left.unwrap() - expected).abs() < 0.01, "{left:?} {expected}");
}

#[test]
fn cancelling_is_quick_even_when_the_hub_is_silent() {
    let hub = Hub::start();
    hub.put(PATH, body());
    hub.script(PATH, [Fault::HoldAt(5000)]);
    let dir = tempfile::tempdir().unwrap();
    let job = crate::job(dir.path(), &unknown(&[hub.url(PATH)]));
    let asked = std::cell::Cell::new(None);
    let cancel = || {
        if asked.get().is_none() && part_len(dir.path()) == Some(5000) {
            asked.set(Some(Instant::now()));
        }
        asked.get().is_some()
    };
    let outcome = hark::models::fetch::fetch(&job, &patient(), &cancel, &mut |_| {});
    assert_eq!(outcome, Ok(hark::turn::Outcome::Cancelled));
    let took = asked.get().unwrap().elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// The child alone, with an environment of its own. Its last line.
fn child(line: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hark"));
    child.arg("fetch-worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        child.env_remove(name).env_remove(name.to_uppercase());
    }
    let mut child = child.envs(environment.iter().copied()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(line.as_bytes()).unwrap();
    // Its stdin stays open, or it would end.
    let output = child.wait_with_output().unwrap();
    drop(input);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
}

fn request(folder: &std::path::Path, url: &str) -> String {
    let file = serde_json::json!({"name": NAME, "urls": [url], "bytes": null, "sha256": null, "strict": false});
    let request = serde_json::json!({"job": {"files": [file], "folder": folder}, "stall_ms": 2000, "tries": 1});
    format!("{request}\n")
}

#[test]
fn a_proxy_of_the_environment_is_used_and_no_proxy_is_obeyed() {
    let hub = Hub::start();
    hub.put("/m", body());
    let proxy = format!("http://user:word@{}", hub.address());
    let dir = tempfile::tempdir().unwrap();
    // Only the proxy knows this host.
    let line = child(&request(dir.path(), "http://hub.invalid/m"), &[("HTTP_PROXY", &proxy)]);
    assert!(line.starts_with(r#"{"finished":"#), "{line}");
    assert_all_there(dir.path(), &body(), "through the proxy");
    let tunnel = &hub.asked()[0];
    assert_eq!((tunnel.path.as_str(), tunnel.headers["proxy-authorization"].as_str()), ("CONNECT hub.invalid:80", "Basic dXNlcjp3b3Jk"));
    // The word for the proxy is not for the hub.
    assert!(!hub.asked()[1].headers.keys().any(|name| name.contains("authorization")));
    let dir = tempfile::tempdir().unwrap();
    let without = [("ALL_PROXY", proxy.as_str()), ("NO_PROXY", "invalid")];
    let line = child(&request(dir.path(), "http://hub.invalid/m"), &without);
    assert!(line.contains("its name was not found") && hub.asked().len() == 2, "{line}");
    let line = child(&request(dir.path(), "http://hub.invalid/m"), &[("ALL_PROXY", "socks5://127.0.0.1:1")]);
    assert!(line.contains("only http proxies") && hub.asked().len() == 2, "{line}");
}

#[test]
fn a_child_that_is_told_nonsense_says_so() {
    for line in ["\n", "nonsense\n", "{}\n", "\0\0\n"] {
        let last = child(line, &[]);
        assert!(last.starts_with(r#"{"failed":{"bad_job":"#), "{line:?}: {last}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_hark")).arg("fetch-worker").stdin(Stdio::null()).output().unwrap();
    assert!(output.stdout.is_empty() && output.stderr.is_empty());
    let help = Command::new(env!("CARGO_BIN_EXE_hark")).arg("--help").output().unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("fetch"), "it is not for people");
}

#[test]
fn several_files_come_one_after_the_other_and_the_first_fault_ends_it() {
    let hub = Hub::start();
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| hark::models::fetch::JobFile { name: name.into(), ..unknown(&[hub.url(&format!("/{name}"))]) };
    hub.put("/a", vec![1; 10]);
    hub.put("/c", Vec::new());
    let mut job = hark::models::fetch::Job { files: vec![file("a"), file("b"), file("c")], folder: dir.path().join("new/folder") };
    let fetch =
        |job: &hark::models::fetch::Job| hark::models::fetch::fetch(job, &Options { tries: 1, ..options() }, &|| false, &mut |_| {});
    assert!(matches!(fetch(&job), Err(FetchError::NotFound { name, .. }) if name == "b"));
    hub.put("/b", vec![2; 20]);
    let hark::turn::Outcome::Done(files) = fetch(&job).unwrap() else { panic!("cancelled") };
    let sizes: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
    assert_eq!(sizes, [("a", 10), ("b", 20), ("c", 0)]);
    assert_eq!(hub.asked_for("/a"), 1);
    job.files.truncate(1);
    assert!(fetch(&job).is_ok());
}
