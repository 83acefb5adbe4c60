//! The one place where Hark decides: a pure function from a state and an input to a new state and effects.
//!
//! Only this function advances the turn number. Every event of another turn is dropped here, so a late word of an
//! interrupted answer can never be shown or spoken.

use super::active::{Active, Stand};
use super::ptt::Ptt;
use super::stages::Stages;
use super::switching::only_work_differs;
use crate::config::Config;
use crate::error::{Severity, Stage, StageError};
use crate::event::{CaptureCmd, Event, LlmCmd, Phase, PlayCmd, StageStatus, SttCmd, TtsCmd, TurnEnd, UserAction, WorkerEvent};
use crate::private::Private;
use crate::stt::EngineInfo;
use crate::turn::{Moment, TurnId};
use std::sync::Arc;
use std::time::Duration;

/// What drives the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The user wants something.
    Action(UserAction),
    /// A worker found something out.
    Worker(WorkerEvent),
    /// The loading of another engine for this stage ended.
    Prepared(Stage, Result<EngineInfo, StageError>),
    /// The old engine of this stage gives its memory back before the new one is loaded: there is no room for both.
    Held(Stage),
    /// The machine was looked at for a turn that begins after these engines had given their memory back: what is to be loaded.
    Woken(Arc<Config>, Vec<Stage>),
    /// A deadline passed.
    Tick,
}

/// What is to be done now, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// All work of earlier turns is cancelled from now on.
    Advance(TurnId),
    /// To the capture thread.
    Capture(CaptureCmd),
    /// To the stt thread.
    Stt(SttCmd),
    /// To the llm thread.
    Llm(LlmCmd),
    /// To the tts thread.
    Tts(TtsCmd),
    /// To the playback thread.
    Play(PlayCmd),
    /// To the window or the command line.
    Emit(Event),
    /// Engines that do nothing for so long give their memory back; `None`: never.
    Patience(Option<Duration>),
    /// Build this stage's worker anew, with this configuration. [`Effect::Resume`] follows.
    Restart(Stage, Arc<Config>),
    /// Load another engine for this stage while the old one works; answered by [`Input::Prepared`].
    Prepare(Stage, Arc<Config>),
    /// The other engine takes over. [`Effect::Resume`] follows.
    Swap(Stage),
    /// The other engine is not wanted; the old one works on.
    Abandon(Stage),
    /// That the model of this stage was refused is to be forgotten.
    Forget(Stage, Arc<Config>),
    /// What was kept while nobody worked for the stage goes to who does now.
    Resume(Stage),
    /// End everything.
    Stop,
}

/// Everything that Hark knows about itself.
#[derive(Clone, Debug)]
pub struct State {
    pub(super) turn: TurnId,
    pub(super) ptt: Ptt,
    pub(super) active: Option<Active>,
    pub(super) stages: Stages,
    /// What is in effect.
    pub(super) config: Arc<Config>,
    /// What was chosen last; its engines may be on their way, or may have failed.
    pub(super) wish: Arc<Config>,
    /// The conversation as texts, oldest first: each question and what was heard of its answer.
    pub(super) said: Vec<(Private, Private)>,
    /// A configuration that waits for the end of the turn.
    pub(super) next_config: Option<Arc<Config>>,
    /// Choices that are tried once more after that.
    again: Vec<Stage>,
    phase: Phase,
    stopping: bool,
}

pub(super) type Effects = Vec<Effect>;

