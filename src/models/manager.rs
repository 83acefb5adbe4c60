//! The threads behind the model page: one looks, imports, verifies and removes, the other downloads, so that a download
//! of an hour makes nobody wait. Commands go down through bounded inboxes, events come up like those of the core.
//!
//! ```text
//! window ──ManagerCommand──> Manager ──> hark-models    (list, import, verify, remove) ──┐
//!    ^                          └──────> hark-downloads (one model after the other) ─────┤
//!    └──────────────────────────── ManagerEvent, and a wake ─────────────────────────────┘
//! ```

pub use super::desk::{Desk, ManagerSink};
pub use super::messages::{Done, ManagerCommand, ManagerEvent, Progress, Question, Taken, Work};

use super::desk::{Pending, locked};
use super::listing::Listing;
use crate::error::{Severity, Stage, StageError};
use crate::turn::Outcome;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Commands that may wait for one thread; more than anybody clicks while it is busy.
const INBOX: usize = 64;
/// A download's child process is given so long to end when the window closes; it ends with this program in any case.
const LAST_WAIT: Duration = Duration::from_millis(1500);

/// What can be done with models. Everything may take long and runs on the manager's threads.
pub trait ModelServices: Send + Sync {
    /// What is there, for someone who speaks these languages.
    fn list(&self, languages: &[String]) -> Listing;

    /// Downloads a model and puts it in place.
    ///
    /// # Errors
    /// One sentence that says why not, and one that says what to do.
    fn pull(&self, id: &str, desk: &Desk) -> Result<Outcome<()>, StageError>;

    /// Takes over what is there: a file, a folder, a pack.
    ///
    /// # Errors
    /// As above.
    fn import(&self, from: &Path, desk: &Desk) -> Result<Outcome<Taken>, StageError>;

    /// Removes a model.
    ///
    /// # Errors
    /// As above.
    fn remove(&self, id: &str) -> Result<(), StageError>;

    /// Compares the files of a model with what they should be; false: they can be used, and nobody knows what they should be.
    ///
    /// # Errors
    /// As above; also when they are not.
    fn verify(&self, id: &str, desk: &Desk) -> Result<Outcome<bool>, StageError>;
}

enum What {
    List(Vec<String>),
    Pull,
    Import(PathBuf),
    Remove,
    Verify,
}

struct Job {
    id: String,
    what: What,
    stop: Arc<AtomicBool>,
}

/// The handle. Dropping it stops all work.
#[derive(Debug)]
pub struct Manager {
    inboxes: Option<[Sender<Job>; 2]>,
    threads: Vec<JoinHandle<()>>,
    /// The jobs that may still be stopped.
    jobs: Vec<(String, Arc<AtomicBool>)>,
    pending: Pending,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.id)
    }
}

