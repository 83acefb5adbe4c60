//! From the key to the words: recording, its pieces on their way to the ear, and what is prefilled meanwhile.

use super::active::{Active, Stand};
use super::ptt::{Edge, Ptt, SHORTEST_PRESS};
use super::state::{Effect, Effects, State};
use crate::audio::Pcm16k;
use crate::error::Stage;
use crate::event::{CaptureCmd, Event, LlmCmd, SttCmd, TtsCmd, TurnEnd};
use crate::private::Private;
use crate::stt::{Transcript, Words};
use crate::turn::Moment;
use std::time::Duration;

/// The capture thread answers within its tail of 120 ms; after so long it is taken for dead and the turn is given up.
const CAPTURE_ANSWERS_WITHIN: Duration = Duration::from_secs(3);

/// Words that came before the recording was complete.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub transcript: Transcript,
    pub stt_ms: f64,
}

impl State {
    pub(super) fn edge(&mut self, edge: Option<Edge>, now: Moment, out: &mut Effects) {
        match edge {
            None => {}
            Some(Edge::Down) => self.key_down(now, out),
            // A slip is told from a press when it cannot be an auto-repeat any more.
            Some(Edge::Up { held }) if held < SHORTEST_PRESS => {}
            Some(Edge::Up { .. }) => self.key_up(now, out),
            Some(Edge::Again) => self.key_was_not_up(now, out),
            Some(Edge::Settled { held }) if held < SHORTEST_PRESS => self.key_slipped(out),
            Some(Edge::Settled { .. }) => self.key_up(now, out),
        }
    }

    fn key_down(&mut self, now: Moment, out: &mut Effects) {
        self.begin(Stand::Recording, now, out);
        // Engines that were unloaded come back while the user speaks.
        if self.stages.usable(Stage::Llm) {
            out.push(Effect::Llm(LlmCmd::Prefill(self.turn, Private::default())));
        }
        if !self.config.mute && self.stages.usable(Stage::Tts) {
            out.push(Effect::Tts(TtsCmd::Wake));
        }
    }

    fn key_up(&mut self, now: Moment, out: &mut Effects) {
        let Some(active) = self.active.as_mut().filter(|active| active.stand == Stand::Recording) else { return };
        active.input_ended(now);
        active.flushed = false;
        active.stand = Stand::Collecting { until: now.plus(CAPTURE_ANSWERS_WITHIN) };
        out.push(Effect::Capture(CaptureCmd::Finish(active.turn)));
    }

    fn key_slipped(&mut self, out: &mut Effects) {
        if self.active.as_ref().is_some_and(|active| active.stand == Stand::Recording) {
            out.push(Effect::Capture(CaptureCmd::Discard));
            self.end_turn(TurnEnd::NothingHeard, out);
        }
    }

    /// The release was half of an auto-repeat: all goes on as if it had not been.
    fn key_was_not_up(&mut self, now: Moment, out: &mut Effects) {
        match &mut self.active {
            Some(Active { stand: Stand::Recording, .. }) => {}
            Some(active) if matches!(active.stand, Stand::Collecting { .. }) => {
                active.input_goes_on();
                active.early = None;
                active.stand = Stand::Recording;
                out.push(Effect::Capture(CaptureCmd::Resume(active.turn)));
            }
            // The recording is gone already (no microphone, a cancel): then this is a press like any other.
            _ => {
                self.ptt = Ptt::Down(now);
                self.key_down(now, out);
            }
        }
    }

    /// A piece of the recording came.
    pub(super) fn heard(&mut self, at: usize, pcm: Pcm16k, key_up: bool, out: &mut Effects) {
        let Some(active) = &mut self.active else { return };
        let turn = active.turn;
        active.heard = at + pcm.0.len();
        if !pcm.0.is_empty() {
            out.push(Effect::Stt(SttCmd::Hear { turn, at, pcm }));
        }
        if key_up && matches!(active.stand, Stand::Collecting { .. }) {
            active.flushed = true;
            out.push(Effect::Stt(SttCmd::KeyUp(turn)));
        }
    }

    /// Words of a recording that goes on. What is certain is worth being prefilled; after the key went up all is.
    pub(super) fn partial(&mut self, words: Words, out: &mut Effects) {
        let Some(active) = &self.active else { return };
        let all = active.flushed || active.stand == Stand::Transcribing;
        let text = if all { words.text() } else { words.certain.clone().into() };
        out.push(Effect::Emit(Event::PartialText(active.turn, words)));
        if self.config.speculate {
            self.prefill(text, out);
        }
    }

    /// Has words computed ahead, once for each text. A changed word is the chat model's business: it rolls back.
    fn prefill(&mut self, text: String, out: &mut Effects) {
        let usable = self.stages.usable(Stage::Llm);
        let Some(active) = self.active.as_mut().filter(|active| usable && !text.trim().is_empty() && active.prefilled != text) else {
            return;
        };
        active.prefilled.clone_from(&text);
        out.push(Effect::Llm(LlmCmd::Prefill(active.turn, text.into())));
    }

    /// The words came before the recording was complete: nobody spoke any more when the key went up.
    pub(super) fn words_came_early(&mut self, early: Early, out: &mut Effects) {
        self.prefill(early.transcript.text.clone().into(), out);
        if let Some(active) = &mut self.active {
            active.early = Some(early);
        }
    }

    /// Takes such words once the release cannot be half of an auto-repeat.
    pub(super) fn take_early_words(&mut self, now: Moment, out: &mut Effects) {
        if self.ptt.may_be_a_repeat_until().is_some_and(|until| now < until) {
            return;
        }
        let Some(active) = &mut self.active else { return };
        let Some(early) = active.early.take() else { return };
        if matches!(active.stand, Stand::Collecting { .. }) {
            out.push(Effect::Capture(CaptureCmd::Discard));
        }
        self.words_came(early, now, out);
    }

    /// The question is known.
    pub(super) fn words_came(&mut self, words: Early, now: Moment, out: &mut Effects) {
        let Some(active) = &mut self.active else { return };
        // Early words that still wait are those of the same recording.
        active.early = None;
        active.timing.stt_ms = Some(active.ms(now));
        active.timing.stt_work_ms = Some(words.stt_ms);
        let transcript = words.transcript;
        if transcript.text.trim().is_empty() {
            self.end_turn(TurnEnd::NothingHeard, out);
        } else {
            self.ask(transcript.text.into(), transcript.language, transcript.confidence, out);
        }
    }
}
