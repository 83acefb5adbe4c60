#![no_main]
use hark_fuzz::models::catalog::{Catalog, HUB};

libfuzzer_sys::fuzz_target!(|text: &str| {
    match Catalog::parse(text) {
        // One line, because it is shown in one.
        Err(error) => {
            let reason = error.to_string();
            assert!(!reason.trim().is_empty() && !reason.contains(char::is_control), "{reason:?}");
        }
        Ok(catalog) => {
            for model in &catalog.models {
                assert_eq!(catalog.get(&model.id), Some(model));
                for address in model.files.iter().flat_map(|file| model.addresses(file, HUB)) {
                    assert!(address.starts_with("http") && address.bytes().all(|byte| byte.is_ascii_graphic()), "{address}");
                }
                let _ = (model.bytes(), model.speaks("en_GB.UTF-8"));
            }
            let again = toml::to_string(&catalog).expect("it can be written");
            assert_eq!(Catalog::parse(&again).as_ref(), Ok(&catalog), "{again}");
        }
    }
});
