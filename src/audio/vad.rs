//! Where in a recording someone speaks: earshot, a small network that is part of its crate (no model file).

use crate::audio::{Pcm16k, STT_RATE};
use std::ops::Range;

/// Samples of one frame, 16 ms.
const FRAME: usize = 256;
/// A frame with at least this score is speech (the crate's own threshold).
const THRESHOLD: f32 = 0.5;
/// Speech is at least this many such frames in a row (64 ms): clicks and keys are shorter, the shortest words are not.
const MIN_RUN: usize = 4;
/// Speech goes up and down: the loudness of its frames spreads over 8 to 23 dB (standard deviation, measured on 22
/// clips). Sound that spreads less than this is a fan or a hum, which the network takes for speech when it is loud: white
/// noise spreads 0.3 dB, mains hum with its harmonics 0.9 dB.
const STEADY_DB: f64 = 1.5;
/// Kept before the first and after the last speech frame: weak consonants (f, s, t) at a word's edge score low.
const PAD: usize = STT_RATE as usize / 5;

/// What of a recording is speech.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpeechSpan {
    /// From before the first to after the last word, in samples; `None`: nobody speaks.
    pub range: Option<Range<usize>>,
    /// Time of the frames that are speech, ms.
    pub speech_ms: u64,
}

/// Looks for speech. 200 ms are kept on both sides of it, as far as they were recorded.
#[must_use]
pub fn speech_span(pcm: &Pcm16k) -> SpeechSpan {
    let scores = scores(pcm);
    let (mut first, mut last, mut frames, mut run) = (None, 0, 0, 0);
    for (i, _) in scores.iter().enumerate().filter(|(_, s)| **s >= THRESHOLD) {
        run = if i > 0 && scores[i - 1] >= THRESHOLD { run + 1 } else { 1 };
        frames += 1;
        if run >= MIN_RUN {
            first.get_or_insert(i + 1 - run);
            last = i + 1;
        }
    }
    let Some(first) = first else { return SpeechSpan::default() };
    let range = (first * FRAME).saturating_sub(PAD)..(last * FRAME + PAD).min(pcm.0.len());
    if spread_db(&pcm.0[range.clone()]) < STEADY_DB {
        return SpeechSpan::default();
    }
    SpeechSpan { range: Some(range), speech_ms: frames * FRAME as u64 * 1000 / u64::from(STT_RATE) }
}

/// Standard deviation of the frames' loudness, dB.
fn spread_db(samples: &[f32]) -> f64 {
    let power = |frame: &[f32]| frame.iter().filter(|s| s.is_finite()).map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>();
    // The small term stands for the rounding of 16-bit sound, so that digital silence is a number.
    let loudness: Vec<f64> = samples.chunks_exact(FRAME).map(|f| 10.0 * (power(f) / FRAME as f64 + 1e-10).log10()).collect();
    let count = loudness.len().max(1) as f64;
    let mean = loudness.iter().sum::<f64>() / count;
    (loudness.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / count).sqrt()
}

/// The score of each 16 ms frame, 0 to 1; the last one is filled up with silence.
fn scores(pcm: &Pcm16k) -> Vec<f32> {
    let mut detector = earshot::Detector::default();
    let mut frame = [0.0f32; FRAME];
    pcm.0
        .chunks(FRAME)
        .map(|chunk| {
            frame.fill(0.0);
            for (to, &from) in frame.iter_mut().zip(chunk) {
                *to = if from.is_finite() { from.clamp(-1.0, 1.0) } else { 0.0 };
            }
            detector.predict_f32(&frame)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::file::read_audio_16k;
    use crate::audio::testing::{noise, shared, sine};

    fn span(samples: Vec<f32>) -> SpeechSpan {
        speech_span(&Pcm16k(samples.into()))
    }

    #[test]
    fn silence_hum_and_noise_are_no_speech() {
        assert_eq!(span(vec![]), SpeechSpan::default());
        assert_eq!(span(vec![0.0; 48_000]), SpeechSpan::default());
        assert_eq!(span(vec![f32::NAN; 16_000]), SpeechSpan::default());
        for (name, loud) in [("50 Hz", 50.0), ("60 Hz", 60.0), ("100 Hz", 100.0), ("1 kHz", 1000.0)] {
            assert_eq!(span(sine(loud, 16_000, 3.0)), SpeechSpan::default(), "{name}");
        }
        for gain in [1.0f32, 0.5, 0.1, 0.01, 0.001] {
            let hiss: Vec<f32> = noise(3, 48_000).iter().map(|s| s * gain).collect();
            let mut hum = hiss.iter().map(|s| s * 0.05).collect::<Vec<f32>>();
            for harmonic in 1..30 {
                let tone = sine(50.0 * f64::from(harmonic), 16_000, 3.0);
                hum.iter_mut().zip(tone).for_each(|(h, t)| *h += t * gain / harmonic as f32);
            }
            assert_eq!(span(hiss), SpeechSpan::default(), "white noise at {gain}");
            assert_eq!(span(hum), SpeechSpan::default(), "mains hum at {gain}");
        }
    }

    /// Energy outside of the span, relative to the whole, after the mean of the quietest frames (the room) is taken off.
    fn lost(pcm: &[f32], range: &Range<usize>) -> f64 {
        let energy = |s: &[f32]| s.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>();
        let mut frames: Vec<f64> = pcm.chunks(160).map(energy).collect();
        frames.sort_by(f64::total_cmp);
        let room = frames[frames.len() / 10] * 4.0;
        let loud = |s: &[f32]| s.chunks(160).map(energy).filter(|e| *e > room).sum::<f64>();
        (loud(&pcm[..range.start]) + loud(&pcm[range.end..])) / energy(pcm)
    }

    #[test]
    fn speech_is_found_and_no_word_is_cut() {
        let Some(shared) = shared() else {
            println!("skipped: needs the shared speech clips");
            return;
        };
        let mut clips = Vec::new();
        for folder in ["starter/questions", "models/speech"] {
            let Ok(entries) = std::fs::read_dir(shared.join(folder)) else { continue };
            clips.extend(entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "wav" || e == "flac")));
        }
        if clips.is_empty() {
            println!("skipped: needs speech clips");
        }
        for path in clips {
            let speech = read_audio_16k(&path).unwrap();
            // As a press of the key sounds: half a second of a quiet room on both sides.
            let room: Vec<f32> = noise(5, 8_000).iter().map(|s| s * 0.0003).collect();
            let pcm: Vec<f32> = room.iter().chain(speech.0.iter()).chain(room.iter()).copied().collect();
            let found = span(pcm.clone());
            let range = found.range.unwrap_or_else(|| panic!("no speech in {}", path.display()));
            let lost = lost(&pcm, &range);
            println!("{}: {range:?} of {}, {} ms, lost {lost:.6}", path.display(), pcm.len(), found.speech_ms);
            // With a fan in the room, 10 dB below the voice, somebody still speaks.
            let level = (speech.0.iter().map(|s| s * s).sum::<f32>() / speech.0.len() as f32).sqrt();
            let fan = noise(9, pcm.len());
            let noisy = pcm.iter().zip(fan).map(|(p, f)| p + f * level * 0.55).collect();
            assert!(span(noisy).range.is_some(), "{}: not found beside a fan", path.display());
            assert!(lost < 0.002, "{}: {lost} of the sound is outside of {range:?}", path.display());
            assert!(range.start > 0 && range.end < pcm.len(), "{}: nothing was trimmed", path.display());
        }
    }
}
