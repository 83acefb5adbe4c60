//! Where a VITS graph is cut: text side, flow and vocoder.
//!
//! VITS (Kim et al. 2021): the text encoder and the duration predictor give a prior for each frame; a sample of it goes
//! backwards through the flow and becomes the latent, and the vocoder (HiFi-GAN) makes samples of that. Flow and vocoder are
//! convolutions over the frames, so they can work on pieces of a sentence, given some frames of context on each side.

use crate::models::cut::{GraphView, Part};

/// Random draws of a graph that are looked at, the last ones.
const MOST_DRAWS: usize = 16;

/// A voice in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// From symbols to a value for each frame: the prior's sample, or the latent when the flow is in here.
    pub text: Part,
    /// From the prior's sample to the latent, for any window of frames.
    pub flow: Option<Part>,
    /// From the latent to samples, for any window of frames.
    pub vocoder: Part,
}

/// The ways in which a voice is cut, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In three: also the flow, more than half of what stands before the vocoder, works on pieces.
    Three,
    /// In two.
    Two,
}

impl Way {
    /// All, the best first.
    pub const ALL: [Way; 2] = [Way::Three, Way::Two];
}

/// Cuts a voice; `output` is the sound. `None` when the graph is not of this form.
#[must_use]
pub fn cut(view: &GraphView<'_>, output: &str, way: Way) -> Option<Parts> {
    let latent = latent(view)?;
    let behind = view.rest(latent, &[output])?;
    let sound = [output.to_owned()];
    let vocoder = view.tail(latent, &behind, &sound);
    let mut gives: Vec<String> = Vec::new();
    let mut flow = None;
    match way {
        Way::Two => gives.push(latent.to_owned()),
        Way::Three => {
            let prior = prior(view, latent)?;
            if behind.extra.iter().any(|extra| view.depends(extra, prior)) {
                return None;
            }
            let between = view.rest(prior, &[latent])?;
            flow = Some(view.tail(prior, &between, &[latent.to_owned()]));
            gives.push(prior.to_owned());
            gives.extend(between.extra);
        }
    }
    for extra in behind.extra {
        if !gives.contains(&extra) {
            gives.push(extra);
        }
    }
    Some(Parts { text: view.head(&gives)?, flow, vocoder })
}

/// What the first convolution of the vocoder reads.
fn latent<'a>(view: &GraphView<'a>) -> Option<&'a str> {
    let is_first = |name: &&str| name.ends_with("dec.conv_pre.weight") || name.ends_with("decoder.conv_pre.weight");
    let first = view.nodes.iter().find(|node| node.op == "Conv" && node.inputs.get(1).is_some_and(is_first))?;
    first.inputs.first().copied()
}

/// The prior's sample: mean + noise · deviation · scale. A draw that is only multiplied until it is added to something, and
/// that leads to the latent; the duration predictor's draw is split instead.
fn prior<'a>(view: &GraphView<'a>, latent: &str) -> Option<&'a str> {
    // VITS has two draws; each that is looked at costs a walk over the graph.
    let draws = view.nodes.iter().rev().filter(|node| node.op.starts_with("RandomNormal")).take(MOST_DRAWS);
    draws
        .filter_map(|draw| {
            let mut tensor: &'a str = draw.outputs.first()?;
            // Noise, deviation, scale: two products; a mask may be a third.
            for _ in 0..4 {
                let mut readers = view.nodes.iter().filter(|node| node.inputs.contains(&tensor));
                let reader = readers.next().filter(|_| readers.next().is_none())?;
                tensor = reader.outputs.first()?;
                match reader.op {
                    "Mul" => {}
                    "Add" => return view.depends(latent, tensor).then_some(tensor),
                    _ => return None,
                }
            }
            None
        })
        .next()
}
