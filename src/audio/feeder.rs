//! Clips in, samples at the device's rate out, no gap between clips, and where each clip lies.

use crate::audio::Clip;
use crate::audio::host::Span;
use crate::audio::resample::{MAX_RATE, StreamResampler};
use std::collections::VecDeque;

/// So much is converted ahead.
const AHEAD_MILLIS: u32 = 500;
/// When less than this is left and no clip waits, what the resampler still holds goes out (up to 21 ms of sound).
/// Earlier, the next clip could no longer be joined without a seam.
const FLUSH_MILLIS: u32 = 60;

/// Converts the clips of one turn as the output needs them.
pub(crate) struct Feeder {
    rate: u32,
    waiting: VecDeque<(Clip, usize)>,
    resampler: Option<StreamResampler>,
    ready: Vec<f32>,
    /// Samples of the current run of clips of one rate (planned / given to the resampler), and where the run begins.
    planned: Run,
    given: Run,
    /// Samples handed on.
    out: u64,
}

#[derive(Clone, Copy, Default)]
struct Run {
    base: u64,
    rate: u32,
    samples: u64,
}

impl Run {
    fn end(self, to: u32) -> u64 {
        self.base + StreamResampler::output_len(self.samples, self.rate, to)
    }
}

impl Feeder {
    /// `None` for a rate that no resampler takes.
    pub(crate) fn new(rate: u32) -> Option<Self> {
        (1..=MAX_RATE).contains(&rate).then(|| Feeder {
            rate,
            waiting: VecDeque::new(),
            resampler: None,
            ready: Vec::new(),
            planned: Run::default(),
            given: Run::default(),
            out: 0,
        })
    }

    /// Queues a clip; `None` when its rate is out of range.
    pub(crate) fn enqueue(&mut self, clip: &Clip) -> Option<Span> {
        if !(1..=MAX_RATE).contains(&clip.rate) {
            return None;
        }
        if clip.samples.is_empty() {
            let here = self.planned.end(self.rate);
            return Some(Span { start: here, end: here });
        }
        if self.planned.rate != clip.rate {
            self.planned = Run { base: self.planned.end(self.rate), rate: clip.rate, samples: 0 };
        }
        let start = self.planned.end(self.rate);
        self.planned.samples += clip.samples.len() as u64;
        self.waiting.push_back((clip.clone(), 0));
        Some(Span { start, end: self.planned.end(self.rate) })
    }

    /// Hands samples to `sink`, which takes as many as it has room for and says how many. `pulled` of them were played.
    pub(crate) fn pump(&mut self, pulled: u64, mut sink: impl FnMut(&[f32]) -> usize) {
        let millis = |ms: u32| u64::from(self.rate) * u64::from(ms) / 1000;
        let (ahead, flush_below) = (millis(AHEAD_MILLIS), millis(FLUSH_MILLIS));
        loop {
            while (self.ready.len() as u64) < ahead && self.convert_some() {}
            let left = self.out - pulled.min(self.out) + self.ready.len() as u64;
            if self.waiting.is_empty() && left < flush_below {
                self.flush();
            }
            let taken = sink(&self.ready).min(self.ready.len());
            self.ready.drain(..taken);
            self.out += taken as u64;
            if taken == 0 || (self.ready.is_empty() && self.waiting.is_empty()) {
                return;
            }
        }
    }

    /// Converts a piece of the oldest clip; false when there is none.
    fn convert_some(&mut self) -> bool {
        let Some((clip, at)) = self.waiting.front_mut() else { return false };
        if self.given.rate != clip.rate || self.resampler.is_none() {
            let clip_rate = clip.rate;
            self.flush();
            self.given.rate = clip_rate;
            self.resampler = StreamResampler::new(clip_rate, self.rate);
            return true;
        }
        let piece = &clip.samples[*at..clip.samples.len().min(*at + 4096)];
        // A voice that went wrong must not reach the speaker as a bang.
        let clean: Vec<f32> = piece.iter().map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }).collect();
        if let Some(resampler) = &mut self.resampler {
            resampler.push(&clean, &mut self.ready);
        }
        self.given.samples += clean.len() as u64;
        *at += clean.len();
        if *at >= clip.samples.len() {
            self.waiting.pop_front();
        }
        true
    }

    /// Ends the run: all of it is in `ready`, and the next clip starts a new one.
    fn flush(&mut self) {
        if self.given.samples == 0 {
            return;
        }
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut self.ready);
        }
        let end = self.given.end(self.rate);
        self.given = Run { base: end, rate: self.given.rate, samples: 0 };
        if self.waiting.is_empty() {
            self.planned = self.given;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::sine;

    fn clip(rate: u32, seconds: f64) -> Clip {
        Clip { samples: sine(220.0, rate, seconds).into(), rate }
    }

    #[test]
    fn spans_are_where_the_samples_are_with_mixed_rates_and_late_clips() {
        let mut feeder = Feeder::new(48_000).unwrap();
        let mut out = Vec::new();
        let mut ends = Vec::new();
        for (rate, seconds) in [(22_050, 0.4), (8_000, 0.0), (16_000, 0.2), (48_000, 0.1)] {
            ends.push(feeder.enqueue(&clip(rate, seconds)).unwrap().end);
        }
        feeder.pump(0, |s| {
            out.extend_from_slice(s);
            s.len()
        });
        feeder.pump(out.len() as u64, |s| {
            out.extend_from_slice(s);
            s.len()
        });
        assert_eq!(out.len() as u64, *ends.last().unwrap());
        assert_eq!(ends, [19_200, 19_200, 28_800, 33_600]);
        let late = feeder.enqueue(&clip(22_050, 0.1)).unwrap();
        assert_eq!(late.start, 33_600);
        let played = out.len() as u64;
        feeder.pump(played, |s| {
            out.extend_from_slice(s);
            s.len()
        });
        feeder.pump(out.len() as u64, |s| {
            out.extend_from_slice(s);
            s.len()
        });
        assert_eq!(out.len() as u64, late.end);
    }

    #[test]
    fn a_full_output_loses_nothing() {
        let mut feeder = Feeder::new(48_000).unwrap();
        let end = feeder.enqueue(&clip(22_050, 3.0)).unwrap().end;
        let mut taken = 0u64;
        for _ in 0..10_000 {
            feeder.pump(taken, |s| s.len().min(100));
            taken = feeder.out;
            if taken == end {
                break;
            }
        }
        assert_eq!(taken, end);
        assert_eq!(Feeder::new(48_000).unwrap().enqueue(&Clip { samples: [0.0].into(), rate: 0 }), None);
    }

    #[test]
    fn bad_samples_become_silence_or_full_scale() {
        let mut feeder = Feeder::new(16_000).unwrap();
        feeder.enqueue(&Clip { samples: [f32::NAN, f32::INFINITY, 7.0, -7.0].into(), rate: 16_000 }).unwrap();
        let mut out = Vec::new();
        feeder.pump(0, |s| {
            out.extend_from_slice(s);
            s.len()
        });
        assert_eq!(out, [0.0, 0.0, 1.0, -1.0]);
    }
}
