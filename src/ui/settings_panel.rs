//! The settings: sound, models, voice, window. Every change takes effect at once and is kept.

use super::icons::{self, Icon};
use super::view_state::ViewState;
use super::{UiCommand, UiContext, UiMemory, fonts, page, settings_more, theme, widgets};
use crate::config::settings::{Settings, ThemeChoice, UiLanguage};
use crate::models::store::ModelEntry;
use egui::{Button, Key, Modifiers, Response, RichText, Ui, vec2};
use std::path::PathBuf;

/// Draws the settings into the space it is given.
pub fn settings_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let mut edited = memory.edited.take().unwrap_or_else(|| Box::new(cx.settings.clone()));
    let mut form = Form { cx, commit: false };
    egui::ScrollArea::vertical().id_salt("settings").auto_shrink(false).show(ui, |ui| {
        let width = (ui.available_width() - 2.0 * theme::GUTTER).min(theme::TEXT_COLUMN);
        let left = ((ui.available_width() - width) / 2.0).max(0.0);
        ui.horizontal_top(|ui| {
            ui.add_space(left);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 4.0;
                ui.add_space(16.0);
                for name in [egui::TextStyle::Body, egui::TextStyle::Button] {
                    ui.style_mut().text_styles.insert(name, theme::font(15.0));
                }
                ui.add(egui::Label::new(RichText::new(cx.texts.t("top.settings")).size(20.0)).selectable(false));
                sound_ui(ui, &mut form, &mut edited);
                models_ui(ui, state, &mut form, &mut edited, out);
                voice_ui(ui, &mut form, &mut edited);
                window_ui(ui, &mut form, &mut edited, memory);
                hotkey_ui(ui, cx, memory, out);
                settings_more::more_ui(ui, &mut form, &mut edited);
                ui.add_space(14.0);
                if widgets::word_button(ui, cx.tokens, cx.texts.t("first.again"), false)
                    .on_hover_text(cx.texts.t("first.again_tip"))
                    .clicked()
                {
                    out.push(UiCommand::ShowWelcome(true));
                }
                ui.add_space(24.0);
            });
        });
        page::follow_focus(ui);
    });
    if form.commit && *edited != *cx.settings {
        out.push(UiCommand::Save(edited));
    } else if *edited != *cx.settings {
        memory.edited = Some(edited);
    }
}

/// What the rows share: where words and colours come from, and whether something was decided.
pub(super) struct Form<'a> {
    pub cx: &'a UiContext<'a>,
    pub commit: bool,
}

