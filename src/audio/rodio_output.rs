//! Speakers through rodio: the stream stays open, each turn adds one source of its own to the mixer.
//!
//! rodio's `Player` is not used: it resamples linearly, takes locks in the audio callback and cannot say exactly what was
//! played. A source that reads a ring does all of it with three atomics.

use crate::audio::aside::{ClosedAside, OPEN_LIMIT, within};
use crate::audio::devices::{Direction, fault, find, map_error, no_answer};
use crate::audio::feeder::Feeder;
use crate::audio::host::{Fault, InputHealth, OutputHost, OutputStream, Span, Stamp, TurnPlayer};
use crate::audio::{AudioError, Clip};
use crate::clock;
use crate::turn::Moment;
use rodio::{DeviceSinkBuilder, MixerDeviceSink, Source};
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How much sound waits between the worker and the callback: a worker that is late by less is not heard.
const RING_SECONDS: u32 = 2;
/// An interrupt fades out over this time; a hard cut clicks.
const FADE_MILLIS: u32 = 5;

/// The machine's speakers.
#[derive(Debug, Default)]
pub struct RodioOutput;

impl OutputHost for RodioOutput {
    fn open(&mut self, wanted: Option<&str>) -> Result<Box<dyn OutputStream>, AudioError> {
        let wanted = wanted.map(str::to_owned);
        let opened = within(OPEN_LIMIT, "hark-open-speaker", move || open(wanted.as_deref()));
        Ok(Box::new(opened.unwrap_or_else(|| Err(no_answer(Direction::Output)))?))
    }
}

fn open(wanted: Option<&str>) -> Result<RodioStream, AudioError> {
    let (device, name) = find(Direction::Output, wanted)?;
    let health = Arc::new(InputHealth::default());
    let open = |fixed: bool| {
        let errors = Arc::clone(&health);
        let builder = DeviceSinkBuilder::from_device(device.clone())?;
        // About 20 ms, as a power of two (1024 at 48 kHz); rodio's own choice is 100 ms, which is how long an
        // interrupted voice would go on.
        let buffer = cpal::BufferSize::Fixed((builder_rate(&device) / 50).next_power_of_two());
        builder
            .with_buffer_size(if fixed { buffer } else { cpal::BufferSize::Default })
            .with_error_callback(move |error: cpal::Error| match fault(error.kind()) {
                Some(Fault::Broken) => errors.trouble(clock::now()),
                Some(fault) => errors.fail(fault),
                None => errors.add_glitch(),
            })
            .open_stream()
    };
    let mut sink = open(true)
        .or_else(|error| {
            tracing::debug!(%error, "the speaker refuses a short buffer; its own is used");
            open(false)
        })
        .map_err(|e| sink_error(wanted, e))?;
    sink.log_on_drop(false);
    let rate = sink.config().sample_rate().get();
    tracing::debug!(name, rate, buffer = ?sink.config().buffer_size(), "speaker open");
    Ok(RodioStream { sink: ClosedAside::new(sink), name, rate, health })
}

fn builder_rate(device: &cpal::Device) -> u32 {
    use cpal::traits::DeviceTrait;
    device.default_output_config().map_or(48_000, |c| c.sample_rate()).clamp(8_000, crate::audio::resample::MAX_RATE)
}

fn sink_error(wanted: Option<&str>, error: rodio::DeviceSinkError) -> AudioError {
    use rodio::DeviceSinkError as E;
    match error {
        E::PlayError(e) | E::DefaultSinkConfigError(e) | E::BuildError(e) | E::SupportedConfigsError(e) => {
            map_error(Direction::Output, wanted, &e)
        }
        E::NoDevice => AudioError::NoDevice("speaker"),
        E::UnsupportedSampleFormat => AudioError::Device { kind: "speaker", reason: "it has no sample format that can be used".to_owned() },
    }
}

struct RodioStream {
    sink: ClosedAside<MixerDeviceSink>,
    name: String,
    rate: u32,
    health: Arc<InputHealth>,
}

impl OutputStream for RodioStream {
    fn name(&self) -> &str {
        &self.name
    }

    fn engine(&self) -> &'static str {
        "rodio"
    }

    fn begin_turn(&mut self) -> Result<Box<dyn TurnPlayer>, AudioError> {
        let refused = || AudioError::Device { kind: "speaker", reason: format!("its rate of {} Hz cannot be used", self.rate) };
        let rate = NonZero::new(self.rate).ok_or_else(refused)?;
        let feeder = Feeder::new(self.rate).ok_or_else(refused)?;
        let (ring, samples) = rtrb::RingBuffer::new((self.rate * RING_SECONDS) as usize);
        let shared = Arc::new(Shared::default());
        let fade = (self.rate * FADE_MILLIS / 1000).max(1);
        let sink = self.sink.get().ok_or_else(refused)?;
        sink.mixer().add(TurnSource { samples, shared: Arc::clone(&shared), rate, fade, fade_left: fade, pulled: 0 });
        Ok(Box::new(RodioPlayer { feeder, ring, shared }))
    }

    fn failed(&self) -> Option<AudioError> {
        self.health.fault().map(|f| f.error("speaker", &self.name))
    }
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    pulled: AtomicU64,
    started: Stamp,
    silent: Arc<Stamp>,
}

