//! The program behind the window: the core with the sound card, the settings file, the models, the global key.

use super::engines::{no_threads, speaker};
use super::json::{line_of, problem_line};
use super::terminal::Terminal;
use super::window::Opening;
use super::{engines, resolve};
use crate::assistant::{Assistant, Devices};
use crate::audio::host::{InputFactory, InputHost};
use crate::audio::level::Levels;
use crate::audio::outputs::Pace;
use crate::audio::{Clip, CpalInput};
use crate::config::paths::Surroundings;
use crate::config::resolve::Overrides;
use crate::config::settings::Settings;
use crate::config::{Config, EngineSet, VoiceChoice, load};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, EventSink, UserAction};
use crate::fakes::audio::FakeInput;
use crate::fakes::models::FakeModels;
use crate::models::library::Library;
use crate::models::manager::{Manager, ManagerCommand, ManagerEvent, ManagerSink, ModelServices};
use crate::models::services::Services;
use crate::models::store::{self, Inventory};
use crate::platform::hotkey::TalkKey;
use crate::turn::TurnId;
use crate::ui::app::{self, Host};
use crate::ui::models::Used;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::path::PathBuf;
use std::sync::Arc;

/// Events that may wait for the next frame; the core then waits, the window is woken by each.
const EVENTS: usize = 1024;
/// The same for the model page. Downloads tell ten times a second.
const MODEL_EVENTS: usize = 256;

type Wake = Arc<dyn Fn() + Send + Sync>;

struct WindowHost {
    core: Assistant,
    actions: Sender<UserAction>,
    events: Receiver<Event>,
    // Before the manager, so that nothing of it waits for a window that is gone.
    model_events: Receiver<ManagerEvent>,
    manager: Option<Manager>,
    /// What happened before the core was there, and what the host itself has to say.
    own: Vec<Event>,
    settings_file: Option<PathBuf>,
    overrides: Overrides,
    surroundings: Surroundings,
    settings: Settings,
    used: Used,
    key: Option<TalkKey>,
    json: Option<Terminal>,
    /// Devices are listed from the second look on: the sound system may take seconds, and the window should be there.
    looked: bool,
}

