#![no_main]
use hark_fuzz::models::voice_files::VoiceFiles;
use hark_fuzz::models::voice_toml::{NAME, VoiceToml};
use hark_fuzz::place;
use std::path::{Component, Path};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let path = place::put(NAME, text);
    let read = VoiceToml::read(&path);
    match VoiceToml::parse(text) {
        Err(reason) => {
            assert!(!reason.trim().is_empty() && !reason.contains(char::is_control), "{reason:?}");
            assert!(read.is_err() && VoiceFiles::of(place::folder()).is_err());
        }
        Ok(voice) => {
            for name in [&voice.acoustic, &voice.vocoder, &voice.tokens].into_iter().chain(&voice.lexicon) {
                let parts: Vec<Component> = Path::new(name).components().collect();
                assert!(matches!(parts[..], [Component::Normal(_)]), "{name:?}");
            }
            let files = VoiceFiles::of(place::folder()).expect("it names its files");
            assert_eq!(files.onnx.parent(), Some(place::folder()));
            assert_eq!(read, Ok(voice));
        }
    }
});
