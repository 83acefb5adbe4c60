//! The one loop around the pure [`step`]: takes inputs, carries out effects, never blocks on a worker.

use super::crew::{Crew, END_WITHIN, Received};
use super::planner::{self, Loaded, Planned, Planner, Sensors, ThisMachine};
use super::registry::{self, Devices, Probe};
use super::state::{Effect, Input, State, step};
use crate::audio::level::Levels;
use crate::clock;
use crate::config::Config;
use crate::error::Stage;
use crate::event::{Event, EventSink, UserAction};
use crate::models::policy::Plan;
use crate::turn::TurnId;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Room for actions of the user; nobody presses faster.
const ACTIONS: usize = 256;
/// While a worker's inbox is full its commands are offered again so often.
const RETRY: Duration = Duration::from_millis(5);

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
        let tools = Tools::of_this_machine(&config);
        Self::start_with(config, devices, tools, events)
    }

    /// [`Assistant::start`] with other eyes on the machine and another probe.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start_with(wish: Arc<Config>, devices: Devices, tools: Tools, events: EventSink) -> std::io::Result<Assistant> {
        let (actions, inbox) = bounded(ACTIONS);
        let levels = Arc::new(Levels::default());
        let mut planner = Planner::start(tools.sensors)?;
        let planned = planner.begin(&wish);
        let crew = Crew::start(&planned.config, devices, tools.probe, Arc::clone(&levels))?;
        let desk = Desk { crew, planner, loaded: Loaded::default(), events, plan: None };
        let thread = std::thread::Builder::new().name("hark-assistant".to_owned()).spawn(move || desk.run(planned, &inbox))?;
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

/// What the core needs besides sound: who looks at the machine, and who tries a model file first.
pub struct Tools {
    /// Memory and battery.
    pub sensors: Box<dyn Sensors>,
    /// See [`Probe`].
    pub probe: Probe,
}

impl Tools {
    /// The real ones.
    #[must_use]
    pub fn of_this_machine(config: &Config) -> Tools {
        Tools { sensors: Box::new(ThisMachine), probe: registry::probe(config) }
    }
}

struct Desk {
    crew: Crew,
    planner: Planner,
    /// What the engines hold.
    loaded: Loaded,
    events: EventSink,
    /// What was told last.
    plan: Option<Arc<Plan>>,
}

impl Desk {
    fn run(mut self, planned: Planned, inbox: &Receiver<UserAction>) {
        self.tell(&planned);
        let mut state = State::new(planned.config);
        let mut inputs = VecDeque::new();
        loop {
            let input = match inputs.pop_front() {
                Some(input) => input,
                None => self.wait(&state, inbox),
            };
            let before = state.turn();
            let mut effects;
            (state, effects) = step(state, input, clock::now());
            if let Some(at) = effects.iter().position(|effect| matches!(effect, Effect::Stop)) {
                // What ends the turn comes before it.
                effects.truncate(at);
                self.carry_out(effects, &mut inputs);
                break;
            }
            let woken = self.crew.asleep.woken_by(&effects);
            if !woken.is_empty() {
                state = self.wake(state, effects, woken, &mut inputs);
                continue;
            }
            self.carry_out(effects, &mut inputs);
            // A turn begins: is it on battery? What is urgent was done.
            if state.turn() != before
                && let Some(planned) = self.planner.turn_begins()
            {
                self.tell(&planned);
                self.crew.crowded.clone_from(&planned.crowded);
                inputs.push_back(Input::Action(UserAction::Configure(planned.config)));
            }
        }
        self.crew.end();
        self.events.send(Event::Stopped);
    }

    fn carry_out(&mut self, effects: Vec<Effect>, inputs: &mut VecDeque<Input>) {
        for effect in effects {
            if let Effect::Emit(Event::InUse(stage, file)) = &effect {
                self.loaded.set(*stage, file.clone());
            }
            inputs.extend(self.crew.carry_out(effect, &self.events));
        }
    }

    /// Engines that gave their memory back are needed again. The machine is looked at before they are loaded; the microphone
    /// does not wait for that.
    fn wake(&mut self, state: State, mut effects: Vec<Effect>, woken: Vec<Stage>, inputs: &mut VecDeque<Input>) -> State {
        let to_engines = effects.extract_if(.., |effect| matches!(effect, Effect::Stt(_) | Effect::Llm(_) | Effect::Tts(_))).collect();
        self.carry_out(effects, inputs);
        let planned = self.planner.wakes(&self.loaded, self.crew.asleep.stages(), &woken);
        self.crew.asleep.wake(&woken);
        let mut state = state;
        if let Some(planned) = planned {
            self.tell(&planned);
            self.crew.crowded.clone_from(&planned.crowded);
            let effects;
            (state, effects) = step(state, Input::Woken(Arc::clone(&planned.config), woken), clock::now());
            self.carry_out(effects, inputs);
            inputs.push_back(Input::Action(UserAction::Configure(planned.config)));
        }
        self.carry_out(to_engines, inputs);
        state
    }

    /// New choices are made to fit the machine before they are decided on.
    fn choices(&mut self, wish: &Arc<Config>) -> Arc<Config> {
        let planned = self.planner.choose(wish, &self.loaded, self.crew.asleep.stages());
        self.tell(&planned);
        self.crew.crowded.clone_from(&planned.crowded);
        planned.config
    }

    fn tell(&mut self, planned: &Planned) {
        self.events.send(Event::Plan(Arc::clone(&planned.plan)));
        for notice in planner::notices(&planned.plan, self.plan.as_deref()) {
            self.events.send(Event::Notice(TurnId::NONE, notice));
        }
        self.plan = Some(Arc::clone(&planned.plan));
    }

    fn wait(&mut self, state: &State, inbox: &Receiver<UserAction>) -> Input {
        let idle = self.crew.flush();
        let due = state.deadline().map(|at| at.since(clock::now()));
        let timeout = if idle { due } else { Some(due.map_or(RETRY, |d| d.min(RETRY))) };
        let input = match self.crew.receive(inbox, timeout) {
            Received::WorkerGone(place) => self.crew.gone(place),
            Received::Event(place, event) => self.crew.input_of(place, event),
            Received::Action(UserAction::Configure(wish)) => Some(Input::Action(UserAction::Configure(self.choices(&wish)))),
            Received::Action(action) => Some(Input::Action(action)),
            Received::UserGone => Some(Input::Action(UserAction::Quit)),
            Received::Timeout => None,
        };
        input.unwrap_or(Input::Tick)
    }
}
