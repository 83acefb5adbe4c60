//! The conversion: planned as a whole, then written a piece at a time.

use super::super::check::ggml::{CheckError, expected_tensors};
use super::super::check::ggml_file::{Tensor, refuse};
use super::file::{Values, Variable, Variables};
use super::plan::{Step, header, steps, wanted};
use super::{Tokens, Weights, blocks, half, mel};
use crate::turn::Outcome;
use std::collections::HashSet;
use std::io::{self, Read, Seek, Write};

/// Values that are in memory at once; whole blocks.
const PIECE: u64 = 1 << 15;
/// Alignment for the times of words, which whisper.cpp finds otherwise.
const LEFT_OUT: &str = "decoder/alignment_heads";

/// Why a conversion ended before its end.
#[derive(Debug)]
pub enum ConvertError {
    /// The model cannot be used.
    Model(CheckError),
    /// The new file could not be written.
    Write(io::Error),
}

impl From<CheckError> for ConvertError {
    fn from(error: CheckError) -> Self {
        ConvertError::Model(error)
    }
}

/// A tensor that will be written.
struct Part {
    step: Step,
    tensor: Tensor,
    /// Bytes of its data.
    bytes: u64,
    from: Variable,
    /// For weights of 8 bits: what each row was multiplied by.
    scale: Option<Variable>,
}

/// A model that was looked at and can be written.
pub struct Conversion<R> {
    file: Variables<R>,
    /// Everything before the tensors.
    head: Vec<u8>,
    parts: Vec<Part>,
}

impl<R> std::fmt::Debug for Conversion<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conversion").field("tensors", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<R: Read + Seek> Conversion<R> {
    /// Reads the table of a model and, if that is good, its vocabulary. Nothing of the weights is read.
    ///
    /// # Errors
    /// What is wrong with one of them, as a part of a sentence.
    pub fn plan(reader: R, tokens: impl FnOnce() -> Result<Tokens, CheckError>, weights: Weights) -> Result<Self, CheckError> {
        let mut file = Variables::read(reader)?;
        let (mut head, header) = header(&mut file, weights)?;
        let mut tensors = expected_tensors(&header);
        let (mut parts, mut used) = (Vec::new(), HashSet::from([LEFT_OUT.to_owned()]));
        for step in steps(&header) {
            let Some(tensor) = tensors.remove(&step.tensor) else { continue };
            let (first, from) = wanted(&file, &step.variable)?;
            let mut shape: Vec<u64> = tensor.dims.into_iter().rev().filter(|dim| *dim != 1).collect();
            if let Some(rows) = shape.first_mut() {
                *rows = rows.saturating_mul(step.parts);
            }
            if from.dims != shape {
                return refuse(format!("\"{}\" has the shape {:?} instead of {shape:?}", step.variable, from.dims));
            }
            let scale = match from.kind {
                Values::I8 => Some(scale(&file, &first, &from, &mut used)?),
                Values::I16 | Values::I32 => return refuse(format!("\"{}\" is of a type that no whisper model has", step.variable)),
                Values::F32 | Values::F16 | Values::Bf16 => None,
            };
            used.insert(first);
            let Some(bytes) = tensor.bytes() else {
                return refuse(format!("\"{}\" has rows that do not fit its type {}", step.tensor, tensor.kind.name));
            };
            parts.push(Part { step, tensor, bytes, from, scale });
        }
        if let Some(name) = file.names().find(|name| !used.contains(*name)) {
            return refuse(format!("\"{name}\" does not belong into a whisper model of this shape"));
        }
        let number = |head: &mut Vec<u8>, value: usize| head.extend((value as u32).to_le_bytes());
        let bands = header.n_mels as usize;
        number(&mut head, bands);
        number(&mut head, mel::BINS);
        head.extend(mel::filters(bands).into_iter().flat_map(f32::to_le_bytes));
        let words = tokens()?.words(header.n_vocab)?;
        number(&mut head, words.len());
        for word in words {
            number(&mut head, word.len());
            head.extend(word);
        }
        Ok(Conversion { file, head, parts })
    }

    /// Size of the new file.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let parts = self.parts.iter().map(|part| part.head().len() as u64 + part.bytes);
        parts.fold(self.head.len() as u64, u64::saturating_add)
    }

    /// Writes the new file. `on` is given the bytes done so far.
    ///
    /// # Errors
    /// When the model cannot be read any more, holds what is no number, or the new file cannot be written.
    pub fn write(mut self, to: &mut dyn Write, cancel: &dyn Fn() -> bool, on: &mut dyn FnMut(u64)) -> Result<Outcome<()>, ConvertError> {
        let mut done = 0_u64;
        let mut put = |bytes: &[u8]| {
            to.write_all(bytes).map_err(ConvertError::Write)?;
            done = done.saturating_add(bytes.len() as u64);
            on(done);
            Ok::<(), ConvertError>(())
        };
        put(&self.head)?;
        for part in &self.parts {
            put(&part.head())?;
            let count = part.from.count / part.step.parts;
            let (first, end) = (count * part.step.part, count * (part.step.part + 1));
            let row = part.from.dims.first().map_or(1, |rows| part.from.count / rows);
            let scales = match &part.scale {
                Some(scale) => self.file.values(scale, 0, scale.count, &part.step.variable)?,
                None => Vec::new(),
            };
            for from in (first..end).step_by(PIECE as usize) {
                if cancel() {
                    return Ok(Outcome::Cancelled);
                }
                let mut values = self.file.values(&part.from, from, PIECE.min(end - from), &part.step.variable)?;
                if part.scale.is_some() {
                    for (value, at) in values.iter_mut().zip(from..) {
                        *value /= scales.get((at / row) as usize).copied().unwrap_or(0.0);
                    }
                }
                // What is larger than this has no place in 16 bits.
                if !values.iter().all(|value| value.abs() <= half::MOST) {
                    return refuse(format!("\"{}\" holds what is no number or too large", part.step.variable))?;
                }
                let mut bytes = Vec::new();
                blocks::put(part.tensor.kind, &values, &mut bytes);
                put(&bytes)?;
            }
        }
        Ok(Outcome::Done(()))
    }
}

impl Part {
    /// The tensor's record before its data.
    fn head(&self) -> Vec<u8> {
        let dims = self.tensor.dims;
        let n_dims = dims.iter().rposition(|dim| *dim != 1).map_or(1, |last| last + 1);
        let figures = [n_dims as i32, self.step.tensor.len() as i32, self.tensor.kind.id];
        let dims = dims.into_iter().take(n_dims).map(|dim| dim as i32);
        figures.into_iter().chain(dims).flat_map(i32::to_le_bytes).chain(self.step.tensor.bytes()).collect()
    }
}

/// The scales of weights of 8 bits: a float for each row. They stand beside the first name only.
fn scale<R: Read + Seek>(file: &Variables<R>, of: &str, weights: &Variable, used: &mut HashSet<String>) -> Result<Variable, CheckError> {
    let name = format!("{of}_scale");
    let (first, scale) = wanted(file, &name)?;
    let rows = weights.dims.first().copied();
    let fits =
        matches!(scale.kind, Values::F32 | Values::F16 | Values::Bf16) && scale.dims.first().copied() == rows && Some(scale.count) == rows;
    if !fits {
        return refuse(format!("\"{name}\" has the shape {:?}, and the weights {:?}", scale.dims, weights.dims));
    }
    used.insert(first);
    Ok(scale)
}
