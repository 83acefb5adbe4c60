//! `hark models info`, `verify`, `remove`, `use`, `path`.

use super::list::{fit_words, installed_json, languages, languages_of, offer_json};
use super::progress::Show;
use super::{Desk, Ended, Stop, purpose};
use crate::cli::settings::KEPT;
use crate::cli::terminal::Terminal;
use crate::config::{VoiceChoice, load};
use crate::models::catalog::{CatalogModel, Evidence, ModelKind, Source};
use crate::models::fault::{Fault, InstallError, size};
use crate::models::fit::fit;
use crate::models::library::{Installed, Removed};
use crate::models::verify::FileState;
use crate::printable::one_line;
use crate::turn::Outcome;
use serde_json::json;

/// Shows everything that is known of one model.
pub(super) fn info(desk: &Desk<'_>, id: &str, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let installed = desk.library.get(id);
    // Another file may have the name of a model of the catalog; what is said of that one does not hold for it.
    let offer = desk.catalog.get(id).filter(|offer| installed.as_ref().is_none_or(|model| model.is_of(offer)));
    if installed.is_none() && offer.is_none() {
        let message = format!("There is no model called {id}, neither installed nor in the catalog.");
        return Err(InstallError::new(Fault::Missing, message, "See hark models list for their names.").into());
    }
    let machine = desk.machine();
    if desk.json {
        if let Some(model) = &installed {
            terminal.json(&installed_json("installed", model))?;
        }
        if let Some(model) = offer {
            let mut line = offer_json("offer", model, &machine);
            line["files"] = json!(model.files);
            line["sources"] = json!(model.sources);
            terminal.json(&line)?;
        }
        return Ok(Ended::Done);
    }
    let mut say = |name: &str, value: &str| {
        if value.is_empty() { Ok(()) } else { terminal.line(&one_line(&format!("{name:<12} {value}"))) }
    };
    say("name", offer.map_or_else(|| installed.as_ref().map_or(id, |model| &model.name), |model| &model.name))?;
    say("for", installed.as_ref().map(|model| model.kind).or(offer.map(|model| model.kind)).map_or("", purpose))?;
    if let Some(model) = offer {
        say("languages", &languages(&model.languages))?;
        say("licence", &model.licence)?;
        say("described at", model.about.as_deref().unwrap_or_default())?;
        say("size", &model.bytes().map_or_else(|| "not known".to_owned(), size))?;
        say("memory", &format!("{} while it works", size(model.memory_mb.saturating_mul(1_000_000))))?;
        say("context", &model.context.map_or_else(String::new, |context| format!("{context} tokens")))?;
        say("here", &fit_words(fit(model, &machine)))?;
        say("hashes", evidence_words(model.evidence()))?;
        for source in &model.sources {
            say("from", &source_words(source))?;
        }
        for file in &model.files {
            let known = file.sha256.as_deref().map_or_else(|| "SHA-256 not known".to_owned(), |sha256| format!("SHA-256 {sha256}"));
            say("file", &format!("{}, {}, {known}", file.name, file.bytes.map_or_else(|| "size not known".to_owned(), size)))?;
        }
    }
    match &installed {
        Some(model) => here(model, offer, &mut say)?,
        None => say("installed", &format!("no; hark models pull {id}"))?,
    }
    Ok(Ended::Done)
}

fn here(model: &Installed, offer: Option<&CatalogModel>, say: &mut dyn FnMut(&str, &str) -> std::io::Result<()>) -> std::io::Result<()> {
    say("installed", &model.file.display().to_string())?;
    let Some(record) = &model.record else {
        say("size", &if offer.is_some() { String::new() } else { size(model.bytes) })?;
        return say("record", "none: it was put there by hand, or by another program");
    };
    if offer.is_none() {
        say("languages", &languages(&languages_of(model)))?;
        say("licence", record.licence.as_deref().unwrap_or_default())?;
        say("size", &size(model.bytes))?;
    }
    say("when", &record.installed)?;
    say("taken from", &record.from)?;
    for file in &record.files {
        let as_expected = match file.as_expected {
            Some(true) => ", as announced",
            Some(false) => ", not the announced one; it was accepted",
            None => "",
        };
        say("has", &format!("{}, {}, SHA-256 {}{as_expected}", file.name, size(file.bytes), file.sha256))?;
    }
    Ok(())
}

fn evidence_words(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Seen => "computed by us from the files; anything else is refused",
        Evidence::Reported => "as published by others; when a file differs you are shown its hash and asked",
        Evidence::Unknown => "not known; you are shown the hash that came and asked",
    }
}

fn source_words(source: &Source) -> String {
    match source {
        Source::Hub { repo, revision: Some(revision) } => format!("Hugging Face, {repo} at {revision}"),
        Source::Hub { repo, revision: None } => format!("Hugging Face, {repo}, whatever its main branch holds on that day"),
        Source::Web { base } => base.clone(),
        Source::Folder { path } => path.clone(),
        Source::Setup { package } => format!("scripts/setup ({package})"),
    }
}

