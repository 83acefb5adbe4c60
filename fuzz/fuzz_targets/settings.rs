#![no_main]
use hark_fuzz::config::load;
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

/// In memory where the system has such a folder: a disk makes a saved file wait.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder"));
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("settings.toml"));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    std::fs::write(&*FILE, input).expect("room on the disk");
    let loaded = load::read(&FILE);
    // What was understood can be written, and is understood then without a word.
    load::save(&FILE, &loaded.settings).expect("can be saved");
    let again = load::read(&FILE);
    assert!(loaded.broken || again.notices.is_empty(), "{:?}", again.notices);
    if let Ok(entries) = std::fs::read_dir(FOLDER.path()) {
        entries.flatten().for_each(|entry| drop(std::fs::remove_file(entry.path())));
    }
});
