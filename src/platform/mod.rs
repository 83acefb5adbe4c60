//! What differs between systems: the processor check, thread priorities, the global key, the single instance, the load of
//! the machine.

pub mod cpu;
pub mod hotkey;
pub mod instance;
pub mod load;
pub mod priority;
pub mod threads;
