//! The capture thread: keeps the microphone open, keeps the pre-roll, records from press to release plus tail, and
//! opens the microphone again when it went away.
//!
//! While a recording goes on, its pieces are handed on ([`WorkerEvent::Heard`]), so that the time of speaking is time of
//! transcribing.
//!
//! Every [`CaptureCmd::Finish`] is answered by one [`WorkerEvent::Captured`] (empty when there was no microphone). A
//! microphone that goes away is reported once, without a turn; what was recorded until then is handed over as always.

use crate::audio::AudioError;
use crate::audio::host::{InputFactory, InputHost, InputStream};
use crate::audio::level::{Level, Levels};
use crate::audio::recording::{MAX_MINUTES, Preroll, Recording};
use crate::clock;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, WorkerEvent};
use crate::platform::priority::{self, Role};
use crate::stt::EngineInfo;
use crate::trace::{Lane, Span, Work};
use crate::turn::{Moment, TurnId};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::Duration;

/// After the press, until the first sample is there: the window shows at once that the microphone hears.
const FIRST_POLL: Duration = Duration::from_millis(2);
/// While recording: half a level frame.
const POLL: Duration = Duration::from_millis(10);
/// While idle: a quarter of what the ring holds.
const IDLE_POLL: Duration = Duration::from_millis(500);
/// A microphone that is away is looked for after this time, and then every [`RETRY`].
const FIRST_RETRY: Duration = Duration::from_millis(250);
const RETRY: Duration = Duration::from_secs(2);
/// An open microphone always gives samples, silence too. One that gives none for so long has hung.
const STALLED: Duration = Duration::from_secs(3);
/// Longest step that counts towards [`STALLED`]: after a suspend of the machine hours seem to have passed.
const STALL_STEP: Duration = Duration::from_millis(600);
/// Commands that may wait.
const INBOX: usize = 16;

/// Starts the capture thread. `keep_open: false` opens the microphone for each recording only (no pre-roll then).
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_capture(
    host: InputFactory,
    device: Option<String>,
    keep_open: bool,
    up: Sender<WorkerEvent>,
    levels: Arc<Levels>,
) -> std::io::Result<Worker<CaptureCmd>> {
    Worker::spawn(Stage::Capture, INBOX, up, move |inbox, up| {
        priority::raise_current(Role::Audio);
        let mut capture = Capture {
            host: host(),
            device,
            keep_open,
            up,
            levels,
            open: None,
            recording: None,
            retry_at: None,
            told: false,
            known: None,
            answered: TurnId::NONE,
            scratch: Vec::new(),
        };
        capture.run(&inbox);
    })
}

struct Open {
    stream: InputStream,
    preroll: Preroll,
    dropped_before: u64,
    looked: Moment,
    silent_for: Duration,
}

struct Capture {
    host: Box<dyn InputHost>,
    device: Option<String>,
    keep_open: bool,
    up: Sender<WorkerEvent>,
    levels: Arc<Levels>,
    open: Option<Open>,
    recording: Option<Recording>,
    /// When the microphone is looked for again.
    retry_at: Option<Moment>,
    /// The user knows that the microphone is away.
    told: bool,
    /// What was reported as ready.
    known: Option<EngineInfo>,
    /// The newest turn that got its [`WorkerEvent::Captured`].
    answered: TurnId,
    scratch: Vec<f32>,
}

