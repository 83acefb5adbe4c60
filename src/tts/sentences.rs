//! What all voices share that make sound of the symbols of a sentence: cutting the text, the wishes of the options, loudness,
//! and when a cancel is seen. An engine only says how one sentence is run.

use super::front::{Front, Symbols};
use super::piper::Scales;
use super::split::split;
use super::{SpeechStats, SynthesisError, Synthesizer, TRIAL, VoiceOptions, wishes};
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, Outcome};

/// Longest piece of text that is turned into symbols at once, bytes: a cancel is seen between pieces.
const MAX_TEXT: usize = 2_000;
/// Symbols of its own that a voice speaks to be tried out: about as many as "Ready." has.
const FEW_SYMBOLS: usize = 6;

/// What a voice is, beside its graphs.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) front: Front,
    pub(super) scales: Scales,
    /// How many, and the number of the first.
    pub(super) speakers: (u32, u32),
    pub(super) sample_rate: u32,
    pub(super) name: String,
    /// The kind of voice, as it is shown.
    pub(super) engine: &'static str,
}

/// A voice that runs one sentence after the other.
pub(super) trait SentenceVoice {
    fn manner(&self) -> &Manner;

    /// Runs one sentence: mono samples as the graph gives them, in one or more pieces.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] when the graph fails.
    fn run(
        &mut self,
        symbols: &Symbols,
        scales: Scales,
        speaker: u32,
        cancel: &CancelToken,
        on_piece: &mut dyn FnMut(Vec<f32>),
    ) -> Result<Outcome<()>, SynthesisError>;
}

/// Speaks sentences, one after the other.
fn speak(
    voice: &mut impl SentenceVoice,
    sentences: Vec<Symbols>,
    options: &VoiceOptions,
    cancel: &CancelToken,
    on_audio: &mut dyn FnMut(&[f32]),
    stats: &mut SpeechStats,
) -> Result<Outcome<()>, SynthesisError> {
    let manner = voice.manner();
    let (scales, speaker) = (wishes::scales(manner.scales, options), wishes::speaker(options, manner.speakers, &manner.name)?);
    for symbols in sentences.into_iter().filter(|symbols| !symbols.ids.is_empty()) {
        let outcome = voice.run(&symbols, scales, speaker, cancel, &mut |mut samples| {
            if !cancel.is_cancelled() {
                super::apply_volume(&mut samples, options.volume);
                stats.samples = stats.samples.saturating_add(samples.len());
                on_audio(&samples);
            }
        })?;
        if outcome == Outcome::Cancelled || cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
    }
    Ok(Outcome::Done(()))
}

impl<V: SentenceVoice> Synthesizer for V {
    fn sample_rate(&self) -> u32 {
        self.manner().sample_rate
    }

    fn synthesize(
        &mut self,
        clause: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        let mut stats = SpeechStats::default();
        for piece in split(clause.trim(), MAX_TEXT, str::len) {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let sentences = self.manner().front.symbols_of(piece, &self.manner().name)?;
            if speak(self, sentences, options, cancel, on_audio, &mut stats)? == Outcome::Cancelled {
                return Ok(Outcome::Cancelled);
            }
        }
        Ok(Outcome::Done(stats))
    }

    fn synthesize_phonemes(
        &mut self,
        phonemes: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        let Some(sentences) = self.manner().front.symbols_of_phonemes(phonemes.trim()) else {
            return Err(SynthesisError::Unsupported(format!("The voice {} takes text, not phonemes", self.manner().name)));
        };
        let mut stats = SpeechStats::default();
        Ok(match speak(self, sentences, options, cancel, on_audio, &mut stats)? {
            Outcome::Done(()) => Outcome::Done(stats),
            Outcome::Cancelled => Outcome::Cancelled,
        })
    }

    fn try_out(&mut self) -> Result<(), SynthesisError> {
        let manner = self.manner();
        let (scales, speaker) = (manner.scales, wishes::speaker(&VoiceOptions::default(), manner.speakers, &manner.name)?);
        // A voice of another script does not know these letters, which says nothing against it: it runs symbols of its own.
        let known = match manner.front.symbols_of(TRIAL, &manner.name) {
            Err(SynthesisError::Unreadable(_)) => Vec::new(),
            symbols => symbols?,
        };
        let symbols = known.into_iter().find(|symbols| !symbols.ids.is_empty()).unwrap_or_else(|| manner.front.probe(FEW_SYMBOLS));
        if symbols.ids.is_empty() {
            return Ok(());
        }
        self.run(&symbols, scales, speaker, &CancelToken::never(), &mut |_| {}).map(drop)
    }

    fn info(&self) -> EngineInfo {
        let manner = self.manner();
        EngineInfo { engine: manner.engine.to_owned(), name: manner.name.clone(), starter: false }
    }
}
