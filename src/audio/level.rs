//! Levels of microphone and speaker for the window: atomics that are read each frame, no events.

use std::sync::atomic::{AtomicU64, Ordering};

/// One level frame is so long.
pub const FRAME_MILLIS: u32 = 20;
/// The meter remembers 4 s.
pub const HISTORY_FRAMES: usize = 200;

/// Loudness of one frame: root mean square and peak, 0…1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Root mean square.
    pub rms: f32,
    /// Largest magnitude.
    pub peak: f32,
}

impl Level {
    /// The level of these samples.
    #[must_use]
    pub fn of(samples: &[f32]) -> Level {
        if samples.is_empty() {
            return Level::default();
        }
        let (mut sum, mut peak) = (0.0f64, 0.0f32);
        for &s in samples.iter().filter(|s| s.is_finite()) {
            sum += f64::from(s) * f64::from(s);
            peak = peak.max(s.abs());
        }
        Level { rms: ((sum / samples.len() as f64).sqrt() as f32).min(1.0), peak: peak.min(1.0) }
    }
}

/// The last 4 s of levels of one direction. One writer, any number of readers, no lock.
#[derive(Debug)]
pub struct LevelMeter {
    frames: [AtomicU64; HISTORY_FRAMES],
    written: AtomicU64,
}

impl Default for LevelMeter {
    fn default() -> Self {
        LevelMeter { frames: [const { AtomicU64::new(0) }; HISTORY_FRAMES], written: AtomicU64::new(0) }
    }
}

impl LevelMeter {
    /// Adds the level of the next frame.
    pub fn push(&self, level: Level) {
        let n = self.written.load(Ordering::Relaxed);
        let packed = (u64::from(level.rms.to_bits()) << 32) | u64::from(level.peak.to_bits());
        self.frames[(n % HISTORY_FRAMES as u64) as usize].store(packed, Ordering::Relaxed);
        self.written.store(n + 1, Ordering::Release);
    }

    /// How many frames were ever written; changes when there is something new to draw.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// The newest level.
    #[must_use]
    pub fn latest(&self) -> Level {
        match self.written() {
            0 => Level::default(),
            n => self.at(n - 1),
        }
    }

    /// The last `count` frames (at most [`HISTORY_FRAMES`]), oldest first; silence before the first one.
    #[must_use]
    pub fn history(&self, count: usize) -> Vec<Level> {
        let count = count.min(HISTORY_FRAMES) as u64;
        let end = self.written();
        (0..count).map(|i| (end + i).checked_sub(count).map_or(Level::default(), |n| self.at(n))).collect()
    }

    fn at(&self, n: u64) -> Level {
        let packed = self.frames[(n % HISTORY_FRAMES as u64) as usize].load(Ordering::Relaxed);
        Level { rms: f32::from_bits((packed >> 32) as u32), peak: f32::from_bits(packed as u32) }
    }
}

/// Both directions.
#[derive(Debug, Default)]
pub struct Levels {
    /// The microphone.
    pub input: LevelMeter,
    /// What the program says.
    pub output: LevelMeter,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_the_last_frames_in_order() {
        let meter = LevelMeter::default();
        for i in 0..250 {
            meter.push(Level { rms: i as f32 / 1000.0, peak: i as f32 / 500.0 });
        }
        let history = meter.history(3);
        assert_eq!(history.iter().map(|l| (l.rms * 1000.0).round() as i32).collect::<Vec<_>>(), [247, 248, 249]);
        assert_eq!(meter.latest(), history[2]);
    }

    #[test]
    fn a_full_scale_square_wave_has_level_one() {
        assert_eq!(Level::of(&[1.0, -1.0, 1.0, -1.0]), Level { rms: 1.0, peak: 1.0 });
    }
}
