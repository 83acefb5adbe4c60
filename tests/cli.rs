//! The real binary as a script sees it: exit codes, and one sentence on stderr for each thing that went wrong. It names
//! nothing of the library, so the engines are not linked into this test.

#![allow(clippy::unwrap_used)] // helpers of tests are not recognised as tests

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program with a home of its own, without a display.
fn hark(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hark"));
    command
        .env("HARK_CONFIG_DIR", home)
        .env("XDG_DATA_HOME", home)
        .env_remove("HARK_MODELS")
        .env_remove("HARK_LOG")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .stdin(Stdio::null());
    command
}

fn run(home: &Path, args: &[&str]) -> (i32, String, String) {
    ended(hark(home).args(args).output().unwrap())
}

fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Each line is a sentence of ours; no dump, no backtrace.
fn assert_sentences(err: &str, count: usize) {
    assert_eq!(err.lines().count(), count, "{err}");
    for line in err.lines() {
        assert!(line.starts_with("hark: ") && line.ends_with('.'), "{line}");
        assert!(!line.contains("internal fault") && !line.contains("os error"), "{line}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let home = tempfile::tempdir().unwrap();
    let (code, out, err) = run(home.path(), &["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for command in ["ask", "say", "transcribe", "devices", "doctor"] {
        assert!(out.contains(&format!("\n  {command} ")), "{command} is not in:\n{out}");
    }
    let (code, out, _) = run(home.path(), &["--version"]);
    assert_eq!(code, 0);
    assert!(out.starts_with(concat!("hark ", env!("CARGO_PKG_VERSION"))), "{out}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "help writes nothing");
}

#[test]
fn a_command_line_that_makes_no_sense_ends_with_2() {
    let home = tempfile::tempdir().unwrap();
    for args in [&["dance"][..], &["ask"], &["say"], &["transcribe"], &["--speed", "99", "devices"], &["--engines", "steam"]] {
        let (code, out, err) = run(home.path(), args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}");
        assert!(err.starts_with("error: "), "{args:?}: {err}");
    }
}

#[test]
fn missing_files_are_said_one_by_one_and_end_with_1() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--engines", "fake", "ask", "--wav", "/no/such/1.wav", "--wav", "/no/such/2.flac"];
    let (code, out, err) = run(home.path(), &args);
    assert_eq!((code, out.as_str()), (1, ""));
    assert_sentences(&err, 2);
    let (code, out, err) = run(home.path(), &[&args[..], &["--json"]].concat());
    assert_eq!(code, 1);
    assert_sentences(&err, 2);
    assert!(out.lines().count() == 2 && out.lines().all(|line| line.starts_with(r#"{"event":"error","turn":0,"#)), "{out}");
}

#[test]
fn without_a_display_the_window_says_what_works_instead() {
    let home = tempfile::tempdir().unwrap();
    let (code, _, err) = run(home.path(), &["--engines", "fake"]);
    assert_eq!(code, 1);
    assert!(err.contains("No display was found") && err.contains("hark ask"), "{err}");
}

#[test]
fn a_second_window_says_that_one_is_there() {
    let home = tempfile::tempdir().unwrap();
    let lock = std::fs::File::create(home.path().join("hark.lock")).unwrap();
    lock.try_lock().unwrap();
    let output = hark(home.path()).args(["--engines", "fake"]).env("DISPLAY", ":no-such-display").output().unwrap();
    let (code, _, err) = ended(output);
    assert_eq!((code, err.as_str()), (1, "hark: Hark is already running.\n"));
}

#[test]
fn the_doctor_tells_what_is_missing_and_touches_nothing() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("settings.toml");
    std::fs::write(&file, "[broken").unwrap();
    let (code, out, err) = run(home.path(), &["--chat", "/no/such.gguf", "doctor", "--json"]);
    assert_eq!((code, err.as_str()), (1, ""), "a chat model that is not there is needed");
    for name in ["processor", "speech model", "chat model", "espeak-ng", "microphone", "display", "settings file"] {
        assert!(out.contains(&format!(r#"{{"check":"{name}","#)), "{name} is not in:\n{out}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[broken");
}

#[test]
fn a_broken_settings_file_is_kept_and_said() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("settings.toml"), "[broken").unwrap();
    let (_, _, err) = run(home.path(), &["--engines", "fake", "ask", "--wav", "/no/such.wav"]);
    assert!(err.contains("settings.toml.broken-1"), "{err}");
    assert_sentences(&err, 3);
    assert_eq!(std::fs::read_to_string(home.path().join("settings.toml.broken-1")).unwrap(), "[broken");
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let home = tempfile::tempdir().unwrap();
    for args in [&["--help"][..], &["doctor"], &["doctor", "--json"]] {
        let mut child = hark(home.path()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (code, _, err) = ended(child.wait_with_output().unwrap());
        assert!(!err.contains("fault") && !err.contains("panicked"), "{args:?}: {err}");
        assert!((0..=1).contains(&code), "{args:?}: {code}");
    }
}

/// Bytes that a terminal obeys and characters that turn or hide what is read.
fn tricks_in(text: &str) -> Vec<char> {
    let tricks = "\u{200b}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{2028}\u{2029}\u{feff}";
    text.chars().filter(|c| c.is_control() && !matches!(c, '\n' | '\t') || tricks.contains(*c)).collect()
}

#[test]
#[cfg(unix)]
fn no_name_and_no_file_can_steer_the_terminal() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let evil = "a\u{1b}]0;OWNED\u{7}\u{1b}[31m\u{202e}\u{2066}\u{9b}\u{feff}";
    let at = |ending: &str| home.path().join(format!("{evil}{ending}")).to_string_lossy().into_owned();
    let (wav, other, empty, model, report) = (at("1.wav"), at("2.wav"), at("3.wav"), at(".gguf"), at(".json"));
    std::fs::copy(root.join("assets/questions/q02-rms.wav"), &wav).unwrap();
    std::fs::copy(&wav, &other).unwrap();
    std::fs::write(&empty, b"").unwrap();
    std::fs::write(&model, b"GGUF?").unwrap();
    let figures = serde_json::json!({"figures": {evil: {"p50": 1, "p95": 2}}, "targets": {evil: {"met": true, evil: evil}}, evil: evil});
    std::fs::write(&report, figures.to_string()).unwrap();
    let option = format!("--{evil}");
    let lines: &[&[&str]] = &[
        &["transcribe", "--engines", "fake", &wav, &other, &empty],
        &["transcribe", "--engines", "fake", "--json", &wav, &empty],
        &["transcribe", "--stt", &model, &wav],
        &["ask", "--engines", "fake", "--text", evil, "--system", evil],
        &["ask", "--engines", "fake", "--json", "--text", evil],
        &["ask", "--chat", &model, "--text", "x"],
        &["say", "--voice", &model, "x"],
        &["say", "--engines", "fake", "--out", &at("/no/folder.wav"), "x"],
        &["bench", "--render", &report],
        &["bench", "--render", &report, "--markdown"],
        &["bench", "--render", &report, "--json"],
        &["bench", "--render", &model],
        &["doctor", "--models", &home.path().to_string_lossy()],
        &["doctor", "--json", "--chat", &model],
        &["models", "list", "--models", &home.path().to_string_lossy()],
        &["models", "info", evil],
        &["models", "import", &model],
        &["models", "remove", evil],
        &["models", "verify", evil],
        &["models", "list", "--catalog", &report],
        &["settings", "set", "models.folder", evil],
        &["settings", "set", evil, evil],
        &["probe", "chat", &model],
        &["settings"],
        &["devices", evil],
        &[&option],
        &[evil],
    ];
    for args in lines {
        let output = hark(home.path()).args(*args).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!text.is_empty(), "{args:?} says something");
        assert_eq!(tricks_in(&text), [] as [char; 0], "{args:?}: {text:?}");
    }
}
