//! Below the conversation: the waveform, the talk button between keyboard and stop, one line of words, the field for typing.

use super::icons::Icon;
use super::theme::{self, TALK_COLUMN, TALK_DIAMETER};
use super::view_state::{TalkLook, ViewState};
use super::{UiCommand, UiContext, UiMemory, talk_button, waveform, widgets};
use crate::error::Stage;
use crate::event::UserAction;
use egui::accesskit::Live;
use egui::text::{LayoutJob, TextFormat};
use egui::{Frame, Margin, Rect, Sense, Stroke, Ui, UiBuilder, Vec2, pos2, vec2};

/// Height of the row with the button, points.
const ROW: f32 = TALK_DIAMETER + 36.0;
/// Height of two lines of the hint.
const HINT: f32 = 44.0;

/// Height of the field for typing with its margins.
const FIELD: f32 = 54.0;

/// How high the talk area is.
#[must_use]
pub fn height(typing: bool) -> f32 {
    ROW + HINT + if typing { FIELD } else { 0.0 }
}

/// Draws the talk area over the whole width it is given.
pub fn talk_area_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let look = state.look();
    let width = ui.available_width();
    ui.spacing_mut().item_spacing.y = 0.0;
    let all = ui.max_rect();
    let row = Rect::from_min_size(all.min, vec2(width, ROW));
    let words = Rect::from_min_size(row.left_bottom(), vec2(width, HINT));
    let field = Rect::from_min_size(words.left_bottom(), vec2(width, FIELD));
    let middle = Rect::from_center_size(row.center(), vec2(width.min(TALK_COLUMN), ROW));
    match look {
        TalkLook::Listening => waveform::paint(ui.painter(), row.shrink2(vec2(0.0, 20.0)), &cx.levels.input, cx.tokens.listening),
        TalkLook::Speaking => waveform::paint(ui.painter(), row.shrink2(vec2(0.0, 20.0)), &cx.levels.output, cx.tokens.speaking),
        _ => {}
    }
    // Reading order: keyboard, talk, stop.
    let side = 44.0;
    let left = Rect::from_center_size(pos2(middle.left() + theme::GUTTER + 28.0, row.center().y), Vec2::splat(side));
    let right = Rect::from_center_size(pos2(middle.right() - theme::GUTTER - 28.0, row.center().y), Vec2::splat(side));
    ui.scope_builder(UiBuilder::new().max_rect(left), |ui| {
        let name = if memory.typing { cx.texts.t("talk.hide_typing") } else { cx.texts.t("talk.type") };
        if widgets::icon_button(ui, cx.tokens, Icon::Keyboard, name, side, true).clicked() {
            out.push(UiCommand::ShowTyping(!memory.typing));
        }
    });
    ui.scope_builder(UiBuilder::new().max_rect(row), |ui| {
        talk_button::talk_button_ui(ui, row.center(), state, cx, memory, out);
    });
    ui.scope_builder(UiBuilder::new().max_rect(right), |ui| {
        if widgets::icon_button(ui, cx.tokens, Icon::Stop, cx.texts.t("talk.stop"), side, state.busy()).clicked() {
            out.push(UiCommand::Act(UserAction::Cancel));
        }
    });
    ui.scope_builder(UiBuilder::new().max_rect(words), |ui| hint_ui(ui, look, state, cx, memory));
    if memory.typing {
        ui.scope_builder(UiBuilder::new().max_rect(field), |ui| typing_ui(ui, cx, memory, out));
    }
}

/// The line below the button. Its place is always as high as two lines, so that nothing jumps.
fn hint_ui(ui: &mut Ui, look: TalkLook, state: &ViewState, cx: &UiContext<'_>, memory: &UiMemory) {
    let width = ui.available_width().min(TALK_COLUMN) - 2.0 * theme::GUTTER;
    let words = words_that_fit(ui, look, state, width);
    let heard = words.is_some();
    let strong = heard || matches!(look, TalkLook::Listening | TalkLook::Speaking | TalkLook::Fault);
    let (text, certain) = words.unwrap_or_else(|| (hint(look, state, cx, memory), usize::MAX));
    let color = if strong { cx.tokens.text } else { cx.tokens.secondary };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HINT), Sense::hover());
    let mut job = LayoutJob::default();
    let (certain, uncertain) = text.split_at(certain.min(text.len()));
    job.append(certain, 0.0, TextFormat::simple(theme::font(15.0), color));
    job.append(uncertain, 0.0, TextFormat { italics: true, ..TextFormat::simple(theme::font(15.0), cx.tokens.secondary) });
    job.wrap.max_width = width;
    job.wrap.max_rows = 2;
    job.halign = egui::Align::Center;
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(pos2(rect.center().x, rect.top()), galley, color);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &text));
    widgets::announce(&response, live(look, heard, cx));
}

