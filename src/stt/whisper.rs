//! The real ear: whisper.cpp through whisper-rs. Greedy, so the same recording always gives the same words.

use crate::audio::Pcm16k;
use crate::models::check::ggml::{self, WhisperFile};
use crate::platform::files;
use crate::stt::{EngineInfo, SpokenLanguage, SttOptions, TranscribeError, Transcriber, Transcript, chinese, guard, join, pieces};
use crate::turn::{CancelToken, Outcome};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::Path;
use std::sync::Once;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

/// The start of the file name of the small models that come with the program.
const STARTER_NAME: &str = "ggml-starter";
/// More threads than this only wait for each other.
const MOST_THREADS: u32 = 16;

/// A loaded whisper model with its working memory, kept for the life of the program.
pub struct WhisperTranscriber {
    state: WhisperState,
    file: WhisperFile,
    info: EngineInfo,
    end_of_text: c_int,
    short_window: pieces::ShortWindow,
    /// Parameters for the language spoken last; kept because whisper-rs leaks the language's name each time it is set.
    params: Option<(&'static str, FullParams<'static, 'static>)>,
}

/// What one window gave.
#[derive(Debug, Default)]
struct Heard {
    text: String,
    /// Token and its probability: words, and the end of text when it came.
    tokens: Vec<(c_int, f32)>,
    /// The model ended by itself, not at the cap.
    ended: bool,
}

impl WhisperTranscriber {
    /// Checks and loads a ggml whisper file and runs it once on silence, so that the first question is as fast as the next.
    ///
    /// # Errors
    /// [`TranscribeError::ModelMissing`], [`TranscribeError::ModelCorrupt`], [`TranscribeError::OutOfMemory`].
    pub fn load(path: &Path, threads: u32) -> Result<Self, TranscribeError> {
        let corrupt = |reason: String| TranscribeError::ModelCorrupt { path: path.to_owned(), reason };
        if !path.exists() {
            return Err(TranscribeError::ModelMissing(path.to_owned()));
        }
        let reader = files::open(path).map_err(|e| corrupt(format!("it could not be opened ({e})")))?;
        let file = ggml::check(&reader).map_err(|e| corrupt(e.reason))?;
        // Where memory cannot be had, whisper.cpp ends the process or the system does.
        if let Ok(mut system) = sysinfo::System::new() {
            system.refresh_memory();
            let available = system.available_memory();
            if available > 0 && available < file.memory_bytes() {
                return Err(TranscribeError::OutOfMemory(path.to_owned()));
            }
        }
        quiet();
        let mut options = WhisperContextParameters::default();
        options.use_gpu(false).flash_attn(false);
        let context = WhisperContext::new_with_params(path, options).map_err(|e| corrupt(format!("whisper.cpp refused it ({e})")))?;
        let state = context.create_state().map_err(|_| TranscribeError::OutOfMemory(path.to_owned()))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let starter = name.starts_with(STARTER_NAME);
        let mut loaded = WhisperTranscriber {
            state,
            file,
            info: EngineInfo { engine: "whisper.cpp".to_owned(), name, starter },
            end_of_text: context.token_eot(),
            short_window: pieces::ShortWindow::default(),
            params: None,
        };
        loaded.window(&[0.0; 16_000], "en", None, threads, &CancelToken::never())?;
        Ok(loaded)
    }

    /// Transcribes one piece of at most 30 s; twice when the first try is caught in a loop.
    fn piece(
        &mut self,
        pcm: &[f32],
        language: &'static str,
        threads: u32,
        cancel: &CancelToken,
    ) -> Result<Outcome<Heard>, TranscribeError> {
        let pcm = if self.info.starter { pieces::without_lead(pcm) } else { pcm };
        let short = self.short_window.audio_ctx(pcm.len(), self.file.n_audio_ctx);
        let Outcome::Done(mut heard) = self.window(pcm, language, Some(short), threads, cancel)? else { return Ok(Outcome::Cancelled) };
        if short != 0 && guard::repetition(&heard.text).is_some() {
            // The shortened window is off what the model was trained on; loops are the price now and then.
            tracing::debug!(bytes = heard.text.len(), "a loop; once more with the full window");
            let Outcome::Done(again) = self.window(pcm, language, Some(0), threads, cancel)? else { return Ok(Outcome::Cancelled) };
            self.short_window = self.short_window.after(guard::repetition(&again.text).is_none());
            if self.short_window.is_given_up() {
                tracing::info!(model = self.info.name, "this model loops with shortened windows; it gets the full one from now on");
            }
            heard = again;
        } else if short != 0 {
            self.short_window = self.short_window.after(false);
        }
        // Someone may really say a thing six times, and then the model comes to an end; a loop runs into the cap.
        if let Some(surplus) = guard::repetition(&heard.text).filter(|_| !heard.ended) {
            heard.text.replace_range(surplus, "");
        }
        Ok(Outcome::Done(heard))
    }

