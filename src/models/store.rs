//! What is installed: the models, voices and devices that can be chosen.

use super::voice_files::{VoiceFiles, VoiceForm};
use super::voice_language;
use super::voice_toml::{Terms, VoiceToml};
use crate::platform::files;
use crate::printable::one_line;
use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A model file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// Its place.
    pub path: PathBuf,
    /// Its name for people (file name without extension).
    pub name: String,
    /// Size, bytes.
    pub bytes: u64,
    /// One of the small models that come with the program.
    pub starter: bool,
    /// ISO 639-1 codes of the languages that a voice speaks, or of the only one that a speech model knows; empty where they are
    /// not known, or are many.
    pub languages: Vec<String>,
    /// What a voice may be used for, where its description limits it.
    pub terms: Option<Terms>,
}

/// Everything that can be chosen on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Speech models (ggml whisper files), best first.
    pub stt: Vec<ModelEntry>,
    /// Chat models (GGUF), best first.
    pub chat: Vec<ModelEntry>,
    /// Voices (`.onnx` with what describes it; of two ONNX files the acoustic model).
    pub voices: Vec<ModelEntry>,
    /// Languages of espeak-ng's own voice (`en-us`, `cmn`, …).
    pub espeak_languages: Vec<String>,
    /// Names of microphones.
    pub microphones: Vec<String>,
    /// Names of speakers.
    pub speakers: Vec<String>,
}

/// A file whose name says that it is a model, and which is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Its place.
    pub path: PathBuf,
    /// Why, without a full stop.
    pub reason: &'static str,
}

/// Folders below a model folder are looked into so deep.
const DEPTH: usize = 3;
/// So many files and folders are looked at in all: somebody may choose `/` as the folder.
const MOST_ENTRIES: usize = 20_000;
/// A speech model larger than this (medium, large) takes longer for a sentence than a laptop's user waits, so it is used
/// when it is chosen, and not because it was found.
const SLOW_STT_BYTES: u64 = 600_000_000;

/// Looks for models in these folders, three levels deep. Only the first bytes of a file are read. Devices and the
/// languages of espeak-ng are left empty. Folders that do not exist are no error.
#[must_use]
pub fn scan(folders: &[PathBuf]) -> Inventory {
    survey(folders).0
}

/// [`scan`], and the files that look like models by their name and are none (`doctor` says them).
#[must_use]
pub fn survey(folders: &[PathBuf]) -> (Inventory, Vec<Rejected>) {
    survey_within(folders, DEPTH, MOST_ENTRIES)
}

/// [`survey`] so many levels deep, with so many files and folders in all.
#[must_use]
pub fn survey_within(folders: &[PathBuf], depth: usize, entries: usize) -> (Inventory, Vec<Rejected>) {
    let mut walk = Walk { left: entries, ..Walk::default() };
    for folder in folders {
        walk.top = folder.clone();
        walk.folder(folder, depth, false);
    }
    let mut found = walk.found;
    // Sorting is stable: among equals the order of the folders, then of the names, decides.
    found.stt.sort_by_key(|entry| {
        let slow = entry.bytes > SLOW_STT_BYTES;
        (entry.starter, slow, if slow { entry.bytes } else { u64::MAX - entry.bytes })
    });
    found.chat.sort_by_key(|entry| (entry.starter, u64::MAX - entry.bytes));
    found.voices.sort_by_key(|entry| entry.starter);
    (found, walk.rejected)
}

/// The entry of one file that was chosen by its path and may lie outside of every model folder.
#[must_use]
pub fn entry(path: &Path) -> ModelEntry {
    let bytes = fs::metadata(path).map_or(0, |meta| meta.len());
    let starter = path.parent().is_some_and(|dir| dir.components().any(|part| part.as_os_str() == "starter"));
    let model = ModelEntry { path: path.to_owned(), name: name_of(path), bytes, starter, languages: Vec::new(), terms: None };
    if let Some(Kind::Voice) = kind_of(path) { voice(model) } else { model }
}

