//! Packs: models in one file, for a machine without network. A pack is a tar file; its first entry, `hark-pack.toml`, says
//! what follows, with the size and the SHA-256 of each file, so that it can be judged before anything of it is written.

use super::catalog::ModelKind;
use super::digest::{self, CopyError, is_sha256};
use super::fault::{Fault, InstallError};
use super::fetch::{Progress, free_bytes};
use super::incoming::settle_folder;
use super::library::{Installed, Library};
use super::meter::Meter;
use super::names::{is_file_name, is_id};
use super::record::{self, Record, RecordFile, now};
use crate::platform::files;
use crate::turn::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tar::{EntryType, Header};

/// Name of the first entry.
pub const MANIFEST: &str = "hark-pack.toml";
/// Largest first entry.
pub const LARGEST_MANIFEST: u64 = 1_000_000;
/// Files of a pack at most.
pub const MOST_FILES: usize = 10_000;
/// Longest name, licence or language, bytes, and most languages. They go into the model's record, which is not read when it is
/// too large, and into lists on a terminal.
const LONGEST_WORDS: usize = 200;
const MOST_LANGUAGES: usize = 200;

/// The first entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format: 1.
    pub format: u32,
    /// When it was written: a date and time in UTC, as in RFC 3339.
    #[serde(default)]
    pub made: String,
    /// The models.
    #[serde(rename = "model")]
    pub models: Vec<PackedModel>,
}

/// A model of a pack; its files are at `<id>/<name>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedModel {
    /// Its name for commands.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// Its licence, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// ISO 639-1 codes of its languages, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Its files, the one that an engine is given first.
    #[serde(rename = "file")]
    pub files: Vec<PackedFile>,
}

/// A file of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedFile {
    /// Its name: no path.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Reads the text of a manifest and checks everything in it.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn parse(text: &str) -> Result<Manifest, String> {
        let manifest: Manifest = toml::from_str(text).map_err(|_| "its list of contents is damaged".to_owned())?;
        if manifest.format != 1 {
            return Err(format!("it is of version {}, and this program reads 1", manifest.format));
        }
        let files = manifest.models.iter().fold(0_usize, |sum, model| sum.saturating_add(model.files.len()));
        if files > MOST_FILES || manifest.models.is_empty() {
            return Err(format!("it announces {files} files"));
        }
        let mut ids = HashSet::new();
        for model in &manifest.models {
            if !is_id(&model.id) || !ids.insert(&model.id) {
                return Err(format!("\"{}\" is no name for a model, or there twice", model.id.escape_debug()));
            }
            let mut words = std::iter::once(&model.name).chain(&model.licence).chain(&model.languages);
            let sayable = |text: &String| text.len() <= LONGEST_WORDS && !text.contains(char::is_control);
            if !words.all(sayable) || model.languages.len() > MOST_LANGUAGES {
                return Err(format!("what it says of the model {} cannot be shown", model.id));
            }
            let mut names = HashSet::new();
            // One file system tells `A` from `a`, another does not.
            let wrong = |file: &&PackedFile| !is_file_name(&file.name) || !is_sha256(&file.sha256);
            if let Some(file) = model.files.iter().find(wrong) {
                return Err(format!("its list of contents names a file that cannot be, \"{}\"", file.name.escape_debug()));
            }
            if model.files.len() > record::MOST_FILES {
                return Err(format!("it announces {} files for the model {}", model.files.len(), model.id));
            }
            if model.files.is_empty() || !model.files.iter().all(|file| names.insert(file.name.to_lowercase())) {
                return Err(format!("it announces the model {} without files, or a file twice", model.id));
            }
        }
        Ok(manifest)
    }

    /// Bytes of all files; `None`: more than can be.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.models.iter().flat_map(|model| &model.files).try_fold(0_u64, |sum, file| sum.checked_add(file.bytes))
    }
}