    /// One pass of whisper.cpp over at most 30 s. `audio_ctx` `None`: by the length.
    fn window(
        &mut self,
        pcm: &[f32],
        language: &'static str,
        audio_ctx: Option<i32>,
        threads: u32,
        cancel: &CancelToken,
    ) -> Result<Outcome<Heard>, TranscribeError> {
        let mut params = self.params_for(language);
        params.set_n_threads(threads_of(threads));
        params.set_audio_ctx(audio_ctx.unwrap_or_else(|| pieces::audio_ctx(pcm.len(), self.file.n_audio_ctx)));
        params.set_max_tokens(pieces::token_cap(pcm.len()));
        Ok(match self.run(params, pcm, cancel)? {
            Outcome::Done(()) => Outcome::Done(self.heard()),
            Outcome::Cancelled => Outcome::Cancelled,
        })
    }

    /// Calls whisper.cpp, which looks at the token after the encoder and after each word piece.
    fn run(&mut self, mut params: FullParams<'_, '_>, pcm: &[f32], cancel: &CancelToken) -> Result<Outcome<()>, TranscribeError> {
        let token: *const CancelToken = cancel;
        // SAFETY: whisper.cpp hands the pointer to `is_cancelled` and to nobody else, only while `full` runs, and from the
        // thread that called it. `cancel` is borrowed until after that call, and `params`, which hold the pointer, are
        // moved into it and dropped there. `is_cancelled` only reads, so that casting `const` away is harmless.
        #[allow(unsafe_code)]
        unsafe {
            params.set_abort_callback(Some(is_cancelled));
            params.set_abort_callback_user_data(token.cast_mut().cast::<c_void>());
        }
        let result = self.state.full(params, pcm);
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled); // an abort comes back as an error
        }
        result.map(Outcome::Done).map_err(|e| TranscribeError::Engine(format!("whisper.cpp says: {e}")))
    }

    /// Parameters that do not depend on the recording. As whisper-cli with `-nfa -nf -nt -mc 0 -bs 1 -bo 1`.
    fn params_for(&mut self, language: &'static str) -> FullParams<'static, 'static> {
        if let Some((_, params)) = self.params.as_ref().filter(|(of, _)| *of == language) {
            return params.clone();
        }
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        params.set_language(Some(language));
        params.set_translate(false);
        params.set_no_context(true);
        params.set_single_segment(true);
        params.set_no_timestamps(true);
        params.set_suppress_blank(true);
        params.set_temperature(0.0);
        params.set_temperature_inc(0.0); // no second tries at random
        params.set_print_special(false);
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_timestamps(false);
        self.params = Some((language, params.clone()));
        params
    }

    /// Reads the last pass's result.
    fn heard(&self) -> Heard {
        let mut bytes = Vec::new();
        let mut heard = Heard::default();
        for segment in self.state.as_iter() {
            bytes.extend_from_slice(segment.to_bytes().unwrap_or_default());
            for token in (0..segment.n_tokens()).filter_map(|at| segment.get_token(at)) {
                let id = token.token_id();
                heard.ended |= id == self.end_of_text;
                if id <= self.end_of_text {
                    heard.tokens.push((id, token.token_probability()));
                }
            }
        }
        // A token may be a part of a character, and the cap may fall between two.
        heard.text = String::from_utf8_lossy(&bytes).replace('\u{fffd}', "");
        heard
    }

    /// The language of the recording: what the options say, or the most probable of the allowed ones.
    fn language(
        &mut self,
        pcm: &[f32],
        wanted: &SpokenLanguage,
        threads: u32,
        cancel: &CancelToken,
    ) -> Result<Outcome<&'static str>, TranscribeError> {
        if !self.file.multilingual {
            return Ok(Outcome::Done("en"));
        }
        let named: &[String] = match wanted {
            SpokenLanguage::Fixed(one) => std::slice::from_ref(one),
            SpokenLanguage::Detect(among) => among,
        };
        let mut allowed: Vec<c_int> = named.iter().filter_map(|name| self.language_id(name)).collect();
        if allowed.is_empty() {
            if !named.is_empty() {
                tracing::warn!(?named, "this speech model does not know the language; it is found out from the sound");
            }
            allowed = (0..c_int::try_from(self.file.n_languages).unwrap_or(1)).collect();
        }
        let mut best = allowed[0];
        if allowed.len() > 1 {
            // One pass over the first 100 ms ends before the encoder: it makes the spectrogram and sets audio_ctx.
            let mut params = self.params_for("en");
            params.set_n_threads(threads_of(threads));
            params.set_audio_ctx(pieces::audio_ctx(pcm.len(), self.file.n_audio_ctx));
            params.set_duration_ms(100);
            let Outcome::Done(()) = self.run(params, pcm, cancel)? else { return Ok(Outcome::Cancelled) };
            let found = self.state.lang_detect(0, threads_of(threads).unsigned_abs() as usize);
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let (_, probabilities) = found.map_err(|e| TranscribeError::Engine(format!("the language was not found ({e})")))?;
            let probability = |id: &c_int| usize::try_from(*id).ok().and_then(|at| probabilities.get(at)).copied().unwrap_or(0.0);
            best = allowed.into_iter().max_by(|a, b| probability(a).total_cmp(&probability(b))).unwrap_or(best);
        }
        Ok(Outcome::Done(whisper_rs::get_lang_str(best).unwrap_or("en")))
    }

    /// whisper's number of a language (`en`, `zh-CN`, `German`), if this model has it.
    fn language_id(&self, name: &str) -> Option<c_int> {
        let base = name.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        if base.is_empty() || !base.bytes().all(|b| b.is_ascii_lowercase()) {
            return None;
        }
        whisper_rs::get_lang_id(&base).filter(|id| u32::try_from(*id).is_ok_and(|id| id < self.file.n_languages))
    }
}

