//! The parsers of Hark without its engines. A sanitizer wants every crate compiled anew, and the native engines of the whole
//! library take a quarter of an hour for that; so the pure modules are taken from their sources by path, and the few types
//! that they name from elsewhere stand in here (`audio.rs`, `tts.rs`, `models/fetch.rs`).
//!
//! A module is at the same place as in Hark, so that its `crate::…` paths hold.

#![allow(dead_code, reason = "no target uses everything of a module")]

pub mod audio;
#[path = "../../src/clock.rs"]
pub mod clock;
pub mod config;
#[path = "../../src/models/ctranslate2/make.rs"]
pub mod ctranslate2_make;
#[path = "../../tests/corpora/draw.rs"]
pub mod draw;
#[path = "../../src/error.rs"]
pub mod error;
pub mod llm;
pub mod made;
pub mod models;
#[path = "../../src/models/check/onnx_make.rs"]
pub mod onnx_make;
pub mod packs;
pub mod patch;
pub mod place;
pub mod platform;
#[path = "../../src/printable.rs"]
pub mod printable;
#[path = "../../src/speech/mod.rs"]
pub mod speech;
pub mod stt;
pub mod tts;
#[path = "../../src/turn.rs"]
pub mod turn;
