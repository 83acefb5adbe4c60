//! What came out of earlier probes. One note for a place (kind and path), with the identity of the file as it was, and
//! one for a content (its SHA-256): a file that was only moved or touched is known without another try, and one that is where
//! it was is known without being read. Another version of the program has other engines and knows nothing.

use super::{ProbeError, ProbeKind, Probed};
use crate::models::catalog::Catalog;
use crate::models::note::Note;
use crate::models::voice_files::{VoiceFiles, VoiceForm};
use crate::platform::files::{self, Identity};
use crate::turn::CancelToken;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Raised when what the child does changes.
const VERSION: u32 = 2;
/// Which program it was.
const PROGRAM: &str = concat!(env!("CARGO_PKG_VERSION"), env!("HARK_GIT"));

/// The notes about one file.
pub(super) struct Memory {
    cache: Option<PathBuf>,
    kind: ProbeKind,
    path: PathBuf,
    /// What else makes a voice: its description, lexicon, vocoder. With another one of these it is another voice.
    beside: Vec<PathBuf>,
    place: Note,
    /// Reading a large file from a slow disk ends when nobody waits for it any more.
    cancel: CancelToken,
}

#[derive(Serialize, Deserialize)]
struct Place {
    look: Identity,
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    program: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crashed: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    aborted: bool,
}

/// What lies beside the ONNX file of a voice and belongs to it.
fn companions(onnx: &Path) -> Vec<PathBuf> {
    let Some(files) = VoiceFiles::of_file(onnx) else { return Vec::new() };
    let tables = ["tokens.txt", "lexicon.txt"].map(|name| onnx.with_file_name(name));
    let tables = tables.into_iter().filter(|table| files.form != VoiceForm::Piper && *table != files.config && table.is_file());
    std::iter::once(files.config.clone()).chain(tables).chain(files.vocoder).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads the whole file: some 2 s a GB from the page cache with a processor that has instructions for it. `None`: it cannot be
/// read, or nobody waits any more.
fn digest(path: &Path, cancel: &CancelToken) -> Option<String> {
    let mut reader = BufReader::with_capacity(1 << 16, files::open(path).ok()?);
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        if cancel.is_cancelled() {
            return None;
        }
        match reader.read(&mut piece).ok()? {
            0 => return Some(hex(&hasher.finalize())),
            got => hasher.update(piece.get(..got)?),
        }
    }
}

impl Memory {
    pub(super) fn of(cache: Option<&Path>, kind: ProbeKind, path: &Path, cancel: &CancelToken) -> Self {
        // A voice may be given as its folder.
        let voice = if kind == ProbeKind::Voice && path.is_dir() { VoiceFiles::of(path).ok() } else { None };
        let path = voice.map_or_else(|| path.to_owned(), |voice| voice.onnx);
        let path = std::fs::canonicalize(&path).unwrap_or(path);
        let name = hex(Sha256::digest(path.as_os_str().as_encoded_bytes()).get(..16).unwrap_or_default());
        let place = Note::new(cache, "probed", &format!("{}-at-{name}.json", kind.word()));
        let beside = if kind == ProbeKind::Voice { companions(&path) } else { Vec::new() };
        Memory { cache: cache.map(Path::to_owned), kind, path, beside, place, cancel: cancel.clone() }
    }

    pub(super) fn look(&self) -> Option<Identity> {
        let mut all = Identity::at(&self.path)?;
        for beside in &self.beside {
            all = all.and(Identity::at(beside)?);
        }
        Some(all)
    }

    fn digest(&self) -> Option<String> {
        let main = digest(&self.path, &self.cancel)?;
        if self.beside.is_empty() {
            return Some(main);
        }
        let others: Option<Vec<String>> = self.beside.iter().map(|beside| digest(beside, &self.cancel)).collect();
        Some(hex(&Sha256::digest(format!("{main} {}", others?.join(" ")))))
    }

    fn content(&self, sha256: &str) -> Note {
        Note::new(self.cache.as_deref(), "probed", &format!("{}-{sha256}.json", self.kind.word()))
    }

    /// The digest of the file as it is now: what the caller knows, what the place knows if it looks as it did, else by reading.
    fn sha256(&self, known: Option<&str>, look: Identity) -> Option<String> {
        if let Some(known) =
            known.filter(|known| self.beside.is_empty() && known.len() == 64 && known.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Some(known.to_ascii_lowercase());
        }
        let place: Option<Place> = self.place.recall().and_then(|text| serde_json::from_str(&text).ok());
        if let Some(place) = place.filter(|place| place.look == look && place.sha256.bytes().all(|b| b.is_ascii_hexdigit())) {
            return Some(place.sha256);
        }
        let sha256 = self.digest()?;
        if let Ok(text) = serde_json::to_string(&Place { look, sha256: sha256.clone() }) {
            self.place.keep(&text);
        }
        Some(sha256)
    }