impl Form<'_> {
    /// The name above a control.
    pub fn name(&self, ui: &mut Ui, text: &str) -> Response {
        ui.add_space(6.0);
        ui.add(egui::Label::new(RichText::new(text).size(14.0).color(self.cx.tokens.text)).wrap().selectable(false))
    }

    /// A heading with a line above.
    pub fn section(&self, ui: &mut Ui, text: &str) {
        ui.add_space(14.0);
        let y = ui.cursor().top();
        ui.painter().hline(ui.max_rect().x_range(), y, egui::Stroke::new(1.0, self.cx.tokens.hairline));
        ui.add_space(10.0);
        ui.add(egui::Label::new(widgets::small(self.cx.tokens, text)).selectable(false));
    }

    /// One of several; `key` is that of its name. The control is known by it in every language, so that it keeps the keyboard
    /// when the language is what was chosen.
    pub fn choice<T: PartialEq + Clone>(&mut self, ui: &mut Ui, key: &str, options: &[(String, T)], value: &mut T) {
        let label = self.name(ui, self.cx.texts.t(key));
        let current = options.iter().find(|(_, v)| v == value).map_or("", |(text, _)| text.as_str()).to_owned();
        let mut picked = None;
        let combo = egui::ComboBox::from_id_salt(key).selected_text(current.as_str()).width(ui.available_width()).truncate();
        let combo =
            combo.icon(|ui, rect, visuals, _open| icons::paint(ui.painter(), Icon::Down, rect.center(), 16.0, visuals.fg_stroke.color));
        let response = combo
            .show_ui(ui, |ui| {
                for (text, option) in options {
                    let entry = ui.add(Button::selectable(option == value, text.as_str()));
                    if entry.gained_focus() {
                        entry.scroll_to_me(None);
                    }
                    if entry.clicked() {
                        picked = Some(option.clone());
                    }
                }
            })
            .response;
        let response = response.labelled_by(label.id);
        if let Some(picked) = picked {
            // The entry that had the keyboard is gone with the list.
            response.request_focus();
            *value = picked;
            self.commit = true;
        }
    }

    /// A number on a line, with its value written beside the name.
    pub fn slider(
        &mut self,
        ui: &mut Ui,
        name: &str,
        value: &mut f32,
        range: std::ops::RangeInclusive<f32>,
        step: f64,
        shown: impl Fn(f32) -> String,
    ) {
        ui.horizontal(|ui| {
            ui.add(egui::Label::new(RichText::new(name).size(14.0).color(self.cx.tokens.text)).selectable(false));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.add(egui::Label::new(widgets::small(self.cx.tokens, shown(*value))).selectable(false));
            });
        });
        let before = *value;
        let response = ui
            .scope(|ui| {
                let t = self.cx.tokens;
                ui.spacing_mut().slider_width = ui.available_width() - 4.0;
                ui.spacing_mut().interact_size.y = 24.0;
                let visuals = ui.visuals_mut();
                visuals.selection.bg_fill = t.accent;
                visuals.widgets.inactive.bg_fill = t.edge;
                for look in [&mut visuals.widgets.hovered, &mut visuals.widgets.active] {
                    look.bg_fill = t.accent;
                    look.fg_stroke = egui::Stroke::new(2.0, t.text);
                }
                visuals.widgets.inactive.fg_stroke = egui::Stroke::new(2.0, t.accent);
                ui.add(egui::Slider::new(value, range).step_by(step).show_value(false)).accessible_name(name)
            })
            .inner;
        // The slider puts a value between two steps onto one by itself; that is no choice of the person.
        if f64::from((*value - before).abs()) < step * 0.6 {
            *value = before;
        }
        // It reports its own move as a change in every frame: what is typed elsewhere would be kept letter by letter.
        self.commit |= response.drag_stopped() || (*value != before && !response.dragged());
    }

    /// On or off.
    pub fn switch(&mut self, ui: &mut Ui, name: &str, hint: &str, on: &mut bool) {
        self.commit |= widgets::switch_row(ui, self.cx.tokens, name, hint, on);
    }
}

fn sound_ui(ui: &mut Ui, form: &mut Form<'_>, edited: &mut Settings) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("settings.sound"));
    let devices = |names: &[String], chosen: &Option<String>| {
        let mut options = vec![(cx.texts.t("settings.default_device").to_owned(), None)];
        options.extend(names.iter().map(|n| (n.clone(), Some(n.clone()))));
        if let Some(gone) = chosen.as_ref().filter(|c| !names.contains(c)) {
            options.push((cx.texts.f("settings.not_there", gone), Some(gone.clone())));
        }
        options
    };
    let options = devices(&cx.inventory.microphones, &edited.audio.microphone);
    form.choice(ui, "settings.microphone", &options, &mut edited.audio.microphone);
    let options = devices(&cx.inventory.speakers, &edited.audio.speaker);
    form.choice(ui, "settings.speaker", &options, &mut edited.audio.speaker);
    let (name, tip) = (cx.texts.t("settings.keep_open"), cx.texts.t("settings.keep_open_tip"));
    form.switch(ui, name, tip, &mut edited.audio.keep_microphone_open);
    form.switch(ui, cx.texts.t("settings.mute"), cx.texts.t("settings.mute_tip"), &mut edited.audio.mute);
}