/// Compares installed files with what they should be.
pub(super) fn verify(desk: &Desk<'_>, ids: &[String], terminal: &mut Terminal) -> Result<Ended, Stop> {
    let all = || desk.library.installed().into_iter().filter(|model| model.record.is_some() || model.writable).map(|model| model.id);
    let ids: Vec<String> = if ids.is_empty() { all().collect() } else { ids.to_vec() };
    let show = Show::of_this_process(desk.json);
    let mut ended = Ended::Done;
    for id in &ids {
        let verified = match desk.library.verify(id, &desk.catalog, &desk.stopped(), &mut |progress| show.show(id, &progress)) {
            Ok(Outcome::Done(verified)) => verified,
            Ok(Outcome::Cancelled) => return Ok(Ended::Interrupted),
            Err(problem) => {
                desk.problem(terminal, &problem)?;
                ended = Ended::Failed;
                continue;
            }
        };
        show.leave();
        let problem = verified.problem();
        if desk.json {
            terminal.json(&json!({"event": "verified", "id": id, "good": problem.is_none(), "files": verified.files}))?;
        } else if problem.is_none() {
            let unchanged = verified.files.iter().all(|file| file.state == FileState::Good);
            let words = match (verified.is_known(), unchanged) {
                (true, _) => "all files are as they should be",
                (false, true) => "its files have not changed since they came; what their hashes should be is not known for certain",
                (false, false) => "its files can be used; nobody knows what their hashes should be",
            };
            terminal.line(&one_line(&format!("{id}: {words}")))?;
        }
        if let Some(problem) = problem {
            desk.problem(terminal, &problem)?;
            ended = Ended::Failed;
        }
    }
    Ok(ended)
}

/// Removes models.
pub(super) fn remove(desk: &Desk<'_>, ids: &[String], terminal: &mut Terminal) -> Result<Ended, Stop> {
    let mut ended = Ended::Done;
    for id in ids {
        match desk.library.remove(id) {
            Ok(Removed { model: Some(model), .. }) if desk.json => terminal.json(&installed_json("removed", &model))?,
            Ok(Removed { bytes, .. }) if desk.json => {
                terminal.json(&json!({"event": "removed", "id": id, "bytes": bytes}))?;
            }
            Ok(Removed { model: None, bytes }) => {
                terminal.line(&one_line(&format!("What was left of {id} is removed, {} are free again", size(bytes))))?;
            }
            Ok(Removed { model: Some(model), bytes }) => {
                let note = if is_used(desk, &model) {
                    "; it was the one in use: a Hark that is open keeps it until it is closed, then the best other one is used"
                } else {
                    ""
                };
                terminal.line(&one_line(&format!("{id} is removed, {} are free again{note}", size(bytes))))?;
            }
            Err(problem) => {
                desk.problem(terminal, &problem)?;
                ended = Ended::Failed;
            }
        }
    }
    Ok(ended)
}

fn is_used(desk: &Desk<'_>, model: &Installed) -> bool {
    let config = &desk.context.config;
    match model.kind {
        ModelKind::Stt => config.stt_model.as_ref() == Some(&model.file),
        ModelKind::Chat => config.chat_model.as_ref() == Some(&model.file),
        ModelKind::Voice => config.voice == VoiceChoice::Vits(model.file.clone()),
        ModelKind::Vad | ModelKind::Embedding => false,
    }
}

/// Writes a model into the settings.
pub(super) fn use_it(desk: &Desk<'_>, id: &str, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let model = desk.library.expect(id)?;
    let mut settings = desk.context.settings.clone();
    let file = model.file.clone();
    match model.kind {
        ModelKind::Stt => settings.models.stt = Some(file),
        ModelKind::Chat => settings.models.chat = Some(file),
        ModelKind::Voice => settings.models.voice = Some(file.display().to_string()),
        ModelKind::Vad | ModelKind::Embedding => {
            let message = format!("{id} is a model that the program chooses by itself.");
            return Err(InstallError::new(Fault::Refused, message, "There is nothing to set.").into());
        }
    }
    let Some(settings_file) = &desk.context.settings_file else {
        let message = "This user has no home folder, so choices are not kept.";
        return Err(InstallError::new(Fault::Missing, message, "Set HARK_CONFIG_DIR to a folder.").into());
    };
    load::save(settings_file, &settings)
        .map_err(|error| InstallError::new(Fault::Io, error.message, "Make room on the disk or allow writing there."))?;
    if desk.json {
        terminal.json(&installed_json("used", &model))?;
    } else {
        terminal.line(&one_line(&format!("{id} is used for {} from now on{KEPT}", purpose(model.kind))))?;
    }
    Ok(Ended::Done)
}

/// Prints a place.
pub(super) fn path(desk: &Desk<'_>, id: Option<&str>, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let place = match id {
        None => desk.library.root().to_owned(),
        Some(id) => desk.library.expect(id)?.file,
    };
    if desk.json {
        terminal.json(&json!({"event": "path", "id": id, "path": place}))?;
    } else {
        terminal.json(&one_line(&place.display()))?;
    }
    Ok(Ended::Done)
}