/// Writes these models into a pack. It appears when it is whole. Returns its size in bytes.
///
/// # Errors
/// When a model is not installed or has changed since, or the pack cannot be written.
pub fn pack(
    library: &Library,
    ids: &[String],
    out: &Path,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<u64>, InstallError> {
    let mut models: Vec<Installed> = Vec::new();
    for id in ids {
        let model = library.expect(id)?;
        if !models.iter().any(|there| there.id == model.id) {
            models.push(model);
        }
    }
    let mut packed = Vec::new();
    for model in &models {
        match describe(model, cancel, on)? {
            Outcome::Done(described) => packed.push(described),
            Outcome::Cancelled => return Ok(Outcome::Cancelled),
        }
    }
    let manifest = Manifest { format: 1, made: now(), models: packed };
    let folder = out.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // What nobody could read again is not written.
    let readable = toml::to_string(&manifest).map_err(|_| "its list of contents cannot be written".to_owned());
    if let Err(why) = readable.and_then(|text| Manifest::parse(&text)) {
        let message = format!("The pack {} would be of no use: {why}.", out.display());
        return Err(InstallError::new(Fault::Refused, message, "Leave that model out, or import its files under another name first."));
    }
    let needs = manifest.bytes().unwrap_or(u64::MAX);
    if let Some(free) = free_bytes(folder).filter(|free| *free < needs) {
        return Err(InstallError::no_room(folder, needs, free));
    }
    // A random name, made exclusively: a pack goes into shared folders, where somebody could have laid a link for a name to come.
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut draft = builder.prefix(".hark-").tempfile_in(folder).map_err(|error| unwritable(out, &error))?;
    match write(draft.as_file_mut(), out, &manifest, &models, cancel, on)? {
        Outcome::Cancelled => Ok(Outcome::Cancelled),
        Outcome::Done(bytes) => match draft.persist(out) {
            Ok(_) => {
                settle_folder(folder);
                Ok(Outcome::Done(bytes))
            }
            Err(failed) => Err(unwritable(out, &failed.error)),
        },
    }
}

fn unwritable(path: &Path, error: &io::Error) -> InstallError {
    let hint = "Make room on that disk, or write the pack to another place.";
    InstallError { hint: hint.to_owned(), ..InstallError::unwritable(path, error) }
}

/// What the manifest says of a model: what its record says, else what its files are now.
fn describe(model: &Installed, cancel: &dyn Fn() -> bool, on: &mut dyn FnMut(Progress)) -> Result<Outcome<PackedModel>, InstallError> {
    let record = model.record.as_ref();
    let mut files = Vec::new();
    for name in names(model) {
        let known = record.and_then(|record| record.files.iter().find(|file| file.name == name));
        if let Some(RecordFile { bytes, sha256, .. }) = known.cloned() {
            files.push(PackedFile { name, bytes, sha256 });
            continue;
        }
        let path = model.folder.join(&name);
        on(Progress::Verifying { name: name.clone() });
        match digest::of_file(&path, cancel, &mut |_| {}).map_err(|error| InstallError::unreadable(&path, &error))? {
            Outcome::Done((bytes, sha256)) => files.push(PackedFile { name, bytes, sha256 }),
            Outcome::Cancelled => return Ok(Outcome::Cancelled),
        }
    }
    Ok(Outcome::Done(PackedModel {
        id: model.id.clone(),
        name: model.name.clone(),
        kind: model.kind,
        licence: record.and_then(|record| record.licence.clone()),
        languages: record.map(|record| record.languages.clone()).unwrap_or_default(),
        files,
    }))
}

/// The names of a model's files.
fn names(model: &Installed) -> Vec<String> {
    match &model.record {
        Some(Record { files, .. }) => files.iter().map(|file| file.name.clone()).collect(),
        None => std::iter::once(model.file.clone())
            .chain(super::gather::belongings(&model.file, model.kind))
            .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
            .collect(),
    }
}

fn write(
    out: &mut File,
    path: &Path,
    manifest: &Manifest,
    models: &[Installed],
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<u64>, InstallError> {
    let bad = |error: io::Error| unwritable(path, &error);
    let text = toml::to_string(manifest).map_err(|error| bad(io::Error::other(error)))?;
    if text.len() as u64 > LARGEST_MANIFEST {
        return Err(InstallError::new(Fault::Refused, "These are too many models for one pack.", "Write several packs."));
    }
    entry(out, MANIFEST, text.len() as u64).and_then(|()| out.write_all(text.as_bytes())).map_err(bad)?;
    pad(out, text.len() as u64).map_err(bad)?;
    for (model, packed) in models.iter().zip(&manifest.models) {
        for file in &packed.files {
            entry(out, &format!("{}/{}", packed.id, file.name), file.bytes).map_err(bad)?;
            match add(out, &model.folder.join(&file.name), file, cancel, on) {
                Ok(Outcome::Done(())) => pad(out, file.bytes).map_err(bad)?,
                Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
                Err(Added::Changed) => {
                    let message = format!("The file {} of {} has changed since it was installed.", file.name, packed.id);
                    let hint = format!("See hark models verify {}, and install it anew.", packed.id);
                    return Err(InstallError::new(Fault::WrongHash, message, hint));
                }
                Err(Added::Unreadable(path, error)) => return Err(InstallError::unreadable(&path, &error)),
                Err(Added::Unwritable(error)) => return Err(bad(error)),
            }
        }
    }
    // Two empty blocks end a tar file.
    out.write_all(&[0; 1024]).and_then(|()| out.sync_all()).map_err(bad)?;
    out.metadata().map(|meta| Outcome::Done(meta.len())).map_err(bad)
}

enum Added {
    Changed,
    Unreadable(PathBuf, io::Error),
    Unwritable(io::Error),
}

fn add(
    out: &mut File,
    path: &Path,
    file: &PackedFile,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<()>, Added> {
    let mut source = files::open(path).map_err(|error| Added::Unreadable(path.to_owned(), error))?;
    on(Progress::Started { name: file.name.clone(), total: Some(file.bytes), resumed_at: 0 });
    let mut meter = Meter::new(&file.name, Some(file.bytes));
    match digest::copy(&mut source, out, file.bytes, cancel, &mut |done| meter.at(done, on)) {
        Ok(Outcome::Cancelled) => Ok(Outcome::Cancelled),
        // Longer than announced, shorter, or with other bytes.
        Ok(Outcome::Done((bytes, sha256))) if bytes != file.bytes || sha256 != file.sha256 || source.read(&mut [0]).unwrap_or(0) > 0 => {
            Err(Added::Changed)
        }
        Ok(Outcome::Done((bytes, sha256))) => {
            on(Progress::Done { name: file.name.clone(), bytes, sha256, as_expected: Some(true) });
            Ok(Outcome::Done(()))
        }
        Err(CopyError::Read(error)) => Err(Added::Unreadable(path.to_owned(), error)),
        Err(CopyError::Write(error)) => Err(Added::Unwritable(error)),
    }
}

/// The header of an entry: only what matters, the same on every machine.
fn entry(out: &mut File, path: &str, bytes: u64) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_size(bytes);
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    out.write_all(header.as_bytes())
}

/// Entries begin at multiples of 512 bytes.
fn pad(out: &mut File, bytes: u64) -> io::Result<()> {
    let over = usize::try_from(bytes % 512).unwrap_or(0);
    if over == 0 { Ok(()) } else { out.write_all(&[0; 512][over..]) }
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
