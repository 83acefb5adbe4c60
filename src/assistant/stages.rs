//! Which stages work, and with what.

use super::state::Effect;
use crate::config::{Config, VoiceChoice};
use crate::error::{Stage, StageError};
use crate::event::{Event, StageStatus};
use crate::stt::EngineInfo;
use crate::turn::Moment;
use std::path::PathBuf;
use std::sync::Arc;

/// A worker that died is started again so often; after that the fault is not a passing one.
const MAX_RESTARTS: u8 = 3;

#[derive(Clone, Debug, Default)]
enum One {
    #[default]
    Loading,
    Ready,
    Unavailable(StageError),
}

/// Another engine on its way into a stage.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    /// What it is loaded with.
    pub config: Arc<Config>,
    /// It is loaded, and waits for the end of the turn.
    pub ready: Option<EngineInfo>,
    /// The old engine gave its memory back, so nobody works for the stage: it is taken as soon as it is there.
    pub held: bool,
    /// It is given up then; none: not set yet.
    pub until: Option<Moment>,
}

/// The five stages that have a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Stages {
    stands: [One; 5],
    restarts: [u8; 5],
    infos: [EngineInfo; 5],
    switches: [Option<Switch>; 5],
    /// Files that turned out to be unusable since the last choice.
    tried: [Vec<PathBuf>; 5],
}

fn index(stage: Stage) -> Option<usize> {
    Stage::WORKERS.iter().position(|s| *s == stage)
}

/// The stages whose engine is a model file that can be chosen.
pub(super) const ENGINES: [Stage; 3] = [Stage::Stt, Stage::Llm, Stage::Tts];

impl Stages {
    pub fn loading(&self) -> bool {
        self.stands.iter().any(|s| matches!(s, One::Loading))
    }

    pub fn ready(&mut self, stage: Stage, info: EngineInfo) {
        if let Some(i) = index(stage) {
            self.stands[i] = One::Ready;
            self.infos[i] = info;
        }
    }

    pub fn unavailable(&mut self, error: StageError) {
        if let Some(i) = index(error.stage) {
            self.stands[i] = One::Unavailable(error);
        }
    }

    pub fn loading_again(&mut self, stage: Stage) {
        if let Some(i) = index(stage) {
            self.stands[i] = One::Loading;
        }
    }

    /// Not known to be broken: ready, or still being loaded (its inbox waits for it).
    pub fn usable(&self, stage: Stage) -> bool {
        index(stage).is_some_and(|i| !matches!(self.stands[i], One::Unavailable(_)))
    }

    pub fn error(&self, stage: Stage) -> Option<StageError> {
        match index(stage).map(|i| &self.stands[i]) {
            Some(One::Unavailable(error)) => Some(error.clone()),
            _ => None,
        }
    }

    /// The name of what works for it, for people; empty until it was loaded once.
    pub fn name(&self, stage: Stage) -> &str {
        index(stage).map_or("", |i| &self.infos[i].name)
    }

    /// Counts one more restart; false when it was too often.
    pub fn may_restart(&mut self, stage: Stage) -> bool {
        let Some(i) = index(stage) else { return false };
        self.restarts[i] = self.restarts[i].saturating_add(1);
        self.restarts[i] <= MAX_RESTARTS
    }

    /// The stage gets a fresh chance.
    pub fn forgive(&mut self, stage: Stage) {
        if let Some(i) = index(stage) {
            self.restarts[i] = 0;
            self.tried[i].clear();
        }
    }

    /// This file was tried and does not work.
    pub fn tried(&mut self, stage: Stage, file: PathBuf) {
        if let Some(i) = index(stage) {
            self.tried[i].push(file);
        }
    }

    pub fn was_tried(&self, stage: Stage, file: &PathBuf) -> bool {
        index(stage).is_some_and(|i| self.tried[i].contains(file))
    }

    pub fn switch(&mut self, stage: Stage) -> Option<&mut Switch> {
        self.switches[index(stage)?].as_mut()
    }

    pub fn begin_switch(&mut self, stage: Stage, config: Arc<Config>) {
        if let Some(i) = index(stage) {
            let held = self.switches[i].as_ref().is_some_and(|switch| switch.held);
            self.switches[i] = Some(Switch { config, ready: None, held, until: None });
        }
    }

    pub fn end_switch(&mut self, stage: Stage) -> Option<Switch> {
        self.switches[index(stage)?].take()
    }

    /// When the first of the loads under way is given up.
    pub fn switch_deadline(&self) -> Option<Moment> {
        self.switches.iter().flatten().filter(|switch| switch.ready.is_none()).filter_map(|switch| switch.until).min()
    }

    /// A new worker in this stage's place.
    pub fn reload(&mut self, stage: Stage, config: &Arc<Config>, out: &mut Vec<Effect>) {
        self.loading_again(stage);
        out.push(Effect::Emit(Event::Status(stage, StageStatus::Loading)));
        out.push(Effect::Restart(stage, Arc::clone(config)));
    }
}

/// Whether both mean the same engine for this stage.
pub(super) fn same_engine(stage: Stage, a: &Config, b: &Config) -> bool {
    match stage {
        Stage::Stt => a.stt_model == b.stt_model,
        Stage::Llm => a.chat_model == b.chat_model,
        Stage::Tts => a.voice == b.voice && a.voice_threads == b.voice_threads,
        _ => true,
    }
}

/// Takes the engine of this stage over from another configuration.
pub(super) fn adopt(stage: Stage, into: &mut Config, from: &Config) {
    match stage {
        Stage::Stt => into.stt_model.clone_from(&from.stt_model),
        Stage::Llm => into.chat_model.clone_from(&from.chat_model),
        Stage::Tts => {
            into.voice.clone_from(&from.voice);
            into.voice_languages.clone_from(&from.voice_languages);
            into.digitless_voices.clone_from(&from.digitless_voices);
            into.voice_threads = from.voice_threads;
        }
        _ => {}
    }
}

/// The model file of this stage; `None`: it has none.
pub(super) fn file_of(stage: Stage, config: &Config) -> Option<PathBuf> {
    match (stage, &config.voice) {
        (Stage::Stt, _) => config.stt_model.clone(),
        (Stage::Llm, _) => config.chat_model.clone(),
        (Stage::Tts, VoiceChoice::Vits(path)) => Some(path.clone()),
        _ => None,
    }
}
