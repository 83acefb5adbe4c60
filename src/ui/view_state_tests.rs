use super::*;
use crate::stt::{EngineInfo, Words};

const T1: TurnId = TurnId(1);

fn state(events: &[Event]) -> ViewState {
    let mut state = ViewState::default();
    for event in events {
        state.apply(event);
    }
    state
}

fn said(text: &str) -> Event {
    Event::UserText { turn: T1, text: text.into(), language: "en".into(), confidence: 0.9 }
}

fn fault(stage: Stage, severity: Severity) -> StageError {
    StageError::new(stage, severity, "It broke.", "Mend it.")
}

fn info(name: &str) -> StageStatus {
    StageStatus::Ready(EngineInfo { engine: "fake".into(), name: name.into(), starter: false })
}

#[test]
fn a_turn_grows_from_partial_words_to_a_spoken_answer() {
    let mut s = state(&[
        Event::Status(Stage::Llm, info("small-chat")),
        Event::Phase(T1, Phase::Listening),
        Event::PartialText(T1, Words { certain: "what".into(), uncertain: "is".into() }),
    ]);
    assert_eq!(s.look(), TalkLook::Listening);
    assert_eq!(s.last_turn().unwrap().partial.text(), "what is");
    for event in [
        said("What is it?"),
        Event::Phase(T1, Phase::Thinking),
        Event::ThinkingDelta(T1, "hm".into()),
        Event::ReplyDelta(T1, "It is ".into()),
        Event::ReplyDelta(T1, "blue. Yes.".into()),
        Event::Phase(T1, Phase::Speaking),
        Event::ClauseStarted { turn: T1, seq: 0, text: "It is blue.".into(), range: (0, 11) },
    ] {
        s.apply(&event);
    }
    let turn = s.last_turn().unwrap();
    assert_eq!((turn.answer.as_str(), turn.thinking.as_str(), turn.partial.text().as_str()), ("It is blue. Yes.", "hm", ""));
    assert_eq!(turn.clause.as_ref().unwrap().range, 0..11);
    assert_eq!(turn.model, "small-chat");
    s.apply(&Event::ClauseStarted { turn: T1, seq: 1, text: "Yes.".into(), range: (12, 16) });
    s.apply(&Event::ClauseSpoken { turn: T1, seq: 0, text: "It is blue.".into() });
    assert_eq!(s.last_turn().unwrap().clause.as_ref().unwrap().seq, 1, "a clause that ends late does not end the next one");
}

#[test]
fn only_an_interrupted_answer_has_a_part_that_was_not_heard() {
    let answer = |end| {
        state(&[said("Hi"), Event::ReplyFinal { turn: T1, text: "Grüße. Und mehr.".into(), heard_bytes: 3 }, Event::TurnEnded(T1, end)])
    };
    // Byte 3 is inside of ü (2..4): the cut moves back to a character's border.
    assert_eq!(answer(TurnEnd::Cancelled).last_turn().unwrap().unheard_from(), Some(2));
    assert_eq!(answer(TurnEnd::Answered).last_turn().unwrap().unheard_from(), None);
}

#[test]
fn ranges_outside_of_the_answer_are_cut_and_never_panic() {
    for range in [(0, usize::MAX), (usize::MAX, 0), (7, 3), (1, 2)] {
        let s = state(&[Event::ReplyDelta(T1, "ÄÖ".into()), Event::ClauseStarted { turn: T1, seq: 0, text: "".into(), range }]);
        let turn = s.last_turn().unwrap();
        assert!(turn.answer.get(turn.clause.clone().unwrap().range).is_some());
    }
}

#[test]
fn nothing_heard_shows_until_the_next_press_and_leaves_no_turn_behind() {
    let mut s = state(&[Event::Phase(T1, Phase::Listening), Event::TurnEnded(T1, TurnEnd::NothingHeard), Event::Phase(T1, Phase::Idle)]);
    assert_eq!(s.look(), TalkLook::NothingHeard);
    s.apply(&Event::Phase(TurnId(2), Phase::Listening));
    assert_eq!(s.look(), TalkLook::Listening);
    assert_eq!(s.items.len(), 1);
}

#[test]
fn a_missing_microphone_is_a_fault_until_one_is_there() {
    let mut s = state(&[
        Event::Phase(TurnId::NONE, Phase::Idle),
        Event::Status(Stage::Capture, StageStatus::Unavailable(fault(Stage::Capture, Severity::Stage))),
    ]);
    assert_eq!(s.look(), TalkLook::Fault);
    assert_eq!(s.items.len(), 1);
    s.apply(&Event::Notice(TurnId::NONE, fault(Stage::Capture, Severity::Stage)));
    assert_eq!(s.items.len(), 1, "the same sentence stands there once");
    s.apply(&Event::Status(Stage::Capture, info("USB")));
    assert_eq!(s.look(), TalkLook::Idle);
    assert!(s.items.is_empty());
}

#[test]
fn a_failed_turn_is_a_fault_until_the_next_press() {
    let mut s = state(&[
        Event::Phase(T1, Phase::Thinking),
        Event::Notice(T1, fault(Stage::Llm, Severity::Turn)),
        Event::TurnEnded(T1, TurnEnd::Failed),
        Event::Phase(T1, Phase::Idle),
    ]);
    assert_eq!(s.look(), TalkLook::Fault);
    assert_eq!(s.fault().unwrap().message, "It broke.");
    s.apply(&Event::Phase(TurnId(2), Phase::Listening));
    s.apply(&Event::Phase(TurnId(2), Phase::Idle));
    assert_eq!(s.look(), TalkLook::Idle);
}

#[test]
fn clearing_keeps_what_still_has_to_be_mended() {
    let s = state(&[
        said("Hi"),
        Event::Notice(T1, fault(Stage::Stt, Severity::Turn)),
        Event::Notice(TurnId::NONE, fault(Stage::Tts, Severity::Stage)),
        Event::ConversationCleared,
    ]);
    assert!(s.is_empty());
    assert_eq!(s.items, [Item::Notice(fault(Stage::Tts, Severity::Stage))]);
}

#[test]
fn loading_counts_the_stages_that_are_there() {
    let s = state(&[
        Event::Status(Stage::Capture, info("mic")),
        Event::Status(Stage::Tts, StageStatus::Loading),
        Event::Status(Stage::Stt, StageStatus::Unavailable(fault(Stage::Stt, Severity::Stage))),
    ]);
    assert_eq!(s.loaded(), (2, 5));
    assert_eq!(s.loading(), Some(Stage::Tts));
    assert_eq!(s.look(), TalkLook::Loading);
}

#[test]
fn a_very_long_session_forgets_the_oldest_turns() {
    let mut s = ViewState::default();
    for n in 1..1000 {
        s.apply(&Event::UserText { turn: TurnId(n), text: "Hi".into(), language: String::new(), confidence: 1.0 });
    }
    assert_eq!(s.items.len(), MAX_ITEMS);
    assert_eq!(s.last_turn().unwrap().id, TurnId(999));
}
