//! What was said is in no log and in no core dump.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by a panic

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program with a home of its own, everything logged.
fn hark(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hark"));
    command.env("HARK_CONFIG_DIR", home).env("XDG_DATA_HOME", home).env("HARK_LOG", "trace").env_remove("HARK_MODELS");
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").current_dir(home).stdin(Stdio::null());
    command
}

/// Runs it; what stood on stdout and on stderr, in small letters.
fn run(args: &[&str]) -> (String, String) {
    let home = tempfile::tempdir().unwrap();
    let output = hark(home.path()).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase();
    let (out, log) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{args:?}: {log}");
    (out, log)
}

/// Words that nothing but the question, the answer or the prompt can bring.
fn assert_silent(log: &str, words: &[&str]) {
    for word in words {
        let line = log.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "{word} is in the log");
    }
}

#[test]
fn a_turn_of_fake_engines_leaves_no_word_in_the_log() {
    let (out, log) = run(&["ask", "--engines", "fake", "--system", "Quagga rules.", "--text", "Zanzibar and Wagadougou?"]);
    assert!(out.contains("zanzibar"), "{out}");
    assert_silent(&log, &["zanzibar", "wagadougou", "quagga"]);
}

#[test]
fn a_turn_of_real_engines_leaves_no_word_in_the_log() {
    let model = |name: &str| -> String {
        let path: PathBuf = root().join("models/starter").join(name);
        assert!(path.is_file(), "{} is missing: run scripts/setup", path.display());
        path.to_string_lossy().into_owned()
    };
    let (stt, chat) = (model("ggml-starter-en-q5_1.bin"), model("SmolLM2-135M-Instruct.gguf"));
    let question = root().join("assets/questions/q02-rms.wav");
    let engines = ["--stt", &stt, "--chat", &chat, "--voice", "espeak:en-us"];
    let ask =
        ["ask", "--out", "a.wav", "--max-tokens", "24", "--seed", "1", "--system", "Quagga rules.", "--wav", &question.to_string_lossy()];
    let (out, log) = run(&[&engines[..], &ask[..]].concat());
    assert!(out.contains("france") && log.contains(" debug ") && log.contains(" trace "), "{out} {log}");
    assert_silent(&log, &["france", "paris", "capital", "quagga"]);
    let (out, log) = run(&[&engines[..], &["transcribe", &question.to_string_lossy()]].concat());
    assert!(out.contains("france"), "{out}");
    assert_silent(&log, &["france", "capital"]);
    let (_, log) = run(&[&engines[..], &["say", "Zanzibar is an island.", "--out", "b.wav"]].concat());
    assert_silent(&log, &["zanzibar", "island"]);
}

#[test]
#[cfg(target_os = "linux")]
fn the_program_that_hears_leaves_no_core_dump() {
    let home = tempfile::tempdir().unwrap();
    let question = root().join("assets/questions/q02-rms.wav");
    let mut command = hark(home.path());
    command.args(["bench", "--engines", "fake", "--runs", "50"]).arg(question).env("HARK_LOG", "error");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let begin = std::time::Instant::now();
    let core = loop {
        let text = std::fs::read_to_string(&limits).unwrap_or_default();
        let core = text.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default().to_owned();
        if core.split_whitespace().nth(5) == Some("0") || begin.elapsed().as_secs() > 10 {
            break core;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let _ = child.kill();
    child.wait().unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// Whoever opens a network socket under this filter is ended by the kernel, children included.
#[cfg(target_os = "linux")]
mod wall {
    use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule};
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    pub fn around(command: &mut Command) -> &mut Command {
        let family = |family: i32| {
            let condition = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, u64::try_from(family).unwrap()).unwrap();
            SeccompRule::new(vec![condition]).unwrap()
        };
        let rules = [(libc::SYS_socket, vec![family(libc::AF_INET), family(libc::AF_INET6)])].into();
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillProcess, arch).unwrap();
        let program = BpfProgram::try_from(filter).unwrap();
        // SAFETY: between fork and exec only two system calls are made, with a program that was made before.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(move || seccompiler::apply_filter(&program).map_err(|_| std::io::Error::other("no filter")))
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_process_that_hears_opens_no_network_socket() {
    use std::os::unix::process::ExitStatusExt;
    let question = root().join("assets/questions/q02-rms.wav");
    let question = &*question.to_string_lossy();
    let starter = |name: &str| root().join("models/starter").join(name).to_string_lossy().into_owned();
    let (stt, chat) = (starter("ggml-starter-en-q5_1.bin"), starter("SmolLM2-135M-Instruct.gguf"));
    let real = ["--stt", &stt, "--chat", &chat, "--voice", "espeak:en-us"];
    let run = |args: &[&str]| {
        let home = tempfile::tempdir().unwrap();
        wall::around(&mut hark(home.path())).env("HARK_LOG", "error").args(args).output().unwrap()
    };
    for args in [
        [&real[..], &["ask", "--out", "a.wav", "--max-tokens", "16", "--wav", question]].concat(),
        [&real[..], &["transcribe", question]].concat(),
        [&real[..], &["say", "Hello.", "--out", "b.wav"]].concat(),
        vec!["bench", "--engines", "fake", "--runs", "1", "--turns", "2", question],
        vec!["doctor"],
        vec!["models", "list"],
    ] {
        let output = run(&args);
        assert!(output.status.signal().is_none(), "{args:?} was ended: {:?}", output.status);
        assert!(output.status.success() || args == ["doctor"], "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    // Who may open one shows that the wall stands.
    let python = ["-c", "import socket; socket.socket(socket.AF_INET)"];
    assert_eq!(wall::around(Command::new("python3").args(python)).status().unwrap().signal(), Some(libc::SIGSYS));
    let output = run(&["models", "pull", "whisper-tiny.en-q5_1"]);
    assert!(!output.status.success(), "the child that fetches is ended, and this is told");
}
