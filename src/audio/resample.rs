//! Changing the sample rate of mono sound, piece by piece, with rubato's FFT resampler.
//!
//! rodio would interpolate linearly between samples, which puts mirror images of a 22 kHz voice into what a 48 kHz
//! speaker plays; the FFT resampler suppresses them (tested below).

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};

/// Rates beyond this are not taken: four times the highest studio rate.
pub const MAX_RATE: u32 = 768_000;
/// Input samples that go through one transform: at 48 kHz 21 ms, and a cut-off at 95 % of the band.
const CHUNK: usize = 1024;

/// Converts one stream from one rate to another. Time is kept: sample `n` of the input is heard at `n / from` seconds
/// of the output, and `push…, flush` gives exactly `ceil(n · to / from)` samples.
pub struct StreamResampler {
    fft: Option<Fft<f32>>,
    from: u32,
    to: u32,
    pending: Vec<f32>,
    scratch: Vec<f32>,
    delay_left: usize,
    fed: u64,
    emitted: u64,
}

impl StreamResampler {
    /// `None` when a rate is 0 or above [`MAX_RATE`].
    #[must_use]
    pub fn new(from: u32, to: u32) -> Option<Self> {
        if !(1..=MAX_RATE).contains(&from) || !(1..=MAX_RATE).contains(&to) {
            return None;
        }
        let fft = if from == to {
            None
        } else {
            // One sub-chunk: the longest filter that the chunk allows.
            let window = WindowFunction::BlackmanHarris2;
            Some(Fft::new_custom(from as usize, to as usize, CHUNK, 1, 1, window, FixedSync::Both).ok()?)
        };
        let delay_left = fft.as_ref().map_or(0, Resampler::output_delay);
        let scratch = vec![0.0; fft.as_ref().map_or(0, Resampler::output_frames_max)];
        Some(StreamResampler { fft, from, to, pending: Vec::new(), scratch, delay_left, fed: 0, emitted: 0 })
    }

    /// The rate of the input.
    #[must_use]
    pub fn input_rate(&self) -> u32 {
        self.from
    }

    /// How many samples a flush after `fed` input samples has given in all.
    #[must_use]
    pub fn output_len(fed: u64, from: u32, to: u32) -> u64 {
        (u128::from(fed) * u128::from(to)).div_ceil(u128::from(from.max(1))).try_into().unwrap_or(u64::MAX)
    }

    /// Takes more input and appends what is ready to `out`; up to a chunk is held back until more comes or [`Self::flush`].
    pub fn push(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.fed += input.len() as u64;
        if self.fft.is_none() {
            self.emitted += input.len() as u64;
            out.extend_from_slice(input);
            return;
        }
        self.pending.extend_from_slice(input);
        let pending = std::mem::take(&mut self.pending);
        let mut rest = pending.as_slice();
        while let Some((chunk, after)) = rest.split_at_checked(self.chunk_len()) {
            self.transform(chunk, out);
            rest = after;
        }
        let done = pending.len() - rest.len();
        self.pending = pending;
        self.pending.drain(..done);
    }

    /// Appends what was held back, and is as new afterwards.
    pub fn flush(&mut self, out: &mut Vec<f32>) {
        let target = Self::output_len(self.fed, self.from, self.to);
        if self.fft.is_some() && self.fed > 0 {
            let mut chunk = std::mem::take(&mut self.pending);
            while self.emitted < target {
                chunk.resize(self.chunk_len(), 0.0);
                self.transform(&chunk, out);
                chunk.clear();
            }
            let extra = usize::try_from(self.emitted - target).unwrap_or(usize::MAX);
            out.truncate(out.len().saturating_sub(extra));
            self.pending = chunk;
        }
        self.pending.clear();
        (self.fed, self.emitted) = (0, 0);
        if let Some(fft) = &mut self.fft {
            fft.reset();
            self.delay_left = fft.output_delay();
        }
    }

    fn chunk_len(&self) -> usize {
        self.fft.as_ref().map_or(CHUNK, Resampler::input_frames_next)
    }

