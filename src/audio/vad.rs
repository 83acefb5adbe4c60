//! Where in a recording someone speaks: earshot, a small network that is part of its crate (no model file).

use crate::audio::{Pcm16k, STT_RATE};
use std::ops::Range;

/// Samples of one frame, 16 ms.
pub const FRAME: usize = 256;
/// A frame with at least this score is speech (the crate's own threshold).
const THRESHOLD: f32 = 0.5;
/// Speech is at least this many such frames in a row (64 ms): clicks and keys are shorter, the shortest words are not.
const MIN_RUN: usize = 4;
/// Speech goes up and down: the loudness of its frames spreads over 8 to 23 dB (standard deviation, measured on 22
/// clips). Sound that spreads less than this is a fan or a hum, which the network takes for speech when it is loud: white
/// noise spreads 0.3 dB, mains hum with its harmonics 0.9 dB.
const STEADY_DB: f64 = 1.5;
/// Kept before the first and after the last speech frame, 200 ms: weak consonants (f, s, t) at a word's edge score low.
pub const PAD: usize = STT_RATE as usize / 5;

/// Tells how much a frame of 16 ms sounds like speech. Frames come in order; what came before may count.
pub trait FrameScorer {
    /// The score of the next frame, 0 to 1. Samples are numbers within −1…1.
    fn score(&mut self, frame: &[f32; FRAME]) -> f32;
}

impl FrameScorer for earshot::Detector {
    fn score(&mut self, frame: &[f32; FRAME]) -> f32 {
        self.predict_f32(frame)
    }
}

/// Makes a scorer for one recording.
pub type ScorerFactory = fn() -> Box<dyn FrameScorer>;

/// The network of the crate `earshot`, on a new recording.
#[must_use]
pub fn earshot() -> Box<dyn FrameScorer> {
    Box::new(earshot::Detector::default())
}

/// A stretch of a recording in which someone speaks, in samples; from the first speech frame to the end of the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speech {
    /// Where the first speech frame begins.
    pub start: usize,
    /// Where the last speech frame ends.
    pub end: usize,
    /// Time of all speech frames in it, ms.
    pub ms: u64,
}

/// Follows a recording that grows: each frame goes through the network once.
pub struct SpeechTracker {
    scorer: Box<dyn FrameScorer>,
    scores: Vec<f32>,
    rest: Vec<f32>,
}

impl SpeechTracker {
    /// For a new recording.
    #[must_use]
    pub fn new(scorer: Box<dyn FrameScorer>) -> Self {
        SpeechTracker { scorer, scores: Vec::new(), rest: Vec::with_capacity(FRAME) }
    }

    /// Takes what was recorded next. Less than a frame is kept until more comes.
    pub fn push(&mut self, samples: &[f32]) {
        let mut left = samples;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(FRAME - self.rest.len()));
            self.rest.extend(now.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }));
            left = later;
            if let Ok(frame) = <&[f32; FRAME]>::try_from(self.rest.as_slice()) {
                self.scores.push(self.scorer.score(frame));
                self.rest.clear();
            }
        }
    }

    /// The recording is complete: what is kept of it is filled up with silence and looked at.
    pub fn finish(&mut self) {
        if !self.rest.is_empty() {
            self.push(&vec![0.0; FRAME - self.rest.len()]);
        }
    }

    /// How much was looked at, samples.
    #[must_use]
    pub fn seen(&self) -> usize {
        self.scores.len() * FRAME
    }

    /// The first stretch of speech at or after sample `from` that is at least `least` samples long and followed by a `pause`,
    /// and how long nobody speaks after it. Pauses within are part of it while it is shorter than that.
    #[must_use]
    pub fn phrase_from(&self, from: usize, least: usize, pause: usize) -> Option<(Speech, usize)> {
        let first_frame = from.div_ceil(FRAME).min(self.scores.len());
        let (mut first, mut last, mut frames, mut run) = (None, 0, 0, 0);
        for (at, score) in self.scores.iter().enumerate().skip(first_frame) {
            run = if *score < THRESHOLD { 0 } else { run + 1 };
            frames += u64::from(run > 0);
            if run >= MIN_RUN {
                first.get_or_insert(at + 1 - run);
                last = at + 1;
            }
            if let Some(first) = first.filter(|first| (last - first) * FRAME >= least && run == 0 && (at + 1 - last) * FRAME >= pause) {
                let quiet = self.scores[last..].iter().take_while(|score| **score < THRESHOLD).count();
                let ms = frames * FRAME as u64 * 1000 / u64::from(STT_RATE);
                return Some((Speech { start: first * FRAME, end: last * FRAME, ms }, quiet * FRAME));
            }
        }
        None
    }

    /// The speech at or after sample `from`; `None`: nobody speaks there.
    #[must_use]
    pub fn speech_from(&self, from: usize) -> Option<Speech> {
        let first_frame = from.div_ceil(FRAME).min(self.scores.len());
        let (mut first, mut last, mut frames, mut run) = (None, 0, 0, 0);
        for (at, score) in self.scores.iter().enumerate().skip(first_frame) {
            if *score < THRESHOLD {
                run = 0;
                continue;
            }
            run += 1;
            frames += 1;
            if run >= MIN_RUN {
                first.get_or_insert(at + 1 - run);
                last = at + 1;
            }
        }
        let ms = frames * FRAME as u64 * 1000 / u64::from(STT_RATE);
        first.map(|first| Speech { start: first * FRAME, end: last * FRAME, ms })
    }
}

