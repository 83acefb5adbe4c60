//! Other models while the program runs, decided without threads: what a user would notice, and that no turn is lost.

use super::state::{Effect, Input, State};
use super::state_tests::Core;
use crate::audio::Pcm16k;
use crate::config::{Config, Spare, VoiceChoice, test_config};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, LlmCmd, Phase, SttCmd, TtsCmd, TurnEnd, UserAction, WorkerEvent};
use crate::llm::Memory;
use crate::models::store::ModelEntry;
use crate::stt::EngineInfo;
use crate::turn::TurnId;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn entry(name: &str) -> ModelEntry {
    ModelEntry {
        path: PathBuf::from(format!("fake/{name}")),
        name: name.to_owned(),
        bytes: 1,
        starter: false,
        languages: Vec::new(),
        terms: None,
    }
}

/// Chat models `one` and `two` and a starter are installed, speech models `ear` and `tiny`, a voice and espeak-ng.
pub(super) fn installed() -> Config {
    let voice = VoiceChoice::Vits("fake/voice".into());
    Config {
        stt_model: Some("fake/ear".into()),
        chat_model: Some("fake/one".into()),
        voice: voice.clone(),
        spare: Spare {
            stt: vec![entry("ear"), entry("tiny")],
            chat: vec![entry("one"), entry("two"), entry("starter")],
            voices: vec![voice, VoiceChoice::Espeak("en-us".to_owned())],
        },
        ..test_config()
    }
}

pub(super) fn with_chat(name: &str) -> Config {
    Config { chat_model: Some(PathBuf::from(format!("fake/{name}"))), ..installed() }
}

pub(super) fn named(name: &str) -> EngineInfo {
    EngineInfo { engine: "fake".to_owned(), name: name.to_owned(), starter: false }
}

pub(super) fn broken(stage: Stage) -> StageError {
    StageError::new(stage, Severity::Stage, "The file is broken.", "Copy it again.")
}

fn choose(core: &mut Core, config: Config) -> Vec<Effect> {
    core.act(UserAction::Configure(Arc::new(config)))
}

/// One exchange that was heard to its end.
fn exchange(core: &mut Core, question: &str) {
    core.act(UserAction::SubmitText(question.into()));
    core.write(&format!("Answer to {question}."));
    core.end_writing();
    core.play(0);
    let turn = core.turn();
    core.worker(WorkerEvent::ClausePlayed(turn, 0));
    core.worker(WorkerEvent::Drained(turn));
}

fn said(questions: &[&str]) -> Memory {
    Memory(questions.iter().map(|q| ((*q).into(), format!("Answer to {q}.").into())).collect())
}

fn notices(effects: &[Effect]) -> Vec<String> {
    effects.iter().filter_map(|e| if let Effect::Emit(Event::Notice(_, n)) = e { Some(n.to_string()) } else { None }).collect()
}

fn position(effects: &[Effect], is_it: impl Fn(&Effect) -> bool) -> usize {
    effects.iter().position(is_it).unwrap_or_else(|| panic!("not there: {effects:#?}"))
}

#[test]
fn another_chat_model_takes_over_with_the_conversation_and_until_then_the_old_one_answers() {
    let mut core = Core::with(installed());
    exchange(&mut core, "one");
    let effects = choose(&mut core, with_chat("two"));
    assert!(effects.contains(&Effect::Emit(Event::Switching(Stage::Llm, Some("fake/two".into())))));
    assert_eq!(core.state.phase(), Phase::Idle, "the old one works");
    exchange(&mut core, "two");
    let effects = core.give(Input::Prepared(Stage::Llm, Ok(named("two"))));
    let swap = position(&effects, |e| *e == Effect::Swap(Stage::Llm));
    let memory = position(&effects, |e| *e == Effect::Llm(LlmCmd::Remember(said(&["one", "two"]))));
    let resume = position(&effects, |e| *e == Effect::Resume(Stage::Llm));
    assert!(swap < memory && memory < resume);
    assert!(effects.contains(&Effect::Emit(Event::InUse(Stage::Llm, Some("fake/two".into())))));
    assert_eq!(core.ended(), [TurnEnd::Answered; 2]);
}

