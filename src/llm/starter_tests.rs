//! The starter chat model with the starter questions.

use super::llama::LlamaModelHandle;
use super::session::LlamaSession;
use super::tests::{ask, load};
use super::*;
use std::path::Path;

pub(super) fn starter() -> Option<LlamaModelHandle> {
    load(Path::new("models/starter/SmolLM2-135M-Instruct.gguf"))
}

/// The questions that come with the starter speech model, with a time that is not now.
#[test]
fn the_starter_model_answers_the_starter_questions() {
    let Some(model) = starter() else { return };
    assert!(model.facts().chat_template);
    let options = ChatOptions {
        system: prompt::DEFAULT_SYSTEM.into(),
        context_tokens: 2048,
        max_tokens: 60,
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        ..ChatOptions::default()
    };
    let mut session = LlamaSession::new(&model, &options).unwrap();
    session.now = || "2026-11-21T14:05:59[UTC]".parse().unwrap();
    let mut answers = Vec::new();
    for question in [
        "What time is it?",
        "What is the capital of France?",
        "Set a timer for 5 minutes.",
        "Tell me a joke.",
        "What is 12 plus 7?",
        "Turn the volume up.",
        "Remind me to call mom at 7 PM.",
        "Who are you?",
        "Spell banana.",
        "Thank you very much.",
    ] {
        let (answer, stats) = ask(&mut session, question);
        println!("{question:32} {answer:?} ({} tokens, {:.0} ms, {:.0}/s)", stats.tokens, stats.first_token_ms, stats.tokens_per_second);
        assert!(!answer.trim().is_empty());
        session.commit("").unwrap();
        answers.push(answer);
    }
    assert!(answers[0].contains("2:05"), "{}", answers[0]);
    assert!(answers[1].contains("Paris"), "{}", answers[1]);
    assert!(answers[7].contains("Hark"), "{}", answers[7]);
}
