//! An answer as it was generated, and the part of it that was heard.

use llama_cpp_2::token::LlamaToken;

/// The tokens of an answer and the bytes that each stands for.
#[derive(Debug, Default)]
pub(super) struct Answer {
    tokens: Vec<LlamaToken>,
    bytes: Vec<u8>,
    /// End of each token in `bytes`.
    ends: Vec<usize>,
    thinks_from_start: bool,
}

const THINKING_ENDS: [&str; 2] = ["</think>", "</thinking>"];

impl Answer {
    pub(super) fn push(&mut self, token: LlamaToken, bytes: &[u8]) {
        self.tokens.push(token);
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// The template wrote `<think>` before the answer.
    pub(super) fn opened_thinking(&mut self) {
        self.thinks_from_start = true;
    }

    #[cfg(test)]
    pub(super) fn tokens(&self) -> &[LlamaToken] {
        &self.tokens
    }

    /// Forgets what comes from the first stop string on.
    pub(super) fn cut_at_stop(&mut self, stops: &[&str]) {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        if let Some(at) = stops.iter().filter_map(|stop| text.find(stop)).min() {
            // A stop may begin inside a token: such a token goes.
            let keep = self.ends.iter().take_while(|end| **end <= at).count();
            self.tokens.truncate(keep);
            self.ends.truncate(keep);
            self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
        }
    }

    /// The tokens of the part that was heard, without thinking: the generated ones where they fit, else `tokenise` makes
    /// new ones from the text.
    pub(super) fn heard(self, heard: &str, tokenise: impl FnOnce(&str) -> Vec<LlamaToken>) -> Vec<LlamaToken> {
        let heard = heard.trim();
        let text = String::from_utf8_lossy(&self.bytes);
        let start = THINKING_ENDS.iter().filter_map(|mark| text.rfind(mark).map(|at| at + mark.len())).max();
        let answer = text.get(start.unwrap_or(0)..).unwrap_or_default();
        if start.is_none() && self.thinks_from_start {
            return tokenise(heard);
        }
        if is_whole(answer, heard) {
            let Some(start) = start else { return self.tokens };
            // Behind the thinking and the blank lines after it, where a token begins there.
            let start = start + (answer.len() - answer.trim_start().len());
            if let Some(last) = self.ends.iter().position(|end| *end == start)
                && text.len() == self.bytes.len()
            {
                return self.tokens.get(last + 1..).unwrap_or_default().to_vec();
            }
            return tokenise(answer.trim());
        }
        // Cut short. The blank before the first word is part of the answer's tokens.
        let blank = &answer[..answer.len() - answer.trim_start().len()];
        if start.is_none() && answer.trim_start().starts_with(heard) && text.len() == self.bytes.len() {
            let end = blank.len() + heard.len();
            if let Some(last) = self.ends.iter().position(|e| *e == end) {
                return self.tokens.get(..=last).unwrap_or_default().to_vec();
            }
        }
        // Behind thinking there is a mark and no blank.
        if start.is_none() { tokenise(&format!("{blank}{heard}")) } else { tokenise(heard) }
    }
}

/// Whether `heard` is all of `answer` that can be heard: what is missing holds no letter and no digit.
fn is_whole(answer: &str, heard: &str) -> bool {
    answer.trim_start().strip_prefix(heard).is_some_and(|rest| !rest.chars().any(char::is_alphanumeric))
}

/// Looks for stop strings in a stream and holds back what may be the beginning of one.
#[derive(Debug)]
pub(super) struct StopScan {
    stops: &'static [&'static str],
    held: String,
}

impl StopScan {
    pub(super) fn new(stops: &'static [&'static str]) -> Self {
        StopScan { stops, held: String::new() }
    }

    /// Takes text, shows what is certain; true when a stop string came (the text before it was shown).
    pub(super) fn push(&mut self, text: &str, show: &mut dyn FnMut(&str)) -> bool {
        self.held.push_str(text);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop)).min() {
            show(&self.held[..at]);
            self.held.clear();
            return true;
        }
        let is_beginning = |rest: &str| self.stops.iter().any(|stop| stop.starts_with(rest));
        let keep = self.held.char_indices().map(|(at, _)| at).find(|at| is_beginning(&self.held[*at..])).unwrap_or(self.held.len());
        let rest = self.held.split_off(keep);
        if !self.held.is_empty() {
            show(&self.held);
        }
        self.held = rest;
        false
    }

    /// The end: what was held back was no stop string.
    pub(super) fn finish(&mut self, show: &mut dyn FnMut(&str)) {
        let rest = std::mem::take(&mut self.held);
        if !rest.is_empty() {
            show(&rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pieces: &[&str]) -> Answer {
        let mut answer = Answer::default();
        for (i, piece) in pieces.iter().enumerate() {
            answer.push(LlamaToken(i32::try_from(i).unwrap()), piece.as_bytes());
        }
        answer
    }

    fn ids(tokens: Vec<LlamaToken>) -> Vec<i32> {
        tokens.into_iter().map(|t| t.0).collect()
    }

    fn again(text: &str) -> Vec<LlamaToken> {
        vec![LlamaToken(1000 + i32::try_from(text.len()).unwrap())]
    }

    #[test]
    fn what_was_heard_whole_keeps_its_tokens() {
        assert_eq!(ids(answer(&["Hello", " you", "!"]).heard("Hello you!", again)), [0, 1, 2]);
        assert_eq!(ids(answer(&[" Hello", " you", "!**\n"]).heard("Hello you", again)), [0, 1, 2]);
    }

    #[test]
    fn what_was_heard_in_part_is_cut() {
        assert_eq!(ids(answer(&["One.", " Two.", " Three."]).heard("One. Two.", again)), [0, 1]);
        assert_eq!(ids(answer(&["One. T", "wo."]).heard("One.", again)), [1004]);
        assert_eq!(ids(answer(&["One."]).heard("something else", again)), [1014]);
    }

    #[test]
    fn thinking_does_not_stay() {
        assert_eq!(ids(answer(&["<think>", "hm", "</think>", "\n\n", "Hi", "."]).heard("Hi.", again)), [4, 5]);
        assert_eq!(ids(answer(&["<think>", "hm", "</think>", "\n\nHi", " all."]).heard("Hi all.", again)), [1007]);
        assert_eq!(ids(answer(&["<think>", "hm", "</think>", "Hi", " all."]).heard("Hi", again)), [1002]);
    }

    #[test]
    fn stop_strings_are_never_shown() {
        const STOPS: &[&str] = &["\nUser:", "\nAssistant:"];
        let mut scan = StopScan::new(STOPS);
        let mut shown = String::new();
        let mut show = |t: &str| shown.push_str(t);
        assert!(!scan.push(" Fine.\n", &mut show));
        assert!(!scan.push("Us", &mut show));
        assert!(!scan.push("ually.\nUse", &mut show));
        assert!(scan.push("r: and", &mut show));
        assert_eq!(shown, " Fine.\nUsually.");
        let mut cut = answer(&["Fine", ".\n", "User", ":"]);
        cut.cut_at_stop(STOPS);
        assert_eq!(ids(cut.tokens), [0]);
    }
}
