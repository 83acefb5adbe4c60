//! The record beside a model: what it is, when and from where it came, and what its files should be. People may read
//! and even lose it: without one, or with a broken one, the model works all the same and counts as put there by hand.

use super::catalog::ModelKind;
use super::digest::is_sha256;
use super::names::{is_file_name, is_id};
use crate::platform::files;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

/// Its name in the model's folder.
pub const FILE: &str = "hark-model.toml";
/// More than this is no record; ours has about 500 bytes.
const LARGEST_BYTES: u64 = 1 << 18;
/// More files than any model has.
pub(super) const MOST_FILES: usize = 256;

/// What is known of an installed model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format: 1.
    pub format: u32,
    /// Its name for commands; the same as its folder's name.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    pub kind: ModelKind,
    /// When it was installed: a date and time in UTC, as in RFC 3339.
    pub installed: String,
    /// Where it came from, for people.
    pub from: String,
    /// Its licence, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// ISO 639-1 codes of its languages, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// Its files; the first is the one that an engine is given.
    #[serde(rename = "file")]
    pub files: Vec<RecordFile>,
}

/// A file of an installed model, as it was when it was put in place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Whether that was the announced one; `None`: none was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_expected: Option<bool>,
}

impl Record {
    /// Reads the record in this folder; `None`: there is none that can be understood.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Record> {
        let path = folder.join(FILE);
        // Opening a named pipe would wait for its writer.
        std::fs::metadata(&path).ok().filter(|meta| meta.is_file() && meta.len() <= LARGEST_BYTES)?;
        let mut text = String::new();
        files::open(&path).ok()?.take(LARGEST_BYTES).read_to_string(&mut text).ok()?;
        Self::parse(&text)
    }

    /// Reads the text of a record; `None`: it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Record> {
        let record: Record = toml::from_str(text.trim_start_matches('\u{feff}')).ok()?;
        let good = record.format == 1
            && is_id(&record.id)
            && (1..=MOST_FILES).contains(&record.files.len())
            && record.files.iter().all(|file| is_file_name(&file.name) && is_sha256(&file.sha256));
        good.then_some(record)
    }

    /// Writes it into this folder and forces it to the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        let mut file = File::create(folder.join(FILE))?;
        file.write_all(b"# Written by Hark when this model was installed. It may be deleted; the model works without it.\n\n")?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

/// Now, as records say it.
#[must_use]
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
