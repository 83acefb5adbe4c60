//! X11: the key is grabbed on the root window, and a thread waits for its events without ever looking in between.
//!
//! `global-hotkey` looks every 50 ms: twenty wake-ups a second while nothing happens, and up to 50 ms at press and release.

use super::keysym::keysym;
use super::{StageError, fault, not_given, taken};
use global_hotkey::hotkey::{HotKey, Modifiers};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use x11rb::COPY_DEPTH_FROM_PARENT;
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::xkb::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{
    ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, GrabMode, KeyButMask, Keycode, Keysym, ModMask, Window, WindowClass,
};
use x11rb::protocol::{ErrorKind, Event};
use x11rb::rust_connection::RustConnection;

/// Connecting may take as long as the display likes; it happens on a thread that is left behind when it takes longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// A server that cannot mark repeats sends a release and a press for each, about 1 ms apart.
const REPEAT_FOLLOWS: Duration = Duration::from_millis(5);
/// A thread that ends does so at once; a display that hangs must not hold up the end of the program.
const END_WITHIN: Duration = Duration::from_millis(200);

/// The modifiers that a combination may have; the rest of an event's state are locks and mouse buttons.
const OWN: u16 = 0b0100_1101; // Shift, Control, Mod1 (Alt), Mod4 (Super)

/// The server compares all modifiers, the locks too, so each combination is grabbed with and without them.
fn locks() -> [ModMask; 4] {
    [ModMask::default(), ModMask::M2, ModMask::LOCK, ModMask::M2 | ModMask::LOCK]
}

enum Refusal {
    Taken,
    /// This keyboard has no such key, or the server said something else.
    NotGiven,
}

/// The key and its state, shared by the thread that waits for its events and the one that changes it.
struct Grab {
    keysym: Keysym,
    keycode: Keycode,
    mods: ModMask,
    down: bool,
    call: Box<dyn Fn(bool) + Send>,
}

impl Grab {
    /// A key went down. Repeats and other modifiers say nothing.
    fn press(&mut self, keycode: Keycode, state: KeyButMask) {
        let own = u16::from(state) & OWN;
        if keycode == self.keycode && own == u16::from(self.mods) && !std::mem::replace(&mut self.down, true) {
            (self.call)(true);
        }
    }

    /// A key went up, whatever the modifiers are by now.
    fn release(&mut self, keycode: Keycode) {
        if keycode == self.keycode {
            self.let_go();
        }
    }

    /// A key that is given up while it is down goes up first; else the recording would never end.
    fn let_go(&mut self) {
        if std::mem::take(&mut self.down) {
            (self.call)(false);
        }
    }
}

struct Shared {
    conn: RustConnection,
    root: Window,
    /// The server sends no releases while a held key repeats.
    marks_repeats: bool,
    ending: AtomicBool,
    grab: Mutex<Grab>,
}

impl Shared {
    fn grab(&self) -> MutexGuard<'_, Grab> {
        // A panic in a callback leaves nothing half-done here.
        self.grab.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Keys {
    shared: Arc<Shared>,
    /// A window that nobody sees: a message to it wakes the thread.
    bell: Window,
    thread: Option<JoinHandle<()>>,
}

impl Keys {
    pub(super) fn open(key: HotKey, on_key: Box<dyn Fn(bool) + Send>) -> Result<Keys, StageError> {
        let no_display =
            || fault("The display did not answer, so the talk key works in this window only.", "Start Hark again in a desktop session.");
        let (tx, rx) = crossbeam_channel::bounded(1);
        let ask = move || {
            let _ = tx.send(connect().map_err(|error| tracing::debug!(%error, "no display for the talk key"))); // nobody waits any more after the limit
        };
        std::thread::Builder::new().name("hark-display".into()).spawn(ask).map_err(|_| no_display())?;
        let Ok(Ok((conn, root, bell, marks_repeats))) = rx.recv_timeout(PATIENCE) else { return Err(no_display()) };
        let keysym = keysym(key.key).ok_or_else(|| not_given(key))?;
        let mods = modifiers(key);
        let keycode = keycode_of(&conn, keysym).ok_or_else(|| not_given(key))?;
        take(&conn, root, keycode, mods).map_err(|refusal| sentence(&refusal, key))?;
        let grab = Mutex::new(Grab { keysym, keycode, mods, down: false, call: on_key });
        let shared = Arc::new(Shared { conn, root, marks_repeats, ending: AtomicBool::new(false), grab });
        let listener = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("hark-hotkey".into()).spawn(move || listen(&listener)).map_err(|_| no_display())?;
        Ok(Keys { shared, bell, thread: Some(thread) })
    }

