//! The thread that looks at the machine (free memory, battery, sizes of files) and makes the plan. A look may take its
//! time (a slow battery driver, a sleeping disk), so the assistant never looks itself; it waits a little for the answer
//! and goes on without. Between two questions nothing wakes up.

use crate::clock;
use crate::config::{Config, VoiceChoice};
use crate::error::{Severity, Stage, StageError};
use crate::models::catalog::ModelKind;
use crate::models::check::gguf;
use crate::models::policy::{self, Choice, Model, Plan, Reading, Reason, Wishes};
use crate::models::store::{self, ModelEntry};
use crate::platform::memory;
use crate::platform::power::{self, Power};
use crate::turn::Moment;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What is asked of the machine; tests give their own.
pub trait Sensors: Send {
    /// Memory that is free, bytes.
    fn free_memory(&mut self) -> Option<u64>;
    /// Where the power comes from; `None`: no battery.
    fn power(&mut self) -> Option<Power>;
}

/// The real machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Sensors for ThisMachine {
    fn free_memory(&mut self) -> Option<u64> {
        memory::free_bytes()
    }

    fn power(&mut self) -> Option<Power> {
        power::read()
    }
}

/// What the engines hold now: the files that are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    pub stt: Option<PathBuf>,
    pub chat: Option<PathBuf>,
    pub voice: Option<PathBuf>,
}

impl Loaded {
    /// All but the engines of these stages.
    fn without(&self, stages: &[Stage]) -> Loaded {
        let mut rest = self.clone();
        stages.iter().for_each(|stage| rest.set(*stage, None));
        rest
    }

    pub fn set(&mut self, stage: Stage, file: Option<PathBuf>) {
        match stage {
            Stage::Stt => self.stt = file,
            Stage::Llm => self.chat = file,
            Stage::Tts => self.voice = file,
            _ => {}
        }
    }
}

/// A plan and the configuration that carries it out.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub config: Arc<Config>,
    pub plan: Arc<Plan>,
    /// Stages whose old engine has to go before the new one is loaded.
    pub crowded: Vec<Stage>,
}

enum Ask {
    /// Decide anew for these wishes.
    All(Arc<Config>, InUse),
    /// Decide anew for the last wishes: engines are loaded again.
    Anew(InUse),
    /// Has the source of power changed?
    Power,
}

/// The engines at the moment of a question.
#[derive(Clone, Debug, Default)]
struct InUse {
    /// What works, or would if it were needed.
    chosen: Loaded,
    /// What of that holds memory.
    held: Loaded,
}

/// Waits at most so long for a plan at the start, before new choices, and for the battery at the beginning of a turn.
const START: Duration = Duration::from_secs(2);
const CHOICE: Duration = Duration::from_millis(200);
const TURN: Duration = Duration::from_millis(5);
/// The battery is looked at so often at most.
const POWER_EVERY: Duration = Duration::from_secs(60);

/// The assistant's end of it.
pub(super) struct Planner {
    asks: Sender<(u64, Ask)>,
    answers: Receiver<(u64, Option<Planned>)>,
    looked: Option<Moment>,
    /// Answers that are still to come.
    open: usize,
    /// Number of the last question.
    asked: u64,
    /// The last choice, when there was no room to ask for its plan.
    unasked: Option<(Arc<Config>, InUse)>,
}

impl Planner {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn start(sensors: Box<dyn Sensors>) -> std::io::Result<Planner> {
        let (asks, inbox) = bounded(4);
        let (up, answers) = bounded(4);
        std::thread::Builder::new().name("hark-plan".to_owned()).spawn(move || {
            let mut desk = Desk { sensors, last: None };
            for (number, ask) in inbox {
                let answer = match ask {
                    Ask::All(raw, in_use) => Some(desk.all(raw, &in_use)),
                    Ask::Anew(in_use) => desk.last.clone().map(|(raw, _)| desk.all(raw, &in_use)),
                    Ask::Power => desk.power(),
                };
                if up.send((number, answer)).is_err() {
                    return;
                }
            }
        })?;
        // It is never joined: a look that hangs must not keep the program from ending.
        Ok(Planner { asks, answers, looked: None, open: 0, asked: 0, unasked: None })
    }

