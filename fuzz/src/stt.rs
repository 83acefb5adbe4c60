//! What the settings name of `hark::stt`, which names an engine.

#[path = "../../src/stt/chinese.rs"]
pub mod chinese;

/// As in `hark::stt::guard`.
mod guard {
    pub(crate) use crate::speech::is_han as is_unspaced;
}
