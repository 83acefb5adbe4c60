//! llama.cpp's context with an exact account of the tokens in its KV cache.

use super::ChatError;
use super::llama::{LlamaModelHandle, backend, total_memory};
use crate::turn::{CancelToken, Outcome};
use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use std::num::NonZeroU32;

/// Tokens computed between two looks at the cancel token. A batch longer than `n_batch` ends the process, so this is the
/// context's `n_batch` too. 64 tokens take 0.2 s on a slow laptop with a 1B model; smaller chunks make prefill slower.
const CHUNK: usize = 64;

/// A KV cache and what is in it.
pub(super) struct Engine<'m> {
    ctx: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    /// The tokens in the cache, at positions 0, 1, 2, …
    cached: Vec<LlamaToken>,
    n_ctx: usize,
}

/// Tokens of a prompt, by where they came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fed {
    pub(super) cached: usize,
    pub(super) computed: usize,
}

impl<'m> Engine<'m> {
    pub(super) fn new(model: &'m LlamaModelHandle, context_tokens: u32, threads: i32) -> Result<Self, ChatError> {
        let trained = model.model().n_ctx_train();
        let n_ctx = context_tokens.clamp(1, 1 << 20).min(if trained == 0 { u32::MAX } else { trained });
        if model.kv_bytes(n_ctx) > total_memory() {
            return Err(ChatError::OutOfMemory(model.path().to_owned()));
        }
        let chunk = u32::try_from(CHUNK).unwrap_or(64);
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(n_ctx))
            .with_n_batch(chunk)
            .with_n_ubatch(chunk)
            .with_n_seq_max(1)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            // On a CPU it slows prefill by 1.5x to 2x.
            .with_flash_attention_policy(llama_cpp_sys_2::LLAMA_FLASH_ATTN_TYPE_DISABLED)
            // A cache that keeps only the sliding window could not be cut back to a common prefix.
            .with_swa_full(true)
            .with_offload_kqv(false)
            .with_op_offload(false)
            .with_no_perf(true);
        let ctx = model.model().new_context(backend()?, params).map_err(|_| ChatError::OutOfMemory(model.path().to_owned()))?;
        let chunk = CHUNK.min(usize::try_from(ctx.n_batch()).unwrap_or(1)).max(1);
        let n_ctx = usize::try_from(n_ctx.min(ctx.n_ctx())).unwrap_or(0);
        Ok(Engine { ctx, batch: LlamaBatch::new(chunk, 1), cached: Vec::new(), n_ctx })
    }

    /// Tokens that fit.
    pub(super) fn n_ctx(&self) -> usize {
        self.n_ctx
    }

    /// Brings the cache to hold exactly `tokens`: keeps the longest common prefix, removes the rest, computes what is
    /// new. After `Done` the logits are those after the last token (it is always computed, even when it was cached).
    pub(super) fn feed(&mut self, tokens: &[LlamaToken], cancel: &CancelToken) -> Result<Outcome<Fed>, ChatError> {
        let common = self.cached.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        self.keep(common.min(tokens.len().saturating_sub(1)));
        let fed = Fed { cached: self.cached.len(), computed: tokens.len() - self.cached.len() };
        let chunk = CHUNK.min(usize::try_from(self.ctx.n_batch()).unwrap_or(1)).max(1);
        for part in tokens[self.cached.len()..].chunks(chunk) {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            self.decode(part)?;
        }
        Ok(Outcome::Done(fed))
    }

    /// Computes one more token.
    pub(super) fn push(&mut self, token: LlamaToken) -> Result<(), ChatError> {
        self.decode(&[token])
    }

    /// The logits after the last token, one for each word of the vocabulary.
    pub(super) fn logits(&self) -> &[f32] {
        self.ctx.get_logits_ith(-1)
    }

    /// Draws a token from the logits after the last one.
    pub(super) fn draw(&self, sampler: &mut LlamaSampler) -> Result<LlamaToken, ChatError> {
        // A damaged file gives numbers that are none; llama.cpp's samplers assert on them.
        let logits = self.logits();
        let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        if !best.is_finite() || logits.iter().any(|l| l.is_nan()) {
            return Err(ChatError::Engine("the model computes no usable numbers, so its file is probably damaged".to_owned()));
        }
        Ok(sampler.sample(&self.ctx, -1))
    }

    fn decode(&mut self, tokens: &[LlamaToken]) -> Result<(), ChatError> {
        if self.cached.len() + tokens.len() > self.n_ctx {
            return Err(ChatError::Engine("its memory of the conversation is full".to_owned()));
        }
        self.batch.clear();
        for (i, token) in tokens.iter().enumerate() {
            let position = i32::try_from(self.cached.len() + i).unwrap_or(i32::MAX);
            self.batch.add(*token, position, &[0], i + 1 == tokens.len()).map_err(|error| ChatError::Engine(error.to_string()))?;
        }
        match self.ctx.decode(&mut self.batch) {
            Ok(()) => {
                self.cached.extend_from_slice(tokens);
                Ok(())
            }
            Err(error) => {
                // Part of the batch may be in the cache.
                self.keep(self.cached.len());
                Err(ChatError::Engine(match error {
                    DecodeError::NoKvCacheSlot => "its memory of the conversation is full".to_owned(),
                    other => format!("it stopped computing ({other})"),
                }))
            }
        }
    }

    /// Cuts the cache to its first `len` tokens, or empties it where that cannot be done (recurrent models).
    fn keep(&mut self, len: usize) {
        let from = u32::try_from(len).ok();
        let cut = len > 0 && matches!(self.ctx.clear_kv_cache_seq(Some(0), from, None), Ok(true));
        let whole = cut && self.ctx.kv_cache_seq_pos_min(0) == 0 && usize::try_from(self.ctx.kv_cache_seq_pos_max(0) + 1) == Ok(len);
        if whole {
            self.cached.truncate(len);
        } else {
            self.ctx.clear_kv_cache();
            self.cached.clear();
        }
    }
}
