//! R1, R2 and R3 of the promises: malformed model files are refused with a reason, quickly, with little memory and without a
//! look at any other file; whole ones are accepted. The files are made here, by a seed.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests are not recognised as tests

mod draw;
mod ggml;
mod gguf;
mod onnx;
#[path = "../../src/models/check/onnx_make.rs"]
#[allow(dead_code)] // the library's tests use all of it
mod onnx_make;
mod spent;
#[path = "../../src/models/cut/wire.rs"]
#[allow(dead_code)]
mod wire;

/// What `onnx_make` expects of the library.
mod models {
    pub use hark::models::check;
    pub mod cut {
        pub(crate) use crate::wire;
    }
}

use hark::models::check::{ggml as whisper, ggml_vad, gguf as chat, onnx as voice};
use hark::models::cut::GraphView;
use hark::tts::graph::Graph;
use spent::{Spent, measured};
use std::collections::BTreeMap;
use std::io::Cursor;
use std::time::Duration;

/// The promise for each file.
const MOST_TIME: Duration = Duration::from_millis(50);
const MOST_MEMORY: usize = 64 << 20;

/// The dearest file so far.
#[derive(Default)]
struct Worst(Spent);

impl Worst {
    fn add(&mut self, spent: Spent, what: &str) {
        assert!(spent.time <= MOST_TIME, "{what}: {:?}", spent.time);
        assert!(spent.memory <= MOST_MEMORY, "{what}: {} bytes of memory", spent.memory);
        self.0.time = self.0.time.max(spent.time);
        self.0.memory = self.0.memory.max(spent.memory);
    }

    fn say(&self, what: &str) {
        println!("{what}; at most {:.2} ms and {} KiB each", self.0.time.as_secs_f64() * 1000.0, self.0.memory >> 10);
    }
}

/// The sentence must be fit for a person: not empty, one line, no dump of the file.
fn assert_sentence(reason: &str, what: &str) {
    let good = !reason.is_empty() && reason.len() < 600 && !reason.chars().any(char::is_control) && !reason.ends_with('.');
    assert!(good, "{what}: {reason:?}");
}

#[test]
fn r1_malformed_chat_models_are_refused_and_whole_ones_accepted() {
    let (mut worst, mut refused, mut reasons) = (Worst::default(), 0, BTreeMap::<String, u32>::new());
    for (class, sentences) in gguf::CLASSES {
        for seed in 0..40 {
            let bytes = gguf::broken(seed, class);
            let (result, spent) = measured(|| chat::check(Cursor::new(&bytes)));
            let what = format!("{class:?} with seed {seed}");
            worst.add(spent, &what);
            let reason = result.expect_err(&what).0;
            assert_sentence(&reason, &what);
            assert!(sentences.iter().any(|part| reason.contains(part)), "{what} is refused for another reason: {reason}");
            *reasons.entry(format!("{class:?}")).or_default() += 1;
            refused += 1;
        }
    }
    for seed in 0..400 {
        let bytes = gguf::whole(seed);
        let (result, spent) = measured(|| chat::check(Cursor::new(&bytes)));
        worst.add(spent, "a whole file");
        assert_eq!(result.map(|facts| facts.architecture), Ok("llama".to_owned()), "seed {seed}");
    }
    assert_eq!((refused, reasons.len()), (1_080, 27));
    worst.say("R1: 1,080 of 1,080 refused (26 classes of test-gguf and one more × 40), 400 of 400 whole ones accepted");
}

#[test]
fn r1_what_a_crafted_file_claims_costs_neither_memory_nor_time() {
    let mut worst = Worst::default();
    // 65,536 keys of 65,535 bytes would be 4 GiB of names; a thousand of them show whether names are kept.
    let text = |text: &[u8]| [&(text.len() as u64).to_le_bytes()[..], text].concat();
    let head = |keys: u64| [&b"GGUF\x03\0\0\0"[..], &1_u64.to_le_bytes(), &keys.to_le_bytes()].concat();
    let mut long_keys = head(1_000);
    for n in 0..1_000_u32 {
        let mut key = vec![b'k'; 65_535];
        key[..8].copy_from_slice(format!("{n:08}").as_bytes());
        long_keys.extend(text(&key));
        long_keys.extend([0, 0, 0, 0, 1]);
    }
    // A list of as many empty texts as 48 MB hold.
    let mut many_texts = head(1);
    many_texts.extend(text(b"tokenizer.ggml.merges"));
    many_texts.extend([9_u32, 8].map(u32::to_le_bytes).concat());
    many_texts.extend(6_000_000_u64.to_le_bytes());
    many_texts.resize(many_texts.len() + 48_000_000, 0);
    // Keys without end.
    let mut many_keys = head(60_000);
    (0..60_000_u32).for_each(|n| many_keys.extend([&text(format!("key{n}").as_bytes())[..], &[0, 0, 0, 0, 1]].concat()));
    for (bytes, part) in [(long_keys, "what kind of model"), (many_texts, "more texts"), (many_keys, "60000 keys")] {
        let (result, spent) = measured(|| chat::check(Cursor::new(&bytes)));
        let reason = result.expect_err(part).0;
        assert!(reason.contains(part), "{part}: {reason}");
        // A thousand times the size of the other files: they may take longer, by far less than that.
        assert!(spent.time < Duration::from_secs(1), "{part}: {:?}", spent.time);
        worst.add(Spent { time: Duration::ZERO, ..spent }, part);
        println!("{part}: {:?}", spent.time);
    }
    worst.say("R1: crafted files of 50 to 65 MB");
}

