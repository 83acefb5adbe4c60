use super::*;
use crate::models::catalog::ModelKind;
use crate::models::fixtures::{catalog_of, graph, sha256, tree};

fn model(sha256: Option<String>, evidence: Evidence) -> CatalogModel {
    let file = CatalogFile { name: "silero_vad.onnx".into(), path: Some("sub dir/m.onnx".into()), bytes: None, sha256, evidence };
    let known = catalog_of("known", ModelKind::Vad, file).models.remove(0);
    CatalogModel { sources: vec![Source::Hub { repo: "owner/name".into(), revision: Some("0".repeat(40)) }], ..known }
}

fn fetched(sha256: &str) -> Fetched {
    Fetched { name: "silero_vad.onnx".into(), bytes: 5, sha256: sha256.to_owned(), as_expected: None }
}

fn agreed_with(model: &CatalogModel, sha256: &str, answer: bool) -> (Result<Vec<RecordFile>, InstallError>, usize) {
    let asked = std::cell::Cell::new(0);
    let accept = |question: &FileQuestion| {
        assert_eq!((question.model.as_str(), question.sha256.as_str()), ("known", sha256));
        asked.set(asked.get() + 1);
        answer
    };
    let options = PullOptions { mirror: None, accept: &accept, fetch: fetch::Options::default() };
    let files = agreed(model, &[fetched(sha256)], &options);
    (files, asked.get())
}

#[test]
fn the_person_is_asked_only_about_a_hash_that_is_not_ours() {
    let (ours, other) = ("1".repeat(64), "2".repeat(64));
    for evidence in [Evidence::Seen, Evidence::Reported] {
        let (files, asked) = agreed_with(&model(Some(ours.clone()), evidence), &ours, false);
        assert_eq!((files.unwrap()[0].as_expected, asked), (Some(true), 0));
    }
    for (known, noted) in [(Some(ours), Some(false)), (None, None)] {
        let (files, asked) = agreed_with(&model(known.clone(), Evidence::Reported), &other, true);
        assert_eq!((files.unwrap()[0].as_expected, asked), (noted, 1));
        let (files, asked) = agreed_with(&model(known, Evidence::Unknown), &other, false);
        let error = files.unwrap_err();
        assert_eq!((error.fault, asked), (Fault::Declined, 1));
        assert!(error.message.contains(&other) && error.hint.contains("--yes"), "{error}");
    }
}

#[test]
fn addresses_are_those_of_the_hub_or_of_a_mirror() {
    let address = |mirror| job_files(&model(None, Evidence::Unknown), mirror).map(|files| files[0].urls[0].clone());
    let path = format!("owner/name/resolve/{}/sub%20dir/m.onnx", "0".repeat(40));
    assert_eq!(address(None).unwrap(), format!("https://huggingface.co/{path}"));
    assert_eq!(address(Some("http://127.0.0.1:8000/hf/")).unwrap(), format!("http://127.0.0.1:8000/hf/{path}"));
    assert_eq!(address(Some(" ")).unwrap(), format!("https://huggingface.co/{path}"));
    for bad in ["mirror.example", "ftp://x", "https://a b", "https://x/?q", "file:///etc", &format!("https://{}", "x".repeat(600))] {
        assert!(address(Some(bad)).is_err(), "{bad}");
    }
}

#[test]
fn only_a_hash_that_we_computed_is_strict() {
    let strict = |sha256, evidence| job_files(&model(sha256, evidence), None).unwrap()[0].strict;
    assert!(strict(Some("1".repeat(64)), Evidence::Seen));
    assert!(!strict(Some("1".repeat(64)), Evidence::Reported) && !strict(None, Evidence::Unknown));
}

#[test]
fn an_entry_that_makes_no_sense_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path().join("store"), Vec::new());
    let options = PullOptions { mirror: None, accept: &|_| true, fetch: fetch::Options::default() };
    let pulled = |model: &CatalogModel| pull(&library, model, &options, &|| false, &mut |_| {}).unwrap_err();
    let mut bad = model(None, Evidence::Unknown);
    bad.id = "../x".into();
    assert_eq!(pulled(&bad).fault, Fault::Refused);
    let mut bad = model(None, Evidence::Unknown);
    bad.files[0].name = "../../x".into();
    assert_eq!(pulled(&bad).fault, Fault::Refused);
    let mut bad = model(None, Evidence::Unknown);
    bad.sources = vec![Source::Setup { package: "smollm2".into() }];
    let error = pulled(&bad);
    assert_eq!(error.fault, Fault::Missing);
    assert!(error.hint.contains("scripts/setup"), "{error}");
    assert!(!dir.path().join("store").exists());
}

#[test]
fn a_model_that_is_whole_is_not_fetched_again_and_another_one_in_its_place_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path().join("store"), Vec::new());
    let incoming = Incoming::begin(library.root(), ModelKind::Vad, "known", Way::Copy).unwrap();
    fs::write(incoming.folder().join("silero_vad.onnx"), graph(1)).unwrap();
    let file = RecordFile { name: "silero_vad.onnx".into(), bytes: graph(1).len() as u64, sha256: sha256(&graph(1)), as_expected: None };
    let known = model(None, Evidence::Unknown);
    let place = incoming.place(&record_of(&known, "a test".into(), vec![file])).unwrap();
    // Nobody listens there: it would fail if it were asked.
    let options = PullOptions { mirror: Some("http://127.0.0.1:9".into()), accept: &|_| true, fetch: fetch::Options::default() };
    let pulled = || pull(&library, &known, &options, &|| false, &mut |_| {});
    assert!(matches!(pulled().unwrap(), Outcome::Done(installed) if installed.id == "known"));
    fs::write(place.join("silero_vad.onnx"), "cut").unwrap();
    let error = pulled().unwrap_err();
    assert_eq!(error.fault, Fault::Taken);
    assert!(error.hint.contains("hark models remove known"), "{error}");
    assert_eq!(tree(&place), ["hark-model.toml", "silero_vad.onnx"]);
}

