use super::*;
use std::io::Cursor;
use std::path::PathBuf;

fn shared(name: &str) -> Option<Vec<u8>> {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = root.join("models").join(name);
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: needs {}", path.display());
    }
    bytes
}

fn reason(file: &[u8]) -> String {
    check(Cursor::new(file)).expect_err("refused").reason
}

#[test]
fn the_published_model_is_accepted_and_described() {
    let Some(file) = shared("vad/for-tests-silero-v6.2.0-ggml.bin") else { return };
    let found = check(Cursor::new(&file)).expect("accepted");
    assert_eq!(found, VadFile { version: "6.2.0".to_owned(), tensors: 15, bytes: file.len() as u64 });
}

#[test]
fn models_of_another_kind_are_named() {
    assert_eq!(reason(b""), "it is empty");
    assert!(reason(b"GGUF\x03\0\0\0").contains("chat model"));
    assert!(reason(b"lmgg\x98\xca\0\0").contains("speech model"));
    assert!(reason(b"RIFF....WAVE").contains("not in whisper.cpp's ggml format"));
    assert!(reason(b"lmgg\xff\xff\xff\xff").contains("-1 bytes"), "whisper.cpp asks for memory of that size");
    assert!(reason(b"lmgg\x0a\0\0\0silero-8k.").contains("16 kHz"));
}

#[test]
fn numbers_that_crash_whisper_cpp_are_refused() {
    let Some(file) = shared("vad/for-tests-silero-v6.2.0-ggml.bin") else { return };
    // The number of layers, a kernel, the recurrent width; then the first tensor's record.
    let (layers, first) = (38, 106);
    for at in [layers, layers + 12, 94, first, first + 4, first + 8, first + 12] {
        for value in [-1, 0, 5, 64, i32::MAX, i32::MIN] {
            let mut bad = file.clone();
            bad[at..at + 4].copy_from_slice(&i32::to_le_bytes(value));
            assert!(check(Cursor::new(&bad)).is_err(), "{value} at byte {at}");
        }
    }
    assert!(reason(&file[..first]).contains("no weights"));
    assert!(reason(&file[..file.len() - 1]).contains("cut short"));
}
