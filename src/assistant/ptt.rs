//! The talk key as a pure machine: press, release with a grace, toggle.

use crate::turn::Moment;
use std::time::Duration;

/// X11 sends a release and a press for each auto-repeat of a held key, about 1 ms apart; a release counts only when no
/// press follows within this time. The tail of the recording runs meanwhile, so nothing is lost and little is waited for.
pub const RELEASE_GRACE: Duration = Duration::from_millis(50);

/// A press shorter than this is a slip: nobody says a word in it, and the pre-roll alone must not become a question.
pub const SHORTEST_PRESS: Duration = Duration::from_millis(150);

/// What the key did after repeats were taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It went down now.
    Down,
    /// It went up at this moment, after being held so long.
    Up {
        /// When it went up (before the grace).
        at: Moment,
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
            Ptt::Up => (Ptt::Down(now), Some(Edge::Down)),
            Ptt::Down(since) | Ptt::Releasing { since, .. } => (Ptt::Down(since), None),
        }
    }

    /// The key went up.
    #[must_use]
    pub fn release(self, now: Moment) -> Ptt {
        match self {
            Ptt::Down(since) => Ptt::Releasing { since, at: now },
            other => other,
        }
    }

    /// One press starts, the next one ends.
    #[must_use]
    pub fn toggle(self, now: Moment) -> (Ptt, Option<Edge>) {
        match self {
            Ptt::Up => self.press(now),
            Ptt::Down(since) => (Ptt::Up, Some(Edge::Up { at: now, held: now.since(since) })),
            Ptt::Releasing { since, at } => (Ptt::Up, Some(Edge::Up { at, held: at.since(since) })),
        }
    }

    /// Time went on.
    #[must_use]
    pub fn tick(self, now: Moment) -> (Ptt, Option<Edge>) {
        match self {
            Ptt::Releasing { since, at } if now >= at.plus(RELEASE_GRACE) => (Ptt::Up, Some(Edge::Up { at, held: at.since(since) })),
            other => (other, None),
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

    #[test]
    fn auto_repeat_is_one_long_press() {
        let (mut key, edge) = Ptt::default().press(ms(0));
        assert_eq!(edge, Some(Edge::Down));
        for i in 1..50 {
            key = key.release(ms(i * 30));
            assert_eq!(key.tick(ms(i * 30 + 1)), (key, None));
            let edge;
            (key, edge) = key.press(ms(i * 30 + 1));
            assert_eq!(edge, None);
        }
        key = key.release(ms(2000));
        assert_eq!(key.deadline(), Some(ms(2050)));
        assert_eq!(key.tick(ms(2050)), (Ptt::Up, Some(Edge::Up { at: ms(2000), held: Duration::from_millis(2000) })));
    }

    #[test]
    fn a_release_without_a_press_is_nothing() {
        assert_eq!(Ptt::Up.release(ms(5)), Ptt::Up);
        assert_eq!(Ptt::Up.tick(ms(500)), (Ptt::Up, None));
    }

    #[test]
    fn toggle_starts_and_ends() {
        let (key, edge) = Ptt::Up.toggle(ms(10));
        assert_eq!(edge, Some(Edge::Down));
        assert_eq!(key.toggle(ms(900)), (Ptt::Up, Some(Edge::Up { at: ms(900), held: Duration::from_millis(890) })));
    }
}
