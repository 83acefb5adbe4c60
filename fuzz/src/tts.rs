//! What lies beside a voice, and what its graph wants.

#[path = "../../src/tts/chars.rs"]
pub mod chars;
#[path = "../../src/tts/graph.rs"]
pub mod graph;
#[path = "../../src/tts/piper.rs"]
pub mod piper;
