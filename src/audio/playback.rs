//! The playback thread: one player per turn, clips in the order in which they come, events when a clause begins and ends.
//!
//! Silence comes from dropping the player. A speaker that goes away while it plays is opened again (headphones are pulled
//! out: the built-in speaker takes over) and the rest goes on there; if there is none, that is said once, the turn goes on
//! without sound, and [`WorkerEvent::Drained`] comes when [`PlayCmd::FinishTurn`] does, so that nothing waits for ever.

use crate::audio::active_turn::ActiveTurn;
use crate::audio::host::{OutputFactory, OutputHost, OutputStream};
use crate::audio::level::{Level, Levels};
use crate::audio::{AudioError, Clip};
use crate::clock;
use crate::error::Stage;
use crate::event::{PlayCmd, WorkerEvent};
use crate::stt::EngineInfo;
use crate::turn::{Moment, TurnId, TurnReader};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::time::Duration;

/// While something sounds: fine enough for the moment of the first sample and for an interrupt by the turn counter.
const POLL: Duration = Duration::from_millis(5);
/// While nothing sounds, an open speaker is looked after so often.
const IDLE_POLL: Duration = Duration::from_secs(1);
/// A speaker that is away is looked for so often.
const RETRY: Duration = Duration::from_secs(2);
/// A speaker that takes no samples for so long has hung.
const STALLED: Duration = Duration::from_secs(3);
/// Longest step that counts towards [`STALLED`]: after a suspend of the machine hours seem to have passed.
const STALL_STEP: Duration = Duration::from_millis(100);
/// A turn moves to a newly opened speaker at most so often.
const MAX_MOVES: u32 = 3;
/// Commands that may wait.
const INBOX: usize = 32;

/// Starts the playback thread.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_playback(
    host: OutputFactory,
    device: Option<String>,
    up: Sender<WorkerEvent>,
    levels: Arc<Levels>,
    turns: TurnReader,
) -> std::io::Result<Worker<PlayCmd>> {
    Worker::spawn(Stage::Playback, INBOX, up, move |inbox, up| {
        let mut playback = Playback {
            host: host(),
            device,
            up,
            levels,
            turns,
            stream: None,
            active: None,
            retry_at: None,
            told: false,
            looked: clock::now(),
            position: 0,
            stuck_for: Duration::ZERO,
        };
        playback.run(&inbox);
    })
}

struct Playback {
    host: Box<dyn OutputHost>,
    device: Option<String>,
    up: Sender<WorkerEvent>,
    levels: Arc<Levels>,
    turns: TurnReader,
    stream: Option<Box<dyn OutputStream>>,
    active: Option<ActiveTurn>,
    retry_at: Option<Moment>,
    /// The user knows that the speaker is away.
    told: bool,
    looked: Moment,
    position: u64,
    stuck_for: Duration,
}

impl Playback {
    fn run(&mut self, inbox: &Receiver<PlayCmd>) {
        if let Err(error) = self.open() {
            self.tell(TurnId::NONE, error);
        }
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
        match (&self.active, &self.stream, self.retry_at) {
            (Some(turn), ..) if turn.is_sounding() => POLL,
            (_, Some(_), _) => IDLE_POLL,
            (_, None, Some(at)) => at.since(clock::now()).max(POLL),
            (_, None, None) => RETRY,
        }
    }

    fn obey(&mut self, command: PlayCmd) {
        match command {
            PlayCmd::Enqueue { turn, seq, clip, last } => {
                if turn == self.turns.current() {
                    self.enqueue(turn, seq, clip, last);
                }
            }
            PlayCmd::FinishTurn(turn) => match &mut self.active {
                Some(active) if active.id == turn => active.finish = true,
                // Nothing was to be said, or all of it is over.
                _ if turn == self.turns.current() => self.say(WorkerEvent::Drained(turn)),
                _ => {}
            },
            PlayCmd::StopTurn(turn) => {
                if self.active.as_ref().is_some_and(|a| a.id == turn) {
                    self.silence();
                }
            }
            PlayCmd::SelectDevice(device) => {
                self.device = device;
                self.stream = None;
                self.told = false;
                match &self.active {
                    Some(_) => self.move_on(None),
                    None => {
                        if let Err(error) = self.open() {
                            self.tell(TurnId::NONE, error);
                        }
                    }
                }
            }
        }
    }

