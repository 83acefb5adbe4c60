//! GGUF chat models: header, key table and tensor table, read before llama.cpp sees the file.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3, little endian. Besides the
//! format itself, the values are checked that llama.cpp asserts (an assertion ends the whole process): duplicate
//! tokens, layer and expert counts, byte tokens, tensor types that its kernels have no code for.
//!
//! Cost: one pass over the head. It holds 10 bytes a token, the names of the tensors and short keys with their values (about
//! 3 MiB for a vocabulary of 262,144 words), never the strings themselves. Whatever a file claims, that is less than 64 MiB.

mod chat;
mod head;
mod tensors;

use head::{Head, Value, ValueType};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek};

/// Why a file is refused: the end of a sentence "The chat model … cannot be used: …", without a full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GgufRefusal(pub String);

impl GgufRefusal {
    fn new(reason: impl Into<String>) -> Self {
        GgufRefusal(reason.into())
    }
}

/// What a good file says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufFacts {
    /// `llama`, `qwen3`, `gemma3`, …
    pub architecture: String,
    /// `general.name`; empty when there is none.
    pub name: String,
    /// Tokens that the model was trained for.
    pub context_length: u64,
    /// Layers.
    pub block_count: u64,
    /// Whether the file carries its own chat template.
    pub chat_template: bool,
    /// Words of the vocabulary.
    pub n_vocab: usize,
    /// `llama` (SentencePiece) or `gpt2`, `gemma4` (BPE).
    pub tokenizer: String,
    /// Number of tensors.
    pub n_tensors: usize,
    /// Length of the file, bytes.
    pub bytes: u64,
    /// Most of its weights are laid out anew in memory when they are loaded.
    pub repacked: bool,
}

/// Tensors at most: the largest known model has about 2,000.
const MAX_TENSORS: u64 = 65_536;
/// Keys at most: the most talkative known file has about 60.
const MAX_KEYS: u64 = 8_192;
/// Longest key whose value is kept: nobody asks for a longer one.
const KEPT_KEY: usize = 128;
/// Words of a vocabulary at most; the largest known one has 262,144.
const MAX_VOCAB: u64 = 1 << 20;
/// Texts in all lists at most: words and merges of the largest known model are 0.8 million.
const MAX_TEXTS: u64 = 1 << 22;
/// Longest text that is kept (architecture, tokenizer name, …); longer ones are stepped over.
const KEPT_TEXT: u64 = 256;
/// Longest chat template; the largest known one has 20 kB.
const MAX_TEMPLATE: u64 = 1 << 20;
/// Longest single string elsewhere.
const MAX_STRING: u64 = 16 << 20;

/// The key table, as far as it is needed.
#[derive(Default)]
struct Keys {
    values: HashMap<String, Value>,
    vocabulary: chat::Vocabulary,
    has_tokens: bool,
    /// Texts in the lists so far.
    texts: u64,
}

