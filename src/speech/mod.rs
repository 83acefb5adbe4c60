//! What of the model's text is spoken, while it streams in any chunks. Pure: no engine, thread, channel or clock.
//!
//! ```text
//! model's text → ThinkSplitter → answer → SpokenText: markdown + inline → clauses → normalize → Clause
//! ```
//!
//! - `think`: thinking is kept apart ([`ThinkSplitter`]).
//! - `markdown`, `inline`: marks, code, addresses' tails, tags and pictures are dropped.
//! - `clauses`: where the text may be cut, the first time as early as is safe.
//! - `normalize`: numbers, dates, money and abbreviations become words ([`normalize()`]).
//!
//! Every stage decides by characters and never by chunks: the same answer gives the same clauses, however it arrives.

mod abbreviations;
mod chars;
mod clauses;
mod inline;
mod markdown;
pub mod normalize;
pub mod think;

#[cfg(test)]
mod tests;

pub(crate) use chars::is_han;
pub use normalize::{Lang, normalize};
pub use think::{Part, ThinkSplitter};

use clauses::{Clauses, RawClause};
use markdown::{Item, Markdown};
use std::ops::Range;

/// A piece of the answer for the voice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// What the voice says: words, no marks but those of prose.
    pub text: String,
    /// Bytes of the answer fed so far (Markdown, without thinking) that were said when this clause was said.
    ///
    /// The ranges touch: the first begins at 0, each other one where the one before it ends. So what is not spoken (a code block, a
    /// table's rule, a bullet) belongs to the clause *behind* it, and `answer[..range.end]` is what was heard up to here. What is not
    /// spoken at the end of an answer has no clause behind it: once the last clause was heard, take all of it ([`SpokenText::len`]).
    pub range: Range<usize>,
    /// The language its numbers were read in.
    pub lang: Lang,
}

/// Turns an answer that streams in into clauses for the voice.
#[derive(Clone, Debug)]
pub struct SpokenText {
    markdown: Markdown,
    clauses: Clauses,
    latin: Lang,
    last: Lang,
    from: usize,
    /// Kept between calls for its memory only; empty outside of them.
    items: Vec<Item>,
}

impl SpokenText {
    /// With `first_clause_early`, the first clause may be a part of a sentence, so that the voice begins while the model still writes.
    /// Latin letters are taken for English.
    #[must_use]
    pub fn new(first_clause_early: bool) -> Self {
        Self::with_latin(first_clause_early, Lang::En)
    }

    /// Like [`SpokenText::new`], for a voice whose language is known: `latin` is what text without Chinese characters is taken for.
    #[must_use]
    pub fn with_latin(first_clause_early: bool, latin: Lang) -> Self {
        SpokenText {
            markdown: Markdown::default(),
            clauses: Clauses::new(first_clause_early),
            latin,
            last: latin,
            from: 0,
            items: Vec::new(),
        }
    }

    /// Takes the next piece of the answer; returns every clause that is complete, in order.
    pub fn push(&mut self, delta: &str) -> Vec<Clause> {
        let mut items = std::mem::take(&mut self.items);
        self.markdown.push(delta, &mut items);
        self.collect(items)
    }

    /// The end of the answer: the clause that was still open, if there is one.
    pub fn finish(&mut self) -> Vec<Clause> {
        let mut items = std::mem::take(&mut self.items);
        self.markdown.finish(&mut items);
        self.collect(items)
    }

    /// Bytes fed so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.markdown.len()
    }

    /// Whether nothing was fed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn collect(&mut self, mut items: Vec<Item>) -> Vec<Clause> {
        let mut raw = Vec::new();
        for item in items.drain(..) {
            self.clauses.push(item, &mut raw);
        }
        self.items = items;
        raw.into_iter().filter_map(|clause| self.speak(clause)).collect()
    }

    fn speak(&mut self, raw: RawClause) -> Option<Clause> {
        let lang = normalize::detect(&raw.text, self.latin).unwrap_or(self.last);
        let text = normalize(&raw.text, lang);
        if !text.chars().any(char::is_alphanumeric) {
            return None;
        }
        self.last = lang;
        let range = self.from..raw.end;
        self.from = raw.end;
        Some(Clause { text, range, lang })
    }
}
