use super::*;
use crate::models::check::onnx_make::{Message, float_tensor, int_tensor, model, node, port};
use crate::on_time::on_time;
use crate::tts::split::split;
use crate::tts::{SpeechStats, Synthesizer};
use crate::turn::TurnId;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};
use std::thread::Builder;
use std::time::{Duration, Instant};

const PLAIN: &str = "en_US-random-x_low";
const FOUR: &str = "en_US-random4-medium";
const STILL: Scales = Scales { noise: 0.0, length: 1.0, noise_width: 0.0 };

fn shared() -> PathBuf {
    std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from)
}

/// Loads a voice once for all tests: 2 to 3 s of CPU each.
fn voice(name: &'static str) -> Option<&'static Mutex<VitsVoice>> {
    static PLAIN_VOICE: OnceLock<Option<Mutex<VitsVoice>>> = OnceLock::new();
    static FOUR_VOICE: OnceLock<Option<Mutex<VitsVoice>>> = OnceLock::new();
    let cell = if name == PLAIN { &PLAIN_VOICE } else { &FOUR_VOICE };
    let voice = cell.get_or_init(|| {
        let path = shared().join(format!("models/tts/{name}.onnx"));
        if !path.exists() {
            println!("skipped: needs {}", path.display());
            return None;
        }
        match VitsVoice::load_with(&path, 1, None) {
            Ok(voice) => Some(Mutex::new(voice)),
            Err(SynthesisError::RuntimeMissing(what)) => {
                println!("skipped: needs {what}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    });
    voice.as_ref()
}

fn spoken(voice: &mut VitsVoice, text: &str, options: &VoiceOptions) -> Vec<f32> {
    let mut all = Vec::new();
    let outcome = voice.synthesize(text, options, &CancelToken::never(), &mut |piece| all.extend_from_slice(piece)).unwrap();
    assert_eq!(outcome, Outcome::Done(SpeechStats { samples: all.len() }));
    all
}

/// Options without any randomness.
fn still() -> VoiceOptions {
    VoiceOptions { noise: Some(0.0), noise_width: Some(0.0), ..VoiceOptions::default() }
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn golden(name: &'static str) {
    let folder = shared().join("golden/piper").join(name);
    let (Some(voice), Ok(text)) = (voice(name), std::fs::read_to_string(folder.join("golden.json"))) else {
        println!("skipped: needs the voice and {}", folder.display());
        return;
    };
    let mut voice = voice.lock().unwrap();
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(golden["sample_rate"], voice.sample_rate());
    let mut worst = 0.0f32;
    for item in golden["items"].as_array().unwrap() {
        let speaker = item["speaker_id"].as_u64().unwrap_or(0) as u32;
        let raw = std::fs::read(folder.join(item["raw_f32"].as_str().unwrap())).unwrap();
        let expected: Vec<f32> = raw.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let (mut by_ids, mut by_phonemes) = (Vec::new(), Vec::new());
        for sentence in item["sentences"].as_array().unwrap() {
            let ids: Vec<i64> = sentence["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
            let mut collect = |samples| by_ids.extend::<Vec<f32>>(samples);
            assert_eq!(voice.synthesize_ids(&ids, STILL, speaker, &CancelToken::never(), &mut collect).unwrap(), Outcome::Done(()));
            let phonemes: String = sentence["phonemes"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
            let options = VoiceOptions { speaker: Some(speaker), ..still() };
            voice
                .synthesize_phonemes(&phonemes, &options, &CancelToken::never(), &mut |piece| by_phonemes.extend_from_slice(piece))
                .unwrap();
        }
        worst = worst.max(difference(&by_ids, &expected));
        let clamped: Vec<f32> = expected.iter().map(|s| s.clamp(-1.0, 1.0)).collect();
        worst = worst.max(difference(&by_phonemes, &clamped));
    }
    println!("{name}: largest difference {worst:e}");
    assert!(worst <= 1e-5, "{worst}");
}

#[test]
fn one_speaker_gives_the_same_samples_as_piper() {
    golden(PLAIN);
}

#[test]
fn four_speakers_give_the_same_samples_as_piper() {
    golden(FOUR);
}

#[test]
fn speed_noise_and_volume_are_in_effect() {
    let Some(voice) = voice(PLAIN) else { return };
    let mut voice = voice.lock().unwrap();
    let text = "Turn off the living room lights, please.";
    let normal = spoken(&mut voice, text, &still());
    // But for rounding: the pieces are cut at other places each time.
    assert!(difference(&normal, &spoken(&mut voice, text, &still())) < 1e-5, "without noise it is the same each time");
    let fast = spoken(&mut voice, text, &VoiceOptions { speed: 2.0, ..still() });
    let ratio = fast.len() as f32 / normal.len() as f32;
    // Each symbol lasts a whole number of frames, rounded up, so that the half is not quite reached.
    assert!((0.5..0.7).contains(&ratio), "{ratio}");
    let fastest = spoken(&mut voice, text, &VoiceOptions { speed: 4.0, ..still() });
    assert!(fastest.len() < fast.len());
    let slow = spoken(&mut voice, text, &VoiceOptions { speed: 0.5, ..still() });
    assert!(slow.len() as f32 / normal.len() as f32 > 1.7);
    let noisy = spoken(&mut voice, text, &VoiceOptions { noise: Some(1.0), ..still() });
    assert!(difference(&noisy, &normal) > 1e-3, "the same length, another sound");
    let uneven = VoiceOptions { noise_width: Some(1.5), ..still() };
    assert!((0..3).any(|_| spoken(&mut voice, text, &uneven).len() != normal.len()), "another rhythm");
    let quiet: Vec<f32> = spoken(&mut voice, text, &VoiceOptions { volume: 0.5, ..still() });
    assert!(difference(&quiet, &normal.iter().map(|s| s * 0.5).collect::<Vec<_>>()) < 1e-5);
    assert!(spoken(&mut voice, text, &VoiceOptions { volume: 100.0, ..still() }).iter().all(|s| s.abs() <= 1.0));
    let odd = VoiceOptions { speed: f32::NAN, noise: Some(f32::INFINITY), noise_width: Some(-3.0), speaker: None, volume: f32::NAN };
    assert_eq!(voice.scales(&odd), Scales { noise_width: 0.0, ..voice.manner.scales });
}

#[test]
fn the_speaker_is_in_effect_and_unknown_ones_are_refused() {
    let Some(voice) = voice(FOUR) else { return };
    let mut voice = voice.lock().unwrap();
    assert_eq!(voice.speakers(), 4);
    let by = |speaker| VoiceOptions { speaker, ..still() };
    let first = spoken(&mut voice, "Hello.", &by(None));
    assert!(difference(&first, &spoken(&mut voice, "Hello.", &by(Some(0)))) < 1e-5);
    let third = spoken(&mut voice, "Hello.", &by(Some(2)));
    assert!(first.len() != third.len() || difference(&first, &third) > 1e-3);
    let error = voice.synthesize("Hello.", &by(Some(4)), &CancelToken::never(), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, SynthesisError::Unsupported(text) if text.contains("0 to 3")), "{error}");
}

#[test]
fn sentences_come_one_after_the_other_and_nothing_to_say_is_nothing() {
    let Some(voice) = voice(PLAIN) else { return };
    let mut voice = voice.lock().unwrap();
    let text = ["Yes.", "No.", "Dr. Smith knows."];
    let apart: Vec<f32> = text.iter().flat_map(|sentence| spoken(&mut voice, sentence, &still())).collect();
    assert!(difference(&spoken(&mut voice, &text.join(" "), &still()), &apart) < 1e-5);
    for text in ["", "...", "\u{1}"] {
        assert!(spoken(&mut voice, text, &still()).is_empty(), "{text:?}");
    }
    assert_eq!(voice.info().name, PLAIN);
}

#[test]
fn a_cancel_ends_a_running_graph() {
    on_time(|| {
        let Some(voice) = voice(FOUR) else { return };
        let mut voice = voice.lock().unwrap();
        let text = "the quick brown fox jumps over the lazy dog ".repeat(3);
        let start = Instant::now();
        spoken(&mut voice, &text, &still());
        let whole = start.elapsed();
        let (token, mut clock) = CancelToken::with_clock();
        let killer = Builder::new()
            .spawn(move || {
                std::thread::sleep(whole / 4);
                clock.advance_to(TurnId(1));
                (clock, Instant::now())
            })
            .unwrap();
        let start = Instant::now();
        let outcome = voice.synthesize(&text, &still(), &token, &mut |_| assert!(!token.is_cancelled(), "sound after the cancel")).unwrap();
        let (end, cancelled) = (Instant::now(), killer.join().unwrap().1);
        println!("whole {whole:?}, ended {:?} after the cancel at {:?}", end - cancelled, cancelled - start);
        assert_eq!(outcome, Outcome::Cancelled);
        assert!(end - cancelled < whole / 4 + Duration::from_millis(60));
        assert!(!spoken(&mut voice, "It goes on.", &still()).is_empty());
    });
}

/// A folder with a copy of the small voice, changed by `change`.
fn broken(change: impl Fn(&Path)) -> Option<String> {
    let source = shared().join(format!("models/tts/{PLAIN}.onnx"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voice.onnx");
    std::fs::copy(source.with_extension("onnx.json"), folder.path().join("voice.onnx.json")).ok()?;
    std::fs::copy(&source, &path).ok()?;
    // Copies keep the read-only mode of the shared files.
    for file in ["voice.onnx", "voice.onnx.json"] {
        let file = folder.path().join(file);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&file, bytes).unwrap();
    }
    change(&path);
    let error = VitsVoice::load_with(&path, 1, None).unwrap_err();
    let expected =
        if path.exists() { matches!(error, SynthesisError::VoiceCorrupt { .. }) } else { matches!(error, SynthesisError::VoiceMissing(_)) };
    assert!(expected, "{error:?}");
    Some(error.to_string())
}

#[test]
fn bad_voices_give_the_right_reason() {
    let config = |path: &Path| path.with_file_name("voice.onnx.json");
    type Case<'a> = (&'a str, &'a dyn Fn(&Path));
    let cases: [Case<'_>; 9] = [
        ("was not found", &|path| std::fs::remove_file(path).unwrap()),
        ("voice.onnx.json is missing", &|path| std::fs::remove_file(config(path)).unwrap()),
        ("not a voice config", &|path| std::fs::write(config(path), "{\"audio\": 3}").unwrap()),
        ("not an ONNX file", &|path| std::fs::write(path, b"12345678").unwrap()),
        ("not an ONNX file", &|path| std::fs::write(path, b"").unwrap()),
        ("cut off", &|path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("another file", &|path| {
            let tensor = float_tensor("w", &[1], &[1.0]).bytes(13, Message::default().bytes(1, "location").bytes(2, "/etc/passwd"));
            let bytes = model(
                &[node("Add", &["input", "w"], "output", &[])],
                &[tensor],
                &[port("input", 7, &[1, -1])],
                &[port("output", 1, &[1, -1])],
            );
            std::fs::write(path, bytes).unwrap();
        }),
        ("no input of a VITS voice", &|path| {
            let bytes = model(&[node("Neg", &["mel"], "output", &[])], &[], &[port("mel", 1, &[1, -1])], &[port("output", 1, &[1, -1])]);
            std::fs::write(path, bytes).unwrap();
        }),
        ("more speakers", &|path| {
            let text = std::fs::read_to_string(config(path)).unwrap();
            let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
            value["num_speakers"] = 9.into();
            std::fs::write(config(path), value.to_string()).unwrap();
        }),
    ];
    for (part, change) in cases {
        let Some(text) = broken(change) else { return println!("skipped: needs {PLAIN}") };
        assert!(text.contains(part) && text.ends_with('.'), "{part}: {text}");
    }
}

#[test]
fn a_graph_that_the_engine_refuses_is_a_corrupt_voice() {
    if super::super::runtime::environment().is_err() {
        return println!("skipped: needs ONNX Runtime");
    }
    let bytes =
        model(&[node("NoSuchOperator", &["input"], "output", &[])], &[], &[port("input", 7, &[1, -1])], &[port("output", 1, &[1, -1])]);
    let Some(text) = broken(|path| std::fs::write(path, &bytes).unwrap()) else { return };
    assert!(text.contains("ONNX Runtime refuses it"), "{text}");
}

/// A letter-based voice in miniature: each symbol becomes 16 · length samples of the symbol's number / 100.
fn letters(names: [&str; 3], mask: bool) -> Vec<u8> {
    let [ids, length, scale] = names;
    let mut nodes = vec![
        node("Cast", &[ids], "f", &[("to", 1)]),
        node("Mul", &["f", "hundredth"], "s", &[]),
        node("Unsqueeze", &["s", "two"], "u", &[]),
        node("Reshape", &["t", "flat"], "y", &[]),
    ];
    let (mut inputs, mut parts) = (vec![port(ids, 7, &[1, -1])], vec![]);
    if mask {
        inputs.push(port(length, 7, &[1, -1]));
        parts.push(int_tensor("repeats", &[3], &[1, 1, 16]));
        nodes.insert(3, node("Tile", &["u", "repeats"], "t", &[]));
    } else {
        inputs.extend([port(length, 7, &[1]), port(scale, 1, &[1]), port("noise_scale", 1, &[1]), port("noise_scale_w", 1, &[1])]);
        nodes.insert(0, node("Mul", &[scale, "sixteen"], "r", &[]));
        nodes.insert(1, node("Cast", &["r"], "ri", &[("to", 7)]));
        nodes.insert(2, node("Concat", &["ones", "ri"], "repeats", &[("axis", 0)]));
        nodes.insert(6, node("Tile", &["u", "repeats"], "t", &[]));
        parts.extend([int_tensor("ones", &[2], &[1, 1]), float_tensor("sixteen", &[1], &[16.0])]);
    }
    parts.extend([float_tensor("hundredth", &[1], &[0.01]), int_tensor("two", &[1], &[2]), int_tensor("flat", &[3], &[1, 1, -1])]);
    model(&nodes, &parts, &inputs, &[port("y", 1, &[1, 1, -1])])
}

#[test]
fn letter_based_voices_of_three_exporters_speak() {
    if super::super::runtime::environment().is_err() {
        return println!("skipped: needs ONNX Runtime");
    }
    for (names, mask) in [
        (["x", "x_length", "length_scale"], false),
        (["input", "input_lengths", "length_scale"], false),
        (["input_ids", "attention_mask", ""], true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.onnx");
        std::fs::write(&path, letters(names, mask)).unwrap();
        std::fs::write(folder.path().join("tokens.txt"), "_ 0\na 10\nb 20\n  30\n").unwrap();
        let mut voice = VitsVoice::load_with(&path, 1, None).unwrap();
        assert!(!voice.is_streamed(), "no vocoder of Piper's form");
        assert_eq!(voice.sample_rate(), 16_000);
        let samples = spoken(&mut voice, "Ab", &still());
        let expected: Vec<f32> = [0.0, 0.1, 0.0, 0.2, 0.0].into_iter().flat_map(|v| [v; 16]).collect();
        assert!(difference(&samples, &expected) < 1e-6, "{names:?}");
        if !mask {
            assert_eq!(spoken(&mut voice, "Ab", &VoiceOptions { speed: 2.0, ..still() }).len(), 40);
        }
        let phonemes = voice.synthesize_phonemes("a", &still(), &CancelToken::never(), &mut |_| {});
        assert!(matches!(phonemes, Err(SynthesisError::Unsupported(_))));
    }
}

#[test]
fn long_texts_are_cut_at_blanks() {
    let text = "ab cd ".repeat(100);
    let parts: Vec<&str> = split(&text, 50, str::len).collect();
    assert!(parts.iter().all(|p| p.len() <= 50) && parts.concat() == text);
    assert!(parts.iter().all(|p| !p.trim_start().starts_with("b") && !p.trim_start().starts_with('d')));
    let solid = "好".repeat(1_000);
    let parts: Vec<&str> = split(&solid, 50, |t| t.chars().count()).collect();
    assert!(parts.iter().all(|p| p.chars().count() <= 50) && parts.concat() == solid);
    assert_eq!(split("", 5, str::len).count(), 0);
    assert_eq!(split("好", 1, str::len).collect::<Vec<_>>(), ["好"]);
}
