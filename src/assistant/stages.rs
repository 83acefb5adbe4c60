//! Which stages work, and what a new configuration means for them.

use super::state::{Effect, State};
use crate::config::Config;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, Event, LlmCmd, PlayCmd, StageStatus, SttCmd, TtsCmd};
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

/// The five stages that have a worker.
#[derive(Clone, Debug, Default)]
pub(super) struct Stages {
    stands: [One; 5],
    restarts: [u8; 5],
}

fn index(stage: Stage) -> Option<usize> {
    Stage::WORKERS.iter().position(|s| *s == stage)
}

impl Stages {
    pub fn loading(&self) -> bool {
        self.stands.iter().any(|s| matches!(s, One::Loading))
    }

    pub fn ready(&mut self, stage: Stage) {
        if let Some(i) = index(stage) {
            self.stands[i] = One::Ready;
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

    /// Counts one more restart; false when it was too often.
    pub fn may_restart(&mut self, stage: Stage) -> bool {
        let Some(i) = index(stage) else { return false };
        self.restarts[i] = self.restarts[i].saturating_add(1);
        self.restarts[i] <= MAX_RESTARTS
    }

    /// The user chose something else: the stage gets a fresh chance.
    fn reload(&mut self, stage: Stage, config: &Arc<Config>, out: &mut Vec<Effect>) {
        if let Some(i) = index(stage) {
            self.restarts[i] = 0;
            self.stands[i] = One::Loading;
        }
        out.push(Effect::Emit(Event::Status(stage, StageStatus::Loading)));
        out.push(Effect::Restart(stage, Arc::clone(config)));
    }
}

/// Takes over new choices between two turns: options are handed on, stages whose file changed are built anew.
pub(super) fn apply_config(state: &mut State, config: Arc<Config>, out: &mut Vec<Effect>) {
    let old = std::mem::replace(&mut state.config, Arc::clone(&config));
    if config.stt_model != old.stt_model || config.stt.threads != old.stt.threads {
        state.stages.reload(Stage::Stt, &config, out);
    } else if config.stt != old.stt {
        out.push(Effect::Stt(SttCmd::Configure(config.stt.clone())));
    }
    let same_session = config.chat.context_tokens == old.chat.context_tokens && config.chat.threads == old.chat.threads;
    if config.chat_model != old.chat_model || !same_session {
        state.stages.reload(Stage::Llm, &config, out);
        let text = "The chat model was changed and does not know what was said before.";
        out.push(Effect::Emit(Event::Notice(state.turn, StageError::new(Stage::Llm, Severity::Info, text, ""))));
    } else if config.chat != old.chat {
        out.push(Effect::Llm(LlmCmd::Configure(config.chat.clone())));
    }
    if config.voice != old.voice {
        state.stages.reload(Stage::Tts, &config, out);
    } else if config.voice_options != old.voice_options {
        out.push(Effect::Tts(TtsCmd::Configure(config.voice_options.clone())));
    }
    if config.keep_microphone_open != old.keep_microphone_open {
        state.stages.reload(Stage::Capture, &config, out);
    } else if config.microphone != old.microphone {
        state.stages.loading_again(Stage::Capture);
        out.push(Effect::Capture(CaptureCmd::SelectDevice(config.microphone.clone())));
    }
    if config.speaker != old.speaker {
        state.stages.loading_again(Stage::Playback);
        out.push(Effect::Play(PlayCmd::SelectDevice(config.speaker.clone())));
    }
}
