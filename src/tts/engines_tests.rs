use super::super::tiny::{folder_of, has_runtime, made, of_letters, two_files, vits, with_lexicon};
use super::*;
use crate::tts::VoiceOptions;
use crate::turn::CancelToken;
use std::time::Instant;

fn still() -> VoiceOptions {
    VoiceOptions { noise: Some(0.0), noise_width: Some(0.0), ..VoiceOptions::default() }
}

fn say(voice: &mut dyn Synthesizer, text: &str, options: &VoiceOptions) -> Vec<f32> {
    let mut all = Vec::new();
    voice.synthesize(text, options, &CancelToken::never(), &mut |piece| all.extend_from_slice(piece)).unwrap();
    all
}

fn close(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4)
}

/// A voice of the script: its engine, its rate, and that it says `texts` in a sound of speech's length, the same each time.
fn speaks(name: &str, engine: &str, rate: u32, texts: &[&str]) -> Option<Box<dyn Synthesizer>> {
    let path = made(name)?;
    let start = Instant::now();
    let mut voice = load(&path, 1).unwrap();
    let loading = start.elapsed();
    assert_eq!((voice.info().engine.as_str(), voice.sample_rate()), (engine, rate));
    for text in texts {
        let (start, mut first, mut sound) = (Instant::now(), None, Vec::new());
        voice
            .synthesize(text, &still(), &CancelToken::never(), &mut |piece| {
                first = first.or(Some(start.elapsed()));
                sound.extend_from_slice(piece);
            })
            .unwrap();
        let seconds = sound.len() as f64 / f64::from(rate);
        println!(
            "{name}: loaded in {loading:?}, {seconds:.2} s of sound, first after {:?}, all after {:?}",
            first.unwrap(),
            start.elapsed()
        );
        assert!((0.1..20.0).contains(&seconds), "{text}: {seconds}");
        assert!(sound.iter().all(|sample| sample.is_finite() && sample.abs() <= 1.0));
        let peak = sound.iter().fold(0.0f32, |peak, sample| peak.max(sample.abs()));
        assert!(peak > 0.01, "{text}: silent, {peak}");
        assert!(close(&sound, &say(voice.as_mut(), text, &still())), "{text}: another sound the second time");
    }
    Some(voice)
}

#[test]
fn a_chinese_voice_with_a_lexicon_and_many_speakers_speaks() {
    let Some(mut voice) = speaks("vits-zh-aishell3", "vits-lexicon", 8_000, &["你好，今天天气很好。", "我们说中文。"])
    else {
        return;
    };
    let by = |speaker| VoiceOptions { speaker: Some(speaker), ..still() };
    let first = say(voice.as_mut(), "你好。", &by(0));
    assert!(!close(&first, &say(voice.as_mut(), "你好。", &by(173))), "another speaker, another sound");
    assert!(voice.synthesize("你好", &by(174), &CancelToken::never(), &mut |_| {}).is_err());
    let fast = say(voice.as_mut(), "你好。", &VoiceOptions { speed: 2.0, ..still() });
    assert!(fast.len() < first.len() * 3 / 4, "{} of {}", fast.len(), first.len());
}

#[test]
fn an_english_voice_with_a_lexicon_spells_what_it_does_not_know() {
    let Some(mut voice) = speaks("vits-ljs", "vits-lexicon", 22_050, &["Hello world, this is a test of the voice."]) else { return };
    let known = say(voice.as_mut(), "hello", &still());
    assert!(say(voice.as_mut(), "hello xyzzy", &still()).len() > known.len() * 3 / 2);
}

#[test]
fn a_voice_with_tones_speaks_both_languages_in_one_sentence() {
    let _ = speaks("vits-melo-zh_en", "vits-lexicon", 44_100, &["你好 world，今天很好。", "Good morning!", "长大"]);
}

