//! What a piece of work on a model sees of the window.

use super::messages::{ManagerEvent, Progress, Question, Work};
use crossbeam_channel::{Sender, bounded};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Downloads move at most ten times a second on the screen.
const PACE: Duration = Duration::from_millis(100);

/// Where events go: a channel, and a call that wakes who reads it.
#[derive(Clone)]
pub struct ManagerSink {
    tx: Sender<ManagerEvent>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl ManagerSink {
    /// A sink that sends and then calls `wake`.
    pub fn new(tx: Sender<ManagerEvent>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        ManagerSink { tx, wake: Arc::new(wake) }
    }

    /// Waits while the reader is behind; a reader that is gone is no error.
    pub(super) fn send(&self, event: ManagerEvent) {
        if self.tx.send(event).is_ok() {
            (self.wake)();
        }
    }
}

impl std::fmt::Debug for ManagerSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ManagerSink")
    }
}

/// Questions that wait for an answer, by model and file. Dropping a sender means "no".
pub(super) type Pending = Arc<Mutex<HashMap<(String, String), Sender<bool>>>>;

/// A fault while the lock was held leaves the map as it was: it can still be used.
pub(super) fn locked(pending: &Pending) -> MutexGuard<'_, HashMap<(String, String), Sender<bool>>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a piece of work sees of the window: whether it is still wanted, where progress goes, and how to ask.
#[derive(Debug)]
pub struct Desk {
    id: String,
    stop: Arc<AtomicBool>,
    up: ManagerSink,
    pending: Pending,
    last: Mutex<Option<(Instant, Work)>>,
}

impl Desk {
    pub(super) fn new(id: String, stop: Arc<AtomicBool>, up: ManagerSink, pending: Pending) -> Self {
        Desk { id, stop, up, pending, last: Mutex::default() }
    }

    /// The model, or the path of an import.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the work is not wanted any more.
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Says how far it is. Steps of the same kind of work are told ten times a second at most.
    pub fn progress(&self, mut progress: Progress) {
        progress.id.clone_from(&self.id);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let complete = progress.total.is_some_and(|total| progress.done >= total);
        if let Some((at, work)) = &*last
            && *work == progress.work
            && at.elapsed() < PACE
            && !complete
        {
            return;
        }
        *last = Some((Instant::now(), progress.work.clone()));
        drop(last);
        self.up.send(ManagerEvent::Progress(progress));
    }

    /// Asks the person and waits for the answer, however long that takes. Stopping the work, or closing the window, is "no".
    #[must_use]
    pub fn ask(&self, mut question: Question) -> bool {
        question.id.clone_from(&self.id);
        let key = (question.id.clone(), question.file.clone());
        let (tx, rx) = bounded(1);
        locked(&self.pending).insert(key, tx);
        // Stopped between the last look and the entry: nobody would take it out again.
        if self.stopped() {
            locked(&self.pending).retain(|(id, _), _| *id != self.id);
        }
        self.up.send(ManagerEvent::Question(question));
        rx.recv().unwrap_or(false)
    }
}
