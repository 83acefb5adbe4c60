//! Which of the installed models are used, on how many threads, and why: what the machine has free and whether it runs on
//! its battery, against what the settings wish. Pure; [`crate::assistant`] reads the machine and carries the plan out.
//!
//! - When the models would leave less than [`KEEP_FREE`] bytes, the larger of chat and speech model gives way to the next
//!   smaller installed one, again and again, until it fits or nothing smaller is there.
//! - On battery hearing and thinking get half of their threads, and words that may still change are not computed ahead.
//!   Transcribing while the key is held stays: its result is always used. The voice keeps its threads: it must keep up with
//!   the ear.
//!
//! Both can be switched off in the settings.

use super::catalog::ModelKind;
use crate::platform::power::Power;
use std::path::PathBuf;
use std::time::Duration;

/// So much memory stays free for the rest of the desktop, bytes.
pub const KEEP_FREE: u64 = 2_000_000_000;
/// A new model is loaded beside the old one when so much is free after that, bytes.
const SPARE: u64 = 512_000_000;

/// An installed model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its file.
    pub path: PathBuf,
    /// Its name for people.
    pub name: String,
    /// Length of the file.
    pub bytes: u64,
}

/// What the settings wish of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// `None`: none is installed.
    pub wished: Option<Model>,
    /// What may be taken instead; empty: the wished one or nothing.
    pub others: Vec<Model>,
}

/// What the settings wish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Hearing.
    pub stt: Choice,
    /// Thinking.
    pub chat: Choice,
    /// Length of the voice's file; 0: espeak-ng.
    pub voice_bytes: u64,
    /// Tokens that the chat model remembers.
    pub context_tokens: u32,
    /// Threads of hearing.
    pub stt_threads: u32,
    /// Threads of thinking; 0: what was measured.
    pub chat_threads: u32,
    /// Idle engines are unloaded after this time.
    pub unload_after: Option<Duration>,
    /// Memory decides.
    pub fit_memory: bool,
    /// The battery decides.
    pub save_on_battery: bool,
}

/// What the machine has now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Memory that is free, bytes; `None`: not known, then nothing is decided by it.
    pub free_bytes: Option<u64>,
    /// What would become free if all engines of ours were unloaded, bytes.
    pub ours_bytes: u64,
    /// `None`: there is no battery.
    pub power: Option<Power>,
    /// Cores that this process may use.
    pub cores: u32,
}

/// What is done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The speech model.
    pub stt: Option<PathBuf>,
    /// The chat model.
    pub chat: Option<PathBuf>,
    /// Threads of hearing.
    pub stt_threads: u32,
    /// Threads of thinking; 0: what was measured.
    pub chat_threads: u32,
    /// Words that may still change are computed ahead.
    pub speculate: bool,
    /// Idle engines are unloaded after this time.
    pub unload_after: Option<Duration>,
    /// What the engines need together, bytes, about.
    pub need_bytes: u64,
    /// What was free when this was decided, bytes.
    pub free_bytes: Option<u64>,
    /// Where the power came from.
    pub power: Option<Power>,
    /// Why it is not simply what the settings wish.
    pub reasons: Vec<Reason>,
}

/// Why something is not as the settings wish, or why it may go badly.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// A smaller model is used because memory is short.
    Smaller {
        /// Which kind.
        kind: ModelKind,
        /// The model of the settings, and what it needs, bytes.
        wished: (String, u64),
        /// The one that is used.
        used: String,
        /// What is free, bytes.
        free_bytes: u64,
    },
    /// Nothing smaller may be used, and little stays free.
    Tight {
        /// What the engines need together, bytes.
        need_bytes: u64,
        /// What is free, bytes.
        free_bytes: u64,
    },
    /// On battery with half of the threads.
    Battery {
        /// Threads of hearing.
        stt_threads: u32,
        /// Threads of thinking.
        chat_threads: u32,
    },
    /// On battery, and the settings want all the same speed.
    BatteryIgnored,
}

fn kind_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Stt => "speech model",
        ModelKind::Chat => "chat model",
        ModelKind::Voice => "voice",
        ModelKind::Vad | ModelKind::Embedding => "model",
    }
}

