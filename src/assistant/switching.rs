//! Other choices while the program runs: options are handed on; another engine is loaded while the old one works on, and
//! takes over between two turns, with the conversation so far. When it cannot be loaded the old one stays.

use super::faults::stage_name;
use super::stages::{ENGINES, adopt, file_of, same_engine};
use super::state::{Effect, Effects, State};
use crate::config::Config;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, Event, LlmCmd, PlayCmd, StageStatus, SttCmd, TtsCmd};
use crate::llm::Memory;
use crate::stt::EngineInfo;
use crate::turn::Moment;
use std::sync::Arc;
use std::time::Duration;

/// A load that takes longer hangs: the largest models that fit a laptop come from a slow stick in three minutes.
const LOAD_WITHIN: Duration = Duration::from_secs(600);
/// Turns, and bytes of them, that are kept for a model that may come: more than any context holds.
const MOST_TURNS: usize = 400;
const MOST_BYTES: usize = 400_000;

/// All that differs is how the work is done (threads, working ahead): that needs no pause between two turns.
pub(super) fn only_work_differs(before: &Config, now: &Config) -> bool {
    let mut same = before.clone();
    (same.stt.threads, same.chat.threads, same.speculate) = (now.stt.threads, now.chat.threads, now.speculate);
    same == *now
}

impl State {
    /// Takes over new choices.
    pub(super) fn apply_config(&mut self, wish: Arc<Config>, out: &mut Effects) {
        let before = std::mem::replace(&mut self.wish, Arc::clone(&wish));
        let old = Arc::clone(&self.config);
        // All but the engines is in effect at once.
        let mut config = (*wish).clone();
        ENGINES.iter().for_each(|stage| adopt(*stage, &mut config, &old));
        self.config = Arc::new(config);
        let patience = wish.unload_after != old.unload_after;
        if patience {
            // The options that follow it wake workers that wait without a limit.
            out.push(Effect::Patience(wish.unload_after));
        }
        if patience || wish.stt != old.stt {
            out.push(Effect::Stt(SttCmd::Configure(wish.stt.clone())));
        }
        if patience || wish.chat != old.chat {
            out.push(Effect::Llm(LlmCmd::Configure(wish.chat.clone())));
        }
        if patience || wish.voice_options != old.voice_options {
            out.push(Effect::Tts(TtsCmd::Configure(wish.voice_options.clone())));
        }
        for stage in ENGINES {
            // A choice that failed before is not tried again because of another one.
            if !same_engine(stage, &wish, &before) {
                self.choose_engine(stage, out);
            }
        }
        if wish.keep_microphone_open != old.keep_microphone_open {
            self.stages.forgive(Stage::Capture);
            self.stages.reload(Stage::Capture, &wish, out);
        } else if wish.microphone != old.microphone {
            self.stages.loading_again(Stage::Capture);
            out.push(Effect::Capture(CaptureCmd::SelectDevice(wish.microphone.clone())));
        }
        if wish.speaker != old.speaker {
            self.stages.loading_again(Stage::Playback);
            out.push(Effect::Play(PlayCmd::SelectDevice(wish.speaker.clone())));
        }
    }

    /// The last choice once more, if it is not what works.
    pub(super) fn try_again(&mut self, stage: Stage, out: &mut Effects) {
        let in_effect = same_engine(stage, &self.wish, &self.config);
        if ENGINES.contains(&stage) && !(in_effect && self.stages.usable(stage)) {
            out.push(Effect::Forget(stage, Arc::clone(&self.wish)));
            self.choose_engine(stage, out);
        }
    }

