//! What scripts rely on: the same phonemes give the same samples, one conversation shares its memory, a seed repeats.

use super::*;

#[test]
fn phonemes_give_the_samples_of_the_peer_program() {
    let files = [shared("golden/piper/en_US-random-x_low/golden.json"), shared("models/tts/en_US-random-x_low.onnx")];
    let ([Some(golden), Some(voice)], Some(_)) = (&files, ours("models/runtime/libonnxruntime.so")) else { return };
    let item = &serde_json::from_slice::<Value>(&std::fs::read(golden).unwrap()).unwrap()["items"][0];
    let phonemes: String = item["sentences"][0]["phonemes"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    let raw = std::fs::read(Path::new(golden).with_file_name(item["raw_f32"].as_str().unwrap())).unwrap();
    let expected: Vec<f32> = raw.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let home = Home::new();
    let out = home.name("x.wav");
    home.run(&["say", "--phonemes", &phonemes, "--noise", "0", "--noise-w", "0", "--voice", voice, "--out", &out]).good();
    let got: Vec<f32> = hound::WavReader::open(&out).unwrap().samples().map(Result::unwrap).collect();
    assert_eq!(got.len(), expected.len());
    let worst = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst <= 1e-5, "{worst}");
}

#[test]
fn the_second_question_reads_only_what_is_new() {
    let (Some(ears), Some(chat)) = (starter_ears(), starter_chat()) else { return };
    let home = Home::new();
    let out = home.name("x.wav");
    let args = ["ask", "--json", "--wav", &question(), "--text", "Thank you.", "--stt", &ears, "--chat", &chat, "--seed", "1"];
    let ended = home.run(&[&args[..], &["--voice", "espeak:en-us", "--out", &out]].concat());
    ended.good();
    assert_eq!(ended.texts("user_text"), [QUESTION, "Thank you."]);
    let figures = ended.events("timing");
    let number = |turn: usize, name: &str| figures[turn][name].as_u64().unwrap();
    let first = number(0, "cached_tokens") + number(0, "prefilled_tokens");
    assert!(number(1, "cached_tokens") >= first, "the first question and its answer are read again: {figures:?}");
    assert!((1..=48).contains(&number(1, "prefilled_tokens")), "{figures:?}");
    let spoken: f64 = figures.iter().map(|turn| turn["audio_ms"].as_f64().unwrap()).sum();
    let wav = hound::WavReader::open(&out).unwrap();
    let written = f64::from(wav.duration()) * 1000.0 / f64::from(wav.spec().sample_rate);
    assert!(spoken > 500.0 && (spoken - written).abs() < 20.0, "{spoken} ms were said and {written} ms written");
}

#[test]
fn a_seed_repeats_an_answer_and_the_longest_answer_is_kept_to() {
    let Some(chat) = quick_chat() else { return };
    let home = Home::silent();
    let ask = |seed: &str, longest: &str| {
        let args = ["ask", "--json", "--text", "Tell me a story", "--chat", &chat, "--temperature", "1", "--seed", seed];
        let ended = home.run(&[&args[..], &["--max-tokens", longest]].concat());
        ended.good();
        (ended.texts("reply").remove(0), ended.events("timing")[0]["tokens"].as_u64().unwrap())
    };
    let once = ask("1", "24");
    assert_eq!(ask("1", "24"), once);
    assert_ne!(ask("2", "24").0, once.0);
    let (short, tokens) = ask("1", "3");
    assert!(tokens <= 3 && once.0.starts_with(short.trim_end()) && short.len() < once.0.len(), "{short:?} of {once:?}");
}

#[test]
fn transcripts_have_the_promised_keys() {
    let Some(ears) = starter_ears() else { return };
    let home = Home::new();
    let ended = home.run(&["transcribe", "--json", &question(), &question(), "--stt", &ears]);
    ended.good();
    let lines: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["file", "text", "language", "confidence", "ms"]);
        assert_eq!(
            (line["file"].as_str(), line["text"].as_str(), line["language"].as_str()),
            (Some(&*question()), Some(QUESTION), Some("en"))
        );
        assert!((0.0..=1.0).contains(&line["confidence"].as_f64().unwrap()) && line["ms"].as_f64().unwrap() > 0.0, "{line}");
    }
}
