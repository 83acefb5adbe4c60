//! Guards the borders of the architecture by reading the sources: the pure parts import no engine, thread, channel or
//! clock, the engines stay in their adapters, and colours stay in the theme.

// A test helper that cannot read the sources should stop the test.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// Crates and modules that a pure part must not name.
const IMPURE: [&str; 14] = [
    "whisper_rs",
    "llama_cpp",
    "ort::",
    "espeakng_sys",
    "cpal",
    "rodio",
    "crossbeam",
    "std::thread",
    "std::sync::mpsc",
    "std::time::Instant",
    "Instant::now",
    "SystemTime",
    "crate::clock",
    "crate::worker",
];

fn sources(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut todo = vec![root.join(folder)];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "{folder} has no sources: was it moved? Then move its border too.");
    found
}

/// Tests may look at clocks and call engines bare.
fn is_test(path: &Path) -> bool {
    name(path).contains("test")
}

/// The code of a file: without comments, and without what follows `#[cfg(test)]` at the end of a file.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let tests = text.find("mod tests {").and_then(|at| text[..at].rfind("#[cfg(test)]"));
    let text = &text[..tests.unwrap_or(text.len())];
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Whether `code` has `word` with no letter right before it (`ort::` is not in `support::`).
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

fn offenders(files: &[PathBuf], banned: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    for file in files.iter().filter(|f| !is_test(f)) {
        let code = code(file);
        out.extend(banned.iter().filter(|b| names(&code, b)).map(|b| format!("{} names {b}", file.display())));
    }
    out
}

#[test]
fn the_pure_parts_import_no_engine_thread_channel_or_clock() {
    let mut files = sources("src/speech");
    files.extend(sources("src/assistant").into_iter().filter(|f| {
        ["state.rs", "turn_events.rs", "active.rs", "ptt.rs", "stages.rs", "switching.rs", "faults.rs"].contains(&name(f).as_str())
    }));
    files.extend(sources("src/models/policy.rs"));
    // Of the window only its host may know threads and clocks.
    files.extend(sources("src/ui").into_iter().filter(|f| !["app.rs", "mod.rs"].contains(&name(f).as_str())));
    let found = offenders(&files, &IMPURE);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_engine_is_named_in_its_adapter_only() {
    let all: Vec<PathBuf> = sources("src");
    let at = |f: &PathBuf, folder: &str| f.to_string_lossy().replace('\\', "/").contains(folder);
    for (engine, homes) in [
        ("whisper_rs", &["src/stt/", "src/platform/"][..]),
        ("llama_cpp", &["src/llm/"][..]),
        ("ort::", &["src/tts/"][..]),
        ("espeakng_sys", &["src/tts/"][..]),
        ("cpal::", &["src/audio/"][..]),
        ("rodio::", &["src/audio/"][..]),
        ("eframe::", &["src/ui/"][..]),
        // The network: only the child that fetches files.
        ("ureq::", &["src/models/fetch/"][..]),
    ] {
        let files: Vec<PathBuf> = all.iter().filter(|f| !homes.iter().any(|h| at(f, h))).cloned().collect();
        let found = offenders(&files, &[engine]);
        assert!(found.is_empty(), "{found:#?}");
    }
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let long: Vec<String> = sources("src")
        .iter()
        .map(|f| (fs::read_to_string(f).unwrap().lines().count(), f))
        .filter(|(lines, _)| *lines > 400)
        .map(|(lines, f)| format!("{} has {lines} lines", f.display()))
        .collect();
    assert!(long.is_empty(), "split these: {long:#?}");
}

#[test]
fn unsafe_stands_in_the_adapters_only() {
    let all: Vec<PathBuf> = sources("src");
    // cpu.rs asks the engines' archive which instructions it uses.
    let homes = ["src/stt/", "src/llm/", "src/tts/", "src/audio/", "src/platform/cpu.rs"];
    let files: Vec<PathBuf> =
        all.into_iter().filter(|f| !homes.iter().any(|h| f.to_string_lossy().replace('\\', "/").contains(h))).collect();
    let found = offenders(&files, &["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn whatever_is_written_on_a_terminal_passes_the_one_function_that_makes_it_printable() {
    let all = sources("src");
    // The terminal itself; children whose parent reads JSON lines.
    let homes = ["src/cli/terminal.rs", "src/models/fetch/worker.rs", "src/bench/part.rs", "src/cli/probe.rs"];
    // What only tests have.
    let homes = [&homes[..], &["src/on_time.rs", "src/llm/measurements.rs", "src/tts/tiny.rs", "src/ui/tests/welcome.rs"]].concat();
    let files: Vec<PathBuf> =
        all.into_iter().filter(|f| !homes.iter().any(|h| f.to_string_lossy().replace('\\', "/").ends_with(h))).collect();
    let found = offenders(&files, &["println!", "print!", "eprintln!", "eprint!", "io::stdout()", "io::stderr()", "std::io::stdout"]);
    assert!(found.is_empty(), "{found:#?}");
}
