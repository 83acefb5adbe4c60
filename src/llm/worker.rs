//! The llm thread: owns model and session, answers, remembers what was heard.

use super::{ChatError, ChatModel, ChatOptions, ChatSession, ReplyStats, prompt};
use crate::error::{Stage, StageError};
use crate::event::{LlmCmd, WorkerEvent};
use crate::speech::{Part, ThinkSplitter};
use crate::turn::{Outcome, TurnId, TurnReader};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, Sender};
use jiff::Zoned;
use std::sync::Arc;

/// Loads the model, on the thread that uses it.
pub type ChatFactory = Arc<dyn Fn() -> Result<Box<dyn ChatModel>, ChatError> + Send + Sync>;

/// Commands that may wait: an answer and what follows it.
const INBOX: usize = 4;

/// Starts the llm thread. It loads the model, computes the system prompt, reports [`WorkerEvent::Ready`] (or
/// [`WorkerEvent::Failed`] for no turn) and works until the handle is dropped.
///
/// - `Reply`: [`WorkerEvent::ReplyDelta`] and [`WorkerEvent::ThinkingDelta`], then [`WorkerEvent::ReplyEnded`] or
///   [`WorkerEvent::Failed`]. Of a turn that moved on nothing more is sent; its answer so far waits for `Commit`.
/// - `Commit` of another turn than the waiting one is ignored. A new `Reply` forgets what waits.
/// - After a failed load each `Reply` is answered with the same error.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_llm(
    factory: ChatFactory,
    options: ChatOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
) -> std::io::Result<Worker<LlmCmd>> {
    Worker::spawn(Stage::Llm, INBOX, up, move |inbox, up| {
        let ended = match factory() {
            Ok(model) => serve(model.as_ref(), &options, &inbox, &up, &turns),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            decline(error.into(), &inbox, &up);
        }
    })
}

/// Without a model: says so for each question.
fn decline(error: StageError, inbox: &Receiver<LlmCmd>, up: &Sender<WorkerEvent>) {
    if up.send(WorkerEvent::Failed(TurnId::NONE, error.clone())).is_err() {
        return;
    }
    for command in inbox {
        if let LlmCmd::Reply(turn, _) = command
            && up.send(WorkerEvent::Failed(turn, error.clone())).is_err()
        {
            return;
        }
    }
}

/// With a model: works until the inbox is disconnected. An error means that there is no session at all.
fn serve(
    model: &dyn ChatModel,
    options: &ChatOptions,
    inbox: &Receiver<LlmCmd>,
    up: &Sender<WorkerEvent>,
    turns: &TurnReader,
) -> Result<(), ChatError> {
    let mut session = model.session(options)?;
    // A press during the warm-up cancels it; the answer then computes what is missing.
    match session.prefill("", &turns.token(turns.current())) {
        Ok(_) => {}
        // A system prompt that is too long shows with the first question; the model itself works.
        Err(error @ ChatError::ContextFull { .. }) => tracing::warn!(%error, "the system prompt does not fit"),
        Err(error) => return Err(error),
    }
    if up.send(WorkerEvent::Ready(Stage::Llm, model.info())).is_err() {
        return Ok(());
    }
    let mut pending = None;
    for command in inbox {
        match command {
            LlmCmd::Prefill(turn, text) => {
                let token = turns.token(turn);
                if !token.is_cancelled()
                    && let Err(error) = session.prefill(&prompt::with_time(&text, &Zoned::now()), &token)
                {
                    // The reply to the whole text will say the same.
                    tracing::debug!(%error, "prefill failed");
                }
            }
            LlmCmd::Reply(turn, text) => {
                if pending.take().is_some() {
                    let _ = session.commit("");
                }
                if turns.current() != turn {
                    continue;
                }
                let ended = reply(session.as_mut(), turn, &text, up, turns);
                let event = match ended {
                    Ok(Outcome::Done(stats)) => {
                        pending = Some(turn);
                        WorkerEvent::ReplyEnded { turn, stats }
                    }
                    Ok(Outcome::Cancelled) => {
                        pending = Some(turn);
                        continue;
                    }
                    Err(error) => WorkerEvent::Failed(turn, error.into()),
                };
                if turns.current() == turn && up.send(event).is_err() {
                    return Ok(());
                }
            }
            LlmCmd::Commit { turn, heard } => {
                if pending == Some(turn) {
                    pending = None;
                    if let Err(error) = session.commit(&heard)
                        && up.send(WorkerEvent::Failed(turn, error.into())).is_err()
                    {
                        return Ok(());
                    }
                }
            }
            LlmCmd::Reset => {
                session.reset();
                pending = None;
            }
            LlmCmd::Configure(options) => session.set_options(&options),
        }
    }
    Ok(())
}

/// One answer, told apart into thinking and speech.
fn reply(
    session: &mut dyn ChatSession,
    turn: TurnId,
    text: &str,
    up: &Sender<WorkerEvent>,
    turns: &TurnReader,
) -> Result<Outcome<ReplyStats>, ChatError> {
    let token = turns.token(turn);
    let mut splitter = ThinkSplitter::default();
    let send = |parts: Vec<Part>| {
        for part in parts {
            // The last look before sending; who receives looks again.
            if token.is_cancelled() {
                return;
            }
            // The assistant is gone when this fails; its clock has moved on then, which ends the answer.
            let _ = up.send(match part {
                Part::Answer(text) => WorkerEvent::ReplyDelta(turn, text),
                Part::Thinking(text) => WorkerEvent::ThinkingDelta(turn, text),
            });
        }
    };
    let outcome = session.reply(&prompt::with_time(text, &Zoned::now()), &token, &mut |text| send(splitter.push(text)))?;
    send(splitter.finish());
    Ok(outcome)
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