    /// Whether these are the very bytes of a model that comes with the program. Every version loads those in its tests, so the
    /// first start need not wait for a child: it was 6 s for hearing and 11 s for thinking on a busy machine.
    pub(super) fn is_starter(&self) -> bool {
        let Some(look) = self.look() else { return false };
        let starters = Catalog::builtin().models.iter().filter(|model| model.starter).flat_map(|model| &model.files);
        // Only what is as long as one is read for it.
        let mut known = starters.filter(|file| file.bytes == Some(look.bytes)).filter_map(|file| file.sha256.as_deref()).peekable();
        known.peek().is_some() && self.sha256(None, look).is_some_and(|sha256| known.any(|known| known.eq_ignore_ascii_case(&sha256)))
    }

    /// Forgets what came out with the file as it is now, where that is known without reading it.
    pub(super) fn forget(&self) {
        let place: Option<Place> = self.place.recall().and_then(|text| serde_json::from_str(&text).ok());
        if let Some(place) = place.filter(|place| self.look() == Some(place.look) && place.sha256.bytes().all(|b| b.is_ascii_hexdigit())) {
            self.content(&place.sha256).forget();
        }
    }

    pub(super) fn recall(&self, known: Option<&str>) -> Option<Result<Probed, ProbeError>> {
        self.cache.as_ref()?;
        let sha256 = self.sha256(known, self.look()?)?;
        let content: Content = serde_json::from_str(&self.content(&sha256).recall()?).ok()?;
        if content.program != PROGRAM || content.version != VERSION {
            return None;
        }
        Some(match content {
            Content { ms: Some(ms), .. } => Ok(Probed { ms, remembered: true }),
            Content { crashed: Some(signal), .. } => {
                Err(ProbeError::Crashed(signal.chars().filter(|c| !c.is_control()).take(40).collect()))
            }
            Content { aborted: true, .. } => Err(ProbeError::Aborted),
            _ => return None,
        })
    }

