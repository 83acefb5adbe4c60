//! What a chat model must have, and the values that llama.cpp asserts or divides by.

use super::{GgufRefusal, Keys, Value, hash};
use std::collections::HashSet;

/// Architectures that are no chat models: encoders, embedders, speech and picture parts.
const NOT_CHAT: [&str; 16] = [
    "bert",
    "clip",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "llama-embed",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5",
    "t5encoder",
    "wavtokenizer-dec",
    "whisper",
    "mmproj",
];

/// `token_type` of a word that stands for one byte.
const BYTE: u8 = 6;

/// The vocabulary in 10 bytes a word.
#[derive(Default)]
pub(super) struct Vocabulary {
    hashes: Vec<u64>,
    /// Whether the word is written `<0xNN>`.
    byte_form: Vec<bool>,
    types: Vec<u8>,
    /// Bytes that some word stands for, as `<0xNN>` or as itself.
    bytes: HashSet<u8>,
    pub(super) scores: Option<u64>,
}

impl Vocabulary {
    pub(super) fn len(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn add_word(&mut self, word: &[u8]) -> Result<(), GgufRefusal> {
        if word.contains(&0) {
            return Err(GgufRefusal::new("a word of its vocabulary holds a zero byte"));
        }
        let byte = byte_word(word);
        self.byte_form.push(byte.is_some());
        if let Some(byte) = byte.or(if let [one] = word { Some(*one) } else { None }) {
            self.bytes.insert(byte);
        }
        // llama.cpp gives empty words a name of their own, so they may repeat.
        let place = self.hashes.len() as u64;
        self.hashes.push(if word.is_empty() { hash(&place.to_le_bytes()) } else { hash(word) });
        Ok(())
    }

    pub(super) fn add_type(&mut self, kind: u8) {
        self.types.push(kind);
    }

    fn check(&self, tokenizer: &str) -> Result<(), GgufRefusal> {
        let mut sorted = self.hashes.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(GgufRefusal::new("a word is in its vocabulary twice"));
        }
        if !self.types.is_empty() && self.types.len() < self.len() {
            return Err(GgufRefusal::new("its list of word types is shorter than its vocabulary"));
        }
        if self.scores.is_some_and(|n| n < self.len() as u64) {
            return Err(GgufRefusal::new("its list of word scores is shorter than its vocabulary"));
        }
        if self.types.iter().zip(&self.byte_form).any(|(kind, byte_form)| *kind == BYTE && !byte_form) {
            return Err(GgufRefusal::new("a word of its vocabulary claims to be a byte and is none"));
        }
        // SentencePiece falls back to bytes; llama.cpp throws where one is missing.
        if tokenizer == "llama" && self.bytes.len() < 256 {
            return Err(GgufRefusal::new("its vocabulary lacks words for single bytes"));
        }
        Ok(())
    }
}

