//! ONNX Runtime: found and loaded once per process.
//!
//! A library is code, so it is looked for in few places: `ORT_DYLIB_PATH`; else beside the program, in `models/runtime/` of the
//! checkout in which the program was built, in `runtime/` of the user's own models folder, and in the system's library folders.
//! The first that works is used for ever. What others can write is not loaded ([`crate::platform::trusted`]), and what setup
//! put there only when it is the very file that `native/onnxruntime.txt` names.

use super::SynthesisError;
use crate::models::digest;
use crate::platform::{files, trusted};
use crate::turn::Outcome;
use ort::environment::Environment;
use std::ffi::OsString;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The environment variable that names the library itself.
pub const PATH_VARIABLE: &str = "ORT_DYLIB_PATH";

/// Folder in the cache for what was found out about graphs (`tts::verdict`).
pub const VERDICTS: &str = "voices";

/// File names of the library on this system, for its loader.
#[cfg(target_os = "windows")]
const SYSTEM_NAMES: [&str; 1] = ["onnxruntime.dll"];
#[cfg(target_os = "macos")]
const SYSTEM_NAMES: [&str; 1] = ["libonnxruntime.dylib"];
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const SYSTEM_NAMES: [&str; 2] = ["libonnxruntime.so", "libonnxruntime.so.1"];

/// Where a system keeps its libraries. Not left to its loader, which would also search a working folder that an empty part of
/// `LD_LIBRARY_PATH` means.
#[cfg(target_os = "macos")]
const SYSTEM_FOLDERS: [&str; 2] = ["/opt/homebrew/lib", "/usr/local/lib"];
#[cfg(target_os = "windows")]
const SYSTEM_FOLDERS: [&str; 0] = [];
#[cfg(not(any(target_os = "windows", target_os = "macos")))]
const SYSTEM_FOLDERS: [&str; 5] = ["/usr/local/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

/// The files that setup fetches: system and processor, …, size, SHA-256.
const PINNED: &str = include_str!("../../native/onnxruntime.txt");

static LOADED: Mutex<Option<Environment>> = Mutex::new(None);

/// The environment of ONNX Runtime; the first call loads the library.
/// A call that failed may be repeated: the library may have been installed meanwhile.
///
/// # Errors
/// [`SynthesisError::RuntimeMissing`] when there is none that works; it says what was tried.
pub fn environment() -> Result<Environment, SynthesisError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = loaded.as_ref() {
        return Ok(environment.clone());
    }
    let environment = find(named(), |path| {
        check(path)?;
        open(path)
    })?;
    Ok(loaded.insert(environment).clone())
}

/// Where the library is looked for besides the variable, existing files only, best first.
#[must_use]
pub fn candidates() -> Vec<PathBuf> {
    let program = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_path_buf));
    let user = directories::BaseDirs::new().map(|dirs| dirs.data_local_dir().join("hark").join("models").join("runtime"));
    let folders = program.into_iter().chain(setup_folder()).chain(user).chain(SYSTEM_FOLDERS.map(PathBuf::from));
    folders.flat_map(|folder| libraries_in(&folder)).collect()
}

/// Where `scripts/setup` puts the library.
fn setup_folder() -> Option<PathBuf> {
    trusted::checkout().map(|checkout| checkout.join("models").join("runtime"))
}

/// The library that would be loaded, after the same looks at its bytes; nothing of it runs.
///
/// # Errors
/// As [`environment`].
pub fn look() -> Result<PathBuf, SynthesisError> {
    find(named(), check)
}

fn named() -> Option<OsString> {
    std::env::var_os(PATH_VARIABLE).filter(|path| !path.is_empty())
}

/// The files in `folder` that are named like the library: the plain name first, then the newest version.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).filter(is_library_name).collect();
    names.sort_by_key(|name| (name.to_str().is_none_or(|name| !SYSTEM_NAMES.contains(&name)), std::cmp::Reverse(version_of(name))));
    names.into_iter().map(|name| folder.join(name)).collect()
}

