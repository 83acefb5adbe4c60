use super::*;
use crate::models::record::{RecordFile, now};

fn record(id: &str) -> Record {
    Record {
        format: 1,
        id: id.to_owned(),
        name: id.to_owned(),
        kind: ModelKind::Chat,
        installed: now(),
        from: "a test".to_owned(),
        licence: None,
        languages: Vec::new(),
        files: vec![RecordFile { name: "a.gguf".into(), bytes: 1, sha256: "0".repeat(64), as_expected: None }],
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[test]
fn a_model_appears_as_a_whole_and_only_when_it_is_placed() {
    let root = tempfile::tempdir().unwrap();
    let incoming = Incoming::begin(root.path(), ModelKind::Chat, "one", Way::Copy).unwrap();
    fs::write(incoming.folder().join("a.gguf"), "x").unwrap();
    assert_eq!(names(&root.path().join("chat")), [""; 0]);
    let place = incoming.place(&record("one")).unwrap();
    assert_eq!(place, root.path().join("chat/one"));
    assert_eq!(names(&place), ["a.gguf", "hark-model.toml"]);
    assert_eq!(names(&root.path().join(FOLDER)), ["one.lock"]);
}

#[test]
fn what_is_given_up_leaves_nothing_and_a_download_stays_to_be_gone_on_with() {
    let root = tempfile::tempdir().unwrap();
    for way in [Way::Copy, Way::Download] {
        let incoming = Incoming::begin(root.path(), ModelKind::Chat, "one", way).unwrap();
        fs::write(incoming.folder().join("a.part"), "x").unwrap();
    }
    assert_eq!(names(&root.path().join(FOLDER)), ["one", "one.lock"]);
    let again = Incoming::begin(root.path(), ModelKind::Chat, "one", Way::Download).unwrap();
    assert_eq!(names(again.folder()), ["a.part"]);
}

#[test]
fn the_second_program_at_the_same_model_is_told() {
    let root = tempfile::tempdir().unwrap();
    let first = Incoming::begin(root.path(), ModelKind::Chat, "one", Way::Copy).unwrap();
    for way in [Way::Copy, Way::Download] {
        let error = Incoming::begin(root.path(), ModelKind::Chat, "one", way).unwrap_err();
        assert_eq!(error.fault, Fault::Busy);
        assert!(error.message.contains("Another program is working on the model one"), "{error}");
    }
    assert!(first.folder().is_dir(), "the second took nothing from the first");
    drop(first);
    assert!(Incoming::begin(root.path(), ModelKind::Chat, "one", Way::Copy).is_ok());
}

#[test]
fn a_place_that_is_taken_is_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("chat/one")).unwrap();
    fs::write(root.path().join("chat/one/thesis.doc"), "years of work").unwrap();
    let incoming = Incoming::begin(root.path(), ModelKind::Chat, "one", Way::Copy).unwrap();
    fs::write(incoming.folder().join("a.gguf"), "x").unwrap();
    let error = incoming.place(&record("one")).unwrap_err();
    assert_eq!(error.fault, Fault::Taken);
    assert!(error.message.contains("is in the way") && error.hint.contains("Move it elsewhere"), "{error}");
    assert_eq!(names(&root.path().join("chat/one")), ["thesis.doc"]);
}

#[test]
fn an_empty_folder_that_was_left_keeps_no_model_out() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("chat/one")).unwrap();
    let incoming = Incoming::begin(root.path(), ModelKind::Chat, "one", Way::Copy).unwrap();
    fs::write(incoming.folder().join("a.gguf"), "x").unwrap();
    assert_eq!(names(&incoming.place(&record("one")).unwrap()), ["a.gguf", "hark-model.toml"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_shelf_on_another_disk_is_refused_before_the_first_byte() {
    let root = tempfile::tempdir().unwrap();
    // Never on the disk of a folder that can be written.
    std::os::unix::fs::symlink("/proc", root.path().join("chat")).unwrap();
    std::os::unix::fs::symlink("/no/such/disk", root.path().join("voices")).unwrap();
    let begin = |kind| Incoming::begin(root.path(), kind, "one", Way::Download);
    let error = begin(ModelKind::Chat).unwrap_err();
    assert!(error.message.contains("chat is on another disk") && error.hint.contains("whole models folder"), "{error}");
    assert!(begin(ModelKind::Voice).unwrap_err().message.contains("voices could not be written"));
    begin(ModelKind::Stt).unwrap();
}

#[test]
fn the_leftovers_of_a_crash_are_swept_and_the_work_of_others_is_not() {
    let root = tempfile::tempdir().unwrap();
    let waiting = root.path().join(FOLDER);
    for name in ["import-dead", "trash-old-1-0", "download"] {
        fs::create_dir_all(waiting.join(name)).unwrap();
        fs::write(waiting.join(name).join("x"), "x").unwrap();
    }
    let alive = Incoming::begin(root.path(), ModelKind::Chat, "alive", Way::Copy).unwrap();
    sweep(root.path());
    assert_eq!(names(&waiting), ["alive.lock", "dead.lock", "download", "import-alive"]);
    assert!(alive.folder().is_dir());
}

#[test]
fn what_is_discarded_is_out_of_sight_at_once() {
    let root = tempfile::tempdir().unwrap();
    let model = root.path().join("chat/one");
    fs::create_dir_all(&model).unwrap();
    fs::write(model.join("a.gguf"), "x").unwrap();
    discard(root.path(), "one", &model).unwrap();
    assert!(!model.exists());
    assert_eq!(names(&root.path().join(FOLDER)), ["one.lock"]);
}
