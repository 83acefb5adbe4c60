//! Audio files. The types are those of `hark::audio`, which names devices.

#[path = "../../src/audio/file.rs"]
pub mod file;
#[path = "../../src/audio/resample.rs"]
pub mod resample;

use std::path::PathBuf;
use std::sync::Arc;

/// As in Hark.
pub const STT_RATE: u32 = 16_000;

/// As in Hark.
#[derive(Debug)]
pub struct Pcm16k(pub Arc<[f32]>);

/// As in Hark.
#[derive(Debug)]
pub struct Clip {
    pub samples: Arc<[f32]>,
    pub rate: u32,
}

/// The one fault that a file can have.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    #[error("The audio file {} cannot be used: {reason}.", path.display())]
    File { path: PathBuf, reason: String },
}
