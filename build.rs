//! Gives the program its commit (`HARK_GIT`), and stops a build that would come out wrong with a sentence that says why: with
//! a broken catalog of models, for example.
//! It reads files of the checkout and searches `PATH`; it starts no program and never uses the network.
//!
//! The native engines are compiled by the build scripts of `llama-cpp-sys-2`, `whisper-rs-sys`, `alsa-sys`, … Cargo runs
//! those before this one, so a missing `cmake`, `libclang` or ALSA header ends the build there already, in their words.
//! `scripts/setup` (which `make` runs first) looks for all of them beforehand. What can be told here is what those builds
//! do not notice: that they ran without the switches of `.cargo/config.toml`, or before those were as they are now.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

// The program's own reader of catalogs, so that there is one set of rules. Most of it is only needed at run time.
#[allow(dead_code)]
#[path = "src/models/catalog.rs"]
mod catalog;

/// Must be as in `.cargo/config.toml`: both engines share one ggml only when both were compiled with these.
const SWITCHES: [(&str, &str); 3] = [("GGML_NATIVE", "OFF"), ("GGML_AVX2", "ON"), ("GGML_LLAMAFILE", "ON")];
const INCLUDES: [&str; 2] = ["CMAKE_PROJECT_whisper.cpp_INCLUDE", "CMAKE_PROJECT_ggml_INCLUDE"];
/// A function of `native/cpu-dispatch.c`.
const DISPATCHER: &[u8] = b"hark_cpu_chosen";

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=build.rs");
    for name in INCLUDES.into_iter().chain(SWITCHES.map(|(name, _)| name)) {
        println!("cargo::rerun-if-env-changed={name}");
    }
    check_switches();
    check_engines();
    check_catalog(&root);
    warn_of_missing_tools();
    let commit = commit(&root).map_or_else(String::new, |hash| format!(" ({hash})"));
    println!("cargo::rustc-env=HARK_GIT={commit}");
}

/// Cargo reads `.cargo/config.toml` of the current folder, not of the package: `--manifest-path` from elsewhere would
/// compile whisper.cpp on a ggml of its own, and the program would hold two.
fn check_switches() {
    let includes = INCLUDES.iter().all(|name| env::var_os(name).is_some_and(|file| Path::new(&file).is_file()));
    let switches = SWITCHES.iter().all(|(name, value)| env::var(name).is_ok_and(|set| set == *value));
    if !includes || !switches {
        println!(
            "cargo::error=The settings of .cargo/config.toml are not in effect, so both engines would not share one ggml. \
             Run cargo inside the project's folder, without --manifest-path and without GGML_* variables of your own."
        );
    }
}

/// Cargo does not see that a `CMAKE_*` variable is new, and llama-cpp-sys-2 configures a build folder only once: engines
/// from before `native/cpu-variants.cmake` would end in the linker's words.
fn check_engines() {
    // Told by llama-cpp-sys-2: the folder lib/cmake of its build.
    let Some(folder) = env::var_os("DEP_LLAMA_GGML_CMAKE_DIR").map(PathBuf::from) else { return };
    let Some(archive) = folder.parent().map(|lib| lib.join("libggml-cpu.a")).filter(|file| file.is_file()) else { return };
    watch(&archive);
    let stale = fs::read(&archive).is_ok_and(|bytes| !bytes.windows(DISPATCHER.len()).any(|window| window == DISPATCHER));
    if stale {
        println!(
            "cargo::error=The engines in the target folder were built before native/cpu-variants.cmake was there. \
             Run `cargo clean --release -p llama-cpp-sys-2 -p whisper-rs-sys`, then build again."
        );
    }
}

/// A program with a broken catalog does not exist.
fn check_catalog(root: &Path) {
    let file = root.join("models").join("catalog.toml");
    watch(&file);
    let read = fs::read_to_string(&file).map_err(|error| error.to_string());
    let catalog = match read.and_then(|text| catalog::Catalog::parse(&text).map_err(|error| error.to_string())) {
        Ok(catalog) => catalog,
        Err(reason) => return println!("cargo::error=models/catalog.toml: {reason}."),
    };
    // What has no source is part of the checkout, and is as the catalog says.
    for model in catalog.models.iter().filter(|model| model.sources.is_empty()) {
        for file in &model.files {
            let path = root.join("models").join("starter").join(&file.name);
            watch(&path);
            let bytes = fs::metadata(&path).map(|meta| meta.len()).ok();
            if bytes.is_none() || bytes != file.bytes {
                println!(
                    "cargo::error=models/catalog.toml: model {}: it has no source, and models/starter/{} is not there with its {} bytes.",
                    model.id,
                    file.name,
                    file.bytes.unwrap_or(0)
                );
            }
        }
    }
}

/// Only a warning: when a sys crate was built before, its tools may be gone by now without harm.
fn warn_of_missing_tools() {
    for (tool, package) in [("cmake", "cmake"), ("pkg-config", "pkg-config")] {
        let found = env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(tool).is_file()));
        if !found && cfg!(unix) {
            println!(
                "cargo::warning={tool} was not found; a rebuild of the engines will need it. Run scripts/setup, or install {package}."
            );
        }
    }
}

/// The first 12 digits of the checked-out commit; `None` outside of a git checkout. Read from git's files, because git
/// itself may be missing or refuse a folder of another user.
fn commit(root: &Path) -> Option<String> {
    let git = git_folder(root)?;
    let head_file = git.join("HEAD");
    watch(&head_file);
    // A commit on a branch that is only in packed-refs so far changes neither; its log always changes.
    watch(&git.join("logs").join("HEAD"));
    let head = fs::read_to_string(&head_file).ok()?;
    let hash = match head.trim().strip_prefix("ref: ") {
        None => head.trim().to_owned(),
        Some(name) => {
            // A worktree keeps its HEAD to itself and shares the branches.
            let common = fs::read_to_string(git.join("commondir")).map_or_else(|_| git.clone(), |dir| git.join(dir.trim()));
            branch(&common, name)?
        }
    };
    (hash.len() >= 12 && hash.bytes().all(|b| b.is_ascii_hexdigit())).then(|| hash[..12].to_owned())
}

/// `.git` is a folder, or in a worktree a file that names one.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let text = fs::read_to_string(&git).ok()?;
    Some(root.join(text.trim().strip_prefix("gitdir: ")?))
}

fn branch(common: &Path, name: &str) -> Option<String> {
    let own = common.join(name);
    watch(&own);
    if let Ok(hash) = fs::read_to_string(&own) {
        return Some(hash.trim().to_owned());
    }
    let packed = common.join("packed-refs");
    watch(&packed);
    let text = fs::read_to_string(&packed).ok()?;
    text.lines().filter_map(|line| line.split_once(' ')).find(|(_, branch)| *branch == name).map(|(hash, _)| hash.to_owned())
}

/// A file that is not there would make cargo run this at each build.
fn watch(file: &Path) {
    if file.is_file() {
        println!("cargo::rerun-if-changed={}", file.display());
    }
}
