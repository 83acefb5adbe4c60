#![no_main]
use hark_fuzz::audio::file;
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder"));
static FILE: LazyLock<PathBuf> = LazyLock::new(|| FOLDER.path().join("sound"));

libfuzzer_sys::fuzz_target!(
    // A panic of a decoder is caught and becomes a sentence; libFuzzer's own hook would end the process before that.
    init: std::panic::set_hook(Box::new(|_| {})),
    |input: &[u8]| {
        std::fs::write(&*FILE, input).expect("room on the disk");
        if let Ok(pcm) = file::read_audio_16k(&FILE) {
            if !pcm.0.iter().all(|sample| sample.is_finite()) {
                std::process::abort();
            }
        }
    }
);
