use super::*;
use crate::stt::Phrases;
use crate::turn::{TurnClock, TurnId};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn shared() -> PathBuf {
    std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// The first of `places` (within the repository, within the shared folder) that is there.
fn find(repository: &str, in_shared: &str) -> Option<PathBuf> {
    let places = [PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(repository), shared().join(in_shared)];
    let found = places.iter().find(|place| place.exists()).cloned();
    if found.is_none() {
        println!("skipped: needs ../shared/{in_shared}");
    }
    found
}

fn starter() -> Option<WhisperTranscriber> {
    let path = find("models/starter/ggml-starter-en-q5_1.bin", "starter/ggml-starter-en-q5_1.bin")?;
    Some(WhisperTranscriber::load(&path, 1).expect("the starter model loads"))
}

fn questions() -> Option<Vec<(Pcm16k, String)>> {
    let folder = find("assets/questions", "starter/questions")?;
    let list = std::fs::read_to_string(folder.join("transcripts.txt")).ok()?;
    let line = |line: &str| line.split_once('\t').map(|(file, words)| (wav(&folder.join(file)), words.to_owned()));
    Some(list.lines().filter_map(line).collect())
}

fn wav(path: &Path) -> Pcm16k {
    let mut reader = hound::WavReader::open(path).unwrap();
    assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1), "{}", path.display());
    Pcm16k(reader.samples::<i16>().map(|s| f32::from(s.unwrap()) / 32_768.0).collect())
}

fn options() -> SttOptions {
    SttOptions {
        language: SpokenLanguage::Fixed("en".to_owned()),
        threads: 1,
        phrases: Phrases::Off,
        script: crate::stt::chinese::ChineseScript::default(),
    }
}

fn hear(engine: &mut WhisperTranscriber, pcm: &Pcm16k) -> Transcript {
    match engine.transcribe(pcm, &options(), &CancelToken::never(), &mut |_| {}).expect("no error") {
        Outcome::Done(transcript) => transcript,
        Outcome::Cancelled => panic!("nobody cancelled"),
    }
}

