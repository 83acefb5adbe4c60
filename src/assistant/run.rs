//! The one loop around the pure [`step`]: takes inputs, carries out effects, never blocks on a worker.

use super::outbox::Outbox;
use super::registry::{self, Devices};
use super::state::{Effect, Input, State, step};
use crate::audio::capture::spawn_capture;
use crate::audio::level::Levels;
use crate::audio::playback::spawn_playback;
use crate::audio::vad;
use crate::clock;
use crate::config::Config;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, Event, EventSink, LlmCmd, PlayCmd, SttCmd, TtsCmd, UserAction, WorkerEvent};
use crate::llm::worker::spawn_llm;
use crate::stt::worker::spawn_stt;
use crate::tts::worker::spawn_tts;
use crate::turn::{TurnClock, TurnId, TurnReader};
use crossbeam_channel::{Receiver, Select, Sender, bounded};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Room for actions of the user; nobody presses faster.
const ACTIONS: usize = 256;
/// While a worker's inbox is full its commands are offered again so often.
const RETRY: Duration = Duration::from_millis(5);
/// All threads are down within this time after Quit; the window promises one second.
const END_WITHIN: Duration = Duration::from_millis(900);

/// The running core. Dropping it ends it.
#[derive(Debug)]
pub struct Assistant {
    actions: Sender<UserAction>,
    levels: Arc<Levels>,
    thread: Option<JoinHandle<()>>,
}

impl Assistant {
    /// Starts all threads. Engines are loaded in the background: events tell how that goes.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start(config: Arc<Config>, devices: Devices, events: EventSink) -> std::io::Result<Assistant> {
        let (actions, inbox) = bounded(ACTIONS);
        let levels = Arc::new(Levels::default());
        let crew = Crew::start(&config, devices, Arc::clone(&levels))?;
        let thread =
            std::thread::Builder::new().name("hark-assistant".to_owned()).spawn(move || crew.run(State::new(config), &inbox, &events))?;
        Ok(Assistant { actions, levels, thread: Some(thread) })
    }

    /// Hands an action over. After the end nothing happens.
    pub fn send(&self, action: UserAction) {
        let _ = self.actions.send(action);
    }

    /// A sender for keys and timers of other threads.
    #[must_use]
    pub fn actions(&self) -> Sender<UserAction> {
        self.actions.clone()
    }

    /// The levels of microphone and speaker.
    #[must_use]
    pub fn levels(&self) -> Arc<Levels> {
        Arc::clone(&self.levels)
    }

    /// Ends all threads; false when one was still busy after `within` and is left to end with the process.
    pub fn stop(mut self, within: Duration) -> bool {
        self.end(within)
    }

    fn end(&mut self, within: Duration) -> bool {
        let Some(thread) = self.thread.take() else { return true };
        let _ = self.actions.try_send(UserAction::Quit);
        let deadline = clock::now().0 + within;
        while !thread.is_finished() {
            if clock::now().0 >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        thread.join().is_ok()
    }
}

impl Drop for Assistant {
    fn drop(&mut self) {
        self.end(END_WITHIN + Duration::from_millis(100));
    }
}

/// The workers and what is needed to build them anew.
struct Crew {
    devices: Devices,
    levels: Arc<Levels>,
    turns: TurnReader,
    clock: TurnClock,
    capture: Outbox<CaptureCmd>,
    stt: Outbox<SttCmd>,
    llm: Outbox<LlmCmd>,
    tts: Outbox<TtsCmd>,
    playback: Outbox<PlayCmd>,
}

/// What came over the channels.
enum Received {
    Event(WorkerEvent),
    Action(UserAction),
    WorkerGone(usize),
    UserGone,
    Timeout,
}

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
    ready.recv(worker).map_or(Received::WorkerGone(place), Received::Event)
}

/// What the loop waited for.
enum Got {
    Input(Input),
    Nothing,
    Gone,
}

fn start_capture(config: &Config, devices: &Devices, levels: &Arc<Levels>) -> std::io::Result<Outbox<CaptureCmd>> {
    let Some(input) = &devices.input else { return Ok(Outbox::absent(Stage::Capture)) };
    Outbox::start(|up| spawn_capture(Arc::clone(input), config.microphone.clone(), config.keep_microphone_open, up, Arc::clone(levels)))
}

fn start_stt(config: &Config, turns: &TurnReader) -> std::io::Result<Outbox<SttCmd>> {
    Outbox::start(|up| spawn_stt(registry::transcriber(config), config.stt.clone(), up, turns.clone(), vad::earshot, config.unload_after))
}

