//! The llm thread with a scripted session: what goes up, and when.
#![allow(clippy::panic)] // tests end by it

use super::*;
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, TurnClock};
use crossbeam_channel::bounded;
use std::sync::Mutex;
use std::time::Duration;

type Log = Arc<Mutex<Vec<String>>>;

struct Scripted(Log);

struct ScriptedSession(Log);

impl ChatModel for Scripted {
    fn session(&self, _: &ChatOptions) -> Result<Box<dyn ChatSession + '_>, ChatError> {
        Ok(Box::new(ScriptedSession(Arc::clone(&self.0))))
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { engine: "scripted".to_owned(), ..EngineInfo::default() }
    }
}

impl ScriptedSession {
    fn note(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl ChatSession for ScriptedSession {
    fn prefill(&mut self, user: &str, _: &CancelToken) -> Result<Outcome<()>, ChatError> {
        self.note(format!("prefill {user}"));
        Ok(Outcome::Done(()))
    }

    fn reply(&mut self, user: &str, cancel: &CancelToken, on_text: &mut dyn FnMut(&str)) -> Result<Outcome<ReplyStats>, ChatError> {
        self.note(format!("reply {}", user.rsplit(". ").next().unwrap_or_default()));
        if user.ends_with("fail") {
            return Err(ChatError::Engine("no".to_owned()));
        }
        if user.ends_with("wait") {
            on_text("One.");
            while !cancel.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            on_text(" Two.");
            return Ok(Outcome::Cancelled);
        }
        for piece in ["<th", "ink>h", "m</think>", "\n\nHel", "lo."] {
            on_text(piece);
        }
        Ok(Outcome::Done(ReplyStats { tokens: 5, ..ReplyStats::default() }))
    }

    fn commit(&mut self, heard: &str) -> Result<(), ChatError> {
        self.note(format!("commit {heard}"));
        Ok(())
    }

    fn reset(&mut self) {
        self.note("reset".to_owned());
    }

    fn set_options(&mut self, options: &ChatOptions) {
        self.note(format!("options {}", options.system));
    }
}

pub(crate) fn options() -> ChatOptions {
    ChatOptions {
        system: prompt::DEFAULT_SYSTEM.to_owned(),
        context_tokens: 512,
        max_tokens: 64,
        sampling: super::super::Sampling::default(),
        threads: 1,
    }
}

struct Rig {
    worker: Worker<LlmCmd>,
    events: Receiver<WorkerEvent>,
    clock: TurnClock,
    log: Log,
}

impl Rig {
    fn new() -> Rig {
        let (up, events) = bounded(64);
        let clock = TurnClock::new();
        let log: Log = Log::default();
        let inner = Arc::clone(&log);
        let factory: ChatFactory = Arc::new(move || Ok(Box::new(Scripted(Arc::clone(&inner)))));
        let worker = spawn_llm(factory, options(), up, clock.reader()).unwrap();
        let rig = Rig { worker, events, clock, log };
        assert!(matches!(rig.next(), WorkerEvent::Ready(Stage::Llm, _)));
        rig
    }

    fn next(&self) -> WorkerEvent {
        self.events.recv_timeout(Duration::from_secs(10)).unwrap()
    }

    fn end(mut self) -> Vec<String> {
        assert!(self.worker.join_until(crate::clock::now().0 + Duration::from_secs(10)));
        assert!(self.events.try_recv().is_err(), "nothing more was to be sent");
        self.log.lock().unwrap().clone()
    }
}

#[test]
fn an_answer_comes_up_in_parts_and_is_committed() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "hi".to_owned())).unwrap();
    assert_eq!(rig.next(), WorkerEvent::ThinkingDelta(TurnId(1), "h".to_owned()));
    assert_eq!(rig.next(), WorkerEvent::ThinkingDelta(TurnId(1), "m".to_owned()));
    assert_eq!(rig.next(), WorkerEvent::ReplyDelta(TurnId(1), "Hel".to_owned()));
    assert_eq!(rig.next(), WorkerEvent::ReplyDelta(TurnId(1), "lo.".to_owned()));
    assert!(matches!(rig.next(), WorkerEvent::ReplyEnded { turn: TurnId(1), stats: ReplyStats { tokens: 5, .. } }));
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(7), heard: "wrong".to_owned() }).unwrap();
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "Hello.".to_owned() }).unwrap();
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "again".to_owned() }).unwrap();
    assert_eq!(rig.end(), ["prefill ", "reply hi", "commit Hello."]);
}

#[test]
fn of_a_cancelled_turn_nothing_more_is_sent_and_its_part_can_be_committed() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "wait".to_owned())).unwrap();
    assert_eq!(rig.next(), WorkerEvent::ReplyDelta(TurnId(1), "One.".to_owned()));
    rig.clock.advance_to(TurnId(2));
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "One.".to_owned() }).unwrap();
    // A question of a turn that moved on is not even asked.
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "late".to_owned())).unwrap();
    rig.worker.try_send(LlmCmd::Reset).unwrap();
    assert_eq!(rig.end(), ["prefill ", "reply wait", "commit One.", "reset"]);
}

#[test]
fn a_new_question_forgets_what_was_not_committed() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "fail".to_owned())).unwrap();
    assert!(matches!(rig.next(), WorkerEvent::Failed(TurnId(1), error) if error.stage == Stage::Llm));
    for turn in [2, 3] {
        rig.clock.advance_to(TurnId(turn));
        rig.worker.try_send(LlmCmd::Reply(TurnId(turn), "hi".to_owned())).unwrap();
        while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    }
    assert_eq!(rig.end(), ["prefill ", "reply fail", "reply hi", "commit ", "reply hi"]);
}

#[test]
fn without_a_model_each_question_gets_the_reason() {
    let (up, events) = bounded(8);
    let factory: ChatFactory = Arc::new(|| Err(ChatError::ModelMissing("no.gguf".into())));
    let worker = spawn_llm(factory, options(), up, TurnClock::new().reader()).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(10)).unwrap();
    let WorkerEvent::Failed(TurnId::NONE, first) = next() else { panic!("a failed load must be said") };
    assert!(first.message.contains("no.gguf") && !first.hint.is_empty());
    worker.try_send(LlmCmd::Reply(TurnId(1), "hi".to_owned())).unwrap();
    assert_eq!(next(), WorkerEvent::Failed(TurnId(1), first));
}
