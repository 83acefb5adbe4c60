//! Idle times with real models: the kept beginning, unloading, threads under load.

use super::context::Threads;
use super::engine::{Engine, Wanted};
use super::llama::LlamaModelHandle;
use super::session::LlamaSession;
use super::starter_tests::starter;
use super::tests::{greedy, scripted, shared};
use super::worker::{ChatFactory, spawn_llm};
use super::*;
use crate::event::{LlmCmd, WorkerEvent};
use crate::on_time::on_time;
use crate::platform::threads::Job;
use crate::turn::{TurnClock, TurnId};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

fn kept(cache: &Path) -> ChatOptions {
    let system = prompt::DEFAULT_SYSTEM.to_owned();
    ChatOptions {
        system: system.into(),
        flash_attention: FlashAttention::Off,
        cache: Some(cache.to_owned()),
        context_tokens: 1024,
        ..greedy(16)
    }
}

#[test]
fn the_beginning_is_computed_once_and_a_damaged_file_is_not_used() {
    let Some(model) = starter().or_else(scripted) else { return };
    let folder = tempfile::tempdir().unwrap();
    let begin = || {
        let mut session = LlamaSession::new(&model, &kept(folder.path())).unwrap();
        let from = Instant::now();
        assert_eq!(session.settle(&|| false).unwrap(), Settled::Done);
        let ms = from.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(session.engine.cached(), session.said.certain(None).unwrap());
        let logits = session.greedy_logits("Who are you?", 4, &[]).1;
        (session.engine.computed, ms, logits)
    };
    let cold = begin();
    let warm = begin();
    let saved = cold.0 - warm.0;
    println!("{saved} tokens in {:.0} ms, from the file {:.0} ms", cold.1, warm.1);
    assert!(saved > 10 && cold.2 == warm.2, "the same numbers to the last bit");
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let damaged = begin();
    assert_eq!(damaged.0, cold.0, "a damaged file is computed anew");
    assert_eq!(begin().0, warm.0, "and replaced");
    // What a user said never enters the file.
    std::fs::remove_file(&file).unwrap();
    let mut session = LlamaSession::new(&model, &kept(folder.path())).unwrap();
    super::tests::ask(&mut session, "My secret is 1234.");
    session.commit("I see.").unwrap();
    session.settle(&|| false).unwrap();
    assert!(!file.exists());
}

/// Prompt tokens of the second question, with and without an unload between the two.
fn second_question(unload_after: Option<Duration>) -> (u32, usize) {
    let path = shared("tiny-smol-random-F16.gguf");
    let loads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&loads);
    let factory: ChatFactory = Arc::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(LlamaModelHandle::load(&path, 1)?))
    });
    let (up, events) = crossbeam_channel::bounded(1024);
    let mut clock = TurnClock::new();
    let worker = spawn_llm(factory, greedy(60), up, clock.reader(), unload_after).unwrap();
    let mut tokens = 0;
    for turn in [TurnId(1), TurnId(2)] {
        clock.advance_to(turn);
        worker.try_send(LlmCmd::Prefill(turn, "".into())).unwrap();
        worker.try_send(LlmCmd::Reply(turn, "Hello there?".into())).unwrap();
        loop {
            match events.recv_timeout(Duration::from_secs(60)).unwrap() {
                WorkerEvent::ReplyEnded { stats, .. } => break tokens = stats.cached_tokens + stats.prefilled_tokens,
                WorkerEvent::Failed(_, error) => panic!("{error:?}"),
                _ => {}
            }
        }
        worker.try_send(LlmCmd::Commit { turn, heard: "Sure! I am a scripted test model".into() }).unwrap();
        std::thread::sleep(Duration::from_millis(400));
    }
    (tokens, loads.load(Ordering::SeqCst))
}

#[test]
fn a_second_question_after_an_unload_still_knows_the_first() {
    on_time(|| {
        if scripted().is_none() {
            return;
        }
        let (with, loads) = second_question(Some(Duration::from_millis(100)));
        let (without, once) = second_question(None);
        assert_eq!((loads, once), (2, 1));
        assert!(with.abs_diff(without) <= 1, "{with} tokens after an unload, {without} without");
        assert!(without > 35, "the first exchange is part of the prompt: {without}");
    });
}

#[test]
fn with_a_fixed_number_of_threads_nothing_is_measured_and_remembered_as_the_fastest() {
    let Some(model) = scripted() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = ChatOptions { threads: 1, flash_attention: FlashAttention::Auto, ..kept(folder.path()) };
    let mut session = LlamaSession::new(&model, &options).unwrap();
    for _ in 0..3 {
        assert_eq!(session.settle(&|| false).unwrap(), Settled::Done, "no later look");
    }
    let Settled::Later(_) = ({
        session.set_options(&ChatOptions { threads: 0, ..options }).unwrap();
        session.settle(&|| false).unwrap()
    }) else {
        panic!("with free choice it is measured when the machine is quiet");
    };
}

/// With one core kept busy, the governor is not slower than a fixed number of threads, and mostly far faster.
#[test]
fn a_busy_neighbour_does_not_stop_the_answer() {
    let Some(model) = starter() else { return };
    let cores = measured::cores();
    if cores < 2 {
        println!("skipped: needs two cores");
        return;
    }
    let text: Vec<_> = (0..16).map(|i| llama_cpp_2::token::LlamaToken(i * 37 + 11)).collect();
    let engine = |adapt| {
        let threads = Threads { decode: cores.min(4), prompt: cores.min(4) };
        let mut engine = Engine::new(&model, Wanted { context_tokens: 512, threads, flash_attention: false, adapt }).unwrap();
        engine.hold(&text, &|| false).unwrap();
        engine
    };
    // Tokens of half a second, at least one: with a neighbour one may take as long.
    let steps = |engine: &mut Engine<'_>| {
        let from = Instant::now();
        let mut done = 0;
        while done == 0 || (from.elapsed().as_millis() < 500 && done < 60) {
            engine.push(text[done % 16], &|| false).unwrap();
            done += 1;
        }
        from.elapsed().as_secs_f64() * 1000.0 / done as f64
    };
    let one = Threads { decode: 1, prompt: 1 };
    let mut alone = Engine::new(&model, Wanted { context_tokens: 512, threads: one, flash_attention: false, adapt: false }).unwrap();
    let quiet = steps(&mut alone);
    let (mut fixed, mut governed) = (engine(false), engine(true));
    governed.governor().expect(Job::Decode, 1, quiet);
    let end = AtomicBool::new(false);
    let (mut without, mut with) = (Vec::new(), Vec::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !end.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        for _ in 0..4 {
            without.push(steps(&mut fixed));
            with.push(steps(&mut governed));
        }
        end.store(true, Ordering::Relaxed);
    });
    let mean = |times: &[f64]| times.iter().sum::<f64>() / times.len() as f64;
    let gain = mean(&without) / mean(&with);
    println!(
        "a token: alone on one thread {quiet:.1} ms; with a neighbour {without:.1?} ms, governed {with:.1?} ms: {gain:.1} times as fast"
    );
    assert!(gain > 0.9, "{without:?} {with:?}");
}
