//! whisper.cpp and llama.cpp must run on one and the same ggml (see `native/one-ggml.cmake`): two of them in one program
//! share their symbols, not their types, and that ended in heap corruption.
//!
//! ggml leaves the paths of its source files (of its assertions) in every program that is linked with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::path::PathBuf;

/// The folders before `ggml/src/` in all texts of a program.
fn ggml_sources(program: &[u8]) -> BTreeSet<String> {
    // Put together here, so that this test's own program does not hold it.
    let mark = ["ggml", "src", ""].join("/").into_bytes();
    let program: Vec<u8> = program.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect();
    let of_a_path = |b: &u8| b.is_ascii_graphic() || *b == b' ' || !b.is_ascii();
    let places = program.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark).map(|(at, _)| at);
    let folder = |at: usize| {
        let start = program[..at].iter().rposition(|b| !of_a_path(b)).map_or(0, |before| before + 1);
        String::from_utf8_lossy(&program[start..at]).into_owned()
    };
    places.map(folder).collect()
}

#[test]
fn two_ggmls_would_be_seen() {
    let own = ["ggml", "src", "ggml.c"].join("/");
    let program =
        format!("x\0/a/whisper-rs-sys/whisper.cpp/{own}\0/b/llama-cpp-sys-2/llama.cpp/{own}\0/b/llama-cpp-sys-2/llama.cpp/{own}\0");
    let found = ["/a/whisper-rs-sys/whisper.cpp/", "/b/llama-cpp-sys-2/llama.cpp/"].map(str::to_owned);
    assert_eq!(ggml_sources(program.as_bytes()), BTreeSet::from(found));
    assert!(ggml_sources(b"nothing").is_empty());
}

#[test]
fn the_program_holds_one_ggml() {
    // SAFETY: both return a text that lives as long as the program. Calling them links both engines into this test.
    #[allow(unsafe_code)]
    let (whisper, llama) = unsafe {
        (CStr::from_ptr(whisper_rs_sys::whisper_print_system_info()), CStr::from_ptr(llama_cpp_sys_2::llama_print_system_info()))
    };
    assert!(whisper.to_string_lossy().contains("WHISPER"), "{whisper:?}");
    assert!(llama.to_string_lossy().contains("CPU"), "{llama:?}");

    let own = ggml_sources(&std::fs::read(std::env::current_exe().unwrap()).unwrap());
    assert_eq!(own.len(), 1, "ggml comes from more than one place (or from none): {own:?}");
    let source = own.first().unwrap();
    assert!(source.contains("llama-cpp-sys-2"), "ggml should be that of llama-cpp-sys-2, it is {source}");

    let hark = ggml_sources(&std::fs::read(env!("CARGO_BIN_EXE_hark")).unwrap());
    assert!(hark.is_empty() || hark == own, "the program's ggml comes from {hark:?}");
}

/// ggml's switches in the text of a CMakeCache.txt: `GGML_NAME:KIND=VALUE`.
fn switches(cache: &str) -> BTreeMap<String, String> {
    let switch = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let (name, kind) = name.split_once(':')?;
        // Folders differ, warnings change no code, and what is internal or static CMake finds out itself.
        let counts = name.starts_with("GGML_") && matches!(kind, "BOOL" | "STRING") && !name.contains("WARNINGS");
        counts.then(|| (name.to_owned(), value.to_owned()))
    };
    cache.lines().filter_map(switch).collect()
}

/// The newest `build/NAME-*/out/build/CMakeCache.txt` beside this test's executable.
fn newest_cache(name: &str) -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    let builds = executable.parent()?.parent()?.join("build");
    let caches = std::fs::read_dir(builds).ok()?.flatten();
    let caches = caches.filter(|entry| entry.file_name().to_string_lossy().strip_prefix(name).is_some_and(|rest| rest.starts_with('-')));
    let caches = caches.map(|entry| entry.path().join("out/build/CMakeCache.txt")).filter(|cache| cache.exists());
    caches.max_by_key(|cache| cache.metadata().and_then(|data| data.modified()).ok())
}

#[test]
fn both_engines_were_compiled_on_one_ggml_with_the_same_switches() {
    let (Some(whisper), Some(llama)) = (newest_cache("whisper-rs-sys"), newest_cache("llama-cpp-sys-2")) else {
        println!("skipped: needs the CMakeCache.txt of both engines in the target folder");
        return;
    };
    let (whisper, llama) = (std::fs::read_to_string(whisper).unwrap(), std::fs::read_to_string(llama).unwrap());
    // Compiled on the same sources? A linker that takes llama.cpp's archive alone hides that whisper.cpp has its own.
    let sources = |cache: &str| cache.lines().find_map(|line| line.strip_prefix("ggml_SOURCE_DIR:STATIC=").map(str::to_owned));
    assert!(sources(&whisper).is_some());
    assert_eq!(sources(&whisper), sources(&llama), "whisper.cpp was compiled on a ggml of its own");

    let (whisper, llama) = (switches(&whisper), switches(&llama));
    for switch in ["GGML_NATIVE", "GGML_OPENMP", "GGML_AVX2", "GGML_FMA", "GGML_F16C", "GGML_LLAMAFILE"] {
        assert!(whisper.contains_key(switch) && llama.contains_key(switch), "{switch} is not among the switches any more");
    }
    let cuda = whisper.get("GGML_CUDA").is_some_and(|value| value == "ON") || llama.get("GGML_CUDA").is_some_and(|value| value == "ON");
    let different: Vec<String> = (whisper.keys().chain(llama.keys()).collect::<BTreeSet<_>>().into_iter())
        .filter(|name| cuda || !name.starts_with("GGML_CUDA_")) // of no effect without CUDA
        .filter(|name| whisper.get(*name) != llama.get(*name))
        .map(|name| format!("{name}: whisper.cpp {:?}, llama.cpp {:?}", whisper.get(name), llama.get(name)))
        .collect();
    assert!(different.is_empty(), "{}", different.join("; "));
}
