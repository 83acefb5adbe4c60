//! The catalog: which models can be installed, from where, and what each of them needs.
//!
//! `models/catalog.toml` is part of the program. Reading and judging a catalog is one function, [`Catalog::parse`]; the
//! build runs the same rules (`build.rs` compiles this very file), so that a program with a broken catalog does not exist.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::OnceLock;

// Named, because the build script finds this file by a path of its own.
#[path = "catalog_rules.rs"]
mod rules;

/// Address of the Hugging Face hub, without a slash at its end; a mirror stands in its place.
pub const HUB: &str = "https://huggingface.co";
/// Bytes of the longest catalog that is read.
pub const MOST_BYTES: usize = 4_000_000;

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

impl ModelKind {
    /// All kinds.
    pub const ALL: [ModelKind; 5] = [ModelKind::Stt, ModelKind::Chat, ModelKind::Voice, ModelKind::Vad, ModelKind::Embedding];
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
    /// The models: of each kind the best first, whatever the computer (what is recommended is the first that fits).
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
    /// A repository of the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// The commit that is taken, 40 hexadecimal digits; `None`: none is known to us, so it is whatever the branch `main`
        /// holds on that day, and a person is told so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        revision: Option<String>,
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

/// Why a catalog is refused: one sentence that names the model and the field, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogError(pub(crate) String);

impl fmt::Display for CatalogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CatalogError {}

impl Source {
    /// Whether it always gives the same files: anything but a branch of the hub that may move on.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        !matches!(self, Source::Hub { revision: None, .. })
    }

    /// The address of a file (`path` as in [`CatalogFile::path`]) at this source; `None`: it is not on a network. `hub` is
    /// [`HUB`] or a mirror of it.
    #[must_use]
    pub fn address(&self, path: &str, hub: &str) -> Option<String> {
        let path = escaped(path);
        match self {
            Source::Hub { repo, revision } => {
                let revision = revision.as_deref().unwrap_or("main");
                Some(format!("{}/{repo}/resolve/{revision}/{path}", hub.trim_end_matches('/')))
            }
            Source::Web { base } => Some(format!("{}/{path}", base.trim_end_matches('/'))),
            Source::Folder { .. } | Source::Setup { .. } => None,
        }
    }
}

/// A path as it stands in an address: everything but letters, digits and `-._~/` as `%XX`.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

impl CatalogFile {
    /// Its path at the sources.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.name)
    }
}

impl CatalogModel {
    /// Bytes of all files; `None`: one of them is not known.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.bytes?))
    }

    /// What the weakest hash of its files rests on; one that is not there at all is not known.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        let of = |file: &CatalogFile| if file.sha256.is_some() { file.evidence } else { Evidence::Unknown };
        let rank = |evidence: &Evidence| match evidence {
            Evidence::Seen => 0,
            Evidence::Reported => 1,
            Evidence::Unknown => 2,
        };
        self.files.iter().map(of).max_by_key(rank).unwrap_or_default()
    }

    /// Where a file of this model can be fetched, the first that answers is taken. `hub` is [`HUB`] or a mirror of it.
    #[must_use]
    pub fn addresses(&self, file: &CatalogFile, hub: &str) -> Vec<String> {
        self.sources.iter().filter_map(|source| source.address(file.path(), hub)).collect()
    }

    /// Whether it knows this language (`en`, also `en-GB` or `en_GB.UTF-8`: only the language counts).
    #[must_use]
    pub fn speaks(&self, language: &str) -> bool {
        let language = plain_language(language);
        self.languages.iter().any(|known| known == "*" || *known == language)
    }
}

/// The language of `en-GB`, `en_GB.UTF-8` and `EN`: `en`.
#[must_use]
pub fn plain_language(tag: &str) -> String {
    tag.split(['-', '_', '.', '@']).next().unwrap_or_default().trim().to_lowercase()
}

impl Catalog {
    /// Reads a catalog in TOML and judges it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Catalog, CatalogError> {
        if text.len() > MOST_BYTES {
            return Err(CatalogError(format!("the catalog has {} bytes, and the most that is read are {MOST_BYTES}", text.len())));
        }
        let catalog: Catalog = toml::from_str(text).map_err(|error| rules::unreadable(text, &error))?;
        rules::judge(&catalog)?;
        Ok(catalog)
    }

    /// The catalog that is part of this program.
    #[must_use]
    pub fn builtin() -> &'static Catalog {
        static BUILTIN: OnceLock<Catalog> = OnceLock::new();
        // The build refuses a catalog that does not parse, so the empty one is never met.
        BUILTIN.get_or_init(|| Catalog::parse(include_str!("../../models/catalog.toml")).unwrap_or_default())
    }

    /// The model of this name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&CatalogModel> {
        self.models.iter().find(|model| model.id == id)
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
