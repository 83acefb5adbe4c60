//! llama.cpp's context through its C interface, because llama-cpp-2 can neither stop a computation that runs nor change
//! the number of threads of a context that is there.

use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_sys_2 as sys;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// Threads of the two kinds of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Threads {
    /// Writing: one token at a time, bound by memory.
    pub(super) decode: u32,
    /// Reading: many tokens at a time, bound by arithmetic.
    pub(super) prompt: u32,
}

/// What a context is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Tokens that the KV cache holds.
    pub(super) n_ctx: u32,
    /// Most tokens of one [`Context::decode`].
    pub(super) chunk: u32,
    pub(super) flash_attention: bool,
    pub(super) threads: Threads,
}

/// How [`Context::decode`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    Done,
    /// `stop` said so; nothing of the batch is in the cache.
    Stopped,
    /// The KV cache has no room.
    Full,
    /// llama.cpp's code; part of the batch may be in the cache.
    Failed(i32),
}

/// A KV cache with one sequence and the logits after its last token.
pub(super) struct Context<'m> {
    raw: NonNull<sys::llama_context>,
    n_vocab: usize,
    _model: PhantomData<&'m LlamaModel>,
}

/// The model's own pointer.
fn pointer(model: &LlamaModel) -> *mut sys::llama_model {
    const { assert!(size_of::<LlamaModel>() == size_of::<*mut sys::llama_model>()) };
    // SAFETY: `LlamaModel` is `repr(transparent)` over a non-null pointer to the model; the crate is pinned to one version.
    #[allow(unsafe_code)]
    unsafe {
        std::ptr::from_ref(model).cast::<*mut sys::llama_model>().read()
    }
}

/// llama.cpp asks this after each node of the graph, on the thread that called `llama_decode`.
#[allow(unsafe_code)]
unsafe extern "C" fn stopped(data: *mut c_void) -> bool {
    // SAFETY: `data` points at the `&dyn Fn` of the `decode` that is going on and is taken back before that returns.
    let stop = unsafe { &*data.cast::<&dyn Fn() -> bool>() };
    stop()
}

#[allow(unsafe_code)] // One call into llama.cpp each, with the context that this value owns.
impl<'m> Context<'m> {
    /// `None`: there is no memory for it.
    pub(super) fn new(model: &'m LlamaModel, shape: Shape) -> Option<Self> {
        let threads = |n: u32| i32::try_from(n.max(1)).unwrap_or(1);
        // SAFETY: a pure function.
        let mut params = unsafe { sys::llama_context_default_params() };
        params.n_ctx = shape.n_ctx;
        params.n_batch = shape.chunk;
        params.n_ubatch = shape.chunk;
        params.n_seq_max = 1;
        params.n_threads = threads(shape.threads.decode);
        params.n_threads_batch = threads(shape.threads.prompt);
        params.flash_attn_type =
            if shape.flash_attention { sys::LLAMA_FLASH_ATTN_TYPE_ENABLED } else { sys::LLAMA_FLASH_ATTN_TYPE_DISABLED };
        // A cache that keeps only the sliding window could not be cut back to a common prefix.
        params.swa_full = true;
        params.offload_kqv = false;
        params.op_offload = false;
        params.no_perf = true;
        // SAFETY: the model lives for 'm, longer than the context.
        let raw = NonNull::new(unsafe { sys::llama_init_from_model(pointer(model), params) })?;
        let n_vocab = usize::try_from(model.vocab().n_tokens()).unwrap_or(0);
        Some(Context { raw, n_vocab, _model: PhantomData })
    }

    pub(super) fn n_ctx(&self) -> u32 {
        // SAFETY: the context is alive.
        unsafe { sys::llama_n_ctx(self.raw.as_ptr()) }
    }

    /// From the next [`Context::decode`] on.
    pub(super) fn set_threads(&mut self, threads: Threads) {
        let n = |threads: u32| i32::try_from(threads.max(1)).unwrap_or(1);
        // SAFETY: the context is alive and computes nothing now.
        unsafe { sys::llama_set_n_threads(self.raw.as_ptr(), n(threads.decode), n(threads.prompt)) }
    }

