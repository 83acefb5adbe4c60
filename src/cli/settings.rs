//! `hark settings`: every switch of the window, and what only the file has, for those who do not use a mouse, and for scripts.

use super::terminal::Terminal;
use super::{Context, Exit};
use crate::config::settings::Settings;
use crate::config::{edit, load, resolve};
use crate::error::{Severity, Stage, StageError};
use crate::printable::one_line;
use clap::Args;
use serde_json::json;
use std::io;
use toml::Value;

/// What is said after a change: the window keeps its own copy of the settings, and writes that.
pub(super) const KEPT: &str = "; a Hark that is open keeps what it uses: choose there, or close it first";

/// `hark settings`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Which one, as it is listed; without it all are listed.
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// What it is to be from now on.
    #[arg(value_name = "VALUE", requires = "name")]
    pub value: Option<String>,
    /// As it is when nobody chooses.
    #[arg(long, requires = "name", conflicts_with = "value")]
    pub reset: bool,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

impl Arguments {
    /// Whether something is to be changed.
    pub(super) fn changes(&self) -> bool {
        self.value.is_some() || self.reset
    }
}

const EXAMPLES: &str = "Examples:
  hark settings                              all, one a line
  hark settings hearing.languages en,zh      the languages that you speak
  hark settings power.save_on_battery false  all threads on battery, too
  hark settings models.fit_memory false      load what was chosen, whatever memory is free
  hark settings models.unload_after_minutes 15
  hark settings voice.speed --reset";

/// Runs the command.
pub fn run(context: &Context, args: &Arguments, terminal: &mut Terminal) -> Exit {
    context.notices.iter().filter(|notice| notice.stage == Stage::Settings).for_each(|notice| terminal.error(notice));
    let done = match (&args.name, args.value.as_deref(), args.reset) {
        (Some(name), None, true) => change(context, name, edit::reset(&context.settings, name)),
        (Some(name), Some(value), _) => change(context, name, edit::set(&context.settings, name, value)),
        _ => Ok(context.settings.clone()),
    };
    let changed = args.changes();
    let settings = match done {
        Ok(settings) => settings,
        Err(problem) => {
            terminal.error(&problem);
            return Exit::Failed;
        }
    };
    let all = edit::entries(&settings);
    let wanted: Vec<_> = all.into_iter().filter(|(name, _)| args.name.as_ref().is_none_or(|wanted| wanted == name)).collect();
    if let (true, Some(name)) = (wanted.is_empty(), &args.name) {
        terminal.error(&unknown(format!("there is no setting \"{}\"", name.escape_debug())));
        return Exit::Failed;
    }
    for (name, value) in wanted {
        if let Err(error) = say(&name, value.as_ref(), changed, args.json, terminal) {
            terminal.lost(&error);
            return Exit::Failed;
        }
    }
    Exit::Good
}

fn say(name: &str, value: Option<&Value>, changed: bool, json: bool, terminal: &mut Terminal) -> io::Result<()> {
    if json {
        return terminal.json(&json!({"event": "setting", "name": name, "value": value, "changed": changed}));
    }
    let words = value.map_or_else(|| format!("# {name} is not set: the program chooses"), |value| format!("{name} = {value}"));
    terminal.line(&one_line(&format!("{words}{}", if changed { KEPT } else { "" })))
}

/// Writes the changed settings, when nothing is wrong with them that was not wrong before.
fn change(context: &Context, name: &str, changed: Result<Settings, String>) -> Result<Settings, StageError> {
    let settings = changed.map_err(unknown)?;
    let notices = |settings: &Settings| resolve::resolve(settings, &context.overrides, &context.surroundings).1;
    let before = notices(&context.settings);
    if let Some(new) = notices(&settings).into_iter().find(|notice| !before.contains(notice)) {
        let message = format!("{name} stays as it is: {}.", edit::cause(&new.message));
        return Err(StageError::new(Stage::Settings, Severity::Turn, message, "Look at how the name of the file is written."));
    }
    let Some(file) = &context.settings_file else {
        let message = "This user has no home folder, so choices are not kept.";
        return Err(StageError::new(Stage::Settings, Severity::Turn, message, "Set HARK_CONFIG_DIR to a folder."));
    };
    load::save(file, &settings)
        .map_err(|error| StageError { hint: "Make room on the disk or allow writing there, then try again.".to_owned(), ..error })?;
    Ok(settings)
}

fn unknown(why: String) -> StageError {
    let mut sentence = why;
    sentence.get_mut(..1).map(str::make_ascii_uppercase);
    let hint = "See hark settings for all names and what they are now.";
    StageError::new(Stage::Settings, Severity::Turn, format!("{sentence}."), hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::context;
    use crate::config::paths::Surroundings;
    use crate::config::resolve::Overrides;

    fn with(folder: &std::path::Path, args: &[&str]) -> (Exit, String, String) {
        let surroundings = Surroundings { config_dir: Some(folder.to_owned()), cores: 2, ..Surroundings::default() };
        let context = context(Overrides::default(), surroundings, false);
        let mut terminal = Terminal::to_memory();
        let texts: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let (mut named, mut given) = (texts.iter().filter(|arg| !arg.starts_with("--")).cloned(), texts.iter());
        let args = Arguments {
            name: named.next(),
            value: named.next(),
            reset: given.clone().any(|arg| arg == "--reset"),
            json: given.any(|arg| arg == "--json"),
        };
        let exit = run(&context, &args, &mut terminal);
        let (out, err) = terminal.memory();
        (exit, out, err)
    }

    #[test]
    fn a_setting_is_shown_changed_kept_and_reset() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("settings.toml");
        std::fs::write(&file, "[voice]\nspeed = 1.5\nfuture = true\n").unwrap();
        let (exit, out, _) = with(dir.path(), &[]);
        assert!(exit == Exit::Good && out.lines().count() > 30, "{out}");
        assert!(out.contains("voice.speed = 1.5\n") && out.contains("# models.chat is not set: the program chooses\n"), "{out}");
        let (exit, out, _) = with(dir.path(), &["power.save_on_battery", "false"]);
        assert!(exit == Exit::Good && out.starts_with("power.save_on_battery = false; a Hark that is open keeps"), "{out}");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains("save_on_battery = false") && text.contains("speed = 1.5") && text.contains("future = true"), "{text}");
        let (_, out, _) = with(dir.path(), &["hearing.languages", "en,zh", "--json"]);
        let line: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&line["name"], &line["value"], &line["changed"]), (&json!("hearing.languages"), &json!(["en", "zh"]), &json!(true)));
        assert_eq!(with(dir.path(), &["voice.speed", "--reset"]).0, Exit::Good);
        assert_eq!(with(dir.path(), &["voice.speed"]).1, "voice.speed = 1.0\n");
    }

    #[test]
    fn what_cannot_be_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        for args in [&["voice.speeed"][..], &["voice.speed", "fast"], &["voice.speeed", "--reset"], &["models.chat", "/not/there.gguf"]] {
            let (exit, out, err) = with(dir.path(), args);
            assert!(exit == Exit::Failed && out.is_empty(), "{args:?}: {out}");
            assert!(err.contains("settings") && err.contains(args[0]), "{args:?}: {err}");
        }
        assert!(!dir.path().join("settings.toml").exists());
    }
}
