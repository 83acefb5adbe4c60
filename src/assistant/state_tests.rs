//! Tests of the pure decisions: what a user would notice, without threads or clocks.

use super::state::{Effect, Input, State, step};
use crate::audio::{Clip, Pcm16k};
use crate::config::Config;
use crate::config::test_config;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, Event, LlmCmd, Phase, PlayCmd, SttCmd, TtsCmd, TurnEnd, UserAction, WorkerEvent};
use crate::llm::ReplyStats;
use crate::stt::{EngineInfo, Transcript};
use crate::tts::SynthesisError;
use crate::turn::{Moment, TurnId};
use std::sync::Arc;
use std::time::Duration;

/// A core with its workers played by the test.
pub(super) struct Core {
    pub state: State,
    pub now: Moment,
    pub log: Vec<Effect>,
}

impl Core {
    pub fn ready() -> Core {
        Core::with(test_config())
    }

    pub fn with(config: Config) -> Core {
        let mut core = Core { state: State::new(Arc::new(config)), now: Moment::default(), log: Vec::new() };
        for stage in Stage::WORKERS {
            core.worker(WorkerEvent::Ready(stage, EngineInfo::default()));
        }
        core
    }

    pub fn give(&mut self, input: Input) -> Vec<Effect> {
        let (state, effects) = step(self.state.clone(), input, self.now);
        self.state = state;
        self.log.extend(effects.clone());
        effects
    }

    pub fn act(&mut self, action: UserAction) -> Vec<Effect> {
        self.give(Input::Action(action))
    }

    pub fn worker(&mut self, event: WorkerEvent) -> Vec<Effect> {
        self.give(Input::Worker(event))
    }

    pub fn wait(&mut self, ms: u64) -> Vec<Effect> {
        self.now = self.now.plus(Duration::from_millis(ms));
        self.give(Input::Tick)
    }

    pub fn turn(&self) -> TurnId {
        self.state.turn()
    }

    /// Press, speak for two seconds, release; the words are heard.
    pub fn say(&mut self, words: &str) {
        self.act(UserAction::PttPressed);
        let turn = self.turn();
        self.worker(WorkerEvent::CaptureStarted(turn, self.now));
        self.wait(2000);
        self.act(UserAction::PttReleased);
        self.wait(60);
        self.worker(WorkerEvent::Captured { turn, pcm: Pcm16k::default(), dropped: 0 });
        let transcript = Transcript { text: words.into(), language: "en".to_owned(), confidence: 0.9 };
        self.worker(WorkerEvent::Transcribed { turn, transcript, heard: 0, stt_ms: 100.0 });
    }

    pub fn write(&mut self, text: &str) -> Vec<Effect> {
        let turn = self.turn();
        self.worker(WorkerEvent::ReplyDelta(turn, text.into()))
    }

    pub fn end_writing(&mut self) -> Vec<Effect> {
        let turn = self.turn();
        self.worker(WorkerEvent::ReplyEnded { turn, stats: ReplyStats::default() })
    }

    /// The voice made this clause, and the speaker plays it.
    pub fn play(&mut self, seq: u32) {
        let turn = self.turn();
        let clip = Clip { samples: Arc::from(vec![0.1; 1600]), rate: 16_000 };
        self.worker(WorkerEvent::Synthesized { turn, seq, clip, last: true });
        let now = self.now;
        self.worker(WorkerEvent::ClauseStarted(turn, seq, now));
    }

    pub fn ended(&self) -> Vec<TurnEnd> {
        self.log.iter().filter_map(|e| if let Effect::Emit(Event::TurnEnded(_, end)) = e { Some(*end) } else { None }).collect()
    }

    fn said(&self) -> Vec<String> {
        self.log
            .iter()
            .filter_map(|e| if let Effect::Tts(TtsCmd::Speak { clause, .. }) = e { Some(clause.to_string()) } else { None })
            .collect()
    }

    fn commits(&self) -> Vec<String> {
        self.log
            .iter()
            .filter_map(|e| if let Effect::Llm(LlmCmd::Commit { heard, .. }) = e { Some(heard.to_string()) } else { None })
            .collect()
    }
}

