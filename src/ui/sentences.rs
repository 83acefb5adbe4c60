//! Sentences of the core in the window's language.
//!
//! Errors, notices and hints are written in English where they happen, for logs, the command line and JSON. Here such a
//! sentence is compared with templates (`assets/locales/zh-CN.sentences.toml`) and said again in Chinese: whole, or sentence
//! by sentence when several were put together. What varies in it (a reason, a kind of model) is looked up in the same table.
//! What is not known stays as it is.

use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// Parts within parts: "X was not found." > a list > its rest > an entry > its reason > what the system says.
const DEPTH: usize = 6;
/// Comparisons that one text may cost; a text that takes more is none of ours.
const STEPS: u32 = 60_000;
/// A text that is longer is none of ours, bytes.
const LONGEST: usize = 4_000;
/// Sentences of one text that are told apart; more stay one.
const MOST_SENTENCES: usize = 8;
/// Texts that are remembered. The window shows a handful of them, in every frame.
const REMEMBERED: usize = 256;

/// The file with the templates.
#[derive(Debug, Default, Deserialize)]
struct Source {
    /// Whole sentences.
    sentences: BTreeMap<String, String>,
    /// Parts of sentences.
    parts: BTreeMap<String, String>,
    /// Names of the catalog's models.
    names: BTreeMap<String, String>,
    /// Words that are only translated where a template asks for a known one: alone they may be somebody's name for a file.
    words: BTreeMap<String, String>,
    /// Texts of the system and of libraries.
    system: BTreeMap<String, String>,
}

/// A sentence with places, in both languages.
#[derive(Debug)]
struct Template {
    /// What stands before, between and behind the places: one more than there are places.
    pieces: Vec<String>,
    /// For each place: whether only what is in the table may stand there.
    known: Vec<bool>,
    /// The translation.
    said: Vec<Said>,
    /// See [`Source::words`].
    is_word: bool,
}

#[derive(Debug, PartialEq)]
enum Said {
    Text(String),
    /// Number of the place, from 0.
    Place(usize),
}

/// A translation, and how many bytes of the English text the table knew: of several ways to read a text the one that explains
/// most of it is right.
#[derive(Clone, Debug, Default)]
struct Found {
    text: String,
    known: usize,
}

/// By the byte that they begin with; those that begin with a place under `None`.
type Templates = HashMap<Option<u8>, Vec<Template>>;

/// The templates of one language.
#[derive(Debug, Default)]
pub struct Sentences {
    templates: Templates,
    /// `None`: not known. A text of the window is looked up in each frame: 0.1 to 0.3 µs from here, 0.3 ms
    /// anew for two sentences with a reason, 10 ms at worst (619 templates, release build, a busy core; `a_look_costs_little`).
    cache: Mutex<HashMap<String, Option<String>>>,
}

impl Sentences {
    /// Reads a file of templates. One that cannot be read has none: then English is shown.
    #[must_use]
    pub fn read(toml: &str) -> Self {
        let source: Source = toml::from_str(toml).unwrap_or_default();
        let of = |(english, chinese): (&String, &String), is_word| Template::new(english, chinese, is_word);
        let texts = source.sentences.iter().chain(&source.parts).chain(&source.names).chain(&source.system).map(|pair| of(pair, false));
        let mut templates = Templates::default();
        for template in texts.chain(source.words.iter().map(|pair| of(pair, true))) {
            templates.entry(template.pieces.first().and_then(|piece| piece.bytes().next())).or_default().push(template);
        }
        // The most literal one comes first, so that it wins where two know equally much.
        templates.values_mut().for_each(|some| some.sort_by_key(|template| std::cmp::Reverse(template.literal())));
        Sentences { templates, cache: Mutex::default() }
    }

