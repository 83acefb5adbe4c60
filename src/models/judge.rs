//! What a file is, told by its content, and whether it can be used: every file passes here before it is put into the store.

use super::catalog::ModelKind;
use super::check::{ggml, ggml_vad, gguf, onnx};
use super::ctranslate2;
use crate::platform::files;
use crate::tts::{SynthesisError, engines};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The head of a tar file: its mark stands at byte 257.
const TAR_HEAD: usize = 512;

/// What a file is by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A ggml whisper file.
    Whisper,
    /// A whisper model of CTranslate2 (faster-whisper), which must be converted.
    CTranslate2,
    /// A ggml voice activity model.
    GgmlVad,
    /// GGUF.
    Gguf,
    /// Perhaps ONNX: its ending says so, as the format has no mark.
    Onnx,
    /// A tar file.
    Pack,
    /// Nothing that we know.
    Other,
}

/// Looks at the first bytes of a file.
///
/// # Errors
/// When it is no regular file or cannot be read.
pub fn content(path: &Path) -> std::io::Result<Content> {
    // Opening a named pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut head = Vec::with_capacity(TAR_HEAD);
    files::open(path)?.take(TAR_HEAD as u64).read_to_end(&mut head)?;
    let size = head.get(4..8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
    Ok(match head.get(..4) {
        Some(b"GGUF") => Content::Gguf,
        // whisper.cpp's models say the size of their vocabulary next, its voice activity models the length of a name.
        Some(b"lmgg") if size >= 1000 => Content::Whisper,
        Some(b"lmgg") => Content::GgmlVad,
        _ if ctranslate2::is_head(&head) => Content::CTranslate2,
        _ if head.get(257..262) == Some(b"ustar") => Content::Pack,
        _ if has_ending(path, "onnx") => Content::Onnx,
        _ => Content::Other,
    })
}

pub(crate) fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// Checks the files of a model of this kind; the first is the one that an engine is given. What stands beside it (a
/// voice's config) must be in the same folder under its own name.
///
/// # Errors
/// The file, and what is wrong with it as a part of a sentence.
pub fn check(kind: ModelKind, files: &[PathBuf]) -> Result<(), (PathBuf, String)> {
    let Some(main) = files.first() else { return Err((PathBuf::new(), "it has no file".to_owned())) };
    let content = content(main).map_err(|error| (main.clone(), crate::error::reason(&error)))?;
    let bad = |why: String| Err((main.clone(), why));
    match (kind, content) {
        (ModelKind::Stt, _) => one(main, |file| ggml::check(file).map(|_| ())),
        (ModelKind::Chat, _) => one(main, |file| gguf::check(file).map(|_| ())),
        (ModelKind::Voice, _) => voice(files),
        (ModelKind::Vad, Content::GgmlVad) => one(main, |file| ggml_vad::check(file).map(|_| ())),
        (ModelKind::Vad, Content::Onnx) => graph(main),
        (ModelKind::Vad, _) => bad("it is no model that tells speech from noise".to_owned()),
        // No engine of the program reads these yet.
        (ModelKind::Embedding, Content::Gguf) => Ok(()),
        (ModelKind::Embedding, Content::Onnx) => graph(main),
        (ModelKind::Embedding, _) => bad("it is no model that turns texts into vectors".to_owned()),
    }
}

fn one<E: std::fmt::Display>(path: &Path, check: impl Fn(File) -> Result<(), E>) -> Result<(), (PathBuf, String)> {
    let file = files::open(path).map_err(|error| (path.to_owned(), crate::error::reason(&error)))?;
    check(file).map_err(|error| (path.to_owned(), error.to_string()))
}

fn graph(path: &Path) -> Result<(), (PathBuf, String)> {
    onnx::read(path).map(|_| ()).map_err(|error| (path.to_owned(), error.to_string()))
}

/// Every graph of a voice, and what stands beside its first one, by the engine that would speak it.
fn voice(files: &[PathBuf]) -> Result<(), (PathBuf, String)> {
    let Some(main) = files.first() else { return Ok(()) };
    for path in files.iter().skip(1).filter(|path| has_ending(path, "onnx")) {
        graph(path)?;
    }
    graph(main)?;
    match engines::check(main) {
        Ok(()) => Ok(()),
        Err(SynthesisError::VoiceCorrupt { path, reason }) => Err((path, reason)),
        Err(error) => Err((main.clone(), error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_content_and_not_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let told = |name: &str, bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            content(&dir.path().join(name)).unwrap()
        };
        assert_eq!(told("a.txt", b"GGUF\x03\0\0\0"), Content::Gguf);
        assert_eq!(told("a.gguf", b"lmgg\x98\xca\0\0"), Content::Whisper);
        assert_eq!(told("b.bin", b"lmgg\x0a\0\0\0silero-16k"), Content::GgmlVad);
        assert_eq!(told("c.onnx", b"\x08\x08"), Content::Onnx);
        assert_eq!(told("c.bin", b""), Content::Other);
        let mut tar = vec![0; 1024];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(told("d", &tar), Content::Pack);
        assert!(content(dir.path()).is_err() && content(&dir.path().join("none")).is_err());
    }

    #[test]
    fn a_broken_file_is_refused_with_the_reason_of_its_kind() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            dir.path().join(name)
        };
        let why = |kind, path: PathBuf| check(kind, &[path]).unwrap_err().1;
        assert!(why(ModelKind::Stt, put("a.bin", b"lmgg\x98\xca\0\0")).contains("cut short"));
        assert!(why(ModelKind::Chat, put("a.gguf", b"GGUF\x03\0\0\0")).len() > 5);
        assert!(why(ModelKind::Voice, put("a.onnx", b"no")).contains("ONNX"));
        assert!(why(ModelKind::Vad, put("v.gguf", b"GGUF\x03\0\0\0")).contains("speech from noise"));
        assert_eq!(check(ModelKind::Chat, &[]).unwrap_err().1, "it has no file");
    }
}
