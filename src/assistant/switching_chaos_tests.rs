//! Choices, loads that end well or badly, lost and dying workers, in every phase of a conversation: no turn is lost.

use super::state::{Effect, Input};
use super::state_chaos_tests::answers;
use super::state_tests::Core;
use super::switching_tests::{broken, installed, named, with_chat};
use crate::audio::Pcm16k;
use crate::error::Stage;
use crate::event::{CaptureCmd, Event, LlmCmd, Phase, StageStatus, TurnEnd, UserAction, WorkerEvent};
use crate::private::Private;
use crate::turn::TurnId;
use proptest::prelude::*;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Poke {
    Type,
    Audio,
    Press,
    Release,
    Cancel,
    Clear,
    Wait(u64),
    Work(usize),
    Choose(usize, usize, usize, bool),
    Loaded(usize, bool),
    Held(usize),
    Lose(usize),
    Die(usize),
}

fn poke() -> impl Strategy<Value = Poke> {
    prop_oneof![
        4 => Just(Poke::Type),
        1 => Just(Poke::Audio),
        2 => Just(Poke::Press),
        2 => Just(Poke::Release),
        1 => Just(Poke::Cancel),
        1 => Just(Poke::Clear),
        2 => (0_u64..2500).prop_map(Poke::Wait),
        16 => (0_usize..3).prop_map(Poke::Work),
        3 => (0_usize..3, 0_usize..2, 0_usize..2, any::<bool>()).prop_map(|(a, b, c, d)| Poke::Choose(a, b, c, d)),
        4 => (0_usize..3, any::<bool>()).prop_map(|(stage, ok)| Poke::Loaded(stage, ok)),
        1 => (0_usize..3).prop_map(Poke::Held),
        1 => (0_usize..3).prop_map(Poke::Lose),
        1 => (0_usize..3).prop_map(Poke::Die),
    ]
}

const ENGINES: [Stage; 3] = [Stage::Stt, Stage::Llm, Stage::Tts];

fn stage_of(effect: &Effect) -> Option<Stage> {
    match effect {
        Effect::Stt(_) => Some(Stage::Stt),
        Effect::Llm(_) => Some(Stage::Llm),
        Effect::Tts(_) => Some(Stage::Tts),
        Effect::Capture(_) => Some(Stage::Capture),
        Effect::Play(_) => Some(Stage::Playback),
        _ => None,
    }
}

/// The workers, faithfully played: what they will answer, what waits for them, and what the chat model knows.
#[derive(Default)]
struct World {
    work: Vec<(Stage, WorkerEvent)>,
    loading: Vec<Stage>,
    /// Of these, the ones that are there and wait for a pause.
    ready: Vec<Stage>,
    held: Vec<Stage>,
    parked: Vec<(Stage, Effect)>,
    /// What the chat model in use remembers, and the question that it answered last.
    memory: Vec<(Private, Private)>,
    pending: Option<(TurnId, Private)>,
}

impl World {
    /// Whether the loading of an engine can end now: where there is no room for two it begins when the old one has done
    /// what it was asked for and is gone.
    fn can_be_loaded(&self, stage: Stage) -> bool {
        self.loading.contains(&stage) && !(self.held.contains(&stage) && self.work.iter().any(|(of, _)| *of == stage))
    }

    /// Whether it can turn out now that there is no room for two: before the new one is loaded.
    fn can_be_held(&self, stage: Stage) -> bool {
        self.loading.contains(&stage) && !self.ready.contains(&stage) && !self.held.contains(&stage)
    }

    fn new_worker(&mut self, stage: Stage) {
        self.ready.retain(|of| *of != stage);
        self.work.retain(|(of, _)| *of != stage);
        if stage == Stage::Llm {
            self.memory.clear();
            self.pending = None;
        }
    }

