use super::*;
use crate::audio::file::read_audio;
use crate::audio::outputs::{NullOutput, Pace, WavFileOutput};
use crate::audio::testing::sine;
use crate::fakes::audio::FakeSpeaker;
use crate::on_time::on_time;
use crate::turn::TurnClock;
use crossbeam_channel::bounded;

struct Rig {
    worker: Worker<PlayCmd>,
    events: Receiver<WorkerEvent>,
    levels: Arc<Levels>,
    clock: TurnClock,
}

fn rig(host: OutputFactory) -> Rig {
    let (up, events) = bounded(1024);
    let levels = Arc::new(Levels::default());
    let mut clock = TurnClock::new();
    clock.advance_to(TurnId(1));
    let worker = spawn_playback(host, None, up, Arc::clone(&levels), clock.reader()).unwrap();
    Rig { worker, events, levels, clock }
}

impl Rig {
    fn ready(host: OutputFactory) -> Rig {
        let rig = rig(host);
        assert!(matches!(rig.next(), WorkerEvent::Ready(Stage::Playback, _)));
        rig
    }

    fn tell(&self, command: PlayCmd) {
        self.worker.try_send(command).unwrap();
    }

    fn say(&self, turn: u64, seq: u32, clip: Clip, last: bool) {
        self.tell(PlayCmd::Enqueue { turn: TurnId(turn), seq, clip, last });
    }

    fn next(&self) -> WorkerEvent {
        self.events.recv_timeout(Duration::from_secs(8)).expect("an event")
    }

    /// Events up to the end of the turn, in short.
    fn until_drained(&self) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            seen.push(short(&self.next()));
            if seen.last().is_some_and(|s| s.starts_with("drained")) {
                return seen;
            }
        }
    }

    fn end(mut self) {
        assert!(self.worker.join_until(clock::now().0 + Duration::from_secs(2)), "the thread ends");
    }
}

fn short(event: &WorkerEvent) -> String {
    match event {
        WorkerEvent::ClauseStarted(turn, seq, _) => format!("started {} {seq}", turn.0),
        WorkerEvent::ClausePlayed(turn, seq) => format!("played {} {seq}", turn.0),
        WorkerEvent::Drained(turn) => format!("drained {}", turn.0),
        WorkerEvent::Silenced(turn, _) => format!("silenced {}", turn.0),
        WorkerEvent::Failed(turn, _) => format!("failed {}", turn.0),
        other => format!("{other:?}"),
    }
}

fn clip(millis: u32) -> Clip {
    Clip { samples: sine(440.0, 22_050, f64::from(millis) / 1000.0).into(), rate: 22_050 }
}

fn empty() -> Clip {
    Clip { samples: [].into(), rate: 22_050 }
}

fn sleep(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

#[test]
fn clauses_are_played_in_order_and_each_is_reported_once() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::RealTime);
        let rig = Rig::ready(speaker.factory());
        let begun = clock::now();
        rig.say(1, 0, clip(80), false);
        rig.say(1, 0, clip(60), true);
        rig.say(1, 1, empty(), true);
        rig.say(1, 2, clip(60), false);
        rig.say(1, 2, empty(), true);
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        let WorkerEvent::ClauseStarted(TurnId(1), 0, at) = rig.next() else { panic!("no start") };
        assert!(at.ms_since(begun) < 50.0);
        assert_eq!(rig.until_drained(), ["played 1 0", "played 1 1", "started 1 2", "played 1 2", "drained 1"]);
        let took = clock::now().ms_since(begun);
        assert!((195.0..350.0).contains(&took), "200 ms of sound took {took} ms");
        assert_eq!(speaker.played().len(), 1, "one player for the turn");
        assert_eq!(speaker.played()[0].samples().len(), 22_050 / 5);
        let frames = rig.levels.output.written();
        assert!((8..=12).contains(&frames), "{frames} level frames of 20 ms");
        assert!(rig.levels.output.history(12).iter().any(|l| l.peak > 0.4) && rig.levels.output.latest() == Level::default());
        rig.end();
    });
}

#[test]
fn a_turn_without_sound_is_drained_at_once() {
    let rig = Rig::ready(Arc::new(|| Box::new(NullOutput::real_time())));
    rig.tell(PlayCmd::FinishTurn(TurnId(1)));
    assert_eq!(short(&rig.next()), "drained 1");
    rig.end();
}

