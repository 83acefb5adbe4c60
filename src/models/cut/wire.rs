//! Writes protobuf fields: the counterpart of `check::protobuf`. Tests make their files with it, too.

use crate::models::check::protobuf::Value;

/// A message under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// A string, bytes or message field.
    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A message field that consists of these length-delimited fields.
    pub(crate) fn message(&mut self, field: u64, parts: &[(u64, &[u8])]) {
        let len: usize = parts.iter().map(|(part, bytes)| len_of(part << 3) + len_of(bytes.len() as u64) + bytes.len()).sum();
        self.0.reserve(len + 16);
        self.varint(field << 3 | 2);
        self.varint(len as u64);
        for (part, bytes) in parts {
            self.bytes(*part, bytes);
        }
    }

    /// A field as it was read.
    pub(crate) fn value(&mut self, field: u64, value: Value<'_>) {
        match value {
            Value::Bytes(bytes) => self.bytes(field, bytes),
            Value::Varint(number) => {
                self.varint(field << 3);
                self.varint(number);
            }
            Value::Fixed64(number) => {
                self.varint(field << 3 | 1);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            Value::Fixed32(number) => {
                self.varint(field << 3 | 5);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

/// Bytes of a varint: 7 bits in each.
fn len_of(number: u64) -> usize {
    (64 - number.leading_zeros() as usize).div_ceil(7).max(1)
}
