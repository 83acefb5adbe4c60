//! `hark bench`: measures the real pipeline with the key really held, and, with `--compare`, other chains of the same
//! engines in turn with it.
//!
//! ```text
//! report ── targets ─┬─ dialogue ── session ── room      the pipeline, asked by a recording in real time
//!                    │     └────── peers ── child        COLD, WARM and the floor, turn by turn in a rotating order
//!                    └─ trials                           what needs turns of another kind (P5 to P10, P12)
//! path, stats         what the figures mean
//! part                what this program does as a child of itself
//! svg                 the picture of one turn
//! ```

mod child;
pub mod dialogue;
pub mod part;
pub mod path;
mod peers;
pub mod plan;
pub mod process;
pub mod report;
pub mod room;
pub mod session;
pub mod setup;
pub mod stats;
pub mod svg;
pub mod targets;
mod trials;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A thread that panicked with it leaves whole values behind: each is written in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
