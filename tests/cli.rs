//! The real binary as a script sees it: exit codes, and one sentence on stderr for each thing that went wrong. It names
//! nothing of the library, so the engines are not linked into this test.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are not recognised as tests

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
        &["settings", "models.folder", evil],
        &["settings", evil, evil],
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

/// Runs it; gives up after 10 s, when it waits for what never comes.
#[cfg(unix)]
fn in_time(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = std::time::Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed().as_secs() > 10 {
            child.kill().unwrap();
            panic!("it waits: {command:?}");
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.wait_with_output().unwrap()
}

#[test]
#[cfg(unix)]
fn a_pipe_a_socket_and_a_device_are_refused_without_waiting() {
    let home = tempfile::tempdir().unwrap();
    let (pipe, socket) = (home.path().join("pipe.wav"), home.path().join("socket.wav"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let question = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/questions/q02-rms.wav");
    let question = question.to_string_lossy();
    for (path, what) in [(&*pipe.to_string_lossy(), "a pipe"), (&*socket.to_string_lossy(), "a socket"), ("/dev/zero", "a device")] {
        for args in [
            &["transcribe", "--engines", "fake", path][..],
            &["ask", "--engines", "fake", "--wav", path],
            &["transcribe", "--stt", path, &question],
            &["ask", "--chat", path, "--text", "x"],
            &["bench", "--render", path],
            &["models", "list", "--catalog", path],
            &["models", "import", path],
            &["probe", "chat", path],
            &["probe", "stt", path],
            &["probe", "voice", path],
        ] {
            let (code, out, err) = ended(in_time(hark(home.path()).args(args)));
            assert_ne!(code, 0, "{args:?} {out}{err}");
            assert!(!format!("{out}{err}").trim().is_empty(), "{args:?}");
            if matches!(args, ["transcribe" | "bench", ..]) {
                assert!(err.contains(&format!("it is {what} and no file")), "{args:?}: {err}");
            }
        }
    }
    // In the place of the settings, of a model and of what a folder of models holds.
    std::fs::create_dir_all(home.path().join("models/stt")).unwrap();
    for name in ["settings.toml", "models/stt/ggml-a.bin", "models/b.gguf", "models/c.onnx", "models/c.onnx.json", "models/hark-voice.toml"]
    {
        assert!(Command::new("mkfifo").arg(home.path().join(name)).status().unwrap().success());
    }
    let models = home.path().join("models");
    let (_, out, _) = ended(in_time(hark(home.path()).args(["doctor", "--models"]).arg(&models)));
    assert!(out.contains("settings.toml cannot be read: it is not a file"), "{out}");
    ended(in_time(hark(home.path()).args(["models", "list", "--models"]).arg(&models)));
}

#[test]
#[cfg(unix)]
fn who_asks_twice_ends_it_at_once_whatever_hangs() {
    let home = tempfile::tempdir().unwrap();
    // A reader that does not read: the program waits in the middle of a write.
    let long = "word ".repeat(2000);
    let mut command = hark(home.path());
    command.args(["ask", "--engines", "fake", "--json"]);
    for _ in 0..20 {
        command.args(["--text", &long]);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let wait = |millis| std::thread::sleep(std::time::Duration::from_millis(millis));
    let term = || assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    wait(1500);
    term();
    wait(700);
    term();
    let begin = std::time::Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(begin.elapsed().as_secs() < 5, "it is still there");
        wait(10);
    };
    assert_eq!(status.code(), Some(130));
}

#[test]
#[cfg(unix)]
fn what_it_leaves_behind_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let question = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/questions/q02-rms.wav");
    let dir = home.path().join("home");
    for args in [
        &["ask", "--engines", "fake", "--wav", &question.to_string_lossy(), "--out", "answer.wav"][..],
        &["say", "--voice", "espeak:en-us", "Hello.", "--out", "hello.wav"],
        &["settings", "voice.speed", "1.5"],
        &["transcribe", &question.to_string_lossy()],
        &["models", "list"],
    ] {
        // As if nobody had set a mask.
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_hark")]).args(args).current_dir(home.path());
        shell.env("HARK_CONFIG_DIR", dir.join("config")).env("XDG_DATA_HOME", dir.join("data")).env_remove("HARK_MODELS");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let (mut todo, mut seen) = (vec![dir.join("config")], 0);
    todo.extend(["answer.wav", "hello.wav"].map(|name| home.path().join(name)));
    while let Some(path) = todo.pop() {
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
        seen += 1;
        if path.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(seen >= 6, "settings, what was found out, answers: {seen}");
}
