//! The real thing behind the model page: the catalog, the library, the downloads. The same calls as `hark models`.

use super::catalog::{Catalog, CatalogModel, ModelKind, Source};
use super::fit;
use super::incoming;
use super::install::{self, FileQuestion, PullOptions};
use super::library::{Installed, Library, Origin};
use super::listing::{Computer, Here, Home, Listing, Offer};
use super::machine::Machine;
use super::manager::{Desk, ModelServices, Question, Taken, Work};
use super::recommend::recommend;
use super::store;
use super::tally::Tally;
use super::{fault::InstallError, fetch};
use crate::error::{Severity, Stage, StageError};
use crate::turn::Outcome;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// What [`ModelServices`] asks for, on this machine.
#[derive(Debug)]
pub struct Services {
    library: Result<Library, InstallError>,
    mirror: Option<String>,
    cache: Option<PathBuf>,
}

impl Services {
    /// Services on this library, with an address that is asked instead of the hub, and the folder that remembers measurements.
    #[must_use]
    pub fn of(library: Result<Library, InstallError>, mirror: Option<String>, cache: Option<PathBuf>) -> Self {
        Services { library, mirror, cache }
    }

    fn library(&self) -> Result<&Library, StageError> {
        self.library.as_ref().map_err(|error| error.clone().into())
    }
}

fn here(model: Installed, catalog: &Catalog) -> Here {
    // Another file may have the name of a model of the catalog; its licence is not that one's.
    let known = catalog.get(&model.id).filter(|known| model.is_of(known));
    let record = model.record.as_ref();
    Here {
        languages: record.map(|record| record.languages.clone()).or_else(|| Some(known?.languages.clone())).unwrap_or_default(),
        licence: record.and_then(|record| record.licence.clone()).or_else(|| Some(known?.licence.clone())).unwrap_or_default(),
        home: match model.origin {
            _ if model.starter => Home::Program,
            Origin::Library => Home::Library,
            Origin::Checkout => Home::Program,
            Origin::HubCache | Origin::Folder => Home::Elsewhere,
        },
        removable: model.writable,
        terms: if model.kind == ModelKind::Voice { store::entry(&model.file).terms } else { None },
        id: model.id,
        name: model.name,
        kind: model.kind,
        file: model.file,
        bytes: model.bytes,
        starter: model.starter,
    }
}

fn offer(model: &CatalogModel, machine: &Machine, installed: &[Installed], root: &Path) -> Offer {
    let came = incoming::bytes_in(&root.join(incoming::FOLDER).join(&model.id));
    Offer {
        id: model.id.clone(),
        name: model.name.clone(),
        kind: model.kind,
        languages: model.languages.clone(),
        licence: model.licence.clone(),
        bytes: model.bytes(),
        memory_bytes: model.memory_mb.saturating_mul(1_000_000),
        fit: fit::fit(model, machine),
        evidence: model.evidence(),
        installed: installed.iter().any(|there| there.is_of(model)),
        unfinished_bytes: (came > 0).then_some(came),
        can_be_fetched: model.sources.iter().any(|source| matches!(source, Source::Hub { .. } | Source::Web { .. })),
    }
}

impl ModelServices for Services {
    fn list(&self, languages: &[String]) -> Listing {
        let Ok(library) = &self.library else { return Listing::default() };
        let catalog = Catalog::builtin();
        let machine = Machine::of_this_computer(library.root()).with_measured_speed(self.cache.as_deref());
        let there = library.installed();
        let offers = catalog.models.iter().map(|model| offer(model, &machine, &there, library.root())).collect();
        let mut installed: Vec<Here> = there.into_iter().map(|model| here(model, catalog)).collect();
        // What was put there by people comes before what came with the program.
        installed.sort_by_key(|here| (here.starter, here.kind == ModelKind::Vad));
        Listing {
            offers,
            installed,
            recommended: recommend(catalog, &machine, languages).into_iter().map(|model| model.id.clone()).collect(),
            computer: Computer { memory_bytes: machine.memory_bytes, free_memory_bytes: machine.free_memory_bytes },
        }
    }

    fn pull(&self, id: &str, desk: &Desk) -> Result<Outcome<()>, StageError> {
        let model = Catalog::builtin().get(id).ok_or_else(|| {
            StageError::new(
                Stage::Desktop,
                Severity::Turn,
                format!("The catalog has no model called {id}."),
                "Look again, or choose another.",
            )
        })?;
        let refused = RefCell::new(false);
        let accept = |asked: &FileQuestion| {
            let FileQuestion { file, bytes, sha256, expected, evidence, .. } = asked.clone();
            let keep = desk.ask(Question { id: id.to_owned(), file, bytes, sha256, expected, evidence });
            *refused.borrow_mut() |= !keep;
            keep
        };
        let options = PullOptions { mirror: self.mirror.clone(), accept: &accept, fetch: fetch::Options::default() };
        let mut tally = Tally::new(model);
        let pulled = install::pull(self.library()?, model, &options, &|| desk.stopped(), &mut |step| desk.progress(tally.step(step)));
        match pulled {
            Ok(outcome) => Ok(without(outcome)),
            // Who said no knows why.
            Err(_) if *refused.borrow() => Ok(Outcome::Cancelled),
            Err(error) => Err(error.into()),
        }
    }

    fn import(&self, from: &Path, desk: &Desk) -> Result<Outcome<Taken>, StageError> {
        let mut tally = Tally::of(Work::Copying);
        let on = &mut |step| desk.progress(tally.step(step));
        let outcome = install::import_all(self.library()?, Catalog::builtin(), from, &|| desk.stopped(), on)?;
        Ok(match outcome {
            Outcome::Done(imported) => Outcome::Done(Taken {
                notes: imported.refused.iter().map(|error| error.message.clone()).chain(imported.doubtful()).collect(),
                kinds: imported.installed.iter().map(|model| model.kind).collect(),
                names: imported.installed.into_iter().map(|model| model.name).collect(),
            }),
            Outcome::Cancelled => Outcome::Cancelled,
        })
    }

    fn remove(&self, id: &str) -> Result<(), StageError> {
        self.library()?.remove(id).map(|_| ()).map_err(StageError::from)
    }

    fn verify(&self, id: &str, desk: &Desk) -> Result<Outcome<bool>, StageError> {
        let mut tally = Tally::of(Work::Checking);
        let on = &mut |step| desk.progress(tally.step(step));
        match self.library()?.verify(id, Catalog::builtin(), &|| desk.stopped(), on)? {
            Outcome::Done(verified) => match verified.problem() {
                Some(error) => Err(error.into()),
                None => Ok(Outcome::Done(verified.is_known())),
            },
            Outcome::Cancelled => Ok(Outcome::Cancelled),
        }
    }
}

fn without<T>(outcome: Outcome<T>) -> Outcome<()> {
    match outcome {
        Outcome::Done(_) => Outcome::Done(()),
        Outcome::Cancelled => Outcome::Cancelled,
    }
}
