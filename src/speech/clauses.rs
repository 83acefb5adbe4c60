//! Where a stream of plain characters may be cut, so that the voice begins early and never in the middle of a thing.
//!
//! A cut is decided by characters alone, never by how they were chunked: the clauses of a text are always the same.

use super::abbreviations::{Dot, dot_after, good_border, is_joining, starts_a_sentence};
use super::chars::{is_closer, is_opener, is_unspaced, is_wide_end, is_wide_pause};
use super::markdown::Item;
use unicode_segmentation::UnicodeSegmentation;

// Widths are in half characters of Latin text; a Chinese character takes about as long to say as 2.5 Latin ones.
const LATIN: usize = 2;
const UNSPACED: usize = 5;
/// A sentence longer than 200 characters is cut at its last comma, if that leaves at least 60.
const LONG: usize = 200 * LATIN;
const SHORTEST: usize = 60 * LATIN;
/// Without any comma, at a blank.
const TOO_LONG: usize = 280 * LATIN;
/// Without any blank (Chinese without marks), between two characters.
const MUCH_TOO_LONG: usize = 400 * LATIN;
/// A longer Latin word is data (base64, a hash, a key held down) and nothing to listen to.
const LONGEST_WORD: usize = 200;

/// The first clause may end at a comma from this many words on.
const FIRST_WORDS: usize = 2;
/// The rest of the first sentence too, from this many on: the first clause may be over before a whole sentence is written.
const NEXT_WORDS: usize = 6;
/// Without a comma the first clause ends before a word like "and" from here on, …
const JOIN_WORDS: usize = 6;
/// … at any good border from here on, …
const BORDER_WORDS: usize = 8;
/// … and here at the best border there was.
const MOST_WORDS: usize = 12;

/// A clause before normalisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawClause {
    /// Its plain text, blanks collapsed.
    pub(super) text: String,
    /// Byte of the source where it ends.
    pub(super) end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Glyph {
    c: char,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `. ! ?`
    End,
    /// `…` and `...`: ends a sentence only before a capital.
    Ellipsis,
    /// `, ; : —`
    Pause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// For what follows the mark: closing quotes, a blank, or something that shows it is no boundary.
    Next,
    /// A blank came; the first character after it decides.
    Letter(Dot),
    /// The first word after it decides.
    Word,
}

/// A mark that may turn out to be a boundary.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    kind: Kind,
    /// No blank is needed after it.
    wide: bool,
    /// Index of the first mark.
    mark: usize,
    /// Index after the marks and what closes behind them.
    at: usize,
    /// Quotes or brackets closed behind the mark.
    closed: bool,
    wait: Wait,
}

/// The splitter.
#[derive(Clone, Debug)]
pub(super) struct Clauses {
    early: bool,
    /// No clause was cut yet.
    first: bool,
    /// Still in the first sentence.
    first_sentence: bool,
    buffer: Vec<Glyph>,
    width: usize,
    candidate: Option<Candidate>,
    /// The last pause where a long sentence may be cut.
    pause: Option<usize>,
    /// Length of the Latin word at the end, in characters.
    word: usize,
    /// The rest of an endless word is left out.
    dropping: bool,
}

impl Clauses {
    pub(super) fn new(early: bool) -> Self {
        Clauses {
            early,
            first: true,
            first_sentence: true,
            buffer: Vec::new(),
            width: 0,
            candidate: None,
            pause: None,
            word: 0,
            dropping: false,
        }
    }

    /// Takes the next item; appends the clauses that are complete.
    pub(super) fn push(&mut self, item: Item, out: &mut Vec<RawClause>) {
        match item {
            Item::Char { c, start, end } => self.take(Glyph { c, start, end }, out),
            Item::Break(end) => {
                self.candidate = None;
                self.first_sentence &= self.buffer.is_empty();
                self.cut(self.buffer.len(), Some(end), out);
                self.dropping = false;
            }
        }
    }

    fn take(&mut self, glyph: Glyph, out: &mut Vec<RawClause>) {
        let blank = glyph.c == ' ';
        if self.dropping && !blank && !is_unspaced(glyph.c) {
            return;
        }
        self.dropping = false;
        if blank && self.buffer.last().is_none_or(|last| last.c == ' ') {
            return;
        }
        if self.resolve(glyph, out) {
            return;
        }
        if blank && self.buffer.is_empty() {
            return;
        }
        self.append(glyph);
        if blank {
            self.end_of_word(out);
        } else {
            self.look_for_mark();
            if self.word > LONGEST_WORD {
                self.drop_word();
            }
        }
        self.keep_short(blank, out);
    }

    fn append(&mut self, glyph: Glyph) {
        let unspaced = is_unspaced(glyph.c);
        self.word = if glyph.c == ' ' || unspaced { 0 } else { self.word + 1 };
        self.width += if unspaced { UNSPACED } else { LATIN };
        self.buffer.push(glyph);
    }

