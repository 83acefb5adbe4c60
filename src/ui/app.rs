//! The window itself: drains events, draws the panels, does what they ask for. Everything it knows of the program is a [`Host`].

use super::models::row::Deciding;
use super::models::{Used, import};
use super::theme;
use super::view_state::{TalkLook, ViewState};
use super::{UiCommand, UiMemory, fonts, icons, keys};
use crate::audio::level::Levels;
use crate::config::settings::Settings;
use crate::error::StageError;
use crate::event::{Event, StageStatus, UserAction};
use crate::models::manager::{ManagerCommand, ManagerEvent};
use crate::models::store::Inventory;
use crate::printable::printable;
use crate::turn::TurnId;
use egui::{Ui, ViewportCommand, vec2};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Smallest window, points.
const MIN_SIZE: [f32; 2] = [340.0, 480.0];

/// The rest of the program, as the window needs it. It lives on the window's thread; nothing in it may block for long.
pub trait Host {
    /// Passes on what the person wants.
    fn act(&mut self, action: UserAction);
    /// Appends the events that have come since the last call.
    fn drain(&mut self, into: &mut Vec<Event>);
    /// Loudness of both directions.
    fn levels(&self) -> Arc<Levels>;
    /// Keeps the settings and puts them into effect.
    ///
    /// # Errors
    /// When they cannot be written; they are in effect all the same.
    fn save(&mut self, settings: &Settings) -> Result<(), StageError>;
    /// Looks which models and devices there are.
    fn inventory(&mut self) -> Inventory;
    /// Looks which models there are; the lists of devices are empty.
    fn models(&mut self) -> Inventory;
    /// Where model files go.
    fn models_folder(&self) -> PathBuf;
    /// Uses this combination as the talk key of the whole desktop; empty gives it back. The key's presses go to the
    /// assistant by the host's own way, so that they need no window.
    ///
    /// # Errors
    /// Why it cannot be had; the one before stays.
    fn set_hotkey(&mut self, combination: &str) -> Result<(), StageError>;
    /// Hands a command to the threads behind the model page.
    ///
    /// # Errors
    /// When too much waits there already, or they are gone.
    fn manage(&mut self, command: ManagerCommand) -> Result<(), StageError>;
    /// Appends what those threads have said since the last call.
    fn drain_models(&mut self, into: &mut Vec<ManagerEvent>);
    /// Other models are there than before: what the settings leave open is chosen anew.
    fn models_changed(&mut self);
    /// The files that the engines are given at the start; events say what becomes of that.
    fn used(&self) -> Used;
    /// Whether this is the first time that this person opens the window.
    fn first_run(&self) -> bool;
}

/// The window.
pub struct HarkApp {
    pub(super) host: Box<dyn Host>,
    pub(super) settings: Settings,
    pub(super) inventory: Inventory,
    pub(super) levels: Arc<Levels>,
    pub(super) state: ViewState,
    pub(super) memory: UiMemory,
    pub(super) used: Used,
    pub(super) hotkey: Option<Result<(), StageError>>,
    pub(super) system_locale: String,
    events: Vec<Event>,
    /// Inner size of the window, in points at zoom 1.
    size: (f32, f32),
    quitting: bool,
    zoom_asked: f32,
    zoom_pending: bool,
}

impl HarkApp {
    /// Puts fonts, colours and size into the context and asks the host what there is.
    #[must_use]
    pub fn new(ctx: &egui::Context, settings: Settings, mut host: Box<dyn Host>, system_locale: String) -> Self {
        fonts::install(ctx, &system_locale);
        let inventory = host.inventory();
        let levels = host.levels();
        let mut app = HarkApp {
            size: settings.window.size,
            host,
            settings,
            inventory,
            levels,
            state: ViewState::default(),
            memory: UiMemory::default(),
            used: Used::default(),
            hotkey: None,
            system_locale,
            events: Vec::new(),
            quitting: false,
            zoom_asked: 1.0,
            zoom_pending: true,
        };
        app.dress(ctx);
        app.used = app.host.used();
        if app.host.first_run() {
            app.memory.welcome_open = true;
            app.look_at_models();
        }
        let wanted = app.settings.window.hotkey.clone();
        if !wanted.is_empty() {
            app.hotkey = Some(app.host.set_hotkey(&wanted));
            if let Some(Err(error)) = &app.hotkey {
                app.state.apply(&Event::Notice(TurnId::NONE, error.clone()));
            }
        }
        app
    }

    /// What is shown.
    #[must_use]
    pub fn state(&self) -> &ViewState {
        &self.state
    }