    /// The plan for the start; the wishes as they are when the machine does not answer.
    pub fn begin(&mut self, raw: &Arc<Config>) -> Planned {
        self.ask(Ask::All(Arc::clone(raw), InUse::default()));
        self.looked = Some(clock::now());
        self.answer(START).unwrap_or_else(|| unplanned(raw))
    }

    /// The plan for new choices, while the engines of these stages hold no memory.
    pub fn choose(&mut self, raw: &Arc<Config>, loaded: &Loaded, unloaded: &[Stage]) -> Planned {
        self.ask(Ask::All(Arc::clone(raw), InUse { chosen: loaded.clone(), held: loaded.without(unloaded) }));
        self.answer(CHOICE).unwrap_or_else(|| unplanned(raw))
    }

    /// The plan when engines that had given their memory back are needed again: who has it now? `asleep`: those that hold none,
    /// `woken`: those of them that are to be loaded.
    pub fn wakes(&mut self, loaded: &Loaded, asleep: &[Stage], woken: &[Stage]) -> Option<Planned> {
        let in_use = InUse { chosen: loaded.without(woken), held: loaded.without(asleep) };
        self.looked = Some(clock::now());
        // The last choice may not have been planned for yet.
        match self.unasked.take() {
            Some((raw, _)) => self.ask(Ask::All(raw, in_use)),
            None => self.ask(Ask::Anew(in_use)),
        }
        self.answer(CHOICE)
    }

    /// To be called at the beginning of a turn, after what is urgent was done: a new plan when the plug was pulled or put
    /// in since the last look. Looks at most once a minute.
    pub fn turn_begins(&mut self) -> Option<Planned> {
        if let Some((raw, in_use)) = self.unasked.take() {
            self.ask(Ask::All(raw, in_use));
        }
        let now = clock::now();
        if self.open == 0 && self.looked.is_none_or(|at| now.since(at) >= POWER_EVERY) {
            self.looked = Some(now);
            self.ask(Ask::Power);
        }
        if self.open == 0 { None } else { self.answer(TURN) }
    }

    fn ask(&mut self, ask: Ask) {
        // A thread that hangs in a look takes no more questions.
        self.asked += 1;
        match self.asks.try_send((self.asked, ask)) {
            Ok(()) => {
                self.open += 1;
                self.unasked = None;
            }
            Err(TrySendError::Full((_, Ask::All(raw, in_use)))) => self.unasked = Some((raw, in_use)),
            Err(_) => {}
        }
    }

    /// The answer to the last question, if it comes within this time. What is said to an earlier one is out of date: it would undo
    /// the choices since.
    fn answer(&mut self, within: Duration) -> Option<Planned> {
        let deadline = clock::now().plus(within);
        while self.open > 0 {
            let (number, answer) = self.answers.recv_timeout(deadline.since(clock::now())).ok()?;
            self.open -= 1;
            if number == self.asked {
                return answer;
            }
        }
        None
    }
}

/// The wishes, as they are.
fn unplanned(raw: &Arc<Config>) -> Planned {
    let plan = Plan {
        stt: raw.stt_model.clone(),
        chat: raw.chat_model.clone(),
        stt_threads: raw.stt.threads,
        chat_threads: raw.chat.threads,
        speculate: true,
        unload_after: raw.unload_after,
        ..Plan::default()
    };
    Planned { config: Arc::clone(raw), plan: Arc::new(plan), crowded: Vec::new() }
}

struct Desk {
    sensors: Box<dyn Sensors>,
    /// The wishes that were planned for last, and how.
    last: Option<(Arc<Config>, Plan)>,
}

