//! Whisper models in CTranslate2's form, which faster-whisper keeps, written again as the ggml file that whisper.cpp reads.
//!
//! ```text
//! model.bin       ─> file: the table of its variables ─┐
//! vocabulary.json ─> vocabulary: the words as bytes ───┴─> plan: which rows of which variable are which tensor
//!                                                            └─> write: values a piece at a time ─> blocks ─> ggml
//! ```
//!
//! Everything is looked at before the first byte is written, and the file is never held: of the weights one piece is in memory.
//! The tensors come in the order of OpenAI's checkpoint, so that a model whose weights are 16-bit gives, bit for bit, the file
//! that whisper.cpp's own converter makes of that checkpoint.

mod blocks;
pub(super) mod draft;
mod file;
mod half;
#[cfg(test)]
pub(crate) mod make;
mod mel;
mod plan;
mod vocabulary;
mod write;

pub use file::is_head;
pub use vocabulary::{Tokens, beside};
pub use write::{Conversion, ConvertError};

use super::check::ggml::CheckError;
use super::check::ggml_file::refuse;
use std::fs::File;
use std::path::Path;

/// How the large weights are written. Vectors, convolutions and positions stay as exact as whisper.cpp's own tool leaves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// 16-bit floats.
    F16,
    /// 8 bits and a scale for each 32.
    Q8_0,
    /// 5 bits, a scale and a least value for each 32.
    Q5_1,
}

impl Weights {
    /// What is written when nobody chose.
    pub const USUAL: Weights = Weights::Q8_0;
    /// All of them.
    pub const ALL: [Weights; 3] = [Weights::F16, Weights::Q8_0, Weights::Q5_1];

    /// As file names and commands say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Weights::F16 => "f16",
            Weights::Q8_0 => "q8_0",
            Weights::Q5_1 => "q5_1",
        }
    }

    /// The header's number: ggml's type, and thousands for the layout of its blocks.
    fn number(self) -> i32 {
        match self {
            Weights::F16 => 1,
            Weights::Q8_0 => 2007,
            Weights::Q5_1 => 2009,
        }
    }
}

/// Looks at a model file and at the vocabulary beside it, and plans the conversion.
///
/// # Errors
/// What is wrong with one of them.
pub fn open(model: &Path, weights: Weights) -> Result<Conversion<File>, CheckError> {
    let file = File::open(model).or_else(|error| refuse(crate::error::reason(&error)))?;
    Conversion::plan(file, || beside(model), weights)
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
