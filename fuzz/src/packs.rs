//! Packs. Hashes and checksums keep chance changes out, so they are computed after the changes.

use crate::made::{gguf, onnx};
use crate::models::catalog::ModelKind;
use crate::models::pack::{MANIFEST, Manifest, PackedFile, PackedModel};
use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

/// Ends a file in a recipe.
pub const END: u8 = 0xff;
const KINDS: [ModelKind; 5] = [ModelKind::Embedding, ModelKind::Chat, ModelKind::Voice, ModelKind::Vad, ModelKind::Stt];
/// What may be wrong with a file, a bit each.
const OTHER_HASH: u8 = 1;
const OTHER_SIZE: u8 = 2;
const NOT_ANNOUNCED: u8 = 4;
const MISSING: u8 = 8;
const LONGER_THAN_THERE: u8 = 16;
const LINK: u8 = 32;
const LONG_NAME: u8 = 64;
const DIRECTORY: u8 = 128;

/// The pack that `input` means. First byte 0: the rest is the file, with checksums that are right. Else the rest is a recipe:
/// files that end with [`END`], each of a byte for the kind of its model, one for what is wrong with it, its path up to a line
/// end, and its bytes (`@o3` and `@g3` are whole models of the generators).
pub fn pack(input: &[u8]) -> Vec<u8> {
    match input.split_first() {
        None => Vec::new(),
        Some((0, rest)) => mended(rest),
        Some((_, rest)) => made(rest),
    }
}

fn made(recipe: &[u8]) -> Vec<u8> {
    let (mut manifest, mut bytes) = (Manifest { format: 1, made: String::new(), models: Vec::new() }, Vec::new());
    for part in recipe.split(|byte| *byte == END) {
        let [kind, how, rest @ ..] = part else { continue };
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let path = String::from_utf8_lossy(&rest[..end]).into_owned();
        let content = content(rest.get(end + 1..).unwrap_or_default());
        let (id, name) = path.split_once('/').unwrap_or(("m", &path));
        if how & NOT_ANNOUNCED == 0 {
            let file = PackedFile {
                name: name.to_owned(),
                bytes: content.len() as u64 + u64::from(how & OTHER_SIZE != 0),
                sha256: hash(if how & OTHER_HASH == 0 { &content } else { b"" }),
            };
            match manifest.models.iter_mut().find(|model| model.id == id) {
                Some(model) => model.files.push(file),
                None => manifest.models.push(PackedModel {
                    id: id.to_owned(),
                    name: id.to_owned(),
                    kind: KINDS[usize::from(*kind) % KINDS.len()],
                    licence: None,
                    languages: Vec::new(),
                    files: vec![file],
                }),
            }
        }
        if how & MISSING == 0 {
            let kind = match *how {
                how if how & LINK != 0 => EntryType::Symlink,
                how if how & LONG_NAME != 0 => EntryType::GNULongName,
                how if how & DIRECTORY != 0 => EntryType::Directory,
                _ => EntryType::Regular,
            };
            entry(&mut bytes, &path, kind, &content, content.len() as u64 + u64::from(how & LONGER_THAN_THERE != 0));
        }
    }
    let text = toml::to_string(&manifest).unwrap_or_default();
    let mut pack = Vec::new();
    entry(&mut pack, MANIFEST, EntryType::Regular, text.as_bytes(), text.len() as u64);
    pack.extend(bytes);
    pack.resize(pack.len() + 1024, 0);
    pack
}

fn content(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [b'@', b'o', seed] => onnx::whole(u64::from(*seed)),
        [b'@', b'g', seed] => gguf::whole(u64::from(*seed)),
        _ => bytes.to_vec(),
    }
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Any name, also one that the library of tar files would not write.
fn entry(to: &mut Vec<u8>, name: &str, kind: EntryType, content: &[u8], size: u64) {
    let mut header = Header::new_ustar();
    let name = &name.as_bytes()[..name.len().min(100)];
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    to.extend_from_slice(header.as_bytes());
    to.extend_from_slice(content);
    to.resize(to.len().div_ceil(512) * 512, 0);
}

/// The same file; the checksum of each header is the right one.
fn mended(file: &[u8]) -> Vec<u8> {
    let (mut file, mut at) = (file.to_vec(), 0_usize);
    while let Some(block) = file.get_mut(at..).and_then(|rest| rest.get_mut(..512)) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let size = Header::from_byte_slice(block).entry_size().unwrap_or(0);
        let blocks = usize::try_from(size.div_ceil(512)).unwrap_or(usize::MAX);
        let Some(next) = blocks.checked_mul(512).and_then(|size| at.checked_add(512)?.checked_add(size)) else { break };
        at = next;
    }
    file
}