#[test]
fn an_mms_voice_speaks_letters_and_says_which_it_does_not_know() {
    let Some(mut voice) = speaks("vits-mms-deu", "mms", 16_000, &["Schöne Grüße aus München", "GUTEN TAG"]) else { return };
    let error = voice.synthesize("你好", &still(), &CancelToken::never(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("(deu) does not know the letters"), "{error}");
}

#[test]
fn fastspeech_with_a_vocoder_speaks_by_any_of_its_paths() {
    let Some(mut voice) = speaks("fastspeech2", "fastspeech2", 22_050, &["你好，今天天气很好。", "Hello world, this is a test."])
    else {
        return;
    };
    let sound = say(voice.as_mut(), "你好。", &still());
    let fast = say(voice.as_mut(), "你好。", &VoiceOptions { speed: 2.0, ..still() });
    assert!(fast.len() < sound.len() * 3 / 4);
    for file in ["fastspeech2/fastspeech2.onnx", "fastspeech2/hifigan.onnx"] {
        let mut same = load(&made(file).unwrap(), 1).unwrap();
        assert_eq!(same.info().name, "fastspeech2");
        assert!(close(&sound, &say(same.as_mut(), "你好。", &still())), "{file}");
    }
}

/// Log spectrum of frames in bands: 40 of 200 Hz each.
fn bands(sound: &[f32]) -> Vec<[f32; 40]> {
    let (size, hop, rate) = (1024usize, 512usize, 22_050.0f32);
    let window: Vec<f32> = (0..size).map(|at| 0.5 - 0.5 * (std::f32::consts::TAU * at as f32 / size as f32).cos()).collect();
    (0..sound.len().saturating_sub(size) / hop)
        .map(|frame| {
            let part = &sound[frame * hop..frame * hop + size];
            let mut energy = [1e-6f32; 40];
            for bin in 1..size * 8_000 / 22_050 {
                let step = std::f32::consts::TAU * bin as f32 / size as f32;
                let (mut re, mut im) = (0.0, 0.0);
                for (at, sample) in part.iter().enumerate() {
                    let (sin, cos) = (step * at as f32).sin_cos();
                    re += sample * window[at] * cos;
                    im += sample * window[at] * sin;
                }
                energy[((bin as f32 * rate / size as f32) as usize / 200).min(39)] += re * re + im * im;
            }
            energy.map(f32::ln)
        })
        .collect()
}

fn correlation(a: &[f32], b: &[f32]) -> f32 {
    let mean = |x: &[f32]| x.iter().sum::<f32>() / x.len() as f32;
    let (ma, mb) = (mean(a), mean(b));
    let dot = |x: &[f32], mx: f32, y: &[f32], my: f32| x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum::<f32>();
    dot(a, ma, b, mb) / (dot(a, ma, a, ma) * dot(b, mb, b, mb)).sqrt()
}

#[test]
fn a_recordings_mel_through_the_real_vocoder_sounds_like_the_recording() {
    let Some(path) = made("real-mel") else { return };
    let shared = std::env::var_os("HARK_SHARED").map_or_else(|| "../shared".into(), std::path::PathBuf::from);
    let Ok(mut clip) = hound::WavReader::open(shared.join("models/speech/LJ001-0002.wav")) else {
        return println!("skipped: needs ../shared/models/speech/LJ001-0002.wav");
    };
    let clip: Vec<f32> = clip.samples::<i16>().map(|sample| f32::from(sample.unwrap()) / 32_768.0).collect();
    let mut voice = load(&path, 1).unwrap();
    let sound = say(voice.as_mut(), "x", &still());
    assert!(clip.len().abs_diff(sound.len()) < 1_024, "{} and {} samples", clip.len(), sound.len());
    let (ours, theirs) = (bands(&sound), bands(&clip));
    let frames = ours.len().min(theirs.len());
    let whole = correlation(ours[..frames].as_flattened(), theirs[..frames].as_flattened());
    let moved = correlation(ours[..frames - 20].as_flattened(), theirs[20..frames].as_flattened());
    println!("spectra of {frames} frames: correlation {whole:.4}; half a second apart {moved:.4}");
    assert!(whole > 0.95 && moved < 0.8, "{whole}, {moved}");
}

#[test]
fn the_engine_is_found_out_from_what_lies_beside_the_file() {
    if !has_runtime() {
        return;
    }
    for (files, engine, text, samples) in
        [(with_lexicon(), "vits-lexicon", "你好", 9), (of_letters(), "mms", "Ab ü", 9), (two_files(), "fastspeech2", "你好", 64)]
    {
        let folder = folder_of(&files);
        for path in [folder.path().to_owned(), folder.path().join(files[0].0)] {
            let mut voice = load(&path, 1).unwrap();
            assert_eq!((voice.info().engine.as_str(), say(voice.as_mut(), text, &still()).len()), (engine, samples));
        }
    }
    // Tones and the number of the only speaker get through to the graph.
    let facts = [("sample_rate", "22050"), ("language", "Chinese + English"), ("comment", "melo")];
    let files = [
        ("m.onnx", vits(9, true, &facts)),
        ("tokens.txt", super::super::tiny::TOKENS.into()),
        ("lexicon.txt", "你 n i 3 2\na ə 7\n".into()),
    ];
    let folder = folder_of(&files);
    let sound = say(load(folder.path(), 1).unwrap().as_mut(), "你a", &still());
    assert!(close(&sound, &[0.013, 0.022, 0.057]), "{sound:?}");
}

#[test]
fn each_fault_has_its_sentence() {
    let facts = [("sample_rate", "22050")];
    type Files = Vec<(&'static str, Vec<u8>)>;
    let change = |mut files: Files, name: &'static str, bytes: Vec<u8>| {
        files.retain(|(own, _)| *own != name);
        if !bytes.is_empty() {
            files.push((name, bytes));
        }
        files
    };
    let cases: [(&str, Files); 12] = [
        ("tokens.txt is missing", change(with_lexicon(), "tokens.txt", vec![])),
        ("tokens.txt is empty", change(with_lexicon(), "tokens.txt", b"\n".to_vec())),
        ("more symbols than its graph", change(with_lexicon(), "m.onnx", vits(4, false, &facts))),
        ("does not say its sample rate", change(with_lexicon(), "m.onnx", vits(9, false, &[]))),
        ("sample rate of 5 Hz", change(with_lexicon(), "m.onnx", vits(9, false, &[("sample_rate", "5")]))),
        ("more speakers", change(with_lexicon(), "m.onnx", vits(9, false, &[("sample_rate", "22050"), ("n_speakers", "3")]))),
        ("does not have", change(with_lexicon(), "lexicon.txt", b"a q\nb q\n".to_vec())),
        ("is no tone", change(with_lexicon(), "m.onnx", vits(9, true, &facts))),
        ("longer than", change(with_lexicon(), "lexicon.txt", vec![b'a'; 10_000])),
        ("single letters", change(of_letters(), "tokens.txt", b"zh 1\n".to_vec())),
        ("more symbols than its graph", change(of_letters(), "tokens.txt", b"a 6\n".to_vec())),
        ("phonemes", change(of_letters(), "m.onnx", vits(6, false, &[("comment", "piper")]))),
    ];
    for (part, files) in cases {
        let folder = folder_of(&files);
        for path in [folder.path().to_owned(), folder.path().join("m.onnx")] {
            let error = load(&path, 1).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(part) && error.ends_with('.'), "{part}: {error}");
            assert_eq!(check(&path).unwrap_err().to_string(), error, "the check says the same without the engine");
        }
    }
    assert!([with_lexicon(), of_letters(), two_files()].iter().all(|files| check(folder_of(files).path()).is_ok()));
    assert!(matches!(load(Path::new("/nowhere/at/all"), 1), Err(SynthesisError::VoiceMissing(_))));
}

