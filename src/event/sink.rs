//! The way of events to whoever reads them.

use super::Event;
use crossbeam_channel::Sender;
use std::sync::Arc;

/// Where events go: a channel, and a call that wakes whoever reads it (the window's repaint).
#[derive(Clone)]
pub struct EventSink {
    tx: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl EventSink {
    /// A sink that sends and then calls `wake`.
    pub fn new(tx: Sender<Event>, wake: impl Fn() + Send + Sync + 'static) -> Self {
        EventSink { tx, wake: Arc::new(wake) }
    }

    /// Sends one event. A reader that is gone is no error: the program is ending.
    pub fn send(&self, event: Event) {
        if self.tx.send(event).is_ok() {
            (self.wake)();
        }
    }
}

impl std::fmt::Debug for EventSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventSink")
    }
}
