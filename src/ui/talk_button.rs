//! The talk button: hold it to talk. Its colour, shape and icon say what the program is doing.

use super::icons::{self, Icon};
use super::keys::Hold;
use super::theme::{self, TALK_DIAMETER};
use super::view_state::{TalkLook, ViewState};
use super::{UiCommand, UiContext, UiMemory};
use crate::event::UserAction;
use egui::{CursorIcon, Pos2, Rect, RectAlign, Response, Role, Sense, Stroke, Tooltip, Ui, Vec2, WidgetInfo};
use std::f32::consts::{FRAC_PI_2, TAU};

/// How long a change of colour takes, seconds. A press changes it at once.
const FADE: f64 = 0.18;
/// How much the button grows with the loudest voice.
const GROWTH: f32 = 0.12;

/// Draws the button around `center` and reads mouse, keyboard and screen reader.
pub fn talk_button_ui(
    ui: &mut Ui,
    center: Pos2,
    state: &ViewState,
    cx: &UiContext<'_>,
    memory: &mut UiMemory,
    out: &mut Vec<UiCommand>,
) -> Response {
    let rect = Rect::from_center_size(center, Vec2::splat(TALK_DIAMETER));
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let look = state.look();
    let name = name(look, cx);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    read(ui, &response, memory, out);
    if ui.is_rect_visible(rect.expand(24.0)) {
        paint(ui, center, look, &response, state, cx, memory);
    }
    let tip = tip(look, cx);
    if memory.hold == Hold::Nobody && !tip.is_empty() {
        // Above the button: below it stand the words that are heard or spoken, and the pointer rests here after a press.
        let mut tooltip = Tooltip::for_enabled(&response);
        tooltip.popup = tooltip.popup.align(RectAlign::TOP).align_alternatives(&[]);
        tooltip.show(|ui| ui.label(tip));
        return response.on_hover_cursor(CursorIcon::PointingHand);
    }
    response
}

/// What a screen reader says.
#[must_use]
pub fn name<'a>(look: TalkLook, cx: &UiContext<'a>) -> &'a str {
    match look {
        TalkLook::Loading => cx.texts.t("button.loading"),
        TalkLook::Idle | TalkLook::NothingHeard => cx.texts.t("button.idle"),
        TalkLook::Listening => cx.texts.t("button.listening"),
        TalkLook::Hearing => cx.texts.t("button.hearing"),
        TalkLook::Thinking => cx.texts.t("button.thinking"),
        TalkLook::Speaking => cx.texts.t("button.speaking"),
        TalkLook::Fault => cx.texts.t("button.fault"),
        TalkLook::Stopping => cx.texts.t("button.stopping"),
    }
}

fn tip<'a>(look: TalkLook, cx: &UiContext<'a>) -> &'a str {
    match look {
        TalkLook::Idle | TalkLook::NothingHeard | TalkLook::Fault => cx.texts.t("button.tip"),
        TalkLook::Hearing | TalkLook::Thinking | TalkLook::Speaking => cx.texts.t("button.tip_busy"),
        TalkLook::Loading | TalkLook::Listening | TalkLook::Stopping => "",
    }
}

fn read(ui: &Ui, response: &Response, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let (pressed, down, pointer_click) = ui.input(|i| (i.pointer.primary_pressed(), i.pointer.primary_down(), i.pointer.primary_clicked()));
    // Press and release may come within one frame: then it is a click already.
    if pressed && (response.is_pointer_button_down_on() || response.clicked()) {
        memory.hold.press(Hold::Mouse, out);
    } else if response.clicked() && !pointer_click && memory.hold == Hold::Nobody {
        // A screen reader, or Enter on the focused button: once to begin, once to end.
        out.push(UiCommand::Act(UserAction::PttToggle));
    }
    // The release counts wherever the pointer is by then.
    if memory.hold == Hold::Mouse && !down {
        memory.hold.release(Hold::Mouse, out);
    }
}