    /// The text in this language, as far as it is known.
    #[must_use]
    pub fn said<'a>(&self, english: &'a str) -> Cow<'a, str> {
        if english.is_empty() || english.len() > LONGEST {
            return Cow::Borrowed(english);
        }
        // A fault while the lock was held leaves the map as it was: it can still be used.
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(said) = cache.get(english) {
            return said.clone().map_or(Cow::Borrowed(english), Cow::Owned);
        }
        let said = self.translate(english);
        if cache.len() >= REMEMBERED {
            cache.clear();
        }
        cache.insert(english.to_owned(), said.clone());
        said.map_or(Cow::Borrowed(english), Cow::Owned)
    }

    /// Reads the text as one sentence or as several, whichever leaves least unknown.
    fn translate(&self, text: &str) -> Option<String> {
        let mut look = Look { templates: &self.templates, left: STEPS, before: HashMap::new() };
        let parts = sentences(text);
        // `best[n]`: the first n sentences.
        let mut best = vec![Found::default()];
        for end in 1..=parts.len() {
            let mut chosen: Option<Found> = None;
            for (begin, before) in best.iter().enumerate() {
                let (Some(first), Some(last)) = (parts.get(begin), parts.get(end - 1)) else { continue };
                let piece = text.get(first.begin..last.end).unwrap_or_default();
                let found = match look.find(piece, 0, false) {
                    Some(found) => found,
                    // An unknown sentence stays English; several unknown ones are as many.
                    None if begin + 1 == end => Found { text: piece.to_owned(), known: 0 },
                    None => continue,
                };
                let known = before.known + found.known;
                if chosen.as_ref().is_none_or(|chosen| known > chosen.known) {
                    chosen = Some(Found { text: joined(&before.text, first.gap, &found.text), known });
                }
            }
            best.push(chosen.unwrap_or_default());
        }
        best.pop().filter(|found| found.known > 0).map(|found| found.text)
    }
}

/// Chinese sentences follow each other without a blank.
fn joined(before: &str, gap: &str, after: &str) -> String {
    let gap = if gap == " " && before.ends_with(['。', '？', '；', '：']) { "" } else { gap };
    [before, gap, after].concat()
}

/// A sentence inside of a text.
struct Part<'a> {
    begin: usize,
    end: usize,
    /// What separates it from the one before.
    gap: &'a str,
}

/// Cuts behind a full stop with a blank, and at line breaks. A name with ". " in it is cut, too: it is put together again where
/// that makes sense.
fn sentences(text: &str) -> Vec<Part<'_>> {
    let mut parts = vec![Part { begin: 0, end: text.len(), gap: "" }];
    for (at, gap) in text.match_indices([' ', '\n']) {
        let is_cut = gap == "\n" || text.get(..at).is_some_and(|before| before.ends_with('.'));
        if is_cut && parts.len() < MOST_SENTENCES {
            if let Some(last) = parts.last_mut() {
                last.end = at;
            }
            parts.push(Part { begin: at + gap.len(), end: text.len(), gap });
        }
    }
    parts
}

impl Template {
    fn new(english: &str, chinese: &str, is_word: bool) -> Self {
        let (mut pieces, mut known) = (vec![String::new()], Vec::new());
        for item in parsed(english) {
            match item {
                (Some(place), _) => {
                    known.push(place == "=");
                    pieces.push(String::new());
                }
                (None, text) => pieces.last_mut().into_iter().for_each(|last| last.push_str(text)),
            }
        }
        let mut next = 0..;
        let said = parsed(chinese).map(|item| match item {
            (Some(place), _) => {
                let numbered = place.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                Said::Place(numbered.or_else(|| next.next()).unwrap_or_default())
            }
            (None, text) => Said::Text(text.to_owned()),
        });
        Template { pieces, known, said: said.collect(), is_word }
    }

    fn literal(&self) -> usize {
        self.pieces.iter().map(String::len).sum()
    }
}

/// The texts and the places (`{}`, `{=}`, `{2}`) of a template, in order.
fn parsed(template: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    template
        .split_inclusive('}')
        .flat_map(|piece| match piece.strip_suffix('}').and_then(|piece| piece.rsplit_once('{')) {
            Some((text, place)) => [Some((None, text)), Some((Some(place), ""))],
            None => [Some((None, piece)), None],
        })
        .flatten()
}

/// One search in the table.
struct Look<'t> {
    templates: &'t Templates,
    /// Comparisons that it may still cost.
    left: u32,
    /// What was asked before: many templates ask the same of the same part.
    before: HashMap<(&'t str, usize, bool), Option<Found>>,
}

