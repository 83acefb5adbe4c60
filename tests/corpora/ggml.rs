//! R2: ggml speech models (whisper) and voice activity models (Silero), whole and malformed.

use crate::draw::Draw;

/// A whole file, and where its numbers stand.
pub struct Built {
    pub bytes: Vec<u8>,
    /// Bytes before the first tensor's record or, for whisper, before the mel filters' data.
    pub header: usize,
    /// Where the number of words stands (whisper only).
    pub vocabulary: Option<usize>,
    /// Where the lengths of words stand.
    words: Vec<usize>,
    /// Where each tensor's record begins.
    pub tensors: Vec<usize>,
}

impl Built {
    fn ints(&mut self, values: &[i32]) {
        values.iter().for_each(|value| self.bytes.extend(value.to_le_bytes()));
    }

    /// `kind`: number in the file, values of a block, bytes of a block.
    fn tensor(&mut self, draw: &mut Draw, name: &str, dims: &[usize], kind: (i32, usize, usize)) {
        self.tensors.push(self.bytes.len());
        self.ints(&[dims.len() as i32, name.len() as i32, kind.0]);
        self.ints(&dims.iter().map(|dim| *dim as i32).collect::<Vec<_>>());
        self.bytes.extend(name.bytes());
        let len = dims.iter().product::<usize>() / kind.1 * kind.2;
        let fill = draw.any() as u8;
        self.bytes.resize(self.bytes.len() + len, fill);
    }

    fn read(&self, at: usize) -> i32 {
        i32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }
}

fn shuffled<T>(draw: &mut Draw, mut all: Vec<T>) -> Vec<T> {
    for place in (1..all.len()).rev() {
        all.swap(place, draw.below(place + 1));
    }
    all
}

const F32: (i32, usize, usize) = (0, 1, 4);
const F16: (i32, usize, usize) = (1, 1, 2);

/// A small whisper model of a random shape.
pub fn whisper(seed: u64) -> Built {
    let mut draw = Draw::new(seed);
    let (ftype, weights) = draw.of(&[(1, F16), (2008, (6, 32, 22)), (2009, (7, 32, 24)), (2002, (2, 32, 18))]);
    let (n, n_vocab, mels) = (draw.of(&[32, 64]), draw.of(&[51_864, 51_865, 51_866]), draw.of(&[80, 128]));
    let (audio, text) = (8 + draw.below(100), 32 + draw.below(100));
    let (encoder, decoder) = (1 + draw.below(2), 1 + draw.below(2));
    let mut file = Built { bytes: b"lmgg".to_vec(), header: 0, vocabulary: None, words: Vec::new(), tensors: Vec::new() };
    for value in [n_vocab, audio, n, 2, encoder, text, n, 2, decoder, mels, ftype, mels, 201] {
        file.ints(&[value as i32]);
    }
    file.header = file.bytes.len();
    file.bytes.resize(file.header + mels * 201 * 4, 0);
    file.vocabulary = Some(file.bytes.len());
    let words = ["!", " ", "hello", " world", "\u{e4}"];
    file.ints(&[words.len() as i32]);
    for word in words {
        file.words.push(file.bytes.len());
        file.ints(&[word.len() as i32]);
        file.bytes.extend(word.bytes());
    }
    let mut all = vec![
        ("encoder.positional_embedding".to_owned(), vec![n, audio], F32),
        ("encoder.conv1.weight".into(), vec![3, mels, n], F16),
        ("encoder.conv1.bias".into(), vec![1, n], F32),
        ("encoder.conv2.weight".into(), vec![3, n, n], F16),
        ("encoder.conv2.bias".into(), vec![1, n], F32),
        ("decoder.positional_embedding".into(), vec![n, text], F32),
        ("decoder.token_embedding.weight".into(), vec![n, n_vocab], weights),
    ];
    let norm = |all: &mut Vec<_>, name: String| {
        all.push((format!("{name}.weight"), vec![n], F32));
        all.push((format!("{name}.bias"), vec![n], F32));
    };
    norm(&mut all, "encoder.ln_post".into());
    norm(&mut all, "decoder.ln".into());
    for (side, layers, attentions) in [("encoder", encoder, &["attn"][..]), ("decoder", decoder, &["attn", "cross_attn"])] {
        for block in (0..layers).map(|layer| format!("{side}.blocks.{layer}")) {
            for attention in attentions {
                for part in ["query", "key", "value", "out"] {
                    all.push((format!("{block}.{attention}.{part}.weight"), vec![n, n], weights));
                    if part != "key" {
                        all.push((format!("{block}.{attention}.{part}.bias"), vec![n], F32));
                    }
                }
                norm(&mut all, format!("{block}.{attention}_ln"));
            }
            all.push((format!("{block}.mlp.0.weight"), vec![n, 4 * n], weights));
            all.push((format!("{block}.mlp.0.bias"), vec![4 * n], F32));
            all.push((format!("{block}.mlp.2.weight"), vec![4 * n, n], weights));
            all.push((format!("{block}.mlp.2.bias"), vec![n], F32));
            norm(&mut all, format!("{block}.mlp_ln"));
        }
    }
    for (name, dims, kind) in shuffled(&mut draw, all) {
        file.tensor(&mut draw, &name, &dims, kind);
    }
    file
}

