//! Markdown to plain text, character by character: the part that knows lines and blocks. `inline.rs` knows what stands inside a line.
//!
//! Not a renderer: a voice needs no tree. Marks are dropped where they stand, so that nothing is held back longer than it takes to
//! see what a mark is, and so that nesting costs nothing. Every construct that needs a look ahead has a limit ([`LOOK_AHEAD`]):
//! text of any shape costs linear time.

use super::chars::{is_closer, is_emoji, is_opener, speakable};

/// Bytes that a construct (link target, tag, inline code) may span; a longer one is read as text without its opening mark.
pub(super) const LOOK_AHEAD: usize = 300;

/// Characters of a run of one mark that are counted; more are taken as a further run.
const LONGEST_RUN: usize = 64;

/// From this many characters on, a line may have been wrapped by its writer instead of ended.
const WRAPPED_LINE: usize = 60;

/// What the filter lets through, with its place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A character to speak and the bytes it came from.
    Char {
        /// The character; not always the one in the source (`&amp;`, a table's `|`).
        c: char,
        /// First byte.
        start: usize,
        /// Byte after the last.
        end: usize,
    },
    /// A paragraph, heading, list item or table row ends before this byte.
    Break(usize),
}

/// A fenced code block that is open.
#[derive(Clone, Copy, Debug)]
struct Fence {
    mark: char,
    len: usize,
    /// On the line of the opening mark.
    info: bool,
    line_start: bool,
}

/// The filter. Feed it with `push`, end it with `finish`.
#[derive(Clone, Debug)]
pub(super) struct Markdown {
    /// Not decided yet.
    pending: String,
    /// Place of `pending` in the source.
    pub(super) base: usize,
    line_start: bool,
    /// A line ended; whether the sentence did is seen at the next one.
    newline: bool,
    in_item: bool,
    heading: bool,
    table: bool,
    fence: Option<Fence>,
    /// Skip until this text (a comment, a script).
    pub(super) skip_to: Option<&'static str>,
    /// Inside a web address: no marks but its end.
    pub(super) in_url: bool,
    /// The last character of the source that was looked at.
    pub(super) prev: Option<char>,
    /// The last character that was let through and is no blank.
    pub(super) visible: Option<char>,
    /// A table cell ended here; becomes a comma if another follows.
    pub(super) cell: bool,
    /// Characters let through on this line.
    pub(super) column: usize,
    last_column: usize,
}

impl Default for Markdown {
    fn default() -> Self {
        Markdown {
            pending: String::new(),
            base: 0,
            line_start: true,
            newline: false,
            in_item: false,
            heading: false,
            table: false,
            fence: None,
            skip_to: None,
            in_url: false,
            prev: None,
            visible: None,
            cell: false,
            column: 0,
            last_column: 0,
        }
    }
}

impl Markdown {
    /// Takes the next text; appends what is decided to `out`.
    pub(super) fn push(&mut self, text: &str, out: &mut Vec<Item>) {
        self.pending.push_str(text);
        self.run(false, out);
    }

    /// The end of the text: whatever was open is closed.
    pub(super) fn finish(&mut self, out: &mut Vec<Item>) {
        self.run(true, out);
        out.push(Item::Break(self.base));
    }

    /// Bytes of the source that were taken so far, decided or not.
    pub(super) fn len(&self) -> usize {
        self.base + self.pending.len()
    }

    fn run(&mut self, end: bool, out: &mut Vec<Item>) {
        let mut text = std::mem::take(&mut self.pending);
        let mut at = 0;
        while at < text.len() {
            let rest = &text[at..];
            let step = if self.fence.is_some() {
                self.fenced(rest, end)
            } else if let Some(stop) = self.skip_to {
                self.skipped(rest, stop, end)
            } else if self.line_start {
                self.start_of_line(rest, end, out)
            } else {
                self.inline(rest, end, out)
            };
            let Some(len) = step else { break };
            if len > 0 {
                self.prev = rest[..len].chars().next_back();
            }
            at += len;
            self.base += len;
        }
        text.drain(..at);
        self.pending = text;
    }

