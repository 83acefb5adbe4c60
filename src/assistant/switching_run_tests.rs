//! Other models while the program runs, with real threads: fakes that fare as their name says, and the real chat engine.

use super::planner::Sensors;
use super::run::Tools;
use super::switching_tests::{installed, with_chat};
use super::{Assistant, Devices};
use crate::audio::outputs::Pace;
use crate::clock;
use crate::config::{Config, EngineSet, Spare, test_config};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, EventSink, Phase, Timing, TurnEnd, UserAction};
use crate::fakes::audio::FakeSpeaker;
use crate::models::catalog::ModelKind;
use crate::models::policy::Plan;
use crate::models::store;
use crate::platform::power::Power;
use crate::turn::CancelToken;
use crossbeam_channel::{Receiver, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A machine as a test wants it.
#[derive(Clone, Default)]
pub(super) struct Machine {
    /// Megabytes; 0: the system does not say.
    pub(super) free: Arc<AtomicU64>,
    pub(super) battery: Arc<AtomicBool>,
    pub(super) looks: Arc<AtomicU64>,
    /// A look takes so long, ms.
    pub(super) slow: Arc<AtomicU64>,
}

impl Sensors for Machine {
    fn free_memory(&mut self) -> Option<u64> {
        Some(self.free.load(Ordering::Relaxed) * 1_000_000).filter(|bytes| *bytes > 0)
    }

    fn power(&mut self) -> Option<Power> {
        self.looks.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(self.slow.load(Ordering::Relaxed)));
        Some(if self.battery.load(Ordering::Relaxed) { Power::Battery } else { Power::Mains })
    }
}

pub(super) struct Rig {
    pub(super) core: Assistant,
    pub(super) events: Receiver<Event>,
}

pub(super) type ProbeFn = fn(ModelKind, &Path, &CancelToken) -> Result<(), StageError>;

pub(super) fn start(config: Config, machine: &Machine, probe: ProbeFn) -> Rig {
    let (tx, events) = bounded(4096);
    let devices = Devices { input: None, output: FakeSpeaker::new(Pace::Instant).factory() };
    let tools = Tools { sensors: Box::new(machine.clone()), probe: Arc::new(probe) };
    let core = Assistant::start_with(Arc::new(config), devices, tools, EventSink::new(tx, || {})).unwrap();
    let rig = Rig { core, events };
    rig.until("idle", |e| matches!(e, Event::Phase(_, Phase::Idle)));
    rig
}

fn rig(config: Config) -> Rig {
    start(config, &Machine::default(), |_, _, _| Ok(()))
}

impl Rig {
    pub(super) fn until(&self, what: &str, mut is_it: impl FnMut(&Event) -> bool) -> Vec<Event> {
        let mut seen = Vec::new();
        let deadline = clock::now().0 + Duration::from_secs(60);
        while clock::now().0 < deadline {
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(100)) {
                let found = is_it(&event);
                seen.push(event);
                if found {
                    return seen;
                }
            }
        }
        panic!("{what} did not come; seen: {seen:#?}");
    }

    fn choose(&self, config: Config) {
        self.core.send(UserAction::Configure(Arc::new(config)));
    }

    /// Chooses, and waits until the stage says what it works with.
    pub(super) fn switch(&self, config: Config, stage: Stage) -> (Vec<Event>, Option<PathBuf>) {
        self.choose(config);
        let mut used = None;
        let events = self.until("an engine in use", |e| match e {
            Event::InUse(of, file) if *of == stage => {
                used.clone_from(file);
                true
            }
            _ => false,
        });
        (events, used)
    }

    /// Asks, and gives the answer, its figures, and all that happened meanwhile.
    pub(super) fn ask(&self, question: &str) -> (String, Timing, Vec<Event>) {
        self.core.send(UserAction::SubmitText(question.into()));
        let events = self.until("the end of the turn", |e| matches!(e, Event::TurnEnded(..)));
        assert!(matches!(events.last(), Some(Event::TurnEnded(_, TurnEnd::Answered))), "{events:#?}");
        let text =
            events.iter().filter_map(|e| if let Event::ReplyFinal { text, .. } = e { Some(text.to_string()) } else { None }).collect();
        let timing = events.iter().find_map(|e| if let Event::Timing(_, t) = e { Some(t.clone()) } else { None }).unwrap();
        (text, timing, events)
    }
}

pub(super) fn notices(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(|e| if let Event::Notice(_, n) = e { Some(n.message.clone()) } else { None }).collect()
}

