//! The talk key that works while another program has the focus: press and release.
//!
//! X11 has its own way here (`hotkey/x11.rs`); Windows and macOS go through `global-hotkey`, whose names of keys are used
//! everywhere. Wayland has no such call, so there the answer is a sentence.

#[cfg(target_os = "linux")]
mod keysym;
#[cfg(not(target_os = "linux"))]
mod library;
#[cfg(target_os = "linux")]
mod x11;

use crate::error::{Severity, Stage, StageError};
use global_hotkey::hotkey::{Code, HotKey, Modifiers};
#[cfg(not(target_os = "linux"))]
use library::Keys;
#[cfg(target_os = "linux")]
use x11::Keys;

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
    keys: Keys,
    key: HotKey,
}

impl TalkKey {
    /// Asks the desktop for the key. `on_key` gets true when it goes down and false when it goes up, repeats left out, on a
    /// thread of its own (X11) or of the system's (Windows, macOS: the calling one); it must be short and must not drop the
    /// `TalkKey`. There is one talk key in a process. Call it on the main thread.
    ///
    /// # Errors
    /// A sentence when the combination is no good, when another program has it, or when this desktop has no such keys.
    pub fn register(combination: &str, on_key: Box<dyn Fn(bool) + Send>) -> Result<TalkKey, StageError> {
        let key = parse(combination)?;
        let env = |name| std::env::var(name).unwrap_or_default();
        desktop_can(&env("WAYLAND_DISPLAY"), &env("XDG_SESSION_TYPE"), &env("DISPLAY"))?;
        Ok(TalkKey { keys: Keys::open(key, on_key)?, key })
    }

    /// Uses another combination from now on; the old one stays when the new one cannot be had.
    ///
    /// # Errors
    /// As [`TalkKey::register`].
    pub fn change(&mut self, combination: &str) -> Result<(), StageError> {
        let key = parse(combination)?;
        if key != self.key {
            self.keys.change(key)?;
            self.key = key;
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

fn taken(key: HotKey) -> StageError {
    let message = format!("Another program already uses {}.", spell(key));
    fault(message, "Choose another talk key in the settings; the button and Space work.")
}

fn not_given(key: HotKey) -> StageError {
    let message = format!("The desktop does not give out {}.", spell(key));
    fault(message, "Choose another talk key in the settings; the button and Space work meanwhile.")
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
}
