//! Tests of the way from the key to the words: pieces, words that come early, releases that were none.

use super::active::Stand;
use super::state::Effect;
use super::state_tests::Core;
use crate::audio::Pcm16k;
use crate::event::{CaptureCmd, Event, LlmCmd, Phase, PlayCmd, SttCmd, TtsCmd, TurnEnd, UserAction, WorkerEvent};
use crate::stt::{Transcript, Words};
use crate::trace::{Lane, Work};

impl Core {
    fn press(&mut self) -> Vec<Effect> {
        let effects = self.act(UserAction::PttPressed);
        let turn = self.turn();
        self.worker(WorkerEvent::CaptureStarted(turn, self.now));
        effects
    }

    fn hear(&mut self, at: usize, samples: usize, key_up: bool) -> Vec<Effect> {
        let (turn, pcm) = (self.turn(), Pcm16k(vec![0.1; samples].into()));
        self.worker(WorkerEvent::Heard { turn, at, pcm, key_up })
    }

    fn partial(&mut self, certain: &str, uncertain: &str) -> Vec<Effect> {
        let turn = self.turn();
        self.worker(WorkerEvent::PartialText(turn, Words { certain: certain.into(), uncertain: uncertain.into() }))
    }

    fn transcribed(&mut self, words: &str, heard: usize) -> Vec<Effect> {
        let turn = self.turn();
        let transcript = Transcript { text: words.into(), language: "en".to_owned(), confidence: 0.9 };
        self.worker(WorkerEvent::Transcribed { turn, transcript, heard, stt_ms: 70.0 })
    }

    fn prefills(&self) -> Vec<String> {
        self.log.iter().filter_map(|e| if let Effect::Llm(LlmCmd::Prefill(_, text)) = e { Some(text.to_string()) } else { None }).collect()
    }

    fn asks(&self) -> Vec<String> {
        self.log.iter().filter_map(|e| if let Effect::Llm(LlmCmd::Reply(_, text)) = e { Some(text.to_string()) } else { None }).collect()
    }
}

#[test]
fn what_is_said_is_heard_and_prefilled_while_the_key_is_held() {
    let mut core = Core::ready();
    let effects = core.press();
    let turn = core.turn();
    assert!(effects.contains(&Effect::Llm(LlmCmd::Prefill(turn, "".into()))), "the chat model wakes up");
    assert!(effects.contains(&Effect::Tts(TtsCmd::Wake)));
    let piece = Pcm16k(vec![0.1; 1600].into());
    assert_eq!(core.hear(0, 1600, false), [Effect::Stt(SttCmd::Hear { turn, at: 0, pcm: piece })]);
    let shown = core.partial("What is the", "capital.");
    assert!(matches!(&shown[..], [Effect::Emit(Event::PartialText(_, words)), Effect::Llm(LlmCmd::Prefill(_, text))]
        if words.uncertain == "capital." && text == "What is the"));
    core.partial("What is the", "captain.");
    core.partial("What is the capital of", "France?");
    core.wait(1000);
    core.act(UserAction::PttReleased);
    assert_eq!(core.hear(1600, 0, true), [Effect::Stt(SttCmd::KeyUp(turn))], "an empty piece is not worth a message");
    core.partial("What is the capital of France?", "");
    assert_eq!(core.prefills(), ["", "What is the", "What is the capital of", "What is the capital of France?"], "each text once");
    core.wait(120);
    core.worker(WorkerEvent::Captured { turn, pcm: Pcm16k::default(), dropped: 0 });
    core.wait(30);
    core.transcribed("What is the capital of France?", 1600);
    assert_eq!(core.asks(), ["What is the capital of France?"]);
    core.partial("late", "");
    assert_eq!(core.prefills().len(), 4, "nothing is prefilled once the model was asked");
    core.write("Paris. ");
    core.act(UserAction::Cancel);
    let timing =
        core.log.iter().find_map(|e| if let Effect::Emit(Event::Timing(_, timing)) = e { Some(timing.clone()) } else { None }).unwrap();
    assert_eq!((timing.stt_ms, timing.stt_work_ms), (Some(150.0), Some(70.0)), "what the user waited, and what the engine did");
}

#[test]
fn words_that_are_complete_are_not_kept_waiting_for_the_tail() {
    let mut core = Core::ready();
    core.press();
    let turn = core.turn();
    core.wait(1000);
    core.hear(0, 16_000, false);
    core.act(UserAction::PttReleased);
    core.hear(16_000, 100, true);
    let effects = core.transcribed("Who are you?", 16_100);
    assert_eq!(effects, [Effect::Llm(LlmCmd::Prefill(turn, "Who are you?".into()))], "it may still be an auto-repeat");
    assert_eq!(core.state.deadline().map(|at| at.ms_since(core.now)), Some(8.0));
    let effects = core.wait(8);
    assert_eq!(effects[0], Effect::Capture(CaptureCmd::Discard), "the tail is not needed");
    assert_eq!(core.asks(), ["Who are you?"]);
    assert_eq!(core.state.phase(), Phase::Thinking);
    core.worker(WorkerEvent::Captured { turn, pcm: Pcm16k::default(), dropped: 0 });
    core.transcribed("Who are you?", 17_000);
    core.wait(60);
    assert_eq!((core.asks().len(), core.state.phase()), (1, Phase::Thinking), "the same words once more change nothing");
    core.act(UserAction::Cancel);
    let timeline = core.log.iter().find_map(|e| if let Effect::Emit(Event::Timeline(_, t)) = e { Some(t.clone()) } else { None }).unwrap();
    assert_eq!(timeline.spans.iter().filter(|s| (s.lane, s.work) == (Lane::Key, Work::Held) && s.ms() == 1000.0).count(), 1);
}

