//! The talk key as a pure machine: press, release with a grace, toggle.
//!
//! A release takes effect at once, so that nobody waits for the grace; a press within it takes the release back.

use crate::turn::Moment;
use std::time::Duration;

/// X11 sends a release and a press for each auto-repeat of a held key, about 1 ms apart; a press within this time after a
/// release takes the release back.
pub const RELEASE_GRACE: Duration = Duration::from_millis(50);

/// What cannot be taken back (asking the chat model) waits for so long after a release: eight times what lies between
/// the two halves of an auto-repeat, and a time that is rarely waited for, as the words mostly come later.
pub const REPEAT_GRACE: Duration = Duration::from_millis(8);

/// A press shorter than this is a slip: nobody says a word in it, and the pre-roll alone must not become a question.
pub const SHORTEST_PRESS: Duration = Duration::from_millis(150);

/// What the key did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It went down now.
    Down,
    /// It went up now, after being held so long. [`Edge::Again`] may take this back, [`Edge::Settled`] makes it final.
    Up {
        /// How long it was held.
        held: Duration,
    },
    /// It went down again within the grace: it had been down all the time.
    Again,
    /// It stays up; it had been held so long.
    Settled {
        /// How long it was held.
        held: Duration,
    },
}

/// The talk key's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ptt {
    /// It is up.
    #[default]
    Up,
    /// It is down since this moment.
    Down(Moment),
    /// It went up, but may come down again within the grace.
    Releasing {
        /// Since when it had been down.
        since: Moment,
        /// When it went up.
        at: Moment,
    },
}

impl Ptt {
    /// The key went down.
    #[must_use]
    pub fn press(self, now: Moment) -> (Ptt, Option<Edge>) {
        match self {
            Ptt::Down(_) => (self, None),
            Ptt::Releasing { since, at } if now < at.plus(RELEASE_GRACE) => (Ptt::Down(since), Some(Edge::Again)),
            Ptt::Up | Ptt::Releasing { .. } => (Ptt::Down(now), Some(Edge::Down)),
        }
    }

    /// The key went up.
    #[must_use]
    pub fn release(self, now: Moment) -> (Ptt, Option<Edge>) {
        match self {
            Ptt::Down(since) => (Ptt::Releasing { since, at: now }, Some(Edge::Up { held: now.since(since) })),
            other => (other, None),
        }
    }

    /// One press starts, the next one ends; there is nothing to wait for.
    #[must_use]
    pub fn toggle(self, now: Moment) -> (Ptt, Option<Edge>) {
        match self {
            Ptt::Down(since) => (Ptt::Up, Some(Edge::Settled { held: now.since(since) })),
            Ptt::Releasing { since, at } if now < at.plus(RELEASE_GRACE) => (Ptt::Up, Some(Edge::Settled { held: at.since(since) })),
            Ptt::Up | Ptt::Releasing { .. } => self.press(now),
        }
    }

    /// Time went on.
    #[must_use]
    pub fn tick(self, now: Moment) -> (Ptt, Option<Edge>) {
        match self {
            Ptt::Releasing { since, at } if now >= at.plus(RELEASE_GRACE) => (Ptt::Up, Some(Edge::Settled { held: at.since(since) })),
            other => (other, None),
        }
    }

    /// Until when what cannot be taken back has to wait; `None`: it need not.
    #[must_use]
    pub fn may_be_a_repeat_until(self) -> Option<Moment> {
        match self {
            Ptt::Releasing { at, .. } => Some(at.plus(REPEAT_GRACE)),
            _ => None,
        }
    }

    /// When [`Ptt::tick`] must be called.
    #[must_use]
    pub fn deadline(self) -> Option<Moment> {
        match self {
            Ptt::Releasing { at, .. } => Some(at.plus(RELEASE_GRACE)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Moment {
        Moment(Duration::from_millis(n))
    }

    const HELD: Duration = Duration::from_millis(2000);

    #[test]
    fn auto_repeat_is_one_long_press() {
        let (mut key, edge) = Ptt::default().press(ms(0));
        assert_eq!(edge, Some(Edge::Down));
        for i in 1..50 {
            let edge;
            (key, edge) = key.release(ms(i * 30));
            assert_eq!(edge, Some(Edge::Up { held: Duration::from_millis(i * 30) }));
            assert_eq!(key.tick(ms(i * 30 + 1)), (key, None));
            let edge;
            (key, edge) = key.press(ms(i * 30 + 1));
            assert_eq!(edge, Some(Edge::Again));
        }
        (key, _) = key.release(ms(2000));
        assert_eq!((key.deadline(), key.may_be_a_repeat_until()), (Some(ms(2050)), Some(ms(2008))));
        assert_eq!(key.tick(ms(2050)), (Ptt::Up, Some(Edge::Settled { held: HELD })));
    }

    #[test]
    fn a_press_after_the_grace_is_another_one_even_before_the_tick() {
        let (key, _) = Ptt::Down(ms(0)).release(ms(2000));
        assert_eq!(key.press(ms(2049)), (Ptt::Down(ms(0)), Some(Edge::Again)));
        assert_eq!(key.press(ms(2050)), (Ptt::Down(ms(2050)), Some(Edge::Down)));
        assert_eq!(key.toggle(ms(2049)), (Ptt::Up, Some(Edge::Settled { held: HELD })));
        assert_eq!(key.toggle(ms(2050)), (Ptt::Down(ms(2050)), Some(Edge::Down)));
    }

    #[test]
    fn a_release_without_a_press_is_nothing() {
        assert_eq!(Ptt::Up.release(ms(5)), (Ptt::Up, None));
        assert_eq!(Ptt::Up.tick(ms(500)), (Ptt::Up, None));
    }

    #[test]
    fn toggle_starts_and_ends() {
        let (key, edge) = Ptt::Up.toggle(ms(10));
        assert_eq!(edge, Some(Edge::Down));
        assert_eq!(key.toggle(ms(900)), (Ptt::Up, Some(Edge::Settled { held: Duration::from_millis(890) })));
        assert_eq!(Ptt::Up.may_be_a_repeat_until(), None);
    }
}
