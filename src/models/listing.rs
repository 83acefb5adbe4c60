//! What the model page shows: what is installed, what can be had and whether it fits, as plain values.

pub use super::fit::Fit;

use super::catalog::{Evidence, ModelKind};
use super::voice_toml::Terms;
use std::path::PathBuf;

/// Where an installed model lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// In the models folder of this user.
    #[default]
    Library,
    /// It came with the program.
    Program,
    /// In the store of another program, or a folder that was only named: used in place.
    Elsewhere,
}

/// An installed model.
#[derive(Clone, Debug, PartialEq)]
pub struct Here {
    /// Its name for commands.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// What an engine is given.
    pub file: PathBuf,
    /// Size of all its files.
    pub bytes: u64,
    /// ISO 639-1 codes, `*` for about a hundred; empty: not known.
    pub languages: Vec<String>,
    /// Empty: not known.
    pub licence: String,
    /// What a voice may be used for, where its description limits it.
    pub terms: Option<Terms>,
    /// One of the small ones that come with the program.
    pub starter: bool,
    /// Where it lies.
    pub home: Home,
    /// The program may remove it.
    pub removable: bool,
}

/// A model of the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// Its name for commands.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// ISO 639-1 codes, `*` for about a hundred.
    pub languages: Vec<String>,
    /// SPDX expression or name.
    pub licence: String,
    /// Size of all its files; `None`: not known.
    pub bytes: Option<u64>,
    /// Memory while it works, bytes.
    pub memory_bytes: u64,
    /// How it suits this computer.
    pub fit: Fit,
    /// What the weakest of its hashes rests on.
    pub evidence: Evidence,
    /// It is installed.
    pub installed: bool,
    /// A download of it was begun and not finished: so many bytes are there.
    pub unfinished_bytes: Option<u64>,
    /// It can be fetched from somewhere; else it only comes with the program.
    pub can_be_fetched: bool,
}

/// What the page knows of this computer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Computer {
    /// Memory, bytes; 0: not known.
    pub memory_bytes: u64,
    /// Free memory when the listing was made, bytes.
    pub free_memory_bytes: u64,
}

/// Everything at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// What is installed, in the order of the kinds.
    pub installed: Vec<Here>,
    /// What can be had, in the catalog's order.
    pub offers: Vec<Offer>,
    /// The set for this computer: names of offers.
    pub recommended: Vec<String>,
    /// This computer.
    pub computer: Computer,
}

impl Listing {
    /// The offer of this name.
    #[must_use]
    pub fn offer(&self, id: &str) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.id == id)
    }

    /// The name for people of a model; its name for commands when it has none.
    #[must_use]
    pub fn name<'a>(&'a self, id: &'a str) -> &'a str {
        let here = self.installed.iter().find(|here| here.id == id).map(|here| here.name.as_str());
        self.offer(id).map(|offer| offer.name.as_str()).or(here).unwrap_or(id)
    }

    /// What of the recommended set is not installed.
    pub fn missing(&self) -> impl Iterator<Item = &Offer> {
        self.recommended.iter().filter_map(|id| self.offer(id)).filter(|offer| !offer.installed)
    }
}
