//! Tests of the whole core with real threads and fake engines and devices.

use super::{Assistant, Devices};
use crate::audio::Clip;
use crate::audio::outputs::Pace;
use crate::clock;
use crate::config::{Config, test_config};
use crate::event::{Event, EventSink, Phase, TurnEnd, UserAction};
use crate::fakes::audio::{FakeMicrophone, FakeSpeaker};
use crossbeam_channel::{Receiver, bounded};
use std::sync::Arc;
use std::time::Duration;

struct Rig {
    core: Assistant,
    events: Receiver<Event>,
    speaker: FakeSpeaker,
}

fn rig(config: Config) -> Rig {
    rig_with(config, Pace::Instant)
}

fn rig_with(config: Config, speaker: Pace) -> Rig {
    let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
    microphone.hear_for_ever(Clip { samples: voice_like(), rate: 16_000 });
    let speaker = FakeSpeaker::new(speaker);
    let (tx, events) = bounded(4096);
    let devices = Devices { input: Some(microphone.factory()), output: speaker.factory() };
    let core = Assistant::start(Arc::new(config), devices, EventSink::new(tx, || {})).unwrap();
    Rig { core, events, speaker }
}

/// The starter's first question when it is there: the real VAD lets only speech through.
fn voice_like() -> Arc<[f32]> {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/questions/q02-rms.wav");
    crate::audio::file::read_audio_16k(&file).unwrap().0
}

impl Rig {
    fn until(&self, what: &str, mut is_it: impl FnMut(&Event) -> bool) -> Vec<Event> {
        let mut seen = Vec::new();
        let deadline = clock::now().0 + Duration::from_secs(20);
        while clock::now().0 < deadline {
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(100)) {
                let found = is_it(&event);
                seen.push(event);
                if found {
                    return seen;
                }
            }
        }
        panic!("{what} did not come; seen: {seen:#?}");
    }

    fn until_idle(&self) {
        self.until("idle", |e| matches!(e, Event::Phase(_, Phase::Idle)));
    }
}

fn text_of(events: &[Event]) -> String {
    events.iter().filter_map(|e| if let Event::ReplyFinal { text, .. } = e { Some(text.to_string()) } else { None }).collect()
}

#[test]
fn hold_speak_release_and_the_answer_is_played() {
    let rig = rig(test_config());
    rig.until_idle();
    rig.core.send(UserAction::PttPressed);
    rig.until("listening", |e| matches!(e, Event::Phase(_, Phase::Listening)));
    std::thread::sleep(Duration::from_millis(1800));
    rig.core.send(UserAction::PttReleased);
    let events = rig.until("the end", |e| matches!(e, Event::TurnEnded(..)));
    assert!(matches!(events.last(), Some(Event::TurnEnded(_, TurnEnd::Answered))), "{events:#?}");
    assert!(text_of(&events).contains("I said something for "), "{events:#?}");
    let timing = events.iter().find_map(|e| if let Event::Timing(_, t) = e { Some(t.clone()) } else { None }).unwrap();
    assert!(timing.first_audio_ms.is_some() && timing.audio_ms > 100.0, "{timing:?}");
    let played: usize = rig.speaker.played().iter().map(|turn| turn.samples().len()).sum();
    assert!(played as f64 >= timing.audio_ms * 15.9, "{played} samples for {} ms at 16 kHz", timing.audio_ms);
}

#[test]
fn the_second_question_knows_the_first_answer() {
    let rig = rig(test_config());
    rig.until_idle();
    for (question, cached) in [("one", false), ("two", true)] {
        rig.core.send(UserAction::SubmitText(question.into()));
        let events = rig.until("the end", |e| matches!(e, Event::TurnEnded(..)));
        let timing = events.iter().find_map(|e| if let Event::Timing(_, t) = e { Some(t.clone()) } else { None }).unwrap();
        assert_eq!(timing.cached_tokens > 0, cached);
    }
}

#[test]
fn quitting_in_the_middle_of_an_answer_ends_its_turn() {
    let rig = rig_with(test_config(), Pace::RealTime);
    rig.until_idle();
    rig.core.send(UserAction::SubmitText("one two three four five six seven eight nine ten".into()));
    rig.until("the voice", |e| matches!(e, Event::ClauseStarted { .. }));
    assert!(rig.core.stop(Duration::from_secs(1)), "the core was still busy after a second");
    let rest: Vec<Event> = rig.events.try_iter().collect();
    assert!(rest.iter().any(|e| matches!(e, Event::TurnEnded(_, TurnEnd::Cancelled))), "{rest:#?}");
    assert!(rest.iter().any(|e| matches!(e, Event::ReplyFinal { .. })), "what was said is not lost: {rest:#?}");
    assert_eq!(rest.last(), Some(&Event::Stopped));
}

#[test]
fn quitting_in_the_middle_of_a_recording_ends_all_threads_within_a_second() {
    let rig = rig(test_config());
    rig.until_idle();
    rig.core.send(UserAction::PttPressed);
    rig.until("listening", |e| matches!(e, Event::Phase(_, Phase::Listening)));
    let before = clock::now();
    assert!(rig.core.stop(Duration::from_secs(1)), "the core was still busy after a second");
    assert!(clock::now().since(before) < Duration::from_secs(1));
    assert!(rig.events.try_iter().any(|e| e == Event::Stopped));
}
