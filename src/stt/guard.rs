//! No invented words: what a speech model says when nothing was said, or when it lost its way.

use crate::stt::Transcript;
use std::ops::Range;

/// Below this the small starter model has met a sentence that it does not know: 78 % of held-out sentences of its domain
/// are above, 3 % of human speech outside it; its own ten questions are at 0.91 and more.
pub const STARTER_CONFIDENCE: f32 = 0.8;

/// Below this the words of a real model are noise.
pub const NOISE_CONFIDENCE: f32 = 0.25;

/// What to do with what was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A question.
    Accept,
    /// Silence or noise.
    NothingSaid,
    /// Something was said, and the starter model has no words for it.
    NotUnderstood,
}

/// Judges a transcript. `starter`: it is from the small model that comes with the program.
#[must_use]
pub fn judge(transcript: &Transcript, starter: bool) -> Verdict {
    if strip_marks(&transcript.text).is_empty() {
        Verdict::NothingSaid
    } else if starter && transcript.confidence < STARTER_CONFIDENCE {
        Verdict::NotUnderstood
    } else if transcript.confidence < NOISE_CONFIDENCE {
        Verdict::NothingSaid
    } else {
        Verdict::Accept
    }
}

/// Words by which whisper describes sounds in brackets.
const SOUNDS: [&str; 26] = [
    "applause",
    "audio",
    "background",
    "beep",
    "blank",
    "breathing",
    "buzzing",
    "chuckles",
    "clapping",
    "clears",
    "click",
    "coughing",
    "foreign",
    "inaudible",
    "laughing",
    "laughs",
    "laughter",
    "music",
    "noise",
    "playing",
    "sighs",
    "silence",
    "sniffs",
    "speaking",
    "static",
    "typing",
];

/// Takes out what is no speech: `[BLANK_AUDIO]`, `(soft music)`, `*laughs*`, `♪`; trims; a rest without a letter or
/// digit becomes empty. Brackets with other words stay ("f(x)"), unless nothing else is there.
#[must_use]
pub fn strip_marks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut unbracketed = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let close = match c {
            '[' => Some(']'),
            '(' => Some(')'),
            '*' => Some('*'),
            '（' => Some('）'),
            '【' => Some('】'),
            _ => None,
        };
        rest = after;
        if let Some((close, end)) = close.and_then(|close| after.find(close).map(|end| (close, end))) {
            let inside = &after[..end];
            rest = &after[end + close.len_utf8()..];
            // Nobody says a square bracket: whisper only writes them round sounds.
            if !matches!(c, '[' | '【') && !is_sound(inside) {
                kept.push(c);
                kept.push_str(inside);
                kept.push(close);
            }
        } else if !matches!(c, '♪' | '♫' | '♬' | '\u{fffd}') {
            kept.push(c);
            unbracketed.push(c);
        }
    }
    if unbracketed.chars().any(char::is_alphanumeric) { collapse_blanks(&kept) } else { String::new() }
}

fn is_sound(inside: &str) -> bool {
    let mut words = inside.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty());
    words.any(|w| SOUNDS.contains(&w.to_lowercase().as_str())) || inside.contains('音') || inside.contains('笑')
}

fn collapse_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writing without blanks between words: Chinese, Japanese (not Korean).
#[must_use]
pub fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{2E80}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FF60}' | '\u{20000}'..='\u{3FFFF}')
}

/// The longest phrase that is looked for, words (or characters in unspaced writing).
const LONGEST_PHRASE: usize = 20;
/// More units than one window of whisper can have (224 tokens); longer texts are looked at in their first part.
const MOST_UNITS: usize = 1000;

