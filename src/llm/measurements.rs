//! Figures of the real models. `HARK_CHAT_MODEL` names another one than the starter model.

use super::context::{Context, Decoded, Shape, Threads};
use super::llama::LlamaModelHandle;
use super::session::LlamaSession;
use super::tests::{ask, greedy, load};
use super::*;
use crate::turn::{CancelToken, TurnId};
use llama_cpp_2::token::LlamaToken;
use std::cell::Cell;
use std::path::PathBuf;
use std::time::Instant;

fn model() -> Option<LlamaModelHandle> {
    let path = std::env::var_os("HARK_CHAT_MODEL").map_or_else(|| "models/starter/SmolLM2-135M-Instruct.gguf".into(), PathBuf::from);
    load(&path)
}

fn text(model: &LlamaModelHandle, n: i32) -> Vec<LlamaToken> {
    let words = model.model().vocab().n_tokens();
    (0..n).map(|i| LlamaToken((i * 37 + 11) % words)).collect()
}

/// Tokens per second of reading, by chunk; the settings take turns, so that other programs disturb all alike.
#[test]
#[ignore = "a measurement"]
fn reading_by_chunk() {
    let Some(model) = model() else { return };
    let text = text(&model, 256);
    let threads = Threads { decode: 1, prompt: 1 };
    let mut settings: Vec<(u32, bool, Context<'_>, f64, f64, f64)> = Vec::new();
    for chunk in [32_u32, 64, 128, 256] {
        for flash in [false, true] {
            let before = resident();
            let mut ctx = Context::new(model.model(), Shape { n_ctx: 2048, chunk, flash_attention: flash, threads }).unwrap();
            ctx.decode(&text[..8], &|| false);
            settings.push((chunk, flash, ctx, f64::INFINITY, f64::INFINITY, resident() - before));
        }
    }
    for _ in 0..3 {
        for (chunk, _, ctx, read, write, _) in &mut settings {
            ctx.clear();
            let from = Instant::now();
            for part in text.chunks(*chunk as usize) {
                assert_eq!(ctx.decode(part, &|| false), Decoded::Done);
            }
            *read = read.min(from.elapsed().as_secs_f64());
            for token in &text[..6] {
                let from = Instant::now();
                ctx.decode(&[*token], &|| false);
                *write = write.min(from.elapsed().as_secs_f64());
            }
        }
    }
    for (chunk, flash, _, read, write, memory) in settings {
        println!("chunk {chunk}, flash {flash}: {:.0} tokens/s read, {:.1}/s written, {memory:.0} MB", 256.0 / read, 1.0 / write);
    }
}

/// Memory of this process, MB.
fn resident() -> f64 {
    let pid = sysinfo::get_current_pid().unwrap();
    let mut system = sysinfo::System::new().unwrap();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), false);
    system.process(pid).unwrap().memory() as f64 / 1.0e6
}

/// How long a computation goes on after it was told to stop.
#[test]
fn a_computation_stops_within_milliseconds() {
    let Some(model) = model() else { return };
    let text = text(&model, 512);
    let mut session = LlamaSession::new(&model, &greedy(4)).unwrap();
    let mut late = Vec::new();
    for n in 0..12 {
        session.engine.forget();
        let from = Instant::now();
        let told = Cell::new(None);
        let stop = || {
            let now = told.get().is_some() || from.elapsed().as_millis() >= 20 + 9 * n;
            if now && told.get().is_none() {
                told.set(Some(Instant::now()));
            }
            now
        };
        assert_eq!(session.engine.hold(&text[..400], &stop).unwrap(), Outcome::Cancelled);
        late.push(told.get().unwrap().elapsed().as_secs_f64() * 1000.0);
        assert!(text.starts_with(session.engine.cached()));
    }
    println!("after the engine was told: {late:.2?} ms");
    // And from outside, as a press does it: the longest node of the graph is waited for.
    let mut outside = Vec::new();
    for n in 0..8 {
        session.engine.forget();
        let (cancel, mut clock) = CancelToken::with_clock();
        let (at, done) = std::thread::scope(|scope| {
            let press = scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(15 + 11 * n));
                clock.advance_to(TurnId(1));
                Instant::now()
            });
            let outcome = session.engine.hold(&text[..400], &|| cancel.is_cancelled()).unwrap();
            let done = Instant::now();
            assert_eq!(outcome, Outcome::Cancelled);
            (press.join().unwrap(), done)
        });
        outside.push(done.saturating_duration_since(at).as_secs_f64() * 1000.0);
    }
    outside.sort_by(f64::total_cmp);
    println!("after a press: {outside:.2?} ms");
    assert!(outside[4] < 60.0, "{outside:?}");
}

/// Writing against a bare llama.cpp loop (P6), and the time to the first token over twenty turns (P5).
#[test]
#[ignore = "a measurement"]
fn writing_and_first_tokens() {
    let Some(model) = model() else { return };
    let mut session = LlamaSession::new(&model, &ChatOptions { sampling: Sampling::default(), ..greedy(48) }).unwrap();
    let prompt = session.prompt_tokens("Tell me a long story about a dog.");
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let (_, stats) = ask(&mut session, "Tell me a long story about a dog.");
        if stats.tokens > 8 {
            ours.push(stats.tokens_per_second);
        }
        bare.push(bare_speed(&model, &prompt, 40));
    }
    for speeds in [&mut ours, &mut bare] {
        speeds.sort_by(f64::total_cmp);
    }
    println!("writing: ours {ours:.1?}, bare {bare:.1?} tokens/s, best ratio {:.3}", ours.last().unwrap() / bare.last().unwrap());
    session.reset();
    session.set_options(&ChatOptions { context_tokens: 2048, ..greedy(24) }).unwrap();
    let mut times = Vec::new();
    for turn in 0..20 {
        session.settle(&|| false).unwrap();
        let (answer, stats) = ask(&mut session, &format!("This is question number {:02}, what do you say?", turn + 10));
        session.commit(&answer).unwrap();
        times.push(stats.first_token_ms);
        println!("turn {turn}: {stats:?}");
    }
    println!("first token: turn 2 {:.1} ms, turn 20 {:.1} ms, ratio {:.2}", times[1], times[19], times[19] / times[1]);
}

/// Tokens per second of a loop of decode and argmax.
fn bare_speed(model: &LlamaModelHandle, prompt: &[LlamaToken], n: usize) -> f64 {
    let shape = Shape { n_ctx: 512, chunk: 512, flash_attention: false, threads: Threads { decode: 1, prompt: 1 } };
    let mut ctx = Context::new(model.model(), shape).unwrap();
    ctx.decode(prompt, &|| false);
    let mut from = Instant::now();
    for i in 0..=n {
        if i == 1 {
            from = Instant::now();
        }
        let logits = ctx.logits();
        let best = (0..logits.len()).fold(0, |best, at| if logits[at] > logits[best] { at } else { best });
        ctx.decode(&[LlamaToken(i32::try_from(best).unwrap())], &|| false);
    }
    n as f64 / from.elapsed().as_secs_f64()
}
