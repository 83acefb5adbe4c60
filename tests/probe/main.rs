//! R5: a model is first loaded by a short-lived child of the same program. Whatever ends the child becomes a sentence here, and
//! this process lives on with the memory that it had.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are not recognised as tests

use hark::error::Stage;
use hark::models::probe::{ProbeError, ProbeKind, ProbeOptions, Probed, ensure, probe};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn options(cache: &Path) -> ProbeOptions {
    let environment = [("HARK_CONFIG_DIR", cache.as_os_str()), ("HARK_CACHE_DIR", cache.as_os_str())];
    ProbeOptions {
        program: Some(env!("CARGO_BIN_EXE_hark").into()),
        cache: Some(cache.to_owned()),
        environment: environment.map(|(name, value)| (OsString::from(name), value.to_owned())).into(),
        ..ProbeOptions::default()
    }
}

fn with_fault(cache: &Path, fault: &str) -> ProbeOptions {
    let mut options = options(cache);
    options.environment.push(("HARK_PROBE_FAULT".into(), fault.into()));
    options
}

fn there(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    println!("skipped: needs {}", path.display());
    None
}

fn ours(name: &str) -> Option<PathBuf> {
    there(Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    there(root.join("models").join(name))
}

/// Memory of this process, KiB; 0 where the system does not tell it like Linux.
fn memory_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[test]
#[cfg(target_os = "linux")]
fn whatever_ends_the_child_becomes_a_sentence_and_this_process_lives() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.bin");
    std::fs::write(&file, b"lmgg").unwrap();
    let before = memory_kib();
    let short = Duration::from_millis(700);
    let expected = [
        ("abort", ProbeError::Aborted, "give up at once"),
        ("segv", ProbeError::Crashed("SIGSEGV".to_owned()), "(SIGSEGV)"),
        ("kill", ProbeError::Killed, "memory is short"),
        ("oom", ProbeError::OutOfMemory, "more memory than there is"),
        ("hang", ProbeError::TooLong(short), "within 1 seconds"),
        ("garbage", ProbeError::NoAnswer, "without a result"),
        ("panic", ProbeError::Fault, "a fault inside this program"),
    ];
    for round in 0..3 {
        for (fault, error, words) in &expected {
            let cache = folder.path().join(format!("cache-{round}-{fault}"));
            let mut options = with_fault(&cache, fault);
            if *fault == "hang" {
                options.timeout = Some(short);
            }
            let begin = Instant::now();
            assert_eq!(probe(ProbeKind::Stt, &file, &options), Err(error.clone()), "{fault}");
            assert!(begin.elapsed() < Duration::from_secs(20), "{fault} took {:?}", begin.elapsed());
            let told = ensure(ProbeKind::Stt, &file, &options).unwrap_err();
            assert!(told.message.contains(words) && told.message.contains("model.bin") && !told.hint.is_empty(), "{fault}: {told}");
            assert_eq!(told.stage, Stage::Stt);
        }
    }
    let after = memory_kib();
    println!("{before} KiB before, {after} KiB after 42 faults");
    assert!(after < before + 8 * 1024, "memory did not return: {before} KiB before, {after} KiB after");
}

#[test]
#[cfg(target_os = "linux")]
fn a_crash_is_remembered_and_a_shortage_is_tried_again() {
    let Some(good) = shared("llm/stories260K.gguf") else { return };
    let cache = tempfile::tempdir().unwrap();
    let crashed = Err(ProbeError::Crashed("SIGSEGV".to_owned()));
    assert_eq!(probe(ProbeKind::Chat, &good, &with_fault(cache.path(), "segv")), crashed);
    // The fault is gone; that it was there is remembered, until somebody wants to try again.
    assert_eq!(probe(ProbeKind::Chat, &good, &options(cache.path())), crashed);
    let again = ProbeOptions { again: true, ..options(cache.path()) };
    assert!(probe(ProbeKind::Chat, &good, &again).is_ok());
    assert!(probe(ProbeKind::Chat, &good, &options(cache.path())).unwrap().remembered);

    let cache = tempfile::tempdir().unwrap();
    for fault in ["oom", "kill", "garbage"] {
        assert!(probe(ProbeKind::Chat, &good, &with_fault(cache.path(), fault)).is_err(), "{fault}");
    }
    assert!(matches!(probe(ProbeKind::Chat, &good, &options(cache.path())), Ok(Probed { remembered: false, .. })));
}

#[test]
fn good_models_pass_once_and_are_known_then() {
    let cache = tempfile::tempdir().unwrap();
    // One bit of the starter model is another one: a model that nobody tried yet.
    let ears = ours("models/starter/ggml-starter-en-q5_1.bin").map(|starter| {
        let mut bytes = std::fs::read(starter).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let file = cache.path().join("ears.bin");
        std::fs::write(&file, bytes).unwrap();
        file
    });
    let models = [
        (ProbeKind::Stt, ears),
        (ProbeKind::Chat, shared("llm/stories260K.gguf")),
        (ProbeKind::Voice, shared("tts/en_US-random-x_low.onnx")),
    ];
    for (kind, path) in models {
        let Some(path) = path else { continue };
        let options = options(cache.path());
        let begin = Instant::now();
        let first = probe(kind, &path, &options).unwrap_or_else(|error| panic!("{}: {}", path.display(), error.at(kind, &path)));
        let took = begin.elapsed();
        assert!(!first.remembered);
        // The fastest of many: a machine that stands still for a moment says nothing.
        let again = || {
            let begin = Instant::now();
            assert!(probe(kind, &path, &options).is_ok_and(|probed| probed.remembered));
            begin.elapsed()
        };
        let known = (0..100).map(|_| again()).min().unwrap();
        println!("{}: {took:?} for the first time ({} ms in the child), {known:?} when it is known", path.display(), first.ms);
        assert!(known < Duration::from_millis(2), "{known:?}");
    }
}