fn whole_store(kind: ModelKind, file: &str, bytes: &[u8]) -> (tempfile::TempDir, Library, CatalogModel) {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path().join("store"), Vec::new());
    let known = CatalogFile { name: file.into(), path: None, bytes: None, sha256: None, evidence: Evidence::Unknown };
    let known = catalog_of("known", kind, known).models.remove(0);
    let incoming = Incoming::begin(library.root(), kind, "known", Way::Copy).unwrap();
    fs::write(incoming.folder().join(file), bytes).unwrap();
    let file = RecordFile { name: file.into(), bytes: bytes.len() as u64, sha256: sha256(bytes), as_expected: None };
    incoming.place(&record_of(&known, "a test".into(), vec![file])).unwrap();
    (dir, library, known)
}

#[test]
fn what_was_installed_is_found_although_a_file_by_hand_has_its_name() {
    let (_dir, library, known) = whole_store(ModelKind::Chat, "m.gguf", b"GGUF\x03\0\0\0");
    fs::write(library.root().join("chat/known.gguf"), b"GGUF\x03\0\0\0 by hand").unwrap();
    let mut ids: Vec<String> = library.installed().into_iter().map(|model| model.id).collect();
    ids.sort();
    assert_eq!(ids, ["known", "known-2"]);
    let options = PullOptions { mirror: Some("http://127.0.0.1:9".into()), accept: &|_| true, fetch: fetch::Options::default() };
    let Outcome::Done(there) = pull(&library, &known, &options, &|| false, &mut |_| {}).unwrap() else { panic!("nobody cancelled") };
    assert_eq!(there.folder, library.root().join("chat/known"));
    fs::remove_dir_all(there.folder).unwrap();
    assert_eq!(already(&library, &known), None, "what was put there by hand is no reason not to fetch it");
}

#[test]
fn another_model_that_has_the_name_is_not_taken_for_it() {
    let (_dir, library, known) = whole_store(ModelKind::Chat, "other.gguf", b"GGUF\x03\0\0\0");
    let mut wanted = known;
    wanted.files[0].name = "m.gguf".into();
    assert_eq!(already(&library, &wanted), None);
    assert!(!library.get("known").unwrap().is_of(&wanted), "it is offered still");
}

#[test]
fn an_empty_folder_in_the_place_of_a_model_keeps_it_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::open(dir.path().join("store"), Vec::new());
    let place = library.place_of(ModelKind::Vad, "known");
    fs::create_dir_all(&place).unwrap();
    let fetch = fetch::Options { program: Some("/no/such/program".into()), ..fetch::Options::default() };
    let options = PullOptions { mirror: None, accept: &|_| true, fetch };
    let error = pull(&library, &model(None, Evidence::Unknown), &options, &|| false, &mut |_| {}).unwrap_err();
    assert_eq!(error.fault, Fault::Network, "it came as far as the network: {error}");
}

#[test]
fn what_is_certainly_right_is_kept_when_a_model_cannot_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let left = |graph: Option<bool>, config: Option<bool>| {
        let file = |name: &str, as_expected| {
            fs::write(dir.path().join(name), "x").unwrap();
            RecordFile { name: name.into(), bytes: 1, sha256: "0".repeat(64), as_expected }
        };
        forget_doubtful(dir.path(), &[file("a.onnx", graph), file("a.onnx.json", config)]);
        tree(dir.path())
    };
    assert_eq!(left(Some(true), None), ["a.onnx"], "the config is what may be wrong");
    assert_eq!(left(Some(false), Some(true)), ["a.onnx.json"]);
    assert_eq!(left(Some(true), Some(true)), [""; 0], "nothing of it is of use");
}

#[test]
fn the_password_of_a_mirror_is_not_written_into_the_store() {
    let from = origin_of(&model(None, Evidence::Unknown), Some("https://me:secret@mirror.test/hf"));
    assert_eq!(from, format!("https://mirror.test/hf/owner/name at {}", "0".repeat(40)));
}

#[test]
fn a_mirror_s_password_is_said_to_nobody_and_without_encryption_only_this_machine_is_believed() {
    let said = hub_address(Some("ftp://me:secret@mirror.test/x")).unwrap_err().message;
    assert!(said.contains("mirror.test") && !said.contains("secret"), "{said}");
    for (mirror, open) in [
        ("http://mirror.test", true),
        ("http://me:secret@mirror.test:8080/x", true),
        ("http://10.0.0.1/x", true),
        ("http://localhost.evil.test/", true),
        ("http://127.0.0.1:8000", false),
        ("http://[::1]:8000/x", false),
        ("http://localhost/x", false),
        ("https://mirror.test", false),
    ] {
        assert_eq!(is_in_the_open(Some(mirror)), open, "{mirror}");
    }
    assert!(!is_in_the_open(None));
}
