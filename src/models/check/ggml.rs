//! Checks a ggml whisper file before whisper.cpp reads it.
//!
//! whisper.cpp 1.8.3 trusts such files: it writes past its stack when a tensor says that it has more than four
//! dimensions, past its heap when the vocabulary is larger than the header says, and ends the whole process when the
//! file is cut or of another kind. So everything that its loader reads is read here first, and refused unless it is what
//! a whisper model of that shape must have.
//!
//! Format (little endian): magic, 11 × i32 header, mel filters (rows, columns, f32 data), vocabulary (count, then length
//! and bytes of each word), then per tensor: number of dimensions, length of its name, type, dimensions (innermost
//! first), name, data; until the end of the file. Names and shapes follow `whisper_model_load` in whisper.cpp.

pub use super::ggml_file::CheckError;
use super::ggml_file::{F16, F32, MAGIC, Source, Tensor, Type, check_tensors, refuse};
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// What a checked file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhisperFile {
    /// It knows more than English.
    pub multilingual: bool,
    /// Tokens: 51864 (English), 51865 or 51866 (multilingual).
    pub n_vocab: u32,
    /// Languages it knows: 1, 99 or 100.
    pub n_languages: u32,
    /// Positions of the encoder; 1500 are 30 s.
    pub n_audio_ctx: u32,
    /// Positions of the decoder.
    pub n_text_ctx: u32,
    /// Width of encoder and decoder.
    pub n_state: u32,
    /// Type of the large weights: `f32`, `f16`, `q5_1`, …
    pub weights: &'static str,
    /// Number of tensors.
    pub tensors: usize,
    /// Length of the file, bytes.
    pub bytes: u64,
}

impl WhisperFile {
    /// About how much memory the loaded model takes, bytes: the weights, some room for buffers, and the logits of one
    /// full context, for which whisper.cpp reserves memory twice (state and compute buffer).
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        let logits = u64::from(self.n_text_ctx) * u64::from(self.n_vocab) * 4;
        self.bytes + self.bytes / 8 + 2 * logits
    }
}

/// The longest word of a published vocabulary has 128 bytes.
pub(in crate::models) const LONGEST_WORD: u64 = 1024;

/// The type of the large weights by the header's `ftype` (ggml.h `ggml_ftype`; block sizes: ggml-common.h).
fn weight_type(ftype: i32) -> Option<Type> {
    let (id, block, bytes, name) = match ftype {
        0 => return Some(F32),
        1 => return Some(F16),
        2 => (2, 32, 18, "q4_0"),
        3 => (3, 32, 20, "q4_1"),
        7 => (8, 32, 34, "q8_0"),
        8 => (6, 32, 22, "q5_0"),
        9 => (7, 32, 24, "q5_1"),
        10 => (10, 256, 84, "q2_k"),
        11 => (11, 256, 110, "q3_k"),
        12 => (12, 256, 144, "q4_k"),
        13 => (13, 256, 176, "q5_k"),
        14 => (14, 256, 210, "q6_k"),
        _ => return None,
    };
    Some(Type { id, block, bytes, name })
}

/// The header's figures, within the bounds that whisper.cpp can bear.
#[derive(Clone, Debug)]
pub(in crate::models) struct Header {
    pub(in crate::models) n_vocab: u64,
    pub(in crate::models) n_audio_ctx: u64,
    pub(in crate::models) n_state: u64,
    pub(in crate::models) n_audio_layer: u64,
    pub(in crate::models) n_text_ctx: u64,
    pub(in crate::models) n_text_layer: u64,
    pub(in crate::models) n_mels: u64,
    pub(in crate::models) weights: Type,
}

