//! One conversation with llama.cpp: history, KV reuse, streaming.

use super::answer::{Answer, StopScan};
use super::engine::{Engine, Fed};
use super::llama::LlamaModelHandle;
use super::prompt::{DEFAULT_SYSTEM, STARTER_EXAMPLES};
use super::template::{Piece, Template};
use super::utf8::Utf8Stream;
use super::vocab::{Contents, Vocabulary};
use super::window::{Fit, fit};
use super::{ChatError, ChatOptions, ChatSession, ReplyStats, sampler};
use crate::clock;
use crate::turn::{CancelToken, Outcome};
use llama_cpp_2::token::LlamaToken;

/// A turn that was heard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exchange {
    pub(super) user: String,
    /// What was heard of the answer, without thinking; as generated when it was heard whole.
    pub(super) answer: Vec<LlamaToken>,
}

/// The exchange that waits for [`ChatSession::commit`].
#[derive(Debug)]
struct Pending {
    user: String,
    answer: Answer,
}

/// See [`ChatSession`].
pub(super) struct LlamaSession<'m> {
    model: &'m LlamaModelHandle,
    engine: Engine<'m>,
    vocabulary: Vocabulary<'m>,
    template: Template,
    options: ChatOptions,
    history: Vec<Exchange>,
    pending: Option<Pending>,
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

impl<'m> LlamaSession<'m> {
    pub(super) fn new(model: &'m LlamaModelHandle, options: &ChatOptions) -> Result<Self, ChatError> {
        let engine = Engine::new(model, options.context_tokens, model.threads(options.threads))?;
        let (vocabulary, template) = model.language();
        let mut session =
            LlamaSession { model, engine, vocabulary, template, options: options.clone(), history: Vec::new(), pending: None };
        session.history = session.beginning();
        Ok(session)
    }

    /// What a conversation begins with: nothing, or the examples for a starter model.
    fn beginning(&self) -> Vec<Exchange> {
        if !self.model.is_starter() || self.options.system != DEFAULT_SYSTEM {
            return Vec::new();
        }
        let exchange = |(user, answer): &(&str, &str)| Exchange { user: (*user).to_owned(), answer: self.vocabulary.answer(answer) };
        STARTER_EXAMPLES.iter().map(exchange).collect()
    }

    fn pieces(&self, turns: usize) -> Result<Vec<Piece>, ChatError> {
        self.template
            .render(!self.options.system.trim().is_empty(), turns)
            .map_err(|error| ChatError::Engine(format!("its chat template failed ({error})")))
    }

    /// The prompt for `question` with the history from turn `first` on.
    fn prompt(&self, first: usize, question: &str) -> Result<(Vec<Piece>, Vec<LlamaToken>), ChatError> {
        let history = self.history.get(first..).unwrap_or_default();
        let pieces = self.pieces(history.len())?;
        let tokens = self.vocabulary.encode(&pieces, &Said { system: &self.options.system, history, question });
        Ok((pieces, tokens))
    }

