//! The llm thread: owns model and session, answers, remembers what was heard, and works ahead while nobody waits.

use super::mailbox::{Mailbox, Next};
use super::resume::{Resume, context_kept, decline, lost, sleep};
use super::{ChatError, ChatModel, ChatOptions, ChatSession, ReplyStats, Settled};
use crate::clock;
use crate::error::Stage;
use crate::event::{LlmCmd, WorkerEvent};
use crate::speech::{Part, ThinkSplitter};
use crate::trace::{Lane, Span, Work};
use crate::turn::{Moment, Outcome, TurnId, TurnReader};
use crate::worker::{Patience, Worker};
use crossbeam_channel::Sender;
use std::sync::Arc;
use std::time::Duration;

/// Loads the model, on the thread that uses it.
pub type ChatFactory = Arc<dyn Fn() -> Result<Box<dyn ChatModel>, ChatError> + Send + Sync>;

/// Commands that may wait: those of an answer, and one for each phrase of the question.
const INBOX: usize = 16;

/// Starts the llm thread. It loads the model, reports [`WorkerEvent::Ready`] (or [`WorkerEvent::Failed`] for no turn) and
/// works until the handle is dropped.
///
/// - `Prefill`: computed ahead, until something else is to be done. Of several that wait the newest counts; a `Reply`
///   replaces those of its turn.
/// - `Reply`: [`WorkerEvent::ReplyDelta`] and [`WorkerEvent::ThinkingDelta`], then [`WorkerEvent::ReplyEnded`] or
///   [`WorkerEvent::Failed`]. Of a turn that moved on nothing more is sent; its answer so far waits for `Commit`.
/// - `Commit` of another turn than the waiting one is ignored. A new `Reply` forgets what waits.
/// - After a failed load each `Reply` is answered with the same error; a model that was there before and did not come back
///   ([`WorkerEvent::Lost`]) is tried again by each.
/// - When nothing is to be done, system prompt and history are brought into the KV cache. After `unload_after` without a
///   command model and cache are given back; the next question loads them and goes on with the same conversation.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_llm(
    factory: ChatFactory,
    options: ChatOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    unload_after: impl Into<Patience>,
) -> std::io::Result<Worker<LlmCmd>> {
    let unload_after = unload_after.into();
    Worker::spawn(Stage::Llm, INBOX, up, move |inbox, up| {
        let mailbox = Mailbox::new(inbox);
        let mut resume = Resume::begin(options);
        loop {
            let again = resume.again();
            let ended = match factory() {
                Ok(model) => serve(model.as_ref(), resume, &mailbox, &up, &turns, &unload_after),
                Err(error) => Err(error),
            };
            // The model is dropped here, so its memory is free by now.
            let ended = match ended {
                Ok(Some(left)) => {
                    let unloaded = WorkerEvent::Unloaded(Stage::Llm, left.at);
                    let gone = if left.released { WorkerEvent::Released(Stage::Llm) } else { unloaded };
                    if up.send(gone).is_err() {
                        return;
                    }
                    Ok(Some(left))
                }
                ended => ended,
            };
            match ended {
                Ok(Some(left)) => match sleep(left, &mailbox, &up) {
                    Some(next) => resume = next,
                    None => return,
                },
                Ok(None) => return,
                Err(error) => match again {
                    // It did not come back: the stick may be in again at the next question, or memory free.
                    Some((left, turn)) => match lost(error.into(), turn, left, &mailbox, &up) {
                        Some(next) => resume = next,
                        None => return,
                    },
                    None => return decline(error.into(), &mailbox, &up),
                },
            }
        }
    })
}

