//! Reads a pack: nothing of it is believed. It is streamed, so its size costs no memory; nothing is written that the
//! manifest does not announce and the disk has no room for; and its models appear only when the whole pack was good.

use super::catalog::{Catalog, CatalogFile, Evidence};
use super::digest::{self, CopyError};
use super::fault::{Fault, InstallError};
use super::fetch::{Progress, free_bytes};
use super::incoming::{self, Incoming, Way};
use super::judge;
use super::library::{Installed, Library};
use super::meter::Meter;
use super::pack::{LARGEST_MANIFEST, MANIFEST, MOST_FILES, Manifest, PackedFile, PackedModel};
use super::record::{Record, RecordFile, now};
use crate::platform::files;
use crate::turn::Outcome;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use tar::{Archive, Entry, EntryType};

/// Why a pack is refused, as a part of a sentence; or an error that is whole already.
enum Refusal {
    Pack(String),
    Whole(InstallError),
}

impl From<String> for Refusal {
    fn from(why: String) -> Self {
        Refusal::Pack(why)
    }
}

impl From<InstallError> for Refusal {
    fn from(error: InstallError) -> Self {
        Refusal::Whole(error)
    }
}

/// A model that is being taken out.
struct Place<'m> {
    model: &'m PackedModel,
    /// `None`: the very same model is installed already.
    incoming: Option<Incoming>,
}

