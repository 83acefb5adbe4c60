//! What X11 calls a key: keysyms as in `X11/keysymdef.h` and `X11/XF86keysym.h`.

use global_hotkey::hotkey::Code;
use x11rb::protocol::xproto::Keysym;

/// The keysym of a key; `None` for keys that X11 has no name for.
pub(super) fn keysym(code: Code) -> Option<Keysym> {
    let name = code.to_string();
    let number = |prefix: &str| name.strip_prefix(prefix).and_then(|rest| rest.parse::<Keysym>().ok());
    if let Some(letter) = name.strip_prefix("Key").filter(|letter| letter.len() == 1) {
        return letter.bytes().next().map(|b| Keysym::from(b.to_ascii_lowercase()));
    }
    if let Some(digit) = number("Digit").filter(|digit| *digit <= 9) {
        return Some(0x30 + digit);
    }
    if let Some(f) = number("F").filter(|f| (1..=35).contains(f)) {
        return Some(0xffbe + f - 1);
    }
    if let Some(digit) = number("Numpad").filter(|digit| *digit <= 9) {
        return Some(0xffb0 + digit);
    }
    Some(match code {
        Code::Space => 0x20,
        Code::Quote => 0x27,
        Code::Comma => 0x2c,
        Code::Minus => 0x2d,
        Code::Period => 0x2e,
        Code::Slash => 0x2f,
        Code::Semicolon => 0x3b,
        Code::IntlBackslash => 0x3c,
        Code::Equal => 0x3d,
        Code::BracketLeft => 0x5b,
        Code::Backslash => 0x5c,
        Code::BracketRight => 0x5d,
        Code::Backquote => 0x60,
        Code::Backspace => 0xff08,
        Code::Tab => 0xff09,
        Code::Enter => 0xff0d,
        Code::Pause => 0xff13,
        Code::ScrollLock => 0xff14,
        Code::Escape => 0xff1b,
        Code::NonConvert => 0xff22,
        Code::Convert => 0xff23,
        Code::KanaMode => 0xff27,
        Code::Lang1 => 0xff31,
        Code::Lang2 => 0xff34,
        Code::Home => 0xff50,
        Code::ArrowLeft => 0xff51,
        Code::ArrowUp => 0xff52,
        Code::ArrowRight => 0xff53,
        Code::ArrowDown => 0xff54,
        Code::PageUp => 0xff55,
        Code::PageDown => 0xff56,
        Code::End => 0xff57,
        Code::PrintScreen => 0xff61,
        Code::Insert => 0xff63,
        Code::ContextMenu => 0xff67,
        Code::Help => 0xff6a,
        Code::NumLock => 0xff7f,
        Code::NumpadEnter => 0xff8d,
        Code::NumpadMultiply => 0xffaa,
        Code::NumpadAdd => 0xffab,
        Code::NumpadComma => 0xffac,
        Code::NumpadSubtract => 0xffad,
        Code::NumpadDecimal => 0xffae,
        Code::NumpadDivide => 0xffaf,
        Code::NumpadEqual => 0xffbd,
        Code::CapsLock => 0xffe5,
        Code::Delete => 0xffff,
        Code::AudioVolumeDown => 0x1008_ff11,
        Code::AudioVolumeMute => 0x1008_ff12,
        Code::AudioVolumeUp => 0x1008_ff13,
        Code::MediaPlay | Code::MediaPlayPause => 0x1008_ff14,
        Code::MediaStop => 0x1008_ff15,
        Code::MediaTrackPrevious => 0x1008_ff16,
        Code::MediaTrackNext => 0x1008_ff17,
        Code::MediaPause => 0x1008_ff31,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_numbers_of_keysymdef() {
        for (code, expected) in [
            (Code::KeyA, Some(0x61)),
            (Code::KeyZ, Some(0x7a)),
            (Code::Digit0, Some(0x30)),
            (Code::F1, Some(0xffbe)),
            (Code::F24, Some(0xffd5)),
            (Code::Numpad9, Some(0xffb9)),
            (Code::Space, Some(0x20)),
            (Code::Pause, Some(0xff13)),
            (Code::Fn, None),
        ] {
            assert_eq!(keysym(code), expected, "{code}");
        }
    }
}
