//! The place of a stage: the worker that works, and the one that is being made ready to take over.

use super::outbox::Outbox;
use crate::config::Config;
use crate::event::WorkerEvent;
use crossbeam_channel::Receiver;
use std::collections::VecDeque;
use std::sync::Arc;

/// See the module.
pub(super) struct Seat<C> {
    now: Outbox<C>,
    next: Option<Outbox<C>>,
    /// While the engine is being changed without room for two: what came for it since.
    parked: Option<VecDeque<C>>,
    /// So many times the worker that works was told to give its engine back and has not answered.
    releasing: u32,
    /// The old engine's memory is free.
    freed: bool,
    /// What is started once it is.
    waiting: Option<Arc<Config>>,
}

impl<C: Send + 'static> Seat<C> {
    pub fn new(now: Outbox<C>) -> Self {
        Seat { now, next: None, parked: None, releasing: 0, freed: false, waiting: None }
    }

    /// Hands a command over, or keeps it while nobody is there for it.
    pub fn send(&mut self, command: C) {
        match &mut self.parked {
            Some(parked) => parked.push_back(command),
            None => self.now.send(command),
        }
    }

    /// To the worker that works, before all that is kept.
    pub fn send_first(&mut self, command: C) {
        self.now.send(command);
    }

    /// See [`Outbox::flush`].
    pub fn flush(&mut self) -> bool {
        self.now.flush()
    }

    /// Events of the worker that works.
    pub fn events(&self) -> Option<&Receiver<WorkerEvent>> {
        self.now.events()
    }

    /// Events of the one that is being made ready.
    pub fn next_events(&self) -> Option<&Receiver<WorkerEvent>> {
        self.next.as_ref().and_then(Outbox::events)
    }

    /// See [`Outbox::close_events`]. Gives what was to be started once the old engine was gone: it is gone.
    pub fn close_events(&mut self) -> Option<Arc<Config>> {
        self.now.close_events();
        self.releasing = 0;
        self.released()
    }

    /// The worker that is being made ready ended.
    pub fn close_next(&mut self) {
        if let Some(next) = &mut self.next {
            next.close_events();
        }
    }

    /// Another worker is made ready beside the one that works; one that was being made ready is let go.
    pub fn prepare(&mut self, next: Outbox<C>) {
        self.next = Some(next);
    }

    /// There is no room for two: the old engine goes first ([`Seat::released`] says when), and commands are kept meanwhile.
    /// Gives what can be started at once, because the old one is gone already.
    pub fn make_room(&mut self, release: C, config: Arc<Config>) -> Option<Arc<Config>> {
        self.next = None;
        if self.parked.is_some() && self.freed {
            return Some(config);
        }
        self.waiting = Some(config);
        if self.parked.is_none() {
            (self.parked, self.freed) = (Some(VecDeque::new()), false);
            self.releasing += 1;
            self.now.send(release);
        }
        None
    }

    /// Commands are being kept.
    pub fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// The old engine gave its memory back: what is to be started now. An answer to an earlier wish, which was taken back since,
    /// says nothing: the engine was loaded again after it.
    pub fn released(&mut self) -> Option<Arc<Config>> {
        self.releasing = self.releasing.saturating_sub(1);
        if self.releasing > 0 {
            return None;
        }
        self.freed = self.parked.is_some();
        self.waiting.take()
    }

    /// The one that was made ready takes over. What was kept stays kept until [`Seat::resume`].
    pub fn swap(&mut self) {
        if let Some(next) = self.next.take() {
            self.now = next;
            self.releasing = 0;
        }
        self.waiting = None;
    }

    /// A new worker in the place of all others.
    pub fn replace(&mut self, now: Outbox<C>) {
        self.now = now;
        self.next = None;
        self.releasing = 0;
        self.waiting = None;
    }

    /// The old one works on; if its engine was given back, `wake` loads it again.
    pub fn abandon(&mut self, wake: C) {
        self.next = None;
        self.waiting = None;
        if self.parked.is_some() {
            self.now.send(wake);
            self.resume();
        }
    }

    /// Hands over what was kept.
    pub fn resume(&mut self) {
        for command in self.parked.take().unwrap_or_default() {
            self.now.send(command);
        }
    }

    /// Tells both workers to end, without waiting.
    pub fn disconnect(&mut self) {
        self.next = None;
        self.now.disconnect();
    }

    /// See [`Outbox::join_until`].
    pub fn join_until(&mut self, deadline: std::time::Duration) -> bool {
        self.now.join_until(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::test_config;
    use crate::error::Stage;

    #[test]
    fn an_answer_to_a_wish_that_was_taken_back_starts_nothing() {
        let (b, c) = (Arc::new(test_config()), Arc::new(test_config()));
        let mut seat: Seat<&'static str> = Seat::new(Outbox::absent(Stage::Llm));
        // B is chosen, then the old one again, then C; the old one answers both times it was told to give its memory back.
        assert!(seat.make_room("release", b).is_none());
        seat.abandon("wake");
        assert!(seat.make_room("release", c).is_none());
        assert!(seat.released().is_none(), "the old one was loaded again after this answer");
        assert!(seat.released().is_some());
        // Now it is gone: what is chosen next begins at once.
        assert!(seat.make_room("release", Arc::new(test_config())).is_some());
        seat.abandon("wake");
        assert!(!seat.is_parked());
    }
}
