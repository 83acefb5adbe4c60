//! Calls into the sound system that may never come back, on a thread of their own.
//!
//! Seen with PulseAudio 16: when the server dies while it sends, its client library waits for itself for ever inside
//! `pa_memimport_free`, so closing the stream never ends. The worker must not wait with it.

use crossbeam_channel::bounded;
use std::time::Duration;

/// Opening a device takes 10 to 100 ms; a Bluetooth one up to a few seconds.
pub(crate) const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// Closing one takes a buffer's time.
const CLOSE_LIMIT: Duration = Duration::from_millis(300);

/// What `work` gives, if it does within `limit`. Otherwise the thread is left to itself, and its result is dropped there.
pub(crate) fn within<T: Send + 'static>(limit: Duration, name: &str, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tx, rx) = bounded(1);
    let job = move || {
        let _ = tx.send(work()); // nobody waits any more after the limit
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(job).ok()?;
    rx.recv_timeout(limit).ok()
}

/// A stream that is closed on a thread of its own: dropping this waits for it a moment, and never for ever.
pub(crate) struct ClosedAside<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> ClosedAside<T> {
    pub(crate) fn new(stream: T) -> Self {
        ClosedAside(Some(stream))
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }
}

impl<T: Send + 'static> Drop for ClosedAside<T> {
    fn drop(&mut self) {
        let stream = self.0.take();
        if within(CLOSE_LIMIT, "hark-close", move || drop(stream)).is_none() {
            tracing::warn!("a sound device does not close; it is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn what_never_ends_is_left_behind() {
        struct Stuck;
        impl Drop for Stuck {
            fn drop(&mut self) {
                std::thread::sleep(Duration::from_secs(5));
            }
        }
        let begun = Instant::now();
        drop(ClosedAside::new(Stuck));
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert_eq!(within(Duration::from_millis(20), "stuck", || std::thread::sleep(Duration::from_secs(2))), None);
        assert_eq!(within(Duration::from_secs(2), "quick", || 7), Some(7));
    }
}
