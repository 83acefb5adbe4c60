//! Outputs without a device: a WAV file (`--out FILE`), and one that plays silently.

use crate::audio::host::{OutputHost, OutputStream, Span, TurnPlayer};
use crate::audio::wav::WavFile;
use crate::audio::{AudioError, Clip};
use crate::clock;
use crate::turn::Moment;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// Writes what is said into a file: every clip at once, as if played instantly, one after the other.
pub struct WavFileOutput {
    path: PathBuf,
    file: Option<Rc<RefCell<WavFile>>>,
}

impl WavFileOutput {
    /// Writes to this file, which is created (or emptied) when the output is opened.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        WavFileOutput { path: path.into(), file: None }
    }
}

impl OutputHost for WavFileOutput {
    fn open(&mut self, _device: Option<&str>) -> Result<Box<dyn OutputStream>, AudioError> {
        let file = match &self.file {
            // Opened again after a fault: what was written stays.
            Some(file) => Rc::clone(file),
            None => Rc::clone(self.file.insert(Rc::new(RefCell::new(WavFile::create(&self.path)?)))),
        };
        Ok(Box::new(FileStream { name: self.path.display().to_string(), file }))
    }
}

struct FileStream {
    name: String,
    file: Rc<RefCell<WavFile>>,
}

impl OutputStream for FileStream {
    fn name(&self) -> &str {
        &self.name
    }

    fn engine(&self) -> &'static str {
        "file"
    }

    fn begin_turn(&mut self) -> Result<Box<dyn TurnPlayer>, AudioError> {
        Ok(Box::new(FilePlayer { file: Rc::clone(&self.file), started: None }))
    }

    fn failed(&self) -> Option<AudioError> {
        None
    }
}

struct FilePlayer {
    file: Rc<RefCell<WavFile>>,
    started: Option<Moment>,
}

impl TurnPlayer for FilePlayer {
    fn enqueue(&mut self, clip: &Clip) -> Result<Span, AudioError> {
        let mut file = self.file.borrow_mut();
        let start = file.written();
        file.write(clip)?;
        if file.written() > start {
            self.started.get_or_insert_with(clock::now);
        }
        Ok(Span { start, end: file.written() })
    }

    fn advance(&mut self) -> Result<u64, AudioError> {
        Ok(self.file.borrow().written())
    }

    fn started(&self) -> Option<Moment> {
        self.started
    }
}

/// How fast an output without a device plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As long as a speaker would take.
    RealTime,
    /// Everything at once.
    Instant,
}

/// Plays silently.
#[derive(Debug)]
pub struct NullOutput(Pace);

impl NullOutput {
    /// Takes as long as a speaker would.
    #[must_use]
    pub fn real_time() -> Self {
        NullOutput(Pace::RealTime)
    }

    /// Is done at once.
    #[must_use]
    pub fn instant() -> Self {
        NullOutput(Pace::Instant)
    }
}

impl OutputHost for NullOutput {
    fn open(&mut self, _device: Option<&str>) -> Result<Box<dyn OutputStream>, AudioError> {
        Ok(Box::new(NullStream(self.0)))
    }
}

struct NullStream(Pace);

impl OutputStream for NullStream {
    fn name(&self) -> &str {
        "silent"
    }

    fn engine(&self) -> &'static str {
        "none"
    }

    fn begin_turn(&mut self) -> Result<Box<dyn TurnPlayer>, AudioError> {
        Ok(Box::new(ClockPlayer::new(self.0)))
    }

    fn failed(&self) -> Option<AudioError> {
        None
    }
}

/// A player whose position is the clock's: counts nanoseconds of sound.
#[derive(Debug)]
pub struct ClockPlayer {
    pace: Pace,
    queued: u64,
    played: u64,
    looked: Option<Moment>,
    started: Option<Moment>,
}

impl ClockPlayer {
    /// Nothing queued.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        ClockPlayer { pace, queued: 0, played: 0, looked: None, started: None }
    }
}

impl TurnPlayer for ClockPlayer {
    fn enqueue(&mut self, clip: &Clip) -> Result<Span, AudioError> {
        self.advance()?;
        let start = self.queued;
        let length = Duration::from_secs_f64(clip.samples.len() as f64 / f64::from(clip.rate.max(1)));
        self.queued = self.queued.saturating_add(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX));
        if self.played == start {
            self.looked = None; // the clock starts with the first look at the new sound
        }
        Ok(Span { start, end: self.queued })
    }

    fn advance(&mut self) -> Result<u64, AudioError> {
        if self.played < self.queued {
            let now = clock::now();
            self.started.get_or_insert(now);
            let passed = match self.pace {
                Pace::Instant => u64::MAX,
                // At least a nanosecond: the first sample goes out with the first look.
                Pace::RealTime => u64::try_from(now.since(self.looked.unwrap_or(now)).as_nanos()).unwrap_or(u64::MAX).max(1),
            };
            self.looked = Some(now);
            self.played = self.played.saturating_add(passed).min(self.queued);
        }
        Ok(self.played)
    }

    fn started(&self) -> Option<Moment> {
        self.started
    }
}
