//! A fake of every engine and device, always compiled, chosen by name (`--engines fake`), for tests of our own logic.

pub mod audio;
pub mod engines;
pub mod models;
