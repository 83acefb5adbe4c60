//! A conversation that moves from one model to another, with real models.

use super::session::LlamaSession;
use super::starter_tests::starter;
use super::tests::{ask, greedy, scripted};
use super::*;

fn turns(n: usize) -> Memory {
    Memory((0..n).map(|i| (format!("What is thing number {i}?").into(), format!("It is the thing with the number {i}.").into())).collect())
}

#[test]
fn a_conversation_of_another_model_is_computed_in_idle_time_and_only_its_oldest_turns_go() {
    let Some(model) = scripted() else { return };
    let mut session = LlamaSession::new(&model, &greedy(40)).unwrap();
    session.remember(&turns(60));
    assert_eq!(session.settle(&|| false).unwrap(), Settled::Done);
    let left = session.memory().0;
    println!("{} of 60 turns fit into 512 tokens", left.len());
    assert!(left.len() > 5 && left.len() < 60);
    assert_eq!(left, turns(60).0[60 - left.len()..], "whole turns, and the newest");
    let (_, stats) = ask(&mut session, "And the next?");
    assert!(stats.cached_tokens > 100 && stats.prefilled_tokens < 30, "{stats:?}");
    session.commit("Sure!").unwrap();
    assert_eq!(session.memory().0.last().unwrap(), &("And the next?".into(), "Sure!".into()));
}

#[test]
fn the_examples_of_a_starter_model_are_not_carried_to_others_and_stay_with_it() {
    let Some(model) = starter() else { return };
    let options = ChatOptions { system: prompt::DEFAULT_SYSTEM.into(), context_tokens: 2048, ..greedy(8) };
    let mut session = LlamaSession::new(&model, &options).unwrap();
    assert_eq!(session.memory(), Memory::default(), "nobody said anything");
    session.remember(&turns(2));
    assert_eq!(session.memory(), turns(2));
    assert_eq!(session.history().len(), prompt::STARTER_EXAMPLES.len() + 2);
    session.remember(&session.memory());
    assert_eq!(session.history().len(), prompt::STARTER_EXAMPLES.len() + 2);
}

#[test]
fn the_time_is_in_the_prompt_of_its_question_and_not_in_what_is_remembered() {
    let Some(model) = scripted() else { return };
    let mut session = LlamaSession::new(&model, &greedy(40)).unwrap();
    let (_, with) = ask(&mut session, "What time is it?");
    session.commit("Sure!").unwrap();
    assert_eq!(session.memory(), Memory(vec![("What time is it?".into(), "Sure!".into())]));
    session.reset();
    let seeded = ChatOptions { sampling: Sampling { seed: Some(1), ..greedy(40).sampling }, ..greedy(40) };
    session.set_options(&seeded).unwrap();
    let (_, without) = ask(&mut session, "What time is it?");
    let all = |stats: &ReplyStats| stats.cached_tokens + stats.prefilled_tokens;
    assert!(all(&with) > all(&without) + 10, "{with:?} {without:?}");
}

#[test]
fn a_question_that_means_no_time_has_the_same_prompt_at_any_time() {
    let Some(model) = scripted() else { return };
    let mut session = LlamaSession::new(&model, &greedy(8)).unwrap();
    session.prefill("How many continents are there?", &|| false).unwrap();
    let (_, stats) = ask(&mut session, "How many continents are there?");
    assert!(stats.prefilled_tokens < 12, "the question itself was computed ahead: {stats:?}");
}

#[test]
fn a_wish_for_a_deed_is_declined_by_any_model() {
    let Some(model) = scripted() else { return };
    let options = ChatOptions { system: prompt::DEFAULT_SYSTEM.into(), ..greedy(16) };
    let mut session = LlamaSession::new(&model, &options).unwrap();
    let (answer, stats) = ask(&mut session, "Order a pizza for me.");
    assert!(answer.starts_with("Sorry, I can't do that"), "{answer}");
    assert!(stats.tokens <= 16);
    session.commit("Sorry, I can't do that").unwrap();
    assert_eq!(session.memory().0[0].1.as_str(), "Sorry, I can't do that", "it is remembered like any answer");
    let (answer, _) = ask(&mut session, "How do I order a pizza?");
    assert!(!answer.starts_with("Sorry"), "{answer}");
}

#[test]
fn another_number_of_threads_keeps_what_was_computed_and_another_context_the_conversation() {
    let Some(model) = scripted() else { return };
    let mut session = LlamaSession::new(&model, &greedy(8)).unwrap();
    session.remember(&turns(3));
    session.settle(&|| false).unwrap();
    let cached = session.engine.cached().len();
    session.set_options(&ChatOptions { threads: 2, ..greedy(8) }).unwrap();
    assert_eq!(session.engine.cached().len(), cached);
    assert_eq!(session.engine.wanted().threads.decode, 2);
    session.set_options(&ChatOptions { context_tokens: 1024, threads: 2, ..greedy(8) }).unwrap();
    assert_eq!(session.engine.cached().len(), 0);
    assert_eq!(session.memory(), turns(3));
    let (_, stats) = ask(&mut session, "Go on.");
    assert!(stats.prefilled_tokens > 60);
}
