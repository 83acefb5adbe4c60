use super::*;
use crate::on_time::on_time;
use crate::stt::SpokenLanguage;
use crate::stt::hearing::tests::{loudness, voice};
use crate::turn::{CancelToken, TurnClock};
use crossbeam_channel::bounded;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Says the length of what it hears; a sample of 0.5 makes it unsure, 0.7 makes it fail, 0.9 makes it fall over.
struct Echo {
    starter: bool,
}

impl Transcriber for Echo {
    fn transcribe(
        &mut self,
        pcm: &Pcm16k,
        _: &SttOptions,
        _: &CancelToken,
        on_partial: &mut dyn FnMut(&str),
    ) -> Result<Outcome<Transcript>, TranscribeError> {
        on_partial("so far");
        let has = |value: f32| pcm.0.contains(&value);
        assert!(!has(0.9), "fell over");
        if has(0.7) {
            return Err(TranscribeError::Engine("no luck".to_owned()));
        }
        let confidence = if has(0.5) { 0.45 } else { 1.0 };
        Ok(Outcome::Done(Transcript { text: format!("[Music] {} samples.", pcm.0.len()).into(), language: "en".to_owned(), confidence }))
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { engine: "fake".to_owned(), name: "echo".to_owned(), starter: self.starter }
    }
}

struct Bench {
    worker: Worker<SttCmd>,
    events: Receiver<WorkerEvent>,
    clock: TurnClock,
}

impl Bench {
    fn new(factory: impl Fn() -> Result<Box<dyn Transcriber>, TranscribeError> + Send + Sync + 'static) -> Self {
        Self::with(factory, Phrases::Auto, None)
    }

    fn with(
        factory: impl Fn() -> Result<Box<dyn Transcriber>, TranscribeError> + Send + Sync + 'static,
        phrases: Phrases,
        unload_after: Option<Duration>,
    ) -> Self {
        let (up, events) = bounded(64);
        let mut clock = TurnClock::new();
        clock.advance_to(TurnId(2));
        let options = SttOptions {
            language: SpokenLanguage::Fixed("en".to_owned()),
            threads: 1,
            phrases,
            script: crate::stt::chinese::ChineseScript::default(),
        };
        let worker = spawn_stt(Arc::new(factory), options, up, clock.reader(), loudness, unload_after).unwrap();
        Bench { worker, events, clock }
    }

    fn tell(&self, command: SttCmd) {
        self.worker.try_send(command).unwrap();
    }

    fn ask(&self, turn: u64, pcm: &[f32]) {
        self.tell(SttCmd::Transcribe(TurnId(turn), Pcm16k(pcm.into())));
    }

    /// All but the last `tail` samples, as the microphone hands them on.
    fn hear(&self, pcm: &[f32], tail: usize) {
        for (n, piece) in pcm[..pcm.len() - tail].chunks(1600).enumerate() {
            self.tell(SttCmd::Hear { turn: TurnId(2), at: n * 1600, pcm: Pcm16k(piece.into()) });
        }
    }

    /// Waits until the engine has worked so often while the key is held.
    fn until_passes(&self, wanted: usize) {
        let mut seen = Vec::new();
        while passes(&seen).0 < wanted {
            seen.push(self.next());
        }
        assert_eq!(passes(&seen), (wanted, 0));
    }

    fn next(&self) -> WorkerEvent {
        self.events.recv_timeout(Duration::from_secs(20)).expect("an event")
    }

