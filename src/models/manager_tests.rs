use super::*;
use crate::fakes::models::{FakeModels, sample};
use crate::models::listing::Listing;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);

fn slow(step: Duration) -> FakeModels {
    let mut fake = FakeModels::with(sample());
    fake.step = step;
    fake
}

struct Desk1 {
    manager: Manager,
    events: Receiver<ManagerEvent>,
    woken: Arc<AtomicUsize>,
}

fn start(services: Arc<dyn ModelServices>) -> Desk1 {
    let (tx, events) = bounded(256);
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let sink = ManagerSink::new(tx, move || {
        count.fetch_add(1, Ordering::Relaxed);
    });
    Desk1 { manager: Manager::spawn(services, &sink).unwrap(), events, woken }
}

impl Desk1 {
    fn until_finished(&self, id: &str) -> (Vec<ManagerEvent>, Result<Done, StageError>) {
        let mut before = Vec::new();
        loop {
            match self.events.recv_timeout(LONG).expect("an event") {
                ManagerEvent::Finished { id: done, result } if done == id => return (before, result),
                event => before.push(event),
            }
        }
    }
}

fn pull(id: &str) -> ManagerCommand {
    ManagerCommand::Pull(vec![id.to_owned()])
}

#[test]
fn a_model_is_listed_pulled_verified_and_removed() {
    let mut d = start(Arc::new(FakeModels::with(sample())));
    let id = "whisper-base-q5_1";
    d.manager.send(ManagerCommand::Refresh(vec!["en".into()])).unwrap();
    let Ok(ManagerEvent::Listing(listing)) = d.events.recv_timeout(LONG) else { panic!("no listing") };
    assert_eq!(listing.name(id), "Whisper base");
    d.manager.send(pull(id)).unwrap();
    assert_eq!(d.until_finished(id).1, Ok(Done::Got));
    for (command, done) in
        [(ManagerCommand::Verify(id.into()), Done::Verified { known: true }), (ManagerCommand::Remove(id.into()), Done::Removed)]
    {
        d.manager.send(command).unwrap();
        assert_eq!(d.until_finished(id).1, Ok(done));
    }
    d.manager.send(ManagerCommand::Verify(id.into())).unwrap();
    assert!(d.until_finished(id).1.is_err(), "what was removed cannot be verified");
    assert!(d.woken.load(Ordering::Relaxed) >= 5, "each event wakes the window");
}

#[test]
fn looking_does_not_wait_for_a_download_and_stop_ends_it_at_once() {
    let mut d = start(Arc::new(slow(Duration::from_secs(1))));
    let (first, second) = ("whisper-base-q5_1", "zh_cn-huayan-medium");
    d.manager.send(ManagerCommand::Pull(vec![first.into(), second.into()])).unwrap();
    d.manager.send(ManagerCommand::Refresh(Vec::new())).unwrap();
    while !matches!(d.events.recv_timeout(LONG), Ok(ManagerEvent::Listing(_))) {}
    // The one that waits is stopped first: it never begins.
    d.manager.send(ManagerCommand::Stop(Some(second.into()))).unwrap();
    let begun = Instant::now();
    d.manager.send(ManagerCommand::Stop(Some(first.into()))).unwrap();
    assert_eq!(d.until_finished(first).1, Ok(Done::Stopped));
    let (between, result) = d.until_finished(second);
    assert_eq!((between, result), (Vec::new(), Ok(Done::Stopped)));
    assert!(begun.elapsed() < LONG / 2);
}

#[test]
fn the_same_model_is_not_pulled_twice_at_a_time_and_can_be_pulled_again_later() {
    let mut d = start(Arc::new(slow(Duration::from_millis(5))));
    for _ in 0..5 {
        d.manager.send(pull("whisper-base-q5_1")).unwrap();
    }
    assert_eq!(d.until_finished("whisper-base-q5_1").1, Ok(Done::Got));
    d.manager.send(pull("whisper-base-q5_1")).unwrap();
    let (before, result) = d.until_finished("whisper-base-q5_1");
    assert_eq!(result, Ok(Done::Got));
    assert!(!before.iter().any(|event| matches!(event, ManagerEvent::Finished { .. })), "one of the five ran");
}