    fn enqueue(&mut self, turn: TurnId, seq: u32, clip: Clip, last: bool) {
        if self.active.as_ref().is_none_or(|a| a.id != turn) {
            self.silence();
            let active = match self.player() {
                Ok(player) => ActiveTurn::new(turn, Some(player)),
                Err(error) => {
                    self.told = false; // each turn without sound says so once
                    self.tell(turn, error);
                    ActiveTurn::new(turn, None)
                }
            };
            self.active = Some(active);
        }
        let result = self.active.as_mut().map_or(Ok(()), |a| a.enqueue(seq, clip, last));
        if let Err(error) = result {
            self.move_on(Some(error));
        }
    }

    fn poll(&mut self) {
        if self.stream.as_ref().is_some_and(|s| s.failed().is_some()) {
            let error = self.stream.take().and_then(|s| s.failed());
            self.move_on(error);
        }
        if self.stream.is_none() && self.active.is_none() && self.retry_at.is_some_and(|at| clock::now() >= at) {
            // Whether it is still away was said already.
            let _ = self.open();
        }
        let current = self.turns.current();
        if self.active.as_ref().is_some_and(|a| a.id != current) {
            self.silence();
        }
        let Some(active) = &mut self.active else { return };
        match active.step(&self.up, &self.levels.output) {
            Ok(position) => self.watch(position),
            Err(error) => self.move_on(Some(error)),
        }
        if let Some(active) = self.active.take_if(|a| a.is_drained()) {
            self.levels.output.push(Level::default()); // the meter goes down
            self.say(WorkerEvent::Drained(active.id));
        }
    }

    /// A speaker that hangs does not say so.
    fn watch(&mut self, position: u64) {
        let now = clock::now();
        let step = now.since(std::mem::replace(&mut self.looked, now)).min(STALL_STEP);
        let sounding = self.active.as_ref().is_some_and(ActiveTurn::is_sounding);
        let moves = std::mem::replace(&mut self.position, position) != position;
        self.stuck_for = if moves || !sounding { Duration::ZERO } else { self.stuck_for + step };
        if self.stuck_for >= STALLED {
            self.stuck_for = Duration::ZERO;
            self.stream = None;
            self.move_on(Some(AudioError::Device { kind: "speaker", reason: "it takes no sound any more".to_owned() }));
        }
    }

    /// Goes on with what was not played yet on a newly opened speaker, or without sound when there is none.
    fn move_on(&mut self, error: Option<AudioError>) {
        let Some(mut active) = self.active.take() else {
            self.stream = None;
            if let Err(now) = self.open() {
                self.tell(TurnId::NONE, error.unwrap_or(now));
            }
            return;
        };
        // A file that cannot be written is not written the second time either.
        let hopeless = matches!(error, Some(AudioError::Unwritable { .. })) || active.moves >= MAX_MOVES;
        let result = match error {
            Some(error) if hopeless => Err(error),
            error => {
                active.moves += 1;
                active.detach();
                self.stream = None;
                self.player().and_then(|player| active.attach(player)).map_err(|now| error.unwrap_or(now))
            }
        };
        if let Err(error) = result {
            active.mute();
            self.told = false;
            self.tell(active.id, error);
        }
        self.active = Some(active);
    }

    fn player(&mut self) -> Result<Box<dyn crate::audio::host::TurnPlayer>, AudioError> {
        if let Some(player) = self.stream.as_mut().filter(|s| s.failed().is_none()).and_then(|s| s.begin_turn().ok()) {
            return Ok(player);
        }
        self.open()?;
        self.stream.as_mut().ok_or(AudioError::NoDevice("speaker"))?.begin_turn()
    }

    fn open(&mut self) -> Result<(), AudioError> {
        self.stream = None;
        match self.host.open(self.device.as_deref()) {
            Ok(stream) => {
                let info = EngineInfo { engine: stream.engine().to_owned(), name: stream.name().to_owned(), starter: false };
                self.stream = Some(stream);
                (self.told, self.retry_at) = (false, None);
                self.say(WorkerEvent::Ready(Stage::Playback, info));
                Ok(())
            }
            Err(error) => {
                self.retry_at = Some(clock::now().plus(RETRY));
                Err(error)
            }
        }
    }

    fn silence(&mut self) {
        if self.active.take().is_some() {
            self.levels.output.push(Level::default());
        }
        self.stuck_for = Duration::ZERO;
    }

    fn tell(&mut self, turn: TurnId, error: AudioError) {
        if !std::mem::replace(&mut self.told, true) {
            self.say(WorkerEvent::Failed(turn, error.at(Stage::Playback)));
        }
    }

    fn say(&self, event: WorkerEvent) {
        // The assistant is gone only when the program ends; the inbox says so next.
        let _ = self.up.send(event);
    }
}

#[cfg(test)]
mod tests;