/// Checks a whole file. Reads its header, vocabulary and tensor table and seeks over the weights; memory: under 1 MiB.
///
/// # Errors
/// When whisper.cpp could not use the file, or would crash on it.
pub fn check(reader: impl Read + Seek) -> Result<WhisperFile, CheckError> {
    let mut source = Source::new(reader)?;
    let header = read_header(&mut source)?;
    skip_mel_filters(&mut source, &header)?;
    check_vocabulary(&mut source, &header)?;
    if source.left() == 0 {
        return refuse("it holds a vocabulary and no weights (a stub that is made for tests)");
    }
    let tensors = check_tensors(&mut source, expected_tensors(&header), "whisper model")?;
    let multilingual = header.n_vocab >= 51_865;
    Ok(WhisperFile {
        multilingual,
        n_vocab: header.n_vocab as u32,
        n_languages: if multilingual { (header.n_vocab - 51_766) as u32 } else { 1 },
        n_audio_ctx: header.n_audio_ctx as u32,
        n_text_ctx: header.n_text_ctx as u32,
        n_state: header.n_state as u32,
        weights: header.weights.name,
        tensors,
        bytes: source.len,
    })
}

pub(in crate::models) fn read_header<R: Read + Seek>(source: &mut Source<R>) -> Result<Header, CheckError> {
    if source.len == 0 {
        return refuse("it is empty");
    }
    let mut magic = [0; 4];
    source.fill(&mut magic, "its first mark")?;
    match &magic {
        m if *m == MAGIC => {}
        b"GGUF" => return refuse("it is a chat model (GGUF), not a speech model"),
        [b'P', b'K', ..] => return refuse("it is a PyTorch or ZIP file; a speech model must be in whisper.cpp's ggml format"),
        _ => return refuse("it is not in whisper.cpp's ggml format"),
    }
    let mut figure = |name: &str, least: i32, most: i32| -> Result<u64, CheckError> {
        let value = source.i32("its header")?;
        if (least..=most).contains(&value) {
            return Ok(value as u64);
        }
        refuse(format!("its header is not that of a whisper model ({name} is {value}, not {least} to {most})"))
    };
    // Only these three sizes have all of whisper's special tokens where whisper.cpp looks for them.
    let n_vocab = figure("the vocabulary size", 51_864, 51_866)?;
    let n_audio_ctx = figure("the number of audio positions", 8, 1500)?;
    let n_state = figure("the audio width", 32, 4096)?;
    let audio_head = figure("the number of audio heads", 1, 256)?;
    let n_audio_layer = figure("the number of audio layers", 1, 128)?;
    let n_text_ctx = figure("the number of text positions", 32, 448)?;
    let text_state = figure("the text width", 32, 4096)?;
    let text_head = figure("the number of text heads", 1, 256)?;
    let n_text_layer = figure("the number of text layers", 1, 128)?;
    let n_mels = figure("the number of mel bands", 80, 128)?;
    let ftype = figure("the weight type", 0, 99_999)? as i32;
    if text_state != n_state {
        return refuse(format!("its header is not that of a whisper model (audio width {n_state}, text width {text_state})"));
    }
    if n_state % audio_head != 0 || n_state % text_head != 0 {
        return refuse("its header is not that of a whisper model (the width is no multiple of the heads)");
    }
    let (version, ftype) = (ftype / 1000, ftype % 1000); // GGML_QNT_VERSION_FACTOR
    let Some(weights) = weight_type(ftype) else { return refuse(format!("its weights are of an unknown type (number {ftype})")) };
    // Blocks were laid out otherwise before version 2 (May 2023), and whisper.cpp does not notice.
    if version > 2 || weights.block > 1 && version != 2 {
        return refuse(format!("its weights are in another layout (version {version}, not 2); it must be quantised anew"));
    }
    if n_state % weights.block != 0 {
        return refuse(format!("its width of {n_state} does not fit its weight type {}", weights.name));
    }
    Ok(Header { n_vocab, n_audio_ctx, n_state, n_audio_layer, n_text_ctx, n_text_layer, n_mels, weights })
}