#[derive(Default)]
struct Walk {
    found: Inventory,
    rejected: Vec<Rejected>,
    /// Real places of all files and folders that were seen: a link back up, or two names of one folder, end here.
    seen: HashSet<PathBuf>,
    left: usize,
    /// The folder that was named.
    top: PathBuf,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize, starter: bool) {
        let starter = starter || folder.file_name().is_some_and(|name| name == "starter");
        let (Ok(real), Ok(entries)) = (fs::canonicalize(folder), fs::read_dir(folder)) else { return };
        if !self.seen.insert(real) {
            return;
        }
        let mut paths: Vec<PathBuf> = entries.take(self.left).flatten().map(|entry| entry.path()).collect();
        self.left -= paths.len().min(self.left);
        paths.sort();
        for path in paths {
            // Follows links; a link to nowhere is nothing.
            let Ok(meta) = fs::metadata(&path) else { continue };
            if meta.is_dir() && depth > 0 && !self.is_closed(&path) {
                self.folder(&path, depth - 1, starter);
            } else if meta.is_file() && kind_of(&path).is_some() {
                self.file(path, meta.len(), starter);
            }
        }
    }

    /// Folders that hold no models to choose: hidden ones (what is being fetched or deleted is in `.incoming`), and the
    /// store's own shelf of models that turn texts into vectors, which are GGUF files and cannot chat.
    fn is_closed(&self, folder: &Path) -> bool {
        let name = folder.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(b".") || name == "embedding" && folder.parent() == Some(&self.top)
    }

    fn file(&mut self, path: PathBuf, bytes: u64, starter: bool) {
        if !fs::canonicalize(&path).is_ok_and(|real| self.seen.insert(real)) {
            return;
        }
        let (Some(kind), name) = (kind_of(&path), name_of(&path)) else { return };
        match kind.check(&path, &name) {
            Verdict::Model => {
                let only = matches!(kind, Kind::Stt).then(|| only_language(&path)).flatten();
                let model = ModelEntry { path, name, bytes, starter, languages: only.into_iter().collect(), terms: None };
                match kind {
                    Kind::Stt => self.found.stt.push(model),
                    Kind::Chat => self.found.chat.push(model),
                    Kind::Voice => self.found.voices.push(voice(model)),
                }
            }
            Verdict::Other => {}
            Verdict::Broken(reason) => self.rejected.push(Rejected { path, reason }),
        }
    }
}

/// A voice: one of two files is known by its folder, and both count.
fn voice(mut model: ModelEntry) -> ModelEntry {
    let files = VoiceFiles::of_file(&model.path);
    if let Some(files) = files.as_ref().filter(|files| files.form == VoiceForm::TwoFiles) {
        if let Some(folder) = model.path.parent().and_then(Path::file_name) {
            model.name = folder.to_string_lossy().into_owned();
        }
        model.bytes = files.bytes();
        model.terms = VoiceToml::read(&files.config).ok().and_then(|toml| toml.terms);
    }
    model.languages = voice_language::of(&model.path, files.as_ref(), &model.name);
    model
}

#[derive(Clone, Copy)]
enum Kind {
    Stt,
    Chat,
    Voice,
}

enum Verdict {
    Model,
    /// Something else that rightly has this ending.
    Other,
    Broken(&'static str),
}

fn kind_of(path: &Path) -> Option<Kind> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "bin" => Some(Kind::Stt),
        "gguf" => Some(Kind::Chat),
        "onnx" => Some(Kind::Voice),
        _ => None,
    }
}

impl Kind {
    fn check(self, path: &Path, name: &str) -> Verdict {
        match self {
            Kind::Stt => check_stt(path, name),
            Kind::Chat => check_chat(path, name),
            Kind::Voice if config_of_voice(path).is_some() => Verdict::Model,
            // A detector of speech or a part of another program.
            Kind::Voice => Verdict::Other,
        }
    }
}

/// whisper.cpp's file starts with `ggml` as a little-endian u32 and the size of the vocabulary (51,864 or more); its voice
/// activity models start with the same word and the length of a name (10).
fn check_stt(path: &Path, name: &str) -> Verdict {
    let says_so = name.starts_with("ggml-");
    match first_8_bytes(path) {
        Some([b'l', b'm', b'g', b'g', size @ ..]) if u32::from_le_bytes(size) >= 1000 => Verdict::Model,
        Some([b'l', b'm', b'g', b'g', ..]) => Verdict::Other,
        _ if says_so => Verdict::Broken("it is named like a speech model, and it does not start like one"),
        _ => Verdict::Other,
    }
}

/// A whisper model of 51,864 words knows English only; those of more languages have more.
fn only_language(path: &Path) -> Option<String> {
    let [.., a, b, c, d] = first_8_bytes(path)?;
    (u32::from_le_bytes([a, b, c, d]) == 51_864).then(|| "en".to_owned())
}

