//! whisper.cpp and llama.cpp must run on one and the same ggml (see `native/one-ggml.cmake`): two of them in one program
//! share their symbols, not their types, and that ended in heap corruption.
//!
//! ggml leaves the paths of its source files (of its assertions) in every program that is linked with it.

use hark::platform::cpu;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::process::Command;

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

    // Both run on the copy of ggml's processor part that was chosen (native/cpu-variants.cmake).
    let isa = cpu::isa();
    for engine in [whisper, llama] {
        assert_eq!(engine.to_string_lossy().contains("AVX512_VNNI = 1"), isa.used.starts_with("AVX-512"), "{engine:?} {isa:?}");
    }

    let own = ggml_sources(&std::fs::read(std::env::current_exe().unwrap()).unwrap());
    assert_eq!(own.len(), 1, "ggml comes from more than one place (or from none): {own:?}");
    let source = own.first().unwrap();
    assert!(source.contains("llama-cpp-sys-2"), "ggml should be that of llama-cpp-sys-2, it is {source}");

    let hark = ggml_sources(&std::fs::read(env!("CARGO_BIN_EXE_hark")).unwrap());
    assert!(hark.is_empty() || hark == own, "the program's ggml comes from {hark:?}");
}

#[test]
fn the_engines_keep_to_avx2_when_told_to() {
    if cpu::isa().compiled.len() < 2 {
        println!("skipped: this system's program holds one copy of ggml's processor part");
        return;
    }
    let both = ["--exact", "told_to", "the_program_holds_one_ggml"];
    let run = Command::new(std::env::current_exe().unwrap()).args(both).env("HARK_ISA", "avx2").output().unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains("2 passed"), "{told}");
}

/// Of use as a child of the test above, with `HARK_ISA=avx2`.
#[test]
fn told_to() {
    if std::env::var("HARK_ISA").is_ok_and(|wish| wish == "avx2") {
        assert_eq!(cpu::isa().used, "AVX2");
    }
}

/// What `nm` says of an archive: its members in order, each with the symbols that it defines and those that it lacks.
fn members(archive: &Path, defined: bool) -> Option<Vec<(String, BTreeSet<String>)>> {
    let wanted: &[&str] = if defined { &["-g", "--defined-only"] } else { &["-u"] };
    let told = Command::new("nm").args(wanted).arg(archive).output().ok().filter(|told| told.status.success())?;
    let mut members: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in String::from_utf8_lossy(&told.stdout).lines() {
        if let Some(name) = line.strip_suffix(':') {
            members.push((name.to_owned(), BTreeSet::new()));
        } else if let (Some((_, symbols)), Some(symbol)) = (members.last_mut(), line.split_whitespace().last()) {
            symbols.insert(symbol.to_owned());
        }
    }
    Some(members)
}

fn all(members: &[(String, BTreeSet<String>)], wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    members.iter().filter(|(name, _)| wanted(name)).flat_map(|(_, symbols)| symbols.clone()).collect()
}

#[test]
fn the_two_copies_of_the_processor_part_know_nothing_of_each_other() {
    let engines = [("whisper-rs-sys", "libwhisper.a"), ("llama-cpp-sys-2", "libllama.a")];
    for (name, engine) in engines {
        let folder = newest_cache(name).and_then(|cache| Some(cache.parent()?.parent()?.join("lib")));
        let Some((lib, defined)) = folder.and_then(|lib| Some((lib.clone(), members(&lib.join("libggml-cpu.a"), true)?))) else {
            println!("skipped: needs nm and libggml-cpu.a of {name} in the target folder");
            return;
        };
        let lacking = members(&lib.join("libggml-cpu.a"), false).unwrap();
        let is_copy = |member: &str| member.starts_with("hark-cpu-avx512");
        let is_dispatcher = |member: &str| member.starts_with("cpu-dispatch");
        let copies = usize::from(defined.iter().any(|(member, _)| is_copy(member)));
        assert_eq!(copies + 1, cpu::isa().compiled.len(), "{name} was built with other copies than the program was linked with");

        // A symbol that both define is one symbol to the linker: AVX-512 code would run on any processor.
        let (copy, others) = (all(&defined, is_copy), all(&defined, |member| !is_copy(member)));
        assert!(copy.is_disjoint(&others), "{name}: {:?}", copy.intersection(&others).collect::<Vec<_>>());
        let lacked = all(&lacking, is_copy);
        assert!(lacked.is_disjoint(&others), "{name}: the copy calls {:?}", lacked.intersection(&others).collect::<Vec<_>>());
        let lacked = all(&lacking, |member| !is_copy(member) && !is_dispatcher(member));
        assert!(lacked.is_disjoint(&copy), "{name}: {:?}", lacked.intersection(&copy).collect::<Vec<_>>());

        // The dispatcher answers for one function; whatever else is called would always be the AVX2 copy's.
        let callers = [engine, "libggml.a", "libggml-base.a"].map(|file| members(&lib.join(file), false).unwrap());
        let called = callers.iter().map(|members| all(members, |_| true)).fold(BTreeSet::new(), |sum, more| &sum | &more);
        let called: Vec<&String> = called.intersection(&others).collect();
        assert_eq!(called, ["ggml_backend_cpu_reg"], "{name}");
    }
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