    /// Makes room for the question: the oldest turns go. Gives the room for the answer.
    fn make_room(&mut self, question: &str) -> Result<usize, ChatError> {
        let n_ctx = self.engine.n_ctx();
        // A pasted book is refused before it is tokenised (1 MB takes seconds).
        let at_least = self.vocabulary.at_least(question);
        if at_least > n_ctx {
            let around = self.prompt(self.history.len(), "")?.1.len();
            return Err(ChatError::ContextFull { tokens: at_least, room: n_ctx.saturating_sub(around) });
        }
        let mut failed = None;
        let alone = {
            let mut tokens = Vec::new();
            self.vocabulary.plain(question.trim(), &mut tokens);
            tokens.len()
        };
        let max_tokens = usize::try_from(self.options.max_tokens).unwrap_or(usize::MAX);
        let fitted = fit(n_ctx, max_tokens, self.history.len(), alone, |first| match self.prompt(first, question) {
            Ok((_, tokens)) => tokens.len(),
            Err(error) => {
                failed = Some(error);
                usize::MAX / 4
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let Fit { first, room } = fitted?;
        if first > 0 {
            tracing::debug!(turns = first, "the oldest turns of the conversation were dropped");
            self.history.drain(..first);
        }
        Ok(room)
    }

    /// Generates until the model ends, `room` is used up or the turn moves on. The answer so far stays in `answer`.
    fn generate(
        &mut self,
        room: usize,
        answer: &mut Answer,
        started: f64,
        cancel: &CancelToken,
        show: &mut dyn FnMut(&str),
    ) -> Result<Outcome<ReplyStats>, ChatError> {
        let mut sampler = sampler::chain(&self.options.sampling, self.vocabulary.n_tokens());
        let mut utf8 = Utf8Stream::default();
        let mut stops = StopScan::new(self.template.stops());
        let mut stats = ReplyStats::default();
        let mut first = 0.0;
        loop {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let token = self.engine.draw(&mut sampler)?;
            if stats.tokens == 0 {
                first = now_ms();
                stats.first_token_ms = first - started;
            }
            if self.vocabulary.is_end(token) {
                break;
            }
            stats.tokens += 1;
            let bytes = self.vocabulary.piece(token);
            answer.push(token, &bytes);
            let stopped = stops.push(&utf8.push(&bytes), show);
            if stopped {
                answer.cut_at_stop(self.template.stops());
                break;
            }
            if usize::try_from(stats.tokens).unwrap_or(usize::MAX) >= room {
                stats.cut = true;
                break;
            }
            self.engine.push(token)?;
        }
        stops.push(&utf8.finish(), show);
        stops.finish(show);
        let seconds = (now_ms() - first) / 1000.0;
        if stats.tokens > 1 && seconds > 0.0 {
            stats.tokens_per_second = f64::from(stats.tokens - 1) / seconds;
        }
        Ok(Outcome::Done(stats))
    }

    #[cfg(test)]
    pub(super) fn history(&self) -> &[Exchange] {
        &self.history
    }

    #[cfg(test)]
    pub(super) fn set_history(&mut self, history: Vec<Exchange>) {
        self.history = history;
    }

    /// The tokens of the pending answer.
    #[cfg(test)]
    pub(super) fn pending_tokens(&self) -> Vec<LlamaToken> {
        self.pending.as_ref().map(|p| p.answer.tokens().to_vec()).unwrap_or_default()
    }

    /// The next `n` tokens after the prompt for `question` (the most likely ones, or those of `forced`), and the logits
    /// that each was chosen from.
    #[cfg(test)]
    pub(super) fn greedy_logits(&mut self, question: &str, n: usize, forced: &[LlamaToken]) -> (Vec<LlamaToken>, Vec<Vec<f32>>) {
        let tokens = self.prompt_tokens(question);
        self.engine.feed(&tokens, &CancelToken::never()).unwrap();
        let (mut chosen, mut all) = (Vec::new(), Vec::new());
        for i in 0..n {
            let logits = self.engine.logits().to_vec();
            let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
            let token = forced.get(i).copied().unwrap_or(LlamaToken(i32::try_from(best).unwrap()));
            self.engine.push(token).unwrap();
            chosen.push(token);
            all.push(logits);
        }
        (chosen, all)
    }

    /// The prompt as it would be for `question`.
    #[cfg(test)]
    pub(super) fn prompt_tokens(&self, question: &str) -> Vec<LlamaToken> {
        self.prompt(0, question).unwrap().1
    }
}

fn now_ms() -> f64 {
    clock::now().0.as_secs_f64() * 1000.0
}

impl ChatSession for LlamaSession<'_> {
    fn prefill(&mut self, user_so_far: &str, cancel: &CancelToken) -> Result<Outcome<()>, ChatError> {
        self.make_room(user_so_far)?;
        let mut pieces = self.pieces(self.history.len())?;
        // What follows the user's text is not certain yet.
        if let Some(last) = pieces.iter().rposition(|piece| matches!(piece, Piece::User(_))) {
            pieces.truncate(last + 1);
        }
        let said = Said { system: &self.options.system, history: &self.history, question: user_so_far };
        let tokens = self.vocabulary.encode(&pieces, &said);
        if tokens.is_empty() {
            return Ok(Outcome::Done(()));
        }
        Ok(match self.engine.feed(&tokens, cancel)? {
            Outcome::Done(_) => Outcome::Done(()),
            Outcome::Cancelled => Outcome::Cancelled,
        })
    }

    fn reply(&mut self, user: &str, cancel: &CancelToken, on_text: &mut dyn FnMut(&str)) -> Result<Outcome<ReplyStats>, ChatError> {
        let started = now_ms();
        self.pending = None;
        let user = user.trim();
        let room = self.make_room(user)?;
        let (pieces, tokens) = self.prompt(0, user)?;
        let mut answer = Answer::default();
        let Fed { cached, computed } = match self.engine.feed(&tokens, cancel)? {
            Outcome::Done(fed) => fed,
            Outcome::Cancelled => {
                self.pending = Some(Pending { user: user.to_owned(), answer });
                return Ok(Outcome::Cancelled);
            }
        };
        // Some templates open the thinking themselves; whoever reads the text must see that.
        if matches!(pieces.last(), Some(Piece::Marks(marks)) if marks.trim_end().ends_with("<think>")) {
            answer.opened_thinking();
            on_text("<think>\n");
        }
        let mut begun = false;
        let mut show = |text: &str| {
            // SentencePiece writes a blank before the first word.
            let text = if begun { text } else { text.trim_start() };
            if !text.is_empty() {
                begun = true;
                on_text(text);
            }
        };
        let outcome = self.generate(room, &mut answer, started, cancel, &mut show)?;
        self.pending = Some(Pending { user: user.to_owned(), answer });
        Ok(match outcome {
            Outcome::Cancelled => Outcome::Cancelled,
            Outcome::Done(stats) => Outcome::Done(ReplyStats {
                prefilled_tokens: u32::try_from(computed).unwrap_or(u32::MAX),
                cached_tokens: u32::try_from(cached).unwrap_or(u32::MAX),
                ..stats
            }),
        })
    }

    fn commit(&mut self, heard: &str) -> Result<(), ChatError> {
        let Some(Pending { user, answer }) = self.pending.take() else { return Ok(()) };
        if heard.trim().is_empty() {
            return Ok(());
        }
        let answer = answer.heard(heard, |text| self.vocabulary.answer(text));
        self.history.push(Exchange { user, answer });
        Ok(())
    }

    fn reset(&mut self) {
        self.history = self.beginning();
        self.pending = None;
    }

    /// A new context size or number of threads makes a new KV cache, the conversation stays; when there is no memory for
    /// it, the old one is used on.
    fn set_options(&mut self, options: &ChatOptions) {
        if (options.context_tokens, options.threads) != (self.options.context_tokens, self.options.threads) {
            match Engine::new(self.model, options.context_tokens, self.model.threads(options.threads)) {
                Ok(engine) => self.engine = engine,
                Err(error) => tracing::warn!(%error, "the new context size was not taken"),
            }
        }
        self.options = options.clone();
    }
}