/// Finds a phrase that is said over and over in a row, the sign of a decoder that is caught in a loop. whisper.cpp's own
/// check (entropy) only looks beyond 32 tokens. Gives the bytes of all copies after the first.
///
/// People do repeat themselves ("no, no, no, no"), so one word must come six times, two or three words four times, and
/// longer phrases three times; in unspaced writing one character eight times, two or three five times, longer ones four times.
#[must_use]
pub fn repetition(text: &str) -> Option<Range<usize>> {
    let by_character = text.chars().filter(|c| is_unspaced(*c)).count() * 2 > text.chars().filter(|c| c.is_alphanumeric()).count();
    let units = if by_character { characters(text) } else { words(text) };
    for first in 0..units.len() {
        for length in 1..=LONGEST_PHRASE.min((units.len() - first) / 2) {
            let phrase = &units[first..first + length];
            let copies = units[first..].chunks_exact(length).take_while(|chunk| same(chunk, phrase)).count();
            let needed = match (by_character, length) {
                (false, 1) => 6,
                (false, 2..=3) | (true, 4..) => 4,
                (false, _) => 3,
                (true, 1) => 8,
                (true, _) => 5,
            };
            if copies >= needed {
                return Some(phrase[length - 1].0.end..units[first + copies * length - 1].0.end);
            }
        }
    }
    None
}

type Unit = (Range<usize>, String);

fn same(a: &[Unit], b: &[Unit]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.1 == b.1)
}

fn words(text: &str) -> Vec<Unit> {
    let base = text.as_ptr() as usize;
    let unit = |word: &str| {
        let start = word.as_ptr() as usize - base;
        let plain: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        (start..start + word.len(), if plain.is_empty() { word.to_owned() } else { plain })
    };
    text.split_whitespace().take(MOST_UNITS).map(unit).collect()
}

fn characters(text: &str) -> Vec<Unit> {
    let spoken = text.char_indices().filter(|(_, c)| c.is_alphanumeric());
    spoken.take(MOST_UNITS).map(|(at, c)| (at..at + c.len_utf8(), c.to_lowercase().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, confidence: f32) -> Transcript {
        Transcript { text: text.into(), language: "en".to_owned(), confidence }
    }

    #[test]
    fn the_starter_model_says_when_it_does_not_know_a_sentence() {
        assert_eq!(judge(&heard("What time is it?", 0.99), true), Verdict::Accept);
        assert_eq!(judge(&heard("Spell banana.", 0.91), true), Verdict::Accept);
        assert_eq!(judge(&heard("Necessary, banana, November, Anna.", 0.6), true), Verdict::NotUnderstood);
        assert_eq!(judge(&heard("Necessary, banana, November, Anna.", 0.6), false), Verdict::Accept);
        assert_eq!(judge(&heard("\n", 0.1), true), Verdict::NothingSaid, "silence is no question that was not understood");
    }

    #[test]
    fn silence_and_noise_are_no_question() {
        for text in
            ["", "\n", " . ", "...", "[BLANK_AUDIO]", "(music)", "(soft piano)", "*sighs*", "♪♪", "[Music] ♪ .", "（音楽）", "「。」"]
        {
            assert_eq!(judge(&heard(text, 0.9), false), Verdict::NothingSaid, "{text:?}");
        }
        assert_eq!(judge(&heard("thank you", 0.2), false), Verdict::NothingSaid);
        assert_eq!(judge(&heard("thank you", 0.3), false), Verdict::Accept);
    }

    #[test]
    fn marks_are_taken_out_and_words_stay() {
        assert_eq!(strip_marks(" [Music] What is f(x)? (laughs)"), "What is f(x)?");
        assert_eq!(strip_marks("♪ La la ♪"), "La la");
        assert_eq!(strip_marks("five * six"), "five * six");
        assert_eq!(strip_marks("an ( open bracket"), "an ( open bracket");
        assert_eq!(strip_marks("今天（笑）天气"), "今天天气");
    }

    #[test]
    fn loops_are_found_and_people_may_repeat_themselves() {
        let cut = |text: &str| repetition(text).map(|range| format!("{}{}", &text[..range.start], &text[range.end..]));
        assert_eq!(cut("Well, you you you you you you you"), Some("Well, you".to_owned()));
        assert_eq!(cut("I think so. I think so. I think so. I think so. Bye."), Some("I think so. Bye.".to_owned()));
        assert_eq!(cut("what is the time, what is the time, What is the time?"), Some("what is the time,".to_owned()));
        assert_eq!(cut("今天天气好今天天气好今天天气好今天天气好"), Some("今天天气好".to_owned()));
        for honest in
            ["", "no, no, no, no!", "very very very good", "knock knock, who's there?", "call 0 0 4 4 7 7 7", "哈哈哈哈", "bye bye bye"]
        {
            assert_eq!(cut(honest), None, "{honest:?}");
        }
    }
}
