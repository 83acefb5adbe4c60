//! One recording in the making: pre-roll, conversion to 16 kHz as it comes, levels, the length limit and the tail.

use crate::audio::level::{FRAME_MILLIS, Level, LevelMeter};
use crate::audio::resample::StreamResampler;
use crate::audio::{Pcm16k, STT_RATE};
use crate::turn::{Moment, TurnId};
use std::collections::VecDeque;
use std::time::Duration;

/// People begin to speak while they press: the first syllable is in what came before the key.
pub(crate) const PREROLL_MILLIS: u32 = 400;
/// People let go while they end: the last sound comes after the key.
pub(crate) const TAIL_MILLIS: u32 = 120;
/// A recording keeps its first 5 minutes (19 MB), however long the key is held.
pub(crate) const MAX_MINUTES: usize = 5;
/// If the device gives no samples for the tail, it is waited for so much longer and no more.
const TAIL_GRACE: Duration = Duration::from_millis(250);

const MAX_SAMPLES: usize = STT_RATE as usize * 60 * MAX_MINUTES;

/// The newest samples of an open microphone, at its own rate.
#[derive(Debug, Default)]
pub(crate) struct Preroll {
    samples: VecDeque<f32>,
}

impl Preroll {
    pub(crate) fn push(&mut self, samples: &[f32], rate: u32) {
        let keep = millis(rate, PREROLL_MILLIS);
        let newest = &samples[samples.len().saturating_sub(keep)..];
        let excess = (self.samples.len() + newest.len()).saturating_sub(keep);
        self.samples.drain(..excess.min(self.samples.len()));
        self.samples.extend(newest);
    }

    pub(crate) fn take(&mut self) -> Vec<f32> {
        std::mem::take(&mut self.samples).into()
    }
}

/// So many samples.
fn millis(rate: u32, millis: u32) -> usize {
    usize::try_from(u64::from(rate) * u64::from(millis) / 1000).unwrap_or(usize::MAX)
}

/// Cuts sound into frames of 20 ms and reports the level of each.
#[derive(Debug, Default)]
pub(crate) struct FrameLevels {
    frame: Vec<f32>,
}

impl FrameLevels {
    pub(crate) fn push(&mut self, samples: &[f32], rate: u32, meter: &LevelMeter) {
        let length = millis(rate, FRAME_MILLIS).max(1);
        for &sample in samples {
            self.frame.push(sample);
            if self.frame.len() >= length {
                meter.push(Level::of(&self.frame));
                self.frame.clear();
            }
        }
    }
}

#[derive(Debug)]
struct Tail {
    samples_left: usize,
    until: Moment,
}

/// The recording of one turn.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) turn: TurnId,
    /// The first sample after the press was reported.
    pub(crate) started: bool,
    /// Samples that the ring had no room for.
    pub(crate) dropped: u64,
    resampler: Option<StreamResampler>,
    pcm: Vec<f32>,
    levels: FrameLevels,
    tail: Option<Tail>,
}

impl Recording {
    pub(crate) fn new(turn: TurnId, rate: u32, preroll: &[f32]) -> Self {
        let mut recording = Recording {
            turn,
            started: false,
            dropped: 0,
            resampler: StreamResampler::new(rate, STT_RATE),
            pcm: Vec::new(),
            levels: FrameLevels::default(),
            tail: None,
        };
        recording.take(preroll);
        recording
    }

    /// Takes samples at the device's rate. Those after the tail, and those beyond 5 minutes, are not kept.
    pub(crate) fn feed(&mut self, samples: &[f32], rate: u32, meter: &LevelMeter) {
        let samples = match &mut self.tail {
            None => samples,
            Some(tail) => {
                let taken = &samples[..samples.len().min(tail.samples_left)];
                tail.samples_left -= taken.len();
                taken
            }
        };
        self.levels.push(samples, rate, meter);
        self.take(samples);
    }

