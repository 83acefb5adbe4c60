//! The catalog: which models can be installed, from where, and what each of them needs.
//!
//! `models/catalog.toml` is part of the program. Reading and judging a catalog is one function, [`Catalog::parse`]; the
//! build runs the same rules, so that a program with a broken catalog does not exist.

use serde::{Deserialize, Serialize};

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Hears: a ggml whisper file.
    Stt,
    /// Thinks: a GGUF chat model.
    Chat,
    /// Speaks: a folder with one or two ONNX files and what belongs to them.
    Voice,
    /// Tells speech from noise.
    Vad,
    /// Turns texts into vectors.
    Embedding,
}

/// How fast it is on a laptop without a graphics card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpeedClass {
    /// Answers before a wait is noticed, on two cores.
    Fast,
    /// Fine on four cores.
    Medium,
    /// For people who wait.
    Slow,
}

/// Everything that can be installed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalog {
    /// Version of the format; this program reads 1.
    pub format: u32,
    /// The models, the recommended ones of each kind first.
    #[serde(default, rename = "model")]
    pub models: Vec<CatalogModel>,
}

/// A model that can be installed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogModel {
    /// Its name for commands and its folder's name: lower-case letters, digits, `-`, `.`, `_`.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// ISO 639-1 codes of the languages that it is good at; `*`: about a hundred.
    pub languages: Vec<String>,
    /// SPDX expression, or the licence's own name.
    pub licence: String,
    /// Where the licence or the model is described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Tokens of context that a chat model was trained with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// Memory while it works, with Hark's usual options, MB (10^6 bytes).
    pub memory_mb: u64,
    /// How fast it is.
    pub speed: SpeedClass,
    /// One of the small ones that come with the program.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub starter: bool,
    /// Its files; the first is the one that an engine is given.
    #[serde(rename = "file")]
    pub files: Vec<CatalogFile>,
    /// Where they can be had, the first that answers is taken.
    #[serde(default, rename = "source")]
    pub sources: Vec<Source>,
}

/// A file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    /// Its name in the model's folder: no path.
    pub name: String,
    /// Its path at the sources, where it differs from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Size; `None`: not known to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256, 64 lower-case hexadecimal digits; `None`: not known to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What the size and the hash rest on.
    #[serde(default)]
    pub evidence: Evidence,
}

/// What a size and a hash rest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Computed by us from the file itself: anything else is refused.
    Seen,
    /// Read in public lists; the file was not at hand. A file that differs is shown with its hash, and the person decides.
    Reported,
    /// Nothing is known: the person is shown the hash and decides.
    #[default]
    Unknown,
}

/// Where the files of a model can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A repository of the Hugging Face hub at a pinned revision (40 hexadecimal digits).
    Hub {
        /// `owner/name`.
        repo: String,
        /// The commit.
        revision: String,
    },
    /// A folder on a web server: a file is at `<base>/<path>`.
    Web {
        /// Address with `https://` (`http://` only on this machine).
        base: String,
    },
    /// A folder on this machine or a stick.
    Folder {
        /// Its path.
        path: String,
    },
    /// `scripts/setup` of a checkout puts it in place, from a package of a registry.
    Setup {
        /// The package and its version.
        package: String,
    },
}

impl CatalogModel {
    /// Bytes of all files; `None`: one of them is not known.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.bytes?))
    }
}

impl Catalog {
    /// The model of this name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&CatalogModel> {
        self.models.iter().find(|model| model.id == id)
    }
}