#[test]
fn a_whole_turn_goes_from_the_key_to_the_voice() {
    let mut core = Core::ready();
    assert_eq!(core.state.phase(), Phase::Idle);
    core.act(UserAction::PttPressed);
    assert_eq!(core.state.phase(), Phase::Listening);
    let turn = core.turn();
    core.worker(WorkerEvent::CaptureStarted(turn, core.now));
    core.wait(1500);
    let effects = core.act(UserAction::PttReleased);
    assert!(effects.contains(&Effect::Capture(CaptureCmd::Finish(turn))), "at once: nobody waits for the grace");
    core.wait(60);
    assert_eq!(core.state.phase(), Phase::Transcribing);
    let effects = core.worker(WorkerEvent::Captured { turn, pcm: Pcm16k::default(), dropped: 0 });
    assert!(effects.contains(&Effect::Stt(SttCmd::Transcribe(turn, Pcm16k::default()))));
    let transcript = Transcript { text: "What is the capital of France?".into(), language: "en".to_owned(), confidence: 0.9 };
    let effects = core.worker(WorkerEvent::Transcribed { turn, transcript, heard: 0, stt_ms: 100.0 });
    assert!(effects.contains(&Effect::Llm(LlmCmd::Reply(turn, "What is the capital of France?".into()))));
    assert_eq!(core.state.phase(), Phase::Thinking);
    core.write("The capital of France is Paris. ");
    core.write("It lies on the Seine.");
    core.end_writing();
    assert_eq!(core.said().join(" "), "The capital of France is Paris. It lies on the Seine.");
    let clauses = core.said().len() as u32;
    for seq in 0..clauses {
        core.play(seq);
        assert_eq!(core.state.phase(), Phase::Speaking);
        core.worker(WorkerEvent::ClausePlayed(turn, seq));
    }
    assert!(core.log.contains(&Effect::Play(PlayCmd::FinishTurn(turn))));
    core.worker(WorkerEvent::Drained(turn));
    assert_eq!(core.state.phase(), Phase::Idle);
    assert_eq!(core.ended(), [TurnEnd::Answered]);
    assert_eq!(core.commits(), ["The capital of France is Paris. It lies on the Seine."]);
}

#[test]
fn several_sentences_in_one_piece_are_all_spoken() {
    let mut core = Core::ready();
    core.say("Tell me a joke.");
    core.write("Here is one. It is short. It is about a cat. The cat is quick.");
    core.end_writing();
    assert_eq!(core.said().join(" "), "Here is one. It is short. It is about a cat. The cat is quick.");
}

#[test]
fn a_slow_model_does_not_end_the_speech() {
    let mut core = Core::ready();
    core.say("Tell me a story.");
    let turn = core.turn();
    core.write("It was a dark night. ");
    core.write("Then");
    core.play(0);
    core.worker(WorkerEvent::ClausePlayed(turn, 0));
    // All that there is was heard; the next sentence takes a minute.
    core.wait(60_000);
    assert!(!core.log.contains(&Effect::Play(PlayCmd::FinishTurn(turn))) && core.ended().is_empty());
    core.write(" came the day.");
    core.end_writing();
    assert_eq!(core.said().join(" "), "It was a dark night. Then came the day.");
    for seq in 1..core.said().len() as u32 {
        core.play(seq);
        core.worker(WorkerEvent::ClausePlayed(turn, seq));
    }
    core.worker(WorkerEvent::Drained(turn));
    assert_eq!(core.ended(), [TurnEnd::Answered]);
    assert_eq!(core.commits(), ["It was a dark night. Then came the day."]);
}