impl Keys {
    fn text(&self, key: &str) -> Option<&str> {
        match self.values.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<u64> {
        match self.values.get(key) {
            Some(Value::Unsigned(n)) => Some(*n),
            Some(Value::Signed(n)) => u64::try_from(*n).ok(),
            _ => None,
        }
    }

    fn float(&self, key: &str) -> Option<f64> {
        match self.values.get(key) {
            Some(Value::Float(x)) => Some(*x),
            _ => None,
        }
    }
}

/// Reads the head of a chat model and checks it.
///
/// # Errors
/// [`GgufRefusal`] with the reason.
pub fn check<R: Read + Seek>(reader: R) -> Result<GgufFacts, GgufRefusal> {
    let mut head = Head::new(reader)?;
    let (n_tensors, n_keys) = read_counts(&mut head)?;
    let keys = read_keys(&mut head, n_keys)?;
    let alignment = match keys.values.get("general.alignment") {
        None => 32,
        Some(Value::Unsigned(n)) if n.is_power_of_two() && *n <= 1 << 20 => *n,
        Some(_) => return Err(GgufRefusal::new("its alignment is not a power of two")),
    };
    chat::check(&keys, n_tensors)?;
    let repacked = tensors::check(&mut head, n_tensors, alignment)?;
    let architecture = keys.text("general.architecture").unwrap_or_default().to_owned();
    let number = |name: &str| keys.number(&format!("{architecture}.{name}")).unwrap_or(0);
    Ok(GgufFacts {
        name: keys.text("general.name").unwrap_or_default().to_owned(),
        context_length: number("context_length"),
        block_count: number("block_count"),
        chat_template: keys.values.contains_key("tokenizer.chat_template"),
        n_vocab: keys.vocabulary.len(),
        tokenizer: keys.text("tokenizer.ggml.model").unwrap_or_default().to_owned(),
        n_tensors: usize::try_from(n_tensors).unwrap_or(usize::MAX),
        repacked,
        bytes: head.len(),
        architecture,
    })
}

/// Magic, version and the two counts.
fn read_counts<R: Read + Seek>(head: &mut Head<R>) -> Result<(u64, u64), GgufRefusal> {
    if head.len() == 0 {
        return Err(GgufRefusal::new("the file is empty"));
    }
    if head.len() < 4 || head.bytes::<4>()? != *b"GGUF" {
        return Err(GgufRefusal::new("it is not a GGUF file"));
    }
    let version = head.u32()?;
    if version & 0xFFFF == 0 && version != 0 {
        return Err(GgufRefusal::new("it was written for machines with the other byte order (big-endian)"));
    }
    if !(2..=3).contains(&version) {
        return Err(GgufRefusal::new(format!("its GGUF version {version} is unknown (2 and 3 are known)")));
    }
    let (n_tensors, n_keys) = (head.u64()?, head.u64()?);
    if n_tensors > MAX_TENSORS || n_keys > MAX_KEYS {
        return Err(GgufRefusal::new(format!("it claims {n_tensors} tensors and {n_keys} keys")));
    }
    Ok((n_tensors, n_keys))
}

fn read_keys<R: Read + Seek>(head: &mut Head<R>, n_keys: u64) -> Result<Keys, GgufRefusal> {
    let mut keys = Keys::default();
    let mut seen = HashSet::new();
    for _ in 0..n_keys {
        let key = head.text(65_535, "key")?;
        if key.is_empty() {
            return Err(GgufRefusal::new("a key has no name"));
        }
        // Hashes, because the keys of a crafted file may be long.
        if !seen.insert(hash(key.as_bytes())) {
            return Err(GgufRefusal::new(format!("the key {} is there twice", shown(&key))));
        }
        let kind = head.value_type(&key)?;
        if key == "general.alignment" && kind != ValueType::U32 {
            return Err(GgufRefusal::new("its alignment is not written as a 32-bit number"));
        }
        if kind == ValueType::Array {
            read_array(head, &key, &mut keys)?;
            continue;
        }
        let limit = if key == "tokenizer.chat_template" { MAX_TEMPLATE } else { MAX_STRING };
        let value = head.scalar(kind, &key, limit)?;
        if let Some(value) = value.filter(|_| key.len() <= KEPT_KEY) {
            keys.values.insert(key, value);
        }
    }
    Ok(keys)
}

/// Arrays: the vocabulary's are looked at, the others stepped over.
fn read_array<R: Read + Seek>(head: &mut Head<R>, key: &str, keys: &mut Keys) -> Result<(), GgufRefusal> {
    let kind = head.value_type(key)?;
    let count = head.u64()?;
    let Some(item) = kind.min_bytes() else {
        return Err(GgufRefusal::new(format!("the key {} holds arrays in an array", shown(key))));
    };
    if count.checked_mul(item).is_none_or(|bytes| bytes > head.remaining()) {
        return Err(GgufRefusal::new(format!("the list {} is longer than the file", shown(key))));
    }
    if kind == ValueType::Text {
        keys.texts = keys.texts.saturating_add(count);
        if keys.texts > MAX_TEXTS {
            return Err(GgufRefusal::new("its lists hold more texts than any model needs"));
        }
    }
    match (key, kind) {
        ("tokenizer.ggml.tokens", ValueType::Text) => {
            if count == 0 || count > MAX_VOCAB {
                return Err(GgufRefusal::new(format!("its vocabulary has {count} words")));
            }
            keys.has_tokens = true;
            let mut word = Vec::new();
            for _ in 0..count {
                head.text_bytes(&mut word, 65_535, "word of the vocabulary")?;
                keys.vocabulary.add_word(&word)?;
            }
        }
        ("tokenizer.ggml.tokens" | "tokenizer.ggml.merges", _) if kind != ValueType::Text => {
            return Err(GgufRefusal::new(format!("the list {key} does not hold texts")));
        }
        ("tokenizer.ggml.token_type", ValueType::I32) if count <= MAX_VOCAB => {
            for _ in 0..count {
                let kind = i32::from_le_bytes(head.bytes()?);
                keys.vocabulary.add_type(u8::try_from(kind).unwrap_or(0));
            }
        }
        ("tokenizer.ggml.token_type", _) => return Err(GgufRefusal::new("its list of word types is broken")),
        ("tokenizer.ggml.scores", _) => {
            if !matches!(kind, ValueType::I32 | ValueType::F32) {
                return Err(GgufRefusal::new("its list of word scores is broken"));
            }
            keys.vocabulary.scores = Some(count);
            head.skip(count * item)?;
        }
        (_, ValueType::Text) => {
            for _ in 0..count {
                head.skip_text(MAX_STRING, "text in a list")?;
            }
        }
        _ => head.skip(count * item)?,
    }
    if key.len() <= KEPT_KEY {
        keys.values.insert(key.to_owned(), Value::List(count));
    }
    Ok(())
}

/// A name from the file, fit to be shown: short and without control characters.
fn shown(name: &str) -> String {
    let clean: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    format!("\"{clean}\"")
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
