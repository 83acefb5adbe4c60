#![no_main]
use hark_fuzz::made::ggml::{Built, vad};
use hark_fuzz::models::check::ggml_vad;
use hark_fuzz::patch;
use std::io::Cursor;
use std::sync::LazyLock;

static WHOLE: LazyLock<Vec<Built>> = LazyLock::new(|| (0..8).map(vad).collect());

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Err(error) = ggml_vad::check(Cursor::new(patch::file(input, &WHOLE))) {
        assert!(!error.reason.is_empty());
    }
});
