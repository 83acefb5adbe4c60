//! Lets the other engines go first while enough sound lies ahead.
//!
//! An answer is heard in its own time and made in a fraction of it. While the chat model writes on the same cores, each
//! second of sound that is made before it is needed makes the text come later; and what was made and is then interrupted
//! was made for nothing. Measured on two cores with a 1B model and a medium voice: see P6 in the README.

use crate::clock;
use crate::platform::threads::working;
use crate::turn::{CancelToken, Moment, TurnId};
use std::time::Duration;

/// With less sound ahead the voice does not wait: a machine that becomes five times slower still leaves no gap.
const ENOUGH: f64 = 3.0;
/// How often a waiting voice looks.
const LOOK: Duration = Duration::from_millis(10);

/// Sound of one turn that was made and did not sound yet, as if it sounds without a pause from the first piece on.
#[derive(Debug, Default)]
pub(super) struct Lead {
    turn: TurnId,
    first: Option<Moment>,
    made: f64,
}

impl Lead {
    /// A piece of this turn was made, seconds.
    pub(super) fn made(&mut self, turn: TurnId, seconds: f64) {
        if self.turn != turn {
            *self = Lead { turn, first: None, made: 0.0 };
        }
        self.first.get_or_insert_with(clock::now);
        self.made += seconds;
    }

    /// Seconds of sound that are ahead at this moment.
    fn ahead(&self, now: Moment) -> f64 {
        self.first.map_or(0.0, |first| self.made - now.since(first).as_secs_f64())
    }

    /// Waits while enough sound is ahead and another engine computes. The caller's own work must not count.
    pub(super) fn wait(&self, turn: TurnId, cancel: &CancelToken) {
        while self.turn == turn && self.ahead(clock::now()) > ENOUGH && working() > 0 && !cancel.is_cancelled() {
            // Nothing wakes it: an interrupt is noticed within one look, and nothing sounds later for it.
            std::thread::sleep(LOOK);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::on_time::on_time;
    use crate::platform::threads::at_work;
    use std::time::Instant;

    fn waited(lead: &Lead, turn: TurnId, cancel: &CancelToken) -> Duration {
        let from = Instant::now();
        lead.wait(turn, cancel);
        from.elapsed()
    }

    #[test]
    fn the_voice_waits_only_with_enough_ahead_and_only_while_others_work() {
        on_time(|| {
            let (mut lead, never) = (Lead::default(), CancelToken::never());
            let _work = at_work(1);
            lead.made(TurnId(1), ENOUGH - 0.5);
            assert!(waited(&lead, TurnId(1), &never) < Duration::from_millis(50), "too little is ahead");
            lead.made(TurnId(1), 0.8);
            let time = waited(&lead, TurnId(1), &never);
            assert!((200..900).contains(&time.as_millis()), "until 3 s are ahead: {time:?}");
            assert!(waited(&lead, TurnId(2), &never) < Duration::from_millis(50), "another turn has nothing ahead");
        });
    }

    #[test]
    fn an_interrupt_ends_the_wait() {
        on_time(|| {
            let (cancel, mut clock) = CancelToken::with_clock();
            let turn = clock.reader().current();
            let mut lead = Lead::default();
            let _work = at_work(1);
            lead.made(turn, 1000.0);
            let time = std::thread::scope(|scope| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, move || {
                        std::thread::sleep(Duration::from_millis(100));
                        clock.advance_to(turn.next());
                    })
                    .unwrap();
                waited(&lead, turn, &cancel)
            });
            assert!((80..400).contains(&time.as_millis()), "{time:?}");
        });
    }
}
