//! The chat template, and the types that the settings name. They are those of `hark::llm`, which names engines.

#[path = "../../src/llm/template.rs"]
pub mod template;

/// As in Hark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashAttention {
    #[default]
    Auto,
    On,
    Off,
}

/// As in Hark.
pub struct Sampling {
    pub temperature: f32,
    pub top_p: f32,
    pub top_k: i32,
    pub min_p: f32,
    pub repeat_penalty: f32,
    pub seed: Option<u32>,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { temperature: 0.2, top_p: 0.95, top_k: 40, min_p: 0.05, repeat_penalty: 1.05, seed: None }
    }
}
