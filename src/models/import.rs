//! Models from files on this machine: no network is needed. Files are copied, never moved or linked, because the source
//! may be a stick that goes away.

use super::catalog::{Catalog, CatalogModel, Evidence};
use super::ctranslate2::Weights;
use super::ctranslate2::draft::{Draft, draft};
use super::digest::{self, CopyError};
use super::fault::{Fault, InstallError};
use super::fetch::free_bytes;
use super::gather::{Unit, gather};
use super::incoming::{self, Incoming, Way};
use super::install::{Progress, record_of};
use super::judge;
use super::library::{Installed, Library};
use super::meter::Meter;
use super::record::{Record, RecordFile, now};
use super::unpack::unpack;
use crate::platform::files;
use crate::turn::Outcome;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// So many models of one name may stand side by side. Every file with a name in Chinese only is called `model`.
const MOST_NAMESAKES: u32 = 999;

/// What an import brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Models that can be used now, also those that were there already.
    pub installed: Vec<Installed>,
    /// Those of them that were there already, by name.
    pub already: Vec<String>,
    /// What was not taken over, a file each.
    pub refused: Vec<InstallError>,
}

/// Takes a file, a pack, or everything usable in a folder into the library. What cannot be used of a folder is passed
/// over when something else can ([`import_all`] says it).
///
/// # Errors
/// When nothing could be taken over: why not.
pub fn import(
    library: &Library,
    catalog: &Catalog,
    from: &Path,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Vec<Installed>>, InstallError> {
    Ok(match import_all(library, catalog, from, cancel, on)? {
        Outcome::Done(imported) => Outcome::Done(imported.installed),
        Outcome::Cancelled => Outcome::Cancelled,
    })
}

/// [`import`], and what was not taken over.
///
/// # Errors
/// When nothing could be taken over: why not.
pub fn import_all(
    library: &Library,
    catalog: &Catalog,
    from: &Path,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Imported>, InstallError> {
    import_as(library, catalog, from, Weights::USUAL, cancel, on)
}

/// [`import_all`], where models of other programs that must be converted get weights of this type.
///
/// # Errors
/// When nothing could be taken over: why not.
pub fn import_as(
    library: &Library,
    catalog: &Catalog,
    from: &Path,
    weights: Weights,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Imported>, InstallError> {
    let gathered = gather(from, catalog)?;
    incoming::sweep(library.root());
    let mut imported = Imported { refused: gathered.refused, ..Imported::default() };
    for unit in gathered.units {
        match converted(library, catalog, unit, weights, cancel, on) {
            Ok(Outcome::Done(Taken { model, new })) => imported.add(model, new),
            Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
            Err(error) => {
                // The next model would meet the same disk.
                let hopeless = matches!(error.fault, Fault::NoRoom | Fault::ReadOnly);
                imported.refused.push(error);
                if hopeless {
                    return imported.if_any();
                }
            }
        }
    }
    for pack in gathered.packs {
        match unpack(library, catalog, &pack, cancel, on) {
            Ok(Outcome::Done(models)) => models.into_iter().for_each(|(model, new)| imported.add(model, new)),
            Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
            Err(error) => imported.refused.push(error),
        }
    }
    imported.if_any()
}

impl Imported {
    /// A sentence for each file of which another hash was reported than it has: it was taken over, and is perhaps not what it
    /// is called.
    #[must_use]
    pub fn doubtful(&self) -> Vec<String> {
        let files = |model: &Installed| model.record.clone().map_or_else(Vec::new, |record| record.files);
        let doubtful = |model: &Installed| files(model).into_iter().filter(|file| file.as_expected == Some(false)).collect::<Vec<_>>();
        let sentence = |model: &Installed, file: RecordFile| {
            format!("{} of {} is another file than was reported by this name: its SHA-256 is {}.", file.name, model.id, file.sha256)
        };
        self.installed.iter().flat_map(|model| doubtful(model).into_iter().map(|file| sentence(model, file))).collect()
    }

    /// This, or the most telling reason why nothing came.
    fn if_any(mut self) -> Result<Outcome<Imported>, InstallError> {
        if self.installed.is_empty() && !self.refused.is_empty() {
            let disk = self.refused.iter().position(|error| matches!(error.fault, Fault::NoRoom | Fault::ReadOnly));
            return Err(self.refused.swap_remove(disk.unwrap_or(0)));
        }
        Ok(Outcome::Done(self))
    }

    fn add(&mut self, model: Installed, new: bool) {
        if !new {
            self.already.push(model.id.clone());
        }
        self.installed.push(model);
    }
}

struct Taken {
    model: Installed,
    new: bool,
}

/// [`one`], after a conversion where that is needed.
fn converted(
    library: &Library,
    catalog: &Catalog,
    unit: Unit<'_>,
    weights: Weights,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Taken>, InstallError> {
    if !unit.convert {
        return one(library, catalog, unit, None, cancel, on);
    }
    match draft(library.root(), unit, weights, cancel, on)? {
        Outcome::Done((unit, draft)) => one(library, catalog, unit, Some(&draft), cancel, on),
        Outcome::Cancelled => Ok(Outcome::Cancelled),
    }
}

/// `draft`: the files are this program's own and need not be copied.
fn one(
    library: &Library,
    catalog: &Catalog,
    unit: Unit<'_>,
    draft: Option<&Draft>,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Taken>, InstallError> {
    // Before anything is copied: a broken file of 5 GB is known in a moment.
    let sources: Vec<PathBuf> = unit.files.iter().map(|(path, _)| path.clone()).collect();
    judge::check(kind_of(&unit), &sources).map_err(|(path, why)| InstallError::refused(&path, &why))?;
    let unit = recognised(unit, catalog, cancel);
    let kind = kind_of(&unit);
    // A file from inside of the library is there already.
    if let Some(model) =
        library.installed().into_iter().find(|model| model.file.starts_with(library.root()) && is_file(&model.file, sources.first()))
    {
        return Ok(Outcome::Done(Taken { model, new: false }));
    }
    let id = match free_name(library, catalog, &unit, cancel)? {
        Outcome::Done(Name::Free(id)) => id,
        Outcome::Done(Name::Same(model)) => return Ok(Outcome::Done(Taken { model: *model, new: false })),
        Outcome::Cancelled => return Ok(Outcome::Cancelled),
    };
    if let Some(free) = free_bytes(library.root()).filter(|free| draft.is_none() && *free < unit.bytes()) {
        return Err(InstallError::no_room(library.root(), unit.bytes(), free));
    }
    let incoming = Incoming::begin(library.root(), kind, &id, Way::Copy)?;
    let mut files = Vec::new();
    for (path, name) in &unit.files {
        let to = incoming.folder().join(name);
        let came = if draft.is_some() { move_in(path, &to, name, cancel, on)? } else { copy_in(path, &to, name, cancel, on)? };
        let Outcome::Done(mut file) = came else {
            return Ok(Outcome::Cancelled);
        };
        if let Some(expected) = unit.known.and_then(|model| model.files.iter().find(|file| file.name == *name)) {
            file.as_expected = expected.sha256.as_ref().map(|sha256| *sha256 == file.sha256);
            if file.as_expected == Some(false) && expected.evidence == Evidence::Seen {
                let why = format!("it is not the file that the catalog knows by this name: its SHA-256 is {}", file.sha256);
                return Err(InstallError { fault: Fault::WrongHash, ..InstallError::refused(path, &why) });
            }
        }
        files.push(file);
    }
    // What was copied may differ from what was looked at before.
    let paths: Vec<PathBuf> = files.iter().map(|file| incoming.folder().join(&file.name)).collect();
    if let Err((path, why)) = judge::check(kind, &paths) {
        let source = unit.files.iter().find(|(_, name)| path.ends_with(name)).map_or(path.as_path(), |(source, _)| source.as_path());
        return Err(InstallError::refused(source, &why));
    }
    if cancel() {
        return Ok(Outcome::Cancelled);
    }
    let source = draft.map(|draft| &draft.source).or(sources.first());
    let from = source.map(|path| path.display().to_string()).unwrap_or_default();
    let record = match unit.known {
        Some(model) => record_of(model, from, files),
        None => Record { format: 1, id, name: unit.name, kind, installed: now(), from, licence: None, languages: Vec::new(), files },
    };
    let place = incoming.place(&record)?;
    Ok(Outcome::Done(Taken { model: library.listed(&record, &place), new: true }))
}

fn kind_of(unit: &Unit<'_>) -> super::catalog::ModelKind {
    unit.known.map_or(unit.kind, |model| model.kind)
}

fn is_file(one: &Path, other: Option<&PathBuf>) -> bool {
    other.is_some_and(|other| fs::canonicalize(one).is_ok_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other)))
}

/// A model of the catalog under another name, told by its size and then by its hash.
fn recognised<'c>(unit: Unit<'c>, catalog: &'c Catalog, cancel: &dyn Fn() -> bool) -> Unit<'c> {
    let [(path, _)] = unit.files.as_slice() else { return unit };
    if unit.known.is_some() {
        return unit;
    }
    let bytes = unit.bytes();
    let alike = |model: &&CatalogModel| {
        model.kind == unit.kind && matches!(model.files.as_slice(), [file] if file.bytes == Some(bytes) && file.sha256.is_some())
    };
    let candidates: Vec<&CatalogModel> = catalog.models.iter().filter(alike).collect();
    if candidates.is_empty() {
        return unit;
    }
    let Ok(Outcome::Done((_, sha256))) = digest::of_file(path, cancel, &mut |_| {}) else { return unit };
    let model = candidates.into_iter().find(|model| model.files.first().is_some_and(|file| file.sha256.as_ref() == Some(&sha256)));
    match model.and_then(|model| Some((model, model.files.first()?.name.clone()))) {
        Some((model, name)) => Unit {
            id: model.id.clone(),
            name: model.name.clone(),
            kind: unit.kind,
            files: vec![(path.clone(), name)],
            known: Some(model),
            ..unit
        },
        None => unit,
    }
}

enum Name {
    Free(String),
    /// The very same model is installed under this name.
    Same(Box<Installed>),
}

/// A name that is free. A model of the catalog has one name, which is kept for it; others may be called `name-2`.
fn free_name(library: &Library, catalog: &Catalog, unit: &Unit<'_>, cancel: &dyn Fn() -> bool) -> Result<Outcome<Name>, InstallError> {
    let most = if unit.known.is_some() { 1 } else { MOST_NAMESAKES };
    for n in 1..=most {
        let id = if n == 1 { unit.id.clone() } else { format!("{}-{n}", unit.id) };
        let place = library.place_of(kind_of(unit), &id);
        if !incoming::occupied(&place) {
            if unit.known.is_none() && catalog.get(&id).is_some() {
                continue;
            }
            return Ok(Outcome::Done(Name::Free(id)));
        }
        let Some(record) = Record::read(&place) else { continue };
        match is_same(unit, &record, &place, cancel) {
            Outcome::Done(true) => return Ok(Outcome::Done(Name::Same(Box::new(library.listed(&record, &place))))),
            Outcome::Done(false) => {}
            Outcome::Cancelled => return Ok(Outcome::Cancelled),
        }
    }
    if unit.known.is_some() {
        return Err(incoming::taken(&unit.id, &library.place_of(kind_of(unit), &unit.id)));
    }
    let message = format!("Too many models are called {} already.", unit.id);
    Err(InstallError::new(Fault::Taken, message, "Give the file another name, with letters from a to z, and import it again."))
}

/// Whether the files are those that were installed, and those are still whole.
fn is_same(unit: &Unit<'_>, record: &Record, place: &Path, cancel: &dyn Fn() -> bool) -> Outcome<bool> {
    let size = |path: &Path| fs::metadata(path).map(|meta| meta.len()).ok();
    let sizes = |(path, name): &(PathBuf, String)| {
        record.files.iter().any(|file| file.name == *name && size(path) == Some(file.bytes) && size(&place.join(name)) == Some(file.bytes))
    };
    if record.files.len() != unit.files.len() || !unit.files.iter().all(sizes) {
        return Outcome::Done(false);
    }
    for (path, name) in &unit.files {
        match digest::of_file(path, cancel, &mut |_| {}) {
            Ok(Outcome::Done((_, sha256))) if record.files.iter().any(|file| file.name == *name && file.sha256 == sha256) => {}
            Ok(Outcome::Cancelled) => return Outcome::Cancelled,
            _ => return Outcome::Done(false),
        }
    }
    Outcome::Done(true)
}

/// Copies a file into a folder of the store and forces it to the disk.
fn copy_in(
    from: &Path,
    to: &Path,
    name: &str,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<RecordFile>, InstallError> {
    let unreadable = |error: std::io::Error| InstallError::unreadable(from, &error);
    let mut source = files::open(from).map_err(unreadable)?;
    let total = source.metadata().map_err(unreadable)?.len();
    let mut target = File::create_new(to).map_err(|error| InstallError::unwritable(to, &error))?;
    on(Progress::Started { name: name.to_owned(), total: Some(total), resumed_at: 0 });
    let mut meter = Meter::new(name, Some(total));
    // One byte more than there was says that the file grows.
    let copied = digest::copy(&mut source, &mut target, total.saturating_add(1), cancel, &mut |done| meter.at(done, on));
    let (bytes, sha256) = match copied {
        Ok(Outcome::Done(done)) => done,
        Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
        Err(CopyError::Read(error)) => return Err(unreadable(error)),
        Err(CopyError::Write(error)) => return Err(InstallError::unwritable(to, &error)),
    };
    if bytes != total {
        return Err(InstallError::refused(from, "it changed while it was copied"));
    }
    target.sync_all().map_err(|error| InstallError::unwritable(to, &error))?;
    on(Progress::Done { name: name.to_owned(), bytes, sha256: sha256.clone(), as_expected: None });
    Ok(Outcome::Done(RecordFile { name: name.to_owned(), bytes, sha256, as_expected: None }))
}

/// Takes a file of this store into another folder of it.
fn move_in(
    from: &Path,
    to: &Path,
    name: &str,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<RecordFile>, InstallError> {
    fs::rename(from, to).map_err(|error| InstallError::unwritable(to, &error))?;
    let Outcome::Done((bytes, sha256)) = digest::of_file(to, cancel, &mut |_| {}).map_err(|error| InstallError::unreadable(to, &error))?
    else {
        return Ok(Outcome::Cancelled);
    };
    on(Progress::Done { name: name.to_owned(), bytes, sha256: sha256.clone(), as_expected: None });
    Ok(Outcome::Done(RecordFile { name: name.to_owned(), bytes, sha256, as_expected: None }))
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
