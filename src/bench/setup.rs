//! What is measured and on what: the models with their sums, the processor, the threads.

use super::stats::rounded;
use crate::config::{Config, EngineSet, VoiceChoice};
use crate::platform::files;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The configuration for a bench: always the most likely token and a voice without chance, so that each run, and each
/// peer, does the same work. What the command line says stays.
#[must_use]
pub fn deterministic(mut config: Config, keep_temperature: bool, keep_noise: bool) -> Config {
    if !keep_temperature {
        config.chat.sampling.temperature = 0.0;
    }
    if !keep_noise {
        config.voice_options.noise = Some(0.0);
        config.voice_options.noise_width = Some(0.0);
    }
    config.mute = false;
    config.keep_microphone_open = true;
    config.unload_after = None;
    config
}

/// The files of a configuration: stage and path.
#[must_use]
pub fn files(config: &Config) -> Vec<(&'static str, PathBuf)> {
    if config.engines == EngineSet::Fake {
        return Vec::new();
    }
    let voice = match &config.voice {
        VoiceChoice::Vits(path) => Some(path.clone()),
        VoiceChoice::Espeak(_) => None,
    };
    let named = [("stt", config.stt_model.clone()), ("chat", config.chat_model.clone()), ("voice", voice)];
    named.into_iter().filter_map(|(stage, path)| Some((stage, path?))).collect()
}

/// Bytes of all model files.
#[must_use]
pub fn file_bytes(config: &Config) -> u64 {
    files(config).iter().filter_map(|(_, path)| Some(std::fs::metadata(path).ok()?.len())).sum()
}

fn sha256(path: &Path) -> std::io::Result<String> {
    let mut file = BufReader::with_capacity(1 << 20, files::open(path)?);
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => hash.update(&block[..count]),
        }
    }
}

/// Name, size and SHA-256 of each model.
#[must_use]
pub fn models(config: &Config) -> Value {
    let mut all = serde_json::Map::new();
    for (stage, path) in files(config) {
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let bytes = std::fs::metadata(&path).map(|about| about.len()).ok();
        all.insert(stage.to_owned(), json!({"file": name, "bytes": bytes, "sha256": sha256(&path).ok()}));
    }
    if let VoiceChoice::Espeak(language) = &config.voice {
        all.insert("voice".to_owned(), json!({"file": format!("espeak:{language}")}));
    }
    Value::Object(all)
}

/// Instruction sets that this processor has, of those that make a difference here.
fn instructions() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    let all = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
        ("avxvnni", is_x86_feature_detected!("avxvnni")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let all: [(&str, bool); 0] = [];
    all.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

/// `GGML_*` switches that were on when this program was built.
fn built_for() -> Vec<&'static str> {
    let all = [
        ("native", option_env!("GGML_NATIVE")),
        ("avx", option_env!("GGML_AVX")),
        ("avx2", option_env!("GGML_AVX2")),
        ("fma", option_env!("GGML_FMA")),
        ("f16c", option_env!("GGML_F16C")),
        ("bmi2", option_env!("GGML_BMI2")),
        ("avx512", option_env!("GGML_AVX512")),
        ("all variants, chosen at start", option_env!("GGML_CPU_ALL_VARIANTS")),
    ];
    all.into_iter().filter(|(_, value)| *value == Some("ON")).map(|(name, _)| name).collect()
}

/// Processor, system, memory.
#[must_use]
pub fn machine() -> Value {
    let mut system = sysinfo::System::new().ok();
    if let Some(system) = &mut system {
        system.refresh_cpu_all();
        system.refresh_memory();
    }
    let name = system.as_ref().and_then(|system| Some(system.cpus().first()?.brand().to_owned()));
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let gib = system.as_ref().map(|system| rounded(system.total_memory() as f64 / f64::from(1 << 30)));
    json!({"processor": name, "cores": cores, "memory_gib": gib, "os": std::env::consts::OS, "arch": std::env::consts::ARCH,
           "instructions": instructions(), "ggml_built_for": built_for()})
}