#[test]
fn only_what_was_heard_enters_the_memory() {
    let mut core = Core::ready();
    core.say("Who are you?");
    core.write("I am Hark. I live on this laptop. I never leave it.");
    core.end_writing();
    assert!(core.said().len() >= 2, "{:?}", core.said());
    core.play(0);
    core.worker(WorkerEvent::ClausePlayed(core.turn(), 0));
    core.play(1);
    let interrupted = core.turn();
    let effects = core.act(UserAction::PttPressed);
    let order: Vec<usize> = [
        effects.iter().position(|e| matches!(e, Effect::Advance(_))),
        effects.iter().position(|e| *e == Effect::Play(PlayCmd::StopTurn(interrupted))),
        effects.iter().position(|e| matches!(e, Effect::Capture(CaptureCmd::Begin(_)))),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(order.len(), 3);
    assert!(order.is_sorted(), "advance, stop playback, begin capture: in this order");
    assert_eq!(core.commits(), ["I am Hark."]);
    assert_eq!(core.ended(), [TurnEnd::Cancelled]);
}

#[test]
fn a_late_word_of_an_interrupted_answer_is_dropped() {
    let mut core = Core::ready();
    core.say("Tell me a story.");
    let old = core.turn();
    core.write("Once upon a time ");
    core.act(UserAction::Cancel);
    assert_eq!(core.state.phase(), Phase::Idle);
    let late = [
        WorkerEvent::ReplyDelta(old, "there was".into()),
        WorkerEvent::ReplyEnded { turn: old, stats: ReplyStats::default() },
        WorkerEvent::ClauseStarted(old, 0, core.now),
        WorkerEvent::Drained(old),
        WorkerEvent::Failed(old, StageError::new(Stage::Llm, Severity::Turn, "late", "")),
    ];
    for event in late {
        assert_eq!(core.worker(event), []);
    }
}

#[test]
fn silence_asks_the_model_nothing() {
    let mut core = Core::ready();
    core.say("");
    assert_eq!(core.ended(), [TurnEnd::NothingHeard]);
    assert!(!core.log.iter().any(|e| matches!(e, Effect::Llm(LlmCmd::Reply(..)))));
}

#[test]
fn a_ten_millisecond_press_is_a_slip() {
    let mut core = Core::ready();
    core.act(UserAction::PttPressed);
    core.wait(10);
    core.act(UserAction::PttReleased);
    core.wait(60);
    assert_eq!(core.ended(), [TurnEnd::NothingHeard]);
    assert!(!core.log.iter().any(|e| matches!(e, Effect::Stt(_))));
    assert_eq!(core.state.phase(), Phase::Idle);
}

#[test]
fn a_clause_that_the_voice_cannot_read_is_told_and_all_others_are_spoken() {
    let mut core = Core::ready();
    core.say("What is Python?");
    core.write("A language it is. 一种语言。 And a snake too. ");
    core.end_writing();
    core.play(0);
    let turn = core.turn();
    let unread = StageError::from(SynthesisError::Unreadable("The voice knows none of the words of this text".to_owned()));
    let effects = core.worker(WorkerEvent::Failed(turn, unread.clone()));
    assert!(effects.contains(&Effect::Emit(Event::Notice(turn, unread))));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Play(PlayCmd::StopTurn(_)))), "what sounds goes on: {effects:?}");
    core.play(1);
    core.play(2);
    assert_eq!(core.said().len(), 3, "{:?}", core.said());
    core.worker(WorkerEvent::ClausePlayed(turn, 2));
    core.worker(WorkerEvent::Drained(turn));
    assert_eq!(core.ended(), [TurnEnd::Answered]);
}

#[test]
fn without_a_voice_the_answer_is_read_and_remembered() {
    let mut core = Core::ready();
    core.worker(WorkerEvent::Failed(TurnId::NONE, StageError::new(Stage::Tts, Severity::Stage, "No voice.", "Install one.")));
    core.say("Who are you?");
    core.write("I am Hark.");
    core.end_writing();
    assert_eq!(core.said(), [] as [String; 0]);
    assert_eq!(core.ended(), [TurnEnd::Answered]);
    assert_eq!(core.commits(), ["I am Hark."]);
}