impl Manager {
    /// Starts both threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(services: Arc<dyn ModelServices>, up: &ManagerSink) -> std::io::Result<Self> {
        let pending = Pending::default();
        let start = |name: &str| {
            let (tx, rx) = bounded(INBOX);
            let (services, up, pending) = (Arc::clone(&services), up.clone(), Arc::clone(&pending));
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&rx, &*services, &up, &pending))?;
            Ok::<_, std::io::Error>((tx, thread))
        };
        let (look, looker) = start("hark-models")?;
        let (load, loader) = start("hark-downloads")?;
        Ok(Manager { inboxes: Some([look, load]), threads: vec![looker, loader], jobs: Vec::new(), pending })
    }

    /// Hands a command over without waiting.
    ///
    /// # Errors
    /// When too many wait already.
    pub fn send(&mut self, command: ManagerCommand) -> Result<(), StageError> {
        match command {
            ManagerCommand::Refresh(languages) => self.queue(String::new(), What::List(languages)),
            ManagerCommand::Pull(ids) => ids.into_iter().try_for_each(|id| self.queue(id, What::Pull)),
            ManagerCommand::Import(path) => self.queue(path.display().to_string(), What::Import(path)),
            ManagerCommand::Remove(id) => self.queue(id, What::Remove),
            ManagerCommand::Verify(id) => self.queue(id, What::Verify),
            ManagerCommand::Stop(id) => {
                self.stop(id.as_deref());
                Ok(())
            }
            ManagerCommand::Answer { id, file, keep } => {
                if let Some(asked) = locked(&self.pending).remove(&(id, file)) {
                    // The work may have ended meanwhile.
                    let _ = asked.try_send(keep);
                }
                Ok(())
            }
        }
    }

    fn stop(&self, id: Option<&str>) {
        for (job, stop) in &self.jobs {
            if id.is_none_or(|id| id == job) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        locked(&self.pending).retain(|(asked, _), _| id.is_some_and(|id| id != asked));
    }

    fn queue(&mut self, id: String, what: What) -> Result<(), StageError> {
        // Only the thread's own handle keeps a job's flag in use.
        self.jobs.retain(|(_, stop)| Arc::strong_count(stop) > 1);
        let stop = Arc::new(AtomicBool::new(false));
        if matches!(what, What::Pull) && self.jobs.iter().any(|(job, stop)| *job == id && !stop.load(Ordering::Relaxed)) {
            return Ok(()); // It is on its way already.
        }
        let Some([look, load]) = &self.inboxes else { return Ok(()) };
        let inbox = if matches!(what, What::Pull) { load } else { look };
        match inbox.try_send(Job { id: id.clone(), what, stop: Arc::clone(&stop) }) {
            Ok(()) => {
                self.jobs.push((id, stop));
                Ok(())
            }
            Err(TrySendError::Full(_)) => {
                let message = "Too much is waiting to be done with models.";
                Err(StageError::new(Stage::Desktop, Severity::Turn, message, "Wait until some of it is done, then try again."))
            }
            Err(TrySendError::Disconnected(_)) => {
                let message = "The part of the program that looks after models stopped working.";
                Err(StageError::new(Stage::Desktop, Severity::Turn, message, "Start the program again."))
            }
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.stop(None);
        self.inboxes = None;
        let until = Instant::now() + LAST_WAIT;
        // std has no join with a deadline.
        while self.threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn work(inbox: &Receiver<Job>, services: &dyn ModelServices, up: &ManagerSink, pending: &Pending) {
    for Job { id, what, stop } in inbox {
        let desk = Desk::new(id, stop, up.clone(), Arc::clone(pending));
        if let What::List(languages) = &what {
            let listing = guarded(|| services.list(languages));
            listing.into_iter().for_each(|listing| up.send(ManagerEvent::Listing(Arc::new(listing))));
            continue;
        }
        let result = guarded(|| one(&what, services, &desk)).unwrap_or_else(|| {
            let message = "Something went wrong inside the program while it worked on a model.";
            Err(StageError::new(Stage::Desktop, Severity::Turn, message, "Try again; hark doctor says more."))
        });
        let id = desk.id().to_owned();
        // Before the event: who sees it may ask for the same again.
        drop(desk);
        locked(pending).retain(|(asked, _), _| *asked != id);
        up.send(ManagerEvent::Finished { id, result });
    }
}

/// A fault in one job must not take the next one with it.
fn guarded<T>(job: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).ok()
}

fn one(what: &What, services: &dyn ModelServices, desk: &Desk) -> Result<Done, StageError> {
    if desk.stopped() {
        return Ok(Done::Stopped);
    }
    let outcome = match what {
        What::Pull => with(services.pull(desk.id(), desk)?, |()| Done::Got),
        What::Verify => with(services.verify(desk.id(), desk)?, |known| Done::Verified { known }),
        What::Import(path) => with(services.import(path, desk)?, Done::Imported),
        What::Remove => services.remove(desk.id()).map(|()| Done::Removed)?,
        What::List(_) => Done::Stopped,
    };
    Ok(outcome)
}

fn with<T>(outcome: Outcome<T>, done: impl FnOnce(T) -> Done) -> Done {
    match outcome {
        Outcome::Done(what) => done(what),
        Outcome::Cancelled => Done::Stopped,
    }
}

#[cfg(test)]
#[path = "manager_tests.rs"]
mod tests;
