//! `hark models list`.

use super::{Desk, Ended, Stop, purpose};
use crate::cli::terminal::Terminal;
use crate::models::catalog::CatalogModel;
use crate::models::fault::size;
use crate::models::fit::{Fit, fit};
use crate::models::library::{Installed, Origin};
use crate::models::machine::Machine;
use crate::models::recommend::recommend;
use crate::printable::one_line;
use serde_json::{Value, json};

/// Shows what is installed, then what can be had.
pub(super) fn list(desk: &Desk<'_>, terminal: &mut Terminal) -> Result<Ended, Stop> {
    let installed = desk.library.installed();
    let machine = desk.machine();
    let set: Vec<&str> = recommend(&desk.catalog, &machine, &desk.languages()).iter().map(|model| model.id.as_str()).collect();
    let offers: Vec<&CatalogModel> = desk.catalog.models.iter().filter(|model| !installed.iter().any(|there| there.is_of(model))).collect();
    if desk.json {
        for model in &installed {
            terminal.json(&installed_json("installed", model))?;
        }
        for folder in desk.library.to_import() {
            terminal.line(&json!({"event": "importable", "path": folder}).to_string())?;
        }
        for model in offers {
            let mut line = offer_json("offer", model, &machine);
            line["recommended"] = json!(set.contains(&model.id.as_str()));
            terminal.json(&line)?;
        }
        return Ok(Ended::Done);
    }
    terminal.line(&one_line(&format!("Installed; new ones go to {}", desk.library.root().display())))?;
    let rows: Vec<[String; 5]> = installed.iter().map(|model| installed_row(desk, model)).collect();
    if rows.is_empty() {
        terminal.line("  nothing yet; hark models pull --recommended gets what suits this computer")?;
    }
    table(&rows, terminal)?;
    terminal.line("")?;
    let folders = desk.library.to_import();
    if !folders.is_empty() {
        terminal.line("Models of faster-whisper; hark models import PATH takes them over")?;
        for folder in folders {
            terminal.line(&one_line(&format!("  {}", folder.display())))?;
        }
        terminal.line("")?;
    }
    terminal.line("Can be had with hark models pull NAME")?;
    let rows: Vec<[String; 5]> = offers.into_iter().map(|model| offer_row(model, &machine, set.contains(&model.id.as_str()))).collect();
    if rows.is_empty() {
        terminal.line("  nothing more")?;
    }
    table(&rows, terminal)?;
    Ok(Ended::Done)
}

fn installed_row(desk: &Desk<'_>, model: &Installed) -> [String; 5] {
    let config = &desk.context.config;
    let voice = crate::config::VoiceChoice::Vits(model.file.clone());
    let used = [&config.stt_model, &config.chat_model].into_iter().flatten().any(|file| *file == model.file) || config.voice == voice;
    let note = [used.then_some("in use"), Some(place(model)).filter(|place| !place.is_empty())];
    let note = note.into_iter().flatten().collect::<Vec<_>>().join(", ");
    [purpose(model.kind).to_owned(), model.id.clone(), size(model.bytes), languages(&languages_of(model)), note]
}

fn place(model: &Installed) -> &'static str {
    match (model.origin, model.starter, &model.record) {
        (_, true, _) => "starter model",
        (Origin::Library, _, Some(_)) => "",
        (Origin::Library, _, None) => "put there by hand",
        (Origin::Checkout, ..) => "beside the program",
        (Origin::HubCache, ..) => "in the Hugging Face cache",
        (Origin::Folder, ..) => "in another folder, read only",
    }
}

fn offer_row(model: &CatalogModel, machine: &Machine, recommended: bool) -> [String; 5] {
    let bytes = model.bytes().map_or_else(|| "?".to_owned(), size);
    let fits = fit_words(fit(model, machine));
    let note = if recommended { format!("recommended; {fits}") } else { fits };
    [purpose(model.kind).to_owned(), model.id.clone(), bytes, languages(&model.languages), note]
}

/// Whether it fits, in words.
pub(super) fn fit_words(fit: Fit) -> String {
    match fit {
        Fit::Good => "fits".to_owned(),
        Fit::Slow => "fits, slow on this computer".to_owned(),
        Fit::Tight { free_bytes } => format!("fits when other programs are closed: {} of memory are free now", size(free_bytes)),
        Fit::TooBig { needs_bytes, there_bytes } => {
            format!("too big: needs {} of memory, there are {}", size(needs_bytes), size(there_bytes))
        }
        Fit::NoRoom { needs_bytes, free_bytes } => format!("no room: needs {} of disk, {} are free", size(needs_bytes), size(free_bytes)),
    }
}

/// Languages for people.
pub(super) fn languages(codes: &[String]) -> String {
    match codes {
        [] => String::new(),
        [all] if all == "*" => "about 100 languages".to_owned(),
        several => several.join(", "),
    }
}

pub(super) fn languages_of(model: &Installed) -> Vec<String> {
    model.record.as_ref().map(|record| record.languages.clone()).unwrap_or_default()
}

/// Columns as wide as their widest entry; the last one is not filled up.
fn table(rows: &[[String; 5]], terminal: &mut Terminal) -> Result<(), Stop> {
    let mut widths = [0; 5];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().min(44).max(*width);
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{}  ", format_args!("{cell:width$}")));
        let line: String = cells.collect();
        terminal.line(&one_line(&format!("  {}", line.trim_end())))?;
    }
    Ok(())
}

/// An installed model for programs.
pub(super) fn installed_json(event: &str, model: &Installed) -> Value {
    json!({
        "event": event, "id": model.id, "name": model.name, "kind": model.kind, "file": model.file, "folder": model.folder,
        "bytes": model.bytes, "starter": model.starter, "origin": model.origin, "writable": model.writable,
        "languages": languages_of(model), "licence": model.record.as_ref().and_then(|record| record.licence.clone()),
        "installed": model.record.as_ref().map(|record| record.installed.clone()),
        "from": model.record.as_ref().map(|record| record.from.clone()),
    })
}

/// A model of the catalog for programs.
pub(super) fn offer_json(event: &str, model: &CatalogModel, machine: &Machine) -> Value {
    let found = fit(model, machine);
    let fits = match found {
        Fit::Good => "good",
        Fit::Slow => "slow",
        Fit::Tight { .. } => "tight",
        Fit::TooBig { .. } => "too_big",
        Fit::NoRoom { .. } => "no_room",
    };
    json!({
        "event": event, "id": model.id, "name": model.name, "kind": model.kind, "languages": model.languages, "licence": model.licence,
        "bytes": model.bytes(), "memory_mb": model.memory_mb, "speed": model.speed, "starter": model.starter,
        "fit": fits, "fit_words": fit_words(found), "evidence": model.evidence(),
    })
}
