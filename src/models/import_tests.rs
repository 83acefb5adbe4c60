use super::*;
use crate::models::catalog::{CatalogFile, ModelKind};
use crate::models::ctranslate2::make::{Model, vocabulary};
use crate::models::fixtures::{catalog_of, config, graph, sha256, tree, voice};
use std::cell::Cell;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn library(&self) -> Library {
        Library::open(self.0.path().join("store"), Vec::new())
    }

    fn stick(&self) -> PathBuf {
        self.0.path().join("stick")
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.stick().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn import(&self, from: &Path) -> Result<Imported, InstallError> {
        self.import_with(&Catalog::default(), from)
    }

    fn import_with(&self, catalog: &Catalog, from: &Path) -> Result<Imported, InstallError> {
        match import_all(&self.library(), catalog, from, &|| false, &mut |_| {})? {
            Outcome::Done(imported) => Ok(imported),
            Outcome::Cancelled => panic!("nobody cancelled"),
        }
    }

    /// Nothing was left behind.
    fn assert_clean(&self) {
        assert_eq!(tree(self.library().root()), [""; 0]);
    }
}

fn ids(imported: &Imported) -> Vec<&str> {
    imported.installed.iter().map(|model| model.id.as_str()).collect()
}

fn catalog(file: CatalogFile, kind: ModelKind) -> Catalog {
    catalog_of("known", kind, file)
}

fn vad_file(sha256: Option<String>, evidence: Evidence) -> CatalogFile {
    CatalogFile { name: "silero_vad.onnx".into(), path: None, bytes: Some(graph(1).len() as u64), sha256, evidence }
}

#[test]
fn everything_usable_in_a_folder_is_taken_and_the_rest_is_said() {
    let place = Place::new();
    voice(&place.stick().join("voices"), "en_US-anna", 1);
    voice(&place.stick().join("deep/er"), "zh_CN-bo", 2);
    place.put("silero_vad.onnx", &graph(3));
    place.put("other.onnx", &graph(4));
    place.put("pytorch_model.bin", b"PK\x03\x04");
    place.put("mmproj-f16.gguf", b"GGUF\x03\0\0\0");
    place.put("ggml-cut.bin", b"lmgg\x98\xca\0\0");
    place.put("photo.jpg", b"\xff\xd8");
    place.put(".hidden/x.gguf", b"GGUF");
    let imported = place.import(&place.stick()).unwrap();
    assert_eq!(ids(&imported), ["zh_cn-bo", "silero_vad", "en_us-anna"]);
    assert_eq!(imported.refused.len(), 1);
    assert!(imported.refused[0].message.contains("ggml-cut.bin cannot be used: it is cut short"), "{}", imported.refused[0]);
    let kinds: Vec<ModelKind> = place.library().installed().into_iter().map(|model| model.kind).collect();
    assert_eq!(kinds, [ModelKind::Voice, ModelKind::Voice, ModelKind::Vad]);
    // Again: nothing is copied twice.
    let again = place.import(&place.stick()).unwrap();
    assert_eq!(again.already, ["zh_cn-bo", "silero_vad", "en_us-anna"]);
    assert_eq!(place.library().installed().len(), 3);
}

#[test]
fn a_file_that_is_no_good_is_refused_with_its_reason_and_leaves_nothing() {
    let place = Place::new();
    let gguf = [b"GGUF\x03\0\0\0".as_slice(), &[0xff; 100]].concat();
    let cases: [(&str, &[u8], &str); 8] = [
        ("empty.gguf", b"", "it is empty"),
        ("empty.bin", b"", "it is empty"),
        ("cut.bin", b"lmgg\x98\xca\0\0", "cut short"),
        ("bad.gguf", &gguf, "cannot be used"),
        ("alone.onnx", &graph(1), "alone.onnx.json is missing"),
        ("text.txt", b"hello", "no model that Hark knows"),
        ("x.onnx.json", b"{}", "import the ….onnx file"),
        ("zip.bin", b"PK\x03\x04", "no model that Hark knows"),
    ];
    for (name, bytes, reason) in cases {
        let error = place.import(&place.put(name, bytes)).unwrap_err();
        assert_eq!(error.fault, Fault::Refused, "{name}");
        assert!(error.message.contains(reason) && error.message.ends_with('.'), "{name}: {error}");
        place.assert_clean();
    }
    place.put("voice.onnx", &graph(1));
    place.put("voice.onnx.json", b"{\"audio\": 3}");
    assert!(place.import(&place.stick().join("voice.onnx")).unwrap_err().message.contains("not a voice config"));
    let error = place.import(&place.stick().join("none.gguf")).unwrap_err();
    assert_eq!((error.fault, error.message.ends_with("none.gguf is not there.")), (Fault::Missing, true));
    fs::create_dir(place.stick().join("nothing")).unwrap();
    assert_eq!(place.import(&place.stick().join("nothing")).unwrap_err().fault, Fault::Missing);
    place.assert_clean();
}

