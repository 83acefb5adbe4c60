//! How fast bytes come, smoothed, and how often that is said.

use crate::turn::Moment;

/// Between two reports. Ten a second look smooth and cost nothing.
const PAUSE_SECONDS: f64 = 0.1;
/// The speed is that of about so many last seconds: short enough to notice a change, long enough to stand still.
const MEMORY_SECONDS: f64 = 3.0;

/// The pace of one file.
#[derive(Clone, Debug)]
pub struct Pace {
    at: Moment,
    done: u64,
    per_second: Option<f64>,
}

impl Pace {
    /// From this moment on, with so many bytes already there.
    pub fn new(now: Moment, done: u64) -> Pace {
        Pace { at: now, done, per_second: None }
    }

    /// Bytes a second when it is time for a report.
    pub fn tick(&mut self, now: Moment, done: u64) -> Option<f64> {
        let seconds = now.0.saturating_sub(self.at.0).as_secs_f64();
        if seconds < PAUSE_SECONDS {
            return None;
        }
        let sample = done.saturating_sub(self.done) as f64 / seconds;
        let per_second = match self.per_second {
            // A long pause (a stall, a computer that slept) weighs as much as the time that it took.
            Some(before) => before + (sample - before) * (1.0 - (-seconds / MEMORY_SECONDS).exp()),
            None => sample,
        };
        (self.at, self.done, self.per_second) = (now, done, Some(per_second));
        Some(per_second)
    }

    /// The last known speed; 0 when there is none yet.
    pub fn per_second(&self) -> f64 {
        self.per_second.unwrap_or(0.0)
    }
}

/// Seconds until all is there; `None` when nobody knows.
pub fn seconds_left(done: u64, total: Option<u64>, per_second: f64) -> Option<f64> {
    let left = total?.saturating_sub(done) as f64;
    // Slower than a byte a second: no number would mean anything.
    if left == 0.0 { Some(0.0) } else { (per_second >= 1.0).then(|| left / per_second) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    #[test]
    fn at_most_ten_reports_a_second_are_made() {
        let mut pace = Pace::new(at(0), 0);
        let reports = (1..=3000).filter(|&ms| pace.tick(at(ms), ms * 1000).is_some()).count();
        assert_eq!(reports, 30);
        assert!((pace.per_second() - 1e6).abs() < 1.0, "{}", pace.per_second());
    }

    #[test]
    fn a_hiccup_does_not_shake_the_speed_and_a_change_is_followed() {
        let mut pace = Pace::new(at(0), 1_000_000);
        for tenth in 1..=50 {
            pace.tick(at(tenth * 100), 1_000_000 + tenth * 100_000);
        }
        assert!((pace.per_second() - 1e6).abs() < 1.0, "what was there before does not count: {}", pace.per_second());
        let after_hiccup = pace.tick(at(5300), 6_000_000).unwrap();
        assert!(after_hiccup > 0.85e6, "{after_hiccup}");
        let after_stall = pace.tick(at(35_300), 6_000_000).unwrap();
        assert!(after_stall < 100.0, "{after_stall}");
    }

    #[test]
    fn the_time_left_is_only_said_when_it_means_something() {
        assert_eq!(seconds_left(500, Some(1500), 100.0), Some(10.0));
        assert_eq!(seconds_left(500, None, 100.0), None);
        assert_eq!(seconds_left(500, Some(1500), 0.0), None);
        assert_eq!(seconds_left(1500, Some(1500), 0.0), Some(0.0));
    }
}
