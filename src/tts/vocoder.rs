//! A vocoder of its own file: mel frames to samples, piece by piece.
//!
//! HiFi-GAN (Kong et al. 2020) is convolutions only, so a piece with some frames more on each side gives the same samples as the
//! whole. How many are needed is tried out when it is loaded, with a made-up mel: 16 frames, then 24 and 48; a vocoder whose pieces
//! differ then from the full pass by more than −60 dB is run on whole sentences.

use super::pace::Pace;
use super::session::{NamedInputs, first_line, open, refused};
use super::{SynthesisError, verdict};
use crate::clock;
use crate::models::check::onnx::{FLOAT, OnnxModel};
use crate::models::cut::GraphView;
use crate::models::voice_toml::{Layout, VoiceToml};
use crate::turn::{CancelToken, Outcome};
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::value::Tensor;
use std::borrow::Cow;
use std::path::Path;

/// Frames on each side of a piece that are tried, the cheapest first. HiFi-GAN of all three sizes reaches 13, multi-band MelGAN 20.
const CONTEXTS: [usize; 3] = [16, 24, 48];
/// What is added to the made-up mel, which has logarithms as most vocoders take them (−9 to 0), until it sounds: some take values
/// around 0.
const LEVELS: [f32; 2] = [0.0, 4.5];
/// Most frames of a run: six minutes at 86 a second. A broken acoustic model could give any number.
const MAX_FRAMES: usize = 32_768;

/// Mel frames of a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mel {
    bands: usize,
    frames: usize,
    /// Band by band.
    values: Vec<f32>,
}

impl Mel {
    /// Takes what an acoustic model gave.
    ///
    /// # Errors
    /// Why it is no mel, as a part of a sentence.
    pub(super) fn of(dims: &[i64], values: &[f32], layout: Layout, bands: usize) -> Result<Self, String> {
        // Batches of one, as some exporters leave them.
        let inner: Vec<usize> = {
            let mut rest = dims;
            while let [1, inner @ ..] = rest
                && inner.len() >= 2
            {
                rest = inner;
            }
            rest.iter().map(|dim| usize::try_from(*dim).unwrap_or(0)).collect()
        };
        let wrong = || format!("its acoustic model gives the shape {dims:?} instead of {bands} bands of frames");
        let (rows, columns) = match inner[..] {
            [rows, columns] if rows.checked_mul(columns) == Some(values.len()) => (rows, columns),
            _ => return Err(wrong()),
        };
        let (own, frames) = if layout == Layout::BandsFirst { (rows, columns) } else { (columns, rows) };
        if own != bands {
            return Err(wrong());
        }
        if frames > MAX_FRAMES {
            return Err(format!("its acoustic model gives {frames} frames for a few words"));
        }
        let values = match layout {
            Layout::BandsFirst => values.to_vec(),
            Layout::FramesFirst => turned(values, bands),
        };
        Ok(Mel { bands, frames, values })
    }

    /// The frames `from..to` in a layout.
    fn window(&self, from: usize, to: usize, layout: Layout) -> Vec<f32> {
        let rows = self.values.chunks_exact(self.frames.max(1));
        let cut: Vec<f32> = rows.flat_map(|row| row.get(from..to).unwrap_or_default()).copied().collect();
        if layout == Layout::BandsFirst { cut } else { turned(&cut, to - from) }
    }

    /// A mel that moves like speech, the same each time.
    fn made_up(bands: usize, frames: usize) -> Self {
        let mut seed = 1u32;
        let mut value = -5.0f32;
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let target = -9.0 + 9.0 * (seed >> 8) as f32 / (1 << 24) as f32;
            value += 0.5 * (target - value);
            value
        };
        Mel { bands, frames, values: (0..bands * frames).map(|_| next()).collect() }
    }
}

/// Rows of `width` values become columns.
fn turned(values: &[f32], width: usize) -> Vec<f32> {
    let width = width.max(1);
    (0..width).flat_map(|column| values.iter().skip(column).step_by(width)).copied().collect()
}

/// What a vocoder's graph takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VocoderGraph {
    input: String,
    output: String,
    /// Its input has a batch.
    batch: bool,
    layout: Layout,
    bands: usize,
    hop: usize,
    rate: u32,
}

impl VocoderGraph {
    /// Whether a graph is a vocoder and fits what the voice's description says.
    ///
    /// # Errors
    /// Why not, as a part of a sentence.
    pub(super) fn of(model: &OnnxModel, view: Option<&GraphView<'_>>, toml: &VoiceToml) -> Result<Self, String> {
        let (bands, layout) = (toml.bands as usize, toml.vocoder_layout);
        let [input] = &model.inputs[..] else {
            return Err(format!("its vocoder takes {} inputs, and a vocoder takes only the mel", model.inputs.len()));
        };
        if input.elem_type != FLOAT || !matches!(input.shape.len(), 0 | 2 | 3) {
            return Err(format!("its vocoder takes \"{:.40}\", which is no mel", input.name));
        }
        let [output] = &model.outputs[..] else {
            return Err("its vocoder gives more than the sound".to_owned());
        };
        if output.elem_type != FLOAT {
            return Err("its vocoder gives no sound".to_owned());
        }
        let axis = input.shape.len().checked_sub(if layout == Layout::BandsFirst { 2 } else { 1 });
        let said = axis.and_then(|axis| input.shape.get(axis).copied().flatten());
        // The first convolution reads the bands, where the shape does not say them.
        let first = view.and_then(|view| {
            view.nodes.iter().find(|node| node.op == "Conv" && node.inputs.first() == Some(&input.name.as_str()))?.inputs.get(1).copied()
        });
        let read = first.and_then(|weight| model.initializers.get(weight)?.get(1).copied());
        if let Some(own) = said.or(read).filter(|own| usize::try_from(*own) != Ok(bands)) {
            return Err(format!("its vocoder takes {own} bands, and its hark-voice.toml says {bands}"));
        }
        let batch = input.shape.len() != 2;
        let (input, output) = (input.name.clone(), output.name.clone());
        Ok(VocoderGraph { input, output, batch, layout, bands, hop: toml.hop as usize, rate: toml.sample_rate })
    }
}

