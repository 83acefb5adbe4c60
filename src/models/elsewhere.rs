//! Models of other programs, found where those keep them and used in place: nothing here is ever changed or removed.

use super::judge::{self, Content};
use super::library::Origin;
use super::store::{self, Inventory};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Repositories of a cache that are looked at.
const MOST_REPOSITORIES: usize = 1000;
/// Snapshots of a repository that are looked at.
const MOST_SNAPSHOTS: usize = 8;
/// Folders below a snapshot: `en/en_US/lessac/medium/` of the Piper voices.
const SNAPSHOT_DEPTH: usize = 4;
/// Folders below another program's folder: `owner/model/file`.
const DEPTH: usize = 3;
/// Files and folders that are looked at, in each place.
const MOST_ENTRIES: usize = 5_000;

/// Where other programs keep models on this machine, as plain values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Caches of the Hugging Face hub.
    pub hub_caches: Vec<PathBuf>,
    /// Folders of files.
    pub folders: Vec<PathBuf>,
}

impl Places {
    /// The usual ones of this user: `HF_HUB_CACHE`, `HF_HOME`, the hub's default, LM Studio, whisper.cpp, Piper.
    #[must_use]
    pub fn of_this_user() -> Self {
        let named = |name: &str| std::env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
        Self::of(named("HF_HUB_CACHE"), named("HF_HOME"), home.as_deref())
    }

    /// The same, of given values.
    #[must_use]
    pub fn of(hub_cache: Option<PathBuf>, hub_home: Option<PathBuf>, home: Option<&Path>) -> Self {
        let below = |parts: &[&str]| home.map(|home| parts.iter().fold(home.to_owned(), |path, part| path.join(part)));
        let hub = hub_cache.or_else(|| hub_home.map(|dir| dir.join("hub"))).or_else(|| below(&[".cache", "huggingface", "hub"]));
        let folders: [&[&str]; 6] = [
            &[".lmstudio", "models"],
            &[".cache", "lm-studio", "models"],
            &["whisper.cpp", "models"],
            &[".cache", "whisper.cpp"],
            &[".local", "share", "whisper.cpp"],
            &[".local", "share", "piper-voices"],
        ];
        Places { hub_caches: hub.into_iter().collect(), folders: folders.into_iter().filter_map(below).collect() }
    }

    /// What is there. A file that is found twice (a link of the cache) counts once.
    #[must_use]
    pub fn survey(&self) -> Vec<(Origin, Inventory)> {
        let snapshots: Vec<PathBuf> = self.hub_caches.iter().flat_map(|cache| snapshots(cache)).collect();
        let mut found = vec![
            (Origin::HubCache, store::survey_within(&snapshots, SNAPSHOT_DEPTH, MOST_ENTRIES).0),
            (Origin::Folder, store::survey_within(&self.folders, DEPTH, MOST_ENTRIES).0),
        ];
        let mut seen = HashSet::new();
        for (_, inventory) in &mut found {
            for list in [&mut inventory.stt, &mut inventory.chat, &mut inventory.voices] {
                list.retain(|entry| fs::canonicalize(&entry.path).is_ok_and(|real| seen.insert(real)));
            }
        }
        found
    }

    /// Folders of faster-whisper's models in the caches of the hub: they can be imported, and not used in place.
    #[must_use]
    pub fn to_convert(&self) -> Vec<PathBuf> {
        let mut seen = HashSet::new();
        let mut is_new = |file: &Path| fs::canonicalize(file).is_ok_and(|real| seen.insert(real));
        let mut folders: Vec<PathBuf> = self.hub_caches.iter().flat_map(|cache| snapshots(cache)).collect();
        folders.retain(|folder| {
            let file = folder.join("model.bin");
            judge::content(&file).is_ok_and(|content| content == Content::CTranslate2) && is_new(&file)
        });
        folders
    }
}

