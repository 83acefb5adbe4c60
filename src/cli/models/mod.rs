//! `hark models`: what is installed, what can be had, and everything that can be done with it. The window's model page has
//! the same actions.

pub mod args;
mod get;
mod list;
mod look;
mod progress;

use super::terminal::{Interrupt, Terminal};
use super::{Context, Exit};
use crate::models::catalog::{Catalog, ModelKind};
use crate::models::fault::{Fault, InstallError};
use crate::models::library::Library;
use crate::models::machine::Machine;
use crate::platform::files;
use crate::turn::CancelToken;
use args::{Command, Models};
use serde_json::json;
use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

/// More than this is no catalog.
const LARGEST_CATALOG: u64 = 4 << 20;

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Done,
    /// What failed was said already.
    Failed,
    Interrupted,
}

/// Why a command ended before its end.
#[derive(Debug)]
enum Stop {
    /// To be said.
    Problem(InstallError),
    /// stdout is gone.
    Output(io::Error),
}

impl From<InstallError> for Stop {
    fn from(error: InstallError) -> Self {
        Stop::Problem(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Output(error)
    }
}

/// What each command works with.
struct Desk<'a> {
    context: &'a Context,
    library: Library,
    catalog: Cow<'a, Catalog>,
    json: bool,
    cancel: CancelToken,
}

impl Desk<'_> {
    /// Says what went wrong: on stderr as a sentence, and for programs as a line too.
    fn problem(&self, terminal: &mut Terminal, problem: &InstallError) -> io::Result<()> {
        terminal.error(problem);
        if self.json {
            terminal.json(&json!({"event": "error", "message": problem.message, "hint": problem.hint}))?;
        }
        Ok(())
    }

    /// This computer, with what was measured on it.
    fn machine(&self) -> Machine {
        Machine::of_this_computer(self.library.root()).with_measured_speed(self.context.surroundings.cache_dir.as_deref())
    }

    /// What is spoken here: by the command line, the settings, or the system.
    fn languages(&self) -> Vec<String> {
        let spoken = self.context.overrides.languages.clone().unwrap_or_else(|| self.context.settings.hearing.languages.clone());
        let system = Some(self.context.surroundings.language.clone()).filter(|language| !language.is_empty());
        if spoken.is_empty() { system.into_iter().collect() } else { spoken }
    }

    /// For work that is not done on this thread's own loop.
    fn stopped(&self) -> impl Fn() -> bool + '_ {
        || self.cancel.is_cancelled()
    }
}

/// Runs it.
pub fn run(context: &Context, args: &Models, terminal: &mut Terminal) -> Exit {
    let interrupt = Interrupt::catch();
    context.notices.iter().filter(|notice| notice.stage == crate::error::Stage::Settings).for_each(|notice| terminal.error(notice));
    let result = desk(context, args, interrupt.token.clone()).map_err(Stop::from).and_then(|desk| {
        let ended = command(&desk, &args.command, terminal);
        if let Err(Stop::Problem(problem)) = ended {
            desk.problem(terminal, &problem)?;
            return Ok(Ended::Failed);
        }
        ended
    });
    match result {
        Ok(Ended::Done) => Exit::Good,
        Ok(Ended::Failed) => Exit::Failed,
        Ok(Ended::Interrupted) => Exit::Interrupted,
        Err(Stop::Problem(problem)) => {
            terminal.error(&problem);
            Exit::Failed
        }
        Err(Stop::Output(error)) => {
            terminal.lost(&error);
            Exit::Failed
        }
    }
}

fn desk<'a>(context: &'a Context, args: &Models, cancel: CancelToken) -> Result<Desk<'a>, InstallError> {
    let chosen = context.overrides.models.as_deref();
    let library = Library::of_this_user(&context.surroundings, chosen, context.settings.models.folder.as_deref())?;
    let catalog = match &args.catalog {
        Some(path) => Cow::Owned(read_catalog(path)?),
        None => Cow::Borrowed(Catalog::builtin()),
    };
    Ok(Desk { context, library, catalog, json: args.json, cancel })
}

fn read_catalog(path: &Path) -> Result<Catalog, InstallError> {
    let bad = |why: String| {
        InstallError::new(Fault::Refused, format!("The catalog {} cannot be used: {why}.", path.display()), "Repair it or leave it out.")
    };
    let meta = std::fs::metadata(path).map_err(|error| bad(crate::error::reason(&error)))?;
    if !meta.is_file() || meta.len() > LARGEST_CATALOG {
        return Err(bad("it is no file of at most 4 MiB".to_owned()));
    }
    let mut text = String::new();
    files::open(path)
        .and_then(|file| file.take(LARGEST_CATALOG).read_to_string(&mut text))
        .map_err(|error| bad(crate::error::reason(&error)))?;
    Catalog::parse(&text).map_err(|error| bad(error.to_string().trim_end_matches('.').replace('\n', " ")))
}

fn command(desk: &Desk<'_>, command: &Command, terminal: &mut Terminal) -> Result<Ended, Stop> {
    match command {
        Command::List => list::list(desk, terminal),
        Command::Info { id } => look::info(desk, id, terminal),
        Command::Pull(pull) => get::pull(desk, pull, terminal),
        Command::Import { from, weights } => get::import(desk, from, *weights, terminal),
        Command::Pack { ids, out } => get::pack(desk, ids, out, terminal),
        Command::Verify { ids } => look::verify(desk, ids, terminal),
        Command::Remove { ids } => look::remove(desk, ids, terminal),
        Command::Use { id } => look::use_it(desk, id, terminal),
        Command::Path { id } => look::path(desk, id.as_deref(), terminal),
    }
}

/// What a model is for, in a word.
fn purpose(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Stt => "hearing",
        ModelKind::Chat => "chat",
        ModelKind::Voice => "voice",
        ModelKind::Vad => "speech or noise",
        ModelKind::Embedding => "search",
    }
}
