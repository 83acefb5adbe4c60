//! The real Mandarin voice, where scripts/setup put it.

use super::super::engines;
use super::super::tiny::has_runtime;
use super::*;
use crate::tts::{Synthesizer, VoiceOptions};
use serde_json::Value;
use std::time::Instant;

const GOLDEN: &str = "tests/golden/zh-baker";

fn voice() -> Option<MelVoice> {
    let path = Path::new("models/starter/zh-baker/fastspeech2.onnx");
    if !path.exists() {
        println!("skipped: needs scripts/setup ({})", path.display());
        return None;
    }
    has_runtime().then(|| MelVoice::load(&VoiceFiles::of(path).unwrap(), 2).unwrap())
}

/// The pieces of a sentence.
fn pieces(voice: &mut MelVoice, ids: &[i64]) -> Vec<Vec<f32>> {
    let mut pieces = Vec::new();
    let scales = voice.manner.scales;
    voice.run(&ids.to_vec().into(), scales, 0, &CancelToken::never(), &mut |piece| pieces.push(piece)).unwrap();
    pieces
}

fn golden() -> Vec<(Vec<i64>, Vec<f32>)> {
    let items: Value = serde_json::from_str(&std::fs::read_to_string(format!("{GOLDEN}/golden.json")).unwrap()).unwrap();
    let item = |item: &Value| {
        let ids = item["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        let wav = hound::WavReader::open(format!("{GOLDEN}/{}", item["wav"].as_str().unwrap())).unwrap();
        (ids, wav.into_samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect())
    };
    items.as_array().unwrap().iter().map(item).collect()
}

#[test]
fn the_same_symbols_give_the_samples_of_the_reference_also_in_pieces() {
    let Some(mut voice) = voice() else { return };
    assert_eq!((voice.sample_rate(), voice.is_streamed()), (24_000, true));
    for (ids, wanted) in golden() {
        let found = pieces(&mut voice, &ids);
        assert!(found.len() > 1, "{} pieces", found.len());
        let found = found.concat();
        assert_eq!(found.len(), wanted.len());
        let most = found.iter().zip(&wanted).map(|(found, wanted)| (found - wanted).abs()).fold(0.0, f32::max);
        println!("{} samples differ by {most:.6} at most", found.len());
        assert!(most <= 1e-4, "{most}");
    }
}

#[test]
fn the_first_sound_of_a_clause_comes_soon() {
    let Some(mut voice) = voice() else { return };
    voice.try_out().unwrap();
    let mut first = |text: &str| {
        let (start, mut first, mut samples) = (Instant::now(), None, 0);
        let options = VoiceOptions::default();
        let outcome = voice.synthesize(text, &options, &CancelToken::never(), &mut |piece| {
            first = first.or(Some(start.elapsed().as_secs_f64()));
            samples += piece.len();
        });
        outcome.unwrap();
        (first.unwrap(), start.elapsed().as_secs_f64(), samples as f64 / 24_000.0)
    };
    let text = "明天上午多云转晴，最高气温二十八度，记得带伞。";
    // Other programs may hold the cores for a moment.
    let tries: Vec<(f64, f64, f64)> = (0..8).map(|_| first(text)).collect();
    let best = tries.iter().copied().reduce(|a, b| if a.0 < b.0 { a } else { b }).unwrap();
    println!("{:.1} s of sound in {:.2} s, the first after {:.3} s", best.2, best.1, best.0);
    assert!(best.2 > 2.0 && best.0 <= 0.15, "{tries:?}");
}

#[test]
fn slower_is_longer_and_letters_are_spelled() {
    let Some(mut voice) = voice() else { return };
    let mut length = |text: &str, speed: f32| {
        let mut samples = 0;
        let options = VoiceOptions { speed, ..VoiceOptions::default() };
        voice.synthesize(text, &options, &CancelToken::never(), &mut |piece| samples += piece.len()).unwrap();
        samples as f64 / 24_000.0
    };
    let plain = length("今天天气很好。", 1.0);
    assert!(length("今天天气很好。", 0.5) > 1.8 * plain && length("今天天气很好。", 2.0) < 0.6 * plain);
    assert!(length("USB", 1.0) > 0.5);
}

#[test]
fn it_is_found_as_a_voice_of_chinese() {
    // The description is in every checkout; the sounds come with scripts/setup.
    let folder = tempfile::tempdir().unwrap();
    for name in ["hark-voice.toml", "tokens.txt"] {
        std::fs::copy(Path::new("models/starter/zh-baker").join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("fastspeech2.onnx"), b"onnx").unwrap();
    std::fs::write(folder.path().join("mb_melgan.onnx"), b"onnx").unwrap();
    let found = crate::models::store::scan(&[folder.path().to_owned()]).voices;
    assert_eq!((found.len(), found[0].languages.clone()), (1, vec!["zh".to_owned()]));
    assert_eq!(found[0].terms, Some(crate::models::voice_toml::Terms::NonCommercial));
    if voice().is_some() {
        engines::check(Path::new("models/starter/zh-baker")).unwrap();
    }
}
