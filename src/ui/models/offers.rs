//! All that can be had, by kind and language, each with its size, its memory and whether it fits before it is fetched.

use super::row::Deciding;
use super::view::ModelsView;
use super::{ModelsMemory, amounts, ask, button, button_response, kind_name, note_ui, row, section_ui};
use crate::models::catalog::ModelKind;
use crate::models::listing::{Fit, Offer};
use crate::models::manager::ManagerCommand;
use crate::ui::icons::{self, Icon};
use crate::ui::{UiCommand, UiContext, widgets};
use egui::{Button, Ui};
use std::collections::BTreeSet;

/// Draws the section.
pub fn offers_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, east: bool, memory: &mut ModelsMemory, out: &mut Vec<UiCommand>) {
    section_ui(ui, cx, cx.texts.t("offers.title"));
    if view.looked && view.listing.offers.is_empty() {
        note_ui(ui, cx, cx.texts.t("offers.none"));
        return;
    }
    filter_ui(ui, view, cx, east, memory);
    let ModelsMemory { kind, language, heights, removing, .. } = memory;
    let speaks = |offer: &Offer| language.as_ref().is_none_or(|code| offer.languages.iter().any(|have| have == code || have == "*"));
    let mut shown = 0;
    for (n, offer) in view.listing.offers.iter().enumerate() {
        if kind.is_some_and(|kind| kind != offer.kind) || !speaks(offer) {
            continue;
        }
        shown += 1;
        let asked = !offer.installed && removing.is_about(&offer.id);
        let key = format!("offer {n} {} {} {} {asked}", offer.id, offer.installed, offer.unfinished_bytes.is_some());
        row::lazy_ui(ui, cx, heights, key, |ui| offer_ui(ui, view, offer, cx, east, removing, out));
    }
    if view.looked && shown == 0 {
        note_ui(ui, cx, cx.texts.t("offers.no_match"));
    }
}

/// Two lists to choose from, side by side.
fn filter_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, east: bool, memory: &mut ModelsMemory) {
    let mut options = vec![(cx.texts.t("offers.all_kinds").to_owned(), None)];
    let there = |kind: &ModelKind| view.listing.offers.iter().any(|offer| offer.kind == *kind);
    options.extend(ModelKind::ALL.into_iter().filter(there).map(|kind| (kind_name(cx, kind).to_owned(), Some(kind))));
    let codes: BTreeSet<&str> =
        view.listing.offers.iter().flat_map(|offer| offer.languages.iter().map(String::as_str)).filter(|code| *code != "*").collect();
    let mut languages: Vec<(String, Option<String>)> =
        codes.into_iter().map(|code| (amounts::language(code, east).to_owned(), Some(code.to_owned()))).collect();
    languages.sort_by_key(|(name, _)| name.to_lowercase());
    languages.insert(0, (cx.texts.t("offers.all_languages").to_owned(), None));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let width = (ui.available_width() - 8.0) / 2.0;
        choice(ui, cx.texts.t("offers.kind"), width, &options, &mut memory.kind);
        choice(ui, cx.texts.t("offers.language"), width, &languages, &mut memory.language);
    });
    ui.add_space(2.0);
}

fn choice<T: PartialEq + Clone>(ui: &mut Ui, name: &str, width: f32, options: &[(String, T)], value: &mut T) {
    let current = options.iter().find(|(_, v)| v == value).map_or("", |(text, _)| text.as_str()).to_owned();
    let combo = egui::ComboBox::from_id_salt(name).selected_text(current).width(width).truncate();
    let combo = combo.icon(|ui, rect, visuals, _open| icons::paint(ui.painter(), Icon::Down, rect.center(), 16.0, visuals.fg_stroke.color));
    let mut picked = false;
    let response = combo
        .show_ui(ui, |ui| {
            for (text, option) in options {
                let entry = ui.add(Button::selectable(option == value, text.as_str()));
                if entry.gained_focus() {
                    entry.scroll_to_me(None);
                }
                if entry.clicked() {
                    picked = true;
                    *value = option.clone();
                }
            }
        })
        .response;
    if picked {
        // The entry that had the keyboard is gone with the list.
        response.request_focus();
    }
    response.accessible_name(name);
}

fn offer_ui(
    ui: &mut Ui,
    view: &ModelsView,
    offer: &Offer,
    cx: &UiContext<'_>,
    east: bool,
    removing: &mut Deciding,
    out: &mut Vec<UiCommand>,
) {
    let t = cx.tokens;
    row::name_ui(ui, cx, &offer.name);
    let size = offer.bytes.map_or_else(|| cx.texts.t("models.size_unknown").to_owned(), amounts::size);
    let memory = cx.texts.f("offers.memory", amounts::size(offer.memory_bytes));
    let mut parts = vec![kind_name(cx, offer.kind).to_owned(), size, memory];
    if !offer.languages.is_empty() {
        parts.push(amounts::languages(cx.texts, &offer.languages, east));
    }
    parts.push(offer.licence.clone());
    ui.add(egui::Label::new(widgets::small(t, parts.join(" · "))).wrap().selectable(false));
    if offer.installed {
        row::mark_ui(ui, cx, Icon::Check, t.speaking, cx.texts.t("models.is_installed"), "");
        return;
    }
    row::fit_ui(ui, cx, offer.fit, offer.memory_bytes);
    row::evidence_ui(ui, cx, offer.evidence);
    ui.add_space(4.0);
    if view.busy(&offer.id) {
        note_ui(ui, cx, cx.texts.t("offers.coming"));
        return;
    }
    if !offer.can_be_fetched {
        note_ui(ui, cx, cx.texts.t("offers.not_fetched"));
        return;
    }
    if removing.is_about(&offer.id)
        && let Some(there) = offer.unfinished_bytes
    {
        let words = cx.texts.f("offers.sure", amounts::size(there));
        row::confirm_ui(ui, cx, (&words, cx.texts.t("offers.delete")), &offer.id, removing, out);
        return;
    }
    let words = match (offer.unfinished_bytes, offer.fit) {
        (Some(_), _) => cx.texts.t("offers.go_on"),
        (None, Fit::TooBig { .. }) => cx.texts.t("offers.get_anyway"),
        _ => cx.texts.t("offers.get"),
    };
    let name = cx.texts.said(&offer.name);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        if button(ui, cx, words, &format!("{words}: {name}"), false, &format!("pull {}", offer.id)) {
            ask(out, ManagerCommand::Pull(vec![offer.id.clone()]));
        }
        if let Some(there) = offer.unfinished_bytes {
            let words = cx.texts.t("offers.delete");
            let response = button_response(ui, cx, words, &format!("{words}: {name}"), false, &format!("remove {}", offer.id));
            removing.hand_over(&offer.id, &response);
            if response.clicked() {
                removing.ask(&offer.id);
            }
            note_ui(ui, cx, &cx.texts.f("offers.there", amounts::size(there)));
        }
    });
}
