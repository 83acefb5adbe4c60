use super::*;
use crate::models::catalog::{Catalog, CatalogFile, Evidence, ModelKind};
use crate::models::fixtures::{Draw, catalog_of, config, graph, sha256, tree};
use crate::models::import::import;
use std::time::{Duration, Instant};
use tar::Header;

/// An entry of a pack under construction.
struct Part {
    name: String,
    kind: EntryType,
    bytes: Vec<u8>,
    /// What the header says; usually the number of bytes.
    size: u64,
}

impl Part {
    fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Part {
        let bytes = bytes.into();
        Part { name: name.to_owned(), kind: EntryType::Regular, size: bytes.len() as u64, bytes }
    }

    fn write(&self, to: &mut Vec<u8>) {
        let mut header = Header::new_ustar();
        // Not `set_path`: it does not allow what is tried here.
        let name = self.name.as_bytes();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(self.kind);
        header.set_size(self.size);
        header.set_mode(0o644);
        header.set_cksum();
        to.extend_from_slice(header.as_bytes());
        to.extend_from_slice(&self.bytes);
        to.resize(to.len().div_ceil(512) * 512, 0);
    }
}

fn manifest_text() -> String {
    let file =
        |name: &str, bytes: &[u8]| format!("[[model.file]]\nname = \"{name}\"\nbytes = {}\nsha256 = \"{}\"\n", bytes.len(), sha256(bytes));
    let head = "format = 1\n[[model]]\nid = \"anna\"\nname = \"Anna\"\nkind = \"voice\"\n";
    format!("{head}{}{}", file("anna.onnx", &graph(1)), file("anna.onnx.json", config().as_bytes()))
}

fn parts() -> Vec<Part> {
    vec![Part::new(MANIFEST, manifest_text()), Part::new("anna/anna.onnx", graph(1)), Part::new("anna/anna.onnx.json", config())]
}

fn tar(parts: &[Part]) -> Vec<u8> {
    let mut bytes = Vec::new();
    parts.iter().for_each(|part| part.write(&mut bytes));
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

struct Place {
    dir: tempfile::TempDir,
    library: Library,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        Place { library: Library::open(dir.path().join("store"), Vec::new()), dir }
    }

    fn import(&self, bytes: &[u8]) -> Result<Vec<Installed>, InstallError> {
        let path = self.dir.path().join("x.harkpack");
        std::fs::write(&path, bytes).unwrap();
        self.import_file(&path)
    }

    fn import_file(&self, path: &Path) -> Result<Vec<Installed>, InstallError> {
        let started = Instant::now();
        let result = import(&self.library, &Catalog::default(), path, &|| false, &mut |_| {});
        assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
        match result? {
            Outcome::Done(installed) => Ok(installed),
            Outcome::Cancelled => panic!("nobody cancelled"),
        }
    }

    /// It is refused for this reason, and nothing of it is left, here or anywhere near.
    #[track_caller]
    fn refuses(&self, what: &str, bytes: &[u8], reason: &str) {
        let error = self.import(bytes).expect_err(what);
        assert!(error.to_string().contains(reason), "{what}: {error}");
        assert_eq!(tree(self.dir.path()), ["x.harkpack"], "{what}");
    }
}

#[test]
fn a_good_pack_is_taken() {
    let place = Place::new();
    let installed = place.import(&tar(&parts())).unwrap();
    assert_eq!((installed[0].id.as_str(), installed[0].kind), ("anna", ModelKind::Voice));
    assert_eq!(tree(place.library.root()), ["voices/anna/anna.onnx", "voices/anna/anna.onnx.json", "voices/anna/hark-model.toml"]);
}