    fn take(&mut self, core: &Core, effect: &Effect) {
        let first = matches!(effect, Effect::Llm(LlmCmd::Remember(_)));
        if let Some(stage) = stage_of(effect) {
            if self.held.contains(&stage) && !first {
                self.parked.push((stage, effect.clone()));
            } else {
                self.command(core, stage, effect);
            }
            return;
        }
        match effect {
            Effect::Prepare(stage, _) => {
                self.ready.retain(|of| of != stage);
                if !self.loading.contains(stage) {
                    self.loading.push(*stage);
                }
            }
            Effect::Swap(stage) => {
                assert!(self.loading.contains(stage), "nothing was loaded for {stage:?}");
                self.loading.retain(|of| of != stage);
                self.new_worker(*stage);
            }
            Effect::Restart(stage, _) => {
                self.loading.retain(|of| of != stage);
                self.new_worker(*stage);
                self.work.push((*stage, WorkerEvent::Ready(*stage, named("again"))));
            }
            Effect::Abandon(stage) => {
                self.loading.retain(|of| of != stage);
                self.ready.retain(|of| of != stage);
                self.resume(core, *stage);
            }
            Effect::Resume(stage) => self.resume(core, *stage),
            _ => {}
        }
    }

    /// The oldest piece of work of one of the stages that have some.
    fn work_of(&mut self, n: usize) -> Option<WorkerEvent> {
        let stage = self.work.get(n)?.0;
        let first = self.work.iter().position(|(of, _)| *of == stage)?;
        Some(self.work.remove(first).1)
    }

    fn resume(&mut self, core: &Core, stage: Stage) {
        self.held.retain(|of| *of != stage);
        let (mine, rest) = std::mem::take(&mut self.parked).into_iter().partition(|(of, _)| *of == stage);
        self.parked = rest;
        let mine: Vec<(Stage, Effect)> = mine;
        mine.iter().for_each(|(stage, effect)| self.command(core, *stage, effect));
    }

    fn command(&mut self, core: &Core, stage: Stage, effect: &Effect) {
        match effect {
            Effect::Llm(LlmCmd::Reply(turn, question)) => self.pending = Some((*turn, question.clone())),
            Effect::Llm(LlmCmd::Commit { turn, heard }) => {
                if let Some((_, question)) = self.pending.take_if(|(of, _)| of == turn)
                    && !heard.trim().is_empty()
                {
                    self.memory.push((question, heard.clone()));
                }
            }
            Effect::Llm(LlmCmd::Remember(memory)) => {
                self.memory.clone_from(&memory.0);
                self.pending = None;
            }
            Effect::Llm(LlmCmd::Reset) => {
                self.memory.clear();
                self.pending = None;
            }
            Effect::Capture(CaptureCmd::Discard) => self.work.retain(|(of, _)| *of != Stage::Capture),
            _ => {}
        }
        self.work.extend(answers(effect, core.now).into_iter().map(|event| (stage, event)));
    }
}

fn give(core: &mut Core, world: &mut World, input: Input) {
    for effect in core.give(input) {
        world.take(core, &effect);
    }
}

