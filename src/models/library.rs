//! The store of models: one folder that is written, others that are only read, and what other programs have.

use super::catalog::{CatalogFile, CatalogModel, ModelKind};
use super::elsewhere::Places;
use super::fault::{Fault, InstallError};
use super::incoming::{self, kind_folder};
use super::names;
use super::record::Record;
use super::store::{self, Inventory, ModelEntry};
use crate::config::paths::Surroundings;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Models of one shelf that are looked at.
const MOST_ON_A_SHELF: usize = 1000;
/// What may lie beside the files of a model without being anybody's own work: how a voice speaks, what came with a download,
/// and what file managers leave.
const BESIDE: [&str; 10] = [
    "tokens.txt",
    "lexicon.txt",
    "config.json",
    "MODEL_CARD",
    "LICENSE",
    "README.md",
    super::record::FILE,
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
];

/// Where an installed model lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// In the folder that this program writes.
    Library,
    /// Beside the program, in a checkout.
    Checkout,
    /// In the cache of the Hugging Face hub: another program's, used in place.
    HubCache,
    /// In another folder that is only read: a shared one, or another program's.
    Folder,
}

/// A model that can be used now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its name for commands.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// What an engine is given.
    pub file: PathBuf,
    /// Where its files are.
    pub folder: PathBuf,
    /// Size of its files.
    pub bytes: u64,
    /// One of the small ones that come with the program.
    pub starter: bool,
    /// Where it lies.
    pub origin: Origin,
    /// It has a folder of its own in the library, so it can be removed.
    pub writable: bool,
    /// What is known of it; `None`: it was put there by hand.
    pub record: Option<Record>,
}

impl Installed {
    /// Whether this is that model of the catalog: by its record and the names of its files, since an import may have given the
    /// name to another file; or, where it was put there by hand or by another program, by the name and size of its first file.
    #[must_use]
    pub fn is_of(&self, model: &CatalogModel) -> bool {
        let Some(first) = model.files.first() else { return false };
        let same_file = self.file.file_name().is_some_and(|name| name == first.name.as_str());
        let size = std::fs::metadata(&self.file).map_or(0, |meta| meta.len());
        self.kind == model.kind
            && match &self.record {
                Some(record) => {
                    let has = |file: &CatalogFile| record.files.iter().any(|there| there.name == file.name);
                    record.id == model.id && model.files.iter().all(has)
                }
                None => same_file && first.bytes.is_none_or(|bytes| bytes == size),
            }
    }
}

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The model; `None`: only what was left of one.
    pub model: Option<Installed>,
    /// Bytes that are free again.
    pub bytes: u64,
}

/// The store.
#[derive(Clone, Debug)]
pub struct Library {
    root: PathBuf,
    others: Vec<PathBuf>,
    elsewhere: Places,
}

impl Library {
    /// A store in this folder, which may not exist yet; models of the other folders can be used and not changed.
    #[must_use]
    pub fn open(root: PathBuf, others: Vec<PathBuf>) -> Library {
        let others = others.into_iter().filter(|other| *other != root).collect();
        Library { root, others, elsewhere: Places::default() }
    }

    /// The store of this user, with everything that can be read on this machine: `chosen` on the command line, else the
    /// settings' folder, else the first of `HARK_MODELS`, else the user's data folder is written.
    ///
    /// # Errors
    /// When there is none of them.
    pub fn of_this_user(surroundings: &Surroundings, chosen: Option<&Path>, settings: Option<&Path>) -> Result<Library, InstallError> {
        let named = chosen.or(settings).filter(|dir| !dir.as_os_str().is_empty()).map(Path::to_owned);
        let root = named.or_else(|| surroundings.models_env.first().cloned()).or_else(|| surroundings.user_models_dir());
        let Some(root) = root else {
            let message = "This user has no home folder where models could be kept.";
            return Err(InstallError::new(Fault::Missing, message, "Set HARK_MODELS to a folder."));
        };
        // A folder of the settings that is written relatively means the same wherever the program is started.
        let root = std::path::absolute(&root).unwrap_or(root);
        let others = surroundings.model_folders(chosen, settings).into_iter().map(|dir| std::path::absolute(&dir).unwrap_or(dir)).collect();
        Ok(Library::open(root, others).with_other_programs(Places::of_this_user()))
    }

    /// The same with the models of other programs.
    #[must_use]
    pub fn with_other_programs(self, places: Places) -> Library {
        Library { elsewhere: places, ..self }
    }

    /// Folders of models of other programs that can be imported, and were not yet.
    #[must_use]
    pub fn to_import(&self) -> Vec<PathBuf> {
        let installed = self.installed();
        let taken = |folder: &PathBuf| {
            let file = folder.join("model.bin");
            installed.iter().filter_map(|model| model.record.as_ref()).any(|record| Path::new(&record.from) == file)
        };
        self.elsewhere.to_convert().into_iter().filter(|folder| !taken(folder)).collect()
    }

    /// The folder that is written.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The final place of a model in the folder that is written; it may not exist.
    #[must_use]
    pub fn place_of(&self, kind: ModelKind, id: &str) -> PathBuf {
        self.root.join(kind_folder(kind)).join(id)
    }

