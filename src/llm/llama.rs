//! The chat engine: llama.cpp through llama-cpp-2. Loading; `session.rs` talks.

use super::session::LlamaSession;
use super::template::Template;
use super::vocab::Vocabulary;
use super::{ChatError, ChatModel, ChatOptions, ChatSession};
use crate::models::check::gguf;
use crate::platform::disk;
use crate::platform::{cpu::default_threads, files};
use crate::stt::EngineInfo;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use std::ffi::{CStr, c_char, c_void};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// The one backend of the process, with llama.cpp's log turned into `tracing` messages.
pub(super) fn backend() -> Result<&'static LlamaBackend, ChatError> {
    static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();
    BACKEND
        .get_or_init(|| {
            // SAFETY: `log_line` has the signature that llama.cpp asks for, never unwinds and needs no data.
            #[allow(unsafe_code)]
            unsafe {
                llama_cpp_sys_2::llama_log_set(Some(log_line), std::ptr::null_mut());
            }
            LlamaBackend::init().ok()
        })
        .as_ref()
        .ok_or_else(|| ChatError::Engine("another part of the program started it already".to_owned()))
}

/// The last error that llama.cpp wrote while a model was loaded: the reason, in its own words.
static LAST_ERROR: Mutex<String> = Mutex::new(String::new());

extern "C" fn log_line(level: llama_cpp_sys_2::ggml_log_level, text: *const c_char, _: *mut c_void) {
    // At that level it may print tokens, and tokens are words.
    if text.is_null() || level == llama_cpp_sys_2::GGML_LOG_LEVEL_DEBUG {
        return;
    }
    // SAFETY: llama.cpp hands over a C string that lives until this function returns.
    #[allow(unsafe_code)]
    let text = unsafe { CStr::from_ptr(text) };
    let text = text.to_string_lossy();
    let text = text.trim_end();
    if level == llama_cpp_sys_2::GGML_LOG_LEVEL_ERROR {
        tracing::debug!(target: "llama.cpp", "{text}");
        if let Ok(mut last) = LAST_ERROR.lock() {
            text.clone_into(&mut last);
        }
    } else {
        tracing::trace!(target: "llama.cpp", "{text}");
    }
}

/// A loaded GGUF chat model.
pub struct LlamaModelHandle {
    model: LlamaModel,
    path: PathBuf,
    facts: gguf::GgufFacts,
    threads: u32,
}

impl LlamaModelHandle {
    /// Checks the file ([`gguf::check`]) and maps it into memory. Sessions whose options name no threads use `threads`
    /// until it was measured what is fast; 0: one fewer than there are cores, at most 4.
    ///
    /// # Errors
    /// [`ChatError::ModelMissing`], [`ChatError::ModelCorrupt`] with the reason, [`ChatError::OutOfMemory`].
    pub fn load(path: &Path, threads: u32) -> Result<Self, ChatError> {
        let corrupt = |reason: String| ChatError::ModelCorrupt { path: path.to_owned(), reason };
        let file = files::open(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => ChatError::ModelMissing(path.to_owned()),
            ErrorKind::PermissionDenied => corrupt("this user may not read it".to_owned()),
            _ => corrupt(format!("it cannot be opened ({error})")),
        })?;
        let facts = gguf::check(&file).map_err(|refusal| corrupt(refusal.0))?;
        if path.to_str().is_none_or(|p| p.contains('\0')) {
            return Err(corrupt("its path is not valid text".to_owned()));
        }
        // Pages of a mapped file that is larger than the memory would be read again and again for each token.
        if facts.bytes > total_memory() {
            return Err(ChatError::OutOfMemory(path.to_owned()));
        }
        // Weights of some types are laid out anew in memory when they are loaded, for kernels that read eight rows at once. A
        // mapped file would then be in memory a second time: 1,415 MB instead of 902 for a 1B model in Q4_0, at the same speed.
        // A file on a stick is read too: once it is pulled, a page that is missing would end the process.
        let mapped = !facts.repacked && !disk::may_vanish(path);
        let params = LlamaModelParams::default().with_n_gpu_layers(0).with_use_mmap(mapped).with_use_mlock(false);
        let backend = backend()?;
        // One load at a time, so that the reason read below is this load's.
        static LOADING: Mutex<()> = Mutex::new(());
        let _one = LOADING.lock();
        if let Ok(mut last) = LAST_ERROR.lock() {
            last.clear();
        }
        // What was checked is what is loaded: the open file, whatever lies at its path by now.
        let checked = files::Checked::new(file, path);
        let model = LlamaModel::load_from_file(backend, checked.path(), &params).map_err(|_| corrupt(engine_reason()))?;
        checked.must_be_the_same().map_err(|error| corrupt(error.to_string()))?;
        Ok(LlamaModelHandle { model, path: path.to_owned(), facts, threads })
    }

    /// It is one of the small models that come with the program.
    #[must_use]
    pub fn is_starter(&self) -> bool {
        self.path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "starter")
    }

    /// What the file says about itself.
    #[must_use]
    pub fn facts(&self) -> &gguf::GgufFacts {
        &self.facts
    }

    pub(super) fn model(&self) -> &LlamaModel {
        &self.model
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Threads of sessions before anything was measured.
    pub(super) fn threads(&self) -> u32 {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        if self.threads == 0 { default_threads(cores) } else { self.threads.min(64) }
    }

    /// Bytes of a KV cache of `n_ctx` tokens in f16: keys and values of each layer.
    pub(super) fn kv_bytes(&self, n_ctx: u32) -> u64 {
        let heads = u64::from(self.model.n_head().max(1));
        let width = u64::try_from(self.model.n_embd()).unwrap_or(0) / heads * u64::from(self.model.n_head_kv());
        4_u64.saturating_mul(u64::from(self.model.n_layer())).saturating_mul(width).saturating_mul(u64::from(n_ctx))
    }

    /// The vocabulary and the template that works.
    pub(super) fn language(&self) -> (Vocabulary<'_>, Template) {
        let vocabulary = Vocabulary::new(&self.model);
        let own = self.model.chat_template(None).ok().and_then(|t| t.to_string().ok());
        let (bos, eos) = vocabulary.bos_eos();
        let template = Template::new(own.as_deref(), &bos, &eos, vocabulary.knows("<|im_start|>"));
        (vocabulary, template)
    }
}

/// What llama.cpp said last, made fit for a sentence.
fn engine_reason() -> String {
    let last = LAST_ERROR.lock().map(|l| l.clone()).unwrap_or_default();
    let reason = last.rsplit("error loading model: ").next().unwrap_or_default();
    let reason: String = reason.chars().filter(|c| !c.is_control()).take(160).collect();
    let reason = reason.trim().trim_end_matches('.');
    if reason.is_empty() { "the chat engine does not take it".to_owned() } else { format!("the chat engine says: {reason}") }
}

/// Memory of the machine, bytes; all there can be when the system does not say.
pub(super) fn total_memory() -> u64 {
    let bytes = sysinfo::System::new().map_or(0, |mut system| {
        system.refresh_memory();
        system.total_memory()
    });
    if bytes == 0 { u64::MAX } else { bytes }
}

impl ChatModel for LlamaModelHandle {
    fn session(&self, options: &ChatOptions) -> Result<Box<dyn ChatSession + '_>, ChatError> {
        Ok(Box::new(LlamaSession::new(self, options)?))
    }

    fn info(&self) -> EngineInfo {
        let name = self.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let starter = self.is_starter();
        EngineInfo { engine: "llama.cpp".to_owned(), name, starter }
    }
}
