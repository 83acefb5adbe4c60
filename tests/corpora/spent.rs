//! What a piece of work costs the thread that does it: processor time, and memory at its peak.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// Counts what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call is handed on to the system's allocator as it came. The counters are plain cells of the thread without a
// destructor, so that they can be reached at any time and allocate nothing.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get().saturating_add(layout.size());
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.set(HELD.get().saturating_sub(layout.size()));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(at, layout) }
    }
}

/// What it cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// Processor time of this thread where the system tells it (Linux), else time that passed.
    pub time: Duration,
    /// Bytes that were held at most, beside what was held before.
    pub memory: usize,
}

/// Does `work`.
pub fn measured<T>(work: impl FnOnce() -> T) -> (T, Spent) {
    let before = HELD.get();
    PEAK.set(before);
    let (clock, processor) = (Instant::now(), processor_time());
    let result = work();
    let passed = clock.elapsed();
    // Other programs share the machine; what they take is not ours.
    let time = match (processor, processor_time()) {
        (Some(start), Some(end)) => end.saturating_sub(start).min(passed),
        _ => passed,
    };
    (result, Spent { time, memory: PEAK.get().saturating_sub(before) })
}

fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos).filter(|time| !time.is_zero())
}