#[test]
fn the_very_bytes_of_a_starter_model_need_no_child() {
    let cache = tempfile::tempdir().unwrap();
    let nobody = ProbeOptions { program: Some("/nowhere/hark".into()), ..options(cache.path()) };
    let starters = [(ProbeKind::Stt, "ggml-starter-en-q5_1.bin"), (ProbeKind::Chat, "SmolLM2-135M-Instruct.gguf")];
    for (kind, name) in starters {
        let Some(path) = ours(&format!("models/starter/{name}")) else { continue };
        let begin = Instant::now();
        assert_eq!(probe(kind, &path, &nobody), Ok(Probed { ms: 0, remembered: true }));
        println!("{name}: {:?}", begin.elapsed());
    }
}

#[test]
fn a_file_that_an_engine_refuses_is_refused_with_its_words() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, name) in [(ProbeKind::Stt, "a.bin"), (ProbeKind::Chat, "b.gguf"), (ProbeKind::Voice, "c.onnx")] {
        let file = folder.path().join(name);
        std::fs::write(&file, b"nothing of the kind").unwrap();
        for path in [file.clone(), folder.path().join("missing"), folder.path().to_owned()] {
            let told = ensure(kind, &path, &options(folder.path())).unwrap_err();
            assert!(told.message.contains(&path.display().to_string()) && told.message.ends_with('.'), "{told}");
            assert_eq!(told.stage, kind.stage());
        }
    }
}

#[test]
fn a_name_that_looks_like_an_option_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let told = ensure(ProbeKind::Chat, Path::new("--json"), &options(folder.path())).unwrap_err();
    assert!(told.message.contains("--json was not found"), "{told}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_program_asks_the_child_before_it_loads_a_file_and_says_what_came_of_it() {
    let Some(good) = shared("llm/stories260K.gguf") else { return };
    let home = tempfile::tempdir().unwrap();
    let ask = |fault: Option<&str>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hark"));
        command.args(["ask", "--text", "Hello", "--max-tokens", "4", "--threads", "1", "--out"]).arg(home.path().join("x.wav"));
        command.arg("--chat").arg(&good).env("HARK_CONFIG_DIR", home.path()).env("HARK_CACHE_DIR", home.path().join("cache"));
        command.env_remove("HARK_LOG").env_remove("HARK_MODELS");
        command.envs(fault.map(|fault| ("HARK_PROBE_FAULT", fault)));
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = ask(Some("segv"));
    assert!(code == Some(1) && said.contains("stories260K.gguf") && said.contains("(SIGSEGV)"), "{code:?} {said}");
    let (code, said) = ask(None);
    assert!(code == Some(1) && said.contains("(SIGSEGV)"), "it is remembered: {code:?} {said}");
    std::fs::remove_dir_all(home.path().join("cache")).unwrap();
    let (_, said) = ask(None);
    assert!(!said.contains("SIGSEGV") && !said.contains("chat model"), "{said}");
}

/// What a hostile file would try: each success is a crash of the child. `platform::sandbox` says what this kernel can keep shut.
#[test]
#[cfg(target_os = "linux")]
fn the_child_opens_no_socket_starts_no_program_and_touches_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let (models, home) = (folder.path().join("models"), folder.path().join("home"));
    for folder in [&models, &home] {
        std::fs::create_dir(folder).unwrap();
    }
    let (file, letter, planted) = (models.join("m.bin"), home.join("letter.txt"), home.join("planted"));
    std::fs::write(&file, b"lmgg").unwrap();
    std::fs::write(&letter, b"dear").unwrap();
    // Each has a memory of its own: that the file ended its engine is remembered.
    let tries = |fault: &str| probe(ProbeKind::Stt, &file, &with_fault(tempfile::tempdir().unwrap().path(), fault));
    // So that these can be seen to happen: the file itself may be read.
    assert_eq!(tries(&format!("read={}", file.display())), Err(ProbeError::Aborted));
    let refused = |fault: &str| {
        let end = tries(fault);
        // It goes on to the file, which is none.
        assert!(matches!(end, Err(ProbeError::Refused { .. })), "{fault}: {end:?}");
    };
    let possible = hark::platform::sandbox::possible();
    if possible.calls {
        refused("socket");
        refused("exec");
    }
    if possible.files {
        refused(&format!("read={}", letter.display()));
        refused(&format!("read={}", home.join("../models/../home/letter.txt").display()));
        refused(&format!("write={}", planted.display()));
        refused(&format!("write={}", file.display()));
        assert!(!planted.exists() && std::fs::read(&file).unwrap() == b"lmgg");
    }
    assert!(possible.calls, "every kernel that can run this has seccomp; if this one has not, hark doctor says so");
}