/// Whether a screen reader says the line. It must not talk into the microphone, nor over the voice that answers.
fn live(look: TalkLook, heard: bool, cx: &UiContext<'_>) -> Live {
    match look {
        // The card of the fault says it.
        TalkLook::Listening | TalkLook::Fault => Live::Off,
        TalkLook::Hearing if heard => Live::Off,
        TalkLook::Speaking if !cx.settings.audio.mute => Live::Off,
        _ => Live::Polite,
    }
}

/// The newest words of what is being heard, and how many bytes of them are certain; `None`: there are none yet.
fn words_that_fit(ui: &Ui, look: TalkLook, state: &ViewState, width: f32) -> Option<(String, usize)> {
    let words = &state.last_turn().filter(|_| matches!(look, TalkLook::Listening | TalkLook::Hearing))?.partial;
    let shown = Some(widgets::tail_that_fits(ui, &words.text(), 15.0, width)).filter(|shown| !shown.is_empty())?;
    // What does not fit is missing in front.
    let certain = shown.len().saturating_sub(words.uncertain.trim_end().len());
    let certain = shown.ceil_char_boundary(certain);
    Some((shown, certain))
}

fn hint(look: TalkLook, state: &ViewState, cx: &UiContext<'_>, memory: &UiMemory) -> String {
    let turn = state.last_turn();
    match look {
        TalkLook::Loading => loading(state.loading(), cx).to_owned(),
        TalkLook::Idle => cx.texts.t("talk.idle").to_owned(),
        TalkLook::NothingHeard => cx.texts.t("talk.nothing_heard").to_owned(),
        TalkLook::Stopping => cx.texts.t("talk.stopping").to_owned(),
        TalkLook::Listening => {
            let seconds = memory.look.map_or(0.0, |(_, since)| (cx.now - since).max(0.0)) as u64;
            if seconds == 0 { cx.texts.t("talk.listening").to_owned() } else { cx.texts.f("talk.listening_seconds", seconds) }
        }
        TalkLook::Hearing => cx.texts.t("talk.hearing").to_owned(),
        TalkLook::Thinking => cx.texts.t("talk.thinking").to_owned(),
        TalkLook::Speaking => match turn.and_then(|t| t.clause.as_ref()).map(|c| c.text.as_str()).filter(|c| !c.is_empty()) {
            Some(clause) => clause.to_owned(),
            None => cx.texts.t("talk.speaking").to_owned(),
        },
        TalkLook::Fault => state.fault().map_or_else(String::new, |error| cx.texts.said(&error.message).into_owned()),
    }
}

fn loading<'a>(stage: Option<Stage>, cx: &UiContext<'a>) -> &'a str {
    match stage {
        Some(Stage::Llm) => cx.texts.t("loading.chat"),
        Some(Stage::Stt) => cx.texts.t("loading.speech"),
        Some(Stage::Tts) => cx.texts.t("loading.voice"),
        Some(Stage::Capture) => cx.texts.t("loading.microphone"),
        Some(Stage::Playback) => cx.texts.t("loading.speaker"),
        _ => cx.texts.t("loading.start"),
    }
}

fn typing_ui(ui: &mut Ui, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let width = ui.available_width().min(TALK_COLUMN) - 2.0 * theme::GUTTER;
    let indent = ((ui.available_width() - width) / 2.0).max(0.0);
    ui.horizontal(|ui| {
        ui.add_space(indent);
        ui.spacing_mut().item_spacing.x = 0.0;
        let frame = Frame::new().fill(t.surface).stroke(Stroke::new(1.0, t.edge)).corner_radius(22).inner_margin(Margin {
            left: 16,
            right: 6,
            top: 4,
            bottom: 4,
        });
        let shown = frame.show(ui, |ui| {
            let field = egui::TextEdit::singleline(&mut memory.draft)
                .hint_text(cx.texts.t("talk.type_hint"))
                .frame(Frame::NONE)
                .align(egui::Align2::LEFT_CENTER)
                .min_size(vec2(0.0, 34.0))
                // A text that is pasted may be long; what the model can take is found out there.
                .char_limit(200_000)
                .desired_width(width - 36.0 - 24.0);
            let response = ui.add(field).accessible_name(cx.texts.t("talk.type"));
            if std::mem::take(&mut memory.focus_typing) {
                response.request_focus();
            }
            let enter = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
            let can_send = !memory.draft.trim().is_empty();
            let send = widgets::icon_button(ui, t, Icon::Send, cx.texts.t("talk.send"), 36.0, can_send).clicked();
            if enter || send {
                if can_send {
                    let text = std::mem::take(&mut memory.draft).trim().to_owned();
                    out.push(UiCommand::Act(UserAction::SubmitText(text.into())));
                }
                response.request_focus();
            }
            response.has_focus()
        });
        if shown.inner {
            ui.painter().rect_stroke(shown.response.rect, 22.0, Stroke::new(2.0, t.accent), egui::StrokeKind::Inside);
        }
    });
}