fn start_llm(config: &Config, turns: &TurnReader) -> std::io::Result<Outbox<LlmCmd>> {
    Outbox::start(|up| spawn_llm(registry::chat(config), config.chat.clone(), up, turns.clone(), config.unload_after))
}

fn start_tts(config: &Config, turns: &TurnReader) -> std::io::Result<Outbox<TtsCmd>> {
    Outbox::start(|up| spawn_tts(registry::voice(config), config.voice_options.clone(), up, turns.clone(), config.unload_after))
}

fn start_playback(config: &Config, devices: &Devices, levels: &Arc<Levels>, turns: &TurnReader) -> std::io::Result<Outbox<PlayCmd>> {
    let (host, speaker) = (Arc::clone(&devices.output), config.speaker.clone());
    Outbox::start(|up| spawn_playback(host, speaker, up, Arc::clone(levels), turns.clone()))
}

impl Crew {
    fn start(config: &Config, devices: Devices, levels: Arc<Levels>) -> std::io::Result<Crew> {
        let clock = TurnClock::new();
        let turns = clock.reader();
        Ok(Crew {
            capture: start_capture(config, &devices, &levels)?,
            stt: start_stt(config, &turns)?,
            llm: start_llm(config, &turns)?,
            tts: start_tts(config, &turns)?,
            playback: start_playback(config, &devices, &levels, &turns)?,
            devices,
            levels,
            turns,
            clock,
        })
    }

    fn run(mut self, mut state: State, inbox: &Receiver<UserAction>, events: &EventSink) {
        'turns: loop {
            let input = match self.wait(&state, inbox) {
                Got::Input(input) => input,
                Got::Nothing => Input::Tick,
                Got::Gone => Input::Action(UserAction::Quit),
            };
            let effects;
            (state, effects) = step(state, input, clock::now());
            for effect in effects {
                if matches!(effect, Effect::Stop) {
                    break 'turns;
                }
                self.carry_out(effect, events);
            }
        }
        self.end();
        events.send(Event::Stopped);
    }

    fn wait(&mut self, state: &State, inbox: &Receiver<UserAction>) -> Got {
        let idle = [self.capture.flush(), self.stt.flush(), self.llm.flush(), self.tts.flush(), self.playback.flush()];
        let due = state.deadline().map(|at| at.since(clock::now()));
        let timeout = if idle.contains(&false) { Some(due.map_or(RETRY, |d| d.min(RETRY))) } else { due };
        let got = {
            let workers = [self.capture.events(), self.stt.events(), self.llm.events(), self.tts.events(), self.playback.events()];
            receive(&workers, inbox, timeout)
        };
        match got {
            // A worker that ended has said why with its last event; its closed channel must not wake us again.
            Received::WorkerGone(0) => self.capture.close_events(),
            Received::WorkerGone(1) => self.stt.close_events(),
            Received::WorkerGone(2) => self.llm.close_events(),
            Received::WorkerGone(3) => self.tts.close_events(),
            Received::WorkerGone(_) => self.playback.close_events(),
            Received::Event(event) => return Got::Input(Input::Worker(event)),
            Received::Action(action) => return Got::Input(Input::Action(action)),
            Received::UserGone => return Got::Gone,
            Received::Timeout => {}
        }
        Got::Nothing
    }

    fn carry_out(&mut self, effect: Effect, events: &EventSink) {
        match effect {
            Effect::Advance(turn) => self.clock.advance_to(turn),
            Effect::Capture(command) => self.capture.send(command),
            Effect::Stt(command) => self.stt.send(command),
            Effect::Llm(command) => self.llm.send(command),
            Effect::Tts(command) => self.tts.send(command),
            Effect::Play(command) => self.playback.send(command),
            Effect::Emit(event) => events.send(event),
            Effect::Restart(stage, config) => {
                if let Err(error) = self.restart(stage, &config) {
                    let text = format!("A thread could not be started: {error}.");
                    events.send(Event::Notice(
                        TurnId::NONE,
                        StageError::new(stage, Severity::Stage, text, "Please start the program again."),
                    ));
                }
            }
            Effect::Stop => {}
        }
    }

    fn restart(&mut self, stage: Stage, config: &Config) -> std::io::Result<()> {
        match stage {
            Stage::Capture => self.capture = start_capture(config, &self.devices, &self.levels)?,
            Stage::Stt => self.stt = start_stt(config, &self.turns)?,
            Stage::Llm => self.llm = start_llm(config, &self.turns)?,
            Stage::Tts => self.tts = start_tts(config, &self.turns)?,
            Stage::Playback => self.playback = start_playback(config, &self.devices, &self.levels, &self.turns)?,
            Stage::Settings | Stage::Desktop => {}
        }
        Ok(())
    }

    fn end(&mut self) {
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