/// A loaded vocoder.
#[derive(Debug)]
pub(super) struct Vocoder {
    session: Session,
    graph: VocoderGraph,
    /// Frames on each side of a piece; `None`: it is run on whole sentences.
    context: Option<usize>,
    pace: Pace,
}

impl Vocoder {
    /// Loads it and finds out how it can be run. `path` is for errors.
    ///
    /// # Errors
    /// [`SynthesisError`], except for `Engine`.
    pub(super) fn load(path: &Path, bytes: &[u8], graph: VocoderGraph, threads: u32) -> Result<Self, SynthesisError> {
        let session = open(bytes, threads).map_err(|failure| refused(path, failure))?;
        let mut vocoder = Vocoder { session, graph, context: None, pace: Pace::default() };
        vocoder.context = vocoder.find_context().map_err(|reason| SynthesisError::VoiceCorrupt { path: path.to_path_buf(), reason })?;
        tracing::info!(voice = %path.display(), context = ?vocoder.context, "the vocoder was tried out");
        Ok(vocoder)
    }

    /// Whether it works on pieces.
    pub(super) fn is_streamed(&self) -> bool {
        self.context.is_some()
    }

    fn find_context(&mut self) -> Result<Option<usize>, String> {
        for context in CONTEXTS {
            // Two pieces, each with a full context on the side of the other and less than the whole.
            let frames = 2 * context + 8;
            let failed = |error: ort::Error| format!("its vocoder cannot be run ({})", first_line(error.message()));
            let options = RunOptions::new().map_err(failed)?;
            let mut difference = None;
            for level in LEVELS {
                let mut mel = Mel::made_up(self.graph.bands, frames);
                mel.values.iter_mut().for_each(|value| *value += level);
                self.context = None;
                let whole = self.piece(&mel, 0, frames, &options).map_err(failed)?;
                self.context = Some(context);
                let mut pieces = self.piece(&mel, 0, frames / 2, &options).map_err(failed)?;
                pieces.extend(self.piece(&mel, frames / 2, frames, &options).map_err(failed)?);
                difference = verdict::difference(&whole, &pieces);
                if difference.is_some() {
                    break;
                }
            }
            tracing::debug!(context, ?difference, "pieces of the vocoder");
            if verdict::is_good(difference) {
                return Ok(Some(context));
            }
        }
        Ok(None)
    }

    /// The samples of the frames `from..to`.
    fn piece(&mut self, mel: &Mel, from: usize, to: usize, options: &RunOptions<NoSelectedOutputs>) -> ort::Result<Vec<f32>> {
        let context = self.context.unwrap_or(mel.frames);
        let (begin, end) = (from.saturating_sub(context), (to + context).min(mel.frames));
        let VocoderGraph { input, output, batch, layout, bands, hop, .. } = &self.graph;
        let (bands, width) = (*bands as i64, (end - begin) as i64);
        let inner = if *layout == Layout::BandsFirst { [bands, width] } else { [width, bands] };
        let dims: Vec<i64> = batch.then_some(1).into_iter().chain(inner).collect();
        let values = Tensor::from_array((dims, mel.window(begin, end, *layout)))?;
        let inputs: NamedInputs<'_> = vec![(Cow::Borrowed(input.as_str()), values.into())];
        let outputs = self.session.run_with_options(inputs, options)?;
        let value = outputs.get(output).ok_or_else(|| ort::Error::new("it gives nothing"))?;
        let (_, samples) = value.try_extract_tensor::<f32>()?;
        if samples.len() != hop * (end - begin) {
            let reason = format!("it gives {} samples for {} frames, and {hop} for each are wanted", samples.len(), end - begin);
            return Err(ort::Error::new(reason));
        }
        Ok(samples.get((from - begin) * hop..(to - begin) * hop).unwrap_or_default().to_vec())
    }

    /// Makes the sound of a sentence: pieces in order, the first one soon. A cancel is seen between pieces.
    pub(super) fn speak(
        &mut self,
        mel: &Mel,
        options: &RunOptions<NoSelectedOutputs>,
        cancel: &CancelToken,
        on_piece: &mut dyn FnMut(Vec<f32>),
    ) -> ort::Result<Outcome<()>> {
        let frame = self.graph.hop as f64 / f64::from(self.graph.rate);
        let (mut at, mut last, mut first) = (0, 0, clock::now());
        while at < mel.frames {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let begin = clock::now();
            let ahead = at as f64 * frame - begin.since(first).as_secs_f64();
            let count = match self.context {
                Some(_) => self.pace.next(mel.frames - at, ahead, last, frame),
                None => mel.frames,
            };
            let samples = self.piece(mel, at, at + count, options)?;
            self.pace.learn(count, clock::now().since(begin).as_secs_f64(), frame);
            if at == 0 {
                first = clock::now();
            }
            (at, last) = (at + count, count);
            on_piece(samples);
        }
        Ok(Outcome::Done(()))
    }
}

#[cfg(test)]
#[path = "vocoder_tests.rs"]
mod tests;
