//! What a VITS graph wants: its inputs by what they mean. Exporters name them differently.

use crate::models::check::onnx::{FLOAT, INT64, OnnxModel, Port};

/// The meaning of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// The inputs and the output of a VITS graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// All inputs.
    pub inputs: Vec<Input>,
    /// The name of the sound, f32, of any shape.
    pub output: String,
}

impl Graph {
    /// Finds the meaning of every input.
    ///
    /// # Errors
    /// Why it is no VITS voice, as a part of a sentence.
    pub fn of(model: &OnnxModel) -> Result<Self, String> {
        let mut inputs: Vec<Input> = Vec::with_capacity(model.inputs.len());
        for port in &model.inputs {
            let role = role(port).ok_or_else(|| format!("its graph wants \"{:.40}\", which is no input of a VITS voice", port.name))?;
            if inputs.iter().any(|input| input.role == role) {
                return Err("its graph wants the same thing twice".to_owned());
            }
            inputs.push(Input { name: port.name.clone(), role, scalar: port.shape.is_empty() });
        }
        let named = |port: &&Port| matches!(port.name.as_str(), "output" | "y" | "waveform" | "audio");
        let output = model.outputs.iter().find(named).or(model.outputs.first()).filter(|port| port.elem_type == FLOAT);
        let graph = Graph { inputs, output: output.ok_or("its graph gives no sound")?.name.clone() };
        match graph.has(Role::Ids) {
            true => Ok(graph),
            false => Err("its graph takes no symbols".to_owned()),
        }
    }

    /// Whether there is an input of this meaning.
    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.inputs.iter().any(|input| input.role == role)
    }
}

/// The meaning of an input by its name and element type: Piper's, sherpa-onnx's and Hugging Face's names.
fn role(port: &Port) -> Option<Role> {
    Some(match (port.name.as_str(), port.elem_type) {
        ("input" | "x" | "input_ids" | "tokens", INT64) => Role::Ids,
        ("input_lengths" | "x_length" | "x_lengths" | "input_length" | "tokens_lens", INT64) => Role::Length,
        ("attention_mask", INT64) => Role::Mask,
        ("scales", FLOAT) => Role::Scales,
        ("noise_scale", FLOAT) => Role::Noise,
        ("length_scale" | "alpha", FLOAT) => Role::LengthScale,
        ("noise_scale_w" | "noise_scale_dur" | "noise_w", FLOAT) => Role::NoiseWidth,
        ("sid" | "speaker_id", INT64) => Role::Speaker,
        _ => return None,
    })
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
