//! Whether the machine runs on its battery. One look reads a few small files (or asks the system once); nothing stays
//! open and nothing wakes up between two looks.

use starship_battery::{Manager, State};

/// Where the power comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Power {
    /// The socket: the battery is being charged, is full or rests.
    Mains,
    /// The battery is being used up.
    Battery,
}

/// More batteries than a machine has; a broken driver must not keep us busy.
const MOST: usize = 8;

/// Looks once. `None`: there is no battery, or the system does not say. The batteries of mice and headsets do not count.
///
/// A driver may take its time (some ask a slow controller), so whoever must not wait calls this on another thread.
#[must_use]
pub fn read() -> Option<Power> {
    let batteries = Manager::new().ok()?.batteries().ok()?;
    of(batteries.take(MOST).flatten().map(|battery| battery.state()))
}

fn of(states: impl Iterator<Item = State>) -> Option<Power> {
    // Of two batteries one is often idle while the other is being used.
    states.fold(None, |found, state| match (found, state) {
        (Some(Power::Battery), _) | (_, State::Discharging) => Some(Power::Battery),
        _ => Some(Power::Mains),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_battery_that_is_used_up_is_enough_and_none_is_no_answer() {
        assert_eq!(of([].into_iter()), None);
        assert_eq!(of([State::Full].into_iter()), Some(Power::Mains));
        assert_eq!(of([State::Charging, State::Unknown].into_iter()), Some(Power::Mains));
        assert_eq!(of([State::Discharging, State::Unknown].into_iter()), Some(Power::Battery));
        assert_eq!(of([State::Full, State::Discharging].into_iter()), Some(Power::Battery));
    }

    #[test]
    fn a_look_is_short() {
        let from = std::time::Instant::now();
        let found = read();
        println!("{found:?} in {:?}", from.elapsed());
        assert!(from.elapsed() < std::time::Duration::from_secs(2));
    }
}
