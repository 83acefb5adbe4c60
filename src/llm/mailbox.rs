//! The llm thread's inbox, looked into while work goes on: what is outdated is never begun.

use crate::event::LlmCmd;
use crate::private::Private;
use crate::turn::TurnId;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

/// Commands that came and were not begun yet.
pub(super) struct Mailbox {
    rx: Receiver<LlmCmd>,
    queue: RefCell<VecDeque<LlmCmd>>,
    closed: Cell<bool>,
}

/// What [`Mailbox::next`] gives.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Command(LlmCmd),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl Mailbox {
    pub(super) fn new(rx: Receiver<LlmCmd>) -> Self {
        Mailbox { rx, queue: RefCell::default(), closed: Cell::new(false) }
    }

    /// Whether something else is to be done: a command waits, or the program ends. Asked some hundred times a token.
    pub(super) fn waiting(&self) -> bool {
        if self.closed.get() || !self.queue.borrow().is_empty() {
            return true;
        }
        self.collect();
        self.closed.get() || !self.queue.borrow().is_empty()
    }

    fn collect(&self) {
        loop {
            match self.rx.try_recv() {
                Ok(command) => self.queue.borrow_mut().push_back(command),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => return self.closed.set(true),
            }
        }
    }

    /// The next command that is still worth doing; waits for it at most so long (`None`: as long as it takes).
    pub(super) fn next(&self, wait: Option<Duration>) -> Next {
        loop {
            self.collect();
            if let Some(command) = self.pop() {
                return Next::Command(command);
            }
            if self.closed.get() {
                return Next::Closed;
            }
            let received = match wait {
                None => self.rx.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => self.rx.recv_timeout(wait),
            };
            match received {
                Ok(command) => self.queue.borrow_mut().push_back(command),
                Err(RecvTimeoutError::Timeout) => return Next::Nothing,
                Err(RecvTimeoutError::Disconnected) => self.closed.set(true),
            }
        }
    }

    /// The oldest command, but for a prefill whose turn has a newer one or its reply in the queue.
    fn pop(&self) -> Option<LlmCmd> {
        let mut queue = self.queue.borrow_mut();
        while let Some(command) = queue.pop_front() {
            match &command {
                LlmCmd::Prefill(turn, _) if queue.iter().any(|later| is_for(later, *turn)) => {}
                _ => return Some(command),
            }
        }
        None
    }

    /// A prefill that another command interrupted goes on after that one, unless its turn has something newer.
    pub(super) fn put_back(&self, turn: TurnId, text: Private) {
        self.collect();
        let mut queue = self.queue.borrow_mut();
        if !queue.iter().any(|later| is_for(later, turn)) {
            queue.push_back(LlmCmd::Prefill(turn, text));
        }
    }
}

fn is_for(command: &LlmCmd, turn: TurnId) -> bool {
    matches!(command, LlmCmd::Prefill(of, _) | LlmCmd::Reply(of, _) if *of == turn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::bounded;

    fn prefill(turn: u64, text: &str) -> LlmCmd {
        LlmCmd::Prefill(TurnId(turn), text.into())
    }

    #[test]
    fn of_several_prefills_the_newest_counts_and_a_reply_replaces_them() {
        let (tx, rx) = bounded(16);
        let mailbox = Mailbox::new(rx);
        assert!(!mailbox.waiting());
        assert_eq!(mailbox.next(Some(Duration::ZERO)), Next::Nothing);
        let commit = LlmCmd::Commit { turn: TurnId(1), heard: "One.".into() };
        let reply = LlmCmd::Reply(TurnId(3), "c".into());
        for command in [commit.clone(), prefill(2, "a"), prefill(2, "a b"), LlmCmd::Reset, prefill(3, "c"), reply.clone()] {
            tx.send(command).unwrap();
        }
        assert!(mailbox.waiting());
        drop(tx);
        for expected in [commit, prefill(2, "a b"), LlmCmd::Reset, reply] {
            assert_eq!(mailbox.next(None), Next::Command(expected));
        }
        assert_eq!(mailbox.next(None), Next::Closed);
        assert!(mailbox.waiting(), "the end is something to be done too");
    }

    #[test]
    fn an_interrupted_prefill_comes_again_unless_it_is_outdated() {
        let (tx, rx) = bounded(16);
        let mailbox = Mailbox::new(rx);
        tx.send(LlmCmd::Reset).unwrap();
        mailbox.put_back(TurnId(1), "a".into());
        assert_eq!(mailbox.next(None), Next::Command(LlmCmd::Reset));
        assert_eq!(mailbox.next(None), Next::Command(prefill(1, "a")));
        tx.send(prefill(1, "a b")).unwrap();
        mailbox.put_back(TurnId(1), "a".into());
        assert_eq!(mailbox.next(None), Next::Command(prefill(1, "a b")));
        assert_eq!(mailbox.next(Some(Duration::ZERO)), Next::Nothing);
    }
}
