use super::*;

use crate::models::fixtures::{graph, voice};

#[test]
fn a_voice_with_tables_has_its_folder_for_itself() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("model.onnx", graph(1)), ("tokens.txt", b"a 1\n".to_vec()), ("lexicon.txt", b"a a\n".to_vec()), ("x.wav", vec![1])] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    let catalog = Catalog::default();
    let found = gather(dir.path(), &catalog).unwrap();
    assert_eq!(found.units.len(), 1);
    let names: Vec<&str> = found.units[0].files.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["model.onnx", "lexicon.txt", "tokens.txt"]);
}

#[test]
fn a_name_that_not_every_system_allows_is_said() {
    let dir = tempfile::tempdir().unwrap();
    voice(dir.path(), &"long".repeat(30), 1);
    let catalog = Catalog::default();
    let found = gather(dir.path(), &catalog).unwrap();
    assert_eq!((found.units.len(), found.refused.len()), (0, 1));
}

#[test]
fn a_folder_of_endless_files_costs_bounded_work() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..300 {
        fs::create_dir_all(dir.path().join(format!("{n}/a/b/c/d/e/f/g/h"))).unwrap();
    }
    voice(&dir.path().join("1/a/b/c/d/e/f/g"), "too-deep", 1);
    let catalog = Catalog::default();
    assert_eq!(gather(dir.path(), &catalog).unwrap_err().fault, Fault::Missing);
}
