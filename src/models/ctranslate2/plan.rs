//! The shape of a whole model, and which rows of which variable are which tensor.

use super::super::check::ggml::{CheckError, Header, read_header};
use super::super::check::ggml_file::{MAGIC, Source, refuse};
use super::Weights;
use super::file::{Variable, Variables};
use std::io::{Cursor, Read, Seek};

/// More layers than whisper.cpp allows.
const MOST_LAYERS: u32 = 129;
/// What CTranslate2 can do and whisper.cpp does not: such a model would hear nonsense.
const FIXED: [(&str, i32); 4] = [("pre_norm", 1), ("activation", 3), ("alibi", 0), ("scale_embeddings", 0)];
const LINEAR: [&str; 2] = ["weight", "bias"];
const NORM: [&str; 2] = ["gamma", "beta"];

/// A tensor and where it comes from: one of so many equal parts of a variable's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) tensor: String,
    pub(super) variable: String,
    pub(super) part: u64,
    pub(super) parts: u64,
}

#[derive(Default)]
struct Steps(Vec<Step>);

impl Steps {
    fn one(&mut self, tensor: &str, variable: &str) {
        self.0.push(Step { tensor: tensor.to_owned(), variable: variable.to_owned(), part: 0, parts: 1 });
    }

    /// Weight and bias. whisper's keys have no bias. Where CTranslate2 stacks one for them, it is nothing: a key's bias adds the
    /// same to all scores of a query, and changes no attention.
    fn two(&mut self, tensor: &str, variable: &str, names: [&str; 2], part: u64, parts: u64) {
        for (end, name) in LINEAR.into_iter().zip(names).filter(|(end, _)| *end == "weight" || !tensor.ends_with(".key")) {
            self.0.push(Step { tensor: format!("{tensor}.{end}"), variable: format!("{variable}/{name}"), part, parts });
        }
    }

    fn layer(&mut self, side: &str, layer: u64) {
        let (to, from) = (format!("{side}.blocks.{layer}"), format!("{side}/layer_{layer}"));
        self.two(&format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"), NORM, 0, 1);
        self.two(&format!("{to}.mlp.0"), &format!("{from}/ffn/linear_0"), LINEAR, 0, 1);
        self.two(&format!("{to}.mlp.2"), &format!("{from}/ffn/linear_1"), LINEAR, 0, 1);
        self.two(&format!("{to}.attn_ln"), &format!("{from}/self_attention/layer_norm"), NORM, 0, 1);
        for (part, name) in [(0, "query"), (1, "key"), (2, "value")] {
            self.two(&format!("{to}.attn.{name}"), &format!("{from}/self_attention/linear_0"), LINEAR, part, 3);
        }
        self.two(&format!("{to}.attn.out"), &format!("{from}/self_attention/linear_1"), LINEAR, 0, 1);
        if side == "decoder" {
            self.two(&format!("{to}.cross_attn_ln"), &format!("{from}/attention/layer_norm"), NORM, 0, 1);
            self.two(&format!("{to}.cross_attn.query"), &format!("{from}/attention/linear_0"), LINEAR, 0, 1);
            self.two(&format!("{to}.cross_attn.key"), &format!("{from}/attention/linear_1"), LINEAR, 0, 2);
            self.two(&format!("{to}.cross_attn.value"), &format!("{from}/attention/linear_1"), LINEAR, 1, 2);
            self.two(&format!("{to}.cross_attn.out"), &format!("{from}/attention/linear_2"), LINEAR, 0, 1);
        }
    }
}

/// All tensors, in the order of OpenAI's checkpoint.
pub(super) fn steps(header: &Header) -> Vec<Step> {
    let mut all = Steps::default();
    all.one("decoder.positional_embedding", "decoder/position_encodings/encodings");
    all.one("encoder.positional_embedding", "encoder/position_encodings/encodings");
    all.one("decoder.token_embedding.weight", "decoder/embeddings/weight");
    (0..header.n_text_layer).for_each(|layer| all.layer("decoder", layer));
    all.two("decoder.ln", "decoder/layer_norm", NORM, 0, 1);
    all.two("encoder.conv1", "encoder/conv1", LINEAR, 0, 1);
    all.two("encoder.conv2", "encoder/conv2", LINEAR, 0, 1);
    (0..header.n_audio_layer).for_each(|layer| all.layer("encoder", layer));
    all.two("encoder.ln_post", "encoder/layer_norm", NORM, 0, 1);
    all.0
}

/// The ggml header of this model: its bytes, and what they mean, within the bounds that whisper.cpp can bear.
pub(super) fn header<R: Read + Seek>(file: &mut Variables<R>, weights: Weights) -> Result<(Vec<u8>, Header), CheckError> {
    for (side, (name, right)) in ["encoder", "decoder"].into_iter().flat_map(|side| FIXED.map(|fixed| (side, fixed))) {
        if let Some(other) = file.number(&format!("{side}/{name}"))?.filter(|value| *value != right) {
            return refuse(format!("it is not built like whisper (its {side}/{name} is {other}, not {right})"));
        }
    }
    let heads = [heads(file, "encoder")?, heads(file, "decoder")?];
    let [audio_state, mels] = [0, 1].map(|at| dim(file, "encoder/conv1/weight", at));
    let [text_ctx, text_state] = [0, 1].map(|at| dim(file, "decoder/position_encodings/encodings", at));
    let [audio_head, text_head] = heads;
    let figures = [
        dim(file, "decoder/embeddings/weight", 0)?,
        dim(file, "encoder/position_encodings/encodings", 0)?,
        audio_state?,
        audio_head,
        layers(file, "encoder"),
        text_ctx?,
        text_state?,
        text_head,
        layers(file, "decoder"),
        mels?,
        weights.number(),
    ];
    let bytes: Vec<u8> = MAGIC.into_iter().chain(figures.into_iter().flat_map(i32::to_le_bytes)).collect();
    let header = read_header(&mut Source::new(Cursor::new(&bytes))?)?;
    Ok((bytes, header))
}

/// The variable that must be there, and its first name.
pub(super) fn wanted<R: Read + Seek>(file: &Variables<R>, name: &str) -> Result<(String, Variable), CheckError> {
    match file.get(name) {
        Some((first, variable)) => Ok((first.to_owned(), variable.clone())),
        None => refuse(format!("its variable \"{name}\" is missing")),
    }
}

fn dim<R: Read + Seek>(file: &Variables<R>, name: &str, at: usize) -> Result<i32, CheckError> {
    let (_, variable) = wanted(file, name)?;
    // What does not fit is out of bounds anyway.
    Ok(variable.dims.get(at).map_or(0, |dim| i32::try_from(*dim).unwrap_or(i32::MAX)))
}

fn heads<R: Read + Seek>(file: &mut Variables<R>, side: &str) -> Result<i32, CheckError> {
    let name = format!("{side}/num_heads");
    file.number(&name)?.map_or_else(|| refuse(format!("its variable \"{name}\" is missing")), Ok)
}

fn layers<R: Read + Seek>(file: &Variables<R>, side: &str) -> i32 {
    let has = |layer: &u32| file.get(&format!("{side}/layer_{layer}/ffn/linear_0/weight")).is_some();
    (0..MOST_LAYERS).take_while(has).count() as i32
}