impl Capture {
    fn run(&mut self, inbox: &Receiver<CaptureCmd>) {
        self.open_or_tell(TurnId::NONE);
        self.close_if_unused();
        loop {
            match inbox.recv_timeout(self.wait()) {
                Ok(command) => self.obey(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.poll();
        }
    }

    fn wait(&self) -> Duration {
        match (&self.recording, &self.open, self.retry_at) {
            (Some(recording), ..) if !recording.started => FIRST_POLL,
            (Some(_), ..) => POLL,
            (None, Some(_), _) => IDLE_POLL,
            (None, None, Some(at)) => at.since(clock::now()).max(POLL),
            // Nothing to look after: only a command can change that.
            (None, None, None) => Duration::from_secs(3600),
        }
    }

    fn obey(&mut self, command: CaptureCmd) {
        match command {
            CaptureCmd::Begin(turn) => self.begin(turn),
            CaptureCmd::Finish(turn) => self.finish(turn),
            CaptureCmd::Resume(turn) => {
                self.drain();
                if let Some(recording) = self.recording.as_mut().filter(|recording| recording.turn == turn) {
                    recording.resume();
                }
            }
            CaptureCmd::Discard => {
                if self.recording.take().is_some() {
                    self.levels.input.push(Level::default());
                }
                self.close_if_unused();
            }
            CaptureCmd::SelectDevice(device) => {
                self.drain();
                self.device = device;
                self.open = None;
                self.told = false;
                self.known = None;
                self.open_or_tell(TurnId::NONE);
                self.close_if_unused();
            }
        }
    }

    fn begin(&mut self, turn: TurnId) {
        if self.recording.is_some() {
            self.complete(); // a press within the tail of the one before
        }
        self.drain();
        self.drop_a_failed_stream();
        if self.open.is_none() && !self.open_or_tell(turn) {
            return;
        }
        if let Some(open) = &mut self.open {
            open.dropped_before = open.stream.health.dropped();
            self.recording = Some(Recording::new(turn, open.stream.rate, &open.preroll.take()));
        }
    }

    fn finish(&mut self, turn: TurnId) {
        self.drain();
        self.hand_on(turn, true);
        match (&mut self.recording, &self.open) {
            (Some(recording), Some(open)) if recording.turn == turn => recording.begin_tail(clock::now(), open.stream.rate),
            (Some(recording), None) if recording.turn == turn => self.complete(),
            // The microphone could not be opened for this turn; nobody may wait for a recording.
            _ if turn > self.answered => {
                self.answered = turn;
                self.say(WorkerEvent::Captured { turn, pcm: Default::default(), dropped: 0 });
            }
            _ => {}
        }
    }

    fn poll(&mut self) {
        self.drain();
        if let Some(turn) = self.recording.as_ref().map(|recording| recording.turn) {
            self.hand_on(turn, false);
        }
        self.drop_a_failed_stream();
        let now = clock::now();
        if self.open.is_none() && self.retry_at.is_some_and(|at| now >= at) {
            self.open_or_tell(TurnId::NONE);
            self.close_if_unused();
        }
        let ends_without_device = self.open.is_none() && self.recording.as_ref().is_some_and(Recording::is_ending);
        if ends_without_device || self.recording.as_ref().is_some_and(|r| r.is_complete(now)) {
            self.complete();
        }
    }

    /// Hands on what was recorded since the last piece of this turn. The tail is no piece.
    fn hand_on(&mut self, turn: TurnId, key_up: bool) {
        let recording = self.recording.as_mut().filter(|recording| recording.turn == turn && !recording.is_ending());
        if let Some((at, pcm)) = recording.and_then(|recording| recording.next_piece(key_up)) {
            self.say(WorkerEvent::Heard { turn, at, pcm, key_up });
        }
    }

    /// Takes what the device wrote.
    fn drain(&mut self) {
        let Some(open) = &mut self.open else { return };
        let now = clock::now();
        let available = open.stream.samples.slots();
        let step = now.since(open.looked).min(STALL_STEP);
        open.silent_for = if available > 0 { Duration::ZERO } else { open.silent_for + step };
        open.looked = now;
        if available == 0 {
            return;
        }
        self.scratch.clear();
        if let Ok(chunk) = open.stream.samples.read_chunk(available) {
            let (first, second) = chunk.as_slices();
            self.scratch.extend_from_slice(first);
            self.scratch.extend_from_slice(second);
            chunk.commit_all();
        }
        let rate = open.stream.rate;
        let Some(recording) = &mut self.recording else {
            open.preroll.push(&self.scratch, rate);
            return;
        };
        let was_full = recording.is_full();
        recording.feed(&self.scratch, rate, &self.levels.input);
        let turn = recording.turn;
        let started = std::mem::replace(&mut recording.started, true);
        let became_full = recording.is_full() && !was_full;
        if !started {
            self.say(WorkerEvent::CaptureStarted(turn, now));
        }
        if became_full {
            let message = format!("A question can be {MAX_MINUTES} minutes long; what is said after that is not recorded.");
            self.say(WorkerEvent::Failed(
                turn,
                StageError::new(Stage::Capture, Severity::Info, message, "Let go of the key to get an answer."),
            ));
        }
    }

    fn drop_a_failed_stream(&mut self) {
        let Some(open) = &self.open else { return };
        let error = match open.stream.health.fault() {
            Some(fault) => fault.error("microphone", &open.stream.name),
            None if open.silent_for >= STALLED => {
                AudioError::Device { kind: "microphone", reason: "it gives no sound any more, not even silence".to_owned() }
            }
            None => return,
        };
        self.count_dropped();
        self.open = None;
        self.retry_at = Some(clock::now().plus(FIRST_RETRY));
        self.tell(TurnId::NONE, error);
    }

    fn tell(&mut self, turn: TurnId, error: AudioError) {
        if !self.told || turn != TurnId::NONE {
            self.told = true;
            self.say(WorkerEvent::Failed(turn, error.at(Stage::Capture)));
        }
    }

    /// Opens the microphone; a recording that lost its own goes on with it. Says what came of it.
    fn open_or_tell(&mut self, turn: TurnId) -> bool {
        match self.host.open(self.device.as_deref()) {
            Ok(stream) => {
                self.retry_at = None;
                if let Some(recording) = &mut self.recording {
                    recording.continue_at(stream.rate);
                }
                let info = EngineInfo { engine: stream.engine.to_owned(), name: stream.name.clone(), starter: false };
                let looked = clock::now();
                self.open = Some(Open { stream, preroll: Preroll::default(), dropped_before: 0, looked, silent_for: Duration::ZERO });
                let was_away = std::mem::take(&mut self.told);
                if was_away || self.known.as_ref() != Some(&info) {
                    self.known = Some(info.clone());
                    self.say(WorkerEvent::Ready(Stage::Capture, info));
                }
                true
            }
            Err(error) => {
                self.retry_at = Some(clock::now().plus(RETRY));
                self.tell(turn, error);
                false
            }
        }
    }

    fn close_if_unused(&mut self) {
        if !self.keep_open && self.recording.is_none() {
            self.open = None;
        }
    }

    fn count_dropped(&mut self) {
        if let (Some(recording), Some(open)) = (&mut self.recording, &mut self.open) {
            let dropped = open.stream.health.dropped();
            recording.dropped += dropped.saturating_sub(open.dropped_before);
            open.dropped_before = dropped;
        }
    }

    /// Hands the recording over.
    fn complete(&mut self) {
        self.count_dropped();
        if let Some(recording) = self.recording.take() {
            let (turn, dropped) = (recording.turn, recording.dropped);
            self.answered = self.answered.max(turn);
            self.levels.input.push(Level::default()); // the meter goes down
            if let Some(from) = recording.tail_begun() {
                self.say(WorkerEvent::Worked(turn, Span { lane: Lane::Capture, work: Work::Tail, from, to: clock::now() }));
            }
            self.say(WorkerEvent::Captured { turn, pcm: recording.finish(), dropped });
        }
        self.close_if_unused();
    }

    fn say(&self, event: WorkerEvent) {
        // The assistant is gone only when the program ends; the inbox says so next.
        let _ = self.up.send(event);
    }
}

#[cfg(test)]
mod tests;