#[test]
fn a_clause_that_comes_long_after_the_one_before_is_played() {
    let rig = Rig::ready(Arc::new(|| Box::new(NullOutput::real_time())));
    rig.say(1, 0, clip(30), true);
    sleep(700);
    rig.say(1, 1, clip(30), true);
    rig.tell(PlayCmd::FinishTurn(TurnId(1)));
    assert_eq!(rig.until_drained(), ["started 1 0", "played 1 0", "started 1 1", "played 1 1", "drained 1"]);
    rig.end();
}

#[test]
fn the_end_of_the_turn_may_come_after_its_sound() {
    on_time(|| {
        let rig = Rig::ready(Arc::new(|| Box::new(NullOutput::instant())));
        rig.say(1, 0, clip(500), true);
        assert_eq!((short(&rig.next()), short(&rig.next())), ("started 1 0".to_owned(), "played 1 0".to_owned()));
        sleep(50);
        assert!(rig.events.try_recv().is_err());
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        assert_eq!(short(&rig.next()), "drained 1");
        rig.end();
    });
}

#[test]
fn stop_and_a_newer_turn_are_silence_within_60_ms() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::RealTime);
        let mut rig = Rig::ready(speaker.factory());
        rig.say(1, 0, clip(3_000), true);
        rig.next();
        sleep(100);
        let stopped = clock::now();
        rig.tell(PlayCmd::StopTurn(TurnId(1)));
        sleep(100);
        let first = speaker.played()[0].clone();
        assert!(first.ended.is_some_and(|at| at.ms_since(stopped) < 60.0), "{:?}", first.ended);
        assert!(first.ended_at_millis.is_some_and(|ms| ms < 500.0));
        assert_eq!(short(&rig.next()), "silenced 1");
        // The turn counter alone stops it as well, and clips of a turn that is over are not played.
        rig.clock.advance_to(TurnId(2));
        rig.say(2, 0, clip(3_000), true);
        rig.next();
        let moved = clock::now();
        rig.clock.advance_to(TurnId(3));
        sleep(100);
        assert!(speaker.played()[1].ended.is_some_and(|at| at.ms_since(moved) < 60.0));
        assert_eq!(short(&rig.next()), "silenced 2");
        rig.say(2, 1, clip(100), true);
        rig.say(3, 0, clip(50), true);
        rig.tell(PlayCmd::FinishTurn(TurnId(3)));
        assert_eq!(rig.until_drained(), ["started 3 0", "played 3 0", "drained 3"]);
        assert_eq!(speaker.played().len(), 3);
        rig.end();
    });
}

#[test]
fn without_a_speaker_the_turn_fails_once_and_still_ends() {
    let speaker = FakeSpeaker::new(Pace::RealTime);
    speaker.pull_out();
    let mut rig = rig(speaker.factory());
    assert_eq!(short(&rig.next()), "failed 0");
    for turn in 1..=2u64 {
        rig.clock.advance_to(TurnId(turn));
        rig.say(turn, 0, clip(500), true);
        rig.say(turn, 1, clip(500), true);
        rig.tell(PlayCmd::FinishTurn(TurnId(turn)));
        assert_eq!(rig.until_drained(), [format!("failed {turn}"), format!("drained {turn}")]);
    }
    speaker.plug_in();
    rig.clock.advance_to(TurnId(3));
    rig.say(3, 0, clip(20), true);
    rig.tell(PlayCmd::FinishTurn(TurnId(3)));
    assert!(matches!(rig.next(), WorkerEvent::Ready(..)));
    assert_eq!(rig.until_drained(), ["started 3 0", "played 3 0", "drained 3"]);
    rig.end();
}

#[test]
fn a_speaker_that_goes_away_hands_over_to_the_next_one() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::RealTime);
        let rig = Rig::ready(speaker.factory());
        rig.say(1, 0, clip(400), true);
        rig.say(1, 1, clip(100), true);
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        assert_eq!(short(&rig.next()), "started 1 0");
        sleep(150);
        speaker.pull_out();
        speaker.plug_in(); // another one takes over; the open stream may or may not have noticed
        rig.tell(PlayCmd::SelectDevice(Some("other".to_owned())));
        assert!(matches!(rig.next(), WorkerEvent::Ready(_, info) if info.name == "other"));
        assert_eq!(rig.until_drained(), ["played 1 0", "started 1 1", "played 1 1", "drained 1"]);
        let played = speaker.played();
        let rest = played[1].samples().len() as f64 / 22.05;
        let before = played[0].ended_at_millis.unwrap();
        assert!((480.0..=510.0).contains(&(before + rest)), "{before} + {rest}: nothing is lost or said twice");
        rig.end();
    });
}

