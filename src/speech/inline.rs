//! What stands inside a line of Markdown: emphasis, links, code, tags, addresses, entities, escapes.

use super::markdown::{Item, LOOK_AHEAD, Markdown, floor, run_len};

/// Longest inline code that may be read, in characters.
const CODE_READ: usize = 40;

/// Bytes between the two ends of a template token (`<|im_end|>`).
const TOKEN: usize = 64;

/// Bytes of a formula between `$$` or `\[` and its end. Formulas are not read: LaTeX is no language to listen to.
const FORMULA: usize = 1000;

/// How a word begins that is a web address.
const SCHEMES: [&str; 4] = ["http://", "https://", "www.", "ftp://"];

/// Named characters that models write.
const ENTITIES: [(&str, char); 12] = [
    ("&amp;", '&'),
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&quot;", '"'),
    ("&apos;", '\''),
    ("&#39;", '\''),
    ("&nbsp;", ' '),
    ("&mdash;", '—'),
    ("&ndash;", '–'),
    ("&hellip;", '…'),
    ("&times;", '×'),
    ("&deg;", '°'),
];

/// Tags that end a line.
const BLOCK_TAGS: [&str; 22] = [
    "br",
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "blockquote",
    "details",
    "summary",
    "section",
    "dt",
    "dd",
    "pre",
];

impl Markdown {
    /// Takes one construct or character: its length in bytes, `None` to wait for more.
    pub(super) fn inline(&mut self, rest: &str, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        let first = rest.chars().next()?;
        let len = first.len_utf8();
        if self.in_url {
            if !ends_url(first) {
                self.emit(first, 0, len, out);
                return Some(len);
            }
            self.in_url = false;
            if first == '>' {
                return Some(1);
            }
        }
        match first {
            '\n' => {
                self.end_line(out);
                Some(1)
            }
            '\r' => Some(1),
            '\u{1b}' => ansi(rest, end),
            '`' => self.code(rest, end, out),
            '<' => self.tag(rest, end, out),
            '[' => bracket(rest, end),
            ']' => after_bracket(rest, end),
            '*' | '_' | '~' => self.mark(rest, first, end, out),
            '\\' => self.escape(rest, end, out),
            '&' => self.entity(rest, end, out),
            '|' => {
                self.cell = self.column > 0;
                Some(1)
            }
            '!' if rest.len() == 1 && !end => None,
            '!' if rest[1..].starts_with('[') => Some(1),
            '$' if rest.len() == 1 && !end => None,
            '$' if rest[1..].starts_with('$') => formula(rest, "$$", end).map(|len| len.unwrap_or(2)),
            'h' | 'H' | 'w' | 'W' | 'f' | 'F' if !self.prev.is_some_and(char::is_alphanumeric) => {
                let begins =
                    |scheme: &&str| scheme.len() > rest.len() && scheme.as_bytes()[..rest.len()].eq_ignore_ascii_case(rest.as_bytes());
                if !end && SCHEMES.iter().any(begins) {
                    return None;
                }
                let starts = |s: &&str| rest.as_bytes().get(..s.len()).is_some_and(|head| head.eq_ignore_ascii_case(s.as_bytes()));
                self.in_url = SCHEMES.iter().any(starts);
                self.emit(first, 0, len, out);
                Some(len)
            }
            _ => {
                self.emit(first, 0, len, out);
                Some(len)
            }
        }
    }

