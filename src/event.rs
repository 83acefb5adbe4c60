//! Every message of the program: commands go down as imperatives, events come up in the past tense, and all that belong
//! to a turn carry its number.
//!
//! ```text
//! key ──> assistant ──Begin──> capture ──Heard…, Captured──> stt ──PartialText…, Transcribed──> llm ──ReplyDelta──>
//!                                            (assistant splits)   clauses ──> tts ──Synthesized──> playback
//! ```
//! Workers know the assistant and nobody else; the assistant alone decides ([`crate::assistant::state`]).

mod sink;

pub use sink::EventSink;

use crate::audio::{Clip, Pcm16k};
use crate::config::Config;
use crate::error::{Stage, StageError};
use crate::llm::{ChatOptions, Memory, ReplyStats};
use crate::models::policy::Plan;
use crate::private::Private;
use crate::stt::{EngineInfo, SttOptions, Transcript, Words};
use crate::trace::{Span, Timeline};
use crate::tts::VoiceOptions;
use crate::turn::{Moment, TurnId};
use std::path::PathBuf;
use std::sync::Arc;

/// What a person, a key or a script wants.
#[derive(Clone, Debug, PartialEq)]
pub enum UserAction {
    /// The talk key, the talk button or Space went down.
    PttPressed,
    /// It went up.
    PttReleased,
    /// Starts or ends talking with one press each (a compositor binding, a screen reader).
    PttToggle,
    /// Stop: listening, thinking and speaking alike.
    Cancel,
    /// A typed question.
    SubmitText(Private),
    /// A recorded question (the command line).
    SubmitAudio(Pcm16k),
    /// Speak this text (markdown); it is no part of the conversation.
    Say(Private),
    /// Forget the conversation and start a new one.
    NewConversation,
    /// New choices: takes effect from the next turn on. An engine whose model changed is loaded while the old one works
    /// on; when that fails the old one stays. The conversation goes on.
    Configure(Arc<Config>),
    /// The engine that was chosen for this stage last could not be loaded: try it again.
    TryAgain(Stage),
    /// End the program.
    Quit,
}

/// To the capture thread.
#[derive(Clone, Debug, PartialEq)]
pub enum CaptureCmd {
    /// Start a recording, with what was in the pre-roll.
    Begin(TurnId),
    /// The key went up: hand over what was written (a last [`WorkerEvent::Heard`]), then the tail and with it the whole
    /// ([`WorkerEvent::Captured`]).
    Finish(TurnId),
    /// The key had not gone up after all: go on with the same recording, as if [`CaptureCmd::Finish`] had not been said.
    Resume(TurnId),
    /// Forget the recording.
    Discard,
    /// Use another microphone; `None` is the system's default.
    SelectDevice(Option<String>),
}

/// To the stt thread.
#[derive(Clone, Debug, PartialEq)]
pub enum SttCmd {
    /// The next piece of a recording that goes on; see [`WorkerEvent::Heard`].
    Hear {
        /// The turn.
        turn: TurnId,
        /// Its place in the recording, samples.
        at: usize,
        /// What was recorded since the last piece.
        pcm: Pcm16k,
    },
    /// The key went up, and all that was recorded until then was handed over: decode what is left. If nobody spoke any
    /// more when the key went up, this is answered by [`WorkerEvent::Transcribed`]; the tail is not waited for then.
    KeyUp(TurnId),
    /// Transcribe one whole utterance: the pieces that were heard, if there were any, and the tail.
    Transcribe(TurnId, Pcm16k),
    /// Options from now on.
    Configure(SttOptions),
    /// Give the engine's memory back and say so ([`WorkerEvent::Released`]); the next command builds it again.
    Release,
    /// Build the engine again if it was given back.
    Wake,
}

/// To the llm thread.
#[derive(Clone, Debug, PartialEq)]
pub enum LlmCmd {
    /// Put the prefix into the KV cache while there is time.
    Prefill(TurnId, Private),
    /// Answer. `text` goes to the model (with date and time), as it is.
    Reply(TurnId, Private),
    /// What was heard of the pending answer enters the memory.
    Commit {
        /// The turn of the answer.
        turn: TurnId,
        /// The heard part, thinking excluded; empty: forget the exchange.
        heard: Private,
    },
    /// Forget the conversation.
    Reset,
    /// Go on with this conversation, which was held with another model.
    Remember(Memory),
    /// Options from now on.
    Configure(ChatOptions),
    /// Give the engine's memory back and say so ([`WorkerEvent::Released`]); the next question loads it again.
    Release,
    /// Load the model again if it was given back.
    Wake,
}

