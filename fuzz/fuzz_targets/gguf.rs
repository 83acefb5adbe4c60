#![no_main]
use hark_fuzz::models::check::gguf;
use hark_fuzz::patch::Sparse;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(refusal) = gguf::check(Sparse::of(input)) {
        assert!(!refusal.0.is_empty());
    }
});
