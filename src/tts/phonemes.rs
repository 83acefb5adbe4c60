//! Text to phonemes by espeak-ng, clause by clause, with the marks that voices were trained on.
//!
//! The library gives the phonemes of one clause a call and drops its mark. The mark is found again in the text that the
//! call consumed, and **the library's pointer stands one character into the next clause**: in `Well, that` it is behind the
//! `t`. The rule below was right on 174 of 174 texts that were compared with a program which gets the marks from the library.

use super::{SynthesisError, espeak_lib};
use unicode_normalization::UnicodeNormalization;

/// A clause: its phonemes, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhonemeClause {
    /// IPA after NFD: one code point is one symbol.
    pub phonemes: String,
    /// One of `. ? ! , : ;`.
    pub mark: Option<char>,
    /// The sentence is over.
    pub ends_sentence: bool,
    /// What stands between it and the next one when neither a mark nor the sentence's end does.
    blank: bool,
}

/// Titles that end with a full stop and never end a sentence before a name. espeak-ng 1.51 and 1.52 both end one there.
const TITLES: [&str; 16] = ["dr", "mr", "mrs", "ms", "prof", "gen", "col", "sgt", "lt", "capt", "rev", "hon", "gov", "sen", "messrs", "mx"];

/// The phoneme clauses of a text in one of espeak-ng's languages.
///
/// # Errors
/// [`SynthesisError::Unsupported`] for an unknown language, [`SynthesisError::RuntimeMissing`] without the library's data.
pub fn clauses(text: &str, language: &str) -> Result<Vec<PhonemeClause>, SynthesisError> {
    let mut espeak = espeak_lib::lock()?;
    espeak.set_language(language)?;
    let (text, raw) = espeak.phonemes(text.trim());
    drop(espeak);
    let mut start = 0;
    let mut clauses = Vec::with_capacity(raw.len());
    for clause in raw {
        let consumed = text.get(..clause.end).unwrap_or(&text);
        let own = consumed.get(start..).unwrap_or("");
        start = consumed.len();
        let phonemes: String = without_switches(&clause.ipa).trim().nfd().collect();
        clauses.push(if phonemes.is_empty() {
            PhonemeClause { phonemes, mark: None, ends_sentence: true, blank: false }
        } else {
            let (mark, ends_sentence, blank) = match end_of(consumed, own, clause.more) {
                End::Mark(mark) => (Some(mark), matches!(mark, '.' | '?' | '!'), matches!(mark, ',' | ':' | ';')),
                End::Ellipsis => (None, !clause.more, false),
                End::Title => (None, false, true),
                End::Length => (None, false, true),
                End::Text => (None, true, false),
            };
            PhonemeClause { phonemes, mark, ends_sentence, blank }
        });
    }
    Ok(clauses)
}

/// Whole sentences: clauses with their marks, `, : ;` followed by a blank. Empty ones are left out.
#[must_use]
pub fn sentences(clauses: &[PhonemeClause]) -> Vec<String> {
    let mut sentences = vec![String::new()];
    for clause in clauses {
        if let Some(sentence) = sentences.last_mut() {
            sentence.push_str(&clause.phonemes);
            sentence.extend(clause.mark);
            if clause.blank {
                sentence.push(' ');
            }
        }
        if clause.ends_sentence {
            sentences.push(String::new());
        }
    }
    sentences.iter().map(|sentence| sentence.trim().to_owned()).filter(|sentence| !sentence.is_empty()).collect()
}

/// How a clause ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Mark(char),
    /// `…` or `...`: no mark, no blank, no end of the sentence.
    Ellipsis,
    /// `Dr.` before a name.
    Title,
    /// The library cut a clause that was too long for it.
    Length,
    /// A blank line, or the end of the text.
    Text,
}

/// Reads the end of a clause off the text up to the library's pointer. `own` is the part that this call consumed.
fn end_of(consumed: &str, own: &str, more: bool) -> End {
    if !more {
        return mark_before(consumed).unwrap_or(End::Text);
    }
    // The last character may be the first one of the next clause. It is, when a blank, an opening or closing quote or a
    // mark that needs no blank after it (East Asian) tells it from the inside of a number or a name.
    let next = consumed.chars().next_back().filter(|c| !c.is_whitespace());
    let body = next.and_then(|c| consumed.strip_suffix(c)).unwrap_or(consumed);
    let blanks = body.len() - body.trim_end().len();
    if body.get(body.len() - blanks..).is_some_and(|blank| blank.matches('\n').count() > 1) {
        return End::Text;
    }
    let apart = blanks > 0 || next.is_none_or(is_bracket) || body.chars().next_back().is_some_and(|c| !c.is_ascii());
    match apart.then(|| mark_before(body)).flatten().or_else(|| mark_before(consumed)) {
        Some(End::Mark('.')) if next.is_some_and(char::is_uppercase) && ends_with_title(body) => End::Title,
        Some(end) => end,
        None if own.contains("\n\n") => End::Text,
        None => End::Length,
    }
}

/// The first mark of the run that `text` ends with, closing quotes and blanks left out.
fn mark_before(text: &str) -> Option<End> {
    let text = text.trim_end().trim_end_matches(is_closing).trim_end();
    let run_start = text.trim_end_matches(is_mark).len();
    let run = text.get(run_start..)?;
    if run.starts_with("...") {
        return Some(End::Ellipsis);
    }
    Some(match run.chars().next()? {
        '.' | '。' | '．' | '।' | '։' => End::Mark('.'),
        '?' | '？' | '؟' => End::Mark('?'),
        '!' | '！' => End::Mark('!'),
        ',' | '，' | '、' | '،' => End::Mark(','),
        ':' | '：' => End::Mark(':'),
        '…' => End::Ellipsis,
        _ => End::Mark(';'),
    })
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | '?' | '!' | ',' | ':' | ';' | '—' | '–' | '…')
        || matches!(c, '。' | '．' | '।' | '։' | '？' | '؟' | '！' | '，' | '、' | '،' | '：' | '；' | '؛')
}

fn is_closing(c: char) -> bool {
    matches!(c, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '}' | '」' | '』' | '）')
}

fn is_bracket(c: char) -> bool {
    is_closing(c) || matches!(c, '“' | '‘' | '«' | '„' | '(' | '[' | '{' | '<' | '>' | '`' | '「' | '『' | '（')
}

/// Whether the text ends with a title and its full stop.
fn ends_with_title(text: &str) -> bool {
    let Some(text) = text.trim_end().strip_suffix('.') else { return false };
    let word = text.rsplit(|c: char| !c.is_alphanumeric() && c != '.').next().unwrap_or("");
    word.chars().next().is_some_and(char::is_uppercase) && TITLES.contains(&word.to_lowercase().as_str())
}

/// Without `(en)` and the like, which tell that another language's rules were used.
fn without_switches(ipa: &str) -> String {
    let mut out = String::with_capacity(ipa.len());
    let mut rest = ipa;
    while let Some((before, after)) = rest.split_once('(') {
        out.push_str(before);
        rest = match after.split_once(')') {
            Some((name, after)) if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => after,
            _ => after,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
#[path = "phonemes_tests.rs"]
mod tests;
