//! ONNX files on the disk: walked in outline first, then read whole.

use super::onnx::{MAX_BYTES, OnnxFault, OnnxModel, check};
use super::protobuf::varint;
use crate::platform::files;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// Fields of the outermost message: a graph, its operator sets, metadata, functions.
const MAX_FIELDS: u32 = 100_000;

/// Reads a file and checks it. The bytes come back, so that the engine loads exactly what was checked.
///
/// # Errors
/// See [`OnnxFault`].
pub fn read(path: &Path) -> Result<(Vec<u8>, OnnxModel), OnnxFault> {
    let unreadable = |error: std::io::Error| OnnxFault::Unreadable(error.to_string());
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(OnnxFault::Unreadable("not a file".to_owned()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(OnnxFault::TooLarge);
    }
    let mut file = files::open(path).map_err(unreadable)?;
    outline(&mut file)?;
    file.rewind().map_err(unreadable)?;
    let mut bytes = Vec::new();
    // One byte more than is allowed, should it grow meanwhile.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let model = check(&bytes)?;
    Ok((bytes, model))
}

/// Walks the outermost fields of `ModelProto` without reading what they hold: whether it can be a whole ONNX file at all.
/// Takes no memory, whatever the file's length. What it finds good may still be refused by [`check`].
///
/// # Errors
/// See [`OnnxFault`].
pub fn outline<R: Read + Seek>(reader: R) -> Result<(), OnnxFault> {
    let unreadable = |error: std::io::Error| OnnxFault::Unreadable(error.to_string());
    let mut reader = BufReader::with_capacity(4096, reader);
    let len = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
    if len > MAX_BYTES {
        return Err(OnnxFault::TooLarge);
    }
    reader.rewind().map_err(unreadable)?;
    let (mut at, mut known, mut fields) = (0_u64, false, 0_u32);
    while at < len {
        let fault = || if known { OnnxFault::Damaged } else { OnnxFault::NotOnnx };
        // The longest head of a field: two varints of ten bytes.
        let mut head = [0; 20];
        let most = head.len().min(usize::try_from(len - at).unwrap_or(usize::MAX));
        let head = head.get_mut(..most).unwrap_or_default();
        reader.read_exact(head).map_err(unreadable)?;
        let mut rest: &[u8] = head;
        let tag = varint(&mut rest).map_err(|_| fault())?;
        let body = match tag & 7 {
            0 => varint(&mut rest).map(|_| 0).map_err(|_| fault())?,
            1 => 8,
            2 => varint(&mut rest).map_err(|_| fault())?,
            5 => 4,
            _ => return Err(fault()),
        };
        if tag >> 3 == 0 {
            return Err(fault());
        }
        let used = most.saturating_sub(rest.len()) as u64;
        at = at.saturating_add(used).saturating_add(body);
        fields += 1;
        if at > len {
            return Err(fault());
        }
        if fields > MAX_FIELDS {
            return Err(OnnxFault::Excessive);
        }
        // Only ONNX has its version as a number in field 1, and its graph as a message in field 7.
        known |= matches!(tag, 0x08 | 0x3a);
        // Relative seeks keep what the buffer holds.
        let step = i64::try_from(used + body).unwrap_or(i64::MAX) - most as i64;
        reader.seek_relative(step).map_err(unreadable)?;
    }
    if known { Ok(()) } else { Err(OnnxFault::NotOnnx) }
}

#[cfg(test)]
mod tests {
    use super::super::onnx_make::{float_tensor, model, node, port};
    use super::*;
    use std::io::Cursor;

    fn small() -> Vec<u8> {
        let weights = [float_tensor("w", &[2, 2], &[1.0, 2.0, 3.0, 4.0])];
        model(&[node("Add", &["x", "w"], "y", &[])], &weights, &[port("x", 1, &[1, -1])], &[port("y", 1, &[1, -1])])
    }

    /// Counts what is read, and pretends to be longer than it is.
    struct Long {
        start: Cursor<Vec<u8>>,
        len: u64,
        read: u64,
    }

    impl Read for Long {
        fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
            let room = self.len.saturating_sub(self.start.position()).min(to.len() as u64) as usize;
            let got = self.start.read(&mut to[..room])?;
            // Behind the start there are zeros without end.
            to[got..room].fill(0);
            self.start.set_position(self.start.position() + (room - got) as u64);
            self.read += room as u64;
            Ok(room)
        }
    }

    impl Seek for Long {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            if let SeekFrom::End(0) = to {
                self.start.set_position(self.len);
                return Ok(self.len);
            }
            self.start.seek(to)
        }
    }

    #[test]
    fn whole_files_pass_and_cut_ones_do_not() {
        let whole = small();
        assert_eq!(outline(Cursor::new(&whole)), Ok(()));
        let graph_ends = whole.len() - 6;
        for cut in 3..graph_ends {
            assert_eq!(outline(Cursor::new(&whole[..cut])), Err(OnnxFault::Damaged), "cut at {cut}");
        }
        assert_eq!(outline(Cursor::new(b"")), Err(OnnxFault::NotOnnx));
        assert_eq!(outline(Cursor::new(b"RIFF....WAVEfmt and so on")), Err(OnnxFault::NotOnnx));
    }

    #[test]
    fn a_huge_file_of_another_kind_is_refused_after_a_few_bytes() {
        for (start, len) in [(vec![0_u8; 64], MAX_BYTES), (b"RIFF....WAVE".to_vec(), MAX_BYTES), (small(), 1 << 40)] {
            let mut file = Long { start: Cursor::new(start), len, read: 0 };
            assert!(outline(&mut file).is_err());
            assert!(file.read < 10_000, "{} bytes were read", file.read);
        }
        // The weights of a large voice are stepped over.
        let head = [&b"\x08\x08\x3a"[..], &[0x80, 0x80, 0x80, 0xc0, 0x03]].concat();
        let len = head.len() as u64 + (0x38 << 24);
        let mut file = Long { start: Cursor::new(head), len, read: 0 };
        assert_eq!(outline(&mut file), Ok(()));
        assert!(file.read < 10_000, "{} bytes were read", file.read);
    }
}