fn skip_mel_filters<R: Read + Seek>(source: &mut Source<R>, header: &Header) -> Result<(), CheckError> {
    let what = "its mel filters";
    let (rows, columns) = (source.i32(what)?, source.i32(what)?);
    // 201 = 400 / 2 + 1: whisper's frames have 400 samples.
    if i64::from(rows) != header.n_mels as i64 || columns != 201 {
        return refuse(format!("its mel filters have the size {rows} × {columns} instead of {} × 201", header.n_mels));
    }
    source.skip(header.n_mels * 201 * 4, what)
}

fn check_vocabulary<R: Read + Seek>(source: &mut Source<R>, header: &Header) -> Result<(), CheckError> {
    let what = "its vocabulary";
    let count = source.i32(what)?;
    if count < 1 || i64::from(count) > header.n_vocab as i64 {
        return refuse(format!("its vocabulary has {count} words, its header says {}", header.n_vocab));
    }
    let mut has_blank = false;
    for _ in 0..count {
        let length = source.i32(what)?;
        match u64::try_from(length) {
            Ok(1) => {
                let mut word = [0];
                source.fill(&mut word, what)?;
                has_blank |= word == *b" ";
            }
            Ok(length) if length <= LONGEST_WORD => source.skip(length, what)?,
            _ => return refuse(format!("its vocabulary is broken (a word of {length} bytes)")),
        }
    }
    // whisper.cpp looks the blank up by name and ends the process when there is none.
    if has_blank { Ok(()) } else { refuse("its vocabulary is broken (it has no blank)") }
}

/// All tensors of a model of this shape, by name (whisper-arch.h, `whisper_model_load`).
pub(in crate::models) fn expected_tensors(h: &Header) -> BTreeMap<String, Tensor> {
    let mut all = BTreeMap::new();
    let mut add = |name: String, dims: &[u64], kind: Type| {
        let mut padded = [1; 4];
        for (to, from) in padded.iter_mut().zip(dims) {
            *to = *from;
        }
        all.insert(name, Tensor { dims: padded, kind });
    };
    let n = h.n_state;
    let convolution = if h.weights == F32 { F32 } else { F16 };
    add("encoder.positional_embedding".into(), &[n, h.n_audio_ctx], F32);
    add("encoder.conv1.weight".into(), &[3, h.n_mels, n], convolution);
    add("encoder.conv1.bias".into(), &[1, n], F32);
    add("encoder.conv2.weight".into(), &[3, n, n], convolution);
    add("encoder.conv2.bias".into(), &[1, n], F32);
    add("decoder.positional_embedding".into(), &[n, h.n_text_ctx], F32);
    add("decoder.token_embedding.weight".into(), &[n, h.n_vocab], h.weights);
    for name in ["encoder.ln_post", "decoder.ln"] {
        add(format!("{name}.weight"), &[n], F32);
        add(format!("{name}.bias"), &[n], F32);
    }
    for (side, layers, attentions) in
        [("encoder", h.n_audio_layer, &["attn"][..]), ("decoder", h.n_text_layer, &["attn", "cross_attn"][..])]
    {
        for layer in 0..layers {
            let block = format!("{side}.blocks.{layer}");
            for attention in attentions {
                for part in ["query", "key", "value", "out"] {
                    add(format!("{block}.{attention}.{part}.weight"), &[n, n], h.weights);
                    if part != "key" {
                        add(format!("{block}.{attention}.{part}.bias"), &[n], F32);
                    }
                }
                add(format!("{block}.{attention}_ln.weight"), &[n], F32);
                add(format!("{block}.{attention}_ln.bias"), &[n], F32);
            }
            add(format!("{block}.mlp.0.weight"), &[n, 4 * n], h.weights);
            add(format!("{block}.mlp.0.bias"), &[4 * n], F32);
            add(format!("{block}.mlp.2.weight"), &[4 * n, n], h.weights);
            add(format!("{block}.mlp.2.bias"), &[n], F32);
            add(format!("{block}.mlp_ln.weight"), &[n], F32);
            add(format!("{block}.mlp_ln.bias"), &[n], F32);
        }
    }
    all
}

#[cfg(test)]
#[path = "ggml_tests.rs"]
mod tests;
