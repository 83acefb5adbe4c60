//! R1: chat models in GGUF with random keys and tensors, whole and damaged in the ways that llama.cpp's own test of its
//! reader (`test-gguf`) damages its files. The files here are whole chat models but for the one fault, so that a refusal can
//! only come from it.

use crate::draw::Draw;

/// A way to be wrong. The names are those of `test-gguf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    HeaderBadMagic,
    HeaderBadVersion0,
    HeaderBadVersion1,
    HeaderBadVersionFuture,
    HeaderBadNTensors,
    HeaderBadNKv,
    KvBadKeySize,
    KvEmptyKey,
    KvBadType,
    KvDuplicateKey,
    KvBadAlign,
    KvWrongTypeAlign,
    TensorsBadNameSize,
    TensorsBadNDims,
    TensorsBadShape,
    TensorsNeTooBig,
    TensorsNbytesTooBig,
    TensorsBadType,
    TensorsBadOffset,
    TensorsDuplicateName,
    TensorsBadAlign,
    TensorsInconsistentAlign,
    DataNotEnoughData,
    DataBadAlign,
    DataInconsistentAlign,
    DataMemSizeOverflow,
    /// llama.cpp takes tensors without values; no chat model has one, so they are refused here.
    TensorsZeroDim,
}

/// Each class with what must be in the sentence of its refusal.
pub const CLASSES: [(Class, &[&str]); 27] = {
    use Class::*;
    const CUT: &str = "ends too early";
    const ALIGN: &str = "alignment is not a power of two";
    const LARGE: &str = "larger than any file";
    [
        (HeaderBadMagic, &["not a GGUF file"]),
        (HeaderBadVersion0, &["version 0"]),
        (HeaderBadVersion1, &["version 1"]),
        (HeaderBadVersionFuture, &["version", "big-endian"]),
        (HeaderBadNTensors, &["it claims"]),
        (HeaderBadNKv, &["it claims"]),
        (KvBadKeySize, &[CUT, "bytes long"]),
        (KvEmptyKey, &["a key has no name"]),
        (KvBadType, &["has the unknown type"]),
        (KvDuplicateKey, &["is there twice"]),
        (KvBadAlign, &[ALIGN]),
        (KvWrongTypeAlign, &["not written as a 32-bit number"]),
        (TensorsBadNameSize, &["a tensor name is", CUT]),
        (TensorsBadNDims, &["dimensions"]),
        (TensorsBadShape, &["has a dimension of"]),
        (TensorsNeTooBig, &[LARGE, "has a dimension of"]),
        (TensorsNbytesTooBig, &[LARGE]),
        (TensorsBadType, &["which chat models do not use"]),
        (TensorsBadOffset, &["is not aligned", CUT, LARGE]),
        (TensorsDuplicateName, &["a tensor is there twice"]),
        (TensorsBadAlign, &[ALIGN]),
        (TensorsInconsistentAlign, &["is not aligned"]),
        (DataNotEnoughData, &[CUT]),
        (DataBadAlign, &[ALIGN]),
        (DataInconsistentAlign, &["is not aligned"]),
        (DataMemSizeOverflow, &["has a dimension of", LARGE, CUT]),
        (TensorsZeroDim, &["has a dimension of 0"]),
    ]
};

/// Value types by their number in the file, arrays (9) left out, and bytes of a value (0: a text).
const TYPES: [(u32, usize); 12] = [(0, 1), (1, 1), (2, 2), (3, 2), (4, 4), (5, 4), (6, 4), (7, 1), (8, 0), (10, 8), (11, 8), (12, 8)];
/// Tensor types: number, values of a block, bytes of a block.
const WEIGHTS: [(u32, u64, u64); 10] =
    [(0, 1, 4), (1, 1, 2), (2, 32, 18), (6, 32, 22), (8, 32, 34), (10, 256, 84), (12, 256, 144), (14, 256, 210), (20, 32, 18), (30, 1, 2)];

struct Tensor {
    name: String,
    kind: (u32, u64, u64),
    dims: Vec<u64>,
}

impl Tensor {
    fn bytes(&self) -> u64 {
        self.dims.iter().product::<u64>() / self.kind.1 * self.kind.2
    }
}

#[derive(Default)]
struct Out(Vec<u8>);

impl Out {
    fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    fn text(&mut self, text: impl AsRef<[u8]>) {
        self.u64(text.as_ref().len() as u64);
        self.0.extend(text.as_ref());
    }

