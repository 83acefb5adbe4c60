//! The tts thread: builds its voice, speaks clauses in order, and drops what is not wanted any more.

use super::engines;
use super::espeak::EspeakVoice;
use super::lead::Lead;
use super::{SynthesisError, Synthesizer, VoiceOptions};
use crate::audio::Clip;
use crate::clock;
use crate::config::VoiceChoice;
use crate::error::{Severity, Stage, StageError};
use crate::event::{TtsCmd, WorkerEvent};
use crate::platform::threads;
use crate::trace::{Lane, Span, Work};
use crate::turn::{CancelToken, Moment, Outcome, TurnId, TurnReader};
use crate::worker::{Patience, Worker};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;

/// Room in the inbox: the clauses of a long answer, which the model writes faster than they can be spoken.
const INBOX: usize = 32;
/// Sound that is kept back from each piece, so that the last piece of a clause, which carries `last`, is never empty.
const TAIL_MILLIS: usize = 10;
/// Rate of empty clips while there is no voice.
const DEFAULT_RATE: u32 = 22_050;

/// Builds a voice on the thread that will use it.
pub type VoiceFactory = Arc<dyn Fn() -> Result<Box<dyn Synthesizer>, SynthesisError> + Send + Sync>;

/// A factory of the real voices.
#[must_use]
pub fn factory(choice: &VoiceChoice, threads: u32) -> VoiceFactory {
    match choice.clone() {
        VoiceChoice::Vits(path) => Arc::new(move || engines::load(&path, threads)),
        VoiceChoice::Espeak(language) => Arc::new(move || Ok(Box::new(EspeakVoice::load(&language)?))),
    }
}

/// Starts the tts thread. It reports [`WorkerEvent::Ready`] or [`WorkerEvent::Failed`] (of [`TurnId::NONE`]) once; after a
/// failed start every turn is told once, and each of its clauses is answered with an empty clip, so that nothing waits for it.
///
/// After `unload_after` without a command the voice is let go, and its memory with it; [`TtsCmd::Wake`] or the next clause
/// loads it again, in the same place in the order of commands.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_tts(
    factory: VoiceFactory,
    options: VoiceOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    unload_after: impl Into<Patience>,
) -> std::io::Result<Worker<TtsCmd>> {
    let unload_after = unload_after.into();
    Worker::spawn(Stage::Tts, INBOX, up, move |inbox, up| {
        let voice = match load(&factory) {
            Ok(voice) => {
                if up.send(WorkerEvent::Ready(Stage::Tts, voice.info())).is_err() {
                    return;
                }
                Held::Loaded(voice)
            }
            Err(error) => {
                let error = StageError::from(error);
                if up.send(WorkerEvent::Failed(TurnId::NONE, error.clone())).is_err() {
                    return;
                }
                Held::Failed(error)
            }
        };
        let (rate, told, lead) = (DEFAULT_RATE, TurnId::NONE, Lead::default());
        let mut speaker = Speaker { factory, voice, rate, options, up, turns, told, lost: false, lead };
        // An error here says that the assistant is gone: there is nobody to work for.
        let _ = speaker.work(&inbox, &unload_after);
    })
}

/// Builds the voice and runs it once.
fn load(factory: &VoiceFactory) -> Result<Box<dyn Synthesizer>, SynthesisError> {
    let mut voice = factory()?;
    voice.try_out()?;
    Ok(voice)
}

/// The assistant is gone.
struct Gone;

/// The voice, or why there is none.
enum Held {
    Loaded(Box<dyn Synthesizer>),
    /// It was not needed for a while.
    Unloaded,
    Failed(StageError),
}

struct Speaker {
    factory: VoiceFactory,
    voice: Held,
    /// Rate of the voice, also while it is unloaded.
    rate: u32,
    options: VoiceOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    /// The last turn that was told of an error.
    told: TurnId,
    /// It was let go and could not be loaded again.
    lost: bool,
    /// Sound of the turn that was made and did not sound yet.
    lead: Lead,
}