#[test]
fn a_model_that_cannot_be_loaded_leaves_the_old_one_and_says_one_sentence() {
    for stage in [Stage::Stt, Stage::Llm, Stage::Tts] {
        let mut core = Core::with(installed());
        core.worker(WorkerEvent::Ready(stage, named("the old one")));
        let mut wish = installed();
        match stage {
            Stage::Stt => wish.stt_model = Some("fake/bad".into()),
            Stage::Llm => wish.chat_model = Some("fake/bad".into()),
            _ => wish.voice = VoiceChoice::Vits("fake/bad".into()),
        }
        choose(&mut core, wish.clone());
        let effects = core.give(Input::Prepared(stage, Err(broken(stage))));
        let said = notices(&effects);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("The file is broken. The ") && said[0].contains("the old one stays in use."), "{said:?}");
        assert!(effects.contains(&Effect::Abandon(stage)));
        assert!(effects.iter().any(|e| matches!(e, Effect::Emit(Event::InUse(s, Some(_))) if *s == stage)), "{effects:?}");
        assert!(!effects.iter().any(|e| matches!(e, Effect::Restart(..) | Effect::Swap(_))));
        exchange(&mut core, "still there?");
        assert_eq!(core.ended(), [TurnEnd::Answered]);
        // Another choice does not try the broken file again; choosing it again does.
        let effects = choose(&mut core, Config { mute: true, ..wish.clone() });
        assert!(!effects.iter().any(|e| matches!(e, Effect::Prepare(..))));
        let prepared = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Prepare(s, _) if *s == stage)).count();
        choose(&mut core, installed());
        let effects = choose(&mut core, wish);
        assert_eq!(prepared(&effects), 1);
        assert_eq!(prepared(&core.act(UserAction::TryAgain(stage))), 0, "it is being loaded");
        core.give(Input::Prepared(stage, Err(broken(stage))));
        assert_eq!(prepared(&core.act(UserAction::TryAgain(stage))), 1, "the same choice once more");
        core.give(Input::Prepared(stage, Ok(named("whole"))));
        assert_eq!(core.act(UserAction::TryAgain(stage)), [], "it works");
    }
}

#[test]
fn what_is_loaded_again_for_a_turn_is_what_fits_now_and_the_turn_goes_on_with_it() {
    let mut core = Core::with(installed());
    exchange(&mut core, "one");
    core.act(UserAction::SubmitText("two".into()));
    let effects = core.give(Input::Woken(Arc::new(with_chat("two")), vec![Stage::Llm, Stage::Tts]));
    let restarts: Vec<_> = effects.iter().filter(|e| matches!(e, Effect::Restart(..))).collect();
    assert!(
        matches!(restarts[..], [Effect::Restart(Stage::Llm, config)] if config.chat_model == with_chat("two").chat_model),
        "{restarts:?}"
    );
    assert!(effects.contains(&Effect::Llm(LlmCmd::Remember(said(&["one"])))));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Llm(LlmCmd::Reply(..)))), "the question follows by itself");
    core.worker(WorkerEvent::Ready(Stage::Llm, named("two")));
    core.write("Answer to two.");
    core.end_writing();
    let turn = core.turn();
    core.play(0);
    core.worker(WorkerEvent::ClausePlayed(turn, 0));
    core.worker(WorkerEvent::Drained(turn));
    assert_eq!(core.ended(), [TurnEnd::Answered; 2]);
    assert_eq!(core.give(Input::Woken(Arc::new(with_chat("two")), vec![Stage::Llm])), [], "it is that one");
}

#[test]
fn a_choice_is_tried_again_after_the_turn_and_takes_no_engine_from_under_it() {
    let mut core = Core::with(installed());
    choose(&mut core, with_chat("two"));
    core.give(Input::Prepared(Stage::Llm, Err(broken(Stage::Llm))));
    core.act(UserAction::SubmitText("one".into()));
    let prepares = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Prepare(Stage::Llm, _))).count();
    assert_eq!(prepares(&core.act(UserAction::TryAgain(Stage::Llm))), 0);
    core.write("Answer to one.");
    core.end_writing();
    core.play(0);
    let turn = core.turn();
    core.worker(WorkerEvent::ClausePlayed(turn, 0));
    let effects = core.worker(WorkerEvent::Drained(turn));
    assert_eq!(prepares(&effects), 1);
    assert!(effects.iter().any(|e| matches!(e, Effect::Forget(Stage::Llm, config) if config.chat_model == with_chat("two").chat_model)));
}

