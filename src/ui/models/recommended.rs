//! The set for this computer: its parts, their size, one button.

use super::view::ModelsView;
use super::{amounts, ask, button, kind_name, note_ui, row, section_ui};
use crate::models::listing::Offer;
use crate::models::manager::ManagerCommand;
use crate::ui::{UiCommand, UiContext, widgets};
use egui::Ui;

/// Draws the section.
pub fn recommended_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    section_ui(ui, cx, cx.texts.t("recommended.title"));
    if !view.looked {
        note_ui(ui, cx, cx.texts.t("models.looking"));
        return;
    }
    set_ui(ui, view, cx, out);
}

/// The parts; none when no set fits, such as on a full disk.
#[must_use]
pub fn parts(view: &ModelsView) -> Vec<&Offer> {
    view.listing.recommended.iter().filter_map(|id| view.listing.offer(id)).collect()
}

/// The parts and the button, also for the first page. Returns whether the set was asked for.
pub fn set_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) -> bool {
    let parts = parts(view);
    if parts.is_empty() {
        note_ui(ui, cx, cx.texts.t("recommended.none"));
        return false;
    }
    let t = cx.tokens;
    let mut asked = false;
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 3.0;
        for offer in &parts {
            let size = offer.bytes.map_or_else(|| cx.texts.t("models.size_unknown").to_owned(), amounts::size);
            row::name_ui(ui, cx, &format!("{}{}{}", kind_name(cx, offer.kind), cx.texts.t("models.colon"), cx.texts.said(&offer.name)));
            if offer.installed {
                row::mark_ui(ui, cx, crate::ui::icons::Icon::Check, t.speaking, cx.texts.t("models.is_installed"), "");
            } else {
                ui.horizontal_wrapped(|ui| {
                    ui.spacing_mut().item_spacing.x = 12.0;
                    ui.add(egui::Label::new(widgets::small(t, size)).selectable(false));
                    row::fit_ui(ui, cx, offer.fit, offer.memory_bytes);
                });
            }
            ui.add_space(4.0);
        }
        asked = get_ui(ui, view, cx, out);
    });
    asked
}

fn get_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) -> bool {
    let missing: Vec<&Offer> = view.listing.missing().filter(|offer| offer.can_be_fetched).collect();
    if missing.is_empty() {
        note_ui(ui, cx, cx.texts.t("recommended.there"));
        return false;
    }
    let waiting: Vec<String> = missing.iter().filter(|offer| !view.busy(&offer.id)).map(|offer| offer.id.clone()).collect();
    if waiting.is_empty() {
        note_ui(ui, cx, cx.texts.t("recommended.coming"));
        return false;
    }
    let total = missing.iter().try_fold(0_u64, |sum, offer| Some(sum.saturating_add(offer.bytes?)));
    let words = match total {
        Some(total) => cx.texts.f("recommended.get_size", amounts::size(total)),
        None => cx.texts.t("recommended.get").to_owned(),
    };
    ui.add_space(2.0);
    let asked = button(ui, cx, &words, &words, true, "pull --recommended");
    if asked {
        ask(out, ManagerCommand::Pull(waiting));
    }
    asked
}