#[cfg(unix)]
#[test]
fn huge_files_with_holes_pipes_and_folders_that_loop_are_no_trouble() {
    let place = Place::new();
    let path = place.put("huge.onnx", &graph(1));
    place.put("huge.onnx.json", config().as_bytes());
    File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let error = place.import(&path).unwrap_err();
    assert!(error.message.contains("larger than 1 GiB"), "{error:?}");
    let path = place.put("huge.gguf", b"GGUF\x03\0\0\0\0");
    File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(place.import(&path).unwrap_err().fault, Fault::Refused);
    let pipe = place.stick().join("pipe.gguf");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(place.import(&pipe).unwrap_err().message.contains("neither a file nor a folder"));
    std::os::unix::fs::symlink(place.stick(), place.stick().join("loop")).unwrap();
    std::os::unix::fs::symlink("self", place.stick().join("self")).unwrap();
    voice(&place.stick().join("a"), "anna", 1);
    let imported = place.import(&place.stick()).unwrap();
    assert_eq!(ids(&imported), ["anna"]);
    assert_eq!(imported.refused.len(), 2, "{:?}", imported.refused);
}

#[test]
fn a_model_of_the_catalog_is_known_by_its_name_or_by_its_hash() {
    for name in ["silero_vad.onnx", "renamed-vad.onnx"] {
        let place = Place::new();
        let catalog = catalog(vad_file(Some(sha256(&graph(1))), Evidence::Seen), ModelKind::Vad);
        let imported = place.import_with(&catalog, &place.put(name, &graph(1))).unwrap();
        assert_eq!(ids(&imported), ["known"], "{name}");
        let record = imported.installed[0].record.clone().unwrap();
        assert_eq!((record.files[0].name.as_str(), record.files[0].as_expected), ("silero_vad.onnx", Some(true)));
        assert_eq!(record.licence.as_deref(), Some("MIT"));
    }
}

#[test]
fn a_file_that_is_named_like_a_known_one_and_is_another_is_refused_when_we_are_certain() {
    let place = Place::new();
    let path = place.put("silero_vad.onnx", &graph(2));
    assert_eq!(graph(1).len(), graph(2).len());
    let certain = catalog(vad_file(Some(sha256(&graph(1))), Evidence::Seen), ModelKind::Vad);
    let error = place.import_with(&certain, &path).unwrap_err();
    assert_eq!(error.fault, Fault::WrongHash);
    assert!(error.message.contains(&sha256(&graph(2))), "{error}");
    place.assert_clean();
    let hearsay = catalog(vad_file(Some(sha256(&graph(1))), Evidence::Reported), ModelKind::Vad);
    let imported = place.import_with(&hearsay, &path).unwrap();
    assert_eq!(imported.installed[0].record.clone().unwrap().files[0].as_expected, Some(false));
    let [told] = imported.doubtful().try_into().unwrap();
    assert!(told.contains("silero_vad.onnx") && told.contains(&sha256(&graph(2))), "{told}");
}

#[test]
fn another_model_of_the_same_name_gets_a_number() {
    let place = Place::new();
    let one = voice(&place.stick().join("1"), "anna", 1);
    let two = voice(&place.stick().join("2"), "anna", 2);
    assert_eq!(ids(&place.import(&one).unwrap()), ["anna"]);
    assert_eq!(ids(&place.import(&two).unwrap()), ["anna-2"]);
    assert_eq!(place.import(&two).unwrap().already, ["anna-2"]);
}