fn is_library_name(name: &OsString) -> bool {
    let Some(name) = name.to_str() else { return false };
    SYSTEM_NAMES.contains(&name)
        || name.strip_prefix("libonnxruntime.so.").is_some_and(|version| version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// `libonnxruntime.so.1.31.1` is `[1, 31, 1]`.
fn version_of(name: &OsString) -> Vec<u32> {
    name.to_str().map(|name| name.split('.').filter_map(|part| part.parse().ok()).collect()).unwrap_or_default()
}

/// The first library that `get` is content with.
fn find<T>(named: Option<OsString>, get: impl Fn(&Path) -> Result<T, String>) -> Result<T, SynthesisError> {
    // A library that was named is used or reported, never passed over in silence.
    if let Some(path) = named {
        return absolute(Path::new(&path)).and_then(|path| get(&path)).map_err(|reason| {
            SynthesisError::RuntimeMissing(format!(
                "ONNX Runtime, which {PATH_VARIABLE} says is {}: {reason}; a usable one",
                Path::new(&path).display()
            ))
        });
    }
    let mut reasons = Vec::new();
    for path in candidates() {
        match get(&path) {
            Ok(found) => return Ok(found),
            Err(reason) => reasons.push(format!("{}: {reason}", path.display())),
        }
    }
    let what = "ONNX Runtime, which VITS voices need,";
    Err(SynthesisError::RuntimeMissing(match reasons.is_empty() {
        true => what.to_owned(),
        false => format!("{what} ({})", reasons.join("; ")),
    }))
}

fn absolute(path: &Path) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| error.to_string())
}

/// Looks at a file without running anything of it. The reason of a refusal is a part of a sentence.
fn check(path: &Path) -> Result<PathBuf, String> {
    let metadata = std::fs::metadata(path).map_err(|_| "there is no such file".to_owned())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if let Some(doubt) = trusted::doubt(path) {
        return Err(format!("it is not loaded, because {doubt}"));
    }
    if cfg!(all(target_os = "linux", target_pointer_width = "64", target_endian = "little")) {
        check_elf(path, metadata.len())?;
    }
    // 29 MB, about 0.1 s, on the voice's thread, which then works for 2 s at its first graph.
    if setup_folder().is_some_and(|folder| path.parent() == Some(&folder)) && !is_pinned(path, metadata.len()) {
        return Err("it is not the file that setup put there (scripts/setup fetches it again)".to_owned());
    }
    Ok(path.to_owned())
}

/// Whether it is the file that is named for this system, or none is.
fn is_pinned(path: &Path, len: u64) -> bool {
    let system = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let line = PINNED.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find(|line| line.first() == Some(&system.as_str()));
    let Some(&[_, _, _, _, _, bytes, sum]) = line.as_deref() else { return true };
    let found = || digest::of_file(path, &|| false, &mut |_| {});
    bytes == len.to_string() && matches!(found(), Ok(Outcome::Done((_, found))) if found == sum)
}

