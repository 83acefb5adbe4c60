//! What lies where the program is started, or above the program, is neither loaded nor believed: a library there is another
//! person's code, and a model there another person's words.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test ends by a panic

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Leaves a file when it is loaded, whoever loads it and whatever becomes of it then.
const LIBRARY: &str = "#include <stdio.h>\n#include <stdlib.h>\n__attribute__((constructor)) static void ran(void) {\n\
    FILE *f = fopen(getenv(\"MARKER\"), \"w\"); if (f) fclose(f);\n}\n";

struct Place {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let (source, library) = (folder.path().join("evil.c"), folder.path().join("evil.so"));
        fs::write(&source, LIBRARY).unwrap();
        let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
        assert!(made.expect("a C compiler, which building needs too").success());
        Place { folder, library }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts the library and a speech model into `FOLDER/models`.
    fn plant(&self, folder: &Path) {
        fs::create_dir_all(folder.join("models/runtime")).unwrap();
        fs::create_dir_all(folder.join("models/stt")).unwrap();
        for name in ["libonnxruntime.so", "libonnxruntime.so.9.9.9"] {
            fs::copy(&self.library, folder.join("models/runtime").join(name)).unwrap();
        }
        let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/starter/ggml-starter-en-q5_1.bin");
        fs::copy(starter, folder.join("models/stt/ggml-planted.bin")).unwrap();
    }

    /// The program, as if it was unpacked at `opt/hark/bin/`.
    fn program(&self) -> PathBuf {
        let program = self.path("opt/hark/bin/hark");
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_hark"), &program).unwrap();
        program
    }

    fn run(&self, program: &Path, here: &Path, args: &[&str]) -> (Output, String) {
        let mut command = Command::new(program);
        command.args(args).current_dir(here).env("MARKER", self.path("marker"));
        command.env("HARK_CONFIG_DIR", self.path("config")).env("XDG_DATA_HOME", self.path("data"));
        command.env_remove("HARK_MODELS").env_remove("ORT_DYLIB_PATH").env_remove("LD_LIBRARY_PATH");
        let output = command.output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output, text)
    }

    fn ran(&self) -> bool {
        self.path("marker").exists()
    }
}

#[test]
fn the_library_of_this_test_would_leave_its_mark() {
    let place = Place::new();
    // Said to be ONNX Runtime by the person: it is loaded, and seen not to be it.
    let loaded = Command::new("python3")
        .args(["-c", "import ctypes, sys; ctypes.CDLL(sys.argv[1])"])
        .arg(&place.library)
        .env("MARKER", place.path("marker"))
        .status();
    assert!(loaded.unwrap().success() && place.ran());
}

#[test]
fn what_lies_in_the_working_folder_or_above_the_program_is_not_believed() {
    let place = Place::new();
    let (program, here) = (place.program(), place.path("stick/work"));
    fs::create_dir_all(&here).unwrap();
    for folder in ["stick/work", "stick", "opt/hark", "opt", ""] {
        place.plant(&place.path(folder));
    }
    for args in [&["doctor"][..], &["models", "list"], &["transcribe", "nothing.wav"], &["say", "Hi.", "--out", "hi.wav"]] {
        let (_, text) = place.run(&program, &here, args);
        assert!(!text.contains("planted") && !text.contains(&*place.path("stick").to_string_lossy()), "{args:?}: {text}");
        assert!(!place.ran(), "{args:?} ran the library: {text}");
    }
}

#[test]
fn the_doctor_looks_at_a_library_and_runs_nothing_of_it() {
    let place = Place::new();
    let program = place.program();
    let library = program.with_file_name("libonnxruntime.so");
    fs::copy(&place.library, &library).unwrap();
    fs::set_permissions(&library, PermissionsExt::from_mode(0o644)).unwrap();
    let (_, text) = place.run(&program, place.folder.path(), &["doctor"]);
    assert!(text.contains(&*library.to_string_lossy()) && text.contains("not loaded for this look"), "{text}");
    assert!(!place.ran(), "{text}");
    // And one that anybody can write is not loaded by anybody, with the reason.
    fs::set_permissions(&library, PermissionsExt::from_mode(0o666)).unwrap();
    for folder in [place.path("config"), place.path("data")] {
        let _ = fs::remove_dir_all(folder);
    }
    let (_, text) = place.run(&program, place.folder.path(), &["doctor"]);
    let found = text.lines().find(|line| line.contains("ONNX Runtime")).unwrap_or_default();
    assert!(!found.contains(&*library.to_string_lossy()) || found.contains("can be written by others"), "{text}");
    assert!(!place.ran(), "{text}");
}

#[test]
fn the_peers_of_the_bench_are_not_run_from_the_working_folder() {
    let place = Place::new();
    let here = place.path("work");
    let python = here.join("target/bench-peers/venv/bin/python");
    fs::create_dir_all(python.parent().unwrap()).unwrap();
    fs::create_dir_all(here.join("benches/peers")).unwrap();
    fs::write(&python, "#!/bin/sh\ntouch \"$MARKER\"\n").unwrap();
    fs::set_permissions(&python, PermissionsExt::from_mode(0o755)).unwrap();
    let question = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/questions/q02-rms.wav");
    let question = question.to_string_lossy();
    let models: Vec<String> = ["a.bin", "b.gguf", "c.onnx"].map(|name| here.join(name).to_string_lossy().into_owned()).to_vec();
    for file in &models {
        fs::write(file, b"").unwrap();
    }
    let bench = ["bench", "--compare", "--engines", "fake", "--runs", "1", "--turns", "1", "--only", "P1"];
    let files = ["--stt", &models[0], "--chat", &models[1], "--voice", &models[2], &question];
    let (_, text) = place.run(Path::new(env!("CARGO_BIN_EXE_hark")), &here, &[&bench[..], &files].concat());
    let folder = env!("CARGO_MANIFEST_DIR");
    assert!(
        text.contains(&format!("the peers in {folder}/benches/peers are run by {folder}/target/bench-peers/venv/bin/python")),
        "{text}"
    );
    assert!(!place.ran(), "{text}");
}