    /// Computes `tokens` (1 to `chunk` of them) behind what is in the cache. `stop` is asked between the nodes of the
    /// graph, some hundred times a token, and must not panic.
    pub(super) fn decode(&mut self, tokens: &[LlamaToken], stop: &dyn Fn() -> bool) -> Decoded {
        let Ok(n_tokens) = i32::try_from(tokens.len()) else { return Decoded::Full };
        let data = (&raw const stop).cast_mut().cast::<c_void>();
        // SAFETY: the tokens are only read (`LlamaToken` is `repr(transparent)` over the C type) and outlive the call;
        // `data` points at `stop`, which outlives it too, and the callback is taken away before this returns.
        let code = unsafe {
            sys::llama_set_abort_callback(self.raw.as_ptr(), Some(stopped), data);
            let batch = sys::llama_batch_get_one(tokens.as_ptr().cast_mut().cast(), n_tokens);
            let code = sys::llama_decode(self.raw.as_ptr(), batch);
            sys::llama_set_abort_callback(self.raw.as_ptr(), None, std::ptr::null_mut());
            code
        };
        match code {
            0 => Decoded::Done,
            1 => Decoded::Full,
            2 => Decoded::Stopped,
            other => Decoded::Failed(other),
        }
    }

    /// The logits after the last token, one for each word of the vocabulary; empty before the first `decode`.
    pub(super) fn logits(&self) -> &[f32] {
        // SAFETY: llama.cpp gives null or a row of `n_vocab` numbers that stay until the next `decode`, which needs `&mut`.
        unsafe {
            let row = sys::llama_get_logits_ith(self.raw.as_ptr(), -1);
            if row.is_null() { &[] } else { std::slice::from_raw_parts(row, self.n_vocab) }
        }
    }

    /// Removes all from position `from` on; false where that cannot be done (recurrent models).
    pub(super) fn cut(&mut self, from: usize) -> bool {
        let Ok(from) = i32::try_from(from) else { return true };
        // SAFETY: the memory belongs to the context.
        unsafe { sys::llama_memory_seq_rm(sys::llama_get_memory(self.raw.as_ptr()), 0, from, -1) }
    }

    /// Empties the cache.
    pub(super) fn clear(&mut self) {
        // SAFETY: the memory belongs to the context.
        unsafe { sys::llama_memory_clear(sys::llama_get_memory(self.raw.as_ptr()), true) }
    }

    /// Tokens in the cache if they stand at positions 0, 1, 2, …; `None` when the first is gone.
    pub(super) fn len(&self) -> Option<usize> {
        // SAFETY: the memory belongs to the context.
        let (first, last) = unsafe {
            let memory = sys::llama_get_memory(self.raw.as_ptr());
            (sys::llama_memory_seq_pos_min(memory, 0), sys::llama_memory_seq_pos_max(memory, 0))
        };
        if first > 0 { None } else { usize::try_from(last + 1).ok() }
    }

    /// The KV cache as bytes, for [`Context::load`].
    pub(super) fn save(&mut self) -> Vec<u8> {
        // SAFETY: the buffer has the size that llama.cpp asked for, and only what was written is kept.
        unsafe {
            let mut bytes = vec![0_u8; sys::llama_state_seq_get_size(self.raw.as_ptr(), 0)];
            let written = sys::llama_state_seq_get_data(self.raw.as_ptr(), bytes.as_mut_ptr(), bytes.len(), 0);
            bytes.truncate(written);
            bytes
        }
    }

    /// Puts back what [`Context::save`] gave for the same model and the same shape. The bytes must be known to be
    /// those: llama.cpp trusts them. False, and an empty cache: they were not taken.
    pub(super) fn load(&mut self, bytes: &[u8]) -> bool {
        self.clear();
        // SAFETY: llama.cpp reads `bytes` only and checks its length.
        let read = unsafe { sys::llama_state_seq_set_data(self.raw.as_ptr(), bytes.as_ptr(), bytes.len(), 0) };
        if read != bytes.len() {
            self.clear();
        }
        read == bytes.len() && read > 0
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        // SAFETY: it was made by `new` and is used nowhere else.
        #[allow(unsafe_code)]
        unsafe {
            sys::llama_free(self.raw.as_ptr());
        }
    }
}
