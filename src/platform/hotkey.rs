//! The talk key that works while another program has the focus: press and release, through `global-hotkey`.
//!
//! X11, Windows and macOS have a call for this; Wayland has none that this crate knows, so there the answer is a sentence.
//! On X11 the crate looks for key events every 50 ms on a thread of its own; the recording's pre-roll covers that.

use crate::error::{Severity, Stage, StageError};
use global_hotkey::hotkey::{Code, HotKey, Modifiers};
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

/// Reads `Ctrl+Alt+Space`, `Super+F9`, `F13`: modifiers first, one key last, in any case.
///
/// # Errors
/// When it is no such combination, or one that would take a key away from typing.
pub fn parse(combination: &str) -> Result<HotKey, StageError> {
    let wrong = |what: String| fault(what, "Use one or two of Ctrl, Alt, Shift and Super with one other key, such as Ctrl+Alt+Space.");
    let key: HotKey =
        combination.trim().parse().map_err(|_| wrong(format!("\"{}\" is no key combination that can be used.", shorten(combination))))?;
    let function = key.key.to_string().strip_prefix('F').and_then(|n| n.parse::<u8>().ok());
    let alone = function.is_some() || matches!(key.key, Code::Pause | Code::ScrollLock);
    if function.is_some_and(|n| n <= 12) && key.mods.contains(Modifiers::CONTROL | Modifiers::ALT) {
        // X11 keeps them for switching to a console and never passes them on, although it lets them be asked for.
        return Err(wrong(format!("{} belongs to the system.", spell(key))));
    }
    if !alone && !key.mods.intersects(Modifiers::CONTROL | Modifiers::ALT | Modifiers::META) {
        return Err(wrong(format!("\"{}\" alone is needed for typing.", shorten(combination))));
    }
    Ok(key)
}

/// The registered key. Dropping it gives the key back.
pub struct TalkKey {
    manager: GlobalHotKeyManager,
    key: HotKey,
}

impl TalkKey {
    /// Asks the desktop for the key. `on_key` gets true when it goes down and false when it goes up, on a thread of the
    /// desktop's library or (Windows, macOS) on the calling one; it must be short and must not drop the `TalkKey`.
    /// There is one talk key in a process: another one takes its place. Call it on the main thread.
    ///
    /// # Errors
    /// A sentence when the combination is no good, when another program has it, or when this desktop has no such keys.
    pub fn register(combination: &str, on_key: Box<dyn Fn(bool) + Send>) -> Result<TalkKey, StageError> {
        let key = parse(combination)?;
        let env = |name| std::env::var(name).unwrap_or_default();
        desktop_can(&env("WAYLAND_DISPLAY"), &env("XDG_SESSION_TYPE"), &env("DISPLAY"))?;
        GlobalHotKeyEvent::set_event_handler(Some(on_event));
        let manager = open(key)?;
        *sink() = Some(Sink { id: key.id(), down: false, call: on_key });
        Ok(TalkKey { manager, key })
    }

    /// Uses another combination from now on; the old one stays when the new one cannot be had.
    ///
    /// # Errors
    /// As [`TalkKey::register`].
    pub fn change(&mut self, combination: &str) -> Result<(), StageError> {
        let key = parse(combination)?;
        if key == self.key {
            return Ok(());
        }
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

    /// The combination, as a person writes it.
    #[must_use]
    pub fn name(&self) -> String {
        spell(self.key)
    }
}

impl std::fmt::Debug for TalkKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TalkKey({})", self.name())
    }
}