    fn pad(&mut self, to: u64) {
        self.0.resize(self.0.len().next_multiple_of(to as usize), 0);
    }
}

/// A key with its value, ready to be written: type number and bytes.
type Entry = (String, u32, Vec<u8>);

fn value(draw: &mut Draw, (kind, size): (u32, usize)) -> Vec<u8> {
    let mut out = Out::default();
    match kind {
        // The only types of which not every byte is a value.
        7 => out.0.push(draw.below(2) as u8),
        8 => {
            let len = draw.below(64);
            out.text(draw.bytes(len));
        }
        _ => out.0.extend(draw.bytes(size)),
    }
    out.0
}

fn list(kind: u32, items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Out::default();
    out.u32(kind);
    out.u64(items.len() as u64);
    items.iter().for_each(|item| out.0.extend(item));
    out.0
}

fn entries(draw: &mut Draw) -> Vec<Entry> {
    let text = |text: &str| {
        let mut out = Out::default();
        out.text(text);
        out.0
    };
    let words = 4 + draw.below(60);
    let vocabulary: Vec<Vec<u8>> = (0..words).map(|n| text(&format!("word{n}"))).collect();
    let mut all: Vec<Entry> = vec![
        ("general.architecture".into(), 8, text("llama")),
        ("llama.context_length".into(), 4, 512_u32.to_le_bytes().into()),
        ("llama.block_count".into(), 4, 1_u32.to_le_bytes().into()),
        ("llama.embedding_length".into(), 4, 256_u32.to_le_bytes().into()),
        ("tokenizer.ggml.model".into(), 8, text("gpt2")),
        ("tokenizer.ggml.tokens".into(), 9, list(8, &vocabulary)),
    ];
    for n in 0..2 + draw.below(60) {
        let key = format!("my_key_{n}");
        let kind = draw.of(&TYPES);
        if draw.below(4) == 0 {
            let items: Vec<_> = (0..draw.below(17)).map(|_| value(draw, kind)).collect();
            all.push((key, 9, list(kind.0, &items)));
        } else {
            all.push((key, kind.0, value(draw, kind)));
        }
    }
    // The order is free.
    for place in (1..all.len()).rev() {
        all.swap(place, draw.below(place + 1));
    }
    all
}

fn tensors(draw: &mut Draw) -> Vec<Tensor> {
    // Three values of 4 bytes: the tensor behind it shows whether places are aligned.
    let mut all = vec![
        Tensor { name: "small".into(), kind: WEIGHTS[0], dims: vec![3] },
        Tensor { name: "token_embd.weight".into(), kind: WEIGHTS[4], dims: vec![32, 4] },
    ];
    for n in 0..2 + draw.below(60) {
        let kind = draw.of(&WEIGHTS);
        let n_dims = 1 + draw.below(4);
        let kind = if n_dims == 1 { WEIGHTS[0] } else { kind };
        let mut dims = vec![kind.1 * (1 + draw.below(4)) as u64];
        dims.extend((1..n_dims).map(|_| 1 + draw.below(5) as u64));
        all.push(Tensor { name: format!("my_tensor_{n}"), kind, dims });
    }
    all
}

/// A whole file, with an alignment of its own now and then.
pub fn whole(seed: u64) -> Vec<u8> {
    file(seed, None)
}

/// A file that is wrong in this way, and in no other.
pub fn broken(seed: u64, class: Class) -> Vec<u8> {
    file(seed, Some(class))
}

