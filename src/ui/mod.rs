//! The window: a pure reducer ([`view_state`]), pure panels that draw it and return commands, and a thin app around them.
//!
//! Panels are `fn x_ui(ui, &ViewState, &UiContext, …, &mut Vec<UiCommand>)`: they hold no channel, thread, engine or clock.
//! What only the window remembers (drafts, what is folded out) is in [`UiMemory`].

pub mod answer;
pub mod app;
mod app_models;
pub mod conversation;
pub mod fonts;
pub mod i18n;
pub mod icons;
pub mod keys;
mod layout;
pub mod models;
pub mod page;
pub mod sentences;
pub mod settings_more;
pub mod settings_panel;
pub mod status_line;
pub mod talk_area;
pub mod talk_button;
pub mod theme;
pub mod timeline;
pub mod top_bar;
pub mod turn_card;
pub mod view_state;
pub mod waveform;
pub mod welcome;
pub mod widgets;

use crate::audio::level::Levels;
use crate::config::settings::Settings;
use crate::error::StageError;
use crate::event::UserAction;
use crate::models::manager::ManagerCommand;
use crate::models::store::Inventory;
use crate::turn::TurnId;
use std::collections::HashSet;
use theme::Tokens;

/// What a panel wants done; the app does it after drawing.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum UiCommand {
    /// For the assistant.
    Act(UserAction),
    /// These are the settings from now on.
    Save(Box<Settings>),
    /// Look again which models and devices there are.
    RefreshInventory,
    /// Show the models folder in the system's file manager.
    OpenModelsFolder,
    /// Put this on the clipboard.
    Copy(String),
    /// Use this combination as the global talk key; empty switches it off.
    TryHotkey(String),
    /// Show or hide the settings.
    ShowSettings(bool),
    /// Show or hide the model page.
    ShowModels(bool),
    /// Show the first page, or leave it.
    ShowWelcome(bool),
    /// For the threads behind the model page.
    Models(ManagerCommand),
    /// Take what became of the work on this model off the model page.
    DismissWork(String),
    /// Show or hide the field for typing.
    ShowTyping(bool),
    /// Take a notice off the screen.
    Dismiss(StageError),
}

/// What panels read besides the view state.
#[derive(Clone, Copy)]
pub struct UiContext<'a> {
    /// Words.
    pub texts: &'a i18n::Texts,
    /// Colours.
    pub tokens: &'a Tokens,
    /// Loudness of both directions.
    pub levels: &'a Levels,
    /// The choices in effect.
    pub settings: &'a Settings,
    /// What can be chosen.
    pub inventory: &'a Inventory,
    /// The files that the engines were given last.
    pub used: &'a models::Used,
    /// What became of the global talk key: `None` is off, `Some(Ok)` works, `Some(Err)` says why not.
    pub hotkey: Option<&'a Result<(), StageError>>,
    /// The window's time, seconds.
    pub now: f64,
}

impl UiContext<'_> {
    /// No moving parts.
    #[must_use]
    pub fn still(&self) -> bool {
        self.settings.window.reduced_motion
    }
}

/// The codes of the languages that the person speaks; the window's own when none was chosen.
#[must_use]
pub fn spoken_languages(settings: &Settings, texts: &i18n::Texts) -> Vec<String> {
    let own = texts.language.split('-').next().unwrap_or("en");
    let chosen = &settings.hearing.languages;
    if chosen.is_empty() { vec![own.to_owned()] } else { chosen.clone() }
}

/// What only the window remembers.
#[derive(Default)]
pub struct UiMemory {
    /// The typed question.
    pub draft: String,
    /// The field for typing is there.
    pub typing: bool,
    /// Put the cursor into it once.
    pub focus_typing: bool,
    /// The settings are there.
    pub settings_open: bool,
    /// The model page is there, before everything else.
    pub models_open: bool,
    /// What it remembers.
    pub models: models::ModelsMemory,
    /// The first page is there, in place of the conversation.
    pub welcome_open: bool,
    /// What it remembers.
    pub welcome: welcome::WelcomeMemory,
    /// The settings as they are being changed; `None` while nothing is.
    pub edited: Option<Box<Settings>>,
    /// The next key combination becomes the talk key.
    pub recording_hotkey: bool,
    /// Whether a font for Chinese was found; asked when the settings are opened.
    pub chinese: Option<bool>,
    /// Turns whose thinking is folded out.
    pub thinking_open: HashSet<TurnId>,
    /// Markdown.
    pub markdown: egui_commonmark::CommonMarkCache,
    /// Heights of turns that are out of sight, so that a long conversation costs nothing.
    pub heights: conversation::Heights,
    /// The smoothed level that the talk button grows with.
    pub smooth_level: f32,
    /// Look of the talk button and since when.
    pub look: Option<(view_state::TalkLook, f64)>,
    /// The look before.
    pub look_before: Option<view_state::TalkLook>,
    /// Who holds the talk key.
    pub hold: keys::Hold,
    /// What was copied last and when, for the tick.
    pub copied: Option<(egui::Id, f64)>,
}

#[cfg(test)]
mod tests;