    /// Looks at an open candidate with the next character; true if the character was used up.
    fn resolve(&mut self, glyph: Glyph, out: &mut Vec<RawClause>) -> bool {
        let Some(mut candidate) = self.candidate else { return false };
        let c = glyph.c;
        match candidate.wait {
            Wait::Next => {
                let quote =
                    matches!(c, '"' | '\'') && (c == '\'' && !candidate.wide || self.buffer.iter().filter(|g| g.c == c).count() % 2 == 1);
                let more = matches!(c, '.' | '!' | '?' | '…') || is_wide_end(c);
                if quote || is_closer(c) || more && candidate.kind != Kind::Pause {
                    self.append(glyph);
                    candidate.at = self.buffer.len();
                    candidate.closed |= !more;
                    if matches!(c, '!' | '?') || is_wide_end(c) {
                        candidate.kind = Kind::End;
                    } else if more && candidate.kind == Kind::End && self.buffer.get(candidate.mark).is_some_and(|m| m.c == '.') {
                        candidate.kind = Kind::Ellipsis;
                    }
                    candidate.wide |= is_wide_end(c);
                    self.candidate = Some(candidate);
                    return true;
                }
                if c == ' ' {
                    self.append(glyph);
                    match self.verdict(&candidate) {
                        Dot::Ends => self.boundary(candidate, out),
                        Dot::Never => self.candidate = None,
                        Dot::AskWord => self.candidate = Some(Candidate { wait: Wait::Word, ..candidate }),
                        ask => self.candidate = Some(Candidate { wait: Wait::Letter(ask), ..candidate }),
                    }
                    self.keep_short(true, out);
                    // A blank completes a word too, for a first clause that goes on behind this mark.
                    if self.candidate.is_none() && self.buffer.last().is_some_and(|g| g.c == ' ') {
                        self.end_of_word(out);
                    }
                    return true;
                }
                let mark = self.buffer.get(candidate.mark).map(|g| g.c);
                let before = candidate.mark.checked_sub(1).and_then(|i| self.buffer.get(i)).map(|g| g.c);
                let chinese = is_unspaced(c)
                    && (candidate.kind != Kind::Pause || before.is_some_and(is_unspaced))
                    && candidate.kind != Kind::Ellipsis;
                self.candidate = None;
                if candidate.wide || chinese || mark == Some('—') {
                    self.boundary(candidate, out);
                }
            }
            Wait::Letter(ask) => {
                self.candidate = None;
                let next = if is_opener(c) || c == '"' { 'A' } else { c };
                let ends = match ask {
                    Dot::AskDigit => !next.is_ascii_digit(),
                    _ => !next.is_lowercase() && !next.is_ascii_digit() && !matches!(next, '-' | '–' | '—' | '&' | '(' | ','),
                };
                if ends {
                    self.boundary(candidate, out);
                }
            }
            Wait::Word => {
                if c.is_alphanumeric() || matches!(c, '\'' | '’') {
                    return false;
                }
                self.candidate = None;
                let word: String = self.buffer.get(candidate.at + 1..).unwrap_or_default().iter().map(|g| g.c).collect();
                if starts_a_sentence(&word) {
                    self.boundary(candidate, out);
                }
            }
        }
        false
    }

    /// What a mark with a blank behind it is.
    fn verdict(&self, candidate: &Candidate) -> Dot {
        let token = self.token_before(candidate.mark);
        match candidate.kind {
            Kind::Pause if token.ends_with(|c: char| c.is_ascii_digit()) => Dot::AskDigit,
            Kind::Pause => Dot::Ends,
            Kind::Ellipsis => Dot::AskCapital,
            Kind::End if candidate.closed && !candidate.wide => Dot::AskCapital,
            Kind::End if self.buffer.get(candidate.mark..candidate.at).unwrap_or_default().iter().any(|g| g.c != '.') => Dot::Ends,
            Kind::End if token.len() == candidate.mark && !token.is_empty() && token.chars().all(|c| c.is_ascii_digit()) => Dot::Never,
            Kind::End => dot_after(&token),
        }
    }

    /// The word that ends before index `end`.
    fn token_before(&self, end: usize) -> String {
        let head = self.buffer.get(..end).unwrap_or_default();
        let from = head.iter().rposition(|g| g.c == ' ' || is_opener(g.c) || g.c == '"' || is_unspaced(g.c)).map_or(0, |i| i + 1);
        head[from..].iter().map(|g| g.c).collect()
    }

    /// A mark that is one: cuts there, or remembers it for a sentence that gets long.
    fn boundary(&mut self, candidate: Candidate, out: &mut Vec<RawClause>) {
        self.candidate = None;
        if candidate.kind == Kind::Pause {
            let listing = self.buffer.get(candidate.mark).is_some_and(|g| g.c == '、');
            let enough = match (self.early && self.first, self.early && self.first_sentence) {
                (true, _) if listing => Some(2 * FIRST_WORDS),
                (true, _) => Some(FIRST_WORDS),
                (false, true) if !listing => Some(NEXT_WORDS),
                _ => None,
            };
            let wanted = enough.is_some_and(|words| self.words(candidate.at) >= words);
            if !wanted && self.width < LONG {
                if self.width >= SHORTEST {
                    self.pause = Some(candidate.at);
                }
                return;
            }
            self.cut(candidate.at, None, out);
            return;
        }
        // The rest of the first sentence is over with its first full stop; what is cut now may be the first clause itself.
        let spoken = self.words(candidate.at) > 0;
        self.first_sentence &= !spoken;
        self.cut(candidate.at, None, out);
    }

