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

    pub(super) fn drain_models(&mut self) {
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
