//! The hub: one thread that decides ([`state::step`], pure) and one loop that carries out ([`run`]).
//!
//! ```text
//! user actions ──┐                     ┌── effects ──> capture, stt, llm, tts, playback
//!                ├──> step(state) ─────┤
//! worker events ─┘                     └── events ───> window | command line
//! ```

mod active;
mod asleep;
mod crew;
mod faults;
mod listening;
#[cfg(test)]
mod listening_tests;
mod outbox;
pub mod planner;
pub mod ptt;
pub mod registry;
pub mod run;
#[cfg(test)]
mod run_tests;
mod saying;
mod seat;
mod stages;
pub mod state;
#[cfg(test)]
mod state_chaos_tests;
#[cfg(test)]
mod state_tests;
mod switching;
#[cfg(test)]
mod switching_chaos_tests;
#[cfg(test)]
mod switching_run_tests;
#[cfg(test)]
mod switching_tests;
mod turn_events;
#[cfg(test)]
mod waking_run_tests;

pub use registry::Devices;
pub use run::Assistant;
