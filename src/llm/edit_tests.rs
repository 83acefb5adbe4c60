//! Whatever was edited, rolled back, stopped or computed ahead: the KV cache holds what a fresh one would (R15).

use super::session::LlamaSession;
use super::tests::{ask, greedy, scripted, stories};
use super::*;
use crate::turn::{CancelToken, TurnId};
use llama_cpp_2::token::LlamaToken;
use std::cell::Cell;

/// xorshift: the same sequence at each run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn size(&mut self, n: u64) -> usize {
        usize::try_from(self.below(n)).unwrap()
    }
}

/// A cache keeps f16, and batches of other sizes add in another order. Two logits that are closer than twice this may
/// change places; the widest difference of one logit seen in 10,000 operations was 0.03.
const TIE: f32 = 0.1;

#[derive(Debug, Default)]
struct Compared {
    tokens: usize,
    sequences: usize,
    ties: usize,
    widest: f32,
}

/// The next 16 tokens of both, token by token on the same text; a difference must be a tie.
fn compare(session: &mut LlamaSession<'_>, fresh: &mut LlamaSession<'_>, sum: &mut Compared, place: &str) {
    // Room for the 16 tokens: the oldest turns may have to go.
    session.said.ask("Then one day", session.engine.n_ctx(), 20).unwrap();
    fresh.set_history(session.history().to_vec());
    fresh.engine.forget();
    let (tokens, logits) = fresh.greedy_logits("Then one day", 16, &[]);
    let (_, others) = session.greedy_logits("Then one day", 16, &tokens);
    let best = |logits: &[f32]| (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap();
    let mut tied = 0;
    for (step, (fresh, edited)) in logits.iter().zip(&others).enumerate() {
        let difference = fresh.iter().zip(edited).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        sum.widest = sum.widest.max(difference);
        assert!(difference < TIE, "{place}, token {step}: logits differ by {difference}");
        let (a, b) = (best(fresh), best(edited));
        assert!(a == b || (fresh[a] - fresh[b]).abs() < 2.0 * TIE, "{place}, token {step}");
        tied += usize::from(a != b);
        sum.tokens += 1;
    }
    sum.ties += tied;
    sum.sequences += 1;
}

/// Ten thousand random operations of all kinds.
#[test]
fn ten_thousand_edits_rollbacks_stops_and_prefills_equal_a_fresh_conversation() {
    let Some(model) = stories() else { return };
    let options = ChatOptions { system: "Once upon a time".into(), context_tokens: 384, ..greedy(12) };
    let mut draw = Draw(0x1234_5678_9ABC_DEF1);
    let words = ["Lily", "went to the park.", "Why?", "a big red ball", "Tom saw a cat", "ä👋", "The end."];
    let mut session = LlamaSession::new(&model, &options).unwrap();
    let mut fresh = LlamaSession::new(&model, &options).unwrap();
    let mut sum = Compared::default();
    let (mut stopped, mut kinds) = (0, [0_usize; 8]);
    let mut text = String::new();
    for operation in 0..10_000 {
        let kind = draw.size(8);
        kinds[kind] += 1;
        // Most texts grow from the last one, as the words of a speaker do.
        if draw.below(3) == 0 || text.len() > 80 {
            text.clear();
        }
        text.push_str(words[draw.size(7)]);
        text.push(' ');
        let (cancel, mut clock) = CancelToken::with_clock();
        let asked = Cell::new(0_u64);
        // Asked about 40 times a batch: stops before, within and after the work.
        let until = draw.below(200);
        let stop = || {
            asked.set(asked.get() + 1);
            asked.get() > until
        };
        match kind {
            0 | 1 => stopped += usize::from(session.prefill(&text, &stop).unwrap() == Outcome::Cancelled),
            2 => assert_eq!(session.prefill(&text, &|| false).unwrap(), Outcome::Done(())),
            3 => stopped += usize::from(session.settle(&stop).unwrap() == Settled::Stopped),
            4 if draw.below(6) == 0 => session.reset(),
            4 => {
                // Unloaded and loaded again.
                let memory = session.memory();
                session.engine.forget();
                session.remember(&memory);
            }
            5 => {
                // Stopped in the middle of the answer, heard in part.
                let mut left = draw.below(6);
                let mut heard = String::new();
                let _ = session
                    .reply(&text, &cancel, &mut |t| {
                        heard.push_str(t);
                        if left == 0 {
                            clock.advance_to(TurnId(1));
                        }
                        left = left.saturating_sub(1);
                    })
                    .unwrap();
                let cut = heard.char_indices().map(|(i, _)| i).nth(draw.size(12)).unwrap_or(heard.len());
                session.commit(&heard[..cut]).unwrap();
            }
            6 => {
                // Stopped before it began.
                clock.advance_to(TurnId(1));
                assert_eq!(session.reply(&text, &cancel, &mut |_| ()).unwrap(), Outcome::Cancelled);
            }
            _ => {
                let (answer, _) = ask(&mut session, &text);
                session.commit(if draw.below(3) == 0 { "" } else { &answer }).unwrap();
            }
        }
        // The account of what is in the cache is exact at every moment, and the caches are compared every few operations.
        if draw.below(8) == 0 || operation % 100 == 99 {
            compare(&mut session, &mut fresh, &mut sum, &format!("operation {operation}"));
        }
    }
    println!("{kinds:?} operations, {stopped} stopped in the middle, {sum:?}");
    assert!(sum.sequences > 1000 && stopped > 500, "{sum:?}, {stopped} stopped");
    assert!(sum.ties * 200 < sum.tokens, "ties must be rare: {sum:?}");
}

/// After an interrupt the cache is that of a conversation in which only the heard part was ever said.
#[test]
fn after_an_interrupt_the_cache_is_that_of_what_was_heard() {
    let Some(model) = scripted() else { return };
    let mut session = LlamaSession::new(&model, &greedy(60)).unwrap();
    for cut in [0, 1, 5, 17, 40] {
        session.reset();
        session.settle(&|| false).unwrap();
        let (cancel, mut clock) = CancelToken::with_clock();
        let mut heard = String::new();
        let outcome = session
            .reply("Hello?", &cancel, &mut |t| {
                heard.push_str(t);
                if heard.len() > 45 {
                    clock.advance_to(TurnId(1));
                }
            })
            .unwrap();
        assert_eq!(outcome, Outcome::Cancelled);
        session.commit(&heard[..cut]).unwrap();
        session.settle(&|| false).unwrap();
        let expected = session.said.certain(None).unwrap();
        assert_eq!(session.engine.cached(), expected, "{:?}", &heard[..cut]);
        let text = model.model().vocab().detokenize(&expected, false, true);
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(!text.contains(&heard[..45]), "{text}");
        assert_eq!(cut > 0, text.contains(&format!("assistant\n{}<|im_end|>", heard[..cut].trim_end())), "{text}");
        let mut fresh = LlamaSession::new(&model, &greedy(60)).unwrap();
        fresh.set_history(session.history().to_vec());
        let (tokens, logits) = fresh.greedy_logits("And now?", 16, &[]);
        let (_, others) = session.greedy_logits("And now?", 16, &tokens);
        let differ = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(logits.iter().zip(&others).all(|(a, b)| differ(a, b) < TIE));
    }
}

/// Words that are computed while they are spoken waste at most a few tokens, wherever the pieces end.
#[test]
fn a_growing_question_wastes_few_tokens() {
    for model in [scripted(), stories()].into_iter().flatten() {
        // With a seed, so that no clock stands behind the questions that mean it.
        let options = ChatOptions { sampling: Sampling { seed: Some(1), ..greedy(4).sampling }, ..greedy(4) };
        let mut session = LlamaSession::new(&model, &options).unwrap();
        session.settle(&|| false).unwrap();
        for question in [
            "What is the capital of France, and how many people live there?",
            "It's 3.14 or so -- isn't it?  Well... \"maybe\" (or not) 1,000,000!",
            "Wie spät ist es? Das weiß ich nicht; frag' Åsa, d'accord?",
            "今天天气怎么样？ 明天呢？",
        ] {
            let words: Vec<&str> = question.split_inclusive(' ').collect();
            let before = session.engine.computed;
            for n in 1..=words.len() {
                session.prefill(&words[..n].concat(), &|| false).unwrap();
            }
            let ahead = session.engine.computed - before;
            let whole = session.said.certain(Some(question)).unwrap();
            assert_eq!(session.engine.cached(), whole);
            let needed = whole.len() - session.said.certain(None).unwrap().len();
            println!("{question}: {needed} tokens needed, {ahead} computed in {} pieces", words.len());
            assert!(ahead <= needed + 2 * words.len(), "{ahead} for {needed}");
            let (_, stats) = ask(&mut session, question);
            let end = session.prompt_tokens(question).len() - whole.len();
            assert!(stats.prefilled_tokens as usize <= end + 2, "{stats:?}");
            session.commit("").unwrap();
            session.settle(&|| false).unwrap();
        }
    }
}

/// Twenty turns: what is computed after a question is known is that question, exactly, also where turns are dropped.
#[test]
fn a_dialogue_of_twenty_turns_computes_only_new_tokens() {
    let Some(model) = scripted() else { return };
    for context_tokens in [2048, 512] {
        let mut session = LlamaSession::new(&model, &ChatOptions { context_tokens, ..greedy(100) }).unwrap();
        let (mut kept, mut dropped, mut new) = (0, 0, Vec::new());
        for turn in 0..24 {
            assert_eq!(session.settle(&|| false).unwrap(), Settled::Done);
            let certain = session.said.certain(None).unwrap();
            assert_eq!(session.engine.cached(), certain, "all of the past is there");
            dropped += usize::from(session.history().len() < kept);
            let question = format!("This is question number {:02}, what do you say?", turn + 10);
            let before = session.engine.computed;
            let (answer, stats) = ask(&mut session, &question);
            assert_eq!(stats.cached_tokens as usize, common(&certain, &session.prompt_tokens(&question)), "turn {turn}");
            let written = session.pending_tokens().len();
            assert_eq!(session.engine.computed - before, stats.prefilled_tokens as usize + written, "turn {turn}");
            new.push(stats.prefilled_tokens);
            session.commit(&answer).unwrap();
            kept = session.history().len();
        }
        assert!(new.iter().all(|n| *n == new[0]), "{new:?}");
        assert_eq!(dropped > 0, context_tokens == 512, "turns go ahead of time only");
    }
}

fn common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
