//! Microphones through cpal, at the device's own rate and format: a fixed rate fails on PipeWire and Bluetooth. So may a
//! fixed buffer; then the device's own is taken.

use crate::audio::AudioError;
use crate::audio::aside::{ClosedAside, OPEN_LIMIT, within};
use crate::audio::devices::{Direction, fault, find, map_error, no_answer};
use crate::audio::host::{Fault, InputHealth, InputHost, InputStream};
use crate::audio::tap::Tap;
use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The ring holds this many seconds; the worker looks in every 0.2 s at most.
const RING_SECONDS: usize = 2;
/// Blocks of 21 ms (1024 frames at 48 kHz): the first sample after a press and the end of the tail wait for one, and the
/// microphone is always open for the pre-roll, so each block is paid for all day. A device's own choice may be anything;
/// PulseAudio's is 11 ms, 94 wake-ups a second.
const BLOCKS_PER_SECOND: u32 = 50;
/// How often the device's thread looks whether the device is still there when nothing comes (ALSA).
const POLL: Duration = Duration::from_millis(500);

/// The machine's microphones.
#[derive(Debug, Default)]
pub struct CpalInput {
    /// Set by the first sound of the stream that was opened with a buffer of our size.
    ours_works: Option<Arc<AtomicBool>>,
}

impl InputHost for CpalInput {
    fn open(&mut self, wanted: Option<&str>) -> Result<InputStream, AudioError> {
        let wanted = wanted.map(str::to_owned);
        // A device that took our size and then gave nothing is opened with its own.
        let ours = self.ours_works.as_ref().is_none_or(|works| works.load(Ordering::Relaxed));
        let works = Arc::new(AtomicBool::new(false));
        if ours {
            self.ours_works = Some(Arc::clone(&works));
        }
        let opened = within(OPEN_LIMIT, "hark-open-mic", move || open(wanted.as_deref(), ours, &works));
        let opened = opened.unwrap_or_else(|| Err(no_answer(Direction::Input)));
        if opened.is_err() {
            // That says nothing about the size.
            self.ours_works = self.ours_works.take_if(|_| !ours);
        }
        let Opened { rate, name, samples, health, stream } = opened?;
        Ok(InputStream { rate, name, engine: "cpal", samples, health, guard: Box::new(stream) })
    }
}

/// An [`InputStream`] that may still change its thread.
struct Opened {
    rate: u32,
    name: String,
    samples: rtrb::Consumer<f32>,
    health: Arc<InputHealth>,
    stream: ClosedAside<cpal::Stream>,
}

fn open(wanted: Option<&str>, ours: bool, works: &Arc<AtomicBool>) -> Result<Opened, AudioError> {
    let (device, name) = find(Direction::Input, wanted)?;
    let failed = |e: cpal::Error| map_error(Direction::Input, wanted, &e);
    let config = device.default_input_config().map_err(failed)?;
    let format = config.sample_format();
    let config = StreamConfig::from(config);
    let build = |buffer_size| -> Result<Opened, cpal::Error> {
        let rate = config.sample_rate;
        let (ring, samples) = rtrb::RingBuffer::new((rate as usize).saturating_mul(RING_SECONDS).clamp(16_000, 2_000_000));
        let health = Arc::new(InputHealth::default());
        let tap = Tap::new(ring, config.channels, Arc::clone(&health), Arc::clone(works));
        let config = StreamConfig { buffer_size, ..config };
        let stream = build_any(&device, format, config, tap, Arc::clone(&health))?;
        stream.play()?;
        tracing::debug!(name, rate, %format, ?buffer_size, "microphone open");
        Ok(Opened { rate, name: name.clone(), samples, health, stream: ClosedAside::new(stream) })
    };
    let own = || build(BufferSize::Default).map_err(failed);
    if !ours {
        return own();
    }
    let frames = (config.sample_rate / BLOCKS_PER_SECOND).next_power_of_two();
    build(BufferSize::Fixed(frames)).or_else(|error| {
        tracing::debug!(%error, "the microphone refuses our buffer; its own is used");
        own()
    })
}

fn build_any(
    device: &cpal::Device,
    format: SampleFormat,
    config: StreamConfig,
    tap: Tap,
    errors: Arc<InputHealth>,
) -> Result<cpal::Stream, cpal::Error> {
    match format {
        SampleFormat::I8 => build::<i8>(device, config, tap, errors),
        SampleFormat::I16 => build::<i16>(device, config, tap, errors),
        SampleFormat::I24 => build::<cpal::I24>(device, config, tap, errors),
        SampleFormat::I32 => build::<i32>(device, config, tap, errors),
        SampleFormat::I64 => build::<i64>(device, config, tap, errors),
        SampleFormat::U8 => build::<u8>(device, config, tap, errors),
        SampleFormat::U16 => build::<u16>(device, config, tap, errors),
        SampleFormat::U24 => build::<cpal::U24>(device, config, tap, errors),
        SampleFormat::U32 => build::<u32>(device, config, tap, errors),
        SampleFormat::U64 => build::<u64>(device, config, tap, errors),
        SampleFormat::F32 => build::<f32>(device, config, tap, errors),
        SampleFormat::F64 => build::<f64>(device, config, tap, errors),
        // One-bit DSD is no format of microphones.
        _ => Err(cpal::Error::from(ErrorKind::UnsupportedConfig)),
    }
}

fn build<T>(device: &cpal::Device, config: StreamConfig, mut tap: Tap, errors: Arc<InputHealth>) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let on_error = move |error: cpal::Error| match (error.kind(), fault(error.kind())) {
        (_, Some(Fault::Broken)) => errors.trouble(crate::clock::now()),
        (_, Some(fault)) => errors.fail(fault),
        (ErrorKind::Xrun, _) => errors.add_glitch(),
        _ => {}
    };
    device.build_input_stream(config, move |data: &[T], _| tap.write(data), on_error, Some(POLL))
}
