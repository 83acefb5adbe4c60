#![no_main]
use hark_fuzz::tts::chars::CharTable;
use std::collections::BTreeMap;

libfuzzer_sys::fuzz_target!(|input: (BTreeMap<String, String>, &str)| {
    let (metadata, text) = input;
    if let Ok(table) = CharTable::parse(text, &metadata) {
        let ids = table.ids_of("Hello wörld 你好");
        assert!(ids.iter().all(|id| *id <= table.highest_id()));
    }
});
