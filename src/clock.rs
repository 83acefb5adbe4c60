//! The one monotonic clock of the program.

use crate::turn::Moment;
use std::sync::OnceLock;
use std::time::Instant;

static START: OnceLock<Instant> = OnceLock::new();

/// The time since the first call in this process.
#[must_use]
pub fn now() -> Moment {
    Moment(START.get_or_init(Instant::now).elapsed())
}
