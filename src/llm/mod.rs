//! The chat model: the traits, options and results. `llama.rs` is the real engine.
//!
//! ```text
//! worker ── session ── conversation  the prompt of the next question
//!              │   ├── window      which turns still fit
//!              │   ├── template    the model's own marks around what was said
//!              │   ├── vocab       texts to tokens, special ones from the template only
//!              │   ├── idle        what is computed while nobody waits; prefix, tune, measured
//!              │   ├── sampler     how the next token is drawn
//!              │   ├── utf8        bytes of tokens to whole characters
//!              │   ├── prompt      what Hark itself says; meant: when a question means the clock, or a deed
//!              │   └── answer      what of it was heard
//!              └── engine          the KV cache, an exact list of what is in it, the threads of this moment
//!                  └── context     llama.cpp itself
//! ```

mod answer;
mod choices;
mod context;
mod conversation;
mod engine;
mod idle;
pub mod llama;
mod mailbox;
mod meant;
pub mod measured;
mod metered;
mod prefix;
pub mod prompt;
mod resume;
pub mod sampler;
mod session;
pub mod template;
mod tune;
pub mod utf8;
mod vocab;
pub mod window;
pub mod worker;

#[cfg(test)]
mod carry_tests;
#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod idle_tests;
#[cfg(test)]
mod measurements;
#[cfg(test)]
mod metered_tests;
#[cfg(test)]
mod starter_tests;
#[cfg(test)]
pub(crate) mod tests;

pub use choices::{FlashAttention, Sampling};

use crate::error::{Severity, Stage, StageError};
use crate::private::Private;
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, Outcome};
use std::path::PathBuf;
use std::time::Duration;

/// What the user may choose about thinking.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatOptions {
    /// The system prompt.
    pub system: Private,
    /// Size of the context, tokens; cut down to what the model was trained for.
    pub context_tokens: u32,
    /// An answer ends after so many tokens at the latest.
    pub max_tokens: u32,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Threads of the engine at most; 0: as many as were measured to be the fastest.
    pub threads: u32,
    /// Fewer threads while other work needs the cores. Off: exactly as many as above (to measure the bare engine).
    pub adapt: bool,
    /// Whether flash attention is used.
    pub flash_attention: FlashAttention,
    /// Where measurements and the computed beginning of conversations are kept; `None`: nothing is measured or kept.
    pub cache: Option<PathBuf>,
}

impl Default for ChatOptions {
    fn default() -> Self {
        ChatOptions {
            system: Private::default(),
            context_tokens: 2048,
            max_tokens: 400,
            sampling: Sampling::default(),
            threads: 1,
            adapt: true,
            flash_attention: FlashAttention::Auto,
            cache: None,
        }
    }
}

/// Figures of one answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplyStats {
    /// Tokens of the answer, thinking included.
    pub tokens: u32,
    /// Tokens of the prompt that had to be computed after the question was known.
    pub prefilled_tokens: u32,
    /// Tokens of the prompt that were in the KV cache by then.
    pub cached_tokens: u32,
    /// Those of the cached ones that were computed for this question, while it was being asked.
    pub ahead_tokens: u32,
    /// Threads that wrote the last token.
    pub threads: u32,
    /// From the call to the first token, ms.
    pub first_token_ms: f64,
    /// Tokens after the first, per second.
    pub tokens_per_second: f64,
    /// The answer ended because of `max_tokens` or the end of the context.
    pub cut: bool,
}

/// What can go wrong, by what the user can do.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The file is not there.
    #[error("The chat model {} was not found.", .0.display())]
    ModelMissing(PathBuf),
    /// The file is there and is no usable GGUF chat model.
    #[error("The chat model {} cannot be used: {reason}.", path.display())]
    ModelCorrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without a full stop.
        reason: String,
    },
    /// The machine has not enough memory for it.
    #[error("There is not enough memory for the chat model {}.", .0.display())]
    OutOfMemory(PathBuf),
    /// The question alone is longer than the model's context.
    #[error("The text has at least {tokens} tokens and the chat model can take {room}.")]
    ContextFull {
        /// Tokens of the text.
        tokens: usize,
        /// Tokens that would fit.
        room: usize,
    },
    /// The engine gave up on this question.
    #[error("The chat engine failed: {0}.")]
    Engine(String),
    /// The first load was tried elsewhere and went wrong.
    #[error("{}", .0.message)]
    Refused(StageError),
}

