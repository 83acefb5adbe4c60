//! The hub: one thread that decides ([`state::step`], pure) and one loop that carries out ([`run`]).
//!
//! ```text
//! user actions ──┐                     ┌── effects ──> capture, stt, llm, tts, playback
//!                ├──> step(state) ─────┤
//! worker events ─┘                     └── events ───> window | command line
//! ```

mod active;
mod engines;
mod outbox;
pub mod ptt;
pub mod run;
mod stages;
pub mod state;
#[cfg(test)]
mod state_tests;
mod turn_events;

pub use engines::Devices;
pub use run::Assistant;
