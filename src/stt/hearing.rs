//! A recording that goes on, and what of it has words already: decides which stretch is to be transcribed next, without
//! an engine.
//!
//! # When and what
//! When someone pauses for 200 ms, what was said since the last phrase (the *open* part) is transcribed. If it is 5 s or
//! longer, it is a phrase: it is cut off in the middle of the pause, its words are certain, and it is never looked at
//! again. If it is shorter, its words are a draft: they stand if nothing more is said, and else the open part grows.
//! Whisper's encoder costs the same for 5 s as for 1 s (its window has a floor of 384 positions,
//! [`super::pieces::audio_ctx`]), so shorter phrases would save a few words of the decoder only. And they would cost
//! words: a question of ordinary length with a pause in it is heard as the whole that it is, with the same words as
//! without all this.
//!
//! A model that does not bear phrases (the starter, which knows whole sentences only) and a recording whose pieces are not
//! to be trusted ([`super::trust`]) have drafts of the whole and no phrases.

use super::trust::{self, Piece};
use super::{Transcript, Words, guard, pieces};
use crate::audio::vad::{PAD, ScorerFactory, Speech, SpeechTracker, is_steady};
use crate::audio::{Pcm16k, STT_RATE};
use crate::private::Private;
use crate::turn::TurnId;
use std::ops::Range;
use std::sync::Arc;

/// So many samples.
const fn ms(millis: usize) -> usize {
    STT_RATE as usize / 1000 * millis
}

/// Silence that ends a phrase.
const PAUSE: usize = ms(200);
/// Silence after which very little speech is transcribed: "Well, …" goes on, "Stop." does not.
const LONG_PAUSE: usize = ms(400);
/// Very little speech, ms.
const LITTLE_MILLIS: u64 = 700;
/// Silence after which the last word of a draft is as good as certain.
const VERY_LONG_PAUSE: usize = ms(500);
/// Silence before the key went up that makes a pass worthwhile before the tail is there. With less the tail nearly always
/// brings the rest of a word, and the pass would be in the way of the one that counts.
const WORTH_A_TRY: usize = ms(64);
/// What was said since the last phrase is one when it is this long: what the encoder's smallest window hears.
const PHRASE: usize = ms(5_000);
/// Longer drafts are not worth their time.
const LONGEST_DRAFT: usize = ms(25_000);
/// Silence that is left behind the speech: 500 ms, for soft endings. What is beyond costs time only.
const SILENCE_BEHIND: usize = ms(500);

/// What is to be transcribed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// The stretch of the recording, samples.
    pub range: Range<usize>,
    /// Speech in it, ms.
    speech_ms: u64,
    /// Where the speech in it ends.
    speech_end: usize,
    /// It is a phrase; the open part begins here afterwards.
    phrase_to: Option<usize>,
}

/// Words of the open part.
#[derive(Clone, Debug)]
struct Draft {
    piece: Piece,
    /// It knows the speech up to here.
    speech_end: usize,
}

/// How the recording is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In phrases, and drafts of what is open.
    Phrases,
    /// In drafts of the whole.
    Whole,
    /// Not before it is complete.
    AtTheEnd,
}

/// The recording of one turn.
#[derive(Debug)]
pub(super) struct Hearing {
    pub turn: TurnId,
    /// The engine's time for it, ms.
    pub work_ms: f64,
    /// The key went up.
    pub key_up: bool,
    /// The words were given since then.
    pub answered: bool,
    /// No words of a starter model that it is not sure of.
    starter: bool,
    way: Way,
    pcm: Vec<f32>,
    tracker: SpeechTracker,
    phrases: Vec<Piece>,
    open_from: usize,
    draft: Option<Draft>,
}

impl Hearing {
    pub fn new(turn: TurnId, way: Way, starter: bool, scorer: ScorerFactory) -> Self {
        Hearing {
            turn,
            work_ms: 0.0,
            key_up: false,
            answered: false,
            starter,
            way,
            pcm: Vec::new(),
            tracker: SpeechTracker::new(scorer()),
            phrases: Vec::new(),
            open_from: 0,
            draft: None,
        }
    }

