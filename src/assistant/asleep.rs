//! Which engines gave their memory back because nothing was to be done, and what loads them again.

use super::state::Effect;
use crate::clock;
use crate::error::Stage;
use crate::event::{LlmCmd, SttCmd, TtsCmd};
use crate::turn::Moment;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Asleep {
    stages: Vec<Stage>,
    /// When something was asked of an engine last: what fell asleep before was woken by it.
    asked: Vec<(Stage, Moment)>,
}

impl Asleep {
    /// The engine of this stage was unloaded at this moment.
    pub fn falls_asleep(&mut self, stage: Stage, at: Moment) {
        let woken = self.asked.iter().any(|(asked, when)| *asked == stage && *when > at);
        if !woken && !self.stages.contains(&stage) {
            self.stages.push(stage);
        }
    }

    /// They hold no memory.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Whose models are loaded again for these effects. A question that is spoken will be answered, too. Voices are not chosen by
    /// what is free.
    pub fn woken_by(&self, effects: &[Effect]) -> Vec<Stage> {
        let asked = |stage| self.stages.contains(&stage) && effects.iter().any(|effect| loads(effect) == Some(stage));
        let mut woken: Vec<Stage> = [Stage::Stt, Stage::Llm].into_iter().filter(|stage| asked(*stage)).collect();
        if woken == [Stage::Stt] && self.stages.contains(&Stage::Llm) {
            woken.push(Stage::Llm);
        }
        woken
    }

    /// They are about to be loaded.
    pub fn wake(&mut self, woken: &[Stage]) {
        self.stages.retain(|stage| !woken.contains(stage));
    }

    /// This is being carried out.
    pub fn sees(&mut self, effect: &Effect) {
        let anew = match effect {
            Effect::Restart(stage, _) | Effect::Swap(stage) => Some(*stage),
            effect => loads(effect),
        };
        if let Some(stage) = anew {
            self.wake(&[stage]);
            self.asked.retain(|(asked, _)| *asked != stage);
            self.asked.push((stage, clock::now()));
        }
    }
}

/// Whose engine has to be there for it.
fn loads(effect: &Effect) -> Option<Stage> {
    match effect {
        Effect::Stt(SttCmd::Hear { .. } | SttCmd::Transcribe(..) | SttCmd::Wake) => Some(Stage::Stt),
        Effect::Llm(LlmCmd::Prefill(..) | LlmCmd::Reply(..) | LlmCmd::Wake) => Some(Stage::Llm),
        Effect::Tts(TtsCmd::Speak { .. } | TtsCmd::Wake) => Some(Stage::Tts),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::turn::TurnId;

    #[test]
    fn who_is_needed_is_woken_and_nobody_else() {
        let turn = TurnId(1);
        let typed = [Effect::Advance(turn), Effect::Llm(LlmCmd::Reply(turn, "Hi?".into()))];
        let spoken = [Effect::Stt(SttCmd::Hear { turn, at: 0, pcm: Default::default() })];
        let cleared = [Effect::Advance(turn), Effect::Llm(LlmCmd::Reset)];
        let mut asleep = Asleep::default();
        assert_eq!(asleep.woken_by(&typed), []);
        [Stage::Stt, Stage::Llm, Stage::Tts].into_iter().for_each(|stage| asleep.falls_asleep(stage, clock::now()));
        assert_eq!(asleep.woken_by(&cleared), [], "a new conversation loads nothing");
        assert_eq!(asleep.woken_by(&typed), [Stage::Llm]);
        assert_eq!(asleep.woken_by(&spoken), [Stage::Stt, Stage::Llm]);
        asleep.wake(&[Stage::Llm]);
        assert_eq!(asleep.stages(), [Stage::Stt, Stage::Tts], "who was not needed sleeps on");
    }

    #[test]
    fn an_engine_that_was_asked_since_it_fell_asleep_is_awake() {
        let mut asleep = Asleep::default();
        let at = clock::now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        asleep.sees(&Effect::Llm(LlmCmd::Reply(TurnId(1), "Hi?".into())));
        asleep.falls_asleep(Stage::Llm, at);
        assert_eq!(asleep.stages(), [], "the news of it come late");
        asleep.falls_asleep(Stage::Llm, clock::now());
        assert_eq!(asleep.stages(), [Stage::Llm]);
        asleep.sees(&Effect::Swap(Stage::Llm));
        assert_eq!(asleep.stages(), [], "another one takes over");
    }
}