impl From<ChatError> for StageError {
    fn from(error: ChatError) -> Self {
        let (severity, hint) = match &error {
            ChatError::Refused(reason) => return reason.clone(),
            ChatError::ModelMissing(_) => {
                (Severity::Stage, "Put a GGUF chat model into the models folder, or choose one with --chat FILE.")
            }
            ChatError::ModelCorrupt { .. } => {
                (Severity::Stage, "Choose another file with --chat FILE or in the settings; if it was copied or downloaded, do that again.")
            }
            ChatError::OutOfMemory(_) => (Severity::Stage, "Close other programs or choose a smaller chat model."),
            ChatError::ContextFull { .. } => (Severity::Turn, "Send a shorter text, or split it into parts."),
            ChatError::Engine(_) => {
                (Severity::Turn, "Ask again; if it happens again, start a new conversation or choose another chat model.")
            }
        };
        StageError::new(Stage::Llm, severity, error.to_string(), hint)
    }
}

/// A conversation without its engine: what the user said and what was heard of the answers, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory(pub Vec<(Private, Private)>);

/// How [`ChatSession::settle`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing is left to do.
    Done,
    /// `stop` said so.
    Stopped,
    /// The rest waits for a quiet machine: call again after this time.
    Later(Duration),
}

/// A loaded chat model. Two traits, because llama's context borrows its model.
pub trait ChatModel {
    /// Starts a conversation.
    ///
    /// # Errors
    /// [`ChatError::OutOfMemory`] when the KV cache does not fit.
    fn session(&self, options: &ChatOptions) -> Result<Box<dyn ChatSession + '_>, ChatError>;

    /// What is loaded.
    fn info(&self) -> EngineInfo;
}

/// One conversation with its KV cache.
pub trait ChatSession {
    /// Puts the system prompt, the history and the certain beginning of the next user text into the KV cache, ahead of
    /// time. `stop` is asked all the time and ends the work within milliseconds; what was computed until then stays.
    ///
    /// # Errors
    /// See [`ChatError`].
    fn prefill(&mut self, user_so_far: &str, stop: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError>;

    /// Answers `user`. `on_text` gets the raw text as it comes, whole characters only, thinking marks included.
    /// Until [`ChatSession::commit`] is called the exchange is pending.
    ///
    /// # Errors
    /// See [`ChatError`]; after an error nothing is pending.
    fn reply(&mut self, user: &str, cancel: &CancelToken, on_text: &mut dyn FnMut(&str)) -> Result<Outcome<ReplyStats>, ChatError>;

    /// Ends the pending exchange: `heard` is what the user heard (or read) of the answer, without thinking. Only that
    /// enters the memory. With an empty `heard` the whole exchange is forgotten.
    ///
    /// # Errors
    /// See [`ChatError`].
    fn commit(&mut self, heard: &str) -> Result<(), ChatError>;

    /// The work for idle times, to be called when no exchange is pending and no question is on its way: drops old turns
    /// when the next question would find no room, brings the KV cache to system prompt and history, measures the machine.
    /// `stop` ends it within milliseconds.
    ///
    /// # Errors
    /// See [`ChatError`].
    fn settle(&mut self, stop: &dyn Fn() -> bool) -> Result<Settled, ChatError>;

    /// What was said and heard so far, for [`ChatSession::remember`] of this or another model.
    fn memory(&self) -> Memory;

    /// Goes on with another conversation instead. What does not fit is dropped with the next work, oldest turns first.
    fn remember(&mut self, memory: &Memory);

    /// Forgets the conversation; the system prompt stays.
    fn reset(&mut self);

    /// Other options from the next answer on; the conversation stays.
    ///
    /// # Errors
    /// [`ChatError::OutOfMemory`] when there is no memory for another context: the old one is used on, with all else new.
    fn set_options(&mut self, options: &ChatOptions) -> Result<(), ChatError>;
}
