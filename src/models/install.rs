//! A model of the catalog comes over the network, is verified and checked, and appears in the store as a whole.
//!
//! ```text
//! catalog model ─> Job ─> fetch (a child process) ─> hash as expected, or accepted by the person
//!                                                       └─> check of its bytes ─> on the disk ─> renamed into place
//! ```

use super::catalog::{CatalogFile, CatalogModel, Evidence, HUB, Source};
use super::digest;
use super::fault::{Fault, InstallError};
use super::fetch::{self, FetchError, Fetched, Job, JobFile};
use super::incoming::{self, Incoming, Way};
use super::judge;
use super::library::{Installed, Library, Origin};
use super::names::{is_file_name, is_id};
use super::record::{Record, RecordFile, now};
use crate::turn::Outcome;
use std::fs;
use std::path::{Path, PathBuf};

pub use super::fetch::Progress;
pub use super::import::{Imported, import, import_all, import_as};

/// Longest name of a mirror, bytes.
const LONGEST_MIRROR: usize = 500;

/// A file that came and of which nothing certain is known, or something else was reported: is it to be kept?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileQuestion {
    /// The model's name for commands.
    pub model: String,
    /// The file's name.
    pub file: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// SHA-256 of what came.
    pub sha256: String,
    /// SHA-256 that was reported; `None`: nothing is known.
    pub expected: Option<String>,
    /// What that rests on.
    pub evidence: Evidence,
}

/// How a model is pulled.
pub struct PullOptions<'a> {
    /// An address that is asked instead of the hub.
    pub mirror: Option<String>,
    /// Asked for each file whose hash is not one that we know.
    pub accept: &'a dyn Fn(&FileQuestion) -> bool,
    /// Patience of the download.
    pub fetch: fetch::Options,
}

impl std::fmt::Debug for PullOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PullOptions").field("mirror", &self.mirror).field("fetch", &self.fetch).finish_non_exhaustive()
    }
}

