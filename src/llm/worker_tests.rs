//! The llm thread with a scripted session: what goes up, and when.
#![allow(clippy::panic)] // tests end by it

use super::*;
use crate::error::Severity;
use crate::llm::Memory;
use crate::on_time::on_time;
use crate::private::Private;
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, TurnClock};
use crossbeam_channel::{Receiver, bounded};
use std::sync::Mutex;
use std::time::Duration;

type Log = Arc<Mutex<Vec<String>>>;

/// A context that no memory holds.
fn room_for(options: &ChatOptions) -> Result<(), ChatError> {
    if options.context_tokens > 10_000 { Err(ChatError::OutOfMemory("scripted".into())) } else { Ok(()) }
}

struct Scripted(Log);

struct ScriptedSession(Log, Vec<(Private, Private)>, u32);

impl ChatModel for Scripted {
    fn session(&self, options: &ChatOptions) -> Result<Box<dyn ChatSession + '_>, ChatError> {
        room_for(options)?;
        Ok(Box::new(ScriptedSession(Arc::clone(&self.0), Vec::new(), 0)))
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
    fn prefill(&mut self, user: &str, stop: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError> {
        self.note(format!("prefill {user}"));
        if user.ends_with("long") {
            while !stop() {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Ok(Outcome::Cancelled);
        }
        Ok(Outcome::Done(()))
    }

    fn settle(&mut self, stop: &dyn Fn() -> bool) -> Result<Settled, ChatError> {
        self.2 += 1;
        if stop() { Ok(Settled::Stopped) } else { Ok(Settled::Done) }
    }

    fn memory(&self) -> Memory {
        Memory(self.1.clone())
    }

    fn remember(&mut self, memory: &Memory) {
        self.note(format!("remember {}", memory.0.len()));
        self.1.clone_from(&memory.0);
    }

    fn reply(&mut self, user: &str, cancel: &CancelToken, on_text: &mut dyn FnMut(&str)) -> Result<Outcome<ReplyStats>, ChatError> {
        self.note(format!("reply {}", user));
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
        if !heard.is_empty() {
            self.1.push(("question".into(), heard.into()));
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.note("reset".to_owned());
    }

    fn set_options(&mut self, options: &ChatOptions) -> Result<(), ChatError> {
        self.note(format!("options {}", &**options.system));
        room_for(options)
    }
}

pub(crate) fn options() -> ChatOptions {
    ChatOptions {
        system: crate::llm::prompt::DEFAULT_SYSTEM.into(),
        context_tokens: 512,
        max_tokens: 64,
        sampling: super::super::Sampling::default(),
        ..ChatOptions::default()
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
        Rig::unloading(None)
    }

    fn unloading(after: Option<Duration>) -> Rig {
        let (up, events) = bounded(64);
        let clock = TurnClock::new();
        let log: Log = Log::default();
        let inner = Arc::clone(&log);
        let factory: ChatFactory = Arc::new(move || {
            inner.lock().unwrap().push("load".to_owned());
            Ok(Box::new(Scripted(Arc::clone(&inner))))
        });
        let worker = spawn_llm(factory, options(), up, clock.reader(), after).unwrap();
        let rig = Rig { worker, events, clock, log };
        assert!(matches!(rig.next(), WorkerEvent::Ready(Stage::Llm, _)));
        rig
    }

    /// The next event but for spans.
    fn next(&self) -> WorkerEvent {
        loop {
            match self.events.recv_timeout(Duration::from_secs(10)).unwrap() {
                WorkerEvent::Worked(..) => {}
                event => return event,
            }
        }
    }

    fn said(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    fn until(&self, what: impl Fn(&[String]) -> bool) {
        let end = crate::clock::now().0 + Duration::from_secs(10);
        while !what(&self.said()) {
            assert!(crate::clock::now().0 < end, "{:?}", self.said());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn end(mut self) -> Vec<String> {
        assert!(self.worker.join_until(crate::clock::now().0 + Duration::from_secs(10)));
        let rest: Vec<_> = self.events.try_iter().filter(|e| !matches!(e, WorkerEvent::Worked(..) | WorkerEvent::Unloaded(..))).collect();
        assert_eq!(rest, [], "nothing more was to be sent");
        self.said()
    }
}

#[test]
fn an_answer_comes_up_in_parts_and_is_committed() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "hi".into())).unwrap();
    assert_eq!(rig.next(), WorkerEvent::ThinkingDelta(TurnId(1), "h".into()));
    assert_eq!(rig.next(), WorkerEvent::ThinkingDelta(TurnId(1), "m".into()));
    assert_eq!(rig.next(), WorkerEvent::ReplyDelta(TurnId(1), "Hel".into()));
    assert_eq!(rig.next(), WorkerEvent::ReplyDelta(TurnId(1), "lo.".into()));
    assert!(matches!(rig.next(), WorkerEvent::ReplyEnded { turn: TurnId(1), stats: ReplyStats { tokens: 5, .. } }));
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(7), heard: "wrong".into() }).unwrap();
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "Hello.".into() }).unwrap();
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "again".into() }).unwrap();
    assert_eq!(rig.end(), ["load", "reply hi", "commit Hello."]);
}

