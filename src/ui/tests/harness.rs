//! A window on a host that writes down what it is asked for.

use crate::audio::level::Levels;
use crate::config::settings::{Settings, ThemeChoice, UiLanguage};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, UserAction};
use crate::models::manager::{ManagerCommand, ManagerEvent};
use crate::models::store::{Inventory, ModelEntry};
use crate::models::voice_toml::Terms;
use crate::turn::TurnId;
use crate::ui::app::{HarkApp, Host};
use crate::ui::models::Used;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{By, NodeT, Queryable};
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Default)]
pub struct Log {
    pub acts: Vec<UserAction>,
    pub saved: Vec<Settings>,
    pub hotkeys: Vec<String>,
    pub waiting: Vec<Event>,
    /// What the model page asked for.
    pub commands: Vec<ManagerCommand>,
    pub model_events: Vec<ManagerEvent>,
    pub model_changes: usize,
    pub used: Used,
    pub first_run: bool,
    /// The manager takes no more commands.
    pub full: bool,
}

struct FakeHost(Rc<RefCell<Log>>, Arc<Levels>);

impl Host for FakeHost {
    fn act(&mut self, action: UserAction) {
        self.0.borrow_mut().acts.push(action);
    }
    fn drain(&mut self, into: &mut Vec<Event>) {
        into.append(&mut self.0.borrow_mut().waiting);
    }
    fn levels(&self) -> Arc<Levels> {
        Arc::clone(&self.1)
    }
    fn save(&mut self, settings: &Settings) -> Result<(), StageError> {
        self.0.borrow_mut().saved.push(settings.clone());
        Ok(())
    }
    fn inventory(&mut self) -> Inventory {
        let model = |name: &str| ModelEntry {
            path: PathBuf::from(name),
            name: name.into(),
            bytes: 98_000_000,
            starter: true,
            languages: Vec::new(),
            terms: None,
        };
        Inventory {
            chat: vec![model("first-chat"), model("second-chat")],
            voices: vec![ModelEntry { terms: Some(Terms::NonCommercial), ..model("lent-voice") }],
            microphones: vec!["Desk mic".into()],
            ..Inventory::default()
        }
    }
    fn models(&mut self) -> Inventory {
        self.inventory()
    }
    fn models_folder(&self) -> PathBuf {
        PathBuf::from("models")
    }
    fn set_hotkey(&mut self, combination: &str) -> Result<(), StageError> {
        self.0.borrow_mut().hotkeys.push(combination.to_owned());
        if combination == "Ctrl+T" {
            return Err(StageError::new(Stage::Desktop, Severity::Info, "Another program already uses Ctrl+T.", "Choose another."));
        }
        Ok(())
    }
    fn manage(&mut self, command: ManagerCommand) -> Result<(), StageError> {
        self.0.borrow_mut().commands.push(command);
        if self.0.borrow().full {
            return Err(StageError::new(Stage::Desktop, Severity::Turn, "Too much is waiting.", "Wait a little."));
        }
        Ok(())
    }
    fn drain_models(&mut self, into: &mut Vec<ManagerEvent>) {
        into.append(&mut self.0.borrow_mut().model_events);
    }
    fn models_changed(&mut self) {
        self.0.borrow_mut().model_changes += 1;
    }
    fn used(&self) -> Used {
        self.0.borrow().used.clone()
    }
    fn first_run(&self) -> bool {
        self.0.borrow().first_run
    }
}

pub struct Window {
    pub harness: Harness<'static, Option<HarkApp>>,
    pub log: Rc<RefCell<Log>>,
    pub levels: Arc<Levels>,
}

impl Window {
    pub fn new(language: UiLanguage, size: [f32; 2]) -> Self {
        Self::with(language, size, Log::default())
    }

    pub fn with(language: UiLanguage, size: [f32; 2], log: Log) -> Self {
        let log = Rc::new(RefCell::new(log));
        let levels = Arc::<Levels>::default();
        let host = FakeHost(Rc::clone(&log), Arc::clone(&levels));
        let mut settings = Settings::default();
        settings.window.language = language;
        settings.window.theme = ThemeChoice::Dark;
        // The app is made with the harness's own context in its first frame.
        let mut parts = Some((settings, host));
        let draw = move |ui: &mut egui::Ui, app: &mut Option<HarkApp>| {
            let ctx = ui.ctx().clone();
            if let Some((settings, host)) = parts.take() {
                *app = Some(HarkApp::new(&ctx, settings, Box::new(host), String::new()));
            }
            if let Some(app) = app {
                app.logic(&ctx);
                app.draw(ui);
            }
        };
        let mut harness = Harness::builder().with_size(size).with_max_steps(12).build_ui_state(draw, None);
        harness.run();
        Window { harness, log, levels }
    }

    pub fn english() -> Self {
        Self::new(UiLanguage::English, [440.0, 720.0])
    }

    pub fn send(&mut self, events: impl IntoIterator<Item = Event>) {
        self.log.borrow_mut().waiting.extend(events);
        self.harness.step();
        self.harness.step();
    }

    pub fn tell(&mut self, events: impl IntoIterator<Item = ManagerEvent>) {
        self.log.borrow_mut().model_events.extend(events);
        self.harness.run_steps(2);
    }

    pub fn commands(&self) -> Vec<ManagerCommand> {
        std::mem::take(&mut self.log.borrow_mut().commands)
    }

    pub fn saved(&self) -> Settings {
        self.log.borrow().saved.last().cloned().expect("saved")
    }

    pub fn idle(mut self) -> Self {
        self.send([Event::Phase(TurnId::NONE, Phase::Idle)]);
        self
    }

    pub fn acts(&self) -> Vec<UserAction> {
        std::mem::take(&mut self.log.borrow_mut().acts)
    }

    pub fn click(&mut self, label: &str) {
        self.harness.get_by_role_and_label(Role::Button, label).click();
        self.harness.run_steps(4);
    }

    /// Presses and releases a key, alone or with others.
    pub fn press(&mut self, modifiers: egui::Modifiers, key: egui::Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run_steps(4);
    }

    /// What has the keyboard: its name and where it is.
    pub fn focused(&self) -> Option<(String, egui::Rect)> {
        let node = self.harness.query_all(By::new().predicate(|node| node.is_focused())).next()?;
        Some((node.accesskit_node().label().unwrap_or_default(), node.rect()))
    }

    /// Its name alone; empty when nothing has it.
    pub fn focus_name(&self) -> String {
        self.focused().map_or_else(String::new, |(name, _)| name)
    }

    pub fn pointer(&mut self, pos: egui::Pos2, pressed: bool) {
        self.harness.event(egui::Event::PointerMoved(pos));
        let button = egui::PointerButton::Primary;
        self.harness.event(egui::Event::PointerButton { pos, button, pressed, modifiers: Default::default() });
        self.harness.step();
    }

    pub fn key(&mut self, key: egui::Key, pressed: bool, repeat: bool) {
        self.harness.event(egui::Event::Key { key, physical_key: None, pressed, repeat, modifiers: Default::default() });
        self.harness.step();
    }
}
