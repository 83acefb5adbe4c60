//! What a screen reader says by itself, and what it calls things.

use super::harness::Window;
use super::models::{TALL, listing, open_with};
use crate::config::settings::UiLanguage;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus, Timing};
use crate::fakes::models::sample;
use crate::models::catalog::Evidence;
use crate::models::manager::{Done, ManagerEvent, Question};
use crate::stt::{EngineInfo, Words};
use crate::turn::TurnId;
use egui::accesskit::{Live, Role};
use egui_kittest::kittest::{NodeT, Queryable};

/// How the thing with these words is told of.
fn live(w: &Window, words: &str) -> Live {
    w.harness.get_by_label(words).accesskit_node().live()
}

#[test]
fn what_goes_on_is_said_but_not_into_the_microphone_nor_over_the_answer() {
    let mut w = Window::english().idle();
    let t = TurnId(1);
    assert_eq!(live(&w, "Hold to talk — or hold Space"), Live::Polite);
    w.send([Event::Phase(t, Phase::Listening)]);
    assert_eq!(live(&w, "Listening…"), Live::Off);
    w.send([Event::PartialText(t, Words { certain: "so far".into(), uncertain: "".into() }), Event::Phase(t, Phase::Transcribing)]);
    assert_eq!(live(&w, "so far"), Live::Off);
    w.send([Event::Phase(t, Phase::Thinking)]);
    assert_eq!(live(&w, "Thinking…"), Live::Polite);
    w.send([Event::Phase(t, Phase::Speaking), Event::ClauseStarted { turn: t, seq: 0, text: "A clause.".into(), range: (0, 0) }]);
    assert_eq!(live(&w, "A clause."), Live::Off);
    w.harness.state_mut().as_mut().unwrap().settings.audio.mute = true;
    w.harness.run_steps(2);
    assert_eq!(live(&w, "A clause."), Live::Polite, "nobody else says it");
}

#[test]
fn faults_and_questions_interrupt_and_results_wait() {
    let error = |severity, text: &str| StageError::new(Stage::Llm, severity, text, format!("Hint: {text}"));
    let mut w = Window::english().idle();
    w.send([
        Event::Notice(TurnId::NONE, error(Severity::Stage, "It broke.")),
        Event::Notice(TurnId::NONE, error(Severity::Info, "By the way.")),
    ]);
    for (words, how) in [("It broke.", Live::Assertive), ("Hint: It broke.", Live::Assertive), ("By the way.", Live::Polite)] {
        assert_eq!(live(&w, words), how, "{words}");
    }
    // Who comes back to the page later has heard them.
    w.harness.run_steps(60);
    assert_eq!(live(&w, "It broke."), Live::Off);
    let question = Question { id: "whisper-small-q5_1".into(), file: "f".into(), evidence: Evidence::Reported, ..Question::default() };
    w.tell([listing(sample()), ManagerEvent::Question(question.clone())]);
    assert_eq!(live(&w, "A model's file needs your decision"), Live::Assertive);
    let mut w = open_with(TALL, sample());
    w.tell([
        ManagerEvent::Question(question),
        ManagerEvent::Finished { id: "whisper-base-q5_1".into(), result: Ok(Done::Got) },
        ManagerEvent::Finished { id: "x".into(), result: Err(error(Severity::Turn, "No source answered.")) },
    ]);
    for (words, how) in [
        ("Keep this file of Whisper small?", Live::Assertive),
        ("Whisper base is there and can be used.", Live::Polite),
        ("No source answered.", Live::Assertive),
    ] {
        assert_eq!(live(&w, words), how, "{words}");
    }
}

#[test]
fn a_message_that_stays_is_not_new_when_another_comes_before_it() {
    let mut w = open_with(TALL, sample());
    w.tell([ManagerEvent::Finished { id: "whisper-base-q5_1".into(), result: Ok(Done::Got) }]);
    let id = |w: &Window| w.harness.get_by_label("Whisper base is there and can be used.").accesskit_node().id();
    let before = id(&w);
    w.tell([ManagerEvent::Question(Question { id: "whisper-small-q5_1".into(), file: "f".into(), ..Question::default() })]);
    assert_eq!(id(&w), before, "a new one would be said again");
}

#[test]
fn the_figures_of_the_status_line_say_what_they_are() {
    for (language, names) in [
        (
            UiLanguage::English,
            [
                "Speech model: Hears-1, Chat model: Thinks-2-Instruct, Voice: none",
                "Microphone: Desk mic",
                "After you stopped speaking: first word of the answer 0.42 s",
            ],
        ),
        (
            UiLanguage::Chinese,
            ["听写模型：Hears-1，对话模型：Thinks-2-Instruct，声音：无", "麦克风：Desk mic", "从你说完开始计时：回答的第一个词 0.42 s"],
        ),
    ] {
        let mut w = Window::new(language, [440.0, 720.0]).idle();
        let ready = |stage, name: &str| {
            Event::Status(stage, StageStatus::Ready(EngineInfo { engine: "x".into(), name: name.into(), starter: false }))
        };
        w.send([
            ready(Stage::Stt, "Hears-1"),
            ready(Stage::Llm, "Thinks-2-Instruct"),
            ready(Stage::Capture, "Desk mic"),
            Event::Status(Stage::Tts, StageStatus::Unavailable(StageError::new(Stage::Tts, Severity::Stage, "No voice.", "Get one."))),
            Event::Timing(TurnId(1), Timing { first_token_ms: Some(420.0), ..Timing::default() }),
        ]);
        for name in names {
            w.harness.get_by_role_and_label(Role::Button, name);
        }
    }
}
