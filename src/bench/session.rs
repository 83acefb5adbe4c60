//! The real pipeline with a person in front of it: a key that is really held while a recording is heard in real time.
//!
//! The end of speech is the end of the recording: the key goes up when its last sample was handed to the program. Silence
//! comes before and after, as in a room. Answers are over as soon as they are synthesised ([`Pace::Instant`]) unless the
//! test is about interrupting them: nothing up to the first sample depends on how long the sound would last.

use super::process::{self, Cpu};
use super::room::Room;
use crate::assistant::{Assistant, Devices};
use crate::audio::Pcm16k;
use crate::audio::outputs::Pace;
use crate::clock;
use crate::config::Config;
use crate::error::Stage;
use crate::event::{Event, EventSink, Phase, StageStatus, Timing, TurnEnd, UserAction};
use crate::trace::Timeline;
use crate::turn::Moment;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::sync::Arc;
use std::time::Duration;

/// Loading and answering may take so long; a script never hangs.
const PATIENCE: Duration = Duration::from_secs(600);
/// A turn's work in idle time (what was heard enters the memory, the prefix is warmed) belongs to its cost.
const SETTLE: Duration = Duration::from_millis(300);
/// All threads are down within this time.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// One turn as it was.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The figures that every turn shows.
    pub timing: Timing,
    /// What ran when.
    pub timeline: Timeline,
    /// What was heard.
    pub text: String,
    /// What was answered.
    pub reply: String,
    /// Processor time of the whole process during the turn, seconds.
    pub cpu_s: Option<f64>,
    /// Length of the question, ms.
    pub clip_ms: f64,
}

/// A running core in a room.
pub struct Session {
    assistant: Assistant,
    events: Receiver<Event>,
    /// Where it hears and speaks.
    pub room: Room,
    /// From the start to the first moment at which a press is answered, ms.
    pub ready_ms: f64,
}

impl Session {
    /// Starts the core and waits until it is ready.
    ///
    /// # Errors
    /// A sentence, when a stage is out of work.
    pub fn start(config: Config, pace: Pace) -> Result<Session, String> {
        let begun = clock::now();
        let room = Room::new(pace);
        let devices = Devices { input: Some(room.microphone()), output: room.speaker() };
        let (tx, events) = bounded(4096);
        let assistant = Assistant::start(Arc::new(config), devices, EventSink::new(tx, || {}))
            .map_err(|error| format!("The system gives no more threads: {error}."))?;
        let mut session = Session { assistant, events, room, ready_ms: 0.0 };
        session.until(|event| match event {
            Event::Phase(_, Phase::Idle) => Some(Ok(())),
            // A bench of a program that lacks a stage would measure something else.
            Event::Status(stage, StageStatus::Unavailable(error)) if Stage::WORKERS.contains(stage) => Some(Err(error.to_string())),
            _ => None,
        })??;
        session.ready_ms = clock::now().ms_since(begun);
        Ok(session)
    }

