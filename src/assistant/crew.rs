//! The workers and what is needed to build them anew.

use super::asleep::Asleep;
use super::outbox::Outbox;
use super::registry::{self, Devices, Probe};
use super::seat::Seat;
use super::state::{Effect, Input};
use crate::audio::capture::spawn_capture;
use crate::audio::level::Levels;
use crate::audio::playback::spawn_playback;
use crate::audio::vad;
use crate::clock;
use crate::config::Config;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, EventSink, LlmCmd, PlayCmd, SttCmd, TtsCmd, UserAction, WorkerEvent};
use crate::llm::worker::spawn_llm;
use crate::stt::worker::spawn_stt;
use crate::tts::worker::spawn_tts;
use crate::turn::{CancelToken, TurnClock, TurnId, TurnReader};
use crate::worker::Patience;
use crossbeam_channel::{Receiver, Select};
use std::sync::Arc;
use std::time::Duration;

/// All threads are down within this time after Quit; the window promises one second.
pub(super) const END_WITHIN: Duration = Duration::from_millis(900);

/// See the module.
pub(super) struct Crew {
    devices: Devices,
    probe: Probe,
    levels: Arc<Levels>,
    turns: TurnReader,
    clock: TurnClock,
    capture: Outbox<CaptureCmd>,
    stt: Seat<SttCmd>,
    llm: Seat<LlmCmd>,
    tts: Seat<TtsCmd>,
    playback: Outbox<PlayCmd>,
    /// When engines that do nothing give their memory back.
    patience: Patience,
    /// Stages whose old engine has to go before a new one is loaded.
    pub crowded: Vec<Stage>,
    pub asleep: Asleep,
}

/// What came over the channels.
pub(super) enum Received {
    /// Of the worker in this place of [`PLACES`].
    Event(usize, WorkerEvent),
    Action(UserAction),
    WorkerGone(usize),
    UserGone,
    Timeout,
}

/// Which worker's events come where: those that work, then those that are being made ready.
const PLACES: [Stage; 8] = [Stage::Capture, Stage::Stt, Stage::Llm, Stage::Tts, Stage::Playback, Stage::Stt, Stage::Llm, Stage::Tts];
/// From here on they are being made ready.
const NEXT: usize = 5;

/// Waits for the first of: an action, an event of a worker whose channel is open, the timeout (none: for ever).
fn receive(workers: &[Option<&Receiver<WorkerEvent>>], inbox: &Receiver<UserAction>, timeout: Option<Duration>) -> Received {
    let mut select = Select::new();
    let user = select.recv(inbox);
    let mut places = Vec::with_capacity(workers.len());
    for (place, worker) in workers.iter().enumerate() {
        if let Some(worker) = worker {
            select.recv(worker);
            places.push((place, *worker));
        }
    }
    let ready = match timeout {
        Some(timeout) => match select.select_timeout(timeout) {
            Ok(ready) => ready,
            Err(_) => return Received::Timeout,
        },
        None => select.select(),
    };
    let index = ready.index();
    if index == user {
        return ready.recv(inbox).map_or(Received::UserGone, Received::Action);
    }
    // The inbox was registered first, so the workers follow from 1 on.
    let (place, worker) = places[index - 1];
    ready.recv(worker).map_or(Received::WorkerGone(place), |event| Received::Event(place, event))
}

fn start_capture(config: &Config, devices: &Devices, levels: &Arc<Levels>) -> std::io::Result<Outbox<CaptureCmd>> {
    let Some(input) = &devices.input else { return Ok(Outbox::absent(Stage::Capture)) };
    Outbox::start(|up| spawn_capture(Arc::clone(input), config.microphone.clone(), config.keep_microphone_open, up, Arc::clone(levels)))
}

/// What every engine's worker is started with.
struct Start<'a> {
    config: &'a Config,
    probe: &'a Probe,
    turns: &'a TurnReader,
    patience: &'a Patience,
}

impl Start<'_> {
    fn stt(&self) -> std::io::Result<Outbox<SttCmd>> {
        let (wanted, end) = CancelToken::with_clock();
        let factory = registry::probed_transcriber(self.config, Arc::clone(self.probe), wanted);
        let (options, turns, patience) = (self.config.stt.clone(), self.turns.clone(), self.patience.clone());
        Outbox::start(|up| spawn_stt(factory, options, up, turns, vad::earshot, patience)).map(|outbox| outbox.ending(end))
    }

    fn llm(&self) -> std::io::Result<Outbox<LlmCmd>> {
        let (wanted, end) = CancelToken::with_clock();
        let factory = registry::probed_chat(self.config, Arc::clone(self.probe), wanted);
        let (options, turns, patience) = (self.config.chat.clone(), self.turns.clone(), self.patience.clone());
        Outbox::start(|up| spawn_llm(factory, options, up, turns, patience)).map(|outbox| outbox.ending(end))
    }

    fn tts(&self) -> std::io::Result<Outbox<TtsCmd>> {
        let (wanted, end) = CancelToken::with_clock();
        let factory = registry::probed_voice(self.config, Arc::clone(self.probe), wanted);
        let (options, turns, patience) = (self.config.voice_options.clone(), self.turns.clone(), self.patience.clone());
        Outbox::start(|up| spawn_tts(factory, options, up, turns, patience)).map(|outbox| outbox.ending(end))
    }
}