    /// The words, and what was reported on the way.
    fn words(&self) -> (String, Vec<WorkerEvent>) {
        let mut before = Vec::new();
        loop {
            match self.next() {
                WorkerEvent::Transcribed { turn, transcript, stt_ms, .. } => {
                    assert!(turn == TurnId(2) && stt_ms >= 0.0);
                    return (transcript.text.into(), before);
                }
                event @ (WorkerEvent::PartialText(..) | WorkerEvent::Worked(..) | WorkerEvent::Ready(..) | WorkerEvent::Unloaded(..)) => {
                    before.push(event)
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

fn echo() -> Result<Box<dyn Transcriber>, TranscribeError> {
    Ok(Box::new(Echo { starter: false }))
}

fn starter() -> Result<Box<dyn Transcriber>, TranscribeError> {
    Ok(Box::new(Echo { starter: true }))
}

/// How often the engine worked while the key was held, and after.
fn passes(events: &[WorkerEvent]) -> (usize, usize) {
    let count = |work| events.iter().filter(|e| matches!(e, WorkerEvent::Worked(_, span) if span.work == work)).count();
    (count(Work::Phrase), count(Work::Transcribe))
}

/// `pcm` with one of Echo's switches in the middle of its speech.
fn with_switch(mut pcm: Vec<f32>, at: usize, value: f32) -> Vec<f32> {
    pcm[at] = value;
    pcm
}

#[test]
fn words_come_back_without_marks_and_silence_is_left_out() {
    let bench = Bench::new(starter);
    assert!(matches!(bench.next(), WorkerEvent::Ready(Stage::Stt, info) if info.starter));
    for (silence, heard) in [(0, 16_000), (500, 24_000), (10_000, 27_328)] {
        bench.ask(2, &voice(&[(true, 1000), (false, silence)]));
        assert_eq!(bench.words().0, format!("{heard} samples."), "200 and 500 ms are kept");
    }
}

#[test]
fn silence_is_answered_without_the_engine_and_stale_turns_not_at_all() {
    let mut bench = Bench::new(starter);
    let speech = voice(&[(true, 1000)]);
    bench.ask(1, &speech); // stale
    bench.ask(2, &[0.0; 16_000]);
    assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
    assert!(matches!(bench.next(), WorkerEvent::Transcribed { turn: TurnId(2), transcript, .. } if transcript.text.is_empty()));
    bench.ask(2, &voice(&[(true, 40), (false, 1000)])); // a click
    assert!(matches!(bench.next(), WorkerEvent::Transcribed { turn: TurnId(2), transcript, .. } if transcript.text.is_empty()));
    bench.clock.advance_to(TurnId(3));
    bench.ask(2, &speech);
    bench.hear(&speech, 0);
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    assert!(bench.worker.join_until(clock::now().0 + Duration::from_secs(20)));
    assert_eq!(bench.events.try_iter().count(), 0, "nothing for a turn that is over");
}

#[test]
fn what_was_not_understood_or_failed_ends_the_turn_with_a_sentence() {
    let bench = Bench::new(starter);
    bench.ask(2, &with_switch(voice(&[(true, 1000)]), 300, 0.5));
    bench.ask(2, &with_switch(voice(&[(true, 1000)]), 300, 0.7));
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
fn without_an_engine_its_memory_is_given_back_at_once() {
    let bench = Bench::new(|| Err(TranscribeError::ModelMissing("x.bin".into())));
    assert!(matches!(bench.next(), WorkerEvent::Failed(TurnId::NONE, _)));
    bench.tell(SttCmd::Release);
    assert!(matches!(bench.next(), WorkerEvent::Released(Stage::Stt)), "somebody waits for it to load another one");
}

#[test]
fn without_an_engine_every_turn_hears_why() {
    let bench = Bench::new(|| Err(TranscribeError::ModelMissing("x.bin".into())));
    bench.hear(&voice(&[(true, 1000)]), 0);
    bench.ask(2, &voice(&[(true, 1000)]));
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
    let bench = Bench::new(echo);
    bench.ask(2, &with_switch(voice(&[(true, 1000)]), 300, 0.9));
    let last = std::iter::from_fn(|| bench.events.recv_timeout(Duration::from_secs(20)).ok()).last();
    assert!(matches!(last, Some(WorkerEvent::Died(Stage::Stt, what)) if what.contains("fell over")));
}

#[test]
fn a_question_that_ended_before_the_key_went_up_needs_nothing_more() {
    for factory in [echo, starter] {
        let bench = Bench::new(factory);
        bench.hear(&voice(&[(true, 1000), (false, 400)]), 0);
        assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
        let WorkerEvent::Worked(_, held) = bench.next() else { panic!("it is transcribed in the pause") };
        assert_eq!(held.work, Work::Phrase);
        assert!(matches!(bench.next(), WorkerEvent::PartialText(_, words) if words.uncertain == "samples."));
        bench.tell(SttCmd::KeyUp(TurnId(2)));
        let (words, before) = bench.words();
        assert!(words.ends_with(" samples.") && passes(&before) == (0, 0), "{before:?}");
        assert!(matches!(&before[..], [WorkerEvent::PartialText(_, words)] if words.uncertain.is_empty()), "{before:?}");
        // The tail comes all the same when the assistant did not want the words yet; nothing is transcribed again.
        bench.ask(2, &voice(&[(true, 1000), (false, 520)]));
        let (again, before) = bench.words();
        assert_eq!((again, passes(&before)), (words, (0, 0)));
    }
}

#[test]
fn the_end_of_a_question_is_transcribed_after_the_key_went_up() {
    let bench = Bench::new(echo);
    let pcm = voice(&[(true, 5200), (false, 300), (true, 800), (false, 220)]);
    bench.hear(&pcm, 1920); // 100 ms of silence, then the key
    bench.until_passes(1);
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    bench.ask(2, &pcm);
    let (words, before) = bench.words();
    assert_eq!(passes(&before), (0, 1), "{before:?}");
    assert_eq!(words.matches("samples.").count(), 2, "{words}");
    // And when someone speaks into the tail, that is transcribed with it.
    let loud = voice(&[(true, 5200), (false, 300), (true, 1100)]);
    bench.hear(&loud, 1920);
    bench.until_passes(1);
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    bench.ask(2, &loud);
    let (words, before) = bench.words();
    assert_eq!(passes(&before), (0, 1), "nothing is tried while someone speaks: {before:?}");
    let heard: Vec<usize> = words.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!((heard.len(), heard.iter().sum::<usize>()), (2, loud.len()), "each sample once, the tail too: {words}");
}

#[test]
fn pieces_that_are_not_trusted_cost_one_more_pass_and_no_word() {
    let bench = Bench::new(echo);
    let pcm = with_switch(voice(&[(true, 5200), (false, 300), (true, 2000), (false, 600)]), 90_000, 0.5);
    bench.hear(&pcm, 1920);
    bench.until_passes(3); // the phrase, the rest, the whole
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    let (words, before) = bench.words();
    assert_eq!((words.matches("samples.").count(), passes(&before)), (1, (0, 0)), "the whole in one: {words}");
    // The engine fails on a phrase: the whole recording is the second try.
    let bench = Bench::new(move || Ok(Box::new(Flaky { tries: AtomicU32::new(0) })));
    bench.hear(&pcm, 1920);
    bench.until_passes(1);
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    bench.ask(2, &pcm);
    assert_eq!(bench.words().0, "It works now.");
}

struct Flaky {
    tries: AtomicU32,
}

impl Transcriber for Flaky {
    fn transcribe(
        &mut self,
        pcm: &Pcm16k,
        _: &SttOptions,
        _: &CancelToken,
        _: &mut dyn FnMut(&str),
    ) -> Result<Outcome<Transcript>, TranscribeError> {
        if self.tries.fetch_add(1, Ordering::Relaxed) == 0 {
            return Err(TranscribeError::Engine("not now".to_owned()));
        }
        assert!(pcm.millis() > 7_000, "the whole: {}", pcm.millis());
        Ok(Outcome::Done(Transcript { text: "It works now.".into(), language: "en".to_owned(), confidence: 0.9 }))
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { engine: "fake".to_owned(), name: "flaky".to_owned(), starter: false }
    }
}

#[test]
fn the_switch_leaves_all_to_the_end() {
    let bench = Bench::with(echo, Phrases::Off, None);
    let pcm = voice(&[(true, 5200), (false, 300), (true, 800), (false, 600)]);
    bench.hear(&pcm, 1920);
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    bench.ask(2, &pcm);
    let (words, before) = bench.words();
    assert_eq!((words, passes(&before)), (format!("{} samples.", pcm.len()), (0, 1)));
}

#[test]
fn a_recording_whose_beginning_is_missing_is_transcribed_whole() {
    let bench = Bench::new(echo);
    let pcm = voice(&[(true, 3000), (false, 300)]);
    // As after a restart of this thread in the middle.
    bench.tell(SttCmd::Hear { turn: TurnId(2), at: 16_000, pcm: Pcm16k(pcm[16_000..40_000].into()) });
    bench.tell(SttCmd::KeyUp(TurnId(2)));
    bench.ask(2, &pcm);
    assert_eq!(bench.words().0, format!("{} samples.", pcm.len()));
}

#[test]
fn an_engine_that_was_unloaded_comes_back_and_hears_everything() {
    on_time(|| {
        let built = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&built);
        let factory = move || {
            // Loading takes longer than the first words.
            if count.fetch_add(1, Ordering::Relaxed) > 0 {
                std::thread::sleep(Duration::from_millis(300));
            }
            echo()
        };
        let bench = Bench::with(factory, Phrases::Auto, Some(Duration::from_millis(40)));
        let pcm = voice(&[(true, 1500), (false, 300)]);
        for round in 1..=3 {
            std::thread::sleep(Duration::from_millis(150));
            assert_eq!(built.load(Ordering::Relaxed), round, "only when it is needed");
            bench.hear(&pcm, 1920);
            bench.tell(SttCmd::KeyUp(TurnId(2)));
            bench.ask(2, &pcm);
            let (words, before) = bench.words();
            assert_eq!(words, format!("{} samples.", pcm.len()), "not a sample is lost");
            let count = |of: fn(&WorkerEvent) -> bool| before.iter().filter(|event| of(event)).count();
            assert_eq!(count(|e| matches!(e, WorkerEvent::Ready(..))), usize::from(round == 1), "nobody is told");
            assert!(count(|e| matches!(e, WorkerEvent::Unloaded(Stage::Stt, _))) >= 1, "who plans is");
            bench.tell(SttCmd::Hear { turn: TurnId(1), at: 0, pcm: Pcm16k::default() }); // an old turn wakes nothing
        }
    });
}

#[test]
fn ears_that_are_to_make_room_do_and_come_back_when_they_are_called() {
    let built = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&built);
    let factory = move || match count.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => echo(),
        _ => Err(TranscribeError::ModelMissing("gone.bin".into())),
    };
    let bench = Bench::new(factory);
    assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
    bench.tell(SttCmd::Release);
    assert_eq!(bench.next(), WorkerEvent::Released(Stage::Stt));
    bench.tell(SttCmd::Wake);
    bench.ask(2, &voice(&[(true, 1000)]));
    assert!(bench.words().0.ends_with("samples."));
    assert_eq!(built.load(Ordering::Relaxed), 2);
    // They do not come back: that is said while the user still speaks.
    bench.tell(SttCmd::Release);
    assert_eq!(bench.next(), WorkerEvent::Released(Stage::Stt));
    bench.hear(&voice(&[(true, 500)]), 0);
    assert!(matches!(bench.next(), WorkerEvent::Lost(error) if error.message.contains("gone.bin")));
}
