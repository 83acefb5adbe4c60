use super::*;
use crate::audio::outputs::Pace;
use crate::audio::testing::sine;
use crate::audio::{Clip, Pcm16k};
use crate::fakes::audio::FakeMicrophone;
use crate::on_time::on_time;
use crossbeam_channel::bounded;

struct Rig {
    worker: Worker<CaptureCmd>,
    events: Receiver<WorkerEvent>,
    levels: Arc<Levels>,
}

fn rig(microphone: &FakeMicrophone, keep_open: bool) -> Rig {
    let (up, events) = bounded(256);
    let levels = Arc::new(Levels::default());
    let worker = spawn_capture(microphone.factory(), None, keep_open, up, Arc::clone(&levels)).unwrap();
    Rig { worker, events, levels }
}

impl Rig {
    fn tell(&self, command: CaptureCmd) {
        self.worker.try_send(command).unwrap();
    }

    /// The next event but for pieces and spans.
    fn next(&self) -> WorkerEvent {
        loop {
            match self.next_of_all() {
                WorkerEvent::Heard { .. } | WorkerEvent::Worked(..) => {}
                other => return other,
            }
        }
    }

    fn next_of_all(&self) -> WorkerEvent {
        self.events.recv_timeout(Duration::from_secs(8)).expect("an event")
    }

    /// The next recording; everything before it goes into `before`.
    fn captured(&self, before: &mut Vec<WorkerEvent>) -> (TurnId, Pcm16k, u64) {
        loop {
            match self.next() {
                WorkerEvent::Captured { turn, pcm, dropped } => return (turn, pcm, dropped),
                other => before.push(other),
            }
        }
    }

    fn end(mut self) {
        assert!(self.worker.join_until(clock::now().0 + Duration::from_secs(2)), "the thread ends");
    }
}

fn sleep(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Length of the loud part, ms.
fn loud_ms(pcm: &Pcm16k) -> usize {
    pcm.0.chunks(160).filter(|c| c.iter().any(|s| s.abs() > 0.1)).count() * 10
}

#[test]
fn a_press_records_with_preroll_and_tail() {
    on_time(|| {
        let microphone = FakeMicrophone::new(48_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        assert!(matches!(rig.next(), WorkerEvent::Ready(Stage::Capture, info) if info.engine == "fake" && info.name == "fake microphone"));
        sleep(600);
        let written = rig.levels.input.written();
        assert_eq!(written, 0, "no levels while nothing is recorded");
        // The voice begins 200 ms before the press and ends 60 ms after the release.
        microphone.hear(&sine(440.0, 48_000, 0.560));
        sleep(200);
        let pressed = clock::now();
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        let WorkerEvent::CaptureStarted(TurnId(1), started) = rig.next() else { panic!("no start") };
        assert!(started.ms_since(pressed) < 60.0);
        sleep(300u64.saturating_sub(clock::now().since(pressed).as_millis() as u64));
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        let (turn, pcm, dropped) = rig.captured(&mut Vec::new());
        assert_eq!((turn, dropped), (TurnId(1), 0));
        assert!((760..=960).contains(&pcm.millis()), "400 + 300 + 120 ms, got {}", pcm.millis());
        assert!((530..=580).contains(&loud_ms(&pcm)), "the whole voice is in it: {} ms", loud_ms(&pcm));
        assert!((15..=25).contains(&rig.levels.input.written()), "{} level frames", rig.levels.input.written());
        assert!(rig.levels.input.history(25).iter().any(|l| l.peak > 0.4));
        rig.end();
    });
}

#[test]
fn a_10_ms_press_gives_a_recording_and_a_second_press_in_its_tail_another() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        sleep(500);
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(10);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        sleep(20);
        rig.tell(CaptureCmd::Begin(TurnId(2)));
        sleep(100);
        rig.tell(CaptureCmd::Finish(TurnId(2)));
        rig.tell(CaptureCmd::Finish(TurnId(2))); // said twice: answered once
        let mut before = Vec::new();
        let (first, pcm, _) = rig.captured(&mut before);
        assert_eq!(first, TurnId(1));
        assert!(pcm.millis() >= 400, "{}", pcm.millis());
        let (second, pcm, _) = rig.captured(&mut before);
        assert_eq!(second, TurnId(2));
        assert!((200..400).contains(&pcm.millis()), "what belongs to the first is not in the second: {}", pcm.millis());
        sleep(300);
        assert!(rig.events.try_recv().is_err(), "nothing follows");
        rig.end();
    });
}

