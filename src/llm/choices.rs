//! What the settings say about thinking, as plain values.

/// How the next token is chosen. Every field is really in effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 is greedy: always the most likely token.
    pub temperature: f32,
    /// Keep the most likely tokens that together have this probability; 1 is off.
    pub top_p: f32,
    /// Keep this many of the most likely tokens; 0 is off.
    pub top_k: i32,
    /// Keep tokens with at least this share of the best one's probability; 0 is off.
    pub min_p: f32,
    /// Divide the logits of tokens seen in the last 64 by this; 1 is off.
    pub repeat_penalty: f32,
    /// The same seed and the same prompt give the same answer. `None`: a new one for each answer.
    pub seed: Option<u32>,
}

impl Default for Sampling {
    fn default() -> Self {
        // Cool, because a spoken answer should be right rather than colourful: at 0.4 the starter model drew nonsense in
        // half of its answers. The penalty is small, because 1.1 made it miscount ("12 + 7 = 8": the 1 was punished),
        // and not 1, because then it says "You're welcome!" without end.
        Sampling { temperature: 0.2, top_p: 0.95, top_k: 40, min_p: 0.05, repeat_penalty: 1.05, seed: None }
    }
}

/// Whether attention is computed in one go (flash attention).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashAttention {
    /// What was measured to be faster; off until it was measured.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}