    /// One whole chunk; cuts the filter's delay off the beginning.
    fn transform(&mut self, chunk: &[f32], out: &mut Vec<f32>) {
        let Some(fft) = &mut self.fft else { return };
        let room = self.scratch.len();
        let written = (|| {
            let input = InterleavedSlice::new(chunk, 1, chunk.len()).ok()?;
            let mut output = InterleavedSlice::new_mut(&mut self.scratch, 1, room).ok()?;
            fft.process_into_buffer(&input, &mut output, None).ok().map(|(_, written)| written)
        })();
        // The sizes are the resampler's own, so it has nothing to refuse; should it ever, silence keeps the time right.
        let written = written.unwrap_or_else(|| {
            self.scratch.fill(0.0);
            room
        });
        let cut = self.delay_left.min(written);
        self.delay_left -= cut;
        let ready = &self.scratch[cut..written];
        self.emitted += ready.len() as u64;
        out.extend_from_slice(ready);
    }
}

impl std::fmt::Debug for StreamResampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamResampler({} -> {})", self.from, self.to)
    }
}

/// A whole clip at another rate; `None` for rates that [`StreamResampler::new`] does not take.
#[must_use]
pub fn resample(samples: &[f32], from: u32, to: u32) -> Option<Vec<f32>> {
    let mut stream = StreamResampler::new(from, to)?;
    let mut out = Vec::with_capacity(usize::try_from(StreamResampler::output_len(samples.len() as u64, from, to)).unwrap_or(0) + 8192);
    stream.push(samples, &mut out);
    stream.flush(&mut out);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::{power_at, sine, tone};

    #[test]
    fn a_tone_keeps_its_time_and_loudness_at_every_common_rate() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (22_050, 48_000), (192_000, 16_000), (11_025, 44_100)] {
            let out = resample(&sine(440.0, from, 1.0), from, to).unwrap();
            assert_eq!(out.len(), to as usize, "{from} -> {to}");
            // From a moment where a 440 Hz sine is at zero.
            let (amplitude, late, rest) = tone(&out[to as usize / 4..to as usize * 3 / 4], 440.0, to);
            assert!((amplitude - 0.5).abs() < 0.001 && rest < 1e-3, "{from} -> {to}: {amplitude}, rest {rest}");
            // The filter's middle lies between two samples for some pairs of rates.
            assert!(late.abs() < 0.6 / f64::from(from.min(to)), "{from} -> {to}: {late} s late");
        }
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let tone = sine(300.0, 44_100, 0.5);
        let whole = resample(&tone, 44_100, 16_000).unwrap();
        let (mut stream, mut out) = (StreamResampler::new(44_100, 16_000).unwrap(), Vec::new());
        for piece in tone.chunks(331) {
            stream.push(piece, &mut out);
        }
        stream.flush(&mut out);
        assert_eq!(out, whole);
        let again = out.len();
        stream.push(&tone, &mut out);
        stream.flush(&mut out);
        assert_eq!(&out[again..], &whole[..], "a flushed resampler is as new");
    }

    #[test]
    fn a_voice_at_a_higher_rate_has_no_mirror_images() {
        let out = resample(&sine(3_000.0, 22_050, 1.0), 22_050, 48_000).unwrap();
        let (tone, image) = (power_at(&out, 3_000.0, 48_000), power_at(&out, 22_050.0 - 3_000.0, 48_000));
        assert!(image < tone * 1e-8, "image at {} dB", 10.0 * (image / tone).log10());
    }

    #[test]
    fn odd_inputs_are_no_trouble() {
        assert!(StreamResampler::new(0, 16_000).is_none() && StreamResampler::new(16_000, u32::MAX).is_none());
        assert_eq!(resample(&[], 44_100, 16_000).unwrap().len(), 0);
        assert_eq!(resample(&[0.5], 48_000, 16_000).unwrap().len(), 1);
        assert_eq!(resample(&[0.1; 1000], 44_101, 16_000).unwrap().len(), 363);
    }
}