/// `1.6 GB`, `90 MB`
fn size(bytes: u64) -> String {
    if bytes >= 1_000_000_000 { format!("{:.1} GB", bytes as f64 / 1e9) } else { format!("{:.0} MB", bytes as f64 / 1e6) }
}

fn count(threads: u32) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

impl Reason {
    /// One sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Reason::Smaller { kind, wished: (wished, need), used, free_bytes } => {
                let (free, kind) = (size(*free_bytes), kind_name(*kind));
                if *free_bytes < KEEP_FREE {
                    format!("Only {free} of memory are free, so the smaller {kind} {used} is used instead of {wished}.")
                } else {
                    format!(
                        "{wished} needs about {} of the {free} of memory that are free, so the smaller {kind} {used} is used.",
                        size(*need)
                    )
                }
            }
            Reason::Tight { need_bytes, free_bytes } => {
                format!(
                    "The models need about {} and {} of memory are free, so other programs may become slow.",
                    size(*need_bytes),
                    size(*free_bytes)
                )
            }
            Reason::Battery { stt_threads, chat_threads } => format!(
                "On battery hearing uses {} and thinking {}, and nothing is computed ahead of your words.",
                count(*stt_threads),
                count(*chat_threads)
            ),
            Reason::BatteryIgnored => "The machine runs on battery, and the settings say not to save it.".to_owned(),
        }
    }

    /// What to do about it, one sentence; empty when there is nothing to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Reason::Smaller { .. } => {
                "Close other programs, or switch off \"Take a smaller model when memory is short\" (hark settings models.fit_memory false) to use it all the same."
            }
            Reason::Tight { .. } => "Close other programs, or choose smaller models.",
            Reason::Battery { .. } => {
                "Switch off \"Save power on battery\" (hark settings power.save_on_battery false) to use all threads."
            }
            Reason::BatteryIgnored => "",
        }
    }
}

/// About how much memory an engine takes with a model file of this length, bytes.
///
/// A chat model's weights count once: they are mapped, or, where they are laid out anew (Q4_0, Q4_K, IQ4_NL), read instead
/// of mapped (a 1B model in Q4_0, a file of 773 MB, was 902 MB in all with 2,048 tokens). Keys and values of a token grow
/// with the model: 32 KiB at 1B, 112 KiB at 3B, 128 KiB at 8B. Buffers hold the logits of 128 tokens of a vocabulary.
#[must_use]
pub fn need(kind: ModelKind, file_bytes: u64, context_tokens: u32) -> u64 {
    match kind {
        ModelKind::Chat => file_bytes.saturating_add(extra(kind, file_bytes, context_tokens)),
        // whisper.cpp holds the logits of a full context twice.
        ModelKind::Stt => file_bytes.saturating_add(extra(kind, file_bytes, context_tokens)),
        // The graph, its weights once more in the runtime's own form, and its arena.
        ModelKind::Voice if file_bytes == 0 => 10_000_000,
        ModelKind::Voice => file_bytes.saturating_add(extra(kind, file_bytes, context_tokens)),
        ModelKind::Vad | ModelKind::Embedding => file_bytes.saturating_add(10_000_000),
    }
}

/// The part of [`need`] that is not the file's own weights: it becomes free for certain when the engine is unloaded, while
/// the pages of a mapped file count as free all the time.
#[must_use]
pub fn extra(kind: ModelKind, file_bytes: u64, context_tokens: u32) -> u64 {
    match kind {
        ModelKind::Chat => {
            let per_token = 16_384 + file_bytes / 30_000;
            let buffers = if file_bytes < 300_000_000 { 40_000_000 } else { 80_000_000 };
            u64::from(context_tokens).saturating_mul(per_token).saturating_add(buffers)
        }
        ModelKind::Stt => file_bytes / 8 + 186_000_000,
        ModelKind::Voice => file_bytes + 40_000_000,
        ModelKind::Vad | ModelKind::Embedding => 10_000_000,
    }
}

/// Whether a new engine that needs so much can be loaded while the old one is still there.
#[must_use]
pub fn beside(need_bytes: u64, free_bytes: Option<u64>) -> bool {
    free_bytes.is_none_or(|free| free >= need_bytes.saturating_add(SPARE))
}

