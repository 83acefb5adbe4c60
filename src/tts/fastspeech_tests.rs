use super::super::engines;
use super::super::tiny::{self, BANDS, DESCRIPTION, HOP, acoustic, folder_of, has_runtime, nameless_acoustic, two_files, vocoder};
use super::*;
use crate::tts::{SpeechStats, Synthesizer, VoiceOptions};
use crate::turn::TurnId;

fn spoken(voice: &mut dyn Synthesizer, text: &str) -> Vec<f32> {
    let mut all = Vec::new();
    let options = VoiceOptions { noise: Some(0.0), ..VoiceOptions::default() };
    let outcome = voice.synthesize(text, &options, &CancelToken::never(), &mut |piece| all.extend_from_slice(piece)).unwrap();
    assert_eq!(outcome, Outcome::Done(SpeechStats { samples: all.len() }));
    all
}

/// Loads the voice with some of its files changed; an empty one is left out.
fn with(changes: &[(&'static str, Vec<u8>)]) -> Result<Box<dyn Synthesizer>, SynthesisError> {
    let mut files = two_files();
    for (name, bytes) in changes {
        files.retain(|(own, _)| own != name);
        if !bytes.is_empty() {
            files.push((*name, bytes.clone()));
        }
    }
    let folder = folder_of(&files);
    engines::load(folder.path(), 1)
}

fn described(old: &str, new: &str) -> Vec<u8> {
    assert!(DESCRIPTION.contains(old));
    DESCRIPTION.replace(old, new).into()
}

#[test]
fn words_become_frames_and_frames_become_sound() {
    if !has_runtime() {
        return;
    }
    let mut voice = with(&[]).unwrap();
    assert_eq!((voice.sample_rate(), voice.info().engine.as_str()), (16_000, "fastspeech2"));
    let sound = spoken(voice.as_mut(), "你好");
    assert_eq!(sound.len(), 4 * HOP, "a frame for each sound");
    assert_eq!(sound, spoken(voice.as_mut(), "你好"));
    assert_ne!(sound, spoken(voice.as_mut(), "好你"));
    assert_eq!(spoken(voice.as_mut(), "Hello, 你好.").len(), 9 * HOP);
    assert!(spoken(voice.as_mut(), "…").is_empty());
    // The other layout of the mel gives the same sound.
    let changes = [("a.onnx", acoustic(9, true)), ("hark-voice.toml", described("frames-first", "bands-first"))];
    assert_eq!(spoken(with(&changes).unwrap().as_mut(), "你好"), sound);
    let error = voice.synthesize_phonemes("nihao", &VoiceOptions::default(), &CancelToken::never(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, SynthesisError::Unsupported(_)));
}

#[test]
fn inputs_that_are_called_anything_are_told_by_the_description_and_the_symbols_by_their_shape() {
    let told = |lines: &str| {
        let description = format!("{DESCRIPTION}[inputs]\n{lines}").into_bytes();
        with(&[("a.onnx", nameless_acoustic(9)), ("hark-voice.toml", description)])
    };
    for (lines, part) in [
        ("b = \"speaker\"\nc = \"one\"\n", "wants \"d\""),
        ("c = \"one\"\nd = \"one\"\n", "wants \"b\""),
        ("b = \"one\"\nc = \"one\"\nd = \"one\"\n", "wants \"b\""),
        ("b = \"ids\"\nc = \"one\"\nd = \"one\"\n", "the same thing twice"),
        ("b = \"speaker\"\nc = \"one\"\nd = \"one\"\ne = \"one\"\n", "which its acoustic model does not have"),
    ] {
        let error = told(lines).err().unwrap_or_else(|| panic!("{part}")).to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    if !has_runtime() {
        return;
    }
    let mut voice = told("b = \"speaker\"\nc = \"one\"\nd = \"one\"\n").unwrap();
    let plain = spoken(voice.as_mut(), "你好");
    assert_eq!(plain, spoken(with(&[]).unwrap().as_mut(), "你好"), "of the same weights");
    // A speed of 2 is a length of a half, which this graph multiplies its mel with.
    let mut voice = told("b = \"speaker\"\nc = \"length-scale\"\nd = \"one\"\n").unwrap();
    let mut quick = Vec::new();
    let options = VoiceOptions { noise: Some(0.0), speed: 2.0, ..VoiceOptions::default() };
    voice.synthesize("你好", &options, &CancelToken::never(), &mut |piece| quick.extend_from_slice(piece)).unwrap();
    assert!(quick.iter().zip(&plain).all(|(half, whole)| (half * 2.0 - whole).abs() < 1e-5));
}

#[test]
fn the_symbols_may_be_letters_or_phonemes() {
    if !has_runtime() {
        return;
    }
    let letters = [
        ("tokens.txt", b"_ 0\na 1\nb 2\n".to_vec()),
        ("hark-voice.toml", described("lexicon = \"lexicon.txt\"\n", "add_blank = true\nkind = \"matcha\"\n")),
    ];
    let mut voice = with(&letters).unwrap();
    assert_eq!((spoken(voice.as_mut(), "Ab").len(), voice.info().engine.as_str()), (5 * HOP, "matcha"));
    let phonemes = [
        ("tokens.txt", "_ 0\nh 1\nə 2\nl 3\n".into()),
        ("hark-voice.toml", described("lexicon = \"lexicon.txt\"\n", "espeak = \"en-us\"\n")),
    ];
    let mut voice = with(&phonemes).unwrap();
    let mut count = 0;
    voice.synthesize_phonemes("həl", &VoiceOptions::default(), &CancelToken::never(), &mut |piece| count += piece.len()).unwrap();
    assert_eq!(count, 3 * HOP);
}

#[test]
fn a_cancel_ends_it_and_the_next_sentence_is_spoken() {
    if !has_runtime() {
        return;
    }
    let mut voice = with(&[]).unwrap();
    let (token, mut clock) = CancelToken::with_clock();
    let mut pieces = 0;
    let outcome = voice
        .synthesize(&"你好".repeat(300), &VoiceOptions::default(), &token, &mut |_| {
            pieces += 1;
            clock.advance_to(TurnId(1));
        })
        .unwrap();
    assert_eq!((outcome, pieces), (Outcome::Cancelled, 1));
    assert!(!spoken(voice.as_mut(), "你好").is_empty());
}

#[test]
fn each_fault_has_its_sentence() {
    let rows = |rows| acoustic(rows, false);
    type Change = (&'static str, Vec<u8>);
    let cases: [(&str, Vec<Change>); 18] = [
        ("tokens.txt is missing", vec![("tokens.txt", vec![])]),
        ("lexicon.txt is missing", vec![("lexicon.txt", vec![])]),
        ("acoustic model a.onnx is missing", vec![("a.onnx", vec![])]),
        ("vocoder v.onnx is missing", vec![("v.onnx", vec![])]),
        ("line 1", vec![("hark-voice.toml", b"nonsense".to_vec())]),
        ("more symbols than its graph", vec![("a.onnx", rows(5))]),
        ("not have", vec![("lexicon.txt", "你 zz\n好 zz\n吗 zz\n".into())]),
        ("no text", vec![("lexicon.txt", vec![0xff; 300])]),
        ("not an ONNX file", vec![("a.onnx", b"12345678".to_vec())]),
        ("not an ONNX file", vec![("v.onnx", b"12345678".to_vec())]),
        ("no input of an acoustic model", vec![("a.onnx", vocoder(BANDS, false))]),
        ("no mel", vec![("v.onnx", rows(9))]),
        ("6 bands", vec![("v.onnx", vocoder(6, false))]),
        ("more speakers", vec![("hark-voice.toml", described("hop", "speakers = 4\nhop"))]),
        ("does not have", vec![("hark-voice.toml", described("hop", "speed_input = \"pace\"\nhop"))]),
        ("no \"zh\"", vec![("hark-voice.toml", described("lexicon = \"lexicon.txt\"", "symbols = \"pinyin\""))]),
        ("only one of them", vec![("hark-voice.toml", described("hop", "symbols = \"pinyin\"\nhop"))]),
        ("does not have", vec![("hark-voice.toml", described("hop", "mel_output = \"logmel\"\nhop"))]),
    ];
    for (part, changes) in cases {
        let error = with(&changes).err().unwrap_or_else(|| panic!("{part}")).to_string();
        assert!(error.contains(part) && error.ends_with('.'), "{part}: {error}");
    }
}

#[test]
fn a_mel_of_another_shape_is_a_sentence_and_not_a_crash() {
    if !has_runtime() {
        return;
    }
    // The description says bands first, the graph gives frames first.
    let mut voice = with(&[("hark-voice.toml", described("frames-first", "bands-first"))]).unwrap();
    let error = voice.synthesize("你好", &VoiceOptions::default(), &CancelToken::never(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("instead of 8 bands"), "{error}");
    assert!(tiny::made("nothing").is_none());
}
