//! One conversation with llama.cpp: history, KV reuse, streaming. What is done between two turns stands in `idle.rs`.

use super::answer::{Answer, StopScan};
use super::conversation::{Conversation, Exchange, Prompt};
use super::engine::{Engine, Fed, Wanted};
use super::idle::Idle;
use super::llama::LlamaModelHandle;
use super::prompt::{Asked, asked};
use super::sampler::Chooser;
use super::template::Piece;
use super::utf8::Utf8Stream;
use super::{ChatError, ChatOptions, ChatSession, Memory, ReplyStats, Settled};
use crate::clock;
use crate::platform::load::OthersLoad;
use crate::private::Private;
use crate::turn::{CancelToken, Outcome};
use jiff::Zoned;

/// The exchange that waits for [`ChatSession::commit`].
#[derive(Debug)]
struct Pending {
    user: String,
    answer: Answer,
}

/// See [`ChatSession`].
pub(super) struct LlamaSession<'m> {
    pub(super) model: &'m LlamaModelHandle,
    pub(super) engine: Engine<'m>,
    pub(super) said: Conversation<'m>,
    pub(super) options: ChatOptions,
    pub(super) idle: Idle,
    pending: Option<Pending>,
    /// Tokens that were in the cache when work for the coming question began.
    before: Option<usize>,
    load: OthersLoad,
    /// What the clock says.
    pub(super) now: fn() -> Zoned,
}

impl<'m> LlamaSession<'m> {
    pub(super) fn new(model: &'m LlamaModelHandle, options: &ChatOptions) -> Result<Self, ChatError> {
        let idle = Idle::new(model, options);
        let mut engine = Engine::new(model, idle.wanted(options))?;
        idle.teach(engine.governor());
        Ok(LlamaSession {
            model,
            engine,
            said: Conversation::new(model, &options.system),
            options: options.clone(),
            idle,
            pending: None,
            before: None,
            load: OthersLoad::new(),
            now: Zoned::now,
        })
    }

    /// The answer begins with `opening`; then generates until the model ends, `room` is used up or the turn moves on. The answer so far stays in `answer`.
    fn generate(
        &mut self,
        room: usize,
        opening: &str,
        answer: &mut Answer,
        started: f64,
        cancel: &CancelToken,
        show: &mut dyn FnMut(&str),
    ) -> Result<Outcome<ReplyStats>, ChatError> {
        let mut chooser = Chooser::new(&self.options.sampling);
        let mut utf8 = Utf8Stream::default();
        let mut stops = StopScan::new(self.said.template.stops());
        let mut stats = ReplyStats::default();
        let mut first = 0.0;
        let mut opening = self.said.vocabulary.answer(opening).into_iter();
        loop {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let token = opening
                .next()
                .or_else(|| chooser.choose(self.engine.logits()))
                .ok_or_else(|| ChatError::Engine("the model computes no usable numbers, so its file is probably damaged".to_owned()))?;
            if stats.tokens == 0 {
                first = now_ms();
                stats.first_token_ms = first - started;
            }
            if self.said.vocabulary.is_end(token) {
                break;
            }
            stats.tokens += 1;
            let bytes = self.said.vocabulary.piece(token);
            answer.push(token, &bytes);
            let stopped = stops.push(&utf8.push(&bytes), show);
            if stopped {
                answer.cut_at_stop(self.said.template.stops());
                break;
            }
            if usize::try_from(stats.tokens).unwrap_or(usize::MAX) >= room {
                stats.cut = true;
                break;
            }
            if self.engine.push(token, &|| cancel.is_cancelled())? == Outcome::Cancelled {
                return Ok(Outcome::Cancelled);
            }
        }
        stops.push(&utf8.finish(), show);
        stops.finish(show);
        let seconds = (now_ms() - first) / 1000.0;
        if stats.tokens > 1 && seconds > 0.0 {
            stats.tokens_per_second = f64::from(stats.tokens - 1) / seconds;
        }
        stats.threads = self.engine.threads();
        Ok(Outcome::Done(stats))
    }

    /// A new KV cache where the options ask for another one; the conversation stays. When there is no memory for it, the
    /// old one is used on.
    pub(super) fn renew_engine(&mut self, wanted: Wanted) -> Result<(), ChatError> {
        if wanted == self.engine.wanted() {
            return Ok(());
        }
        if self.engine.only_work_differs(wanted) {
            self.engine.set_work(wanted);
        } else {
            self.engine = Engine::new(self.model, wanted).inspect_err(|error| tracing::warn!(%error, "the new context was not taken"))?;
            self.before = None;
        }
        self.idle.teach(self.engine.governor());
        Ok(())
    }

    /// The tokens of the pending answer.
    #[cfg(test)]
    pub(super) fn pending_tokens(&self) -> Vec<llama_cpp_2::token::LlamaToken> {
        self.pending.as_ref().map(|p| p.answer.tokens().to_vec()).unwrap_or_default()
    }
}

fn now_ms() -> f64 {
    clock::now().0.as_secs_f64() * 1000.0
}

fn count(tokens: usize) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

