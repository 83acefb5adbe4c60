use super::*;
use crate::models::catalog::Catalog;
use crate::models::fixtures::{tree, voice};
use crate::models::import::import;
use crate::models::verify::FileState;
use crate::turn::Outcome;

const GGUF: &[u8] = b"GGUF\x03\0\0\0";

fn library(root: &Path) -> Library {
    Library::open(root.join("store"), Vec::new())
}

fn imported(library: &Library, from: &Path) -> Vec<Installed> {
    match import(library, &Catalog::default(), from, &|| false, &mut |_| {}).unwrap() {
        Outcome::Done(models) => models,
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

fn verified(library: &Library, id: &str) -> crate::models::verify::Verified {
    match library.verify(id, &Catalog::default(), &|| false, &mut |_| {}).unwrap() {
        Outcome::Done(verified) => verified,
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn what_was_put_there_by_hand_is_used_and_what_was_installed_has_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    fs::create_dir_all(library.root().join("chat")).unwrap();
    fs::write(library.root().join("chat/By Hand.gguf"), GGUF).unwrap();
    imported(&library, &voice(&dir.path().join("stick"), "en_US-anna", 1));
    let found = library.installed();
    let told = |model: &Installed| (model.id.clone(), model.kind, model.record.is_some(), model.writable);
    let expected = [("by-hand".to_owned(), ModelKind::Chat, false, false), ("en_us-anna".to_owned(), ModelKind::Voice, true, true)];
    assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(found[1].file, library.root().join("voices/en_us-anna/en_US-anna.onnx"));
}

#[test]
fn a_lost_or_broken_record_does_not_cost_the_model() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    imported(&library, &voice(&dir.path().join("stick"), "anna", 1));
    let record = library.root().join("voices/anna").join(crate::models::record::FILE);
    for text in ["", "[[[", "format = 2", "id = \"../x\""] {
        fs::write(&record, text).unwrap();
        let model = library.get("anna").unwrap();
        assert_eq!((model.record.is_none(), model.writable), (true, true), "{text}");
        assert_eq!(verified(&library, "anna").problem(), None);
    }
    fs::remove_file(&record).unwrap();
    assert!(library.get("anna").is_some());
    library.remove("anna").unwrap();
    assert_eq!(tree(library.root()), [""; 0]);
}

#[test]
fn folders_of_others_are_read_and_never_changed() {
    let dir = tempfile::tempdir().unwrap();
    let shared = Library::open(dir.path().join("shared"), Vec::new());
    imported(&shared, &voice(&dir.path().join("stick"), "anna", 1));
    let library = Library::open(dir.path().join("mine"), vec![dir.path().join("shared"), dir.path().join("missing")]);
    let model = library.get("anna").unwrap();
    assert_eq!((model.origin, model.writable, model.record.is_some()), (Origin::Folder, false, true));
    let error = library.remove("anna").unwrap_err();
    assert_eq!(error.fault, Fault::ReadOnly);
    assert!(error.message.contains("belongs to another folder"), "{error}");
    assert!(shared.get("anna").is_some());
    assert!(!dir.path().join("mine").exists(), "looking makes no folders");
}

#[cfg(unix)]
#[test]
fn the_files_of_other_programs_are_used_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = dir.path().join(".cache/huggingface/hub/models--a--b/snapshots/1");
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("chat.gguf"), GGUF).unwrap();
    let library = library(dir.path()).with_other_programs(Places::of(None, None, Some(dir.path())));
    let model = library.get("chat").unwrap();
    assert_eq!((model.origin, model.file.clone()), (Origin::HubCache, snapshot.join("chat.gguf")));
    assert!(library.remove("chat").is_err() && model.file.exists());
}

#[test]
fn a_checkout_s_own_models_are_told_from_others() {
    let dir = tempfile::tempdir().unwrap();
    let checkout = dir.path().join("models");
    fs::create_dir_all(checkout.join("starter")).unwrap();
    fs::write(checkout.join("starter/tiny.gguf"), GGUF).unwrap();
    let library = Library::open(dir.path().join("mine"), vec![checkout]);
    let model = library.get("tiny").unwrap();
    assert_eq!((model.origin, model.starter), (Origin::Checkout, true));
    assert!(library.remove("tiny").unwrap_err().message.contains("came with the program"));
}