#[test]
fn whatever_keeps_an_engine_from_being_loaded_another_takes_its_place() {
    let mut core = Core::with(installed());
    let error = StageError::new(Stage::Tts, Severity::Turn, "There is no such language.", "Choose another one.");
    let effects = core.worker(WorkerEvent::Failed(TurnId::NONE, error));
    assert!(
        effects.iter().any(|e| matches!(e, Effect::Restart(Stage::Tts, config) if config.voice == VoiceChoice::Espeak("en-us".to_owned()))),
        "{effects:?}"
    );
    assert_eq!(notices(&effects).len(), 1);
}

#[test]
fn an_engine_that_never_came_is_tried_again_when_the_user_says_so() {
    let mut core = Core::with(Config { spare: Spare::default(), ..installed() });
    core.worker(WorkerEvent::Failed(TurnId::NONE, broken(Stage::Llm)));
    let effects = core.act(UserAction::TryAgain(Stage::Llm));
    assert!(effects.iter().any(|e| matches!(e, Effect::Restart(Stage::Llm, _))), "{effects:?}");
    core.worker(WorkerEvent::Ready(Stage::Llm, named("one")));
    exchange(&mut core, "there?");
    assert_eq!(core.ended(), [TurnEnd::Answered]);
}

#[test]
fn when_idle_engines_give_their_memory_back_can_be_changed_at_any_time() {
    let mut core = Core::with(installed());
    let soon = Some(Duration::from_secs(60));
    let effects = choose(&mut core, Config { unload_after: soon, ..installed() });
    let told = position(&effects, |e| *e == Effect::Patience(soon));
    // Threads that wait without a limit have to look again.
    for woken in [
        position(&effects, |e| matches!(e, Effect::Stt(SttCmd::Configure(_)))),
        position(&effects, |e| matches!(e, Effect::Llm(LlmCmd::Configure(_)))),
        position(&effects, |e| matches!(e, Effect::Tts(TtsCmd::Configure(_)))),
    ] {
        assert!(told < woken, "{effects:?}");
    }
    assert_eq!(choose(&mut core, Config { unload_after: soon, ..installed() }), []);
}

#[test]
fn an_engine_that_is_there_waits_for_the_end_of_the_turn() {
    let mut core = Core::with(installed());
    choose(&mut core, with_chat("two"));
    core.act(UserAction::SubmitText("Hello".into()));
    let effects = core.give(Input::Prepared(Stage::Llm, Ok(named("two"))));
    assert!(!effects.contains(&Effect::Swap(Stage::Llm)), "the old one is answering");
    core.write("Hi. ");
    core.play(0);
    let turn = core.turn();
    core.worker(WorkerEvent::ClausePlayed(turn, 0));
    let effects = core.act(UserAction::PttPressed);
    let commit = position(&effects, |e| matches!(e, Effect::Llm(LlmCmd::Commit { .. })));
    let swap = position(&effects, |e| *e == Effect::Swap(Stage::Llm));
    let memory = Memory(vec![("Hello".into(), "Hi.".into())]);
    let remember = position(&effects, |e| matches!(e, Effect::Llm(LlmCmd::Remember(m)) if m.0[0].1.trim() == memory.0[0].1.as_str()));
    assert!(commit < swap && swap < remember, "{effects:#?}");
}

