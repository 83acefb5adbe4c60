//! What is to be measured.

use crate::audio::Pcm16k;
use crate::config::Config;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The ids of `targets`, in order.
pub const IDS: [&str; 12] = ["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12"];

/// A recorded question.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Its name, for people.
    pub name: String,
    /// A WAV file of 16 kHz, one channel and 16 bits with the same samples, for the peers.
    pub file: PathBuf,
    /// What is heard.
    pub pcm: Pcm16k,
}

/// What is to be measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The dialogue.
    pub clips: Vec<Clip>,
    /// How often the dialogue is held.
    pub runs: u32,
    /// With peers.
    pub compare: bool,
    /// With targets.
    pub targets: bool,
    /// These targets only; empty: all.
    pub only: BTreeSet<String>,
    /// The interpreter that has the peers.
    pub python: PathBuf,
    /// The folder of their scripts.
    pub peers: PathBuf,
    /// This program and the arguments it was called with; `None` where it cannot call itself (tests).
    pub program: Option<(PathBuf, Vec<OsString>)>,
    /// The engines and models.
    pub config: Config,
}

impl Plan {
    /// Whether this target is to be measured.
    #[must_use]
    pub fn wants(&self, id: &str) -> bool {
        self.targets && (self.only.is_empty() || self.only.contains(id))
    }

    /// Whether one of these is.
    #[must_use]
    pub fn wants_any(&self, ids: &[&str]) -> bool {
        ids.iter().any(|id| self.wants(id))
    }

    /// This program again, doing a part ([`super::part`]) with the same models.
    ///
    /// # Errors
    /// A sentence, where it cannot call itself.
    pub fn part(&self, part: &str) -> Result<Command, String> {
        let Some((program, arguments)) = &self.program else {
            return Err("It needs the program itself as another process.".to_owned());
        };
        let mut command = Command::new(program);
        command.args(arguments).args(["--part", part]);
        Ok(command)
    }
}

/// Writes the clips into a folder of our own, where the peers can read them; nothing that lies there is followed or replaced.
///
/// # Errors
/// A sentence, when there is no room.
pub fn store(clips: &[(String, Pcm16k)], folder: &Path) -> Result<Vec<Clip>, String> {
    let mut all = Vec::with_capacity(clips.len());
    for (number, (name, pcm)) in clips.iter().enumerate() {
        let file = folder.join(format!("{number:02}.wav"));
        write_wav(&file, pcm).map_err(|error| format!("{} cannot be written: {error}.", file.display()))?;
        all.push(Clip { name: name.clone(), file, pcm: pcm.clone() });
    }
    Ok(all)
}

fn write_wav(file: &Path, pcm: &Pcm16k) -> Result<(), hound::Error> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate: crate::audio::STT_RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let file = std::io::BufWriter::new(std::fs::File::create_new(file)?);
    let mut writer = hound::WavWriter::new(file, spec)?;
    for sample in pcm.0.iter() {
        writer.write_sample((sample.clamp(-1.0, 1.0) * 32767.0) as i16)?;
    }
    writer.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_link_that_somebody_laid_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim.txt");
        std::fs::write(&victim, "a letter").unwrap();
        std::os::unix::fs::symlink(&victim, folder.path().join("00.wav")).unwrap();
        let clips = [("q".to_owned(), Pcm16k(vec![0.0; 160].into()))];
        assert!(store(&clips, folder.path()).unwrap_err().contains("00.wav cannot be written"));
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "a letter");
    }
}