    /// Lets a character through, if a voice can say it.
    pub(super) fn emit(&mut self, c: char, offset: usize, len: usize, out: &mut Vec<Item>) {
        let Some(c) = speakable(c, self.prev) else { return };
        let (start, end) = (self.base + offset, self.base + offset + len);
        if c != ' ' {
            if std::mem::take(&mut self.cell) {
                out.push(Item::Char { c: ',', start, end: start });
                out.push(Item::Char { c: ' ', start, end: start });
            }
            self.visible = Some(c);
            self.column += 1;
        }
        out.push(Item::Char { c, start, end });
    }

    /// The line ends at `offset` bytes from here.
    pub(super) fn end_line(&mut self, out: &mut Vec<Item>) {
        out.push(Item::Char { c: ' ', start: self.base, end: self.base + 1 });
        if self.heading || self.table {
            out.push(Item::Break(self.base));
        }
        self.last_column = self.column;
        self.column = 0;
        self.newline = true;
        self.line_start = true;
        self.in_item = false;
        self.heading = false;
        self.table = false;
        self.in_url = false;
        self.cell = false;
    }

    /// Leaves out the rest of a line of `len` bytes that holds only marks.
    fn drop_marks(&mut self, len: usize, out: &mut Vec<Item>) -> Option<usize> {
        out.push(Item::Break(self.base));
        Some(len)
    }