impl Transcriber for WhisperTranscriber {
    fn transcribe(
        &mut self,
        pcm: &Pcm16k,
        options: &SttOptions,
        cancel: &CancelToken,
        on_partial: &mut dyn FnMut(&str),
    ) -> Result<Outcome<Transcript>, TranscribeError> {
        let pcm = pieces::sane(&pcm.0);
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        if pcm.len() < pieces::SHORTEST {
            return Ok(Outcome::Done(Transcript::default()));
        }
        let cuts = pieces::cut(&pcm);
        let first = cuts.first().map_or(&pcm[..], |first| &pcm[first.clone()]);
        let Outcome::Done(language) = self.language(first, &options.language, options.threads, cancel)? else {
            return Ok(Outcome::Cancelled);
        };
        let mut text = String::new();
        let mut probabilities = Vec::new();
        for piece in cuts {
            let Outcome::Done(heard) = self.piece(&pcm[piece], language, options.threads, cancel)? else { return Ok(Outcome::Cancelled) };
            let mut words = guard::strip_marks(&heard.text);
            if language == "zh" {
                words = chinese::written(&words, options.script);
            }
            if !words.is_empty() {
                join(&mut text, &words);
                probabilities.extend(heard.tokens.iter().map(|(_, p)| *p));
                on_partial(&text);
            }
        }
        Ok(Outcome::Done(Transcript { text: text.into(), language: language.to_owned(), confidence: geometric_mean(&probabilities) }))
    }

    fn info(&self) -> EngineInfo {
        self.info.clone()
    }
}

/// whisper.cpp's abort callback: whether the work is not wanted any more. `token`: the [`CancelToken`] of the run.
#[allow(unsafe_code)]
unsafe extern "C" fn is_cancelled(token: *mut c_void) -> bool {
    // SAFETY: `run` is the only one that sets this callback, with a pointer to a token that it borrows meanwhile.
    unsafe { token.cast::<CancelToken>().as_ref() }.is_some_and(CancelToken::is_cancelled)
}

/// Sends what whisper.cpp and ggml print to the log instead of stderr.
fn quiet() {
    static ONCE: Once = Once::new();
    // SAFETY: `log` has the type that whisper.cpp and ggml ask for, needs no user data, and lives as long as the program.
    #[allow(unsafe_code)]
    ONCE.call_once(|| unsafe {
        whisper_rs::set_log_callback(Some(log), std::ptr::null_mut());
        whisper_rs_sys::ggml_log_set(Some(log), std::ptr::null_mut());
    });
}

/// Receives one piece of whisper.cpp's or ggml's output.
#[allow(unsafe_code)]
unsafe extern "C" fn log(level: whisper_rs_sys::ggml_log_level, text: *const c_char, _user: *mut c_void) {
    // At that level it may print tokens, and tokens are words.
    if text.is_null() || level == whisper_rs_sys::ggml_log_level_GGML_LOG_LEVEL_DEBUG {
        return;
    }
    // SAFETY: both libraries hand over a string that ends in NUL and lives during the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    tracing::debug!(target: "whisper.cpp", "{}", text.trim_end());
}

fn threads_of(threads: u32) -> c_int {
    threads.clamp(1, MOST_THREADS) as c_int
}

/// 0 when there is none.
fn geometric_mean(probabilities: &[f32]) -> f32 {
    if probabilities.is_empty() {
        return 0.0;
    }
    let logs: f64 = probabilities.iter().map(|p| f64::from(p.clamp(1e-6, 1.0)).ln()).sum();
    (logs / probabilities.len() as f64).exp() as f32
}

#[cfg(test)]
#[path = "whisper_tests.rs"]
mod tests;
