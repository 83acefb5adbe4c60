//! Text to speech: the trait, options and results. `vits.rs` and `espeak.rs` are the real engines.

pub mod chars;
pub mod engines;
pub mod espeak;
pub mod espeak_lib;
pub mod facts;
pub mod fastspeech;
pub mod front;
pub mod graph;
pub mod languages;
mod lead;
pub mod lexicon;
mod load;
mod mandarin;
pub mod pace;
pub mod phonemes;
pub mod piper;
pub mod runtime;
pub mod seams;
mod sentences;
mod session;
mod split;
mod streamed;
mod tables;
#[cfg(test)]
mod tiny;
pub mod tokens;
mod verdict;
pub mod vits;
mod vocoder;
mod wishes;
pub mod words;
pub mod worker;

use crate::error::{Severity, Stage, StageError};
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, Outcome};
use std::path::PathBuf;

/// What the user may choose about the voice. `None`: what the voice file says.
#[derive(Clone, Debug, PartialEq)]
pub struct VoiceOptions {
    /// 1 is the voice's own speed, 2 is twice as fast. 0.25 to 4.
    pub speed: f32,
    /// Variation of the sound, 0 to 2 (VITS noise scale).
    pub noise: Option<f32>,
    /// Variation of the rhythm, 0 to 2 (VITS noise width).
    pub noise_width: Option<f32>,
    /// Speaker of a voice that has several.
    pub speaker: Option<u32>,
    /// 1 is as it comes, 0 is silent; at most 2.
    pub volume: f32,
}

impl Default for VoiceOptions {
    fn default() -> Self {
        VoiceOptions { speed: 1.0, noise: None, noise_width: None, speaker: None, volume: 1.0 }
    }
}

/// Figures of one clause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeechStats {
    /// Samples made, at the voice's rate.
    pub samples: usize,
}

/// What can go wrong, by what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    /// The file is not there.
    #[error("The voice {} was not found.", .0.display())]
    VoiceMissing(PathBuf),
    /// The file is there and is no usable voice.
    #[error("The voice {} cannot be used: {reason}.", path.display())]
    VoiceCorrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without a full stop.
        reason: String,
    },
    /// ONNX Runtime, or espeak-ng's data, is not there.
    #[error("{0} was not found.")]
    RuntimeMissing(String),
    /// The voice cannot do what was asked (a speaker it does not have, phonemes for a voice without).
    #[error("{0}.")]
    Unsupported(String),
    /// It knows nothing of this text: another script, words that its lexicon does not have. The rest of the answer can be spoken.
    #[error("{0}.")]
    Unreadable(String),
    /// The machine has not enough memory for it.
    #[error("There is not enough memory for the voice {}.", .0.display())]
    OutOfMemory(PathBuf),
    /// The engine gave up on this clause.
    #[error("The voice failed: {0}.")]
    Engine(String),
    /// The first load was tried elsewhere and went wrong.
    #[error("{}", .0.message)]
    Refused(StageError),
}

impl From<SynthesisError> for StageError {
    fn from(error: SynthesisError) -> Self {
        let (severity, hint) = match &error {
            SynthesisError::Refused(reason) => return reason.clone(),
            SynthesisError::VoiceMissing(_) => (
                Severity::Stage,
                "Put a voice (for example a Piper voice: .onnx and .onnx.json) into the models folder, or choose --voice espeak:en-us.",
            ),
            SynthesisError::VoiceCorrupt { .. } => {
                (Severity::Stage, "Choose another voice with --voice or in the settings; if it was copied or downloaded, do that again.")
            }
            SynthesisError::RuntimeMissing(_) => (Severity::Stage, "Run scripts/setup once, it installs what is missing."),
            SynthesisError::Unsupported(_) => (Severity::Turn, "Change the voice's settings or choose another voice."),
            SynthesisError::Unreadable(_) => {
                (Severity::Info, "A voice of that language would speak it; in a conversation it is shown as text.")
            }
            SynthesisError::OutOfMemory(_) => (Severity::Stage, "Close other programs or choose a smaller voice."),
            SynthesisError::Engine(_) => (Severity::Turn, "The answer is shown as text; if it happens again, choose another voice."),
        };
        StageError::new(Stage::Tts, severity, error.to_string(), hint)
    }
}

/// An engine that speaks. Blocking; built on the thread that uses it.
pub trait Synthesizer {
    /// Samples per second of what `on_audio` gets.
    fn sample_rate(&self) -> u32;

    /// Speaks one clause: mono samples in −1…1, in one or more pieces, in order.
    ///
    /// # Errors
    /// See [`SynthesisError`]. A clause without anything to say is no error: no samples.
    fn synthesize(
        &mut self,
        clause: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError>;

    /// Speaks IPA phonemes as they are, for voices that take phonemes.
    ///
    /// # Errors
    /// [`SynthesisError::Unsupported`] for voices that do not.
    fn synthesize_phonemes(
        &mut self,
        phonemes: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError>;

    /// Lets the whole engine work for a moment, for nobody to hear: the first run allocates and touches everything, and shows
    /// whether the engine works at all.
    ///
    /// # Errors
    /// See [`SynthesisError`].
    fn try_out(&mut self) -> Result<(), SynthesisError> {
        self.synthesize(TRIAL, &VoiceOptions::default(), &CancelToken::never(), &mut |_| {}).map(drop)
    }

    /// What is loaded.
    fn info(&self) -> EngineInfo;
}

/// What a voice says to be tried out.
const TRIAL: &str = "Ready.";

/// Makes samples louder or quieter (0 to 2) and keeps them in −1…1; what is no number becomes silence.
fn apply_volume(samples: &mut [f32], volume: f32) {
    let volume = if volume.is_finite() { volume.clamp(0.0, 2.0) } else { 1.0 };
    for sample in samples {
        let scaled = *sample * volume;
        *sample = if scaled.is_nan() { 0.0 } else { scaled.clamp(-1.0, 1.0) };
    }
}