#[test]
fn a_pack_does_not_pass_another_file_for_a_model_of_the_catalog() {
    for (evidence, right, noted) in [
        (Evidence::Seen, true, Some(Some(true))),
        (Evidence::Seen, false, None),
        (Evidence::Reported, true, Some(Some(true))),
        (Evidence::Reported, false, Some(Some(false))),
    ] {
        let place = Place::new();
        let sha256 = Some(sha256(&graph(if right { 1 } else { 2 })));
        let file = CatalogFile { name: "anna.onnx".into(), path: None, bytes: None, sha256, evidence };
        let path = place.dir.path().join("x.harkpack");
        std::fs::write(&path, tar(&parts())).unwrap();
        let result = unpack(&place.library, &catalog_of("anna", ModelKind::Voice, file), &path, &|| false, &mut |_| {});
        match (result, noted) {
            (Ok(Outcome::Done(models)), Some(noted)) => {
                let files = models[0].0.record.clone().unwrap().files;
                assert_eq!((files[0].as_expected, files[1].as_expected), (noted, None), "{evidence:?} {right}");
            }
            (Err(error), None) => {
                assert!(error.message.contains("anna/anna.onnx is not the one that the catalog knows"), "{error}");
                assert_eq!(tree(place.dir.path()), ["x.harkpack"]);
            }
            (result, _) => panic!("{evidence:?} {right}: {result:?}"),
        }
    }
}

#[test]
fn names_that_lead_elsewhere_links_and_devices_are_refused() {
    let place = Place::new();
    for name in ["../evil", "/tmp/evil", "anna/../../evil", "anna", "C:\\evil", "./anna/anna.onnx", "anna//anna.onnx", ""] {
        let mut all = parts();
        all.push(Part::new(name, "evil"));
        place.refuses(name, &tar(&all), "without announcing it");
        all = parts();
        all[1].name = name.to_owned();
        place.refuses(name, &tar(&all), "without announcing it");
    }
    let kinds = [
        (EntryType::Symlink, "a link"),
        (EntryType::Link, "a link"),
        (EntryType::GNUSparse, "with holes"),
        (EntryType::Char, "no plain file"),
        (EntryType::Block, "no plain file"),
        (EntryType::Fifo, "no plain file"),
        (EntryType::Directory, "no plain file"),
        (EntryType::GNULongName, "no plain file"),
        (EntryType::GNULongLink, "no plain file"),
        (EntryType::XHeader, "no plain file"),
        (EntryType::XGlobalHeader, "no plain file"),
        (EntryType::Continuous, "no plain file"),
        (EntryType::new(b'?'), "no plain file"),
    ];
    for (kind, reason) in kinds {
        for at in 0..3 {
            let mut all = parts();
            all[at].kind = kind;
            place.refuses(&format!("{kind:?} at {at}"), &tar(&all), reason);
        }
    }
}

#[test]
fn what_differs_from_the_list_of_contents_is_refused() {
    let place = Place::new();
    let changed = |change: &dyn Fn(&mut Vec<Part>)| {
        let mut all = parts();
        change(&mut all);
        tar(&all)
    };
    place.refuses("twice", &changed(&|all| all.push(Part::new("anna/anna.onnx", graph(1)))), "twice, or without");
    place.refuses("missing", &changed(&|all| drop(all.pop())), "anna/anna.onnx.json is missing");
    place.refuses("other bytes", &changed(&|all| all[1].bytes = graph(2)), "damaged (its SHA-256");
    place.refuses("shorter", &changed(&|all| all[1] = Part::new("anna/anna.onnx", "x")), "another size");
    place.refuses("longer", &changed(&|all| all[2].size += 1), "");
    place.refuses("no list", &changed(&|all| drop(all.remove(0))), "does not come first");
    place.refuses("list last", &changed(&|all| all.rotate_left(1)), "does not come first");
    place.refuses("list twice", &changed(&|all| all.push(Part::new(MANIFEST, manifest_text()))), "twice, or without");
    let other_kind = manifest_text().replace("\"voice\"", "\"chat\"");
    place.refuses(
        "a voice as chat model",
        &changed(&|all| all[0] = Part::new(MANIFEST, other_kind.clone())),
        "its file anna.onnx is no good",
    );
    let no_config = manifest_text().split("[[model.file]]\nname = \"anna.onnx.json\"").next().unwrap().to_owned();
    let alone = changed(&|all| {
        all[0] = Part::new(MANIFEST, no_config.clone());
        all.pop();
    });
    place.refuses("without config", &alone, ".onnx.json is missing");
}

