//! What of a file or folder can be imported: models are told by their content, voices with what belongs to them, and
//! those of the catalog by the names of their files.

use super::catalog::{Catalog, CatalogModel, ModelKind};
use super::fault::{Fault, InstallError};
use super::judge::{self, Content, has_ending};
use super::names::{id_of, is_file_name};
use super::store;
use super::voice_files::{VoiceFiles, VoiceForm};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders below the given one.
const DEPTH: usize = 6;
/// Files and folders that are looked at in all: somebody may choose `/`.
const MOST_ENTRIES: usize = 20_000;
/// Letters of a name to which the type of the weights is added.
const LONGEST_TO_CONVERT: usize = 50;
/// Files of a voice that lie in a folder of their own.
const MOST_VOICE_FILES: usize = 32;

/// A model that can be copied.
#[derive(Clone, Debug)]
pub(super) struct Unit<'c> {
    /// Its name for commands, as far as its name says it.
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    pub(super) kind: ModelKind,
    /// The files, the one that an engine is given first, under the names that they will have.
    pub(super) files: Vec<(PathBuf, String)>,
    /// The model of the catalog that has files of these names and sizes.
    pub(super) known: Option<&'c CatalogModel>,
    /// It must be written in another form first.
    pub(super) convert: bool,
}

impl Unit<'_> {
    /// Bytes of all files, as the file system says it.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|(path, _)| fs::metadata(path).ok()).fold(0, |sum, meta| sum.saturating_add(meta.len()))
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Gathered<'c> {
    pub(super) units: Vec<Unit<'c>>,
    pub(super) packs: Vec<PathBuf>,
    /// Files that are named like models and are none.
    pub(super) refused: Vec<InstallError>,
}

/// Looks at a file, or at everything in a folder.
///
/// # Errors
/// When it is not there, cannot be read, or holds nothing of use.
pub(super) fn gather<'c>(from: &Path, catalog: &'c Catalog) -> Result<Gathered<'c>, InstallError> {
    let meta = fs::metadata(from).map_err(|error| InstallError::unreadable(from, &error))?;
    let mut search = Search { catalog, found: Gathered::default(), seen: HashSet::new(), left: MOST_ENTRIES };
    if meta.is_dir() {
        fs::read_dir(from).map_err(|error| InstallError::unreadable(from, &error))?;
        search.folder(from, DEPTH);
        let found = &search.found;
        if found.units.is_empty() && found.packs.is_empty() && found.refused.is_empty() {
            let message = format!("There is no model in {} that Hark can use.", from.display());
            let hint = "It takes ggml-….bin and folders of faster-whisper (hearing), ….gguf (chat), ….onnx with ….onnx.json (voices) and packs of hark models pack.";
            return Err(InstallError::new(Fault::Missing, message, hint));
        }
    } else if meta.is_file() {
        search.file(from, true);
    } else {
        return Err(InstallError::refused(from, "it is neither a file nor a folder"));
    }
    Ok(search.found)
}

struct Search<'c> {
    catalog: &'c Catalog,
    found: Gathered<'c>,
    /// Real places of folders and files: links that loop end here, and a file with two names is imported once.
    seen: HashSet<PathBuf>,
    left: usize,
}

impl<'c> Search<'c> {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let (Ok(real), Ok(entries)) = (fs::canonicalize(folder), fs::read_dir(folder)) else { return };
        if !self.seen.insert(real) {
            return;
        }
        let mut paths: Vec<PathBuf> = entries.take(self.left).flatten().map(|entry| entry.path()).collect();
        self.left = self.left.saturating_sub(paths.len());
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let Ok(meta) = fs::metadata(&path) else { continue };
            if hidden {
                continue;
            } else if meta.is_dir() && depth > 0 {
                self.folder(&path, depth - 1);
            } else if meta.is_file() && ["bin", "gguf", "onnx", "harkpack"].iter().any(|ending| has_ending(&path, ending)) {
                self.file(&path, false);
            }
        }
    }

    /// `chosen`: this very file was named, so everything that is wrong with it is said.
    fn file(&mut self, path: &Path, chosen: bool) {
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if !self.seen.insert(real) {
            return;
        }
        let content = match judge::content(path) {
            Ok(content) => content,
            Err(error) => return self.found.refused.push(InstallError::unreadable(path, &error)),
        };
        let name = store::entry(path).name;
        let kind = match content {
            Content::Whisper => ModelKind::Stt,
            Content::CTranslate2 => return self.found.units.push(to_convert(path)),
            Content::GgmlVad => ModelKind::Vad,
            Content::Gguf => ModelKind::Chat,
            Content::Pack => return self.found.packs.push(path.to_owned()),
            Content::Onnx if store::config_of_voice(path).is_some() => ModelKind::Voice,
            Content::Onnx if name.to_ascii_lowercase().contains("vad") => ModelKind::Vad,
            // Parts of other programs have this ending too.
            Content::Onnx if !chosen => return,
            Content::Onnx => ModelKind::Voice,
            Content::Other => {
                // `pytorch_model.bin` and the like are nothing to complain about.
                if chosen || has_ending(path, "gguf") || has_ending(path, "harkpack") || name.starts_with("ggml-") {
                    self.found.refused.push(InstallError::refused(path, &what_it_is(path)));
                }
                return;
            }
        };
        // In a folder that is searched, an image encoder beside a chat model is no fault.
        if kind == ModelKind::Chat && !chosen && name.starts_with("mmproj") {
            return;
        }
        // Beside an eight-bit copy of a voice lies the better one.
        let better = (kind == ModelKind::Voice && !chosen).then(|| better_voice(path)).flatten();
        let unit = match &better {
            Some(better) => self.unit(better, kind, store::entry(better).name),
            None => self.unit(path, kind, name),
        };
        // The other files of this model are not looked at by themselves.
        for (path, _) in &unit.files {
            self.seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone()));
        }
        match unit.files.iter().find(|(_, name)| !is_file_name(name)) {
            Some((path, _)) => {
                self.found.refused.push(InstallError::refused(path, "its name is too long or has characters that not every system allows"))
            }
            None => self.found.units.push(unit),
        }
    }

    fn unit(&self, path: &Path, kind: ModelKind, name: String) -> Unit<'c> {
        if let Some((model, files)) = self.catalog.models.iter().find_map(|model| Some((model, files_of(model, path, kind)?))) {
            return Unit { id: model.id.clone(), name: model.name.clone(), kind, files, known: Some(model), convert: false };
        }
        let files = std::iter::once(path.to_owned()).chain(belongings(path, kind)).map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (path, name)
        });
        Unit { id: id_of(&name), name, kind, files: files.collect(), known: None, convert: false }
    }
}

