//! Bad input, and what it gets: the real program with the real engines is given broken files, odd sounds, odd texts and
//! places that cannot be written. Each gets one sentence and an exit code, and what can still be done is done.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are not recognised as tests

mod answers;
mod audio;
mod models;
mod places;
mod text;

use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing here works longer on the slowest machine that builds it; more is a hang.
const LONGEST: Duration = Duration::from_secs(180);
/// A file that cannot be used is known before any engine works.
const AT_ONCE: Duration = Duration::from_secs(30);

/// A folder for one test: the program's home, and the place of the files that it is given.
struct Home(tempfile::TempDir);

/// How a run ended.
struct Ended {
    code: i32,
    out: String,
    err: String,
    took: Duration,
}

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    /// With settings that keep the program silent: no voice and no speaker is needed.
    fn silent() -> Home {
        let home = Home::new();
        home.write("settings.toml", b"[audio]\nmute = true\n");
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.name(name)
    }

    fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.run_with(args, None, |_| {})
    }

    /// Runs the program to its end; one that does not come to an end is ended, and the test fails.
    fn run_with(&self, args: &[&str], stdin: Option<&Path>, change: impl FnOnce(&mut Command)) -> Ended {
        // Files instead of pipes: nobody has to read while it runs.
        let file = || tempfile::NamedTempFile::new().unwrap();
        let (out, err) = (file(), file());
        let mut command = Command::new(env!("CARGO_BIN_EXE_hark"));
        command.args(["--threads", "1"]).args(args);
        // Also the sound libraries look into the home.
        for folder in ["HOME", "HARK_CONFIG_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env(folder, self.0.path());
        }
        for name in ["HARK_MODELS", "HARK_LOG", "DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
            command.env_remove(name);
        }
        command.stdin(stdin.map_or_else(Stdio::null, |path| File::open(path).unwrap().into()));
        command.stdout(out.reopen().unwrap()).stderr(err.reopen().unwrap());
        change(&mut command);
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > LONGEST {
                child.kill().unwrap();
                panic!("it hangs: hark {args:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let text = |file: &tempfile::NamedTempFile| String::from_utf8(std::fs::read(file.path()).unwrap()).unwrap();
        let code = status.code().unwrap_or_else(|| panic!("it was ended by a signal ({status}): hark {args:?}\n{}", text(&err)));
        Ended { code, out: text(&out), err: text(&err), took: start.elapsed() }
    }
}

impl Ended {
    /// It failed, with so many lines on stderr; each is at most two sentences in plain words: what happened, what to do.
    #[track_caller]
    fn refused(&self, lines: usize) {
        assert_eq!(self.code, 1, "{}{}", self.out, self.err);
        self.said(lines);
    }

    #[track_caller]
    fn said(&self, lines: usize) {
        assert_eq!(self.err.lines().count(), lines, "{}", self.err);
        for line in self.err.lines() {
            assert!(line.starts_with("hark: ") && line.ends_with('.'), "{line}");
            assert!(line.matches(". ").count() <= 1, "more than two sentences: {line}");
            for word in ["internal fault", "panicked", "os error", "(probe)", "Error", "NaN", "Some("] {
                assert!(!line.contains(word), "\"{word}\" is nothing to tell a person: {line}");
            }
        }
    }

    #[track_caller]
    fn good(&self) {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
    }

    /// The JSON lines of this event.
    fn events(&self, name: &str) -> Vec<Value> {
        let parse = |line| serde_json::from_str::<Value>(line).unwrap();
        self.out.lines().map(parse).filter(|line| line["event"] == name).collect()
    }

    /// The texts of the JSON lines of this event.
    fn texts(&self, name: &str) -> Vec<String> {
        self.events(name).iter().map(|line| line["text"].as_str().unwrap().to_owned()).collect()
    }
}

/// A file of the repository, or a skip line.
fn ours(name: &str) -> Option<String> {
    there(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// A file of the shared folder beside the repository, or a skip line.
fn shared(name: &str) -> Option<String> {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    there(&root.join(name))
}

fn there(path: &Path) -> Option<String> {
    if path.exists() {
        return Some(path.to_str().unwrap().to_owned());
    }
    println!("skipped: needs {}", path.display());
    None
}

fn starter_ears() -> Option<String> {
    ours("models/starter/ggml-starter-en-q5_1.bin")
}

fn starter_chat() -> Option<String> {
    ours("models/starter/SmolLM2-135M-Instruct.gguf")
}

/// A chat model that answers something, as fast as possible: half a second, where the starter model reads its examples for seven.
fn quick_chat() -> Option<String> {
    shared("models/llm/stories260K.gguf").or_else(starter_chat)
}

/// A recorded "What is the capital of France?".
fn question() -> String {
    ours("assets/questions/q02-rms.wav").unwrap()
}

const QUESTION: &str = "What is the capital of France?";
