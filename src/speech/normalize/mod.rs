//! From written to spoken form: what a phonemizer or a character voice would say wrongly becomes words.
//!
//! Each language is a table of rules: a pattern and a function that says what it matched, or declines. At each place the first rule
//! that matches and does not decline wins; nothing is looked at twice, so the time is linear in the text. `regex` finds the patterns.

mod dashes;
mod en;
mod en_abbreviations;
mod numbers;
mod units;
mod zh;

use super::chars::is_han;
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// The language that numbers and signs are read in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Chinese (Mandarin).
    Zh,
    /// Any other: numbers are left to the voice.
    Other,
}

/// The spoken form of a piece of plain text (Markdown is taken off before).
///
/// Web addresses become the name of their host in every language.
#[must_use]
pub fn normalize(text: &str, lang: Lang) -> String {
    static OTHER: LazyLock<Vec<Rule>> = LazyLock::new(|| address_rules(Lang::Other));
    let said = match lang {
        Lang::En => apply(&en::RULES, text),
        Lang::Zh => apply(&zh::RULES, text),
        Lang::Other => apply(&OTHER, text),
    };
    tidy(&said)
}

/// The language of a text, where it shows: Chinese if it has at least as many Chinese characters as Latin words, `latin` if it has
/// Latin words, [`Lang::Other`] for other scripts; `None` for numbers and signs alone.
pub(super) fn detect(text: &str, latin: Lang) -> Option<Lang> {
    let (mut han, mut words, mut other, mut inside) = (0, 0, 0, false);
    for c in text.chars() {
        let is_latin = c.is_alphabetic() && c < '\u{370}';
        if is_latin && !inside {
            words += 1;
        }
        inside = is_latin || inside && matches!(c, '\'' | '’' | '.' | '-' | '_' | '0'..='9');
        if is_han(c) {
            han += 1;
        } else if c.is_alphabetic() && !is_latin {
            other += 1;
        }
    }
    if other > han && other > words {
        Some(Lang::Other)
    } else if han > 0 && han >= words {
        Some(Lang::Zh)
    } else if words > 0 {
        Some(latin)
    } else {
        None
    }
}

/// A match and what stands around it.
struct Found<'r, 't> {
    caps: &'r Captures<'t>,
    before: &'t str,
    after: &'t str,
}

impl<'t> Found<'_, 't> {
    /// A group's text, empty if it took no part.
    fn group(&self, index: usize) -> &'t str {
        self.caps.get(index).map_or("", |m| m.as_str())
    }

    fn has(&self, index: usize) -> bool {
        self.caps.get(index).is_some()
    }

    fn char_before(&self) -> Option<char> {
        self.before.chars().next_back()
    }

    fn char_after(&self) -> Option<char> {
        self.after.chars().next()
    }
}

type Say = fn(&Found) -> Option<String>;

struct Rule {
    pattern: Regex,
    say: Say,
}

/// Rules of constant patterns. A pattern that does not compile is left out, and a test sees it.
fn rules(table: &[(&str, Say)]) -> Vec<Rule> {
    table.iter().filter_map(|(pattern, say)| Some(Rule { pattern: Regex::new(pattern).ok()?, say: *say })).collect()
}

fn apply(rules: &[Rule], text: &str) -> String {
    let find = |rule: &Rule, from: usize| rule.pattern.find_at(text, from).map(|m| m.range());
    let mut next: Vec<Option<Range<usize>>> = rules.iter().map(|rule| find(rule, 0)).collect();
    let mut said = String::with_capacity(text.len() + 16);
    let mut at = 0;
    loop {
        for (range, rule) in next.iter_mut().zip(rules) {
            if range.as_ref().is_some_and(|r| r.start < at) {
                *range = find(rule, at);
            }
        }
        let Some((index, start)) =
            next.iter().enumerate().filter_map(|(i, r)| Some((i, r.as_ref()?.start))).min_by_key(|(_, start)| *start)
        else {
            break;
        };
        let rule = &rules[index];
        let Some(caps) = rule.pattern.captures_at(text, start) else { break };
        let end = caps.get(0).map_or(start, |m| m.end());
        let found = Found { caps: &caps, before: &text[..start], after: &text[end..] };
        match (rule.say)(&found) {
            Some(words) if end > start => {
                said.push_str(&text[at..start]);
                said.push_str(&words);
                at = end;
            }
            // Declined: the other rules may match here, this one only further on.
            _ => {
                let step = text[start..].chars().next().map_or(1, char::len_utf8);
                next[index] = if start + step <= text.len() { find(rule, start + step) } else { None };
            }
        }
    }
    said.push_str(&text[at..]);
    said
}

/// Web and mail addresses: the host's name in words.
const URL: &str = r#"(?i)(?-u:\b)(?:(?:https?|ftp)://|www\.)[^\s<>"，。；！？、（）]+"#;
const HOST: &str = r#"(?i)(?-u:\b)(?:[a-z0-9][a-z0-9-]*\.)+(?:com|org|net|io|dev|ai|edu|gov|uk|de|fr|cn|jp|app|info|tv)(?:/[^\s<>"，。；！？、（）]*|(?-u:\b))"#;
const MAIL: &str = r"(?i)(?-u:\b)([a-z0-9._%+-]+)@((?:[a-z0-9-]+\.)+[a-z]{2,})(?-u:\b)";