impl ChatSession for LlamaSession<'_> {
    fn prefill(&mut self, user_so_far: &str, stop: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError> {
        self.load.begin();
        self.restore_prefix();
        self.said.ask(user_so_far, self.engine.n_ctx(), self.options.max_tokens)?;
        let tokens = self.said.certain(Some(user_so_far))?;
        let common = self.engine.cached().iter().zip(&tokens).take_while(|(a, b)| a == b).count();
        self.before = Some(self.before.map_or(common, |before| before.min(common)));
        Ok(match self.engine.hold(&tokens, stop)? {
            Outcome::Done(_) => Outcome::Done(()),
            Outcome::Cancelled => Outcome::Cancelled,
        })
    }

    fn reply(&mut self, user: &str, cancel: &CancelToken, on_text: &mut dyn FnMut(&str)) -> Result<Outcome<ReplyStats>, ChatError> {
        let started = now_ms();
        self.pending = None;
        let before = self.before.take();
        self.restore_prefix();
        if self.engine.wanted().adapt {
            let free = self.load.free_cores();
            self.engine.governor().free_cores(free);
        }
        let user = user.trim();
        // With a seed the model is told no time: the same question would have another answer a minute later.
        let now = self.options.sampling.seed.is_none().then(self.now);
        let Asked { text, opening } = asked(user, &self.said.system, now.as_ref());
        let Prompt { pieces, tokens, room } = self.said.ask(&text, self.engine.n_ctx(), self.options.max_tokens)?;
        let mut answer = Answer::default();
        let Fed { cached, computed } = match self.engine.feed(&tokens, &|| cancel.is_cancelled())? {
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
        let outcome = self.generate(room, opening, &mut answer, started, cancel, &mut show)?;
        self.pending = Some(Pending { user: user.to_owned(), answer });
        Ok(match outcome {
            Outcome::Cancelled => Outcome::Cancelled,
            Outcome::Done(stats) => Outcome::Done(ReplyStats {
                prefilled_tokens: count(computed),
                cached_tokens: count(cached),
                ahead_tokens: count(before.map_or(0, |before| cached.saturating_sub(before))),
                ..stats
            }),
        })
    }

    fn commit(&mut self, heard: &str) -> Result<(), ChatError> {
        let Some(Pending { user, answer }) = self.pending.take() else { return Ok(()) };
        if heard.trim().is_empty() {
            return Ok(());
        }
        let answer = answer.heard(heard, |text| self.said.vocabulary.answer(text));
        self.said.history.push(Exchange { user, answer });
        Ok(())
    }

    fn settle(&mut self, stop: &dyn Fn() -> bool) -> Result<Settled, ChatError> {
        self.before = None;
        self.restore_prefix();
        let tokens = self.said.ahead(self.engine.n_ctx(), self.options.max_tokens)?;
        // The first question should not wait for the model's pages when all else came from a file.
        if self.idle.take_restored() && self.engine.touch(stop)? == Outcome::Cancelled {
            return Ok(Settled::Stopped);
        }
        if self.engine.hold(&tokens, stop)? == Outcome::Cancelled {
            return Ok(Settled::Stopped);
        }
        self.keep_prefix(&tokens);
        Ok(self.measure(stop))
    }

    fn memory(&self) -> Memory {
        let text = |exchange: &Exchange| (Private::from(&exchange.user), self.said.vocabulary.text(&exchange.answer).into());
        Memory(self.said.since_begun().iter().map(text).collect())
    }

    fn remember(&mut self, memory: &Memory) {
        self.pending = None;
        self.said.begin();
        let tokens = |(user, answer): &(Private, Private)| Exchange { user: user.to_string(), answer: self.said.vocabulary.answer(answer) };
        let said: Vec<Exchange> = memory.0.iter().map(tokens).collect();
        self.said.history.extend(said);
    }

    fn reset(&mut self) {
        self.said.begin();
        self.pending = None;
    }

    fn set_options(&mut self, options: &ChatOptions) -> Result<(), ChatError> {
        self.said.system.clone_from(&options.system);
        self.idle.choose(self.model, options);
        self.options = options.clone();
        self.renew_engine(self.idle.wanted(options))
    }
}

/// What only tests look at.
#[cfg(test)]
mod looks {
    use super::*;
    use llama_cpp_2::token::LlamaToken;

    impl LlamaSession<'_> {
        pub(in super::super) fn history(&self) -> &[Exchange] {
            &self.said.history
        }

        pub(in super::super) fn set_history(&mut self, history: Vec<Exchange>) {
            self.said.history = history;
        }

        /// The next `n` tokens after the prompt for `question` (the most likely ones, or those of `forced`), and the
        /// logits that each was chosen from.
        pub(in super::super) fn greedy_logits(
            &mut self,
            question: &str,
            n: usize,
            forced: &[LlamaToken],
        ) -> (Vec<LlamaToken>, Vec<Vec<f32>>) {
            let tokens = self.prompt_tokens(question);
            self.engine.feed(&tokens, &|| false).unwrap();
            let (mut chosen, mut all) = (Vec::new(), Vec::new());
            for i in 0..n {
                let logits = self.engine.logits().to_vec();
                let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
                let token = forced.get(i).copied().unwrap_or(LlamaToken(i32::try_from(best).unwrap()));
                self.engine.push(token, &|| false).unwrap();
                chosen.push(token);
                all.push(logits);
            }
            (chosen, all)
        }

        /// The prompt as it would be for `question`.
        pub(in super::super) fn prompt_tokens(&self, question: &str) -> Vec<LlamaToken> {
            self.said.prompt(0, question).unwrap().1
        }
    }
}