fn file(seed: u64, class: Option<Class>) -> Vec<u8> {
    use Class::*;
    let is = |wanted: Class| class == Some(wanted);
    let mut draw = Draw::new(seed);
    let (mut keys, mut table) = (entries(&mut draw), tensors(&mut draw));
    let mut alignment = 32;
    match class {
        Some(KvBadAlign | TensorsBadAlign | DataBadAlign) => {
            let bad: u32 = draw.of(&[0, 3, 13, 33, 48, 1000, u32::MAX]);
            keys.push(("general.alignment".into(), 4, bad.to_le_bytes().into()));
        }
        Some(KvWrongTypeAlign) => {
            let kind = draw.of(&TYPES.map(|kind| if kind.0 == 4 { (10, 8) } else { kind }));
            let number = 32_u64.to_le_bytes()[..kind.1.max(1)].to_vec();
            keys.push(("general.alignment".into(), kind.0, if kind.0 == 8 { value(&mut draw, kind) } else { number }));
        }
        None if draw.below(3) == 0 => {
            alignment = draw.of(&[1, 8, 64, 256]);
            keys.push(("general.alignment".into(), 4, (alignment as u32).to_le_bytes().into()));
        }
        _ => {}
    }
    let hit_key = draw.below(keys.len());
    let hit = draw.below(table.len());
    match class {
        Some(KvEmptyKey) => keys[hit_key].0.clear(),
        Some(KvDuplicateKey) => {
            let from = draw.below(keys.len());
            let twin = keys[from].clone();
            keys.insert(hit_key, twin);
        }
        Some(TensorsBadNameSize) => table[hit].name = format!("{}_{}", table[hit].name, "long".repeat(15 + draw.below(40))),
        Some(TensorsDuplicateName) => {
            let other = (hit + 1 + draw.below(table.len() - 1)) % table.len();
            // token_embd.weight stays, so that nothing else is missing.
            let (from, to) = if table[other].name == "token_embd.weight" { (other, hit) } else { (hit, other) };
            table[to].name = table[from].name.clone();
        }
        _ => {}
    }
    // As test-gguf does it: the places are those of an alignment that the file does not name.
    let layout = if is(TensorsInconsistentAlign) || is(DataInconsistentAlign) { 1 } else { alignment };

    let mut out = Out::default();
    out.0.extend(if is(HeaderBadMagic) { draw.of(&[b"FUGG", b"GGUE", b"ggml", b"FUGG"]) } else { b"GGUF" });
    out.u32(match class {
        Some(HeaderBadVersion0) => 0,
        Some(HeaderBadVersion1) => 1,
        Some(HeaderBadVersionFuture) => draw.of(&[4, 5, 99, 3 << 24, u32::MAX]),
        _ => 3,
    });
    let huge = draw.of(&[u64::MAX, 1 << 63, 1 << 40, 100_000]);
    out.u64(if is(HeaderBadNTensors) { huge } else { table.len() as u64 });
    out.u64(if is(HeaderBadNKv) { huge } else { keys.len() as u64 });
    for (place, (key, kind, value)) in keys.iter().enumerate() {
        if is(KvBadKeySize) && place == hit_key {
            out.u64(draw.of(&[u64::MAX, 1 << 63, 1 << 33, 70_000]));
            out.0.extend(key.as_bytes());
        } else {
            out.text(key);
        }
        out.u32(if is(KvBadType) && place == hit_key { draw.of(&[13, 14, 255, u32::MAX]) } else { *kind });
        out.0.extend(value);
    }
    let mut offset = 0;
    for (place, tensor) in table.iter().enumerate() {
        let hit = place == hit;
        let (mut dims, mut kind) = (tensor.dims.clone(), tensor.kind.0);
        match class {
            Some(TensorsBadShape) if hit => dims.fill(draw.of(&[u64::MAX, 1 << 63])),
            Some(TensorsZeroDim) if hit => *dims.last_mut().unwrap() = 0,
            Some(TensorsNeTooBig) if hit => dims = vec![draw.of(&[4 * (i32::MAX as u64), 1 << 40]); 2],
            // The values can be counted in 64 bits, their bytes cannot.
            Some(TensorsNbytesTooBig) if hit => (dims, kind) = (vec![(1 << 31) + 32; 2], 0),
            Some(DataMemSizeOverflow) if hit => dims = vec![0x7FFF_FFFF_FFFF_FFC0],
            Some(TensorsBadType) if hit => kind = draw.of(&[4, 5, 24, 26, 27, 43, 255, u32::MAX]),
            _ => {}
        }
        out.text(&tensor.name);
        out.u32(if is(TensorsBadNDims) && hit { draw.of(&[0, 5, 64, u32::MAX]) } else { dims.len() as u32 });
        dims.iter().for_each(|dim| out.u64(*dim));
        out.u32(kind);
        out.u64(if is(TensorsBadOffset) && hit { draw.of(&[u64::MAX, u64::MAX - 31, 1 << 62, offset + 1]) } else { offset });
        offset += tensor.bytes().next_multiple_of(layout);
    }
    out.pad(alignment);
    let last = table.last().unwrap();
    let end = offset - last.bytes().next_multiple_of(layout) + last.bytes();
    let data = if is(DataNotEnoughData) { end - 1 - draw.below(end as usize) as u64 } else { offset };
    out.0.extend((0..data).map(|n| n as u8));
    out.0
}
