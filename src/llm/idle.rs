//! What is done while nobody waits: the beginning of the next prompt is computed (and kept in a file for the next
//! start), and once for a model on a machine it is measured which threads are the fastest.

use super::context::Threads;
use super::engine::Wanted;
use super::llama::LlamaModelHandle;
use super::measured::{self, Identity, Measured};
use super::prefix::{self, Saved};
use super::session::LlamaSession;
use super::{ChatOptions, FlashAttention, Settled, tune};
use crate::platform::load::OthersLoad;
use crate::platform::threads::{Job, ThreadGovernor};
use crate::turn::Outcome;
use llama_cpp_2::token::LlamaToken;
use std::path::PathBuf;
use std::time::Duration;

/// What is known for times of idleness.
pub(super) struct Idle {
    /// Where things are kept, and for which model.
    kept: Option<(PathBuf, Identity)>,
    measured: Option<Measured>,
    /// Threads until then.
    unmeasured: u32,
    /// A measurement is still wanted, and so often a quiet moment is waited for.
    tries: u32,
    quiet: OthersLoad,
    prefix_read: bool,
    prefix_kept: bool,
    restored: bool,
}

/// A quiet moment is waited for so often, first and each time twice as long as before up to the last.
const TRIES: u32 = 12;
const WAIT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// The machine is quiet when less than this is busy, cores.
const QUIET: f64 = 0.35;

impl Idle {
    pub(super) fn new(model: &LlamaModelHandle, options: &ChatOptions) -> Self {
        let mut idle = Idle {
            kept: None,
            measured: None,
            unmeasured: model.threads(),
            tries: TRIES,
            quiet: OthersLoad::new(),
            prefix_read: false,
            prefix_kept: false,
            restored: false,
        };
        idle.choose(model, options);
        idle
    }

    /// Takes over where things are kept.
    pub(super) fn choose(&mut self, model: &LlamaModelHandle, options: &ChatOptions) {
        self.kept = options.cache.clone().and_then(|folder| Some((folder, Identity::of(model.path())?)));
        if self.measured.is_none() {
            self.measured = self.kept.as_ref().and_then(|(folder, of)| measured::recall(folder, of));
        }
    }

    /// The engine that the options and the measurement ask for.
    pub(super) fn wanted(&self, options: &ChatOptions) -> Wanted {
        let unmeasured = self.unmeasured;
        let threads = match (options.threads, self.measured) {
            (0, Some(best)) => Threads { decode: best.decode_threads, prompt: best.prompt_threads },
            (0, None) => Threads { decode: unmeasured, prompt: unmeasured },
            (fixed, _) => Threads { decode: fixed.min(64), prompt: fixed.min(64) },
        };
        let flash_attention = match options.flash_attention {
            FlashAttention::On => true,
            FlashAttention::Off => false,
            // Older versions of the engine read prompts 1.5x to 2x slower with it; this one does not everywhere.
            FlashAttention::Auto => self.measured.is_some_and(|best| best.flash_attention),
        };
        Wanted { context_tokens: options.context_tokens, threads, flash_attention, adapt: options.adapt }
    }

    /// Whether the beginning was just read from its file.
    pub(super) fn take_restored(&mut self) -> bool {
        std::mem::take(&mut self.restored)
    }

    /// Tells what steps take on a quiet machine.
    pub(super) fn teach(&self, governor: &mut ThreadGovernor) {
        if let Some(best) = self.measured {
            governor.expect(Job::Decode, best.decode_threads, best.decode_ms);
            governor.expect(Job::Prompt, best.prompt_threads, best.prompt_ms);
        }
    }

    /// What a kept prefix must have been made for.
    fn made_for(&self, wanted: Wanted) -> Option<(PathBuf, String)> {
        let (folder, of) = self.kept.as_ref()?;
        // Wide and narrow vectors round differently, so another processor computes it anew.
        let line = format!("{of:?}, f16 keys and values, flash attention {}, llama-cpp-2 0.1.160", wanted.flash_attention);
        Some((folder.clone(), line))
    }
}

impl LlamaSession<'_> {
    /// Before anything is computed: takes the beginning of the conversation from its file.
    pub(super) fn restore_prefix(&mut self) {
        if self.idle.prefix_read || !self.engine.cached().is_empty() {
            return;
        }
        self.idle.prefix_read = true;
        let Some((folder, made_for)) = self.idle.made_for(self.engine.wanted()) else { return };
        let Some(saved) = prefix::read(&folder, &made_for) else { return };
        let begins = self.said.certain(None).is_ok_and(|tokens| tokens.starts_with(&saved.tokens));
        if begins && self.engine.load(&saved.cache, &saved.tokens) {
            tracing::debug!(tokens = saved.tokens.len(), "the beginning of the conversation was read from its file");
            self.idle.prefix_kept = true;
            self.idle.restored = true;
        }
    }

    /// Keeps the beginning of the conversation, when it is all that there is: nothing that a user said enters the file.
    pub(super) fn keep_prefix(&mut self, tokens: &[LlamaToken]) {
        if self.idle.prefix_kept || self.said.has_begun() || self.engine.cached() != tokens || tokens.is_empty() {
            return;
        }
        self.idle.prefix_kept = true;
        if let Some((folder, made_for)) = self.idle.made_for(self.engine.wanted()) {
            prefix::write(&folder, &made_for, &Saved { tokens: tokens.to_vec(), cache: self.engine.save() });
        }
    }

    /// Measures when that is still to be done and the machine is quiet.
    pub(super) fn measure(&mut self, stop: &dyn Fn() -> bool) -> Settled {
        let Some((folder, of)) = self.idle.kept.clone() else { return Settled::Done };
        // With a fixed number of threads (a setting, or half of them on battery) nothing is measured: it would be remembered as
        // the fastest, and on battery it is work that nobody asked for.
        if self.idle.measured.is_some() || self.idle.tries == 0 || self.options.threads > 0 {
            return Settled::Done;
        }
        let past = TRIES - self.idle.tries;
        let again = Settled::Later((WAIT.0 * 2_u32.saturating_pow(past)).min(WAIT.1));
        self.idle.tries -= 1;
        // The first look only begins to look.
        if past == 0 || self.idle.quiet.busy_cores() > QUIET {
            return again;
        }
        let threads = tune::candidates(of.cores);
        let flash = match self.options.flash_attention {
            FlashAttention::Auto => vec![false, true],
            fixed => vec![fixed == FlashAttention::On],
        };
        let trials = match tune::trials(self.model.model(), &threads, &flash, stop) {
            Outcome::Done(trials) => trials,
            Outcome::Cancelled => return Settled::Stopped,
        };
        if self.idle.quiet.free_cores() < of.cores {
            tracing::debug!(?trials, "other programs were busy during the measurement; it is made again");
            return again;
        }
        let Some(found) = tune::choose(&trials) else { return Settled::Done };
        tracing::info!(?found, ?trials, "measured");
        measured::store(&folder, &of, found);
        self.idle.measured = Some(found);
        // A new cache is empty; the next call fills it.
        self.idle.prefix_read = false;
        self.idle.prefix_kept = false;
        if let Err(error) = self.renew_engine(self.idle.wanted(&self.options)) {
            tracing::debug!(%error, "what was measured is used from the next start on");
        }
        Settled::Later(Duration::ZERO)
    }
}
