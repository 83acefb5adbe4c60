//! A voice in parts: the text side runs once a sentence, flow and vocoder run piece by piece.
//!
//! Pieces overlap: the vocoder gets [`VOCODER_CONTEXT`] frames more on each side than are wanted and their samples are thrown
//! away, the flow [`FLOW_CONTEXT`]. With these the pieces equal the full pass but for rounding (3e-7 of the peak), so there is
//! nothing to fade and no seam to hear. Whether it holds for a voice is found out before it is used (`verdict.rs`).

use super::pace::Pace;
use super::seams::Parts;
use super::session::{Failure, NamedInputs, open_part};
use crate::clock;
use crate::turn::{CancelToken, Outcome};
use ort::session::{NoSelectedOutputs, RunOptions, Session};
use ort::value::TensorRef;
use std::borrow::Cow;

/// Frames on each side on which a frame's samples depend: HiFi-GAN with the kernels of all of Piper's qualities reaches 12.
const VOCODER_CONTEXT: usize = 12;
/// Frames on each side on which a frame's latent depends: 4 couplings of 4 layers with a kernel of 5.
const FLOW_CONTEXT: usize = 32;
/// Most samples of a frame; Piper's voices have 256.
const MAX_HOP: usize = 4_096;

/// A tensor at a seam.
#[derive(Clone, Debug)]
struct Carried {
    name: String,
    dims: Vec<i64>,
    values: Vec<f32>,
}

impl Carried {
    fn last(&self) -> usize {
        self.dims.last().map_or(0, |dim| usize::try_from(*dim).unwrap_or(0))
    }

    /// The frames `from..to` of the last axis, when that axis has `frames`; else (a speaker's share) all of it.
    fn window(&self, frames: usize, from: usize, to: usize) -> (Vec<i64>, Cow<'_, [f32]>) {
        if self.last() != frames || (from, to) == (0, frames) {
            return (self.dims.clone(), Cow::Borrowed(&self.values));
        }
        let mut dims = self.dims.clone();
        if let Some(last) = dims.last_mut() {
            *last = i64::try_from(to - from).unwrap_or(0);
        }
        (dims, self.values.chunks_exact(frames.max(1)).flat_map(|row| row.get(from..to).unwrap_or_default()).copied().collect())
    }
}

/// A part with its session.
#[derive(Debug)]
struct Stage {
    session: Session,
    /// Names of the tensors at its seam.
    takes: Vec<String>,
    gives: String,
}

impl Stage {
    /// Runs on a window of frames; the dimensions and values of what it gives.
    fn run(
        &mut self,
        carried: &[Carried],
        frames: usize,
        (from, to): (usize, usize),
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ort::Result<(Vec<i64>, Vec<f32>)> {
        let windows: Vec<_> =
            carried.iter().filter(|c| self.takes.contains(&c.name)).map(|c| (c.name.as_str(), c.window(frames, from, to))).collect();
        let mut inputs: NamedInputs<'_> = Vec::with_capacity(windows.len());
        for (name, (dims, values)) in &windows {
            inputs.push((Cow::Borrowed(*name), TensorRef::from_array_view((dims.clone(), values.as_ref()))?.into()));
        }
        let outputs = self.session.run_with_options(inputs, options)?;
        let value = outputs.get(&self.gives).ok_or_else(|| ort::Error::new("a part gives nothing"))?;
        let (shape, values) = value.try_extract_tensor::<f32>()?;
        Ok((shape.to_vec(), values.to_vec()))
    }
}

/// A voice in parts, loaded.
#[derive(Debug)]
pub(super) struct Streamed {
    text: Session,
    gives: Vec<String>,
    flow: Option<Stage>,
    vocoder: Stage,
    /// Samples per second.
    rate: u32,
    pace: Pace,
}

impl Streamed {
    /// Loads the parts.
    pub(super) fn load(parts: Parts, rate: u32, threads: u32) -> Result<Self, Failure> {
        let stage = |part: crate::models::cut::Part| -> Result<Stage, Failure> {
            let gives = part.gives.first().cloned().unwrap_or_default();
            Ok(Stage { session: open_part(&part.file, threads)?, takes: part.takes, gives })
        };
        Ok(Streamed {
            vocoder: stage(parts.vocoder)?,
            flow: parts.flow.map(stage).transpose()?,
            text: open_part(&parts.text.file, threads)?,
            gives: parts.text.gives,
            rate,
            pace: Pace::default(),
        })
    }

