//! Holds one conversation with the core: waits until it is ready, gives it question after question, hands every event to
//! a renderer, and knows in the end whether all were answered.

use crate::audio::Pcm16k;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus, TurnEnd, UserAction};
use crate::turn::TurnId;
use crossbeam_channel::{Receiver, select};
use std::collections::HashSet;
use std::io;
use std::time::Duration;

/// The core as a command sees it: [`crate::assistant`]'s `Assistant`, or a script in tests.
pub trait Core {
    /// Hands an action over.
    fn send(&self, action: UserAction);

    /// Ends all threads; false when they were not down within that time.
    fn stop(self: Box<Self>, within: Duration) -> bool;
}

/// Where a conversation is shown.
pub trait Renderer {
    /// Shows an event; those that it has no place for are skipped.
    ///
    /// # Errors
    /// When the reader is gone or the disk is full.
    fn event(&mut self, event: &Event) -> io::Result<()>;

    /// Shows that something is not as it should be: a notice ([`Severity::Info`]) or an error.
    ///
    /// # Errors
    /// When the reader is gone or the disk is full.
    fn problem(&mut self, turn: TurnId, problem: &StageError) -> io::Result<()>;
}

/// One question.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Recorded.
    Audio(Pcm16k),
    /// Typed.
    Text(String),
}

/// How long nothing may happen before the command gives up, so that a script never hangs.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// While models are loaded: a 4 GB model from a slow disk takes half a minute.
    pub loading: Duration,
    /// Within a turn: a ten-minute recording on a slow laptop works for minutes between two events.
    pub turn: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { loading: Duration::from_secs(300), turn: Duration::from_secs(600) }
    }
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Questions that were answered.
    pub answered: usize,
    /// Questions that were not.
    pub unanswered: usize,
    /// Faults that cost something, also those of answered turns (a voice that failed).
    pub errors: usize,
    /// The user stopped it.
    pub interrupted: bool,
}

impl Summary {
    /// Every question was answered and nothing was lost on the way.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.unanswered == 0 && self.errors == 0 && !self.interrupted
    }
}

/// Why waiting ended without an event.
enum Pause {
    Interrupted,
    TooLong,
    Gone,
}

/// A conversation that is going on.
pub struct Drive<'a> {
    /// Who answers.
    pub core: &'a dyn Core,
    /// What the core says.
    pub events: &'a Receiver<Event>,
    /// A message here ends it (Ctrl+C).
    pub interrupt: &'a Receiver<()>,
    /// Who shows it.
    pub renderer: &'a mut dyn Renderer,
    /// How long to wait.
    pub patience: Patience,
    /// Each question begins a conversation of its own.
    pub fresh: bool,
}

