//! How many threads an engine may use right now.
//!
//! ggml's threads spin at their barriers: all wait for the slowest. With as many threads as cores and one other busy
//! program, decoding fell from 39 to 0.7 tokens/s. So the number is taken from what is free when a turn begins
//! ([`ThreadGovernor::free_cores`] with [`crate::platform::load::OthersLoad`]), from what Hark's other engines do at this moment
//! ([`at_work`]), and from a watch on the work itself ([`ThreadGovernor::took`]).

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};

/// Threads of this process that compute for an engine.
static AT_WORK: AtomicU32 = AtomicU32::new(0);

/// Says that an engine computes on `threads` threads, until the value is dropped.
#[must_use = "the work counts as done when this is dropped"]
pub fn at_work(threads: u32) -> AtWork {
    AT_WORK.fetch_add(threads, Ordering::Relaxed);
    AtWork(threads)
}

/// See [`at_work`].
#[derive(Debug)]
pub struct AtWork(u32);

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// Threads on which Hark's engines compute at this moment. An engine that asks between two steps does not count itself.
#[must_use]
pub fn working() -> u32 {
    AT_WORK.load(Ordering::Relaxed)
}

/// Kinds of work whose steps take comparable times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// One token of an answer.
    Decode,
    /// 64 tokens of a prompt.
    Prompt,
}

/// Chooses the number of threads for the next step of an engine and learns from how long the last one took. Pure: it
/// reads no clock and no load.
#[derive(Clone, Debug)]
pub struct ThreadGovernor {
    most: u32,
    ceiling: u32,
    now: u32,
    paces: [Vec<Pace>; 2],
    slow: u32,
    calm: u32,
    patience: u32,
    probation: u32,
}

/// What steps of one kind take on one number of threads.
#[derive(Clone, Debug, Default)]
struct Pace {
    measured: Option<f64>,
    last: VecDeque<f64>,
}

/// So many of the last steps make the median.
const WINDOW: usize = 31;
/// From so many on the median counts.
const ENOUGH: usize = 5;
/// A step that takes so many times its median is slow; two in a row cost a thread.
const SLOW: f64 = 2.0;
/// One step so slow is enough: with a spinning neighbour each step takes 5 to 20 times as long.
const VERY_SLOW: f64 = 4.0;
/// Steps of a few hundred microseconds are late by so much for no reason, ms.
const HICCUP_MS: f64 = 2.0;
/// A step is stopped when it is late by so much more: doing it again costs time too, ms.
const GIVE_UP_MS: f64 = 10.0;
/// Good steps before a thread is given back, at first and at most; doubled each time it was too early.
const PATIENCE: (u32, u32) = (16, 256);
/// Steps after which a thread that was given back counts as good.
const PROBATION: u32 = 48;

impl ThreadGovernor {
    /// At most `most` threads, and so many until something is known.
    #[must_use]
    pub fn new(most: u32) -> Self {
        let most = most.max(1);
        let paces = || vec![Pace::default(); usize::try_from(most).unwrap_or(1) + 1];
        ThreadGovernor { most, ceiling: most, now: most, paces: [paces(), paces()], slow: 0, calm: 0, patience: PATIENCE.0, probation: 0 }
    }

    /// Threads for the next step.
    #[must_use]
    pub fn threads_now(&self) -> u32 {
        self.now
    }

    /// What a step was measured to take on a quiet machine, ms.
    pub fn expect(&mut self, job: Job, threads: u32, ms: f64) {
        if let Some(pace) = self.pace(job, threads) {
            pace.measured = Some(ms);
        }
    }

    /// A turn begins and so many cores are free of other programs.
    pub fn free_cores(&mut self, free: u32) {
        self.ceiling = free.clamp(1, self.most);
        self.now = self.ceiling;
        (self.slow, self.calm, self.probation, self.patience) = (0, 0, 0, PATIENCE.0);
    }

