//! What is installed: use it, compare it with what it should be, remove it.

use super::row::Deciding;
use super::{ModelsMemory, amounts, ask, button, button_response, choosing, kind_name, note_ui, row, section_ui, stage_of};
use crate::event::UserAction;
use crate::models::listing::{Here, Home};
use crate::models::manager::ManagerCommand;
use crate::ui::icons::Icon;
use crate::ui::view_state::ViewState;
use crate::ui::{UiCommand, UiContext, widgets};
use egui::Ui;

/// Draws the section.
pub fn installed_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, east: bool, memory: &mut ModelsMemory, out: &mut Vec<UiCommand>) {
    section_ui(ui, cx, cx.texts.t("installed.title"));
    let view = &state.models;
    if view.looked && view.listing.installed.is_empty() {
        note_ui(ui, cx, cx.texts.t("installed.none"));
    }
    let ModelsMemory { removing, heights, .. } = memory;
    for (n, here) in view.listing.installed.iter().enumerate() {
        let asked = removing.is_about(&here.id);
        row::lazy_ui(ui, cx, heights, format!("here {n} {} {asked}", here.id), |ui| {
            row::name_ui(ui, cx, &here.name);
            ui.add(egui::Label::new(widgets::small(cx.tokens, details(here, cx, east))).wrap().selectable(false));
            let used = cx.used.of(here.kind) == Some(here.file.as_path());
            if used {
                row::mark_ui(ui, cx, Icon::Check, cx.tokens.speaking, cx.texts.t("installed.used"), "");
            }
            ui.add_space(4.0);
            if asked {
                let offered = view.listing.offers.iter().any(|offer| offer.id == here.id && offer.can_be_fetched);
                let size = amounts::size(here.bytes);
                let words = if offered { cx.texts.f("installed.sure", size) } else { cx.texts.f("installed.sure_gone", size) };
                let words = if used { cx.texts.f("installed.sure_used", words) } else { words };
                row::confirm_ui(ui, cx, (&words, cx.texts.t("installed.remove_now")), &here.id, removing, out);
            } else {
                actions_ui(ui, here, used, view.busy(&here.id), cx, removing, out);
            }
        });
    }
}

fn details(here: &Here, cx: &UiContext<'_>, east: bool) -> String {
    let mut parts = vec![kind_name(cx, here.kind).to_owned(), amounts::size(here.bytes)];
    if !here.languages.is_empty() {
        parts.push(amounts::languages(cx.texts, &here.languages, east));
    }
    if !here.licence.is_empty() {
        parts.push(here.licence.clone());
    }
    if here.terms.is_some() {
        parts.push(cx.texts.t("voice.non_commercial").to_owned());
    }
    match here.home {
        Home::Library => {}
        Home::Program => parts.push(cx.texts.t("installed.program").to_owned()),
        Home::Elsewhere => parts.push(cx.texts.t("installed.elsewhere").to_owned()),
    }
    parts.join(" · ")
}

fn actions_ui(ui: &mut Ui, here: &Here, used: bool, busy: bool, cx: &UiContext<'_>, removing: &mut Deciding, out: &mut Vec<UiCommand>) {
    // A screen reader hears which model a button is for.
    let name = cx.texts.said(&here.name);
    let named = |words: &str| format!("{words}: {name}");
    let twin = |verb: &str| format!("{verb} {}", here.id);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(8.0, 6.0);
        if stage_of(here.kind).is_some()
            && !used
            && button(ui, cx, cx.texts.t("installed.use"), &named(cx.texts.t("installed.use")), false, &twin("use"))
        {
            out.extend(choosing(cx.settings, here.kind, &here.file).map(UiCommand::Save));
            // It may be the choice that failed before: memory is free now, or the file was copied anew.
            out.extend(stage_of(here.kind).map(|stage| UiCommand::Act(UserAction::TryAgain(stage))));
        }
        if busy {
            return;
        }
        if button(ui, cx, cx.texts.t("installed.verify"), &named(cx.texts.t("installed.verify")), false, &twin("verify")) {
            ask(out, ManagerCommand::Verify(here.id.clone()));
        }
        if here.removable {
            let words = cx.texts.t("installed.remove");
            let response = button_response(ui, cx, words, &named(words), false, &twin("remove"));
            removing.hand_over(&here.id, &response);
            if response.clicked() {
                removing.ask(&here.id);
            }
        }
    });
}