    /// Waits for the first event that `fits`.
    fn until<T>(&self, mut fits: impl FnMut(&Event) -> Option<T>) -> Result<T, String> {
        let deadline = clock::now().plus(PATIENCE);
        loop {
            match self.events.recv_timeout(deadline.since(clock::now())) {
                Ok(event) => {
                    if let Some(found) = fits(&event) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err("Nothing happened for ten minutes, so the bench gave up.".to_owned()),
                Err(RecvTimeoutError::Disconnected) => return Err("The assistant ended in the middle of the bench.".to_owned()),
            }
        }
    }

    fn forget_events(&self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Another configuration from the next turn on.
    pub fn configure(&self, config: Config) {
        self.assistant.send(UserAction::Configure(Arc::new(config)));
    }

    /// Forgets the conversation.
    ///
    /// # Errors
    /// A sentence, when the core does not answer.
    pub fn new_conversation(&self) -> Result<(), String> {
        self.forget_events();
        self.assistant.send(UserAction::NewConversation);
        self.until(|event| matches!(event, Event::ConversationCleared).then_some(()))
    }

    /// Presses the key and says `clip`; the key is still down after that. Returns the moment of the press.
    fn speak(&self, clip: &Pcm16k) -> Moment {
        self.room.hush();
        self.room.forget_sounds();
        self.room.watch_reads();
        let down = clock::now();
        self.assistant.send(UserAction::PttPressed);
        self.room.say(&clip.0);
        while !self.room.is_quiet() {
            std::thread::sleep(Duration::from_millis(1));
        }
        down
    }

    /// Asks one question with the key held and waits for the end of the answer.
    ///
    /// # Errors
    /// A sentence, when it was not answered.
    pub fn ask(&self, clip: &Pcm16k) -> Result<Turn, String> {
        self.forget_events();
        let before = process::cpu("self");
        self.speak(clip);
        self.assistant.send(UserAction::PttReleased);
        let mut turn = Turn { clip_ms: clip.millis() as f64, ..Turn::default() };
        let mut trouble = None;
        let end = self.until(|event| {
            match event {
                Event::UserText { text, .. } => turn.text.clone_from(text),
                Event::ReplyFinal { text, .. } => turn.reply.clone_from(text),
                Event::Timing(_, timing) => turn.timing = timing.clone(),
                Event::Timeline(_, timeline) => turn.timeline = timeline.clone(),
                Event::Notice(_, error) => trouble = Some(error.to_string()),
                Event::TurnEnded(_, end) => return Some(*end),
                _ => {}
            }
            None
        })?;
        if end != TurnEnd::Answered {
            let why = trouble.unwrap_or_else(|| format!("The turn ended as {end:?}."));
            return Err(format!("A question of the bench was not answered. {why}"));
        }
        std::thread::sleep(SETTLE);
        let used = |cpu: Cpu| cpu.own - before.unwrap_or_default().own;
        turn.cpu_s = process::cpu("self").filter(|_| before.is_some()).map(used);
        Ok(turn)
    }

    /// Asks, presses the key again `after` the given phase has begun, and says how fast that was.
    ///
    /// # Errors
    /// A sentence, when the phase never came.
    pub fn interrupt(&self, clip: &Pcm16k, phase: Phase, after: Duration) -> Result<Interrupt, String> {
        self.forget_events();
        self.speak(clip);
        self.assistant.send(UserAction::PttReleased);
        let reached = self.until(|event| match event {
            Event::Phase(_, now) if *now == phase => Some(true),
            Event::TurnEnded(..) => Some(false),
            _ => None,
        })?;
        if reached {
            std::thread::sleep(after);
        }
        let before = self.room.sounds();
        let sounding = before.started.is_some() && before.silent.is_none();
        self.room.watch_reads();
        let down = clock::now();
        self.assistant.send(UserAction::PttPressed);
        // Longer than both limits: a sound or a read that comes later counts as never.
        std::thread::sleep(Duration::from_millis(400));
        let sounds = self.room.sounds();
        let result = Interrupt {
            reached,
            silence: match sounds.silent {
                Some(at) if sounding => Silence::After(at.ms_since(down)),
                None if sounding => Silence::Never,
                _ if sounds.started.is_some_and(|at| at > down) => Silence::Never,
                _ => Silence::Already,
            },
            recording_ms: self.room.first_read().map(|at| at.ms_since(down)),
        };
        self.assistant.send(UserAction::Cancel);
        self.assistant.send(UserAction::PttReleased);
        std::thread::sleep(Duration::from_millis(100));
        Ok(result)
    }

    /// Ends all threads.
    pub fn stop(self) {
        let Session { assistant, events, .. } = self;
        // A core that waits for room for an event could not end.
        drop(events);
        if !assistant.stop(STOP_WITHIN) {
            tracing::warn!("some engines were still busy at the end of the bench");
        }
    }
}

/// What a press did to the sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Silence {
    /// Nothing sounded at the press, nor after it.
    Already,
    /// It was silent so many ms after the press.
    After(f64),
    /// It sounded on, or began to.
    Never,
}

/// What a press in the middle of an answer did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interrupt {
    /// The phase came before the turn was over.
    pub reached: bool,
    /// What became of the sound.
    pub silence: Silence,
    /// From the press to the first sample of the new recording, ms; `None`: nothing was recorded.
    pub recording_ms: Option<f64>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::test_config;
    use crate::on_time::on_time;

    /// "Who are you?": a constant tone would be no speech.
    pub fn question() -> Pcm16k {
        crate::audio::file::read_audio_16k(std::path::Path::new("assets/questions/q08-rms.wav")).unwrap()
    }

    #[test]
    fn a_question_is_asked_with_the_key_held() {
        on_time(|| {
            let session = Session::start(test_config(), Pace::Instant).unwrap();
            let clip = question();
            let turn = session.ask(&clip).unwrap();
            assert!(turn.timing.first_audio_ms.is_some_and(|ms| ms > 0.0), "{:?}", turn.timing);
            assert!(!turn.text.is_empty() && !turn.reply.is_empty());
            assert!(super::super::path::critical(&turn.timeline, turn.timing.first_clause_ms).is_some(), "{:?}", turn.timeline);
            let held = turn.timeline.spans.iter().find(|span| span.work == crate::trace::Work::Held).unwrap();
            assert!(held.ms() >= turn.clip_ms - 10.0, "the key was down while it was said: {} of {}", held.ms(), turn.clip_ms);
            session.stop();
        });
    }

    #[test]
    fn a_press_in_the_answer_is_timed() {
        on_time(|| {
            let session = Session::start(test_config(), Pace::RealTime).unwrap();
            let clip = question();
            let interrupt = session.interrupt(&clip, Phase::Speaking, Duration::from_millis(20)).unwrap();
            assert!(interrupt.reached);
            assert!(matches!(interrupt.silence, Silence::After(ms) if ms < 350.0), "{interrupt:?}");
            let early = session.interrupt(&clip, Phase::Transcribing, Duration::ZERO).unwrap();
            assert_eq!(early.silence, Silence::Already, "nothing had sounded and nothing may begin to");
            assert!(interrupt.recording_ms.is_some_and(|ms| ms < 350.0), "{interrupt:?}");
            session.stop();
        });
    }
}
