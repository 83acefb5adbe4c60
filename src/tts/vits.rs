//! VITS voices by ONNX Runtime: Piper's (espeak phonemes or letters, one or several speakers), those with a lexicon, and
//! letter-based ones (MMS).
//!
//! Sound comes out as the graph makes it, not scaled to its peak: so the level is even from clause to clause.

use super::chars::CharTable;
use super::facts::Facts;
use super::front::{Front, Symbols};
use super::graph::{Graph, Role};
use super::lexicon::Lexicon;
use super::load::{Body, VoiceFile};
use super::piper::{PiperConfig, Scales};
use super::sentences::{Manner, SentenceVoice};
use super::session::{failed, inputs, refused, watched};
use super::tokens::Tokens;
use super::words::Words;
use super::{SynthesisError, VoiceOptions, wishes};
use crate::config::paths;
use crate::models::check::onnx::{self, OnnxModel};
use crate::models::cut::GraphView;
use crate::turn::{CancelToken, Outcome};
use ort::session::RunOptions;
use std::path::Path;

/// Symbols that are spoken to compare the parts of a voice with the whole: over a second of sound.
const PROBE_SYMBOLS: usize = 48;

/// A loaded voice.
#[derive(Debug)]
pub struct VitsVoice {
    body: Body,
    graph: Graph,
    manner: Manner,
}

/// What was read and found to fit together.
struct Checked {
    bytes: Vec<u8>,
    graph: Graph,
    front: Front,
    sample_rate: u32,
}

impl Checked {
    fn of(path: &Path) -> Result<Self, SynthesisError> {
        if !path.exists() {
            return Err(SynthesisError::VoiceMissing(path.to_path_buf()));
        }
        let corrupt = |reason: String| SynthesisError::VoiceCorrupt { path: path.to_path_buf(), reason };
        let (bytes, model) = onnx::read(path).map_err(|fault| corrupt(fault.to_string()))?;
        let mut graph = Graph::of(&model).map_err(corrupt)?;
        if let Ok(view) = GraphView::of(&bytes) {
            graph = graph.with_rows(&view, &model);
        }
        let front = Front::beside(path, &model, &graph).map_err(corrupt)?;
        front.fits(&graph, &model).map_err(corrupt)?;
        let sample_rate = front.sample_rate().ok_or_else(|| corrupt("its graph does not say its sample rate".to_owned()))?;
        Ok(Checked { bytes, graph, front, sample_rate })
    }
}

impl VitsVoice {
    /// Loads `voice.onnx` with `voice.onnx.json` (Piper), `tokens.txt` and `lexicon.txt` (words), or `tokens.txt` (letters) beside it.
    /// 1 or 2 `threads`.
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
        let Checked { bytes, graph, front, sample_rate } = Checked::of(path)?;
        let (scales, speakers) = (front.scales(), front.speakers());
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let file = VoiceFile {
            bytes: &bytes,
            graph: &graph,
            rate: sample_rate,
            threads,
            name: &name,
            probe: front.probe(PROBE_SYMBOLS),
            speaker: speakers.1.saturating_add(speakers.0).saturating_sub(1),
        };
        let body = file.load(cache).map_err(|failure| refused(path, failure))?;
        let engine = front.engine();
        Ok(VitsVoice { body, graph, manner: Manner { front, scales, speakers, sample_rate, name, engine } })
    }

    /// Looks at the graph and what stands beside it, without an engine.
    ///
    /// # Errors
    /// [`SynthesisError::VoiceMissing`] and [`SynthesisError::VoiceCorrupt`].
    pub fn check(path: &Path) -> Result<(), SynthesisError> {
        Checked::of(path).map(|_| ())
    }

    /// Whether it is spoken in pieces.
    #[must_use]
    pub fn is_streamed(&self) -> bool {
        matches!(self.body, Body::Streamed(_))
    }

    /// How many speakers it has.
    #[must_use]
    pub fn speakers(&self) -> u32 {
        self.manner.speakers.0
    }

    /// The scales that the options lead to.
    #[must_use]
    pub fn scales(&self, options: &VoiceOptions) -> Scales {
        wishes::scales(self.manner.scales, options)
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
        self.run(&ids.to_vec().into(), scales, speaker, cancel, on_piece)
    }
}

impl SentenceVoice for VitsVoice {
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
        let failed = |error: ort::Error| failed(&self.manner.name, &error);
        let inputs = inputs(&self.graph, symbols, scales, speaker).map_err(failed)?;
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
}

impl Front {
    /// Reads what stands beside a VITS graph.
    fn beside(path: &Path, model: &OnnxModel, graph: &Graph) -> Result<Self, String> {
        let config = path.with_added_extension("json");
        let (tokens, lexicon) = (path.with_file_name("tokens.txt"), path.with_file_name("lexicon.txt"));
        if config.exists() || !tokens.exists() {
            return match lexicon.exists() && !config.exists() {
                true => Err("its tokens.txt is missing".to_owned()),
                false => Ok(Front::Piper(Box::new(PiperConfig::read(&config)?))),
            };
        }
        if !lexicon.exists() {
            return Ok(Front::Chars(CharTable::read(&tokens, &model.metadata)?));
        }
        let (tokens, facts) = (Tokens::read(&tokens)?, Facts::of(&model.metadata)?);
        let tones = graph.has(Role::Tones);
        Ok(Front::Words(Box::new(Words::new(Lexicon::read(&lexicon, &tokens, tones)?, tokens, facts, tones))))
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
#[path = "vits_tests.rs"]
mod tests;
