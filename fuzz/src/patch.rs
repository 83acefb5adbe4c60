//! Whole model files are megabytes of weights, in which a change changes nothing. So an input is either short bytes that are
//! taken as they are, or a list of changes to the structure of a whole file.

use crate::made::ggml::Built;

/// The file that `input` means. First byte 0: the rest is the file. Else: the whole file number `first % files.len()` with
/// changes, each of a place (u16, among the bytes of the structure), what is done (u8) and a value (i32); what is done: 0 cuts
/// there, 1 adds the bytes of the value at the end, all else writes the value.
pub fn file(input: &[u8], files: &[Built]) -> Vec<u8> {
    let Some((first, rest)) = input.split_first() else { return Vec::new() };
    if *first == 0 {
        return rest.to_vec();
    }
    let whole = &files[usize::from(*first) % files.len()];
    changed(&whole.bytes, &structure(whole), rest)
}

/// The bytes with these changes at these places.
pub fn changed(whole: &[u8], structure: &[usize], changes: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for change in changes.chunks_exact(7).take(64) {
        let at = structure[usize::from(u16::from_le_bytes([change[0], change[1]])) % structure.len()];
        let value = &change[3..];
        match change[2] {
            0 => bytes.truncate(at),
            1 => bytes.extend(value),
            _ => {
                let end = (at + 4).min(bytes.len());
                if at < end {
                    bytes[at..end].copy_from_slice(&value[..end - at]);
                }
            }
        }
    }
    bytes
}

/// Places that matter: all but the weights.
fn structure(file: &Built) -> Vec<usize> {
    let mut places: Vec<usize> = (0..file.header).collect();
    places.extend(file.vocabulary.into_iter().flat_map(|at| at..at + 40));
    places.extend(file.tensors.iter().flat_map(|at| *at..(*at + 72).min(file.bytes.len())));
    places.push(file.bytes.len());
    places
}

/// A file that is as long as it says, of which only the first bytes are there: the rest is zeros. The length of the zeros is
/// the first three bytes of `input`.
pub struct Sparse<'a> {
    head: &'a [u8],
    len: u64,
    at: u64,
}

impl<'a> Sparse<'a> {
    pub fn of(input: &'a [u8]) -> Self {
        let (size, head) = input.split_at_checked(3).unwrap_or((&[], input));
        let zeros = size.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
        Sparse { head, len: head.len() as u64 + zeros, at: 0 }
    }
}

impl std::io::Read for Sparse<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let got = to.len().min(self.len.saturating_sub(self.at) as usize);
        for (place, byte) in to[..got].iter_mut().enumerate() {
            *byte = self.head.get(self.at as usize + place).copied().unwrap_or(0);
        }
        self.at += got as u64;
        Ok(got)
    }
}

impl std::io::Seek for Sparse<'_> {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        let place = match to {
            std::io::SeekFrom::Start(at) => Some(at),
            std::io::SeekFrom::End(by) => self.len.checked_add_signed(by),
            std::io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = place.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
