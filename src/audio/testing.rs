//! Tones and measurements for the tests of this folder.

use std::f64::consts::TAU;

/// A sine of amplitude 0.5.
pub(crate) fn sine(hertz: f64, rate: u32, seconds: f64) -> Vec<f32> {
    let n = (seconds * f64::from(rate)) as usize;
    (0..n).map(|i| (0.5 * (TAU * hertz * i as f64 / f64::from(rate)).sin()) as f32).collect()
}

/// Power of one frequency, by projection under a Hann window: 1 for a sine of amplitude 1.
pub(crate) fn power_at(samples: &[f32], hertz: f64, rate: u32) -> f64 {
    let (mut re, mut im, mut weight) = (0.0, 0.0, 0.0);
    for (i, &s) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * i as f64 / samples.len() as f64).cos();
        let (sin, cos) = (TAU * hertz * i as f64 / f64::from(rate)).sin_cos();
        re += f64::from(s) * cos * window;
        im += f64::from(s) * sin * window;
        weight += window;
    }
    4.0 * (re * re + im * im) / (weight * weight)
}

/// What a recorded tone is: its amplitude, how late it is against [`sine`] (seconds, within half a period), and the root
/// mean square of all that is not the tone, as a share of its amplitude.
pub(crate) fn tone(samples: &[f32], hertz: f64, rate: u32) -> (f64, f64, f64) {
    let step = TAU * hertz / f64::from(rate);
    let (mut re, mut im, mut weight) = (0.0, 0.0, 0.0);
    for (i, &s) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * i as f64 / samples.len() as f64).cos();
        re += f64::from(s) * (step * i as f64).sin() * window;
        im += f64::from(s) * (step * i as f64).cos() * window;
        weight += window;
    }
    let (a, b) = (2.0 * re / weight, 2.0 * im / weight);
    let amplitude = a.hypot(b);
    let rest = samples.iter().enumerate().map(|(i, &s)| (f64::from(s) - a * (step * i as f64).sin() - b * (step * i as f64).cos()).powi(2));
    let rest = (rest.sum::<f64>() / samples.len() as f64).sqrt();
    (amplitude, -b.atan2(a) / (TAU * hertz), rest / amplitude)
}

/// Pseudo-random values in −1…1, always the same.
pub(crate) fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        })
        .collect()
}

/// The folder of shared test material, where there is one.
pub(crate) fn shared() -> Option<std::path::PathBuf> {
    let root =
        std::env::var_os("HARK_SHARED").map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), Into::into);
    root.is_dir().then_some(root)
}