    /// A run of `*`, `_` or `~`: emphasis, dropped, unless it is arithmetic, part of a name, or "about".
    fn mark(&mut self, rest: &str, mark: char, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        let len = run_len(rest, mark, LOOK_AHEAD);
        let after = rest[len..].chars().next();
        if after.is_none() && !end && len < LOOK_AHEAD {
            return None;
        }
        if len == 1 {
            let before = self.prev;
            match mark {
                '*' => {
                    let digits = before.is_some_and(|c| c.is_ascii_digit()) && after.is_some_and(|c| c.is_ascii_digit());
                    let spaced = before == Some(' ') && after == Some(' ') && self.visible.is_some_and(|c| c.is_ascii_digit() || c == ')');
                    if digits || spaced {
                        self.emit('×', 0, 1, out);
                    }
                }
                '_' if before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric) => self.emit('_', 0, 1, out),
                '~' if after.is_some_and(|c| c.is_ascii_digit()) => self.emit('~', 0, 1, out),
                _ => {}
            }
        }
        Some(len)
    }

    /// Inline code: read if it is a few plain words, else nothing is said. Without an end the backticks are dropped.
    fn code(&mut self, rest: &str, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        let ticks = run_len(rest, '`', LOOK_AHEAD);
        if ticks == LOOK_AHEAD {
            return Some(ticks);
        }
        if ticks == rest.len() && !end {
            return None;
        }
        let limit = floor(rest, ticks + LOOK_AHEAD);
        let mut at = ticks;
        while let Some(found) = rest[at..limit].find(['`', '\n']) {
            at += found;
            if rest[at..].starts_with('\n') {
                return Some(ticks);
            }
            let run = run_len(&rest[at..], '`', LOOK_AHEAD);
            if at + run == rest.len() && !end {
                return if run < LOOK_AHEAD { None } else { Some(ticks) };
            }
            if run == ticks {
                if let Some((from, code)) = readable_code(&rest[ticks..at]) {
                    for (offset, c) in code.char_indices() {
                        // `--version` is said as "version".
                        if c == '-' && (offset == 0 || code[..offset].ends_with([' ', '-'])) {
                            continue;
                        }
                        self.emit(c, ticks + from + offset, c.len_utf8(), out);
                    }
                }
                return Some(at + run);
            }
            at += run;
            if at >= limit {
                break;
            }
        }
        if rest.len() <= limit && !end && rest.len() < ticks + LOOK_AHEAD { None } else { Some(ticks) }
    }

    /// `<…>`: tags, comments, template tokens. Anything else is a less-than sign.
    fn tag(&mut self, rest: &str, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        let Some(second) = rest[1..].chars().next() else {
            if !end {
                return None;
            }
            self.emit('<', 0, 1, out);
            return Some(1);
        };
        if matches!(second, '|' | '｜') {
            // The first of its end and a blank decides; a blank says that it is no token.
            let close = if second == '|' { "|>" } else { "｜>" };
            let inside = &rest[1 + second.len_utf8()..floor(rest, TOKEN).max(1 + second.len_utf8())];
            let word = &inside[..inside.find(char::is_whitespace).unwrap_or(inside.len())];
            return match word.find(close) {
                Some(found) => Some(1 + second.len_utf8() + found + close.len()),
                None if end => Some(1 + second.len_utf8() + word.len()),
                None if rest.len() < TOKEN && word.len() == inside.len() => None,
                None => Some(1),
            };
        }
        if second == '!' {
            if rest.starts_with("<!--") {
                self.skip_to = Some("-->");
                return Some(4);
            }
            return if "<!--".starts_with(rest) && !end { None } else { Some(1) };
        }
        let head = if second == '/' { 2 } else { 1 };
        let name_len = rest[head..].bytes().take(LOOK_AHEAD).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
        let name = &rest[head..head + name_len];
        let open_ended = head + name_len == rest.len();
        let looks_like_name = name.bytes().next().map_or(open_ended, |b| b.is_ascii_alphabetic());
        if looks_like_name && open_ended && !end && name_len < LOOK_AHEAD {
            return None;
        }
        let limit = floor(rest, LOOK_AHEAD);
        let body = &rest[(head + name_len).min(limit)..limit];
        let attributes = body.starts_with(['>', '/', ' ', '\t']);
        if !looks_like_name || name.is_empty() || !attributes {
            if !matches!(second, '/') && !name.starts_with("http") && !name.starts_with("www") && !name.starts_with("mailto") {
                self.emit('<', 0, 1, out);
            }
            return Some(1);
        }
        let close = body.find(['>', '<', '\n']);
        let inside = body[..close.unwrap_or(body.len())].trim_start();
        // The name of an attribute, and no prose.
        let plausible = inside.chars().take_while(|c| *c != '=').all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '/'));
        if close.is_none() && plausible && !end && rest.len() < LOOK_AHEAD {
            return None;
        }
        let is_tag = plausible && (inside.trim_matches('/').is_empty() || inside.contains('='));
        let Some(close) = close.filter(|at| is_tag && body[*at..].starts_with('>')) else {
            self.emit('<', 0, 1, out);
            return Some(1);
        };
        let name = name.to_ascii_lowercase();
        if BLOCK_TAGS.contains(&name.as_str()) {
            out.push(Item::Break(self.base));
        }
        if head == 1 {
            self.skip_to = match name.as_str() {
                "script" => Some("</script>"),
                "style" => Some("</style>"),
                _ => None,
            };
        }
        Some(head + name_len + close + 1)
    }

    /// A backslash: it hides a mark, or begins a formula or a LaTeX command.
    fn escape(&mut self, rest: &str, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        let Some(second) = rest[1..].chars().next() else {
            return if end { Some(1) } else { None };
        };
        match second {
            '[' => formula(rest, "\\]", end).map(|len| len.unwrap_or(2)),
            ']' | '(' | ')' | '*' | '`' | '{' | '}' | '\\' => Some(2),
            // Not taken as a second backslash's escape, and not as emphasis.
            c if c.is_ascii_punctuation() => {
                self.emit(c, 1, 1, out);
                Some(2)
            }
            _ => Some(1),
        }
    }

    fn entity(&mut self, rest: &str, end: bool, out: &mut Vec<Item>) -> Option<usize> {
        if let Some((name, c)) = ENTITIES.iter().find(|(name, _)| rest.starts_with(name)) {
            self.emit(*c, 0, name.len(), out);
            return Some(name.len());
        }
        if !end && ENTITIES.iter().any(|(name, _)| name.starts_with(rest)) {
            return None;
        }
        self.emit('&', 0, 1, out);
        Some(1)
    }
}

