use super::*;
use crate::models::catalog::Catalog;
use crate::models::fixtures::{tree, voice};
use crate::models::import::{import, import_all};
use std::cell::Cell;
use std::fs;

fn never() -> bool {
    false
}

/// A library with a voice called `anna`, and one called `bo`.
fn library(root: &Path) -> Library {
    let library = Library::open(root.join("store"), Vec::new());
    for (name, number) in [("anna", 1), ("bo", 2)] {
        import(&library, &Catalog::default(), &voice(&root.join("stick"), name, number), &never, &mut |_| {}).unwrap();
    }
    library
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_pack_brings_the_same_models_to_another_machine() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let out = dir.path().join("two.harkpack");
    let Outcome::Done(bytes) = pack(&library, &ids(&["anna", "bo", "anna"]), &out, &never, &mut |_| {}).unwrap() else { panic!() };
    assert_eq!(bytes, fs::metadata(&out).unwrap().len());
    let other = Library::open(dir.path().join("other"), Vec::new());
    let bring = || match import_all(&other, &Catalog::default(), &out, &never, &mut |_| {}).unwrap() {
        Outcome::Done(imported) => imported,
        Outcome::Cancelled => panic!(),
    };
    assert_eq!(bring().installed.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["anna", "bo"]);
    for name in ["voices/anna/anna.onnx", "voices/bo/bo.onnx", "voices/bo/bo.onnx.json"] {
        assert_eq!(fs::read(other.root().join(name)).unwrap(), fs::read(library.root().join(name)).unwrap(), "{name}");
    }
    assert_eq!(bring().already, ["anna", "bo"]);
    // Other programs can read it too.
    let names: Vec<String> = tar::Archive::new(File::open(&out).unwrap())
        .entries()
        .unwrap()
        .map(|entry| entry.unwrap().path().unwrap().display().to_string())
        .collect();
    assert_eq!(names, [MANIFEST, "anna/anna.onnx", "anna/anna.onnx.json", "bo/bo.onnx", "bo/bo.onnx.json"]);
}

#[test]
fn a_model_that_was_put_there_by_hand_can_be_packed() {
    let dir = tempfile::tempdir().unwrap();
    voice(&dir.path().join("hand/voices"), "cleo", 3);
    let library = Library::open(dir.path().join("hand"), Vec::new());
    let out = dir.path().join("c.harkpack");
    pack(&library, &ids(&["cleo"]), &out, &never, &mut |_| {}).unwrap();
    let other = Library::open(dir.path().join("other"), Vec::new());
    import(&other, &Catalog::default(), &out, &never, &mut |_| {}).unwrap();
    assert!(other.get("cleo").is_some_and(|model| model.record.is_some()));
}

#[test]
fn a_pack_that_cannot_be_written_leaves_nothing_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let out = dir.path().join("x.harkpack");
    assert_eq!(pack(&library, &ids(&["nobody"]), &out, &never, &mut |_| {}).unwrap_err().fault, Fault::Missing);
    let missing = dir.path().join("no/x.harkpack");
    assert!(pack(&library, &ids(&["anna"]), &missing, &never, &mut |_| {}).unwrap_err().message.contains("no/x.harkpack"));
    fs::write(library.root().join("voices/anna/anna.onnx.json"), "{}").unwrap();
    let error = pack(&library, &ids(&["anna"]), &out, &never, &mut |_| {}).unwrap_err();
    assert_eq!(error.fault, Fault::WrongHash);
    for after in 0..3 {
        let asked = Cell::new(0);
        let cancel = || {
            asked.set(asked.get() + 1);
            asked.get() > after
        };
        let outcome = pack(&library, &ids(&["bo"]), &out, &cancel, &mut |_| {}).unwrap();
        if outcome == Outcome::Cancelled {
            assert!(!tree(dir.path()).iter().any(|name| name.contains("harkpack")), "{:?}", tree(dir.path()));
        }
    }
}

#[test]
fn a_list_of_contents_is_judged_line_by_line() {
    let good = Manifest {
        format: 1,
        made: now(),
        models: vec![PackedModel {
            id: "anna".into(),
            name: "Anna".into(),
            kind: ModelKind::Voice,
            licence: None,
            languages: Vec::new(),
            files: vec![PackedFile { name: "anna.onnx".into(), bytes: 5, sha256: "0".repeat(64) }],
        }],
    };
    let text = |manifest: &Manifest| toml::to_string(manifest).unwrap();
    assert_eq!(Manifest::parse(&text(&good)), Ok(good.clone()));
    type Change = fn(&mut Manifest);
    let wrong: [(&str, Change); 17] = [
        ("version 2", |m| m.format = 2),
        ("0 files", |m| m.models.clear()),
        ("no name", |m| m.models[0].id = "../x".into()),
        ("no name", |m| m.models[0].id = "C:\\x".into()),
        ("twice", |m| m.models.push(m.models[0].clone())),
        ("without files", |m| m.models[0].files.clear()),
        ("cannot be", |m| m.models[0].files[0].name = "/etc/passwd".into()),
        ("cannot be", |m| m.models[0].files[0].name = "..".into()),
        ("cannot be", |m| m.models[0].files[0].name = "hark-model.toml".into()),
        ("cannot be", |m| m.models[0].files[0].sha256 = "abc".into()),
        ("file twice", |m| {
            let mut file = m.models[0].files[0].clone();
            file.name = "ANNA.onnx".into();
            m.models[0].files.push(file);
        }),
        ("300 files for the model anna", |m| m.models[0].files = vec![m.models[0].files[0].clone(); 300]),
        ("cannot be shown", |m| m.models[0].name = "Anna\u{1b}[2J".into()),
        ("cannot be shown", |m| m.models[0].name = "A".repeat(300_000)),
        ("cannot be shown", |m| m.models[0].licence = Some("MIT\n".into())),
        ("cannot be shown", |m| m.models[0].languages = vec!["en".into(); 1_000]),
        ("10001 files", |m| m.models[0].files = vec![m.models[0].files[0].clone(); 10_001]),
    ];
    for (part, change) in wrong {
        let mut manifest = good.clone();
        change(&mut manifest);
        let reason = Manifest::parse(&text(&manifest)).unwrap_err();
        assert!(reason.contains(part), "{part}: {reason}");
    }
    let mut endless = good.clone();
    endless.models[0].files = vec![PackedFile { name: "a".into(), bytes: i64::MAX as u64, sha256: "0".repeat(64) }; 3];
    assert_eq!(endless.bytes(), None);
    for text in ["", "format = 1", "model = 3", "[[[", "\0"] {
        assert!(Manifest::parse(text).is_err());
    }
}

#[test]
#[cfg(unix)]
fn a_link_that_somebody_laid_for_a_draft_is_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (victim, out) = (folder.path().join("victim.txt"), folder.path().join("my.harkpack"));
    std::fs::write(&victim, "a letter").unwrap();
    std::os::unix::fs::symlink(&victim, out.with_added_extension(format!("new-{}", std::process::id()))).unwrap();
    pack(&library(folder.path()), &ids(&["anna"]), &out, &never, &mut |_| {}).unwrap();
    assert!(out.is_file() && std::fs::read_to_string(&victim).unwrap() == "a letter");
    let left =
        std::fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(".hark-"));
    assert_eq!(left.count(), 0, "no draft stays");
}
