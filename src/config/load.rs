//! Reads and writes the settings file. Nothing that a person wrote is ever lost: a file that cannot be understood is put
//! aside, a file that cannot be written stays as it was.

use super::limits;
use super::settings::Settings;
use crate::error::{Severity, Stage, StageError, one_line, reason};
use crate::platform::files;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// More than this is no settings file; ours has about 1 KB.
const LARGEST_BYTES: u64 = 1 << 20;

/// What the file says, and what the user should know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The settings, within their ranges.
    pub settings: Settings,
    /// What was wrong with the file, a sentence each.
    pub notices: Vec<StageError>,
    /// The file is there and could not be understood as a whole.
    pub broken: bool,
}

/// Reads the settings without touching the file. A missing file gives the defaults. Of a file with some wrong values, the
/// good ones are taken.
#[must_use]
pub fn read(file: &Path) -> Loaded {
    let (mut settings, mut notices) = match read_table(file) {
        Ok(None) => (Settings::default(), Vec::new()),
        Ok(Some(table)) => from_table(table),
        Err(reason) => {
            let message = format!("The settings file {} cannot be read: {reason}.", file.display());
            (Settings::default(), vec![info(message, "The default settings are used.")])
        }
    };
    let broken = !notices.is_empty();
    notices.extend(limits::clamp(&mut settings));
    Loaded { settings, notices, broken }
}

/// [`read`], and a broken file is renamed to `settings.toml.broken-<n>` so that the next [`save`] cannot overwrite it.
#[must_use]
pub fn load(file: &Path) -> Loaded {
    let mut loaded = read(file);
    if loaded.broken {
        loaded.notices.push(match set_aside(file) {
            Ok(kept) => info(
                format!("The settings file was not understood as a whole and is kept as {}.", kept.display()),
                "Change the settings again in the window, or repair that file and rename it back.",
            ),
            Err(error) => info(
                format!("The broken settings file {} could not be put aside: {}.", file.display(), reason(&error)),
                "Repair or remove it.",
            ),
        });
    }
    loaded
}

/// Writes the settings: a new file beside the old one, forced to the disk, then renamed over it. Keys that this version
/// does not know stay. On unix only the user may read it (0600, folder 0700).
///
/// # Errors
/// One sentence; the old file is then as it was.
pub fn save(file: &Path, settings: &Settings) -> Result<(), StageError> {
    write_settings(file, settings, &|file, text| file.write_all(text)).map_err(|error| {
        StageError::new(
            Stage::Settings,
            Severity::Turn,
            format!("The settings could not be saved to {}: {}.", file.display(), reason(&error)),
            "They are in effect until the program ends; make room on the disk or allow writing there, then change them again.",
        )
    })
}

fn write_settings(file: &Path, settings: &Settings, write: &dyn Fn(&mut File, &[u8]) -> io::Result<()>) -> io::Result<()> {
    // A settings file that is a link (kept with other dotfiles) stays one: its target is replaced.
    let file = &fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let mut table = match read_table(file) {
        Ok(table) => table.unwrap_or_default(),
        Err(_) => {
            set_aside(file)?;
            Table::new()
        }
    };
    merge(&mut table, settings).map_err(io::Error::other)?;
    let text = toml::to_string_pretty(&table).map_err(io::Error::other)?;
    let folder = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::private_folder(folder)?;
    files::replace_private(file, &mut |new| write(new, text.as_bytes()))
}

/// Puts our values into a table: known keys are replaced or (when they say nothing) removed, others stay.
fn merge(table: &mut Table, settings: &Settings) -> Result<(), toml::ser::Error> {
    let known = Table::try_from(every_key())?;
    let mut ours = Table::try_from(settings)?;
    ours.iter_mut().for_each(|(_, value)| shorten_floats(value));
    for (section, keys) in &known {
        let mut new = match ours.remove(section) {
            Some(Value::Table(new)) => new,
            _ => Table::new(),
        };
        if let (Some(Value::Table(old)), Value::Table(keys)) = (table.remove(section), keys) {
            new.extend(old.into_iter().filter(|(key, _)| !keys.contains_key(key)));
        }
        table.insert(section.clone(), Value::Table(new));
    }
    Ok(())
}