/// A voice activity model of the published shape.
pub fn vad(seed: u64) -> Built {
    let mut draw = Draw::new(seed);
    let mut file = Built { bytes: b"lmgg".to_vec(), header: 0, vocabulary: None, words: Vec::new(), tensors: Vec::new() };
    file.ints(&[10]);
    file.bytes.extend(b"silero-16k");
    let version = draw.of(&[[5, 1, 2], [6, 2, 0], [6, 0, 0]]);
    file.ints(&version);
    file.ints(&[512, 64, 4, 129, 128, 3, 128, 64, 3, 64, 64, 3, 64, 128, 3, 128, 128, 128, 1]);
    file.header = file.bytes.len();
    let mut all = vec![
        ("stft.forward_basis_buffer", vec![256, 1, 258], F16),
        ("decoder.rnn.weight_ih", vec![128, 512], F32),
        ("decoder.rnn.weight_hh", vec![128, 512], F32),
        ("decoder.rnn.bias_ih", vec![512], F32),
        ("decoder.rnn.bias_hh", vec![512], F32),
        ("decoder.decoder.2.weight", vec![128], F16),
        ("decoder.decoder.2.bias", vec![], F32),
    ];
    all.extend([
        ("encoder.0.reparam_conv.weight", vec![3, 129, 128], F16),
        ("encoder.0.reparam_conv.bias", vec![128], F32),
        ("encoder.1.reparam_conv.weight", vec![3, 128, 64], F16),
        ("encoder.1.reparam_conv.bias", vec![64], F32),
        ("encoder.2.reparam_conv.weight", vec![3, 64, 64], F16),
        ("encoder.2.reparam_conv.bias", vec![64], F32),
        ("encoder.3.reparam_conv.weight", vec![3, 64, 128], F16),
        ("encoder.3.reparam_conv.bias", vec![128], F32),
    ]);
    for (name, dims, kind) in shuffled(&mut draw, all) {
        file.tensor(&mut draw, &format!("_model.{name}"), &dims, kind);
    }
    file
}

/// Numbers of dimensions that make whisper.cpp write past its stack.
const N_DIMS: [i32; 6] = [-1, 0, 5, 64, i32::MAX, i32::MIN];
/// Sizes that no vocabulary has.
const VOCABULARIES: [i32; 9] = [-1, 0, 1, 51_863, 51_867, 100_000, 1 << 24, i32::MAX, i32::MIN];

/// Hands over every malformed file of a kind with a few words that say how it is malformed.
pub fn malformed(build: fn(u64) -> Built, mut hand: impl FnMut(String, &[u8])) {
    // The numbers of the structure.
    let file = build(1);
    let mut set = |file: &Built, at: usize, value: i32, what: String| {
        if file.read(at) == value {
            return;
        }
        let mut bytes = file.bytes.clone();
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        hand(format!("{what} is {value}"), &bytes);
    };
    let ints =
        if file.vocabulary.is_some() { (4..file.header).step_by(4).collect::<Vec<_>>() } else { (18..file.header).step_by(4).collect() };
    for at in ints {
        // Any version of Silero's is a version.
        let version = file.vocabulary.is_none() && at < 30;
        for value in [-1, 0, i32::MAX, i32::MIN].into_iter().filter(|value| !version || *value != 0) {
            set(&file, at, value, format!("the header's number at byte {at}"));
        }
    }
    set(&file, 4, -1, "the first number".into());
    if let Some(vocabulary) = file.vocabulary {
        for size in VOCABULARIES {
            set(&file, 4, size, "the vocabulary's size in the header".into());
            set(&file, vocabulary, size, "the number of words".into());
        }
        for at in &file.words {
            for length in [-1, 1025, i32::MAX] {
                set(&file, *at, length, format!("the length of the word at byte {at}"));
            }
        }
    }
    let mut draw = Draw::new(7);
    for round in 0..8 {
        let file = build(round);
        let at = file.tensors[draw.below(file.tensors.len())];
        N_DIMS.into_iter().filter(|n| *n != file.read(at)).for_each(|n| set(&file, at, n, format!("n_dims of the tensor at byte {at}")));
        for length in [-1, 0, 129, 1 << 20, i32::MAX] {
            set(&file, at + 4, length, format!("the length of the name at byte {at}"));
        }
        for kind in [-1, 3, 39, i32::MAX] {
            set(&file, at + 8, kind, format!("the type of the tensor at byte {at}"));
        }
        if file.read(at) > 0 {
            for dim in [-1, 0, file.read(at + 12) + 1, i32::MAX] {
                set(&file, at + 12, dim, format!("a dimension of the tensor at byte {at}"));
            }
        }
    }
    // Cut at every byte of the header, of the vocabulary's beginning and of a tensor's record, and anywhere.
    let mut cuts: Vec<usize> = (0..=file.header).collect();
    cuts.extend(file.vocabulary.into_iter().flat_map(|at| at..at + 30));
    cuts.extend(file.tensors[1]..file.tensors[1] + 12);
    cuts.extend((0..20).map(|_| draw.below(file.bytes.len())));
    for cut in cuts {
        hand(format!("cut at byte {cut} of {}", file.bytes.len()), &file.bytes[..cut]);
    }
    // A tensor too many, too few, or of another name.
    let last = file.tensors[file.tensors.len() - 1];
    hand("without its last tensor".into(), &file.bytes[..last]);
    hand("with its last tensor twice".into(), &[&file.bytes, &file.bytes[last..]].concat());
    hand("with a byte too many".into(), &[&file.bytes[..], &[0]].concat());
    let mut renamed = file.bytes.clone();
    let name = last + 12 + 4 * file.read(last) as usize;
    renamed[name] ^= 1;
    hand("with a tensor of another name".into(), &renamed);
    for magic in [*b"GGUF", *b"ggml", *b"PK\x03\x04", [0; 4]] {
        hand(format!("with the first bytes {magic:?}"), &[&magic, &file.bytes[4..]].concat());
    }
}