    /// `result` is a success or an error that is for good; `before` is how the file looked when the child was started: of one that
    /// was still being copied nothing is known.
    pub(super) fn keep(&self, result: &Result<Probed, ProbeError>, known: Option<&str>, before: Option<Identity>) {
        if self.cache.is_none() || before.is_none() || self.look() != before {
            return;
        }
        let Some(sha256) = self.look().and_then(|look| self.sha256(known, look)) else { return };
        let content = Content {
            program: PROGRAM.to_owned(),
            version: VERSION,
            ms: result.as_ref().ok().map(|probed| probed.ms),
            crashed: if let Err(ProbeError::Crashed(signal)) = result { Some(signal.clone()) } else { None },
            aborted: matches!(result, Err(ProbeError::Aborted)),
        };
        if let Ok(text) = serde_json::to_string(&content) {
            self.content(&sha256).keep(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant, SystemTime};

    fn good(ms: u64) -> Result<Probed, ProbeError> {
        Ok(Probed { ms, remembered: false })
    }

    fn keep(memory: &Memory, result: &Result<Probed, ProbeError>, known: Option<&str>) {
        memory.keep(result, known, memory.look());
    }

    #[test]
    fn of_a_file_that_changed_meanwhile_nothing_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.bin");
        std::fs::write(&file, b"half").unwrap();
        let memory = Memory::of(Some(folder.path()), ProbeKind::Chat, &file, &CancelToken::never());
        assert_eq!(memory.recall(None), None);
        let before = memory.look();
        std::fs::write(&file, b"half and half").unwrap();
        memory.keep(&Err(ProbeError::Aborted), None, before);
        assert_eq!(memory.recall(None), None);
    }

    #[test]
    fn what_came_out_is_known_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, file) = (folder.path().join("cache"), folder.path().join("m.bin"));
        std::fs::write(&file, b"one").unwrap();
        let of = |file: &Path| Memory::of(Some(&cache), ProbeKind::Stt, file, &CancelToken::never());
        assert_eq!(of(&file).recall(None), None);
        keep(&of(&file), &good(7), None);
        let begin = Instant::now();
        assert_eq!(of(&file).recall(None), Some(Ok(Probed { ms: 7, remembered: true })));
        println!("remembered in {:?}", begin.elapsed());
        assert_eq!(Memory::of(Some(&cache), ProbeKind::Chat, &file, &CancelToken::never()).recall(None), None, "of another kind");
        // Moved, and touched: the content is the same.
        let moved = folder.path().join("moved.bin");
        std::fs::rename(&file, &moved).unwrap();
        let touched = SystemTime::now() - Duration::from_secs(1000);
        std::fs::File::options().write(true).open(&moved).unwrap().set_modified(touched).unwrap();
        assert!(of(&moved).recall(None).is_some());
        assert_eq!(of(&file).recall(None), None, "it is not there any more");
        std::fs::write(&moved, b"two").unwrap();
        assert_eq!(of(&moved).recall(None), None, "another content");
        for bad in [ProbeError::Crashed("SIGSEGV".to_owned()), ProbeError::Aborted] {
            keep(&of(&moved), &Err(bad.clone()), None);
            assert_eq!(of(&moved).recall(None), Some(Err(bad)));
        }
        assert_eq!(std::fs::read_dir(cache.join("probed")).unwrap().filter(|e| e.as_ref().unwrap().path().ends_with("draft")).count(), 0);
    }

    #[test]
    fn only_the_very_bytes_of_a_starter_model_are_one() {
        let whole = Path::new("models/starter/ggml-starter-en-q5_1.bin");
        let folder = tempfile::tempdir().unwrap();
        let starter = folder.path().join("starter");
        std::fs::create_dir(&starter).unwrap();
        let of = |file: &Path| Memory::of(Some(folder.path()), ProbeKind::Stt, file, &CancelToken::never());
        let mut bytes = std::fs::read(whole).unwrap();
        let copy = starter.join("m.bin");
        std::fs::write(&copy, &bytes).unwrap();
        assert!(of(whole).is_starter() && of(&copy).is_starter(), "wherever it lies");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&copy, &bytes).unwrap();
        assert!(!of(&copy).is_starter(), "a damaged one is tried like any other file");
        std::fs::write(&copy, b"short").unwrap();
        assert!(!of(&copy).is_starter());
        assert!(!of(&folder.path().join("nothing")).is_starter());
    }

    #[test]
    fn a_verdict_can_be_forgotten_and_a_voice_is_known_with_its_description() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let voice = folder.path().join("v.onnx");
        std::fs::write(&voice, "graph").unwrap();
        std::fs::write(folder.path().join("v.onnx.json"), "{}").unwrap();
        let of = || Memory::of(Some(&cache), ProbeKind::Voice, &voice, &CancelToken::never());
        keep(&of(), &Err(ProbeError::Aborted), None);
        assert_eq!(of().recall(None), Some(Err(ProbeError::Aborted)));
        std::fs::write(folder.path().join("v.onnx.json"), "{ }").unwrap();
        assert_eq!(of().recall(None), None, "its description was mended");
        keep(&of(), &Err(ProbeError::Aborted), None);
        of().forget();
        assert_eq!(of().recall(None), None);
    }

    #[test]
    fn nobody_reads_a_large_file_for_who_does_not_wait_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.bin");
        std::fs::write(&file, b"abc").unwrap();
        let (cancel, mut clock) = CancelToken::with_clock();
        let turn = clock.reader().current().next();
        clock.advance_to(turn);
        assert!(cancel.is_cancelled() && digest(&file, &cancel).is_none());
    }

    #[test]
    fn a_voice_of_two_files_is_another_one_with_another_vocoder() {
        let folder = tempfile::tempdir().unwrap();
        let toml =
            "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 16000\nhop = 16\nbands = 8\n";
        for (name, text) in [("a.onnx", "a"), ("v.onnx", "v"), ("tokens.txt", "_ 0\n"), ("hark-voice.toml", toml)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let cache = folder.path().join("cache");
        let of = || Memory::of(Some(&cache), ProbeKind::Voice, &folder.path().join("a.onnx"), &CancelToken::never());
        let known = digest(&folder.path().join("a.onnx"), &CancelToken::never()).unwrap();
        keep(&of(), &Err(ProbeError::Aborted), Some(&known));
        assert_eq!(of().recall(Some(&known)), Some(Err(ProbeError::Aborted)));
        std::fs::write(folder.path().join("v.onnx"), "another").unwrap();
        assert_eq!(of().recall(Some(&known)), None);
    }

    #[test]
    fn a_digest_that_is_known_saves_reading_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.bin");
        std::fs::write(&file, b"abc").unwrap();
        let sha256 = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
        let memory = Memory::of(Some(folder.path()), ProbeKind::Chat, &file, &CancelToken::never());
        keep(&memory, &good(1), Some(sha256));
        assert!(memory.place.recall().is_none(), "it was not read");
        assert!(memory.recall(None).is_some_and(|known| known.is_ok()), "and it is the digest of the content");
        assert!(memory.recall(Some("not a digest/../..")).is_some());
    }

    #[test]
    fn another_version_of_the_program_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.bin");
        std::fs::write(&file, b"abc").unwrap();
        let memory = Memory::of(Some(folder.path()), ProbeKind::Chat, &file, &CancelToken::never());
        keep(&memory, &good(1), None);
        let note = memory.content(&digest(&file, &CancelToken::never()).unwrap());
        let text = note.recall().unwrap();
        note.keep(&text.replace(PROGRAM, "0.0.1 (000000000000)"));
        assert_eq!(memory.recall(None), None);
        for nonsense in ["", "{}", "[1]", "\u{0}"] {
            note.keep(nonsense);
            assert_eq!(memory.recall(None), None);
        }
    }

    #[test]
    fn without_a_folder_that_can_be_written_nothing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a file");
        std::fs::write(&file, b"x").unwrap();
        for cache in [None, Some(file.as_path())] {
            let memory = Memory::of(cache, ProbeKind::Stt, &file, &CancelToken::never());
            keep(&memory, &good(1), None);
            assert_eq!(memory.recall(None), None);
        }
    }
}