    /// At the first character of a line, or after a bullet or `>`: how many bytes are taken, `None` to wait for more.
    fn start_of_line(&mut self, rest: &str, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        let first = rest.chars().next()?;
        let after = rest[first.len_utf8()..].chars().next();
        let open = after.is_none() && !end;
        match first {
            '\n' => {
                out.push(Item::Break(self.base));
                self.newline = false;
                self.in_item = false;
                return Some(1);
            }
            '\r' | ' ' => return Some(1),
            '>' => return Some(1),
            '\u{1b}' => {}
            c if speakable(c, None).is_none_or(|c| c == ' ') => {
                // A picture in front of a line is its bullet.
                if is_emoji(c) && self.newline {
                    out.push(Item::Break(self.base));
                    self.newline = false;
                }
                return Some(c.len_utf8());
            }
            '#' => {
                let level = run_len(rest, '#', 7);
                match rest[level..].chars().next() {
                    None if level < 7 && !end => return None,
                    Some(' ' | '\t' | '\n') if level < 7 => {
                        out.push(Item::Break(self.base));
                        self.heading = true;
                        self.newline = false;
                        self.line_start = false;
                        return Some(level);
                    }
                    _ => {}
                }
            }
            '`' | '~' => {
                let len = run_len(rest, first, LONGEST_RUN);
                if len == rest.len() && len < LONGEST_RUN && !end {
                    return None;
                }
                if len >= 3 {
                    out.push(Item::Break(self.base));
                    self.newline = false;
                    self.fence = Some(Fence { mark: first, len, info: true, line_start: false });
                    return Some(len);
                }
            }
            '[' if self.in_item => {
                let head = rest.get(..3).unwrap_or(rest);
                if matches!(head, "[ ]" | "[x]" | "[X]") {
                    return Some(3);
                }
                if !end && matches!(head, "[" | "[ " | "[x" | "[X") {
                    return None;
                }
            }
            '0'..='9' => {
                let digits = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
                let mut next = rest[digits..].chars();
                match (next.next(), next.next()) {
                    (None, _) if !end && digits < 4 => return None,
                    (Some('.' | ')'), None) if !end && digits < 4 => return None,
                    (Some(mark @ ('.' | ')' | '、' | '）')), after) if digits < 4 => {
                        let blank = after.is_some_and(|c| c.is_whitespace());
                        if blank || mark.len_utf8() > 1 || after.is_some_and(super::chars::is_han) {
                            out.push(Item::Break(self.base));
                            for (offset, digit) in rest[..digits].char_indices() {
                                self.emit(digit, offset, 1, out);
                            }
                            self.emit(',', digits, mark.len_utf8(), out);
                            let len = digits + mark.len_utf8();
                            self.emit(' ', len, 0, out);
                            self.newline = false;
                            self.line_start = false;
                            return Some(len);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        if matches!(first, '-' | '*' | '_' | '=' | '|' | ':' | '+') {
            // A rule, the line under a heading or under a table's head.
            let limit = floor(rest, LOOK_AHEAD);
            match rest[..limit].find(|c| !matches!(c, '-' | '*' | '_' | '=' | '|' | ':' | '+' | ' ' | '\t' | '\r')) {
                Some(len) if rest[len..].starts_with('\n') => return self.drop_marks(len, out),
                None if end && limit == rest.len() => return self.drop_marks(limit, out),
                None if limit == rest.len() && limit < LOOK_AHEAD => return None,
                _ => {}
            }
        }
        if matches!(first, '-' | '*' | '+' | '–' | '—') && open {
            return None;
        }
        if matches!(first, '•' | '‣' | '◦' | '·')
            || matches!(first, '-' | '*' | '+' | '–' | '—') && matches!(after, Some(' ' | '\t' | '\u{A0}'))
        {
            out.push(Item::Break(self.base));
            self.newline = false;
            self.in_item = true;
            return Some(first.len_utf8());
        }
        if first == '|' {
            out.push(Item::Break(self.base));
            self.newline = false;
            self.table = true;
            self.line_start = false;
            return Some(1);
        }
        if self.newline {
            self.newline = false;
            let opening = rest[..floor(rest, 32)].chars().find(|c| !matches!(c, '*' | '_' | '"' | '\'') && !is_opener(*c));
            if opening.is_none() && !end && rest.len() < 32 {
                self.newline = true;
                return None;
            }
            // Hard-wrapped prose goes on in lower case or after a long line; poems, addresses and steps do not.
            let ended =
                self.visible.is_none_or(|c| matches!(c, '.' | '!' | '?' | ':' | '…') || is_closer(c) || super::chars::is_wide_end(c));
            let goes_on = opening.is_some_and(char::is_lowercase) || self.last_column >= WRAPPED_LINE && !ended;
            if !goes_on {
                out.push(Item::Break(self.base));
            }
        }
        self.line_start = false;
        Some(0)
    }

    fn fenced(&mut self, rest: &str, end: bool) -> Option<usize> {
        let fence = self.fence.as_mut()?;
        let first = rest.chars().next()?;
        if first == '\n' {
            fence.info = false;
            fence.line_start = true;
            return Some(1);
        }
        if first == fence.mark && (fence.line_start || fence.info) {
            let len = run_len(rest, first, LONGEST_RUN);
            let after = rest[len..].chars().next();
            if after.is_none() && !end && len < LONGEST_RUN {
                return None;
            }
            if len >= fence.len && (fence.info || len == LONGEST_RUN || after.is_none_or(char::is_whitespace)) {
                self.fence = None;
                self.line_start = false;
            } else {
                fence.line_start = false;
            }
            return Some(len);
        }
        if first.is_whitespace() {
            return Some(first.len_utf8());
        }
        fence.line_start = false;
        let (info, mark) = (fence.info, fence.mark);
        Some(rest.find(|c| c == '\n' || info && c == mark).unwrap_or(rest.len()))
    }

    fn skipped(&mut self, rest: &str, stop: &'static str, end: bool) -> Option<usize> {
        if let Some(found) = rest.find(stop) {
            self.skip_to = None;
            return Some(found + stop.len());
        }
        // What may be the beginning of `stop` waits.
        let kept = if end { 0 } else { stop.len() - 1 };
        match floor(rest, rest.len().saturating_sub(kept)) {
            0 => None,
            len => Some(len),
        }
    }
}

/// Characters `mark` at the start of `text`, at most `most`. `mark` is ASCII.
pub(super) fn run_len(text: &str, mark: char, most: usize) -> usize {
    text.chars().take(most).take_while(|c| *c == mark).count()
}

/// The character border at or before byte `at`.
pub(super) fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}