/// With a model: works until there are no more commands (`None`) or there was none for long (what to go on with). An
/// error means that there is no session at all.
fn serve(
    model: &dyn ChatModel,
    mut resume: Resume,
    mailbox: &Mailbox,
    up: &Sender<WorkerEvent>,
    turns: &TurnReader,
    unload_after: &Patience,
) -> Result<Option<Resume>, ChatError> {
    let (mut session, problem) = resume.session(model)?;
    let Resume { options, memory, mut command, announced, .. } = resume;
    if let Some(error) = problem
        && up.send(WorkerEvent::Failed(TurnId::NONE, error)).is_err()
    {
        return Ok(None);
    }
    if let Some(memory) = &memory {
        session.remember(memory);
    }
    // The beginning of the prompt is computed afterwards: a question that comes meanwhile computes what is missing.
    if !announced && up.send(WorkerEvent::Ready(Stage::Llm, model.info())).is_err() {
        return Ok(None);
    }
    let mut desk = Desk { session, options, up, turns, mailbox, pending: None, asked: None, settle: Some(clock::now()) };
    let mut last = clock::now();
    loop {
        let next = match command.take() {
            Some(command) => Next::Command(command),
            None => {
                let unload = unload_after.get().filter(|_| desk.pending.is_none()).map(|after| last.plus(after));
                if unload.is_some_and(|at| at <= clock::now()) {
                    return Ok(Some(desk.leave(false)));
                }
                match desk.settle_at() {
                    Some(at) if at <= clock::now() && !mailbox.waiting() => {
                        desk.settle();
                        continue;
                    }
                    at => {
                        let until = at.into_iter().chain(unload).min();
                        mailbox.next(until.map(|at| at.since(clock::now())))
                    }
                }
            }
        };
        match next {
            Next::Closed => return Ok(None),
            Next::Nothing => {}
            Next::Command(LlmCmd::Release) => return Ok(Some(desk.leave(true))),
            Next::Command(command) => {
                if desk.handle(command).is_err() {
                    return Ok(None);
                }
                last = clock::now();
            }
        }
    }
}

/// The assistant is gone.
struct Gone;

/// A session and what is on its desk.
struct Desk<'a> {
    session: Box<dyn ChatSession + 'a>,
    options: ChatOptions,
    up: &'a Sender<WorkerEvent>,
    turns: &'a TurnReader,
    mailbox: &'a Mailbox,
    /// The turn whose answer waits for `Commit`.
    pending: Option<TurnId>,
    /// The turn whose question is being asked.
    asked: Option<TurnId>,
    /// When there is idle work to do.
    settle: Option<Moment>,
}

