//! How the next token is chosen: [`Sampling`] on the logits.
//!
//! The repeat penalty and top-k are done here: llama.cpp's own look each word of the vocabulary up in a hash map and copy
//! all of them for each token. The rest is llama.cpp's sampler chain.

use super::Sampling;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

/// The repeat penalty looks at so many of the answer's last tokens. The prompt's tokens are not punished: an answer that
/// must repeat a word of the question (a time, a name) would suffer, and so would the mark that ends a turn.
pub const PENALTY_WINDOW: usize = 64;

/// Chooses the tokens of one answer, in llama.cpp's order: penalties, top-k, top-p, min-p, temperature, draw. With
/// temperature 0 (or less) the most likely token is taken. Values that are no numbers are taken as "off".
pub struct Chooser {
    /// `None`: greedy.
    chain: Option<LlamaSampler>,
    top_k: usize,
    penalty: f32,
    recent: VecDeque<usize>,
    /// The words that may be drawn, most likely first.
    best: Vec<(f32, usize)>,
    row: LlamaTokenDataArray,
}

impl Chooser {
    /// For one answer.
    #[must_use]
    pub fn new(sampling: &Sampling) -> Self {
        let penalty = sampling.repeat_penalty;
        let penalty = if penalty.is_finite() && penalty > 0.0 { penalty } else { 1.0 };
        Chooser {
            chain: chain(sampling),
            top_k: usize::try_from(sampling.top_k).unwrap_or(0),
            penalty,
            recent: VecDeque::with_capacity(PENALTY_WINDOW + 1),
            best: Vec::new(),
            row: LlamaTokenDataArray::new(Vec::new(), false),
        }
    }

    /// The next token. `None`: these are no usable numbers (llama.cpp's samplers would assert on them).
    pub fn choose(&mut self, logits: &[f32]) -> Option<LlamaToken> {
        let usable = logits.iter().fold(0_u32, |bad, logit| bad | u32::from(logit.is_nan() || *logit == f32::INFINITY)) == 0;
        if !usable || logits.is_empty() {
            return None;
        }
        let keep = if self.chain.is_none() { 1 } else { self.top_k };
        // A penalty below 1 lifts words: then all must be looked at.
        let wanted = if keep == 0 || self.penalty < 1.0 { logits.len() } else { keep + self.recent.len() };
        largest(logits, wanted, &mut self.best);
        if self.penalty != 1.0 {
            for (logit, word) in &mut self.best {
                if self.recent.contains(word) {
                    *logit = if *logit <= 0.0 { *logit * self.penalty } else { *logit / self.penalty };
                }
            }
        }
        self.best.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        if keep > 0 {
            self.best.truncate(keep);
        }
        if !self.best.first()?.0.is_finite() {
            return None;
        }
        let chosen = match &mut self.chain {
            None => self.best.first()?.1,
            Some(chain) => {
                let id = |word: usize| LlamaToken(i32::try_from(word).unwrap_or(0));
                self.row.data.clear();
                self.row.data.extend(self.best.iter().map(|(logit, word)| LlamaTokenData::new(id(*word), *logit, 0.0)));
                self.row.selected = None;
                self.row.sorted = true;
                self.row.apply_sampler(chain);
                usize::try_from(self.row.selected_token()?.0).ok()?
            }
        };
        self.recent.push_back(chosen);
        if self.recent.len() > PENALTY_WINDOW {
            self.recent.pop_front();
        }
        i32::try_from(chosen).ok().map(LlamaToken)
    }
}

/// The `n` largest of the logits (all, when there are fewer) with their places, in no order.
fn largest(logits: &[f32], n: usize, into: &mut Vec<(f32, usize)>) {
    into.clear();
    if n >= logits.len() {
        into.extend(logits.iter().copied().zip(0..));
        return;
    }
    let room = 2 * n + 64;
    let order = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    let mut least = f32::NEG_INFINITY;
    let mut any = false;
    for (at, logit) in logits.iter().enumerate() {
        // Of equal ones the first stays.
        if *logit > least || !any {
            into.push((*logit, at));
            if into.len() == room {
                into.select_nth_unstable_by(n - 1, order);
                into.truncate(n);
                least = into.last().map_or(least, |last| last.0);
                any = true;
            }
        }
    }
    if into.len() > n {
        into.select_nth_unstable_by(n - 1, order);
        into.truncate(n);
    }
}

fn chain(sampling: &Sampling) -> Option<LlamaSampler> {
    if !(sampling.temperature.is_finite() && sampling.temperature > 0.0) {
        return None;
    }
    let mut steps = Vec::new();
    if (0.0..1.0).contains(&sampling.top_p) {
        steps.push(LlamaSampler::top_p(sampling.top_p, 1));
    }
    if sampling.min_p > 0.0 {
        steps.push(LlamaSampler::min_p(sampling.min_p.min(1.0), 1));
    }
    steps.push(LlamaSampler::temp(sampling.temperature));
    steps.push(LlamaSampler::dist(seed(sampling.seed)));
    Some(LlamaSampler::chain(steps, true))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// llama.cpp's own chain for the same wishes.
    fn whole_chain(sampling: &Sampling, n_vocab: i32) -> LlamaSampler {
        let mut steps = vec![LlamaSampler::penalties(n_vocab, 64, sampling.repeat_penalty, 0.0, 0.0)];
        if sampling.temperature == 0.0 {
            steps.push(LlamaSampler::greedy());
        } else {
            steps.push(LlamaSampler::top_k(sampling.top_k));
            steps.push(LlamaSampler::top_p(sampling.top_p, 1));
            steps.push(LlamaSampler::min_p(sampling.min_p, 1));
            steps.push(LlamaSampler::temp(sampling.temperature));
            steps.push(LlamaSampler::dist(sampling.seed.unwrap_or(0)));
        }
        LlamaSampler::chain(steps, true)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_choice_is_that_of_the_engines_own_chain(
            logits in proptest::collection::vec(proptest::collection::vec(-12.0_f32..12.0, 300), 12),
            cool in any::<bool>(), top_k in 1_i32..60, seed in 0_u32..1000, repeat_penalty in 1.0_f32..1.5,
        ) {
            let temperature = if cool { 0.0 } else { 0.9 };
            let sampling = Sampling { temperature, top_p: 0.95, top_k, min_p: 0.05, repeat_penalty, seed: Some(seed) };
            let mut ours = Chooser::new(&sampling);
            let mut theirs = whole_chain(&sampling, 300);
            for logits in &logits {
                let row = logits.iter().zip(0..).map(|(logit, id)| LlamaTokenData::new(LlamaToken(id), *logit, 0.0));
                let mut row = LlamaTokenDataArray::from_iter(row, false);
                row.apply_sampler(&mut theirs);
                let expected = row.selected_token().unwrap();
                theirs.accept(expected);
                prop_assert_eq!(ours.choose(logits), Some(expected));
            }
        }
    }

    #[test]
    fn numbers_that_are_none_choose_nothing() {
        let mut chooser = Chooser::new(&Sampling::default());
        assert_eq!(chooser.choose(&[]), None);
        assert_eq!(chooser.choose(&[1.0, f32::NAN, 2.0]), None);
        assert_eq!(chooser.choose(&[1.0, f32::INFINITY]), None);
        assert_eq!(chooser.choose(&[f32::NEG_INFINITY; 3]), None);
        assert_eq!(chooser.choose(&[f32::NEG_INFINITY, 1.0]), Some(LlamaToken(1)));
    }
}
