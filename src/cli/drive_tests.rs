use super::*;
use crate::cli::json::JsonLines;
use crate::cli::terminal::Terminal;
use crate::event::Timing;
use crate::stt::EngineInfo;
use crossbeam_channel::{Sender, bounded};
use std::sync::Mutex;

/// A core that answers each action with the next part of a script.
struct Script {
    parts: Mutex<std::vec::IntoIter<Vec<Event>>>,
    events: Mutex<Option<Sender<Event>>>,
    got: Mutex<Vec<UserAction>>,
}

impl Script {
    fn next_part(&self) {
        let part = self.parts.lock().unwrap().next();
        let mut events = self.events.lock().unwrap();
        match part {
            Some(part) => part.into_iter().for_each(|event| events.as_ref().unwrap().send(event).unwrap()),
            // The script is over: the core ends.
            None => *events = None,
        }
    }
}

impl Core for Script {
    fn send(&self, action: UserAction) {
        let is_cancel = action == UserAction::Cancel;
        self.got.lock().unwrap().push(action);
        if !is_cancel {
            self.next_part();
        }
    }

    fn stop(self: Box<Self>, _within: Duration) -> bool {
        true
    }
}

struct Run {
    summary: io::Result<Summary>,
    out: String,
    err: String,
    got: Vec<UserAction>,
}

fn run_on(mut terminal: Terminal, parts: Vec<Vec<Event>>, questions: &[&str], patience: Patience, interrupt: bool) -> Run {
    let (tx, events) = bounded(64);
    let script = Script { parts: Mutex::new(parts.into_iter()), events: Mutex::new(Some(tx)), got: Mutex::default() };
    script.next_part();
    let (tx, pressed) = bounded(1);
    if interrupt {
        tx.send(()).unwrap();
    }
    let mut renderer = JsonLines::new(&mut terminal);
    let mut drive = Drive { core: &script, events: &events, interrupt: &pressed, renderer: &mut renderer, patience, fresh: false };
    let questions = questions.iter().map(|text| Question::Text((*text).to_owned())).collect();
    let summary = drive.run(questions, &[Stage::Llm, Stage::Tts, Stage::Playback]);
    let (out, err) = terminal.memory();
    Run { summary, out, err, got: script.got.into_inner().unwrap() }
}

fn run(parts: Vec<Vec<Event>>, questions: &[&str]) -> Run {
    run_on(Terminal::to_memory(), parts, questions, Patience::default(), false)
}

fn ready() -> Vec<Event> {
    let info = EngineInfo::default();
    vec![
        Event::Phase(TurnId::NONE, Phase::Loading),
        Event::Status(Stage::Llm, StageStatus::Loading),
        Event::Status(Stage::Llm, StageStatus::Ready(info)),
        Event::Phase(TurnId::NONE, Phase::Idle),
    ]
}

fn answered(n: u64) -> Vec<Event> {
    let turn = TurnId(n);
    vec![
        Event::Phase(turn, Phase::Thinking),
        Event::UserText { turn, text: format!("question {n}").into(), language: String::new(), confidence: 1.0 },
        Event::ReplyDelta(turn, "Yes".into()),
        Event::ReplyDelta(turn, ".".into()),
        Event::ClauseSpoken { turn, seq: 0, text: "Yes.".into() },
        Event::ReplyFinal { turn, text: "Yes.".into(), heard_bytes: 4 },
        Event::Timing(turn, Timing::default()),
        Event::TurnEnded(turn, TurnEnd::Answered),
        Event::Phase(turn, Phase::Idle),
    ]
}

fn fault(stage: Stage, severity: Severity) -> StageError {
    StageError::new(stage, severity, format!("{stage:?} failed."), "Do this.")
}

fn kinds(out: &str) -> Vec<(String, u64)> {
    let parse = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
    out.lines().map(parse).map(|v| (v["event"].as_str().unwrap().to_owned(), v["turn"].as_u64().unwrap())).collect()
}

fn pairs(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(name, turn)| ((*name).to_owned(), *turn)).collect()
}

#[test]
fn two_questions_are_asked_one_after_the_other_and_both_are_answered() {
    let run = run(vec![ready(), answered(1), answered(2)], &["a", "b"]);
    let summary = run.summary.unwrap();
    assert_eq!(summary, Summary { answered: 2, ..Summary::default() });
    assert!(summary.is_good());
    let one_turn = ["user_text", "reply_delta", "reply_delta", "clause_spoken", "reply", "timing"];
    let expected: Vec<_> = (1..=2).flat_map(|n| one_turn.map(|kind| (kind.to_owned(), n))).collect();
    assert_eq!(kinds(&run.out), expected);
    assert_eq!(run.err, "");
    assert_eq!(run.got, [UserAction::SubmitText("a".into()), UserAction::SubmitText("b".into())]);
}

#[test]
fn a_turn_that_fails_is_said_once_and_the_next_one_is_still_asked() {
    let failed = vec![
        Event::Notice(TurnId(1), fault(Stage::Llm, Severity::Turn)),
        Event::Notice(TurnId(1), fault(Stage::Llm, Severity::Turn)),
        Event::TurnEnded(TurnId(1), TurnEnd::Failed),
    ];
    let run = run(vec![ready(), failed, answered(2)], &["a", "b"]);
    let summary = run.summary.unwrap();
    assert_eq!((summary.answered, summary.unanswered, summary.errors), (1, 1, 1));
    assert!(!summary.is_good());
    assert_eq!(run.err, "hark: Llm failed. Do this.\n");
    assert_eq!(kinds(&run.out)[..2], pairs(&[("error", 1), ("user_text", 2)]));
}