#[test]
fn a_discarded_recording_is_forgotten() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(50);
        rig.tell(CaptureCmd::Discard);
        sleep(400);
        assert!(!rig.events.try_iter().any(|e| matches!(e, WorkerEvent::Captured { .. })));
        rig.end();
    });
}

#[test]
fn a_microphone_pulled_out_while_speaking_loses_nothing_that_was_said() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        rig.next();
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        microphone.hear(&sine(440.0, 16_000, 0.3));
        sleep(250);
        microphone.pull_out();
        sleep(600);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        let mut before = Vec::new();
        let (_, pcm, _) = rig.captured(&mut before);
        assert!((200..=320).contains(&loud_ms(&pcm)), "{}", loud_ms(&pcm));
        let failures: Vec<_> = before.iter().filter(|e| matches!(e, WorkerEvent::Failed(..))).collect();
        assert!(matches!(failures[..], [WorkerEvent::Failed(TurnId::NONE, _)]), "{failures:?}");
        let WorkerEvent::Failed(_, error) = failures[0] else { unreachable!() };
        assert!(error.message.contains("fake microphone") && !error.hint.is_empty(), "{error}");
        // It comes back by itself within 2 s, without a busy loop.
        let opens = microphone.opens();
        microphone.plug_in();
        let plugged = clock::now();
        assert!(matches!(rig.next(), WorkerEvent::Ready(Stage::Capture, _)));
        assert!(clock::now().ms_since(plugged) < 2_300.0);
        assert!(microphone.opens() <= opens + 2);
        rig.end();
    });
}

#[test]
fn a_microphone_that_comes_back_during_the_press_goes_on_recording() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(100);
        microphone.pull_out();
        sleep(30);
        microphone.plug_in();
        sleep(400);
        microphone.hear(&sine(440.0, 16_000, 0.2));
        sleep(260);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        let (_, pcm, _) = rig.captured(&mut Vec::new());
        assert!(loud_ms(&pcm) >= 180, "{}", loud_ms(&pcm));
        rig.end();
    });
}

#[test]
fn without_any_microphone_every_press_gets_a_sentence_and_an_empty_recording() {
    let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
    microphone.pull_out();
    let rig = rig(&microphone, true);
    assert!(matches!(rig.next(), WorkerEvent::Failed(TurnId::NONE, _)));
    for turn in 1..=3 {
        rig.tell(CaptureCmd::Begin(TurnId(turn)));
        assert!(matches!(rig.next(), WorkerEvent::Failed(t, _) if t == TurnId(turn)));
        rig.tell(CaptureCmd::Finish(TurnId(turn)));
        assert!(matches!(rig.next(), WorkerEvent::Captured { turn: t, pcm, .. } if t == TurnId(turn) && pcm.0.is_empty()));
    }
    assert!(microphone.opens() <= 5, "no busy loop: {} attempts", microphone.opens());
    microphone.plug_in();
    rig.tell(CaptureCmd::Begin(TurnId(4)));
    assert!(matches!(rig.next(), WorkerEvent::Ready(..)));
    assert!(matches!(rig.next(), WorkerEvent::CaptureStarted(TurnId(4), _)));
    rig.end();
}

#[test]
fn a_microphone_gone_before_the_press_is_opened_again_at_the_press() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        rig.next();
        microphone.pull_out();
        sleep(10);
        microphone.plug_in();
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(150);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        let (_, pcm, _) = rig.captured(&mut Vec::new());
        assert!(pcm.millis() >= 150, "{}", pcm.millis());
        rig.end();
    });
}

#[test]
fn a_microphone_that_hangs_is_noticed() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        rig.next();
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(100);
        microphone.hang(true);
        let mut events = vec![rig.next()];
        while !matches!(events.last(), Some(WorkerEvent::Failed(TurnId::NONE, _))) {
            events.push(rig.next());
        }
        microphone.hang(false);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        let kept = rig.captured(&mut events).1.millis();
        assert!((80..300).contains(&kept), "{kept}");
        rig.end();
    });
}

