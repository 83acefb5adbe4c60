//! A KV cache with an exact account of the tokens in it, and the number of threads that suits this moment.

use super::ChatError;
use super::context::{Context, Decoded, Shape, Threads};
use super::llama::{LlamaModelHandle, total_memory};
use crate::clock;
use crate::platform::threads::{Job, ThreadGovernor, at_work, working};
use crate::turn::Outcome;
use llama_cpp_2::token::LlamaToken;

/// Tokens computed in one go. A running computation can be stopped between two nodes of its graph, so this decides how
/// much memory it needs (attention: chunk × context × heads × 4 bytes), how long the longest node is, and how well the
/// processor is used: a 135M model read 92, 94, 101 and 100 tokens/s on one thread with 32, 64, 128 and 256.
pub(super) const CHUNK: usize = 128;

/// What the session asks of an engine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) context_tokens: u32,
    pub(super) threads: Threads,
    pub(super) flash_attention: bool,
    /// Use fewer threads when other work needs the cores; else exactly these.
    pub(super) adapt: bool,
}

/// A KV cache and what is in it.
pub(super) struct Engine<'m> {
    ctx: Context<'m>,
    /// The tokens in the cache, at positions 0, 1, 2, …
    cached: Vec<LlamaToken>,
    n_ctx: usize,
    wanted: Wanted,
    set: Threads,
    governor: ThreadGovernor,
    cores: u32,
    /// A stopped step leaves the cache as it was (not so with recurrent models).
    rolls_back: bool,
    #[cfg(test)]
    pub(super) computed: usize,
}

/// Tokens of a prompt, by where they came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fed {
    pub(super) cached: usize,
    pub(super) computed: usize,
}

/// Shortest part of a prompt whose time says something about the machine.
const WATCHED: usize = 16;

