//! Checks of model files, and the cutting of graphs.

#[path = "../../src/models/check/mod.rs"]
pub mod check;
#[path = "../../src/models/cut/mod.rs"]
pub mod cut;
