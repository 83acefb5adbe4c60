//! The window itself: drains events, draws the panels, does what they ask for. Everything it knows of the program is a [`Host`].

use super::i18n::Texts;
use super::theme::{self, Tokens};
use super::view_state::{TalkLook, ViewState};
use super::{UiCommand, UiContext, UiMemory, conversation, fonts, icons, keys, settings_panel, status_line, talk_area, top_bar};
use crate::audio::level::Levels;
use crate::config::settings::Settings;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, UserAction};
use crate::models::store::Inventory;
use crate::turn::TurnId;
use egui::{Rect, Ui, UiBuilder, ViewportCommand, pos2, vec2};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Height of the bar on top, points.
const TOP: f32 = 52.0;
/// Height of the status line.
const STATUS: f32 = 34.0;
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
    /// Where model files go.
    fn models_folder(&self) -> PathBuf;
    /// Uses this combination as the talk key of the whole desktop; empty gives it back. The key's presses go to the
    /// assistant by the host's own way, so that they need no window.
    ///
    /// # Errors
    /// Why it cannot be had; the one before stays.
    fn set_hotkey(&mut self, combination: &str) -> Result<(), StageError>;
}

/// The window.
pub struct HarkApp {
    host: Box<dyn Host>,
    settings: Settings,
    inventory: Inventory,
    levels: Arc<Levels>,
    state: ViewState,
    memory: UiMemory,
    events: Vec<Event>,
    hotkey: Option<Result<(), StageError>>,
    system_locale: String,
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
            events: Vec::new(),
            hotkey: None,
            system_locale,
            quitting: false,
            zoom_asked: 1.0,
            zoom_pending: true,
        };
        app.dress(ctx);
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
        }
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
        keys::keys_ui(&ctx, &self.state, &mut self.memory, &mut out);
        self.panels(ui, &mut out);
        for command in out {
            self.apply(&ctx, command);
        }
        self.follow_zoom_keys(&ctx);
        if let Some(wait) = frame_time(self.state.look(), self.settings.window.reduced_motion) {
            ctx.request_repaint_after(wait);
        }
    }

    /// Says "end" once, with the window's size kept before.
    pub fn quit(&mut self) {
        if std::mem::replace(&mut self.quitting, true) {
            return;
        }
        let old = self.settings.window.size;
        if (old.0 - self.size.0).abs() > 1.0 || (old.1 - self.size.1).abs() > 1.0 {
            self.settings.window.size = self.size;
            if let Err(error) = self.host.save(&self.settings) {
                tracing::warn!(%error, "the window's size was not kept");
            }
        }
        self.host.act(UserAction::Quit);
    }

    /// Places the panels. They are drawn in reading order, because that is the order of the Tab key.
    fn panels(&mut self, ui: &mut Ui, out: &mut Vec<UiCommand>) {
        let HarkApp { settings, inventory, levels, state, memory, hotkey, system_locale, .. } = self;
        let tokens = Tokens::of(ui.ctx().theme());
        let cx = UiContext {
            texts: Texts::of(settings.window.language, system_locale),
            tokens,
            levels,
            settings,
            inventory,
            hotkey: hotkey.as_ref(),
            now: ui.input(|i| i.time),
        };
        let all = ui.max_rect();
        ui.painter().rect_filled(all, 0.0, tokens.background);
        let wide = all.width() >= theme::WIDE;
        let column = if wide && memory.settings_open { theme::SETTINGS_COLUMN } else { 0.0 };
        let talk = if memory.settings_open && !wide { 0.0 } else { talk_area::height(memory.typing) };
        let top = Rect::from_min_max(all.min, pos2(all.right(), all.top() + TOP));
        let status = Rect::from_min_max(pos2(all.left(), all.bottom() - STATUS), all.max);
        let right = Rect::from_min_max(pos2(all.right() - column, top.bottom()), pos2(all.right(), status.top()));
        let lower = Rect::from_min_max(pos2(all.left(), status.top() - talk), pos2(right.left(), status.top()));
        let stream = Rect::from_min_max(pos2(all.left(), top.bottom()), pos2(right.left(), lower.top()));
        let line = egui::Stroke::new(1.0, tokens.hairline);

        region(ui, "top", top, |ui| top_bar::top_bar_ui(ui, state, &cx, memory, out));
        ui.painter().hline(all.x_range(), top.bottom(), line);
        if memory.settings_open && !wide {
            region(ui, "settings", stream, |ui| settings_panel::settings_ui(ui, state, &cx, memory, out));
        } else {
            region(ui, "stream", stream, |ui| conversation::conversation_ui(ui, state, &cx, memory, out));
            region(ui, "talk", lower, |ui| talk_area::talk_area_ui(ui, state, &cx, memory, out));
        }
        ui.painter().hline(all.x_range(), status.top(), line);
        region(ui, "status", status, |ui| status_line::status_line_ui(ui, state, &cx, out));
        if column > 0.0 {
            ui.painter().rect_filled(right, 0.0, tokens.surface);
            ui.painter().vline(right.left(), right.y_range(), line);
            region(ui, "settings", right, |ui| settings_panel::settings_ui(ui, state, &cx, memory, out));
        }
    }

    fn apply(&mut self, ctx: &egui::Context, command: UiCommand) {
        match command {
            UiCommand::Act(action) => self.host.act(action),
            UiCommand::Save(settings) => self.save(ctx, *settings),
            UiCommand::RefreshInventory => self.inventory = self.host.inventory(),
            UiCommand::OpenModelsFolder => self.open_models_folder(),
            UiCommand::Copy(text) => ctx.copy_text(text),
            UiCommand::TryHotkey(combination) => self.try_hotkey(ctx, &combination),
            UiCommand::ShowSettings(open) => {
                if open && !self.memory.settings_open {
                    self.inventory = self.host.inventory();
                }
                self.memory.settings_open = open;
                self.memory.recording_hotkey = false;
                self.memory.edited = None;
            }
            UiCommand::ShowTyping(open) => {
                self.memory.typing = open;
                self.memory.focus_typing = open;
            }
            UiCommand::Dismiss(notice) => self.state.dismiss(&notice),
        }
        // What was done shows in the next frame; nothing else may wake the window.
        ctx.request_repaint();
    }

    fn save(&mut self, ctx: &egui::Context, settings: Settings) {
        self.settings = settings;
        self.dress(ctx);
        if let Err(error) = self.host.save(&self.settings) {
            self.state.apply(&Event::Notice(TurnId::NONE, error));
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

    fn open_models_folder(&mut self) {
        let folder = self.host.models_folder();
        // It may not be there before the first model.
        let opened = std::fs::create_dir_all(&folder).and_then(|()| open::that_detached(&folder));
        if let Err(error) = opened {
            tracing::warn!(%error, "the models folder could not be shown");
            let notice = StageError::new(
                Stage::Desktop,
                Severity::Info,
                format!("The folder {} could not be opened here.", folder.display()),
                "Open it in your file manager and put the model files there.",
            );
            self.state.apply(&Event::Notice(TurnId::NONE, notice));
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

/// A part of the window with its own borders.
fn region(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().id_salt(name).max_rect(rect), |ui| {
        ui.shrink_clip_rect(rect);
        add(ui);
    });
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
