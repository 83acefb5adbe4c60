//! The generators of the malformed corpora: they give the first inputs.

#[path = "../../tests/corpora/ggml.rs"]
pub mod ggml;
#[path = "../../tests/corpora/gguf.rs"]
pub mod gguf;
#[path = "../../tests/corpora/onnx.rs"]
pub mod onnx;