    /// A step that takes longer than this, ms, is better stopped and done again on fewer threads. `None`: nothing is known,
    /// or there is one thread only.
    #[must_use]
    pub fn patience_ms(&self, job: Job, threads: u32) -> Option<f64> {
        let usual = self.usual(job, threads).filter(|_| threads > 1)?;
        Some(VERY_SLOW * usual + GIVE_UP_MS)
    }

    /// A step was done: `ms` on `threads` threads.
    pub fn took(&mut self, job: Job, threads: u32, ms: f64) {
        let usual = self.usual(job, threads);
        let is_slow = |factor: f64| threads > 1 && usual.is_some_and(|usual| ms > factor * usual && ms > usual + HICCUP_MS);
        if is_slow(SLOW) {
            self.slow += if is_slow(VERY_SLOW) { 2 } else { 1 };
            self.calm = 0;
            if self.slow >= 2 && threads <= self.now {
                self.fewer(threads);
            }
            return;
        }
        self.slow = 0;
        if let Some(pace) = self.pace(job, threads) {
            pace.last.push_back(ms);
            if pace.last.len() > WINDOW {
                pace.last.pop_front();
            }
        }
        if self.probation > 0 {
            self.probation -= 1;
            if self.probation == 0 {
                self.patience = (self.patience / 2).max(PATIENCE.0);
            }
        }
        if self.now < self.ceiling {
            self.calm += 1;
            if self.calm >= self.patience {
                self.now += 1;
                self.calm = 0;
                self.probation = PROBATION;
            }
        }
    }

    fn fewer(&mut self, than: u32) {
        self.now = self.now.min(than).saturating_sub(1).max(1);
        self.slow = 0;
        if self.probation > 0 {
            self.patience = (self.patience * 2).min(PATIENCE.1);
            self.probation = 0;
        }
    }

    fn pace(&mut self, job: Job, threads: u32) -> Option<&mut Pace> {
        self.paces[job as usize].get_mut(usize::try_from(threads).ok()?)
    }

    /// What such a step takes: the median, or what was measured, or what other numbers of threads say.
    fn usual(&self, job: Job, threads: u32) -> Option<f64> {
        let paces = &self.paces[job as usize];
        let own = paces.get(usize::try_from(threads).ok()?)?;
        if let Some(usual) = own.median().or(own.measured) {
            return Some(usual);
        }
        // With half the threads it takes up to twice as long, with more it does not take longer.
        let scaled = |(n, pace): (usize, &Pace)| {
            let ms = pace.median().or(pace.measured)?;
            Some(ms * (n as f64 / f64::from(threads)).max(1.0))
        };
        paces.iter().enumerate().filter_map(scaled).min_by(f64::total_cmp)
    }
}

