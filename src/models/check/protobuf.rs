//! A walker over protobuf's wire format: fields of a message, one after the other, without building anything.
//!
//! Format: Protocol Buffers encoding guide (tag = field number · 8 + wire type; varint, 64-bit, length-delimited, 32-bit).
//! Groups (wire types 3 and 4) are gone from the language and are refused.

/// The bytes are not protobuf, or end inside a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Integers, booleans, enums.
    Varint(u64),
    /// 8 bytes, little endian.
    Fixed64(u64),
    /// Strings, bytes, messages, packed numbers.
    Bytes(&'a [u8]),
    /// 4 bytes, little endian.
    Fixed32(u32),
}

impl<'a> Value<'a> {
    /// The number of a varint field.
    ///
    /// # Errors
    /// When it is of another kind.
    pub fn number(self) -> Result<u64, Malformed> {
        if let Value::Varint(number) = self { Ok(number) } else { Err(Malformed) }
    }

    /// The bytes of a length-delimited field.
    ///
    /// # Errors
    /// When it is of another kind.
    pub fn bytes(self) -> Result<&'a [u8], Malformed> {
        if let Value::Bytes(bytes) = self { Ok(bytes) } else { Err(Malformed) }
    }

    /// The text of a string field.
    ///
    /// # Errors
    /// When it is of another kind, or not UTF-8.
    pub fn text(self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }
}

/// The fields of one message, in the order of the bytes: (field number, value). Ends after the first error.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of the message in `bytes`.
    #[must_use]
    pub fn of(bytes: &'a [u8]) -> Self {
        Fields { rest: bytes }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(usize::try_from(len).map_err(|_| Malformed)?).ok_or(Malformed)?;
        self.rest = tail;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let tag = varint(&mut self.rest)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().map_err(|_| Malformed)?)),
            2 => {
                let len = varint(&mut self.rest)?;
                Value::Bytes(self.take(len)?)
            }
            5 => Value::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().map_err(|_| Malformed)?)),
            _ => return Err(Malformed),
        };
        // 2^29 − 1 is the highest field number; 0 does not exist.
        if (1..1 << 29).contains(&(tag >> 3)) { Ok((tag >> 3, value)) } else { Err(Malformed) }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Reads one varint off the front: at most 10 bytes of 7 bits, lowest first.
///
/// # Errors
/// When it is cut or longer than 64 bits.
pub fn varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut number = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Malformed)?;
        *bytes = rest;
        if shift == 63 && byte > 1 {
            return Err(Malformed);
        }
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(Malformed)
}

/// How many varints are packed into `bytes`.
///
/// # Errors
/// When the last one is cut.
pub fn packed_varints(bytes: &[u8]) -> Result<u64, Malformed> {
    if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        return Err(Malformed);
    }
    Ok(bytes.iter().filter(|byte| *byte & 0x80 == 0).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_kind_of_field() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::of(&bytes).map(Result::unwrap).collect();
        assert_eq!(fields, [(1, Value::Varint(150)), (2, Value::Bytes(b"hi")), (3, Value::Fixed32(1)), (4, Value::Fixed64(2))]);
    }

    #[test]
    fn refuses_what_is_cut_or_impossible() {
        for bytes in
            [&[0x08u8][..], &[0x12, 5, 1], &[0x1d, 1], &[0x0b], &[0x00, 1], &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2]]
        {
            assert!(Fields::of(bytes).any(|field| field.is_err()), "{bytes:?}");
        }
        assert_eq!(Fields::of(&[0x0b, 0, 0, 0]).count(), 1, "ends after the first error");
        let mut most: &[u8] = &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(varint(&mut most), Ok(u64::MAX));
    }
}