impl<'t> Look<'t> {
    /// The translation that knows most of a text.
    fn find(&mut self, text: &'t str, depth: usize, words: bool) -> Option<Found> {
        if let Some(before) = self.before.get(&(text, depth, words)) {
            return before.clone();
        }
        let found = self.best(text, depth, words);
        self.before.insert((text, depth, words), found.clone());
        found
    }

    fn best(&mut self, text: &'t str, depth: usize, words: bool) -> Option<Found> {
        let templates = self.templates;
        let begin = [text.bytes().next(), None].into_iter().filter_map(|begin| templates.get(&begin)).flatten();
        let mut best: Option<Found> = None;
        for template in begin.filter(|template| words || !template.is_word) {
            self.left = self.left.checked_sub(1)?;
            let (Some(first), Some(last)) = (template.pieces.first(), template.pieces.last()) else { continue };
            let found = match template.known.is_empty() {
                true => (text == first).then(Vec::new),
                false => text.strip_prefix(first.as_str()).filter(|rest| rest.ends_with(last.as_str())).and_then(|rest| {
                    let mut captures = Vec::new();
                    self.fill(template, rest, depth, &mut captures).then_some(captures)
                }),
            };
            let Some(captures) = found else { continue };
            let found = self.said(template, &captures, depth);
            if best.as_ref().is_none_or(|best| found.known > best.known) {
                best = Some(found);
            }
        }
        best
    }

    /// Distributes the rest of a text over the places that are left, the shortest first.
    fn fill(&mut self, template: &Template, rest: &'t str, depth: usize, captures: &mut Vec<&'t str>) -> bool {
        let place = captures.len();
        let (Some(known), Some(next)) = (template.known.get(place), template.pieces.get(place + 1)) else { return false };
        let is_last = place + 1 == template.known.len();
        let ends = if is_last {
            vec![rest.len().checked_sub(next.len()).filter(|_| rest.ends_with(next.as_str()))]
        } else {
            rest.match_indices(next.as_str()).map(|(at, _)| Some(at)).collect()
        };
        for end in ends.into_iter().flatten() {
            let Some(left) = self.left.checked_sub(1) else { return false };
            self.left = left;
            let Some(capture) = rest.get(..end).filter(|capture| !(*known && capture.is_empty())) else { continue };
            if *known && (depth >= DEPTH || self.find(capture, depth + 1, true).is_none()) {
                continue;
            }
            captures.push(capture);
            if is_last || self.fill(template, rest.get(end + next.len()..).unwrap_or_default(), depth, captures) {
                return true;
            }
            captures.pop();
        }
        false
    }

    fn said(&mut self, template: &Template, captures: &[&'t str], depth: usize) -> Found {
        let places: Vec<Found> = captures.iter().zip(&template.known).map(|(text, known)| self.place(text, depth + 1, *known)).collect();
        let text = template.said.iter().map(|said| match said {
            Said::Text(text) => text.as_str(),
            Said::Place(number) => places.get(*number).map_or("", |place| place.text.as_str()),
        });
        Found { text: text.collect(), known: template.literal() + places.iter().map(|place| place.known).sum::<usize>() }
    }

    /// What stands in a place, translated if it is known. A sentence in it may have lost its full stop.
    fn place(&mut self, text: &'t str, depth: usize, words: bool) -> Found {
        let found = if depth > DEPTH { None } else { self.find(text, depth, words) };
        let found = found.unwrap_or_else(|| Found { text: text.to_owned(), known: 0 });
        let is_sentence = text.starts_with(|c: char| c.is_ascii_uppercase()) && text.contains(' ');
        if !is_sentence || depth > DEPTH {
            return found;
        }
        let whole = format!("{text}.");
        let mut look = Look { templates: self.templates, left: self.left, before: HashMap::new() };
        let sentence = look.find(&whole, depth, false);
        self.left = look.left;
        match sentence {
            Some(sentence) if sentence.known > found.known + 1 => {
                Found { text: sentence.text.trim_end_matches('。').to_owned(), ..sentence }
            }
            _ => found,
        }
    }
}

#[cfg(test)]
#[path = "sentences_tests.rs"]
mod tests;