fn plan(events: &[Event]) -> Option<Arc<Plan>> {
    events.iter().rev().find_map(|e| if let Event::Plan(plan) = e { Some(Arc::clone(plan)) } else { None })
}

#[test]
fn a_new_chat_model_knows_what_was_said_to_the_old_one() {
    let rig = rig(installed());
    assert_eq!(rig.ask("one").1.cached_tokens, 0);
    let (events, used) = rig.switch(with_chat("two"), Stage::Llm);
    assert_eq!((used, notices(&events)), (Some("fake/two".into()), Vec::new()));
    let remembered = rig.ask("two").1.cached_tokens;
    assert!(remembered > 0);
    rig.switch(installed(), Stage::Llm);
    assert!(rig.ask("three").1.cached_tokens > remembered);
    rig.core.send(UserAction::NewConversation);
    assert_eq!(rig.ask("four").1.cached_tokens, 0);
}

#[test]
fn whatever_is_wrong_with_a_new_engine_the_old_one_goes_on_and_remembers() {
    let rig = rig(installed());
    rig.ask("one");
    for fault in ["missing", "broken", "memory", "panics", "slow-broken"] {
        for stage in [Stage::Llm, Stage::Stt, Stage::Tts] {
            let file = PathBuf::from(format!("fake/{fault}"));
            let mut wish = installed();
            match stage {
                Stage::Llm => wish.chat_model = Some(file),
                Stage::Stt => wish.stt_model = Some(file),
                _ => wish.voice = crate::config::VoiceChoice::Vits(file),
            }
            let (events, used) = rig.switch(wish, stage);
            let said = notices(&events);
            assert_eq!(said.len(), 1, "{fault} {stage:?}: {said:?}");
            assert!(said[0].contains("stays in use"), "{said:?}");
            let old = match stage {
                Stage::Llm => "fake/one",
                Stage::Stt => "fake/ear",
                _ => "fake/voice",
            };
            assert_eq!(used, Some(old.into()), "{fault}");
            let (text, timing, _) = rig.ask("still there?");
            assert!(text.contains("still there?") && timing.cached_tokens > 0 && timing.audio_ms > 0.0);
            // Back to the good choice; nothing is to be loaded for that.
            rig.choose(installed());
        }
    }
}

/// R5: what a child may end of, and what becomes of it.
fn crashes(_: ModelKind, file: &Path, _: &CancelToken) -> Result<(), StageError> {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Some(how) = name.strip_prefix("crash-") else { return Ok(()) };
    let script = match how {
        "abort" => "kill -ABRT $$",
        "segv" => "kill -SEGV $$",
        "killed" => "kill -KILL $$",
        "memory" => "exit 12",
        _ => panic!("the probe itself fell over"),
    };
    let ended = std::process::Command::new("sh").args(["-c", script]).status();
    let message = format!("The file {name} made the engine stop ({}).", ended.map_or_else(|e| e.to_string(), |s| s.to_string()));
    Err(StageError::new(Stage::Llm, Severity::Stage, message, "Choose another file."))
}

#[cfg(unix)]
#[test]
fn a_file_that_crashes_its_probe_leaves_the_old_model_answering() {
    let rig = start(installed(), &Machine::default(), crashes);
    rig.ask("one");
    for round in 0..20 {
        let how = ["abort", "segv", "killed", "memory", "probe"][round % 5];
        let (events, used) = rig.switch(with_chat(&format!("crash-{how}")), Stage::Llm);
        assert_eq!(used, Some("fake/one".into()));
        assert_eq!(notices(&events).len(), 1, "{events:?}");
        assert!(rig.ask("and now?").1.cached_tokens > 0, "it remembers");
        rig.choose(installed());
    }
    assert_eq!(rig.switch(with_chat("two"), Stage::Llm).1, Some("fake/two".into()), "a good file is still taken");
}

#[test]
fn a_question_while_a_model_is_loaded_is_answered_by_the_old_one() {
    let rig = rig(installed());
    rig.ask("one");
    rig.choose(with_chat("slow-two"));
    rig.until("the loading", |e| matches!(e, Event::Switching(..)));
    let (_, timing, events) = rig.ask("two");
    assert!(timing.cached_tokens > 0);
    if !events.iter().any(|e| matches!(e, Event::InUse(..))) {
        rig.until("the new one", |e| matches!(e, Event::InUse(Stage::Llm, Some(file)) if *file == Path::new("fake/slow-two")));
    }
    assert!(rig.ask("three").1.cached_tokens > timing.cached_tokens, "the turn in between is not lost");
}

