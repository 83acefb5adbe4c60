//! Model files that are missing, empty, too short, cut or of another kind, for each engine.

use super::*;

/// Such files, made from a good one (when it is there) and one of another kind.
fn bad_files(home: &Home, good: Option<&str>, wrong: Option<String>) -> Vec<String> {
    let mut files = vec![home.name("missing.bin"), home.write("empty.bin", b""), home.write("eight.bin", b"GGUFggml")];
    files.extend(good.map(|good| {
        let bytes = std::fs::read(good).unwrap();
        home.write("half.bin", &bytes[..bytes.len() / 2])
    }));
    files.extend(wrong);
    std::fs::create_dir_all(home.path("folder.bin")).unwrap();
    files.push(home.name("folder.bin"));
    files
}

#[test]
fn a_speech_model_that_cannot_be_used() {
    let home = Home::silent();
    let files = bad_files(&home, starter_ears().as_deref(), starter_chat().or_else(quick_chat));
    for file in &files {
        let ended = home.run(&["transcribe", &question(), "--stt", file]);
        ended.refused(1);
        assert!(ended.err.contains(file.as_str()) && ended.out.is_empty() && ended.took < AT_ONCE, "{}{}", ended.out, ended.err);
    }
    let Some(chat) = quick_chat() else { return };
    for file in &files {
        let ended =
            home.run(&["ask", "--json", "--wav", &question(), "--text", "Hello", "--stt", file, "--chat", &chat, "--max-tokens", "4"]);
        ended.refused(1);
        assert!(ended.err.contains(file.as_str()), "{}", ended.err);
        assert_eq!(ended.texts("user_text"), ["Hello"], "a typed question needs no ears");
        assert_eq!(ended.events("timing").len(), 1);
    }
}

#[test]
fn a_chat_model_that_cannot_be_used() {
    let home = Home::silent();
    for file in bad_files(&home, quick_chat().as_deref(), starter_ears()) {
        let ended = home.run(&["ask", "--text", "Hello", "--chat", &file]);
        ended.refused(1);
        assert!(ended.err.contains(&file) && ended.took < AT_ONCE, "{}", ended.err);
        assert_eq!(ended.out, "You: Hello\n");
        let Some(ears) = starter_ears() else { continue };
        let ended = home.run(&["ask", "--wav", &question(), "--chat", &file, "--stt", &ears]);
        ended.refused(1);
        assert_eq!(ended.out, format!("You: {QUESTION}\n"), "what was said is not lost");
    }
}

#[test]
fn a_voice_that_cannot_be_used() {
    let home = Home::new();
    let good = shared("models/tts/en_US-random-x_low.onnx");
    let config = good.as_ref().map(|good| format!("{good}.json"));
    let mut files = bad_files(&home, good.as_deref(), config.clone());
    if let (Some(good), Some(config)) = (&good, &config) {
        std::fs::copy(config, home.path("half.bin.json")).unwrap();
        // The sound is there and what belongs to it is not, or is nonsense.
        let config = std::fs::read(config).unwrap();
        for (name, beside) in [("alone", None), ("cut", Some(&config[..config.len() / 2])), ("bare", Some(&b"{}"[..]))] {
            std::fs::copy(good, home.path(&format!("{name}.onnx"))).unwrap();
            beside.inspect(|bytes| drop(home.write(&format!("{name}.onnx.json"), bytes)));
            files.push(home.name(&format!("{name}.onnx")));
        }
    }
    let out = home.name("x.wav");
    for file in &files {
        let ended = home.run(&["say", "Hello", "--voice", file, "--out", &out]);
        ended.refused(1);
        assert!(ended.err.contains(file.as_str()) && ended.took < AT_ONCE, "{}", ended.err);
        assert!(!Path::new(&out).exists());
    }
    let Some(chat) = quick_chat() else { return };
    for file in &files {
        let ended = home.run(&["ask", "--json", "--text", "Hello", "--voice", file, "--chat", &chat, "--max-tokens", "8", "--out", &out]);
        ended.refused(1);
        assert!(ended.err.contains(file.as_str()), "{}", ended.err);
        assert!(!ended.texts("reply")[0].is_empty(), "without a voice the answer is still written: {}", ended.out);
        assert_eq!(ended.events("timing")[0]["audio_ms"], 0.0);
    }
}

#[test]
fn a_chat_model_without_a_template_answers() {
    let Some(chat) = shared("models/llm/stories260K.gguf") else { return };
    let bytes = std::fs::read(&chat).unwrap();
    assert!(!bytes.windows(23).any(|part| part == b"tokenizer.chat_template"));
    let home = Home::silent();
    let ended = home.run(&["ask", "--text", "Once upon a time", "--chat", &chat, "--max-tokens", "12"]);
    ended.good();
    let answer = ended.out.lines().find_map(|line| line.strip_prefix("Hark: ")).unwrap_or_default();
    assert!(answer.chars().any(char::is_alphabetic), "{}", ended.out);
}
