use super::*;
use std::io::Cursor;
use std::ops::Range;
use std::path::PathBuf;

/// A small whole model (32 wide, one layer each, f16) and the byte ranges whose content does not matter to the check.
fn model() -> (Vec<u8>, Vec<Range<usize>>) {
    let header = [51_864, 1500, 32, 2, 1, 448, 32, 2, 1, 80, 1_i32];
    let mut file = MAGIC.to_vec();
    let mut free = Vec::new();
    let put = |file: &mut Vec<u8>, values: &[i32]| values.iter().for_each(|v| file.extend(v.to_le_bytes()));
    put(&mut file, &header);
    put(&mut file, &[80, 201]);
    free.push(file.len()..file.len() + 80 * 201 * 4);
    file.resize(file.len() + 80 * 201 * 4, 0);
    put(&mut file, &[3]);
    for (word, is_free) in [("!", true), (" ", false), ("hello", true)] {
        put(&mut file, &[word.len() as i32]);
        if is_free {
            free.push(file.len()..file.len() + word.len());
        }
        file.extend(word.bytes());
    }
    let shape = Header {
        n_vocab: 51_864,
        n_audio_ctx: 1500,
        n_state: 32,
        n_audio_layer: 1,
        n_text_ctx: 448,
        n_text_layer: 1,
        n_mels: 80,
        weights: F16,
    };
    for (name, tensor) in expected_tensors(&shape) {
        let n_dims = tensor.dims.iter().rposition(|d| *d != 1).map_or(1, |last| last + 1);
        put(&mut file, &[n_dims as i32, name.len() as i32, tensor.kind.id]);
        put(&mut file, &tensor.dims[..n_dims].iter().map(|d| *d as i32).collect::<Vec<_>>());
        file.extend(name.bytes());
        let bytes = tensor.bytes().unwrap() as usize;
        free.push(file.len()..file.len() + bytes);
        file.resize(file.len() + bytes, 0);
    }
    (file, free)
}

fn reason(file: &[u8]) -> String {
    check(Cursor::new(file)).expect_err("refused").reason
}

fn with(file: &[u8], at: usize, value: i32) -> Vec<u8> {
    let mut changed = file.to_vec();
    changed[at..at + 4].copy_from_slice(&value.to_le_bytes());
    changed
}

/// Where the first tensor's record begins.
fn first_tensor() -> usize {
    48 + 8 + 80 * 201 * 4 + 4 + (4 + 1) + (4 + 1) + (4 + 5)
}

#[test]
fn a_whole_model_is_accepted_and_described() {
    let (file, _) = model();
    let found = check(Cursor::new(&file)).expect("accepted");
    assert_eq!(found.tensors, 10 + 1 + 15 + 24);
    assert_eq!((found.n_vocab, found.n_languages, found.multilingual, found.weights), (51_864, 1, false, "f16"));
    assert_eq!(found.bytes, file.len() as u64);
}

#[test]
fn the_starter_is_accepted_and_the_stubs_are_refused() {
    let shared = shared();
    let starter = shared.join("starter/ggml-starter-en-q5_1.bin");
    match std::fs::File::open(&starter) {
        Ok(file) => {
            let found = check(file).expect("the starter is a whole model");
            assert_eq!((found.tensors, found.n_state, found.weights), (143, 192, "q5_1"));
        }
        Err(_) => println!("skipped: needs {}", starter.display()),
    }
    for stub in ["for-tests-ggml-tiny.bin", "for-tests-ggml-tiny.en.bin"] {
        let path = shared.join("models/stt").join(stub);
        match std::fs::File::open(&path) {
            Ok(file) => assert!(check(file).expect_err("no weights").reason.contains("no weights"), "{stub}"),
            Err(_) => println!("skipped: needs {}", path.display()),
        }
    }
}

#[test]
fn files_of_another_kind_are_named() {
    assert_eq!(reason(b""), "it is empty");
    assert!(reason(b"lmgg\x98\xca\0\0").contains("cut short"), "8 bytes make whisper.cpp abort");
    assert!(reason(b"GGUF\x03\0\0\0\0\0\0\0").contains("chat model"));
    assert!(reason(b"PK\x03\x04 and so on").contains("PyTorch"));
    assert!(reason(b"RIFF....WAVE").contains("not in whisper.cpp's ggml format"));
    let vad = shared().join("models/vad/for-tests-silero-v6.2.0-ggml.bin");
    match std::fs::read(&vad) {
        Ok(file) => assert!(reason(&file).contains("not that of a whisper model"), "a VAD model has the same magic"),
        Err(_) => println!("skipped: needs {}", vad.display()),
    }
}