#[test]
fn without_room_for_two_the_old_one_goes_first_and_comes_back_when_the_new_one_fails() {
    let machine = Machine::default();
    machine.free.store(100, Ordering::Relaxed);
    let rig = start(installed(), &machine, |_, _, _| Ok(()));
    let mut before = rig.ask("one").1.cached_tokens;
    for name in ["slow-two", "slow-broken", "one", "panics", "missing", "two"] {
        rig.choose(with_chat(name));
        rig.until("the loading", |e| matches!(e, Event::Switching(..)));
        // It waits for whichever is there in the end.
        let now = rig.ask("and this?").1.cached_tokens;
        assert!(now > before, "{name}: {now} after {before}");
        before = now;
    }
    let (mut ears, mut voice) = (with_chat("two"), with_chat("two"));
    ears.stt_model = Some("fake/slow-tiny".into());
    assert_eq!(rig.switch(ears.clone(), Stage::Stt).1, Some("fake/slow-tiny".into()));
    voice.stt_model = ears.stt_model;
    voice.voice = crate::config::VoiceChoice::Vits("fake/slow-broken".into());
    assert_eq!(rig.switch(voice, Stage::Tts).1, Some("fake/voice".into()));
    assert!(rig.ask("aloud").1.audio_ms > 0.0);
}

#[test]
fn the_program_ends_within_a_second_while_models_are_loaded() {
    let rig = rig(installed());
    rig.choose(with_chat("slow-two"));
    rig.until("the loading", |e| matches!(e, Event::Switching(..)));
    assert!(rig.core.stop(Duration::from_secs(1)));
}

