//! What a sound device is to the workers: a ring of samples that comes in, and a player per turn that goes out.
//! Real devices are in `cpal_input.rs` and `rodio_output.rs`, files in `wav_output.rs`, fakes in [`crate::fakes::audio`].

use crate::audio::{AudioError, Clip};
use crate::turn::Moment;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

/// What became of a running device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// It is not there any more.
    Gone = 1,
    /// The system took the permission away.
    Denied = 2,
    /// Anything else after which the stream is of no use.
    Broken = 3,
}

impl Fault {
    /// As an error about this `kind` (`microphone`, `speaker`) of this name.
    #[must_use]
    pub fn error(self, kind: &'static str, name: &str) -> AudioError {
        match self {
            Fault::Gone => AudioError::DeviceUnavailable { kind, name: name.to_owned() },
            Fault::Denied => AudioError::PermissionDenied(kind),
            Fault::Broken => AudioError::Device { kind, reason: "the sound system stopped it".to_owned() },
        }
    }
}

/// What the device's own thread tells the worker: relaxed atomics, written without a lock or an allocation.
#[derive(Debug, Default)]
pub struct InputHealth {
    dropped: AtomicU64,
    glitches: AtomicU64,
    fault: AtomicU8,
    /// First and latest of a row of errors, nanoseconds of the clock plus one; 0: none.
    trouble: [AtomicU64; 2],
}

/// Errors without a known meaning make a device [`Fault::Broken`] only when they go on for so long. Through ALSA on a
/// PulseAudio server about half of the starts gave a row of I/O errors (300 to 1,500 in 58 ms) and then played on well.
/// A stream that is really dead is noticed by its silence as well (3 s without a sample).
const TROUBLE_LASTS: Duration = Duration::from_secs(1);
/// Errors further apart belong to two rows.
const TROUBLE_ENDS: Duration = Duration::from_millis(300);

impl InputHealth {
    /// Adds samples that were lost because the ring was full.
    pub fn add_dropped(&self, samples: u64) {
        self.dropped.fetch_add(samples, Ordering::Relaxed);
    }

    /// Samples lost so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds an overrun or underrun that the device recovered from.
    pub fn add_glitch(&self) {
        self.glitches.fetch_add(1, Ordering::Relaxed);
    }

    /// Overruns or underruns so far.
    #[must_use]
    pub fn glitches(&self) -> u64 {
        self.glitches.load(Ordering::Relaxed)
    }

    /// An error came whose meaning is not known; the stream may go on. When they keep coming, it is of no use any more.
    pub fn trouble(&self, now: Moment) {
        self.add_glitch();
        let nanos = |moment: Moment| u64::try_from(moment.0.as_nanos()).unwrap_or(u64::MAX - 1).saturating_add(1);
        let [first, latest] = &self.trouble;
        let (now, before) = (nanos(now), latest.swap(nanos(now), Ordering::Relaxed));
        if before == 0 || u128::from(now.saturating_sub(before)) > TROUBLE_ENDS.as_nanos() {
            first.store(now, Ordering::Relaxed);
        } else if u128::from(now.saturating_sub(first.load(Ordering::Relaxed))) >= TROUBLE_LASTS.as_nanos() {
            self.fail(Fault::Broken);
        }
    }

    /// The stream is of no use any more.
    pub fn fail(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::Relaxed);
    }

    /// Why the stream is of no use, if so.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        match self.fault.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(Fault::Gone),
            2 => Some(Fault::Denied),
            _ => Some(Fault::Broken),
        }
    }
}

/// An open microphone. Dropping it closes the device.
pub struct InputStream {
    /// Samples per second of `samples`.
    pub rate: u32,
    /// The device, for people.
    pub name: String,
    /// Which sound system it is: `cpal`, `fake`.
    pub engine: &'static str,
    /// What comes in, mono.
    pub samples: rtrb::Consumer<f32>,
    /// How the device is.
    pub health: Arc<InputHealth>,
    /// Keeps the device open.
    pub guard: Box<dyn Any>,
}

