//! For tests that hold a clock against the program: a limit in milliseconds judges the program only while the machine itself
//! kept time. One that builds for others at the same time pauses its threads, or all of itself, for tenths of a second.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The watcher sleeps so long at a time.
const WATCH: Duration = Duration::from_millis(5);
/// A machine that wakes a sleeping thread so much too late did not keep time. On an idle one it is below 1 ms, beside two
/// busy threads a core about 5 ms; the limits that the tests hold have 20 ms and more to spare.
const LATE: Duration = Duration::from_millis(15);
/// A program that is too slow is so each time; a machine that is late each time is no place for these tests.
const ATTEMPTS: u32 = 8;

/// Runs a test whose limits are wall time. When it fails, and a thread that only sleeps was woken too late meanwhile, that
/// says nothing about the program and the test is run again; when it fails on a machine that kept time, it failed.
pub(crate) fn on_time(test: impl Fn()) {
    judged(test, watched);
}

fn judged(test: impl Fn(), watched: impl Fn(&dyn Fn() -> std::thread::Result<()>) -> (std::thread::Result<()>, Duration)) {
    for attempt in 1..=ATTEMPTS {
        match watched(&|| catch_unwind(AssertUnwindSafe(&test))) {
            (Ok(()), _) => return,
            (Err(reason), late) if late < LATE || attempt == ATTEMPTS => resume_unwind(reason),
            (Err(_), late) => println!("attempt {attempt} does not count: a sleeping thread was woken {late:?} too late"),
        }
    }
}

/// What came of it, and how late a thread beside it was woken at worst.
fn watched(test: &dyn Fn() -> std::thread::Result<()>) -> (std::thread::Result<()>, Duration) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut late = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let asleep = Instant::now();
                std::thread::sleep(WATCH);
                late = late.max(asleep.elapsed().saturating_sub(WATCH));
            }
            late
        });
        let outcome = test();
        over.store(true, Ordering::Relaxed);
        (outcome, watcher.join().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// How often a test runs that fails the first `failures` times, on a machine that was so late; `None`: it failed.
    fn runs(failures: u32, late: Duration) -> Option<u32> {
        let runs = Cell::new(0);
        let test = || {
            runs.set(runs.get() + 1);
            assert!(runs.get() > failures, "on purpose");
        };
        catch_unwind(AssertUnwindSafe(|| judged(test, |test| (test(), late)))).ok().map(|()| runs.get())
    }

    #[test]
    fn a_failure_counts_when_the_machine_kept_time_and_when_it_comes_each_time() {
        assert_eq!(runs(0, LATE * 10), Some(1));
        assert_eq!(runs(1, LATE / 2), None);
        assert_eq!(runs(3, LATE * 2), Some(4));
        assert_eq!(runs(ATTEMPTS, LATE * 2), None);
    }
}
