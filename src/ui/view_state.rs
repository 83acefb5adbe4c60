//! What the window shows, as a pure function of the events so far: no thread, no channel, no clock, no engine.

use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus, Timing, TurnEnd};
use crate::models::policy::Plan;
use crate::printable::{one_line, printable};
use crate::stt::Words;
use crate::trace::Timeline;
use crate::turn::TurnId;
use crate::ui::models::view::ModelsView;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// Older turns leave the screen (not the history) when there are more.
const MAX_ITEMS: usize = 400;

/// The question of a turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Question {
    /// Its words.
    pub text: String,
    /// ISO 639-1 code; empty for typed text.
    pub language: String,
    /// 0 to 1.
    pub confidence: f32,
}

/// The clause that sounds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clause {
    /// Its number in the turn.
    pub seq: u32,
    /// What is said.
    pub text: String,
    /// Its place in the answer, bytes, on character borders.
    pub range: Range<usize>,
}

/// One exchange.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TurnView {
    /// Its number.
    pub id: TurnId,
    /// The words so far, while they are being heard.
    pub partial: Words,
    /// The question, when it is known.
    pub question: Option<Question>,
    /// The answer so far, markdown.
    pub answer: String,
    /// How much of the answer was heard, bytes; known when it is complete.
    pub heard_bytes: Option<usize>,
    /// The model's thinking so far.
    pub thinking: String,
    /// The clause that sounds now.
    pub clause: Option<Clause>,
    /// Figures.
    pub timing: Option<Timing>,
    /// What ran when.
    pub timeline: Option<Timeline>,
    /// How it ended; `None` while it goes on.
    pub end: Option<TurnEnd>,
    /// The chat model that answered, as the status line named it when the answer began.
    pub model: String,
}

impl TurnView {
    /// Whether there is anything to draw.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.question.is_none() && self.answer.is_empty() && self.thinking.is_empty()
    }

    /// Where the part of the answer begins that was written and not heard; `None` when all was heard or it still goes on.
    #[must_use]
    pub fn unheard_from(&self) -> Option<usize> {
        let heard = self.heard_bytes?;
        let cut = self.answer.floor_char_boundary(heard.min(self.answer.len()));
        let rest = self.answer.get(cut..)?;
        (self.end == Some(TurnEnd::Cancelled) && !rest.trim().is_empty()).then_some(cut)
    }
}

/// What stands in the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// An exchange.
    Turn(Box<TurnView>),
    /// Something the user should know.
    Notice(StageError),
}

/// How the talk button looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TalkLook {
    /// Models are being loaded.
    Loading,
    /// Waiting for a press.
    Idle,
    /// The key is down.
    Listening,
    /// Speech becomes text.
    Hearing,
    /// The model writes.
    Thinking,
    /// The answer sounds.
    Speaking,
    /// Waiting, and the last press brought no words.
    NothingHeard,
    /// Waiting, and talking does not work or the last turn failed.
    Fault,
    /// The program ends.
    Stopping,
}

/// Everything that is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ViewState {
    /// What the program is doing.
    pub phase: Phase,
    /// The stream, oldest first.
    pub items: Vec<Item>,
    /// The stages' states.
    pub stages: BTreeMap<Stage, StageStatus>,
    /// The figures of the last turn that had some.
    pub last_timing: Option<Timing>,
    /// How the last turn ended.
    pub last_end: Option<TurnEnd>,
    /// All threads are down.
    pub stopped: bool,
    /// Which models are used on how many threads, and why.
    pub plan: Option<Arc<Plan>>,
    /// Stages for which another model is being loaded.
    pub switching: BTreeSet<Stage>,
    /// Models: what is there, what is being done with them.
    pub models: ModelsView,
    last_fault: Option<StageError>,
}