    /// These engines gave their memory back and are needed again. It is another machine by now: what has to be loaded is chosen
    /// anew, before anything is asked of it. What was chosen before and could not be loaded is not tried again for that.
    pub(super) fn woken(&mut self, planned: &Config, unloaded: &[Stage], out: &mut Effects) {
        for &stage in unloaded {
            let alone = self.stages.switch(stage).is_none() && self.stages.usable(stage);
            if alone && !same_engine(stage, planned, &self.wish) && !same_engine(stage, planned, &self.config) {
                let mut wish = (*self.wish).clone();
                adopt(stage, &mut wish, planned);
                self.wish = Arc::new(wish);
                // What may stand in for it is what fits now, too.
                let mut config = (*self.config).clone();
                adopt(stage, &mut config, planned);
                config.spare.clone_from(&planned.spare);
                self.config = Arc::new(config);
                self.stages.forgive(stage);
                self.start_anew(stage, out);
            }
        }
    }

    fn choose_engine(&mut self, stage: Stage, out: &mut Effects) {
        let wish = Arc::clone(&self.wish);
        self.stages.forgive(stage);
        let under_way = self.stages.switch(stage).map(|switch| Arc::clone(&switch.config));
        if under_way.as_ref().is_some_and(|config| same_engine(stage, &wish, config)) {
            return;
        }
        if !self.stages.usable(stage) {
            // There is nothing to keep.
            let held = self.stages.end_switch(stage).is_some_and(|switch| switch.held);
            self.put_in_effect(stage, &wish);
            self.start_anew(stage, out);
            self.ask_again_unless(held, stage, out);
        } else if !same_engine(stage, &wish, &self.config) {
            self.stages.begin_switch(stage, Arc::clone(&wish));
            out.push(Effect::Emit(Event::Switching(stage, file_of(stage, &wish))));
            out.push(Effect::Prepare(stage, wish));
        } else if under_way.is_some() {
            self.stages.end_switch(stage);
            out.push(Effect::Abandon(stage));
            self.tell_in_use(stage, out);
        }
    }

    fn put_in_effect(&mut self, stage: Stage, from: &Config) {
        let mut config = (*self.config).clone();
        adopt(stage, &mut config, from);
        self.config = Arc::new(config);
    }

    /// A new worker with the configuration in effect; it goes on with the conversation.
    pub(super) fn start_anew(&mut self, stage: Stage, out: &mut Effects) {
        let config = Arc::clone(&self.config);
        self.stages.reload(stage, &config, out);
        self.hand_over(stage, out);
        out.push(Effect::Resume(stage));
    }

    /// What a new chat model has to know.
    pub(super) fn hand_over(&mut self, stage: Stage, out: &mut Effects) {
        if stage == Stage::Llm {
            if let Some(active) = self.active.as_mut().filter(|active| active.asked) {
                active.new_mind = true;
            }
            if !self.said.is_empty() {
                out.push(Effect::Llm(LlmCmd::Remember(Memory(self.said.clone()))));
            }
        }
    }

    /// What was said and heard, for a model that may come.
    pub(super) fn remember(&mut self, question: String, heard: &str) {
        if heard.trim().is_empty() {
            return;
        }
        self.said.push((question.into(), heard.into()));
        let mut bytes: usize = self.said.iter().map(|(q, a)| q.len() + a.len()).sum();
        while self.said.len() > MOST_TURNS || (bytes > MOST_BYTES && self.said.len() > 1) {
            let (question, answer) = self.said.remove(0);
            bytes -= question.len() + answer.len();
        }
    }

    pub(super) fn tell_in_use(&self, stage: Stage, out: &mut Effects) {
        if ENGINES.contains(&stage) {
            out.push(Effect::Emit(Event::InUse(stage, file_of(stage, &self.config))));
        }
    }

    /// How the loading of another engine ended.
    pub(super) fn prepared(&mut self, stage: Stage, result: Result<EngineInfo, StageError>, out: &mut Effects) {
        let Some(switch) = self.stages.switch(stage) else { return };
        match result {
            Ok(info) => {
                switch.ready = Some(info);
                self.swap_ready(out);
            }
            Err(error) => self.keep_old(stage, &error, out),
        }
    }

