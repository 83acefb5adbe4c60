//! Hark: hold a key, speak, let go; the answer begins to sound. One process, no server, no network.

pub mod assistant;
pub mod audio;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod config;
pub mod error;
pub mod event;
pub mod fakes;
pub mod llm;
pub mod models;
#[cfg(test)]
mod on_time;
pub mod platform;
pub mod printable;
pub mod private;
pub mod speech;
pub mod stt;
pub mod trace;
pub mod tts;
pub mod turn;
pub mod ui;
pub mod worker;