impl std::fmt::Debug for SpeechTracker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SpeechTracker({} frames)", self.scores.len())
    }
}

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
    let mut tracker = SpeechTracker::new(earshot());
    tracker.push(&pcm.0);
    tracker.finish();
    let Some(speech) = tracker.speech_from(0) else { return SpeechSpan::default() };
    let range = speech.start.saturating_sub(PAD)..(speech.end + PAD).min(pcm.0.len());
    if is_steady(&pcm.0[range.clone()]) {
        return SpeechSpan::default();
    }
    SpeechSpan { range: Some(range), speech_ms: speech.ms }
}

/// A fan or a hum, whatever the network says.
#[must_use]
pub fn is_steady(samples: &[f32]) -> bool {
    spread_db(samples) < STEADY_DB
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::file::read_audio_16k;
    use crate::audio::testing::{noise, shared, sine};

    fn span(samples: Vec<f32>) -> SpeechSpan {
        speech_span(&Pcm16k(samples.into()))
    }

    /// Loud is speech.
    struct Loudness;

    impl FrameScorer for Loudness {
        fn score(&mut self, frame: &[f32; FRAME]) -> f32 {
            f32::from(frame.iter().any(|s| s.abs() > 0.1))
        }
    }

    #[test]
    fn a_recording_that_grows_is_the_recording_that_was() {
        let mut whole = vec![0.0; 40 * FRAME];
        whole[3 * FRAME..5 * FRAME].fill(0.5); // a click
        whole[10 * FRAME..20 * FRAME].fill(0.5);
        whole[30 * FRAME..34 * FRAME].fill(f32::INFINITY); // no sound
        whole[36 * FRAME..].fill(-7.0);
        let (mut at_once, mut grown) = (SpeechTracker::new(Box::new(Loudness)), SpeechTracker::new(Box::new(Loudness)));
        at_once.push(&whole);
        for (at, piece) in whole.chunks(331).enumerate() {
            grown.push(piece);
            assert_eq!(grown.seen(), (at * 331 + piece.len()) / FRAME * FRAME);
        }
        assert_eq!((&at_once.scores, at_once.seen()), (&grown.scores, whole.len()));
        let speech = |start: usize, end: usize, frames: u64| Some(Speech { start: start * FRAME, end: end * FRAME, ms: frames * 16 });
        assert_eq!(grown.speech_from(0), speech(10, 40, 16), "the click counts as time, not as a place");
        assert_eq!(grown.speech_from(20 * FRAME), speech(36, 40, 4));
        assert_eq!(grown.speech_from(37 * FRAME), None, "too short");
        assert_eq!(grown.speech_from(usize::MAX), None);
        let phrase = |from: usize, least: usize, pause: usize| grown.phrase_from(from * FRAME, least * FRAME, pause * FRAME);
        let first = Speech { start: 10 * FRAME, end: 20 * FRAME, ms: 12 * 16 };
        assert_eq!(phrase(0, 10, 13), Some((first, 16 * FRAME)));
        assert_eq!((phrase(0, 11, 13), phrase(0, 10, 17), phrase(20, 1, 1)), (None, None, None), "too short, no pause, no end");
        grown.push(&[0.5; 10]);
        grown.finish();
        assert_eq!(grown.seen(), 41 * FRAME);
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