    /// Everything that can be used: of each kind the best first, those of other programs last.
    #[must_use]
    pub fn installed(&self) -> Vec<Installed> {
        let folders: Vec<PathBuf> = std::iter::once(&self.root).chain(&self.others).cloned().collect();
        let mut listing = Listing { library: self, found: Vec::new(), files: HashSet::new(), ids: HashSet::new() };
        listing.inventory(store::scan(&folders), None);
        folders.iter().for_each(|folder| listing.shelves(folder));
        for (origin, inventory) in self.elsewhere.survey() {
            listing.inventory(inventory, Some(origin));
        }
        let mut found = listing.found;
        found.sort_by_key(|model| model.kind);
        found
    }

    /// What was put in place, as it is listed.
    pub(super) fn listed(&self, record: &Record, place: &Path) -> Installed {
        let listed = self.installed().into_iter().find(|model| model.folder == place);
        // A file that another folder lists first (the same file by a link) is there under that name.
        listed.unwrap_or_else(|| Installed {
            id: record.id.clone(),
            name: record.name.clone(),
            kind: record.kind,
            file: place.join(record.files.first().map(|file| file.name.as_str()).unwrap_or_default()),
            folder: place.to_owned(),
            bytes: record.bytes(),
            starter: false,
            origin: Origin::Library,
            writable: true,
            record: Some(record.clone()),
        })
    }

    /// The model of this name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Installed> {
        self.installed().into_iter().find(|model| model.id == id)
    }

    /// The model of this name, or the sentence that there is none.
    ///
    /// # Errors
    /// When there is none.
    pub fn expect(&self, id: &str) -> Result<Installed, InstallError> {
        self.get(id).ok_or_else(|| {
            InstallError::new(Fault::Missing, format!("No model called {id} is installed."), "See hark models list for what is.")
        })
    }

    /// Removes a model from the folder that is written: it is gone at once and as a whole. An engine that has it in use
    /// keeps it until it is loaded anew (on Windows it cannot be removed then). What is left of one that cannot be used, because
    /// its file is gone or its download was broken off, is removed by its name, too.
    ///
    /// # Errors
    /// When there is none, when it is not ours to remove, or when the system does not allow it.
    pub fn remove(&self, id: &str) -> Result<Removed, InstallError> {
        let mut installed = self.installed();
        let remains = self.remains(id, &installed);
        let model = match installed.iter().position(|model| model.id == id).map(|at| installed.swap_remove(at)) {
            Some(model) if model.writable => Some(model),
            // It stays where it is; what is left of a download of the same name goes.
            Some(_) | None if !remains.is_empty() => None,
            None => self.expect(id).map(Some)?,
            Some(model) => return Err(not_ours(&model)),
        };
        for folder in model.iter().map(|model| &model.folder).chain(&remains) {
            self.holds_nothing_else(id, folder)?;
        }
        let mut bytes = model.as_ref().map_or(0, |model| model.bytes);
        for folder in model.iter().map(|model| &model.folder).chain(&remains) {
            bytes = bytes.saturating_add(if remains.contains(folder) { incoming::bytes_in(folder) } else { 0 });
            incoming::discard(&self.root, id, folder).map_err(|mut error| {
                if cfg!(windows) && error.fault == Fault::ReadOnly {
                    error.hint = "Close the programs that use this model, then try again.".to_owned();
                }
                error
            })?;
        }
        incoming::sweep(&self.root);
        Ok(Removed { bytes, model })
    }

    /// Refuses a model's folder in which something lies that did not come with it: a person may have put it there.
    fn holds_nothing_else(&self, id: &str, folder: &Path) -> Result<(), InstallError> {
        // A download has parts and notes beside its files, and nobody looks for a place of his own in there.
        let Some(record) = Record::read(folder).filter(|_| !folder.starts_with(self.root.join(incoming::FOLDER))) else { return Ok(()) };
        let unreadable = |error: std::io::Error| InstallError::unreadable(folder, &error);
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let of_it = BESIDE.contains(&name.as_str()) || record.files.iter().any(|file| file.name.eq_ignore_ascii_case(&name));
            if !of_it || entry.file_type().map_err(unreadable)?.is_dir() {
                let message =
                    format!("{id} is not removed: its folder {} also holds {name}, which did not come with it.", folder.display());
                return Err(InstallError::new(Fault::ReadOnly, message, "Move that elsewhere first, then remove the model again."));
            }
        }
        Ok(())
    }

    /// Folders of the store that bear this name: a model whose file is gone, a download that was broken off.
    fn remains(&self, id: &str, installed: &[Installed]) -> Vec<PathBuf> {
        let mut remains: Vec<PathBuf> = Vec::new();
        if names::is_id(id) {
            let ours = |folder: &PathBuf| Record::read(folder).is_some_and(|record| record.id == id);
            remains.extend(ModelKind::ALL.into_iter().map(|kind| self.place_of(kind, id)).filter(ours));
            remains.extend(Some(self.root.join(incoming::FOLDER).join(id)).filter(|folder| folder.is_dir()));
        }
        // Another kind of model may bear the same name. One without a record of its own that lies in there only lies in there.
        let is_of_it = |model: &Installed| model.record.is_some() || model.id == id;
        remains.retain(|folder| !installed.iter().any(|model| model.folder == *folder && is_of_it(model)));
        remains
    }
}

