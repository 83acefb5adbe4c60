//! The words that Hark itself says to the model: its task, and with a question what the model cannot know.

use super::meant;
use jiff::Zoned;

/// The built-in system prompt. Each sentence more about what Hark cannot do cost small models right answers, and did not keep them
/// from promising a pizza (`docs/minds.md`).
pub const DEFAULT_SYSTEM: &str = "Your name is Hark. You are a friendly voice assistant. \
Your answers are read aloud: reply in one or two short, plain sentences, without lists or markup.";

/// The same for who speaks Chinese. Only the last sentence is Chinese: with the whole in Chinese a model of 0.5 B knew less.
pub const CHINESE_SYSTEM: &str = "Your name is Hark. You are a friendly voice assistant. \
Your answers are read aloud: reply in one or two short, plain sentences, without lists or markup. 请用中文回答。";

/// What a starter model is told with the built-in prompt: small models follow examples better than instructions, so the
/// conversation begins with a few turns that nobody said. They are ordinary turns: when the context is full they go first.
pub const STARTER_EXAMPLES: [(&str, &str); 6] = [
    ("What is your name?", "I am Hark, your voice assistant."),
    ("Turn on the light.", "Sorry, I can't do that."),
    ("Wake me up at 6 AM.", "Sorry, I can't do that."),
    ("What is 30 plus 4?", "30 plus 4 is 34."),
    ("What day is it? (It is 9:15 AM on Monday, March 3, 2025.)", "It is Monday, March 3."),
    ("What is the capital of Spain?", "The capital of Spain is Madrid."),
];

/// The built-in prompt for a conversation in this language (a code such as `zh`).
#[must_use]
pub fn built_in(language: Option<&str>) -> &'static str {
    if language == Some("zh") { CHINESE_SYSTEM } else { DEFAULT_SYSTEM }
}

pub(super) fn is_built_in(system: &str) -> bool {
    [DEFAULT_SYSTEM, CHINESE_SYSTEM].contains(&system)
}

/// The system prompt of a conversation that begins with these words: the built-in one in their language, until there are
/// words the one that the settings make likely, and always the user's own.
pub(super) fn system_for<'a>(system: &'a str, first: &str) -> &'a str {
    match first.trim() {
        "" => system,
        _ if !is_built_in(system) => system,
        first if meant::is_chinese(first) => CHINESE_SYSTEM,
        _ => DEFAULT_SYSTEM,
    }
}

/// A question as the model gets it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The words, and behind them date and time where they are meant.
    ///
    /// Behind: what was computed of the question while it was spoken stays valid. In the user's turn and not in the system
    /// prompt: so does all that came before. It does not stay in the history, where it would be an old time.
    pub(super) text: String,
    /// What the answer begins with; mostly nothing.
    pub(super) opening: &'static str,
}

/// `now`: what the clock says; `None`: the model is told no time.
pub(super) fn asked(question: &str, system: &str, now: Option<&Zoned>) -> Asked {
    let question = question.trim();
    let chinese = meant::is_chinese(question);
    // A small model promises the pizza, whatever its system prompt says. Who wrote a prompt of their own decides themselves.
    if is_built_in(system) && meant::deed(question) {
        return Asked { text: question.to_owned(), opening: if chinese { "抱歉，我做不到" } else { "Sorry, I can't do that" } };
    }
    let text = match now.filter(|_| meant::clock(question)) {
        Some(now) if chinese => format!("{question}（{}）", chinese_time(now)),
        Some(now) => format!("{question} (It is {}.)", now.strftime("%-I:%M %p on %A, %B %-d, %Y")),
        None => question.to_owned(),
    };
    Asked { text, opening: "" }
}

fn chinese_time(now: &Zoned) -> String {
    let day = ["一", "二", "三", "四", "五", "六", "日"].get(usize::try_from(now.weekday().to_monday_zero_offset()).unwrap_or(0));
    format!("现在是{}，星期{}，{}", now.strftime("%Y年%-m月%-d日"), day.unwrap_or(&"一"), now.strftime("%-H点%M分"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_at_two(question: &str) -> Asked {
        let now: Zoned = "2026-11-21T14:05:59[UTC]".parse().unwrap();
        asked(question, DEFAULT_SYSTEM, Some(&now))
    }

    #[test]
    fn the_time_stands_behind_a_question_that_means_it_and_nowhere_else() {
        assert_eq!(asked_at_two(" What time is it? ").text, "What time is it? (It is 2:05 PM on Saturday, November 21, 2026.)");
        assert_eq!(asked_at_two("今天星期几？").text, "今天星期几？（现在是2026年11月21日，星期六，14点05分）");
        assert_eq!(asked_at_two(" How many continents are there?").text, "How many continents are there?");
        assert_eq!(asked("What time is it?", DEFAULT_SYSTEM, None).text, "What time is it?");
    }

    #[test]
    fn a_wish_for_a_deed_is_declined_in_its_language_unless_the_user_wrote_the_prompt() {
        assert_eq!(
            asked_at_two("Wake me up at six tomorrow."),
            Asked { text: "Wake me up at six tomorrow.".into(), opening: "Sorry, I can't do that" }
        );
        assert_eq!(asked_at_two("请打开客厅的灯。").opening, "抱歉，我做不到");
        assert_eq!(asked("Order a pizza.", "You are a waiter.", None).opening, "");
    }

    #[test]
    fn the_built_in_prompt_is_in_the_language_of_the_first_words_and_the_users_own_stays() {
        assert_eq!((built_in(None), built_in(Some("en")), built_in(Some("zh"))), (DEFAULT_SYSTEM, DEFAULT_SYSTEM, CHINESE_SYSTEM));
        for likely in [DEFAULT_SYSTEM, CHINESE_SYSTEM] {
            assert_eq!(system_for(likely, "日本的首都是哪里？"), CHINESE_SYSTEM);
            assert_eq!(system_for(likely, "What is rain?"), DEFAULT_SYSTEM);
            assert_eq!(system_for(likely, " "), likely, "before the first word");
        }
        assert_eq!(system_for("Be brief.", "日本的首都是哪里？"), "Be brief.");
    }
}
