//! Which engine speaks a voice: found out from what lies beside its file.

use super::fastspeech::MelVoice;
use super::vits::VitsVoice;
use super::{SynthesisError, Synthesizer};
use crate::models::voice_files::{VoiceFiles, VoiceForm};
use std::path::Path;

/// Loads a voice.
type Load = fn(&VoiceFiles, u32) -> Result<Box<dyn Synthesizer>, SynthesisError>;
/// Looks at all files of a voice.
type Check = fn(&VoiceFiles) -> Result<(), SynthesisError>;

/// What speaks each form of voice.
const ENGINES: [(VoiceForm, Load, Check); 4] = [
    (VoiceForm::TwoFiles, |files, threads| Ok(Box::new(MelVoice::load(files, threads)?)), MelVoice::check),
    (VoiceForm::Piper, |files, threads| Ok(Box::new(VitsVoice::load(&files.onnx, threads)?)), |files| VitsVoice::check(&files.onnx)),
    (VoiceForm::Lexicon, |files, threads| Ok(Box::new(VitsVoice::load(&files.onnx, threads)?)), |files| VitsVoice::check(&files.onnx)),
    (VoiceForm::Letters, |files, threads| Ok(Box::new(VitsVoice::load(&files.onnx, threads)?)), |files| VitsVoice::check(&files.onnx)),
];

/// Loads the voice of a file or folder with the engine that it is made for. 1 or 2 `threads`.
///
/// # Errors
/// [`SynthesisError`], except for `Engine`.
pub fn load(path: &Path, threads: u32) -> Result<Box<dyn Synthesizer>, SynthesisError> {
    let (files, (_, load, _)) = engine(path)?;
    load(&files, threads)
}

/// Looks at all files of a voice as [`load`] does before ONNX Runtime sees them; needs no ONNX Runtime.
///
/// # Errors
/// [`SynthesisError::VoiceMissing`] and [`SynthesisError::VoiceCorrupt`].
pub fn check(path: &Path) -> Result<(), SynthesisError> {
    let (files, (_, _, check)) = engine(path)?;
    check(&files)
}

fn engine(path: &Path) -> Result<(VoiceFiles, (VoiceForm, Load, Check)), SynthesisError> {
    if !path.exists() {
        return Err(SynthesisError::VoiceMissing(path.to_path_buf()));
    }
    let corrupt = |reason: String| SynthesisError::VoiceCorrupt { path: path.to_path_buf(), reason };
    let files = VoiceFiles::of(path).map_err(corrupt)?;
    let found = ENGINES.into_iter().find(|(form, ..)| *form == files.form);
    Ok((files, found.ok_or_else(|| corrupt("no engine knows its form".to_owned()))?))
}

#[cfg(test)]
#[path = "engines_tests.rs"]
mod tests;
