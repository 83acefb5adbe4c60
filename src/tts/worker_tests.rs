use super::*;
use crate::on_time::on_time;
use crate::stt::EngineInfo;
use crate::tts::SpeechStats;
use crate::turn::TurnClock;
use crossbeam_channel::bounded;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

/// Says 100 ms for each letter at 1 kHz, in a piece a letter; `!` fails.
struct Letters {
    gate: Option<Receiver<()>>,
}

impl Synthesizer for Letters {
    fn sample_rate(&self) -> u32 {
        1_000
    }

    fn synthesize(
        &mut self,
        clause: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        let mut stats = SpeechStats::default();
        for letter in clause.chars().filter(|_| clause != "Ready.") {
            if let Some(gate) = &self.gate {
                let _ = gate.recv();
            }
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            if letter == '!' {
                return Err(SynthesisError::Engine("broken".into()));
            }
            if letter.is_alphabetic() {
                on_audio(&[options.volume; 100]);
                stats.samples += 100;
            }
        }
        Ok(Outcome::Done(stats))
    }

    fn synthesize_phonemes(
        &mut self,
        _: &str,
        _: &VoiceOptions,
        _: &CancelToken,
        _: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        Err(SynthesisError::Unsupported("no".into()))
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { engine: "letters".into(), ..EngineInfo::default() }
    }
}

struct Bench {
    worker: Worker<TtsCmd>,
    events: Receiver<WorkerEvent>,
    clock: TurnClock,
}

impl Bench {
    fn with(factory: VoiceFactory) -> Self {
        Self::unloading(factory, None)
    }

    fn unloading(factory: VoiceFactory, after: Option<Duration>) -> Self {
        let mut clock = TurnClock::new();
        clock.advance_to(TurnId(1));
        let (up, events) = bounded(256);
        let worker = spawn_tts(factory, VoiceOptions::default(), up, clock.reader(), after).unwrap();
        Bench { worker, events, clock }
    }

    fn letters(gate: Option<Receiver<()>>) -> Self {
        let bench = Self::with(Arc::new(move || Ok(Box::new(Letters { gate: gate.clone() }))));
        assert!(matches!(bench.next(), WorkerEvent::Ready(Stage::Tts, info) if info.engine == "letters"));
        bench
    }

    fn speak(&self, turn: u64, seq: u32, clause: &str) {
        self.worker.try_send(TtsCmd::Speak { turn: TurnId(turn), seq, clause: clause.into() }).unwrap();
    }

    /// The next event that is not for the timeline.
    fn next(&self) -> WorkerEvent {
        loop {
            match self.any() {
                WorkerEvent::Worked(..) | WorkerEvent::Unloaded(..) => {}
                event => return event,
            }
        }
    }

    fn any(&self) -> WorkerEvent {
        self.events.recv_timeout(Duration::from_secs(20)).unwrap()
    }

    /// The samples of a clause up to its last piece.
    fn clause(&self) -> (u64, u32, Vec<f32>) {
        let mut all = Vec::new();
        loop {
            let WorkerEvent::Synthesized { turn, seq, clip, last } = self.next() else { panic!("not sound") };
            all.extend_from_slice(&clip.samples);
            if last {
                return (turn.0, seq, all);
            }
            assert!(!clip.samples.is_empty());
        }
    }
}

#[test]
fn clauses_come_back_whole_and_in_order() {
    let bench = Bench::letters(None);
    for (seq, clause) in ["abc", "?", "d"].into_iter().enumerate() {
        bench.speak(1, seq as u32, clause);
    }
    assert_eq!(bench.clause(), (1, 0, vec![1.0; 300]));
    assert_eq!(bench.clause(), (1, 1, vec![]), "nothing to say is an empty clip");
    assert_eq!(bench.clause(), (1, 2, vec![1.0; 100]));
    bench.worker.try_send(TtsCmd::Configure(VoiceOptions { volume: 0.5, ..VoiceOptions::default() })).unwrap();
    bench.speak(1, 3, "e");
    assert_eq!(bench.clause(), (1, 3, vec![0.5; 100]));
}