fn models_ui(ui: &mut Ui, state: &ViewState, form: &mut Form<'_>, edited: &mut Settings, out: &mut Vec<UiCommand>) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("settings.models"));
    let options = files(cx, &cx.inventory.stt, edited.models.stt.as_ref());
    form.choice(ui, "status.speech_model", &options, &mut edited.models.stt);
    let options = files(cx, &cx.inventory.chat, edited.models.chat.as_ref());
    form.choice(ui, "status.chat_model", &options, &mut edited.models.chat);
    let mut voices = vec![(cx.texts.t("settings.best").to_owned(), None)];
    voices.extend(cx.inventory.voices.iter().map(|v| (entry_name(v), Some(v.path.display().to_string()))));
    voices.extend(cx.inventory.espeak_languages.iter().map(|l| (cx.texts.f("settings.espeak", l), Some(format!("espeak:{l}")))));
    if let Some(other) = edited.models.voice.as_ref().filter(|c| !voices.iter().any(|(_, v)| v.as_ref() == Some(c))) {
        voices.push((cx.texts.f("settings.not_there", other), Some(other.clone())));
    }
    form.choice(ui, "status.voice", &voices, &mut edited.models.voice);
    for limited in cx.inventory.voices.iter().filter(|voice| voice.terms.is_some()) {
        let words = format!("{}{}{}", limited.name, cx.texts.t("models.colon"), cx.texts.t("voice.non_commercial"));
        ui.add(egui::Label::new(widgets::small(cx.tokens, words)).wrap().selectable(false));
    }
    if state.starter() {
        ui.add_space(6.0);
        ui.add(egui::Label::new(widgets::small(cx.tokens, cx.texts.t("welcome.starter"))).wrap().selectable(false));
    }
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
        if widgets::word_button(ui, cx.tokens, cx.texts.t("action.get_models"), true).on_hover_text(cx.texts.t("models.open_tip")).clicked()
        {
            out.push(UiCommand::ShowModels(true));
        }
        if widgets::word_button(ui, cx.tokens, cx.texts.t("action.models_folder"), false)
            .on_hover_text(cx.texts.t("action.models_folder_tip"))
            .clicked()
        {
            out.push(UiCommand::OpenModelsFolder);
        }
        if widgets::word_button(ui, cx.tokens, cx.texts.t("settings.refresh"), false)
            .on_hover_text(cx.texts.t("settings.refresh_tip"))
            .clicked()
        {
            out.push(UiCommand::RefreshInventory);
        }
    });
}

fn entry_name(entry: &ModelEntry) -> String {
    let size = entry.bytes as f64 / 1e6;
    let size = if size >= 1000.0 { format!("{:.1} GB", size / 1000.0) } else { format!("{size:.0} MB") };
    format!("{} ({size})", entry.name)
}

fn files(cx: &UiContext<'_>, entries: &[ModelEntry], chosen: Option<&PathBuf>) -> Vec<(String, Option<PathBuf>)> {
    let mut options = vec![(cx.texts.t("settings.best").to_owned(), None)];
    options.extend(entries.iter().map(|e| (entry_name(e), Some(e.path.clone()))));
    if let Some(other) = chosen.filter(|c| !entries.iter().any(|e| e.path == **c)) {
        let name = other.file_stem().map_or_else(|| other.display().to_string(), |n| n.to_string_lossy().into_owned());
        options.push((cx.texts.f("settings.not_there", name), Some(other.clone())));
    }
    options
}

fn voice_ui(ui: &mut Ui, form: &mut Form<'_>, edited: &mut Settings) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("settings.voice"));
    form.slider(ui, cx.texts.t("settings.speed"), &mut edited.voice.speed, 0.5..=2.0, 0.05, |v| format!("{v:.2} ×"));
    form.slider(ui, cx.texts.t("settings.volume"), &mut edited.voice.volume, 0.0..=2.0, 0.05, |v| format!("{:.0} %", v * 100.0));
}

fn window_ui(ui: &mut Ui, form: &mut Form<'_>, edited: &mut Settings, memory: &mut UiMemory) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("settings.window"));
    let themes = [
        (cx.texts.t("settings.theme_system").to_owned(), ThemeChoice::System),
        (cx.texts.t("settings.theme_dark").to_owned(), ThemeChoice::Dark),
        (cx.texts.t("settings.theme_light").to_owned(), ThemeChoice::Light),
    ];
    form.choice(ui, "settings.theme", &themes, &mut edited.window.theme);
    // A language is named in itself, so that it is found by those who read only it.
    let chinese = *memory.chinese.get_or_insert_with(|| fonts::has_chinese(ui.ctx()));
    let mut languages =
        vec![(cx.texts.t("settings.language_system").to_owned(), UiLanguage::System), ("English".to_owned(), UiLanguage::English)];
    let own_name = if chinese { "简体中文" } else { "Chinese (simplified)" };
    languages.push((own_name.to_owned(), UiLanguage::Chinese));
    form.choice(ui, "settings.language", &languages, &mut edited.window.language);
    if !chinese {
        ui.add(egui::Label::new(widgets::small(cx.tokens, cx.texts.t("settings.no_chinese_font"))).wrap().selectable(false));
    }
    form.slider(ui, cx.texts.t("settings.zoom"), &mut edited.window.zoom, 0.75..=2.5, 0.05, |v| format!("{:.0} %", v * 100.0));
    form.switch(ui, cx.texts.t("settings.still"), cx.texts.t("settings.still_tip"), &mut edited.window.reduced_motion);
}