/// Opens microphones. Built on the thread that uses it.
pub trait InputHost {
    /// Opens the device of this name; `None` is the system's default.
    ///
    /// # Errors
    /// No such device, no permission, or what the sound system says.
    fn open(&mut self, device: Option<&str>) -> Result<InputStream, AudioError>;
}

/// Opens speakers. Built on the thread that uses it.
pub trait OutputHost {
    /// Opens the device of this name; `None` is the system's default.
    ///
    /// # Errors
    /// No such device, no permission, or what the sound system says.
    fn open(&mut self, device: Option<&str>) -> Result<Box<dyn OutputStream>, AudioError>;
}

/// An open speaker (or what stands for it). Dropping it closes the device.
pub trait OutputStream {
    /// The device, for people.
    fn name(&self) -> &str;

    /// Which sound system it is: `rodio`, `file`, `none`, `fake`.
    fn engine(&self) -> &'static str;

    /// A player for the sound of one turn.
    ///
    /// # Errors
    /// When the device does not take one.
    fn begin_turn(&mut self) -> Result<Box<dyn TurnPlayer>, AudioError>;

    /// Why the stream is of no use any more, if so.
    fn failed(&self) -> Option<AudioError>;
}

/// A moment that the device's own thread writes down, without a lock or an allocation.
#[derive(Debug, Default)]
pub struct Stamp(
    /// Nanoseconds of the clock plus one; 0: not yet.
    AtomicU64,
);

impl Stamp {
    /// Writes it down.
    pub fn set(&self, moment: Moment) {
        let nanos = u64::try_from(moment.0.as_nanos()).unwrap_or(u64::MAX - 1);
        self.0.store(nanos.saturating_add(1), Ordering::Relaxed);
    }

    /// What was written down last.
    #[must_use]
    pub fn get(&self) -> Option<Moment> {
        self.0.load(Ordering::Relaxed).checked_sub(1).map(|nanos| Moment(Duration::from_nanos(nanos)))
    }
}

/// Where a clip lies in its player's sound, in the player's own count. Empty clips have `start == end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Position before its first sample.
    pub start: u64,
    /// Position after its last sample.
    pub end: u64,
}

/// Plays clips one after the other, without gaps. Dropping it is silence at once.
pub trait TurnPlayer {
    /// Queues a clip and says where it will be.
    ///
    /// # Errors
    /// When it cannot be played (or written).
    fn enqueue(&mut self, clip: &Clip) -> Result<Span, AudioError>;

    /// Does the player's work; must be called every few milliseconds while there is sound. Returns the position: all
    /// before it was handed to the output.
    ///
    /// # Errors
    /// When it cannot go on.
    fn advance(&mut self) -> Result<u64, AudioError>;

    /// When the first sample was handed to the output.
    fn started(&self) -> Option<Moment>;

    /// Where the moment will be written at which nothing more of this player is handed to the output, after it was
    /// dropped. `None`: that is so with the drop itself.
    fn silence(&self) -> Option<Arc<Stamp>> {
        None
    }
}

/// Makes an [`InputHost`] on the capture thread; streams are often not `Send`.
pub type InputFactory = Arc<dyn Fn() -> Box<dyn InputHost> + Send + Sync>;
/// Makes an [`OutputHost`] on the playback thread.
pub type OutputFactory = Arc<dyn Fn() -> Box<dyn OutputHost> + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(millis: impl IntoIterator<Item = u64>) -> Option<Fault> {
        let health = InputHealth::default();
        for at in millis {
            health.trouble(Moment(Duration::from_millis(at)));
        }
        health.fault()
    }

    #[test]
    fn a_short_row_of_errors_is_borne_and_a_long_one_is_not() {
        assert_eq!(errors((0..600).map(|i| i / 10)), None, "600 errors in 60 ms at the start");
        assert_eq!(errors((0..10).map(|i| i * 5_000)), None, "one every five seconds");
        assert_eq!(errors((0..12).map(|i| i * 100)), Some(Fault::Broken), "for over a second");
    }
}
