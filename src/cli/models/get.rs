//! `hark models pull`, `import`, `pack`.

use super::args::Pull;
use super::list::installed_json;
use super::progress::Show;
use super::{Desk, Ended, Stop, purpose};
use crate::cli::terminal::{Stderr, Terminal};
use crate::models::catalog::CatalogModel;
use crate::models::ctranslate2::Weights;
use crate::models::fault::{Fault, InstallError, size};
use crate::models::fetch;
use crate::models::install::{self, FileQuestion, PullOptions};
use crate::models::library::Installed;
use crate::models::recommend::recommend;
use crate::printable::one_line;
use crate::turn::Outcome;
use crossbeam_channel::{RecvTimeoutError, bounded};
use serde_json::json;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Once a server could not be reached, so many tries for each further model: a cut line may have been a moment's, but without a
/// network a set of four models took 45 s to fail.
const TRIES_OFFLINE: u32 = 2;
/// How often a question looks whether Ctrl+C was pressed.
const LOOK: Duration = Duration::from_millis(50);

/// Gets models over the network, one after the other; what fails does not keep the others back.
pub(super) fn pull(desk: &Desk<'_>, args: &Pull, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let models = wanted(desk, args)?;
    let show = Show::of_this_process(desk.json);
    let accept = |question: &FileQuestion| {
        show.leave();
        keep(question, args.yes, &mut Stderr, &|| ask(&desk.stopped()))
    };
    let mut patience = fetch::Options::default();
    let usual_tries = patience.tries;
    patience.stall = args.stall.map_or(patience.stall, Duration::from_secs);
    let mut options = PullOptions { mirror: mirror(desk, args), accept: &accept, fetch: patience };
    let mut ended = Ended::Done;
    for model in models {
        if desk.cancel.is_cancelled() {
            return Ok(Ended::Interrupted);
        }
        let before = install::already(&desk.library, model).is_some();
        match install::pull(&desk.library, model, &options, &desk.stopped(), &mut |progress| show.show(&model.id, &progress)) {
            Ok(Outcome::Done(installed)) => {
                options.fetch.tries = usual_tries;
                said(desk, &installed, before, terminal)?;
            }
            Ok(Outcome::Cancelled) => {
                show.leave();
                return Ok(Ended::Interrupted);
            }
            Err(problem) => {
                show.leave();
                desk.problem(terminal, &problem)?;
                if problem.fault == Fault::Offline {
                    options.fetch.tries = usual_tries.min(TRIES_OFFLINE);
                }
                ended = Ended::Failed;
            }
        }
    }
    Ok(if desk.cancel.is_cancelled() { Ended::Interrupted } else { ended })
}

fn mirror(desk: &Desk<'_>, args: &Pull) -> Option<String> {
    let variable = std::env::var("HARK_HUB").ok().filter(|address| !address.trim().is_empty());
    args.mirror.clone().or(variable).or_else(|| desk.context.settings.models.mirror.clone())
}

/// The models that were named, or the set for this computer.
fn wanted<'d>(desk: &'d Desk<'_>, args: &Pull) -> Result<Vec<&'d CatalogModel>, InstallError> {
    let mut models: Vec<&CatalogModel> = Vec::new();
    for id in &args.ids {
        models.push(desk.catalog.get(id).ok_or_else(|| {
            InstallError::new(Fault::Missing, format!("The catalog has no model called {id}."), "See hark models list for their names.")
        })?);
    }
    if args.recommended {
        let set = recommend(&desk.catalog, &desk.machine(), &desk.languages());
        if set.is_empty() {
            let message = "No model of the catalog fits this computer.";
            return Err(InstallError::new(Fault::Missing, message, "The starter models work on every computer."));
        }
        // What came with the program, or lies in the cache of another one, need not come again.
        let installed = desk.library.installed();
        let is_there = |model: &CatalogModel| installed.iter().any(|there| there.record.is_none() && there.is_of(model));
        models.extend(set.into_iter().filter(|model| !is_there(model)));
    }
    Ok(models)
}

/// Whether a file is kept whose hash is not certain. What came is said also when nobody is asked: whoever looks later must find
/// that it is not the published file.
fn keep(question: &FileQuestion, yes: bool, err: &mut dyn Write, ask: &dyn Fn() -> bool) -> bool {
    let expected = match &question.expected {
        Some(expected) => format!("published is {expected}"),
        None => "nobody told us what it should be".to_owned(),
    };
    let FileQuestion { model, file, bytes, sha256, .. } = question;
    let _ = writeln!(err, "{file} of {model} came: {}, SHA-256 {sha256}; {expected}.", size(*bytes));
    yes || ask()
}

