//! SHA-256 of files and of what is copied, in one pass, with a way out at each piece.

use crate::platform::files;
use crate::turn::Outcome;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::Path;

/// Bytes that are read at once.
const PIECE: usize = 1 << 18;

/// Which side of a copy failed.
#[derive(Debug)]
pub enum CopyError {
    /// The source could not be read.
    Read(io::Error),
    /// The target could not be written.
    Write(io::Error),
}

/// Copies up to `most` bytes and computes their SHA-256. `on` is given the bytes done so far, after each 256 KiB.
/// Returns how many there were and their digest as 64 lower-case hexadecimal digits.
///
/// # Errors
/// See [`CopyError`].
pub fn copy(
    from: &mut dyn Read,
    to: &mut dyn Write,
    most: u64,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(u64),
) -> Result<Outcome<(u64, String)>, CopyError> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut done = 0_u64;
    while done < most {
        if cancel() {
            return Ok(Outcome::Cancelled);
        }
        let room = usize::try_from(most - done).map_or(PIECE, |left| left.min(PIECE));
        let Some(part) = piece.get_mut(..room) else { break };
        let read = match from.read(part) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(CopyError::Read(error)),
        };
        let Some(part) = piece.get(..read) else { break };
        hash.update(part);
        to.write_all(part).map_err(CopyError::Write)?;
        done = done.saturating_add(read as u64);
        on(done);
    }
    Ok(Outcome::Done((done, hex(&hash.finalize()))))
}

/// SHA-256 of a file, and its length in bytes.
///
/// # Errors
/// When it cannot be read.
pub fn of_file(path: &Path, cancel: &dyn Fn() -> bool, on: &mut dyn FnMut(u64)) -> io::Result<Outcome<(u64, String)>> {
    let mut file = files::open(path)?;
    copy(&mut file, &mut io::sink(), u64::MAX, cancel, on).map_err(|error| match error {
        CopyError::Read(error) | CopyError::Write(error) => error,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether this is a SHA-256 as we write it.
#[must_use]
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        let mut out = Vec::new();
        let copied = copy(&mut &b"abc"[..], &mut out, u64::MAX, &|| false, &mut |_| {}).unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(copied, Outcome::Done((3, expected.to_owned())));
        assert_eq!(out, b"abc");
        assert!(is_sha256(expected) && !is_sha256(&expected.to_uppercase()) && !is_sha256("ba78"));
    }

    #[test]
    fn an_endless_source_ends_at_the_limit_and_a_cancel_at_the_next_piece() {
        let mut seen = 0;
        let copied = copy(&mut io::repeat(7), &mut io::sink(), 1_000_000, &|| false, &mut |done| seen = done).unwrap();
        assert!(matches!(copied, Outcome::Done((1_000_000, _))));
        assert_eq!(seen, 1_000_000);
        let stop = std::cell::Cell::new(false);
        let copied = copy(&mut io::repeat(7), &mut io::sink(), u64::MAX, &|| stop.get(), &mut |done| stop.set(done > 900_000)).unwrap();
        assert_eq!(copied, Outcome::Cancelled);
    }
}
