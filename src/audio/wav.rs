//! Writing WAV files: mono, 16 bit.

use crate::audio::resample::resample;
use crate::audio::{AudioError, Clip};
use crate::error::reason;
use crate::platform::files;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// The rate of a file into which nothing was written.
const EMPTY_RATE: u32 = 22_050;

fn refused(path: &Path, reason: impl std::fmt::Display) -> AudioError {
    AudioError::Unwritable { path: path.to_owned(), reason: reason.to_string() }
}

fn failed(path: &Path, error: impl Into<hound::Error>) -> AudioError {
    match error.into() {
        hound::Error::IoError(error) => refused(path, reason(&error)),
        other => refused(path, other),
    }
}

/// Writes one clip as a mono 16-bit WAV file.
///
/// # Errors
/// [`AudioError::Unwritable`] when the file cannot be written.
pub fn write_wav(path: &Path, clip: &Clip) -> Result<(), AudioError> {
    let mut file = WavFile::create(path)?;
    file.write(clip)?;
    file.finish()
}

/// A WAV file that grows clip by clip and is complete after each of them, whatever happens next.
pub struct WavFile {
    path: PathBuf,
    state: State,
    written: u64,
}

enum State {
    Created(File),
    Writing(hound::WavWriter<BufWriter<File>>),
    Failed,
}

impl WavFile {
    /// Creates the file, or empties the one that is there.
    ///
    /// # Errors
    /// [`AudioError::Unwritable`].
    pub fn create(path: &Path) -> Result<Self, AudioError> {
        let file = files::create_result(path).map_err(|e| failed(path, e))?;
        Ok(WavFile { path: path.to_owned(), state: State::Created(file), written: 0 })
    }

    /// Samples in the file.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Appends a clip. The first one gives the file its rate; others are converted to it.
    ///
    /// # Errors
    /// [`AudioError::Unwritable`], and always again after the first time.
    pub fn write(&mut self, clip: &Clip) -> Result<(), AudioError> {
        if clip.samples.is_empty() {
            return Ok(());
        }
        let result = self.try_write(clip);
        if result.is_err() {
            self.state = State::Failed;
        }
        result
    }

    fn try_write(&mut self, clip: &Clip) -> Result<(), AudioError> {
        let path = self.path.clone();
        let writer = self.writer(clip.rate)?;
        let rate = writer.spec().sample_rate;
        let converted;
        let samples: &[f32] = if rate == clip.rate {
            &clip.samples
        } else {
            converted = resample(&clip.samples, clip.rate, rate).ok_or_else(|| refused(&path, "the voice's rate is out of range"))?;
            &converted
        };
        for &sample in samples {
            writer.write_sample(to_i16(sample)).map_err(|e| failed(&path, e))?;
        }
        // Puts the length into the header as well.
        writer.flush().map_err(|e| failed(&path, e))?;
        self.written += samples.len() as u64;
        Ok(())
    }

    fn writer(&mut self, rate: u32) -> Result<&mut hound::WavWriter<BufWriter<File>>, AudioError> {
        if let State::Created(_) = self.state {
            let spec = hound::WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
            if let State::Created(file) = std::mem::replace(&mut self.state, State::Failed) {
                let writer = hound::WavWriter::new(BufWriter::new(file), spec).map_err(|e| failed(&self.path, e))?;
                self.state = State::Writing(writer);
            }
        }
        match &mut self.state {
            State::Writing(writer) => Ok(writer),
            _ => Err(refused(&self.path, "an earlier write failed")),
        }
    }

    /// Completes the file; one without any sound becomes a WAV file of length 0.
    ///
    /// # Errors
    /// [`AudioError::Unwritable`].
    pub fn finish(mut self) -> Result<(), AudioError> {
        self.writer(EMPTY_RATE)?;
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Writing(writer) => writer.finalize().map_err(|e| failed(&self.path, e)),
            _ => Ok(()),
        }
    }
}

impl Drop for WavFile {
    fn drop(&mut self) {
        if matches!(self.state, State::Created(_)) {
            // Only the header of an empty file is missing; nobody can be told any more.
            let _ = self.writer(EMPTY_RATE).map(hound::WavWriter::flush);
        }
    }
}

fn to_i16(sample: f32) -> i16 {
    // A float that is not a number becomes 0 in the conversion.
    (sample * 32_767.0).round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::file::read_audio;
    use crate::audio::testing::sine;

    #[test]
    fn what_is_written_is_read_again_and_complete_after_each_clip() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.wav");
        let mut file = WavFile::create(&path).unwrap();
        let tone = Clip { samples: sine(440.0, 22_050, 0.5).into(), rate: 22_050 };
        file.write(&tone).unwrap();
        let half = read_audio(&path).unwrap();
        assert_eq!((half.rate, half.samples.len()), (22_050, 11_025));
        file.write(&Clip { samples: sine(440.0, 16_000, 0.5).into(), rate: 16_000 }).unwrap();
        file.finish().unwrap();
        let all = read_audio(&path).unwrap();
        assert_eq!((all.rate, all.samples.len()), (22_050, 22_050));
        let worst = all.samples.iter().zip(tone.samples.iter()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1.0 / 30_000.0, "{worst}");
    }

    #[test]
    fn places_that_cannot_be_written_are_errors_with_the_path() {
        let clip = Clip { samples: vec![0.1; 100_000].into(), rate: 16_000 };
        let missing = write_wav(Path::new("/nonexistent/folder/a.wav"), &clip).unwrap_err().to_string();
        assert!(missing.contains("/nonexistent/folder/a.wav"), "{missing}");
        if Path::new("/dev/full").exists() {
            let full = write_wav(Path::new("/dev/full"), &clip).unwrap_err().to_string();
            assert!(full.contains("the disk is full"), "{full}");
        }
    }

    #[test]
    fn a_file_without_sound_is_still_a_wav_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty.wav");
        drop(WavFile::create(&path).unwrap());
        assert_eq!(hound::WavReader::open(&path).unwrap().len(), 0);
    }
}
