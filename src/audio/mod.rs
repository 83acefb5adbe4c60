//! Sound in and out: buffers, the traits of the devices, and what can go wrong with them.

mod active_turn;
mod aside;
pub mod capture;
mod cpal_input;
pub mod devices;
mod feeder;
pub mod file;
pub mod host;
#[cfg(test)]
mod interrupt_tests;
pub mod level;
pub mod outputs;
pub mod playback;
mod recording;
pub mod resample;
mod rodio_output;
#[cfg(test)]
mod sound_server_test;
mod tap;
#[cfg(test)]
pub(crate) mod testing;
pub mod vad;
pub mod wav;

pub use cpal_input::CpalInput;
pub use rodio_output::RodioOutput;

use crate::error::{Severity, Stage, StageError};
use std::path::PathBuf;
use std::sync::Arc;

/// Samples per second of everything that the speech model hears.
pub const STT_RATE: u32 = 16_000;

/// Mono samples at 16 kHz, −1…1. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pcm16k(pub Arc<[f32]>);

impl Pcm16k {
    /// Length in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        self.0.len() as u64 * 1000 / u64::from(STT_RATE)
    }
}

/// A piece of mono sound at its own rate. Cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    /// Mono samples, −1…1.
    pub samples: Arc<[f32]>,
    /// Samples per second.
    pub rate: u32,
}

impl Clip {
    /// Length in milliseconds.
    #[must_use]
    pub fn millis(&self) -> f64 {
        self.samples.len() as f64 * 1000.0 / f64::from(self.rate.max(1))
    }
}

/// What can go wrong with devices and audio files, by what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The machine has no such device at all.
    #[error("No {0} was found.")]
    NoDevice(&'static str),
    /// The chosen device is not there (any more).
    #[error("The {kind} \"{name}\" is not available.")]
    DeviceUnavailable {
        /// `microphone` or `speaker`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The system does not let the program use it.
    #[error("The system does not allow this program to use the {0}.")]
    PermissionDenied(&'static str),
    /// Anything else the sound system says.
    #[error("The {kind} failed: {reason}.")]
    Device {
        /// `microphone` or `speaker`.
        kind: &'static str,
        /// What the sound system says.
        reason: String,
    },
    /// An audio file that cannot be read.
    #[error("The audio file {} cannot be used: {reason}.", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without a full stop.
        reason: String,
    },
    /// A place where an audio file cannot be written.
    #[error("The sound could not be written to {}: {reason}.", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why not, without a full stop.
        reason: String,
    },
}

impl AudioError {
    /// As a notice of the capture or playback stage.
    #[must_use]
    pub fn at(self, stage: Stage) -> StageError {
        let hint = match (&self, stage) {
            (AudioError::File { .. }, _) => "Give a WAV, FLAC, MP3 or OGG file with sound in it.",
            (AudioError::Unwritable { .. }, _) => "Make room on the disk or give another place.",
            (AudioError::PermissionDenied(_), _) => "Allow it in the system's privacy settings and try again.",
            (_, Stage::Capture) => "Plug one in or choose another in the settings; typing works meanwhile.",
            _ => "Plug one in or choose another in the settings; answers are shown as text meanwhile.",
        };
        StageError::new(stage, Severity::Stage, self.to_string(), hint)
    }
}
