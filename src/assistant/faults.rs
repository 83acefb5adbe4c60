//! What a fault of a stage means for the turn that is going on, and what is taken in place of what is gone.

use super::active::Stand;
use super::stages::ENGINES;
use super::state::{Effect, Effects, State};
use crate::config::{Config, VoiceChoice};
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, LlmCmd, PlayCmd, StageStatus, SttCmd, TtsCmd, TurnEnd};
use crate::turn::TurnId;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The stage's name inside a sentence.
pub(super) fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Capture => "microphone",
        Stage::Stt => "speech model",
        Stage::Llm => "chat model",
        Stage::Tts => "voice",
        Stage::Playback => "speaker",
        Stage::Settings => "settings",
        Stage::Desktop => "window",
    }
}

impl State {
    /// A stage reported a fault that belongs to no turn.
    pub(super) fn stage_failed(&mut self, turn: TurnId, error: &StageError, out: &mut Effects) {
        let mut error = error.clone();
        if error.severity == Severity::Turn && ENGINES.contains(&error.stage) {
            // What fails while no turn asks for it is the loading: there is no engine, whatever kind of fault it was.
            error.severity = Severity::Stage;
        }
        let error = &error;
        if self.take_another(error, out) {
            return;
        }
        // A device that is looked for again and again is missed aloud only once.
        let known = self.stages.error(error.stage).is_some_and(|before| before == *error);
        if error.severity == Severity::Stage {
            self.stages.unavailable(error.clone());
            out.push(Effect::Emit(Event::Status(error.stage, StageStatus::Unavailable(error.clone()))));
        }
        if !known {
            out.push(Effect::Emit(Event::Notice(turn, error.clone())));
        }
        self.lost(error, out);
    }

    pub(super) fn died(&mut self, stage: Stage, why: &str, out: &mut Effects) {
        // Another engine that is on its way takes its place.
        let replaced = self.stages.switch(stage).is_some();
        let again = !replaced && self.stages.may_restart(stage);
        let hint = match (again, replaced) {
            (true, _) => "It is being started again.",
            (false, true) => "The new one is being loaded.",
            (false, false) => "Please start the program again.",
        };
        let error = StageError::new(stage, Severity::Stage, format!("The {} stopped working: {why}.", stage_name(stage)), hint);
        self.stages.unavailable(error.clone());
        out.push(Effect::Emit(Event::Status(stage, StageStatus::Unavailable(error.clone()))));
        out.push(Effect::Emit(Event::Notice(self.turn, error.clone())));
        self.lost(&error, out);
        if again {
            self.start_anew(stage, out);
        } else {
            self.swap_ready(out);
        }
    }

    /// An engine cannot be loaded (any more): the next best installed one takes its place, and what it was to do for this
    /// turn is done by that. False: there is none.
    pub(super) fn take_another(&mut self, error: &StageError, out: &mut Effects) -> bool {
        let stage = error.stage;
        if error.severity != Severity::Stage || !ENGINES.contains(&stage) || self.stages.switch(stage).is_some() {
            return false;
        }
        if let Some(file) = key_of(stage, &self.config) {
            self.stages.tried(stage, file);
        }
        let Some((config, name)) = self.next_best(stage) else { return false };
        self.config = Arc::new(config);
        let message = format!("{} {name} is used instead.", error.message);
        let notice = StageError::new(stage, Severity::Info, message, error.hint.clone());
        out.push(Effect::Emit(Event::Notice(self.turn, notice)));
        self.start_anew(stage, out);
        self.ask_again(stage, out);
        true
    }

    fn next_best(&self, stage: Stage) -> Option<(Config, String)> {
        let mut config = (*self.config).clone();
        let new = |file: &PathBuf| !self.stages.was_tried(stage, file);
        let name = match stage {
            Stage::Stt => {
                let entry = self.config.spare.stt.iter().find(|entry| new(&entry.path))?;
                config.stt_model = Some(entry.path.clone());
                format!("The speech model {}", entry.name)
            }
            Stage::Llm => {
                let entry = self.config.spare.chat.iter().find(|entry| new(&entry.path))?;
                config.chat_model = Some(entry.path.clone());
                format!("The chat model {}", entry.name)
            }
            Stage::Tts => {
                let voice = self.config.spare.voices.iter().find(|voice| new(&key_of_voice(voice)))?;
                config.voice = voice.clone();
                match voice {
                    VoiceChoice::Vits(path) => format!("The voice {}", stem(path)),
                    VoiceChoice::Espeak(_) => "The voice of espeak-ng".to_owned(),
                }
            }
            _ => return None,
        };
        Some((config, name))
    }

    /// Gives a new worker what the turn still needs of it.
    pub(super) fn ask_again(&mut self, stage: Stage, out: &mut Effects) {
        let Some(active) = &self.active else { return };
        let turn = active.turn;
        match (stage, active.stand) {
            (Stage::Stt, Stand::Transcribing) => {
                out.extend(active.recording.clone().map(|pcm| Effect::Stt(SttCmd::Transcribe(turn, pcm))));
            }
            (Stage::Llm, Stand::Replying) if active.asked && !active.written => {
                if active.answer.is_empty() {
                    out.push(Effect::Llm(LlmCmd::Reply(turn, active.question.clone().into())));
                } else {
                    // Half of an answer by one model and half by another is none.
                    self.silence(out);
                    // Its end hands over what was heard of it.
                    self.end_turn(TurnEnd::Failed, out);
                }
            }
            (Stage::Tts, Stand::Replying) if active.voiced => {
                for (seq, spoken) in (0_u32..).zip(&active.clauses).filter(|(_, spoken)| !spoken.synthesized) {
                    out.push(Effect::Tts(TtsCmd::Speak { turn, seq, clause: spoken.clause.text.clone().into() }));
                }
            }
            _ => {}
        }
    }

    /// A stage is gone (its notice was shown): what does this mean for the turn that is going on?
    pub(super) fn lost(&mut self, error: &StageError, out: &mut Effects) {
        if error.severity == Severity::Info {
            return;
        }
        let Some(active) = &mut self.active else { return };
        let ends = match error.stage {
            Stage::Capture => active.stand == Stand::Recording && !active.capturing,
            Stage::Stt => active.stand == Stand::Transcribing,
            Stage::Llm => active.stand == Stand::Replying && !active.written,
            // Without a voice the answer is still written and read.
            Stage::Tts | Stage::Playback => {
                if active.voiced {
                    active.voiced = false;
                    active.sounding = false;
                    out.push(Effect::Play(PlayCmd::StopTurn(active.turn)));
                }
                if active.written {
                    self.end_turn(TurnEnd::Answered, out);
                }
                return;
            }
            Stage::Settings | Stage::Desktop => false,
        };
        if ends {
            self.silence(out);
            self.end_turn(TurnEnd::Failed, out);
        }
    }
}

fn key_of(stage: Stage, config: &Config) -> Option<PathBuf> {
    match stage {
        Stage::Stt => config.stt_model.clone(),
        Stage::Llm => config.chat_model.clone(),
        Stage::Tts => Some(key_of_voice(&config.voice)),
        _ => None,
    }
}

fn key_of_voice(voice: &VoiceChoice) -> PathBuf {
    match voice {
        VoiceChoice::Vits(path) => path.clone(),
        VoiceChoice::Espeak(language) => PathBuf::from(format!("espeak:{language}")),
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
