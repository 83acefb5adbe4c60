//! Speaking a text that is no answer: a sample of the voice. It goes the way of an answer and leaves nothing in the memory.

use super::active::Stand;
use super::state::{Effects, State};
use crate::error::{Severity, Stage, StageError};
use crate::turn::Moment;

impl State {
    pub(super) fn say(&mut self, text: &str, now: Moment, out: &mut Effects) {
        if text.trim().is_empty() {
            return;
        }
        self.begin(Stand::Replying, now, out);
        let voiced = !self.config.mute && self.stages.usable(Stage::Tts) && self.stages.usable(Stage::Playback);
        if !voiced {
            let silent = || {
                let message = "Answers are shown and not spoken, so the voice cannot be heard.";
                StageError::new(Stage::Tts, Severity::Turn, message, "Switch the sound on in the settings.")
            };
            let missing = self.stages.error(Stage::Tts).or_else(|| self.stages.error(Stage::Playback));
            self.fail_turn(missing.unwrap_or_else(silent), out);
            return;
        }
        let Some(active) = &mut self.active else { return };
        active.voiced = true;
        let mut clauses = active.write(text);
        clauses.extend(active.end_writing());
        self.speak(clauses, now, out);
        self.close_when_complete(out);
    }
}

#[cfg(test)]
mod tests {
    use crate::assistant::state::Effect;
    use crate::assistant::state_tests::Core;
    use crate::audio::Clip;
    use crate::error::{Severity, Stage, StageError};
    use crate::event::{Event, Phase, TtsCmd, TurnEnd, UserAction, WorkerEvent};
    use crate::turn::TurnId;

    fn ended(effects: &[Effect]) -> Option<TurnEnd> {
        effects.iter().find_map(|effect| match effect {
            Effect::Emit(Event::TurnEnded(_, end)) => Some(*end),
            _ => None,
        })
    }

    #[test]
    fn a_sample_is_spoken_and_the_chat_model_hears_nothing_of_it() {
        let mut core = Core::ready();
        let effects = core.act(UserAction::Say("Hello. I am Hark.".into()));
        let spoken = effects.iter().filter(|effect| matches!(effect, Effect::Tts(TtsCmd::Speak { .. }))).count();
        assert_eq!(spoken, 2);
        let turn = core.turn();
        for seq in 0..2 {
            let clip = Clip { samples: vec![0.1; 100].into(), rate: 16_000 };
            core.worker(WorkerEvent::Synthesized { turn, seq, clip, last: true });
            core.worker(WorkerEvent::ClauseStarted(turn, seq, core.now));
            assert_eq!(core.state.phase(), Phase::Speaking);
            core.worker(WorkerEvent::ClausePlayed(turn, seq));
        }
        assert_eq!(ended(&core.worker(WorkerEvent::Drained(turn))), Some(TurnEnd::Answered));
        assert_eq!(core.state.phase(), Phase::Idle);
        let told = |effect: &Effect| matches!(effect, Effect::Llm(_) | Effect::Emit(Event::ReplyFinal { .. } | Event::UserText { .. }));
        assert!(!core.log.iter().any(told), "it is no part of the conversation");
    }

    #[test]
    fn it_can_be_stopped_and_without_a_voice_a_sentence_says_why() {
        let mut core = Core::ready();
        core.act(UserAction::Say("Hello.".into()));
        assert_eq!(ended(&core.act(UserAction::Cancel)), Some(TurnEnd::Cancelled));
        assert!(core.act(UserAction::Say("  ".into())).is_empty());
        let gone = StageError::new(Stage::Tts, Severity::Stage, "There is no voice.", "Get one.");
        core.worker(WorkerEvent::Failed(TurnId::NONE, gone.clone()));
        let effects = core.act(UserAction::Say("Hello.".into()));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Emit(Event::Notice(_, error)) if *error == gone)));
        assert_eq!((ended(&effects), core.state.phase()), (Some(TurnEnd::Failed), Phase::Idle));
    }
}