/// Takes all models of a pack into the library; `true`: it is new, `false`: it was there already.
///
/// # Errors
/// Why not; nothing of the pack is then left behind.
pub fn unpack(
    library: &Library,
    catalog: &Catalog,
    path: &Path,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Vec<(Installed, bool)>>, InstallError> {
    let file = files::open(path).map_err(|error| InstallError::unreadable(path, &error))?;
    let length = file.metadata().map_err(|error| InstallError::unreadable(path, &error))?.len();
    read(library, catalog, (path, file, length), cancel, on).map_err(|refusal| match refusal {
        Refusal::Whole(error) => error,
        Refusal::Pack(why) => {
            let message = format!("The pack {} cannot be used: {why}.", path.display());
            InstallError::new(Fault::Refused, message, "Copy it again, or write it again with hark models pack on the other machine.")
        }
    })
}

fn read(
    library: &Library,
    catalog: &Catalog,
    (path, file, length): (&Path, File, u64),
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Vec<(Installed, bool)>>, Refusal> {
    let mut archive = Archive::new(file);
    // Raw: names and sizes of extended headers would be read into memory, however long they say they are.
    let mut entries = archive.entries().map_err(|error| damaged(&error))?.raw(true);
    let mut first = match entries.next() {
        Some(entry) => entry.map_err(|error| damaged(&error))?,
        None => return Err("it is empty".to_owned().into()),
    };
    let manifest = manifest(&mut first, length)?;
    drop(first);
    let expected = expected(path, catalog, &manifest)?;
    let mut models = Vec::new();
    for model in &manifest.models {
        models.push((model, is_new(library, model)?));
    }
    room_for(library, &models)?;
    let mut places = Vec::new();
    for (model, new) in models {
        let incoming = new.then(|| Incoming::begin(library.root(), model.kind, &model.id, Way::Copy)).transpose()?;
        places.push(Place { model, incoming });
    }
    if places.iter().all(|place| place.incoming.is_none()) {
        // Nothing is to be taken out, so nothing needs to be read.
        return put_in_place(library, path, places, &expected, cancel);
    }
    let mut missing: HashSet<String> =
        manifest.models.iter().flat_map(|model| model.files.iter().map(|file| format!("{}/{}", model.id, file.name))).collect();
    for entry in entries.take(MOST_FILES + 1) {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        let name = name_of(&entry)?;
        if !missing.remove(&name) {
            return Err(format!("it holds \"{}\" twice, or without announcing it", name.escape_debug()).into());
        }
        let (place, file) = places
            .iter()
            .find_map(|place| {
                let file = place.model.files.iter().find(|file| name == format!("{}/{}", place.model.id, file.name))?;
                Some((place, file))
            })
            .ok_or_else(|| "its list of contents is damaged".to_owned())?;
        if entry.header().entry_size().map_err(|error| damaged(&error))? != file.bytes {
            return Err(format!("its file {name} has another size than announced").into());
        }
        if take_out(&mut entry, place, file, cancel, on)? == Outcome::Cancelled {
            return Ok(Outcome::Cancelled);
        }
    }
    if let Some(name) = missing.iter().min() {
        return Err(format!("it is cut short: {name} is missing").into());
    }
    put_in_place(library, path, places, &expected, cancel)
}

fn damaged(error: &io::Error) -> Refusal {
    // The words of the tar reader are about numbers in headers.
    match error.kind() {
        io::ErrorKind::PermissionDenied => "it cannot be read".to_owned().into(),
        _ => "it is cut short or damaged".to_owned().into(),
    }
}

/// The path of an entry that is a plain file.
fn name_of<R: Read>(entry: &Entry<'_, R>) -> Result<String, Refusal> {
    let name = String::from_utf8_lossy(&entry.header().path_bytes()).into_owned();
    match entry.header().entry_type() {
        EntryType::Regular => Ok(name),
        EntryType::Symlink | EntryType::Link => Err(format!("it holds a link, \"{}\"", name.escape_debug()).into()),
        EntryType::GNUSparse => Err(format!("it holds a file with holes, \"{}\"", name.escape_debug()).into()),
        _ => Err(format!("it holds something that is no plain file, \"{}\"", name.escape_debug()).into()),
    }
}

fn manifest<R: Read>(entry: &mut Entry<'_, R>, length: u64) -> Result<Manifest, Refusal> {
    if name_of(entry)? != MANIFEST {
        return Err("it is no pack of models: its list of contents does not come first".to_owned().into());
    }
    let size = entry.header().entry_size().map_err(|error| damaged(&error))?;
    if size > LARGEST_MANIFEST {
        return Err("its list of contents is too long".to_owned().into());
    }
    let mut text = String::new();
    entry.take(LARGEST_MANIFEST).read_to_string(&mut text).map_err(|error| damaged(&error))?;
    if text.len() as u64 != size {
        return Err("it is cut short".to_owned().into());
    }
    let manifest = Manifest::parse(&text)?;
    // Nothing is compressed: a pack cannot hold more than its own length.
    match manifest.bytes() {
        Some(bytes) if bytes <= length => Ok(manifest),
        Some(bytes) => {
            Err(format!("it is cut short: it announces {} and has {}", super::fault::size(bytes), super::fault::size(length)).into())
        }
        None => Err("it announces more than any disk holds".to_owned().into()),
    }
}

/// Which files, by model and name, have the hash that the catalog gives them; what it gives none is left out. A pack comes from
/// anywhere: what bears the name of a model that we know must be that model.
fn expected<'m>(path: &Path, catalog: &Catalog, manifest: &'m Manifest) -> Result<HashMap<(&'m str, &'m str), bool>, Refusal> {
    let mut all = HashMap::new();
    for model in &manifest.models {
        let Some(known) = catalog.get(&model.id) else { continue };
        let is_there = |expected: &CatalogFile| model.files.iter().any(|file| file.name == expected.name);
        if known.kind != model.kind || !known.files.iter().all(is_there) {
            let message = format!(
                "The pack {} cannot be used: its model {} is not the one that the catalog knows by this name.",
                path.display(),
                model.id
            );
            let hint = "Take the files of that model along instead and import them: they get a name of their own.";
            return Err(InstallError::new(Fault::WrongHash, message, hint).into());
        }
        for file in &model.files {
            let Some(expected) = known.files.iter().find(|expected| expected.name == file.name) else { continue };
            let Some(sha256) = &expected.sha256 else { continue };
            if *sha256 != file.sha256 && expected.evidence == Evidence::Seen {
                let (id, name) = (&model.id, &file.name);
                let message = format!(
                    "The pack {} cannot be used: its file {id}/{name} is not the one that the catalog knows by this name.",
                    path.display()
                );
                let hint = "Leave that model out of the pack, or give its folder another name on the other machine before it is packed.";
                return Err(InstallError::new(Fault::WrongHash, message, hint).into());
            }
            all.insert((model.id.as_str(), file.name.as_str()), *sha256 == file.sha256);
        }
    }
    Ok(all)
}

/// Whether what is new finds room.
fn room_for(library: &Library, models: &[(&PackedModel, bool)]) -> Result<(), Refusal> {
    let files = models.iter().filter(|(_, new)| *new).flat_map(|(model, _)| &model.files);
    let needs = files.fold(0_u64, |sum, file| sum.saturating_add(file.bytes));
    match free_bytes(library.root()) {
        Some(free) if free < needs => Err(InstallError::no_room(library.root(), needs, free).into()),
        _ => Ok(()),
    }
}

/// Whether nothing stands where this model would go; `false`: the very same is installed.
fn is_new(library: &Library, model: &PackedModel) -> Result<bool, InstallError> {
    let place = library.place_of(model.kind, &model.id);
    if !incoming::occupied(&place) {
        return Ok(true);
    }
    let same = |record: &Record| {
        record.files.len() == model.files.len()
            && model.files.iter().all(|file| {
                let there = fs::metadata(place.join(&file.name)).is_ok_and(|meta| meta.len() == file.bytes);
                there && record.files.iter().any(|known| known.name == file.name && known.sha256 == file.sha256)
            })
    };
    match Record::read(&place) {
        Some(record) if same(&record) => Ok(false),
        _ => Err(incoming::taken(&model.id, &place)),
    }
}

/// Reads over a file that is installed already.
fn pass_over(entry: &mut dyn Read, cancel: &dyn Fn() -> bool) -> Result<Outcome<()>, Refusal> {
    let mut piece = vec![0; 1 << 18];
    loop {
        if cancel() {
            return Ok(Outcome::Cancelled);
        }
        match entry.read(&mut piece) {
            Ok(0) => return Ok(Outcome::Done(())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(damaged(&error)),
        }
    }
}

fn take_out<R: Read>(
    entry: &mut Entry<'_, R>,
    place: &Place<'_>,
    file: &PackedFile,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<()>, Refusal> {
    let Some(incoming) = &place.incoming else { return pass_over(entry, cancel) };
    let to = incoming.folder().join(&file.name);
    let mut target = File::create_new(&to).map_err(|error| InstallError::unwritable(&to, &error))?;
    on(Progress::Started { name: file.name.clone(), total: Some(file.bytes), resumed_at: 0 });
    let mut meter = Meter::new(&file.name, Some(file.bytes));
    match digest::copy(entry, &mut target, file.bytes, cancel, &mut |done| meter.at(done, on)) {
        Ok(Outcome::Cancelled) => Ok(Outcome::Cancelled),
        Ok(Outcome::Done((bytes, _))) if bytes != file.bytes => Err(format!("it is cut short inside {}", file.name).into()),
        Ok(Outcome::Done((_, sha256))) if sha256 != file.sha256 => {
            Err(format!("its file {} is damaged (its SHA-256 is not the announced one)", file.name).into())
        }
        Ok(Outcome::Done((bytes, sha256))) => {
            on(Progress::Done { name: file.name.clone(), bytes, sha256, as_expected: Some(true) });
            Ok(Outcome::Done(()))
        }
        Err(CopyError::Read(error)) => Err(damaged(&error)),
        Err(CopyError::Write(error)) => Err(InstallError::unwritable(&to, &error).into()),
    }
}

/// Checks every model, then lets them appear one after the other.
fn put_in_place(
    library: &Library,
    path: &Path,
    places: Vec<Place<'_>>,
    expected: &HashMap<(&str, &str), bool>,
    cancel: &dyn Fn() -> bool,
) -> Result<Outcome<Vec<(Installed, bool)>>, Refusal> {
    for Place { model, incoming } in &places {
        let Some(incoming) = incoming else { continue };
        let files: Vec<PathBuf> = model.files.iter().map(|file| incoming.folder().join(&file.name)).collect();
        judge::check(model.kind, &files).map_err(|(file, why)| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("its file {name} is no good: {why}")
        })?;
    }
    if cancel() {
        return Ok(Outcome::Cancelled);
    }
    let mut all = Vec::new();
    let mut placed: Vec<(&str, PathBuf)> = Vec::new();
    for Place { model, incoming } in places {
        let known = |file: &PackedFile| RecordFile {
            name: file.name.clone(),
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            as_expected: expected.get(&(model.id.as_str(), file.name.as_str())).copied(),
        };
        let record = Record {
            format: 1,
            id: model.id.clone(),
            name: model.name.clone(),
            kind: model.kind,
            installed: now(),
            from: path.display().to_string(),
            licence: model.licence.clone(),
            languages: model.languages.clone(),
            files: model.files.iter().map(known).collect(),
        };
        let (place, new) = match incoming.map(|incoming| incoming.place(&record)) {
            Some(Ok(place)) => (place, true),
            Some(Err(error)) => {
                // Nothing of a pack stays that is not good as a whole; what cannot be taken back is a whole model at least.
                for (id, place) in placed {
                    let _ = incoming::discard(library.root(), id, &place);
                }
                return Err(error.into());
            }
            None => (library.place_of(model.kind, &model.id), false),
        };
        if new {
            placed.push((model.id.as_str(), place.clone()));
        }
        all.push((library.listed(&record, &place), new));
    }
    Ok(Outcome::Done(all))
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