#[test]
fn silence_is_said_even_when_the_core_says_nothing_about_it() {
    for (end, word) in [
        (TurnEnd::NothingHeard, "Nothing was heard in question 1"),
        (TurnEnd::Cancelled, "was stopped"),
        (TurnEnd::Failed, "was not answered"),
    ] {
        let run = run(vec![ready(), vec![Event::TurnEnded(TurnId(1), end)]], &["a"]);
        assert!(run.err.contains(word) && run.err.lines().count() == 1, "{}", run.err);
        assert_eq!(kinds(&run.out), pairs(&[("error", 1)]));
        assert!(!run.summary.unwrap().is_good());
    }
}

#[test]
fn notices_come_before_the_turn_and_cost_nothing() {
    let mut start = ready();
    start.insert(1, Event::Notice(TurnId::NONE, fault(Stage::Settings, Severity::Info)));
    start.insert(2, Event::Status(Stage::Stt, StageStatus::Unavailable(fault(Stage::Stt, Severity::Stage))));
    start.insert(3, Event::Status(Stage::Capture, StageStatus::Unavailable(fault(Stage::Capture, Severity::Stage))));
    start.insert(4, Event::Notice(TurnId::NONE, fault(Stage::Stt, Severity::Stage)));
    start.insert(5, Event::Notice(TurnId::NONE, fault(Stage::Capture, Severity::Stage)));
    let run = run(vec![start, answered(1)], &["a"]);
    assert_eq!(kinds(&run.out)[..3], pairs(&[("notice", 0), ("notice", 0), ("user_text", 1)]));
    assert!(!run.out.contains("Capture failed"), "a question that is typed needs no microphone");
    assert_eq!(run.err, "");
    assert!(run.summary.unwrap().is_good());
}

#[test]
fn a_voice_that_is_missing_lets_the_answer_be_read_and_is_an_error() {
    let mut start = ready();
    start.insert(1, Event::Status(Stage::Tts, StageStatus::Unavailable(fault(Stage::Tts, Severity::Stage))));
    start.insert(2, Event::Notice(TurnId::NONE, fault(Stage::Tts, Severity::Stage)));
    let run = run(vec![start, answered(1)], &["a"]);
    let summary = run.summary.unwrap();
    assert_eq!((summary.answered, summary.errors, summary.is_good()), (1, 1, false));
    assert_eq!(run.err, "hark: Tts failed. Do this.\n");
}

#[test]
fn the_end_of_an_old_turn_is_not_taken_for_the_answer() {
    let mut second = vec![Event::TurnEnded(TurnId(1), TurnEnd::Answered)];
    second.extend(answered(2));
    let run = run(vec![ready(), answered(1), second], &["a", "b"]);
    assert_eq!(run.summary.unwrap().answered, 2);
    assert_eq!(kinds(&run.out).last(), Some(&("timing".to_owned(), 2)));
}

#[test]
fn a_core_that_ends_early_leaves_the_rest_unanswered() {
    let run = run(vec![ready(), answered(1)], &["a", "b", "c"]);
    let summary = run.summary.unwrap();
    assert_eq!((summary.answered, summary.unanswered, summary.errors), (1, 2, 1));
    assert!(run.err.contains("ended before"), "{}", run.err);
}

#[test]
fn a_core_that_says_nothing_is_given_up() {
    let patience = Patience { loading: Duration::from_millis(20), turn: Duration::from_millis(20) };
    let run = run_on(Terminal::to_memory(), vec![vec![Event::Phase(TurnId::NONE, Phase::Loading)]], &["a"], patience, false);
    assert_eq!(run.summary.unwrap().unanswered, 1);
    assert!(run.err.contains("gave up"), "{}", run.err);
    assert_eq!(run.got, [], "nothing is asked before it is ready");
}

#[test]
fn an_interrupt_cancels_and_says_nothing() {
    let run = run_on(Terminal::to_memory(), vec![vec![]], &["a"], Patience::default(), true);
    let summary = run.summary.unwrap();
    assert!(summary.interrupted && !summary.is_good());
    assert_eq!((run.got, run.err.as_str()), (vec![UserAction::Cancel], ""));
}

#[test]
fn a_reader_that_went_away_ends_the_conversation() {
    let run = run_on(Terminal::failing(io::ErrorKind::BrokenPipe), vec![ready(), answered(1)], &["a"], Patience::default(), false);
    assert_eq!(run.summary.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(run.got.last(), Some(&UserAction::Cancel));
}

#[test]
fn each_of_fresh_questions_begins_a_conversation_of_its_own() {
    let (tx, events) = bounded(64);
    let parts = vec![ready(), vec![Event::ConversationCleared], answered(1), vec![Event::ConversationCleared], answered(2)];
    let script = Script { parts: Mutex::new(parts.into_iter()), events: Mutex::new(Some(tx)), got: Mutex::default() };
    script.next_part();
    let (_tx, pressed) = bounded(1);
    let mut terminal = Terminal::to_memory();
    let mut renderer = JsonLines::new(&mut terminal);
    let patience = Patience::default();
    let mut drive = Drive { core: &script, events: &events, interrupt: &pressed, renderer: &mut renderer, patience, fresh: true };
    let questions = ["a", "b"].map(|text| Question::Text(text.to_owned())).to_vec();
    assert!(drive.run(questions, &[Stage::Llm]).unwrap().is_good());
    let text = |text: &str| UserAction::SubmitText(text.into());
    assert_eq!(script.got.into_inner().unwrap(), [UserAction::NewConversation, text("a"), UserAction::NewConversation, text("b")]);
}
