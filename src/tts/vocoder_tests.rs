use super::super::tiny::{BANDS, DESCRIPTION, HOP, has_runtime, made, vocoder as tiny, vocoder_behind};
use super::*;
use crate::models::check::onnx;
use std::time::Instant;

fn toml() -> VoiceToml {
    VoiceToml::parse(DESCRIPTION).unwrap()
}

fn graph(bytes: &[u8], toml: &VoiceToml) -> Result<VocoderGraph, String> {
    VocoderGraph::of(&onnx::check(bytes).unwrap(), GraphView::of(bytes).ok().as_ref(), toml)
}

fn load(bytes: &[u8], toml: &VoiceToml) -> Result<Vocoder, SynthesisError> {
    Vocoder::load(Path::new("v.onnx"), bytes, graph(bytes, toml).unwrap(), 1)
}

/// The pieces of a mel, and how long the first took.
fn pieces(vocoder: &mut Vocoder, mel: &Mel) -> (Vec<Vec<f32>>, f64) {
    let (start, mut first, mut all) = (Instant::now(), None, Vec::new());
    let options = RunOptions::new().unwrap();
    let outcome = vocoder.speak(mel, &options, &CancelToken::never(), &mut |piece| {
        first = first.or(Some(start.elapsed().as_secs_f64()));
        all.push(piece);
    });
    assert_eq!(outcome.unwrap(), Outcome::Done(()));
    (all, first.unwrap_or(0.0))
}

#[test]
fn a_mel_is_taken_in_either_layout_and_what_is_none_is_refused() {
    let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let first = Mel::of(&[1, 2, 3], &rows, Layout::BandsFirst, 2).unwrap();
    assert_eq!(Mel::of(&[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], Layout::FramesFirst, 2).unwrap(), first);
    assert_eq!(first.window(1, 3, Layout::BandsFirst), [2.0, 3.0, 5.0, 6.0]);
    assert_eq!(first.window(1, 3, Layout::FramesFirst), [2.0, 5.0, 3.0, 6.0]);
    assert_eq!(Mel::of(&[1, 2, 1], &[1.0, 2.0], Layout::BandsFirst, 2).unwrap().frames, 1);
    for dims in [&[6][..], &[1, 3, 2], &[2, 3, 1], &[-2, -3], &[1, 2, 4], &[], &[i64::MAX, i64::MAX]] {
        assert!(Mel::of(dims, &rows, Layout::BandsFirst, 2).is_err(), "{dims:?}");
    }
    assert!(Mel::of(&[1, 40_000], &vec![0.0; 40_000], Layout::BandsFirst, 1).unwrap_err().contains("40000 frames"));
}

#[test]
fn what_is_no_vocoder_of_this_voice_is_refused_before_the_engine_sees_it() {
    use crate::models::check::onnx_make::{model, node, port};
    assert!(graph(&tiny(BANDS, false), &toml()).is_ok());
    let of = |inputs: &[(&str, i64, &[i64])], outputs: &[&str], kind: i64| {
        let ports: Vec<_> = inputs.iter().map(|(name, kind, dims)| port(name, *kind, dims)).collect();
        let outputs: Vec<_> = outputs.iter().map(|name| port(name, kind, &[1, -1])).collect();
        graph(&model(&[node("Neg", &["mel"], "y", &[])], &[], &ports, &outputs), &toml()).unwrap_err()
    };
    let mel: (&str, i64, &[i64]) = ("mel", 1, &[1, 8, -1]);
    assert!(of(&[mel, ("f0", 1, &[1])], &["y"], 1).contains("takes 2 inputs"));
    assert!(of(&[("ids", 7, &[1, -1])], &["y"], 1).contains("no mel"));
    assert!(of(&[mel], &["mag", "x", "y"], 1).contains("more than the sound"));
    assert!(of(&[mel], &["y"], 7).contains("no sound"));
    assert!(of(&[("mel", 1, &[1, 64, -1])], &["y"], 1).contains("64 bands"));
    // The shape is open, and the first convolution tells.
    assert!(graph(&tiny(5, false), &toml()).unwrap_err().contains("5 bands"));
}

#[test]
fn pieces_equal_the_whole_and_a_vocoder_that_needs_the_whole_gets_it() {
    if !has_runtime() {
        return;
    }
    let mel = Mel::made_up(BANDS, 700);
    for (global, streamed) in [(false, true), (true, false)] {
        let mut vocoder = load(&tiny(BANDS, global), &toml()).unwrap();
        assert_eq!(vocoder.is_streamed(), streamed);
        let (found, _) = pieces(&mut vocoder, &mel);
        assert_eq!(found.len() > 3, streamed, "{} pieces", found.len());
        vocoder.context = None;
        let whole = pieces(&mut vocoder, &mel).0.concat();
        assert_eq!(whole.len(), 700 * HOP);
        assert!(verdict::difference(&whole, &found.concat()).unwrap() < 1e-5);
    }
}

#[test]
fn a_vocoder_that_is_silent_below_zero_is_tried_out_around_it() {
    if has_runtime() {
        assert!(load(&vocoder_behind(BANDS, false, Some("Relu")), &toml()).unwrap().is_streamed());
        assert!(!load(&vocoder_behind(BANDS, true, Some("Relu")), &toml()).unwrap().is_streamed());
    }
}

#[test]
fn a_vocoder_of_another_hop_is_refused() {
    if !has_runtime() {
        return;
    }
    let error = load(&tiny(BANDS, false), &VoiceToml { hop: 32, ..toml() }).unwrap_err().to_string();
    assert!(error.contains("640 samples for 40 frames") || error.contains("and 32 for each"), "{error}");
}

#[test]
fn a_cancel_is_seen_between_pieces() {
    if !has_runtime() {
        return;
    }
    let mut vocoder = load(&tiny(BANDS, false), &toml()).unwrap();
    let (token, mut clock) = CancelToken::with_clock();
    let mut seen = 0;
    let options = RunOptions::new().unwrap();
    let outcome = vocoder.speak(&Mel::made_up(BANDS, 5_000), &options, &token, &mut |_| {
        seen += 1;
        clock.advance_to(crate::turn::TurnId(1));
    });
    assert_eq!((outcome.unwrap(), seen), (Outcome::Cancelled, 1));
}

#[test]
fn the_real_hifigan_in_pieces_sounds_like_the_whole_and_starts_soon() {
    let Some(path) = made("fastspeech2/hifigan.onnx") else { return };
    let bytes = std::fs::read(&path).unwrap();
    let toml = VoiceToml { bands: 80, hop: 256, sample_rate: 22_050, ..toml() };
    let start = Instant::now();
    let mut vocoder = load(&bytes, &toml).unwrap();
    let loading = start.elapsed();
    assert_eq!(vocoder.context, Some(16));
    let mel = Mel::made_up(80, 860);
    let (found, first) = pieces(&mut vocoder, &mel);
    let (found, again) = if first > 0.0 { (found, pieces(&mut vocoder, &mel).1) } else { (found, first) };
    vocoder.context = None;
    let start = Instant::now();
    let whole = pieces(&mut vocoder, &mel).0.concat();
    let took = start.elapsed().as_secs_f64();
    let difference = verdict::difference(&whole, &found.concat()).unwrap();
    println!(
        "10 s of sound: loading {loading:?}, first piece {:.0} ms, then {:.0} ms; whole {:.0} ms; {} pieces differ by {:.0} dB",
        first * 1e3,
        again * 1e3,
        took * 1e3,
        found.len(),
        20.0 * difference.log10()
    );
    assert!(difference < 1e-3, "{difference}");
    assert!(first < took / 2.0, "{first} of {took}");
}
