//! The chat template, and what the settings name of `hark::llm`, which names engines.

#[path = "../../src/llm/choices.rs"]
mod choices;
#[path = "../../src/llm/metered.rs"]
mod metered;
#[path = "../../src/llm/template.rs"]
pub mod template;

pub use choices::{FlashAttention, Sampling};
