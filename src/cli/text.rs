//! A conversation for people to read: `You: …`, `Hark: …` as it is written, and one line of figures.

use super::drive::Renderer;
use super::terminal::Terminal;
use crate::error::StageError;
use crate::event::{Event, Timing};
use crate::turn::TurnId;
use std::io;

/// Writes text to stdout, notices and errors to stderr.
#[derive(Debug)]
pub struct Readable<'a> {
    terminal: &'a mut Terminal,
    /// A line of the answer is open.
    open: bool,
    /// Something of this turn's answer was shown.
    streamed: bool,
    /// Problems that came in the middle of an answer's line: they are said when it ends, so that it stays in one piece.
    waiting: Vec<StageError>,
}

impl<'a> Readable<'a> {
    /// Writes to this terminal.
    pub fn new(terminal: &'a mut Terminal) -> Self {
        Readable { terminal, open: false, streamed: false, waiting: Vec::new() }
    }

    fn close(&mut self) -> io::Result<()> {
        let ended = if std::mem::take(&mut self.open) { self.terminal.line("") } else { Ok(()) };
        for problem in self.waiting.drain(..) {
            self.terminal.problem(&problem);
        }
        ended
    }

    fn open(&mut self) -> io::Result<()> {
        if !self.open {
            self.terminal.piece("Hark: ")?;
            self.open = true;
        }
        Ok(())
    }
}

impl Renderer for Readable<'_> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::UserText { text, .. } => {
                self.close()?;
                self.terminal.line(&format!("You: {}", &**text))
            }
            Event::ReplyDelta(_, text) => {
                self.open()?;
                self.streamed |= !text.is_empty();
                self.terminal.piece(text)
            }
            Event::ReplyFinal { text, .. } => {
                // When nothing was streamed the whole answer is written now.
                if !std::mem::take(&mut self.streamed) && !text.is_empty() {
                    self.open()?;
                    self.terminal.piece(text)?;
                }
                self.close()
            }
            Event::Timing(_, timing) => {
                self.close()?;
                self.terminal.line(&figures(timing))
            }
            Event::TurnEnded(..) => {
                self.streamed = false;
                self.close()
            }
            _ => Ok(()),
        }
    }

    fn problem(&mut self, _turn: TurnId, problem: &StageError) -> io::Result<()> {
        if self.open {
            self.waiting.push(problem.clone());
        } else {
            self.terminal.problem(problem);
        }
        Ok(())
    }
}

/// `(heard 120 ms · first word 300 ms · first sound 410 ms · 23 tokens, 38.2/s · prompt 12 new + 88 kept · 3.2 s of sound)`
fn figures(timing: &Timing) -> String {
    let mut parts = Vec::new();
    let mut time = |name: &str, ms: Option<f64>| parts.extend(ms.map(|ms| format!("{name} {ms:.0} ms")));
    time("heard", timing.stt_ms);
    time("first word", timing.first_token_ms);
    time("first clause", timing.first_clause_ms);
    time("first sound", timing.first_audio_ms);
    parts.push(format!("{} tokens, {:.1}/s", timing.tokens, timing.tokens_per_s));
    parts.push(format!("prompt {} new + {} kept", timing.prefilled_tokens, timing.cached_tokens));
    parts.push(format!("{:.1} s of sound", timing.audio_ms / 1000.0));
    format!("({})", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Severity, Stage};
    use crate::event::TurnEnd;

    const TURN: TurnId = TurnId(1);

    fn show(events: &[Event]) -> String {
        let mut terminal = Terminal::to_memory();
        let mut readable = Readable::new(&mut terminal);
        events.iter().for_each(|event| readable.event(event).unwrap());
        terminal.memory().0
    }

    fn you(text: &str) -> Event {
        Event::UserText { turn: TURN, text: text.into(), language: "en".into(), confidence: 1.0 }
    }

    fn whole(text: &str) -> Event {
        Event::ReplyFinal { turn: TURN, text: text.into(), heard_bytes: text.len() }
    }

    #[test]
    fn a_turn_reads_like_a_talk() {
        let timing = Timing {
            stt_ms: Some(120.4),
            first_token_ms: Some(300.0),
            tokens: 23,
            tokens_per_s: 38.16,
            prefilled_tokens: 12,
            cached_tokens: 88,
            audio_ms: 3200.0,
            ..Timing::default()
        };
        let delta = |text: &str| Event::ReplyDelta(TURN, text.into());
        let ended = Event::TurnEnded(TURN, TurnEnd::Answered);
        let shown = show(&[you("Who are you?"), delta("I am "), delta("Hark."), whole("I am Hark."), Event::Timing(TURN, timing), ended]);
        let expected = "You: Who are you?\nHark: I am Hark.\n(heard 120 ms · first word 300 ms · 23 tokens, 38.2/s · prompt 12 new + 88 kept · 3.2 s of sound)\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn an_answer_that_was_not_streamed_is_shown_whole() {
        assert_eq!(show(&[you("Hi"), whole("Hello.")]), "You: Hi\nHark: Hello.\n");
    }

    #[test]
    fn an_error_in_the_middle_does_not_run_into_the_answer_nor_repeat_it() {
        let mut terminal = Terminal::to_memory();
        let mut readable = Readable::new(&mut terminal);
        readable.event(&Event::ReplyDelta(TURN, "Half".into())).unwrap();
        readable.problem(TURN, &StageError::new(Stage::Llm, Severity::Turn, "It\nfailed.", "Ask again.")).unwrap();
        readable.event(&whole("Half")).unwrap();
        readable.event(&Event::TurnEnded(TURN, TurnEnd::Answered)).unwrap();
        readable.event(&whole("Next.")).unwrap();
        let expected = ("Hark: Half\nHark: Next.\n".to_owned(), "hark: It failed. Ask again.\n".to_owned());
        assert_eq!(terminal.memory(), expected);
    }

    #[test]
    fn text_cannot_steer_the_terminal() {
        assert_eq!(show(&[you("a\u{1b}]0;title\u{7}b\u{9b}c")]), "You: a]0;titlebc\n");
    }
}
