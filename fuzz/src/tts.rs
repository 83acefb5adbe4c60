//! What lies beside a voice, and what its graph wants.

#[path = "../../src/tts/chars.rs"]
pub mod chars;
#[path = "../../src/tts/facts.rs"]
pub mod facts;
#[path = "../../src/tts/graph.rs"]
pub mod graph;
#[path = "../../src/tts/languages.rs"]
pub mod languages;
#[path = "../../src/tts/lexicon.rs"]
pub mod lexicon;
#[path = "../../src/tts/piper.rs"]
pub mod piper;
#[path = "../../src/tts/tables.rs"]
mod tables;
#[path = "../../src/tts/tokens.rs"]
pub mod tokens;
#[path = "../../src/tts/words.rs"]
pub mod words;

/// The one type of `hark::tts::front` that the words need; the rest of it names espeak-ng.
pub mod front {
    /// As in Hark.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Symbols {
        pub ids: Vec<i64>,
        pub tones: Vec<i64>,
    }
}

/// As far as the judge of imported files names it.
#[derive(Debug, thiserror::Error)]
pub enum SynthesisError {
    #[error("{reason}")]
    VoiceCorrupt { path: std::path::PathBuf, reason: String },
    #[error("{0}")]
    Engine(String),
}

/// The real ones ask ONNX Runtime; here every voice whose graph passed the check is good.
pub mod engines {
    /// As in Hark.
    pub fn check(_: &std::path::Path) -> Result<(), super::SynthesisError> {
        Ok(())
    }
}