/// What a web address cannot hold, as models write them.
fn ends_url(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '<' | '>' | '"' | '`' | '*' | ']' | ')' | '|' | '”' | '’' | '\\')
        || !c.is_ascii() && !c.is_alphabetic()
        || super::chars::is_unspaced(c)
}

/// The end of a terminal's escape sequence.
fn ansi(rest: &str, end: bool) -> Option<usize> {
    let mut chars = rest[..floor(rest, TOKEN)].char_indices().skip(1);
    let Some((_, kind)) = chars.next() else {
        return if end { Some(1) } else { None };
    };
    let last = |c: char| match kind {
        '[' => ('\u{40}'..='\u{7E}').contains(&c),
        _ => matches!(c, '\u{7}' | '\\' | '\n'),
    };
    if !matches!(kind, '[' | ']' | 'P' | '_' | '^') {
        // A two-character sequence; a line end is not part of one.
        return Some(if kind.is_ascii_graphic() { 2 } else { 1 });
    }
    match chars.find(|(_, c)| last(*c)) {
        Some((at, '\n')) => Some(at),
        Some((at, c)) => Some(at + c.len_utf8()),
        None if end || rest.len() >= TOKEN => Some(2),
        None => None,
    }
}

/// `[`: dropped, and with it what only a reader can use: `[^1]`, `[12]`, `[INST]`.
fn bracket(rest: &str, end: bool) -> Option<usize> {
    let inside = &rest[1..];
    for token in ["[INST]", "[/INST]"] {
        if rest.starts_with(token) {
            return Some(token.len());
        }
        if token.starts_with(rest) && !end {
            return None;
        }
    }
    let note =
        inside.strip_prefix('^').map(|label| label.bytes().take(20).take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count() + 1);
    let digits = inside.bytes().take(3).take_while(u8::is_ascii_digit).count();
    let label = note.unwrap_or(if digits < 3 { digits } else { 0 });
    if label == 0 {
        return Some(1);
    }
    match inside[label..].chars().next() {
        None if !end => None,
        Some(']') => after_bracket(&inside[label..], end).map(|len| 1 + label + len),
        _ => Some(1),
    }
}

/// `]`: dropped, with the target of a link behind it.
fn after_bracket(rest: &str, end: bool) -> Option<usize> {
    let limit = floor(rest, LOOK_AHEAD);
    match rest[1..].chars().next() {
        None if !end => None,
        Some('(') => {
            let mut depth = 0usize;
            for (at, c) in rest[..limit].char_indices().skip(1) {
                match c {
                    '(' if rest[..at].ends_with(']') && at > 1 => return Some(1),
                    '(' => depth += 1,
                    ')' if depth == 1 => return Some(at + 1),
                    ')' => depth -= 1,
                    '\n' => return Some(1),
                    _ => {}
                }
            }
            if limit < rest.len() || rest.len() >= LOOK_AHEAD {
                Some(1)
            } else if !end {
                None
            } else if rest.contains(' ') {
                Some(1)
            } else {
                Some(rest.len())
            }
        }
        Some('[') => match rest[2..floor(rest, 60).max(2)].find([']', '[', '\n']) {
            Some(found) if rest[2 + found..].starts_with(']') => Some(2 + found + 1),
            None if !end && rest.len() < 60 => None,
            _ => Some(1),
        },
        _ => Some(1),
    }
}

/// The length of a formula; `Some(None)` if it does not end in reach.
fn formula(rest: &str, close: &str, end: bool) -> Option<Option<usize>> {
    let limit = floor(rest, FORMULA);
    match rest[2..limit].find(close) {
        // Nothing between them: not a formula but `$$$`, a price range.
        Some(0) => Some(None),
        Some(found) => Some(Some(2 + found + close.len())),
        None if !end && rest.len() < FORMULA => None,
        None => Some(None),
    }
}

/// Code that can be said as it is, and where it begins: a few words without operators.
fn readable_code(code: &str) -> Option<(usize, &str)> {
    let from = code.len() - code.trim_start().len();
    let code = code.trim();
    let code = code.strip_suffix("()").unwrap_or(code);
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '\'' | '+' | '#' | ',' | ':' | '%' | '°' | '/');
    let is_path = code.starts_with(['/', '.', '~']) || code.matches('/').count() > 1;
    let readable =
        code.chars().take(CODE_READ + 1).count() <= CODE_READ && code.chars().all(plain) && code.chars().any(char::is_alphanumeric);
    (readable && !is_path && !code.contains("::")).then_some((from, code))
}

#[cfg(test)]
#[path = "inline_tests.rs"]
mod tests;