#[test]
fn a_load_that_is_not_wanted_any_more_is_ended_while_it_is_tried() {
    static ENDED: AtomicBool = AtomicBool::new(false);
    fn slow(_: ModelKind, file: &Path, wanted: &CancelToken) -> Result<(), StageError> {
        let deadline = clock::now().0 + Duration::from_secs(20);
        while file.ends_with("two") && !wanted.is_cancelled() && clock::now().0 < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        ENDED.fetch_or(wanted.is_cancelled(), Ordering::Relaxed);
        Ok(())
    }
    let rig = start(installed(), &Machine::default(), slow);
    rig.choose(with_chat("two"));
    rig.until("the load", |e| matches!(e, Event::Switching(Stage::Llm, _)));
    rig.choose(installed());
    rig.until("the old one", |e| matches!(e, Event::InUse(Stage::Llm, Some(file)) if *file == Path::new("fake/one")));
    let deadline = clock::now().0 + Duration::from_secs(10);
    while !ENDED.load(Ordering::Relaxed) {
        assert!(clock::now().0 < deadline, "it is tried to the end though nobody waits for it");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn on_battery_the_plan_says_so_and_the_battery_is_not_looked_at_while_nothing_happens() {
    let machine = Machine::default();
    machine.battery.store(true, Ordering::Relaxed);
    let (tx, events) = bounded(4096);
    let devices = Devices { input: None, output: FakeSpeaker::new(Pace::Instant).factory() };
    let tools = Tools { sensors: Box::new(machine.clone()), probe: Arc::new(|_, _, _| Ok(())) };
    let core = Assistant::start_with(Arc::new(installed()), devices, tools, EventSink::new(tx, || {})).unwrap();
    let rig = Rig { core, events };
    let seen = rig.until("idle", |e| matches!(e, Event::Phase(_, Phase::Idle)));
    let plan = plan(&seen).unwrap();
    assert!(!plan.speculate && plan.power == Some(Power::Battery) && plan.reasons.len() == 1, "{plan:?}");
    std::thread::sleep(Duration::from_millis(500));
    (0..5).for_each(|_| drop(rig.ask("again")));
    assert_eq!(machine.looks.load(Ordering::Relaxed), 1, "once at the start, and at most once a minute");
}

#[test]
fn a_machine_that_does_not_answer_costs_a_moment_at_most() {
    let machine = Machine::default();
    let rig = start(installed(), &machine, |_, _, _| Ok(()));
    machine.slow.store(5_000, Ordering::Relaxed);
    let from = clock::now();
    let (_, used) = rig.switch(with_chat("two"), Stage::Llm);
    assert_eq!(used, Some("fake/two".into()));
    rig.ask("one");
    assert!(clock::now().since(from) < Duration::from_secs(3));
    assert!(rig.core.stop(Duration::from_secs(1)), "a look that hangs does not keep the program from ending");
}

/// The real chat engine without ears and voice.
fn real(chat: &Path, spare: &[&Path]) -> Config {
    let spare = Spare { chat: spare.iter().map(|path| store::entry(path)).collect(), ..Spare::default() };
    let mut config = Config { engines: EngineSet::Real, chat_model: Some(chat.to_owned()), spare, mute: true, ..test_config() };
    config.chat.system = "Be short.".into();
    (config.chat.context_tokens, config.chat.max_tokens, config.chat.sampling.temperature) = (512, 24, 0.0);
    config
}

fn models() -> Option<(PathBuf, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = std::env::var_os("HARK_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let both = (root.join("models/starter/SmolLM2-135M-Instruct.gguf"), shared.join("models/llm/tiny-smol-random-F16.gguf"));
    for file in [&both.0, &both.1] {
        if !file.exists() {
            println!("skipped: needs {}", file.display());
            return None;
        }
    }
    Some(both)
}

/// Tokens of the prompt: more of them, more was remembered.
fn prompt(timing: &Timing) -> u32 {
    timing.cached_tokens + timing.prefilled_tokens
}

#[test]
fn the_real_engine_is_switched_to_another_model_and_back_and_a_broken_file_changes_nothing() {
    let Some((starter, tiny)) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("half.gguf");
    let bytes = std::fs::read(&tiny).unwrap();
    std::fs::write(&broken, &bytes[..bytes.len() / 2]).unwrap();
    let rig = rig(real(&starter, &[]));
    let first = prompt(&rig.ask("My name is Bob.").1);
    let second = prompt(&rig.ask("What is my name?").1);
    assert!(second > first);
    let (events, used) = rig.switch(real(&tiny, &[]), Stage::Llm);
    assert_eq!((used, notices(&events)), (Some(tiny.clone()), Vec::new()));
    let (answer, timing, _) = rig.ask("Go on.");
    assert!(answer.starts_with("Sure! I am a scripted test model"), "{answer}");
    assert!(prompt(&timing) > 60, "two turns were carried over: {timing:?}");
    let at_tiny = prompt(&timing);
    let (events, used) = rig.switch(real(&broken, &[]), Stage::Llm);
    assert_eq!(used, Some(tiny.clone()));
    let said = notices(&events);
    assert!(said.len() == 1 && said[0].contains("half.gguf") && said[0].contains("tiny-smol-random-F16 stays in use"), "{said:?}");
    let (answer, timing, _) = rig.ask("Still there?");
    assert!(answer.starts_with("Sure!") && prompt(&timing) > at_tiny && timing.cached_tokens >= at_tiny, "{answer} {timing:?}");
    let (_, used) = rig.switch(real(&starter, &[]), Stage::Llm);
    assert_eq!(used, Some(starter));
    let (answer, timing, _) = rig.ask("What is my name?");
    println!("after three models: {answer:?} {timing:?}");
    assert!(prompt(&timing) > second, "{timing:?}");
    // Other threads while it is loaded: nothing of the prompt is computed again.
    let mut two = real(&models().unwrap().0, &[]);
    two.chat.threads = 2;
    rig.choose(two);
    let known = prompt(&timing);
    let timing = rig.ask("And yours?").1;
    assert!(timing.cached_tokens >= known, "{known} {timing:?}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_removed_while_it_is_in_use_is_missed_at_the_next_load_and_the_next_best_is_taken() {
    let Some((starter, tiny)) = models() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.gguf");
    std::fs::copy(&tiny, &file).unwrap();
    // Long enough that the first question comes before, on a machine that has much to do.
    let unload_after = Some(Duration::from_millis(2500));
    let rig = rig(Config { unload_after, ..real(&file, &[&file, &starter]) });
    std::fs::remove_file(&file).unwrap();
    let (answer, first, _) = rig.ask("Hello?");
    assert!(answer.starts_with("Sure!"), "it is still there for who has it open: {answer}");
    std::thread::sleep(Duration::from_millis(4000));
    let (answer, timing, events) = rig.ask("And now?");
    let said = notices(&events);
    assert!(said.len() == 1 && said[0].contains("mine.gguf was not found") && said[0].contains("is used instead"), "{said:?}");
    assert!(!answer.is_empty() && prompt(&timing) > prompt(&first), "it knows the turn before: {timing:?}");
    assert!(events.iter().any(|e| matches!(e, Event::InUse(Stage::Llm, Some(used)) if *used == starter)));
}
