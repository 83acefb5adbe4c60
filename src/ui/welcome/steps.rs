//! The four steps of the first page.

use super::WelcomeMemory;
use crate::config::settings::{Settings, UiLanguage};
use crate::error::{Stage, StageError};
use crate::event::{Phase, StageStatus, UserAction};
use crate::models::manager::ManagerCommand;
use crate::ui::icons::{self, Icon};
use crate::ui::models::{amounts, cards, recommended, row};
use crate::ui::view_state::ViewState;
use crate::ui::{UiCommand, UiContext, spoken_languages, theme, widgets};
use egui::{CursorIcon, Role, Sense, Ui, WidgetInfo, vec2};

/// Which languages the person speaks: four answers, and single ones behind the last.
pub fn languages_ui(ui: &mut Ui, cx: &UiContext<'_>, east: bool, memory: &mut WelcomeMemory, out: &mut Vec<UiCommand>) {
    let chosen = &cx.settings.hearing.languages;
    let is = |codes: &[&str]| chosen.iter().map(String::as_str).eq(codes.iter().copied());
    let chinese = amounts::language("zh", east);
    let answers: [(String, &[&str]); 3] =
        [("English".to_owned(), &["en"]), (chinese.to_owned(), &["zh"]), (format!("English + {chinese}"), &["en", "zh"])];
    let mut known = false;
    for (words, codes) in &answers {
        let on = is(codes) && !memory.others;
        known |= is(codes);
        if choice_ui(ui, cx, words, on) {
            memory.others = false;
            let mut settings = Box::new(cx.settings.clone());
            settings.hearing.languages = codes.iter().map(|code| (*code).to_owned()).collect();
            if **codes == ["zh"] && east {
                // Who speaks only Chinese reads it, whatever the system says.
                memory.made_chinese |= settings.window.language != UiLanguage::Chinese;
                settings.window.language = UiLanguage::Chinese;
            } else if memory.made_chinese && !codes.contains(&"zh") {
                // A wrong click is taken back by the right one.
                memory.made_chinese = false;
                settings.window.language = UiLanguage::System;
            }
            choose(cx, settings, out);
        }
    }
    let others = memory.others || !(known || chosen.is_empty());
    if choice_ui(ui, cx, cx.texts.t("first.others"), others) {
        memory.others = true;
    }
    if others {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            for code in amounts::common() {
                let name = amounts::language(code, east);
                let on = chosen.iter().any(|have| have == code);
                let response = ui.add(egui::Button::selectable(on, name).corner_radius(theme::TARGET / 2.0));
                response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, name));
                if response.clicked() {
                    let mut settings = Box::new(cx.settings.clone());
                    toggle(&mut settings.hearing.languages, code, on);
                    choose(cx, settings, out);
                }
            }
        });
        ui.add(egui::Label::new(widgets::small(cx.tokens, cx.texts.t("first.others_hint"))).wrap().selectable(false));
    }
}

fn toggle(languages: &mut Vec<String>, code: &str, on: bool) {
    languages.retain(|have| have != code);
    if !on {
        languages.push(code.to_owned());
    }
}

fn choose(cx: &UiContext<'_>, settings: Box<Settings>, out: &mut Vec<UiCommand>) {
    let languages = spoken_languages(&settings, cx.texts);
    out.push(UiCommand::Save(settings));
    out.push(UiCommand::Models(ManagerCommand::Refresh(languages)));
}

/// One of several answers: a row as wide as the column, with a tick when it is the one.
fn choice_ui(ui: &mut Ui, cx: &UiContext<'_>, words: &str, on: bool) -> bool {
    let t = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 42.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::RadioButton, true, on, words));
    let fill = if response.hovered() { theme::mix(t.raised, t.text, 0.06) } else { t.raised };
    let edge = if on { egui::Stroke::new(1.5, t.accent) } else { egui::Stroke::new(1.0, t.hairline) };
    ui.painter().rect(rect, theme::CARD_RADIUS, fill, edge, egui::StrokeKind::Inside);
    let galley = ui.painter().layout_no_wrap(words.to_owned(), theme::font(15.0), t.text);
    ui.painter().galley(egui::pos2(rect.left() + 14.0, rect.center().y - galley.size().y / 2.0), galley, t.text);
    if on {
        icons::paint(ui.painter(), Icon::Check, rect.right_center() - vec2(22.0, 0.0), 16.0, t.accent);
    }
    widgets::focus_ring(ui, t, &response, f32::from(theme::CARD_RADIUS));
    response.on_hover_cursor(CursorIcon::PointingHand).clicked()
}