/// The system's loader maps the segments of a library without looking at the file's length: a file that was cut while it
/// was copied ends the process with SIGBUS. So the program header table is compared with the length first.
/// Layout: System V ABI, ELF-64 object file format, file header and program header.
fn check_elf(path: &Path, len: u64) -> Result<(), String> {
    const WRONG: &str = "it is not a shared library for this processor";
    let io = |error: std::io::Error| error.to_string();
    let mut file = files::open(path).map_err(io)?;
    let mut header = [0u8; 64];
    if file.read_exact(&mut header).is_err() || header.get(..6) != Some(b"\x7fELF\x02\x01".as_slice()) {
        return Err(WRONG.to_owned());
    }
    let machine = if cfg!(target_arch = "x86_64") { 62 } else { 183 };
    if u16_at(&header, 16) != 3 || (cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) && u16_at(&header, 18) != machine) {
        return Err(WRONG.to_owned());
    }
    let (offset, size, count) = (u64_at(&header, 32), u64::from(u16_at(&header, 54)), u64::from(u16_at(&header, 56)));
    if offset != 64 || size != 56 || count == 0 {
        return Err(WRONG.to_owned());
    }
    for _ in 0..count {
        let mut entry = [0u8; 56];
        let whole = file.read_exact(&mut entry).is_ok();
        if !whole || u64_at(&entry, 8).checked_add(u64_at(&entry, 32)).is_none_or(|end| end > len) {
            return Err("it is cut off".to_owned());
        }
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Hands the library to `ort`, which checks that it exports the right entry point in a high enough version.
fn open(path: &Path) -> Result<Environment, String> {
    // Some of ort's checks are assertions (an entry point that gives null): a panic is turned into a reason.
    catch_unwind(AssertUnwindSafe(|| {
        let builder = ort::init_from(path).map_err(|error| match error {
            ort::LoadDynamicError::BadVersion { version_str, .. } => {
                format!("it is version {version_str}, and version 1.{} or later is needed", ort::MINOR_VERSION)
            }
            ort::LoadDynamicError::MissingApi { .. } => "it is a library, but not ONNX Runtime".to_owned(),
            _ => "the system cannot load it".to_owned(),
        })?;
        let environment = builder.with_name("hark").with_telemetry(false).build().map_err(|error| error.to_string())?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        Ok(environment)
    }))
    .unwrap_or_else(|_| Err("it is not a usable ONNX Runtime".to_owned()))
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_library_is_refused_with_a_reason_before_it_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        assert_eq!(check(&path).unwrap_err(), "there is no such file");
        std::fs::write(&path, b"12345678").unwrap();
        assert!(check(&path).unwrap_err().contains("not a shared library"));
        // A program is no library; the start of one is neither.
        std::fs::copy(std::env::current_exe().unwrap(), &path).unwrap();
        assert!(check(&path).and_then(|path| open(&path)).is_err());
        assert_eq!(check(folder.path()).unwrap_err(), "it is not a file");
    }

    #[test]
    fn a_cut_library_is_refused_before_the_loader_maps_it() {
        let Some(whole) = candidates().into_iter().next() else {
            println!("skipped: needs models/runtime/libonnxruntime.so");
            return;
        };
        let mut bytes = std::fs::read(whole).unwrap();
        bytes.truncate(bytes.len() / 2);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(check(&path).unwrap_err(), "it is cut off");
    }

    #[test]
    fn another_library_is_not_onnx_runtime() {
        let other = Path::new("/lib/x86_64-linux-gnu/libespeak-ng.so.1");
        if !other.exists() {
            println!("skipped: needs {}", other.display());
            return;
        }
        // A process has one runtime for ever, and tests of voices may have loaded it: this one gets a process of its own.
        const ALONE: &str = "HARK_TEST_ALONE";
        if std::env::var_os(ALONE).is_none() {
            let child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "tts::runtime::tests::another_library_is_not_onnx_runtime"])
                .env(ALONE, "1")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let reason = open(other).unwrap_err();
        assert!(reason.contains("not ONNX Runtime"), "{reason}");
    }

    #[test]
    fn a_named_library_that_is_missing_gives_a_sentence() {
        let error = find(Some("/nowhere/libonnxruntime.so".into()), check).unwrap_err();
        let SynthesisError::RuntimeMissing(_) = error else { panic!("{error}") };
        assert!(error.to_string().contains("ORT_DYLIB_PATH"), "{error}");
        assert!(error.to_string().ends_with("was not found."), "{error}");
    }

    #[test]
    fn the_newest_version_comes_first_and_strangers_do_not_come_at_all() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1", "libonnxruntime.so.bak", "other.so"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let found: Vec<_> = libraries_in(folder.path()).iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        assert_eq!(found, ["libonnxruntime.so.1.31.1", "libonnxruntime.so.1.9.0"]);
    }
}
