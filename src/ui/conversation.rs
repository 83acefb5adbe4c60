//! The stream: exchanges and notices, oldest first; or a short welcome while there is nothing yet.

use super::icons::{self, Icon};
use super::view_state::{Item, ViewState};
use super::{UiCommand, UiContext, UiMemory, page, theme, turn_card, widgets};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Phase, UserAction};
use crate::turn::TurnId;
use egui::{CursorIcon, Id, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};
use std::collections::HashMap;

/// What the starter models can answer, which know only English; spoken or clicked.
pub const STARTERS: [&str; 3] = ["What is the capital of France?", "Tell me a joke.", "Who are you?"];

/// Heights of the exchanges as they were drawn last, for one width.
#[derive(Debug, Default)]
pub struct Heights {
    width: f32,
    known: HashMap<TurnId, f32>,
}

/// Draws the stream into the space that is left.
pub fn conversation_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    egui::ScrollArea::vertical().id_salt("conversation").auto_shrink(false).stick_to_bottom(!state.is_empty()).show(ui, |ui| {
        let column = (ui.available_width() - 2.0 * theme::GUTTER).min(theme::TEXT_COLUMN);
        let left = ((ui.available_width() - column) / 2.0).max(0.0);
        ui.horizontal_top(|ui| {
            ui.add_space(left);
            ui.vertical(|ui| {
                ui.set_width(column);
                ui.spacing_mut().item_spacing.y = 6.0;
                ui.add_space(theme::GUTTER);
                // What is missing comes before the welcome: it is the first thing to do.
                stream_ui(ui, state, cx, memory, out);
                if state.is_empty() {
                    welcome_ui(ui, state, cx, out);
                }
                ui.add_space(8.0);
            });
        });
        page::follow_focus(ui);
    });
}

fn stream_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let width = ui.available_width();
    if (memory.heights.width - width).abs() > 0.5 {
        memory.heights = Heights { width, known: HashMap::new() };
    }
    for item in &state.items {
        match item {
            Item::Notice(error) => {
                // An id of its own, so that it is not new to a screen reader when something before it comes or goes.
                let id = Id::unique(("notice", &error.message, &error.hint, error.stage));
                ui.scope_builder(UiBuilder::new().scope_id(id), |ui| notice_ui(ui, error, cx, out));
            }
            Item::Turn(turn) if turn.is_empty() => {}
            Item::Turn(turn) => {
                let over = turn.end.is_some();
                if let Some(&height) = memory.heights.known.get(&turn.id).filter(|_| over) {
                    let place = egui::Rect::from_min_size(ui.cursor().min, vec2(width, height));
                    if !ui.clip_rect().expand(page::NEAR).intersects(place) {
                        ui.allocate_space(place.size());
                        continue;
                    }
                }
                // Its buttons keep the keyboard when a turn before it is out of reach and not drawn.
                let builder = UiBuilder::new().scope_id(Id::unique(("turn", turn.id.0)));
                let drawn = ui.scope_builder(builder, |ui| {
                    turn_card::turn_ui(ui, turn, cx, memory, out);
                    ui.add_space(6.0);
                });
                if over {
                    memory.heights.known.insert(turn.id, drawn.response.rect.height());
                }
            }
        }
    }
}

fn welcome_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    ui.add_space(12.0);
    ui.add(egui::Label::new(theme::lined(cx.texts.t("welcome.title"), 24.0).color(t.text)).wrap().selectable(false));
    ui.add(egui::Label::new(theme::reading(cx.texts.t("welcome.body")).color(t.secondary)).wrap().selectable(false));
    ui.add_space(14.0);
    ui.add(egui::Label::new(widgets::small(t, cx.texts.t("welcome.try"))).selectable(false));
    let own = [cx.texts.t("welcome.example1"), cx.texts.t("welcome.example2"), cx.texts.t("welcome.example3")];
    for question in if state.starter() { STARTERS } else { own } {
        if suggestion_ui(ui, question, cx, state.phase == Phase::Idle) {
            out.push(UiCommand::Act(UserAction::SubmitText(question.into())));
        }
    }
    if state.starter() {
        ui.add_space(14.0);
        ui.add(egui::Label::new(widgets::small(t, cx.texts.t("welcome.starter"))).wrap().selectable(false));
        ui.add_space(2.0);
        if widgets::word_button(ui, t, cx.texts.t("action.get_models"), true).on_hover_text(cx.texts.t("models.open_tip")).clicked() {
            out.push(UiCommand::ShowModels(true));
        }
    }
    ui.add_space(8.0);
}