#[test]
fn without_room_for_two_a_question_waits_and_is_answered_by_whichever_is_there_in_the_end() {
    for ok in [true, false] {
        let mut core = Core::with(installed());
        exchange(&mut core, "one");
        choose(&mut core, with_chat("two"));
        core.give(Input::Held(Stage::Llm));
        core.act(UserAction::SubmitText("Hello".into()));
        let result = if ok { Ok(named("two")) } else { Err(broken(Stage::Llm)) };
        let effects = core.give(Input::Prepared(Stage::Llm, result));
        assert_eq!(effects.contains(&Effect::Swap(Stage::Llm)), ok, "in the middle of the turn, for it waits");
        assert_eq!(effects.contains(&Effect::Abandon(Stage::Llm)), !ok);
        assert_eq!(effects.contains(&Effect::Llm(LlmCmd::Remember(said(&["one"])))), ok);
        core.write("Hi.");
        core.end_writing();
        core.play(0);
        let turn = core.turn();
        core.worker(WorkerEvent::ClausePlayed(turn, 0));
        core.worker(WorkerEvent::Drained(turn));
        assert_eq!(core.ended(), [TurnEnd::Answered; 2]);
    }
}

#[test]
fn of_several_choices_the_last_one_counts_and_going_back_ends_the_loading() {
    let mut core = Core::with(installed());
    choose(&mut core, with_chat("two"));
    choose(&mut core, with_chat("starter"));
    let effects = choose(&mut core, installed());
    assert!(effects.contains(&Effect::Abandon(Stage::Llm)));
    assert!(effects.contains(&Effect::Emit(Event::InUse(Stage::Llm, Some("fake/one".into())))));
    let late = core.give(Input::Prepared(Stage::Llm, Ok(named("two"))));
    assert!(!late.contains(&Effect::Swap(Stage::Llm)));
}

#[test]
fn options_that_changed_while_it_was_loaded_reach_the_new_engine() {
    let mut core = Core::with(installed());
    choose(&mut core, with_chat("two"));
    let mut options = with_chat("two");
    options.chat.max_tokens = 7;
    choose(&mut core, options.clone());
    let effects = core.give(Input::Prepared(Stage::Llm, Ok(named("two"))));
    assert!(effects.contains(&Effect::Llm(LlmCmd::Configure(options.chat))));
}

#[test]
fn threads_change_in_the_middle_of_a_turn_and_load_nothing() {
    let mut core = Core::with(installed());
    core.act(UserAction::SubmitText("Hello".into()));
    let mut wish = installed();
    (wish.stt.threads, wish.chat.threads, wish.speculate) = (2, 2, false);
    let effects = choose(&mut core, wish.clone());
    assert_eq!(effects, [Effect::Stt(SttCmd::Configure(wish.stt)), Effect::Llm(LlmCmd::Configure(wish.chat))]);
}

#[test]
fn on_battery_words_that_may_change_are_not_computed_ahead() {
    for speculate in [true, false] {
        let mut core = Core::with(Config { speculate, ..installed() });
        core.act(UserAction::PttPressed);
        let words = crate::stt::Words { certain: "Some words".into(), uncertain: "".into() };
        let effects = core.worker(WorkerEvent::PartialText(core.turn(), words));
        assert_eq!(effects.iter().any(|e| matches!(e, Effect::Llm(LlmCmd::Prefill(..)))), speculate);
    }
}

#[test]
fn a_model_whose_file_is_gone_is_replaced_by_the_next_best_and_the_question_is_answered() {
    let mut core = Core::with(installed());
    exchange(&mut core, "one");
    core.act(UserAction::SubmitText("Hello".into()));
    let gone = StageError::new(Stage::Llm, Severity::Stage, "The chat model fake/one was not found.", "");
    let effects = core.worker(WorkerEvent::Failed(TurnId::NONE, gone.clone()));
    assert_eq!(notices(&effects), ["The chat model fake/one was not found. The chat model two is used instead."]);
    let restart = position(&effects, |e| matches!(e, Effect::Restart(Stage::Llm, c) if c.chat_model == Some("fake/two".into())));
    let memory = position(&effects, |e| *e == Effect::Llm(LlmCmd::Remember(said(&["one"]))));
    let again = position(&effects, |e| *e == Effect::Llm(LlmCmd::Reply(core.turn(), "Hello".into())));
    assert!(restart < memory && memory < again);
    // All of them are gone.
    core.worker(WorkerEvent::Failed(TurnId::NONE, gone.clone()));
    let effects = core.worker(WorkerEvent::Failed(TurnId::NONE, gone));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Restart(..))));
    assert_eq!(core.ended(), [TurnEnd::Answered, TurnEnd::Failed]);
    // A file that the command line names is used or nothing.
    let mut core = Core::with(Config { spare: Spare::default(), ..installed() });
    let effects = core.worker(WorkerEvent::Failed(TurnId::NONE, broken(Stage::Llm)));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Restart(..))));
}