#[test]
fn two_models_of_one_name_have_two_names() {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["a", "b"] {
        fs::create_dir_all(dir.path().join(folder)).unwrap();
        fs::write(dir.path().join(folder).join("chat.gguf"), GGUF).unwrap();
    }
    let library = Library::open(dir.path().join("a"), vec![dir.path().join("b")]);
    let ids: Vec<String> = library.installed().into_iter().map(|model| model.id).collect();
    assert_eq!(ids, ["chat", "chat-2"]);
}

#[test]
fn a_folder_with_other_files_in_it_is_not_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let folder = library.root().join("chat/mine");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("chat.gguf"), GGUF).unwrap();
    fs::write(folder.join("thesis.doc"), "years of work").unwrap();
    assert_eq!(library.remove("chat").unwrap_err().fault, Fault::ReadOnly);
    fs::remove_file(folder.join("thesis.doc")).unwrap();
    library.remove("chat").unwrap();
    assert!(!folder.exists());
}

#[test]
fn verifying_says_which_file_is_wrong_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let file = imported(&library, &voice(&dir.path().join("stick"), "anna", 1))[0].file.clone();
    let good = verified(&library, "anna");
    assert_eq!((good.files.len(), good.problem()), (2, None));
    let mut bytes = fs::read(&file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, bytes).unwrap();
    let changed = verified(&library, "anna");
    assert!(matches!(changed.files[0].state, FileState::Changed { .. }) && changed.files[1].state == FileState::Good);
    let problem = changed.problem().unwrap();
    assert!(problem.message.contains("anna.onnx has changed") && problem.hint.contains("hark models remove anna"), "{problem}");
    fs::remove_file(file.with_added_extension("json")).unwrap();
    // A voice whose config is gone cannot be used at all, so it is no longer in the list.
    assert_eq!(library.verify("anna", &Catalog::default(), &|| false, &mut |_| {}).unwrap_err().fault, Fault::Missing);
}

#[test]
fn a_removed_model_is_gone_as_a_whole_and_one_that_is_open_can_still_be_read() {
    use std::io::Read;
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let file = imported(&library, &voice(&dir.path().join("stick"), "anna", 1))[0].file.clone();
    let mut open = fs::File::open(&file).unwrap();
    let removed = library.remove("anna");
    if cfg!(unix) {
        assert_eq!(removed.unwrap().model.unwrap().id, "anna");
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes).unwrap();
        assert!(!bytes.is_empty());
        assert_eq!(tree(library.root()), [""; 0]);
    }
    assert!(library.remove("anna").is_err());
}

#[test]
fn all_files_of_a_voice_without_a_record_are_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let folder = library.root().join("voices/two");
    fs::create_dir_all(&folder).unwrap();
    let toml =
        "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 16000\nhop = 16\nbands = 8\n";
    for (name, text) in [("a.onnx", "a"), ("v.onnx", "v"), ("tokens.txt", "_ 0\n"), ("hark-voice.toml", toml)] {
        fs::write(folder.join(name), text).unwrap();
    }
    let id = library.installed()[0].id.clone();
    let mut names: Vec<String> = verified(&library, &id).files.into_iter().map(|file| file.name).collect();
    names.sort();
    assert_eq!(names, ["a.onnx", "hark-voice.toml", "tokens.txt", "v.onnx"]);
}

