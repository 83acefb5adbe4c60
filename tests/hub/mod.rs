//! A hub on loopback for tests: it hands files out as a good server does, or does to each request what its script says.
//!
//! ```ignore
//! #[path = "../hub/mod.rs"]
//! mod hub;
//! let hub = Hub::start();
//! hub.put("/owner/model/resolve/main/m.gguf", bytes);           // served with Range, ETag and Content-Length
//! hub.script("/owner/model/resolve/main/m.gguf", [Fault::CutAt(1000), Fault::Status(503)]);   // the next two requests
//! let url = hub.url("/owner/model/resolve/main/m.gguf");
//! …
//! assert_eq!(hub.sent("/owner/model/resolve/main/m.gguf"), 1000);   // bytes of bodies
//! ```
//! Each request takes one fault from the front of its path's script; an empty script plays by the rules. It ends with the
//! test process.

#![allow(dead_code, clippy::unwrap_used)] // each test uses a part of it; helpers of tests are not recognised as tests

mod answer;

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is done to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is answered well.
    None,
    /// Closes after so many bytes of the body.
    CutAt(usize),
    /// Stays open and silent after so many bytes of the body, until the other side goes.
    HoldAt(usize),
    /// Stays open and silent instead of any answer.
    Silent,
    /// Closes without any answer.
    Close,
    /// Another content of the same size, with the same ETag: a damaged copy.
    Damaged,
    /// From now on another file, with another ETag.
    ChangeTo(Vec<u8>),
    /// From now on another file, with the old ETag and date: a liar.
    ChangeSecretlyTo(Vec<u8>),
    /// Status 200 and the whole file, whatever was asked for.
    IgnoreRange,
    /// Answers a range one byte too early.
    ShiftedRange,
    /// 416, with this size.
    Unsatisfiable(Option<u64>),
    /// So many bytes, then a pause, and so on.
    Drip(usize, Duration),
    /// Announces this size, sends the file, closes.
    Announce(usize),
    /// Only a status.
    Status(u16),
    /// A status with `Retry-After`, seconds.
    RetryAfter(u16, u64),
    /// Sends to another address.
    Redirect(String),
    /// No HTTP.
    Garbage,
    /// Chunked, without a length; so many bytes more than the file has.
    Chunked(usize),
    /// Chunked, and closed in the middle.
    ChunkedCutAt(usize),
    /// Neither a length nor chunks: the end is where the line closes.
    UntilClose(usize),
    /// `Content-Encoding: gzip`.
    Gzip,
    /// A page that wants a login.
    LoginPage,
    /// Headers without end.
    EndlessHeaders,
}

/// A file that is handed out.
#[derive(Clone, Debug)]
struct Served {
    body: Arc<Vec<u8>>,
    etag: Option<String>,
    date: Option<String>,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
}

#[derive(Default)]
struct State {
    files: HashMap<String, Served>,
    scripts: HashMap<String, VecDeque<Fault>>,
    asked: Vec<Asked>,
    sent: HashMap<String, u64>,
}

/// The server.
#[derive(Clone)]
pub struct Hub {
    address: String,
    state: Arc<Mutex<State>>,
}

impl Hub {
    /// Listens on a free port of loopback.
    pub fn start() -> Hub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hub = Hub { address: listener.local_addr().unwrap().to_string(), state: Arc::default() };
        let server = hub.clone();
        std::thread::Builder::new()
            .name("test-hub".into())
            .spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let server = server.clone();
                    // A client that goes away in the middle is what the tests are about.
                    let _ = std::thread::Builder::new().name("test-hub-line".into()).spawn(move || drop(server.serve(stream)));
                }
            })
            .unwrap();
        hub
    }

    /// `http://127.0.0.1:port/path`
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Hands a file out at this path.
    pub fn put(&self, path: &str, body: Vec<u8>) {
        let etag = Some(format!("\"{:x}-{}\"", body.iter().fold(7_u64, |sum, &b| sum.wrapping_mul(31) + u64::from(b)), body.len()));
        let date = Some("Sat, 01 Aug 2026 10:00:00 GMT".to_owned());
        self.state.lock().unwrap().files.insert(path.to_owned(), Served { body: Arc::new(body), etag, date });
    }

    /// The same, with these validators.
    pub fn put_with(&self, path: &str, body: Vec<u8>, etag: Option<&str>, date: Option<&str>) {
        let served = Served { body: Arc::new(body), etag: etag.map(str::to_owned), date: date.map(str::to_owned) };
        self.state.lock().unwrap().files.insert(path.to_owned(), served);
    }

    /// What the next requests for this path meet.
    pub fn script(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().scripts.entry(path.to_owned()).or_default().extend(faults);
    }

    /// Good manners from now on.
    pub fn behave(&self, path: &str) {
        self.state.lock().unwrap().scripts.remove(path);
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// Requests for this path so far.
    pub fn asked_for(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path == path).count()
    }

    /// Bytes of bodies that were sent for this path so far.
    pub fn sent(&self, path: &str) -> u64 {
        self.state.lock().unwrap().sent.get(path).copied().unwrap_or(0)
    }

    /// One connection, one request.
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let target = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.trim().to_lowercase(), value.trim().to_owned());
            }
        }
        // A proxy is asked for a tunnel; this one ends here, at the hub itself.
        if line.starts_with("CONNECT ") {
            self.state.lock().unwrap().asked.push(Asked { path: format!("CONNECT {target}"), headers });
            std::io::Write::write_all(&mut stream.try_clone()?, b"HTTP/1.1 200 OK\r\n\r\n")?;
            drop(reader);
            return self.serve(stream);
        }
        let (served, fault) = {
            let mut state = self.state.lock().unwrap();
            state.asked.push(Asked { path: path.clone(), headers: headers.clone() });
            let fault = state.scripts.get_mut(&path).and_then(VecDeque::pop_front).unwrap_or(Fault::None);
            if let (Fault::ChangeTo(body) | Fault::ChangeSecretlyTo(body), Some(served)) = (&fault, state.files.get_mut(&path)) {
                served.body = Arc::new(body.clone());
                if matches!(fault, Fault::ChangeTo(_)) {
                    (served.etag, served.date) = (Some("\"changed\"".into()), Some("Sun, 02 Aug 2026 10:00:00 GMT".into()));
                }
            }
            (state.files.get(&path).cloned(), fault)
        };
        let count = |bytes: usize| {
            *self.state.lock().unwrap().sent.entry(path.clone()).or_default() += bytes as u64;
        };
        answer::Answer { stream, headers: &headers, count: &count }.give(served.as_ref(), &fault)
    }
}
