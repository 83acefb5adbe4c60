//! The time without a model: what is kept for the next session, and what is answered until then.

use super::mailbox::{Mailbox, Next};
use super::{ChatError, ChatModel, ChatOptions, ChatSession, FlashAttention, Memory};
use crate::clock;
use crate::error::{Severity, Stage, StageError};
use crate::event::{LlmCmd, WorkerEvent};
use crate::turn::{Moment, TurnId};
use crossbeam_channel::Sender;

/// What a session begins with.
pub(super) struct Resume {
    pub options: ChatOptions,
    /// The context and attention with which there was room for a session. Others may be wished while the model is away.
    pub held: Option<(u32, FlashAttention)>,
    /// The conversation before the model was unloaded.
    pub memory: Option<Memory>,
    /// The command for which it is loaded again.
    pub command: Option<LlmCmd>,
    pub announced: bool,
    /// It was unloaded because somebody asked for it.
    pub released: bool,
    /// When it was left.
    pub at: Moment,
}

impl Resume {
    /// The first session.
    pub(super) fn begin(options: ChatOptions) -> Resume {
        Resume { options, held: None, memory: None, command: None, announced: false, released: false, at: clock::now() }
    }

    /// A session, with the context that it had when there is no room for the one that is wished since; then the sentence about it.
    pub(super) fn session<'m>(&mut self, model: &'m dyn ChatModel) -> Result<(Box<dyn ChatSession + 'm>, Option<StageError>), ChatError> {
        let error = match model.session(&self.options) {
            Err(error @ ChatError::OutOfMemory(_)) => error,
            other => return Ok((other?, None)),
        };
        match self.held {
            Some((context_tokens, flash_attention)) if context_tokens != self.options.context_tokens => {
                (self.options.context_tokens, self.options.flash_attention) = (context_tokens, flash_attention);
                Ok((model.session(&self.options)?, Some(context_kept(error))))
            }
            _ => Err(error),
        }
    }

    /// What is left when it cannot be loaded again, and the turn that asks for it; `None`: it was not there yet.
    pub(super) fn again(&self) -> Option<(Resume, Option<TurnId>)> {
        let turn = if let Some(LlmCmd::Reply(turn, _)) = &self.command { Some(*turn) } else { None };
        let (options, memory) = (self.options.clone(), self.memory.clone());
        self.announced.then_some((Resume { memory, held: self.held, announced: true, ..Resume::begin(options) }, turn))
    }
}

/// There was no memory for the options that are wished.
pub(super) fn context_kept(error: ChatError) -> StageError {
    let error = StageError::from(error);
    let message = format!("{} The conversation goes on with the context that it had.", error.message);
    StageError { severity: Severity::Info, message, ..error }
}

/// The model did not come back. Who decides may take another; if not, the turn gets to know, and the next one tries again.
pub(super) fn lost(error: StageError, turn: Option<TurnId>, left: Resume, mailbox: &Mailbox, up: &Sender<WorkerEvent>) -> Option<Resume> {
    tracing::warn!(%error, "the chat model did not come back");
    if error.severity == Severity::Stage {
        up.send(WorkerEvent::Lost(error.clone())).ok()?;
    }
    if let Some(turn) = turn {
        up.send(WorkerEvent::Failed(turn, error)).ok()?;
    }
    sleep(left, mailbox, up)
}

/// Without a model: says so for each question.
pub(super) fn decline(error: StageError, mailbox: &Mailbox, up: &Sender<WorkerEvent>) {
    if up.send(WorkerEvent::Failed(TurnId::NONE, error.clone())).is_err() {
        return;
    }
    while let Next::Command(command) = mailbox.next(None) {
        let answer = match command {
            LlmCmd::Reply(turn, _) => WorkerEvent::Failed(turn, error.clone()),
            LlmCmd::Release => WorkerEvent::Released(Stage::Llm),
            _ => continue,
        };
        if up.send(answer).is_err() {
            return;
        }
    }
}

/// The model is unloaded: waits for a command that needs it.
pub(super) fn sleep(mut left: Resume, mailbox: &Mailbox, up: &Sender<WorkerEvent>) -> Option<Resume> {
    loop {
        match mailbox.next(None) {
            Next::Command(command @ (LlmCmd::Prefill(..) | LlmCmd::Reply(..) | LlmCmd::Wake)) => {
                return Some(Resume { command: Some(command), released: false, ..left });
            }
            Next::Command(LlmCmd::Reset) => left.memory = None,
            Next::Command(LlmCmd::Remember(memory)) => left.memory = Some(memory),
            Next::Command(LlmCmd::Release) => up.send(WorkerEvent::Released(Stage::Llm)).ok()?,
            Next::Command(LlmCmd::Configure(options)) => left.options = options,
            // Nothing is pending.
            Next::Command(LlmCmd::Commit { .. }) | Next::Nothing => {}
            Next::Closed => return None,
        }
    }
}
