//! Checks a ggml voice activity file: a stand-in, which the merge replaces.

use super::ggml::CheckError;
use std::io::{Read, Seek};

/// What a checked file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VadFile;

/// Checks a whole file.
///
/// # Errors
/// When it is cut.
pub fn check(mut reader: impl Read + Seek) -> Result<VadFile, CheckError> {
    let mut head = [0; 32];
    reader.read_exact(&mut head).map(|()| VadFile).map_err(|_| CheckError { reason: "it is cut short".to_owned() })
}
