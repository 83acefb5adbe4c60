#![no_main]
use hark_fuzz::models::names::{id_of, is_id};
use hark_fuzz::models::pack::Manifest;
use hark_fuzz::models::record::{FILE, Record};
use hark_fuzz::place;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Some(record) = Record::parse(text) {
        let _ = record.bytes();
        record.write(place::folder()).expect("it can be written");
        assert_eq!(Record::read(place::folder()), Some(record));
    } else {
        // It is read from a file too, where it is bounded.
        place::put(FILE, text);
        assert_eq!(Record::read(place::folder()), None);
    }
    match Manifest::parse(text) {
        Err(reason) => assert!(!reason.trim().is_empty() && !reason.contains(char::is_control), "{reason:?}"),
        Ok(manifest) => {
            let _ = manifest.bytes();
            let again = toml::to_string(&manifest).expect("it can be written");
            assert_eq!(Manifest::parse(&again), Ok(manifest), "{again}");
        }
    }
    assert!(is_id(&id_of(text)));
});