fn paint(ui: &Ui, center: Pos2, look: TalkLook, response: &Response, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory) {
    let t = cx.tokens;
    let painter = ui.painter();
    let color = faded_color(ui, look, cx, memory);
    let radius = TALK_DIAMETER / 2.0;
    let held = memory.hold == Hold::Mouse;
    let hover = response.hovered() && !held;
    let level = grown_level(look, cx, memory);
    let (ring, core) = (radius + 7.0, radius * (1.0 + GROWTH * level) - if held { 2.0 } else { 0.0 });

    match look {
        TalkLook::Loading | TalkLook::Stopping => {
            painter.circle_filled(center, radius, t.raised);
            painter.circle_stroke(center, radius - 2.0, Stroke::new(4.0, t.hairline));
            let (done, all) = state.loaded();
            let part = done as f32 / all.max(1) as f32;
            if look == TalkLook::Loading && part > 0.0 {
                arc(ui, center, radius - 2.0, -FRAC_PI_2, part * TAU, Stroke::new(4.0, t.accent));
            }
            icons::paint(painter, Icon::Dots, center, 30.0, t.secondary);
        }
        TalkLook::Fault => {
            painter.circle_filled(center, radius, theme::mix(t.surface, color, if hover { 0.14 } else { 0.07 }));
            painter.circle_stroke(center, radius - 1.5, Stroke::new(3.0, color));
            icons::paint(painter, Icon::Warning, center - Vec2::new(0.0, 2.0), 38.0, color);
        }
        _ => {
            painter.circle_filled(center, core + 10.0, theme::alpha(color, if hover { 0.20 } else { 0.12 }));
            painter.circle_filled(center, core, if hover { theme::mix(color, t.text, 0.08) } else { color });
            icons::paint(painter, icon(look), center, 40.0, t.on_phase);
        }
    }
    if matches!(look, TalkLook::Hearing | TalkLook::Thinking) {
        // A third of a turn each second: slow enough to be calm. Without motion it stands still.
        let angle = if cx.still() { -FRAC_PI_2 } else { (cx.now * 2.1 % f64::from(TAU)) as f32 };
        arc(ui, center, ring, angle, TAU * 0.28, Stroke::new(3.5, color));
    }
    if response.has_focus() {
        painter.circle_stroke(center, ring + 7.0, Stroke::new(2.0, t.accent));
    }
}

fn icon(look: TalkLook) -> Icon {
    match look {
        TalkLook::Hearing => Icon::Words,
        TalkLook::Thinking => Icon::Dots,
        TalkLook::Speaking => Icon::Speaker,
        _ => Icon::Microphone,
    }
}

/// The colour of the look; it fades in from the one before, except when it answers a press.
fn faded_color(ui: &Ui, look: TalkLook, cx: &UiContext<'_>, memory: &mut UiMemory) -> egui::Color32 {
    let since = match memory.look {
        Some((known, since)) if known == look => since,
        known => {
            memory.look_before = known.map(|(before, _)| before);
            memory.look = Some((look, cx.now));
            cx.now
        }
    };
    let target = cx.tokens.phase(look);
    let k = ((cx.now - since) / FADE).clamp(0.0, 1.0) as f32;
    match memory.look_before {
        Some(before) if k < 1.0 && look != TalkLook::Listening && !cx.still() => {
            ui.ctx().request_repaint_after(std::time::Duration::from_millis(16));
            theme::mix(cx.tokens.phase(before), target, k)
        }
        _ => target,
    }
}

/// The level that the button grows with: fast up, slow down, so that it breathes with the voice.
fn grown_level(look: TalkLook, cx: &UiContext<'_>, memory: &mut UiMemory) -> f32 {
    let now = match look {
        TalkLook::Listening => cx.levels.input.latest(),
        TalkLook::Speaking => cx.levels.output.latest(),
        _ => {
            memory.smooth_level = 0.0;
            return 0.0;
        }
    };
    let target = if cx.still() { 0.0 } else { (now.rms.clamp(0.0, 1.0) * 3.0).powf(0.5).min(1.0) };
    let pull = if target > memory.smooth_level { 0.5 } else { 0.15 };
    memory.smooth_level += (target - memory.smooth_level) * pull;
    memory.smooth_level.clamp(0.0, 1.0) * if look == TalkLook::Speaking { 0.5 } else { 1.0 }
}

fn arc(ui: &Ui, center: Pos2, radius: f32, from: f32, length: f32, stroke: Stroke) {
    let steps = (length.abs() * 14.0).ceil().max(2.0) as usize;
    let points: Vec<Pos2> = (0..=steps).map(|i| center + radius * Vec2::angled(from + length * i as f32 / steps as f32)).collect();
    for end in [points.first(), points.last()].into_iter().flatten() {
        ui.painter().circle_filled(*end, stroke.width / 2.0, stroke.color);
    }
    ui.painter().line(points, stroke);
}