    /// Lets engines that are there take over, where nobody works just now.
    pub(super) fn swap_ready(&mut self, out: &mut Effects) {
        for stage in ENGINES {
            let free = self.active.is_none() || !self.stages.usable(stage);
            if self.stages.switch(stage).is_some_and(|switch| switch.ready.is_some() && (free || switch.held))
                && let Some(switch) = self.stages.end_switch(stage)
            {
                let (loaded_with, held) = (Arc::clone(&switch.config), switch.held);
                let was_lost = !self.stages.usable(stage);
                self.put_in_effect(stage, &loaded_with);
                let info = switch.ready.unwrap_or_default();
                self.stages.forgive(stage);
                self.stages.ready(stage, info.clone());
                out.push(Effect::Swap(stage));
                self.hand_over(stage, out);
                self.newest_options(stage, &loaded_with, out);
                out.push(Effect::Resume(stage));
                self.ask_again_unless(held || !was_lost, stage, out);
                out.push(Effect::Emit(Event::Status(stage, StageStatus::Ready(info))));
                self.tell_in_use(stage, out);
            }
        }
    }

    /// Options may have changed while it was loaded.
    fn newest_options(&self, stage: Stage, loaded_with: &Config, out: &mut Effects) {
        let now = &self.config;
        match stage {
            Stage::Stt if now.stt != loaded_with.stt => out.push(Effect::Stt(SttCmd::Configure(now.stt.clone()))),
            Stage::Llm if now.chat != loaded_with.chat => out.push(Effect::Llm(LlmCmd::Configure(now.chat.clone()))),
            Stage::Tts if now.voice_options != loaded_with.voice_options => {
                out.push(Effect::Tts(TtsCmd::Configure(now.voice_options.clone())));
            }
            _ => {}
        }
    }

    /// The new engine is none: the old one stays, and the user gets to know why.
    fn keep_old(&mut self, stage: Stage, error: &StageError, out: &mut Effects) {
        let held = self.stages.end_switch(stage).is_some_and(|switch| switch.held);
        let name = self.stages.name(stage);
        let kept = if name.is_empty() {
            format!("The {} stays as it is.", stage_name(stage))
        } else {
            format!("The {} {name} stays in use.", stage_name(stage))
        };
        let alive = self.stages.usable(stage);
        let message = if alive { format!("{} {kept}", error.message) } else { error.message.clone() };
        let notice = StageError::new(stage, Severity::Info, message, error.hint.clone());
        out.push(Effect::Emit(Event::Notice(crate::turn::TurnId::NONE, notice)));
        if alive {
            out.push(Effect::Abandon(stage));
            self.tell_in_use(stage, out);
        } else {
            // It was lost meanwhile and gets another chance.
            self.start_anew(stage, out);
            self.ask_again_unless(held, stage, out);
        }
    }

    /// What the turn asked of an engine that was lost meanwhile is asked of the new one, unless it was kept for it.
    fn ask_again_unless(&mut self, kept: bool, stage: Stage, out: &mut Effects) {
        if !kept {
            self.ask_again(stage, out);
        }
    }

    /// The old engine was given back to make room.
    pub(super) fn held(&mut self, stage: Stage, out: &mut Effects) {
        if let Some(switch) = self.stages.switch(stage) {
            switch.held = true;
            self.swap_ready(out);
        }
    }

    /// Gives up loads that hang.
    pub(super) fn watch_loads(&mut self, now: Moment, out: &mut Effects) {
        for stage in ENGINES {
            let Some(switch) = self.stages.switch(stage) else { continue };
            let until = *switch.until.get_or_insert(now.plus(LOAD_WITHIN));
            if now >= until && switch.ready.is_none() {
                let message = format!("The new {} was not loaded within ten minutes.", stage_name(stage));
                let hint = "Copy its file to a faster disk, or choose a smaller one.";
                self.keep_old(stage, &StageError::new(stage, Severity::Stage, message, hint), out);
            }
        }
    }
}