/// `<0x0A>` is byte 10.
fn byte_word(word: &[u8]) -> Option<u8> {
    let digits = word.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    if digits.len() != 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

pub(super) fn check(keys: &Keys, n_tensors: u64) -> Result<(), GgufRefusal> {
    let Some(architecture) = keys.text("general.architecture").filter(|a| !a.is_empty()) else {
        return Err(GgufRefusal::new("it does not say what kind of model it is"));
    };
    if NOT_CHAT.contains(&architecture) || matches!(keys.text("general.type"), Some("adapter" | "mmproj")) {
        return Err(GgufRefusal::new(format!("it is a model of another kind (\"{architecture}\"), not a chat model")));
    }
    if keys.number("split.count").is_some_and(|n| n > 1) {
        return Err(GgufRefusal::new("it is only one part of a model that was split into several files"));
    }
    let Some(tokenizer) = keys.text("tokenizer.ggml.model") else {
        return Err(GgufRefusal::new("it has no tokenizer"));
    };
    if !matches!(tokenizer, "llama" | "gpt2" | "gemma4") {
        return Err(GgufRefusal::new(format!("its tokenizer {} is not supported", super::shown(tokenizer))));
    }
    if !keys.has_tokens {
        return Err(GgufRefusal::new("it has no vocabulary"));
    }
    if n_tensors == 0 {
        return Err(GgufRefusal::new("it holds no weights, only a vocabulary"));
    }
    keys.vocabulary.check(tokenizer)?;
    hyperparameters(keys, architecture)
}

/// The values that llama.cpp's loader and graph assert (`llama-model.cpp`, `load_hparams`).
fn hyperparameters(keys: &Keys, architecture: &str) -> Result<(), GgufRefusal> {
    let full = |name: &str| format!("{architecture}.{name}");
    let bad = |name: &str| GgufRefusal::new(format!("its value of \"{}\" is missing or impossible", full(name)));
    let required = |name: &str, max: u64| match keys.number(&full(name)) {
        Some(n) if (1..=max).contains(&n) => Ok(n),
        _ => Err(bad(name)),
    };
    let optional = |name: &str, min: u64, max: u64| match keys.values.get(&full(name)) {
        None | Some(Value::List(_)) => Ok(None),
        Some(_) => match keys.number(&full(name)) {
            Some(n) if (min..=max).contains(&n) => Ok(Some(n)),
            _ => Err(bad(name)),
        },
    };
    required("context_length", 1 << 31)?;
    required("block_count", 512)?;
    let embedding = required("embedding_length", 1 << 20)?;
    let heads = optional("attention.head_count", 0, 1 << 16)?;
    let kv_heads = optional("attention.head_count_kv", 0, 1 << 16)?;
    if let (Some(heads), Some(kv)) = (heads, kv_heads)
        && kv != 0
        && heads % kv != 0
    {
        return Err(bad("attention.head_count_kv"));
    }
    for name in ["attention.key_length", "attention.value_length"] {
        optional(name, 1, 1 << 16)?;
    }
    if keys.values.contains_key(&full("rope.dimension_count"))
        && optional("rope.dimension_count", 0, 1 << 16)?.is_some_and(|n| n % 2 != 0 || n > embedding)
    {
        return Err(bad("rope.dimension_count"));
    }
    optional("feed_forward_length", 0, 1 << 24)?;
    let experts = optional("expert_count", 0, 1024)?.unwrap_or(0);
    let used = optional("expert_used_count", 0, 1024)?.unwrap_or(0);
    let used_is_list = matches!(keys.values.get(&full("expert_used_count")), Some(Value::List(_)));
    if used > experts || (experts > 0 && used == 0 && !used_is_list) {
        return Err(bad("expert_used_count"));
    }
    let groups = optional("expert_group_count", 0, 1024)?.unwrap_or(0);
    let groups_used = optional("expert_group_used_count", 0, 1024)?.unwrap_or(0);
    if groups > 1 && (groups >= experts || experts % groups != 0 || groups_used == 0 || groups_used >= groups) {
        return Err(bad("expert_group_count"));
    }
    for name in ["attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"] {
        if let Some(value) = keys.float(&full(name))
            && !(value.is_finite() && (0.0..1.0).contains(&value))
        {
            return Err(bad(name));
        }
    }
    for name in ["rope.freq_base", "rope.freq_base_swa"] {
        if let Some(value) = keys.float(&full(name))
            && !(value.is_finite() && value > 0.0)
        {
            return Err(bad(name));
        }
    }
    if let Some(value) = keys.float(&full("rope.scaling.factor"))
        && !(value.is_finite() && value >= 0.0)
    {
        return Err(bad("rope.scaling.factor"));
    }
    if let Some(kind) = keys.text(&full("rope.scaling.type"))
        && !matches!(kind, "none" | "linear" | "yarn" | "longrope")
    {
        return Err(bad("rope.scaling.type"));
    }
    Ok(())
}
