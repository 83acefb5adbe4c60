//! Where things are on this machine: the settings file and the folders with models.

use crate::platform::trusted;
use std::path::{Path, PathBuf};

/// Name of the settings file in the config folder.
pub const SETTINGS_FILE: &str = "settings.toml";
/// Where the system's packages put models.
const SYSTEM_FOLDERS: &[&str] = if cfg!(unix) { &["/usr/local/share/hark/models", "/usr/share/hark/models"] } else { &[] };

/// What the system says about this process, as plain values, so that everything that depends on it can be tested.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The folder of the settings file; `None`: this user has no home.
    pub config_dir: Option<PathBuf>,
    /// The system's folder for a user's data (`~/.local/share`), without `hark`.
    pub data_dir: Option<PathBuf>,
    /// The folder for what can be made again (measurements, computed prompts); `None`: nothing is kept.
    pub cache_dir: Option<PathBuf>,
    /// Folders of the variable `HARK_MODELS`.
    pub models_env: Vec<PathBuf>,
    /// Folder of the running program.
    pub program_dir: Option<PathBuf>,
    /// The checkout in which the program was built, see [`trusted::checkout`].
    pub checkout: Option<PathBuf>,
    /// Language of the system as ISO 639-1 code (`en`, `zh`); empty when it says none.
    pub language: String,
    /// Processor cores.
    pub cores: usize,
}

impl Surroundings {
    /// Those of this process. `HARK_CONFIG_DIR` replaces the config folder (the cache is then in its `cache` folder);
    /// `HARK_MODELS` adds folders with models (several as in `PATH`).
    #[must_use]
    pub fn of_this_process() -> Self {
        let system = directories::BaseDirs::new();
        let own_dir = std::env::var_os("HARK_CONFIG_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        let config_dir = own_dir.or_else(|| system.as_ref().map(|dirs| dirs.config_dir().join("hark")));
        let models_env = std::env::var_os("HARK_MODELS")
            .map(|dirs| std::env::split_paths(&dirs).filter(|dir| !dir.as_os_str().is_empty()).collect())
            .unwrap_or_default();
        Surroundings {
            config_dir,
            cache_dir: cache_dir(),
            // The local one: on Windows the other is copied over the network at each login, and models are large.
            data_dir: system.as_ref().map(|dirs| dirs.data_local_dir().to_owned()),
            models_env,
            program_dir: std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned)),
            checkout: trusted::checkout(),
            language: system_language(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }

    /// The settings file; `None`: this user has no home, choices cannot be kept.
    #[must_use]
    pub fn settings_file(&self) -> Option<PathBuf> {
        self.config_dir.as_ref().map(|dir| dir.join(SETTINGS_FILE))
    }

    /// The folder where models are put by people and by the program: `<system data folder>/hark/models`.
    #[must_use]
    pub fn user_models_dir(&self) -> Option<PathBuf> {
        self.data_dir.as_ref().map(|dir| dir.join("hark").join("models"))
    }

    /// All folders where models are looked for, the most wanted first: the command line's, the settings', those of
    /// `HARK_MODELS`, the user's, the `models` folders beside the program and of the checkout, and the system's. Only the last
    /// three kinds are checked for existence; no folder is named twice. The current folder counts for nothing: what lies where
    /// somebody happens to be is not theirs.
    #[must_use]
    pub fn model_folders(&self, chosen: Option<&Path>, settings: Option<&Path>) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        let mut add = |folder: PathBuf| {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        };
        chosen.map(Path::to_owned).into_iter().for_each(&mut add);
        settings.map(Path::to_owned).into_iter().for_each(&mut add);
        self.models_env.iter().cloned().for_each(&mut add);
        self.user_models_dir().into_iter().for_each(&mut add);
        let own = [&self.program_dir, &self.checkout].into_iter().flatten().map(|dir| dir.join("models"));
        own.chain(SYSTEM_FOLDERS.iter().map(PathBuf::from)).filter(|dir| dir.is_dir()).for_each(&mut add);
        folders
    }
}

/// The folder for what can be found out anew at any time: `HARK_CACHE_DIR`, else `cache` in `HARK_CONFIG_DIR`, else
/// `<system cache folder>/hark`. `None`: this user has no home. It may not exist yet.
#[must_use]
pub fn cache_dir() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    named("HARK_CACHE_DIR")
        .or_else(|| named("HARK_CONFIG_DIR").map(|dir| dir.join("cache")))
        .or_else(|| directories::BaseDirs::new().map(|dirs| dirs.cache_dir().join("hark")))
}

/// The language part of `LC_ALL`, `LC_MESSAGES` or `LANG`, the first that says something, in POSIX's order.
fn system_language() -> String {
    ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty())
        .map(|value| language_of_locale(&value))
        .unwrap_or_default()
}

/// `zh_CN.UTF-8` is `zh`; `C` and `POSIX` are no language.
fn language_of_locale(locale: &str) -> String {
    let language: String = locale.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    if matches!(language.len(), 2 | 3) { language } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_come_in_the_promised_order_and_parents_of_the_program_are_none() {
        let root = tempfile::tempdir().unwrap();
        let checkout = root.path().join("checkout");
        let program_dir = checkout.join("target/release");
        std::fs::create_dir_all(checkout.join("models")).unwrap();
        std::fs::create_dir_all(program_dir.join("models")).unwrap();
        std::fs::create_dir_all(checkout.join("target/models")).unwrap();
        let surroundings = Surroundings {
            data_dir: Some("/data".into()),
            models_env: vec!["/env1".into(), "/env2".into()],
            program_dir: Some(program_dir.clone()),
            checkout: Some(checkout.clone()),
            ..Surroundings::default()
        };
        let folders = surroundings.model_folders(Some(Path::new("/chosen")), Some(Path::new("/settings")));
        let expected: Vec<PathBuf> = vec![
            "/chosen".into(),
            "/settings".into(),
            "/env1".into(),
            "/env2".into(),
            Path::new("/data").join("hark").join("models"),
            program_dir.join("models"),
            checkout.join("models"),
        ];
        assert_eq!(folders, expected);
    }

    #[test]
    fn a_folder_that_is_named_twice_is_looked_at_once() {
        let surroundings = Surroundings { models_env: vec!["/same".into()], ..Surroundings::default() };
        assert_eq!(surroundings.model_folders(Some(Path::new("/same")), Some(Path::new("/same"))), [PathBuf::from("/same")]);
    }

    #[test]
    fn without_a_home_there_is_no_settings_file() {
        assert_eq!(Surroundings::default().settings_file(), None);
    }

    #[test]
    fn the_language_is_read_from_the_locale() {
        assert_eq!(language_of_locale("zh_CN.UTF-8"), "zh");
        assert_eq!(language_of_locale("en-GB"), "en");
        assert_eq!(language_of_locale("C"), "");
        assert_eq!(language_of_locale("POSIX"), "");
        assert_eq!(language_of_locale("C.UTF-8"), "");
    }
}