#[test]
fn a_cut_at_any_byte_of_the_structure_is_refused() {
    let (file, free) = model();
    for cut in (0..file.len()).filter(|at| !free.iter().any(|range| range.start + 8 < *at && *at + 8 < range.end)) {
        assert!(check(Cursor::new(&file[..cut])).is_err(), "cut at byte {cut}");
    }
    let mut longer = file;
    longer.push(0);
    assert!(reason(&longer).contains("cut short"), "bytes after the last tensor");
}

#[test]
fn a_changed_byte_of_the_structure_is_refused_and_nothing_panics() {
    let (file, free) = model();
    let structure: Vec<usize> = (0..file.len()).filter(|at| !free.iter().any(|range| range.contains(at))).collect();
    let mut seed = 2026_u32;
    for at in structure {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes
        let mut changed = file.clone();
        changed[at] ^= (seed >> 24) as u8 | 1;
        // Another number of heads of the same width is a model of its own; nothing else is free.
        let heads = (16..20).contains(&at) || (36..40).contains(&at);
        assert!(heads || check(Cursor::new(&changed)).is_err(), "byte {at} changed to {}", changed[at]);
    }
}

#[test]
fn numbers_that_crash_whisper_cpp_are_refused() {
    let (file, _) = model();
    let tensor = first_tensor();
    for n_dims in [-1, 0, 5, 64, i32::MAX, i32::MIN] {
        assert!(reason(&with(&file, tensor, n_dims)).contains("dimensions"), "{n_dims}");
    }
    for length in [-1, 0, 129, i32::MAX] {
        assert!(reason(&with(&file, tensor + 4, length)).contains("name of"), "{length}");
    }
    for kind in [-1, 0, 7, 39, i32::MAX] {
        assert!(reason(&with(&file, tensor + 8, kind)).contains("of type"), "{kind}");
    }
    for dim in [-1, 0, i32::MAX] {
        assert!(check(Cursor::new(with(&file, tensor + 12, dim))).is_err(), "{dim}");
    }
    for n_vocab in [-1, 0, 1, 51_863, 51_865, 51_867, i32::MAX] {
        assert!(check(Cursor::new(with(&file, 4, n_vocab))).is_err(), "{n_vocab} in the header");
    }
    let vocabulary = 48 + 8 + 80 * 201 * 4;
    for count in [-1, 0, 1, 2, 4, 51_865, i32::MAX] {
        assert!(check(Cursor::new(with(&file, vocabulary, count))).is_err(), "{count} words");
    }
    for length in [-1, 1025, i32::MAX] {
        assert!(reason(&with(&file, vocabulary + 4, length)).contains("vocabulary"), "a word of {length} bytes");
    }
    for field in 1..=10 {
        for value in [-1, 0, i32::MAX, i32::MIN] {
            assert!(check(Cursor::new(with(&file, 4 + 4 * field, value))).is_err(), "header field {field} = {value}");
        }
    }
}

#[test]
fn a_missing_or_doubled_tensor_is_refused() {
    let (file, free) = model();
    let last = free[free.len() - 2].end;
    assert!(reason(&file[..last]).contains("1 of its 50 tensors are missing"), "{}", reason(&file[..last]));
    let mut doubled = file.clone();
    doubled.extend_from_slice(&file[last..]);
    assert!(reason(&doubled).contains("twice"));
}

#[test]
fn block_sizes_of_all_types() {
    // 256 values: the bytes that ggml_type_size and ggml_blck_size of ggml 0.26 give.
    let bytes = |ftype| weight_type(ftype).map(|t| 256 / t.block * t.bytes);
    let all = [0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13, 14].map(bytes);
    assert_eq!(all, [1024, 512, 144, 160, 272, 176, 192, 84, 110, 144, 176, 210].map(Some));
    assert_eq!(bytes(4), None);
}

fn shared() -> PathBuf {
    std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}
