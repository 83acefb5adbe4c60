//! Named threads with a bounded inbox, a ready handshake, a death guard and a join with a deadline.

use crate::clock;
use crate::error::Stage;
use crate::event::WorkerEvent;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A worker thread and its inbox. Dropping the handle disconnects the inbox, which is the message to end.
#[derive(Debug)]
pub struct Worker<C> {
    stage: Stage,
    tx: Option<Sender<C>>,
    thread: Option<JoinHandle<()>>,
}

impl<C: Send + 'static> Worker<C> {
    /// Starts a thread named after the stage. `body` builds its engine itself (engines are built on the thread that uses
    /// them), reports [`WorkerEvent::Ready`] or [`WorkerEvent::Failed`], and works until the inbox is disconnected.
    /// A panic in it becomes [`WorkerEvent::Died`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(
        stage: Stage,
        capacity: usize,
        up: Sender<WorkerEvent>,
        body: impl FnOnce(Receiver<C>, Sender<WorkerEvent>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (tx, rx) = bounded(capacity);
        let name = format!("hark-{}", format!("{stage:?}").to_lowercase());
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let up_on_death = up.clone();
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(rx, up))) {
                let what = panic
                    .downcast_ref::<&str>()
                    .map(|s| (*s).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_else(|| "a fault without a message".to_owned());
                // The assistant may be gone already; then nobody needs to know.
                let _ = up_on_death.send(WorkerEvent::Died(stage, what));
            }
        })?;
        Ok(Worker { stage, tx: Some(tx), thread: Some(thread) })
    }

    /// Hands a command over without waiting; gives it back when the inbox is full. A worker that is gone takes all.
    ///
    /// # Errors
    /// The command, when the inbox is full.
    pub fn try_send(&self, command: C) -> Result<(), C> {
        match self.tx.as_ref().map(|tx| tx.try_send(command)) {
            Some(Err(TrySendError::Full(command))) => Err(command),
            _ => Ok(()),
        }
    }

    /// The stage it works for.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Says "end" without waiting for it.
    pub fn disconnect(&mut self) {
        self.tx = None;
    }

    /// Waits for the thread's end, at most until `deadline` (a [`crate::turn::Moment`] as duration since start).
    /// Returns false when it was still busy: the thread is then left to end with the process.
    pub fn join_until(&mut self, deadline: Duration) -> bool {
        self.disconnect();
        let Some(thread) = self.thread.take() else { return true };
        while !thread.is_finished() {
            if clock::now().0 >= deadline {
                tracing::warn!(stage = ?self.stage, "worker did not end in time");
                return false;
            }
            // std has no join with a deadline; 2 ms is far below what a user notices when closing.
            std::thread::sleep(Duration::from_millis(2));
        }
        thread.join().is_ok()
    }
}

/// How long an engine may do nothing before its memory is given back; all that share it see a change at once.
#[derive(Clone, Debug, Default)]
pub struct Patience(Arc<AtomicU64>);

impl Patience {
    /// `None`: for ever.
    #[must_use]
    pub fn get(&self) -> Option<Duration> {
        Some(self.0.load(Ordering::Relaxed)).filter(|millis| *millis > 0).map(Duration::from_millis)
    }

    /// From now on. A worker that waits for a command sees it with its next one.
    pub fn set(&self, patience: Option<Duration>) {
        let millis = patience.map_or(0, |patience| u64::try_from(patience.as_millis()).unwrap_or(u64::MAX).max(1));
        self.0.store(millis, Ordering::Relaxed);
    }
}

impl From<Option<Duration>> for Patience {
    fn from(patience: Option<Duration>) -> Self {
        let shared = Patience::default();
        shared.set(patience);
        shared
    }
}

impl<C> Drop for Worker<C> {
    fn drop(&mut self) {
        self.tx = None;
    }
}