#[test]
fn a_closed_microphone_is_open_only_while_recording() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, false);
        assert!(matches!(rig.next(), WorkerEvent::Ready(..)));
        for turn in 1..=2 {
            rig.tell(CaptureCmd::Begin(TurnId(turn)));
            sleep(100);
            rig.tell(CaptureCmd::Finish(TurnId(turn)));
            let mut before = Vec::new();
            let (_, pcm, _) = rig.captured(&mut before);
            assert!((150..=400).contains(&pcm.millis()), "no pre-roll: {}", pcm.millis());
            assert_eq!(before.len(), 1, "only the start: {before:?}");
        }
        assert_eq!(microphone.opens(), 3);
        rig.end();
    });
}

#[test]
fn sound_that_finds_no_room_is_counted() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::Instant);
        let rig = rig(&microphone, true);
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(50);
        microphone.hear(&vec![0.3; 16_000 * 10]);
        sleep(100);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        let (_, _, dropped) = rig.captured(&mut Vec::new());
        assert!(dropped > 16_000 * 7, "{dropped}");
        rig.end();
    });
}

#[test]
fn another_microphone_can_be_chosen_in_the_middle() {
    on_time(|| {
        let microphone = FakeMicrophone::new(16_000, Pace::RealTime);
        let rig = rig(&microphone, true);
        rig.next();
        rig.tell(CaptureCmd::SelectDevice(Some("USB".to_owned())));
        assert!(matches!(rig.next(), WorkerEvent::Ready(_, info) if info.name == "USB"));
        microphone.hear_for_ever(Clip { samples: sine(440.0, 16_000, 0.1).into(), rate: 16_000 });
        rig.tell(CaptureCmd::Begin(TurnId(1)));
        sleep(100);
        rig.tell(CaptureCmd::Finish(TurnId(1)));
        assert!(loud_ms(&rig.captured(&mut Vec::new()).1) >= 100);
        rig.end();
    });
}

/// Everything up to the recording: its pieces (with whether the key was up), the tail's span, the recording.
fn pieces_of(rig: &Rig) -> (Vec<(usize, Pcm16k, bool)>, f64, Pcm16k) {
    let (mut pieces, mut tail) = (Vec::new(), 0.0);
    loop {
        match rig.next_of_all() {
            WorkerEvent::Heard { turn: TurnId(1), at, pcm, key_up } => pieces.push((at, pcm, key_up)),
            WorkerEvent::Worked(TurnId(1), span) => tail = span.ms(),
            WorkerEvent::Captured { pcm, .. } => return (pieces, tail, pcm),
            _ => {}
        }
    }
}

#[test]
fn what_is_said_is_handed_on_while_it_is_said() {
    on_time(|| {
        for rate in [16_000, 48_000] {
            let microphone = FakeMicrophone::new(rate, Pace::RealTime);
            microphone.hear_for_ever(Clip { samples: sine(440.0, rate, 1.0).into(), rate });
            let rig = rig(&microphone, true);
            sleep(500);
            rig.tell(CaptureCmd::Begin(TurnId(1)));
            sleep(400);
            rig.tell(CaptureCmd::Finish(TurnId(1)));
            sleep(30);
            rig.tell(CaptureCmd::Resume(TurnId(1)));
            sleep(300);
            rig.tell(CaptureCmd::Finish(TurnId(1)));
            let (pieces, tail, whole) = pieces_of(&rig);
            assert!((1130..1450).contains(&whole.millis()), "{}: one recording: {}", rate, whole.millis());
            let together: Vec<f32> = pieces.iter().flat_map(|(_, pcm, _)| pcm.0.iter().copied()).collect();
            assert_eq!(together, whole.0[..together.len()], "{rate}");
            // And what the resampler holds back, up to 32 ms.
            assert!(whole.0.len() - together.len() <= 16 * (120 + 35), "only the tail is missing: {}", whole.0.len() - together.len());
            assert!((10..=24).contains(&pieces.len()), "{rate}: {} pieces", pieces.len());
            assert_eq!(pieces.iter().filter(|(_, _, key_up)| *key_up).count(), 2);
            assert!(pieces.last().unwrap().2, "nothing follows the key");
            assert!((100.0..250.0).contains(&tail), "{tail}");
            // No silence where the end was taken back. A rest of less than 10 ms may be the zero of the sine.
            assert!(whole.0[800..].chunks_exact(160).all(|frame| frame.iter().any(|s| s.abs() > 0.3)), "{rate}: a hole");
            rig.end();
        }
    });
}
