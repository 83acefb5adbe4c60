//! The command line: it drives the same core as the window, with other inputs, outputs and a renderer. One file a command.

pub mod args;
pub mod ask;
pub mod bench;
pub mod devices;
pub mod doctor;
pub mod drive;
pub mod engines;
pub mod json;
pub mod models;
pub mod probe;
pub mod say;
pub mod settings;
pub mod terminal;
pub mod text;
pub mod transcribe;
pub mod window;
mod window_host;

use crate::config::load;
use crate::config::paths::Surroundings;
use crate::config::resolve::{self, Overrides};
use crate::config::settings::Settings;
use crate::config::{Config, EngineSet};
use crate::error::{Severity, Stage, StageError};
use args::{Cli, Command};
use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use terminal::Terminal;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Good,
    /// Something was not; a sentence on stderr says what.
    Failed,
    /// The command line was not understood.
    Usage,
    /// Ctrl+C: 128 + the number of SIGINT, as shells expect.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Good => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// What every command starts with.
#[derive(Clone, Debug)]
pub struct Context {
    /// What is used.
    pub config: Config,
    /// What the file says.
    pub settings: Settings,
    /// Where it is; `None`: this user has no home.
    pub settings_file: Option<PathBuf>,
    /// What the command line says.
    pub overrides: Overrides,
    /// This machine.
    pub surroundings: Surroundings,
    /// What was wrong with the settings.
    pub notices: Vec<StageError>,
}

/// Runs the program with these arguments (the first is its name).
pub fn run(args: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            terminal::show_usage(&error);
            return if error.exit_code() == 0 { Exit::Good } else { Exit::Usage };
        }
    };
    // A child of this program: it has no use for settings or a terminal.
    if let Some(Command::FetchWorker) = &cli.command {
        return fetch_worker();
    }
    let mut terminal = Terminal::of_this_process();
    let terminal = &mut terminal;
    if let Some(Command::Devices(args)) = &cli.command {
        return devices::run(args, terminal);
    }
    if let Some(Command::Probe(args)) = &cli.command {
        return probe::run(args, terminal);
    }
    // Who only looks changes nothing, so a broken file stays in its place.
    let look_only = match &cli.command {
        Some(Command::Doctor(_)) => true,
        Some(Command::Settings(args)) => !args.changes(),
        _ => false,
    };
    let context = context(cli.options.overrides(), Surroundings::of_this_process(), look_only);
    if let Some(Command::Doctor(args)) = &cli.command {
        return doctor::run(&context, args, terminal);
    }
    // No engine works here: a computer that is too old for them can still fetch and pack models for another one.
    if let Some(Command::Models(args)) = &cli.command {
        return models::run(&context, args, terminal);
    }
    if let Some(Command::Settings(args)) = &cli.command {
        return settings::run(&context, args, terminal);
    }
    if context.config.engines == EngineSet::Real
        && let Err(problem) = engines::check_cpu()
    {
        terminal.error(&problem);
        return Exit::Failed;
    }
    match cli.command {
        None => window::run(context, cli.json, terminal),
        Some(Command::Ask(args)) => ask::run(context, &args, terminal),
        Some(Command::Say(args)) => say::run(&context, &args, terminal),
        Some(Command::Transcribe(args)) => transcribe::run(&context, &args, terminal),
        Some(Command::Devices(args)) => devices::run(&args, terminal),
        Some(Command::Doctor(args)) => doctor::run(&context, &args, terminal),
        Some(Command::Models(args)) => models::run(&context, &args, terminal),
        Some(Command::Settings(args)) => settings::run(&context, &args, terminal),
        Some(Command::Bench(args)) => bench::run(context, &args, terminal),
        Some(Command::FetchWorker) => fetch_worker(),
        Some(Command::Probe(args)) => probe::run(&args, terminal),
    }
}

/// `hark fetch-worker`; its parent reads its last line, not its code.
fn fetch_worker() -> Exit {
    if crate::models::fetch::worker_main() == ExitCode::SUCCESS { Exit::Good } else { Exit::Failed }
}

/// Reads the settings and puts the configuration together.
fn context(overrides: Overrides, surroundings: Surroundings, look_only: bool) -> Context {
    let settings_file = surroundings.settings_file();
    let loaded = settings_file.as_deref().map(if look_only { load::read } else { load::load });
    let (settings, mut notices) = loaded.map_or_else(
        || {
            let message = "This user has no home folder, so choices are not kept.";
            (Settings::default(), vec![StageError::new(Stage::Settings, Severity::Info, message, "Set HARK_CONFIG_DIR to a folder.")])
        },
        |loaded| (loaded.settings, loaded.notices),
    );
    let (config, more) = resolve::resolve(&settings, &overrides, &surroundings);
    notices.extend(more);
    Context { config, settings, settings_file, overrides, surroundings, notices }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_command_line_come_together() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), "[voice]\nspeed = 1.5\nvolume = 9.0\n[chat]\nseed = 1\n").unwrap();
        let surroundings = Surroundings { config_dir: Some(dir.path().to_owned()), cores: 2, ..Surroundings::default() };
        let overrides = Overrides { seed: Some(2), ..Overrides::default() };
        let context = context(overrides, surroundings, false);
        assert_eq!((context.config.voice_options.speed, context.config.voice_options.volume), (1.5, 2.0));
        assert_eq!(context.config.chat.sampling.seed, Some(2));
        assert_eq!(context.notices.len(), 1, "{:?}", context.notices);
        assert!(context.notices[0].message.contains("voice.volume"));
    }

    #[test]
    fn a_user_without_a_home_is_told_and_served() {
        let context = context(Overrides::default(), Surroundings::default(), false);
        assert_eq!(context.settings, Settings::default());
        assert_eq!(context.notices.len(), 1);
    }
}
