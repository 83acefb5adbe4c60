//! Where the time between the end of speech and the first sound went.
//!
//! ```text
//! key up (0)                                                                     first sample (FA)
//!   |--tail--|--- stt ---|.|------ llm ------|.|--- tts ---|.|
//!                                            ^ first clause
//! ```
//! **The engines' own time on the critical path** is the length of the union of
//! - all spans of the stt lane, cut to 0…FA;
//! - all spans of the llm lane, cut to 0…first clause: what the model writes after that no longer holds up the sound;
//! - all spans of the tts lane, cut to 0…FA.
//!
//! A union, so that work of two threads at the same moment counts once. **Waiting for the last word** (`tail`) is the part
//! of the capture lane's tail spans in 0…FA in which no engine worked: the microphone hears on so that the last word is
//! whole, which is input and no overhead. **Overhead** is the rest: FA − engines − tail, the dots above: hand-overs
//! between threads, the grace of the key, splitting into clauses, the output's own start.

use crate::trace::{Lane, Timeline, Work};
use crate::turn::Moment;

/// A turn's time up to its first sound, in parts, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Path {
    /// From the end of the input to the first sample of speech.
    pub total: f64,
    /// In which an engine worked that the first sound waited for.
    pub engines: f64,
    /// In which only the microphone still heard.
    pub tail: f64,
    /// The rest.
    pub overhead: f64,
    /// Speech recognition after the end of the input.
    pub stt_after: f64,
    /// Synthesis up to the first sample.
    pub first_synthesis: f64,
}

/// How long each stage worked in the whole turn, also before the key went up, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stages {
    /// Speech recognition.
    pub stt: f64,
    /// The chat model.
    pub llm: f64,
    /// Synthesis.
    pub tts: f64,
}

impl Stages {
    /// As if one came after the other.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.stt + self.llm + self.tts
    }
}

type Interval = (Moment, Moment);

/// Length of the union, ms.
fn covered(intervals: &[Interval]) -> f64 {
    let mut sorted = intervals.to_vec();
    sorted.sort();
    let mut total = 0.0;
    let mut end: Option<Moment> = None;
    for (from, to) in sorted {
        let from = end.map_or(from, |end| from.max(end));
        if to > from {
            total += to.ms_since(from);
            end = Some(to);
        }
    }
    total
}

/// Spans of a lane (and of a kind of work, if given) between two moments.
fn within(timeline: &Timeline, lane: Lane, work: Option<Work>, from: Moment, to: Moment) -> Vec<Interval> {
    let fits = timeline.spans.iter().filter(|span| span.lane == lane && work.is_none_or(|work| span.work == work));
    fits.map(|span| (span.from.max(from), span.to.min(to))).filter(|(from, to)| to > from).collect()
}

/// The parts of the way to the first sound. `first_clause_ms` counts from the end of the input; without it the chat model
/// counts up to the first sound. `None` for a turn that never sounded.
#[must_use]
pub fn critical(timeline: &Timeline, first_clause_ms: Option<f64>) -> Option<Path> {
    let (zero, first) = (timeline.input_end, timeline.first_audio?);
    let clause = first_clause_ms.map_or(first, |ms| zero.plus(std::time::Duration::from_secs_f64(ms.max(0.0) / 1000.0))).min(first);
    let stt = within(timeline, Lane::Stt, None, zero, first);
    let tts = within(timeline, Lane::Tts, None, zero, first);
    let mut engines = [stt.clone(), within(timeline, Lane::Llm, None, zero, clause), tts.clone()].concat();
    let worked = covered(&engines);
    engines.extend(within(timeline, Lane::Capture, Some(Work::Tail), zero, first));
    let tail = covered(&engines) - worked;
    let total = first.ms_since(zero);
    Some(Path {
        total,
        engines: worked,
        tail,
        overhead: (total - worked - tail).max(0.0),
        stt_after: covered(&stt),
        first_synthesis: covered(&tts),
    })
}

/// How long each stage worked in all.
#[must_use]
pub fn stages(timeline: &Timeline) -> Stages {
    let all = |lane| covered(&within(timeline, lane, None, Moment::default(), timeline.end()));
    Stages { stt: all(Lane::Stt), llm: all(Lane::Llm), tts: all(Lane::Tts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Span;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment(Duration::from_millis(1000 + ms))
    }

    fn timeline(spans: &[(Lane, Work, i64, u64)], first: u64) -> Timeline {
        let moment = |ms: i64| Moment(Duration::from_millis((1000 + ms).unsigned_abs()));
        let spans = spans.iter().map(|&(lane, work, from, to)| Span { lane, work, from: moment(from), to: at(to) }).collect();
        Timeline { input_end: at(0), first_audio: Some(at(first)), spans }
    }

    #[test]
    fn overhead_is_what_neither_an_engine_nor_the_last_word_took() {
        let spans = [
            (Lane::Key, Work::Held, -900, 0),
            (Lane::Capture, Work::Tail, 0, 120),
            (Lane::Stt, Work::Transcribe, 122, 222),
            (Lane::Llm, Work::Prompt, 225, 265),
            (Lane::Llm, Work::Decode, 265, 800), // writes on while the first clause is spoken
            (Lane::Tts, Work::Synthesis, 370, 460),
        ];
        let path = critical(&timeline(&spans, 464), Some(365.0)).unwrap();
        let expected =
            Path { total: 464.0, engines: 100.0 + 140.0 + 90.0, tail: 120.0, overhead: 14.0, stt_after: 100.0, first_synthesis: 90.0 };
        assert!((path.overhead - expected.overhead).abs() < 1e-9 && (path.engines - expected.engines).abs() < 1e-9, "{path:?}");
        assert_eq!((path.total, path.tail, path.stt_after, path.first_synthesis), (464.0, 120.0, 100.0, 90.0));
    }

    #[test]
    fn work_at_the_same_time_counts_once_and_work_while_the_key_was_down_not_at_all() {
        let spans = [
            (Lane::Stt, Work::Phrase, -500, 50),   // 50 of it are after the key
            (Lane::Stt, Work::Transcribe, 20, 80), // overlaps
            (Lane::Llm, Work::Prefill, -300, 60),  // overlaps too
            (Lane::Llm, Work::Decode, 80, 100),
            (Lane::Tts, Work::Synthesis, 100, 400), // its first sound came at 150
            (Lane::Capture, Work::Tail, 0, 40),
        ];
        let path = critical(&timeline(&spans, 150), Some(100.0)).unwrap();
        assert_eq!((path.engines, path.tail, path.overhead), (150.0, 0.0, 0.0));
        assert_eq!((path.stt_after, path.first_synthesis), (80.0, 50.0));
    }

    #[test]
    fn a_turn_without_sound_has_no_path() {
        let silent = Timeline { first_audio: None, ..timeline(&[], 1) };
        assert_eq!(critical(&silent, None), None);
    }

    #[test]
    fn the_stages_count_in_full() {
        let spans = [
            (Lane::Stt, Work::Phrase, -500, 0),
            (Lane::Stt, Work::Transcribe, 10, 110),
            (Lane::Llm, Work::Prefill, -200, 0),
            (Lane::Llm, Work::Decode, 110, 610),
            (Lane::Tts, Work::Synthesis, 300, 700),
        ];
        let stages = stages(&timeline(&spans, 400));
        assert_eq!((stages.stt, stages.llm, stages.tts, stages.sum()), (600.0, 700.0, 400.0, 1700.0));
    }
}
