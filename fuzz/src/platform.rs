//! What differs between systems, as far as the parsers name it.

#[path = "../../src/platform/files.rs"]
pub mod files;
#[path = "../../src/platform/trusted.rs"]
pub mod trusted;