/// To the tts thread.
#[derive(Clone, Debug, PartialEq)]
pub enum TtsCmd {
    /// Speak one clause; its audio comes back with the same `seq`.
    Speak {
        /// The turn.
        turn: TurnId,
        /// Number of the clause in the turn, from 0.
        seq: u32,
        /// What is to be said (spoken form, no markdown).
        clause: Private,
    },
    /// Load the voice if it was unloaded: an answer is near.
    Wake,
    /// Options from now on.
    Configure(VoiceOptions),
    /// Give the engine's memory back and say so ([`WorkerEvent::Released`]); the next command loads it again.
    Release,
}

/// To the playback thread.
#[derive(Clone, Debug, PartialEq)]
pub enum PlayCmd {
    /// Play this after what is already queued for the turn. Several clips may carry the same `seq`.
    Enqueue {
        /// The turn.
        turn: TurnId,
        /// Number of the clause.
        seq: u32,
        /// Its sound, or a part of it.
        clip: Clip,
        /// No more sound of this clause follows.
        last: bool,
    },
    /// Nothing more comes for this turn: report [`WorkerEvent::Drained`] when all was played.
    FinishTurn(TurnId),
    /// Silence, at once; answered by [`WorkerEvent::Silenced`].
    StopTurn(TurnId),
    /// An answer is near: open the speaker if it was closed while nothing happened.
    Wake,
    /// Use another speaker; `None` is the system's default.
    SelectDevice(Option<String>),
}

/// What a worker found out.
#[derive(Clone, Debug, PartialEq)]
pub enum WorkerEvent {
    /// A stage has its engine or device and can work.
    Ready(Stage, EngineInfo),
    /// The first real sample of the recording is there.
    CaptureStarted(TurnId, Moment),
    /// A recording goes on: what came since the last piece, about every 50 ms. The pieces one after the other are
    /// the beginning of what [`WorkerEvent::Captured`] brings, sample by sample; what they lack is the tail.
    Heard {
        /// The turn.
        turn: TurnId,
        /// Its place in the recording, samples.
        at: usize,
        /// The samples; may be empty when the key went up.
        pcm: Pcm16k,
        /// This is all until the key went up.
        key_up: bool,
    },
    /// The recording is complete.
    Captured {
        /// The turn.
        turn: TurnId,
        /// What was recorded, the tail included.
        pcm: Pcm16k,
        /// Input samples that were lost because the machine was too busy.
        dropped: u64,
    },
    /// The words so far.
    PartialText(TurnId, Words),
    /// The words. An empty text: nothing was said. Each [`SttCmd::Transcribe`] is answered by it, and a
    /// [`SttCmd::KeyUp`] after which nothing can follow; who got the words once drops the second answer.
    Transcribed {
        /// The turn.
        turn: TurnId,
        /// What was heard.
        transcript: Transcript,
        /// How much of the recording was known then, samples: an answer to [`SttCmd::KeyUp`] is out of date when the key
        /// went down again and more was recorded meanwhile.
        heard: usize,
        /// Time that the engine worked on this recording, ms, while the key was held and after.
        stt_ms: f64,
    },
    /// A piece of the answer for the screen and the voice.
    ReplyDelta(TurnId, Private),
    /// A piece of the model's thinking, for the screen only.
    ThinkingDelta(TurnId, Private),
    /// The model is done with the answer.
    ReplyEnded {
        /// The turn.
        turn: TurnId,
        /// Its figures.
        stats: ReplyStats,
    },
    /// Sound of a clause, or a part of it. `clip` is empty when a clause has nothing to say.
    Synthesized {
        /// The turn.
        turn: TurnId,
        /// Number of the clause.
        seq: u32,
        /// Its sound.
        clip: Clip,
        /// No more sound of this clause follows.
        last: bool,
    },
    /// The first sample of the clause was handed to the output at this moment.
    ClauseStarted(TurnId, u32, Moment),
    /// The clause was played to its end.
    ClausePlayed(TurnId, u32),
    /// The turn was stopped, and at this moment its last sample had been handed to the output.
    Silenced(TurnId, Moment),
    /// All that was queued for the turn was played and [`PlayCmd::FinishTurn`] had been said.
    Drained(TurnId),
    /// A piece of work of this turn is done; for the timeline.
    Worked(TurnId, Span),
    /// A stage could not do its work (of this turn; of none when [`TurnId::NONE`]).
    Failed(TurnId, StageError),
    /// A worker thread ended by a fault; the stage is gone until it is started anew.
    Died(Stage, String),
    /// An engine that was unloaded cannot be loaded again. Unless another takes its place, the next request says so too.
    Lost(StageError),
    /// The engine's memory was given back as it was told to.
    Released(Stage),
    /// At this moment the engine's memory was given back because it was not needed for a while; what needs it loads it again.
    Unloaded(Stage, Moment),
}

