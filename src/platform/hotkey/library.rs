//! Windows and macOS: the key through `global-hotkey`.

use super::{StageError, not_given, taken};
use global_hotkey::hotkey::HotKey;
use global_hotkey::{Error, GlobalHotKeyEvent, GlobalHotKeyManager, HotKeyState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who hears of the key. The crate takes one handler for the life of the process, so it looks here.
struct Sink {
    id: u32,
    down: bool,
    call: Box<dyn Fn(bool) + Send>,
}

static SINK: Mutex<Option<Sink>> = Mutex::new(None);

fn sink() -> MutexGuard<'static, Option<Sink>> {
    // A panic in a callback leaves nothing half-done here.
    SINK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn on_event(event: GlobalHotKeyEvent) {
    if let Some(sink) = sink().as_mut().filter(|s| s.id == event.id) {
        let down = event.state == HotKeyState::Pressed;
        // Auto-repeat and a release without its press say nothing new.
        if down != sink.down {
            sink.down = down;
            (sink.call)(down);
        }
    }
}

fn refused(error: &Error, key: HotKey) -> StageError {
    if matches!(error, Error::AlreadyRegistered(_)) { taken(key) } else { not_given(key) }
}

/// A key that is given up while it is down goes up first; else the recording would never end.
fn release(sink: &mut Sink) {
    if std::mem::take(&mut sink.down) {
        (sink.call)(false);
    }
}

pub(super) struct Keys {
    manager: GlobalHotKeyManager,
    key: HotKey,
}

impl Keys {
    pub(super) fn open(key: HotKey, on_key: Box<dyn Fn(bool) + Send>) -> Result<Keys, StageError> {
        GlobalHotKeyEvent::set_event_handler(Some(on_event));
        let manager = GlobalHotKeyManager::new().map_err(|e| refused(&e, key))?;
        manager.register(key).map_err(|e| refused(&e, key))?;
        *sink() = Some(Sink { id: key.id(), down: false, call: on_key });
        Ok(Keys { manager, key })
    }

    pub(super) fn change(&mut self, key: HotKey) -> Result<(), StageError> {
        self.manager.register(key).map_err(|e| refused(&e, key))?;
        if let Err(error) = self.manager.unregister(self.key) {
            tracing::warn!(%error, "the old talk key was not given back");
        }
        self.key = key;
        if let Some(sink) = sink().as_mut() {
            release(sink);
            sink.id = key.id();
        }
        Ok(())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Err(error) = self.manager.unregister(self.key) {
            tracing::debug!(%error, "the talk key was not given back");
        }
        let mut sink = sink();
        if let Some(mine) = sink.as_mut().filter(|s| s.id == self.key.id()) {
            release(mine);
            *sink = None;
        }
    }
}
