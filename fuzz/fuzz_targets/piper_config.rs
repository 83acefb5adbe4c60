#![no_main]
use hark_fuzz::tts::piper::PiperConfig;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(config) = PiperConfig::parse(text) {
        let ids = config.ids_of("həlˈoʊ wˈɜːld");
        assert!(ids.iter().all(|id| *id <= config.highest_id()));
        let _ = config.symbols();
    }
});