/// 0.7 as an f32 is 0.699999988079071 as an f64; a person should read 0.7.
pub(super) fn shorten_floats(value: &mut Value) {
    match value {
        Value::Float(number) => *number = (*number as f32).to_string().parse().unwrap_or(*number),
        Value::Array(values) => values.iter_mut().for_each(shorten_floats),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| shorten_floats(value)),
        _ => {}
    }
}

/// Settings in which every optional value is there, so that its table names every key that we know.
pub(super) fn every_key() -> Settings {
    let mut all = Settings::default();
    all.audio.microphone = Some(String::new());
    all.audio.speaker = Some(String::new());
    all.models.folder = Some(PathBuf::new());
    all.models.mirror = Some(String::new());
    all.models.stt = Some(PathBuf::new());
    all.models.chat = Some(PathBuf::new());
    all.models.voice = Some(String::new());
    all.hearing.threads = Some(1);
    all.models.unload_after_minutes = Some(1);
    all.chat.seed = Some(0);
    all.chat.threads = Some(1);
    all.voice.noise = Some(0.0);
    all.voice.noise_width = Some(0.0);
    all.voice.speaker = Some(0);
    all
}

/// `Ok(None)`: there is no file. `Err`: why it cannot be used, without a full stop.
fn read_table(file: &Path) -> Result<Option<Table>, String> {
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(reason(&error)),
        // Opening a named pipe would wait for its writer.
        Ok(meta) if !meta.is_file() => return Err("it is not a file".to_owned()),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    files::open(file).and_then(|f| f.take(LARGEST_BYTES + 1).read_to_end(&mut bytes)).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > LARGEST_BYTES {
        return Err("it is larger than 1 MiB".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
    // Editors of another system put a byte order mark in front.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    text.parse::<Table>().map(Some).map_err(|error| {
        let line = error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().matches('\n').count()) + 1;
        format!("line {line}: {}", one_line(error.message()))
    })
}

/// The whole table, or, when something in it has a wrong kind, all that has not.
fn from_table(table: Table) -> (Settings, Vec<StageError>) {
    if let Ok(settings) = table.clone().try_into() {
        return (settings, Vec::new());
    }
    let mut good = Table::new();
    let mut notices = Vec::new();
    for (section, value) in table {
        let Value::Table(keys) = value else {
            good.insert(section.clone(), value);
            if good.clone().try_into::<Settings>().is_err() {
                good.remove(&section);
                notices.push(info(format!("The setting {section} is no section of the settings file."), "It is left out."));
            }
            continue;
        };
        let mut kept = Table::new();
        for (key, value) in keys {
            kept.insert(key.clone(), value);
            let probe = Table::from_iter([(section.clone(), Value::Table(kept.clone()))]);
            if let Err(error) = probe.try_into::<Settings>() {
                kept.remove(&key);
                let message = format!("The setting {section}.{key} cannot be used: {}.", one_line(error.message()));
                notices.push(info(message, "Its default is used."));
            }
        }
        good.insert(section, Value::Table(kept));
    }
    (good.try_into().unwrap_or_default(), notices)
}

/// Renames the file to the first free `….broken-<n>`.
fn set_aside(file: &Path) -> io::Result<PathBuf> {
    for n in 1..=999u32 {
        let kept = file.with_added_extension(format!("broken-{n}"));
        if fs::symlink_metadata(&kept).is_err() {
            return fs::rename(file, &kept).map(|()| kept);
        }
    }
    Err(io::Error::other("there are 999 broken ones already"))
}

fn info(message: String, hint: &str) -> StageError {
    StageError::new(Stage::Settings, Severity::Info, message, hint)
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