#[test]
fn a_toggle_does_not_wait_for_auto_repeat() {
    let mut core = Core::ready();
    core.act(UserAction::PttToggle);
    core.wait(1000);
    core.act(UserAction::PttToggle);
    core.hear(0, 100, true);
    core.transcribed("Who are you?", 100);
    assert_eq!(core.asks(), ["Who are you?"]);
}

#[test]
fn auto_repeat_is_one_recording_and_one_question() {
    let mut core = Core::ready();
    core.press();
    let turn = core.turn();
    core.wait(400);
    let mut heard = 0;
    for _ in 0..30 {
        let effects = core.act(UserAction::PttReleased);
        assert!(effects.contains(&Effect::Capture(CaptureCmd::Finish(turn))));
        core.hear(heard, 500, true);
        heard += 500;
        core.transcribed("Tell me", heard); // there was a pause
        core.wait(1);
        assert_eq!(core.act(UserAction::PttPressed)[0], Effect::Capture(CaptureCmd::Resume(turn)));
        core.transcribed("Tell me", heard); // too late
        core.wait(29);
        assert_eq!(core.state.phase(), Phase::Listening);
    }
    assert_eq!((core.turn(), core.asks(), core.ended()), (turn, vec![], vec![]));
    core.act(UserAction::PttReleased);
    core.transcribed("Tell me", heard);
    core.hear(heard, 700, true);
    core.transcribed("Tell me", heard);
    core.wait(60);
    assert_eq!(core.asks(), [] as [String; 0], "words from before the last piece are out of date");
    core.worker(WorkerEvent::Captured { turn, pcm: Pcm16k::default(), dropped: 0 });
    core.transcribed("Tell me a joke.", heard + 2700);
    assert_eq!(core.asks(), ["Tell me a joke."]);
}

#[test]
fn a_press_after_the_grace_is_a_new_turn() {
    let mut core = Core::ready();
    core.press();
    let first = core.turn();
    core.wait(1000);
    core.act(UserAction::PttReleased);
    core.now = core.now.plus(std::time::Duration::from_millis(51)); // no tick came in between
    core.press();
    assert_eq!((core.turn(), core.ended()), (first.next(), vec![TurnEnd::Cancelled]));
    // Within the grace, but the words were taken already: also a new one.
    core.wait(1000);
    core.act(UserAction::PttReleased);
    core.hear(0, 100, true);
    core.transcribed("Who are you?", 100);
    core.wait(20);
    core.press();
    assert_eq!(core.turn(), first.next().next());
    assert!(core.state.active.as_ref().is_some_and(|active| active.stand == Stand::Recording));
    core.wait(100);
    core.act(UserAction::PttReleased);
    core.wait(60);
    assert_eq!(core.ended().last(), Some(&TurnEnd::NothingHeard), "a slip counts from its own press");
}

/// Key down: the sound stops and the recording begins in the step of the press, before anything else, in every phase.
#[test]
fn a_press_stops_the_sound_and_records_in_one_step_in_every_phase() {
    type Enter = fn(&mut Core);
    let phases: [(&str, Enter); 7] = [
        ("idle", |_| {}),
        ("listening after a cancel", |core| {
            core.press();
            core.act(UserAction::Cancel);
            core.act(UserAction::PttReleased);
            core.wait(60);
        }),
        ("collecting", |core| {
            core.press();
            core.wait(500);
            core.act(UserAction::PttReleased);
            core.wait(60);
        }),
        ("transcribing", |core| {
            core.press();
            core.wait(500);
            core.act(UserAction::PttReleased);
            core.wait(60);
            let turn = core.turn();
            core.worker(WorkerEvent::Captured { turn, pcm: Pcm16k::default(), dropped: 0 });
        }),
        ("thinking", |core| core.say("Who are you?")),
        ("writing", |core| {
            core.say("Who are you?");
            core.write("I am Hark. I ");
        }),
        ("speaking", |core| {
            core.say("Who are you?");
            core.write("I am Hark. I live here.");
            core.play(0);
        }),
    ];
    for (name, enter) in phases {
        let mut core = Core::ready();
        enter(&mut core);
        let (old, busy) = (core.turn(), core.state.active.is_some());
        let effects = core.act(UserAction::PttPressed);
        let new = core.turn();
        assert_eq!(new, old.next(), "{name}");
        let mut expected = vec![Effect::Advance(new)];
        if busy {
            expected.push(Effect::Play(PlayCmd::StopTurn(old)));
        }
        if name == "collecting" {
            expected.push(Effect::Capture(CaptureCmd::Discard));
        }
        expected.push(Effect::Capture(CaptureCmd::Begin(new)));
        assert_eq!(effects[..expected.len()], expected, "{name}");
        assert_eq!(core.state.phase(), Phase::Listening, "{name}");
    }
}

#[test]
fn early_words_and_the_whole_recording_within_the_grace_ask_once() {
    let mut core = Core::ready();
    core.press();
    let turn = core.turn();
    core.wait(1000);
    core.act(UserAction::PttReleased);
    core.hear(0, 1600, true);
    core.transcribed("early words", 1600);
    // The microphone went away: its recording is complete before the tail.
    core.worker(WorkerEvent::Captured { turn, pcm: Pcm16k(vec![0.1; 1600].into()), dropped: 0 });
    core.transcribed("words", 1600);
    core.wait(100);
    assert_eq!(core.asks(), ["words"]);
}