#[test]
fn what_is_left_of_a_model_is_removed_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    let file = imported(&library, &voice(&dir.path().join("stick"), "anna", 1))[0].file.clone();
    fs::remove_file(file).unwrap();
    let part = library.root().join(".incoming/bert");
    fs::create_dir_all(&part).unwrap();
    fs::write(part.join("bert.gguf.part"), [0; 1000]).unwrap();
    assert!(library.get("anna").is_none() && library.get("bert").is_none());
    for id in ["anna", "bert"] {
        let removed = library.remove(id).unwrap();
        assert!(removed.model.is_none() && removed.bytes > 0, "{removed:?}");
    }
    assert_eq!(tree(library.root()), [""; 0]);
    for id in ["anna", "bert", "..", "../stick", "", ".", "import-x", "anna.lock"] {
        assert_eq!(library.remove(id).unwrap_err().fault, Fault::Missing, "{id:?}");
    }
    assert!(dir.path().join("stick/anna.onnx").exists());
    // Also when the same model came from elsewhere meanwhile.
    let root = library.root().to_owned();
    let part = |id: &str| {
        let part = root.join(".incoming").join(id);
        fs::create_dir_all(&part).unwrap();
        fs::write(part.join("x.part"), [0; 1000]).unwrap();
    };
    let snapshot = dir.path().join(".cache/huggingface/hub/models--a--b/snapshots/1");
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("chat.gguf"), GGUF).unwrap();
    let library = library.with_other_programs(Places::of(None, None, Some(dir.path())));
    part("chat");
    let removed = library.remove("chat").unwrap();
    assert!(removed.model.is_none() && removed.bytes == 1000 && snapshot.join("chat.gguf").exists());
    assert_eq!(library.remove("chat").unwrap_err().fault, Fault::ReadOnly);
    part("anna");
    imported(&library, &voice(&dir.path().join("stick"), "anna", 2));
    assert!(!library.root().join(".incoming/anna").exists(), "it is not needed any more");
    library.remove("anna").unwrap();
    assert_eq!(tree(library.root()), [""; 0]);
    imported(&library, &voice(&dir.path().join("stick"), "anna", 2));
    assert!(library.get("anna").is_some(), "the name is free again");
}

#[test]
fn the_folder_that_is_written_is_the_first_that_was_named() {
    let surroundings =
        Surroundings { data_dir: Some("/data".into()), models_env: vec!["/env".into(), "/env2".into()], ..Surroundings::default() };
    let root = |chosen: Option<&str>, settings: Option<&str>, surroundings: &Surroundings| {
        Library::of_this_user(surroundings, chosen.map(Path::new), settings.map(Path::new)).map(|library| library.root().to_owned())
    };
    assert_eq!(root(Some("/chosen"), Some("/settings"), &surroundings).unwrap(), Path::new("/chosen"));
    assert_eq!(root(None, Some("/settings"), &surroundings).unwrap(), Path::new("/settings"));
    assert_eq!(root(None, Some(""), &surroundings).unwrap(), Path::new("/env"));
    let no_env = Surroundings { models_env: Vec::new(), ..surroundings };
    assert_eq!(root(None, None, &no_env).unwrap(), Path::new("/data").join("hark").join("models"));
    assert_eq!(root(None, None, &Surroundings::default()).unwrap_err().fault, Fault::Missing);
}

#[test]
fn a_file_that_somebody_put_beside_an_installed_model_is_not_deleted_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let library = library(dir.path());
    imported(&library, &voice(&dir.path().join("stick"), "anna", 1));
    let folder = library.root().join("voices/anna");
    fs::write(folder.join("README.md"), "of the makers").unwrap();
    fs::write(folder.join("my-own.gguf"), GGUF).unwrap();
    let refused = || {
        let error = library.remove("anna").unwrap_err();
        assert_eq!(error.fault, Fault::ReadOnly);
        assert!(error.message.contains("also holds my-own.gguf") && error.hint.contains("Move that elsewhere"), "{error}");
        assert!(folder.join("my-own.gguf").exists());
    };
    refused();
    // Also when nothing of the model itself can be used any more.
    let graph = fs::read(folder.join("anna.onnx")).unwrap();
    fs::remove_file(folder.join("anna.onnx")).unwrap();
    refused();
    fs::write(folder.join("anna.onnx"), graph).unwrap();
    fs::remove_file(folder.join("my-own.gguf")).unwrap();
    fs::create_dir(folder.join("my-own.gguf")).unwrap();
    refused();
    fs::remove_dir(folder.join("my-own.gguf")).unwrap();
    library.remove("anna").unwrap();
    assert!(!folder.exists());
}
