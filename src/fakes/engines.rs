//! Fake engines: quick, deterministic, without files. A model "file" `fake/NAME` gives a fake of that name and decides how
//! it fares: `missing`, `broken`, `memory` or `panics` in it is a fault of its loading, `slow` takes a third of a second.

use crate::audio::Pcm16k;
use crate::audio::level::Level;
use crate::llm::{ChatError, ChatModel, ChatOptions, ChatSession, Memory, ReplyStats, Settled};
use crate::private::Private;
use crate::stt::{EngineInfo, SttOptions, TranscribeError, Transcriber, Transcript};
use crate::tts::{SpeechStats, SynthesisError, Synthesizer, VoiceOptions};
use crate::turn::{CancelToken, Outcome};
use std::path::Path;
use std::time::Duration;

fn info(name: &str) -> EngineInfo {
    EngineInfo { engine: "fake".to_owned(), name: name.to_owned(), starter: false }
}

/// How the loading of a fake ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Well.
    Good,
    /// The file is gone.
    Missing,
    /// The file is broken.
    Broken,
    /// There is no memory for it.
    TooBig,
}

/// Loads the fake of this file: its name, or `usual` when there is no file, and how it went.
#[must_use]
pub fn load(file: Option<&Path>, usual: &str) -> (String, Fate) {
    let named = file.filter(|file| file.starts_with("fake")).and_then(Path::file_name);
    let name = named.map_or_else(|| usual.to_owned(), |name| name.to_string_lossy().into_owned());
    let has = |word: &str| named.is_some() && name.contains(word);
    if has("slow") {
        std::thread::sleep(Duration::from_millis(300));
    }
    #[allow(clippy::panic)] // the purpose of this name
    if has("panics") {
        panic!("the fake was told to");
    }
    let fate = match () {
        () if has("missing") => Fate::Missing,
        () if has("broken") => Fate::Broken,
        () if has("memory") => Fate::TooBig,
        () => Fate::Good,
    };
    (name, fate)
}

/// Hears the same words in every sound, and nothing in silence.
#[derive(Debug)]
pub struct FakeTranscriber {
    /// Its name for people.
    pub name: String,
    /// Ends the thread with a panic at the first use, to test the death guard.
    pub panics: bool,
}

impl Default for FakeTranscriber {
    fn default() -> Self {
        FakeTranscriber { name: "fake ears".to_owned(), panics: false }
    }
}

impl Transcriber for FakeTranscriber {
    fn transcribe(
        &mut self,
        pcm: &Pcm16k,
        _: &SttOptions,
        cancel: &CancelToken,
        on_partial: &mut dyn FnMut(&str),
    ) -> Result<Outcome<Transcript>, TranscribeError> {
        #[allow(clippy::panic)] // the purpose of this switch
        if self.panics {
            panic!("the fake transcriber was told to");
        }
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        if Level::of(&pcm.0).peak < 0.01 {
            return Ok(Outcome::Done(Transcript::default()));
        }
        let text = format!("I said something for {} milliseconds.", pcm.millis());
        on_partial(&text);
        Ok(Outcome::Done(Transcript { text: text.into(), language: "en".to_owned(), confidence: 1.0 }))
    }

    fn info(&self) -> EngineInfo {
        info(&self.name)
    }
}

/// Repeats the question; counts words as tokens and remembers what was heard.
#[derive(Debug)]
pub struct FakeChat {
    /// Its name for people.
    pub name: String,
}

impl Default for FakeChat {
    fn default() -> Self {
        FakeChat { name: "fake mind".to_owned() }
    }
}

impl ChatModel for FakeChat {
    fn session(&self, options: &ChatOptions) -> Result<Box<dyn ChatSession + '_>, ChatError> {
        Ok(Box::new(FakeSession { options: options.clone(), ..FakeSession::default() }))
    }

    fn info(&self) -> EngineInfo {
        info(&self.name)
    }
}

#[derive(Debug, Default)]
struct FakeSession {
    options: ChatOptions,
    remembered: u32,
    pending: u32,
    exchanges: Vec<(Private, Private)>,
    question: String,
}

fn words(text: &str) -> u32 {
    text.split_whitespace().count() as u32
}

impl ChatSession for FakeSession {
    fn prefill(&mut self, _: &str, _: &dyn Fn() -> bool) -> Result<Outcome<()>, ChatError> {
        Ok(Outcome::Done(()))
    }

    fn reply(&mut self, user: &str, cancel: &CancelToken, on_text: &mut dyn FnMut(&str)) -> Result<Outcome<ReplyStats>, ChatError> {
        let question = user.lines().last().unwrap_or_default();
        let answer = format!("You said: {question} That is all I know. I am only a fake.");
        self.pending = words(user);
        self.question = question.to_owned();
        let mut tokens = 0;
        for word in answer.split_inclusive(' ') {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            if tokens >= self.options.max_tokens {
                break;
            }
            on_text(word);
            tokens += 1;
        }
        let (prefilled_tokens, cached_tokens) = (self.pending, self.remembered);
        Ok(Outcome::Done(ReplyStats { tokens, prefilled_tokens, cached_tokens, ..ReplyStats::default() }))
    }

    fn commit(&mut self, heard: &str) -> Result<(), ChatError> {
        if !heard.is_empty() {
            self.remembered += self.pending + words(heard);
            self.exchanges.push((self.question.as_str().into(), heard.into()));
        }
        self.pending = 0;
        Ok(())
    }

    fn settle(&mut self, _: &dyn Fn() -> bool) -> Result<Settled, ChatError> {
        Ok(Settled::Done)
    }

    fn memory(&self) -> Memory {
        Memory(self.exchanges.clone())
    }

    fn remember(&mut self, memory: &Memory) {
        self.exchanges.clone_from(&memory.0);
        self.remembered = memory.0.iter().map(|(user, heard)| words(user) + words(heard)).sum();
    }

    fn reset(&mut self) {
        self.exchanges.clear();
        self.remembered = 0;
    }

    fn set_options(&mut self, options: &ChatOptions) -> Result<(), ChatError> {
        self.options = options.clone();
        Ok(())
    }
}

/// Says a short tone for each word.
#[derive(Debug)]
pub struct FakeVoice {
    /// Its name for people.
    pub name: String,
    /// Fails at every clause.
    pub broken: bool,
}

impl Default for FakeVoice {
    fn default() -> Self {
        FakeVoice { name: "fake voice".to_owned(), broken: false }
    }
}

/// Samples of one word of the fake voice: 40 ms at 16 kHz.
const WORD_SAMPLES: usize = 640;

impl Synthesizer for FakeVoice {
    fn sample_rate(&self) -> u32 {
        16_000
    }

    fn synthesize(
        &mut self,
        clause: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        if self.broken {
            return Err(SynthesisError::Engine("the fake voice was told to fail".to_owned()));
        }
        let tone: Vec<f32> =
            (0..WORD_SAMPLES).map(|i| 0.3 * options.volume * (i as f32 * 440.0 * std::f32::consts::TAU / 16_000.0).sin()).collect();
        let mut samples = 0;
        for _ in 0..words(clause) {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            on_audio(&tone);
            samples += tone.len();
        }
        Ok(Outcome::Done(SpeechStats { samples }))
    }

    fn synthesize_phonemes(
        &mut self,
        phonemes: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        self.synthesize(phonemes, options, cancel, on_audio)
    }

    fn info(&self) -> EngineInfo {
        info(&self.name)
    }
}
