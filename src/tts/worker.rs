//! The tts thread: builds its voice, speaks clauses in order, and drops what is not wanted any more.

use super::espeak::EspeakVoice;
use super::vits::VitsVoice;
use super::{SynthesisError, Synthesizer, VoiceOptions};
use crate::audio::Clip;
use crate::config::VoiceChoice;
use crate::error::{Stage, StageError};
use crate::event::{TtsCmd, WorkerEvent};
use crate::turn::{CancelToken, Outcome, TurnId, TurnReader};
use crate::worker::Worker;
use crossbeam_channel::{Receiver, Sender};
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
        VoiceChoice::Vits(path) => Arc::new(move || Ok(Box::new(VitsVoice::load(&path, threads)?))),
        VoiceChoice::Espeak(language) => Arc::new(move || Ok(Box::new(EspeakVoice::load(&language)?))),
    }
}

/// Starts the tts thread. It reports [`WorkerEvent::Ready`] or [`WorkerEvent::Failed`] (of [`TurnId::NONE`]) once; after a
/// failed start every turn is told once, and each of its clauses is answered with an empty clip, so that nothing waits for it.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_tts(
    factory: VoiceFactory,
    options: VoiceOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
) -> std::io::Result<Worker<TtsCmd>> {
    Worker::spawn(Stage::Tts, INBOX, up, move |inbox, up| {
        let mut voice = match load(&factory) {
            Ok(voice) => {
                if up.send(WorkerEvent::Ready(Stage::Tts, voice.info())).is_err() {
                    return;
                }
                Ok(voice)
            }
            Err(error) => {
                let error = StageError::from(error);
                if up.send(WorkerEvent::Failed(TurnId::NONE, error.clone())).is_err() {
                    return;
                }
                Err(error)
            }
        };
        // An error here says that the assistant is gone: there is nobody to work for.
        let _ = work(&mut voice, options, &inbox, &up, &turns);
    })
}

/// Builds the voice and lets it say a word to nobody: the first run allocates and touches everything.
fn load(factory: &VoiceFactory) -> Result<Box<dyn Synthesizer>, SynthesisError> {
    let mut voice = factory()?;
    voice.synthesize("Ready.", &VoiceOptions::default(), &CancelToken::never(), &mut |_| {})?;
    Ok(voice)
}

/// The assistant is gone.
struct Gone;

fn work(
    voice: &mut Result<Box<dyn Synthesizer>, StageError>,
    mut options: VoiceOptions,
    inbox: &Receiver<TtsCmd>,
    up: &Sender<WorkerEvent>,
    turns: &TurnReader,
) -> Result<(), Gone> {
    let mut told = TurnId::NONE;
    for command in inbox {
        let (turn, seq, clause) = match command {
            TtsCmd::Configure(new) => {
                options = new;
                continue;
            }
            TtsCmd::Speak { turn, seq, clause } => (turn, seq, clause),
        };
        let cancel = turns.token(turn);
        if cancel.is_cancelled() {
            continue;
        }
        let rate = voice.as_ref().map_or(DEFAULT_RATE, |voice| voice.sample_rate());
        let mut pieces = Pieces { up, turn, seq, rate, cancel: &cancel, held: Vec::new(), gone: false };
        let error = match voice {
            Ok(voice) => match voice.synthesize(&clause, &options, &cancel, &mut |samples| pieces.push(samples)) {
                Ok(Outcome::Done(_)) => None,
                Ok(Outcome::Cancelled) => continue,
                Err(error) => Some(StageError::from(error)),
            },
            Err(error) => Some(error.clone()),
        };
        if let Some(error) = error.filter(|_| told != turn && !cancel.is_cancelled()) {
            told = turn;
            up.send(WorkerEvent::Failed(turn, error)).map_err(|_| Gone)?;
        }
        pieces.finish()?;
    }
    Ok(())
}

/// Sends the sound of one clause on.
struct Pieces<'a> {
    up: &'a Sender<WorkerEvent>,
    turn: TurnId,
    seq: u32,
    rate: u32,
    cancel: &'a CancelToken,
    held: Vec<f32>,
    gone: bool,
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
    }

    fn send(&mut self, samples: &[f32], last: bool) {
        if self.gone || self.cancel.is_cancelled() {
            return;
        }
        let clip = Clip { samples: samples.into(), rate: self.rate };
        self.gone = self.up.send(WorkerEvent::Synthesized { turn: self.turn, seq: self.seq, clip, last }).is_err();
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
