//! Checks a ggml voice activity model (Silero) before whisper.cpp reads it.
//!
//! whisper.cpp 1.8.3 makes arrays as long as this file says, indexes four of them whatever their number is, and trusts the
//! tensors as in a whisper file. All published files have one shape, so anything else is refused.
//!
//! Format (little endian): magic, length and text of the type, version (3 × i32), samples of a window and of what is kept
//! from the one before, number of encoder layers, for each its inputs, outputs and kernel, 4 sizes of the recurrent and the
//! last layer; then tensors as in every ggml file. Names and shapes follow `whisper_vad_init_with_params`.

pub use super::ggml_file::CheckError;
use super::ggml_file::{F16, F32, MAGIC, Source, Tensor, Type, check_tensors, refuse};
use std::collections::BTreeMap;
use std::io::{Read, Seek};

/// What a checked file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VadFile {
    /// Silero's version: `6.2.0`.
    pub version: String,
    /// Number of tensors.
    pub tensors: usize,
    /// Length of the file, bytes.
    pub bytes: u64,
}

const TYPE: &[u8; 10] = b"silero-16k";
/// Samples of a window and of its context at 16 kHz.
const WINDOW: [i32; 2] = [512, 64];
/// Inputs, outputs and kernel of each encoder layer.
const LAYERS: [[i32; 3]; 4] = [[129, 128, 3], [128, 64, 3], [64, 64, 3], [64, 128, 3]];
/// Inputs and width of the recurrent layer, inputs and outputs of the last one.
const SIZES: [i32; 4] = [128, 128, 128, 1];

/// Checks a whole file. Reads its header and tensor table and seeks over the weights; memory: under 1 MiB.
///
/// # Errors
/// When whisper.cpp could not use the file, or would crash on it.
pub fn check(reader: impl Read + Seek) -> Result<VadFile, CheckError> {
    let mut source = Source::new(reader)?;
    if source.len == 0 {
        return refuse("it is empty");
    }
    let mut magic = [0; 4];
    source.fill(&mut magic, "its first mark")?;
    match &magic {
        m if *m == MAGIC => {}
        b"GGUF" => return refuse("it is a chat model (GGUF), not a voice activity model"),
        _ => return refuse("it is not in whisper.cpp's ggml format"),
    }
    let what = "its header";
    match source.i32(what)? {
        10 => {}
        // Where this file has the length of a text, a speech model has the size of its vocabulary.
        51_864..=51_866 => return refuse("it is a speech model, not a voice activity model"),
        length => return refuse(format!("its header is not that of a voice activity model (a type of {length} bytes)")),
    }
    let mut kind = [0; TYPE.len()];
    source.fill(&mut kind, what)?;
    if kind != *TYPE {
        return refuse("its header is not that of a voice activity model of Silero for 16 kHz");
    }
    let version = [source.i32(what)?, source.i32(what)?, source.i32(what)?];
    if version.iter().any(|number| !(0..=999).contains(number)) {
        return refuse(format!("its header is not that of a voice activity model (version {version:?})"));
    }
    let layers: Vec<i32> = [LAYERS.len() as i32].into_iter().chain(LAYERS.into_iter().flatten()).collect();
    for expected in WINDOW.into_iter().chain(layers).chain(SIZES) {
        let found = source.i32(what)?;
        if found != expected {
            return refuse(format!("its header is not that of a voice activity model ({found} where {expected} must stand)"));
        }
    }
    if source.left() == 0 {
        return refuse("it holds a header and no weights (a stub that is made for tests)");
    }
    let tensors = check_tensors(&mut source, expected_tensors(), "voice activity model")?;
    Ok(VadFile { version: version.map(|number| number.to_string()).join("."), tensors, bytes: source.len })
}

/// All tensors, by name (`VAD_TENSOR_NAMES` in whisper-arch.h).
fn expected_tensors() -> BTreeMap<String, Tensor> {
    let mut all = BTreeMap::new();
    let mut add = |name: &str, dims: &[i32], kind: Type| {
        let mut padded = [1; 4];
        for (to, from) in padded.iter_mut().zip(dims) {
            *to = from.unsigned_abs().into();
        }
        all.insert(format!("_model.{name}"), Tensor { dims: padded, kind });
    };
    add("stft.forward_basis_buffer", &[256, 1, 258], F16);
    for (layer, [inputs, outputs, kernel]) in LAYERS.into_iter().enumerate() {
        add(&format!("encoder.{layer}.reparam_conv.weight"), &[kernel, inputs, outputs], F16);
        add(&format!("encoder.{layer}.reparam_conv.bias"), &[outputs], F32);
    }
    let [_, width, last, _] = SIZES;
    for side in ["ih", "hh"] {
        add(&format!("decoder.rnn.weight_{side}"), &[width, 4 * width], F32);
        add(&format!("decoder.rnn.bias_{side}"), &[4 * width], F32);
    }
    add("decoder.decoder.2.weight", &[last], F16);
    add("decoder.decoder.2.bias", &[], F32);
    all
}

#[cfg(test)]
#[path = "ggml_vad_tests.rs"]
mod tests;
