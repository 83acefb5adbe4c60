//! What a voice's graph wants: its inputs by what they mean. Exporters name them differently.

use crate::models::check::onnx::{FLOAT, INT64, OnnxModel, Port};
use crate::models::cut::GraphView;
use crate::models::cut::graph::Node;
use serde::Deserialize;
use std::collections::HashSet;

/// ONNX's number for integers of 32 bits.
const INT32: i32 = 6;
/// Nodes between an input and the table that it is looked up in: a cast, a change of shape.
const LOOKUP_DEPTH: usize = 4;
/// Operators that leave the numbers as they are.
const STEPS: [&str; 6] = ["Cast", "Identity", "Unsqueeze", "Squeeze", "Reshape", "Clip"];

/// The meaning of an input. Where integers are said to be i64, some graphs take i32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Symbols, i64 `[1, n]`.
    Ids,
    /// How many symbols, i64 `[1]`.
    Length,
    /// Ones, i64 `[1, n]`.
    Mask,
    /// Noise, length and noise width, f32 `[3]`.
    Scales,
    /// Noise, f32 `[1]`.
    Noise,
    /// Length, f32 `[1]`.
    LengthScale,
    /// Noise width, f32 `[1]`.
    NoiseWidth,
    /// Number of the speaker, i64 `[1]`.
    Speaker,
    /// A tone for each symbol, i64 `[1, n]`.
    Tones,
    /// Speed: twice is twice as fast, f32 `[1]`.
    Rate,
    /// A factor that is left at 1 (pitch, energy), f32 `[1]`.
    One,
}

/// An input of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name in the graph.
    pub name: String,
    /// What it means.
    pub role: Role,
    /// It is a number without a shape.
    pub scalar: bool,
    /// Its integers have 32 bits.
    pub narrow: bool,
    /// Its numbers are looked up in a table of so many rows; `None` when that is not seen.
    pub rows: Option<i64>,
}

/// What kind of graph is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'a> {
    /// For people: "a VITS voice".
    pub name: &'a str,
    /// What it gives: "sound".
    pub gives: &'a str,
    /// Usual names of its output; the first output that has none of them is taken as well.
    pub outputs: &'a [&'a str],
    /// Inputs whose names the voice's own file explains.
    pub named: &'a [(&'a str, Role)],
    /// The only list of integers is the symbols, whatever it is called.
    pub by_shape: bool,
}

/// Symbols to sound.
pub const VITS: Kind<'static> =
    Kind { name: "a VITS voice", gives: "sound", outputs: &["output", "y", "waveform", "audio"], named: &[], by_shape: false };

/// The inputs and the output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// All inputs.
    pub inputs: Vec<Input>,
    /// The name of the sound, f32, of any shape.
    pub output: String,
}

impl Graph {
    /// Finds the meaning of every input of a VITS graph.
    ///
    /// # Errors
    /// Why it is no VITS voice, as a part of a sentence.
    pub fn of(model: &OnnxModel) -> Result<Self, String> {
        Self::of_kind(model, VITS)
    }

    /// Finds the meaning of every input of a graph.
    ///
    /// # Errors
    /// Why it is none of this kind, as a part of a sentence.
    pub fn of_kind(model: &OnnxModel, kind: Kind<'_>) -> Result<Self, String> {
        let mut inputs: Vec<Input> = Vec::with_capacity(model.inputs.len());
        let known = |port: &Port| {
            let named = kind.named.iter().find(|(name, _)| *name == port.name).map(|(_, role)| *role);
            named.filter(|role| type_of(*role) == wide(port.elem_type)).or_else(|| role(port))
        };
        let lists = |port: &&Port| wide(port.elem_type) == INT64 && matches!(port.shape[..], [_, None] | [_, Some(2..)]);
        let symbols = match &model.inputs.iter().filter(lists).collect::<Vec<_>>()[..] {
            [only] if kind.by_shape && known(only).is_none() => Some(only.name.as_str()),
            _ => None,
        };
        for port in &model.inputs {
            let role = known(port).or_else(|| (symbols == Some(port.name.as_str())).then_some(Role::Ids));
            let role = role.ok_or_else(|| format!("its graph wants \"{:.40}\", which is no input of {}", port.name, kind.name))?;
            if role != Role::One && inputs.iter().any(|input| input.role == role) {
                return Err("its graph wants the same thing twice".to_owned());
            }
            inputs.push(Input {
                name: port.name.clone(),
                role,
                scalar: port.shape.is_empty(),
                narrow: port.elem_type == INT32,
                rows: None,
            });
        }
        let named = |port: &&Port| kind.outputs.contains(&port.name.as_str());
        let output = model.outputs.iter().find(named).or(model.outputs.first()).filter(|port| port.elem_type == FLOAT);
        let output = output.ok_or_else(|| format!("its graph gives no {}", kind.gives))?.name.clone();
        let graph = Graph { inputs, output };
        match graph.has(Role::Ids) {
            true => Ok(graph),
            false => Err("its graph takes no symbols".to_owned()),
        }
    }

