use super::super::TalkKey;
use super::*;
use crossbeam_channel::{Receiver, bounded};
use global_hotkey::hotkey::Code;

fn grab() -> (Grab, Receiver<bool>) {
    let (tx, rx) = bounded(8);
    let call = Box::new(move |down| tx.send(down).unwrap_or_default());
    (Grab { keysym: 0x6b, keycode: 45, mods: ModMask::CONTROL | ModMask::M1, down: false, call }, rx)
}

#[test]
fn only_changes_of_the_own_key_with_its_modifiers_are_passed_on() {
    let (mut grab, heard) = grab();
    let held = KeyButMask::CONTROL | KeyButMask::MOD1;
    grab.press(45, KeyButMask::CONTROL);
    grab.press(44, held);
    // NumLock, CapsLock and a mouse button do not matter.
    grab.press(45, held | KeyButMask::MOD2 | KeyButMask::LOCK | KeyButMask::BUTTON1);
    grab.press(45, held);
    grab.release(44);
    grab.release(45);
    grab.release(45);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [true, false]);
    grab.press(45, held);
    grab.let_go();
    grab.let_go();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [true, false], "given up while it is down");
}

#[test]
fn modifiers_have_their_masks() {
    let key = |mods| HotKey::new(Some(mods), Code::KeyK);
    assert_eq!(u16::from(modifiers(key(Modifiers::CONTROL | Modifiers::ALT))), 0b1100);
    assert_eq!(u16::from(modifiers(key(Modifiers::SHIFT | Modifiers::META))), 0b100_0001);
}

/// Needs an X server of its own (it presses keys): `HARK_TEST_DISPLAY` names it and equals `DISPLAY`
/// (`scripts/headless -- sh -c 'HARK_TEST_DISPLAY=$DISPLAY cargo test …'`).
fn own_display() -> bool {
    let display = std::env::var("HARK_TEST_DISPLAY").unwrap_or_default();
    let ok = !display.is_empty() && std::env::var("DISPLAY").as_ref() == Ok(&display) && xdotool(&["getmouselocation"]);
    if !ok {
        println!("skipped: needs HARK_TEST_DISPLAY and xdotool");
    }
    ok
}

fn xdotool(arguments: &[&str]) -> bool {
    let quiet = std::process::Stdio::null;
    std::process::Command::new("xdotool").args(arguments).stdout(quiet()).status().is_ok_and(|s| s.success())
}

fn talk_key(combination: &str) -> (TalkKey, Receiver<bool>) {
    let (tx, rx) = bounded(64);
    (TalkKey::register(combination, Box::new(move |down| tx.send(down).unwrap_or_default())).unwrap(), rx)
}

/// How often the thread that waits for the key has waited, and how long it ran, nanoseconds.
fn switches() -> Option<u64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let mine =
        tasks.flatten().map(|t| t.path()).find(|t| std::fs::read_to_string(t.join("comm")).is_ok_and(|n| n.trim() == "hark-hotkey"))?;
    let status = std::fs::read_to_string(mine.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
}

/// One test, because keys of two tests at once would mix.
#[test]
fn the_key_is_heard_on_a_real_display_held_as_long_as_it_is_and_given_back() {
    if !own_display() {
        return;
    }
    let (patience, quiet) = (Duration::from_secs(2), Duration::from_millis(300));
    let (mut key, heard) = talk_key("Ctrl+Shift+F8");
    key.change("Ctrl+Alt+K").unwrap();

    // Held for longer than the server's delay of repeats (0.66 s), with NumLock on: one press, one release.
    for lock in ["", "Num_Lock", "Caps_Lock"] {
        assert!(lock.is_empty() || xdotool(&["key", lock]));
        assert!(xdotool(&["keydown", "ctrl+alt+k"]));
        assert_eq!(heard.recv_timeout(patience), Ok(true), "{lock}");
        assert!(heard.recv_timeout(Duration::from_millis(1200)).is_err(), "repeats of a held key are no news");
        assert!(xdotool(&["keyup", "ctrl+alt+k"]));
        assert_eq!(heard.recv_timeout(patience), Ok(false), "{lock}");
        assert!(lock.is_empty() || xdotool(&["key", lock]));
    }
    assert!(heard.recv_timeout(quiet).is_err());

    // Another program (connection) cannot have it meanwhile, and the own one stays when the new one cannot be had.
    let (mut other, other_heard) = talk_key("Ctrl+Alt+J");
    let refused = other.change("Ctrl+Alt+K").unwrap_err();
    assert!(refused.message.contains("Another program already uses Ctrl+Alt+K"), "{refused}");
    assert!(xdotool(&["key", "ctrl+alt+j"]));
    assert_eq!((other_heard.recv_timeout(patience), other_heard.recv_timeout(patience)), (Ok(true), Ok(false)));
    drop(other);

    // Nothing happens: nothing wakes the thread.
    std::thread::sleep(quiet);
    let before = switches().expect("the thread is there");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(switches(), Some(before), "the thread woke up while nothing happened");

    // Given up while it is down: it goes up, at once.
    assert!(xdotool(&["keydown", "ctrl+alt+k"]));
    assert_eq!(heard.recv_timeout(patience), Ok(true));
    let begun = std::time::Instant::now();
    drop(key);
    assert!(begun.elapsed() < END_WITHIN, "the thread did not end");
    assert_eq!(heard.recv_timeout(patience), Ok(false));
    assert!(xdotool(&["keyup", "ctrl+alt+k"]) && xdotool(&["key", "ctrl+alt+k"]));
    assert!(heard.recv_timeout(quiet).is_err(), "the key was given back");
}