/// A sentence is spoken by the voice that answers will have.
pub fn sound_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut WelcomeMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let chinese = cx.settings.hearing.languages.first().is_some_and(|code| code.starts_with("zh"));
    let sample =
        if chinese { "你好，我是 Hark。按住按钮，对我说话。" } else { "Hello, I am Hark. Hold the button and talk to me." };
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(egui::Label::new(theme::lined(sample, 16.0).color(t.text)).wrap());
        ui.add_space(4.0);
        let sounding = state.phase == Phase::Speaking || state.phase == Phase::Thinking;
        if sounding {
            if widgets::word_button(ui, t, cx.texts.t("first.be_quiet"), false).clicked() {
                out.push(UiCommand::Act(UserAction::Cancel));
            }
        } else if widgets::word_button(ui, t, cx.texts.t("first.say"), true).on_hover_text(cx.texts.t("first.say_tip")).clicked() {
            memory.said = true;
            out.push(UiCommand::Act(UserAction::Say(sample.into())));
        }
    });
    match missing(state, &[Stage::Tts, Stage::Playback]) {
        Some(error) => fault_ui(ui, cx, error),
        None if cx.settings.audio.mute => line_ui(ui, cx, Icon::Info, t.accent, cx.texts.t("first.muted")),
        None => {}
    }
    if memory.said {
        ui.add_space(2.0);
        ui.add(egui::Label::new(widgets::small(t, cx.texts.t("first.no_sound"))).wrap().selectable(false));
        if widgets::word_button(ui, t, cx.texts.t("action.open_settings"), false).clicked() {
            out.push(UiCommand::ShowSettings(true));
        }
    }
}

/// The press arrives, the microphone moves, words come.
pub fn press_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: WelcomeMemory) {
    let t = cx.tokens;
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        let tick = |on: bool| if on { (Icon::Check, t.speaking) } else { (Icon::Dots, t.secondary) };
        let (icon, color) = tick(memory.pressed);
        let words = if memory.pressed { cx.texts.t("first.pressed") } else { cx.texts.t("first.not_pressed") };
        line_ui(ui, cx, icon, color, words);
        let (icon, color) = tick(memory.moved);
        let words = if memory.moved { cx.texts.t("first.moved") } else { cx.texts.t("first.not_moved") };
        line_ui(ui, cx, icon, color, words);
        level_ui(ui, state, cx);
        let turn = state.last_turn();
        let heard = turn.and_then(|turn| turn.question.as_ref()).map(|question| question.text.as_str()).filter(|text| !text.is_empty());
        if let Some(heard) = heard.filter(|_| memory.pressed) {
            let short: String = heard.chars().take(200).collect();
            line_ui(ui, cx, Icon::Check, t.speaking, &cx.texts.f("first.heard", short));
        }
    });
    if let Some(error) = missing(state, &[Stage::Capture, Stage::Stt]) {
        fault_ui(ui, cx, error);
    }
    let key = &cx.settings.window.hotkey;
    if !key.is_empty() && matches!(cx.hotkey, Some(Ok(()))) {
        ui.add(egui::Label::new(widgets::small(t, cx.texts.f("first.key", key))).wrap().selectable(false));
    }
    if state.starter() {
        ui.add(egui::Label::new(widgets::small(t, cx.texts.t("first.starter"))).wrap().selectable(false));
    }
}

/// The microphone's level, while the key is held: frames are drawn then anyway.
fn level_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>) {
    let t = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 10.0), Sense::hover());
    let level = if state.phase == Phase::Listening { cx.levels.input.latest().rms } else { 0.0 };
    let share = if level.is_finite() { (level.clamp(0.0, 1.0) * 3.0).sqrt().min(1.0) } else { 0.0 };
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Meter, true, cx.texts.t("settings.microphone"));
        info.value = Some(f64::from((share * 100.0).round()));
        info
    });
    ui.painter().rect_filled(rect, 5.0, t.edge);
    let full = egui::Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
    ui.painter().rect_filled(full, 5.0, t.listening);
}

/// The set for this computer; it comes in the background.
pub fn models_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    if state.models.looked {
        recommended::set_ui(ui, &state.models, cx, out);
    } else {
        ui.add(egui::Label::new(widgets::small(t, cx.texts.t("models.looking"))).selectable(false));
    }
    cards::cards_ui(ui, &state.models, cx, out);
    ui.add(egui::Label::new(widgets::small(t, cx.texts.t("first.meanwhile"))).wrap().selectable(false));
    if widgets::word_button(ui, t, cx.texts.t("first.all_models"), false).on_hover_text(cx.texts.t("models.open_tip")).clicked() {
        out.push(UiCommand::ShowModels(true));
    }
}

fn missing<'a>(state: &'a ViewState, stages: &[Stage]) -> Option<&'a StageError> {
    stages.iter().find_map(|stage| match state.stages.get(stage) {
        Some(StageStatus::Unavailable(error)) => Some(error),
        _ => None,
    })
}

fn fault_ui(ui: &mut Ui, cx: &UiContext<'_>, error: &StageError) {
    line_ui(ui, cx, Icon::Warning, cx.tokens.thinking, &cx.texts.said(&error.to_string()));
}

fn line_ui(ui: &mut Ui, cx: &UiContext<'_>, icon: Icon, color: egui::Color32, words: &str) {
    row::mark_ui(ui, cx, icon, color, words, "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_languages_are_switched_on_and_off() {
        let mut languages = vec!["en".to_owned()];
        toggle(&mut languages, "de", false);
        toggle(&mut languages, "de", false);
        assert_eq!(languages, ["en", "de"], "none is there twice");
        toggle(&mut languages, "en", true);
        assert_eq!(languages, ["de"]);
    }
}
