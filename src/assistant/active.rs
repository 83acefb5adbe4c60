//! The turn that is going on: what was asked, what was written, which clauses are on their way to the ear.

use crate::event::Timing;
use crate::speech::{Clause, SpokenText};
use crate::turn::{Moment, TurnId};

/// How far the turn is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// The key is down.
    Recording,
    /// The key went up; the recording is on its way.
    Collecting {
        /// The capture thread must have answered by then.
        until: Moment,
    },
    /// Speech becomes text.
    Transcribing,
    /// The model writes and the voice speaks.
    Replying,
}

/// Where a clause is.
#[derive(Clone, Debug)]
pub(super) struct Spoken {
    pub clause: Clause,
    /// All of its sound is there.
    pub synthesized: bool,
    /// It was played to its end (or had nothing to say).
    pub played: bool,
}

/// The turn that is going on.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub turn: TurnId,
    pub stand: Stand,
    /// The first sample of the recording came.
    pub capturing: bool,
    /// End of the input: key up, Enter, end of the file.
    pub input_end: Moment,
    pub answer: String,
    spoken: SpokenText,
    pub clauses: Vec<Spoken>,
    /// The model was asked.
    pub asked: bool,
    /// The model wrote to its end.
    pub written: bool,
    /// The answer is spoken; else it is read.
    pub voiced: bool,
    /// The speaker was told that nothing more comes.
    pub closing: bool,
    /// A first sound was heard.
    pub sounding: bool,
    pub timing: Timing,
}

impl Active {
    pub fn new(turn: TurnId, stand: Stand, now: Moment) -> Self {
        Active {
            turn,
            stand,
            capturing: false,
            input_end: now,
            answer: String::new(),
            spoken: SpokenText::new(true),
            clauses: Vec::new(),
            asked: false,
            written: false,
            voiced: true,
            closing: false,
            sounding: false,
            timing: Timing::default(),
        }
    }

    /// Milliseconds since the end of the input.
    pub fn ms(&self, now: Moment) -> f64 {
        now.ms_since(self.input_end)
    }

    /// Something was written: stamps the first time.
    pub fn first_token(&mut self, now: Moment) {
        let ms = self.ms(now);
        self.timing.first_token_ms.get_or_insert(ms);
    }

    /// Takes a piece of the answer; returns the numbers and texts of the clauses that are ready to be said.
    pub fn write(&mut self, delta: &str) -> Vec<(u32, String)> {
        self.answer.push_str(delta);
        let ready = self.spoken.push(delta);
        self.queue(ready)
    }

    /// The answer is written to its end; returns the last clauses.
    pub fn end_writing(&mut self) -> Vec<(u32, String)> {
        self.written = true;
        let ready = self.spoken.finish();
        self.queue(ready)
    }

    fn queue(&mut self, ready: Vec<Clause>) -> Vec<(u32, String)> {
        let mut out = Vec::with_capacity(ready.len());
        for clause in ready {
            out.push((self.clauses.len() as u32, clause.text.clone()));
            self.clauses.push(Spoken { clause, synthesized: false, played: false });
        }
        out
    }

    pub fn clause(&mut self, seq: u32) -> Option<&mut Spoken> {
        self.clauses.get_mut(seq as usize)
    }

    /// Everything that will be said has its sound.
    pub fn all_synthesized(&self) -> bool {
        self.written && self.clauses.iter().all(|c| c.synthesized)
    }

    /// How much of the answer was taken in by the user, in bytes: all that was written when it is read; up to the end of
    /// the last clause that was played to its end when it is spoken.
    pub fn heard_bytes(&self) -> usize {
        if !self.voiced {
            return self.answer.len();
        }
        let played = self.clauses.iter().take_while(|c| c.played).count();
        if self.written && played == self.clauses.len() {
            return self.answer.len();
        }
        let end = played.checked_sub(1).map_or(0, |last| self.clauses[last].clause.range.end);
        let mut end = end.min(self.answer.len());
        while !self.answer.is_char_boundary(end) {
            end -= 1;
        }
        end
    }
}