#[test]
fn the_first_piece_does_not_wait_for_the_second() {
    let (open, gate) = bounded(8);
    let bench = Bench::letters(Some(gate));
    bench.speak(1, 0, "ab");
    open.send(()).unwrap();
    let WorkerEvent::Synthesized { clip, last: false, .. } = bench.next() else { panic!() };
    assert_eq!(clip.samples.len(), 90);
    open.send(()).unwrap();
    assert_eq!(bench.clause().2.len(), 110);
}

#[test]
fn a_stale_turn_is_dropped_in_the_inbox_and_between_pieces() {
    let (open, gate) = bounded(8);
    let mut bench = Bench::letters(Some(gate));
    bench.speak(1, 0, "ab");
    bench.speak(1, 1, "c");
    open.send(()).unwrap();
    assert!(matches!(bench.next(), WorkerEvent::Synthesized { last: false, .. }));
    bench.clock.advance_to(TurnId(2));
    bench.speak(2, 0, "d");
    open.send(()).unwrap();
    open.send(()).unwrap();
    assert_eq!(bench.clause(), (2, 0, vec![1.0; 100]), "nothing more of turn 1");
}

#[test]
fn an_engine_error_is_told_once_a_turn_and_nothing_hangs() {
    let mut bench = Bench::letters(None);
    bench.speak(1, 0, "a!");
    bench.speak(1, 1, "!");
    assert!(matches!(bench.next(), WorkerEvent::Synthesized { last: false, .. }));
    assert!(matches!(bench.next(), WorkerEvent::Failed(TurnId(1), error) if error.message.contains("broken")));
    assert_eq!(bench.clause().1, 0);
    assert_eq!(bench.clause(), (1, 1, vec![]));
    bench.clock.advance_to(TurnId(2));
    bench.speak(2, 0, "!");
    assert!(matches!(bench.next(), WorkerEvent::Failed(TurnId(2), _)));
    assert_eq!(bench.clause(), (2, 0, vec![]));
    bench.speak(2, 1, "ab");
    assert_eq!(bench.clause(), (2, 1, vec![1.0; 200]), "it goes on");
}

#[test]
fn a_voice_that_cannot_be_loaded_answers_every_clause() {
    let bench = Bench::with(factory(&VoiceChoice::Vits("/nowhere/voice.onnx".into()), 1));
    let WorkerEvent::Failed(TurnId::NONE, error) = bench.next() else { panic!() };
    assert!(error.message.contains("/nowhere/voice.onnx") && !error.hint.is_empty(), "{error}");
    bench.speak(1, 0, "Hello.");
    bench.speak(1, 1, "Hello.");
    assert_eq!(bench.next(), WorkerEvent::Failed(TurnId(1), error));
    assert_eq!(bench.clause(), (1, 0, vec![]));
    assert_eq!(bench.clause(), (1, 1, vec![]));
}

#[test]
fn the_real_espeak_voice_speaks_through_the_worker() {
    let mut bench = Bench::with(factory(&VoiceChoice::Espeak("en-us".into()), 1));
    assert!(matches!(bench.next(), WorkerEvent::Ready(Stage::Tts, info) if info.engine == "espeak-ng"));
    bench.speak(1, 0, "Hello there.");
    let (_, _, samples) = bench.clause();
    assert!(samples.len() > 8_000 && samples.iter().any(|s| s.abs() > 0.05), "{}", samples.len());
    assert!(bench.worker.join_until(crate::clock::now().0 + Duration::from_secs(2)), "ends when told");
}

#[test]
fn each_piece_is_a_span_of_the_timeline_and_comes_before_it() {
    let bench = Bench::letters(None);
    bench.speak(1, 0, "ab");
    let mut spans = Vec::new();
    for piece in 0..2 {
        assert!(matches!(bench.any(), WorkerEvent::Synthesized { last: false, .. }), "piece {piece}");
        let WorkerEvent::Worked(TurnId(1), span) = bench.any() else { panic!("no span") };
        assert_eq!((span.lane, span.work), (Lane::Tts, Work::Synthesis));
        spans.push(span);
    }
    assert!(spans[0].to <= spans[1].from && spans[1].from <= spans[1].to);
    assert!(matches!(bench.any(), WorkerEvent::Synthesized { last: true, .. }));
}

