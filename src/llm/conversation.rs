//! A conversation as the prompt of its next question, and which turns of it still fit.

use super::ChatError;
use super::llama::LlamaModelHandle;
use super::prompt::{self, STARTER_EXAMPLES};
use super::template::{Piece, Template};
use super::vocab::{Contents, Vocabulary};
use super::window::{Fit, fit};
use llama_cpp_2::token::LlamaToken;

/// A turn that was heard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exchange {
    pub(super) user: String,
    /// What was heard of the answer, without thinking; as generated when it was heard whole.
    pub(super) answer: Vec<LlamaToken>,
}

/// What was said so far, in the model's own form.
pub(super) struct Conversation<'m> {
    pub(super) vocabulary: Vocabulary<'m>,
    pub(super) template: Template,
    pub(super) system: String,
    pub(super) history: Vec<Exchange>,
    starter: bool,
    /// So many turns at the front of the history are examples that nobody said.
    examples: usize,
}

/// A prompt that fits, and the room for the answer behind it.
pub(super) struct Prompt {
    pub(super) pieces: Vec<Piece>,
    pub(super) tokens: Vec<LlamaToken>,
    pub(super) room: usize,
}

/// The conversation as [`Vocabulary::encode`] wants it: the history from some turn on, then the open question.
struct Said<'a> {
    system: &'a str,
    history: &'a [Exchange],
    question: &'a str,
}

impl Contents for Said<'_> {
    fn system(&self) -> &str {
        self.system
    }

    fn user(&self, turn: usize) -> &str {
        self.history.get(turn).map_or(self.question, |exchange| &exchange.user)
    }

    fn answer(&self, turn: usize) -> &[LlamaToken] {
        self.history.get(turn).map_or(&[], |exchange| &exchange.answer)
    }
}

/// Tokens that a spoken question has at most, as a rule: half a minute of speech, and 25 for date and time.
const QUESTION: usize = 96;

impl<'m> Conversation<'m> {
    pub(super) fn new(model: &'m LlamaModelHandle, system: &str) -> Self {
        let (vocabulary, template) = model.language();
        let starter = model.is_starter();
        let mut new = Conversation { vocabulary, template, system: system.to_owned(), history: Vec::new(), starter, examples: 0 };
        new.begin();
        new
    }

    /// Forgets all. A conversation begins with nothing, or with the examples for a starter model.
    pub(super) fn begin(&mut self) {
        self.history.clear();
        if self.starter && prompt::is_built_in(&self.system) {
            let exchange = |(user, answer): &(&str, &str)| Exchange { user: (*user).to_owned(), answer: self.vocabulary.answer(answer) };
            self.history = STARTER_EXAMPLES.iter().map(exchange).collect();
        }
        self.examples = self.history.len();
    }

    /// What was really said and heard, and still fits.
    pub(super) fn since_begun(&self) -> &[Exchange] {
        self.history.get(self.examples..).unwrap_or_default()
    }

    /// Something was said beyond the examples that it begins with.
    pub(super) fn has_begun(&self) -> bool {
        let examples = if self.starter && prompt::is_built_in(&self.system) { STARTER_EXAMPLES.len() } else { 0 };
        self.history.len() != examples || self.history.iter().zip(STARTER_EXAMPLES).any(|(a, b)| a.user != b.0)
    }

    /// The system prompt: its language is that of the oldest words that still fit, so it changes where the KV cache changes anyway.
    fn system(&self, question: &str) -> &str {
        prompt::system_for(&self.system, self.since_begun().first().map_or(question, |oldest| &oldest.user))
    }

    fn pieces(&self, turns: usize) -> Result<Vec<Piece>, ChatError> {
        self.template
            .render(!self.system.trim().is_empty(), turns)
            .map_err(|error| ChatError::Engine(format!("its chat template failed ({error})")))
    }

    /// The prompt for `question` with the history from turn `first` on.
    pub(super) fn prompt(&self, first: usize, question: &str) -> Result<(Vec<Piece>, Vec<LlamaToken>), ChatError> {
        let history = self.history.get(first..).unwrap_or_default();
        let pieces = self.pieces(history.len())?;
        let tokens = self.vocabulary.encode(&pieces, &Said { system: self.system(question), history, question });
        Ok((pieces, tokens))
    }

    /// The prompt for `question`; when there is no room for it and an answer, the oldest turns go.
    pub(super) fn ask(&mut self, question: &str, n_ctx: usize, max_tokens: u32) -> Result<Prompt, ChatError> {
        // A pasted book is refused before it is tokenised (1 MB takes seconds).
        let at_least = self.vocabulary.at_least(question);
        if at_least > n_ctx {
            let around = self.prompt(self.history.len(), "")?.1.len();
            return Err(ChatError::ContextFull { tokens: at_least, room: n_ctx.saturating_sub(around) });
        }
        let mut alone = Vec::new();
        self.vocabulary.plain(question.trim(), &mut alone);
        let (room, first, (pieces, tokens)) = self.fitting(question, alone.len(), n_ctx, max_tokens, 0)?;
        self.drop_first(first);
        Ok(Prompt { pieces, tokens, room })
    }

    /// Drops the oldest turns ahead of time, so that the next question need not, and gives what the prompt of any next
    /// question begins with.
    pub(super) fn ahead(&mut self, n_ctx: usize, max_tokens: u32) -> Result<Vec<LlamaToken>, ChatError> {
        let (_, first, _) = self.fitting("", 0, n_ctx, max_tokens, QUESTION.min(n_ctx / 8))?;
        self.drop_first(first);
        self.certain(None)
    }

    /// The prompt up to where it is certain: to the question, or to the end of `question` so far.
    pub(super) fn certain(&self, question: Option<&str>) -> Result<Vec<LlamaToken>, ChatError> {
        let mut pieces = self.pieces(self.history.len())?;
        if let Some(last) = pieces.iter().rposition(|piece| matches!(piece, Piece::User(_))) {
            pieces.truncate(if question.is_some() { last + 1 } else { last });
        }
        let question = question.unwrap_or_default();
        let said = Said { system: self.system(question), history: &self.history, question };
        Ok(self.vocabulary.encode(&pieces, &said))
    }

    /// Room, first turn and prompt, with `more` tokens kept free.
    #[allow(clippy::type_complexity)] // one caller each
    fn fitting(
        &self,
        question: &str,
        alone: usize,
        n_ctx: usize,
        max_tokens: u32,
        more: usize,
    ) -> Result<(usize, usize, (Vec<Piece>, Vec<LlamaToken>)), ChatError> {
        let max_tokens = usize::try_from(max_tokens).unwrap_or(usize::MAX);
        let mut failed = None;
        let mut made = None;
        let fitted = fit(n_ctx, max_tokens, self.history.len(), alone, |first| match self.prompt(first, question) {
            Ok(prompt) => {
                let tokens = prompt.1.len() + more;
                made = Some((first, prompt));
                tokens
            }
            Err(error) => {
                failed = Some(error);
                usize::MAX / 4
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let Fit { first, room } = fitted?;
        match made {
            Some((made_for, prompt)) if made_for == first => Ok((room, first, prompt)),
            _ => Ok((room, first, self.prompt(first, question)?)),
        }
    }

    fn drop_first(&mut self, turns: usize) {
        if turns > 0 {
            tracing::debug!(turns, "the oldest turns of the conversation were dropped");
            self.history.drain(..turns);
            self.examples = self.examples.saturating_sub(turns);
        }
    }
}
