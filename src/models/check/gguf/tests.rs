//! Good files are taken, broken ones are refused with a reason or load without harm.

use super::*;
use crate::llm::ChatModel;
use crate::llm::llama::LlamaModelHandle;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Instant;

fn shared(name: &str) -> Option<PathBuf> {
    let base = std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = base.join("models/llm").join(name);
    if !path.exists() {
        println!("skipped: needs {}", path.display());
        return None;
    }
    Some(path)
}

fn read(name: &str) -> Option<Vec<u8>> {
    shared(name).map(|path| std::fs::read(path).unwrap())
}

/// A small generator with a seed (xorshift64*), so that a failure can be repeated.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).unwrap()).unwrap()
    }
}

/// Where the tensor data begin, roughly: behind the last tensor's name.
fn head_len(bytes: &[u8]) -> usize {
    let needle = b"output_norm.weight";
    let names: Vec<usize> = bytes.windows(needle.len()).enumerate().filter(|(_, w)| w == needle).map(|(i, _)| i).collect();
    names.last().map_or(4096, |at| at + 64)
}

fn place(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|w| w == what).unwrap()
}

/// The value of a key begins behind its name and its type.
fn value_place(bytes: &[u8], key: &str) -> usize {
    place(bytes, key.as_bytes()) + key.len() + 4
}

fn refusal(bytes: &[u8]) -> String {
    let started = Instant::now();
    let result = check(Cursor::new(bytes));
    assert!(started.elapsed().as_millis() < 500, "too slow");
    result.expect_err("must be refused").0
}