#[test]
fn the_starter_hears_its_ten_questions_word_for_word_and_always_the_same() {
    let (Some(mut engine), Some(questions)) = (starter(), questions()) else { return };
    assert_eq!(questions.len(), 10);
    assert!(engine.info().starter);
    for (pcm, words) in &questions {
        let mut partial = String::new();
        let outcome = engine.transcribe(pcm, &options(), &CancelToken::never(), &mut |text| partial = text.to_owned());
        let Ok(Outcome::Done(first)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((&*first.text, first.language.as_str(), &partial), (words, "en", words));
        assert_eq!(guard::judge(&first, true), guard::Verdict::Accept, "{first:?}");
        let begun = Instant::now();
        assert_eq!(hear(&mut engine, pcm), first, "the same sound, the same words");
        println!("{words} {:.2} after {:?}", first.confidence, begun.elapsed());
    }
}

/// `tests/golden/whisper_cli.json` (made by the script beside it) is what another build of whisper.cpp heard.
#[test]
fn the_same_tokens_as_whisper_cli() {
    let golden = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/whisper_cli.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_str(&golden).unwrap();
    let Some(mut engine) = starter() else { return };
    let mut compared = 0;
    for clip in golden["clips"].as_array().unwrap() {
        let name = clip["file"].as_str().unwrap();
        let places = ["starter/questions", "models/speech"].map(|folder| shared().join(folder).join(name));
        let Some(path) = places.iter().find(|place| place.exists()) else {
            println!("skipped: needs ../shared/models/speech/{name}");
            continue;
        };
        let pcm = wav(path);
        let pcm = pieces::without_lead(&pcm.0);
        assert_eq!(clip["samples"], pcm.len(), "{name}: the peer heard another part of it");
        assert_eq!(clip["audio_ctx"], pieces::audio_ctx(pcm.len(), engine.file.n_audio_ctx), "{name}");
        let Outcome::Done(heard) = engine.window(pcm, "en", None, 1, &CancelToken::never()).unwrap() else { panic!("nobody cancelled") };
        let ids: Vec<i64> = heard.tokens.iter().map(|(id, _)| i64::from(*id)).collect();
        let theirs: Vec<i64> = clip["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        assert_eq!((heard.text.as_str(), ids), (clip["text"].as_str().unwrap(), theirs), "{name}");
        for ((_, ours), theirs) in heard.tokens.iter().zip(clip["p"].as_array().unwrap()) {
            // Measured: at most 0.02 between the two ggml versions.
            assert!((f64::from(*ours) - theirs.as_f64().unwrap()).abs() < 0.05, "{name}: {ours} against {theirs}");
        }
        compared += 1;
    }
    println!("{compared} clips compared");
}

#[test]
fn silence_noise_and_too_little_are_no_question() {
    let Some(mut engine) = starter() else { return };
    let mut seed = 7_u32;
    let mut noise = |n: usize, level: f32| -> Pcm16k {
        let step = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((seed >> 8) as f32 / 8_388_608.0 - 1.0) * level
        };
        Pcm16k((0..n).map(step).collect())
    };
    let quiet_or_unsure = [noise(48_000, 0.0), noise(48_000, 0.001), noise(48_000, 0.1), noise(1_600, 0.1), noise(8_000, 1.0)];
    for (at, pcm) in quiet_or_unsure.iter().enumerate() {
        let heard = hear(&mut engine, pcm);
        assert_ne!(guard::judge(&heard, true), guard::Verdict::Accept, "clip {at}: {heard:?}");
    }
    for n in [0, 1, 100, 200, 201, 1_599] {
        assert_eq!(hear(&mut engine, &noise(n, 0.5)), Transcript::default(), "{n} samples");
    }
    let broken = Pcm16k((0..32_000).map(|at| [f32::NAN, f32::INFINITY, 1e38, -0.1][at % 4]).collect());
    assert_ne!(guard::judge(&hear(&mut engine, &broken), true), guard::Verdict::Accept);
}

#[test]
fn a_cancel_stops_the_engine_and_the_next_question_is_right() {
    let (Some(mut engine), Some(questions)) = (starter(), questions()) else { return };
    let (pcm, words) = &questions[1];
    // Cancelled before: whisper.cpp itself must stop, after the encoder and before the first word.
    let mut clock = TurnClock::new();
    let token = clock.reader().token(TurnId(1));
    clock.advance_to(TurnId(2));
    let params = engine.params_for("en");
    assert_eq!(engine.run(params, &pcm.0, &token).unwrap(), Outcome::Cancelled);
    assert_eq!(engine.state.full_n_segments(), 0, "it went on to the end");
    assert_eq!(hear(&mut engine, pcm).text, *words);
    // Cancelled by another thread in the middle of two minutes.
    clock.advance_to(TurnId(3));
    let token = clock.reader().token(TurnId(3));
    let long = Pcm16k(questions.iter().cycle().flat_map(|(pcm, _)| pcm.0.iter().copied()).take(120 * 16_000).collect());
    let cancelled_at = Arc::new(std::sync::OnceLock::new());
    let mut later = Some((clock, Arc::clone(&cancelled_at)));
    let mut helper = None;
    let mut one_piece = Duration::ZERO;
    let begun = Instant::now();
    let outcome = engine.transcribe(&long, &options(), &token, &mut |_| {
        assert!(cancelled_at.get().is_none(), "more words after the cancel");
        one_piece = begun.elapsed();
        helper = helper.take().or_else(|| {
            let (mut clock, at) = later.take()?;
            let body = move || {
                std::thread::sleep(Duration::from_millis(5));
                clock.advance_to(TurnId(4));
                at.set(Instant::now()).unwrap();
            };
            std::thread::Builder::new().name("canceller".to_owned()).spawn(body).ok()
        });
    });
    let took = cancelled_at.get().expect("it was cancelled before the end").elapsed();
    helper.unwrap().join().unwrap();
    assert_eq!(outcome.unwrap(), Outcome::Cancelled);
    // whisper.cpp cannot stop inside its encoder, so up to one pass of it goes by.
    println!("cancelled within {took:?}; a piece of 30 s takes {one_piece:?}");
    assert!(took < one_piece * 3 + Duration::from_secs(1), "{took:?} for a piece of {one_piece:?}");
    assert_eq!(hear(&mut engine, pcm).text, *words);
}

#[test]
fn a_recording_longer_than_a_window_is_heard_to_its_end() {
    let (Some(mut engine), Some(questions)) = (starter(), questions()) else { return };
    // One question in each stretch of 26 s, so that the pauses say where to cut.
    let mut samples = Vec::new();
    let asked = &questions[..3];
    for (pcm, _) in asked {
        let until = samples.len() + 26 * 16_000;
        samples.extend_from_slice(&pcm.0);
        samples.resize(until, 0.0);
    }
    let mut partials = Vec::new();
    let outcome = engine.transcribe(&Pcm16k(samples.into()), &options(), &CancelToken::never(), &mut |text| partials.push(text.to_owned()));
    let Ok(Outcome::Done(heard)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(partials.last(), Some(&*heard.text));
    assert!(partials.len() >= 2, "words come before the end: {partials:?}");
    let all: Vec<&str> = asked.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(heard.text, all.join(" "));
}

/// With a model of `../shared/tools/whisper_make.py --out models/stt tiny`: true shape, random weights, and a decoder that
/// says one text whatever it hears.
#[test]
fn a_multilingual_model_takes_the_language_it_is_told_or_finds_an_allowed_one() {
    let Some(path) = find("models/stt/ggml-tiny-random.bin", "models/stt/ggml-tiny-random.bin") else { return };
    let mut engine = WhisperTranscriber::load(&path, 1).expect("loads");
    assert!(engine.file.multilingual && !engine.info.starter);
    let pcm = Pcm16k((0..32_000_u16).map(|at| (f32::from(at) * 0.3).sin() * 0.3).collect());
    let mut hear = |language: SpokenLanguage| {
        let options = SttOptions { language, threads: 1, phrases: Phrases::Off, script: crate::stt::chinese::ChineseScript::default() };
        match engine.transcribe(&pcm, &options, &CancelToken::never(), &mut |_| {}) {
            Ok(Outcome::Done(heard)) => {
                assert!(heard.text.starts_with("And so, my fellow Americans, ask not"), "{heard:?}");
                heard.language
            }
            other => panic!("{other:?}"),
        }
    };
    let among = |names: &[&str]| SpokenLanguage::Detect(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(hear(SpokenLanguage::Fixed("zh".to_owned())), "zh");
    assert_eq!(hear(SpokenLanguage::Fixed("de-AT".to_owned())), "de");
    assert_eq!(hear(among(&["zh"])), "zh");
    let free = hear(among(&[]));
    assert_eq!(hear(among(&["en", "zh", &free])), free, "the most probable of all is the most probable of three");
    let others: Vec<&str> = ["en", "zh", "de"].into_iter().filter(|name| **name != free).collect();
    assert!(others.contains(&hear(among(&others)).as_str()), "only the allowed ones");
    assert_eq!(hear(among(&["klingon", "\0"])), free, "none that it knows: all are allowed");
}

#[test]
fn files_that_are_no_model_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.bin");
    assert!(matches!(WhisperTranscriber::load(&missing, 1), Err(TranscribeError::ModelMissing(path)) if path == missing));
    assert!(matches!(WhisperTranscriber::load(folder.path(), 1), Err(TranscribeError::ModelCorrupt { .. })), "a folder");
    for (name, bytes) in [("empty.bin", &b""[..]), ("eight.bin", b"lmgg\0\0\0\0"), ("chat.bin", b"GGUF\x03\0\0\0")] {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        match WhisperTranscriber::load(&path, 1) {
            Err(TranscribeError::ModelCorrupt { reason, .. }) => assert!(!reason.is_empty() && !reason.ends_with('.'), "{reason}"),
            Err(other) => panic!("{name}: {other}"),
            Ok(_) => panic!("{name} was accepted"),
        }
    }
    if let Some(stub) = find("models/stt/for-tests-ggml-tiny.bin", "models/stt/for-tests-ggml-tiny.bin") {
        assert!(matches!(WhisperTranscriber::load(&stub, 1), Err(TranscribeError::ModelCorrupt { reason, .. }) if reason.contains("stub")));
    }
}

#[test]
fn words_are_joined_as_the_writing_wants_it() {
    let mut text = String::new();
    for words in ["One.", "Two.", "今天", "天气", "three"] {
        join(&mut text, words);
    }
    assert_eq!(text, "One. Two. 今天天气 three");
    assert!((geometric_mean(&[0.5, 0.5, 0.5]) - 0.5).abs() < 1e-6);
    assert_eq!(geometric_mean(&[]), 0.0);
}