/// Gets a model over the network. One that is in the library already is left as it is. A download that breaks off, is
/// cancelled, or holds a file that was not accepted stays, and the next pull goes on with it.
///
/// # Errors
/// One sentence why not, one that says what to do.
pub fn pull(
    library: &Library,
    model: &CatalogModel,
    options: &PullOptions<'_>,
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Result<Outcome<Installed>, InstallError> {
    if let Some(there) = already(library, model) {
        return Ok(Outcome::Done(there));
    }
    let job_files = job_files(model, options.mirror.as_deref())?;
    incoming::sweep(library.root());
    let incoming = Incoming::begin(library.root(), model.kind, &model.id, Way::Download)?;
    // Another program may have put it in place while this one waited for nothing else.
    if let Some(there) = already(library, model) {
        return Ok(Outcome::Done(there));
    }
    let place = library.place_of(model.kind, &model.id);
    if incoming::occupied(&place) {
        return Err(incoming::taken(&model.id, &place));
    }
    room_for(library.root(), incoming.folder(), model)?;
    let job = Job { files: job_files, folder: incoming.folder().to_owned() };
    let fetched = match fetch::fetch(&job, &options.fetch, cancel, on) {
        Ok(Outcome::Done(fetched)) => fetched,
        Ok(Outcome::Cancelled) => return Ok(Outcome::Cancelled),
        Err(error) => return Err(InstallError::new(sorted(&error), error.to_string(), error.hint())),
    };
    let files = agreed(model, &fetched, options)?;
    let paths: Vec<PathBuf> = files.iter().map(|file| incoming.folder().join(&file.name)).collect();
    if let Err((path, why)) = judge::check(model.kind, &paths) {
        forget_doubtful(incoming.folder(), &files);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let message = format!("The file {name} of {} came and cannot be used: {why}.", model.id);
        return Err(InstallError::new(
            Fault::Refused,
            message,
            "What may be wrong of it was deleted; try another mirror or another model.",
        ));
    }
    let record = record_of(model, origin_of(model, options.mirror.as_deref()), files);
    let place = incoming.place(&record)?;
    Ok(Outcome::Done(library.listed(&record, &place)))
}

/// The model as it was installed in the folder that is written, or in one that is read, if it is whole. It is told by its record:
/// in the list a file that somebody put there may have its name, and it itself a number behind it.
#[must_use]
pub fn already(library: &Library, model: &CatalogModel) -> Option<Installed> {
    library.installed().into_iter().find(|there| {
        let whole = |file: &RecordFile| fs::metadata(there.folder.join(&file.name)).is_ok_and(|meta| meta.len() == file.bytes);
        let is_whole = there.record.as_ref().is_some_and(|record| record.files.iter().all(whole));
        is_whole && there.origin != Origin::HubCache && there.is_of(model)
    })
}

/// Deletes what came and may be the reason why the model cannot be used: going on with it would only bring the same bytes again.
/// What is certainly the announced file stays, also when the check names it: a voice's graph is named where its config is wrong.
fn forget_doubtful(folder: &Path, files: &[RecordFile]) {
    let certain = |file: &RecordFile| file.as_expected == Some(true);
    let all_certain = files.iter().all(certain);
    for file in files.iter().filter(|file| all_certain || !certain(file)) {
        let _ = fs::remove_file(folder.join(&file.name));
    }
}

/// The record of a model of the catalog.
pub(super) fn record_of(model: &CatalogModel, from: String, files: Vec<RecordFile>) -> Record {
    Record {
        format: 1,
        id: model.id.clone(),
        name: model.name.clone(),
        kind: model.kind,
        installed: now(),
        from,
        licence: Some(model.licence.clone()),
        languages: model.languages.clone(),
        files,
    }
}

/// The address in front of a repository: the hub's, or a mirror's.
///
/// # Errors
/// When the mirror is no address.
pub fn hub_address(mirror: Option<&str>) -> Result<&str, InstallError> {
    let Some(mirror) = mirror.map(str::trim).filter(|mirror| !mirror.is_empty()) else { return Ok(HUB) };
    let good = mirror.len() <= LONGEST_MIRROR
        && (mirror.starts_with("https://") || mirror.starts_with("http://"))
        && !mirror.contains(|letter: char| letter.is_whitespace() || letter.is_control() || "?#\"<>\\".contains(letter));
    if good {
        return Ok(mirror.trim_end_matches('/'));
    }
    let message = format!("The mirror {:?} is no address of the web.", fetch::public(mirror));
    Err(InstallError::new(Fault::Missing, message, "Write it like https://mirror.example or leave it out."))
}

fn job_files(model: &CatalogModel, mirror: Option<&str>) -> Result<Vec<JobFile>, InstallError> {
    let hub = hub_address(mirror)?;
    let sound = is_id(&model.id) && model.files.iter().all(|file| is_file_name(&file.name)) && !model.files.is_empty();
    if !sound {
        return Err(InstallError::new(Fault::Refused, format!("The catalog's entry {} makes no sense.", model.id), "Please report it."));
    }
    let job_file = |file: &CatalogFile| JobFile {
        name: file.name.clone(),
        urls: model.addresses(file, hub),
        bytes: file.bytes,
        sha256: file.sha256.clone(),
        strict: file.evidence == Evidence::Seen && file.sha256.is_some(),
    };
    let files: Vec<JobFile> = model.files.iter().map(job_file).collect();
    if files.iter().any(|file| file.urls.is_empty()) {
        let message = format!("{} cannot be had over the network.", model.id);
        return Err(InstallError::new(Fault::Missing, message, setup_hint(model)));
    }
    Ok(files)
}

fn setup_hint(model: &CatalogModel) -> &'static str {
    if model.sources.iter().any(|source| matches!(source, Source::Setup { .. })) {
        "It comes with scripts/setup of a checkout; from another machine take it along with hark models pack and import."
    } else {
        "Import its files with hark models import."
    }
}