fn address_rules(lang: Lang) -> Vec<Rule> {
    match lang {
        Lang::Zh => rules(&[
            (MAIL, |f| Some(mail(f, " 艾特 ", "点"))),
            (URL, |f| Some(address(f.group(0), "点"))),
            (HOST, |f| Some(address(f.group(0), "点"))),
        ]),
        Lang::En => rules(&[
            (MAIL, |f| Some(mail(f, " at ", " dot "))),
            (URL, |f| Some(address(f.group(0), " dot "))),
            (HOST, |f| Some(address(f.group(0), " dot "))),
        ]),
        Lang::Other => rules(&[
            (URL, |f| Some(address(f.group(0), ". "))),
            (HOST, |f| if f.group(0).contains('/') { Some(address(f.group(0), ".")) } else { None }),
        ]),
    }
}

fn mail(found: &Found, at: &str, dot: &str) -> String {
    format!("{}{at}{}", found.group(1).replace(['.', '_', '-', '+'], " "), found.group(2).replace('.', dot))
}

/// `https://www.example.com/path?x.` → `example dot com.`
fn address(url: &str, dot: &str) -> String {
    let bare = url.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'']);
    let tail = &url[bare.len()..];
    let host = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    let host = host.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    format!("{}{tail}", host.replace('.', dot))
}

/// What every language leaves out or has in one form: brackets become commas, leftover signs go, blanks and marks do not pile up.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(i + 1).copied();
        let spaced = before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace);
        let said: Cow<str> = match c {
            '(' | '[' | '{' | '（' | '［' | '【' | '〔' if out.trim_end().is_empty() => "".into(),
            '(' | '[' | '{' if before == Some(' ') => ", ".into(),
            ')' | ']' | '}' if after.is_some_and(|c| c == ' ') => ",".into(),
            '(' | ')' | '[' | ']' | '{' | '}' => " ".into(),
            '（' | '［' | '【' | '〔' => "，".into(),
            '）' | '］' | '】' | '〕' if after.is_some_and(char::is_alphanumeric) => "，".into(),
            '）' | '］' | '】' | '〕' => "".into(),
            '*' | '_' | '`' | '|' | '\\' | '^' | '<' | '>' | '~' | '#' | '•' | '·' | '=' => " ".into(),
            '-' | '–' | '—' if spaced => ",".into(),
            _ => String::from(c).into(),
        };
        out.push_str(&said);
    }
    squeeze(&out)
}

/// One blank between words, none before a mark, one mark where commas met other marks.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() {
            blank = true;
            continue;
        }
        let last = out.chars().next_back();
        let mark = |c: char| matches!(c, ',' | ';' | ':' | '.' | '!' | '?' | '，' | '；' | '：' | '。' | '！' | '？' | '、');
        let comma = |c: char| matches!(c, ',' | '，' | '；' | ';' | '、');
        if last.is_none() && (comma(c) || matches!(c, '.' | ':')) {
            // Nothing was said yet that it could part.
            blank = false;
            continue;
        }
        let beside_mark = last.is_some_and(mark);
        if comma(c) && beside_mark && last != Some('.') {
            continue;
        }
        if mark(c) && c != '.' && last.is_some_and(comma) || c == '.' && blank && last.is_some_and(comma) {
            out.pop();
            out.push(c);
            blank = false;
            continue;
        }
        let near_han = is_han(c) || last.is_some_and(is_han) || matches!(c, '，' | '。');
        let near_latin = c.is_ascii_alphanumeric() || last.is_some_and(|l| l.is_ascii_alphanumeric());
        let glued = last.is_none() || mark(c) && (c != '.' || blank) || near_han && !near_latin;
        if blank && !glued {
            out.push(' ');
        }
        blank = false;
        out.push(c);
    }
    while out.ends_with([' ', '-', '–']) {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(en::RULES.len(), en::TABLE.len() + 3);
        assert_eq!(zh::RULES.len(), zh::TABLE.len() + 3);
    }

    #[test]
    fn the_language_shows_in_the_characters() {
        for (text, lang) in [
            ("Hello there", Some(Lang::En)),
            ("你好", Some(Lang::Zh)),
            ("我用 Python 写代码", Some(Lang::Zh)),
            ("The word 你好 means hello", Some(Lang::En)),
            ("Привет, мир", Some(Lang::Other)),
            ("こんにちは", Some(Lang::Other)),
            ("3.14", None),
        ] {
            assert_eq!(detect(text, Lang::En), lang, "{text}");
        }
        assert_eq!(detect("Guten Tag", Lang::Other), Some(Lang::Other));
    }

    #[test]
    fn addresses_are_said_by_their_host() {
        for (text, said) in [
            ("See https://www.example.com/a/b?c=1#d.", "See example dot com."),
            ("Go to docs.rs or github.com/rust-lang/rust now", "Go to docs.rs or github dot com now"),
            ("Write to jane_doe@mail.example.org, please", "Write to jane doe at mail dot example dot org, please"),
        ] {
            assert_eq!(normalize(text, Lang::En), said);
        }
        assert_eq!(normalize("请看https://www.example.com/路径。", Lang::Zh), "请看example点com。");
        assert_eq!(normalize("Siehe 3,50 € (etwa)", Lang::Other), "Siehe 3,50 €, etwa");
    }

    #[test]
    fn brackets_and_leftover_signs_become_pauses_or_nothing() {
        for (text, said) in [
            ("The sun (a star) is hot (very).", "The sun, a star, is hot, very."),
            ("Wait - what?", "Wait, what?"),
            ("one , two ,, three", "one, two, three"),
            ("(Hello)", "Hello"),
            ("太阳（一颗恒星）很热", "太阳，一颗恒星，很热"),
        ] {
            assert_eq!(normalize(text, Lang::En), said);
        }
    }
}