    /// Before drawing, and also while the window is hidden: takes in events, notices that the window closes.
    pub fn logic(&mut self, ctx: &egui::Context) {
        self.host.drain(&mut self.events);
        for event in self.events.drain(..) {
            self.state.apply(&event);
            match event {
                Event::InUse(stage, file) => self.used.set(stage, file),
                // It can be chosen once more.
                Event::Status(stage, StageStatus::Unavailable(_)) => self.used.set(stage, None),
                _ => {}
            }
        }
        self.drain_models(ctx);
        let (closing, inner, maximized) =
            ctx.input(|i| (i.viewport().close_requested(), i.viewport().inner_rect, i.viewport().maximized.unwrap_or(false)));
        if let Some(inner) = inner.filter(|r| !maximized && r.width() >= 100.0 && r.height() >= 100.0) {
            let size = inner.size() * ctx.zoom_factor();
            self.size = (size.x, size.y);
        }
        if closing {
            self.quit();
        } else if self.state.stopped {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        }
    }

    /// Draws everything and does what was asked for.
    pub fn draw(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let mut out = Vec::new();
        theme::fit_tooltips(&ctx);
        keys::keys_ui(&ctx, &self.state, &mut self.memory, &mut out);
        import::dropped(&ctx, &self.memory, &mut out);
        self.panels(ui, &mut out);
        for command in out {
            self.apply(&ctx, command);
        }
        self.follow_zoom_keys(&ctx);
        if let Some(wait) = frame_time(self.state.look(), self.settings.window.reduced_motion) {
            ctx.request_repaint_after(wait);
        }
    }

    /// Says "end" once, with the window's size and what is being typed in the settings kept before.
    pub fn quit(&mut self) {
        if std::mem::replace(&mut self.quitting, true) {
            return;
        }
        let mut last = self.memory.edited.take().map_or_else(|| self.settings.clone(), |edited| *edited);
        let old = last.window.size;
        if (old.0 - self.size.0).abs() > 1.0 || (old.1 - self.size.1).abs() > 1.0 {
            last.window.size = self.size;
        }
        if last != self.settings {
            self.settings = last;
            if let Err(error) = self.host.save(&self.settings) {
                tracing::warn!(%error, "the last settings were not kept");
            }
        }
        self.host.act(UserAction::Quit);
    }

    pub(super) fn apply(&mut self, ctx: &egui::Context, command: UiCommand) {
        match command {
            UiCommand::Act(action) => self.host.act(action),
            UiCommand::Save(settings) => self.save(ctx, *settings),
            UiCommand::RefreshInventory => self.inventory = self.host.inventory(),
            UiCommand::OpenModelsFolder => self.open_models_folder(),
            UiCommand::Copy(text) => ctx.copy_text(printable(&text).into_owned()),
            UiCommand::TryHotkey(combination) => self.try_hotkey(ctx, &combination),
            UiCommand::ShowSettings(open) => {
                if open && !self.memory.settings_open {
                    self.inventory = self.host.inventory();
                }
                self.memory.settings_open = open;
                self.memory.models_open &= !open;
                self.memory.recording_hotkey = false;
                self.keep_edited(ctx);
            }
            UiCommand::ShowModels(open) => {
                self.memory.models_open = open;
                self.memory.models.removing = Deciding::default();
                self.memory.recording_hotkey = false;
                if open {
                    self.keep_edited(ctx);
                    self.look_at_models();
                }
            }
            UiCommand::ShowWelcome(open) => self.show_welcome(ctx, open),
            UiCommand::Models(command) => self.manage(command),
            UiCommand::DismissWork(id) => self.state.models.dismiss(&id),
            UiCommand::ShowTyping(open) => {
                self.memory.typing = open;
                self.memory.focus_typing = open;
            }
            UiCommand::Dismiss(notice) => self.state.dismiss(&notice),
        }
        // What was done shows in the next frame; nothing else may wake the window.
        ctx.request_repaint();
    }

    /// What is being typed in the settings is kept when they go out of sight.
    fn keep_edited(&mut self, ctx: &egui::Context) {
        if let Some(edited) = self.memory.edited.take().filter(|edited| **edited != self.settings) {
            self.save(ctx, *edited);
        }
    }

    pub(super) fn save(&mut self, ctx: &egui::Context, settings: Settings) {
        self.settings = settings;
        if let Some(edited) = &mut self.memory.edited {
            // Only the text is still being typed; everything else in there is older than what is saved now.
            let typed = std::mem::take(&mut edited.chat.system);
            (**edited).clone_from(&self.settings);
            edited.chat.system = typed;
        }
        self.dress(ctx);
        if let Err(error) = self.host.save(&self.settings) {
            self.state.apply(&Event::Notice(TurnId::NONE, error));
        }
    }

