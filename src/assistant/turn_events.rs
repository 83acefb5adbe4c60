//! What the workers found out about the turn that is going on. Everything that belongs to another turn is dropped here.

use super::active::Stand;
use super::listening::Early;
use super::state::{Effect, Effects, State};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, PlayCmd, SttCmd, TtsCmd, TurnEnd, WorkerEvent};
use crate::trace::{Lane, Span, Work};
use crate::turn::Moment;

impl State {
    pub(super) fn turn_event(&mut self, event: WorkerEvent, now: Moment, out: &mut Effects) {
        let Some(active) = self.active.as_mut() else { return };
        let turn = active.turn;
        match event {
            WorkerEvent::CaptureStarted(t, at) if t == turn => {
                active.capturing = true;
                out.push(Effect::Emit(Event::CaptureStarted(turn, at)));
            }
            WorkerEvent::Heard { turn: t, at, pcm, key_up } if t == turn && active.is_recorded() => self.heard(at, pcm, key_up, out),
            WorkerEvent::Captured { turn: t, pcm, dropped } if t == turn && active.is_recorded() => {
                if dropped > 0 {
                    let text = format!("{dropped} samples of the recording were lost because the machine was too busy.");
                    out.push(Effect::Emit(Event::Notice(turn, StageError::new(Stage::Capture, Severity::Info, text, ""))));
                }
                active.stand = Stand::Transcribing;
                active.recording = Some(pcm.clone());
                out.push(Effect::Stt(SttCmd::Transcribe(turn, pcm)));
            }
            WorkerEvent::PartialText(t, words) if t == turn && active.stand != Stand::Replying => self.partial(words, out),
            WorkerEvent::Transcribed { turn: t, transcript, heard, stt_ms } if t == turn => match active.stand {
                Stand::Transcribing => self.words_came(Early { transcript, stt_ms }, now, out),
                // Words from before an auto-repeat lack what was said since; the whole recording is transcribed later.
                Stand::Collecting { .. } if active.flushed && heard == active.heard => {
                    self.words_came_early(Early { transcript, stt_ms }, out);
                }
                Stand::Recording | Stand::Collecting { .. } | Stand::Replying => {}
            },
            WorkerEvent::ThinkingDelta(t, text) if t == turn => {
                active.first_token(now);
                out.push(Effect::Emit(Event::ThinkingDelta(turn, text)));
            }
            WorkerEvent::ReplyDelta(t, text) if t == turn => {
                active.first_token(now);
                let clauses = active.write(&text);
                out.push(Effect::Emit(Event::ReplyDelta(turn, text)));
                self.speak(clauses, now, out);
            }
            WorkerEvent::ReplyEnded { turn: t, stats } if t == turn => {
                active.timing.tokens = stats.tokens;
                active.timing.tokens_per_s = stats.tokens_per_second;
                active.timing.prefilled_tokens = stats.prefilled_tokens;
                active.timing.cached_tokens = stats.cached_tokens;
                let clauses = active.end_writing();
                if active.answer.trim().is_empty() {
                    let text = "The chat model gave no answer.";
                    self.fail_turn(
                        StageError::new(Stage::Llm, Severity::Turn, text, "Ask again in other words, or choose another chat model."),
                        out,
                    );
                    return;
                }
                self.speak(clauses, now, out);
                self.close_when_complete(out);
            }
            WorkerEvent::Synthesized { turn: t, seq, clip, last } if t == turn && active.voiced => {
                active.timing.audio_ms += clip.millis();
                if last && let Some(clause) = active.clause(seq) {
                    clause.synthesized = true;
                }
                out.push(Effect::Play(PlayCmd::Enqueue { turn, seq, clip, last }));
                self.close_when_complete(out);
            }
            WorkerEvent::ClauseStarted(t, seq, at) if t == turn => {
                let ms = active.ms(at);
                active.timing.first_audio_ms.get_or_insert(ms);
                active.timeline.first_audio.get_or_insert(at);
                active.sounding = true;
                if let Some(spoken) = active.clause(seq) {
                    spoken.sounding_since = Some(at);
                    let (text, range) = (spoken.clause.text.clone(), (spoken.clause.range.start, spoken.clause.range.end));
                    out.push(Effect::Emit(Event::ClauseStarted { turn, seq, text: text.into(), range }));
                }
            }
            WorkerEvent::ClausePlayed(t, seq) if t == turn => {
                if let Some(spoken) = active.clause(seq) {
                    spoken.played = true;
                    let text = spoken.clause.text.clone();
                    let since = spoken.sounding_since;
                    if let Some(from) = since {
                        active.timeline.push(Span { lane: Lane::Playback, work: Work::Playing, from, to: now });
                    }
                    out.push(Effect::Emit(Event::ClauseSpoken { turn, seq, text: text.into() }));
                }
            }
            WorkerEvent::Drained(t) if t == turn && active.closing => {
                self.end_turn(TurnEnd::Answered, out);
            }
            WorkerEvent::Worked(t, span) if t == turn => active.timeline.push(span),
            WorkerEvent::Failed(t, error) if t == turn => {
                if self.take_another(&error, out) {
                    return;
                }
                out.push(Effect::Emit(Event::Notice(turn, error.clone())));
                self.lost(&error, out);
            }
            // Everything else belongs to a turn that is over.
            _ => {}
        }
    }

    pub(super) fn speak(&mut self, clauses: Vec<(u32, String)>, now: Moment, out: &mut Effects) {
        let Some(active) = self.active.as_mut().filter(|a| a.voiced) else { return };
        for (seq, clause) in clauses {
            let ms = active.ms(now);
            active.timing.first_clause_ms.get_or_insert(ms);
            out.push(Effect::Tts(TtsCmd::Speak { turn: active.turn, seq, clause: clause.into() }));
        }
    }

    /// The answer is written: when it is read, the turn is over; when all its sound is there, the speaker may finish.
    pub(super) fn close_when_complete(&mut self, out: &mut Effects) {
        let Some(active) = self.active.as_mut().filter(|a| a.written) else { return };
        if !active.voiced {
            self.end_turn(TurnEnd::Answered, out);
        } else if active.all_synthesized() && !active.closing {
            active.closing = true;
            out.push(Effect::Play(PlayCmd::FinishTurn(active.turn)));
        }
    }
}
