//! The playback thread: one player per turn, clips in the order in which they come, events when a clause begins and ends.
//!
//! Silence comes from dropping the player. While nothing happens the speaker is closed: kept open with silence it cost half
//! a percent of a core and 300 wake-ups a second through PulseAudio; it opens again at the next press, in a few ms. A speaker that goes away while it plays is opened again (headphones are pulled
//! out: the built-in speaker takes over) and the rest goes on there; if there is none, that is said once, the turn goes on
//! without sound, and [`WorkerEvent::Drained`] comes when [`PlayCmd::FinishTurn`] does, so that nothing waits for ever.

use crate::audio::active_turn::ActiveTurn;
use crate::audio::host::{OutputFactory, OutputHost, OutputStream, Stamp};
use crate::audio::level::{Level, Levels};
use crate::audio::{AudioError, Clip};
use crate::clock;
use crate::error::Stage;
use crate::event::{PlayCmd, WorkerEvent};
use crate::platform::priority::{self, Role};
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
/// So long after the last sound the speaker is closed: people ask again within seconds.
const QUIET: Duration = Duration::from_secs(10);
/// After a press it stays open for so long: the question is spoken, and the answer begins.
const ANSWER_COMES: Duration = Duration::from_secs(60);
/// Nothing to look after: only a command can change that.
const LONG: Duration = Duration::from_secs(3600);
/// The fade of an interrupt takes a buffer's time (about 20 ms) and 5 ms more; one that takes longer is not waited for.
const FADE_LIMIT: Duration = Duration::from_millis(250);
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
        priority::raise_current(Role::Audio);
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
            known: None,
            open_until: clock::now().plus(QUIET),
            fading: None,
            silenced: TurnId::NONE,
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
    /// What was reported as ready.
    known: Option<EngineInfo>,
    /// Until when the speaker stays open when nothing is played.
    open_until: Moment,
    /// A turn that was stopped and whose last samples are on their way.
    fading: Option<Fading>,
    /// The newest turn whose silence is reported or on its way.
    silenced: TurnId,
    looked: Moment,
    position: u64,
    stuck_for: Duration,
}

struct Fading {
    turn: TurnId,
    silent: Arc<Stamp>,
    since: Moment,
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
        if self.fading.is_some() {
            return POLL;
        }
        match (&self.active, &self.stream, self.retry_at) {
            (Some(turn), ..) if turn.is_sounding() => POLL,
            (_, Some(_), _) => IDLE_POLL,
            (_, None, Some(at)) => at.since(clock::now()).max(POLL),
            (_, None, None) => LONG,
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
                } else if turn > self.silenced {
                    // Nothing of it sounds.
                    self.silenced = turn;
                    self.say(WorkerEvent::Silenced(turn, clock::now()));
                }
            }
            PlayCmd::Wake => {
                self.open_until = clock::now().plus(ANSWER_COMES);
                if self.stream.is_none()
                    && self.active.is_none()
                    && let Err(error) = self.open()
                {
                    self.tell(TurnId::NONE, error);
                }
            }
            PlayCmd::SelectDevice(device) => {
                self.device = device;
                self.stream = None;
                self.told = false;
                self.known = None;
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
        self.follow_the_fade();
        if self.active.is_none() && self.fading.is_none() && self.stream.is_some() && clock::now() >= self.open_until {
            tracing::debug!("the speaker is closed until the next press");
            self.stream = None;
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
            self.open_until = clock::now().plus(QUIET);
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
        // Which speaker it is from now on is news.
        self.known = None;
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
                let was_away = std::mem::take(&mut self.told);
                self.retry_at = None;
                self.open_until = self.open_until.max(clock::now().plus(QUIET));
                if was_away || self.known.as_ref() != Some(&info) {
                    self.known = Some(info.clone());
                    self.say(WorkerEvent::Ready(Stage::Playback, info));
                }
                Ok(())
            }
            Err(error) => {
                self.retry_at = Some(clock::now().plus(RETRY));
                Err(error)
            }
        }
    }

    fn silence(&mut self) {
        if let Some(active) = self.active.take() {
            self.levels.output.push(Level::default());
            let now = clock::now();
            let (turn, silent) = (active.id, active.silence());
            drop(active);
            self.silenced = self.silenced.max(turn);
            self.open_until = self.open_until.max(now.plus(QUIET));
            self.fading = silent.map(|silent| Fading { turn, silent, since: now });
            if self.fading.is_none() {
                self.say(WorkerEvent::Silenced(turn, clock::now()));
            }
        }
        self.stuck_for = Duration::ZERO;
    }

    fn follow_the_fade(&mut self) {
        let Some(fading) = &self.fading else { return };
        match fading.silent.get() {
            Some(at) => self.say(WorkerEvent::Silenced(fading.turn, at)),
            // A speaker that hangs or is gone is silent anyway, and says nothing.
            None if clock::now().since(fading.since) >= FADE_LIMIT => {}
            None => return,
        }
        self.fading = None;
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