    fn take(&mut self, samples: &[f32]) {
        if self.is_full() {
            return;
        }
        let clean: Vec<f32> = samples.iter().map(|s| if s.is_finite() { *s } else { 0.0 }).collect();
        if let Some(resampler) = &mut self.resampler {
            resampler.push(&clean, &mut self.pcm);
        }
        self.pcm.truncate(MAX_SAMPLES);
    }

    /// The limit is reached.
    pub(crate) fn is_full(&self) -> bool {
        self.pcm.len() >= MAX_SAMPLES
    }

    /// The microphone was opened anew, perhaps with another rate.
    pub(crate) fn continue_at(&mut self, rate: u32) {
        if let Some(old) = &mut self.resampler {
            old.flush(&mut self.pcm);
        }
        self.pcm.truncate(MAX_SAMPLES);
        self.resampler = StreamResampler::new(rate, STT_RATE);
    }

    /// The key went up: from now on only the tail is taken.
    pub(crate) fn begin_tail(&mut self, now: Moment, rate: u32) {
        let until = now.plus(Duration::from_millis(u64::from(TAIL_MILLIS)) + TAIL_GRACE);
        self.tail.get_or_insert(Tail { samples_left: millis(rate, TAIL_MILLIS), until });
    }

    /// The tail is there, or will not come.
    pub(crate) fn is_complete(&self, now: Moment) -> bool {
        self.tail.as_ref().is_some_and(|t| t.samples_left == 0 || now >= t.until)
    }

    /// The key went up already.
    pub(crate) fn is_ending(&self) -> bool {
        self.tail.is_some()
    }

    pub(crate) fn finish(mut self) -> Pcm16k {
        if let Some(resampler) = &mut self.resampler {
            resampler.flush(&mut self.pcm);
        }
        self.pcm.truncate(MAX_SAMPLES);
        Pcm16k(self.pcm.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_preroll_keeps_the_newest_400_ms() {
        let mut preroll = Preroll::default();
        for i in 0..100 {
            preroll.push(&[i as f32; 16], 1_000);
        }
        let kept = preroll.take();
        assert_eq!((kept.len(), kept[0], kept[399]), (400, 75.0, 99.0));
        preroll.push(&vec![1.0; 5_000], 1_000);
        assert_eq!(preroll.take().len(), 400);
    }

    #[test]
    fn ten_minutes_of_pressing_keep_the_first_five() {
        let meter = LevelMeter::default();
        let mut recording = Recording::new(TurnId(1), 16_000, &[]);
        for minute in 0..10u8 {
            let second = vec![f32::from(minute) / 10.0; 16_000];
            (0..60).for_each(|_| recording.feed(&second, 16_000, &meter));
        }
        assert!(recording.is_full());
        let pcm = recording.finish();
        assert_eq!(pcm.millis(), 300_000);
        assert_eq!(pcm.0.last(), Some(&0.4));
    }

    #[test]
    fn samples_after_the_tail_are_not_kept() {
        let meter = LevelMeter::default();
        let mut recording = Recording::new(TurnId(1), 48_000, &[]);
        recording.feed(&[0.5; 4_800], 48_000, &meter);
        recording.begin_tail(Moment::default(), 48_000);
        assert!(!recording.is_complete(Moment::default()));
        recording.feed(&[f32::NAN; 48_000], 48_000, &meter);
        assert!(recording.is_complete(Moment::default()));
        let pcm = recording.finish();
        assert_eq!(pcm.millis(), 220);
        assert!(pcm.0.iter().all(|s| s.is_finite()));
    }

    #[test]
    fn a_new_rate_in_the_middle_keeps_the_time() {
        let meter = LevelMeter::default();
        let mut recording = Recording::new(TurnId(1), 48_000, &[0.1; 4_800]);
        recording.feed(&[0.1; 4_800], 48_000, &meter);
        recording.continue_at(44_100);
        recording.feed(&[0.1; 4_410], 44_100, &meter);
        assert_eq!(recording.finish().millis(), 300);
    }
}
