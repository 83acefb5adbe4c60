//! The tensor table: shapes, types, places in the file.

use super::head::Head;
use super::{GgufRefusal, shown};
use std::collections::HashSet;
use std::io::{Read, Seek};

/// `(number in the file, values per block, bytes per block)` of the types that chat models are stored in; numbers and sizes
/// from ggml 0.26's `ggml.h` and `ggml-common.h` (a test compares them with the linked library). The integer and
/// activation types are left out: no chat model uses them, and the kernels abort on them.
pub(super) const BLOCKS: [(u32, u64, u64); 28] = [
    (0, 1, 4),      // F32
    (1, 1, 2),      // F16
    (2, 32, 18),    // Q4_0
    (3, 32, 20),    // Q4_1
    (6, 32, 22),    // Q5_0
    (7, 32, 24),    // Q5_1
    (8, 32, 34),    // Q8_0
    (10, 256, 84),  // Q2_K
    (11, 256, 110), // Q3_K
    (12, 256, 144), // Q4_K
    (13, 256, 176), // Q5_K
    (14, 256, 210), // Q6_K
    (16, 256, 66),  // IQ2_XXS
    (17, 256, 74),  // IQ2_XS
    (18, 256, 98),  // IQ3_XXS
    (19, 256, 50),  // IQ1_S
    (20, 32, 18),   // IQ4_NL
    (21, 256, 110), // IQ3_S
    (22, 256, 82),  // IQ2_S
    (23, 256, 136), // IQ4_XS
    (29, 256, 56),  // IQ1_M
    (30, 1, 2),     // BF16
    (34, 256, 54),  // TQ1_0
    (35, 256, 66),  // TQ2_0
    (39, 32, 17),   // MXFP4
    (40, 64, 36),   // NVFP4
    (41, 128, 18),  // Q1_0
    (42, 64, 18),   // Q2_0
];

/// ggml's `GGML_MAX_NAME` less the closing zero.
const MAX_NAME: u64 = 63;

/// Types whose rows ggml interleaves for its AVX2 kernels when it loads them: Q4_0, Q4_K, IQ4_NL (`repack.cpp`).
const REPACKED: [u32; 3] = [2, 12, 20];

/// Checks the table; says whether most of the weights are laid out anew when they are loaded.
pub(super) fn check<R: Read + Seek>(head: &mut Head<R>, count: u64, alignment: u64) -> Result<bool, GgufRefusal> {
    let mut names = HashSet::new();
    // (offset, bytes) of each tensor.
    let mut places = Vec::new();
    let (mut repacked, mut all) = (0_u64, 0_u64);
    for _ in 0..count {
        let name = head.text(MAX_NAME, "tensor name")?;
        let (bytes, kind) = shape_bytes(head, &name)?;
        all = all.saturating_add(bytes);
        if REPACKED.contains(&kind) {
            repacked = repacked.saturating_add(bytes);
        }
        let offset = head.u64()?;
        if !offset.is_multiple_of(alignment) {
            return Err(GgufRefusal::new(format!("the tensor {} is not aligned", shown(&name))));
        }
        if !names.insert(name) {
            return Err(GgufRefusal::new("a tensor is there twice"));
        }
        places.push((offset, bytes));
    }
    if !names.contains("token_embd.weight") {
        return Err(GgufRefusal::new("the tensor of its words is missing; it is not a whole chat model"));
    }
    let data = head.at().next_multiple_of(alignment);
    let room = head.len().saturating_sub(data);
    places.sort_unstable();
    let mut end = 0_u64;
    for (offset, bytes) in places {
        if offset < end {
            return Err(GgufRefusal::new("two of its tensors overlap"));
        }
        end = offset.checked_add(bytes).ok_or_else(|| GgufRefusal::new("a tensor in it is larger than any file"))?;
        if end > room {
            return Err(GgufRefusal::new("the file ends too early; it was not copied or downloaded to its end"));
        }
    }
    Ok(repacked > all / 2)
}

/// Reads dimensions and type; gives the tensor's size in bytes and its type.
fn shape_bytes<R: Read + Seek>(head: &mut Head<R>, name: &str) -> Result<(u64, u32), GgufRefusal> {
    let n_dims = head.u32()?;
    if !(1..=4).contains(&n_dims) {
        return Err(GgufRefusal::new(format!("the tensor {} has {n_dims} dimensions", shown(name))));
    }
    let mut values = 1_u64;
    let mut row = 1_u64;
    for dim in 0..n_dims {
        let size = head.u64()?;
        // 2^40 values in a row are beyond any file; it keeps the products below in range.
        if size == 0 || size > 1 << 40 {
            return Err(GgufRefusal::new(format!("the tensor {} has a dimension of {size}", shown(name))));
        }
        if dim == 0 {
            row = size;
        }
        values = values.checked_mul(size).ok_or_else(|| GgufRefusal::new("a tensor in it is larger than any file"))?;
    }
    let number = head.u32()?;
    let Some((_, block, block_bytes)) = BLOCKS.iter().find(|(n, _, _)| *n == number).copied() else {
        return Err(GgufRefusal::new(format!("the tensor {} has the type {number}, which chat models do not use", shown(name))));
    };
    if !row.is_multiple_of(block) {
        return Err(GgufRefusal::new(format!("the tensor {} does not fit its type's blocks", shown(name))));
    }
    // Norms and biases are always stored as F32; the kernels abort on other types.
    if n_dims == 1 && number != 0 {
        return Err(GgufRefusal::new(format!("the tensor {} has a type that one-dimensional tensors cannot have", shown(name))));
    }
    let bytes = (values / block).checked_mul(block_bytes);
    bytes.map(|bytes| (bytes, number)).ok_or_else(|| GgufRefusal::new("a tensor in it is larger than any file"))
}