#[test]
fn a_speaker_that_was_plugged_in_is_used_for_the_next_answer() {
    let mut core = Core::ready();
    let error = StageError::new(Stage::Playback, Severity::Stage, "No speaker was found.", "Plug one in.");
    core.worker(WorkerEvent::Failed(TurnId::NONE, error.clone()));
    core.act(UserAction::PttPressed);
    assert!(core.log.contains(&Effect::Play(PlayCmd::SelectDevice(None))), "it is looked for again");
    core.act(UserAction::Cancel);
    core.worker(WorkerEvent::Failed(TurnId::NONE, error.clone()));
    let notices = core.log.iter().filter(|e| matches!(e, Effect::Emit(Event::Notice(_, e)) if *e == error)).count();
    assert_eq!(notices, 1, "it is missed aloud only once");
    core.say("Who are you?");
    core.write("I am Hark. ");
    assert_eq!(core.said(), [] as [String; 0]);
    core.act(UserAction::Cancel);
    core.worker(WorkerEvent::Ready(Stage::Playback, EngineInfo::default()));
    core.say("Who are you?");
    core.write("I am Hark. ");
    assert_eq!(core.said(), ["I am Hark."]);
}

#[test]
fn a_voice_that_fails_in_the_middle_loses_no_text() {
    let mut core = Core::ready();
    core.say("Who are you?");
    core.write("I am Hark. ");
    let turn = core.turn();
    core.worker(WorkerEvent::Failed(turn, StageError::new(Stage::Tts, Severity::Turn, "The voice failed.", "")));
    core.write("I am here.");
    core.end_writing();
    assert_eq!(core.ended(), [TurnEnd::Answered]);
    assert_eq!(core.commits(), ["I am Hark. I am here."]);
}

#[test]
fn without_a_chat_model_the_words_are_shown_with_a_hint() {
    let mut core = Core::ready();
    let error = StageError::new(Stage::Llm, Severity::Stage, "No chat model.", "Install one.");
    core.worker(WorkerEvent::Failed(TurnId::NONE, error.clone()));
    core.say("Who are you?");
    assert!(core.log.iter().any(|e| matches!(e, Effect::Emit(Event::UserText { text, .. }) if text == "Who are you?")));
    assert_eq!(core.log.iter().filter(|e| matches!(e, Effect::Emit(Event::Notice(_, e)) if *e == error)).count(), 2);
    assert_eq!(core.ended(), [TurnEnd::Failed]);
}

#[test]
fn a_microphone_that_never_answers_does_not_hang_the_turn() {
    let mut core = Core::ready();
    core.act(UserAction::PttPressed);
    core.wait(1000);
    core.act(UserAction::PttReleased);
    core.wait(60);
    core.wait(4000);
    assert_eq!(core.ended(), [TurnEnd::Failed]);
    assert_eq!(core.state.phase(), Phase::Idle);
}

#[test]
fn a_worker_that_died_is_started_again_but_not_for_ever() {
    let mut core = Core::ready();
    for _ in 0..10 {
        core.worker(WorkerEvent::Died(Stage::Stt, "a fault".to_owned()));
    }
    let restarts = core.log.iter().filter(|e| matches!(e, Effect::Restart(Stage::Stt, _))).count();
    assert_eq!(restarts, 3);
}

#[test]
fn a_new_voice_waits_for_the_end_of_the_turn() {
    let mut core = Core::ready();
    core.act(UserAction::SubmitText("Hello".into()));
    let config = Config { voice: crate::config::VoiceChoice::Espeak("cmn".to_owned()), ..test_config() };
    core.act(UserAction::Configure(Arc::new(config)));
    assert!(!core.log.iter().any(|e| matches!(e, Effect::Prepare(..))));
    core.act(UserAction::Cancel);
    assert!(core.log.iter().any(|e| matches!(e, Effect::Prepare(Stage::Tts, _))));
}

#[test]
fn a_press_while_models_load_is_not_lost() {
    let mut core = Core { state: State::new(Arc::new(test_config())), now: Moment::default(), log: Vec::new() };
    assert_eq!(core.state.phase(), Phase::Loading);
    core.say("What time is it?");
    assert!(core.log.iter().any(|e| matches!(e, Effect::Llm(LlmCmd::Reply(..)))));
}