/// A question that can be clicked: a row as wide as the column.
fn suggestion_ui(ui: &mut Ui, question: &str, cx: &UiContext<'_>, enabled: bool) -> bool {
    let t = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 44.0), if enabled { Sense::click() } else { Sense::hover() });
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, question));
    let hot = enabled && response.hovered();
    let fill = if hot { theme::mix(t.raised, t.text, 0.06) } else { t.raised };
    ui.painter().rect(rect, theme::CARD_RADIUS, fill, egui::Stroke::new(1.0, t.hairline), egui::StrokeKind::Inside);
    let color = if enabled { t.text } else { t.secondary };
    let mut job = egui::text::LayoutJob::simple_singleline(question.to_owned(), theme::font(15.0), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width() - 56.0);
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(egui::pos2(rect.left() + 14.0, rect.center().y - galley.size().y / 2.0), galley, color);
    let arrow = if hot || response.has_focus() { t.accent } else { t.secondary };
    icons::paint(ui.painter(), Icon::Right, rect.right_center() - vec2(20.0, 0.0), 16.0, arrow);
    widgets::focus_ring(ui, t, &response, f32::from(theme::CARD_RADIUS));
    let response = if enabled { response.on_hover_cursor(CursorIcon::PointingHand) } else { response };
    response.on_hover_text(cx.texts.t("welcome.ask")).clicked()
}

/// What a notice's button does.
enum Fix {
    Settings,
    Models,
    None,
}

fn fix(error: &StageError) -> Fix {
    match (error.stage, error.severity) {
        (_, Severity::Turn) => Fix::None,
        (Stage::Capture | Stage::Playback | Stage::Desktop | Stage::Settings, _) => Fix::Settings,
        (Stage::Stt | Stage::Llm | Stage::Tts, _) => Fix::Models,
    }
}

fn notice_ui(ui: &mut Ui, error: &StageError, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let live = widgets::news(ui.ctx(), &error.message, widgets::urgency(error.severity));
    let (icon, color) = match error.severity {
        Severity::Info => (Icon::Info, t.accent),
        Severity::Turn | Severity::Stage => (Icon::Warning, t.thinking),
    };
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            let (place, _) = ui.allocate_exact_size(vec2(20.0, 22.0), Sense::hover());
            icons::paint(ui.painter(), icon, place.center(), 20.0, color);
            let text = ui.available_width() - theme::TARGET - 12.0;
            ui.vertical(|ui| {
                ui.set_width(text);
                ui.spacing_mut().item_spacing.y = 4.0;
                let message = ui.add(egui::Label::new(theme::lined(cx.texts.said(&error.message), 15.0).color(t.text)).wrap());
                widgets::announce(&message, live);
                if !error.hint.is_empty() {
                    let hint = ui.add(egui::Label::new(theme::lined(cx.texts.said(&error.hint), 14.0).color(t.secondary)).wrap());
                    widgets::announce(&hint, live);
                }
                fix_ui(ui, error, cx, out);
            });
            ui.spacing_mut().item_spacing.x = 0.0;
            if widgets::icon_button(ui, t, Icon::Close, cx.texts.t("action.dismiss"), theme::TARGET, true).clicked() {
                widgets::no_news(ui.ctx(), &error.message);
                out.push(UiCommand::Dismiss(error.clone()));
            }
        });
    });
    ui.add_space(4.0);
}

fn fix_ui(ui: &mut Ui, error: &StageError, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let fix = fix(error);
    if matches!(fix, Fix::None) {
        return;
    }
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
        if matches!(fix, Fix::Models)
            && widgets::word_button(ui, t, cx.texts.t("action.get_models"), true).on_hover_text(cx.texts.t("models.open_tip")).clicked()
        {
            out.push(UiCommand::ShowModels(true));
        }
        let strong = matches!(fix, Fix::Settings);
        if widgets::word_button(ui, t, cx.texts.t("action.open_settings"), strong).on_hover_text(cx.texts.t("top.settings_tip")).clicked() {
            out.push(UiCommand::ShowSettings(true));
        }
    });
}