impl Desk<'_> {
    /// What the next session goes on with. An answer that nobody said to have been heard is forgotten.
    fn leave(self, released: bool) -> Resume {
        let held = Some((self.options.context_tokens, self.options.flash_attention));
        Resume { memory: Some(self.session.memory()), held, announced: true, released, ..Resume::begin(self.options) }
    }

    /// When idle work may be done: neither an answer nor a question is on its way.
    fn settle_at(&self) -> Option<Moment> {
        let free = self.pending.is_none() && self.asked.is_none_or(|turn| turn != self.turns.current());
        self.settle.filter(|_| free)
    }

    fn settle(&mut self) {
        let mailbox = self.mailbox;
        self.settle = match self.session.settle(&|| mailbox.waiting()) {
            Ok(Settled::Done) => None,
            Ok(Settled::Stopped) => Some(clock::now()),
            Ok(Settled::Later(after)) => Some(clock::now().plus(after)),
            Err(error) => {
                // The next question will say the same.
                tracing::debug!(%error, "the beginning of the prompt was not computed");
                None
            }
        };
    }

    fn send(&self, event: WorkerEvent) -> Result<(), Gone> {
        self.up.send(event).map_err(|_| Gone)
    }

    fn worked(&self, turn: TurnId, work: Work, from: Moment, to: Moment) -> Result<(), Gone> {
        self.send(WorkerEvent::Worked(turn, Span { lane: Lane::Llm, work, from, to }))
    }

    fn handle(&mut self, command: LlmCmd) -> Result<(), Gone> {
        match command {
            LlmCmd::Prefill(turn, text) => self.prefill(turn, text.into())?,
            LlmCmd::Reply(turn, text) => {
                self.asked = None;
                self.settle = Some(clock::now());
                if self.pending.take().is_some() {
                    // Nothing of it was heard; forgetting cannot fail.
                    let _ = self.session.commit("");
                }
                if self.turns.current() == turn {
                    self.reply(turn, &text)?;
                }
            }
            LlmCmd::Commit { turn, heard } => {
                if self.pending == Some(turn) {
                    self.pending = None;
                    self.settle = Some(clock::now());
                    if let Err(error) = self.session.commit(&heard) {
                        self.send(WorkerEvent::Failed(turn, error.into()))?;
                    }
                }
            }
            LlmCmd::Reset => {
                self.session.reset();
                (self.pending, self.asked, self.settle) = (None, None, Some(clock::now()));
            }
            LlmCmd::Remember(memory) => {
                self.session.remember(&memory);
                (self.pending, self.asked, self.settle) = (None, None, Some(clock::now()));
            }
            LlmCmd::Configure(options) => {
                let taken = self.session.set_options(&options);
                let before = std::mem::replace(&mut self.options, options);
                self.settle = Some(clock::now());
                if let Err(error) = taken {
                    // The next session, after an unload, must not fail for it.
                    self.options.context_tokens = before.context_tokens;
                    self.options.flash_attention = before.flash_attention;
                    self.send(WorkerEvent::Failed(TurnId::NONE, context_kept(error)))?;
                }
            }
            // It is loaded.
            LlmCmd::Wake | LlmCmd::Release => {}
        }
        Ok(())
    }

    fn prefill(&mut self, turn: TurnId, text: String) -> Result<(), Gone> {
        let token = self.turns.token(turn);
        if token.is_cancelled() {
            return Ok(());
        }
        self.asked = Some(turn);
        let (mailbox, from) = (self.mailbox, clock::now());
        match self.session.prefill(&text, &|| token.is_cancelled() || mailbox.waiting()) {
            Ok(Outcome::Done(())) => {}
            Ok(Outcome::Cancelled) if token.is_cancelled() => return Ok(()),
            Ok(Outcome::Cancelled) => mailbox.put_back(turn, text.into()),
            Err(error) => {
                // The reply to the whole text will say the same.
                tracing::debug!(%error, "prefill failed");
                return Ok(());
            }
        }
        self.worked(turn, Work::Prefill, from, clock::now())
    }

    fn reply(&mut self, turn: TurnId, text: &str) -> Result<(), Gone> {
        let from = clock::now();
        let ended = reply(self.session.as_mut(), turn, text, self.up, self.turns);
        let event = match ended {
            Ok(Outcome::Done(stats)) => {
                self.pending = Some(turn);
                let written = from.plus(Duration::from_secs_f64(stats.first_token_ms.max(0.0) / 1000.0));
                self.worked(turn, Work::Prompt, from, written)?;
                self.worked(turn, Work::Decode, written, clock::now())?;
                WorkerEvent::ReplyEnded { turn, stats }
            }
            Ok(Outcome::Cancelled) => {
                self.pending = Some(turn);
                return Ok(());
            }
            Err(error) => WorkerEvent::Failed(turn, error.into()),
        };
        if self.turns.current() == turn { self.send(event) } else { Ok(()) }
    }
}

/// One answer, told apart into thinking and speech.
fn reply(
    session: &mut dyn ChatSession,
    turn: TurnId,
    words: &str,
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
                Part::Answer(text) => WorkerEvent::ReplyDelta(turn, text.into()),
                Part::Thinking(text) => WorkerEvent::ThinkingDelta(turn, text.into()),
            });
        }
    };
    let outcome = session.reply(words, &token, &mut |text| send(splitter.push(text)))?;
    send(splitter.finish());
    Ok(outcome)
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