#[test]
fn a_question_waits_for_its_answer_and_stopping_or_closing_is_no() {
    let mut d = start(Arc::new(FakeModels::with(sample())));
    let id = "whisper-small-q5_1";
    for keep in [true, false] {
        d.manager.send(pull(id)).unwrap();
        let question = loop {
            if let ManagerEvent::Question(question) = d.events.recv_timeout(LONG).expect("a question") {
                break question;
            }
        };
        assert_eq!(question.id, id);
        // An answer to another question changes nothing.
        d.manager.send(ManagerCommand::Answer { id: id.into(), file: "other".into(), keep: !keep }).unwrap();
        d.manager.send(ManagerCommand::Answer { id: id.into(), file: question.file, keep }).unwrap();
        assert_eq!(d.until_finished(id).1, Ok(if keep { Done::Got } else { Done::Stopped }));
    }
    d.manager.send(pull(id)).unwrap();
    while !matches!(d.events.recv_timeout(LONG), Ok(ManagerEvent::Question(_))) {}
    d.manager.send(ManagerCommand::Stop(Some(id.into()))).unwrap();
    assert_eq!(d.until_finished(id).1, Ok(Done::Stopped));
    d.manager.send(pull(id)).unwrap();
    while !matches!(d.events.recv_timeout(LONG), Ok(ManagerEvent::Question(_))) {}
    let begun = Instant::now();
    drop(d);
    assert!(begun.elapsed() < LAST_WAIT, "the window closes although a question is open");
}

/// Services of which each does one odd thing.
struct Odd(mpsc::SyncSender<usize>);

impl ModelServices for Odd {
    fn list(&self, _: &[String]) -> Listing {
        panic!("the test wants this")
    }
    fn pull(&self, _: &str, desk: &Desk) -> Result<Outcome<()>, StageError> {
        for done in 0..=20_000 {
            desk.progress(Progress { done, total: Some(20_000), work: Work::Fetching, ..Progress::default() });
        }
        let _ = self.0.send(20_001);
        Ok(Outcome::Done(()))
    }
    fn import(&self, _: &Path, _: &Desk) -> Result<Outcome<Taken>, StageError> {
        panic!("the test wants this")
    }
    fn remove(&self, _: &str) -> Result<(), StageError> {
        Ok(())
    }
    fn verify(&self, _: &str, desk: &Desk) -> Result<Outcome<bool>, StageError> {
        while !desk.stopped() {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Outcome::Cancelled)
    }
}

#[test]
fn a_flood_of_progress_reaches_the_window_ten_times_a_second_and_its_end_for_sure() {
    let (tx, rx) = mpsc::sync_channel(1);
    let mut d = start(Arc::new(Odd(tx)));
    let begun = Instant::now();
    d.manager.send(pull("a")).unwrap();
    let (before, _) = d.until_finished("a");
    assert_eq!(rx.recv(), Ok(20_001));
    let allowed = 2 + (begun.elapsed().as_millis() / 100) as usize;
    assert!(before.len() <= allowed, "{} events of {allowed}", before.len());
    assert!(matches!(before.last(), Some(ManagerEvent::Progress(p)) if p.done == 20_000));
}

#[test]
fn a_fault_in_one_job_is_told_and_the_next_one_works() {
    let (tx, _rx) = mpsc::sync_channel(1);
    let mut d = start(Arc::new(Odd(tx)));
    d.manager.send(ManagerCommand::Refresh(Vec::new())).unwrap();
    d.manager.send(ManagerCommand::Import(PathBuf::from("x"))).unwrap();
    assert!(d.until_finished("x").1.is_err());
    d.manager.send(ManagerCommand::Remove("y".into())).unwrap();
    assert_eq!(d.until_finished("y").1, Ok(Done::Removed));
}

#[test]
fn more_commands_than_fit_are_refused_and_closing_ends_the_work() {
    let (tx, _rx) = mpsc::sync_channel(1);
    let mut d = start(Arc::new(Odd(tx)));
    let refused = (0..INBOX + 8).filter(|n| d.manager.send(ManagerCommand::Verify(n.to_string())).is_err()).count();
    assert!((7..=8).contains(&refused), "{refused}");
    let begun = Instant::now();
    drop(d);
    assert!(begun.elapsed() < LAST_WAIT);
}
