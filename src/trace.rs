//! What ran when in a turn: the spans that the workers report and the picture's data that is made of them.

use crate::turn::Moment;

/// Who worked: one line of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// The user: the key is down.
    Key,
    /// The capture thread.
    Capture,
    /// The stt thread.
    Stt,
    /// The llm thread.
    Llm,
    /// The tts thread.
    Tts,
    /// The speaker.
    Playback,
}

impl Lane {
    /// All, from top to bottom.
    pub const ALL: [Lane; 6] = [Lane::Key, Lane::Capture, Lane::Stt, Lane::Llm, Lane::Tts, Lane::Playback];
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// The key was held.
    Held,
    /// The rest of the recording after the key went up.
    Tail,
    /// A phrase was transcribed while the key was down.
    Phrase,
    /// What was left, or the whole recording, was transcribed after the key went up.
    Transcribe,
    /// Tokens were computed ahead of time.
    Prefill,
    /// The rest of the prompt was computed after the question was known, up to the first token.
    Prompt,
    /// The answer was written.
    Decode,
    /// A clause, or a piece of it, was synthesised.
    Synthesis,
    /// A clause sounded.
    Playing,
}

/// One piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Who.
    pub lane: Lane,
    /// What.
    pub work: Work,
    /// From when.
    pub from: Moment,
    /// To when.
    pub to: Moment,
}

impl Span {
    /// Its length, ms.
    #[must_use]
    pub fn ms(&self) -> f64 {
        self.to.ms_since(self.from)
    }
}

/// Most spans that are kept of a turn: an answer of minutes needs no finer picture.
const MOST_SPANS: usize = 512;

/// All that is known of a turn's course.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    /// End of the input: key up, Enter, end of the file. Zero of the picture.
    pub input_end: Moment,
    /// The first sample of speech was handed to the output.
    pub first_audio: Option<Moment>,
    /// In the order in which they ended.
    pub spans: Vec<Span>,
}

impl Timeline {
    /// Adds a span; the first 512 are kept.
    pub fn push(&mut self, span: Span) {
        if self.spans.len() < MOST_SPANS {
            self.spans.push(span);
        }
    }

    /// When the first span began; the end of the input when there is none.
    #[must_use]
    pub fn begin(&self) -> Moment {
        self.spans.iter().map(|span| span.from).min().unwrap_or(self.input_end)
    }

    /// When the last span ended.
    #[must_use]
    pub fn end(&self) -> Moment {
        self.spans.iter().map(|span| span.to).max().unwrap_or(self.input_end)
    }
}
