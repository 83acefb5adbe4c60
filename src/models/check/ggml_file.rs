//! What ggml files have in common: a reader that knows how much is left, and the table of tensors, in which each record is
//! number of dimensions, length of its name, type (i32 each), dimensions (innermost first), name, data.

use std::collections::BTreeMap;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CheckError {
    /// What is wrong, as the end of "The model FILE cannot be used: …", without a full stop.
    pub reason: String,
}

pub(in crate::models) fn refuse<T>(reason: impl Into<String>) -> Result<T, CheckError> {
    Err(CheckError { reason: reason.into() })
}

/// `ggml` as the file stores it.
pub(in crate::models) const MAGIC: [u8; 4] = *b"lmgg";
/// The longest tensor name has 44 bytes.
const LONGEST_NAME: u64 = 128;

/// A ggml type: its number in files, how many values one block holds, and bytes of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::models) struct Type {
    pub(in crate::models) id: i32,
    pub(in crate::models) block: u64,
    pub(in crate::models) bytes: u64,
    pub(in crate::models) name: &'static str,
}

pub(in crate::models) const F32: Type = Type { id: 0, block: 1, bytes: 4, name: "f32" };
pub(in crate::models) const F16: Type = Type { id: 1, block: 1, bytes: 2, name: "f16" };

/// Shape and type that one tensor must have.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::models) struct Tensor {
    pub(in crate::models) dims: [u64; 4],
    pub(in crate::models) kind: Type,
}

impl Tensor {
    /// Bytes of its data; `None` when its rows are no whole blocks.
    pub(in crate::models) fn bytes(&self) -> Option<u64> {
        let [row, ..] = self.dims;
        (row % self.kind.block == 0).then(|| self.dims.iter().product::<u64>() / self.kind.block * self.kind.bytes)
    }
}

/// A reader that knows where it is and how much there is.
pub(in crate::models) struct Source<R> {
    inner: BufReader<R>,
    at: u64,
    pub(in crate::models) len: u64,
}

impl<R: Read + Seek> Source<R> {
    pub(in crate::models) fn new(mut reader: R) -> Result<Self, CheckError> {
        let len = reader.seek(SeekFrom::End(0)).and_then(|len| reader.seek(SeekFrom::Start(0)).map(|_| len));
        let len = len.or_else(|e| refuse(format!("it could not be read ({e})")))?;
        Ok(Source { inner: BufReader::with_capacity(1 << 16, reader), at: 0, len })
    }

    pub(in crate::models) fn left(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    /// Where the next byte is read.
    pub(in crate::models) fn at(&self) -> u64 {
        self.at
    }

    /// Goes to this byte, which must be there.
    pub(in crate::models) fn go_to(&mut self, at: u64, what: &str) -> Result<(), CheckError> {
        if at > self.len {
            return self.cut(what);
        }
        let (Ok(here), Ok(there)) = (i64::try_from(self.at), i64::try_from(at)) else { return self.cut(what) };
        self.inner.seek_relative(there.saturating_sub(here)).or_else(|e| refuse(format!("it could not be read ({e})")))?;
        self.at = at;
        Ok(())
    }

    fn cut<T>(&self, what: &str) -> Result<T, CheckError> {
        refuse(format!("it is cut short: its {} bytes end inside {what}", self.len))
    }

    pub(in crate::models) fn fill(&mut self, to: &mut [u8], what: &str) -> Result<(), CheckError> {
        match self.inner.read_exact(to) {
            Ok(()) => {
                self.at = self.at.saturating_add(to.len() as u64);
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => self.cut(what),
            Err(e) => refuse(format!("it could not be read ({e})")),
        }
    }

    pub(in crate::models) fn i32(&mut self, what: &str) -> Result<i32, CheckError> {
        let mut bytes = [0; 4];
        self.fill(&mut bytes, what)?;
        Ok(i32::from_le_bytes(bytes))
    }

    /// Passes over `bytes` that must be there.
    pub(in crate::models) fn skip(&mut self, bytes: u64, what: &str) -> Result<(), CheckError> {
        self.go_to(self.at.saturating_add(bytes), what)
    }
}

/// Reads the table of tensors up to the end of the file: exactly the expected ones, in any order. `whose`: the kind of model,
/// for the sentence. Gives their number.
pub(in crate::models) fn check_tensors<R: Read + Seek>(
    source: &mut Source<R>,
    mut missing: BTreeMap<String, Tensor>,
    whose: &str,
) -> Result<usize, CheckError> {
    let total = missing.len();
    // A single value may come without a dimension; silero's converter writes its last one so.
    let least = i32::from(!missing.values().any(|tensor| tensor.dims == [1; 4]));
    let mut found = 0_usize;
    while source.left() > 0 {
        let what = format!("tensor {} of {total}", found.saturating_add(1));
        let (n_dims, name_length, kind) = (source.i32(&what)?, source.i32(&what)?, source.i32(&what)?);
        if !(least..=4).contains(&n_dims) {
            return refuse(format!("{what} has {n_dims} dimensions"));
        }
        let mut dims = [1_u64; 4];
        for dim in dims.iter_mut().take(n_dims as usize) {
            let value = source.i32(&what)?;
            *dim = match u64::try_from(value) {
                Ok(value) if value > 0 => value,
                _ => return refuse(format!("{what} has a dimension of {value}")),
            };
        }
        let mut name = match u64::try_from(name_length) {
            Ok(length) if (1..=LONGEST_NAME).contains(&length) => vec![0; length as usize],
            _ => return refuse(format!("{what} has a name of {name_length} bytes")),
        };
        source.fill(&mut name, &what)?;
        let name = String::from_utf8_lossy(&name).escape_debug().to_string();
        let Some(tensor) = missing.remove(&name) else {
            return refuse(format!("{what}, \"{name}\", does not belong into a {whose} of this shape, or is there twice"));
        };
        if n_dims == 0 && tensor.dims != [1; 4] {
            return refuse(format!("\"{name}\" has 0 dimensions"));
        }
        if tensor.dims != dims {
            return refuse(format!("\"{name}\" has the shape {dims:?} instead of {:?}", tensor.dims));
        }
        if tensor.kind.id != kind {
            return refuse(format!("\"{name}\" is of type {kind} instead of {} ({})", tensor.kind.id, tensor.kind.name));
        }
        let Some(bytes) = tensor.bytes() else {
            return refuse(format!("\"{name}\" has rows that do not fit its type {}", tensor.kind.name));
        };
        source.skip(bytes, &format!("\"{name}\""))?;
        found = found.saturating_add(1);
    }
    match missing.keys().next() {
        None => Ok(found),
        Some(first) => refuse(format!("it is cut short: {} of its {total} tensors are missing, \"{first}\" among them", missing.len())),
    }
}