    /// Finds out how many rows the tables of symbols, tones and speakers have. A number beyond them would be an error of the engine
    /// in the middle of a sentence.
    #[must_use]
    pub fn with_rows(mut self, view: &GraphView<'_>, model: &OnnxModel) -> Self {
        for input in self.inputs.iter_mut().filter(|input| matches!(input.role, Role::Ids | Role::Tones | Role::Speaker)) {
            let mut tensors: HashSet<&str> = HashSet::from([input.name.as_str()]);
            for _ in 0..LOOKUP_DEPTH {
                let reads = |node: &&Node<'_>, place: usize| node.inputs.get(place).is_some_and(|tensor| tensors.contains(tensor));
                let lookups = view.nodes.iter().filter(|node| node.op == "Gather" && reads(node, 1));
                let tables = lookups.filter_map(|node| node.inputs.first());
                input.rows = tables.filter_map(|table| model.initializers.get(*table)?.first().copied()).min();
                let steps = view.nodes.iter().filter(|node| STEPS.contains(&node.op) && reads(node, 0));
                let next: HashSet<&str> = steps.flat_map(|node| node.outputs.iter().copied()).collect();
                if input.rows.is_some() || next.is_empty() {
                    break;
                }
                tensors = next;
            }
        }
        self
    }

    /// Rows of the table that the numbers of this input are looked up in, when it is known.
    #[must_use]
    pub fn rows(&self, role: Role) -> Option<i64> {
        self.inputs.iter().find(|input| input.role == role)?.rows
    }

    /// Whether there is an input of this meaning.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.inputs.iter().any(|input| input.role == role)
    }
}

/// The meaning of an input by its name and element type: Piper's, sherpa-onnx's and Hugging Face's names.
fn role(port: &Port) -> Option<Role> {
    Some(match (port.name.as_str(), wide(port.elem_type)) {
        ("input" | "x" | "input_ids" | "tokens" | "text" | "ids" | "phonemes", INT64) => Role::Ids,
        ("input_lengths" | "x_length" | "x_lengths" | "input_length" | "tokens_lens" | "text_lengths", INT64) => Role::Length,
        ("tones" | "tone", INT64) => Role::Tones,
        ("attention_mask", INT64) => Role::Mask,
        ("scales", FLOAT) => Role::Scales,
        ("noise_scale", FLOAT) => Role::Noise,
        ("length_scale" | "alpha" | "duration_control" | "d_control" | "speed_ratios", FLOAT) => Role::LengthScale,
        ("noise_scale_w" | "noise_scale_dur" | "noise_w", FLOAT) => Role::NoiseWidth,
        ("sid" | "speaker_id" | "speaker_ids" | "speaker" | "spk_id", INT64) => Role::Speaker,
        ("speed" | "rate", FLOAT) => Role::Rate,
        ("pitch_control" | "p_control" | "energy_control" | "e_control" | "f0_ratios" | "energy_ratios", FLOAT) => Role::One,
        _ => return None,
    })
}

/// The element type, integers of 32 bits taken for those of 64.
fn wide(elem_type: i32) -> i32 {
    if elem_type == INT32 { INT64 } else { elem_type }
}

/// The element type that an input of this meaning has.
fn type_of(role: Role) -> i32 {
    match role {
        Role::Ids | Role::Length | Role::Mask | Role::Speaker | Role::Tones => INT64,
        Role::Scales | Role::Noise | Role::LengthScale | Role::NoiseWidth | Role::Rate | Role::One => FLOAT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(inputs: &[(&str, i32)], output: i32) -> OnnxModel {
        let port = |name: &str, elem_type| Port { name: name.to_owned(), elem_type, shape: vec![None] };
        OnnxModel {
            inputs: inputs.iter().map(|(name, elem_type)| port(name, *elem_type)).collect(),
            outputs: vec![port("output", output)],
            ..OnnxModel::default()
        }
    }

    #[test]
    fn knows_the_names_of_three_exporters() {
        let piper = model(&[("input", INT64), ("input_lengths", INT64), ("scales", FLOAT), ("sid", INT64)], FLOAT);
        assert!(Graph::of(&piper).unwrap().has(Role::Speaker));
        let sherpa = [("x", INT64), ("x_length", INT64), ("noise_scale", FLOAT), ("length_scale", FLOAT), ("noise_scale_w", FLOAT)];
        assert!(Graph::of(&model(&sherpa, FLOAT)).unwrap().has(Role::NoiseWidth));
        assert!(Graph::of(&model(&[("input_ids", INT64), ("attention_mask", INT64)], FLOAT)).unwrap().has(Role::Mask));
    }

    #[test]
    fn other_graphs_are_refused_with_the_reason() {
        for (inputs, output, part) in [
            (vec![("input", FLOAT), ("sr", INT64), ("state", FLOAT)], FLOAT, "\"input\""),
            (vec![("sid", INT64)], FLOAT, "no symbols"),
            (vec![("input", INT64)], INT64, "no sound"),
            (vec![("input", INT64), ("x", INT64)], FLOAT, "twice"),
        ] {
            let reason = Graph::of(&model(&inputs, output)).unwrap_err();
            assert!(reason.contains(part), "{reason}");
        }
    }
}