    pub(super) fn change(&mut self, key: HotKey) -> Result<(), StageError> {
        let Shared { conn, root, .. } = &*self.shared;
        let keysym = keysym(key.key).ok_or_else(|| not_given(key))?;
        let mods = modifiers(key);
        let keycode = keycode_of(conn, keysym).ok_or_else(|| not_given(key))?;
        let mut grab = self.shared.grab();
        if (keycode, mods) != (grab.keycode, grab.mods) {
            take(conn, *root, keycode, mods).map_err(|refusal| sentence(&refusal, key))?;
            give_back(conn, *root, grab.keycode, grab.mods);
        }
        grab.let_go();
        (grab.keysym, grab.keycode, grab.mods) = (keysym, keycode, mods);
        Ok(())
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let Shared { conn, root, ending, .. } = &*self.shared;
        ending.store(true, Ordering::Relaxed);
        {
            let mut grab = self.shared.grab();
            grab.let_go();
            give_back(conn, *root, grab.keycode, grab.mods);
        }
        let wake = ClientMessageEvent::new(32, self.bell, x11rb::protocol::xproto::AtomEnum::ANY, [0u32; 5]);
        // A connection that is broken has ended the thread already.
        let _ = conn.send_event(false, self.bell, EventMask::NO_EVENT, wake).map(x11rb::cookie::VoidCookie::ignore_error);
        let _ = conn.flush();
        let Some(thread) = self.thread.take() else { return };
        let begun = std::time::Instant::now();
        while !thread.is_finished() && begun.elapsed() < END_WITHIN {
            std::thread::sleep(Duration::from_millis(1));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}

type Connected = (RustConnection, Window, Window, bool);

/// Connects, makes the unseen window, and asks the server to mark repeats.
fn connect() -> Result<Connected, Box<dyn std::error::Error + Send + Sync>> {
    let (conn, screen) = RustConnection::connect(None)?;
    let root = conn.setup().roots.get(screen).ok_or("no screen")?.root;
    let bell = conn.generate_id()?;
    let unseen = CreateWindowAux::new().override_redirect(1);
    conn.create_window(COPY_DEPTH_FROM_PARENT, bell, root, -1, -1, 1, 1, 0, WindowClass::INPUT_ONLY, x11rb::COPY_FROM_PARENT, &unseen)?
        .check()?;
    let marks_repeats = marks_repeats(&conn).unwrap_or_else(|error| {
        tracing::debug!(%error, "this display does not mark repeats");
        false
    });
    Ok((conn, root, bell, marks_repeats))
}

fn marks_repeats(conn: &RustConnection) -> Result<bool, x11rb::errors::ReplyError> {
    conn.xkb_use_extension(1, 0)?.reply()?;
    let wanted = xkb::PerClientFlag::DETECTABLE_AUTO_REPEAT;
    let none = xkb::BoolCtrl::default();
    let reply = conn.xkb_per_client_flags(xkb::ID::USE_CORE_KBD.into(), wanted, wanted, none, none, none)?.reply()?;
    Ok(reply.value.contains(wanted))
}

/// Waits for events until the connection ends or [`Keys`] is dropped.
fn listen(shared: &Shared) {
    let mut waiting = None;
    loop {
        let event = match waiting.take() {
            Some(event) => event,
            None => match shared.conn.wait_for_event() {
                Ok(event) => event,
                Err(error) => {
                    tracing::warn!(%error, "the display is gone, and the talk key with it");
                    break;
                }
            },
        };
        if shared.ending.load(Ordering::Relaxed) {
            break;
        }
        match event {
            Event::KeyPress(press) => shared.grab().press(press.detail, press.state),
            Event::KeyRelease(release) => {
                waiting = next_event(shared);
                // A repeat is a release and a press of the same key at the same time.
                match &waiting {
                    Some(Event::KeyPress(again)) if again.detail == release.detail && again.time.wrapping_sub(release.time) <= 1 => {
                        waiting = None;
                    }
                    _ => shared.grab().release(release.detail),
                }
            }
            Event::MappingNotify(_) => follow_the_keyboard(shared),
            _ => {}
        }
    }
    shared.grab().let_go();
}

/// The event that came with the last one, if any.
fn next_event(shared: &Shared) -> Option<Event> {
    let next = shared.conn.poll_for_event().ok().flatten();
    if next.is_some() || shared.marks_repeats {
        return next;
    }
    std::thread::sleep(REPEAT_FOLLOWS);
    shared.conn.poll_for_event().ok().flatten()
}

/// Another layout may have the key elsewhere.
fn follow_the_keyboard(shared: &Shared) {
    let mut grab = shared.grab();
    let Some(keycode) = keycode_of(&shared.conn, grab.keysym).filter(|keycode| *keycode != grab.keycode) else { return };
    if take(&shared.conn, shared.root, keycode, grab.mods).is_ok() {
        give_back(&shared.conn, shared.root, grab.keycode, grab.mods);
        grab.let_go();
        grab.keycode = keycode;
    }
}

fn sentence(refusal: &Refusal, key: HotKey) -> StageError {
    match refusal {
        Refusal::Taken => taken(key),
        Refusal::NotGiven => not_given(key),
    }
}

fn modifiers(key: HotKey) -> ModMask {
    [
        (Modifiers::SHIFT, ModMask::SHIFT),
        (Modifiers::CONTROL, ModMask::CONTROL),
        (Modifiers::ALT, ModMask::M1),
        (Modifiers::META, ModMask::M4),
    ]
    .into_iter()
    .filter(|(wanted, _)| key.mods.contains(*wanted))
    .fold(ModMask::default(), |all, (_, mask)| all | mask)
}

/// The key that gives this keysym, without Shift if there is one.
fn keycode_of(conn: &RustConnection, keysym: Keysym) -> Option<Keycode> {
    let setup = conn.setup();
    let count = setup.max_keycode.saturating_sub(setup.min_keycode).saturating_add(1);
    let mapping = conn.get_keyboard_mapping(setup.min_keycode, count).ok()?.reply().ok()?;
    let width = usize::from(mapping.keysyms_per_keycode).max(1);
    let keys = || mapping.keysyms.chunks(width).zip(setup.min_keycode..=setup.max_keycode);
    let plain = keys().find(|(names, _)| names.first() == Some(&keysym));
    plain.or_else(|| keys().find(|(names, _)| names.contains(&keysym))).map(|(_, keycode)| keycode)
}

/// All four combinations with the locks, or none.
fn take(conn: &RustConnection, root: Window, keycode: Keycode, mods: ModMask) -> Result<(), Refusal> {
    for lock in locks() {
        let asked = conn.grab_key(false, root, mods | lock, keycode, GrabMode::ASYNC, GrabMode::ASYNC);
        let answer = asked.map_err(ReplyError::from).and_then(x11rb::cookie::VoidCookie::check);
        if let Err(error) = answer {
            give_back(conn, root, keycode, mods);
            let in_use = matches!(&error, ReplyError::X11Error(e) if e.error_kind == ErrorKind::Access);
            tracing::debug!(%error, "the talk key was refused");
            return Err(if in_use { Refusal::Taken } else { Refusal::NotGiven });
        }
    }
    Ok(())
}

fn give_back(conn: &RustConnection, root: Window, keycode: Keycode, mods: ModMask) {
    for lock in locks() {
        // What was not grabbed, or a display that is gone, has nothing to give back.
        let _ = conn.ungrab_key(keycode, root, mods | lock).map(x11rb::cookie::VoidCookie::ignore_error);
    }
    let _ = conn.flush();
}

#[cfg(test)]
#[path = "x11_tests.rs"]
mod tests;
