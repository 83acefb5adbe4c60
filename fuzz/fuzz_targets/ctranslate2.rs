#![no_main]
use hark_fuzz::ctranslate2_make::{Model, vocabulary};
use hark_fuzz::models::check::ggml;
use hark_fuzz::models::ctranslate2::{Conversion, Tokens, Weights};
use hark_fuzz::patch;
use hark_fuzz::turn::Outcome;
use std::io::Cursor;
use std::sync::LazyLock;

/// Whole models, and the places that are no weights.
static WHOLE: LazyLock<Vec<(Vec<u8>, Vec<usize>)>> = LazyLock::new(|| {
    let places = |parts: &[Vec<u8>]| {
        let (mut at, mut places) = (0, Vec::new());
        for (number, part) in parts.iter().enumerate() {
            // Behind the header every second part is weights.
            if number % 2 == 1 || number == 0 || number + 1 == parts.len() {
                places.extend(at..at + part.len());
            }
            at += part.len();
        }
        places.push(at);
        places
    };
    let models = [0, 1, 4].map(|kind| Model::of(kind).parts());
    models.map(|parts| (parts.concat(), places(&parts))).into()
});
static WORDS: LazyLock<Vec<u8>> = LazyLock::new(|| serde_json::to_vec(&vocabulary()).expect("words"));

// First byte: 0 the rest is a model, 1 to 3 the rest is a vocabulary, else changes of a whole model.
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let number = usize::from(*first);
    let (whole, places) = &WHOLE[number % 3];
    let (model, words) = match number {
        0 => (rest.to_vec(), &WORDS[..]),
        1..4 => (whole.clone(), rest),
        _ => (patch::changed(whole, places, rest), &WORDS[..]),
    };
    let name = ["vocabulary.json", "vocabulary.json", "vocabulary.txt", "tokenizer.json"].get(number).unwrap_or(&"vocabulary.json");
    let planned = Conversion::plan(Cursor::new(model), || Tokens::parse(name, words), Weights::ALL[number / 3 % 3]);
    let conversion = match planned {
        Ok(conversion) => conversion,
        Err(error) => return assert!(!error.reason.is_empty()),
    };
    let (bytes, mut out) = (conversion.bytes(), Vec::new());
    if let Ok(Outcome::Done(())) = conversion.write(&mut out, &|| false, &mut |_| {}) {
        assert_eq!(out.len() as u64, bytes);
        // What was planned, the check before the engine takes.
        assert!(ggml::check(Cursor::new(out)).is_ok());
    }
});
