//! `hark models` as a script sees it: the real program, a home of its own for each test, and no network.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are not recognised as tests

#[path = "../hub/mod.rs"]
mod hub;

mod commands;
mod kills;
mod places;
mod pull;
mod talk;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A home for one test; models are kept in `store` of it.
struct Home(tempfile::TempDir);

/// How a run ended.
struct Ended {
    code: i32,
    out: String,
    err: String,
}

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), bytes).unwrap();
        self.name(name)
    }

    /// A Piper voice that the checks take.
    fn voice(&self, name: &str, number: u8, bytes: usize) -> String {
        self.put(&format!("{name}.onnx.json"), CONFIG.as_bytes());
        self.put(&format!("{name}.onnx"), &graph(number, bytes))
    }

    /// The program; its current folder is the home, so that no checkout's models are found.
    fn hark(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hark"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        for folder in ["HOME", "HARK_CONFIG_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env(folder, self.0.path());
        }
        for name in ["HARK_LOG", "HARK_HUB", "HF_HOME", "HF_HUB_CACHE", "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
            command.env_remove(name);
        }
        command.env("HARK_MODELS", self.path("store"));
        command
    }

    fn models(&self, args: &[&str]) -> Ended {
        let all: Vec<&str> = std::iter::once("models").chain(args.iter().copied()).collect();
        ended(self.hark(&all))
    }

    /// What the store holds; the checkout's own models are in the program's list too.
    fn installed(&self) -> Vec<Value> {
        let list = self.models(&["list", "--json"]);
        list.good().events("installed").into_iter().filter(|line| line["origin"] == "library").collect()
    }

    /// Everything in the store, without locks.
    fn store(&self) -> Vec<String> {
        tree(&self.path("store"))
    }
}

fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap_or_else(|| panic!("it was ended by a signal ({})", output.status));
    Ended { code, out: text(output.stdout), err: text(output.stderr) }
}

impl Ended {
    #[track_caller]
    fn good(&self) -> &Self {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self
    }

    /// It failed with one line of at most two sentences on stderr, and this is in it.
    #[track_caller]
    fn refused(&self, part: &str) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        let lines: Vec<&str> = self.err.lines().filter(|line| line.starts_with("hark: ")).collect();
        assert_eq!(lines.len(), 1, "{}", self.err);
        let line = lines[0];
        assert!(line.contains(part), "\"{part}\" is not in: {line}");
        assert!(line.ends_with('.') && line.matches(". ").count() <= 1, "{line}");
        for word in ["internal fault", "panicked", "os error", "Error", "Some("] {
            assert!(!line.contains(word), "\"{word}\" is nothing to tell a person: {line}");
        }
    }

    fn json(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
    }

    /// The lines of this event.
    fn events(&self, name: &str) -> Vec<Value> {
        self.json().into_iter().filter(|line| line["event"] == name).collect()
    }
}

/// Names of everything below a folder, with `/`, sorted; locks are left out.
fn tree(folder: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut left = vec![(folder.to_owned(), String::new())];
    while let Some((folder, before)) = left.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{before}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                left.push((entry.path(), format!("{name}/")));
            } else if !name.ends_with(".lock") {
                all.push(name);
            }
        }
    }
    all.sort();
    all
}

const CONFIG: &str = r#"{"audio":{"sample_rate":22050},"espeak":{"voice":"en-us"},"phoneme_id_map":{"_":[0],"^":[1],"$":[2],"a":[14]}}"#;

/// The smallest ONNX graph that passes the checks, with so many bytes of weights (field numbers: `onnx.proto3`).
fn graph(number: u8, bytes: usize) -> Vec<u8> {
    fn varint(mut n: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while n >= 0x80 {
            out.push(n as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
        out
    }
    fn field(number: usize, bytes: &[u8]) -> Vec<u8> {
        [varint(number << 3 | 2), varint(bytes.len()), bytes.to_vec()].concat()
    }
    fn int(number: usize, n: usize) -> Vec<u8> {
        [varint(number << 3), varint(n)].concat()
    }
    fn port(name: &str, kind: usize) -> Vec<u8> {
        let shape = field(1, &int(1, 1));
        field(1, name.as_bytes()).into_iter().chain(field(2, &field(1, &[int(1, kind), field(2, &shape)].concat()))).collect()
    }
    let node = [field(1, b"input"), field(2, b"output"), field(4, b"Identity")].concat();
    let floats = bytes / 4;
    let weights = [int(1, floats), int(2, 1), field(8, b"w"), field(9, &vec![number; floats * 4])].concat();
    let name = field(2, &[b'g', b'0' + number % 10]);
    let ports = [field(11, &port("input", 7)), field(11, &port("input_lengths", 7)), field(11, &port("scales", 1)), field(12, &port("output", 1))];
    let graph = [field(1, &node), name, field(5, &weights), ports.concat()].concat();
    [int(1, 8), field(7, &graph), field(8, &[field(1, b""), int(2, 15)].concat())].concat()
}

/// A file of the repository, or a skip line.
fn ours(name: &str) -> Option<PathBuf> {
    there(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// A file of the shared folder beside the repository, or a skip line.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    there(root.join(name))
}

fn there(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    println!("skipped: needs {}", path.display());
    None
}
