//! Keeps a model's thinking apart from its answer while the text streams.
//!
//! Known marks, in any case: `<think>`, `<thinking>`, `<thought>`, `<reasoning>` and their closing forms, `[THINK]…[/THINK]`, and
//! the channels `<|channel|>analysis<|message|>` … `<|channel|>final<|message|>`.

/// A piece of what the model wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text for the user.
    Answer(String),
    /// The model talking to itself: it may be shown, it is never spoken and never remembered.
    Thinking(String),
}

/// Marks that begin a thought.
const OPEN: [&str; 8] = [
    "<think>",
    "<thinking>",
    "<thought>",
    "<reasoning>",
    "[think]",
    "<|begin_of_thought|>",
    "<|channel|>analysis<|message|>",
    "<|channel|>commentary<|message|>",
];

/// Marks that end one. In an answer they are leftovers and dropped.
const CLOSE: [&str; 7] =
    ["</think>", "</thinking>", "</thought>", "</reasoning>", "[/think]", "<|end_of_thought|>", "<|channel|>final<|message|>"];

/// Splits a stream of text into answer and thinking. A block that is never closed is thinking to the end.
#[derive(Clone, Debug, Default)]
pub struct ThinkSplitter {
    /// Not decided yet: at most one beginning of a mark.
    pending: String,
    thinking: bool,
    /// A thought just ended, so the blanks before the answer are not part of it.
    trim: bool,
    /// The character before `pending`; a mark after a backtick is talked about, not used.
    before: Option<char>,
}

/// What stands at a `<` or `[`.
enum Mark {
    Open(usize),
    Close(usize),
    /// The text ends inside something that may become a mark.
    Partial,
    None,
}

impl ThinkSplitter {
    /// For a model whose chat template ends inside a thought (`…<think>\n`): everything is thinking until a closing mark.
    #[must_use]
    pub fn opened() -> Self {
        ThinkSplitter { thinking: true, ..Self::default() }
    }

    /// Takes the next text, in any chunks; returns what is decided, in order, without the marks.
    pub fn push(&mut self, text: &str) -> Vec<Part> {
        self.pending.push_str(text);
        self.run(false)
    }

    /// The end of the text. A mark that was cut in the middle is dropped; a lone `<` is text.
    pub fn finish(&mut self) -> Vec<Part> {
        self.run(true)
    }

    fn run(&mut self, end: bool) -> Vec<Part> {
        let pending = std::mem::take(&mut self.pending);
        let mut parts = Vec::new();
        let (mut from, mut at) = (0, 0);
        while let Some(found) = pending[at..].find(['<', '[']) {
            at += found;
            let rest = &pending[at..];
            let quoted = pending[..at].chars().next_back().or(self.before) == Some('`');
            match mark_at(rest) {
                Mark::Open(len) if !self.thinking && !quoted => {
                    self.emit(&pending[from..at], &mut parts);
                    self.thinking = true;
                    self.before = Some('>');
                    at += len;
                    from = at;
                }
                Mark::Close(len) if self.thinking || !quoted => {
                    self.emit(&pending[from..at], &mut parts);
                    self.trim |= self.thinking;
                    self.thinking = false;
                    self.before = Some('>');
                    at += len;
                    from = at;
                }
                Mark::Partial if !end => {
                    self.emit(&pending[from..at], &mut parts);
                    self.pending = rest.to_owned();
                    return parts;
                }
                Mark::Partial if rest.len() > 2 => {
                    self.emit(&pending[from..at], &mut parts);
                    return parts;
                }
                _ => at += 1,
            }
        }
        self.emit(&pending[from..], &mut parts);
        parts
    }

    fn emit(&mut self, text: &str, parts: &mut Vec<Part>) {
        self.before = text.chars().next_back().or(self.before);
        let text = if self.trim && !self.thinking { text.trim_start() } else { text };
        if text.is_empty() {
            return;
        }
        if self.thinking {
            match parts.last_mut() {
                Some(Part::Thinking(last)) => last.push_str(text),
                _ => parts.push(Part::Thinking(text.to_owned())),
            }
        } else {
            self.trim = false;
            match parts.last_mut() {
                Some(Part::Answer(last)) => last.push_str(text),
                _ => parts.push(Part::Answer(text.to_owned())),
            }
        }
    }
}

