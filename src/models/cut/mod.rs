//! ONNX graphs are cut into parts that run one after the other, by copying the bytes of the file: nodes and weights go
//! through as they are, only the lists of what a part takes and gives are written anew.
//!
//! Nothing here trusts the file. A graph that does not have the expected form gives `None`; that the parts compute the same
//! as the whole is for the caller to find out, by running both.

pub mod graph;
pub mod parts;
pub(crate) mod wire;

pub use graph::GraphView;
pub use parts::{MAX_SEAM, Part, Rest};

#[cfg(test)]
mod tests;
