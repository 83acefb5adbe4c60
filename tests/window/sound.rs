//! What is to be heard: the virtual speaker, recorded.

use super::session::{Running, Session, read_on_thread};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Samples per second of the recording.
pub const RATE: usize = 16_000;
/// Louder than this (of 32,767) is sound; the null sink itself is digital silence.
const SILENCE: u16 = 60;
/// A pause longer than this inside an answer is waiting, not speech.
const PAUSE: Duration = Duration::from_millis(700);

/// Records what the program says (mono, 16 kHz) until it is dropped.
pub struct Recording {
    bytes: Arc<Mutex<Vec<u8>>>,
    _parec: Running,
}

impl Recording {
    /// Begins; returns when the first sound (silence, too) has arrived.
    pub fn start(session: &Session, device: &str) -> Recording {
        let rate = format!("--rate={RATE}");
        let mut command = session.command("parec");
        command.args(["-d", device, &rate, "--channels=1", "--format=s16le", "--latency-msec=50", "--raw"]);
        let mut parec = Running::start(command.stdout(Stdio::piped()));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let out = parec.child.stdout.take().expect("piped");
        read_on_thread("parec", out, move |piece| into.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(piece));
        let recording = Recording { bytes, _parec: parec };
        let runs = super::session::wait_for(Duration::from_secs(10), || (!recording.samples().is_empty()).then_some(()));
        assert!(runs.is_some(), "parec records nothing from {device}");
        recording
    }

    /// Everything so far.
    pub fn samples(&self) -> Vec<i16> {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

/// How much sound a recording holds.
#[derive(Debug, PartialEq)]
pub struct Heard {
    /// From the first to the last sound.
    pub span: Duration,
    /// The same without pauses over 0.7 s.
    pub speech: Duration,
    /// Silence after the last sound.
    pub after: Duration,
    /// Loudest sample.
    pub peak: u16,
}

/// Measures a recording. `None`: it is silent.
pub fn heard(samples: &[i16]) -> Option<Heard> {
    let time = |count: usize| Duration::from_secs_f64(count as f64 / RATE as f64);
    let mut loud = (0..samples.len()).filter(|&at| samples[at].unsigned_abs() > SILENCE);
    let first = loud.next()?;
    let (mut last, mut waiting) = (first, Duration::ZERO);
    for at in loud {
        let gap = time(at - last);
        if gap > PAUSE {
            waiting += gap;
        }
        last = at;
    }
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max()?;
    let span = time(last - first + 1);
    Some(Heard { span, speech: span.saturating_sub(waiting), after: time(samples.len() - 1 - last), peak })
}
