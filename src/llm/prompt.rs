//! The words that Hark itself says to the model: its task, and the time.

use jiff::Zoned;

/// The built-in system prompt. Short, because small models follow short ones better and every token of it is computed at
/// start; it asks for words that can be spoken.
pub const DEFAULT_SYSTEM: &str = "You are Hark, a friendly voice assistant on the user's own computer. \
Your words are spoken aloud: answer in one or two short, plain sentences, without lists, symbols or emoji.";

/// The user's words as the model gets them: with the date and the time of the question in front.
///
/// It stands in the user's turn and not in the system prompt, so that the KV cache of all that came before stays valid.
#[must_use]
pub fn with_time(text: &str, now: &Zoned) -> String {
    format!("[{}]\n{}", now.strftime("%A, %-d %B %Y, %H:%M"), text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_in_front() {
        let now: Zoned = "2026-11-21T14:05:59[UTC]".parse().unwrap();
        assert_eq!(with_time(" What time is it? ", &now), "[Saturday, 21 November 2026, 14:05]\nWhat time is it?");
    }
}
