//! Words that say whether the dot behind them ends a sentence, and where a clause should not be cut.

/// What a `.` with a blank behind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dot {
    /// The end of a sentence.
    Ends,
    /// Part of the abbreviation.
    Never,
    /// The end, unless a number follows ("No. 5").
    AskDigit,
    /// The end, if something follows that begins like a sentence.
    AskCapital,
    /// The end, if a word follows that often begins a sentence and never a name ("the U.S. The").
    AskWord,
}

const TITLES: [&str; 34] = [
    "dr", "mr", "mrs", "ms", "mx", "prof", "st", "rev", "hon", "gen", "col", "lt", "sgt", "capt", "cmdr", "gov", "sen", "rep", "pres",
    "mt", "ft", "vs", "cf", "e.g", "i.e", "eg", "ie", "approx", "ca", "viz", "messrs", "mme", "mlle", "esp",
];

const BEFORE_NUMBERS: [&str; 12] = ["no", "nos", "fig", "figs", "vol", "ch", "sec", "eq", "p", "pp", "art", "tel"];

const MAY_END: [&str; 40] = [
    "etc", "inc", "ltd", "co", "corp", "jr", "sr", "ave", "blvd", "rd", "hwy", "apt", "dept", "est", "al", "bros", "a.m", "p.m", "am",
    "pm", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri", "oz",
    "lb", "lbs",
];

/// What the dot behind `token` (without it) is, in English.
pub(super) fn dot_after(token: &str) -> Dot {
    let word = token.trim_start_matches(|c: char| !c.is_alphanumeric());
    let lower = word.to_lowercase();
    let list = |list: &[&str]| list.contains(&lower.as_str());
    if list(&TITLES) {
        return Dot::Never;
    }
    if list(&BEFORE_NUMBERS) {
        return Dot::AskDigit;
    }
    if list(&MAY_END) {
        return Dot::AskCapital;
    }
    let letters = word.split('.').all(|part| part.chars().count() == 1 && part.chars().all(char::is_alphabetic));
    let initial = word.chars().all(char::is_uppercase) && word != "I";
    if word == "Ph.D" || letters && !word.is_empty() && (word.contains('.') || initial) {
        return Dot::AskWord;
    }
    Dot::Ends
}

const STARTERS: [&str; 72] = [
    "the", "a", "an", "this", "that", "these", "those", "it", "it's", "he", "she", "they", "we", "you", "i", "i'm", "i'll", "my", "your",
    "his", "her", "its", "our", "their", "there", "here", "in", "on", "at", "by", "for", "from", "with", "to", "of", "as", "if", "when",
    "while", "after", "before", "since", "because", "although", "however", "but", "and", "or", "so", "then", "also", "what", "which",
    "who", "why", "how", "where", "is", "are", "was", "do", "does", "did", "can", "could", "would", "let", "let's", "please", "yes", "no",
    "not",
];

/// Whether `word`, seen behind "U.S." or "J.", begins a new sentence.
pub(super) fn starts_a_sentence(word: &str) -> bool {
    let plain = word.trim_matches(|c: char| !c.is_alphanumeric()).replace('’', "'");
    let capital = plain.chars().next().is_some_and(char::is_uppercase);
    capital && STARTERS.contains(&plain.to_lowercase().as_str()) || plain.chars().any(super::chars::is_unspaced)
}

const JOINING: [&str; 24] = [
    "and", "but", "or", "because", "which", "that", "when", "if", "while", "so", "where", "who", "with", "for", "from", "by", "as", "than",
    "until", "since", "although", "though", "into", "after",
];

/// Whether a clause may well begin with this word.
pub(super) fn is_joining(word: &str) -> bool {
    JOINING.contains(&word.to_lowercase().as_str())
}

const BINDING: [&str; 62] = [
    "per", "a", "an", "the", "of", "to", "in", "on", "at", "by", "for", "from", "with", "and", "or", "but", "nor", "as", "than", "that",
    "which", "who", "if", "is", "are", "was", "were", "be", "been", "am", "do", "does", "did", "has", "have", "had", "will", "would",
    "can", "could", "should", "may", "might", "must", "not", "no", "my", "your", "his", "her", "its", "our", "their", "this", "these",
    "those", "i", "you", "we", "they", "very", "so",
];

/// Whether this word belongs to the one behind it.
fn is_binding(word: &str) -> bool {
    let lower = word.to_lowercase();
    BINDING.contains(&lower.as_str()) || lower.contains(['\'', '’']) && lower.len() <= 6
}

/// Words that belong to the one before them.
const CLINGING: [&str; 14] =
    ["of", "per", "percent", "hundred", "thousand", "million", "billion", "trillion", "times", "degrees", "am", "pm", "o'clock", "ago"];

/// Whether a voice can stop between these two words without harm: not in names, numbers and dates, not after "the".
pub(super) fn good_border(left: &str, right: &str) -> bool {
    let capital = |w: &str| w.chars().next().is_some_and(char::is_uppercase);
    let digit = |w: &str| w.chars().any(|c| c.is_numeric() || matches!(c, '$' | '€' | '£' | '%' | '='));
    let word = |w: &str| w.chars().any(char::is_alphanumeric);
    let bound = is_binding(left) || CLINGING.contains(&right.to_lowercase().as_str()) || left.ends_with('.');
    let name = capital(left) && capital(right);
    word(left) && word(right) && !bound && !name && !digit(left) && !digit(right)
}
