//! The thread that hears: silence check, engine, judgement.

use crate::audio::Pcm16k;
use crate::clock;
use crate::error::{Severity, Stage, StageError};
use crate::event::{SttCmd, WorkerEvent};
use crate::stt::guard::{self, Verdict};
use crate::stt::{SttOptions, TranscribeError, Transcriber, Transcript, pieces};
use crate::turn::{Outcome, TurnId, TurnReader};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, Sender};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Builds the engine, on the thread that will use it.
pub type TranscriberFactory = Arc<dyn Fn() -> Result<Box<dyn Transcriber>, TranscribeError> + Send + Sync>;

/// Finds where in a recording someone speaks (samples), with up to 200 ms before it for soft beginnings; `None`: nowhere.
/// What is before goes: the starter model is at a loss when much silence precedes the words, and a pre-roll does.
pub type SpeechFinder = fn(&Pcm16k) -> Option<Range<usize>>;

/// Recordings and options that may wait.
const INBOX: usize = 4;
/// Silence that is left behind the speech: 500 ms, for soft endings. What is beyond costs time only.
const TAIL: usize = 8_000;

/// Starts the stt thread. It reports [`WorkerEvent::Ready`] or [`WorkerEvent::Failed`] once the engine is built, and
/// answers each [`SttCmd::Transcribe`] whose turn is still going on with exactly one [`WorkerEvent::Transcribed`] or
/// [`WorkerEvent::Failed`]; if the engine could not be built, with the reason for that.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_stt(
    factory: TranscriberFactory,
    options: SttOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    speech: SpeechFinder,
) -> std::io::Result<Worker<SttCmd>> {
    Worker::spawn(Stage::Stt, INBOX, up, move |inbox, up| {
        match factory() {
            Ok(engine) => Ear { engine, options, up, turns, speech }.work(&inbox),
            Err(error) => refuse_all(&StageError::from(error), &inbox, &up, &turns),
        };
    })
}

/// Answers every request with the reason why there is no engine, so that no turn waits for ever.
/// Ends (as all of this file) when the inbox is disconnected or nobody listens to the answers.
fn refuse_all(error: &StageError, inbox: &Receiver<SttCmd>, up: &Sender<WorkerEvent>, turns: &TurnReader) -> Option<()> {
    up.send(WorkerEvent::Failed(TurnId::NONE, error.clone())).ok()?;
    for command in inbox {
        if let SttCmd::Transcribe(turn, _) = command
            && !turns.token(turn).is_cancelled()
        {
            up.send(WorkerEvent::Failed(turn, error.clone())).ok()?;
        }
    }
    Some(())
}

struct Ear {
    engine: Box<dyn Transcriber>,
    options: SttOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    speech: SpeechFinder,
}

impl Ear {
    fn work(mut self, inbox: &Receiver<SttCmd>) -> Option<()> {
        self.up.send(WorkerEvent::Ready(Stage::Stt, self.engine.info())).ok()?;
        for command in inbox {
            match command {
                SttCmd::Configure(options) => self.options = options,
                SttCmd::Transcribe(turn, pcm) => {
                    if let Some(answer) = self.transcribe(turn, &pcm) {
                        self.up.send(answer).ok()?;
                    }
                }
            }
        }
        Some(())
    }

    /// The answer for one recording; `None` when its turn is over.
    fn transcribe(&mut self, turn: TurnId, pcm: &Pcm16k) -> Option<WorkerEvent> {
        let token = self.turns.token(turn);
        if token.is_cancelled() {
            return None;
        }
        let begun = clock::now();
        let transcribed = |transcript| WorkerEvent::Transcribed { turn, transcript, stt_ms: clock::now().ms_since(begun) };
        let pcm = match pieces::sane(&pcm.0) {
            Cow::Borrowed(_) => pcm.clone(),
            Cow::Owned(mended) => Pcm16k(mended.into()),
        };
        let Some(speech) = (self.speech)(&pcm).and_then(|range| spoken_part(&pcm, range)) else {
            return Some(transcribed(Transcript::default()));
        };
        let up = &self.up;
        // Nobody there any more is no reason to stop in the middle; the next send will find out.
        let mut on_partial = |text: &str| drop(up.send(WorkerEvent::PartialText(turn, text.to_owned())));
        let result = self.engine.transcribe(&speech, &self.options, &token, &mut on_partial);
        if token.is_cancelled() {
            return None;
        }
        Some(match result {
            Ok(Outcome::Cancelled) => return None,
            Ok(Outcome::Done(transcript)) => match guard::judge(&transcript, self.engine.info().starter) {
                Verdict::Accept => transcribed(Transcript { text: guard::strip_marks(&transcript.text), ..transcript }),
                Verdict::NothingSaid => transcribed(Transcript { text: String::new(), ..transcript }),
                Verdict::NotUnderstood => WorkerEvent::Failed(turn, not_understood(&transcript)),
            },
            Err(error) => WorkerEvent::Failed(turn, error.into()),
        })
    }
}