/// What was said and heard since the conversation was cleared last, from what the window was told.
fn truth(log: &[Effect]) -> Vec<(Private, Private)> {
    let mut questions = HashMap::new();
    let mut all = Vec::new();
    for effect in log {
        match effect {
            Effect::Emit(Event::UserText { turn, text, .. }) => {
                questions.insert(*turn, text.clone());
            }
            Effect::Emit(Event::ReplyFinal { turn, text, heard_bytes }) if !text[..*heard_bytes].trim().is_empty() => {
                all.push((questions[turn].clone(), text[..*heard_bytes].into()));
            }
            Effect::Emit(Event::ConversationCleared) => all.clear(),
            _ => {}
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is chosen, fails, is lost or dies, in whatever phase: every turn ends once and in order, all comes to rest,
    /// nothing is left waiting, and the chat model that is in use in the end knows all that was said and heard.
    #[test]
    fn no_turn_is_lost_by_a_switch_in_any_phase(pokes in prop::collection::vec(poke(), 1..250), faults: bool) {
        let mut core = Core::with(installed());
        let mut world = World::default();
        let mut n = 0;
        for poke in pokes {
            n += 1;
            let act = |action| Some(Input::Action(action));
            let input = match poke {
                Poke::Type => act(UserAction::SubmitText(format!("question {n}").into())),
                Poke::Audio => act(UserAction::SubmitAudio(Pcm16k::default())),
                Poke::Press => act(UserAction::PttPressed),
                Poke::Release => act(UserAction::PttReleased),
                Poke::Cancel => act(UserAction::Cancel),
                Poke::Clear => act(UserAction::NewConversation),
                Poke::Wait(ms) => { core.now = core.now.plus(Duration::from_millis(ms)); Some(Input::Tick) }
                Poke::Work(n) => world.work_of(n).map(Input::Worker),
                Poke::Choose(chat, ear, voice, more) => {
                    let mut config = with_chat(["one", "two", "starter"][chat]);
                    config.stt_model = Some(PathBuf::from(["fake/ear", "fake/tiny"][ear]));
                    config.voice = installed().spare.voices[voice].clone();
                    config.chat.threads = u32::from(more);
                    act(UserAction::Configure(Arc::new(config)))
                }
                Poke::Loaded(i, ok) if world.can_be_loaded(ENGINES[i]) => {
                    let stage = ENGINES[i];
                    if ok { world.ready.push(stage) } else { world.loading.retain(|of| *of != stage) }
                    Some(Input::Prepared(stage, if ok { Ok(named("new")) } else { Err(broken(stage)) }))
                }
                Poke::Held(i) if world.can_be_held(ENGINES[i]) => {
                    world.held.push(ENGINES[i]);
                    Some(Input::Held(ENGINES[i]))
                }
                Poke::Lose(i) if faults && !world.held.contains(&ENGINES[i]) => {
                    Some(Input::Worker(WorkerEvent::Failed(TurnId::NONE, broken(ENGINES[i]))))
                }
                Poke::Die(i) if faults && !world.held.contains(&ENGINES[i]) => {
                    world.new_worker(ENGINES[i]);
                    Some(Input::Worker(WorkerEvent::Died(ENGINES[i], "a fault".to_owned())))
                }
                _ => None,
            };
            if let Some(input) = input { give(&mut core, &mut world, input) }
        }
        give(&mut core, &mut world, Input::Action(UserAction::PttReleased));
        for step in 0..3000 {
            core.now = core.now.plus(Duration::from_millis(20));
            let loading = world.loading.get(step % world.loading.len().max(1)).copied();
            let input = match (world.work.is_empty(), loading) {
                (false, _) => Input::Worker(world.work.remove(0).1),
                (true, Some(stage)) => Input::Prepared(stage, Ok(named("last"))),
                (true, None) => Input::Tick,
            };
            give(&mut core, &mut world, input);
        }
        prop_assert_eq!(core.state.phase(), Phase::Idle);
        prop_assert!(world.parked.is_empty() && world.loading.is_empty(), "{:?} {:?}", world.parked, world.loading);
        let (mut begun, mut ended, mut newest, mut deaf) = (Vec::new(), Vec::new(), TurnId::NONE, Vec::new());
        for effect in &core.log {
            match effect {
                Effect::Advance(turn) => { prop_assert!(*turn > newest); newest = *turn; }
                Effect::Emit(Event::UserText { turn, .. }) => begun.push(*turn),
                // A microphone that is not asked for its recording within three seconds.
                Effect::Emit(Event::Notice(turn, n)) if n.stage == Stage::Capture => deaf.push(*turn),
                Effect::Emit(Event::TurnEnded(turn, end)) => {
                    prop_assert!(!ended.contains(turn), "ended twice");
                    ended.push(*turn);
                    prop_assert!(faults || *end != TurnEnd::Failed || deaf.contains(turn), "a switch cost turn {:?}", turn);
                }
                _ => {}
            }
        }
        prop_assert!(ended.is_sorted() && begun.iter().all(|turn| ended.contains(turn)));
        // A chat model that died too often, or of which none is left, knows nothing.
        let works = core.log.iter().rev().find_map(|e| match e {
            Effect::Emit(Event::Status(Stage::Llm, status)) => Some(!matches!(status, StageStatus::Unavailable(_))),
            _ => None,
        });
        if works != Some(false) {
            prop_assert_eq!(&world.memory, &truth(&core.log));
        }
    }
}