/// The global talk key: shown, recorded by pressing it, switched off; and whether it works.
fn hotkey_ui(ui: &mut Ui, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    ui.add_space(6.0);
    ui.add(egui::Label::new(RichText::new(cx.texts.t("settings.hotkey")).size(14.0).color(t.text)).selectable(false));
    let current = cx.settings.window.hotkey.as_str();
    ui.horizontal(|ui| {
        let shown = if memory.recording_hotkey {
            cx.texts.t("settings.hotkey_press")
        } else if current.is_empty() {
            cx.texts.t("settings.hotkey_off")
        } else {
            current
        };
        let off = !current.is_empty() && !memory.recording_hotkey;
        let width = ui.available_width() - if off { theme::TARGET + 8.0 } else { 0.0 };
        let button = Button::new(shown).selected(memory.recording_hotkey).min_size(vec2(width, theme::TARGET)).truncate();
        let response = ui.add_sized(vec2(width, theme::TARGET), button).on_hover_text(cx.texts.t("settings.hotkey_tip"));
        if response.clicked() {
            memory.recording_hotkey = !memory.recording_hotkey;
        } else if memory.recording_hotkey {
            record(ui, memory, out);
        }
        if off && widgets::icon_button(ui, t, Icon::Close, cx.texts.t("settings.hotkey_clear"), theme::TARGET, true).clicked() {
            out.push(UiCommand::TryHotkey(String::new()));
        }
    });
    let (line, color) = match cx.hotkey {
        Some(Ok(())) => (cx.texts.t("settings.hotkey_works").to_owned(), t.secondary),
        Some(Err(error)) => (cx.texts.said(&error.to_string()).into_owned(), t.text),
        None => (cx.texts.t("settings.hotkey_none").to_owned(), t.secondary),
    };
    ui.add(egui::Label::new(RichText::new(line).size(theme::SMALL).color(color)).wrap());
}

fn record(ui: &Ui, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let pressed = ui.input_mut(|i| {
        let found = i.events.iter().find_map(|event| match event {
            egui::Event::Key { key, pressed: true, repeat: false, modifiers, .. } => Some((*key, *modifiers)),
            _ => None,
        });
        // It must not do anything else as well.
        if found.is_some() {
            i.events.retain(|e| !matches!(e, egui::Event::Key { .. } | egui::Event::Text(_)));
        }
        found
    });
    let Some((key, modifiers)) = pressed else { return };
    memory.recording_hotkey = false;
    if key != Key::Escape {
        out.push(UiCommand::TryHotkey(combination(key, modifiers)));
    }
}

/// A pressed combination in the spelling of [`crate::platform::hotkey::parse`].
fn combination(key: Key, modifiers: Modifiers) -> String {
    let mut parts = Vec::new();
    for (on, name) in [(modifiers.ctrl, "Ctrl"), (modifiers.alt, "Alt"), (modifiers.shift, "Shift"), (modifiers.mac_cmd, "Super")] {
        if on {
            parts.push(name);
        }
    }
    parts.push(key.name());
    parts.join("+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_can_be_registered() {
        let ctrl_alt = Modifiers { ctrl: true, alt: true, ..Modifiers::NONE };
        for key in [Key::Space, Key::A, Key::Insert, Key::Num1, Key::Enter] {
            let text = combination(key, ctrl_alt);
            assert!(crate::platform::hotkey::parse(&text).is_ok(), "{text}");
        }
        assert_eq!(combination(Key::Space, ctrl_alt), "Ctrl+Alt+Space");
    }
}
