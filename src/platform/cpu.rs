//! The processor check at start, and how many threads an engine should get.

/// Looks whether this processor has what the engines were compiled for (`GGML_*` in `.cargo/config.toml`), so that an
/// older one gets a sentence instead of SIGILL.
///
/// # Errors
/// One sentence that says what is missing and one that says what to do.
pub fn check() -> Result<(), String> {
    verdict(&features())
}

#[cfg(target_arch = "x86_64")]
fn features() -> Vec<(&'static str, bool)> {
    vec![
        ("SSE4.2", is_x86_feature_detected!("sse4.2")),
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("BMI2", is_x86_feature_detected!("bmi2")),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

/// `features`: name of an instruction set and whether it is there.
fn verdict(features: &[(&'static str, bool)]) -> Result<(), String> {
    let missing: Vec<&str> = features.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "This processor lacks {}, which Hark was built to use. Run it on a computer from 2015 or later, \
         or set the GGML_{} switches in .cargo/config.toml to OFF and build it anew.",
        missing.join(", "),
        missing.iter().map(|name| name.replace('.', "").to_uppercase()).collect::<Vec<_>>().join(", GGML_"),
    ))
}

/// Threads for an engine on a machine with `cores` cores: one fewer than there are, 1 to 4.
///
/// ggml's threads spin at their barriers: with as many threads as cores and another busy process, decoding fell from 39
/// to 0.7 tokens/s and a whisper pass took 18 s instead of 2 s. One core stays free for sound, window and the rest.
#[must_use]
pub fn default_threads(cores: usize) -> u32 {
    cores.saturating_sub(1).clamp(1, 4) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_instruction_set_gets_a_sentence() {
        assert_eq!(verdict(&[("AVX2", true), ("FMA", true)]), Ok(()));
        let text = verdict(&[("SSE4.2", false), ("AVX2", false), ("FMA", true)]).unwrap_err();
        assert!(text.starts_with("This processor lacks SSE4.2, AVX2, which"), "{text}");
        assert!(text.contains("GGML_SSE42, GGML_AVX2 switches"), "{text}");
        assert!(!text.contains("FMA"), "{text}");
        assert_eq!(verdict(&[]), Ok(()), "other architectures");
    }

    #[test]
    fn one_core_stays_free() {
        assert_eq!([0, 1, 2, 3, 4, 5, 8, 64].map(default_threads), [1, 1, 1, 2, 3, 4, 4, 4]);
    }
}