#[test]
fn of_a_cancelled_turn_nothing_more_is_sent_and_its_part_can_be_committed() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "wait".into())).unwrap();
    assert_eq!(rig.next(), WorkerEvent::ReplyDelta(TurnId(1), "One.".into()));
    rig.clock.advance_to(TurnId(2));
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "One.".into() }).unwrap();
    // A question of a turn that moved on is not even asked.
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "late".into())).unwrap();
    rig.worker.try_send(LlmCmd::Reset).unwrap();
    assert_eq!(rig.end(), ["load", "reply wait", "commit One.", "reset"]);
}

#[test]
fn a_new_question_forgets_what_was_not_committed() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "fail".into())).unwrap();
    assert!(matches!(rig.next(), WorkerEvent::Failed(TurnId(1), error) if error.stage == Stage::Llm));
    for turn in [2, 3] {
        rig.clock.advance_to(TurnId(turn));
        rig.worker.try_send(LlmCmd::Reply(TurnId(turn), "hi".into())).unwrap();
        while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    }
    assert_eq!(rig.end(), ["load", "reply fail", "reply hi", "commit ", "reply hi"]);
}

#[test]
fn without_a_model_each_question_gets_the_reason() {
    let (up, events) = bounded(8);
    let factory: ChatFactory = Arc::new(|| Err(ChatError::ModelMissing("no.gguf".into())));
    let worker = spawn_llm(factory, options(), up, TurnClock::new().reader(), None).unwrap();
    let next = || events.recv_timeout(Duration::from_secs(10)).unwrap();
    let WorkerEvent::Failed(TurnId::NONE, first) = next() else { panic!("a failed load must be said") };
    assert!(first.message.contains("no.gguf") && !first.hint.is_empty());
    worker.try_send(LlmCmd::Reply(TurnId(1), "hi".into())).unwrap();
    assert_eq!(next(), WorkerEvent::Failed(TurnId(1), first));
}

#[test]
fn a_prefill_gives_way_to_what_is_newer_and_outdated_ones_are_never_begun() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    let send = |command| rig.worker.try_send(command).unwrap();
    let prefill = |text: &str| LlmCmd::Prefill(TurnId(1), text.into());
    send(prefill("so long"));
    rig.until(|log| log.iter().any(|l| l == "prefill so long"));
    // Another command interrupts it, and it goes on afterwards.
    send(LlmCmd::Configure(ChatOptions { system: "new".into(), ..options() }));
    rig.until(|log| log.iter().filter(|l| *l == "prefill so long").count() == 2);
    // Newer words replace it, the reply replaces them.
    send(prefill("so long as"));
    rig.until(|log| log.iter().any(|l| l == "prefill so long as"));
    send(prefill("very long"));
    rig.until(|log| log.iter().any(|l| l == "prefill very long"));
    send(LlmCmd::Reply(TurnId(1), "hi".into()));
    while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    send(prefill("of a turn that moved on"));
    rig.until(|log| log.iter().any(|l| l.contains("moved on")));
    rig.clock.advance_to(TurnId(2));
    rig.worker.try_send(prefill("late")).unwrap();
    let log = rig.end();
    let expected = ["load", "prefill so long", "options new", "prefill so long", "prefill so long as", "prefill very long", "reply hi"];
    assert_eq!(log[..7], expected);
    assert!(!log.iter().any(|l| l.contains("late")), "{log:?}");
}

#[test]
fn an_idle_model_is_unloaded_and_comes_back_with_the_conversation() {
    on_time(|| {
        let mut rig = Rig::unloading(Some(Duration::from_millis(60)));
        rig.clock.advance_to(TurnId(1));
        rig.worker.try_send(LlmCmd::Reply(TurnId(1), "hi".into())).unwrap();
        while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
        std::thread::sleep(Duration::from_millis(150));
        // An answer that sounds keeps it loaded.
        rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "Hello.".into() }).unwrap();
        rig.until(|log| log.iter().any(|l| l == "commit Hello."));
        std::thread::sleep(Duration::from_millis(300));
        assert!(matches!(rig.next(), WorkerEvent::Unloaded(Stage::Llm, _)));
        rig.clock.advance_to(TurnId(2));
        rig.worker.try_send(LlmCmd::Configure(ChatOptions { system: "new".into(), ..options() })).unwrap();
        rig.worker.try_send(LlmCmd::Prefill(TurnId(2), "and".into())).unwrap();
        rig.until(|log| log.iter().any(|l| l == "prefill and"));
        rig.worker.try_send(LlmCmd::Reply(TurnId(2), "and now".into())).unwrap();
        while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
        let log = rig.end();
        assert_eq!(log, ["load", "reply hi", "commit Hello.", "load", "remember 1", "prefill and", "reply and now"]);
    });
}