fn not_ours(model: &Installed) -> InstallError {
    let (message, hint) = match model.origin {
        Origin::Library => ("it was put there by hand, beside other files", "Delete that file yourself."),
        Origin::Checkout => ("it came with the program", "Choose another model in the settings to use it instead."),
        Origin::HubCache | Origin::Folder => ("it belongs to another folder or program", "Remove it there."),
    };
    let message = format!("{} is not removed from {}: {message}.", model.id, model.folder.display());
    InstallError::new(Fault::ReadOnly, message, hint)
}

/// A list that is being put together.
struct Listing<'a> {
    library: &'a Library,
    found: Vec<Installed>,
    /// Real places that are in the list.
    files: HashSet<PathBuf>,
    ids: HashSet<String>,
}

impl Listing<'_> {
    fn inventory(&mut self, inventory: Inventory, origin: Option<Origin>) {
        let lists = [(ModelKind::Stt, inventory.stt), (ModelKind::Chat, inventory.chat), (ModelKind::Voice, inventory.voices)];
        for (kind, entry) in lists.into_iter().flat_map(|(kind, list)| list.into_iter().map(move |entry| (kind, entry))) {
            self.add(kind, entry, origin);
        }
    }

    /// Models of the kinds that nobody chooses, so that [`store`] does not look for them.
    fn shelves(&mut self, root: &Path) {
        for kind in [ModelKind::Vad, ModelKind::Embedding] {
            let entries = fs::read_dir(root.join(kind_folder(kind))).into_iter().flatten().take(MOST_ON_A_SHELF).flatten();
            let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            folders.sort();
            for folder in folders {
                let Some(first) = Record::read(&folder).and_then(|record| Some(record.files.first()?.name.clone())) else { continue };
                if folder.join(&first).is_file() {
                    self.add(kind, store::entry(&folder.join(first)), None);
                }
            }
        }
    }

    fn add(&mut self, kind: ModelKind, entry: ModelEntry, origin: Option<Origin>) {
        let folder = entry.path.parent().unwrap_or(Path::new("")).to_owned();
        let record = record_of(&folder, kind);
        let file = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let position = record.as_ref().and_then(|record| record.files.iter().position(|known| known.name == file));
        // A part of a model whose first file is in the list by itself.
        if position.is_some_and(|position| position > 0) && record.as_ref().is_some_and(|record| first_is_there(record, &folder)) {
            return;
        }
        let record = record.filter(|_| position == Some(0));
        if !self.files.insert(fs::canonicalize(&entry.path).unwrap_or_else(|_| entry.path.clone())) {
            return;
        }
        let origin = origin.unwrap_or_else(|| self.origin(&entry));
        let own_folder = folder.parent() == Some(&*self.library.root.join(kind_folder(kind)));
        let writable = origin == Origin::Library && own_folder && (record.is_some() || is_alone(&folder, &entry.path));
        let id = record.as_ref().map_or_else(|| names::id_of(&entry.name), |record| record.id.clone());
        let id = self.unique(id);
        self.found.push(Installed {
            id,
            name: record.as_ref().map_or(entry.name, |record| record.name.clone()),
            kind,
            bytes: record.as_ref().map_or(entry.bytes, Record::bytes),
            file: entry.path,
            folder,
            starter: entry.starter,
            origin,
            writable,
            record,
        });
    }

    fn origin(&self, entry: &ModelEntry) -> Origin {
        if entry.path.starts_with(&self.library.root) {
            return Origin::Library;
        }
        let folder = self.library.others.iter().find(|other| entry.path.starts_with(other));
        if folder.is_some_and(|folder| entry.starter || folder.join("starter").is_dir()) { Origin::Checkout } else { Origin::Folder }
    }

    /// Two models of one name: the later one gets a number.
    fn unique(&mut self, id: String) -> String {
        if self.ids.insert(id.clone()) {
            return id;
        }
        let free = (2_u32..).map(|n| format!("{id}-{n}")).find(|id| !self.ids.contains(id)).unwrap_or(id);
        self.ids.insert(free.clone());
        free
    }
}

/// The record of a folder, if it speaks of this folder.
fn record_of(folder: &Path, kind: ModelKind) -> Option<Record> {
    let record = Record::read(folder)?;
    (record.kind == kind && folder.file_name()? == record.id.as_str()).then_some(record)
}

fn first_is_there(record: &Record, folder: &Path) -> bool {
    record.files.first().is_some_and(|file| folder.join(&file.name).is_file())
}

/// Whether a folder without a record holds nothing but this model: what may stand beside it is named like it, or says how
/// a voice speaks.
fn is_alone(folder: &Path, file: &Path) -> bool {
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    let stem = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    entries.all(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            entry.path().is_file() && (name.starts_with(&stem) || BESIDE.contains(&name.as_str()))
        })
    })
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
