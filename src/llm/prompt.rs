//! The words that Hark itself says to the model: its task, and the time.

use jiff::Zoned;

/// The built-in system prompt. It asks for words that can be spoken, and says what Hark cannot do.
pub const DEFAULT_SYSTEM: &str = "You are Hark, a friendly voice assistant on the user's own computer, without internet. \
Your answers are read aloud: reply in one or two short, plain sentences, in the language of the question, without lists or markup. \
You can talk, but you cannot control devices or set alarms.";

/// What a starter model is told with the built-in prompt: small models follow examples better than instructions, so the
/// conversation begins with a few turns that nobody said. They are ordinary turns: when the context is full they go first.
pub const STARTER_EXAMPLES: [(&str, &str); 6] = [
    ("What is your name?", "I am Hark, your voice assistant."),
    ("Turn on the light.", "Sorry, I can't do that yet."),
    ("Wake me up at 6 AM.", "Sorry, I can't do that yet."),
    ("What is 30 plus 4?", "30 plus 4 is 34."),
    ("It is 9:15 AM on Monday, March 3, 2025. What day is it?", "It is Monday, March 3."),
    ("It is 9:15 AM on Monday, March 3, 2025. What is the capital of Spain?", "The capital of Spain is Madrid."),
];

/// The user's words as the model gets them: with the date and the time of the question in front.
///
/// As a sentence in the same line: in brackets on a line of its own, the starter model got the day wrong. It stands in the
/// user's turn and not in the system prompt, so that the KV cache of all that came before stays valid.
#[must_use]
pub fn with_time(text: &str, now: &Zoned) -> String {
    format!("It is {}. {}", now.strftime("%-I:%M %p on %A, %B %-d, %Y"), text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_in_front() {
        let now: Zoned = "2026-11-21T14:05:59[UTC]".parse().unwrap();
        assert_eq!(with_time(" What time is it? ", &now), "It is 2:05 PM on Saturday, November 21, 2026. What time is it?");
    }
}
