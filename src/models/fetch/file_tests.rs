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

/// Answers one request for the rest of a file, then is gone; tells how many bytes of it were asked for.
fn hub(body: Vec<u8>) -> (String, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/m.bin", listener.local_addr().unwrap());
    let answer = move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
        let head: Vec<String> = lines.map(|line| line.to_ascii_lowercase()).collect();
        let from = head.iter().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()).unwrap_or(0);
        let (whole, rest) = (body.len(), &body[from..]);
        let range = format!("bytes {from}-{}/{whole}", whole - 1);
        write!(stream, "HTTP/1.1 206 OK\r\nETag: {TAG}\r\nContent-Range: {range}\r\nContent-Length: {}\r\n\r\n", rest.len()).unwrap();
        stream.write_all(rest).unwrap();
        rest.len()
    };
    (url, std::thread::Builder::new().name("hub".into()).spawn(answer).unwrap())
}

#[test]
fn a_resumed_file_that_is_another_than_was_reported_is_kept_for_the_person_to_decide() {
    let dir = tempfile::tempdir().unwrap();
    let body: Vec<u8> = (0..3000_u32).map(|n| (n % 251) as u8).collect();
    let (url, hub) = hub(body.clone());
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
fn without_a_network_it_is_given_up_after_three_tries() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (result, retries) = fetched(&hearsay(format!("http://{nobody}/m.bin")), dir.path(), Duration::from_millis(400));
    assert!(matches!(result, Err(FetchError::Unreachable { .. })), "{result:?}");
    assert_eq!(retries, 2);
}
