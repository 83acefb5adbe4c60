//! Voices of a few nodes for tests: what they say can be told from their numbers.

use crate::models::check::onnx_make::{Message, float_tensor, int_tensor, model, node, port};
use std::path::PathBuf;
use tempfile::TempDir;

/// Bands of the tiny mel.
pub(super) const BANDS: usize = 8;
/// Samples of a frame.
pub(super) const HOP: usize = 16;

/// ONNX Runtime is there; says so when not.
pub(super) fn has_runtime() -> bool {
    let there = super::runtime::environment().is_ok();
    if !there {
        println!("skipped: needs ONNX Runtime");
    }
    there
}

/// A voice that `scripts/voice-test-models` made.
pub(super) fn made(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HARK_VOICE_TEST_MODELS").map_or_else(|| "target/voice-test-models".into(), PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: needs scripts/voice-test-models ({})", path.display());
        return None;
    }
    has_runtime().then_some(path)
}

/// A node with lists of numbers.
fn listed(op: &str, inputs: &[&str], output: &str, lists: &[(&str, &[i64])]) -> Message {
    lists.iter().fold(node(op, inputs, output, &[]), |node, (name, values)| {
        node.bytes(5, values.iter().fold(Message::default().bytes(1, name), |m, v| m.int(8, *v)).int(20, 7))
    })
}

fn entry(file: Vec<u8>, pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut file = Message(file);
    for (key, value) in pairs {
        file = file.bytes(14, Message::default().bytes(1, key).bytes(2, value));
    }
    file.0
}

/// A VITS graph: a sample per symbol, its number / 100, and its tone / 1000 when there are tones. `rows` of the table of symbols.
pub(super) fn vits(rows: usize, tones: bool, metadata: &[(&str, &str)]) -> Vec<u8> {
    let table: Vec<f32> = (0..rows).map(|id| id as f32 * 0.01).collect();
    let mut nodes = vec![node("Gather", &["enc_p.emb.weight", "x"], "s", &[])];
    let mut inputs = vec![port("x", 7, &[1, -1]), port("x_length", 7, &[1])];
    for scale in ["noise_scale", "length_scale", "noise_scale_w"] {
        inputs.push(port(scale, 1, &[1]));
    }
    let mut weights = vec![float_tensor("enc_p.emb.weight", &[rows as i64], &table), int_tensor("flat", &[3], &[1, 1, -1])];
    if tones {
        inputs.push(port("tones", 7, &[1, -1]));
        weights.push(float_tensor("tone", &[12], &(0..12).map(|tone| tone as f32 * 0.001).collect::<Vec<_>>()));
        nodes.push(node("Gather", &["tone", "tones"], "t", &[]));
        nodes.push(node("Add", &["s", "t"], "st", &[]));
    }
    nodes.push(node("Reshape", &[if tones { "st" } else { "s" }, "flat"], "y", &[]));
    entry(model(&nodes, &weights, &inputs, &[port("y", 1, &[1, 1, -1])]), metadata)
}

/// An acoustic model: a frame per symbol, all its bands the symbol's number / 100.
pub(super) fn acoustic(rows: usize, bands_first: bool) -> Vec<u8> {
    let table: Vec<f32> = (0..rows).flat_map(|id| [id as f32 * 0.01; BANDS]).collect();
    let mut nodes = vec![node("Gather", &["emb", "ids"], if bands_first { "f" } else { "mel" }, &[])];
    if bands_first {
        nodes.push(listed("Transpose", &["f"], "mel", &[("perm", &[0, 2, 1])]));
    }
    let dims: [i64; 3] = if bands_first { [1, BANDS as i64, -1] } else { [1, -1, BANDS as i64] };
    model(&nodes, &[float_tensor("emb", &[rows as i64, BANDS as i64], &table)], &[port("ids", 7, &[1, -1])], &[port("mel", 1, &dims)])
}