#[test]
fn bombs_are_refused_early_and_without_memory() {
    let place = Place::new();
    let huge = |size: u64| {
        let text = manifest_text().replacen(&format!("bytes = {}", graph(1).len()), &format!("bytes = {size}"), 1);
        let mut all = parts();
        all[0] = Part::new(MANIFEST, text);
        all[1].size = size;
        tar(&all)
    };
    for size in [1 << 33, 1 << 45, i64::MAX as u64] {
        place.refuses(&format!("{size} bytes announced"), &huge(size), "");
    }
    for at in 0..3 {
        for size in [1 << 40, u64::MAX, u64::MAX - 511] {
            let mut all = parts();
            all[at].size = size;
            place.refuses(&format!("a header of {size} bytes at {at}"), &tar(&all), "");
        }
    }
    place.refuses("an endless list", &tar(&[Part::new(MANIFEST, "#".repeat(1_000_001))]), "too long");
    let many = format!("format = 1\n{}", "[[model]]\nid = \"a\"\n".repeat(20_000));
    place.refuses("a long list", &tar(&[Part::new(MANIFEST, many)]), "");
    // A long name that is said to have a tebibyte, in a file that has one, with holes.
    let mut name = Part::new("././@LongLink", "");
    (name.kind, name.size) = (EntryType::GNULongName, 1 << 40);
    let path = place.dir.path().join("x.harkpack");
    let mut bytes = Vec::new();
    parts()[0].write(&mut bytes);
    name.write(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    if File::options().write(true).open(&path).unwrap().set_len(1 << 41).is_ok() {
        let error = place.import_file(&path).unwrap_err();
        assert!(error.message.contains("no plain file"), "{error}");
        assert_eq!(tree(place.library.root()), [""; 0]);
    }
    let entries: Vec<Part> =
        std::iter::once(Part::new(MANIFEST, manifest_text())).chain((0..30_000).map(|n| Part::new(&n.to_string(), ""))).collect();
    place.refuses("many entries", &tar(&entries), "without announcing it");
}

#[test]
fn a_pack_cut_anywhere_is_refused_or_whole() {
    let whole = tar(&parts());
    let mut draw = Draw(4);
    let blocks = (0..whole.len() / 512).map(|block| block * 512);
    let elsewhere: Vec<usize> = (0..40).map(|_| draw.below(whole.len() as u64) as usize).collect();
    let (mut refused, mut taken) = (0, 0);
    for cut in blocks.chain(elsewhere) {
        let place = Place::new();
        match place.import(&whole[..cut]) {
            Err(error) => {
                refused += 1;
                assert!(error.message.ends_with('.') && !error.message.contains("os error"), "{error}");
                assert_eq!(tree(place.dir.path()), ["x.harkpack"], "cut at {cut}");
            }
            // Only the empty blocks at the end are missing.
            Ok(installed) => {
                taken += 1;
                assert!(cut + 1024 + 512 >= whole.len(), "cut at {cut}");
                assert_eq!(std::fs::read(&installed[0].file).unwrap(), graph(1));
            }
        }
    }
    assert!(refused > 40 && taken >= 2, "{refused} refused, {taken} taken");
}

#[test]
fn flipped_bytes_never_give_a_model_that_is_not_whole() {
    let whole = tar(&parts());
    let mut draw = Draw(11);
    for n in 0..300 {
        let place = Place::new();
        let mut bytes = whole.clone();
        for _ in 0..=draw.below(4) {
            let at = draw.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << draw.below(8);
        }
        match place.import(&bytes) {
            Ok(installed) => assert_eq!(std::fs::read(&installed[0].file).unwrap(), graph(1), "{n}"),
            Err(_) => assert_eq!(tree(place.dir.path()), ["x.harkpack"], "{n}"),
        }
    }
}

#[test]
fn another_model_of_this_name_stays() {
    let place = Place::new();
    place.import(&tar(&parts())).unwrap();
    let record = place.library.root().join("voices/anna/hark-model.toml");
    let other = std::fs::read_to_string(&record).unwrap().replace(&sha256(&graph(1)), &sha256(&graph(2)));
    std::fs::write(&record, other).unwrap();
    let error = place.import(&tar(&parts())).unwrap_err();
    assert_eq!(error.fault, Fault::Taken);
    assert!(place.library.get("anna").is_some());
}

#[test]
fn a_pack_does_not_pass_another_model_for_one_of_the_catalog() {
    let file = |name: &str| CatalogFile { name: name.into(), path: None, bytes: None, sha256: None, evidence: Evidence::Unknown };
    for (kind, name) in [(ModelKind::Chat, "anna.onnx"), (ModelKind::Voice, "anna-medium.onnx")] {
        let place = Place::new();
        let path = place.dir.path().join("x.harkpack");
        std::fs::write(&path, tar(&parts())).unwrap();
        let error = unpack(&place.library, &catalog_of("anna", kind, file(name)), &path, &|| false, &mut |_| {}).unwrap_err();
        assert_eq!(error.fault, Fault::WrongHash);
        assert!(error.message.contains("its model anna is not the one that the catalog knows"), "{error}");
        assert_eq!(tree(place.dir.path()), ["x.harkpack"]);
    }
}

/// A pack of the models anna and bert.
fn two() -> Vec<Part> {
    let second = manifest_text().replace("format = 1\n", "").replace("anna", "bert").replace("Anna", "Bert");
    let mut all = parts();
    all[0] = Part::new(MANIFEST, manifest_text() + &second);
    all.extend([Part::new("bert/bert.onnx", graph(1)), Part::new("bert/bert.onnx.json", config())]);
    all
}

#[test]
fn when_the_last_model_of_a_pack_finds_no_place_none_of_them_stays() {
    let place = Place::new();
    let path = place.dir.path().join("x.harkpack");
    std::fs::write(&path, tar(&two())).unwrap();
    let taken = place.library.place_of(ModelKind::Voice, "bert");
    // Another program puts something there while the pack is read.
    let on = &mut |progress| {
        if matches!(&progress, Progress::Done { name, .. } if name == "bert.onnx.json") {
            std::fs::create_dir_all(&taken).unwrap();
            std::fs::write(taken.join("thesis.doc"), "years of work").unwrap();
        }
    };
    let error = unpack(&place.library, &Catalog::default(), &path, &|| false, on).unwrap_err();
    assert_eq!(error.fault, Fault::Taken);
    assert_eq!(tree(place.library.root()), ["voices/bert/thesis.doc"]);
}

#[test]
fn what_is_installed_already_needs_no_room_and_is_not_read() {
    let place = Place::new();
    place.import(&tar(&parts())).unwrap();
    assert_eq!(place.import(&tar(&two())).unwrap().len(), 2);
    // The list alone, and nothing behind it.
    let mut list = Vec::new();
    parts()[0].write(&mut list);
    list.resize(tar(&parts()).len(), 0);
    assert_eq!(place.import(&list).unwrap()[0].id, "anna");
    let mut model = Manifest::parse(&manifest_text()).unwrap().models.remove(0);
    model.files[0].bytes = u64::MAX;
    assert!(room_for(&place.library, &[(&model, false)]).is_ok());
    assert!(room_for(&place.library, &[(&model, true)]).is_err());
    // Ctrl+C is heard in the middle of 5 GB that are passed over.
    assert!(matches!(pass_over(&mut std::io::repeat(7), &|| true), Ok(Outcome::Cancelled)));
}
