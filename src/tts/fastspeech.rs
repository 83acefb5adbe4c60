//! Voices of two ONNX files: an acoustic model (FastSpeech 2, Matcha-TTS) makes mel frames of symbols, a vocoder (HiFi-GAN) makes
//! samples of them. `hark-voice.toml` beside them says which file is what.

use super::SynthesisError;
use super::chars::CharTable;
use super::facts::Facts;
use super::front::{Front, Symbols};
use super::graph::{Graph, Kind, Role};
use super::lexicon::Lexicon;
use super::mandarin::Mandarin;
use super::piper::Scales;
use super::sentences::{Manner, SentenceVoice};
use super::session::{failed, inputs, open, refused, watched};
use super::tokens::Tokens;
use super::vocoder::{Mel, Vocoder, VocoderGraph};
use super::words::Words;
use crate::models::check::onnx::{self, OnnxModel};
use crate::models::cut::GraphView;
use crate::models::voice_files::VoiceFiles;
use crate::models::voice_toml::{Layout, Speed, SymbolKind, VoiceToml};
use crate::turn::{CancelToken, Outcome};
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use std::path::{Path, PathBuf};

/// Usual names of the acoustic model's output.
const MEL_NAMES: [&str; 6] = ["mel", "mel_postnet", "postnet", "mel_outputs", "logmel", "output"];

/// A loaded voice.
#[derive(Debug)]
pub struct MelVoice {
    session: Session,
    graph: Graph,
    manner: Manner,
    vocoder: Vocoder,
    layout: Layout,
    bands: usize,
}

/// What was read and found to fit together.
struct Checked {
    toml: VoiceToml,
    bytes: Vec<u8>,
    graph: Graph,
    front: Front,
    vocoder_path: PathBuf,
    vocoder_bytes: Vec<u8>,
    vocoder_graph: VocoderGraph,
}

impl Checked {
    fn of(files: &VoiceFiles) -> Result<Self, SynthesisError> {
        let corrupt = |path: &Path, reason: String| SynthesisError::VoiceCorrupt { path: path.to_path_buf(), reason };
        let path = files.onnx.as_path();
        let toml = VoiceToml::read(&files.config).map_err(|reason| corrupt(path, reason))?;
        let vocoder_path = path.with_file_name(&toml.vocoder);
        for (file, what) in [(path, "acoustic model"), (&vocoder_path, "vocoder")] {
            if !file.exists() {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                return Err(corrupt(path, format!("its {what} {name:.80} is missing")));
            }
        }
        let (bytes, model) = onnx::read(path).map_err(|fault| corrupt(path, fault.to_string()))?;
        let graph = acoustic_graph(&model, GraphView::of(&bytes).ok().as_ref(), &toml).map_err(|reason| corrupt(path, reason))?;
        let front = Front::described(path, &model, &graph, &toml).map_err(|reason| corrupt(path, reason))?;
        front.fits(&graph, &model).map_err(|reason| corrupt(path, reason))?;
        let (vocoder_bytes, vocoder_model) = onnx::read(&vocoder_path).map_err(|fault| corrupt(&vocoder_path, fault.to_string()))?;
        let vocoder_graph = VocoderGraph::of(&vocoder_model, GraphView::of(&vocoder_bytes).ok().as_ref(), &toml);
        let vocoder_graph = vocoder_graph.map_err(|reason| corrupt(&vocoder_path, reason))?;
        Ok(Checked { toml, bytes, graph, front, vocoder_path, vocoder_bytes, vocoder_graph })
    }
}

impl MelVoice {
    /// Loads a voice. 1 or 2 `threads`.
    ///
    /// # Errors
    /// [`SynthesisError`], except for `Engine`.
    pub fn load(files: &VoiceFiles, threads: u32) -> Result<Self, SynthesisError> {
        let Checked { toml, bytes, graph, front, vocoder_path, vocoder_bytes, vocoder_graph } = Checked::of(files)?;
        let path = files.onnx.as_path();
        let session = open(&bytes, threads).map_err(|failure| refused(path, failure))?;
        drop(bytes);
        let vocoder = Vocoder::load(&vocoder_path, &vocoder_bytes, vocoder_graph, threads)?;
        let folder = std::path::absolute(path).ok().and_then(|path| Some(path.parent()?.file_name()?.to_string_lossy().into_owned()));
        Ok(MelVoice {
            session,
            graph,
            vocoder,
            layout: toml.acoustic_layout,
            bands: toml.bands as usize,
            manner: Manner {
                scales: front.scales(),
                speakers: front.speakers(),
                front,
                sample_rate: toml.sample_rate,
                name: folder.unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned()),
                engine: toml.kind.name(),
            },
        })
    }

    /// Looks at all files, without an engine.
    ///
    /// # Errors
    /// [`SynthesisError::VoiceCorrupt`].
    pub fn check(files: &VoiceFiles) -> Result<(), SynthesisError> {
        Checked::of(files).map(|_| ())
    }

    /// Whether its vocoder works on pieces of a sentence.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        self.vocoder.is_streamed()
    }

    /// How many speakers it has.
    #[must_use]
    pub fn speakers(&self) -> u32 {
        self.manner.speakers.0
    }

    fn mel(
        &mut self,
        symbols: &Symbols,
        scales: Scales,
        speaker: u32,
        options: &RunOptions<NoSelectedOutputs>,
    ) -> Result<Mel, SynthesisError> {
        let failed = |error: ort::Error| failed(&self.manner.name, &error);
        let inputs = inputs(&self.graph, symbols, scales, speaker).map_err(failed)?;
        let outputs = self.session.run_with_options(inputs, options).map_err(failed)?;
        let nothing = || SynthesisError::Engine("its acoustic model gives nothing".to_owned());
        let (dims, values) = outputs.get(&self.graph.output).ok_or_else(nothing)?.try_extract_tensor::<f32>().map_err(failed)?;
        Mel::of(dims, values, self.layout, self.bands).map_err(SynthesisError::Engine)
    }
}