impl Desk {
    fn reading(&mut self, ours_bytes: u64) -> Reading {
        let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
        Reading { free_bytes: self.sensors.free_memory(), ours_bytes, power: self.sensors.power(), cores }
    }

    fn all(&mut self, raw: Arc<Config>, in_use: &InUse) -> Planned {
        let reading = self.reading(held(&raw, &in_use.held));
        let plan = policy::plan(&wishes(&raw, &in_use.chosen), &reading);
        self.answer(raw, plan, &in_use.held)
    }

    fn power(&mut self) -> Option<Planned> {
        let (raw, plan) = self.last.clone()?;
        let power = self.sensors.power();
        if power == plan.power {
            return None;
        }
        let reading = Reading { power, ..self.reading(0) };
        let plan = policy::with_power(plan, &wishes(&raw, &Loaded::default()), &reading);
        Some(self.answer(raw, plan, &Loaded::default()))
    }

    fn answer(&mut self, raw: Arc<Config>, plan: Plan, held: &Loaded) -> Planned {
        let config = Arc::new(carry_out(&raw, &plan));
        self.last = Some((raw, plan.clone()));
        let crowded = crowded(&config, plan.free_bytes, held);
        Planned { config, plan: Arc::new(plan), crowded }
    }
}

/// The configuration that a plan asks for.
fn carry_out(raw: &Config, plan: &Plan) -> Config {
    let mut config = raw.clone();
    config.stt_model.clone_from(&plan.stt);
    config.chat_model.clone_from(&plan.chat);
    config.stt.threads = plan.stt_threads;
    config.chat.threads = plan.chat_threads;
    config.speculate = raw.speculate && plan.speculate;
    // What was too large to be chosen is too large to be taken instead; so is what is larger than the choice and has no room.
    let least = |kind, bytes| policy::need(kind, bytes, raw.chat.context_tokens).saturating_add(policy::KEEP_FREE);
    let fits = |kind, bytes| !raw.fit_memory || plan.free_bytes.is_none_or(|free| free >= least(kind, bytes));
    let smaller = |kind, used: &Option<PathBuf>, wished: &Option<PathBuf>, spare: &mut Vec<ModelEntry>| {
        if let Some(used) = used {
            let most = bytes_of(used);
            spare.retain(|entry| entry.bytes <= most || (used == wished.as_deref().unwrap_or(used) && fits(kind, entry.bytes)));
        }
    };
    smaller(ModelKind::Stt, &plan.stt, &raw.stt_model, &mut config.spare.stt);
    smaller(ModelKind::Chat, &plan.chat, &raw.chat_model, &mut config.spare.chat);
    config
}

fn bytes_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// What the settings wish, with the sizes of the files.
fn wishes(raw: &Config, loaded: &Loaded) -> Wishes {
    let model = |entry: &ModelEntry| Model { path: entry.path.clone(), name: entry.name.clone(), bytes: entry.bytes };
    let choice = |wished: &Option<PathBuf>, in_use: &Option<PathBuf>, spare: &[ModelEntry]| Choice {
        wished: wished.as_deref().map(|path| model(&store::entry(path))),
        // What works now is not taken away because some other choice was made while memory is short.
        others: if wished.is_some() && wished == in_use { Vec::new() } else { spare.iter().map(model).collect() },
    };
    // The starter knows forty sentences of one language: it is no smaller choice of somebody who has another.
    let ears: Vec<ModelEntry> = raw.spare.stt.iter().filter(|entry| !entry.starter).cloned().collect();
    Wishes {
        stt: choice(&raw.stt_model, &loaded.stt, &ears),
        chat: choice(&raw.chat_model, &loaded.chat, &raw.spare.chat),
        voice_bytes: match &raw.voice {
            VoiceChoice::Vits(path) => bytes_of(path),
            VoiceChoice::Espeak(_) => 0,
        },
        context_tokens: raw.chat.context_tokens,
        stt_threads: raw.stt.threads,
        chat_threads: raw.chat.threads,
        unload_after: raw.unload_after,
        fit_memory: raw.fit_memory,
        save_on_battery: raw.save_on_battery,
    }
}