/// What the program is doing, as the talk button shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Models are being loaded.
    #[default]
    Loading,
    /// Waiting for a press.
    Idle,
    /// The key is down.
    Listening,
    /// Speech becomes text.
    Transcribing,
    /// The model writes; no sound yet.
    Thinking,
    /// The answer sounds.
    Speaking,
    /// The program ends.
    Stopping,
}

/// How a stage is.
#[derive(Clone, Debug, PartialEq)]
pub enum StageStatus {
    /// Being loaded.
    Loading,
    /// Works.
    Ready(EngineInfo),
    /// Does not work, and why.
    Unavailable(StageError),
}

/// The figures of one turn. Times count from the end of the input (key up, Enter, end of the file), ms.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Timing {
    /// From the end of the input to the words, what the user waits; `None` for typed text.
    pub stt_ms: Option<f64>,
    /// Time that the speech engine worked, most of it while the key was held; `None` for typed text.
    pub stt_work_ms: Option<f64>,
    /// First token of the answer.
    pub first_token_ms: Option<f64>,
    /// First clause handed to the voice.
    pub first_clause_ms: Option<f64>,
    /// First sample handed to the output.
    pub first_audio_ms: Option<f64>,
    /// Tokens of the answer.
    pub tokens: u32,
    /// Tokens per second after the first.
    pub tokens_per_s: f64,
    /// Prompt tokens computed for this turn.
    pub prefilled_tokens: u32,
    /// Prompt tokens that were still in the KV cache.
    pub cached_tokens: u32,
    /// Length of the spoken answer, as synthesised, ms.
    pub audio_ms: f64,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// With an answer.
    Answered,
    /// Nothing was said.
    NothingHeard,
    /// The user stopped it or began another.
    Cancelled,
    /// A stage failed.
    Failed,
}

/// What the window, the command line and the history see.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The phase changed.
    Phase(TurnId, Phase),
    /// A stage's state changed.
    Status(Stage, StageStatus),
    /// Another engine with this model file is being loaded for a stage; [`Event::InUse`] says how that ended.
    Switching(Stage, Option<PathBuf>),
    /// What a stage works with from now on, also after a new choice failed: its model's file; `None`: espeak-ng's own
    /// voice, or a fake.
    InUse(Stage, Option<PathBuf>),
    /// Which models are used on how many threads, and why.
    Plan(Arc<Plan>),
    /// Words so far, while they are being heard.
    PartialText(TurnId, Words),
    /// The question.
    UserText {
        /// The turn.
        turn: TurnId,
        /// Its words.
        text: Private,
        /// ISO 639-1 code; empty for typed text.
        language: String,
        /// 0 to 1; 1 for typed text.
        confidence: f32,
    },
    /// A piece of the answer as the model writes it (markdown).
    ReplyDelta(TurnId, Private),
    /// A piece of the model's thinking.
    ThinkingDelta(TurnId, Private),
    /// The whole answer as far as it was written.
    ReplyFinal {
        /// The turn.
        turn: TurnId,
        /// What was written (markdown).
        text: Private,
        /// How much of `text`, in bytes, was heard (spoken to its end, or read when there is no voice).
        heard_bytes: usize,
    },
    /// The first sample of the recording was there at this moment.
    CaptureStarted(TurnId, Moment),
    /// The turn was interrupted, and at this moment its last sample had been handed to the output.
    Silenced(TurnId, Moment),
    /// A clause begins to sound. `range` is its place in the answer's text, in bytes.
    ClauseStarted {
        /// The turn.
        turn: TurnId,
        /// Number of the clause.
        seq: u32,
        /// What is said.
        text: Private,
        /// Where it stands in the written answer.
        range: (usize, usize),
    },
    /// A clause was spoken to its end.
    ClauseSpoken {
        /// The turn.
        turn: TurnId,
        /// Number of the clause.
        seq: u32,
        /// What was said.
        text: Private,
    },
    /// The figures of a turn.
    Timing(TurnId, Timing),
    /// What ran when; follows [`Event::Timing`].
    Timeline(TurnId, Timeline),
    /// Something the user should know.
    Notice(TurnId, StageError),
    /// The turn is over.
    TurnEnded(TurnId, TurnEnd),
    /// The conversation was cleared.
    ConversationCleared,
    /// All threads are down.
    Stopped,
}