/// An acoustic model whose inputs say nothing by their names, with integers of 32 bits.
pub(super) fn nameless_acoustic(rows: usize) -> Vec<u8> {
    let table: Vec<f32> = (0..rows).flat_map(|id| [id as f32 * 0.01; BANDS]).collect();
    let nodes = [node("Gather", &["emb", "a"], "f", &[]), node("Mul", &["f", "c"], "g", &[]), node("Mul", &["g", "d"], "mel", &[])];
    let inputs = [port("a", 6, &[1, -1]), port("b", 6, &[1]), port("c", 1, &[1]), port("d", 1, &[1])];
    model(&nodes, &[float_tensor("emb", &[rows as i64, BANDS as i64], &table)], &inputs, &[port("mel", 1, &[1, -1, BANDS as i64])])
}

/// A vocoder: each sample is a sum over three frames, weighted by its place in the frame. `global`: minus the mean of all.
pub(super) fn vocoder(bands: usize, global: bool) -> Vec<u8> {
    vocoder_behind(bands, global, None)
}

/// [`vocoder`] with an operator before it.
pub(super) fn vocoder_behind(bands: usize, global: bool, first: Option<&str>) -> Vec<u8> {
    let weights: Vec<f32> = (0..HOP * bands * 3).map(|at| 0.02 * (1.0 + (at % 7) as f32 - 3.0)).collect();
    let mut nodes = vec![
        listed("Conv", &[if first.is_some() { "m" } else { "mel" }, "conv_pre.weight"], "c", &[("pads", &[1, 1]), ("kernel_shape", &[3])]),
        listed("Transpose", &["c"], "t", &[("perm", &[0, 2, 1])]),
        node("Reshape", &["t", "flat"], if global { "r" } else { "audio" }, &[]),
    ];
    if let Some(op) = first {
        nodes.insert(0, node(op, &["mel"], "m", &[]));
    }
    if global {
        nodes.push(node("ReduceMean", &["r"], "mean", &[("keepdims", 1)]));
        nodes.push(node("Sub", &["r", "mean"], "audio", &[]));
    }
    let weights = [float_tensor("conv_pre.weight", &[HOP as i64, bands as i64, 3], &weights), int_tensor("flat", &[3], &[1, 1, -1])];
    model(&nodes, &weights, &[port("mel", 1, &[1, bands as i64, -1])], &[port("audio", 1, &[1, 1, -1])])
}

/// Symbols of the tiny voices.
pub(super) const TOKENS: &str = "_ 0\nn 1\ni 2\nh 3\nao 4\nə 5\nl 6\n, 7\n. 8\n";
/// Words of the tiny voices.
pub(super) const LEXICON: &str = "你 n i\n好 h ao\n你好 n i h ao\nhello h ə l\na ə\nready l ə i\n";
/// Description of the tiny voice of two files.
pub(super) const DESCRIPTION: &str = "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nlexicon = \"lexicon.txt\"\n\
     sample_rate = 16000\nhop = 16\nbands = 8\nacoustic_layout = \"frames-first\"\n";

/// A folder with these files.
pub(super) fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// The files of a voice of two ONNX files.
pub(super) fn two_files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a.onnx", acoustic(9, false)),
        ("v.onnx", vocoder(BANDS, false)),
        ("tokens.txt", TOKENS.into()),
        ("lexicon.txt", LEXICON.into()),
        ("hark-voice.toml", DESCRIPTION.into()),
    ]
}

/// The files of a VITS voice with a lexicon.
pub(super) fn with_lexicon() -> Vec<(&'static str, Vec<u8>)> {
    let facts = [("sample_rate", "22050"), ("add_blank", "1"), ("language", "Chinese"), ("comment", "test")];
    vec![("m.onnx", vits(9, false, &facts)), ("tokens.txt", TOKENS.into()), ("lexicon.txt", LEXICON.into())]
}

/// The files of an MMS voice.
pub(super) fn of_letters() -> Vec<(&'static str, Vec<u8>)> {
    let facts = [("sample_rate", "16000"), ("add_blank", "1"), ("language", "deu"), ("comment", "mms"), ("frontend", "characters")];
    vec![("m.onnx", vits(6, false, &facts)), ("tokens.txt", "_ 0\na 1\nb 2\nü 3\n  4\n. 5\n".into())]
}

/// [`folder`] of owned files.
pub(super) fn folder_of(files: &[(&str, Vec<u8>)]) -> TempDir {
    folder(&files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect::<Vec<_>>())
}