    /// Takes the next piece; false when a piece before it is missing (this thread was started anew in the middle).
    pub fn push(&mut self, at: usize, pcm: &[f32]) -> bool {
        if at != self.pcm.len() {
            return false;
        }
        self.key_up = false;
        self.pcm.extend_from_slice(pcm);
        self.tracker.push(pcm);
        true
    }

    /// Takes the rest of a recording that is complete; false when this is the recording of something else.
    pub fn complete(&mut self, whole: &[f32]) -> bool {
        let Some(tail) = whole.strip_prefix(self.pcm.as_slice()) else { return false };
        self.pcm.extend_from_slice(tail);
        self.tracker.push(tail);
        self.tracker.finish();
        self.key_up = true;
        true
    }

    /// Samples that are known.
    pub fn heard(&self) -> usize {
        self.pcm.len()
    }

    /// The samples of a job.
    pub fn sound(&self, job: &Job) -> Pcm16k {
        Pcm16k(Arc::from(&self.pcm[job.range.clone()]))
    }

    fn open_speech(&self) -> Option<Speech> {
        self.tracker.speech_from(self.open_from)
    }

    /// Silence at the end of what is known.
    fn silence(&self, speech: Option<Speech>) -> usize {
        self.tracker.seen() - speech.map_or(self.open_from, |speech| speech.end).min(self.tracker.seen())
    }