/// A model of faster-whisper, called like its repository in a cache of the Hugging Face hub, else like its folder.
fn to_convert<'c>(path: &Path) -> Unit<'c> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    let names = || folder.ancestors().filter_map(Path::file_name).map(|name| name.to_string_lossy());
    let repository = names().find_map(|name| name.strip_prefix("models--").and_then(|name| name.rsplit("--").next().map(str::to_owned)));
    let name = repository.or_else(|| names().next().map(std::borrow::Cow::into_owned)).unwrap_or_default();
    let id = id_of(&name.chars().take(LONGEST_TO_CONVERT).collect::<String>());
    let files = vec![(path.to_owned(), name.clone())];
    Unit { id, name, kind: ModelKind::Stt, files, known: None, convert: true }
}

/// The files of a model of the catalog, when this is its first one and the others lie beside it.
fn files_of(model: &CatalogModel, path: &Path, kind: ModelKind) -> Option<Vec<(PathBuf, String)>> {
    let first = model.files.first()?;
    // Vectors are made by GGUF files too; only the catalog can tell.
    let same_kind = model.kind == kind || (model.kind == ModelKind::Embedding && kind == ModelKind::Chat);
    if !same_kind || path.file_name()? != first.name.as_str() {
        return None;
    }
    let there = |file: &super::catalog::CatalogFile| {
        let path = path.with_file_name(&file.name);
        let meta = fs::metadata(&path).ok().filter(|meta| meta.is_file())?;
        file.bytes.is_none_or(|bytes| bytes == meta.len()).then(|| (path, file.name.clone()))
    };
    model.files.iter().map(there).collect()
}

/// The voice that a folder stands for when this is another one of its files.
fn better_voice(path: &Path) -> Option<PathBuf> {
    let has_folder = |files: &VoiceFiles| files.form != VoiceForm::Piper;
    VoiceFiles::of_file(path).filter(has_folder)?;
    let best = VoiceFiles::of(path.parent()?).ok().filter(has_folder)?.onnx;
    (best != path).then_some(best)
}

/// What lies beside a voice and belongs to it.
pub(crate) fn belongings(path: &Path, kind: ModelKind) -> Vec<PathBuf> {
    let config = store::config_of_voice(path).filter(|_| kind == ModelKind::Voice);
    match config {
        Some(config) if has_ending(&config, "json") => vec![config],
        // Such a voice has its folder for itself: a table, perhaps a lexicon, perhaps a second graph and what joins the two.
        Some(config) => {
            let entries = config.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten();
            let belongs = |path: &PathBuf| {
                let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
                let kept = *path == config || ["txt", "json", "onnx"].iter().any(|ending| has_ending(path, ending));
                !hidden && kept && path.is_file()
            };
            let mut files: Vec<PathBuf> = entries.take(MOST_ENTRIES).flatten().map(|entry| entry.path()).filter(belongs).collect();
            files.retain(|file| file != path);
            files.sort();
            files.truncate(MOST_VOICE_FILES);
            files
        }
        None => Vec::new(),
    }
}

fn what_it_is(path: &Path) -> String {
    if fs::metadata(path).is_ok_and(|meta| meta.len() == 0) {
        return "it is empty".to_owned();
    }
    if has_ending(path, "json") {
        return "it describes a voice; import the ….onnx file beside it".to_owned();
    }
    "it is no model that Hark knows".to_owned()
}

#[cfg(test)]
#[path = "gather_tests.rs"]
mod tests;