#[test]
fn a_cancel_at_any_moment_leaves_nothing() {
    let place = Place::new();
    voice(&place.stick(), "anna", 1);
    for after in 0..40 {
        let asked = Cell::new(0);
        let cancel = || {
            asked.set(asked.get() + 1);
            asked.get() > after
        };
        let outcome = import_all(&place.library(), &Catalog::default(), &place.stick(), &cancel, &mut |_| {}).unwrap();
        if outcome == Outcome::Cancelled {
            place.assert_clean();
        } else {
            assert!(after > 0);
            assert_eq!(place.library().installed().len(), 1);
            return;
        }
    }
    panic!("it never came to an end");
}

#[test]
fn two_imports_at_once_give_one_model_or_a_sentence() {
    let place = Place::new();
    let file = voice(&place.stick(), "anna", 1);
    let results: Vec<Result<Imported, InstallError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| place.import(&file))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for result in &results {
        match result {
            Ok(imported) => assert_eq!(ids(imported), ["anna"]),
            Err(error) => assert!(matches!(error.fault, Fault::Busy | Fault::Taken), "{error}"),
        }
    }
    assert!(results.iter().any(Result::is_ok));
    assert_eq!(tree(place.library().root()), ["voices/anna/anna.onnx", "voices/anna/anna.onnx.json", "voices/anna/hark-model.toml"]);
}

#[test]
fn a_file_of_the_library_itself_is_there_already() {
    let place = Place::new();
    place.import(&voice(&place.stick(), "anna", 1)).unwrap();
    let again = place.import(place.library().root()).unwrap();
    assert_eq!(again.already, ["anna"]);
    assert_eq!(place.library().installed().len(), 1);
}

#[test]
fn a_file_of_one_s_own_does_not_take_the_name_of_a_model_of_the_catalog() {
    let place = Place::new();
    let known = CatalogFile { name: "anna.onnx".into(), path: None, bytes: Some(7), sha256: None, evidence: Evidence::Unknown };
    let catalog = catalog_of("anna", ModelKind::Voice, known);
    // The catalog's one is on its way.
    let part = place.library().root().join(".incoming/anna/anna.onnx.part");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, "half").unwrap();
    let own = voice(&place.stick(), "anna", 1);
    let imported = place.import_with(&catalog, &own).unwrap();
    assert_eq!(ids(&imported), ["anna-2"]);
    assert!(part.exists(), "what came of the other one is kept");
    let installed = place.library().installed();
    assert!(!installed.iter().any(|model| model.is_of(&catalog.models[0])), "the other one can still be had");
    assert_eq!(place.import_with(&catalog, &own).unwrap().already, ["anna-2"]);
}

#[test]
fn names_without_a_latin_letter_do_not_run_out_soon() {
    let place = Place::new();
    for n in 1..=11 {
        let imported = place.import(&voice(&place.stick().join(n.to_string()), "声音", n)).unwrap();
        let expected = if n == 1 { "model".to_owned() } else { format!("model-{n}") };
        assert_eq!(ids(&imported), [expected]);
    }
    for n in 12..=MOST_NAMESAKES {
        let taken = place.library().place_of(ModelKind::Voice, &format!("model-{n}"));
        fs::create_dir_all(&taken).unwrap();
        fs::write(taken.join("x"), "x").unwrap();
    }
    let error = place.import(&voice(&place.stick().join("one-more"), "声音", 5000)).unwrap_err();
    assert!(error.hint.contains("another name") && !error.hint.contains("remove"), "{error}");
}

/// faster-whisper's folder as the hub's cache has it.
fn faster_whisper(place: &Place, model: &Model) -> PathBuf {
    let snapshot = place.stick().join("models--Systran--faster-whisper-tiny.en/snapshots/0123");
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("model.bin"), model.bytes()).unwrap();
    fs::write(snapshot.join("vocabulary.json"), serde_json::to_string(&vocabulary()).unwrap()).unwrap();
    snapshot
}

