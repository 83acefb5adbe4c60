//! The real-time zone: all that runs in the input callback. It mixes down, pushes into a ring, counts, and returns. No
//! allocation, lock, log, channel or resampling, and nothing is freed here.

use crate::audio::host::InputHealth;
use cpal::{FromSample, Sample};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The callback's end of the ring.
pub(crate) struct Tap {
    ring: rtrb::Producer<f32>,
    channels: usize,
    scale: f32,
    health: Arc<InputHealth>,
    /// Sound came.
    works: Arc<AtomicBool>,
}

impl Tap {
    pub(crate) fn new(ring: rtrb::Producer<f32>, channels: u16, health: Arc<InputHealth>, works: Arc<AtomicBool>) -> Self {
        let channels = usize::from(channels.max(1));
        Tap { ring, channels, scale: 1.0 / channels as f32, health, works }
    }

    /// Takes interleaved frames. When the worker is too slow the newest frames are lost and counted.
    pub(crate) fn write<T: Copy>(&mut self, data: &[T])
    where
        f32: FromSample<T>,
    {
        let frames = data.len() / self.channels;
        self.works.store(true, Ordering::Relaxed);
        let room = frames.min(self.ring.slots());
        if let Ok(chunk) = self.ring.write_chunk_uninit(room) {
            let mono = data.chunks_exact(self.channels).map(|frame| frame.iter().map(|&s| f32::from_sample(s)).sum::<f32>() * self.scale);
            chunk.fill_from_iter(mono);
        }
        if frames > room {
            self.health.add_dropped((frames - room) as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tap(channels: u16, capacity: usize) -> (Tap, rtrb::Consumer<f32>, Arc<InputHealth>) {
        let (producer, consumer) = rtrb::RingBuffer::new(capacity);
        let health = Arc::new(InputHealth::default());
        (Tap::new(producer, channels, Arc::clone(&health), Arc::default()), consumer, health)
    }

    #[test]
    fn every_sample_format_becomes_mono_in_range() {
        let (mut t, mut ring, _) = tap(2, 64);
        t.write(&[i16::MAX, i16::MAX, i16::MIN, i16::MIN]);
        t.write(&[0u8, 0, 255, 255]);
        t.write(&[0u16, u16::MAX]);
        t.write(&[1.0f64, 0.0]);
        let got: Vec<f32> = std::iter::from_fn(|| ring.pop().ok()).collect();
        let expected = [1.0, -1.0, -1.0, 1.0, 0.0, 0.5];
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.01), "{got:?}");
    }

    #[test]
    fn a_full_ring_keeps_the_oldest_and_counts_the_rest() {
        let (mut t, mut ring, health) = tap(1, 3);
        t.write(&[0.1f32, 0.2, 0.3, 0.4, 0.5]);
        t.write(&[0.6f32]);
        assert_eq!(health.dropped(), 3);
        assert_eq!(ring.pop(), Ok(0.1));
        t.write::<f32>(&[]);
        assert_eq!(ring.slots(), 2);
    }
}