    fn show_welcome(&mut self, ctx: &egui::Context, open: bool) {
        let was = std::mem::replace(&mut self.memory.welcome_open, open);
        if open {
            self.memory.welcome = super::welcome::WelcomeMemory::default();
            (self.memory.settings_open, self.memory.models_open) = (false, false);
            // A key that is waited for would be swallowed by a page that is not there any more.
            self.memory.recording_hotkey = false;
            self.keep_edited(ctx);
            self.look_at_models();
        } else if was {
            // From now on there is a settings file, so the page does not come by itself again.
            self.save(ctx, self.settings.clone());
        }
    }

    fn try_hotkey(&mut self, ctx: &egui::Context, combination: &str) {
        let answer = self.host.set_hotkey(combination);
        let took = answer.is_ok();
        self.hotkey = (!(took && combination.is_empty())).then_some(answer);
        if took && self.settings.window.hotkey != combination {
            let mut settings = self.settings.clone();
            settings.window.hotkey = combination.to_owned();
            self.save(ctx, settings);
        }
    }

    /// Colours and size after the settings.
    fn dress(&mut self, ctx: &egui::Context) {
        theme::install(ctx, self.settings.window.reduced_motion);
        ctx.set_theme(theme::preference(self.settings.window.theme));
        self.zoom_asked = zoom(self.settings.window.zoom);
        // It takes effect with the next frame.
        self.zoom_pending = true;
        ctx.set_zoom_factor(self.zoom_asked);
    }

    /// Ctrl and plus or minus change the size as well; that is kept like a choice in the settings.
    fn follow_zoom_keys(&mut self, ctx: &egui::Context) {
        let now = ctx.zoom_factor();
        if (now - self.zoom_asked).abs() < 0.001 {
            self.zoom_pending = false;
        } else if !self.zoom_pending {
            // Not what was asked for, and nothing is on its way: the keys did it.
            let mut settings = self.settings.clone();
            settings.window.zoom = zoom((now * 20.0).round() / 20.0);
            self.save(ctx, settings);
        }
    }
}

impl eframe::App for HarkApp {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        HarkApp::logic(self, ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.draw(ui);
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        self.quit();
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }
}

fn zoom(wanted: f32) -> f32 {
    if wanted.is_finite() { wanted.clamp(0.75, 2.5) } else { 1.0 }
}

/// How long a frame may stand. `None`: until something happens.
#[must_use]
pub fn frame_time(look: TalkLook, still: bool) -> Option<Duration> {
    let millis = match (look, still) {
        // 30 frames a second are smooth for levels of 20 ms.
        (TalkLook::Listening | TalkLook::Speaking | TalkLook::Hearing | TalkLook::Thinking, false) => 33,
        (TalkLook::Listening, true) => 100,
        (TalkLook::Speaking, true) => 200,
        _ => return None,
    };
    Some(Duration::from_millis(millis))
}

/// Opens the window and returns when it was closed. `host_factory` gets the call that wakes the window when there are
/// events; it runs on this (the main) thread.
///
/// # Errors
/// One sentence, when there is no display or the window cannot be drawn.
pub fn run(settings: Settings, host_factory: impl FnOnce(Box<dyn Fn() + Send + Sync>) -> Box<dyn Host>) -> Result<(), String> {
    let side = |wanted: f32, least: f32| if wanted.is_finite() { wanted.clamp(least, 8000.0) } else { least };
    let size = vec2(side(settings.window.size.0, MIN_SIZE[0]), side(settings.window.size.1, MIN_SIZE[1]));
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Hark")
            .with_app_id("hark")
            .with_inner_size(size)
            .with_min_inner_size(MIN_SIZE)
            .with_icon(icons::window_icon(128)),
        // Ours waits until a character needs it.
        system_font_fallback: false,
        persist_window: false,
        ..Default::default()
    };
    let create: eframe::AppCreator<'_> = Box::new(move |cc| {
        let ctx = cc.egui_ctx.clone();
        let host = host_factory(Box::new(move || ctx.request_repaint()));
        let locale = sys_locale::get_locale().unwrap_or_default();
        Ok(Box::new(HarkApp::new(&cc.egui_ctx, settings, host, locale)))
    });
    eframe::run_native("Hark", options, create).map_err(|error| {
        // The library's own words name source files; they are for the log.
        tracing::error!(%error, "no window");
        "The window could not be opened on this display. Start Hark in a desktop session, or use its command line: hark --help.".to_owned()
    })
}
