//! The thread that hears: takes the recording as it comes, has its pauses transcribed, answers with the words.

use crate::audio::Pcm16k;
use crate::audio::vad::ScorerFactory;
use crate::clock;
use crate::error::{Severity, Stage, StageError};
use crate::event::{SttCmd, WorkerEvent};
use crate::platform::load::OthersLoad;
use crate::platform::threads;
use crate::private::Private;
use crate::stt::guard::{self, Verdict};
use crate::stt::hearing::{Hearing, Job, Way};
use crate::stt::{EngineInfo, Phrases, SttOptions, TranscribeError, Transcriber, Transcript, Words};
use crate::trace::{Lane, Span, Work};
use crate::turn::{Outcome, TurnId, TurnReader};
use crate::worker::{Patience, Worker};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::collections::VecDeque;
use std::sync::Arc;

/// Builds the engine, on the thread that will use it.
pub type TranscriberFactory = Arc<dyn Fn() -> Result<Box<dyn Transcriber>, TranscribeError> + Send + Sync>;

/// Messages that may wait: the pieces of 100 s, longer than a pass of any model on any machine that can be talked with.
const INBOX: usize = 1024;

/// Starts the stt thread. It reports [`WorkerEvent::Ready`] or [`WorkerEvent::Failed`] once the engine is built, and
/// answers each [`SttCmd::Transcribe`] whose turn is still going on with exactly one [`WorkerEvent::Transcribed`] or
/// [`WorkerEvent::Failed`]; if the engine could not be built, with the reason for that. Pieces that are heard before
/// are worked on as they come; that never fails: what went wrong is tried again when the recording is complete.
///
/// After `unload_after` without a command, or when it is told to, the engine is dropped; the next command builds it again, and what comes
/// meanwhile waits.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn_stt(
    factory: TranscriberFactory,
    options: SttOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    scorer: ScorerFactory,
    unload_after: impl Into<Patience>,
) -> std::io::Result<Worker<SttCmd>> {
    let unload_after = unload_after.into();
    Worker::spawn(Stage::Stt, INBOX, up, move |inbox, up| {
        match factory() {
            Ok(engine) => {
                let info = engine.info();
                let (hearing, told, others, requests) = (None, Words::default(), OthersLoad::new(), VecDeque::new());
                Ear { factory, engine: Some(engine), info, options, up, turns, scorer, hearing, told, others, requests }
                    .work(&inbox, &unload_after)
            }
            Err(error) => refuse_all(&StageError::from(error), &inbox, &up, &turns),
        };
    })
}

/// Answers every request with the reason why there is no engine, so that no turn waits for ever.
/// Ends (as all of this file) when the inbox is disconnected or nobody listens to the answers.
fn refuse_all(error: &StageError, inbox: &Receiver<SttCmd>, up: &Sender<WorkerEvent>, turns: &TurnReader) -> Option<()> {
    up.send(WorkerEvent::Failed(TurnId::NONE, error.clone())).ok()?;
    for command in inbox {
        match command {
            SttCmd::Transcribe(turn, _) if !turns.token(turn).is_cancelled() => up.send(WorkerEvent::Failed(turn, error.clone())).ok()?,
            // There is nothing to give back, and somebody waits for that.
            SttCmd::Release => up.send(WorkerEvent::Released(Stage::Stt)).ok()?,
            _ => {}
        }
    }
    Some(())
}

struct Ear {
    factory: TranscriberFactory,
    /// `None`: it was unloaded.
    engine: Option<Box<dyn Transcriber>>,
    info: EngineInfo,
    options: SttOptions,
    up: Sender<WorkerEvent>,
    turns: TurnReader,
    scorer: ScorerFactory,
    /// The recording that goes on.
    hearing: Option<Hearing>,
    /// The words of it that were reported last.
    told: Words,
    /// What other programs do: a thread on a core that is not free makes all others wait.
    others: OthersLoad,
    /// Complete recordings that wait for their words.
    requests: VecDeque<(TurnId, Pcm16k)>,
}

