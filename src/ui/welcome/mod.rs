//! The first page: four short steps to a working conversation. The talk button below it works all the time; "Skip" and
//! Esc leave at any moment, and nothing waits for the network.

mod steps;

use super::models::recommended;
use super::view_state::ViewState;
use super::{UiCommand, UiContext, UiMemory, fonts, page, theme, widgets};
use crate::event::Phase;
use egui::{Id, Rect, RichText, Ui, UiBuilder, pos2};

/// Height of the row with "Skip", "Back" and "Next", points.
const ROW: f32 = 52.0;
/// A louder voice than this moves the microphone, root mean square.
const MOVED: f32 = 0.008;

/// Where the person is, and what was seen to work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WelcomeMemory {
    /// The step, from 0.
    pub step: usize,
    /// The sample sentence was asked for.
    pub said: bool,
    /// A press of the talk key arrived.
    pub pressed: bool,
    /// The microphone brought sound.
    pub moved: bool,
    /// The window speaks Chinese because of an answer on this page.
    pub made_chinese: bool,
    /// Languages beside English and Chinese are shown.
    pub others: bool,
}

/// Number of steps.
pub const STEPS: usize = 4;

/// Draws the page into the space it is given.
pub fn welcome_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let all = ui.max_rect();
    let width = (all.width() - 2.0 * theme::GUTTER).min(theme::TEXT_COLUMN);
    let left = all.left() + ((all.width() - width) / 2.0).max(0.0);
    let row = Rect::from_min_max(pos2(left, all.bottom() - ROW), pos2(left + width, all.bottom()));
    let page = Rect::from_min_max(all.min, pos2(all.right(), row.top()));
    let east = *memory.chinese.get_or_insert_with(|| fonts::has_chinese(ui.ctx()));
    watch(state, cx, &mut memory.welcome);
    ui.scope_builder(UiBuilder::new().max_rect(page), |ui| {
        ui.shrink_clip_rect(page);
        let step = memory.welcome.step.min(STEPS - 1);
        egui::ScrollArea::vertical().id_salt(("first", step)).auto_shrink(false).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.add_space(left - all.left());
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.spacing_mut().item_spacing.y = 6.0;
                    ui.add_space(theme::GUTTER);
                    step_ui(ui, step, state, cx, east, &mut memory.welcome, out);
                    ui.add_space(8.0);
                });
            });
            page::follow_focus(ui);
        });
    });
    ui.scope_builder(UiBuilder::new().max_rect(row), |ui| row_ui(ui, cx, &mut memory.welcome, out));
}

/// Notes what was seen to work, whatever the page shows at that moment.
fn watch(state: &ViewState, cx: &UiContext<'_>, memory: &mut WelcomeMemory) {
    if state.phase == Phase::Listening {
        memory.pressed = true;
        memory.moved |= cx.levels.input.latest().rms > MOVED;
    }
}

fn step_ui(
    ui: &mut Ui,
    step: usize,
    state: &ViewState,
    cx: &UiContext<'_>,
    east: bool,
    memory: &mut WelcomeMemory,
    out: &mut Vec<UiCommand>,
) {
    let t = cx.tokens;
    let (title, body) = match step {
        0 => (cx.texts.t("first.languages"), cx.texts.t("first.languages_body")),
        1 => (cx.texts.t("first.sound"), cx.texts.t("first.sound_body")),
        2 => (cx.texts.t("first.press"), cx.texts.t("first.press_body")),
        _ if state.models.looked && recommended::parts(&state.models).is_empty() => {
            (cx.texts.t("first.models"), cx.texts.t("first.no_set"))
        }
        _ => (cx.texts.t("first.models"), cx.texts.t("first.models_body")),
    };
    let place = cx.texts.f("first.step", step + 1).replacen("{}", &STEPS.to_string(), 1);
    ui.add(egui::Label::new(widgets::small(t, place)).selectable(false));
    let heading = ui.add(egui::Label::new(RichText::new(title).size(22.0).color(t.text)).wrap().selectable(false));
    heading.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title));
    ui.add(egui::Label::new(theme::lined(body, 15.0).color(t.secondary)).wrap().selectable(false));
    ui.add_space(6.0);
    match step {
        0 => steps::languages_ui(ui, cx, east, memory, out),
        1 => steps::sound_ui(ui, state, cx, memory, out),
        2 => steps::press_ui(ui, state, cx, *memory),
        _ => steps::models_ui(ui, state, cx, out),
    }
}

fn row_ui(ui: &mut Ui, cx: &UiContext<'_>, memory: &mut WelcomeMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let last = memory.step + 1 >= STEPS;
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        // Each button has an id of its own: the one with the keyboard keeps it when another comes or goes.
        let part = |name: &str| UiBuilder::new().scope_id(Id::unique(("first", name)));
        if !last {
            ui.scope_builder(part("skip"), |ui| {
                if widgets::word_button(ui, t, cx.texts.t("first.skip"), false).on_hover_text(cx.texts.t("first.skip_tip")).clicked() {
                    out.push(UiCommand::ShowWelcome(false));
                }
            });
        }
        let mut alone = false;
        if memory.step > 0 {
            ui.scope_builder(part("back"), |ui| {
                if widgets::word_button(ui, t, cx.texts.t("first.back"), false).clicked() {
                    memory.step -= 1;
                    alone = memory.step == 0;
                }
            });
        }
        let right = egui::Layout::right_to_left(egui::Align::Center);
        ui.scope_builder(part("next").layout(right), |ui| {
            let words = if last { cx.texts.t("first.done") } else { cx.texts.t("first.next") };
            let next = widgets::word_button(ui, t, words, true);
            if alone {
                // There is nothing to go back to, and no such button.
                next.request_focus();
            }
            if next.clicked() {
                if last {
                    out.push(UiCommand::ShowWelcome(false));
                } else {
                    memory.step += 1;
                }
            }
        });
    });
}
