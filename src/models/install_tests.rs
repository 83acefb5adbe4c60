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
    let incoming = Incoming::begin(library.root(), "known", Way::Copy).unwrap();
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
