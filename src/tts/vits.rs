//! VITS voices by ONNX Runtime: Piper's (espeak phonemes or letters, one or several speakers) and letter-based ones.
//!
//! Sound comes out as the graph makes it, not scaled to its peak: so the level is even from clause to clause.

use super::chars::CharTable;
use super::graph::{Graph, Role};
use super::load::{Body, VoiceFile};
use super::piper::{PhonemeType, PiperConfig, Scales};
use super::session::{Failure, failed, first_line, inputs, is_out_of_memory, watched};
use super::{SpeechStats, SynthesisError, Synthesizer, VoiceOptions, phonemes};
use crate::config::paths;
use crate::models::check::onnx::{self, OnnxModel};
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, Outcome};
use ort::session::RunOptions;
use std::path::{Path, PathBuf};

/// Longest piece of text that is turned into phonemes at once, bytes: a cancel is seen between pieces.
const MAX_TEXT: usize = 2_000;
/// Most symbols in one run: attention takes memory by their square. The longest of the golden sentences has 130.
const MAX_SYMBOLS: usize = 400;
/// Symbols that are spoken to compare the parts of a voice with the whole: over a second of sound.
const PROBE_SYMBOLS: usize = 48;

/// What turns text into ids.
#[derive(Debug)]
enum Front {
    Piper(Box<PiperConfig>),
    Chars(CharTable),
}

/// A loaded voice.
#[derive(Debug)]
pub struct VitsVoice {
    body: Body,
    graph: Graph,
    front: Front,
    scales: Scales,
    speakers: u32,
    sample_rate: u32,
    name: String,
}

impl VitsVoice {
    /// Loads `voice.onnx` with `voice.onnx.json` (Piper) or `tokens.txt` (letters) beside it. 1 or 2 `threads`.
    ///
    /// A voice of Piper's form is cut and streamed ([`super::seams`]) once it was found that its parts equal the whole; the
    /// verdict is kept in the cache folder. Loading the parts takes 0.4 s of CPU, where the whole (6,500 nodes) took 1.4: ONNX
    /// Runtime 1.31 searches for each node whose memory it may reuse, and parts are written so that there is little to search.
    /// A graph optimised and stored before would save another 0.2 s for 70 MB on disk, so none is stored.
    ///
    /// # Errors
    /// [`SynthesisError`], except for `Engine`.
    pub fn load(path: &Path, threads: u32) -> Result<Self, SynthesisError> {
        Self::load_with(path, threads, paths::cache_dir().as_deref())
    }

    /// As [`VitsVoice::load`], with the folder where verdicts are kept. `None`: nowhere.
    ///
    /// # Errors
    /// As [`VitsVoice::load`].
    pub fn load_with(path: &Path, threads: u32, cache: Option<&Path>) -> Result<Self, SynthesisError> {
        if !path.exists() {
            return Err(SynthesisError::VoiceMissing(path.to_path_buf()));
        }
        let corrupt = |reason: String| SynthesisError::VoiceCorrupt { path: path.to_path_buf(), reason };
        let (bytes, model) = onnx::read(path).map_err(|fault| corrupt(fault.to_string()))?;
        let graph = Graph::of(&model).map_err(corrupt)?;
        let front = Front::beside(path, &model).map_err(corrupt)?;
        let (sample_rate, speakers, scales, highest_id) = match &front {
            Front::Piper(config) => (config.sample_rate, config.speakers, config.scales, config.highest_id()),
            Front::Chars(table) => {
                (table.sample_rate, table.speakers, Scales { noise: 0.667, length: 1.0, noise_width: 0.8 }, table.highest_id())
            }
        };
        fits(&graph, &model, speakers, highest_id).map_err(corrupt)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let file = VoiceFile {
            bytes: &bytes,
            graph: &graph,
            rate: sample_rate,
            threads,
            name: &name,
            probe: front.probe(),
            speaker: speakers.saturating_sub(1),
        };
        let body = file.load(cache).map_err(|error| match error {
            Failure::Runtime(error) => error,
            Failure::Ort(error) if is_out_of_memory(&error) => SynthesisError::OutOfMemory(path.to_path_buf()),
            Failure::Ort(error) => corrupt(format!("ONNX Runtime refuses it ({})", first_line(error.message()))),
        })?;
        Ok(VitsVoice { body, graph, front, scales, speakers, sample_rate, name })
    }

