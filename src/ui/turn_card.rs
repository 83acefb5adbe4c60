//! One exchange: the question in a bubble on the right, the answer on the left, its figures when the pointer is on it.

use super::icons::{self, Icon};
use super::view_state::{Question, TurnView};
use super::{UiCommand, UiContext, UiMemory, answer, status_line, theme, widgets};
use egui::{CornerRadius, Frame, Margin, Role, Sense, Ui, WidgetInfo, vec2};

/// A bubble shows so many characters of the question; a pasted book would take a second a frame to lay out.
const LONGEST: usize = 4000;
/// Below this the words may be wrong.
const UNSURE: f32 = 0.45;

/// Draws the exchange.
pub fn turn_ui(ui: &mut Ui, turn: &TurnView, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    if let Some(question) = &turn.question {
        question_ui(ui, question, cx);
        ui.add_space(4.0);
    }
    if !turn.thinking.trim().is_empty() {
        thinking_ui(ui, turn, cx, memory);
    }
    if !turn.answer.trim().is_empty() {
        let top = ui.cursor().top();
        answer::answer_ui(ui, turn, cx, memory, out);
        figures_ui(ui, turn, top, cx, memory, out);
    }
}

fn question_ui(ui: &mut Ui, question: &Question, cx: &UiContext<'_>) {
    let t = cx.tokens;
    let widest = (ui.available_width() * 0.84).max(120.0);
    let unsure = question.confidence < UNSURE;
    ui.with_layout(egui::Layout::top_down(egui::Align::Max), |ui| {
        let bubble = Frame::new()
            .fill(t.bubble)
            .corner_radius(CornerRadius { nw: 14, ne: 14, sw: 14, se: 4 })
            .inner_margin(Margin::symmetric(14, 9));
        let shown = bubble.show(ui, |ui| {
            ui.set_max_width(widest - 28.0);
            let text = theme::reading(shortened(&question.text, cx)).color(t.text);
            ui.add(egui::Label::new(text).wrap().halign(egui::Align::Min));
        });
        if unsure {
            let label = egui::Label::new(widgets::small(t, cx.texts.t("turn.unsure"))).selectable(false);
            ui.add(label).on_hover_text(cx.texts.t("turn.unsure_tip"));
        }
        shown.response
    });
}

fn shortened(text: &str, cx: &UiContext<'_>) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} … {}", &text[..end], cx.texts.f("turn.more_characters", text.chars().count() - LONGEST)),
        None => text.to_owned(),
    }
}

/// The model's thinking: one line, or all of it after a click.
fn thinking_ui(ui: &mut Ui, turn: &TurnView, cx: &UiContext<'_>, memory: &mut UiMemory) {
    let t = cx.tokens;
    let open = memory.thinking_open.contains(&turn.id);
    let name = if turn.answer.is_empty() && turn.end.is_none() { cx.texts.t("turn.thinking") } else { cx.texts.t("turn.thought") };
    let galley = ui.painter().layout_no_wrap(name.to_owned(), theme::font(theme::SMALL), t.secondary);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 26.0, theme::TARGET), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::DisclosureTriangle, true, open, name));
    let color = if response.hovered() { t.text } else { t.secondary };
    let icon = if open { Icon::Down } else { Icon::Right };
    icons::paint(ui.painter(), icon, rect.left_center() + vec2(8.0, 0.0), 14.0, color);
    ui.painter().galley_with_override_text_color(rect.left_center() + vec2(20.0, -galley.size().y / 2.0), galley, color);
    widgets::focus_ring(ui, t, &response, 8.0);
    let tip = if open { cx.texts.t("turn.fold") } else { cx.texts.t("turn.unfold") };
    if response.on_hover_cursor(egui::CursorIcon::PointingHand).on_hover_text(tip).clicked() && !memory.thinking_open.remove(&turn.id) {
        memory.thinking_open.insert(turn.id);
    }
    if open {
        Frame::new().inner_margin(Margin { left: 20, right: 0, top: 0, bottom: 6 }).show(ui, |ui| {
            let bar = ui.max_rect().left() - 12.0;
            let text = egui::Label::new(theme::lined(turn.thinking.trim(), 14.0).color(t.secondary)).wrap();
            let rect = ui.add(text).rect;
            ui.painter().vline(bar, rect.y_range(), egui::Stroke::new(2.0, t.hairline));
        });
    }
}

/// Copy, model and time to the first sound. The place is always there, so that nothing jumps when it shows.
fn figures_ui(ui: &mut Ui, turn: &TurnView, top: f32, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let id = egui::Id::unique(("figures", turn.id.0));
    let area = egui::Rect::from_min_max(
        egui::pos2(ui.max_rect().left(), top),
        egui::pos2(ui.max_rect().right(), ui.cursor().top() + theme::TARGET),
    );
    let near = ui.rect_contains_pointer(area) || ui.data(|d| d.get_temp::<bool>(id).unwrap_or(false));
    let shown = ui.scope(|ui| {
        if !near {
            ui.set_opacity(0.0);
        }
        ui.horizontal(|ui| {
            let line = figures(turn, cx);
            if !line.is_empty() {
                let width = ui.available_width() - theme::TARGET - 8.0;
                let label = egui::Label::new(widgets::small(t, line)).truncate().selectable(false);
                ui.scope(|ui| {
                    ui.set_max_width(width);
                    ui.add(label);
                });
            }
            answer::copy_button(ui, id, cx.texts.t("turn.copy"), &turn.answer, cx, memory, out);
        });
    });
    // With the keyboard on the button the row shows as well.
    let focused =
        ui.memory(|m| m.focused()).and_then(|f| ui.ctx().read_response(f)).is_some_and(|r| shown.response.rect.contains(r.rect.center()));
    ui.data_mut(|d| d.insert_temp(id, focused));
}

fn figures(turn: &TurnView, cx: &UiContext<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(ms) = turn.timing.as_ref().and_then(|timing| timing.first_audio_ms) {
        parts.push(cx.texts.f("turn.first_sound", status_line::seconds(ms)));
    }
    if !turn.model.is_empty() {
        parts.push(turn.model.clone());
    }
    parts.join(" · ")
}
