//! The context budget: which turns of the conversation still fit. Oldest whole turns go; the system prompt and the
//! question stay.

use super::ChatError;

/// What fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The oldest turn that stays, counted from the oldest; all turns before it go.
    pub first: usize,
    /// Tokens that the answer may have.
    pub room: usize,
}

/// An answer must have room for at least so many tokens, or the question counts as too long.
const LEAST_ROOM: usize = 32;

/// Finds out how many of the oldest of `turns` turns must go, so that prompt and answer fit into `context` tokens.
///
/// `prompt_tokens(first)` is the length of the whole prompt when turns before `first` are gone; it must not grow with
/// `first`. `question_tokens` is the question's own share of it.
///
/// The answer gets `max_tokens`, at most half of the context while there is history to drop, and what is left when
/// there is none. When turns must go, so many go that a quarter of the budget is free again: each drop costs a new
/// prefill of all that stays, which would otherwise be due at every turn from then on.
///
/// # Errors
/// [`ChatError::ContextFull`] when the question does not fit without any history.
pub fn fit(
    context: usize,
    max_tokens: usize,
    turns: usize,
    question_tokens: usize,
    mut prompt_tokens: impl FnMut(usize) -> usize,
) -> Result<Fit, ChatError> {
    let max_tokens = max_tokens.max(1);
    let budget = context.saturating_sub(max_tokens.min(context / 2));
    let whole = prompt_tokens(0);
    if whole <= budget {
        return Ok(Fit { first: 0, room: max_tokens.min(context - whole) });
    }
    let slack = budget / 4 * 3;
    let mut largest = None;
    for first in 1..=turns {
        let tokens = prompt_tokens(first);
        if tokens <= budget && largest.is_none() {
            largest = Some((first, tokens));
        }
        if tokens <= slack {
            return Ok(Fit { first, room: max_tokens.min(context - tokens) });
        }
    }
    if let Some((first, tokens)) = largest {
        return Ok(Fit { first, room: max_tokens.min(context - tokens) });
    }
    let alone = if turns == 0 { whole } else { prompt_tokens(turns) };
    let least = LEAST_ROOM.min(max_tokens);
    if alone + least <= context {
        return Ok(Fit { first: turns, room: max_tokens.min(context - alone) });
    }
    let around = alone.saturating_sub(question_tokens) + least;
    Err(ChatError::ContextFull { tokens: question_tokens, room: context.saturating_sub(around) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(system: usize, question: usize, turns: &[usize]) -> impl FnMut(usize) -> usize {
        move |first| system + question + turns[first..].iter().sum::<usize>()
    }

    #[test]
    fn all_stays_while_it_fits() {
        let fit = fit(1000, 300, 3, 20, length(50, 20, &[100, 100, 100])).unwrap();
        assert_eq!(fit, Fit { first: 0, room: 300 });
    }

    #[test]
    fn the_oldest_turns_go_whole_and_make_some_slack() {
        // Budget 700, slack 525: 50 + 20 + 4 × 100 = 470 fits.
        let fit = fit(1000, 300, 8, 20, length(50, 20, &[100; 8])).unwrap();
        assert_eq!(fit, Fit { first: 4, room: 300 });
    }

    #[test]
    fn the_room_shrinks_before_the_question_is_refused() {
        assert_eq!(fit(512, 400, 0, 400, length(50, 400, &[])).unwrap(), Fit { first: 0, room: 62 });
        assert!(matches!(fit(512, 400, 0, 440, length(50, 440, &[])), Err(ChatError::ContextFull { tokens: 440, room: 430 })));
    }

    proptest! {
        #[test]
        fn it_always_fits_or_says_so(
            context in 1_usize..3000, max in 0_usize..3000, system in 0_usize..400, question in 0_usize..2000,
            turns in proptest::collection::vec(1_usize..600, 0..30),
        ) {
            match fit(context, max, turns.len(), question, length(system, question, &turns)) {
                Ok(fit) => {
                    let tokens = length(system, question, &turns)(fit.first);
                    prop_assert!(fit.room >= 1 && tokens + fit.room <= context);
                    prop_assert!(fit.room <= max.max(1));
                }
                Err(ChatError::ContextFull { tokens, room }) => {
                    prop_assert_eq!(tokens, question);
                    prop_assert!(room < question || system + 32 >= context);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