fn mark_at(rest: &str) -> Mark {
    let starts = |mark: &str| rest.as_bytes().get(..mark.len()).is_some_and(|head| head.eq_ignore_ascii_case(mark.as_bytes()));
    if let Some(mark) = OPEN.iter().find(|m| starts(m)) {
        return Mark::Open(mark.len());
    }
    if let Some(mark) = CLOSE.iter().find(|m| starts(m)) {
        return Mark::Close(mark.len());
    }
    let begins = |mark: &&&str| mark.as_bytes().get(..rest.len()).is_some_and(|head| head.eq_ignore_ascii_case(rest.as_bytes()));
    if OPEN.iter().chain(&CLOSE).any(|m| begins(&m)) { Mark::Partial } else { Mark::None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// (answer, thinking) of a text that comes in these chunks.
    fn split<'a>(mut splitter: ThinkSplitter, chunks: impl IntoIterator<Item = &'a str>) -> (String, String) {
        let (mut answer, mut thinking) = (String::new(), String::new());
        let mut parts: Vec<Part> = chunks.into_iter().flat_map(|chunk| splitter.push(chunk)).collect();
        parts.extend(splitter.finish());
        for part in parts {
            match part {
                Part::Answer(text) => answer.push_str(&text),
                Part::Thinking(text) => thinking.push_str(&text),
            }
        }
        (answer, thinking)
    }

    #[test]
    fn thinking_is_kept_apart() {
        for (text, answer, thinking) in [
            ("Hello.", "Hello.", ""),
            ("<think>\nhm\n</think>\n\nHello.", "Hello.", "\nhm\n"),
            ("<THINKING>hm</Thinking>Hi", "Hi", "hm"),
            ("Hi <think>never closed", "Hi ", "never closed"),
            ("3 < 4 and <b>5</b> [1] < ", "3 < 4 and <b>5</b> [1] < ", ""),
            ("over </think>and out", "over and out", ""),
            ("one <think>a</think> two <think>b</think> three", "one two three", "ab"),
            ("cut <thin", "cut ", ""),
            ("The tag `<think>` begins a thought.", "The tag `<think>` begins a thought.", ""),
            (
                "<|channel|>analysis<|message|>Let me see<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
                "Yes.",
                "Let me see<|end|><|start|>assistant",
            ),
            ("<think>`</think><think>quoted only inside", "", "`quoted only inside"),
            ("<think>a < b</think>x<y", "x<y", "a < b"),
        ] {
            assert_eq!(split(ThinkSplitter::default(), [text]), (answer.to_owned(), thinking.to_owned()), "{text}");
            let bytewise = text.split_inclusive(|_| true);
            assert_eq!(split(ThinkSplitter::default(), bytewise), (answer.to_owned(), thinking.to_owned()), "by character: {text}");
        }
    }

    #[test]
    fn a_template_that_ends_inside_a_thought_starts_in_it() {
        assert_eq!(split(ThinkSplitter::opened(), ["hm, ", "yes</th", "ink>\n\nYes."]), ("Yes.".to_owned(), "hm, yes".to_owned()));
    }

    #[test]
    fn a_less_than_sign_is_not_held_back() {
        let mut splitter = ThinkSplitter::default();
        assert_eq!(splitter.push("1 <"), [Part::Answer("1 ".to_owned())]);
        assert_eq!(splitter.push(" 2"), [Part::Answer("< 2".to_owned())]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_chunks_do_not_matter(pieces in prop::collection::vec("<think>|</think>|<|th|[a-c ]{0,3}|`|你|\\[|k>|<\\|channel\\|>", 0..12), cut in 1usize..5) {
            let text = pieces.concat();
            let chars: Vec<char> = text.chars().collect();
            let chunks: Vec<String> = chars.chunks(cut).map(|c| c.iter().collect()).collect();
            let whole = split(ThinkSplitter::default(), [text.as_str()]);
            prop_assert_eq!(split(ThinkSplitter::default(), chunks.iter().map(String::as_str)), whole);
        }
    }
}