fn import_in(place: &Place, catalog: &Catalog, from: &Path, weights: Weights) -> Result<Imported, InstallError> {
    match import_as(&place.library(), catalog, from, weights, &|| false, &mut |_| {})? {
        Outcome::Done(imported) => Ok(imported),
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn a_model_of_faster_whisper_is_converted_and_known_again() {
    let place = Place::new();
    let folder = faster_whisper(&place, &Model::of(4));
    let import = |weights| import_in(&place, &Catalog::default(), &place.stick(), weights).unwrap();
    let imported = import(Weights::Q5_1);
    assert_eq!((ids(&imported), imported.already.len()), (vec!["faster-whisper-tiny.en-q5_1"], 0));
    let record = imported.installed[0].record.clone().unwrap();
    assert_eq!((record.kind, record.name.as_str()), (ModelKind::Stt, "faster-whisper-tiny.en (q5_1)"));
    assert_eq!(Path::new(&record.from), folder.join("model.bin"), "where it came from, and not the draft");
    assert_eq!(import(Weights::Q5_1).already, ["faster-whisper-tiny.en-q5_1"]);
    assert_eq!(ids(&import(Weights::F16)), ["faster-whisper-tiny.en-f16"]);
    let of = |weights| format!("stt/faster-whisper-tiny.en-{weights}");
    let files = ["f16", "q5_1"]
        .map(|name| [format!("{}/ggml-faster-whisper-tiny.en-{name}.bin", of(name)), format!("{}/hark-model.toml", of(name))]);
    assert_eq!(tree(place.library().root()), files.concat());
    let scanned = crate::models::store::scan(&[place.library().root().to_owned()]);
    assert_eq!(scanned.stt.iter().map(|entry| entry.languages.join(" ")).collect::<Vec<_>>(), ["en", "en"]);
}

#[test]
fn a_converted_model_that_is_the_catalog_s_own_gets_its_name() {
    let place = Place::new();
    faster_whisper(&place, &Model::of(4));
    let first = import_in(&place, &Catalog::default(), &place.stick(), Weights::F16).unwrap();
    let RecordFile { sha256, bytes, .. } = first.installed[0].record.clone().unwrap().files[0].clone();
    let file =
        CatalogFile { name: "ggml-known.bin".into(), path: None, bytes: Some(bytes), sha256: Some(sha256), evidence: Evidence::Reported };
    let imported = import_in(&place, &catalog(file, ModelKind::Stt), &place.stick(), Weights::F16).unwrap();
    assert_eq!(ids(&imported), ["known"]);
    assert_eq!(imported.installed[0].record.clone().unwrap().files[0].as_expected, Some(true));
    assert!(place.library().root().join("stt/known/ggml-known.bin").is_file());
}

#[test]
fn a_model_of_faster_whisper_that_is_no_good_leaves_nothing() {
    let place = Place::new();
    let mut model = Model::of(4);
    // The last tensor that is written: everything before is good.
    model.get("encoder/layer_norm/beta").data[..2].copy_from_slice(&[0xff, 0x7f]);
    let folder = faster_whisper(&place, &model);
    let error = place.import(&folder).unwrap_err();
    assert_eq!(error.fault, Fault::Refused);
    assert!(error.message.contains("model.bin cannot be used: \"encoder/layer_norm/beta\" holds what is no number"), "{error}");
    place.assert_clean();
    fs::write(folder.join("model.bin"), &Model::of(4).bytes()[..100_000]).unwrap();
    let error = place.import(&folder).unwrap_err();
    assert!(error.message.contains("model.bin cannot be used: it is cut short"), "{error}");
    fs::write(folder.join("model.bin"), Model::of(4).bytes()).unwrap();
    fs::remove_file(folder.join("vocabulary.json")).unwrap();
    let error = place.import(&folder.join("model.bin")).unwrap_err();
    assert!(error.message.contains("vocabulary.json is missing"), "{error}");
    place.assert_clean();
}

#[test]
fn a_conversion_that_is_cancelled_leaves_nothing_and_two_at_once_give_one_model() {
    let place = Place::new();
    let folder = faster_whisper(&place, &Model::of(1));
    for after in [0, 1, 5, 30] {
        let asked = Cell::new(0);
        let cancel = || {
            asked.set(asked.get() + 1);
            asked.get() > after
        };
        let outcome = import_all(&place.library(), &Catalog::default(), &folder, &cancel, &mut |_| {}).unwrap();
        assert_eq!(outcome, Outcome::Cancelled);
        place.assert_clean();
    }
    let results: Vec<Result<Imported, InstallError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| place.import(&folder))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(matches!(error.fault, Fault::Busy | Fault::Taken), "{error}");
    }
    assert!(results.iter().any(Result::is_ok));
    assert_eq!((place.library().installed().len(), tree(place.library().root()).len()), (1, 2));
}
