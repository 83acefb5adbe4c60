//! The triangular filters of whisper's front end: Slaney's mel scale, each with an area of one, for 16 kHz and 400 samples.

/// Frequencies of a spectrum of 400 samples.
pub(super) const BINS: usize = 201;
const HIGHEST_HZ: f64 = 8000.0;
/// Below 1000 Hz the scale is straight: 15 mels.
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const BREAK_HZ: f64 = 1000.0;
const BREAK_MEL: f64 = BREAK_HZ / HZ_PER_MEL;

/// Above it a mel is this step of the logarithm.
fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hz(mel: f64) -> f64 {
    if mel < BREAK_MEL { mel * HZ_PER_MEL } else { BREAK_HZ * (log_step() * (mel - BREAK_MEL)).exp() }
}

/// `bands` × [`BINS`] weights, band by band. Rounded where the well-known computation rounds, so that each bit is the same.
pub(super) fn filters(bands: usize) -> Vec<f32> {
    let highest = BREAK_MEL + (HIGHEST_HZ / BREAK_HZ).ln() / log_step();
    let step = highest / (bands as f64 + 1.0);
    let corner = |n: usize| hz(if n > bands { highest } else { step * n as f64 });
    let triangle = |band: usize, bin: usize| {
        let (left, top, right) = (corner(band), corner(band + 1), corner(band + 2));
        let at = HIGHEST_HZ * bin as f64 / (BINS - 1) as f64;
        let height = ((at - left) / (top - left)).min((right - at) / (right - top)).max(0.0) as f32;
        (f64::from(height) * (2.0 / (right - left))) as f32
    };
    (0..bands).flat_map(|band| (0..BINS).map(move |bin| triangle(band, bin))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filters_are_those_of_the_published_models() {
        let shared = std::env::var_os("HARK_SHARED")
            .map_or_else(|| std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), std::path::PathBuf::from);
        let ours: Vec<u8> = filters(80).into_iter().flat_map(f32::to_le_bytes).collect();
        match std::fs::read(shared.join("models/stt/for-tests-ggml-tiny.bin")) {
            Ok(stub) => assert!(ours == stub[56..56 + 80 * BINS * 4], "each bit"),
            Err(_) => println!("skipped: needs ../shared/models/stt/for-tests-ggml-tiny.bin"),
        }
        for bands in [80, 128] {
            let filters = filters(bands);
            let areas: Vec<f32> = filters.chunks(BINS).map(|band| band.iter().sum::<f32>() * 40.0).collect();
            assert!(filters.iter().all(|weight| *weight >= 0.0) && areas.len() == bands);
            assert!(areas.iter().skip(bands / 2).all(|area| (area - 1.0).abs() < 0.12), "{areas:?}");
        }
    }
}