    fn is_drafted(&self, speech: Speech) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.speech_end == speech.end)
    }

    /// What is worth its time while the key is held; `None`: nothing now.
    pub fn next_job(&self) -> Option<Job> {
        if self.way == Way::AtTheEnd {
            return None;
        }
        let phrases = self.way == Way::Phrases;
        // Not the last pause alone: while the engine worked on one phrase, another may have ended.
        if phrases && let Some((speech, silence)) = self.tracker.phrase_from(self.open_from, PHRASE, PAUSE) {
            // In the middle of the pause, with 200 ms of it at most: the next phrase gets the rest.
            let cut = (speech.end + (silence / 2).min(PAD)).min(self.pcm.len());
            let range = speech.start.saturating_sub(PAD).max(self.open_from)..cut;
            return self.unless_steady(Job { range, speech_ms: speech.ms, speech_end: speech.end, phrase_to: Some(cut) });
        }
        let speech = self.open_speech().filter(|speech| !self.is_drafted(*speech))?;
        let from = speech.start.saturating_sub(PAD).max(self.open_from);
        // Half a minute without a pause: cut as a long recording is cut.
        if phrases && let [first, _, ..] = pieces::cut(&self.pcm[from..]).as_slice() {
            let range = from..from + first.end;
            let within = speech.ms * first.len() as u64 / (self.pcm.len() - from).max(1) as u64;
            return self.unless_steady(Job { speech_ms: within, speech_end: range.end, phrase_to: Some(range.end), range });
        }
        let silence = self.silence(Some(speech));
        if silence < if speech.ms < LITTLE_MILLIS { LONG_PAUSE } else { PAUSE } {
            return None;
        }
        if speech.end - from > LONGEST_DRAFT {
            return None;
        }
        self.unless_steady(self.rest(speech))
    }

    /// What has no words yet, as far as it is known; `None`: nothing, the words are complete.
    pub fn last_job(&self) -> Option<Job> {
        let speech = self.open_speech().filter(|speech| !self.is_drafted(*speech))?;
        self.unless_steady(self.rest(speech)).filter(|job| job.range.len() >= pieces::SHORTEST)
    }

    fn rest(&self, speech: Speech) -> Job {
        let from = speech.start.saturating_sub(PAD).max(self.open_from);
        let to = (speech.end + PAD + SILENCE_BEHIND).min(self.pcm.len()).max(from);
        Job { range: from..to, speech_ms: speech.ms, speech_end: speech.end, phrase_to: None }
    }

    fn unless_steady(&self, job: Job) -> Option<Job> {
        (!is_steady(&self.pcm[job.range.clone()])).then_some(job)
    }

    /// The key went up: whether a pass is worthwhile before the tail is there.
    pub fn is_worth_a_try(&self) -> bool {
        self.way != Way::AtTheEnd && self.silence(self.open_speech()) >= WORTH_A_TRY
    }

    /// The key went up: nobody spoke any more, and all that was said has its words. The tail can bring nothing.
    pub fn is_complete_without_tail(&self) -> bool {
        let speech = self.open_speech();
        let known = speech.map_or(!self.phrases.is_empty(), |speech| self.is_drafted(speech));
        self.way != Way::AtTheEnd && known && self.silence(speech) >= PAUSE
    }

    /// The words of a job came.
    pub fn done(&mut self, job: &Job, transcript: Transcript) {
        let text = guard::strip_marks(&transcript.text);
        let piece = Piece { transcript: Transcript { text: text.into(), ..transcript }, speech_ms: job.speech_ms };
        match job.phrase_to {
            Some(open_from) => {
                self.phrases.push(piece);
                self.open_from = open_from;
                self.draft = None;
            }
            None => self.draft = Some(Draft { piece, speech_end: job.speech_end }),
        }
        let pieces = self.pieces();
        if let Some(why) = trust::doubt(&pieces) {
            tracing::debug!(why, ?pieces, "the pieces are not trusted; the whole recording is heard again");
            self.forget();
            self.way = Way::Whole;
        }
    }

    /// Nothing that was found out so far counts, and nothing more is done before the end.
    pub fn give_up(&mut self) {
        self.forget();
        self.way = Way::AtTheEnd;
    }

    fn forget(&mut self) {
        self.phrases.clear();
        self.draft = None;
        self.open_from = 0;
    }

    fn pieces(&self) -> Vec<Piece> {
        self.phrases.iter().chain(self.draft.as_ref().map(|draft| &draft.piece)).cloned().collect()
    }

    /// All that was heard.
    pub fn transcript(&self) -> Transcript {
        trust::joined(&self.pieces())
    }

    /// The words so far. Those of a draft may change with what is said next, in fact the last one: a model that hears a
    /// sentence broken off ends it.
    pub fn words(&self) -> Words {
        let mut words = Words { certain: trust::joined(&self.phrases).text, uncertain: Private::default() };
        let least = if self.starter { guard::STARTER_CONFIDENCE } else { guard::NOISE_CONFIDENCE };
        let Some(draft) = self.draft.as_ref().filter(|draft| draft.piece.transcript.confidence >= least) else { return words };
        let text = draft.piece.transcript.text.as_str();
        let speech = self.open_speech();
        let stands = speech.is_some_and(|speech| self.is_drafted(speech) && (self.key_up || self.silence(Some(speech)) >= VERY_LONG_PAUSE));
        let (certain, uncertain) = text.split_at(if stands { text.len() } else { last_word(text) });
        super::join(&mut words.certain, certain.trim_end());
        words.uncertain = uncertain.into();
        words
    }
}

/// Where the last word begins; of unspaced writing the last two characters.
fn last_word(text: &str) -> usize {
    let text = text.trim_end();
    if text.chars().rev().find(|c| c.is_alphanumeric()).is_some_and(guard::is_unspaced) {
        let characters = text.char_indices().filter(|(_, c)| c.is_alphanumeric()).map(|(at, _)| at).collect::<Vec<_>>();
        return characters.len().checked_sub(2).map_or(0, |place| characters[place]);
    }
    text.rfind(char::is_whitespace).map_or(0, |blank| blank + 1)
}

#[cfg(test)]
#[path = "hearing_tests.rs"]
pub(super) mod tests;
