//! How the next token is chosen: [`Sampling`] as llama.cpp's sampler chain.

use super::Sampling;
use llama_cpp_2::sampling::LlamaSampler;
use std::hash::{BuildHasher, Hasher};

/// The repeat penalty looks at so many of the answer's last tokens. The prompt's tokens are not punished: an answer that
/// must repeat a word of the question (a time, a name) would suffer, and so would the mark that ends a turn.
pub const PENALTY_WINDOW: i32 = 64;

/// A fresh chain for one answer, in llama.cpp's order: penalties, top-k, top-p, min-p, temperature, draw. With
/// temperature 0 (or less) the most likely token is taken. Values that are no numbers are taken as "off".
#[must_use]
pub fn chain(sampling: &Sampling, n_vocab: i32) -> LlamaSampler {
    let mut steps = Vec::new();
    let penalty = sampling.repeat_penalty;
    if penalty.is_finite() && penalty > 0.0 && (penalty - 1.0).abs() > f32::EPSILON {
        steps.push(LlamaSampler::penalties(n_vocab, PENALTY_WINDOW, penalty, 0.0, 0.0));
    }
    if !(sampling.temperature.is_finite() && sampling.temperature > 0.0) {
        steps.push(LlamaSampler::greedy());
        return LlamaSampler::chain(steps, true);
    }
    if sampling.top_k > 0 {
        steps.push(LlamaSampler::top_k(sampling.top_k));
    }
    if (0.0..1.0).contains(&sampling.top_p) {
        steps.push(LlamaSampler::top_p(sampling.top_p, 1));
    }
    if sampling.min_p > 0.0 {
        steps.push(LlamaSampler::min_p(sampling.min_p.min(1.0), 1));
    }
    steps.push(LlamaSampler::temp(sampling.temperature));
    steps.push(LlamaSampler::dist(seed(sampling.seed)));
    LlamaSampler::chain(steps, true)
}

/// The seed to draw with. llama.cpp reads `u32::MAX` as "take a random one", so that number is moved by one.
fn seed(wanted: Option<u32>) -> u32 {
    let seed = wanted.unwrap_or_else(|| {
        // The hasher's keys come from the system's random source; nothing here needs better ones.
        let bits = std::hash::RandomState::new().build_hasher().finish();
        u32::try_from(bits >> 32).unwrap_or(0)
    });
    seed.min(u32::MAX - 1)
}