#[test]
fn a_recording_whose_speech_model_is_gone_is_heard_by_the_next_one() {
    let mut core = Core::with(installed());
    let pcm = Pcm16k(Arc::from(vec![0.5; 100]));
    core.act(UserAction::SubmitAudio(pcm.clone()));
    let effects = core.worker(WorkerEvent::Failed(core.turn(), broken(Stage::Stt)));
    assert!(effects.contains(&Effect::Stt(SttCmd::Transcribe(core.turn(), pcm))));
    assert_eq!(core.ended(), []);
}

#[test]
fn a_voice_that_is_gone_is_replaced_and_what_it_did_not_say_is_said() {
    let mut core = Core::with(installed());
    core.act(UserAction::SubmitText("Hello".into()));
    core.write("One sentence. Two sentences. ");
    core.play(0);
    let effects = core.worker(WorkerEvent::Failed(core.turn(), broken(Stage::Tts)));
    assert!(effects.iter().any(|e| matches!(e, Effect::Restart(Stage::Tts, c) if c.voice == VoiceChoice::Espeak("en-us".to_owned()))));
    let again: Vec<u32> =
        effects.iter().filter_map(|e| if let Effect::Tts(TtsCmd::Speak { seq, .. }) = e { Some(*seq) } else { None }).collect();
    assert_eq!(again, [1]);
}

#[test]
fn a_recording_that_met_a_lost_engine_is_heard_by_the_one_that_comes() {
    // Found by the chaos test: it waited for ever for the words of an engine that was gone.
    for good in [false, true] {
        let mut core = Core::with(installed());
        choose(&mut core, Config { stt_model: Some("fake/tiny".into()), ..installed() });
        core.worker(WorkerEvent::Failed(TurnId::NONE, broken(Stage::Stt)));
        core.act(UserAction::SubmitAudio(Pcm16k::default()));
        let effects = core.give(Input::Prepared(Stage::Stt, if good { Ok(named("tiny")) } else { Err(broken(Stage::Stt)) }));
        let begun = position(&effects, |e| matches!(e, Effect::Swap(Stage::Stt) | Effect::Restart(Stage::Stt, _)));
        let asked = position(&effects, |e| matches!(e, Effect::Stt(SttCmd::Transcribe(..))));
        assert!(asked > begun, "{effects:?}");
    }
}

#[test]
fn a_load_that_hangs_is_given_up_after_ten_minutes() {
    let mut core = Core::with(installed());
    choose(&mut core, with_chat("two"));
    assert!(core.state.deadline().is_some());
    core.wait(599_000);
    assert!(!core.log.contains(&Effect::Abandon(Stage::Llm)));
    let effects = core.wait(2_000);
    assert!(effects.contains(&Effect::Abandon(Stage::Llm)) && notices(&effects).len() == 1);
    assert_eq!(core.state.deadline(), None, "nothing wakes up any more");
}

#[test]
fn a_conversation_that_was_cleared_is_not_carried_over() {
    let mut core = Core::with(installed());
    exchange(&mut core, "one");
    choose(&mut core, with_chat("two"));
    core.act(UserAction::NewConversation);
    let effects = core.give(Input::Prepared(Stage::Llm, Ok(named("two"))));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Llm(LlmCmd::Remember(_)))));
}

#[test]
fn what_is_kept_of_a_long_conversation_is_bounded() {
    let mut state = State::new(Arc::new(installed()));
    for _ in 0..3000 {
        state.remember("q".repeat(1000), &"a".repeat(1000));
    }
    assert!(state.said.len() <= 400 && state.said.iter().map(|(q, a)| q.len() + a.len()).sum::<usize>() <= 400_000);
    state.remember("q".to_owned(), "  ");
    assert_eq!(state.said.last().map(|(q, _)| q.len()), Some(1000));
}
