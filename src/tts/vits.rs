//! VITS voices by ONNX Runtime: Piper's (espeak phonemes or letters, one or several speakers) and letter-based ones.
//!
//! Sound comes out as the graph makes it, not scaled to its peak: so the level is even from clause to clause.

use super::chars::CharTable;
use super::graph::{Graph, Role};
use super::piper::{PhonemeType, PiperConfig, Scales};
use super::{SpeechStats, SynthesisError, Synthesizer, VoiceOptions, phonemes, runtime};
use crate::models::check::onnx::{self, OnnxModel};
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, Outcome};
use ort::session::{RunOptions, Session, SessionInputValue};
use ort::value::Tensor;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Thread, park_timeout, scope};
use std::time::Duration;

/// Longest piece of text that is turned into phonemes at once, bytes: a cancel is seen between pieces.
const MAX_TEXT: usize = 2_000;
/// Most symbols in one run: attention takes memory by their square. The longest of the golden sentences has 130.
const MAX_SYMBOLS: usize = 400;
/// How often a running graph is asked whether it is still wanted.
const CANCEL_POLL: Duration = Duration::from_millis(5);

/// What turns text into ids.
#[derive(Debug)]
enum Front {
    Piper(Box<PiperConfig>),
    Chars(CharTable),
}

/// A loaded voice.
#[derive(Debug)]
pub struct VitsVoice {
    session: Session,
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
    /// Takes 2 to 3 s of CPU for a Piper voice (6,500 nodes), at any optimisation level; a graph that was optimised and stored
    /// before (`.ort`) still takes 2.1 of 2.8 s, so nothing is stored. Most of it is ONNX Runtime 1.31 planning which node may
    /// reuse whose memory: without that it was 1.3 s, but its C interface has no switch for it.
    ///
    /// # Errors
    /// [`SynthesisError`], except for `Engine`.
    pub fn load(path: &Path, threads: u32) -> Result<Self, SynthesisError> {
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
        let session = open(&bytes, threads).map_err(|error| match error {
            Failure::Runtime(error) => error,
            Failure::Ort(error) if is_out_of_memory(&error) => SynthesisError::OutOfMemory(path.to_path_buf()),
            Failure::Ort(error) => corrupt(format!("ONNX Runtime refuses it ({})", first_line(error.message()))),
        })?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(VitsVoice { session, graph, front, scales, speakers, sample_rate, name })
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

    /// Runs the graph on the ids of one sentence: mono samples as the graph gives them.
    ///
    /// # Errors
    /// [`SynthesisError::Engine`] when the graph fails.
    pub fn synthesize_ids(
        &mut self,
        ids: &[i64],
        scales: Scales,
        speaker: u32,
        cancel: &CancelToken,
    ) -> Result<Outcome<Vec<f32>>, SynthesisError> {
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        let engine = |error: ort::Error| match is_out_of_memory(&error) {
            true => SynthesisError::OutOfMemory(PathBuf::from(&self.name)),
            false => SynthesisError::Engine(first_line(error.message())),
        };
        let inputs = inputs(&self.graph, ids, scales, speaker).map_err(engine)?;
        let options = RunOptions::new().map_err(engine)?;
        let (session, output) = (&mut self.session, self.graph.output.as_str());
        let done = AtomicBool::new(false);
        // A run cannot look at the token itself: a second thread does, and terminates the run at the next node.
        // Without that thread (the system gives none) a cancel is seen after the sentence.
        let result = scope(|scope| {
            let watcher = Builder::new().name("hark-tts-cancel".to_owned()).spawn_scoped(scope, || {
                while !done.load(Ordering::Acquire) {
                    if cancel.is_cancelled() {
                        return drop(options.terminate());
                    }
                    park_timeout(CANCEL_POLL);
                }
            });
            let _finish = Finish { done: &done, watcher: watcher.ok().map(|watcher| watcher.thread().clone()) };
            session.run_with_options(inputs, &options).and_then(|outputs| match outputs.get(output) {
                Some(value) => Ok(value.try_extract_tensor::<f32>()?.1.to_vec()),
                None => Ok(Vec::new()),
            })
        });
        match result {
            Ok(samples) => Ok(Outcome::Done(samples)),
            Err(_) if cancel.is_cancelled() => Ok(Outcome::Cancelled),
            Err(error) => Err(engine(error)),
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
            match self.synthesize_ids(&ids, scales, speaker, cancel)? {
                Outcome::Done(mut samples) if !cancel.is_cancelled() => {
                    super::apply_volume(&mut samples, options.volume);
                    stats.samples = stats.samples.saturating_add(samples.len());
                    on_audio(&samples);
                }
                _ => return Ok(Outcome::Cancelled),
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
}

/// Tells the watcher that the run is over, also when it ends by a panic.
struct Finish<'a> {
    done: &'a AtomicBool,
    watcher: Option<Thread>,
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
        if let Some(watcher) = &self.watcher {
            watcher.unpark();
        }
    }
}

enum Failure {
    Runtime(SynthesisError),
    Ort(ort::Error),
}

impl<R> From<ort::Error<R>> for Failure
where
    ort::Error: From<ort::Error<R>>,
{
    fn from(error: ort::Error<R>) -> Self {
        Failure::Ort(error.into())
    }
}

/// Builds the session from memory, so that the engine sees exactly the bytes that were checked.
fn open(bytes: &[u8], threads: u32) -> Result<Session, Failure> {
    let environment = runtime::environment().map_err(Failure::Runtime)?;
    // More threads are not faster (convolutions of a vocoder are small), and threads that spin burn a core for over a second
    // after each run. The memory pattern is for inputs of a fixed length; these vary.
    let mut builder = Session::builder(&environment)?
        .with_intra_threads(threads.clamp(1, 2) as usize)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?;
    Ok(builder.commit_from_memory(bytes)?)
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

type NamedInputs<'a> = Vec<(Cow<'a, str>, SessionInputValue<'a>)>;

fn inputs<'a>(graph: &'a Graph, ids: &[i64], scales: Scales, speaker: u32) -> ort::Result<NamedInputs<'a>> {
    let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
    let mut inputs: NamedInputs<'a> = Vec::with_capacity(graph.inputs.len());
    for input in &graph.inputs {
        let one = || if input.scalar { Vec::new() } else { vec![1i64] };
        let value: SessionInputValue<'a> = match input.role {
            Role::Ids => Tensor::from_array((vec![1, count], ids.to_vec()))?.into(),
            Role::Mask => Tensor::from_array((vec![1, count], vec![1i64; ids.len()]))?.into(),
            Role::Length => Tensor::from_array((one(), vec![count]))?.into(),
            Role::Speaker => Tensor::from_array((one(), vec![i64::from(speaker)]))?.into(),
            Role::Scales => Tensor::from_array((vec![3i64], vec![scales.noise, scales.length, scales.noise_width]))?.into(),
            Role::Noise => Tensor::from_array((one(), vec![scales.noise]))?.into(),
            Role::LengthScale => Tensor::from_array((one(), vec![scales.length]))?.into(),
            Role::NoiseWidth => Tensor::from_array((one(), vec![scales.noise_width]))?.into(),
        };
        inputs.push((Cow::Borrowed(&input.name), value));
    }
    Ok(inputs)
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

/// ONNX Runtime has no error code of its own for this.
fn is_out_of_memory<R>(error: &ort::Error<R>) -> bool {
    ["bad_alloc", "Failed to allocate memory", "bad allocation"].iter().any(|text| error.message().contains(text))
}

/// The start of an engine's message, which may have many lines.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("").chars().take(200).collect::<String>().trim_end_matches('.').to_owned()
}

#[cfg(test)]
#[allow(clippy::panic)]
#[path = "vits_tests.rs"]
mod tests;
