//! `hark` without a command: the window, once for each user.

use super::terminal::Terminal;
use super::{Context, Exit, engines};
use crate::config::Config;
use crate::config::paths::Surroundings;
use crate::config::resolve::Overrides;
use crate::config::settings::Settings;
use crate::error::{Severity, Stage, StageError};
use crate::platform::instance::Instance;
use std::path::PathBuf;

/// What the window starts with. It keeps `overrides` and `surroundings` to resolve the settings anew when they change.
#[derive(Debug)]
pub struct Opening {
    /// The configuration of the first turn.
    pub config: Config,
    /// What the file says.
    pub settings: Settings,
    /// Where changes are saved; `None`: nowhere.
    pub settings_file: Option<PathBuf>,
    /// What the command line says; goes before the settings as long as the window is open.
    pub overrides: Overrides,
    /// This machine.
    pub surroundings: Surroundings,
    /// To be shown first.
    pub notices: Vec<StageError>,
    /// Write what happens to stdout as well, as `hark ask --json` does.
    pub json: bool,
}

/// Runs it.
pub fn run(context: Context, json: bool, terminal: &mut Terminal) -> Exit {
    if !has_display() {
        terminal.error(&StageError::new(
            Stage::Desktop,
            Severity::Stage,
            "No display was found, so the window cannot be opened.",
            "Start it in a desktop session, or ask on the command line: hark ask --text \"…\".",
        ));
        return Exit::Failed;
    }
    // Held until the window is closed.
    let _instance = match context.surroundings.config_dir.as_deref().map(Instance::acquire).transpose() {
        Ok(instance) => instance,
        Err(running) => {
            terminal.error(&running);
            return Exit::Failed;
        }
    };
    let Context { config, settings, settings_file, overrides, surroundings, notices } = context;
    let opening = Opening { config, settings, settings_file, overrides, surroundings, notices, json };
    match engines::open_window(opening) {
        Ok(()) => Exit::Good,
        Err(problem) => {
            terminal.error(&problem);
            Exit::Failed
        }
    }
}

/// Whether a window could be opened: on Linux and the BSDs an X11 or Wayland server is named; elsewhere there always is one.
#[must_use]
pub fn has_display() -> bool {
    let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(any(target_os = "windows", target_os = "macos")) || named("DISPLAY") || named("WAYLAND_DISPLAY") || named("WAYLAND_SOCKET")
}
