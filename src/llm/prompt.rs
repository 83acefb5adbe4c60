//! The words that Hark itself says to the model: its task, and the time.

use jiff::Zoned;

/// The built-in system prompt. It asks for words that can be spoken, and says what Hark cannot do.
///
/// The examples are for small models: with them the starter model (135M), greedily, answered 8 of 9 questions of a list
/// well (time, day, capitals, a sum, thanks, who are you; 9 without repeat penalty); four prompts without examples got
/// 1 to 7.
pub const DEFAULT_SYSTEM: &str = "You are Hark, a friendly voice assistant. \
Answer in one or two short, plain sentences, as one says them aloud. \
You can talk, but you cannot control devices or set alarms.\n\n\
Examples:\n\
Who are you? - I am Hark, your voice assistant.\n\
Thanks! - You're welcome!\n\
What is the capital of Spain? - The capital of Spain is Madrid.\n\
What is 3 plus 4? - 3 plus 4 is 7.\n\
Turn on the light. - Sorry, I can't do that yet.\n\
Set an alarm for six. - Sorry, I can't do that yet.";

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
