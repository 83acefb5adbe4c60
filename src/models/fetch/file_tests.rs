use super::super::resume::Head;
use super::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

const TAG: &str = "\"one\"";

fn hearsay(url: String) -> JobFile {
    JobFile { name: "m.bin".into(), urls: vec![url], bytes: None, sha256: Some("0".repeat(64)), strict: false }
}

fn fetched(file: &JobFile, folder: &Path, stall: Duration) -> (Result<Outcome<Fetched>, FetchError>, usize) {
    let mut retries = 0;
    let mut say = |progress| retries += usize::from(matches!(progress, Progress::Retrying { .. }));
    let with = Surroundings { folder, stall, tries: 5, cancelled: &|| false };
    let result = fetch_file(file, &with, &mut say);
    (result, retries)
}

/// Answers so many requests for the rest of a file, then is gone; tells how many bytes of it were asked for.
fn hub(body: Vec<u8>, requests: usize) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/m.bin", listener.local_addr().unwrap());
    let answer = move |listener: &TcpListener| {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
        let head: Vec<String> = lines.map(|line| line.to_ascii_lowercase()).collect();
        let from = head.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
        let (whole, rest) = (body.len(), &body[from..]);
        let (status, range) =
            if from > 0 { (206, format!("Content-Range: bytes {from}-{}/{whole}\r\n", whole - 1)) } else { (200, String::new()) };
        let close = "Connection: close";
        write!(stream, "HTTP/1.1 {status} OK\r\nETag: {TAG}\r\n{range}{close}\r\nContent-Length: {}\r\n\r\n", rest.len()).unwrap();
        stream.write_all(rest).unwrap();
        rest.len()
    };
    let serve = move || (0..requests).map(|_| answer(&listener)).sum();
    (url, std::thread::Builder::new().name("hub".into()).spawn(serve).unwrap())
}

#[test]
fn a_resumed_file_that_is_another_than_was_reported_is_kept_for_the_person_to_decide() {
    let dir = tempfile::tempdir().unwrap();
    let body: Vec<u8> = (0..3000_u32).map(|n| (n % 251) as u8).collect();
    let (url, hub) = hub(body.clone(), 1);
    let mut part = Part::open(dir.path(), "m.bin", &mut |_| true).unwrap().unwrap();
    part.start(&url, &Head { status: 200, etag: Some(TAG.into()), ..Head::default() }, Some(3000)).unwrap();
    part.append(&body[..1000]).unwrap();
    drop(part);
    let (result, retries) = fetched(&hearsay(url), dir.path(), Duration::from_secs(20));
    let Outcome::Done(file) = result.unwrap() else { panic!("nobody cancelled") };
    assert_eq!((file.bytes, file.as_expected, retries), (3000, Some(false), 0));
    assert_eq!(hub.join().unwrap(), 2000, "what had come was not fetched again");
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn what_was_damaged_on_this_disk_is_fetched_once_more() {
    use sha2::{Digest, Sha256};
    let dir = tempfile::tempdir().unwrap();
    let body: Vec<u8> = (0..3000_u32).map(|n| (n % 251) as u8).collect();
    let (url, hub) = hub(body.clone(), 2);
    let mut part = Part::open(dir.path(), "m.bin", &mut |_| true).unwrap().unwrap();
    part.start(&url, &Head { status: 200, etag: Some(TAG.into()), ..Head::default() }, Some(3000)).unwrap();
    // After a power cut.
    part.append(&[0; 1000]).unwrap();
    drop(part);
    let sha256 = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let file = JobFile { bytes: Some(3000), sha256: Some(sha256), ..hearsay(url) };
    let Outcome::Done(file) = fetched(&file, dir.path(), Duration::from_secs(20)).0.unwrap() else { panic!("nobody cancelled") };
    assert_eq!((file.as_expected, hub.join().unwrap()), (Some(true), 2000 + 3000));
    assert_eq!(fs::read(dir.path().join("m.bin")).unwrap(), body);
}

#[test]
fn without_a_network_it_is_given_up_after_three_tries() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (result, retries) = fetched(&hearsay(format!("http://{nobody}/m.bin")), dir.path(), Duration::from_millis(400));
    assert!(matches!(result, Err(FetchError::Unreachable { .. })), "{result:?}");
    assert_eq!(retries, 2);
}
