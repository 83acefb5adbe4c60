//! The computed beginning of a conversation (system prompt and examples) in a file, so that a start does not compute it
//! again: 270 tokens of the starter model are 2 to 5 s of work and 6 MB.
//!
//! llama.cpp trusts such a file, so only bytes that this program wrote for the same model and the same kind of cache are
//! handed to it: magic, SHA-256 of the rest, a line that says what it was made for, the tokens, the cache.

use super::measured::replace;
use llama_cpp_2::token::LlamaToken;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"HARKKV01";
const DIGEST: usize = 32;
/// More is not kept: reading it would take as long as computing it.
const LARGEST_BYTES: usize = 256 << 20;

/// So many stay in the folder.
const MOST_FILES: usize = 4;

/// A prefix that was computed before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) tokens: Vec<LlamaToken>,
    pub(super) cache: Vec<u8>,
}

/// The file for what `made_for` says (a sentence that names model, version and kind of cache).
pub(super) fn file(folder: &Path, made_for: &str) -> PathBuf {
    let name: String = Sha256::digest(made_for.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    folder.join(format!("chat-prefix-{name}.kv"))
}

/// `None`: there is none, or it is not whole, or it was made for something else.
pub(super) fn read(folder: &Path, made_for: &str) -> Option<Saved> {
    let file = file(folder, made_for);
    let meta = fs::metadata(&file).ok()?;
    if !meta.is_file() || meta.len() > LARGEST_BYTES as u64 {
        return None;
    }
    let parsed = parse(&fs::read(&file).ok()?, made_for);
    if parsed.is_none() {
        tracing::debug!("the kept beginning of the conversation is damaged; it is computed again");
    }
    parsed
}

fn parse(bytes: &[u8], made_for: &str) -> Option<Saved> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (digest, rest) = rest.split_at_checked(DIGEST)?;
    if Sha256::digest(rest).as_slice() != digest {
        return None;
    }
    let (line, rest) = part(rest)?;
    let (tokens, rest) = part(rest)?;
    if line != made_for.as_bytes() || tokens.len() % 4 != 0 {
        return None;
    }
    let tokens = tokens.chunks_exact(4).map(|t| LlamaToken(i32::from_le_bytes([t[0], t[1], t[2], t[3]]))).collect();
    Some(Saved { tokens, cache: rest.to_vec() })
}

/// A length (u32, little endian) and so many bytes; and what follows.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(4)?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?)
}

/// Keeps it. An error only costs the next start some seconds.
pub(super) fn write(folder: &Path, made_for: &str, saved: &Saved) {
    let tokens: Vec<u8> = saved.tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect();
    let mut rest = Vec::with_capacity(saved.cache.len() + tokens.len() + made_for.len() + 8);
    for part in [made_for.as_bytes(), &tokens] {
        let Ok(length) = u32::try_from(part.len()) else { return };
        rest.extend_from_slice(&length.to_le_bytes());
        rest.extend_from_slice(part);
    }
    rest.extend_from_slice(&saved.cache);
    if rest.len() + MAGIC.len() + DIGEST > LARGEST_BYTES {
        return;
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&Sha256::digest(&rest));
    bytes.append(&mut rest);
    if let Err(error) = replace(&file(folder, made_for), &bytes) {
        tracing::debug!(%error, "the beginning of the conversation could not be kept");
    }
    prune(folder);
}

/// Models and versions change: the newest few stay.
fn prune(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let is_ours = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("chat-prefix-"));
    let age = |path: &PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_ours).collect();
    files.sort_by_key(|path| std::cmp::Reverse(age(path)));
    for old in files.iter().skip(MOST_FILES) {
        // It takes some MB at worst.
        let _ = fs::remove_file(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_for_the_same_model_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let saved = || Saved { tokens: vec![LlamaToken(1), LlamaToken(-7), LlamaToken(49_000)], cache: (0..=255).collect() };
        assert_eq!(read(folder.path(), "model a"), None);
        write(folder.path(), "model a", &saved());
        assert_eq!(read(folder.path(), "model a"), Some(saved()));
        assert_eq!(read(folder.path(), "model b"), None);
        let path = file(folder.path(), "model a");
        let good = fs::read(&path).unwrap();
        // Each byte that is changed, and each length that is cut.
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x40;
            assert_eq!(parse(&bad, "model a"), None, "byte {at}");
            assert_eq!(parse(&good[..at], "model a"), None, "cut at {at}");
        }
        (0..9).for_each(|n| write(folder.path(), &format!("model {n}"), &saved()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MOST_FILES);
        fs::write(file(folder.path(), "model b"), &good).unwrap();
        assert_eq!(read(folder.path(), "model b"), None, "a file of another model under this one's name");
    }
}
