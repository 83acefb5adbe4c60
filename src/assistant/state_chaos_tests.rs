//! R9: key chaos. Random presses, releases, cancels, answers and faults; whatever comes, nothing sticks.

use super::state::{Effect, Input};
use super::state_tests::Core;
use crate::audio::{Clip, Pcm16k};
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, Event, LlmCmd, Phase, PlayCmd, SttCmd, TtsCmd, UserAction, WorkerEvent};
use crate::llm::ReplyStats;
use crate::stt::{Transcript, Words};
use crate::turn::{Moment, TurnId};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
enum Poke {
    Press,
    Release,
    Toggle,
    Cancel,
    Type,
    Wait(u64),
    /// The n-th oldest unanswered piece of work gets done.
    Work(usize),
    Fail(Stage),
}

fn poke() -> impl Strategy<Value = Poke> {
    prop_oneof![
        4 => Just(Poke::Press),
        4 => Just(Poke::Release),
        1 => Just(Poke::Toggle),
        1 => Just(Poke::Cancel),
        1 => Just(Poke::Type),
        6 => (0u64..5000).prop_map(Poke::Wait),
        12 => (0usize..4).prop_map(Poke::Work),
        1 => prop::sample::select(Stage::WORKERS.to_vec()).prop_map(Poke::Fail),
    ]
}

/// What a faithful worker answers to a command.
pub(super) fn answers(effect: &Effect, now: Moment) -> Vec<WorkerEvent> {
    let clip = || Clip { samples: Arc::from(vec![0.1; 160]), rate: 16_000 };
    match effect {
        Effect::Capture(CaptureCmd::Begin(turn)) => vec![WorkerEvent::CaptureStarted(*turn, now)],
        Effect::Capture(CaptureCmd::Finish(turn)) => {
            vec![
                WorkerEvent::Heard { turn: *turn, at: 0, pcm: Pcm16k::default(), key_up: true },
                WorkerEvent::Captured { turn: *turn, pcm: Pcm16k::default(), dropped: 0 },
            ]
        }
        Effect::Stt(SttCmd::KeyUp(turn)) => {
            let transcript = Transcript { text: "early words".into(), ..Transcript::default() };
            let words = Words { certain: "early".into(), uncertain: "words".into() };
            vec![WorkerEvent::PartialText(*turn, words), WorkerEvent::Transcribed { turn: *turn, transcript, heard: 0, stt_ms: 1.0 }]
        }
        Effect::Stt(SttCmd::Transcribe(turn, _)) => {
            let transcript = Transcript { text: "words".into(), ..Transcript::default() };
            vec![WorkerEvent::Transcribed { turn: *turn, transcript, heard: 0, stt_ms: 1.0 }]
        }
        Effect::Llm(LlmCmd::Reply(turn, _)) => vec![
            WorkerEvent::ReplyDelta(*turn, "One sentence. Another ".into()),
            WorkerEvent::ReplyDelta(*turn, "one.".into()),
            WorkerEvent::ReplyEnded { turn: *turn, stats: ReplyStats::default() },
        ],
        Effect::Tts(TtsCmd::Speak { turn, seq, .. }) => {
            vec![WorkerEvent::Synthesized { turn: *turn, seq: *seq, clip: clip(), last: true }]
        }
        Effect::Play(PlayCmd::Enqueue { turn, seq, .. }) => {
            vec![WorkerEvent::ClauseStarted(*turn, *seq, now), WorkerEvent::ClausePlayed(*turn, *seq)]
        }
        Effect::Play(PlayCmd::FinishTurn(turn)) => vec![WorkerEvent::Drained(*turn)],
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// R9: whatever is pressed, every turn that began ends exactly once, in order; no sound of a turn is queued after the
    /// next began; and when the key is left alone and the workers do their work, all comes to rest.
    #[test]
    fn key_chaos_never_sticks(pokes in prop::collection::vec(poke(), 1..250)) {
        let mut core = Core::ready();
        let mut work: Vec<WorkerEvent> = Vec::new();
        let run = |core: &mut Core, work: &mut Vec<WorkerEvent>, input: Input| {
            for effect in core.give(input) {
                work.extend(answers(&effect, core.now));
            }
        };
        for poke in pokes {
            let input = match poke {
                Poke::Press => Input::Action(UserAction::PttPressed),
                Poke::Release => Input::Action(UserAction::PttReleased),
                Poke::Toggle => Input::Action(UserAction::PttToggle),
                Poke::Cancel => Input::Action(UserAction::Cancel),
                Poke::Type => Input::Action(UserAction::SubmitText("typed".into())),
                Poke::Wait(ms) => { core.now = core.now.plus(Duration::from_millis(ms)); Input::Tick }
                Poke::Work(n) if n < work.len() => Input::Worker(work.remove(n)),
                Poke::Work(_) => Input::Tick,
                // Before the first turn it would be the loading that failed.
                Poke::Fail(_) if core.turn() == TurnId::NONE => Input::Tick,
                Poke::Fail(stage) => {
                    Input::Worker(WorkerEvent::Failed(core.turn(), StageError::new(stage, Severity::Turn, "fault", "")))
                }
            };
            run(&mut core, &mut work, input);
        }
        run(&mut core, &mut work, Input::Action(UserAction::PttReleased));
        for _ in 0..2000 {
            core.now = core.now.plus(Duration::from_millis(100));
            let input = if work.is_empty() { Input::Tick } else { Input::Worker(work.remove(0)) };
            run(&mut core, &mut work, input);
        }
        prop_assert_eq!(core.state.phase(), Phase::Idle);
        let (mut newest, mut ended, mut begun, mut asked) = (TurnId::NONE, Vec::new(), Vec::new(), Vec::new());
        for effect in &core.log {
            match effect {
                Effect::Advance(turn) => { prop_assert!(*turn > newest); newest = *turn; }
                Effect::Play(PlayCmd::Enqueue { turn, .. }) => prop_assert_eq!(*turn, newest),
                Effect::Capture(CaptureCmd::Begin(turn)) => begun.push(*turn),
                Effect::Capture(CaptureCmd::Resume(turn)) => prop_assert_eq!(*turn, newest),
                Effect::Llm(LlmCmd::Reply(turn, _)) => {
                    prop_assert!(!asked.contains(turn), "asked twice");
                    asked.push(*turn);
                    if !begun.contains(turn) { begun.push(*turn) }
                }
                Effect::Emit(Event::TurnEnded(turn, _)) => ended.push(*turn),
                _ => {}
            }
        }
        prop_assert_eq!(ended, begun);
    }
}