struct RodioPlayer {
    feeder: Feeder,
    ring: rtrb::Producer<f32>,
    shared: Arc<Shared>,
}

impl TurnPlayer for RodioPlayer {
    fn enqueue(&mut self, clip: &Clip) -> Result<Span, AudioError> {
        self.feeder.enqueue(clip).ok_or_else(|| AudioError::Device {
            kind: "speaker",
            reason: format!("sound at {} samples per second cannot be played", clip.rate),
        })
    }

    fn advance(&mut self) -> Result<u64, AudioError> {
        let pulled = self.shared.pulled.load(Ordering::Relaxed);
        let ring = &mut self.ring;
        self.feeder.pump(pulled, |samples| samples.len() - ring.push_partial_slice(samples).1.len());
        Ok(pulled)
    }

    fn started(&self) -> Option<Moment> {
        self.shared.started.get()
    }

    fn silence(&self) -> Option<Arc<Stamp>> {
        Some(Arc::clone(&self.shared.silent))
    }
}

impl Drop for RodioPlayer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}

/// What the mixer pulls from, in the audio callback.
struct TurnSource {
    samples: rtrb::Consumer<f32>,
    shared: Arc<Shared>,
    rate: NonZero<u32>,
    fade: u32,
    fade_left: u32,
    pulled: u64,
}

impl Iterator for TurnSource {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        if self.shared.stopped.load(Ordering::Relaxed) {
            let Some(left) = self.fade_left.checked_sub(1) else {
                self.shared.silent.set(clock::now());
                return None;
            };
            self.fade_left = left;
        }
        let Ok(sample) = self.samples.pop() else { return Some(0.0) };
        if self.pulled == 0 {
            self.shared.started.set(clock::now());
        }
        self.pulled += 1;
        self.shared.pulled.store(self.pulled, Ordering::Relaxed);
        Some(sample * self.fade_left as f32 / self.fade as f32)
    }
}

impl Source for TurnSource {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> rodio::ChannelCount {
        NonZero::<u16>::MIN
    }

    fn sample_rate(&self) -> rodio::SampleRate {
        self.rate
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::testing::{sine, tone};

    /// The whole way but for the device: what the mixer of a 48 kHz stereo speaker would hand to it.
    fn player(rate: u32) -> (RodioPlayer, impl Iterator<Item = f32>) {
        let (mixer, out) = rodio::mixer::mixer(NonZero::new(2).unwrap(), NonZero::new(rate).unwrap());
        let (ring, samples) = rtrb::RingBuffer::new((rate * RING_SECONDS) as usize);
        let shared = Arc::new(Shared::default());
        let fade = rate * FADE_MILLIS / 1000;
        mixer.add(TurnSource { samples, shared: Arc::clone(&shared), rate: NonZero::new(rate).unwrap(), fade, fade_left: fade, pulled: 0 });
        (RodioPlayer { feeder: Feeder::new(rate).unwrap(), ring, shared }, out)
    }

    #[test]
    fn clips_sound_without_a_gap_and_at_full_quality() {
        let (mut player, mut out) = player(48_000);
        let voice = sine(440.0, 22_050, 1.0);
        let mut end = 0;
        for piece in voice.chunks(5_000) {
            end = player.enqueue(&Clip { samples: piece.into(), rate: 22_050 }).unwrap().end;
        }
        let mut heard = Vec::new();
        while player.advance().unwrap() < end {
            heard.extend(out.by_ref().take(2 * 480).step_by(2));
        }
        assert!(player.started().is_some());
        let (amplitude, _, rest) = tone(&heard[4_800..43_200], 440.0, 48_000);
        assert!((amplitude - 0.5).abs() < 0.001 && rest < 1e-3, "{amplitude}, rest {rest}");
    }

    #[test]
    fn dropping_the_player_is_silence_within_5_ms() {
        let (mut player, mut out) = player(48_000);
        player.enqueue(&Clip { samples: sine(440.0, 48_000, 1.0).into(), rate: 48_000 }).unwrap();
        player.advance().unwrap();
        assert!(out.by_ref().take(2 * 4_800).any(|s| s.abs() > 0.4));
        let silent = player.silence().unwrap();
        drop(player);
        assert_eq!(silent.get(), None, "the fade is still to come");
        let after: Vec<f32> = out.take(2 * 48_000).collect();
        assert!(silent.get().is_some());
        assert!(after.len() <= 2 * 240 + 2, "the source ends");
        let steps = after.iter().step_by(2).zip(after.iter().step_by(2).skip(1));
        assert!(steps.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 0.05, "no click");
    }
}
