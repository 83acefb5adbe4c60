//! Without network: a folder with files becomes a working conversation.

use super::*;

#[test]
fn an_imported_folder_gives_a_working_conversation() {
    let ears = ours("models/starter/ggml-starter-en-q5_1.bin");
    let mind = shared("models/llm/stories260K.gguf");
    let (voice, config) = (shared("models/tts/en_US-random-x_low.onnx"), shared("models/tts/en_US-random-x_low.onnx.json"));
    let question = ours("assets/questions/q02-rms.wav");
    let (Some(ears), Some(mind), Some(voice), Some(config), Some(question)) = (ears, mind, voice, config, question) else { return };
    let home = Home::new();
    for file in [&ears, &mind, &voice, &config] {
        home.put(&format!("stick/{}", file.file_name().unwrap().to_str().unwrap()), &std::fs::read(file).unwrap());
    }
    home.models(&["import", "stick"]).good();
    // The stick goes away: nothing of it is used any more.
    std::fs::remove_dir_all(home.path("stick")).unwrap();
    let kinds: Vec<String> = home.installed().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["stt", "chat", "voice"]);
    home.models(&["verify"]).good();
    for id in ["ggml-starter-en-q5_1", "stories260k", "en_us-random-x_low"] {
        home.models(&["use", id]).good();
    }
    let answer = home.name("answer.wav");
    let wav = question.to_str().unwrap();
    let args = ["ask", "--json", "--wav", wav, "--out", &answer, "--max-tokens", "12", "--seed", "1", "--threads", "1"];
    let ended = ended(home.hark(&args));
    assert_eq!(ended.good().events("user_text")[0]["text"], "What is the capital of France?");
    let reply = ended.events("reply");
    assert!(reply[0]["text"].as_str().is_some_and(|text| !text.is_empty()), "{}", ended.out);
    let no_runtime = ended.err.contains("ONNX Runtime");
    if no_runtime {
        println!("skipped: needs ONNX Runtime for the voice");
        return;
    }
    assert!(std::fs::metadata(&answer).unwrap().len() > 1000, "the answer has a sound");
}

#[cfg(unix)]
#[test]
fn a_model_that_is_removed_while_it_talks_talks_on() {
    use std::io::{BufRead, BufReader};
    let Some(mind) = shared("models/llm/stories260K.gguf") else { return };
    let home = Home::new();
    home.models(&["import", mind.to_str().unwrap()]).good();
    home.models(&["use", "stories260k"]).good();
    let args = ["ask", "--json", "--text", "One", "--text", "Two", "--text", "Three", "--out", "a.wav", "--max-tokens", "12", "--threads", "1"];
    let mut child = home.hark(&args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"event\":\"reply_delta\"")), "it never began to answer");
    let removed = home.models(&["remove", "stories260k"]);
    assert!(removed.good().out.contains("it was the one in use"), "{}", removed.out);
    assert_eq!(home.store(), [""; 0]);
    let replies = lines.filter(|line| line.contains("\"event\":\"reply\"")).count();
    assert_eq!(replies, 3);
    assert!(child.wait().unwrap().success());
}
