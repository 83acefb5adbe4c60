use crate::models::check::onnx_make::{float_tensor, int_tensor, model, node, port};
use crate::tts::vits::VitsVoice;
use crate::tts::{Synthesizer, VoiceOptions, runtime};
use crate::turn::CancelToken;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let path = root.join("models/tts").join(name);
    let usable = path.exists() && runtime::environment().is_ok();
    if !usable {
        println!("skipped: needs {} and ONNX Runtime", path.display());
    }
    usable.then_some(path)
}

fn say(voice: &mut VitsVoice, text: &str) -> Vec<f32> {
    let options = VoiceOptions { noise: Some(0.0), noise_width: Some(0.0), ..VoiceOptions::default() };
    let mut all = Vec::new();
    voice.synthesize(text, &options, &CancelToken::never(), &mut |piece| all.extend_from_slice(piece)).unwrap();
    all
}

fn far(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The verdicts in a cache folder.
fn kept(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder.join("voices")).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
}

#[test]
fn a_voice_is_compared_once_and_then_loaded_in_parts() {
    let Some(path) = shared("en_US-random-x_low.onnx") else { return };
    let cache = tempfile::tempdir().unwrap();
    let load = || {
        let start = Instant::now();
        let voice = VitsVoice::load_with(&path, 1, Some(cache.path())).unwrap();
        (voice, start.elapsed())
    };
    let (mut voice, first) = load();
    assert!(voice.is_streamed());
    let [file] = &kept(cache.path())[..] else { panic!("one verdict") };
    assert_eq!(std::fs::read_to_string(file).unwrap(), "three");
    let streamed = say(&mut voice, "Turn off the lights, please.");
    // The whole, by a verdict that was put there.
    std::fs::write(file, "whole").unwrap();
    let (mut voice, whole) = load();
    assert!(!voice.is_streamed(), "the verdict is believed");
    assert!(far(&streamed, &say(&mut voice, "Turn off the lights, please.")) < 1e-5);
    std::fs::write(file, "two").unwrap();
    let (mut voice, two) = load();
    assert!(voice.is_streamed() && far(&streamed, &say(&mut voice, "Turn off the lights, please.")) < 1e-5);
    std::fs::write(file, "three").unwrap();
    let (voice, three) = load();
    assert!(voice.is_streamed());
    println!("loading: {first:?} with the comparison, then {three:?} in three parts, {two:?} in two, {whole:?} as a whole");
    assert!(three < whole, "{three:?} in parts, {whole:?} as a whole");
    // Where nothing can be kept it works, too.
    let no_folder = cache.path().join("a file");
    std::fs::write(&no_folder, b"").unwrap();
    assert!(VitsVoice::load_with(&path, 1, Some(&no_folder)).unwrap().is_streamed());
}

#[test]
fn a_voice_without_the_vocoders_first_layer_stays_whole_and_speaks() {
    let Some(path) = shared("en_US-random-x_low.onnx") else { return };
    let mut bytes = std::fs::read(&path).unwrap();
    let name = b"dec.conv_pre.weight";
    let places: Vec<usize> = bytes.windows(name.len()).enumerate().filter(|(_, window)| window == name).map(|(at, _)| at).collect();
    assert!(places.len() >= 2);
    for at in places {
        bytes[at + 4] = b'k';
    }
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("voice.onnx");
    std::fs::write(&other, bytes).unwrap();
    std::fs::write(folder.path().join("voice.onnx.json"), std::fs::read(path.with_extension("onnx.json")).unwrap()).unwrap();
    let mut voice = VitsVoice::load_with(&other, 1, Some(folder.path())).unwrap();
    assert!(!voice.is_streamed());
    assert!(kept(folder.path()).is_empty(), "there was nothing to find out");
    assert!(say(&mut voice, "Hello.").len() > 1_000);
}

/// Letters become frames of one sample each; behind the seam the mean of all frames is taken off when `global`, which no piece
/// can know.
fn letters(global: bool) -> Vec<u8> {
    let mut nodes = vec![
        node("Cast", &["input"], "f", &[("to", 1)]),
        node("Mul", &["f", "hundredth"], "s", &[]),
        node("Unsqueeze", &["s", "one"], "z", &[]),
        node("Conv", &["z", "dec.conv_pre.weight"], "c", &[]),
    ];
    match global {
        true => {
            nodes.push(node("ReduceMean", &["c"], "mean", &[("keepdims", 1)]));
            nodes.push(node("Sub", &["c", "mean"], "output", &[]));
        }
        false => nodes.push(node("Neg", &["c"], "output", &[])),
    }
    let parts =
        [float_tensor("hundredth", &[1], &[0.01]), int_tensor("one", &[1], &[1]), float_tensor("dec.conv_pre.weight", &[1, 1, 1], &[0.5])];
    model(&nodes, &parts, &[port("input", 7, &[1, -1])], &[port("output", 1, &[1, 1, -1])])
}

#[test]
fn parts_that_differ_from_the_whole_are_not_used() {
    if runtime::environment().is_err() {
        return println!("skipped: needs ONNX Runtime");
    }
    let table: String = ('a'..='z').enumerate().map(|(at, letter)| format!("{letter} {}\n", at + 1)).collect();
    for (global, verdict) in [(false, "two"), (true, "whole")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.onnx");
        std::fs::write(&path, letters(global)).unwrap();
        std::fs::write(folder.path().join("tokens.txt"), &table).unwrap();
        for start in 0..2 {
            let mut voice = VitsVoice::load_with(&path, 1, Some(folder.path())).unwrap();
            assert_eq!(voice.is_streamed(), !global, "start {start}");
            assert_eq!(std::fs::read_to_string(&kept(folder.path())[0]).unwrap(), verdict);
            let text = "abcdefghijklmnopqrstuvwxyz".repeat(6);
            let numbers: Vec<f32> = text.bytes().flat_map(|b| [0.0, f32::from(b - b'a' + 1)]).chain([0.0]).map(|id| id * 0.005).collect();
            let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
            let expected: Vec<f32> = numbers.iter().map(|v| if global { v - mean } else { -v }).collect();
            assert!(far(&say(&mut voice, &text), &expected) < 1e-5);
        }
    }
}