/// The recording without the silence round the speech; `None` when less than 100 ms is spoken.
fn spoken_part(pcm: &Pcm16k, speech: Range<usize>) -> Option<Pcm16k> {
    let end = speech.end.min(pcm.0.len());
    if end.saturating_sub(speech.start) < pieces::SHORTEST {
        return None;
    }
    let kept = speech.start..end.saturating_add(TAIL).min(pcm.0.len());
    if kept.len() == pcm.0.len() {
        return Some(pcm.clone());
    }
    Some(Pcm16k(Arc::from(&pcm.0[kept])))
}

fn not_understood(transcript: &Transcript) -> StageError {
    StageError::new(
        Stage::Stt,
        Severity::Turn,
        format!(
            "I did not understand that; this is the small starter speech model, it knows only about forty kinds of sentences (the nearest was \"{}\").",
            guard::strip_marks(&transcript.text).trim_end_matches('.')
        ),
        "Say one of its sentences, type your question, or put a larger speech model into the models folder.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stt::{EngineInfo, SpokenLanguage};
    use crate::turn::{CancelToken, TurnClock};
    use crossbeam_channel::bounded;
    use std::time::Duration;

    /// Says the length of what it hears; a first sample of 0.5 makes it unsure, 0.7 makes it fail, 0.9 makes it fall over.
    struct Echo;

    impl Transcriber for Echo {
        fn transcribe(
            &mut self,
            pcm: &Pcm16k,
            _: &SttOptions,
            _: &CancelToken,
            on_partial: &mut dyn FnMut(&str),
        ) -> Result<Outcome<Transcript>, TranscribeError> {
            on_partial("so far");
            let first = pcm.0[0];
            assert!(first < 0.8, "fell over");
            if first > 0.6 {
                return Err(TranscribeError::Engine("no luck".to_owned()));
            }
            let confidence = if first > 0.4 { 0.5 } else { 1.0 };
            Ok(Outcome::Done(Transcript { text: format!("[Music] {} samples.", pcm.0.len()), language: "en".to_owned(), confidence }))
        }

        fn info(&self) -> EngineInfo {
            EngineInfo { engine: "fake".to_owned(), name: "echo".to_owned(), starter: true }
        }
    }

    fn loud_part(pcm: &Pcm16k) -> Option<Range<usize>> {
        let first = pcm.0.iter().position(|s| *s != 0.0)?;
        Some(first..pcm.0.iter().rposition(|s| *s != 0.0)? + 1)
    }

    fn options() -> SttOptions {
        SttOptions { language: SpokenLanguage::Fixed("en".to_owned()), threads: 1 }
    }

    struct Bench {
        worker: Worker<SttCmd>,
        events: Receiver<WorkerEvent>,
        clock: TurnClock,
    }

    impl Bench {
        fn new(factory: fn() -> Result<Box<dyn Transcriber>, TranscribeError>) -> Self {
            let (up, events) = bounded(64);
            let mut clock = TurnClock::new();
            clock.advance_to(TurnId(2));
            let worker = spawn_stt(Arc::new(factory), options(), up, clock.reader(), loud_part).unwrap();
            Bench { worker, events, clock }
        }

        fn ask(&self, turn: u64, value: f32, loud: usize, silent: usize) {
            let mut pcm = vec![value; loud];
            pcm.resize(loud + silent, 0.0);
            self.worker.try_send(SttCmd::Transcribe(TurnId(turn), Pcm16k(pcm.into()))).unwrap();
        }

        fn next(&self) -> WorkerEvent {
            self.events.recv_timeout(Duration::from_secs(20)).expect("an event")
        }

        fn words(&self) -> String {
            loop {
                match self.next() {
                    WorkerEvent::Transcribed { turn, transcript, stt_ms } => {
                        assert!(turn == TurnId(2) && stt_ms >= 0.0);
                        return transcript.text;
                    }
                    WorkerEvent::PartialText(..) | WorkerEvent::Ready(..) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    #[test]
    fn words_come_back_without_marks_and_silence_is_left_out() {
        let bench = Bench::new(|| Ok(Box::new(Echo)));
        assert!(matches!(bench.next(), WorkerEvent::Ready(Stage::Stt, info) if info.starter));
        bench.ask(2, 0.1, 16_000, 0);
        assert_eq!(bench.next(), WorkerEvent::PartialText(TurnId(2), "so far".to_owned()));
        assert_eq!(bench.words(), "16000 samples.");
        bench.ask(2, 0.1, 16_000, 8_000);
        assert_eq!(bench.words(), "24000 samples.");
        bench.ask(2, 0.1, 16_000, 160_000);
        assert_eq!(bench.words(), "24000 samples.");
    }

    #[test]
    fn silence_is_answered_without_the_engine_and_stale_turns_not_at_all() {
        let mut bench = Bench::new(|| Ok(Box::new(Echo)));
        bench.ask(1, 0.1, 16_000, 0); // stale
        bench.ask(2, 0.0, 16_000, 0); // silence
        assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
        assert!(matches!(bench.next(), WorkerEvent::Transcribed { turn: TurnId(2), transcript, .. } if transcript.text.is_empty()));
        bench.ask(2, 0.1, 1_500, 16_000); // a click
        assert!(matches!(bench.next(), WorkerEvent::Transcribed { turn: TurnId(2), transcript, .. } if transcript.text.is_empty()));
        bench.clock.advance_to(TurnId(3));
        bench.ask(2, 0.1, 16_000, 0);
        assert!(bench.worker.join_until(clock::now().0 + Duration::from_secs(20)));
        assert_eq!(bench.events.try_iter().count(), 0, "nothing for a turn that is over");
    }

    #[test]
    fn what_was_not_understood_or_failed_ends_the_turn_with_a_sentence() {
        let bench = Bench::new(|| Ok(Box::new(Echo)));
        bench.ask(2, 0.5, 16_000, 0);
        bench.ask(2, 0.7, 16_000, 0);
        let mut failures = (0..5).map(|_| bench.next()).filter_map(|event| match event {
            WorkerEvent::Failed(turn, error) => Some((turn, error)),
            _ => None,
        });
        let (turn, error) = failures.next().unwrap();
        assert_eq!((turn, error.severity), (TurnId(2), Severity::Turn));
        assert!(error.message.contains("about forty kinds of sentences (the nearest was \"16000 samples\")"), "{error}");
        assert!(failures.next().unwrap().1.message.contains("no luck"));
    }

    #[test]
    fn without_an_engine_every_turn_hears_why() {
        let bench = Bench::new(|| Err(TranscribeError::ModelMissing("x.bin".into())));
        bench.ask(2, 0.1, 16_000, 0);
        for expected in [TurnId::NONE, TurnId(2)] {
            match bench.next() {
                WorkerEvent::Failed(turn, error) => {
                    assert_eq!((turn, error.severity), (expected, Severity::Stage));
                    assert!(error.message.contains("x.bin was not found"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_engine_that_falls_over_is_reported() {
        let bench = Bench::new(|| Ok(Box::new(Echo)));
        bench.ask(2, 0.9, 16_000, 0);
        let last = std::iter::from_fn(|| bench.events.recv_timeout(Duration::from_secs(20)).ok()).last();
        assert!(matches!(last, Some(WorkerEvent::Died(Stage::Stt, what)) if what.contains("fell over")));
    }
}