impl State {
    /// The state at start: all stages are being loaded.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        State {
            turn: TurnId::NONE,
            ptt: Ptt::default(),
            active: None,
            stages: Stages::default(),
            wish: Arc::clone(&config),
            said: Vec::new(),
            config,
            next_config: None,
            again: Vec::new(),
            phase: Phase::Loading,
            stopping: false,
        }
    }

    /// The phase that the talk button shows.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The number of the newest turn.
    #[must_use]
    pub fn turn(&self) -> TurnId {
        self.turn
    }

    /// When [`Input::Tick`] is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        let collecting = self.active.as_ref().and_then(|a| match a.stand {
            Stand::Collecting { until } => Some(until),
            _ => None,
        });
        let early = self.active.as_ref().and_then(|a| a.early.as_ref()).and_then(|_| self.ptt.may_be_a_repeat_until());
        [self.ptt.deadline(), collecting, early, self.stages.switch_deadline()].into_iter().flatten().min()
    }

    fn current_phase(&self) -> Phase {
        if self.stopping {
            return Phase::Stopping;
        }
        match &self.active {
            None if self.stages.loading() => Phase::Loading,
            None => Phase::Idle,
            Some(active) => match active.stand {
                Stand::Recording => Phase::Listening,
                Stand::Collecting { .. } | Stand::Transcribing => Phase::Transcribing,
                Stand::Replying if active.sounding => Phase::Speaking,
                Stand::Replying => Phase::Thinking,
            },
        }
    }

    /// Ends the turn that is going on, if any: what was heard goes to the memory, the figures and the end to the window.
    pub(super) fn end_turn(&mut self, how: TurnEnd, out: &mut Effects) {
        let Some(mut active) = self.active.take() else { return };
        let timeline = active.take_timeline();
        let turn = active.turn;
        let heard = active.heard_bytes();
        if active.asked {
            out.push(Effect::Llm(LlmCmd::Commit { turn, heard: active.answer[..heard].into() }));
            self.remember(std::mem::take(&mut active.question), &active.answer[..heard]);
            if active.new_mind {
                self.hand_over(Stage::Llm, out);
            }
            out.push(Effect::Emit(Event::ReplyFinal { turn, text: active.answer.into(), heard_bytes: heard }));
            out.push(Effect::Emit(Event::Timing(turn, active.timing)));
            out.push(Effect::Emit(Event::Timeline(turn, timeline)));
        }
        out.push(Effect::Emit(Event::TurnEnded(turn, how)));
        if let Some(config) = self.next_config.take() {
            self.apply_config(config, out);
        }
        for stage in std::mem::take(&mut self.again) {
            self.try_again(stage, out);
        }
        self.swap_ready(out);
    }

    pub(super) fn fail_turn(&mut self, error: StageError, out: &mut Effects) {
        out.push(Effect::Emit(Event::Notice(self.turn, error)));
        self.silence(out);
        self.end_turn(TurnEnd::Failed, out);
    }

    /// Moves on to the next turn number and stops all sound and work of the old one.
    fn interrupt(&mut self, out: &mut Effects) {
        self.stop_all(out);
        self.end_turn(TurnEnd::Cancelled, out);
    }

    fn stop_all(&mut self, out: &mut Effects) {
        let old = self.turn;
        self.turn = old.next();
        out.push(Effect::Advance(self.turn));
        if let Some(active) = &self.active {
            out.push(Effect::Play(PlayCmd::StopTurn(old)));
            if matches!(active.stand, Stand::Recording | Stand::Collecting { .. }) {
                out.push(Effect::Capture(CaptureCmd::Discard));
            }
        }
    }

    /// Cancels what the engines still do for this turn, without beginning another one for the user.
    pub(super) fn silence(&mut self, out: &mut Effects) {
        out.push(Effect::Play(PlayCmd::StopTurn(self.turn)));
        self.turn = self.turn.next();
        out.push(Effect::Advance(self.turn));
    }

    pub(super) fn begin(&mut self, stand: Stand, now: Moment, out: &mut Effects) {
        self.stop_all(out);
        // Silence and recording come before all book-keeping of the turn that ends here; unless a new configuration has
        // waited for its end, which may bring another microphone.
        let at_once = self.next_config.is_none();
        let record = Effect::Capture(CaptureCmd::Begin(self.turn));
        if stand == Stand::Recording && at_once {
            out.push(record.clone());
        }
        self.end_turn(TurnEnd::Cancelled, out);
        if stand == Stand::Recording && !at_once {
            out.push(record);
        }
        self.active = Some(Active::new(self.turn, stand, self.config.latin(), now));
        if !self.config.mute && !self.stages.usable(Stage::Playback) {
            // It may have been plugged in meanwhile; there is time until the answer begins.
            out.push(Effect::Play(PlayCmd::SelectDevice(self.config.speaker.clone())));
        } else if !self.config.mute {
            out.push(Effect::Play(PlayCmd::Wake));
        }
    }

    fn act(&mut self, action: UserAction, now: Moment, out: &mut Effects) {
        match action {
            UserAction::PttPressed => {
                let (ptt, edge) = self.ptt.press(now);
                self.ptt = ptt;
                self.edge(edge, now, out);
            }
            UserAction::PttReleased => {
                let (ptt, edge) = self.ptt.release(now);
                self.ptt = ptt;
                self.edge(edge, now, out);
            }
            UserAction::PttToggle => {
                let (ptt, edge) = self.ptt.toggle(now);
                self.ptt = ptt;
                self.edge(edge, now, out);
            }
            UserAction::Cancel => {
                if self.active.is_some() {
                    self.interrupt(out);
                }
            }
            UserAction::SubmitText(text) => {
                if text.trim().is_empty() {
                    return;
                }
                self.begin(Stand::Replying, now, out);
                self.ask(text.into(), String::new(), 1.0, out);
            }
            UserAction::SubmitAudio(pcm) => {
                self.begin(Stand::Transcribing, now, out);
                if let Some(active) = &mut self.active {
                    active.recording = Some(pcm.clone());
                }
                out.push(Effect::Stt(SttCmd::Transcribe(self.turn, pcm)));
            }
            UserAction::Say(text) => self.say(&text, now, out),
            UserAction::NewConversation => {
                self.interrupt(out);
                self.said.clear();
                out.push(Effect::Llm(LlmCmd::Reset));
                out.push(Effect::Emit(Event::ConversationCleared));
            }
            UserAction::Configure(config) => {
                let light = self.next_config.is_none() && only_work_differs(&self.wish, &config);
                if self.active.is_some() && !light {
                    self.next_config = Some(config);
                } else {
                    self.apply_config(config, out);
                }
            }
            // It comes after the configuration that waits for the end of the turn, and takes no engine from under a turn.
            UserAction::TryAgain(stage) if self.active.is_some() => self.again.push(stage),
            UserAction::TryAgain(stage) => self.try_again(stage, out),
            UserAction::Quit => {
                self.interrupt(out);
                self.stopping = true;
                out.push(Effect::Stop);
            }
        }
    }

    pub(super) fn ask(&mut self, text: String, language: String, confidence: f32, out: &mut Effects) {
        let unavailable = self.stages.error(Stage::Llm);
        let voiced = !self.config.mute && self.stages.usable(Stage::Tts) && self.stages.usable(Stage::Playback);
        let turn = self.turn;
        let Some(active) = &mut self.active else { return };
        active.stand = Stand::Replying;
        active.voiced = voiced;
        out.push(Effect::Emit(Event::UserText { turn, text: text.clone().into(), language, confidence }));
        if let Some(error) = unavailable {
            // No chat model: the words are shown, and the notice says what is missing.
            self.fail_turn(error, out);
            return;
        }
        active.asked = true;
        active.question.clone_from(&text);
        out.push(Effect::Llm(LlmCmd::Reply(turn, text.into())));
    }

    fn worker(&mut self, event: WorkerEvent, now: Moment, out: &mut Effects) {
        match event {
            WorkerEvent::Ready(stage, info) => {
                self.stages.ready(stage, info.clone());
                out.push(Effect::Emit(Event::Status(stage, StageStatus::Ready(info))));
                self.tell_in_use(stage, out);
            }
            WorkerEvent::Died(stage, why) => self.died(stage, &why, out),
            // It belongs to the turn before this one.
            WorkerEvent::Silenced(turn, at) => out.push(Effect::Emit(Event::Silenced(turn, at))),
            WorkerEvent::Failed(turn, error) if turn == TurnId::NONE => self.stage_failed(turn, &error, out),
            WorkerEvent::Lost(error) => {
                self.take_another(&error, out);
            }
            other => self.turn_event(other, now, out),
        }
    }

    fn tick(&mut self, now: Moment, out: &mut Effects) {
        let (ptt, edge) = self.ptt.tick(now);
        self.ptt = ptt;
        self.edge(edge, now, out);
        self.take_early_words(now, out);
        self.watch_loads(now, out);
        if let Some(Active { stand: Stand::Collecting { until }, .. }) = self.active
            && now >= until
        {
            let text = "The microphone did not hand over the recording.";
            self.fail_turn(
                StageError::new(Stage::Capture, Severity::Turn, text, "Check the microphone and say it again, or type it."),
                out,
            );
        }
    }
}

/// Decides. The effects are to be carried out in their order.
#[must_use]
pub fn step(mut state: State, input: Input, now: Moment) -> (State, Vec<Effect>) {
    let mut out = Vec::new();
    if state.stopping {
        return (state, out);
    }
    match input {
        Input::Action(action) => state.act(action, now, &mut out),
        Input::Worker(event) => state.worker(event, now, &mut out),
        Input::Prepared(stage, result) => state.prepared(stage, result, &mut out),
        Input::Held(stage) => state.held(stage, &mut out),
        Input::Woken(config, stages) => state.woken(&config, &stages, &mut out),
        Input::Tick => {}
    }
    state.tick(now, &mut out);
    let phase = state.current_phase();
    if phase != state.phase {
        state.phase = phase;
        out.push(Effect::Emit(Event::Phase(state.turn, phase)));
    }
    (state, out)
}
