//! What differs between systems: the processor check, thread priorities, the global key, the single instance, the load of
//! the machine, its memory, its battery, and disks that may be pulled.

pub mod cpu;
pub mod disk;
pub mod dumps;
pub mod files;
pub mod hotkey;
pub mod instance;
pub mod load;
pub mod memory;
pub mod power;
pub mod priority;
pub mod sandbox;
pub mod threads;
pub mod trusted;