#[test]
fn r2_malformed_speech_and_voice_activity_models_are_refused_and_whole_ones_accepted() {
    let (mut worst, mut refused) = (Worst::default(), 0);
    ggml::malformed(ggml::whisper, |what, bytes| {
        let (result, spent) = measured(|| whisper::check(Cursor::new(bytes)));
        worst.add(spent, &what);
        let Err(error) = result else { panic!("whisper, {what}: accepted") };
        assert_sentence(&error.reason, &what);
        refused += 1;
    });
    let of_whisper = refused;
    ggml::malformed(ggml::vad, |what, bytes| {
        let (result, spent) = measured(|| ggml_vad::check(Cursor::new(bytes)));
        worst.add(spent, &what);
        let Err(error) = result else { panic!("voice activity, {what}: accepted") };
        assert_sentence(&error.reason, &what);
        refused += 1;
    });
    for seed in 0..40 {
        let (bytes, vad) = (ggml::whisper(seed).bytes, ggml::vad(seed).bytes);
        let (result, spent) = measured(|| whisper::check(Cursor::new(&bytes)));
        worst.add(spent, "a whole speech model");
        assert_eq!(result.map(|found| found.bytes), Ok(bytes.len() as u64), "seed {seed}");
        let (result, spent) = measured(|| ggml_vad::check(Cursor::new(&vad)));
        worst.add(spent, "a whole voice activity model");
        assert_eq!(result.map(|found| found.tensors), Ok(15), "seed {seed}");
        // And neither passes for the other.
        assert!(whisper::check(Cursor::new(&vad)).is_err() && ggml_vad::check(Cursor::new(&bytes)).is_err());
    }
    assert!(refused >= 500, "only {refused} files");
    worst.say(&format!("R2: {of_whisper} whisper and {} voice activity files refused, 80 of 80 whole ones accepted", refused - of_whisper));
}

/// As a voice is loaded: the file is read, checked, its inputs are looked at, and its tables are found.
fn load(path: &std::path::Path) -> Result<(), String> {
    let (bytes, model) = voice::read(path).map_err(|fault| fault.to_string())?;
    let graph = Graph::of(&model)?;
    let view = GraphView::of(&bytes).map_err(|fault| fault.to_string())?;
    drop(graph.with_rows(&view, &model));
    Ok(())
}

#[test]
fn r3_malformed_voices_are_refused_and_no_other_file_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let beside = "weights.bin";
    // Whoever opens this to read waits forever, as nobody writes.
    #[cfg(unix)]
    {
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(beside)).status();
        assert!(made.unwrap().success());
    }
    let files = onnx::malformed(beside);
    let count = files.len();
    let path = folder.path().join("voice.onnx");
    let (done, finished) = std::sync::mpsc::sync_channel(1);
    let work = std::thread::Builder::new().spawn(move || {
        let mut worst = Worst::default();
        for (what, bytes) in &files {
            std::fs::write(&path, bytes).unwrap();
            let (result, spent) = measured(|| load(&path));
            worst.add(spent, what);
            let Err(reason) = result else { panic!("{what}: accepted") };
            assert_sentence(&reason, what);
            if what.starts_with("external data") {
                assert!(reason.contains("refers to another file"), "{what} is refused for another reason: {reason}");
            }
        }
        for seed in 0..100 {
            std::fs::write(&path, onnx::whole(seed)).unwrap();
            let (result, spent) = measured(|| load(&path));
            worst.add(spent, "a whole voice");
            assert_eq!(result, Ok(()), "seed {seed}");
        }
        worst.say(&format!("R3: {count} of {count} refused, 100 of 100 whole ones accepted"));
        done.send(()).unwrap();
    });
    let result = finished.recv_timeout(Duration::from_secs(120));
    assert!(result != Err(std::sync::mpsc::RecvTimeoutError::Timeout), "it hangs: another file was opened");
    work.unwrap().join().unwrap();
    assert!(count >= 300, "only {count} files");
}