/// GGUF's first word; image encoders (`mmproj-…`) and the later parts of a split model are no chat model on their own.
fn check_chat(path: &Path, name: &str) -> Verdict {
    match first_8_bytes(path) {
        Some([b'G', b'G', b'U', b'F', ..]) if name.starts_with("mmproj") || is_later_part(name) => Verdict::Other,
        Some([b'G', b'G', b'U', b'F', ..]) => Verdict::Model,
        _ => Verdict::Broken("it does not start like a GGUF file"),
    }
}

/// `model-00002-of-00003`.
fn is_later_part(name: &str) -> bool {
    name.rsplit_once("-of-").is_some_and(|(head, count)| {
        let part = head.rsplit('-').next().unwrap_or_default();
        let numbers = !count.is_empty() && count.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit());
        numbers && part.parse::<u32>().is_ok_and(|part| part > 1)
    })
}

/// The file that describes a voice: `VOICE.onnx.json` (Piper), `tokens.txt` beside it (words or letters), or `hark-voice.toml` (two
/// ONNX files). `None` for what is no voice of its own: the vocoder of another, or something else.
#[must_use]
pub fn config_of_voice(onnx: &Path) -> Option<PathBuf> {
    VoiceFiles::of_file(onnx).map(|files| files.config)
}

/// The file name without its ending, as it can be shown; files that are named like a thousand others (`model.onnx`) have their folder's name.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
    match (stem.as_ref(), folder) {
        ("model" | "ggml-model" | "voice", Some(folder)) => one_line(&folder),
        _ => one_line(&stem),
    }
}