#[test]
fn a_model_that_did_not_come_back_is_tried_again_at_the_next_question() {
    let (up, events) = bounded(64);
    let mut clock = TurnClock::new();
    let (log, loads) = (Log::default(), Arc::new(Mutex::new(0)));
    let (inner, count) = (Arc::clone(&log), Arc::clone(&loads));
    // The second time the stick is out.
    let factory: ChatFactory = Arc::new(move || {
        let mut count = count.lock().unwrap();
        *count += 1;
        if *count == 2 { Err(ChatError::ModelMissing("stick/m.gguf".into())) } else { Ok(Box::new(Scripted(Arc::clone(&inner)))) }
    });
    let worker = spawn_llm(factory, options(), up, clock.reader(), None).unwrap();
    let next = || loop {
        match events.recv_timeout(Duration::from_secs(10)).unwrap() {
            WorkerEvent::Worked(..) | WorkerEvent::ReplyDelta(..) | WorkerEvent::ThinkingDelta(..) => {}
            event => return event,
        }
    };
    assert!(matches!(next(), WorkerEvent::Ready(..)));
    worker.try_send(LlmCmd::Remember(Memory(vec![("q".into(), "a".into())]))).unwrap();
    worker.try_send(LlmCmd::Release).unwrap();
    assert_eq!(next(), WorkerEvent::Released(Stage::Llm));
    let mut ask = |turn| {
        clock.advance_to(turn);
        worker.try_send(LlmCmd::Reply(turn, "hi".into())).unwrap();
    };
    ask(TurnId(1));
    let WorkerEvent::Lost(error) = next() else { panic!("who decides may take another") };
    assert_eq!(next(), WorkerEvent::Failed(TurnId(1), error));
    ask(TurnId(2));
    assert!(matches!(next(), WorkerEvent::ReplyEnded { turn: TurnId(2), .. }));
    assert_eq!(*log.lock().unwrap(), ["remember 1", "remember 1", "reply hi"], "and it knows what was said before");
}

#[test]
fn a_context_for_which_there_is_no_memory_does_not_cost_the_model_after_an_unload() {
    let mut rig = Rig::new();
    rig.worker.try_send(LlmCmd::Configure(ChatOptions { context_tokens: 16_384, system: "new".into(), ..options() })).unwrap();
    assert!(matches!(rig.next(), WorkerEvent::Failed(TurnId::NONE, error) if error.message.contains("the context that it had")));
    rig.worker.try_send(LlmCmd::Release).unwrap();
    assert_eq!(rig.next(), WorkerEvent::Released(Stage::Llm));
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "hi".into())).unwrap();
    while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    rig.end();
}

#[test]
fn a_context_without_memory_that_is_wished_while_the_model_sleeps_is_said_and_the_model_stays() {
    let mut rig = Rig::new();
    rig.worker.try_send(LlmCmd::Release).unwrap();
    assert_eq!(rig.next(), WorkerEvent::Released(Stage::Llm));
    rig.worker.try_send(LlmCmd::Configure(ChatOptions { context_tokens: 16_384, ..options() })).unwrap();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "hi".into())).unwrap();
    let WorkerEvent::Failed(TurnId::NONE, error) = rig.next() else { panic!("it is said") };
    assert!(error.severity == Severity::Info && error.message.contains("the context that it had"), "{error}");
    while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    rig.end();
}

#[test]
fn a_model_that_is_to_make_room_keeps_the_conversation_and_comes_back_when_it_is_called() {
    let mut rig = Rig::new();
    rig.clock.advance_to(TurnId(1));
    rig.worker.try_send(LlmCmd::Reply(TurnId(1), "hi".into())).unwrap();
    while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    rig.worker.try_send(LlmCmd::Commit { turn: TurnId(1), heard: "Hello.".into() }).unwrap();
    for _ in 0..2 {
        rig.worker.try_send(LlmCmd::Release).unwrap();
        assert_eq!(rig.next(), WorkerEvent::Released(Stage::Llm));
    }
    rig.worker.try_send(LlmCmd::Wake).unwrap();
    rig.until(|log| log.iter().any(|l| l == "remember 1"));
    // And a conversation that was held with another model.
    let turns = vec![("a".into(), "b".into()), ("c".into(), "d".into())];
    rig.worker.try_send(LlmCmd::Remember(Memory(turns.clone()))).unwrap();
    rig.worker.try_send(LlmCmd::Release).unwrap();
    assert_eq!(rig.next(), WorkerEvent::Released(Stage::Llm));
    rig.worker.try_send(LlmCmd::Remember(Memory(turns[..1].to_vec()))).unwrap();
    rig.clock.advance_to(TurnId(2));
    rig.worker.try_send(LlmCmd::Reply(TurnId(2), "hi".into())).unwrap();
    while !matches!(rig.next(), WorkerEvent::ReplyEnded { .. }) {}
    let log = rig.end();
    assert_eq!(log, ["load", "reply hi", "commit Hello.", "load", "remember 1", "remember 2", "load", "remember 1", "reply hi"]);
}