impl Speaker {
    fn work(&mut self, inbox: &Receiver<TtsCmd>, unload_after: &Patience) -> Result<(), Gone> {
        loop {
            let command = match (&self.voice, unload_after.get()) {
                (Held::Loaded(_), Some(after)) => match inbox.recv_timeout(after) {
                    Err(RecvTimeoutError::Timeout) => {
                        tracing::info!(after_secs = after.as_secs(), "the voice is not used and is let go");
                        self.voice = Held::Unloaded;
                        self.up.send(WorkerEvent::Unloaded(Stage::Tts, clock::now())).map_err(|_| Gone)?;
                        continue;
                    }
                    other => other.map_err(|_| Gone)?,
                },
                _ => inbox.recv().map_err(|_| Gone)?,
            };
            match command {
                TtsCmd::Configure(options) => self.options = options,
                TtsCmd::Wake => {
                    self.wake();
                    // There may be time to take another voice before a clause comes.
                    if let Held::Failed(error) = &self.voice
                        && self.lost
                        && error.severity == Severity::Stage
                    {
                        self.up.send(WorkerEvent::Lost(error.clone())).map_err(|_| Gone)?;
                    }
                }
                TtsCmd::Release => {
                    if matches!(self.voice, Held::Loaded(_)) {
                        self.voice = Held::Unloaded;
                    }
                    self.up.send(WorkerEvent::Released(Stage::Tts)).map_err(|_| Gone)?;
                }
                TtsCmd::Speak { turn, seq, clause } => {
                    let cancel = self.turns.token(turn);
                    if !cancel.is_cancelled() {
                        self.speak(turn, seq, &clause, &cancel)?;
                    }
                }
            }
        }
    }

    /// Loads the voice again when it was let go. When that fails, the turns that need the voice are told, and each
    /// [`TtsCmd::Wake`] tries again: the disk or the memory that was missing may be back.
    fn wake(&mut self) {
        if matches!(self.voice, Held::Unloaded) || self.lost {
            let loaded = load(&self.factory);
            self.lost = loaded.is_err();
            self.voice = loaded.map_or_else(|error| Held::Failed(error.into()), Held::Loaded);
        }
    }

    fn speak(&mut self, turn: TurnId, seq: u32, clause: &str, cancel: &CancelToken) -> Result<(), Gone> {
        if matches!(self.voice, Held::Unloaded) {
            self.wake();
        }
        if let Held::Loaded(voice) = &self.voice {
            self.rate = voice.sample_rate();
        }
        let (up, lead, rate) = (&self.up, &mut self.lead, self.rate);
        lead.wait(turn, cancel);
        let busy = Some(threads::at_work(1));
        let (held, from) = (Vec::new(), clock::now());
        let mut pieces = Pieces { up, turn, seq, rate, cancel, held, from, gone: false, lead, busy };
        let error = match &mut self.voice {
            Held::Loaded(voice) => match voice.synthesize(clause, &self.options, cancel, &mut |samples| pieces.push(samples)) {
                Ok(Outcome::Done(_)) => None,
                Ok(Outcome::Cancelled) => return Ok(()),
                Err(error) => Some(StageError::from(error)),
            },
            Held::Failed(error) => Some(error.clone()),
            Held::Unloaded => None,
        };
        if let Some(error) = error.filter(|_| self.told != turn && !cancel.is_cancelled()) {
            self.told = turn;
            self.up.send(WorkerEvent::Failed(turn, error)).map_err(|_| Gone)?;
        }
        pieces.finish()
    }
}

/// Sends the sound of one clause on.
struct Pieces<'a> {
    up: &'a Sender<WorkerEvent>,
    turn: TurnId,
    seq: u32,
    rate: u32,
    cancel: &'a CancelToken,
    held: Vec<f32>,
    /// Since when the next piece is in work.
    from: Moment,
    gone: bool,
    lead: &'a mut Lead,
    /// Says that the voice computes.
    busy: Option<threads::AtWork>,
}

impl Pieces<'_> {
    fn push(&mut self, samples: &[f32]) {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(samples);
        let tail = (self.rate as usize * TAIL_MILLIS / 1000).min(all.len());
        self.held = all.split_off(all.len() - tail);
        if !all.is_empty() {
            self.send(&all, false);
        }
        self.report();
        self.busy = None;
        self.lead.wait(self.turn, self.cancel);
        self.busy = Some(threads::at_work(1));
        self.from = clock::now();
    }

    fn send(&mut self, samples: &[f32], last: bool) {
        if self.gone || self.cancel.is_cancelled() {
            return;
        }
        let clip = Clip { samples: samples.into(), rate: self.rate };
        self.lead.made(self.turn, clip.millis() / 1000.0);
        self.gone = self.up.send(WorkerEvent::Synthesized { turn: self.turn, seq: self.seq, clip, last }).is_err();
    }

    /// The work on one piece for the timeline, after the piece itself.
    fn report(&mut self) {
        let from = std::mem::replace(&mut self.from, clock::now());
        if !self.gone && !self.cancel.is_cancelled() {
            let span = Span { lane: Lane::Tts, work: Work::Synthesis, from, to: self.from };
            self.gone = self.up.send(WorkerEvent::Worked(self.turn, span)).is_err();
        }
    }

    fn finish(mut self) -> Result<(), Gone> {
        let held = std::mem::take(&mut self.held);
        self.send(&held, true);
        if self.gone { Err(Gone) } else { Ok(()) }
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
#[path = "worker_tests.rs"]
mod tests;
