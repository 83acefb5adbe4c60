#![no_main]
use hark_fuzz::place;
use hark_fuzz::tts::facts::Facts;
use hark_fuzz::tts::lexicon::Lexicon;
use hark_fuzz::tts::tokens::Tokens;
use hark_fuzz::tts::words::Words;
use std::collections::BTreeMap;

/// Attention takes memory by the square of this: 400 symbols, the last word's, and a blank beside each.
const LONGEST_RUN: usize = 2 * (400 + 2 * 130);

// First byte: with tones or not; then four parts that a byte 0xff ends: the table of symbols, the lexicon, a text to speak, the
// graph's metadata (`key value`, a line each).
libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((flags, rest)) = input.split_first() else { return };
    let mut parts = rest.split(|byte| *byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (symbols, lexicon, text, metadata) = (part(), part(), part(), String::from_utf8_lossy(part()));
    let sentence = |reason: String| assert!(!reason.trim().is_empty(), "{reason:?}");
    let tokens = match Tokens::read(&place::put("tokens.txt", symbols)) {
        Ok(tokens) => tokens,
        Err(reason) => return sentence(reason),
    };
    let tones = flags & 1 == 1;
    let lexicon = match Lexicon::read(&place::put("lexicon.txt", lexicon), &tokens, tones) {
        Ok(lexicon) => lexicon,
        Err(reason) => return sentence(reason),
    };
    let pairs = metadata.lines().filter_map(|line| line.split_once(' '));
    let facts = match Facts::of(&pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()) {
        Ok(facts) => facts,
        Err(reason) => return sentence(reason),
    };
    let words = Words::new(lexicon, tokens, facts, tones);
    let probe = words.probe(48);
    for run in words.symbols_of(&String::from_utf8_lossy(text)).iter().chain([&probe]) {
        assert!(run.ids.len() <= LONGEST_RUN, "{}", run.ids.len());
        assert!(run.ids.iter().all(|id| (0..=words.highest_id()).contains(id)), "{run:?}");
        assert!(run.tones.iter().all(|tone| (0..=words.highest_tone()).contains(tone)), "{run:?}");
        assert_eq!(run.tones.len(), if tones { run.ids.len() } else { 0 });
    }
});