impl Ear {
    fn work(mut self, inbox: &Receiver<SttCmd>, unload_after: &Patience) -> Option<()> {
        self.up.send(WorkerEvent::Ready(Stage::Stt, self.info.clone())).ok()?;
        loop {
            // All that waits is taken first: after a pass of a second what was wanted before it may be out of date.
            while let Ok(command) = inbox.try_recv() {
                self.take(command);
            }
            if self.proceed()? {
                continue;
            }
            let next = match unload_after.get().filter(|_| self.engine.is_some()) {
                Some(patience) => inbox.recv_timeout(patience),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {
                    tracing::info!(model = self.info.name, "the speech model was not needed for a while and is unloaded");
                    self.up.send(WorkerEvent::Unloaded(Stage::Stt, clock::now())).ok()?;
                    self.engine = None;
                    self.hearing = None;
                }
                Err(RecvTimeoutError::Disconnected) => return Some(()),
            }
        }
    }

    fn is_over(&self, turn: TurnId) -> bool {
        self.turns.token(turn).is_cancelled()
    }

    fn take(&mut self, command: SttCmd) {
        match command {
            SttCmd::Configure(options) => self.options = options,
            SttCmd::Release => {
                self.engine = None;
                self.hearing = None;
                // Nobody there any more is found out by the next send that matters.
                drop(self.up.send(WorkerEvent::Released(Stage::Stt)));
            }
            SttCmd::Wake => self.wake(),
            SttCmd::Transcribe(turn, pcm) => self.requests.push_back((turn, pcm)),
            SttCmd::Hear { turn, .. } | SttCmd::KeyUp(turn) if self.is_over(turn) => {}
            SttCmd::Hear { turn, at, pcm } => {
                if self.hearing.as_ref().is_none_or(|hearing| hearing.turn != turn) {
                    self.others.begin();
                    self.hearing = Some(self.new_hearing(turn));
                    // The user speaks now and waits later: a model that was unloaded comes back meanwhile.
                    self.wake();
                }
                if let Some(hearing) = &mut self.hearing
                    && !hearing.push(at, &pcm.0)
                {
                    hearing.give_up();
                }
            }
            SttCmd::KeyUp(turn) => {
                if let Some(hearing) = self.hearing.as_mut().filter(|hearing| hearing.turn == turn) {
                    hearing.key_up = true;
                    hearing.answered = false;
                }
            }
        }
    }

    fn new_hearing(&mut self, turn: TurnId) -> Hearing {
        self.told = Words::default();
        let way = match self.options.phrases {
            Phrases::Off => Way::AtTheEnd,
            // The starter knows whole sentences: half of one is another of its sentences to it.
            Phrases::Auto if self.info.starter => Way::Whole,
            Phrases::Auto => Way::Phrases,
        };
        Hearing::new(turn, way, self.info.starter, self.scorer)
    }

    /// Builds the engine again if it was unloaded. When its file is gone, who decides gets to know it now, while there is
    /// still time to take another; any other fault is said when it costs something.
    fn wake(&mut self) {
        if let Err(error) = self.load() {
            tracing::warn!(%error, "the speech model did not come back");
            let error = StageError::from(error);
            if error.severity == Severity::Stage {
                drop(self.up.send(WorkerEvent::Lost(error)));
            }
        }
    }