#[test]
fn a_speaker_that_goes_away_for_good_is_told_once() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::RealTime);
        let rig = Rig::ready(speaker.factory());
        rig.say(1, 0, clip(400), true);
        assert_eq!(short(&rig.next()), "started 1 0");
        speaker.pull_out();
        rig.say(1, 1, clip(100), true);
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        assert_eq!(rig.until_drained(), ["failed 1", "drained 1"]);
        let opens = speaker.opens();
        sleep(500);
        assert!(speaker.opens() <= opens + 1, "no busy loop");
        speaker.plug_in();
        assert!(matches!(rig.next(), WorkerEvent::Ready(..)), "it is found again without a turn");
        rig.end();
    });
}

#[test]
fn a_speaker_that_hangs_does_not_hang_the_turn() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::RealTime);
        let rig = Rig::ready(speaker.factory());
        rig.say(1, 0, clip(200), true);
        assert_eq!(short(&rig.next()), "started 1 0");
        speaker.hang(true);
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        let hung = clock::now();
        assert!(matches!(rig.next(), WorkerEvent::Ready(..)), "opened again");
        assert!(clock::now().ms_since(hung) < 5_000.0);
        speaker.hang(false);
        assert_eq!(rig.until_drained(), ["played 1 0", "drained 1"]);
        rig.end();
    });
}

#[test]
fn a_file_gets_every_clip_in_order_and_is_complete_at_once() {
    on_time(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.wav");
        let to = path.clone();
        let rig = Rig::ready(Arc::new(move || Box::new(WavFileOutput::new(&to))));
        rig.say(1, 0, clip(1_000), true);
        rig.say(1, 1, Clip { samples: sine(440.0, 16_000, 0.5).into(), rate: 16_000 }, true);
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        let begun = clock::now();
        assert_eq!(rig.until_drained(), ["started 1 0", "played 1 0", "started 1 1", "played 1 1", "drained 1"]);
        assert!(clock::now().ms_since(begun) < 900.0, "a file does not play in real time");
        let read = read_audio(&path).unwrap();
        assert_eq!((read.rate, read.samples.len()), (22_050, 22_050 + 11_025));
        rig.end();
    });
}

#[test]
fn a_full_disk_is_a_sentence_and_the_turn_ends() {
    if !std::path::Path::new("/dev/full").exists() {
        println!("skipped: needs /dev/full");
        return;
    }
    let rig = Rig::ready(Arc::new(|| Box::new(WavFileOutput::new("/dev/full"))));
    rig.say(1, 0, clip(1_000), true);
    rig.tell(PlayCmd::FinishTurn(TurnId(1)));
    let WorkerEvent::Failed(TurnId(1), error) = rig.next() else { panic!("no error") };
    assert!(error.message.contains("/dev/full"), "{error}");
    assert_eq!(rig.until_drained(), ["drained 1"]);
    rig.end();
}

#[test]
fn a_stopped_turn_is_answered_by_its_silence_once() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::RealTime);
        let mut rig = Rig::ready(speaker.factory());
        rig.say(1, 0, clip(500), true);
        assert_eq!(short(&rig.next()), "started 1 0");
        let stopped = clock::now();
        // As the assistant does it: the turn's number first, then the command.
        rig.clock.advance_to(TurnId(2));
        rig.tell(PlayCmd::StopTurn(TurnId(1)));
        let WorkerEvent::Silenced(TurnId(1), at) = rig.next() else { panic!("no silence") };
        assert!(at >= stopped && at.ms_since(stopped) < 50.0);
        rig.tell(PlayCmd::StopTurn(TurnId(1)));
        // A turn that never sounded is silent from the start.
        rig.tell(PlayCmd::StopTurn(TurnId(2)));
        assert!(matches!(rig.next(), WorkerEvent::Silenced(TurnId(2), _)));
        rig.end();
    });
}

#[test]
fn an_idle_speaker_is_closed_and_opens_at_the_next_press_without_a_word() {
    on_time(|| {
        let speaker = FakeSpeaker::new(Pace::Instant);
        let rig = Rig::ready(speaker.factory());
        sleep(u64::try_from((QUIET + IDLE_POLL).as_millis()).unwrap() + 300);
        assert_eq!(speaker.open_now(), 0, "closed after {QUIET:?}");
        rig.tell(PlayCmd::Wake);
        sleep(100);
        assert_eq!((speaker.open_now(), speaker.opens()), (1, 2));
        rig.say(1, 0, clip(50), true);
        rig.tell(PlayCmd::FinishTurn(TurnId(1)));
        // "Ready" is not said again: nothing changed for the user.
        assert_eq!(rig.until_drained(), ["started 1 0", "played 1 0", "drained 1"]);
        rig.end();
    });
}
