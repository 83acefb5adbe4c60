//! The processor check at start, which instructions the engines use, and how many threads an engine should get.

use std::ffi::c_int;

// `native/cpu-dispatch.c`, part of the engines' archive: bits of the compiled copies of ggml's processor part, and the one in use.
// SAFETY: both take nothing, return an int and may be called from any thread at any time.
#[allow(unsafe_code)]
unsafe extern "C" {
    safe fn hark_cpu_compiled() -> c_int;
    safe fn hark_cpu_chosen() -> c_int;
}

/// The compiled copies of ggml's processor part, the least demanding first: bit of `native/cpu-dispatch.c`, name.
#[cfg(target_arch = "x86_64")]
const COPIES: [(c_int, &str); 2] = [(1, "AVX2"), (2, "AVX-512 VNNI")];
#[cfg(not(target_arch = "x86_64"))]
const COPIES: [(c_int, &str); 1] = [(1, std::env::consts::ARCH)];

/// Which instructions both engines have and use on this processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Isa {
    /// What this program was compiled for, the least demanding first; the program chooses at start.
    pub compiled: Vec<&'static str>,
    /// What the engines use: one of `compiled`.
    pub used: &'static str,
    /// The instruction sets among those that matter here which this processor has.
    pub cpu: Vec<&'static str>,
}

/// Looks it up. The choice is made once per process: `HARK_ISA=avx2` in the environment keeps to AVX2, for comparison.
#[must_use]
pub fn isa() -> Isa {
    let names = |bits: c_int| COPIES.iter().filter(move |(bit, _)| bits & bit != 0).map(|(_, name)| *name);
    Isa {
        compiled: names(hark_cpu_compiled()).collect(),
        used: names(hark_cpu_chosen()).next().unwrap_or(std::env::consts::ARCH),
        cpu: features().into_iter().chain(more_features()).filter(|(_, there)| *there).map(|(name, _)| name).collect(),
    }
}

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

/// What the engines can do without.
#[cfg(target_arch = "x86_64")]
fn more_features() -> Vec<(&'static str, bool)> {
    vec![
        ("AVX-VNNI", is_x86_feature_detected!("avxvnni")),
        ("AVX-512F", is_x86_feature_detected!("avx512f")),
        ("AVX-512CD", is_x86_feature_detected!("avx512cd")),
        ("AVX-512BW", is_x86_feature_detected!("avx512bw")),
        ("AVX-512DQ", is_x86_feature_detected!("avx512dq")),
        ("AVX-512VL", is_x86_feature_detected!("avx512vl")),
        ("AVX-512VBMI", is_x86_feature_detected!("avx512vbmi")),
        ("AVX-512VNNI", is_x86_feature_detected!("avx512vnni")),
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<(&'static str, bool)> {
    Vec::new()
}

#[cfg(not(target_arch = "x86_64"))]
fn more_features() -> Vec<(&'static str, bool)> {
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
    fn the_engines_use_the_best_copy_that_this_processor_bears() {
        let isa = isa();
        assert_eq!(isa.compiled.first(), Some(&COPIES[0].1), "{isa:?}");
        assert!(isa.compiled.contains(&isa.used), "{isa:?}");
        #[cfg(target_arch = "x86_64")]
        {
            // With one of these missing the AVX-512 copy would end in SIGILL.
            let needed = ["CD", "BW", "DQ", "VL", "VBMI", "VNNI", "F"].map(|part| format!("AVX-512{part}"));
            let able = needed.iter().all(|name| isa.cpu.contains(&name.as_str()));
            let held_back = std::env::var("HARK_ISA").is_ok_and(|wish| wish == "avx2");
            let best = able && !held_back && isa.compiled.contains(&COPIES[1].1);
            assert_eq!(isa.used, COPIES[usize::from(best)].1, "{isa:?}");
        }
    }

    #[test]
    fn one_core_stays_free() {
        assert_eq!([0, 1, 2, 3, 4, 5, 8, 64].map(default_threads), [1, 1, 1, 2, 3, 4, 4, 4]);
    }
}