/// What would become free if our engines were unloaded, bytes.
fn held(raw: &Config, loaded: &Loaded) -> u64 {
    let of = |kind, file: &Option<PathBuf>| file.as_deref().map_or(0, |path| frees(kind, path, raw.chat.context_tokens));
    of(ModelKind::Stt, &loaded.stt).saturating_add(of(ModelKind::Chat, &loaded.chat)).saturating_add(of(ModelKind::Voice, &loaded.voice))
}

/// What one engine gives back. The pages of a mapped chat model count as free anyway.
fn frees(kind: ModelKind, path: &Path, context_tokens: u32) -> u64 {
    let bytes = bytes_of(path);
    let read =
        kind != ModelKind::Chat || crate::platform::files::open(path).is_ok_and(|file| gguf::check(file).is_ok_and(|facts| facts.repacked));
    policy::extra(kind, bytes, context_tokens).saturating_add(if read { bytes } else { 0 })
}

/// The stages whose new engine cannot be loaded while the old one is there. What one of them takes the next one does not have.
fn crowded(config: &Config, free_bytes: Option<u64>, held: &Loaded) -> Vec<Stage> {
    let voice = if let VoiceChoice::Vits(path) = &config.voice { Some(path.as_path()) } else { None };
    let engines = [
        (Stage::Stt, ModelKind::Stt, config.stt_model.as_deref(), &held.stt),
        (Stage::Llm, ModelKind::Chat, config.chat_model.as_deref(), &held.chat),
        (Stage::Tts, ModelKind::Voice, voice, &held.voice),
    ];
    let (mut left, mut crowded) = (free_bytes, Vec::new());
    for (stage, kind, path, held) in engines {
        let Some(path) = path else { continue };
        let need = policy::need(kind, bytes_of(path), config.chat.context_tokens);
        if !policy::beside(need, left) {
            crowded.push(stage);
        } else if held.as_deref() != Some(path) {
            left = left.map(|left| left.saturating_sub(need));
        }
    }
    crowded
}

/// What a person should be told of a plan at once, less what was told with the last one; all of it stands in the panel.
pub(super) fn notices(plan: &Plan, before: Option<&Plan>) -> Vec<StageError> {
    let same = |a: &Reason, b: &Reason| match (a, b) {
        (Reason::Smaller { wished: a, used: b, .. }, Reason::Smaller { wished: c, used: d, .. }) => (&a.0, b) == (&c.0, d),
        _ => false,
    };
    let new = |reason: &&Reason| !before.is_some_and(|plan| plan.reasons.iter().any(|old| same(reason, old)));
    let stage = |reason: &Reason| match reason {
        Reason::Smaller { kind: ModelKind::Stt, .. } => Some(Stage::Stt),
        Reason::Smaller { .. } => Some(Stage::Llm),
        _ => None,
    };
    let notice = |reason: &Reason| Some(StageError::new(stage(reason)?, Severity::Info, reason.sentence(), reason.hint()));
    plan.reasons.iter().filter(new).filter_map(notice).collect()
}

/// The plan as it would be made now, for `hark doctor`.
#[must_use]
pub fn plan_now(config: &Config) -> Plan {
    Arc::unwrap_or_clone(planned_now(config).plan)
}

fn planned_now(config: &Config) -> Planned {
    let mut desk = Desk { sensors: Box::new(ThisMachine), last: None };
    desk.all(Arc::new(config.clone()), &InUse::default())
}

/// The configuration that fits this machine now, and what a person should know of it: for commands that load one engine
/// without the assistant.
#[must_use]
pub fn fitted(config: &Config) -> (Arc<Config>, Vec<StageError>) {
    let planned = planned_now(config);
    let notices = notices(&planned.plan, None);
    (planned.config, notices)
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
