//! What was measured about a chat model on this machine, and the file that remembers it. A file that cannot be read or
//! written only costs a new measurement.

use crate::platform::files;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Which model on which machine by which version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Name of the processor.
    pub processor: String,
    /// Its cores.
    pub cores: u32,
    /// File name of the model.
    pub model: String,
    /// Its length.
    pub bytes: u64,
    /// When it was changed, seconds since 1970.
    pub modified: u64,
    /// Version of Hark.
    pub version: String,
}

impl Identity {
    /// Of this model file on this machine; `None`: there is no such file.
    #[must_use]
    pub fn of(model: &Path) -> Option<Self> {
        let meta = fs::metadata(model).ok()?;
        let modified = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).map_or(0, |d| d.as_secs());
        Some(Identity {
            processor: processor(),
            cores: cores(),
            model: model.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            bytes: meta.len(),
            modified,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

fn processor() -> String {
    let Ok(mut system) = sysinfo::System::new() else { return String::new() };
    system.refresh_cpu_list(sysinfo::CpuRefreshKind::nothing());
    system.cpus().first().map_or_else(String::new, |cpu| cpu.brand().trim().to_owned())
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(1))
}

/// What is the fastest for a model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Threads for writing.
    pub decode_threads: u32,
    /// Threads for reading.
    pub prompt_threads: u32,
    /// Whether flash attention is faster.
    pub flash_attention: bool,
    /// One token written with these, ms.
    pub decode_ms: f64,
    /// 64 tokens read with these, ms.
    pub prompt_ms: f64,
}

impl Measured {
    fn is_sound(&self) -> bool {
        let time = |ms: f64| ms.is_finite() && ms > 0.0;
        let threads = |n: u32| (1..=64).contains(&n);
        threads(self.decode_threads) && threads(self.prompt_threads) && time(self.decode_ms) && time(self.prompt_ms)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    of: Identity,
    #[serde(flatten)]
    found: Measured,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Entries {
    #[serde(default)]
    measured: Vec<Entry>,
}

/// More are no measurements of ours.
const LARGEST_BYTES: u64 = 256 * 1024;
/// The oldest go.
const MOST_ENTRIES: usize = 32;

/// The file in the cache folder.
#[must_use]
pub fn file(cache: &Path) -> PathBuf {
    cache.join("chat-threads.toml")
}

fn read(file: &Path) -> Entries {
    let is_ours = fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST_BYTES);
    let text = if is_ours { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    toml::from_str(&text).unwrap_or_else(|error| {
        tracing::debug!(%error, "the measurements are not understood; they are made again");
        Entries::default()
    })
}

/// What was measured for this one before.
#[must_use]
pub fn recall(cache: &Path, of: &Identity) -> Option<Measured> {
    read(&file(cache)).measured.into_iter().rev().find(|entry| entry.of == *of).map(|entry| entry.found).filter(Measured::is_sound)
}

/// Bytes of a model with 1,000 million parameters in about 4 bits.
const BYTES_OF_A_THOUSAND_MILLION: f64 = 800e6;
/// Smaller models wait for other things than their weights: one of 98 MB would make this machine seem half as fast.
const TELLING_BYTES: u64 = 400_000_000;

/// Tokens per second that a chat model with 1,000 million parameters in about 4 bits would write here, by the model of at least
/// 400 MB that was measured last on this processor. Writing waits for the weights to come from memory, so the time goes with
/// their bytes.
#[must_use]
pub fn speed(cache: &Path) -> Option<f64> {
    let here = (processor(), cores());
    let is_of_here = |of: &Identity| (&of.processor, of.cores) == (&here.0, here.1) && of.bytes >= TELLING_BYTES;
    let entries = read(&file(cache)).measured;
    let last = entries.iter().rev().find(|entry| is_of_here(&entry.of) && entry.found.is_sound())?;
    Some(1000.0 / last.found.decode_ms * last.of.bytes as f64 / BYTES_OF_A_THOUSAND_MILLION)
}

/// Remembers it; what was known about the same model file is replaced.
pub fn store(cache: &Path, of: &Identity, found: Measured) {
    let mut entries = read(&file(cache)).measured;
    entries.retain(|entry| entry.of.model != of.model || entry.of.bytes != of.bytes);
    entries.push(Entry { of: of.clone(), found });
    let late = entries.len().saturating_sub(MOST_ENTRIES);
    entries.drain(..late);
    let head = "# Measured by Hark; it may be removed at any time.\n\n";
    let written = toml::to_string_pretty(&Entries { measured: entries })
        .map_err(std::io::Error::other)
        .and_then(|text| replace(&file(cache), format!("{head}{text}").as_bytes()));
    if let Err(error) = written {
        tracing::debug!(%error, "the measurement could not be kept; it is made again at the next start");
    }
}

/// Writes a file beside the old one and renames it over it; its folder is made.
pub(super) fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        files::private_folder(folder)?;
    }
    files::write_private(file, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(threads: u32) -> Measured {
        Measured { decode_threads: threads, prompt_threads: 2, flash_attention: false, decode_ms: 12.5, prompt_ms: 300.0 }
    }

    #[test]
    fn a_measurement_is_kept_for_the_same_model_machine_and_version_only() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("a.gguf");
        fs::write(&model, b"GGUF").unwrap();
        let cache = folder.path().join("new").join("cache");
        let of = Identity::of(&model).unwrap();
        assert!(of.cores >= 1 && of.bytes == 4);
        assert_eq!(recall(&cache, &of), None);
        store(&cache, &of, found(1));
        store(&cache, &of, found(2));
        assert_eq!(recall(&cache, &of), Some(found(2)));
        for other in [
            Identity { version: "0.0.0".to_owned(), ..of.clone() },
            Identity { cores: of.cores + 1, ..of.clone() },
            Identity { modified: of.modified + 1, ..of.clone() },
            Identity { processor: "another".to_owned(), ..of.clone() },
        ] {
            assert_eq!(recall(&cache, &other), None);
        }
        assert_eq!(fs::read_to_string(file(&cache)).unwrap().matches("[[measured]]").count(), 1);
        (0..50).for_each(|n| store(&cache, &Identity { model: format!("{n}.gguf"), ..of.clone() }, found(1)));
        assert_eq!(read(&file(&cache)).measured.len(), MOST_ENTRIES);
    }