impl<'m> Engine<'m> {
    pub(super) fn new(model: &'m LlamaModelHandle, wanted: Wanted) -> Result<Self, ChatError> {
        let no_memory = || ChatError::OutOfMemory(model.path().to_owned());
        let trained = model.model().n_ctx_train();
        let n_ctx = wanted.context_tokens.clamp(1, 1 << 20).min(if trained == 0 { u32::MAX } else { trained });
        if model.kv_bytes(n_ctx) > total_memory() {
            return Err(no_memory());
        }
        let shape =
            Shape { n_ctx, chunk: u32::try_from(CHUNK).unwrap_or(64), flash_attention: wanted.flash_attention, threads: wanted.threads };
        let ctx = Context::new(model.model(), shape).ok_or_else(no_memory)?;
        let n_ctx = usize::try_from(n_ctx.min(ctx.n_ctx())).unwrap_or(0);
        let governor = ThreadGovernor::new(wanted.threads.decode.max(wanted.threads.prompt));
        let cores = std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1));
        Ok(Engine {
            ctx,
            cached: Vec::new(),
            n_ctx,
            wanted,
            set: wanted.threads,
            governor,
            cores,
            rolls_back: !model.model().is_recurrent() && !model.model().is_hybrid(),
            #[cfg(test)]
            computed: 0,
        })
    }

    /// Another number of threads is all that `wanted` asks for: that needs no other cache.
    pub(super) fn only_work_differs(&self, wanted: Wanted) -> bool {
        Wanted { threads: wanted.threads, adapt: wanted.adapt, ..self.wanted } == wanted
    }

    /// Other threads from the next step on; what is in the cache stays.
    pub(super) fn set_work(&mut self, wanted: Wanted) {
        self.wanted = wanted;
        self.set = wanted.threads;
        self.governor = ThreadGovernor::new(wanted.threads.decode.max(wanted.threads.prompt));
        self.ctx.set_threads(wanted.threads);
    }

    /// Tokens that fit.
    pub(super) fn n_ctx(&self) -> usize {
        self.n_ctx
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wanted
    }

    pub(super) fn governor(&mut self) -> &mut ThreadGovernor {
        &mut self.governor
    }

    /// Threads for writing, at this moment.
    pub(super) fn threads(&self) -> u32 {
        self.set.decode
    }

    /// Tokens in the cache.
    pub(super) fn cached(&self) -> &[LlamaToken] {
        &self.cached
    }

    /// Brings the cache to hold exactly `tokens`: keeps the longest common prefix, removes the rest, computes what is
    /// new. After `Done` the logits are those after the last token (it is always computed, even when it was cached).
    /// `stop` is asked all the time; what was computed until then stays.
    pub(super) fn feed(&mut self, tokens: &[LlamaToken], stop: &dyn Fn() -> bool) -> Result<Outcome<Fed>, ChatError> {
        self.common(tokens, tokens.len().saturating_sub(1));
        self.rest(tokens, stop)
    }

    /// [`Engine::feed`] without logits: nothing is computed when all is there.
    pub(super) fn hold(&mut self, tokens: &[LlamaToken], stop: &dyn Fn() -> bool) -> Result<Outcome<Fed>, ChatError> {
        self.common(tokens, tokens.len());
        self.rest(tokens, stop)
    }

    fn common(&mut self, tokens: &[LlamaToken], most: usize) {
        let common = self.cached.iter().zip(tokens).take_while(|(a, b)| a == b).count().min(most);
        if common < self.cached.len() {
            self.keep(common);
        }
    }

    fn rest(&mut self, tokens: &[LlamaToken], stop: &dyn Fn() -> bool) -> Result<Outcome<Fed>, ChatError> {
        let fed = Fed { cached: self.cached.len(), computed: tokens.len() - self.cached.len() };
        for part in tokens.get(self.cached.len()..).unwrap_or_default().chunks(CHUNK) {
            if stop() || self.decode(part, stop)? == Outcome::Cancelled {
                return Ok(Outcome::Cancelled);
            }
        }
        Ok(Outcome::Done(fed))
    }

    /// Computes one more token.
    pub(super) fn push(&mut self, token: LlamaToken, stop: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError> {
        self.decode(&[token], stop)
    }

    /// The logits after the last token, one for each word of the vocabulary.
    pub(super) fn logits(&self) -> &[f32] {
        self.ctx.logits()
    }

    fn decode(&mut self, tokens: &[LlamaToken], stop: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError> {
        let full = || ChatError::Engine("its memory of the conversation is full".to_owned());
        if self.cached.len() + tokens.len() > self.n_ctx {
            return Err(full());
        }
        let decoded = loop {
            let threads = self.use_threads(tokens.len() == 1);
            let patience = self.patience_ms(tokens.len(), threads);
            let work = at_work(threads);
            let from = clock::now();
            let late = || patience.is_some_and(|ms| clock::now().ms_since(from) > ms);
            let decoded = self.ctx.decode(tokens, &|| stop() || late());
            drop(work);
            let ms = clock::now().ms_since(from);
            let gave_up = decoded == Decoded::Stopped && late() && !stop();
            if gave_up || decoded == Decoded::Done {
                self.learn(tokens.len(), threads, ms);
            }
            // Threads that wait for one that another program keeps from running can take seconds for a token.
            if !gave_up {
                break decoded;
            }
            let before = self.cached.len();
            self.keep(before);
            if self.cached.len() < before {
                return Err(ChatError::Engine("its memory of the conversation could not be rolled back".to_owned()));
            }
        };
        match decoded {
            Decoded::Done => {
                self.cached.extend_from_slice(tokens);
                #[cfg(test)]
                {
                    self.computed += tokens.len();
                }
                Ok(Outcome::Done(()))
            }
            other => {
                // Part of the batch may be in the cache.
                self.keep(self.cached.len());
                match other {
                    Decoded::Full => Err(full()),
                    Decoded::Failed(code) => Err(ChatError::Engine(format!("it stopped computing (code {code})"))),
                    Decoded::Done | Decoded::Stopped => Ok(Outcome::Cancelled),
                }
            }
        }
    }

    /// Sets the threads of the next step; gives their number.
    fn use_threads(&mut self, one_token: bool) -> u32 {
        if self.wanted.adapt {
            // What Hark's other engines use now is not free either.
            let limit = self.governor.threads_now().min(self.cores.saturating_sub(working())).max(1);
            let best = self.wanted.threads;
            let threads = Threads { decode: best.decode.min(limit), prompt: best.prompt.min(limit) };
            if threads != self.set {
                self.ctx.set_threads(threads);
                self.set = threads;
            }
        }
        if one_token { self.set.decode } else { self.set.prompt }
    }

    /// See [`ThreadGovernor::patience_ms`].
    fn patience_ms(&self, tokens: usize, threads: u32) -> Option<f64> {
        if !self.wanted.adapt || !self.rolls_back {
            None
        } else if tokens == 1 {
            self.governor.patience_ms(Job::Decode, threads)
        } else if tokens >= WATCHED {
            self.governor.patience_ms(Job::Prompt, threads).map(|ms| ms * tokens as f64 / 64.0)
        } else {
            None
        }
    }

    fn learn(&mut self, tokens: usize, threads: u32, ms: f64) {
        if !self.wanted.adapt {
            return;
        }
        if tokens == 1 {
            self.governor.took(Job::Decode, threads, ms);
        } else if tokens >= WATCHED {
            self.governor.took(Job::Prompt, threads, ms * 64.0 / tokens as f64);
        }
    }

    /// Uses every page of the model once and leaves the cache as it was.
    pub(super) fn touch(&mut self, stop: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError> {
        let len = self.cached.len();
        let Some(last) = self.cached.last().copied().filter(|_| len < self.n_ctx) else { return Ok(Outcome::Done(())) };
        let outcome = self.push(last, stop);
        if self.cached.len() > len {
            self.keep(len);
        }
        outcome
    }

    /// Cuts the cache to its first `len` tokens, or empties it where that cannot be done (recurrent models).
    fn keep(&mut self, len: usize) {
        if len > 0 && self.ctx.cut(len) && self.ctx.len() == Some(len) {
            self.cached.truncate(len);
        } else {
            self.ctx.clear();
            self.cached.clear();
        }
    }

    /// Empties the cache.
    #[cfg(test)]
    pub(super) fn forget(&mut self) {
        self.keep(0);
    }

    /// The cache as bytes.
    pub(super) fn save(&mut self) -> Vec<u8> {
        self.ctx.save()
    }

    /// Puts a saved cache with these tokens back; false, and an empty cache, when it is not taken.
    pub(super) fn load(&mut self, bytes: &[u8], tokens: &[LlamaToken]) -> bool {
        let taken = tokens.len() <= self.n_ctx && self.ctx.load(bytes) && self.ctx.len() == Some(tokens.len());
        if taken {
            self.cached = tokens.to_vec();
        } else {
            self.keep(0);
        }
        taken
    }
}