/// A factory that counts, and fails while `broken`.
fn counting() -> (VoiceFactory, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (count, broken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, failing) = (Arc::clone(&count), Arc::clone(&broken));
    let factory: VoiceFactory = Arc::new(move || {
        counted.fetch_add(1, SeqCst);
        match failing.load(SeqCst) {
            true => Err(SynthesisError::OutOfMemory("voice".into())),
            false => Ok(Box::new(Letters { gate: None })),
        }
    });
    (factory, count, broken)
}

#[test]
fn an_idle_voice_is_let_go_and_comes_back_without_losing_a_word() {
    on_time(|| {
        let (factory, count, broken) = counting();
        let loads = || count.load(SeqCst);
        let mut bench = Bench::unloading(factory, Some(Duration::from_millis(40)));
        assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
        bench.speak(1, 0, "ab");
        assert_eq!(bench.clause(), (1, 0, vec![1.0; 200]));
        assert_eq!(loads(), 1);
        // Let go; commands in between keep their order and their effect, and a clause loads it.
        std::thread::sleep(Duration::from_millis(160));
        bench.worker.try_send(TtsCmd::Configure(VoiceOptions { volume: 0.5, ..VoiceOptions::default() })).unwrap();
        bench.speak(1, 1, "abc");
        bench.speak(1, 2, "d");
        assert_eq!(bench.clause(), (1, 1, vec![0.5; 300]));
        assert_eq!(bench.clause(), (1, 2, vec![0.5; 100]));
        assert_eq!(loads(), 2);
        // A word of warning loads it before the clause comes.
        std::thread::sleep(Duration::from_millis(160));
        bench.worker.try_send(TtsCmd::Wake).unwrap();
        let deadline = crate::clock::now().0 + Duration::from_secs(10);
        while loads() < 3 && crate::clock::now().0 < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(loads(), 3);
        // It cannot be loaded: the turn is told once, and the next word of warning tries again.
        std::thread::sleep(Duration::from_millis(160));
        broken.store(true, SeqCst);
        bench.clock.advance_to(TurnId(2));
        bench.speak(2, 0, "a");
        bench.speak(2, 1, "b");
        assert!(matches!(bench.next(), WorkerEvent::Failed(TurnId(2), error) if error.message.contains("memory")));
        assert_eq!(bench.clause(), (2, 0, vec![]));
        assert_eq!(bench.clause(), (2, 1, vec![]));
        assert_eq!(loads(), 4, "not once for each clause");
        broken.store(false, SeqCst);
        bench.clock.advance_to(TurnId(3));
        bench.worker.try_send(TtsCmd::Wake).unwrap();
        bench.speak(3, 0, "a");
        assert_eq!(bench.clause(), (3, 0, vec![0.5; 100]));
    });
}

#[test]
fn without_a_limit_a_voice_stays() {
    let (factory, count, _) = counting();
    let bench = Bench::with(factory);
    assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
    std::thread::sleep(Duration::from_millis(120));
    bench.worker.try_send(TtsCmd::Wake).unwrap();
    bench.speak(1, 0, "a");
    assert_eq!(bench.clause().2.len(), 100);
    assert_eq!(count.load(SeqCst), 1);
}

#[test]
fn a_voice_that_is_to_make_room_does_and_comes_back_when_it_is_called() {
    let (factory, count, broken) = counting();
    let bench = Bench::with(factory);
    assert!(matches!(bench.next(), WorkerEvent::Ready(..)));
    bench.worker.try_send(TtsCmd::Release).unwrap();
    assert_eq!(bench.next(), WorkerEvent::Released(Stage::Tts));
    bench.speak(1, 0, "ab");
    assert_eq!(bench.clause(), (1, 0, vec![1.0; 200]));
    assert_eq!(count.load(SeqCst), 2);
    // It does not come back: that is said while there is time to take another.
    bench.worker.try_send(TtsCmd::Release).unwrap();
    assert_eq!(bench.next(), WorkerEvent::Released(Stage::Tts));
    broken.store(true, SeqCst);
    bench.worker.try_send(TtsCmd::Wake).unwrap();
    assert!(matches!(bench.next(), WorkerEvent::Lost(error) if error.stage == Stage::Tts && error.message.contains("memory")));
}
