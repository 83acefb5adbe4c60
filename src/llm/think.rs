//! Stand-in for `crate::speech::ThinkSplitter` until that part is merged: the same calls, `<think>` only.

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// For the voice and the screen.
    Answer(String),
    /// For the screen only.
    Thinking(String),
}

/// Tells thinking from the answer in a stream of text.
#[derive(Debug, Default)]
pub(super) struct ThinkSplitter {
    held: String,
    thinking: bool,
    /// Blank lines around the thinking are nobody's.
    trim: bool,
}

impl ThinkSplitter {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn push(&mut self, text: &str) -> Vec<Part> {
        self.held.push_str(text);
        let mut parts = Vec::new();
        loop {
            let mark = if self.thinking { "</think>" } else { "<think>" };
            if let Some(at) = self.held.find(mark) {
                let rest = self.held.split_off(at + mark.len());
                self.held.truncate(at);
                self.emit(&mut parts);
                self.held = rest;
                self.thinking = !self.thinking;
                self.trim = true;
                continue;
            }
            let keep = self.held.char_indices().map(|(at, _)| at).find(|at| mark.starts_with(&self.held[*at..])).unwrap_or(self.held.len());
            let rest = self.held.split_off(keep);
            self.emit(&mut parts);
            self.held = rest;
            return parts;
        }
    }

    pub(super) fn finish(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        self.emit(&mut parts);
        parts
    }

    fn emit(&mut self, parts: &mut Vec<Part>) {
        let held = std::mem::take(&mut self.held);
        let text = if self.trim { held.trim_start() } else { &held };
        if !text.is_empty() {
            self.trim = false;
            parts.push(if self.thinking { Part::Thinking(text.to_owned()) } else { Part::Answer(text.to_owned()) });
        }
    }
}