fn first_8_bytes(path: &Path) -> Option<[u8; 8]> {
    let mut bytes = [0; 8];
    files::open(path).and_then(|mut file| file.read_exact(&mut bytes)).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHISPER: &[u8] = b"lmgg\x98\xca\x00\x00";
    const SILERO: &[u8] = b"lmgg\x0a\x00\x00\x00silero-16k";

    fn put(root: &Path, name: &str, head: &[u8], extra: usize) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, [head, &vec![0; extra]].concat()).unwrap();
    }

    fn names(entries: &[ModelEntry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn each_kind_is_told_by_its_content_and_the_best_comes_first() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        put(dir, "starter/ggml-starter-en.bin", WHISPER, 5000);
        put(dir, "stt/ggml-base.bin", WHISPER, 100);
        put(dir, "stt/whisper-small.bin", b"lmgg\x99\xca\x00\x00", 200);
        put(dir, "stt/silero.bin", SILERO, 0);
        put(dir, "stt/other.bin", b"something else", 0);
        put(dir, "starter/tiny.gguf", b"GGUF\x03\0\0\0", 9000);
        put(dir, "chat/small.gguf", b"GGUF\x03\0\0\0", 10);
        put(dir, "chat/large.GGUF", b"GGUF\x03\0\0\0", 20);
        put(dir, "chat/mmproj-f16.gguf", b"GGUF\x03\0\0\0", 99);
        put(dir, "chat/big-00001-of-00002.gguf", b"GGUF\x03\0\0\0", 5);
        put(dir, "chat/big-00002-of-00002.gguf", b"GGUF\x03\0\0\0", 99);
        put(dir, "voices/en_US-lessac.onnx", b"onnx", 0);
        put(dir, "voices/en_US-lessac.onnx.json", b"{}", 0);
        put(dir, "voices/mms-deu/model.onnx", b"onnx", 0);
        put(dir, "voices/mms-deu/tokens.txt", b"a 1", 0);
        put(dir, "voices/baker/fastspeech2.onnx", b"onnx", 6);
        put(dir, "voices/baker/vocoder.onnx", b"onnx", 0);
        put(dir, "voices/baker/tokens.txt", b"a 1", 0);
        put(
            dir,
            "voices/baker/hark-voice.toml",
            b"format = 1\nacoustic = \"fastspeech2.onnx\"\nvocoder = \"vocoder.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 22050\nhop = 256\nbands = 80\nterms = \"non-commercial\"\n",
            0,
        );
        put(dir, "vad.onnx", b"onnx", 0);
        let (found, rejected) = survey(&[dir.to_owned()]);
        assert_eq!(names(&found.stt), ["whisper-small", "ggml-base", "ggml-starter-en"]);
        let languages: Vec<_> = found.stt.iter().map(|ear| ear.languages.join(" ")).collect();
        assert_eq!(languages, ["", "en", "en"], "the vocabulary tells");
        assert_eq!(found.stt.iter().map(|entry| entry.starter).collect::<Vec<_>>(), [false, false, true]);
        assert_eq!(found.stt[1].bytes, 108);
        assert_eq!(names(&found.chat), ["large", "small", "big-00001-of-00002", "tiny"]);
        assert_eq!(names(&found.voices), ["baker", "en_US-lessac", "mms-deu"], "a vocoder is no voice");
        assert_eq!(found.voices[0].bytes, 14, "both files");
        let terms: Vec<_> = found.voices.iter().map(|voice| voice.terms).collect();
        assert_eq!(terms, [Some(Terms::NonCommercial), None, None]);
        assert_eq!(rejected, []);
        assert_eq!((found.espeak_languages.len(), found.microphones.len(), found.speakers.len()), (0, 0, 0));
    }

    #[test]
    fn broken_files_are_no_models_and_are_told() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "ggml-empty.bin", b"", 0);
        put(root.path(), "empty.gguf", b"", 0);
        put(root.path(), "wrong.gguf", b"PK\x03\x04", 100);
        let (found, rejected) = survey(&[root.path().to_owned(), root.path().join("missing")]);
        assert_eq!(found, Inventory::default());
        assert_eq!(rejected.len(), 3, "{rejected:?}");
    }

    #[test]
    fn what_is_on_its_way_and_what_cannot_chat_is_not_offered() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), ".incoming/big/big.gguf", b"GGUF\x03\0\0\0", 0);
        put(root.path(), "embedding/vectors/vectors.gguf", b"GGUF\x03\0\0\0", 0);
        put(root.path(), "chat/embedding/good.gguf", b"GGUF\x03\0\0\0", 0);
        assert_eq!(names(&scan(&[root.path().to_owned()]).chat), ["good"]);
        let hidden = root.path().join(".incoming");
        assert_eq!(names(&scan(&[hidden]).chat), ["big"], "a folder that was named itself may be hidden");
    }

    #[test]
    fn folders_are_looked_into_three_levels_deep() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "1/2/3/in.gguf", b"GGUF\x03\0\0\0", 0);
        put(root.path(), "1/2/3/4/out.gguf", b"GGUF\x03\0\0\0", 0);
        assert_eq!(names(&scan(&[root.path().to_owned()]).chat), ["in"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_that_loop_or_lead_nowhere_do_no_harm_and_a_file_is_found_once() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        put(dir, "a/one.gguf", b"GGUF\x03\0\0\0", 0);
        std::os::unix::fs::symlink(dir, dir.join("a/up")).unwrap();
        std::os::unix::fs::symlink(dir.join("a"), dir.join("again")).unwrap();
        std::os::unix::fs::symlink(dir.join("a/one.gguf"), dir.join("two.gguf")).unwrap();
        std::os::unix::fs::symlink(dir.join("nothing"), dir.join("gone.gguf")).unwrap();
        std::os::unix::fs::symlink(dir.join("self.gguf"), dir.join("self.gguf")).unwrap();
        let found = scan(&[dir.to_owned(), dir.join("a"), dir.to_owned()]);
        assert_eq!(found.chat.len(), 1, "{found:?}");
    }

    #[test]
    fn a_very_large_speech_model_is_not_taken_because_it_is_large() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "ggml-base.bin", WHISPER, 0);
        put(root.path(), "ggml-large.bin", WHISPER, 0);
        // A sparse file: it takes no room on the disk.
        fs::OpenOptions::new().write(true).open(root.path().join("ggml-large.bin")).unwrap().set_len(SLOW_STT_BYTES + 1).unwrap();
        assert_eq!(names(&scan(&[root.path().to_owned()]).stt), ["ggml-base", "ggml-large"]);
    }

    #[test]
    fn a_file_that_was_chosen_by_its_path_has_an_entry() {
        let found = entry(Path::new("/x/models/starter/ggml-starter-en.bin"));
        assert_eq!((found.name.as_str(), found.starter, found.bytes), ("ggml-starter-en", true, 0));
        assert!(!entry(Path::new("/x/starter.gguf")).starter);
    }
}
