//! Small valid model files for tests of the store.

use super::catalog::{Catalog, CatalogFile, CatalogModel, ModelKind, SpeedClass};
use super::check::onnx_make::{model, node, port};
use std::fs;
use std::path::{Path, PathBuf};

/// A catalog of one model with one file.
pub fn catalog_of(id: &str, kind: ModelKind, file: CatalogFile) -> Catalog {
    let known = CatalogModel {
        id: id.into(),
        name: "Known".into(),
        kind,
        languages: vec!["en".into()],
        licence: "MIT".into(),
        about: None,
        context: None,
        memory_mb: 1,
        speed: SpeedClass::Fast,
        starter: false,
        files: vec![file],
        sources: Vec::new(),
    };
    Catalog { format: 1, models: vec![known] }
}

/// The bytes of a graph that the checks take; another number gives other bytes.
pub fn graph(number: i64) -> Vec<u8> {
    let inputs = [port("input", 7, &[1, -1]), port("input_lengths", 7, &[1]), port("scales", 1, &[3])];
    model(&[node("Identity", &["input"], "output", &[("n", number)])], &[], &inputs, &[port("output", 1, &[1, 1, -1])])
}

/// The text of a Piper config.
pub fn config() -> String {
    serde_json::json!({
        "audio": {"sample_rate": 22050}, "espeak": {"voice": "en-us"},
        "phoneme_id_map": {"_": [0], "^": [1], "$": [2], "a": [14]}
    })
    .to_string()
}

/// A voice: `<folder>/<name>.onnx` and its config. Returns the first.
pub fn voice(folder: &Path, name: &str, number: i64) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join(format!("{name}.onnx"));
    fs::write(&path, graph(number)).unwrap();
    fs::write(folder.join(format!("{name}.onnx.json")), config()).unwrap();
    path
}

/// Names of everything below a folder, with `/`, sorted; locks are left out.
pub fn tree(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, before: &str, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{before}{}", entry.file_name().to_string_lossy());
            if entry.file_type().unwrap().is_dir() {
                walk(&entry.path(), &format!("{name}/"), all);
            } else if !name.ends_with(".lock") {
                all.push(name);
            }
        }
    }
    let mut all = Vec::new();
    walk(folder, "", &mut all);
    all.sort();
    all
}

/// SHA-256 of bytes.
pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A small generator with a seed (xorshift64*), so that a failure can be repeated.
pub struct Draw(pub u64);

impl Draw {
    /// The next number below this one.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % n
    }
}
