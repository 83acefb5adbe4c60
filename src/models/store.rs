//! What is installed: the models, voices and devices that can be chosen.

use std::path::PathBuf;

/// A model file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// Its place.
    pub path: PathBuf,
    /// Its name for people (file name without extension).
    pub name: String,
    /// Size, bytes.
    pub bytes: u64,
    /// One of the small models that come with the program.
    pub starter: bool,
}

/// Everything that can be chosen on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Speech models (ggml whisper files), best first.
    pub stt: Vec<ModelEntry>,
    /// Chat models (GGUF), best first.
    pub chat: Vec<ModelEntry>,
    /// VITS voices (`.onnx` with its config).
    pub voices: Vec<ModelEntry>,
    /// Languages of espeak-ng's own voice (`en-us`, `cmn`, …).
    pub espeak_languages: Vec<String>,
    /// Names of microphones.
    pub microphones: Vec<String>,
    /// Names of speakers.
    pub speakers: Vec<String>,
}