    /// Speaks one sentence: pieces of samples as the graph makes them, in order.
    pub(super) fn speak(
        &mut self,
        inputs: NamedInputs<'_>,
        options: &RunOptions<NoSelectedOutputs>,
        cancel: &CancelToken,
        on_piece: &mut dyn FnMut(Vec<f32>),
    ) -> ort::Result<Outcome<()>> {
        let mut sentence = Sentence::of(self.text.run_with_options(inputs, options)?, &self.gives, self.flow.is_some())?;
        let (mut at, mut last, mut made, mut first) = (0, 0, 0usize, clock::now());
        while at < sentence.frames {
            if cancel.is_cancelled() {
                return Ok(Outcome::Cancelled);
            }
            let begin = clock::now();
            // The time of a frame is known after the first piece; 256 samples are what every Piper voice has.
            let frame = sentence.hop.unwrap_or(256) as f64 / f64::from(self.rate);
            let ahead = made as f64 / f64::from(self.rate) - begin.since(first).as_secs_f64();
            let count = self.pace.next(sentence.frames - at, ahead, last, frame);
            let samples = sentence.piece(at, at + count, self.flow.as_mut(), &mut self.vocoder, options)?;
            self.pace.learn(count, clock::now().since(begin).as_secs_f64(), frame);
            if at == 0 {
                first = clock::now();
            }
            (at, last, made) = (at + count, count, made + samples.len());
            on_piece(samples);
        }
        Ok(Outcome::Done(()))
    }

    /// As [`Streamed::speak`], in pieces of a given length: what the verdict is about.
    pub(super) fn speak_evenly(&mut self, inputs: NamedInputs<'_>, length: usize) -> ort::Result<Vec<f32>> {
        let options = RunOptions::new()?;
        let mut sentence = Sentence::of(self.text.run_with_options(inputs, &options)?, &self.gives, self.flow.is_some())?;
        let mut all = Vec::new();
        for at in (0..sentence.frames).step_by(length.max(1)) {
            let to = (at + length).min(sentence.frames);
            all.extend(sentence.piece(at, to, self.flow.as_mut(), &mut self.vocoder, &options)?);
        }
        Ok(all)
    }
}

/// What the text side made of one sentence.
struct Sentence {
    frames: usize,
    carried: Vec<Carried>,
    /// The latent so far, frames `0..latent_to`, row by row; of no use without a flow.
    latent: Vec<Vec<f32>>,
    latent_to: usize,
    /// Samples per frame, from the first piece on.
    hop: Option<usize>,
}

impl Sentence {
    fn of(outputs: ort::session::SessionOutputs<'_>, gives: &[String], has_flow: bool) -> ort::Result<Self> {
        let mut carried = Vec::with_capacity(gives.len());
        for name in gives {
            let value = outputs.get(name).ok_or_else(|| ort::Error::new("the text side gives nothing"))?;
            let (shape, values) = value.try_extract_tensor::<f32>()?;
            carried.push(Carried { name: name.clone(), dims: shape.to_vec(), values: values.to_vec() });
        }
        let frames = carried.first().map_or(0, Carried::last);
        let latent_to = if has_flow { 0 } else { frames };
        Ok(Sentence { frames, carried, latent: Vec::new(), latent_to, hop: None })
    }

    /// The samples of the frames `from..to`.
    fn piece(
        &mut self,
        from: usize,
        to: usize,
        flow: Option<&mut Stage>,
        vocoder: &mut Stage,
        options: &RunOptions<NoSelectedOutputs>,
    ) -> ort::Result<Vec<f32>> {
        let (begin, end) = (from.saturating_sub(VOCODER_CONTEXT), (to + VOCODER_CONTEXT).min(self.frames));
        if let Some(flow) = flow {
            self.advance(end, flow, options)?;
            let latent = Carried {
                name: flow.gives.clone(),
                dims: vec![1, self.latent.len() as i64, (end - begin) as i64],
                values: self.latent.iter().flat_map(|row| row.get(begin..end).unwrap_or_default()).copied().collect(),
            };
            // What was the latent's window before is replaced; the rest is sliced by the stage, whose frames are the same.
            self.carried.retain(|carried| carried.name != latent.name);
            self.carried.push(latent);
        }
        let (_, samples) = vocoder.run(&self.carried, self.frames, (begin, end), options)?;
        let hop = samples.len() / (end - begin).max(1);
        if hop == 0 || hop > MAX_HOP || hop * (end - begin) != samples.len() || self.hop.is_some_and(|known| known != hop) {
            return Err(ort::Error::new("the vocoder gives no whole number of samples for a frame"));
        }
        self.hop = Some(hop);
        Ok(samples.get((from - begin) * hop..(to - begin) * hop).unwrap_or_default().to_vec())
    }

    /// Makes the latent up to the frame `to`.
    fn advance(&mut self, to: usize, flow: &mut Stage, options: &RunOptions<NoSelectedOutputs>) -> ort::Result<()> {
        if to <= self.latent_to {
            return Ok(());
        }
        let (begin, end) = (self.latent_to.saturating_sub(FLOW_CONTEXT), (to + FLOW_CONTEXT).min(self.frames));
        let (dims, values) = flow.run(&self.carried, self.frames, (begin, end), options)?;
        let width = end - begin;
        if dims.len() != 3 || dims.first() != Some(&1) || dims.last().copied() != i64::try_from(width).ok() {
            return Err(ort::Error::new("the flow gives another number of frames than it was given"));
        }
        self.latent.resize(values.len() / width.max(1), Vec::new());
        for (row, new) in self.latent.iter_mut().zip(values.chunks_exact(width.max(1))) {
            row.extend_from_slice(new.get(self.latent_to - begin..to - begin).unwrap_or_default());
        }
        self.latent_to = to;
        Ok(())
    }
}

#[cfg(test)]
#[path = "streamed_tests.rs"]
mod tests;
