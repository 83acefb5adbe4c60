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
/// A recording that ended can be taken up again for so long ([`crate::assistant::ptt::RELEASE_GRACE`] is half of it), also
/// from a device that hands over the sound of a tail at once.
const RESUMABLE: Duration = Duration::from_millis(100);
/// So much of a recording is handed on at once while it goes on, 50 ms: what waits for a piece to become full is heard on
/// average half of it later, and twenty messages a second cost nothing.
const PIECE: usize = STT_RATE as usize / 20;

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
    begun: Moment,
    /// What the device gave after the tail: lost, unless the recording is taken up again.
    beyond: Vec<f32>,
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
    /// How much of it was handed on.
    handed: usize,
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
            handed: 0,
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
                let (taken, beyond) = samples.split_at(samples.len().min(tail.samples_left));
                tail.samples_left -= taken.len();
                tail.beyond.extend_from_slice(beyond);
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

    /// What is ready and was not handed on, and its place; `None` while that is less than 50 ms, unless it is the first
    /// (which tells who listens that there is something to come) or `all` is asked for.
    pub(crate) fn next_piece(&mut self, all: bool) -> Option<(usize, Pcm16k)> {
        let at = self.handed;
        let fresh = &self.pcm[at..];
        if !all && (fresh.is_empty() || at > 0 && fresh.len() < PIECE) {
            return None;
        }
        self.handed = self.pcm.len();
        Some((at, Pcm16k(fresh.into())))
    }

    /// The key went up: from now on only the tail is taken.
    pub(crate) fn begin_tail(&mut self, now: Moment, rate: u32) {
        self.tail.get_or_insert(Tail { samples_left: millis(rate, TAIL_MILLIS), begun: now, beyond: Vec::new() });
    }

    /// The key had not gone up: nothing is the tail.
    pub(crate) fn resume(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.take(&tail.beyond);
        }
    }

    /// When the key went up.
    pub(crate) fn tail_begun(&self) -> Option<Moment> {
        self.tail.as_ref().map(|tail| tail.begun)
    }

    /// The tail is there, or will not come.
    pub(crate) fn is_complete(&self, now: Moment) -> bool {
        let tail_time = Duration::from_millis(u64::from(TAIL_MILLIS));
        self.tail.as_ref().is_some_and(|tail| {
            let waited = now.since(tail.begun);
            tail.samples_left == 0 && waited >= RESUMABLE || waited >= tail_time + TAIL_GRACE
        })
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
        assert!(!recording.is_complete(Moment(RESUMABLE / 2)), "it may still be taken up again");
        assert!(recording.is_complete(Moment(RESUMABLE)));
        let pcm = recording.finish();
        assert_eq!(pcm.millis(), 220);
        assert!(pcm.0.iter().all(|s| s.is_finite()));
    }

    /// All pieces of `seconds` of sound, with a false end after each, and the recording.
    fn in_pieces(rate: u32) -> (Vec<f32>, Vec<f32>) {
        let meter = LevelMeter::default();
        let sound = crate::audio::testing::sine(300.0, rate, 1.5);
        let (preroll, rest) = sound.split_at(rate as usize / 5);
        let mut recording = Recording::new(TurnId(1), rate, preroll);
        let mut handed: Vec<f32> = Vec::new();
        let mut take = |recording: &mut Recording, all| {
            if let Some((at, piece)) = recording.next_piece(all) {
                assert_eq!(at, handed.len());
                handed.extend(piece.0.iter());
            }
        };
        for (n, chunk) in rest.chunks(rate as usize / 70).enumerate() {
            recording.feed(chunk, rate, &meter);
            take(&mut recording, false);
            if n % 20 == 10 {
                take(&mut recording, true);
                recording.begin_tail(Moment::default(), rate);
            }
            if n % 20 == 19 {
                recording.resume(); // 128 ms later, so that the tail is full
            }
        }
        take(&mut recording, true);
        recording.begin_tail(Moment::default(), rate);
        recording.feed(&vec![0.25; rate as usize / 20], rate, &meter);
        (handed, recording.finish().0.to_vec())
    }

    #[test]
    fn the_pieces_are_the_recording_and_a_false_end_loses_nothing() {
        for rate in [16_000, 48_000, 44_100] {
            let (handed, whole) = in_pieces(rate);
            assert_eq!(whole.len(), 16_000 * 31 / 20, "{rate}");
            assert_eq!(handed, whole[..handed.len()], "{rate}");
            // What the resampler holds back, 21 to 46 ms, comes with the tail of 50 ms.
            assert!((whole.len() - 800 - 740..=whole.len() - 800).contains(&handed.len()), "{rate}: {} of {}", handed.len(), whole.len());
            let alone = crate::audio::resample::resample(&crate::audio::testing::sine(300.0, rate, 1.5), rate, 16_000).unwrap();
            assert!(whole[..23_000].iter().zip(&alone).all(|(a, b)| (a - b).abs() < 1e-6), "{rate}: something is missing");
        }
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