impl Pace {
    fn median(&self) -> Option<f64> {
        if self.last.len() < ENOUGH {
            return None;
        }
        let mut sorted: Vec<f64> = self.last.iter().copied().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which a step takes 20 ms on one thread, and 18 times as long when more threads than free cores spin.
    fn step_ms(threads: u32, free: u32) -> f64 {
        if threads > free { 200.0 } else { 20.0 / f64::from(threads) }
    }

    /// Runs `steps` steps while `free(step)` cores are free; gives the time of all, ms.
    fn run(governor: &mut ThreadGovernor, steps: u32, free: impl Fn(u32) -> u32) -> f64 {
        let mut all = 0.0;
        for step in 0..steps {
            let threads = governor.threads_now();
            let ms = step_ms(threads, free(step));
            governor.took(Job::Decode, threads, ms);
            all += ms;
        }
        all
    }

    #[test]
    fn a_quiet_machine_keeps_all_threads() {
        let mut governor = ThreadGovernor::new(2);
        assert_eq!(run(&mut governor, 200, |_| 2), 2000.0);
        assert_eq!(governor.threads_now(), 2);
    }

    #[test]
    fn a_busy_neighbour_costs_a_thread_at_once_and_it_comes_back() {
        let mut governor = ThreadGovernor::new(2);
        run(&mut governor, 20, |_| 2);
        governor.took(Job::Decode, 2, 200.0);
        assert_eq!(governor.threads_now(), 1, "after one very slow step");
        run(&mut governor, 300, |_| 1);
        assert_eq!(governor.threads_now(), 1, "while it lasts");
        run(&mut governor, 300, |_| 2);
        assert_eq!(governor.threads_now(), 2, "afterwards");
    }

    #[test]
    fn with_a_neighbour_from_the_middle_on_it_is_eight_times_as_fast_as_without_the_governor() {
        let mut governor = ThreadGovernor::new(2);
        run(&mut governor, 20, |_| 2);
        let with = run(&mut governor, 400, |_| 1);
        let without = 400.0 * step_ms(2, 1);
        let one = 400.0 * step_ms(1, 1);
        println!("400 steps: {with} ms, without a governor {without} ms, best {one} ms");
        assert!(with * 8.0 < without && with < 1.2 * one);
    }

    #[test]
    fn a_neighbour_that_comes_and_goes_is_not_worse_than_one_thread_by_much() {
        let mut governor = ThreadGovernor::new(4);
        run(&mut governor, 20, |_| 4);
        let with = run(&mut governor, 2000, |step| if step % 40 < 20 { 3 } else { 4 });
        let three = 2000.0 * step_ms(3, 3);
        assert!(with < 1.5 * three, "{with} against {three}");
    }

    #[test]
    fn a_hiccup_is_no_neighbour() {
        let mut governor = ThreadGovernor::new(2);
        run(&mut governor, 20, |_| 2);
        governor.took(Job::Decode, 2, 25.0);
        assert_eq!(governor.threads_now(), 2, "one step of twice the time");
        governor.took(Job::Decode, 2, 10.0);
        governor.took(Job::Decode, 2, 25.0);
        assert_eq!(governor.threads_now(), 2, "and another later");
        governor.took(Job::Decode, 2, 25.0);
        assert_eq!(governor.threads_now(), 1, "two in a row are enough");
        let mut tiny = ThreadGovernor::new(2);
        (0..20).for_each(|_| tiny.took(Job::Decode, 2, 0.2));
        tiny.took(Job::Decode, 2, 1.9);
        assert_eq!(tiny.threads_now(), 2, "too short to tell");
    }

    #[test]
    fn what_was_measured_before_tells_that_the_first_steps_are_slow() {
        let mut governor = ThreadGovernor::new(2);
        governor.expect(Job::Decode, 2, 10.0);
        governor.took(Job::Decode, 2, 200.0);
        assert_eq!(governor.threads_now(), 1);
        let mut unmeasured = ThreadGovernor::new(2);
        unmeasured.expect(Job::Decode, 1, 20.0);
        assert_eq!(unmeasured.patience_ms(Job::Decode, 2), Some(90.0));
        assert_eq!(unmeasured.patience_ms(Job::Decode, 1), None);
        assert_eq!(unmeasured.patience_ms(Job::Prompt, 2), None);
        unmeasured.took(Job::Decode, 2, 200.0);
        assert_eq!(unmeasured.threads_now(), 1, "two threads are not slower than one");
    }

    #[test]
    fn a_turn_begins_with_what_is_free() {
        let mut governor = ThreadGovernor::new(4);
        for (free, threads) in [(9, 4), (3, 3), (0, 1), (4, 4)] {
            governor.free_cores(free);
            assert_eq!(governor.threads_now(), threads);
        }
        governor.free_cores(2);
        run(&mut governor, 100, |_| 2);
        assert_eq!(governor.threads_now(), 2, "not more than were free");
    }

    #[test]
    fn threads_at_work_are_counted_until_they_are_done() {
        let before = working();
        let work = at_work(3);
        assert!(working() >= 3);
        drop(work);
        // Other tests may work at the same time; ours is gone.
        assert!(working() < before + 3 + 64);
    }
}