    /// Words before index `end`; two Chinese characters count as one.
    fn words(&self, end: usize) -> usize {
        let (mut words, mut unspaced, mut inside) = (0, 0, false);
        for glyph in self.buffer.get(..end).unwrap_or_default() {
            if is_unspaced(glyph.c) {
                unspaced += 1;
                inside = false;
            } else if glyph.c == ' ' {
                inside = false;
            } else if glyph.c.is_alphanumeric() && !inside {
                inside = true;
                words += 1;
            }
        }
        words + unspaced / 2
    }

    /// A character was appended: is it a mark?
    fn look_for_mark(&mut self) {
        let index = self.buffer.len() - 1;
        let before = |n: usize| index.checked_sub(n).and_then(|i| self.buffer.get(i)).map(|g| g.c);
        let c = self.buffer[index].c;
        let (kind, wide) = match c {
            '.' | '!' | '?' | '؟' | '।' | '۔' => (Kind::End, false),
            '…' => (Kind::Ellipsis, false),
            ',' | ';' | ':' | '،' | '؛' => (Kind::Pause, false),
            '—' if before(1).is_some() => (Kind::Pause, false),
            '-' | '–' if before(1) == Some(' ') && !before(2).is_some_and(|c| c.is_ascii_digit()) => (Kind::Pause, false),
            c if is_wide_end(c) => (Kind::End, true),
            c if is_wide_pause(c) => (Kind::Pause, true),
            _ => return,
        };
        if self.candidate.is_some_and(|open| open.wait == Wait::Word) {
            return;
        }
        self.candidate = Some(Candidate { kind, wide, mark: index, at: index + 1, closed: false, wait: Wait::Next });
    }

    /// A blank was appended and no mark stands before it: a first clause without any comma may end at a word.
    fn end_of_word(&mut self, out: &mut Vec<RawClause>) {
        if !self.early || !self.first || self.candidate.is_some() {
            return;
        }
        let text: String = self.buffer.iter().map(|g| g.c).collect();
        let words: Vec<&str> = text.split(' ').filter(|w| !w.is_empty()).collect();
        let Some(last) = words.len().checked_sub(1).filter(|n| *n >= JOIN_WORDS) else { return };
        if text.chars().any(is_unspaced) {
            return;
        }
        let good = |i: usize| good_border(words[i - 1], words[i]);
        let border = if is_joining(words[last]) && good(last) || last >= BORDER_WORDS && good(last) {
            Some(last)
        } else if last >= MOST_WORDS {
            (JOIN_WORDS - 1..last).rev().find(|i| good(*i))
        } else {
            None
        };
        let Some(border) = border else { return };
        // The blank before word `border`.
        let mut blanks = self.buffer.iter().enumerate().filter(|(_, g)| g.c == ' ').map(|(i, _)| i);
        if let Some(at) = blanks.nth(border - 1) {
            self.cut(at, None, out);
        }
    }

    fn drop_word(&mut self) {
        let keep = self.buffer.len() - self.word;
        self.width = self.width.saturating_sub(self.word * LATIN);
        self.buffer.truncate(keep);
        self.word = 0;
        self.candidate = None;
        self.pause = self.pause.filter(|at| *at <= keep);
        self.dropping = true;
    }

    /// Cuts what gets too long for one breath and for one pass of the voice.
    fn keep_short(&mut self, blank: bool, out: &mut Vec<RawClause>) {
        if self.width < LONG {
            return;
        }
        if let Some(at) = self.pause.take() {
            self.cut(at, None, out);
        } else if blank && self.width >= TOO_LONG && self.candidate.is_none() {
            self.cut(self.buffer.len() - 1, None, out);
        } else if self.width >= MUCH_TOO_LONG && self.word == 0 {
            let text: String = self.buffer.iter().map(|g| g.c).collect();
            // The last character may still get a combining mark.
            let last = text.graphemes(true).next_back().map_or(0, |g| g.chars().count());
            self.cut(self.buffer.len() - last, None, out);
        }
    }

    /// Ends the clause before index `at`; what is behind it is looked at again as the beginning of the next.
    fn cut(&mut self, at: usize, end: Option<usize>, out: &mut Vec<RawClause>) {
        let rest = self.buffer.split_off(at.min(self.buffer.len()));
        let clause = std::mem::take(&mut self.buffer);
        self.width = 0;
        self.word = 0;
        self.pause = None;
        self.candidate = None;
        let here = rest.first().filter(|g| g.c == ' ').map(|g| g.start).or(clause.last().map(|g| g.end));
        if let (Some(end), true) = (end.or(here), clause.iter().any(|g| g.c.is_alphanumeric())) {
            let text: String = clause.iter().map(|g| g.c).collect();
            out.push(RawClause { text: text.trim().to_owned(), end });
            self.first = false;
        }
        for glyph in rest {
            self.take(glyph, out);
        }
    }
}