impl Drop for TalkKey {
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

/// A key that is given up while it is down goes up first; else the recording would never end.
fn release(sink: &mut Sink) {
    if std::mem::take(&mut sink.down) {
        (sink.call)(false);
    }
}

/// Spells a combination as a person writes it.
#[must_use]
pub fn spell(key: HotKey) -> String {
    let mut parts = Vec::new();
    for (modifier, name) in [(Modifiers::CONTROL, "Ctrl"), (Modifiers::ALT, "Alt"), (Modifiers::SHIFT, "Shift"), (Modifiers::META, "Super")]
    {
        if key.mods.contains(modifier) {
            parts.push(name.to_owned());
        }
    }
    let code = key.key.to_string();
    parts.push(code.strip_prefix("Key").or_else(|| code.strip_prefix("Digit")).unwrap_or(&code).to_owned());
    parts.join("+")
}

fn fault(message: impl Into<String>, hint: &str) -> StageError {
    StageError::new(Stage::Desktop, Severity::Info, message, hint)
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

fn refused(error: &Error, key: HotKey) -> StageError {
    let name = spell(key);
    match error {
        Error::AlreadyRegistered(_) => {
            fault(format!("Another program already uses {name}."), "Choose another talk key in the settings; the button and Space work.")
        }
        _ => fault(
            format!("The desktop does not give out {name}."),
            "Choose another talk key in the settings; the button and Space work meanwhile.",
        ),
    }
}

/// Whether this desktop has keys that work in other programs, from what its environment says.
fn desktop_can(wayland: &str, session: &str, display: &str) -> Result<(), StageError> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    if !wayland.is_empty() || session == "wayland" {
        return Err(fault(
            "This desktop (Wayland) does not let programs hear keys while another window has the focus.",
            "Hold the talk button, or Space in this window.",
        ));
    }
    if display.is_empty() {
        return Err(fault("There is no display, so there is no talk key for other programs.", "Start Hark in a desktop session."));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn open(key: HotKey) -> Result<GlobalHotKeyManager, StageError> {
    let manager = GlobalHotKeyManager::new().map_err(|e| refused(&e, key))?;
    manager.register(key).map_err(|e| refused(&e, key))?;
    Ok(manager)
}

/// Connecting may take as long as the display likes, so it happens on a thread that is left behind when it takes too long.
#[cfg(target_os = "linux")]
fn open(key: HotKey) -> Result<GlobalHotKeyManager, StageError> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
    let no_display =
        || fault("The display did not answer, so the talk key works in this window only.", "Start Hark again in a desktop session.");
    let (tx, rx) = crossbeam_channel::bounded(1);
    let ask = move || {
        let answer = GlobalHotKeyManager::new().and_then(|manager| {
            manager.register(key)?;
            // Without a connection the crate's thread ends silently and every call "succeeds". A living one refuses the
            // same key the second time.
            let alive = matches!(manager.register(key), Err(Error::AlreadyRegistered(_)));
            Ok(alive.then_some(manager))
        });
        // Nobody waits any more when it took too long.
        let _ = tx.send(answer);
    };
    std::thread::Builder::new().name("hark-hotkey".into()).spawn(ask).map_err(|_| no_display())?;
    match rx.recv_timeout(PATIENCE) {
        Ok(Ok(Some(manager))) => Ok(manager),
        Ok(Ok(None)) | Err(_) => Err(no_display()),
        Ok(Err(error)) => Err(refused(&error, key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_are_read_as_people_write_them() {
        for (text, name) in [
            ("Ctrl+Alt+Space", "Ctrl+Alt+Space"),
            (" ctrl + shift + k ", "Ctrl+Shift+K"),
            ("Super+F9", "Super+F9"),
            ("F13", "F13"),
            ("Alt+1", "Alt+1"),
        ] {
            assert_eq!(spell(parse(text).unwrap()), name);
        }
    }

    #[test]
    fn what_is_no_combination_gets_a_sentence() {
        for text in
            ["", "+", "Ctrl+", "Ctrl+Alt", "Space", "Shift+A", "Ctrl+Nonsense", "A+Ctrl", "Ctrl+Alt+F9", "\u{0}\u{7}", &"x".repeat(100_000)]
        {
            let error = parse(text).unwrap_err();
            assert_eq!(error.stage, Stage::Desktop);
            assert!(error.message.len() < 200 && error.hint.contains("Ctrl+Alt+Space"), "{error}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn desktops_without_such_keys_are_told_apart() {
        assert!(desktop_can("wayland-0", "", ":0").unwrap_err().message.contains("Wayland"));
        assert!(desktop_can("", "wayland", ":0").is_err());
        assert!(desktop_can("", "tty", "").unwrap_err().message.contains("no display"));
        assert!(desktop_can("", "x11", ":0").is_ok());
    }

    /// Runs itself once more with an environment that says one thing or another about the display.
    #[cfg(target_os = "linux")]
    #[test]
    fn without_a_display_there_is_a_sentence_and_no_hang() {
        let name = "platform::hotkey::tests::without_a_display_there_is_a_sentence_and_no_hang";
        if let Ok(expected) = std::env::var("HARK_TEST_HOTKEY_CHILD") {
            let error = TalkKey::register("Ctrl+Alt+Space", Box::new(|_| ())).unwrap_err();
            assert!(error.message.contains(&expected) && !error.hint.is_empty(), "{error}");
            return;
        }
        for (display, wayland, expected) in [(":59", "", "did not answer"), ("", "", "no display"), (":0", "wayland-0", "Wayland")] {
            let status = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", name])
                .env("HARK_TEST_HOTKEY_CHILD", expected)
                .env("DISPLAY", display)
                .env("WAYLAND_DISPLAY", wayland)
                .env("XDG_SESSION_TYPE", "")
                .output()
                .unwrap();
            assert!(status.status.success(), "{expected}: {}", String::from_utf8_lossy(&status.stdout));
        }
    }

    /// Needs an X server of its own (it presses keys): `HARK_TEST_DISPLAY` names it and equals `DISPLAY`.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_key_is_heard_on_a_real_display_and_given_back() {
        let display = std::env::var("HARK_TEST_DISPLAY").unwrap_or_default();
        let xdotool = |what: &str| std::process::Command::new("xdotool").args([what, "ctrl+alt+k"]).status().is_ok_and(|s| s.success());
        if display.is_empty() || std::env::var("DISPLAY").as_ref() != Ok(&display) || !xdotool("keyup") {
            println!("skipped: needs HARK_TEST_DISPLAY and xdotool");
            return;
        }
        let (tx, rx) = crossbeam_channel::bounded(8);
        let report = move |down| {
            let _ = tx.send(down);
        };
        let mut key = TalkKey::register("Ctrl+Shift+F8", Box::new(report)).unwrap();
        key.change("Ctrl+Alt+K").unwrap();
        let patience = std::time::Duration::from_secs(2);
        assert!(xdotool("keydown"));
        assert_eq!(rx.recv_timeout(patience), Ok(true));
        assert!(xdotool("keyup"));
        assert_eq!(rx.recv_timeout(patience), Ok(false));
        drop(key);
        assert!(xdotool("key"));
        assert!(rx.recv_timeout(std::time::Duration::from_millis(300)).is_err(), "the key was given back");
    }

    #[test]
    fn only_changes_of_the_own_key_are_passed_on() {
        let (tx, rx) = crossbeam_channel::bounded(8);
        *sink() = Some(Sink {
            id: 7,
            down: false,
            call: Box::new(move |down| {
                let _ = tx.send(down);
            }),
        });
        let event = |id, state| GlobalHotKeyEvent { id, state };
        for (id, state) in [
            (7, HotKeyState::Pressed),
            (7, HotKeyState::Pressed),
            (8, HotKeyState::Released),
            (7, HotKeyState::Released),
            (7, HotKeyState::Released),
        ] {
            on_event(event(id, state));
        }
        *sink() = None;
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [true, false]);
    }
}