impl ViewState {
    /// Takes in one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Phase(turn, phase) => {
                self.phase = *phase;
                if matches!(phase, Phase::Listening | Phase::Transcribing | Phase::Thinking) {
                    self.turn(*turn);
                    self.last_end = None;
                    self.last_fault = None;
                }
                if *phase != Phase::Speaking {
                    self.silence();
                }
            }
            Event::Status(stage, status) => self.set_stage(*stage, status),
            Event::PartialText(turn, words) => self.with(*turn, |t| {
                t.partial = Words { certain: shown(&words.certain).into(), uncertain: shown(&words.uncertain).into() };
            }),
            Event::UserText { turn, text, language, confidence } => self.with(*turn, |t| {
                t.partial = Words::default();
                t.question = Some(Question { text: shown(text), language: language.clone(), confidence: *confidence });
            }),
            Event::ReplyDelta(turn, text) => {
                let model = self.engine_name(Stage::Llm);
                self.with(*turn, |t| {
                    if t.answer.is_empty() {
                        t.model = model;
                    }
                    t.answer.push_str(text);
                });
            }
            Event::ThinkingDelta(turn, text) => self.with(*turn, |t| t.thinking.push_str(&printable(text))),
            Event::ReplyFinal { turn, text, heard_bytes } => self.with(*turn, |t| {
                t.answer.clone_from(text);
                t.heard_bytes = Some(*heard_bytes);
            }),
            Event::ClauseStarted { turn, seq, text, range } => self.with(*turn, |t| {
                let start = t.answer.floor_char_boundary(range.0.min(t.answer.len()));
                let end = t.answer.floor_char_boundary(range.1.min(t.answer.len()));
                t.clause = Some(Clause { seq: *seq, text: shown(text), range: start..end.max(start) });
            }),
            Event::ClauseSpoken { turn, seq, .. } => self.with(*turn, |t| {
                // The next one may have begun already.
                if t.clause.as_ref().is_some_and(|c| c.seq == *seq) {
                    t.clause = None;
                }
            }),
            Event::Timing(turn, timing) => {
                self.last_timing = Some(timing.clone());
                self.with(*turn, |t| t.timing = Some(timing.clone()));
            }
            Event::Timeline(turn, timeline) => self.with(*turn, |t| t.timeline = Some(timeline.clone())),
            Event::Notice(turn, error) => self.notice(*turn, error),
            Event::TurnEnded(turn, end) => {
                self.last_end = Some(*end);
                self.with(*turn, |t| {
                    t.end = Some(*end);
                    t.clause = None;
                });
            }
            Event::ConversationCleared => {
                self.items.retain(|item| matches!(item, Item::Notice(n) if n.severity == Severity::Stage));
                self.last_timing = None;
                self.last_end = None;
            }
            Event::Switching(stage, _) => {
                self.switching.insert(*stage);
            }
            Event::InUse(stage, _) => {
                self.switching.remove(stage);
            }
            Event::Plan(plan) => self.plan = Some(Arc::clone(plan)),
            Event::CaptureStarted(..) | Event::Silenced(..) => {}
            Event::Stopped => self.stopped = true,
        }
    }

    /// How the talk button looks.
    #[must_use]
    pub fn look(&self) -> TalkLook {
        match self.phase {
            Phase::Loading => TalkLook::Loading,
            Phase::Listening => TalkLook::Listening,
            Phase::Transcribing => TalkLook::Hearing,
            Phase::Thinking => TalkLook::Thinking,
            Phase::Speaking => TalkLook::Speaking,
            Phase::Stopping => TalkLook::Stopping,
            Phase::Idle if self.fault().is_some() => TalkLook::Fault,
            Phase::Idle if self.last_end == Some(TurnEnd::NothingHeard) => TalkLook::NothingHeard,
            Phase::Idle => TalkLook::Idle,
        }
    }

    /// Why talking does not work, or what the last turn failed of.
    #[must_use]
    pub fn fault(&self) -> Option<&StageError> {
        let broken = [Stage::Capture, Stage::Stt].iter().find_map(|stage| match self.stages.get(stage) {
            Some(StageStatus::Unavailable(error)) => Some(error),
            _ => None,
        });
        broken.or_else(|| self.last_fault.as_ref().filter(|_| self.last_end == Some(TurnEnd::Failed)))
    }

    /// How many of the working stages are there, and how many there are.
    #[must_use]
    pub fn loaded(&self) -> (usize, usize) {
        let done = Stage::WORKERS.iter().filter(|s| !matches!(self.stages.get(s), None | Some(StageStatus::Loading))).count();
        (done, Stage::WORKERS.len())
    }

    /// The stage that is being loaded, the slow ones first.
    #[must_use]
    pub fn loading(&self) -> Option<Stage> {
        [Stage::Llm, Stage::Stt, Stage::Tts, Stage::Capture, Stage::Playback]
            .into_iter()
            .find(|s| matches!(self.stages.get(s), Some(StageStatus::Loading)))
    }

    /// The exchange that is going on or was the last.
    #[must_use]
    pub fn last_turn(&self) -> Option<&TurnView> {
        self.items.iter().rev().find_map(|item| match item {
            Item::Turn(turn) => Some(&**turn),
            Item::Notice(_) => None,
        })
    }

    /// The course of the last turn that had one.
    #[must_use]
    pub fn last_timeline(&self) -> Option<&Timeline> {
        self.items.iter().rev().find_map(|item| match item {
            Item::Turn(turn) => turn.timeline.as_ref(),
            Item::Notice(_) => None,
        })
    }

    /// The name of what a stage has loaded; empty when there is none.
    #[must_use]
    pub fn engine_name(&self, stage: Stage) -> String {
        match self.stages.get(&stage) {
            Some(StageStatus::Ready(info)) => info.name.clone(),
            _ => String::new(),
        }
    }

    /// Whether any of the small models that come with the program is in use.
    #[must_use]
    pub fn starter(&self) -> bool {
        self.stages.values().any(|s| matches!(s, StageStatus::Ready(info) if info.starter))
    }

    /// Whether something goes on that "stop" would stop.
    #[must_use]
    pub fn busy(&self) -> bool {
        matches!(self.phase, Phase::Listening | Phase::Transcribing | Phase::Thinking | Phase::Speaking)
    }

    /// Whether nothing was said yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.items.iter().any(|item| matches!(item, Item::Turn(t) if !t.is_empty()))
    }

    /// Takes a notice off the screen.
    pub fn dismiss(&mut self, notice: &StageError) {
        self.items.retain(|item| !matches!(item, Item::Notice(n) if n == notice));
    }

    fn set_stage(&mut self, stage: Stage, status: &StageStatus) {
        match status {
            StageStatus::Ready(_) => {
                // It works again: what stood there about it is no longer true.
                self.items.retain(|i| !matches!(i, Item::Notice(n) if n.stage == stage && n.severity == Severity::Stage));
            }
            StageStatus::Unavailable(error) => self.notice(TurnId::NONE, error),
            StageStatus::Loading => {}
        }
        let mut status = status.clone();
        if let StageStatus::Ready(info) = &mut status {
            info.name = one_line(&info.name); // of a file, or of a device
        }
        self.stages.insert(stage, status);
    }

    fn notice(&mut self, turn: TurnId, error: &StageError) {
        if turn != TurnId::NONE {
            self.last_fault = Some(error.clone());
        }
        // The same sentence twice says no more than once: it moves down to where it happened again.
        self.dismiss(error);
        self.push(Item::Notice(error.clone()));
    }

    fn push(&mut self, item: Item) {
        self.items.push(item);
        if self.items.len() > MAX_ITEMS {
            self.items.drain(..self.items.len() - MAX_ITEMS);
        }
    }

    fn silence(&mut self) {
        for item in &mut self.items {
            if let Item::Turn(turn) = item {
                turn.clause = None;
            }
        }
    }

    fn turn(&mut self, id: TurnId) -> Option<&mut TurnView> {
        if id == TurnId::NONE {
            return None;
        }
        let known = self.items.iter().rposition(|i| matches!(i, Item::Turn(t) if t.id == id));
        let index = match known {
            Some(index) => index,
            None => {
                // A press that brought nothing leaves nothing behind.
                self.items.retain(|i| !matches!(i, Item::Turn(t) if t.is_empty() && t.end.is_some()));
                self.push(Item::Turn(Box::new(TurnView { id, ..TurnView::default() })));
                self.items.len() - 1
            }
        };
        match self.items.get_mut(index) {
            Some(Item::Turn(turn)) => Some(turn),
            _ => None,
        }
    }

    fn with(&mut self, id: TurnId, change: impl FnOnce(&mut TurnView)) {
        if let Some(turn) = self.turn(id) {
            change(turn);
        }
    }
}

/// What was said, as the window shows it.
fn shown(text: &str) -> String {
    printable(text).into_owned()
}

#[cfg(test)]
#[path = "view_state_tests.rs"]
mod tests;
