//! Compares the files of an installed model with what they should be.

use super::catalog::Catalog;
use super::digest;
use super::fault::InstallError;
use super::gather::belongings;
use super::judge;
use super::library::{Installed, Library};
use super::meter::Meter;
use super::record::RecordFile;
use crate::turn::Outcome;
use std::path::PathBuf;

pub use super::fetch::Progress;

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// As it should be.
    Good,
    /// Readable; nothing is known that it could be compared with.
    Unknown,
    /// Other bytes than it should have.
    Changed {
        /// SHA-256 that it should have.
        expected: String,
    },
    /// Not there.
    Missing,
    /// It cannot be used; the reason is a part of a sentence.
    Broken {
        /// What is wrong with it.
        why: String,
    },
}

/// A file that was compared.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct CheckedFile {
    /// Its name.
    pub name: String,
    /// Its size, bytes.
    pub bytes: u64,
    /// Its SHA-256; empty when it could not be read.
    pub sha256: String,
    /// What it turned out to be.
    pub state: FileState,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The model.
    pub model: Installed,
    /// Its files.
    pub files: Vec<CheckedFile>,
}

impl Verified {
    /// Whether it is known what each file should be, and it is that. Of a file that was taken over with another hash than the
    /// announced one, or without any, it is only known whether it changed since.
    #[must_use]
    pub fn is_known(&self) -> bool {
        let recorded = self.model.record.iter().flat_map(|record| &record.files);
        self.files.iter().all(|file| file.state == FileState::Good) && recorded.into_iter().all(|file| file.as_expected == Some(true))
    }

    /// The first thing that is wrong, as two sentences; `None`: all is well.
    #[must_use]
    pub fn problem(&self) -> Option<InstallError> {
        use super::fault::Fault;
        let id = &self.model.id;
        let hint = if self.model.writable {
            format!("Remove it with hark models remove {id}, then pull or import it again.")
        } else {
            "Copy or download it again where it came from.".to_owned()
        };
        self.files.iter().find_map(|file| {
            let path = self.model.folder.join(&file.name);
            let (fault, why) = match &file.state {
                FileState::Good | FileState::Unknown => return None,
                FileState::Missing => (Fault::Missing, "is not there any more".to_owned()),
                FileState::Broken { why } => (Fault::Refused, format!("cannot be used: {why}")),
                FileState::Changed { .. } => {
                    (Fault::WrongHash, "has changed since it was installed: its SHA-256 is another one".to_owned())
                }
            };
            Some(InstallError::new(fault, format!("{} {why}.", path.display()), hint.clone()))
        })
    }
}

impl Library {
    /// Reads every file of a model again and compares it with its record; a model without one with the catalog, where a
    /// file of this name and size has a hash that we computed. Its structure is checked too.
    ///
    /// # Errors
    /// When there is no such model. What is wrong with its files is no error: see [`Verified::problem`].
    pub fn verify(
        &self,
        id: &str,
        catalog: &Catalog,
        cancel: &dyn Fn() -> bool,
        on: &mut dyn FnMut(Progress),
    ) -> Result<Outcome<Verified>, InstallError> {
        let model = self.expect(id)?;
        let mut files = Vec::new();
        for expected in expected(&model, catalog) {
            match one(&model, expected, cancel, on) {
                Outcome::Done(file) => files.push(file),
                Outcome::Cancelled => return Ok(Outcome::Cancelled),
            }
        }
        let paths: Vec<PathBuf> = files.iter().map(|file| model.folder.join(&file.name)).collect();
        if files.iter().all(|file| matches!(file.state, FileState::Good | FileState::Unknown))
            && let Err((path, why)) = judge::check(model.kind, &paths)
            && let Some(file) = files.iter_mut().find(|file| path.ends_with(&file.name))
        {
            file.state = FileState::Broken { why };
        }
        Ok(Outcome::Done(Verified { model, files }))
    }
}

/// Names, and what is known of them.
fn expected(model: &Installed, catalog: &Catalog) -> Vec<(String, Option<RecordFile>)> {
    if let Some(record) = &model.record {
        return record.files.iter().map(|file| (file.name.clone(), Some(file.clone()))).collect();
    }
    let name = model.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let known = |file: &super::catalog::CatalogFile| {
        let seen = file.evidence == super::catalog::Evidence::Seen && file.name == name && file.bytes == Some(model.bytes);
        seen.then(|| Some(RecordFile { name: name.clone(), bytes: file.bytes?, sha256: file.sha256.clone()?, as_expected: None })).flatten()
    };
    let of_catalog = catalog.models.iter().filter(|known| known.kind == model.kind).flat_map(|model| &model.files).find_map(known);
    let beside = belongings(&model.file, model.kind).into_iter();
    let beside = beside.filter_map(|path| Some((path.file_name()?.to_string_lossy().into_owned(), None)));
    std::iter::once((name.clone(), of_catalog)).chain(beside).collect()
}

fn one(
    model: &Installed,
    (name, expected): (String, Option<RecordFile>),
    cancel: &dyn Fn() -> bool,
    on: &mut dyn FnMut(Progress),
) -> Outcome<CheckedFile> {
    let path = model.folder.join(&name);
    on(Progress::Verifying { name: name.clone() });
    let total = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    let mut meter = Meter::new(&name, Some(total));
    let state = |state, bytes, sha256| Outcome::Done(CheckedFile { name: name.clone(), bytes, sha256, state });
    match digest::of_file(&path, cancel, &mut |done| meter.at(done, on)) {
        Ok(Outcome::Cancelled) => Outcome::Cancelled,
        Ok(Outcome::Done((bytes, sha256))) => match expected {
            None => state(FileState::Unknown, bytes, sha256),
            Some(expected) if expected.sha256 == sha256 => state(FileState::Good, bytes, sha256),
            Some(expected) => state(FileState::Changed { expected: expected.sha256 }, bytes, sha256),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => state(FileState::Missing, 0, String::new()),
        Err(error) => {
            let why = format!("it cannot be read ({})", crate::error::reason(&error));
            state(FileState::Broken { why }, 0, String::new())
        }
    }
}