    /// Whether it is spoken in pieces.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        matches!(self.body, Body::Streamed(_))
    }

    /// How many speakers it has.
    #[must_use]
    pub fn speakers(&self) -> u32 {
        self.speakers
    }

    /// The scales that the options lead to.
    #[must_use]
    pub fn scales(&self, options: &VoiceOptions) -> Scales {
        let bounded = |chosen: Option<f32>, own: f32| chosen.filter(|v| v.is_finite()).map_or(own, |v| v.clamp(0.0, 2.0));
        let speed = if options.speed.is_finite() { options.speed.clamp(0.25, 4.0) } else { 1.0 };
        Scales {
            noise: bounded(options.noise, self.scales.noise),
            length: self.scales.length / speed,
            noise_width: bounded(options.noise_width, self.scales.noise_width),
        }
    }

    /// The speaker that the options ask for; the first one without.
    fn speaker(&self, options: &VoiceOptions) -> Result<u32, SynthesisError> {
        match options.speaker {
            Some(speaker) if speaker >= self.speakers => Err(SynthesisError::Unsupported(match self.speakers {
                1 => format!("The voice {} has only one speaker, number 0, and {speaker} was asked for", self.name),
                count => format!("The voice {} has the speakers 0 to {}, and {speaker} was asked for", self.name, count.saturating_sub(1)),
            })),
            speaker => Ok(speaker.unwrap_or(0)),
        }
    }

    /// Speaks the ids of one sentence: mono samples as the graph gives them, in one or more pieces.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] when the graph fails.
    pub fn synthesize_ids(
        &mut self,
        ids: &[i64],
        scales: Scales,
        speaker: u32,
        cancel: &CancelToken,
        on_piece: &mut dyn FnMut(Vec<f32>),
    ) -> Result<Outcome<()>, SynthesisError> {
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        let failed = |error: ort::Error| failed(&self.name, &error);
        let inputs = inputs(&self.graph, ids, scales, speaker).map_err(failed)?;
        let options = RunOptions::new().map_err(failed)?;
        let body = &mut self.body;
        let result = watched(cancel, &options, || match body {
            Body::Streamed(streamed) => streamed.speak(inputs, &options, cancel, on_piece),
            Body::Whole(session) => {
                let outputs = session.run_with_options(inputs, &options)?;
                if let Some(value) = outputs.get(&self.graph.output) {
                    on_piece(value.try_extract_tensor::<f32>()?.1.to_vec());
                }
                Ok(Outcome::Done(()))
            }
        });
        match result {
            Ok(outcome) => Ok(outcome),
            Err(_) if cancel.is_cancelled() => Ok(Outcome::Cancelled),
            Err(error) => Err(failed(error)),
        }
    }

    /// Speaks the ids of sentences, one after the other.
    fn speak(
        &mut self,
        sentences: impl Iterator<Item = Vec<i64>>,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
        stats: &mut SpeechStats,
    ) -> Result<Outcome<()>, SynthesisError> {
        let (scales, speaker) = (self.scales(options), self.speaker(options)?);
        for ids in sentences.filter(|ids| !ids.is_empty()) {
            let outcome = self.synthesize_ids(&ids, scales, speaker, cancel, &mut |mut samples| {
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

    /// The symbols of a piece of text, sentence by sentence, and their ids.
    fn ids_of(&self, text: &str) -> Result<Vec<Vec<i64>>, SynthesisError> {
        match &self.front {
            Front::Chars(table) => Ok(split(text, MAX_SYMBOLS, str::len).map(|part| table.ids_of(part)).collect()),
            Front::Piper(config) => {
                let sentences = match config.phoneme_type {
                    PhonemeType::Text => vec![text.trim().to_owned()],
                    PhonemeType::Espeak => phonemes::sentences(&phonemes::clauses(text, &config.espeak_voice)?),
                };
                Ok(sentences.iter().flat_map(|sentence| symbol_ids(config, sentence)).collect())
            }
        }
    }
}

impl Synthesizer for VitsVoice {
    fn sample_rate(&self) -> u32 {
        self.sample_rate
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
            let ids = self.ids_of(piece)?;
            if self.speak(ids.into_iter(), options, cancel, on_audio, &mut stats)? == Outcome::Cancelled {
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
        let Front::Piper(config) = &self.front else {
            return Err(SynthesisError::Unsupported(format!("The voice {} takes letters, not phonemes", self.name)));
        };
        let ids = symbol_ids(config, phonemes.trim());
        let mut stats = SpeechStats::default();
        Ok(match self.speak(ids.into_iter(), options, cancel, on_audio, &mut stats)? {
            Outcome::Done(()) => Outcome::Done(stats),
            Outcome::Cancelled => Outcome::Cancelled,
        })
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { engine: "vits".to_owned(), name: self.name.clone(), starter: false }
    }
}

impl Front {
    /// Reads what stands beside the voice.
    fn beside(path: &Path, model: &OnnxModel) -> Result<Self, String> {
        let mut config = path.as_os_str().to_owned();
        config.push(".json");
        let (config, tokens) = (PathBuf::from(config), path.with_file_name("tokens.txt"));
        if tokens.exists() && !config.exists() {
            return Ok(Front::Chars(CharTable::read(&tokens, &model.metadata)?));
        }
        Ok(Front::Piper(Box::new(PiperConfig::read(&config)?)))
    }

    /// Some symbols of this voice, whatever its language; empty when it has too few to say anything.
    fn probe(&self) -> Vec<i64> {
        let symbols = match self {
            Front::Piper(config) => config.symbols(),
            Front::Chars(table) => table.symbols(),
        };
        let text: String = symbols.into_iter().take(PROBE_SYMBOLS).collect();
        match self {
            Front::Piper(config) => config.ids_of(&text),
            Front::Chars(table) => table.ids_of(&text),
        }
    }
}

/// Whether the graph and what stands beside it belong together.
fn fits(graph: &Graph, model: &OnnxModel, speakers: u32, highest_id: i64) -> Result<(), String> {
    let rows = |name: &str| model.initializers.get(name).and_then(|dims| dims.first().copied());
    if rows("enc_p.emb.weight").is_some_and(|rows| highest_id >= rows) {
        return Err("its config has more symbols than its graph, so they do not belong together".to_owned());
    }
    if (speakers > 1 && !graph.has(Role::Speaker)) || rows("emb_g.weight").is_some_and(|rows| i64::from(speakers) > rows) {
        return Err("its config has more speakers than its graph, so they do not belong together".to_owned());
    }
    Ok(())
}

/// The ids of a sentence, in several runs when it is very long.
fn symbol_ids(config: &PiperConfig, sentence: &str) -> Vec<Vec<i64>> {
    split(sentence, MAX_SYMBOLS, |text| text.chars().count()).map(|part| config.ids_of(part)).collect()
}

/// Cuts a text into parts of at most `max` by `measure` (bytes or characters), at blanks where there are any.
fn split(text: &str, max: usize, measure: fn(&str) -> usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // The start of the rest that is sure to hold `max`, so that a text of 1 MB is not measured anew for each part.
        let head = rest.get(..rest.floor_char_boundary(max * 4 + 4)).unwrap_or(rest);
        if measure(head) <= max {
            rest = rest.get(head.len()..).unwrap_or("");
            return Some(head);
        }
        let fits = |end: &usize| head.get(..*end).is_some_and(|part| measure(part) <= max);
        let longest = head.char_indices().map(|(at, _)| at).take_while(fits).last().unwrap_or(0);
        let blank = head.get(..longest).and_then(|part| part.rfind(char::is_whitespace)).filter(|at| *at > longest / 2);
        let first = head.chars().next().map_or(1, char::len_utf8);
        let (part, after) = rest.split_at(blank.unwrap_or(longest).max(first));
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
#[allow(clippy::panic)]
#[path = "vits_tests.rs"]
mod tests;
