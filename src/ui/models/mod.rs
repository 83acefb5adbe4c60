//! The model page: what goes on, what is in use and why, the set for this computer, what is installed, what can be had,
//! and taking models over from a file or a stick. Each action is `hark models …` on the command line too.

pub mod amounts;
pub mod cards;
pub mod import;
pub mod installed;
pub mod offers;
pub mod policy;
pub mod recommended;
pub mod row;
pub mod strip;
pub mod used;
pub mod view;

use super::view_state::ViewState;
use super::{UiCommand, UiContext, UiMemory, fonts, page, theme, widgets};
use crate::config::settings::Settings;
use crate::error::Stage;
use crate::models::catalog::ModelKind;
use crate::models::manager::ManagerCommand;
use egui::{Response, RichText, Ui};
use std::path::{Path, PathBuf};

/// Widest column of the page, points.
const COLUMN: f32 = 640.0;

/// What only the window remembers of the page.
#[derive(Debug, Default)]
pub struct ModelsMemory {
    /// Only this kind is listed.
    pub kind: Option<ModelKind>,
    /// Only models that are good at this language are listed.
    pub language: Option<String>,
    /// What would be removed by one more press.
    pub removing: row::Deciding,
    /// The path that is being written.
    pub path: String,
    /// Heights of rows that are out of sight.
    pub heights: row::Heights,
}

/// The files that the engines work with, or are to work with while they are being loaded at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// The speech model.
    pub stt: Option<PathBuf>,
    /// The chat model.
    pub chat: Option<PathBuf>,
    /// The voice; `None`: the system's own.
    pub voice: Option<PathBuf>,
}

impl Used {
    /// The file of this kind.
    #[must_use]
    pub fn of(&self, kind: ModelKind) -> Option<&Path> {
        match kind {
            ModelKind::Stt => self.stt.as_deref(),
            ModelKind::Chat => self.chat.as_deref(),
            ModelKind::Voice => self.voice.as_deref(),
            ModelKind::Vad | ModelKind::Embedding => None,
        }
    }

    /// A stage works with this file from now on.
    pub fn set(&mut self, stage: Stage, file: Option<PathBuf>) {
        match stage {
            Stage::Stt => self.stt = file,
            Stage::Llm => self.chat = file,
            Stage::Tts => self.voice = file,
            Stage::Capture | Stage::Playback | Stage::Settings | Stage::Desktop => {}
        }
    }
}

/// The settings with this file chosen; `None`: nobody chooses a model of this kind.
#[must_use]
pub fn choosing(settings: &Settings, kind: ModelKind, file: &Path) -> Option<Box<Settings>> {
    let mut settings = Box::new(settings.clone());
    match kind {
        ModelKind::Stt => settings.models.stt = Some(file.to_owned()),
        ModelKind::Chat => settings.models.chat = Some(file.to_owned()),
        ModelKind::Voice => settings.models.voice = Some(file.display().to_string()),
        ModelKind::Vad | ModelKind::Embedding => return None,
    }
    Some(settings)
}

/// The stage that works with models of this kind.
#[must_use]
pub fn stage_of(kind: ModelKind) -> Option<Stage> {
    match kind {
        ModelKind::Stt => Some(Stage::Stt),
        ModelKind::Chat => Some(Stage::Llm),
        ModelKind::Voice => Some(Stage::Tts),
        ModelKind::Vad | ModelKind::Embedding => None,
    }
}

/// Draws the page into the space it is given.
pub fn models_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    egui::ScrollArea::vertical().id_salt("models").auto_shrink(false).show(ui, |ui| {
        let width = (ui.available_width() - 2.0 * theme::GUTTER).min(COLUMN);
        let left = ((ui.available_width() - width) / 2.0).max(0.0);
        ui.horizontal_top(|ui| {
            ui.add_space(left);
            ui.vertical(|ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 6.0;
                ui.add_space(16.0);
                ui.add(egui::Label::new(RichText::new(cx.texts.t("models.title")).size(20.0)).selectable(false));
                // A font for Chinese names is looked for once.
                let east = *memory.chinese.get_or_insert_with(|| fonts::has_chinese(ui.ctx()));
                cards::cards_ui(ui, &state.models, cx, out);
                cards::notices_ui(ui, state, cx, out);
                used::used_ui(ui, state, cx);
                recommended::recommended_ui(ui, &state.models, cx, out);
                policy::policy_ui(ui, state, cx, out);
                installed::installed_ui(ui, state, cx, east, &mut memory.models, out);
                offers::offers_ui(ui, &state.models, cx, east, &mut memory.models, out);
                import::import_ui(ui, cx, &mut memory.models, out);
                ui.add_space(24.0);
            });
        });
        page::follow_focus(ui);
    });
}

/// A heading of the page.
fn section_ui(ui: &mut Ui, cx: &UiContext<'_>, title: &str) {
    ui.add_space(14.0);
    let heading = egui::Label::new(RichText::new(title).size(15.0).color(cx.tokens.text)).selectable(false);
    let response = ui.add(heading);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Heading, true, title));
}

/// A paragraph of secondary text.
fn note_ui(ui: &mut Ui, cx: &UiContext<'_>, text: &str) {
    ui.add(egui::Label::new(widgets::small(cx.tokens, text)).wrap().selectable(false));
}

/// What a kind of model does.
#[must_use]
pub fn kind_name<'a>(cx: &UiContext<'a>, kind: ModelKind) -> &'a str {
    match kind {
        ModelKind::Stt => cx.texts.t("models.hears"),
        ModelKind::Chat => cx.texts.t("models.thinks"),
        ModelKind::Voice => cx.texts.t("models.speaks"),
        ModelKind::Vad => cx.texts.t("models.notices"),
        ModelKind::Embedding => cx.texts.t("models.searches"),
    }
}

/// A button of the page; its tooltip names the command's twin.
fn button(ui: &mut Ui, cx: &UiContext<'_>, text: &str, accessible: &str, strong: bool, twin: &str) -> bool {
    button_response(ui, cx, text, accessible, strong, twin).clicked()
}

fn button_response(ui: &mut Ui, cx: &UiContext<'_>, text: &str, accessible: &str, strong: bool, twin: &str) -> Response {
    let response = widgets::word_button(ui, cx.tokens, text, strong);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), accessible));
    if twin.is_empty() { response } else { response.on_hover_text(cx.texts.f("models.twin", format!("hark models {twin}"))) }
}

/// Hands a command to the manager.
fn ask(out: &mut Vec<UiCommand>, command: ManagerCommand) {
    out.push(UiCommand::Models(command));
}