/// Asks on a terminal; without one the answer is no.
fn ask(stopped: &dyn Fn() -> bool) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    let _ = write!(Stderr, "Keep it? [y/N] ");
    let (tx, rx) = bounded(1);
    // A thread of its own, so that Ctrl+C is heard while nobody types.
    let reader = std::thread::Builder::new().name("hark-question".to_owned()).spawn(move || {
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line).is_ok() {
            // Nobody waits any more after Ctrl+C.
            let _ = tx.send(line);
        }
    });
    if reader.is_err() {
        return false;
    }
    loop {
        match rx.recv_timeout(LOOK) {
            Ok(line) => return matches!(line.trim().to_lowercase().as_str(), "y" | "yes"),
            Err(RecvTimeoutError::Timeout) if !stopped() => {}
            Err(_) => return false,
        }
    }
}

/// Takes over files, folders and packs.
pub(super) fn import(desk: &Desk<'_>, from: &[PathBuf], weights: Weights, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let show = Show::of_this_process(desk.json);
    let mut ended = Ended::Done;
    for path in from {
        let what = path.display().to_string();
        let mut on = |progress| show.show(&what, &progress);
        let result = install::import_as(&desk.library, &desk.catalog, path, weights, &desk.stopped(), &mut on);
        show.leave();
        match result {
            Ok(Outcome::Cancelled) => return Ok(Ended::Interrupted),
            Ok(Outcome::Done(imported)) => {
                for model in &imported.installed {
                    said(desk, model, imported.already.contains(&model.id), terminal)?;
                }
                for sentence in imported.doubtful() {
                    if desk.json {
                        terminal.json(&json!({"event": "doubtful", "message": sentence}))?;
                    } else {
                        terminal.line(&one_line(&sentence))?;
                    }
                }
                for problem in &imported.refused {
                    desk.problem(terminal, problem)?;
                    ended = Ended::Failed;
                }
            }
            Err(problem) => {
                desk.problem(terminal, &problem)?;
                ended = Ended::Failed;
            }
        }
    }
    Ok(ended)
}

fn said(desk: &Desk<'_>, model: &Installed, before: bool, terminal: &mut Terminal) -> Result<(), Stop> {
    if desk.json {
        let mut line = installed_json("installed", model);
        line["already"] = json!(before);
        terminal.json(&line)?;
    } else if before {
        terminal.line(&one_line(&format!("{} ({}) is there already", model.id, purpose(model.kind))))?;
    } else {
        terminal.line(&one_line(&format!("{} ({}, {}) is installed", model.id, purpose(model.kind), size(model.bytes))))?;
    }
    Ok(())
}

/// Writes a pack.
pub(super) fn pack(desk: &Desk<'_>, ids: &[String], out: &Path, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let show = Show::of_this_process(desk.json);
    let what = out.display().to_string();
    let result = crate::models::pack::pack(&desk.library, ids, out, &desk.stopped(), &mut |progress| show.show(&what, &progress));
    show.leave();
    match result? {
        Outcome::Cancelled => Ok(Ended::Interrupted),
        Outcome::Done(bytes) => {
            if desk.json {
                terminal.json(&json!({"event": "packed", "file": out, "bytes": bytes, "models": ids}))?;
            } else {
                terminal.line(&one_line(&format!("{what}, {}; on the other machine: hark models import {what}", size(bytes))))?;
            }
            Ok(Ended::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::catalog::Evidence;

    #[test]
    fn a_file_that_is_not_the_published_one_is_told_of_also_when_nobody_is_asked() {
        let question = FileQuestion {
            model: "anna".into(),
            file: "anna.onnx".into(),
            bytes: 5,
            sha256: "c".repeat(64),
            expected: Some("e".repeat(64)),
            evidence: Evidence::Reported,
        };
        for (yes, answer, kept) in [(true, false, true), (false, true, true), (false, false, false)] {
            let mut said = Vec::new();
            assert_eq!(keep(&question, yes, &mut said, &|| answer), kept);
            let said = String::from_utf8(said).unwrap();
            assert!(said.contains(&question.sha256) && said.contains(&format!("published is {}", "e".repeat(64))), "{said}");
        }
    }
}