/// Decides.
#[must_use]
pub fn plan(wishes: &Wishes, reading: &Reading) -> Plan {
    let mut used = [wishes.stt.wished.as_ref(), wishes.chat.wished.as_ref()];
    let needs = |used: &[Option<&Model>; 2]| {
        let of = |kind, model: Option<&Model>| model.map_or(0, |model| need(kind, model.bytes, wishes.context_tokens));
        [of(ModelKind::Stt, used[0]), of(ModelKind::Chat, used[1])]
    };
    let voice = need(ModelKind::Voice, wishes.voice_bytes, 0);
    let total = |used: &[Option<&Model>; 2]| needs(used).iter().fold(voice, |sum, n| sum.saturating_add(*n));
    let mut reasons = Vec::new();
    if let Some(free) = reading.free_bytes {
        let room = free.saturating_add(reading.ours_bytes);
        let fits = |used: &[Option<&Model>; 2]| total(used).saturating_add(KEEP_FREE) <= room;
        while wishes.fit_memory && !fits(&used) {
            let sizes = needs(&used);
            let smaller = [next_smaller(&wishes.stt, used[0]), next_smaller(&wishes.chat, used[1])];
            // The larger one gives way, if there is something smaller.
            let Some(which) = [0, 1].into_iter().filter(|i| smaller[*i].is_some()).max_by_key(|i| sizes[*i]) else { break };
            used[which] = smaller[which];
        }
        for (kind, choice, used) in [(ModelKind::Stt, &wishes.stt, used[0]), (ModelKind::Chat, &wishes.chat, used[1])] {
            if let (Some(wished), Some(used)) = (&choice.wished, used)
                && wished.path != used.path
            {
                let wished = (wished.name.clone(), need(kind, wished.bytes, wishes.context_tokens));
                reasons.push(Reason::Smaller { kind, wished, used: used.name.clone(), free_bytes: room });
            }
        }
        if !fits(&used) {
            reasons.push(Reason::Tight { need_bytes: total(&used), free_bytes: room });
        }
    }
    let path = |model: Option<&Model>| model.map(|model| model.path.clone());
    let plan = Plan {
        stt: path(used[0]),
        chat: path(used[1]),
        stt_threads: wishes.stt_threads,
        chat_threads: wishes.chat_threads,
        speculate: true,
        unload_after: wishes.unload_after,
        need_bytes: total(&used),
        free_bytes: reading.free_bytes,
        power: None,
        reasons,
    };
    with_power(plan, wishes, reading)
}

/// The same plan with another source of power: the models stay.
#[must_use]
pub fn with_power(mut plan: Plan, wishes: &Wishes, reading: &Reading) -> Plan {
    plan.reasons.retain(|reason| !matches!(reason, Reason::Battery { .. } | Reason::BatteryIgnored));
    (plan.power, plan.speculate) = (reading.power, true);
    (plan.stt_threads, plan.chat_threads) = (wishes.stt_threads, wishes.chat_threads);
    match (reading.power, wishes.save_on_battery) {
        (Some(Power::Battery), true) => {
            let half = |threads: u32| (threads / 2).max(1);
            let cores = usize::try_from(reading.cores).unwrap_or(1);
            let usual = if wishes.chat_threads == 0 { crate::platform::cpu::default_threads(cores) } else { wishes.chat_threads };
            (plan.stt_threads, plan.chat_threads, plan.speculate) = (half(wishes.stt_threads), half(usual), false);
            plan.reasons.push(Reason::Battery { stt_threads: plan.stt_threads, chat_threads: plan.chat_threads });
        }
        (Some(Power::Battery), false) => plan.reasons.push(Reason::BatteryIgnored),
        _ => {}
    }
    plan
}

/// The largest installed one that is smaller than this.
fn next_smaller<'a>(choice: &'a Choice, than: Option<&Model>) -> Option<&'a Model> {
    let than = than?.bytes;
    choice.others.iter().filter(|model| model.bytes < than).max_by_key(|model| model.bytes)
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