/// `models--owner--name/snapshots/<revision>` of a cache, in the order of their names.
fn snapshots(cache: &Path) -> Vec<PathBuf> {
    let folders = |folder: &Path, most: usize| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().take(most).flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        paths.sort();
        paths
    };
    folders(cache, MOST_REPOSITORIES)
        .into_iter()
        .filter(|folder| folder.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"models--")))
        .flat_map(|folder| folders(&folder.join("snapshots"), MOST_SNAPSHOTS))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GGUF: &[u8] = b"GGUF\x03\0\0\0";

    fn put(path: &Path, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn the_files_of_a_hub_cache_are_found_under_their_names_and_stay_as_they_are() {
        let home = tempfile::tempdir().unwrap();
        let hub = home.path().join(".cache/huggingface/hub");
        let repo = hub.join("models--owner--small-GGUF");
        put(&repo.join("blobs/abcd"), GGUF);
        put(&repo.join("blobs/ef.incomplete"), GGUF);
        let snapshot = repo.join("snapshots/0123");
        fs::create_dir_all(&snapshot).unwrap();
        std::os::unix::fs::symlink("../../blobs/abcd", snapshot.join("small-q4.gguf")).unwrap();
        std::os::unix::fs::symlink("../../blobs/gone", snapshot.join("gone.gguf")).unwrap();
        std::os::unix::fs::symlink("..", snapshot.join("loop")).unwrap();
        let voice = hub.join("models--rhasspy--piper-voices/snapshots/45/en/en_US/lessac/medium/en_US-lessac-medium.onnx");
        put(&voice, b"onnx");
        put(&voice.with_added_extension("json"), b"{}");
        put(&hub.join("models--Systran--faster-whisper-tiny/snapshots/67/model.bin"), b"\x06\0\0\0\x0c\0WhisperSpec\0\x03\0\0\0");
        put(&hub.join("models--other--bert/snapshots/67/model.bin"), b"\x06\0\0\0\x0c\0EncoderSpec\0\x03\0\0\0");
        put(&hub.join("datasets--x--y/snapshots/1/data.gguf"), GGUF);
        put(&home.path().join(".lmstudio/models/owner/name/chat.gguf"), GGUF);
        put(&home.path().join("whisper.cpp/models/ggml-base.bin"), b"lmgg\x98\xca\0\0");
        let places = Places::of(None, None, Some(home.path()));
        let found = places.survey();
        let names = |list: &[store::ModelEntry]| list.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&found[0].1.chat), ["small-q4"]);
        assert_eq!(found[0].1.chat[0].path, snapshot.join("small-q4.gguf"), "its name, not the blob's");
        assert_eq!(names(&found[0].1.voices), ["en_US-lessac-medium"]);
        assert_eq!((names(&found[1].1.chat), names(&found[1].1.stt)), (vec!["chat".to_owned()], vec!["ggml-base".to_owned()]));
        assert_eq!(places.to_convert(), [hub.join("models--Systran--faster-whisper-tiny/snapshots/67")]);
        assert_eq!(found.iter().map(|(origin, _)| *origin).collect::<Vec<_>>(), [Origin::HubCache, Origin::Folder]);
    }

    #[test]
    fn the_hub_s_own_variables_say_where_its_cache_is() {
        let home = Some(Path::new("/home/a"));
        assert_eq!(Places::of(Some("/c".into()), Some("/h".into()), home).hub_caches, [PathBuf::from("/c")]);
        assert_eq!(Places::of(None, Some("/h".into()), home).hub_caches, [Path::new("/h").join("hub")]);
        assert_eq!(Places::of(None, None, None), Places::default());
        assert!(Places::of(Some("/no/such".into()), None, None).survey().iter().all(|(_, found)| *found == Inventory::default()));
    }

    #[test]
    fn a_cache_of_endless_repositories_costs_bounded_work() {
        let home = tempfile::tempdir().unwrap();
        for n in 0..1200 {
            fs::create_dir_all(home.path().join(format!("models--o--{n}/snapshots/1"))).unwrap();
        }
        assert!(snapshots(home.path()).len() <= MOST_REPOSITORIES);
    }
}