fn start_playback(config: &Config, devices: &Devices, levels: &Arc<Levels>, turns: &TurnReader) -> std::io::Result<Outbox<PlayCmd>> {
    let (host, speaker) = (Arc::clone(&devices.output), config.speaker.clone());
    Outbox::start(|up| spawn_playback(host, speaker, up, Arc::clone(levels), turns.clone()))
}

impl Crew {
    pub fn start(config: &Config, devices: Devices, probe: Probe, levels: Arc<Levels>) -> std::io::Result<Crew> {
        let clock = TurnClock::new();
        let turns = clock.reader();
        let patience = Patience::from(config.unload_after);
        let start = Start { config, probe: &probe, turns: &turns, patience: &patience };
        Ok(Crew {
            capture: start_capture(config, &devices, &levels)?,
            stt: Seat::new(start.stt()?),
            llm: Seat::new(start.llm()?),
            tts: Seat::new(start.tts()?),
            playback: start_playback(config, &devices, &levels, &turns)?,
            devices,
            probe,
            levels,
            turns,
            clock,
            patience,
            crowded: Vec::new(),
            asleep: Asleep::default(),
        })
    }

    /// Hands over what waits. Returns true when all is gone.
    pub fn flush(&mut self) -> bool {
        let idle = [self.capture.flush(), self.stt.flush(), self.llm.flush(), self.tts.flush(), self.playback.flush()];
        !idle.contains(&false)
    }

    pub fn receive(&self, inbox: &Receiver<UserAction>, timeout: Option<Duration>) -> Received {
        let workers = [
            self.capture.events(),
            self.stt.events(),
            self.llm.events(),
            self.tts.events(),
            self.playback.events(),
            self.stt.next_events(),
            self.llm.next_events(),
            self.tts.next_events(),
        ];
        receive(&workers, inbox, timeout)
    }

    /// What an event of the worker in this place means for who decides; `None`: nothing.
    pub fn input_of(&mut self, place: usize, event: WorkerEvent) -> Option<Input> {
        if place < NEXT {
            return match event {
                WorkerEvent::Unloaded(stage, at) => {
                    self.asleep.falls_asleep(stage, at);
                    None
                }
                WorkerEvent::Released(stage) => {
                    let config = self.released(stage);
                    config.and_then(|config| self.begin(stage, &config))
                }
                event => Some(Input::Worker(event)),
            };
        }
        let stage = PLACES[place];
        match event {
            WorkerEvent::Ready(_, info) => Some(Input::Prepared(stage, Ok(info))),
            WorkerEvent::Failed(_, error) => Some(Input::Prepared(stage, Err(error))),
            WorkerEvent::Died(_, why) => {
                let message = format!("It stopped working while it was loaded: {why}.");
                Some(Input::Prepared(stage, Err(StageError::new(stage, Severity::Stage, message, "Choose another file."))))
            }
            // It has no turn yet.
            _ => None,
        }
    }

    /// A worker that ended has said why with its last event; its closed channel must not wake us again.
    pub fn gone(&mut self, place: usize) -> Option<Input> {
        let waiting = match place {
            0 => {
                self.capture.close_events();
                None
            }
            1 => self.stt.close_events(),
            2 => self.llm.close_events(),
            3 => self.tts.close_events(),
            4 => {
                self.playback.close_events();
                None
            }
            5 => {
                self.stt.close_next();
                None
            }
            6 => {
                self.llm.close_next();
                None
            }
            _ => {
                self.tts.close_next();
                None
            }
        };
        if place >= NEXT {
            let stage = PLACES[place];
            let message = "It ended while it was loaded.";
            return Some(Input::Prepared(stage, Err(StageError::new(stage, Severity::Stage, message, "Choose another file."))));
        }
        // It ended instead of giving its memory back, which is the same.
        waiting.and_then(|config| self.begin(PLACES[place], &config))
    }

    fn released(&mut self, stage: Stage) -> Option<Arc<Config>> {
        match stage {
            Stage::Stt => self.stt.released(),
            Stage::Llm => self.llm.released(),
            Stage::Tts => self.tts.released(),
            _ => None,
        }
    }

