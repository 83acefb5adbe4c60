//! Checks in Rust before C++ sees a file: an assertion in a native engine ends the whole process, so headers, tables and
//! lengths are read here first. Each check streams over the file's head and never holds more than its tables.

pub mod ggml;
pub mod ggml_vad;
pub mod gguf;
pub mod onnx;
#[cfg(test)]
pub(crate) mod onnx_make;
pub mod protobuf;
