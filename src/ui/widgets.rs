//! Small widgets that every panel uses.

use super::icons::{self, Icon};
use super::theme::{self, Tokens};
use crate::error::Severity;
use egui::accesskit::Live;
use egui::{Color32, CornerRadius, CursorIcon, Frame, Margin, Response, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};

/// A round button with an icon, a tooltip and an accessible name. `side` is at least [`theme::TARGET`].
pub fn icon_button(ui: &mut Ui, t: &Tokens, icon: Icon, name: &str, side: f32, enabled: bool) -> Response {
    let sense = if enabled { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side.max(theme::TARGET)), sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    if ui.is_rect_visible(rect) {
        let hot = enabled && (response.hovered() || response.has_focus());
        if hot {
            let strength = if response.is_pointer_button_down_on() { 0.16 } else { 0.09 };
            ui.painter().circle_filled(rect.center(), rect.width() / 2.0, theme::alpha(t.text, strength));
        }
        let color = match (enabled, hot) {
            (false, _) => theme::mix(t.secondary, t.background, 0.55),
            (true, true) => t.text,
            (true, false) => t.secondary,
        };
        icons::paint(ui.painter(), icon, rect.center(), 20.0, color);
        focus_ring(ui, t, &response, rect.width() / 2.0);
    }
    let response = if enabled { response.on_hover_cursor(CursorIcon::PointingHand) } else { response };
    response.on_hover_text(name)
}

/// The ring of the widget that has the keyboard.
pub fn focus_ring(ui: &Ui, t: &Tokens, response: &Response, radius: f32) {
    if response.has_focus() {
        ui.painter().rect_stroke(response.rect, CornerRadius::same(radius as u8), Stroke::new(2.0, t.accent), StrokeKind::Inside);
    }
}

/// A button with words. `strong` fills it with the accent.
pub fn word_button(ui: &mut Ui, t: &Tokens, text: &str, strong: bool) -> Response {
    let label = RichText::new(text).size(14.0);
    let button =
        if strong { egui::Button::new(label.color(t.on_phase)).fill(t.accent).stroke(Stroke::NONE) } else { egui::Button::new(label) };
    ui.add(button.corner_radius(theme::TARGET / 2.0).wrap_mode(egui::TextWrapMode::Truncate)).on_hover_cursor(CursorIcon::PointingHand)
}

/// A screen reader says what this widget says, now and whenever it changes, wherever the keyboard is.
pub fn announce(response: &Response, how: Live) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_live(how));
}

/// News are said for so long after they came, s: who comes back to a page that still shows them has heard them.
const NEWS: f64 = 5.0;

/// How a text of a card is said: as news, or not any more.
#[must_use]
pub fn news(ctx: &egui::Context, text: &str, how: Live) -> Live {
    let now = ctx.input(|i| i.time);
    let came = ctx.data_mut(|data| *data.get_temp_mut_or(news_id(text), now));
    if now - came <= NEWS { how } else { Live::Off }
}

/// The card was dismissed: the same is news when it comes again.
pub fn no_news(ctx: &egui::Context, text: &str) {
    ctx.data_mut(|data| data.remove::<f64>(news_id(text)));
}

fn news_id(text: &str) -> egui::Id {
    egui::Id::unique(("news", text))
}

/// How urgent what the program has to say is: a fault interrupts, anything else waits for a pause.
#[must_use]
pub fn urgency(severity: Severity) -> Live {
    if severity == Severity::Info { Live::Polite } else { Live::Assertive }
}

/// A card: raised, rounded, a hairline around it.
pub fn card(t: &Tokens, fill: Color32, edge: Color32) -> Frame {
    Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, edge))
        .corner_radius(theme::CARD_RADIUS)
        .inner_margin(Margin::symmetric(14, 12))
        .shadow(egui::Shadow { offset: [0, 1], blur: 3, spread: 0, color: theme::alpha(t.text, 0.04) })
}

/// Secondary text.
#[must_use]
pub fn small(t: &Tokens, text: impl Into<String>) -> RichText {
    theme::lined(text, theme::SMALL).color(t.secondary)
}

/// A switch with its name on the left; returns true when it was turned.
pub fn switch_row(ui: &mut Ui, t: &Tokens, name: &str, hint: &str, on: &mut bool) -> bool {
    let mut changed = false;
    ui.horizontal(|ui| {
        let width = ui.available_width();
        let size = Vec2::new(40.0, 24.0);
        ui.allocate_ui_with_layout(
            Vec2::new((width - size.x - 8.0).max(40.0), theme::TARGET),
            egui::Layout::left_to_right(egui::Align::Center).with_main_wrap(false),
            |ui| ui.add(egui::Label::new(RichText::new(name).size(15.0)).wrap().selectable(false)),
        );
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let (rect, mut response) = ui.allocate_exact_size(Vec2::new(size.x, theme::TARGET), Sense::click());
            if response.clicked() {
                *on = !*on;
                response.mark_changed();
                changed = true;
            }
            response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, *on, name));
            let k = ui.ctx().animate_bool_responsive(response.id, *on);
            let track = egui::Rect::from_center_size(rect.center(), size);
            let fill = theme::mix(t.edge, t.accent, k);
            ui.painter().rect_filled(track, size.y / 2.0, fill);
            let x = egui::lerp(track.left() + 12.0..=track.right() - 12.0, k);
            ui.painter().circle_filled(egui::pos2(x, track.center().y), 8.5, if *on { t.on_phase } else { t.surface });
            if response.has_focus() {
                ui.painter().rect_stroke(track.expand(3.0), 15.0, Stroke::new(2.0, t.accent), StrokeKind::Inside);
            }
            response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(if hint.is_empty() { name } else { hint });
        });
    });
    changed
}

/// Cuts `text` from the front, by whole words, until it is no wider than `width`: of words that grow, the last ones count.
#[must_use]
pub fn tail_that_fits(ui: &Ui, text: &str, size: f32, width: f32) -> String {
    let wide = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), theme::font(size), Color32::WHITE).size().x;
    // A line of the window never has more characters than this; measuring a megabyte for it would take a second.
    let start = text.char_indices().rev().nth(200).map_or(0, |(i, _)| i);
    let mut rest = text.get(start..).unwrap_or(text).trim();
    let mut cut = start > 0;
    while wide(rest) > width - if cut { 14.0 } else { 0.0 } {
        let next = rest.find(' ').map(|i| i + 1).or_else(|| rest.char_indices().nth(1).map(|(i, _)| i));
        let Some(next) = next else { break };
        rest = rest.get(next..).unwrap_or_default().trim_start();
        cut = true;
    }
    if cut { format!("…{rest}") } else { rest.to_owned() }
}