    /// Carries out what is no event for the window. Gives what it led to at once.
    pub fn carry_out(&mut self, effect: Effect, events: &EventSink) -> Option<Input> {
        self.asleep.sees(&effect);
        match effect {
            Effect::Advance(turn) => self.clock.advance_to(turn),
            Effect::Capture(command) => self.capture.send(command),
            Effect::Stt(command) => self.stt.send(command),
            // It comes before all that was kept for the new model.
            Effect::Llm(command @ LlmCmd::Remember(_)) => self.llm.send_first(command),
            Effect::Llm(command) => self.llm.send(command),
            Effect::Tts(command) => self.tts.send(command),
            Effect::Play(command) => self.playback.send(command),
            Effect::Emit(event) => events.send(event),
            Effect::Patience(patience) => self.patience.set(patience),
            Effect::Forget(stage, config) => registry::forget(stage, &config),
            Effect::Restart(stage, config) => {
                if let Err(error) = self.restart(stage, &config) {
                    return Some(Input::Worker(WorkerEvent::Failed(TurnId::NONE, no_thread(stage, &error))));
                }
            }
            Effect::Prepare(stage, config) => return self.prepare(stage, &config),
            Effect::Swap(Stage::Stt) => self.stt.swap(),
            Effect::Swap(Stage::Llm) => self.llm.swap(),
            Effect::Swap(Stage::Tts) => self.tts.swap(),
            Effect::Abandon(Stage::Stt) => self.stt.abandon(SttCmd::Wake),
            Effect::Abandon(Stage::Llm) => self.llm.abandon(LlmCmd::Wake),
            Effect::Abandon(Stage::Tts) => self.tts.abandon(TtsCmd::Wake),
            Effect::Resume(Stage::Stt) => self.stt.resume(),
            Effect::Resume(Stage::Llm) => self.llm.resume(),
            Effect::Resume(Stage::Tts) => self.tts.resume(),
            Effect::Swap(_) | Effect::Abandon(_) | Effect::Resume(_) | Effect::Stop => {}
        }
        None
    }

    /// Begins to load another engine, or has the old one go first.
    fn prepare(&mut self, stage: Stage, config: &Arc<Config>) -> Option<Input> {
        let parked = match stage {
            Stage::Stt => self.stt.is_parked(),
            Stage::Llm => self.llm.is_parked(),
            Stage::Tts => self.tts.is_parked(),
            _ => return None,
        };
        if !parked && !self.crowded.contains(&stage) {
            return self.begin(stage, config);
        }
        let now = match stage {
            Stage::Stt => self.stt.make_room(SttCmd::Release, Arc::clone(config)),
            Stage::Llm => self.llm.make_room(LlmCmd::Release, Arc::clone(config)),
            _ => self.tts.make_room(TtsCmd::Release, Arc::clone(config)),
        };
        let failed = now.and_then(|config| self.begin(stage, &config));
        failed.or(Some(Input::Held(stage)))
    }

    /// Starts the worker that is to take over.
    fn begin(&mut self, stage: Stage, config: &Config) -> Option<Input> {
        let start = Start { config, probe: &self.probe, turns: &self.turns, patience: &self.patience };
        let started = match stage {
            Stage::Stt => start.stt().map(|next| self.stt.prepare(next)),
            Stage::Llm => start.llm().map(|next| self.llm.prepare(next)),
            Stage::Tts => start.tts().map(|next| self.tts.prepare(next)),
            _ => Ok(()),
        };
        started.err().map(|error| Input::Prepared(stage, Err(no_thread(stage, &error))))
    }

    fn restart(&mut self, stage: Stage, config: &Config) -> std::io::Result<()> {
        let start = Start { config, probe: &self.probe, turns: &self.turns, patience: &self.patience };
        match stage {
            Stage::Capture => self.capture = start_capture(config, &self.devices, &self.levels)?,
            Stage::Stt => self.stt.replace(start.stt()?),
            Stage::Llm => self.llm.replace(start.llm()?),
            Stage::Tts => self.tts.replace(start.tts()?),
            Stage::Playback => self.playback = start_playback(config, &self.devices, &self.levels, &self.turns)?,
            Stage::Settings | Stage::Desktop => {}
        }
        Ok(())
    }

    pub fn end(&mut self) {
        self.capture.disconnect();
        self.stt.disconnect();
        self.llm.disconnect();
        self.tts.disconnect();
        self.playback.disconnect();
        let deadline = clock::now().0 + END_WITHIN;
        let ended = [
            self.capture.join_until(deadline),
            self.playback.join_until(deadline),
            self.tts.join_until(deadline),
            self.stt.join_until(deadline),
            self.llm.join_until(deadline),
        ];
        if ended.contains(&false) {
            tracing::warn!("a worker was still busy at the end");
        }
    }
}

fn no_thread(stage: Stage, error: &std::io::Error) -> StageError {
    let text = format!("A thread could not be started: {error}.");
    StageError::new(stage, Severity::Stage, text, "Please start the program again.")
}
