//! Checks in Rust before C++ sees a file: an assertion in a native engine ends the whole process, so headers, tables and
//! lengths are read here first. Each check streams over the file's head and never holds more than its tables.

pub mod ggml;
pub(in crate::models) mod ggml_file;
pub mod ggml_vad;
pub mod gguf;
pub mod onnx;
mod onnx_file;
#[cfg(test)]
pub(crate) mod onnx_make;
pub mod protobuf;
