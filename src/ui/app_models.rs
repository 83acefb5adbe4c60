//! The window's side of the model page: what it asks of the threads behind it, and what their answers change.

use super::app::HarkApp;
use super::i18n::Texts;
use super::models::stage_of;
use super::spoken_languages;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, UserAction};
use crate::models::catalog::ModelKind;
use crate::models::manager::{Done, ManagerCommand, ManagerEvent};
use crate::turn::TurnId;
use std::path::Path;

impl HarkApp {
    pub(super) fn look_at_models(&mut self) {
        let texts = Texts::of(self.settings.window.language, &self.system_locale);
        self.manage(ManagerCommand::Refresh(spoken_languages(&self.settings, texts)));
    }

    pub(super) fn manage(&mut self, command: ManagerCommand) {
        self.state.models.asked(&command);
        if let Err(error) = self.host.manage(command.clone()) {
            self.state.models.refused(&command, &error);
        }
    }

    pub(super) fn drain_models(&mut self, ctx: &egui::Context) {
        let mut events = Vec::new();
        self.host.drain_models(&mut events);
        let (mut changed, mut look) = (false, false);
        let mut came: Vec<ModelKind> = Vec::new();
        for event in events {
            self.state.models.apply(&event);
            if let ManagerEvent::Finished { id, result } = &event {
                look = true;
                match result {
                    Ok(Done::Got) => came.extend(self.state.models.listing.offer(id).map(|offer| offer.kind)),
                    Ok(Done::Imported(taken)) => came.extend(&taken.kinds),
                    Ok(Done::Removed) => self.forget(ctx, id),
                    _ => {}
                }
                changed |= matches!(result, Ok(Done::Got | Done::Imported(_) | Done::Removed));
            }
        }
        if changed {
            self.host.models_changed();
            // A choice of this kind that could not be loaded may be whole now.
            came.sort_unstable();
            came.dedup();
            came.into_iter().filter_map(stage_of).for_each(|stage| self.host.act(UserAction::TryAgain(stage)));
            // Devices are not listed anew: the sound system may take seconds, and somebody may be talking.
            let devices = (std::mem::take(&mut self.inventory.microphones), std::mem::take(&mut self.inventory.speakers));
            self.inventory = self.host.models();
            (self.inventory.microphones, self.inventory.speakers) = devices;
        }
        if look {
            self.look_at_models();
        }
    }

    /// A model that was removed is no choice any more: without one the best that is left is used, and nothing complains.
    fn forget(&mut self, ctx: &egui::Context, id: &str) {
        let mut settings = self.settings.clone();
        for here in self.state.models.listing.installed.iter().filter(|here| here.id == id) {
            let folder = here.file.parent().filter(|folder| !folder.as_os_str().is_empty());
            // A choice may name another file of the same model; a neighbour that is still there is another model.
            let was = |chosen: &Path| chosen == here.file || (folder.is_some_and(|f| chosen.starts_with(f)) && !chosen.exists());
            let models = &mut settings.models;
            models.stt.take_if(|chosen| was(chosen));
            models.chat.take_if(|chosen| was(chosen));
            models.voice.take_if(|chosen| was(Path::new(chosen)));
        }
        if settings != self.settings {
            self.save(ctx, settings);
        }
    }

    pub(super) fn open_models_folder(&mut self) {
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
}
