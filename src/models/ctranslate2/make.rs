//! Small whole models of CTranslate2, for tests and for fuzzing: one layer on each side, 32 wide.

/// Width, mel bands, positions, tokens.
pub const WIDTH: usize = 32;
pub const BANDS: usize = 80;
pub const TOKENS: usize = 51_864;
const AUDIO_CTX: usize = 8;
const TEXT_CTX: usize = 32;

/// A variable as it will be written.
#[derive(Clone, Debug)]
pub struct Made {
    pub name: String,
    pub dims: Vec<u32>,
    pub kind: u8,
    pub data: Vec<u8>,
}

/// A model whose parts can be changed before it is written.
#[derive(Clone, Debug)]
pub struct Model {
    pub version: u32,
    pub revision: u32,
    pub variables: Vec<Made>,
    pub second_names: Vec<(String, String)>,
}

/// The value at this place of a variable: a multiple of 1/64, so that 16 bits hold it exactly.
pub fn value(name: &str, at: usize) -> f32 {
    let seed = name.bytes().fold(7_usize, |seed, byte| seed.wrapping_mul(31).wrapping_add(usize::from(byte)));
    (seed.wrapping_add(at.wrapping_mul(2_654_435_761)) >> 7 & 127) as f32 / 64.0 - 1.0
}

/// The 16 bits of such a value.
fn half(value: f32) -> u16 {
    let bits = value.to_bits();
    let magnitude = if value == 0.0 { 0 } else { ((bits >> 23 & 0xff) - 112) << 10 | (bits >> 13 & 0x3ff) };
    (bits >> 16 & 0x8000 | magnitude) as u16
}

/// What 8 bits keep of a row and the factor for it, as CTranslate2 computes them.
fn eight(row: &[f32]) -> (Vec<u8>, f32) {
    let most = row.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = 127.0 / most;
    (row.iter().map(|value| (value * scale).round() as i8 as u8).collect(), scale)
}

impl Model {
    /// A model with large weights in this type: 0 f32, 1 i8, 4 f16; the rest is f16, beside f32 weights f32.
    pub fn of(kind: u8) -> Model {
        let mut model = Model { version: 6, revision: 3, variables: Vec::new(), second_names: Vec::new() };
        model.second_names.push(("decoder/projection/weight".into(), "decoder/embeddings/weight".into()));
        for side in ["encoder", "decoder"] {
            let positions = if side == "encoder" { AUDIO_CTX } else { TEXT_CTX };
            model.put(&format!("{side}/position_encodings/encodings"), &[positions, WIDTH], if kind == 0 { 0 } else { 4 });
            model.variables.push(Made { name: format!("{side}/num_heads"), dims: vec![], kind: 2, data: vec![2, 0] });
            model.norm(&format!("{side}/layer_norm"), kind);
            let layer = format!("{side}/layer_0");
            model.norm(&format!("{layer}/ffn/layer_norm"), kind);
            model.linear(&format!("{layer}/ffn/linear_0"), 4 * WIDTH, WIDTH, kind);
            model.linear(&format!("{layer}/ffn/linear_1"), WIDTH, 4 * WIDTH, kind);
            model.norm(&format!("{layer}/self_attention/layer_norm"), kind);
            model.linear(&format!("{layer}/self_attention/linear_0"), 3 * WIDTH, WIDTH, kind);
            model.linear(&format!("{layer}/self_attention/linear_1"), WIDTH, WIDTH, kind);
        }
        model.norm("decoder/layer_0/attention/layer_norm", kind);
        for (number, rows) in [(0, WIDTH), (1, 2 * WIDTH), (2, WIDTH)] {
            model.linear(&format!("decoder/layer_0/attention/linear_{number}"), rows, WIDTH, kind);
        }
        model.put("decoder/embeddings/weight", &[TOKENS, WIDTH], kind);
        model.variables.push(Made { name: "decoder/pre_norm".into(), dims: vec![], kind: 1, data: vec![1] });
        model.variables.push(Made { name: "decoder/activation".into(), dims: vec![], kind: 1, data: vec![3] });
        for (number, columns) in [(1, BANDS), (2, WIDTH)] {
            model.put(&format!("encoder/conv{number}/weight"), &[WIDTH, columns, 3], kind);
            model.put(&format!("encoder/conv{number}/bias"), &[WIDTH], if kind == 0 { 0 } else { 4 });
        }
        model
    }

    fn linear(&mut self, name: &str, rows: usize, columns: usize, kind: u8) {
        self.put(&format!("{name}/weight"), &[rows, columns], kind);
        self.put(&format!("{name}/bias"), &[rows], if kind == 0 { 0 } else { 4 });
    }

    fn norm(&mut self, name: &str, kind: u8) {
        for part in ["gamma", "beta"] {
            self.put(&format!("{name}/{part}"), &[WIDTH], if kind == 0 { 0 } else { 4 });
        }
    }

    fn put(&mut self, name: &str, dims: &[usize], kind: u8) {
        let count: usize = dims.iter().product();
        let values: Vec<f32> = (0..count).map(|at| value(name, at)).collect();
        let data = match kind {
            0 => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            4 => values.iter().flat_map(|value| half(*value).to_le_bytes()).collect(),
            _ => {
                let rows: Vec<(Vec<u8>, f32)> = values.chunks(count / dims[0]).map(eight).collect();
                let data = rows.iter().flat_map(|(_, scale)| scale.to_le_bytes()).collect();
                self.variables.push(Made { name: format!("{name}_scale"), dims: vec![dims[0] as u32], kind: 0, data });
                rows.into_iter().flat_map(|(bytes, _)| bytes).collect()
            }
        };
        self.variables.push(Made { name: name.into(), dims: dims.iter().map(|dim| *dim as u32).collect(), kind, data });
    }

    /// The variable of this name, to be changed.
    pub fn get(&mut self, name: &str) -> &mut Made {
        self.variables.iter_mut().find(|made| made.name == name).unwrap()
    }

    /// The bytes of `model.bin`.
    pub fn bytes(&self) -> Vec<u8> {
        self.parts().concat()
    }

    /// The same in the parts that have a meaning: what stands before the variables, then of each its record and its data, then
    /// the second names.
    pub fn parts(&self) -> Vec<Vec<u8>> {
        let name = |name: &str| [&(name.len() as u16 + 1).to_le_bytes()[..], name.as_bytes(), &[0]].concat();
        let number = |number: usize| (number as u32).to_le_bytes();
        let mut parts = vec![
            [&self.version.to_le_bytes()[..], &name("WhisperSpec"), &self.revision.to_le_bytes(), &number(self.variables.len())].concat(),
        ];
        for made in &self.variables {
            let dims: Vec<u8> = made.dims.iter().flat_map(|dim| dim.to_le_bytes()).collect();
            parts.push([&name(&made.name), &[made.dims.len() as u8][..], &dims, &[made.kind], &number(made.data.len())].concat());
            parts.push(made.data.clone());
        }
        let second: Vec<u8> = self.second_names.iter().flat_map(|(second, first)| [name(second), name(first)].concat()).collect();
        parts.push([&number(self.second_names.len())[..], &second].concat());
        parts
    }
}

/// The tokens of an English model, as `vocabulary.json` holds them.
pub fn vocabulary() -> Vec<String> {
    let word = |number: usize| match number {
        0 => "Ġ".to_owned(),
        1 => "åľº".to_owned(),
        50_256 => "<|endoftext|>".to_owned(),
        _ => format!("Ġw{number}"),
    };
    (0..TOKENS).map(word).collect()
}
