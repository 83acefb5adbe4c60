//! A worker as the assistant sees it: commands that never block, and its events on a channel of its own.

use crate::error::Stage;
use crate::event::WorkerEvent;
use crate::stt::EngineInfo;
use crate::turn::{TurnClock, TurnId};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::VecDeque;
use std::time::Duration;

/// Room for events of one worker; a worker that is faster than the assistant waits.
const EVENTS: usize = 64;

/// One worker generation. Dropping it cuts its events off too, so a worker that was replaced while it still loaded its
/// model can't report itself ready in the name of its successor.
pub(super) struct Outbox<C> {
    worker: Option<Worker<C>>,
    events: Option<Receiver<WorkerEvent>>,
    waiting: VecDeque<C>,
    /// Moves on when nobody wants this generation any more.
    end: Option<TurnClock>,
}

impl<C> Drop for Outbox<C> {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl<C> Outbox<C> {
    fn give_up(&mut self) {
        if let Some(end) = &mut self.end {
            end.advance_to(TurnId::NONE.next());
        }
    }
}

impl<C: Send + 'static> Outbox<C> {
    /// Starts a worker with `spawn`.
    pub fn start(spawn: impl FnOnce(Sender<WorkerEvent>) -> std::io::Result<Worker<C>>) -> std::io::Result<Self> {
        let (tx, events) = bounded(EVENTS);
        Ok(Outbox { worker: Some(spawn(tx)?), events: Some(events), waiting: VecDeque::new(), end: None })
    }

    /// The same; whoever holds a token of this clock sees when nobody waits for the worker any more. A worker that loads its model
    /// does not look at its commands meanwhile.
    pub fn ending(self, end: TurnClock) -> Self {
        let mut outbox = self;
        outbox.end = Some(end);
        outbox
    }

    /// Stands for a worker that this run does not need: it is ready at once and takes commands without doing anything.
    pub fn absent(stage: Stage) -> Self {
        let (tx, events) = bounded(1);
        // The channel is empty and open, so this cannot fail.
        let _ = tx.send(WorkerEvent::Ready(stage, EngineInfo { engine: "none".to_owned(), ..EngineInfo::default() }));
        Outbox { worker: None, events: Some(events), waiting: VecDeque::new(), end: None }
    }

    /// The worker's events; none after [`Outbox::close_events`].
    pub fn events(&self) -> Option<&Receiver<WorkerEvent>> {
        self.events.as_ref()
    }

    /// No events are taken any more. A worker that is blocked on them goes on at once.
    pub fn close_events(&mut self) {
        self.events = None;
    }

    /// Hands a command over, or keeps it until there is room; the order stays.
    pub fn send(&mut self, command: C) {
        self.waiting.push_back(command);
        self.flush();
    }

    /// Hands over what waits. Returns true when all is gone.
    pub fn flush(&mut self) -> bool {
        let Some(worker) = &self.worker else {
            self.waiting.clear();
            return true;
        };
        while let Some(command) = self.waiting.pop_front() {
            if let Err(command) = worker.try_send(command) {
                self.waiting.push_front(command);
                return false;
            }
        }
        true
    }

    /// Tells the worker to end, without waiting for it.
    pub fn disconnect(&mut self) {
        self.give_up();
        self.waiting.clear();
        if let Some(worker) = &mut self.worker {
            worker.disconnect();
        }
        self.close_events();
    }

    /// Waits for its end, at most until `deadline` (time since start). False when it was still busy.
    pub fn join_until(&mut self, deadline: Duration) -> bool {
        self.worker.take().is_none_or(|mut worker| worker.join_until(deadline))
    }
}
