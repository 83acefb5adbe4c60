//! What differs between systems: the processor check, the global key, the single instance.

pub mod cpu;
pub mod hotkey;
pub mod instance;
