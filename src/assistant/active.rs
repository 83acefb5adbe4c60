//! The turn that is going on: what was asked, what was written, which clauses are on their way to the ear.

use super::listening::Early;
use crate::audio::Pcm16k;
use crate::event::Timing;
use crate::speech::{Clause, Lang, SpokenText};
use crate::trace::{Lane, Span, Timeline, Work};
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
    /// When it began to sound.
    pub sounding_since: Option<Moment>,
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
    /// Samples of the recording that were handed to the ear.
    pub heard: usize,
    /// The key went up, and all that was recorded until then was handed over.
    pub flushed: bool,
    /// Words that came before the recording was complete and wait for the end of the key's grace.
    pub early: Option<Early>,
    /// The words that were computed ahead last.
    pub prefilled: String,
    /// What was asked.
    pub question: String,
    /// Another chat model came after this one wrote its answer: it knows nothing of it.
    pub new_mind: bool,
    /// The whole recording, once it is there.
    pub recording: Option<Pcm16k>,
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
    pub timeline: Timeline,
    begun: Moment,
    /// The key went up.
    key_was_held: bool,
}

impl Active {
    /// `latin`: what the voice takes Latin letters for.
    pub fn new(turn: TurnId, stand: Stand, latin: Lang, now: Moment) -> Self {
        Active {
            turn,
            stand,
            capturing: false,
            heard: 0,
            flushed: false,
            early: None,
            prefilled: String::new(),
            question: String::new(),
            new_mind: false,
            recording: None,
            input_end: now,
            answer: String::new(),
            spoken: SpokenText::with_latin(true, latin),
            clauses: Vec::new(),
            asked: false,
            written: false,
            voiced: true,
            closing: false,
            sounding: false,
            timing: Timing::default(),
            timeline: Timeline::default(),
            begun: now,
            key_was_held: false,
        }
    }

    /// There is a recording that goes on or is on its way.
    pub fn is_recorded(&self) -> bool {
        matches!(self.stand, Stand::Recording | Stand::Collecting { .. })
    }

    /// Milliseconds since the end of the input.
    pub fn ms(&self, now: Moment) -> f64 {
        now.ms_since(self.input_end)
    }

    /// The key went up at this moment.
    pub fn input_ended(&mut self, at: Moment) {
        self.input_end = at;
        self.key_was_held = true;
    }

    /// The key had not gone up.
    pub fn input_goes_on(&mut self) {
        self.key_was_held = false;
        self.flushed = false;
    }

    /// What is known of the turn's course.
    pub fn take_timeline(&mut self) -> Timeline {
        let mut timeline = std::mem::take(&mut self.timeline);
        timeline.input_end = self.input_end;
        if self.key_was_held {
            let held = Span { lane: Lane::Key, work: Work::Held, from: self.begun, to: self.input_end };
            let place = timeline.spans.iter().position(|span| span.to > held.to).unwrap_or(timeline.spans.len());
            timeline.spans.insert(place, held);
        }
        timeline
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
            self.clauses.push(Spoken { clause, sounding_since: None, synthesized: false, played: false });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, VoiceChoice, test_config};

    #[test]
    fn numbers_are_written_out_in_the_language_of_the_voice_or_left_to_it() {
        for (voice, said) in [("de", "Das macht 25 Euro."), ("en-us", "Das macht twenty-five Euro.")] {
            let config = Config { voice: VoiceChoice::Espeak(voice.to_owned()), ..test_config() };
            let mut active = Active::new(TurnId(1), Stand::Replying, config.latin(), Moment::default());
            active.write("Das macht 25 Euro.");
            active.end_writing();
            assert_eq!(active.clauses.iter().map(|c| c.clause.text.as_str()).collect::<String>(), said);
        }
    }
}
