//! How fast work on a file goes, in the words of a download, at most ten times a second.

use super::fetch::Progress;
use crate::clock;
use std::time::Duration;

/// Between two reports.
const PAUSE: Duration = Duration::from_millis(100);

/// Measures the work on one file.
#[derive(Debug)]
pub(crate) struct Meter {
    name: String,
    total: Option<u64>,
    began: Duration,
    last: Option<Duration>,
}

impl Meter {
    /// For a file of so many bytes.
    pub(crate) fn new(name: &str, total: Option<u64>) -> Self {
        Meter { name: name.to_owned(), total, began: clock::now().0, last: None }
    }

    /// So many bytes are done.
    pub(crate) fn at(&mut self, done: u64, on: &mut dyn FnMut(Progress)) {
        let now = clock::now().0;
        if self.last.is_some_and(|last| now.saturating_sub(last) < PAUSE) {
            return;
        }
        self.last = Some(now);
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        let per_second = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        let left = self.total.map(|total| total.saturating_sub(done) as f64);
        let seconds_left = left.filter(|_| per_second > 0.0).map(|left| left / per_second);
        on(Progress::Bytes { name: self.name.clone(), done, total: self.total, per_second, seconds_left });
    }
}