    #[test]
    fn a_measured_model_tells_the_speed_of_one_of_a_thousand_million() {
        let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let model = folder.path().join("a.gguf");
        fs::write(&model, b"GGUF").unwrap();
        let of = |bytes| Identity { bytes, model: format!("{bytes}.gguf"), ..Identity::of(&model).unwrap() };
        store(cache.path(), &of(98_000_000), found(2));
        assert_eq!(speed(cache.path()), None, "a small model does not tell");
        store(cache.path(), &of(1_600_000_000), found(2));
        assert_eq!(speed(cache.path()), Some(160.0), "80 tokens/s, with twice the weights");
        store(cache.path(), &Identity { processor: "another".to_owned(), ..of(800_000_000) }, found(2));
        assert_eq!(speed(cache.path()), Some(160.0), "another machine that shares the folder");
    }

    #[test]
    fn a_broken_or_read_only_file_costs_a_new_measurement_only() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("a.gguf");
        fs::write(&model, b"GGUF").unwrap();
        let of = Identity::of(&model).unwrap();
        for broken in ["not toml [", "measured = 7", "[[measured]]\nprocessor = 1", "\u{0}\u{1}"] {
            fs::write(file(folder.path()), broken).unwrap();
            assert_eq!(recall(folder.path(), &of), None, "{broken:?}");
        }
        store(folder.path(), &of, found(2));
        assert_eq!(recall(folder.path(), &of), Some(found(2)), "a broken one is replaced");
        store(folder.path(), &of, Measured { decode_threads: 0, ..found(1) });
        assert_eq!(recall(folder.path(), &of), None, "no threads at all");
        store(folder.path(), &of, Measured { decode_ms: f64::NAN, ..found(1) });
        assert_eq!(recall(folder.path(), &of), None, "no time");
        // A file where the folder should be: nothing can be written, nothing happens.
        store(&model, &of, found(1));
        assert_eq!(recall(&model, &of), None);
        assert_eq!(fs::read(&model).unwrap(), b"GGUF");
    }
}
