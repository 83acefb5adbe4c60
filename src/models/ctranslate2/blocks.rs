//! Values as ggml stores them. A block of 32 is, in `q8_0`, a scale (f16) and 32 signed bytes; in `q5_1` a scale and the least
//! value (f16 each), the fifth bit of each value (u32), and the other four: values 0 to 15 in the low halves of 16 bytes, 16 to 31
//! in the high ones.

use super::super::check::ggml_file::Type;
use super::half;

/// Values of a block.
pub(super) const BLOCK: usize = 32;

/// Appends the values, a multiple of [`BLOCK`] for types with blocks, in a type that [`super::Weights`] has.
pub(super) fn put(kind: Type, values: &[f32], to: &mut Vec<u8>) {
    match kind.name {
        "q8_0" => values.chunks_exact(BLOCK).for_each(|block| q8_0(block, to)),
        "q5_1" => values.chunks_exact(BLOCK).for_each(|block| q5_1(block, to)),
        "f16" => to.extend(values.iter().flat_map(|value| half::of_f32(*value).to_le_bytes())),
        _ => to.extend(values.iter().flat_map(|value| value.to_le_bytes())),
    }
}

/// What a scale is divided by; nothing for a block that is all the same.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

fn q8_0(block: &[f32], to: &mut Vec<u8>) {
    let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let scale = largest / 127.0;
    let inverse = inverse(scale);
    to.extend(half::of_f32(scale).to_le_bytes());
    to.extend(block.iter().flat_map(|value| ((value * inverse).round() as i8).to_le_bytes()));
}

fn q5_1(block: &[f32], to: &mut Vec<u8>) {
    let least = block.iter().copied().fold(f32::MAX, f32::min);
    let most = block.iter().copied().fold(f32::MIN, f32::max);
    let scale = (most - least) / 31.0;
    let inverse = inverse(scale);
    let step = |value: &f32| ((value - least) * inverse + 0.5) as u8;
    let fifth = block.iter().enumerate().fold(0_u32, |bits, (at, value)| bits | u32::from(step(value) >> 4 & 1) << at);
    to.extend(half::of_f32(scale).to_le_bytes());
    to.extend(half::of_f32(least).to_le_bytes());
    to.extend(fifth.to_le_bytes());
    let (low, high) = block.split_at(BLOCK / 2);
    to.extend(low.iter().zip(high).map(|(low, high)| step(low) & 15 | (step(high) & 15) << 4));
}

#[cfg(test)]
mod tests {
    use super::super::super::check::ggml_file::F16;
    use super::*;

    fn kind(name: &'static str) -> Type {
        Type { name, ..F16 }
    }

    fn half(bytes: &[u8]) -> f32 {
        super::half::to_f32(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn written(name: &'static str, values: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        put(kind(name), values, &mut bytes);
        bytes
    }

    /// What an engine makes of the blocks.
    fn read(name: &str, bytes: &[u8]) -> Vec<f32> {
        let eight = |block: &[u8]| block[2..].iter().map(|q| f32::from(*q as i8) * half(block)).collect::<Vec<_>>();
        let five = |block: &[u8]| {
            let high = u32::from_le_bytes(block[4..8].try_into().unwrap());
            let nibble = |at: usize| if at < 16 { block[8 + at] & 15 } else { block[8 + at - 16] >> 4 };
            let value = |at: usize| f32::from(nibble(at) | ((high >> at & 1) as u8) << 4) * half(block) + half(&block[2..]);
            (0..32).map(value).collect::<Vec<_>>()
        };
        if name == "q8_0" { bytes.chunks(34).flat_map(eight).collect() } else { bytes.chunks(24).flat_map(five).collect() }
    }

    #[test]
    fn what_is_read_back_is_within_half_a_step() {
        let values: Vec<f32> = (0..256).map(|n| ((n * 37 % 101) as f32 - 40.0) / 50.0 * (1 + n / 32) as f32).collect();
        for (name, bytes, steps) in [("q8_0", 34 * 8, 254.0), ("q5_1", 24 * 8, 31.0)] {
            let block = written(name, &values);
            assert_eq!(block.len(), bytes);
            for (block, read) in values.chunks(32).zip(read(name, &block).chunks(32)) {
                let (least, most) = block.iter().fold((f32::MAX, f32::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
                let range = if name == "q8_0" { 2.0 * most.abs().max(least.abs()) } else { most - least };
                let worst = block.iter().zip(read).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= range / steps * 0.51 + range * 0.001, "{name}: {worst} of {range}");
            }
        }
    }

    #[test]
    fn blocks_of_one_value_are_exact_and_no_value_overflows() {
        for value in [0.0, 0.5, -2.0] {
            let half_exact = read("q5_1", &written("q5_1", &[value; 32]));
            assert!(half_exact.iter().all(|read| *read == value), "{value}: {half_exact:?}");
        }
        assert_eq!(read("q8_0", &written("q8_0", &[0.0; 32])), [0.0; 32]);
        let ends: Vec<f32> = (0..32).map(|n| if n % 2 == 0 { 3.0 } else { -3.0 }).collect();
        let found = read("q8_0", &written("q8_0", &ends));
        assert!(found.iter().zip(&ends).all(|(a, b)| (a - b).abs() < 0.01), "{found:?}");
        let found = read("q5_1", &written("q5_1", &ends));
        assert!(found.iter().zip(&ends).all(|(a, b)| (a - b).abs() < 0.01), "{found:?}");
        assert_eq!(written("f16", &[1.0, -2.0]), [0, 0x3c, 0, 0xc0]);
        assert_eq!(written("f32", &[1.0]), 1.0_f32.to_le_bytes());
    }
}