/// How much the engines may do.
#[must_use]
pub fn choices(config: &Config) -> Value {
    json!({"stt_threads": config.stt.threads, "chat_threads": config.chat.threads, "context": config.chat.context_tokens,
           "max_tokens": config.chat.max_tokens, "temperature": config.chat.sampling.temperature})
}

/// Bytes of the chat model's KV cache: a key and a value of 16 bits for each of
/// `context · layers · kv heads · head size`. `None` when the file does not say.
#[must_use]
pub fn kv_bytes(config: &Config) -> Option<u64> {
    let path = config.chat_model.as_ref().filter(|_| config.engines == EngineSet::Real)?;
    kv_of(&mut BufReader::new(files::open(path).ok()?), u64::from(config.chat.context_tokens))
}

fn kv_of(file: &mut impl Read, context: u64) -> Option<u64> {
    let mut take = |count: usize| -> Option<Vec<u8>> {
        let mut bytes = vec![0; count];
        file.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let head = take(24)?;
    let mut found = std::collections::HashMap::new();
    for _ in 0..number(&head[16..24]).min(10_000) {
        let name = number(&take(8)?);
        let name = String::from_utf8(take(usize::try_from(name).ok().filter(|n| *n < 1 << 16)?)?).ok()?;
        let kind = number(&take(4)?);
        // Sizes of GGUF's scalar types, by their numbers.
        let size = |kind: u64| {
            [1u64, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8].get(usize::try_from(kind).unwrap_or(usize::MAX)).copied().filter(|size| *size > 0)
        };
        match kind {
            9 => {
                let (kind, count) = (number(&take(4)?), number(&take(8)?).min(1 << 20));
                for _ in 0..count {
                    let length = if kind == 8 { number(&take(8)?) } else { size(kind)? };
                    take(usize::try_from(length).ok().filter(|n| *n < 1 << 24)?)?;
                }
            }
            8 => {
                let length = number(&take(8)?);
                take(usize::try_from(length).ok().filter(|n| *n < 1 << 24)?)?;
            }
            kind => {
                found.insert(name, number(&take(usize::try_from(size(kind)?).ok()?)?));
            }
        }
    }
    let get = |end: &str| found.iter().find(|(name, _)| name.ends_with(end)).map(|(_, value)| *value);
    let (layers, heads) = (get(".block_count")?, get(".attention.head_count")?);
    let kv_heads = get(".attention.head_count_kv").unwrap_or(heads);
    let size = get(".attention.key_length").or_else(|| Some(get(".embedding_length")? / heads.max(1)))?;
    context.checked_mul(layers)?.checked_mul(kv_heads)?.checked_mul(size)?.checked_mul(4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::test_config;

    #[test]
    fn a_bench_leaves_nothing_to_chance() {
        let config = deterministic(test_config(), false, false);
        assert_eq!((config.chat.sampling.temperature, config.voice_options.noise), (0.0, Some(0.0)));
        let config = deterministic(test_config(), true, true);
        assert!(config.chat.sampling.temperature > 0.0 && config.voice_options.noise.is_none());
    }

    #[test]
    fn the_cache_is_computed_from_the_models_shape() {
        let entry = |name: &str, value: u32| {
            [&(name.len() as u64).to_le_bytes()[..], name.as_bytes(), &4u32.to_le_bytes(), &value.to_le_bytes()].concat()
        };
        let mut file = [&b"GGUF"[..], &3u32.to_le_bytes(), &0u64.to_le_bytes(), &4u64.to_le_bytes()].concat();
        for (name, value) in [
            ("llama.block_count", 30),
            ("llama.embedding_length", 576),
            ("llama.attention.head_count", 9),
            ("llama.attention.head_count_kv", 3),
        ] {
            file.extend(entry(name, value));
        }
        assert_eq!(kv_of(&mut &file[..], 2048), Some(2048 * 30 * 3 * 64 * 4));
        assert_eq!(kv_of(&mut &file[..30], 2048), None);
    }

    #[test]
    fn a_sum_is_that_of_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "abc").unwrap();
        assert!(sha256(&dir.path().join("a")).unwrap().starts_with("ba7816bf8f01cfea"));
    }
}
