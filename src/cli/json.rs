//! A conversation as JSON lines, one object each: `{"event": …, "turn": N, …}`. Times are in milliseconds.

use super::drive::Renderer;
use super::terminal::Terminal;
use crate::error::{Severity, StageError};
use crate::event::Event;
use crate::turn::TurnId;
use serde_json::{Map, Value, json};
use std::io;

/// Writes JSON lines to stdout and errors, a sentence each, to stderr.
#[derive(Debug)]
pub struct JsonLines<'a> {
    terminal: &'a mut Terminal,
}

impl<'a> JsonLines<'a> {
    /// Writes to this terminal.
    pub fn new(terminal: &'a mut Terminal) -> Self {
        JsonLines { terminal }
    }
}

impl Renderer for JsonLines<'_> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        line_of(event).map_or(Ok(()), |line| self.terminal.json(&line))
    }

    fn problem(&mut self, turn: TurnId, problem: &StageError) -> io::Result<()> {
        if problem.severity != Severity::Info {
            self.terminal.problem(problem);
        }
        self.terminal.json(&problem_line(turn, problem))
    }
}

/// The line of an event; `None`: it is none of the contract's.
#[must_use]
pub fn line_of(event: &Event) -> Option<Value> {
    Some(match event {
        Event::PartialText(turn, words) => {
            json!({"event": "partial_text", "turn": turn.0, "certain": words.certain, "uncertain": words.uncertain})
        }
        Event::UserText { turn, text, language, confidence } => {
            json!({"event": "user_text", "turn": turn.0, "text": text, "language": language, "confidence": rounded(f64::from(*confidence))})
        }
        Event::ReplyDelta(turn, text) => json!({"event": "reply_delta", "turn": turn.0, "text": text}),
        Event::ThinkingDelta(turn, text) => json!({"event": "thinking_delta", "turn": turn.0, "text": text}),
        Event::ReplyFinal { turn, text, heard_bytes } => {
            json!({"event": "reply", "turn": turn.0, "text": text, "heard_bytes": heard_bytes})
        }
        Event::ClauseSpoken { turn, seq, text } => json!({"event": "clause_spoken", "turn": turn.0, "seq": seq, "text": text}),
        Event::Timing(turn, timing) => {
            let mut line = Map::from_iter([("event".to_owned(), json!("timing")), ("turn".to_owned(), json!(turn.0))]);
            if let Ok(Value::Object(figures)) = serde_json::to_value(timing) {
                line.extend(figures.into_iter().map(|(name, value)| match value.as_f64() {
                    Some(number) if value.is_f64() => (name, rounded(number)),
                    _ => (name, value),
                }));
            }
            Value::Object(line)
        }
        _ => return None,
    })
}

/// The line of a notice or an error.
#[must_use]
pub fn problem_line(turn: TurnId, problem: &StageError) -> Value {
    let event = if problem.severity == Severity::Info { "notice" } else { "error" };
    json!({
        "event": event, "turn": turn.0, "stage": problem.stage, "severity": problem.severity, "message": problem.message, "hint": problem.hint
    })
}

/// Three digits are a microsecond of a millisecond; more is noise. What is no number becomes `null`.
pub(super) fn rounded(number: f64) -> Value {
    json!((number * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Stage;
    use crate::event::{Phase, Timing, TurnEnd};
    use crate::stt::Words;

    const TURN: TurnId = TurnId(2);

    #[test]
    fn each_event_of_the_contract_has_its_line() {
        let user = Event::UserText { turn: TURN, text: "Say \"hi\"\n".into(), language: "en".into(), confidence: 0.1 };
        let lines = [
            (user, r#"{"event":"user_text","turn":2,"text":"Say \"hi\"\n","language":"en","confidence":0.1}"#),
            (
                Event::PartialText(TURN, Words { certain: "What".into(), uncertain: "is?".into() }),
                r#"{"event":"partial_text","turn":2,"certain":"What","uncertain":"is?"}"#,
            ),
            (Event::ReplyDelta(TURN, "你".into()), r#"{"event":"reply_delta","turn":2,"text":"你"}"#),
            (Event::ThinkingDelta(TURN, "hm".into()), r#"{"event":"thinking_delta","turn":2,"text":"hm"}"#),
            (
                Event::ReplyFinal { turn: TURN, text: "Hi.".into(), heard_bytes: 3 },
                r#"{"event":"reply","turn":2,"text":"Hi.","heard_bytes":3}"#,
            ),
            (Event::ClauseSpoken { turn: TURN, seq: 0, text: "Hi.".into() }, r#"{"event":"clause_spoken","turn":2,"seq":0,"text":"Hi."}"#),
        ];
        for (event, expected) in lines {
            assert_eq!(line_of(&event).unwrap().to_string(), expected);
        }
        assert_eq!(line_of(&Event::Phase(TURN, Phase::Idle)), None);
        assert_eq!(line_of(&Event::TurnEnded(TURN, TurnEnd::Answered)), None);
    }

    #[test]
    fn timing_carries_every_figure_and_null_for_what_there_was_not() {
        let timing = Timing {
            stt_ms: None,
            stt_work_ms: Some(7.5),
            first_token_ms: Some(12.345_678),
            first_clause_ms: Some(20.0),
            first_audio_ms: Some(f64::NAN),
            tokens: 7,
            tokens_per_s: 38.123_456,
            prefilled_tokens: 5,
            cached_tokens: 90,
            audio_ms: 1500.0,
        };
        let line = line_of(&Event::Timing(TURN, timing)).unwrap().to_string();
        let expected = r#"{"event":"timing","turn":2,"stt_ms":null,"stt_work_ms":7.5,"first_token_ms":12.346,"first_clause_ms":20.0,"first_audio_ms":null,"tokens":7,"tokens_per_s":38.123,"prefilled_tokens":5,"cached_tokens":90,"audio_ms":1500.0}"#;
        assert_eq!(line, expected);
    }

    #[test]
    fn a_notice_costs_nothing_and_an_error_does() {
        let error = StageError::new(Stage::Stt, Severity::Turn, "It failed.", "Again.");
        let expected = r#"{"event":"error","turn":2,"stage":"stt","severity":"turn","message":"It failed.","hint":"Again."}"#;
        assert_eq!(problem_line(TURN, &error).to_string(), expected);
        let notice = StageError { severity: Severity::Info, ..error };
        assert_eq!(problem_line(TURN, &notice)["event"], "notice");
    }
}
