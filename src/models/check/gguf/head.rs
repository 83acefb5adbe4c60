//! Reading the head of a GGUF file: every read is bounded by what is left of the file.

use super::{GgufRefusal, KEPT_TEXT, shown};
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The types of values, with their numbers in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    F32,
    Bool,
    Text,
    Array,
    U64,
    I64,
    F64,
}

impl ValueType {
    fn from_file(number: u32) -> Option<Self> {
        use ValueType::{Array, Bool, F32, F64, I8, I16, I32, I64, Text, U8, U16, U32, U64};
        [U8, I8, U16, I16, U32, I32, F32, Bool, Text, Array, U64, I64, F64].get(usize::try_from(number).ok()?).copied()
    }

    /// Bytes that one value takes at least; `None` for arrays, which must not be nested.
    pub(super) fn min_bytes(self) -> Option<u64> {
        match self {
            ValueType::U8 | ValueType::I8 | ValueType::Bool => Some(1),
            ValueType::U16 | ValueType::I16 => Some(2),
            ValueType::U32 | ValueType::I32 | ValueType::F32 => Some(4),
            // A text is at least its length.
            ValueType::Text | ValueType::U64 | ValueType::I64 | ValueType::F64 => Some(8),
            ValueType::Array => None,
        }
    }
}

/// A value that is kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(String),
    /// A list and its length.
    List(u64),
}

/// The file with the place in it.
pub(super) struct Head<R> {
    reader: BufReader<R>,
    at: u64,
    len: u64,
}

fn unreadable(error: &std::io::Error) -> GgufRefusal {
    GgufRefusal::new(format!("it cannot be read ({})", error.kind()))
}

impl<R: Read + Seek> Head<R> {
    pub(super) fn new(mut reader: R) -> Result<Self, GgufRefusal> {
        let len = reader.seek(SeekFrom::End(0)).map_err(|e| unreadable(&e))?;
        reader.rewind().map_err(|e| unreadable(&e))?;
        Ok(Head { reader: BufReader::with_capacity(1 << 18, reader), at: 0, len })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn remaining(&self) -> u64 {
        self.len.saturating_sub(self.at)
    }

    fn claim(&mut self, bytes: u64) -> Result<(), GgufRefusal> {
        if bytes > self.remaining() {
            return Err(GgufRefusal::new("the file ends too early; it was not copied or downloaded to its end"));
        }
        self.at += bytes;
        Ok(())
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufRefusal> {
        self.claim(N as u64)?;
        let mut buffer = [0; N];
        self.reader.read_exact(&mut buffer).map_err(|e| unreadable(&e))?;
        Ok(buffer)
    }

    pub(super) fn u32(&mut self) -> Result<u32, GgufRefusal> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, GgufRefusal> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    pub(super) fn skip(&mut self, bytes: u64) -> Result<(), GgufRefusal> {
        self.claim(bytes)?;
        let bytes = i64::try_from(bytes).map_err(|_| GgufRefusal::new("a length in it is absurd"))?;
        self.reader.seek_relative(bytes).map_err(|e| unreadable(&e))
    }

    fn text_len(&mut self, limit: u64, what: &str) -> Result<u64, GgufRefusal> {
        let len = self.u64()?;
        if len > limit && len <= self.remaining() {
            return Err(GgufRefusal::new(format!("a {what} is {len} bytes long")));
        }
        if len > self.remaining() {
            return Err(GgufRefusal::new("the file ends too early; it was not copied or downloaded to its end"));
        }
        Ok(len)
    }

    /// Puts a text's bytes into `into`.
    pub(super) fn text_bytes(&mut self, into: &mut Vec<u8>, limit: u64, what: &str) -> Result<(), GgufRefusal> {
        let len = self.text_len(limit, what)?;
        self.claim(len)?;
        into.resize(usize::try_from(len).unwrap_or(0), 0);
        self.reader.read_exact(into).map_err(|e| unreadable(&e))
    }

    pub(super) fn text(&mut self, limit: u64, what: &str) -> Result<String, GgufRefusal> {
        let mut bytes = Vec::new();
        self.text_bytes(&mut bytes, limit, what)?;
        String::from_utf8(bytes).map_err(|_| GgufRefusal::new(format!("a {what} is not valid text")))
    }

    pub(super) fn skip_text(&mut self, limit: u64, what: &str) -> Result<(), GgufRefusal> {
        let len = self.text_len(limit, what)?;
        self.skip(len)
    }

    pub(super) fn value_type(&mut self, key: &str) -> Result<ValueType, GgufRefusal> {
        let number = self.u32()?;
        ValueType::from_file(number).ok_or_else(|| GgufRefusal::new(format!("the key {} has the unknown type {number}", shown(key))))
    }

    /// A value that is no array; long texts give `None`-like empty text, because nobody needs them.
    pub(super) fn scalar(&mut self, kind: ValueType, key: &str, limit: u64) -> Result<Option<Value>, GgufRefusal> {
        Ok(Some(match kind {
            ValueType::U8 => Value::Unsigned(u64::from(self.bytes::<1>()?[0])),
            ValueType::I8 => Value::Signed(i64::from(i8::from_le_bytes(self.bytes()?))),
            ValueType::U16 => Value::Unsigned(u64::from(u16::from_le_bytes(self.bytes()?))),
            ValueType::I16 => Value::Signed(i64::from(i16::from_le_bytes(self.bytes()?))),
            ValueType::U32 => Value::Unsigned(u64::from(self.u32()?)),
            ValueType::I32 => Value::Signed(i64::from(i32::from_le_bytes(self.bytes()?))),
            ValueType::F32 => Value::Float(f64::from(f32::from_le_bytes(self.bytes()?))),
            ValueType::Bool => match self.bytes::<1>()?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                other => return Err(GgufRefusal::new(format!("the key {} has the truth value {other}", shown(key)))),
            },
            ValueType::U64 => Value::Unsigned(self.u64()?),
            ValueType::I64 => Value::Signed(i64::from_le_bytes(self.bytes()?)),
            ValueType::F64 => Value::Float(f64::from_le_bytes(self.bytes()?)),
            ValueType::Text => {
                let len = self.text_len(limit, "text")?;
                if len > KEPT_TEXT {
                    self.skip(len)?;
                    return Ok(Some(Value::Text(String::new())));
                }
                self.claim(len)?;
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
                self.reader.read_exact(&mut bytes).map_err(|e| unreadable(&e))?;
                Value::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            ValueType::Array => return Ok(None),
        }))
    }
}