impl Drive<'_> {
    /// Asks all questions, one turn each. Stages without which a question of this kind cannot be answered and heard
    /// (`needed`) count as errors when they do not work; other models are said as notices, other devices not at all.
    ///
    /// # Errors
    /// When the renderer cannot write any more; the core was told to cancel then.
    pub fn run(&mut self, questions: Vec<Question>, needed: &[Stage]) -> io::Result<Summary> {
        let mut talk = Talk { summary: Summary::default(), said: HashSet::new(), needed, last: TurnId::NONE };
        let result = self.conversation(&mut talk, questions);
        if result.is_err() || talk.summary.interrupted {
            self.core.send(UserAction::Cancel);
        }
        result.map(|()| talk.summary)
    }

    fn conversation(&mut self, talk: &mut Talk<'_>, questions: Vec<Question>) -> io::Result<()> {
        let mut left = questions.len();
        let mut pause = self.until(talk, self.patience.loading, &|event, _| matches!(event, Event::Phase(_, Phase::Idle)))?;
        if pause.is_none() {
            for question in questions {
                let action = match question {
                    Question::Audio(pcm) => UserAction::SubmitAudio(pcm),
                    Question::Text(text) => UserAction::SubmitText(text.into()),
                };
                if self.fresh {
                    self.core.send(UserAction::NewConversation);
                }
                self.core.send(action);
                pause = self.until(talk, self.patience.turn, &|event, last| matches!(event, Event::TurnEnded(turn, _) if *turn > last))?;
                if pause.is_some() {
                    break;
                }
                left -= 1;
            }
        }
        talk.summary.unanswered += left;
        match pause {
            None => {
                // What the core says after its last turn still belongs to it.
                while let Ok(event) = self.events.try_recv() {
                    self.take(talk, event)?;
                }
                Ok(())
            }
            Some(Pause::Interrupted) => {
                talk.summary.interrupted = true;
                Ok(())
            }
            Some(Pause::TooLong) => {
                self.fault(talk, "Nothing happened for a long time, so the command gave up.", "Try smaller models or fewer --threads.")
            }
            Some(Pause::Gone) => self.fault(talk, "The assistant ended before it had answered.", "Run hark doctor to see what is wrong."),
        }
    }

    /// Takes events until one fits; `None`: it came.
    fn until(&mut self, talk: &mut Talk<'_>, patience: Duration, fits: &dyn Fn(&Event, TurnId) -> bool) -> io::Result<Option<Pause>> {
        loop {
            let event = select! {
                recv(self.interrupt) -> _ => return Ok(Some(Pause::Interrupted)),
                recv(self.events) -> event => match event {
                    Ok(Event::Stopped) | Err(_) => return Ok(Some(Pause::Gone)),
                    Ok(event) => event,
                },
                default(patience) => return Ok(Some(Pause::TooLong)),
            };
            let fit = fits(&event, talk.last);
            self.take(talk, event)?;
            if fit {
                return Ok(None);
            }
        }
    }

    fn take(&mut self, talk: &mut Talk<'_>, event: Event) -> io::Result<()> {
        match event {
            Event::Notice(turn, problem) => match talk.weigh(problem) {
                Some(problem) => self.problem(talk, turn, &problem),
                None => Ok(()),
            },
            Event::Status(_, StageStatus::Unavailable(problem)) => match talk.weigh(problem) {
                Some(problem) => self.problem(talk, talk.last, &problem),
                None => Ok(()),
            },
            Event::TurnEnded(turn, end) => {
                // A turn that ends twice, or after a later one, is none of ours.
                if turn <= talk.last {
                    return Ok(());
                }
                talk.last = turn;
                self.ended(talk, turn, end)?;
                self.renderer.event(&Event::TurnEnded(turn, end))
            }
            other => self.renderer.event(&other),
        }
    }

    fn ended(&mut self, talk: &mut Talk<'_>, turn: TurnId, end: TurnEnd) -> io::Result<()> {
        if end == TurnEnd::Answered {
            talk.summary.answered += 1;
            return Ok(());
        }
        talk.summary.unanswered += 1;
        // The reason was said by the stage that failed; if not, the user gets at least this.
        if talk.said.iter().any(|(said_turn, _)| *said_turn == turn) {
            return Ok(());
        }
        let (stage, message, hint) = match end {
            TurnEnd::NothingHeard => {
                (Stage::Stt, format!("Nothing was heard in question {}.", turn.0), "Give a recording with speech in it.")
            }
            TurnEnd::Cancelled => (Stage::Desktop, format!("Question {} was stopped before it was answered.", turn.0), "Ask it again."),
            _ => (Stage::Llm, format!("Question {} was not answered.", turn.0), "Run hark doctor to see what is wrong."),
        };
        self.problem(talk, turn, &StageError::new(stage, Severity::Turn, message, hint))
    }

    fn fault(&mut self, talk: &mut Talk<'_>, message: &str, hint: &str) -> io::Result<()> {
        self.problem(talk, talk.last, &StageError::new(Stage::Desktop, Severity::Stage, message, hint))
    }

    /// Says a problem once a turn: a stage that fails tells it by its status and by a notice.
    fn problem(&mut self, talk: &mut Talk<'_>, turn: TurnId, problem: &StageError) -> io::Result<()> {
        if !talk.said.insert((turn, problem.message.clone())) {
            return Ok(());
        }
        if problem.severity != Severity::Info {
            talk.summary.errors += 1;
        }
        self.renderer.problem(turn, problem)
    }
}

/// What is known of the conversation so far.
struct Talk<'a> {
    summary: Summary,
    said: HashSet<(TurnId, String)>,
    needed: &'a [Stage],
    last: TurnId,
}

impl Talk<'_> {
    /// A stage that is out of work and that these questions do not need is worth a notice; the microphone, which they
    /// never need, and the speaker of who wants no sound, not even that.
    fn weigh(&self, problem: StageError) -> Option<StageError> {
        let idle = problem.severity == Severity::Stage && Stage::WORKERS.contains(&problem.stage) && !self.needed.contains(&problem.stage);
        match problem.stage {
            _ if !idle => Some(problem),
            Stage::Capture | Stage::Playback => None,
            _ => Some(StageError { severity: Severity::Info, ..problem }),
        }
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