impl SentenceVoice for MelVoice {
    fn manner(&self) -> &Manner {
        &self.manner
    }

    fn run(
        &mut self,
        symbols: &Symbols,
        scales: Scales,
        speaker: u32,
        cancel: &CancelToken,
        on_piece: &mut dyn FnMut(Vec<f32>),
    ) -> Result<Outcome<()>, SynthesisError> {
        if cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        let options = RunOptions::new().map_err(|error| failed(&self.manner.name, &error))?;
        let result = watched(cancel, &options, || {
            let mel = self.mel(symbols, scales, speaker, &options)?;
            self.vocoder.speak(&mel, &options, cancel, on_piece).map_err(|error| failed(&self.manner.name, &error))
        });
        if result.is_err() && cancel.is_cancelled() { Ok(Outcome::Cancelled) } else { result }
    }
}

/// What the acoustic model takes and gives.
fn acoustic_graph(model: &OnnxModel, view: Option<&GraphView<'_>>, toml: &VoiceToml) -> Result<Graph, String> {
    let speed = match toml.speed {
        Speed::Length => Role::LengthScale,
        Speed::Rate => Role::Rate,
    };
    let told = toml.speed_input.iter().chain(toml.inputs.keys());
    if let Some(name) = told.into_iter().find(|name| !model.inputs.iter().any(|input| input.name == **name)) {
        return Err(format!("its hark-voice.toml names the input \"{name:.40}\", which its acoustic model does not have"));
    }
    if let Some(name) = toml.mel_output.as_ref().filter(|name| !model.outputs.iter().any(|output| output.name == **name)) {
        return Err(format!("its hark-voice.toml names the output \"{name:.40}\", which its acoustic model does not have"));
    }
    let told = toml.inputs.iter().map(|(name, role)| (name.as_str(), *role));
    let named: Vec<(&str, Role)> = toml.speed_input.iter().map(|name| (name.as_str(), speed)).chain(told).collect();
    let chosen: Vec<&str> = toml.mel_output.iter().map(String::as_str).collect();
    let outputs = if chosen.is_empty() { &MEL_NAMES[..] } else { &chosen };
    let graph = Graph::of_kind(model, Kind { name: "an acoustic model", gives: "mel", outputs, named: &named, by_shape: true })?;
    Ok(match view {
        Some(view) => graph.with_rows(view, model),
        None => graph,
    })
}

impl Front {
    /// Reads what the description names.
    fn described(acoustic: &Path, model: &OnnxModel, graph: &Graph, toml: &VoiceToml) -> Result<Self, String> {
        let own = Facts::of(&model.metadata)?;
        if let Some(rate) = own.sample_rate.filter(|rate| *rate != toml.sample_rate) {
            return Err(format!("its acoustic model says {rate} Hz and its hark-voice.toml {} Hz", toml.sample_rate));
        }
        let facts = Facts {
            sample_rate: Some(toml.sample_rate),
            speakers: toml.speakers.max(own.speakers),
            add_blank: Some(toml.add_blank.or(own.add_blank).unwrap_or(false)),
            blank: if toml.blank_id == 0 { own.blank } else { i64::from(toml.blank_id) },
            language: if toml.language.is_empty() { own.language.clone() } else { toml.language.to_lowercase() },
            ..own
        };
        let tokens = Tokens::read(&acoustic.with_file_name(&toml.tokens))?;
        if let Some(SymbolKind::Pinyin) = toml.symbols {
            return Ok(Front::Mandarin(Box::new(Mandarin::new(tokens, facts)?)));
        }
        match (&toml.lexicon, &toml.espeak) {
            (Some(name), _) => {
                let tones = graph.has(Role::Tones);
                let lexicon = Lexicon::read(&acoustic.with_file_name(name), &tokens, tones)?;
                Ok(Front::Words(Box::new(Words::new(lexicon, tokens, facts, tones))))
            }
            (None, Some(espeak)) => Ok(Front::Phonemes(CharTable::with_facts(&tokens, facts)?, espeak.clone())),
            (None, None) => Ok(Front::Chars(CharTable::with_facts(&tokens, facts)?)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
#[path = "fastspeech_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "baker_tests.rs"]
mod baker_tests;