/// Where it comes from, for people: it is written into the store, so a mirror's password is not in it.
fn origin_of(model: &CatalogModel, mirror: Option<&str>) -> String {
    let words = |source: &Source| match source {
        Source::Hub { repo, revision } => {
            let revision = revision.as_deref().unwrap_or("main, as it was on that day");
            Some(format!("{} at {revision}", fetch::public(&format!("{}/{repo}", hub_address(mirror).unwrap_or(HUB)))))
        }
        Source::Web { base } => Some(fetch::public(base)),
        Source::Folder { .. } | Source::Setup { .. } => None,
    };
    model.sources.iter().find_map(words).unwrap_or_default()
}

/// Whether what is still to come finds room; what came before counts.
fn room_for(root: &Path, folder: &Path, model: &CatalogModel) -> Result<(), InstallError> {
    let (Some(total), Some(free)) = (model.bytes(), fetch::free_bytes(root)) else { return Ok(()) };
    let needs = total.saturating_sub(incoming::bytes_in(folder));
    if needs > free { Err(InstallError::no_room(root, needs, free)) } else { Ok(()) }
}

fn sorted(error: &FetchError) -> Fault {
    match error {
        FetchError::Unreachable { .. } => Fault::Offline,
        FetchError::NoRoom { .. } | FetchError::DiskFull { .. } => Fault::NoRoom,
        FetchError::CannotWrite { .. } => Fault::ReadOnly,
        FetchError::WrongHash { .. } => Fault::WrongHash,
        FetchError::Busy { .. } => Fault::Busy,
        _ => Fault::Network,
    }
}

/// A mirror that a person named, without encryption and not on this machine: whoever is on the way can change what comes, so only
/// a hash that is right counts, and nobody's yes.
fn is_in_the_open(mirror: Option<&str>) -> bool {
    let Some(rest) = mirror.map(str::trim).and_then(|mirror| mirror.strip_prefix("http://")) else { return false };
    let server = rest.split('/').next().unwrap_or_default();
    let server = server.rsplit_once('@').map_or(server, |(_, server)| server);
    let host = if server.starts_with('[') { server.split(']').next() } else { server.split(':').next() }.unwrap_or_default();
    !matches!(host, "127.0.0.1" | "[::1" | "localhost")
}

/// The files as they are recorded, when each is the expected one or was accepted.
fn agreed(model: &CatalogModel, fetched: &[Fetched], options: &PullOptions<'_>) -> Result<Vec<RecordFile>, InstallError> {
    let mut files = Vec::new();
    for expected in &model.files {
        let came = fetched.iter().find(|came| came.name == expected.name && digest::is_sha256(&came.sha256));
        let Some(came) = came else {
            let message = format!("The file {} of {} did not come.", expected.name, model.id);
            return Err(InstallError::new(Fault::Network, message, "Try again; it goes on where it stopped."));
        };
        let matches = expected.sha256.as_ref().map(|sha256| *sha256 == came.sha256);
        let question = FileQuestion {
            model: model.id.clone(),
            file: expected.name.clone(),
            bytes: came.bytes,
            sha256: came.sha256.clone(),
            expected: expected.sha256.clone(),
            evidence: expected.evidence,
        };
        if matches != Some(true) && is_in_the_open(options.mirror.as_deref()) {
            let message =
                format!("The file {} of {} came without encryption and is not certainly the published one.", expected.name, model.id);
            return Err(InstallError::new(Fault::Declined, message, "Take it from an address with https://, or import it."));
        }
        if matches != Some(true) && !(options.accept)(&question) {
            let message = format!("The file {} of {} was not accepted: its SHA-256 is {}.", expected.name, model.id, came.sha256);
            let id = &model.id;
            let hint = format!(
                "Compare it with what its makers publish: to keep it, pull again with --yes; to fetch it anew, hark models remove {id} first."
            );
            return Err(InstallError::new(Fault::Declined, message, hint));
        }
        files.push(RecordFile { name: came.name.clone(), bytes: came.bytes, sha256: came.sha256.clone(), as_expected: matches });
    }
    Ok(files)
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
