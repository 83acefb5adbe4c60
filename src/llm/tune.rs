//! The short measurement that chooses threads and flash attention for a model on this machine.

use super::context::{Context, Decoded, Shape, Threads};
use super::measured::Measured;
use crate::clock;
use crate::platform::threads::at_work;
use crate::turn::Outcome;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;

/// Tokens that are read and written in one trial.
const READ: usize = 64;
const WRITTEN: usize = 8;
/// Each trial is made so often, and the best time counts: what other programs do only adds to it.
const ROUNDS: usize = 2;
/// No further trial begins after this time, ms.
const BUDGET_MS: f64 = 4500.0;
/// A thread more must make it faster by so much.
const WORTH: f64 = 0.95;
/// A typical turn, for weighing reading against writing: tokens read after the key went up, and written until the first
/// clause is complete and while it sounds.
const TURN: (f64, f64) = (32.0, 48.0);

/// Times of one setting, ms: of [`READ`] tokens read, of one token written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Trial {
    pub(super) threads: u32,
    pub(super) flash: bool,
    pub(super) read: f64,
    pub(super) write: f64,
}

/// Numbers of threads that are tried on a machine with `cores` cores.
pub(super) fn candidates(cores: u32) -> Vec<u32> {
    [1, 2, 3, 4, 6, 8].into_iter().filter(|n| *n <= cores.max(1)).collect()
}

/// Tries all; `stop` ends it early and without a result. It uses a context of its own, so it changes nothing.
pub(super) fn trials(model: &LlamaModel, threads: &[u32], flash: &[bool], stop: &dyn Fn() -> bool) -> Outcome<Vec<Trial>> {
    let from = clock::now();
    let words = model.vocab().n_tokens().max(1);
    // Speed does not depend on what is read.
    let text: Vec<LlamaToken> = (0..READ).map(|i| LlamaToken((i32::try_from(i).unwrap_or(0) * 37 + 11) % words)).collect();
    let mut done: Vec<Trial> = Vec::new();
    for round in 0..ROUNDS {
        for &flash in flash {
            let one = Threads { decode: 1, prompt: 1 };
            let chunk = u32::try_from(READ).unwrap_or(64);
            let Some(mut ctx) = Context::new(model, Shape { n_ctx: 256, chunk, flash_attention: flash, threads: one }) else { continue };
            for &threads in threads.iter().rev() {
                // The first round is complete but for very slow machines, where one thread is tried last: it is the default.
                if clock::now().ms_since(from) > BUDGET_MS && !done.is_empty() {
                    return Outcome::Done(done);
                }
                let Some((read, write)) = trial(&mut ctx, threads, &text, stop) else { return Outcome::Cancelled };
                match done.iter_mut().find(|t| t.threads == threads && t.flash == flash) {
                    Some(trial) => (trial.read, trial.write) = (trial.read.min(read), trial.write.min(write)),
                    None if round == 0 => done.push(Trial { threads, flash, read, write }),
                    None => {}
                }
            }
        }
    }
    Outcome::Done(done)
}

fn trial(ctx: &mut Context<'_>, threads: u32, text: &[LlamaToken], stop: &dyn Fn() -> bool) -> Option<(f64, f64)> {
    let _work = at_work(threads);
    ctx.set_threads(Threads { decode: threads, prompt: threads });
    ctx.clear();
    let from = clock::now();
    if ctx.decode(text, stop) != Decoded::Done {
        return None;
    }
    let read = clock::now().ms_since(from);
    let mut write = f64::INFINITY;
    for token in text.iter().take(WRITTEN) {
        let from = clock::now();
        if ctx.decode(&[*token], stop) != Decoded::Done {
            return None;
        }
        write = write.min(clock::now().ms_since(from));
    }
    Some((read, write))
}

/// The best of the trials; `None`: there are none.
pub(super) fn choose(trials: &[Trial]) -> Option<Measured> {
    let best_of = |flash: bool| -> Option<Measured> {
        let mut of: Vec<&Trial> = trials.iter().filter(|t| t.flash == flash).collect();
        of.sort_by_key(|t| t.threads);
        let pick = |time: &dyn Fn(&Trial) -> f64| {
            of.iter().copied().reduce(|best, next| if time(next) < WORTH * time(best) { next } else { best })
        };
        let (read, write) = (pick(&|t| t.read)?, pick(&|t| t.write)?);
        Some(Measured {
            decode_threads: write.threads,
            prompt_threads: read.threads,
            flash_attention: flash,
            decode_ms: write.write,
            prompt_ms: read.read,
        })
    };
    let turn = |m: &Measured| TURN.0 * m.prompt_ms / READ as f64 + TURN.1 * m.decode_ms;
    match (best_of(false), best_of(true)) {
        (Some(off), Some(on)) => Some(if turn(&on) < WORTH * turn(&off) { on } else { off }),
        (off, on) => off.or(on),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(threads: u32, flash: bool, read: f64, write: f64) -> Trial {
        Trial { threads, flash, read, write }
    }

    #[test]
    fn fewer_threads_win_within_five_percent_and_reading_and_writing_are_apart() {
        let found = choose(&[t(1, false, 400.0, 20.0), t(2, false, 210.0, 19.5), t(4, false, 100.0, 19.0)]).unwrap();
        assert_eq!((found.prompt_threads, found.decode_threads), (4, 1));
        let found = choose(&[t(4, false, 100.0, 11.0), t(2, false, 102.0, 10.0), t(1, false, 300.0, 20.0)]).unwrap();
        assert_eq!((found.prompt_threads, found.decode_threads, found.decode_ms), (2, 2, 10.0));
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn flash_attention_must_be_worth_it() {
        let both = |read, write| choose(&[t(1, false, 100.0, 10.0), t(1, true, read, write)]).unwrap().flash_attention;
        assert!(!both(99.0, 9.9));
        assert!(both(80.0, 9.0));
        assert!(!both(200.0, 10.0));
        assert!(choose(&[t(1, true, 1.0, 1.0)]).unwrap().flash_attention, "the only one");
    }

    #[test]
    fn small_machines_try_few() {
        assert_eq!(candidates(0), [1]);
        assert_eq!(candidates(2), [1, 2]);
        assert_eq!(candidates(7), [1, 2, 3, 4, 6]);
        assert_eq!(candidates(64), [1, 2, 3, 4, 6, 8]);
    }
}