#[test]
fn a_lexicon_of_64_mb_is_refused_and_one_of_two_million_lines_is_read_in_time() {
    let folder = folder_of(&with_lexicon());
    let path = folder.path().join("lexicon.txt");
    std::fs::File::create(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    let start = Instant::now();
    assert!(load(folder.path(), 1).err().unwrap().to_string().contains("larger than the 64 MB"));
    assert!(start.elapsed().as_secs() < 2);
    let mut text = String::new();
    (0..2_000_001).for_each(|n| text.push_str(&format!("w{n} n i h ao\n")));
    std::fs::write(&path, &text).unwrap();
    let start = Instant::now();
    assert!(load(folder.path(), 1).err().unwrap().to_string().contains("more than 2000000 lines"));
    println!("2,000,001 lines, {} MB: refused after {:?}", text.len() >> 20, start.elapsed());
    // One line less is a lexicon, the words in the worst order.
    let shorter: String = text.lines().rev().skip(1).flat_map(|line| [line, "\n"]).collect();
    std::fs::write(&path, shorter).unwrap();
    let start = Instant::now();
    check(folder.path()).unwrap();
    println!("2,000,000 lines: read after {:?}", start.elapsed());
    assert!(start.elapsed().as_secs() < 30);
}

/// Fifty broken copies of each file of a voice, from a seed.
fn broken_copies(files: &[(&'static str, Vec<u8>)]) -> (usize, usize) {
    let mut seed = 11u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    let (mut refused, mut spoke) = (0, 0);
    for (victim, whole) in files {
        for _ in 0..50 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 6 {
                let at = random() % bytes.len();
                match random() % 5 {
                    0 => bytes[at] = random() as u8,
                    1 => bytes.truncate(at.max(1)),
                    2 => bytes.insert(at, b"\0\n -9\xff\"= "[random() % 9]),
                    3 => bytes.splice(at..at, (0..random() % 300).map(|n| (n * 37) as u8)).for_each(drop),
                    _ => drop(bytes.remove(at)),
                }
                if bytes.is_empty() {
                    bytes.push(b' ');
                }
            }
            let changed: Vec<_> =
                files.iter().map(|(name, own)| (*name, if name == victim { bytes.clone() } else { own.clone() })).collect();
            let folder = folder_of(&changed);
            let start = Instant::now();
            match load(folder.path(), 1) {
                Err(error) => {
                    refused += 1;
                    let text = error.to_string();
                    assert!(text.ends_with('.') && text.len() < 700 && !text.contains('\n'), "{text}");
                }
                // A changed weight or word is still a voice; it speaks, or says why not.
                Ok(mut voice) => {
                    spoke += 1;
                    let _ = voice.synthesize("你好 Hello ab ü.", &still(), &CancelToken::never(), &mut |_| {});
                }
            }
            assert!(start.elapsed().as_secs() < 20, "{victim}");
        }
    }
    (refused, spoke)
}

#[test]
fn broken_files_of_every_kind_of_voice_give_a_sentence() {
    if !has_runtime() {
        return;
    }
    for (name, files) in [("lexicon", with_lexicon()), ("letters", of_letters()), ("two files", two_files())] {
        let (refused, spoke) = broken_copies(&files);
        println!("{name}: {refused} refused, {spoke} still speak");
        assert_eq!(refused + spoke, 50 * files.len());
        assert!(refused > 15 * files.len(), "{name}: {refused}");
    }
}

#[test]
fn each_form_of_voice_is_imported_whole_and_speaks_from_the_store() {
    use crate::models::{catalog::Catalog, install, library::Library};
    use crate::turn::Outcome;
    // Beside an eight-bit copy the whole one is the voice, as in published folders.
    let mut with_copy = with_lexicon();
    with_copy.push(("m.int8.onnx", vits(9, false, &[("sample_rate", "22050")])));
    for (files, main, text) in [(with_copy, "m.onnx", "你好"), (of_letters(), "m.onnx", "ab"), (two_files(), "a.onnx", "你好")] {
        let (folder, store) = (folder_of(&files), tempfile::tempdir().unwrap());
        let library = Library::open(store.path().join("models"), Vec::new());
        let imported = install::import_all(&library, &Catalog::default(), folder.path(), &|| false, &mut |_| {}).unwrap();
        let Outcome::Done(imported) = imported else { panic!("nobody cancelled") };
        assert_eq!((imported.installed.len(), imported.refused.len()), (1, 0), "{:?}", imported.refused);
        let installed = &imported.installed[0];
        assert_eq!(installed.file.file_name().unwrap(), main);
        for (name, bytes) in &files {
            assert!(std::fs::read(installed.folder.join(name)).unwrap() == *bytes, "{name}");
        }
        check(&installed.file).unwrap();
        assert_eq!(library.installed().iter().map(|there| &there.file).collect::<Vec<_>>(), [&installed.file], "it is one voice");
        if has_runtime() {
            assert!(!say(load(&installed.file, 1).unwrap().as_mut(), text, &still()).is_empty());
        }
    }
}

#[test]
fn a_voice_of_any_script_runs_when_it_is_tried_out() {
    if !has_runtime() {
        return;
    }
    let facts = [("sample_rate", "16000"), ("language", "tam"), ("comment", "mms"), ("frontend", "characters")];
    let tamil = vec![("m.onnx", vits(6, false, &facts)), ("tokens.txt", "_ 0\nக 1\nங 2\n".into())];
    let mut chinese = with_lexicon();
    chinese.retain(|(name, _)| *name != "lexicon.txt");
    chinese.push(("lexicon.txt", "你 n i\n好 h ao\n".into()));
    // The shape that sound is brought into, once one that no sound has: only a run shows that.
    let numbers = |last: i64| [1, 1, last].map(i64::to_le_bytes).concat();
    let spoil = |bytes: &mut Vec<u8>| {
        let at = bytes.windows(24).position(|window| window == numbers(-1)).unwrap();
        bytes.splice(at..at + 24, numbers(99_999));
    };
    for (what, mut files) in [("Tamil letters", tamil), ("a Chinese lexicon", chinese)] {
        let good = folder_of(&files);
        load(&good.path().join("m.onnx"), 1).unwrap().try_out().unwrap_or_else(|error| panic!("{what}: {error}"));
        files.iter_mut().filter(|(name, _)| *name == "m.onnx").for_each(|(_, bytes)| spoil(bytes));
        let bad = folder_of(&files);
        let tried = load(&bad.path().join("m.onnx"), 1).and_then(|mut voice| voice.try_out());
        assert!(matches!(tried, Err(SynthesisError::Engine(_))), "{what}: {tried:?}");
    }
}

#[test]
fn a_voice_that_knows_none_of_the_words_says_so_instead_of_nothing() {
    if !has_runtime() {
        return;
    }
    let mut files = with_lexicon();
    files.retain(|(name, _)| *name != "lexicon.txt");
    files.push(("lexicon.txt", "你 n i\n好 h ao\n".into()));
    let folder = folder_of(&files);
    let mut voice = load(&folder.path().join("m.onnx"), 1).unwrap();
    let mut synthesize = |text: &str| {
        let mut count = 0;
        voice.synthesize(text, &still(), &CancelToken::never(), &mut |piece| count += piece.len()).map(|_| count)
    };
    assert!(matches!(synthesize("Hello there."), Err(SynthesisError::Unreadable(why)) if why.contains("none of the words")));
    assert!(synthesize("Hello 你好.").unwrap() > 0, "what it knows is said");
    for nothing in ["", " ", "…!", "—"] {
        assert_eq!(synthesize(nothing).unwrap(), 0, "{nothing:?}");
    }
}
