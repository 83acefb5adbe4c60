//! The bar on top: name, the offline badge, a new conversation, settings.

use super::icons::{self, Icon};
use super::view_state::ViewState;
use super::{UiCommand, UiContext, UiMemory, theme, widgets};
use crate::event::UserAction;
use egui::{RichText, Sense, Ui, vec2};

/// Draws the bar.
pub fn top_bar_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &UiMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.add_space(theme::GUTTER);
        ui.add(egui::Label::new(RichText::new("Hark").size(20.0).color(t.text)).selectable(false));
        ui.add_space(4.0);
        badge_ui(ui, cx);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::GUTTER - 8.0);
            if memory.models_open
                && widgets::icon_button(ui, t, Icon::Close, cx.texts.t("models.close"), 36.0, true)
                    .on_hover_text(cx.texts.t("models.open_tip"))
                    .clicked()
            {
                out.push(UiCommand::ShowModels(false));
            }
            let (icon, name) = if memory.settings_open && !memory.models_open {
                (Icon::Close, cx.texts.t("top.close_settings"))
            } else {
                (Icon::Sliders, cx.texts.t("top.settings"))
            };
            if widgets::icon_button(ui, t, icon, name, 36.0, true).on_hover_text(cx.texts.t("top.settings_tip")).clicked() {
                out.push(UiCommand::ShowSettings(!memory.settings_open || memory.models_open));
            }
            if widgets::icon_button(ui, t, Icon::Plus, cx.texts.t("top.new"), 36.0, !state.is_empty()).clicked() {
                out.push(UiCommand::Act(UserAction::NewConversation));
            }
        });
    });
}

/// A small lock with "offline": what is said stays on this computer.
fn badge_ui(ui: &mut Ui, cx: &UiContext<'_>) {
    let t = cx.tokens;
    let word = cx.texts.t("top.offline");
    let galley = ui.painter().layout_no_wrap(word.to_owned(), theme::font(12.0), t.secondary);
    // On a very narrow window the lock alone says it.
    let with_word = ui.available_width() > galley.size().x + 130.0;
    let width = if with_word { galley.size().x + 34.0 } else { 28.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(width, 24.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, word));
    ui.painter().rect_stroke(rect, 12.0, egui::Stroke::new(1.0, t.hairline), egui::StrokeKind::Inside);
    icons::paint(ui.painter(), Icon::Lock, rect.left_center() + vec2(14.0, 0.0), 12.0, t.speaking);
    if with_word {
        ui.painter().galley(egui::pos2(rect.left() + 24.0, rect.center().y - galley.size().y / 2.0), galley, t.secondary);
    }
    response.on_hover_text(cx.texts.t("top.offline_tip"));
}
