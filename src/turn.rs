//! Turn numbers, cancellation by a number that moved on, and moments.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The number of one exchange: a press (or a typed text) and all that follows from it. Starts at 1; 0 is "no turn".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(pub u64);

impl TurnId {
    /// No turn: before the first press, and for messages that belong to none.
    pub const NONE: TurnId = TurnId(0);

    /// The turn after this one.
    #[must_use]
    pub fn next(self) -> TurnId {
        TurnId(self.0 + 1)
    }
}

/// A monotonic moment: time since the program started ([`crate::clock::now`] reads it).
/// A plain value, so that the pure parts need no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Duration);

impl Moment {
    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds from `earlier` to `self`.
    #[must_use]
    pub fn ms_since(self, earlier: Moment) -> f64 {
        self.since(earlier).as_secs_f64() * 1000.0
    }

    /// This moment moved on by `by`.
    #[must_use]
    pub fn plus(self, by: Duration) -> Moment {
        Moment(self.0 + by)
    }
}

/// The number of the turn that is going on. Exactly one owner (the assistant thread) advances it.
#[derive(Debug, Default)]
pub struct TurnClock {
    current: Arc<AtomicU64>,
}

impl TurnClock {
    /// A clock at turn 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves on to `turn`; every token of an earlier turn is cancelled from now on.
    pub fn advance_to(&mut self, turn: TurnId) {
        self.current.store(turn.0, Ordering::Release);
    }

    /// Gives out read-only views, one for each worker.
    #[must_use]
    pub fn reader(&self) -> TurnReader {
        TurnReader { current: Arc::clone(&self.current) }
    }
}

/// A read-only view of the [`TurnClock`].
#[derive(Clone, Debug)]
pub struct TurnReader {
    current: Arc<AtomicU64>,
}

impl TurnReader {
    /// The turn that is going on.
    #[must_use]
    pub fn current(&self) -> TurnId {
        TurnId(self.current.load(Ordering::Acquire))
    }

    /// A token that is cancelled as soon as the clock is not at `turn` any more.
    #[must_use]
    pub fn token(&self, turn: TurnId) -> CancelToken {
        CancelToken { current: Arc::clone(&self.current), turn: turn.0 }
    }
}

/// Tells an engine whether its work is still wanted: one relaxed load.
#[derive(Clone, Debug)]
pub struct CancelToken {
    current: Arc<AtomicU64>,
    turn: u64,
}

impl CancelToken {
    /// A token that nobody cancels (tools, tests, warm-up).
    #[must_use]
    pub fn never() -> Self {
        CancelToken { current: Arc::new(AtomicU64::new(0)), turn: 0 }
    }

    /// A token and the clock that cancels it, for work outside a turn (a dialogue of tests, the command line).
    #[must_use]
    pub fn with_clock() -> (Self, TurnClock) {
        let clock = TurnClock::new();
        (clock.reader().token(TurnId::NONE), clock)
    }

    /// Whether the turn moved on.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.current.load(Ordering::Relaxed) != self.turn
    }
}

/// How a piece of work ended that was not an error.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome<T> {
    /// It was done.
    Done(T),
    /// The turn moved on first. Not an error.
    Cancelled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_cancelled_when_the_turn_moves_on() {
        let mut clock = TurnClock::new();
        clock.advance_to(TurnId(3));
        let token = clock.reader().token(TurnId(3));
        assert!(!token.is_cancelled());
        clock.advance_to(TurnId(4));
        assert!(token.is_cancelled());
        assert!(!CancelToken::never().is_cancelled());
    }
}