    /// The engine, built again if it was unloaded.
    fn load(&mut self) -> Result<&mut Box<dyn Transcriber>, TranscribeError> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => (self.factory)()?,
        };
        Ok(self.engine.insert(engine))
    }

    /// Does the most urgent piece of work. False: there is none. `None`: nobody listens.
    fn proceed(&mut self) -> Option<bool> {
        if let Some((turn, pcm)) = self.requests.pop_front() {
            if !self.is_over(turn)
                && let Some(answer) = self.answer(turn, &pcm)
            {
                self.up.send(answer).ok()?;
            }
            return Some(true);
        }
        let Some(mut hearing) = self.hearing.take().filter(|hearing| !self.is_over(hearing.turn)) else { return Some(false) };
        let job = match (hearing.key_up, hearing.is_worth_a_try()) {
            (false, _) => hearing.next_job(),
            (true, true) => hearing.last_job(),
            (true, false) => None,
        };
        if let Some(job) = &job
            && let Err(error) = self.decode(&mut hearing, job)
        {
            tracing::warn!(%error, "a phrase was not transcribed; the whole recording will be");
            hearing.give_up();
        }
        self.tell(&hearing);
        if job.is_none() && hearing.key_up && !hearing.answered && hearing.is_complete_without_tail() {
            // Anything but words can wait for the tail.
            if let answer @ WorkerEvent::Transcribed { .. } = self.verdict(&hearing) {
                hearing.answered = true;
                self.up.send(answer).ok()?;
            }
        }
        self.hearing = Some(hearing);
        Some(job.is_some())
    }

    /// The answer for a complete recording; `None` when its turn is over.
    fn answer(&mut self, turn: TurnId, pcm: &Pcm16k) -> Option<WorkerEvent> {
        let mut hearing = match self.hearing.take() {
            Some(hearing) if hearing.turn == turn => hearing,
            _ => self.new_hearing(turn),
        };
        if !hearing.complete(&pcm.0) {
            hearing = self.new_hearing(turn);
            hearing.give_up();
            hearing.complete(&pcm.0);
        }
        // Twice at most: the rest, and the whole when the rest shows that the pieces are not to be trusted.
        while let Some(job) = hearing.last_job() {
            match self.decode(&mut hearing, &job) {
                Ok(Outcome::Done(())) => {}
                Ok(Outcome::Cancelled) => return None,
                Err(error) => return Some(WorkerEvent::Failed(turn, error.into())),
            }
        }
        Some(self.verdict(&hearing))
    }

    /// Has a stretch transcribed.
    fn decode(&mut self, hearing: &mut Hearing, job: &Job) -> Result<Outcome<()>, TranscribeError> {
        let (turn, token) = (hearing.turn, self.turns.token(hearing.turn));
        let from = clock::now();
        let (sound, before) = (hearing.sound(job), hearing.words().certain);
        let up = self.up.clone();
        let threads = self.options.threads.min(self.others.free_cores());
        let options = SttOptions { threads, ..self.options.clone() };
        let long = hearing.key_up && sound.millis() > 30_000;
        let mut on_partial = |text: &str| {
            // Only a pass over minutes has something to tell meanwhile.
            if long {
                // Nobody there any more is no reason to stop in the middle; the next send will find out.
                drop(up.send(WorkerEvent::PartialText(turn, Words { certain: before.clone(), uncertain: text.into() })));
            }
        };
        let busy = threads::at_work(options.threads);
        let result = self.load()?.transcribe(&sound, &options, &token, &mut on_partial);
        drop(busy);
        if token.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        let span = Span { lane: Lane::Stt, work: if hearing.key_up { Work::Transcribe } else { Work::Phrase }, from, to: clock::now() };
        hearing.work_ms += span.ms();
        drop(self.up.send(WorkerEvent::Worked(turn, span)));
        match result? {
            Outcome::Cancelled => Ok(Outcome::Cancelled),
            Outcome::Done(transcript) => {
                hearing.done(job, transcript);
                Ok(Outcome::Done(()))
            }
        }
    }

    /// Reports the words so far, if they are others than before.
    fn tell(&mut self, hearing: &Hearing) {
        let words = hearing.words();
        if words != self.told {
            self.told = words.clone();
            drop(self.up.send(WorkerEvent::PartialText(hearing.turn, words)));
        }
    }

    fn verdict(&self, hearing: &Hearing) -> WorkerEvent {
        let (turn, heard, stt_ms) = (hearing.turn, hearing.heard(), hearing.work_ms);
        let transcript = hearing.transcript();
        match guard::judge(&transcript, self.info.starter) {
            Verdict::Accept => WorkerEvent::Transcribed { turn, transcript, heard, stt_ms },
            Verdict::NothingSaid => {
                WorkerEvent::Transcribed { turn, transcript: Transcript { text: Private::default(), ..transcript }, heard, stt_ms }
            }
            Verdict::NotUnderstood => WorkerEvent::Failed(turn, not_understood(&transcript)),
        }
    }
}

fn not_understood(transcript: &Transcript) -> StageError {
    StageError::new(
        Stage::Stt,
        Severity::Turn,
        format!(
            "I did not understand that; this is the small starter speech model, it knows only about forty kinds of sentences (the nearest was \"{}\").",
            guard::strip_marks(&transcript.text).trim_end_matches('.')
        ),
        "Say one of its sentences, type your question, or put a larger speech model into the models folder.",
    )
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