/// Opens the window and returns when it was closed.
///
/// # Errors
/// When there is no display, or no threads.
pub(super) fn open(opening: Opening) -> Result<(), StageError> {
    let mut failed = None;
    let failure = &mut failed;
    let settings = opening.settings.clone();
    let result = app::run(settings, move |wake| match WindowHost::new(opening, Arc::from(wake)) {
        Ok(host) => Box::new(host) as Box<dyn Host>,
        Err(error) => {
            let gone = error.clone();
            *failure = Some(error);
            Box::new(NoCore { notice: Some(gone), levels: Arc::default() })
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    result.map_err(|message| StageError::new(Stage::Desktop, Severity::Stage, message, ""))
}

fn microphone(engines: EngineSet) -> InputFactory {
    match engines {
        EngineSet::Real => Arc::new(|| Box::new(CpalInput::default()) as Box<dyn InputHost>),
        EngineSet::Fake => Arc::new(|| {
            let hum = Clip { samples: (0..48_000).map(|i| 0.1 * (i as f32 * 0.05).sin()).collect(), rate: 16_000 };
            Box::new(FakeInput::new(&hum, Pace::RealTime)) as Box<dyn InputHost>
        }),
    }
}

/// The files of this configuration.
fn used(config: &Config) -> Used {
    let voice = match &config.voice {
        VoiceChoice::Vits(file) => Some(file.clone()),
        VoiceChoice::Espeak(_) => None,
    };
    Used { stt: config.stt_model.clone(), chat: config.chat_model.clone(), voice }
}

impl WindowHost {
    fn new(opening: Opening, wake: Wake) -> Result<Self, StageError> {
        let Opening { config, settings, settings_file, overrides, surroundings, notices, json } = opening;
        let (tx, events) = bounded(EVENTS);
        let woken = Arc::clone(&wake);
        let sink = EventSink::new(tx, move || woken());
        let (tx, model_events) = bounded(MODEL_EVENTS);
        let services: Arc<dyn ModelServices> = match config.engines {
            EngineSet::Real => {
                let (chosen, own) = (overrides.models.as_deref(), settings.models.folder.as_deref());
                let mirror = std::env::var("HARK_HUB").ok().filter(|address| !address.trim().is_empty());
                let mirror = mirror.or_else(|| settings.models.mirror.clone());
                Arc::new(Services::of(Library::of_this_user(&surroundings, chosen, own), mirror, surroundings.cache_dir.clone()))
            }
            EngineSet::Fake => Arc::new(FakeModels::default()),
        };
        let manager = Manager::spawn(services, &ManagerSink::new(tx, move || wake()));
        let used = used(&config);
        let devices = Devices { input: Some(microphone(config.engines)), output: speaker(config.engines) };
        let core = Assistant::start(Arc::new(config), devices, sink).map_err(|error| no_threads(&error))?;
        Ok(WindowHost {
            actions: core.actions(),
            core,
            events,
            model_events,
            manager: manager.inspect_err(|error| tracing::error!(%error, "no thread for models")).ok(),
            own: notices.into_iter().map(|notice| Event::Notice(TurnId::NONE, notice)).collect(),
            settings_file,
            settings,
            used,
            overrides,
            surroundings,
            key: None,
            json: json.then(Terminal::of_this_process),
            looked: false,
        })
    }

    /// Where models are looked for: the same folders as when a configuration is put together.
    fn model_folders(&self) -> Vec<PathBuf> {
        self.surroundings.model_folders(self.overrides.models.as_deref(), self.settings.models.folder.as_deref())
    }

    /// Puts these settings into effect.
    fn configure(&mut self) {
        let (config, notices) = resolve::resolve(&self.settings, &self.overrides, &self.surroundings);
        self.own.extend(notices.into_iter().map(|notice| Event::Notice(TurnId::NONE, notice)));
        self.core.send(UserAction::Configure(Arc::new(config)));
    }

    fn print(&mut self, event: &Event) {
        let Some(terminal) = &mut self.json else { return };
        let line = match event {
            Event::Notice(turn, problem) => Some(problem_line(*turn, problem)),
            other => line_of(other),
        };
        if let Some(line) = line
            && terminal.json(&line).is_err()
        {
            // Whoever read the lines is gone; the window goes on without them.
            self.json = None;
        }
    }
}

impl Host for WindowHost {
    fn act(&mut self, action: UserAction) {
        self.core.send(action);
    }

    fn drain(&mut self, into: &mut Vec<Event>) {
        let new: Vec<Event> = self.own.drain(..).chain(self.events.try_iter()).collect();
        for event in &new {
            self.print(event);
        }
        into.extend(new);
    }

    fn levels(&self) -> Arc<Levels> {
        self.core.levels()
    }

    fn save(&mut self, settings: &Settings) -> Result<(), StageError> {
        self.settings.clone_from(settings);
        self.configure();
        match &self.settings_file {
            Some(file) => load::save(file, settings),
            None => Ok(()),
        }
    }

    fn models(&mut self) -> Inventory {
        let mut inventory = store::scan(&self.model_folders());
        inventory.espeak_languages = engines::espeak_languages().unwrap_or_default();
        inventory
    }

    fn inventory(&mut self) -> Inventory {
        let mut inventory = self.models();
        if std::mem::replace(&mut self.looked, true)
            && let Ok(rows) = engines::devices()
        {
            inventory.microphones = rows.microphones.into_iter().map(|row| row.name).collect();
            inventory.speakers = rows.speakers.into_iter().map(|row| row.name).collect();
        }
        inventory
    }

    fn models_folder(&self) -> PathBuf {
        // Where downloads go, which `hark models path` prints.
        let (chosen, own) = (self.overrides.models.as_deref(), self.settings.models.folder.as_deref());
        Library::of_this_user(&self.surroundings, chosen, own).map_or_else(|_| PathBuf::from("models"), |library| library.root().to_owned())
    }

    fn set_hotkey(&mut self, combination: &str) -> Result<(), StageError> {
        if combination.trim().is_empty() {
            self.key = None;
            return Ok(());
        }
        if let Some(key) = &mut self.key {
            return key.change(combination);
        }
        let actions = self.actions.clone();
        let on_key = move |down: bool| {
            // A key handler must not wait; with 256 places an action is only lost when the core hangs.
            let _ = actions.try_send(if down { UserAction::PttPressed } else { UserAction::PttReleased });
        };
        self.key = Some(TalkKey::register(combination, Box::new(on_key))?);
        Ok(())
    }

    fn manage(&mut self, command: ManagerCommand) -> Result<(), StageError> {
        match &mut self.manager {
            Some(manager) => manager.send(command),
            None => Err(no_threads(&std::io::Error::other("none is left for models"))),
        }
    }

    fn drain_models(&mut self, into: &mut Vec<ManagerEvent>) {
        into.extend(self.model_events.try_iter());
    }

    fn models_changed(&mut self) {
        self.configure();
    }

    fn used(&self) -> Used {
        self.used.clone()
    }

    fn first_run(&self) -> bool {
        self.settings_file.as_ref().is_some_and(|file| !file.exists())
    }
}

/// Stands in when the core could not start: the window closes at once and the command line says why.
struct NoCore {
    notice: Option<StageError>,
    levels: Arc<Levels>,
}

impl Host for NoCore {
    fn act(&mut self, _: UserAction) {}

    fn drain(&mut self, into: &mut Vec<Event>) {
        if let Some(notice) = self.notice.take() {
            into.extend([Event::Notice(TurnId::NONE, notice), Event::Stopped]);
        }
    }

    fn levels(&self) -> Arc<Levels> {
        Arc::clone(&self.levels)
    }

    fn save(&mut self, _: &Settings) -> Result<(), StageError> {
        Ok(())
    }

    fn inventory(&mut self) -> Inventory {
        Inventory::default()
    }

    fn models(&mut self) -> Inventory {
        Inventory::default()
    }

    fn models_folder(&self) -> PathBuf {
        PathBuf::from("models")
    }

    fn set_hotkey(&mut self, _: &str) -> Result<(), StageError> {
        Ok(())
    }

    fn manage(&mut self, _: ManagerCommand) -> Result<(), StageError> {
        Ok(())
    }

    fn drain_models(&mut self, _: &mut Vec<ManagerEvent>) {}

    fn models_changed(&mut self) {}

    fn used(&self) -> Used {
        Used::default()
    }

    fn first_run(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::test_config;

    #[test]
    fn models_of_the_settings_folder_can_be_chosen() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            std::fs::write(dir.path().join(name).join(format!("{name}.gguf")), b"GGUF\x03\0\0\0 and more").unwrap();
        }
        let mut settings = Settings::default();
        settings.models.folder = Some(dir.path().join("a"));
        let overrides = Overrides { engines: Some(EngineSet::Fake), ..Overrides::default() };
        let opening = Opening {
            config: test_config(),
            settings: settings.clone(),
            settings_file: None,
            overrides,
            surroundings: Surroundings::default(),
            notices: Vec::new(),
            json: false,
        };
        let mut host = WindowHost::new(opening, Arc::new(|| {})).unwrap();
        let names = |host: &mut WindowHost| host.inventory().chat.into_iter().map(|model| model.name).collect::<Vec<_>>();
        assert_eq!(names(&mut host), ["a"]);
        settings.models.folder = Some(dir.path().join("b"));
        host.save(&settings).unwrap();
        assert_eq!(names(&mut host), ["b"]);
    }
}