fn set_u32(bytes: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn good_files_are_taken_and_described() {
    if let Some(path) = shared("stories260K.gguf") {
        let facts = check(std::fs::File::open(path).unwrap()).unwrap();
        assert_eq!((facts.architecture.as_str(), facts.context_length, facts.n_vocab, facts.n_tensors), ("llama", 512, 512, 48));
        assert!(!facts.chat_template && facts.bytes == 1_185_408 && facts.tokenizer == "llama");
    }
    if let Some(path) = shared("tiny-smol-random-F16.gguf") {
        let started = Instant::now();
        let facts = check(std::fs::File::open(path).unwrap()).unwrap();
        println!("49,152 words in {:?}", started.elapsed());
        assert!(facts.chat_template && facts.n_vocab == 49_152 && facts.block_count == 2 && facts.name == "random tiny-smol");
    }
    let starter = PathBuf::from("models/starter/SmolLM2-135M-Instruct.gguf");
    if starter.exists() {
        assert!(check(std::fs::File::open(starter).unwrap()).unwrap().chat_template);
    }
}

#[test]
fn each_kind_of_damage_has_its_sentence() {
    let Some(good) = read("stories260K.gguf") else { return };
    assert_eq!(refusal(b""), "the file is empty");
    assert_eq!(refusal(b"lmggXXXXYYYY"), "it is not a GGUF file");
    assert!(refusal(&good[..8]).contains("ends too early"));
    assert!(refusal(b"GG").contains("not a GGUF"));
    let mut swapped = good.clone();
    swapped[4..8].copy_from_slice(&3_u32.to_be_bytes());
    assert!(refusal(&swapped).contains("big-endian"));
    assert!(refusal(&set_u32(&good, 4, 99)).contains("version 99"));
    assert!(refusal(&set_u32(&good, 4, 1)).contains("version 1 "));
    assert!(refusal(&set_u32(&good, 12, 1)).contains("tensors"));
    assert!(refusal(&set_u32(&good, 20, 0xFFFF_FFFF)).contains("keys"));
    assert!(refusal(&set_u32(&good, value_place(&good, "general.alignment"), 48)).contains("power of two"));
    for (key, value) in [("block_count", 0), ("block_count", 4000), ("attention.head_count_kv", 3), ("context_length", 0)] {
        let at = value_place(&good, &format!("llama.{key}"));
        assert!(refusal(&set_u32(&good, at, value)).contains(key), "{key} {value}");
    }
    let nan = set_u32(&good, value_place(&good, "llama.attention.layer_norm_rms_epsilon"), f32::NAN.to_bits());
    assert!(refusal(&nan).contains("epsilon"));
    // Key names, types and array counts.
    let at = place(&good, b"tokenizer.ggml.tokens");
    assert!(refusal(&set_u32(&good, at - 8, u32::MAX)).contains("ends too early"));
    assert!(refusal(&set_u32(&good, at + 21, 99)).contains("unknown type 99"));
    assert!(refusal(&set_u32(&good, at + 25, 9)).contains("arrays in an array"));
    assert!(refusal(&set_u32(&good, at + 29, 0x7FFF_FFFF)).contains("longer than the file"));
    assert!(refusal(&set_u32(&good, at + 29, 0)).contains("0 words"));
    // The vocabulary: `<0x41>` renamed to `<0x40>` is there twice; to `<0xZZ>` is no byte.
    let at = place(&good, b"<0x41>");
    let mut twice = good.clone();
    twice[at + 4] = b'0';
    assert!(refusal(&twice).contains("twice"));
    twice[at + 3] = b'Z';
    assert!(refusal(&twice).contains("claims to be a byte"));
    // The tensor table.
    let at = place(&good, b"token_embd.weight") + 17;
    assert!(refusal(&set_u32(&good, at, 9)).contains("9 dimensions"));
    assert!(refusal(&set_u32(&good, at + 4, 0)).contains("dimension of 0"));
    assert!(refusal(&set_u32(&good, at + 4 + 4, 0x7FFF_FFFF)).contains("dimension of"));
    assert!(refusal(&set_u32(&good, at + 4 + 16, 26)).contains("type 26"));
    assert!(refusal(&set_u32(&good, at + 4 + 16, 12)).contains("blocks"));
    assert!(refusal(&set_u32(&good, at + 4 + 20, 1)).contains("aligned"));
    assert!(refusal(&set_u32(&good, at + 4 + 20, 0x7FFF_FF00)).contains("ends too early"));
    let norm = place(&good, b"output_norm.weight") + 18;
    assert!(refusal(&set_u32(&good, norm + 4 + 8, 1)).contains("one-dimensional"));
    let mut other = good.clone();
    let at = place(&good, b"llama");
    other[at..at + 5].copy_from_slice(b"clip2");
    assert!(refusal(&other).contains("impossible"));
}

#[test]
fn block_sizes_are_those_of_the_linked_library() {
    for (number, block, bytes) in tensors::BLOCKS {
        // SAFETY: both functions only look the number up in a table that has it.
        #[allow(unsafe_code)]
        let (b, t) = unsafe { (llama_cpp_sys_2::ggml_blck_size(number), llama_cpp_sys_2::ggml_type_size(number)) };
        assert_eq!((u64::try_from(b).unwrap(), t as u64), (block, bytes), "type {number}");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for name in ["stories260K.gguf", "tiny-smol-random-F16.gguf"] {
        let Some(good) = read(name) else { return };
        let head = head_len(&good).min(good.len());
        let mut draw = Draw(7);
        let mut cuts: Vec<usize> = (0..200).chain([good.len() - 1]).collect();
        cuts.extend((0..100).map(|i| draw.below(if i < 60 { head } else { good.len() })));
        for cut in cuts {
            assert!(!refusal(&good[..cut]).is_empty());
        }
    }
}

/// Changes somewhere in the head: each file is refused, or the engine takes or refuses it without ending the process.
fn mutate(name: &str, rounds: u64) {
    let Some(good) = read(name) else { return };
    // HARK_FUZZ=10: ten times as many.
    let rounds = rounds * std::env::var("HARK_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let head = head_len(&good).min(good.len());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mutant.gguf");
    let (mut refused, mut loaded, mut declined) = (0, 0, 0);
    for round in 0..rounds {
        let mut draw = Draw(0x9E37_79B9 + round);
        let mut bytes = good.clone();
        for _ in 0..=draw.below(3) {
            // Half of the changes hit the keys and the tensor table rather than the long word lists.
            let at = match draw.below(4) {
                0 => draw.below(1200.min(head)),
                1 => head - 1 - draw.below(2500.min(head)),
                _ => draw.below(head),
            };
            match draw.below(5) {
                0 => bytes[at] ^= 1 << draw.below(8),
                1 => bytes[at] = 0,
                2 => bytes[at] = 0xFF,
                3 if at + 4 <= head => bytes[at..at + 4].copy_from_slice(&u32::try_from(draw.next() >> 40).unwrap().to_le_bytes()),
                _ => bytes[at] = u8::try_from(draw.below(256)).unwrap(),
            }
        }
        if check(Cursor::new(&bytes)).is_err() {
            refused += 1;
            continue;
        }
        std::fs::write(&path, &bytes).unwrap();
        match LlamaModelHandle::load(&path, 1) {
            Err(_) => declined += 1,
            Ok(model) => {
                loaded += 1;
                let options = crate::llm::tests::greedy(8);
                let mut session = model.session(&options).unwrap();
                let _ = session.reply("Hello ä 👋", &crate::turn::CancelToken::never(), &mut |_| ());
            }
        }
    }
    println!("{name}: {rounds} changed, {refused} refused by the check, {declined} by the engine, {loaded} loaded and answered");
    assert!(refused > 0);
}

#[test]
fn changed_story_models_do_no_harm() {
    mutate("stories260K.gguf", 400);
}

#[test]
fn changed_chat_models_do_no_harm() {
    mutate("tiny-smol-random-F16.gguf", 60);
}
