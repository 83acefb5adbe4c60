#![no_main]
use hark_fuzz::models::catalog::Catalog;
use hark_fuzz::models::incoming::kind_folder;
use hark_fuzz::models::library::{Installed, Library};
use hark_fuzz::models::record::Record;
use hark_fuzz::models::unpack::unpack;
use hark_fuzz::turn::Outcome;
use hark_fuzz::{packs, place};
use std::path::Path;

fn check(library: &Library, model: &Installed) {
    assert_eq!(model.folder, library.place_of(model.kind, &model.id), "{model:?}");
    assert_eq!(model.folder.parent(), Some(&*library.root().join(kind_folder(model.kind))));
    let record = Record::read(&model.folder).expect("a record that can be read");
    for file in &record.files {
        let size = std::fs::metadata(model.folder.join(&file.name)).expect("a file").len();
        assert_eq!(size, file.bytes);
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let path = place::put("x.harkpack", packs::pack(input));
    let library = Library::open(place::folder().join("store"), Vec::new());
    let read = || unpack(&library, &Catalog::default(), &path, &|| false, &mut |_| {});
    match read() {
        Err(error) => {
            assert!(!error.message.is_empty() && !error.hint.is_empty() && !error.message.contains(char::is_control), "{error:?}");
            // Nothing of it is left but the locks.
            let left = place::tree(library.root());
            let harmless = |path: &Path| path == Path::new(".incoming") || path.extension().is_some_and(|ending| ending == "lock");
            assert!(left.iter().all(|path| harmless(path)), "{left:?}");
        }
        Ok(Outcome::Done(models)) => {
            assert!(models.iter().all(|(_, new)| *new));
            models.iter().for_each(|(model, _)| check(&library, model));
            // The same pack again changes nothing.
            let Ok(Outcome::Done(again)) = read() else { panic!("it is refused the second time") };
            assert!(again.len() == models.len() && again.iter().all(|(_, new)| !new));
        }
        Ok(Outcome::Cancelled) => panic!("nobody cancelled"),
    }
    // Nothing stands beside the store.
    let mut there: Vec<_> = std::fs::read_dir(place::folder()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    there.retain(|name| name != "store" && name != "x.harkpack");
    assert!(there.is_empty(), "{there:?}");
    place::clear();
});
