use super::*;
use crate::audio::vad::{FRAME, FrameScorer};

/// Loud is speech.
pub(in crate::stt) struct Loudness;

impl FrameScorer for Loudness {
    fn score(&mut self, frame: &[f32; FRAME]) -> f32 {
        f32::from(frame.iter().any(|s| s.abs() > 0.05))
    }
}

pub(in crate::stt) fn loudness() -> Box<dyn FrameScorer> {
    Box::new(Loudness)
}

/// A voice: loud, and up and down (a steady sound is a fan). `(true, ms)` is speech, `(false, ms)` a pause.
pub(in crate::stt) fn voice(parts: &[(bool, usize)]) -> Vec<f32> {
    let mut pcm = Vec::new();
    for (speaks, millis) in parts {
        let begun = pcm.len();
        pcm.extend((0..ms(*millis)).map(|at| if *speaks { 0.1 + 0.3 * ((begun + at) as f32 / 1700.0).sin().abs() } else { 0.0 }));
    }
    pcm
}

fn said(text: &str) -> Transcript {
    Transcript { text: text.into(), language: "en".to_owned(), confidence: 0.9 }
}

fn hearing(way: Way) -> Hearing {
    Hearing::new(TurnId(1), way, false, loudness)
}

/// Hands a recording over in pieces of 100 ms; gives each job and how much was known then.
fn jobs(hearing: &mut Hearing, pcm: &[f32]) -> Vec<(Job, usize)> {
    let mut jobs = Vec::new();
    for piece in pcm.chunks(1600) {
        let at = hearing.heard();
        assert!(hearing.push(at, piece));
        while let Some(job) = hearing.next_job() {
            hearing.done(&job, said(&format!("number {}.", jobs.len())));
            jobs.push((job, hearing.heard()));
        }
    }
    jobs
}

#[test]
fn a_short_question_is_drafted_at_each_pause_and_stays_one() {
    let mut hearing = hearing(Way::Phrases);
    let pcm = voice(&[(false, 400), (true, 1200), (false, 300), (true, 1100), (false, 700)]);
    let jobs = jobs(&mut hearing, &pcm);
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    let (first, second) = (&jobs[0], &jobs[1]);
    assert_eq!((first.0.phrase_to, second.0.phrase_to), (None, None));
    assert!((ms(1800)..=ms(1900)).contains(&first.1), "200 ms after the first part: {first:?}");
    assert_eq!(first.0.range.start, second.0.range.start, "the draft is of the whole");
    assert!((ms(150)..=ms(200)).contains(&second.0.range.start), "200 ms before the speech");
    assert!(second.0.range.end <= second.1 && second.0.range.end > ms(3000));
    assert_eq!(hearing.words(), Words { certain: "number 1.".into(), uncertain: "".into() }, "after 700 ms of silence");
    hearing.key_up = true;
    assert!(hearing.is_complete_without_tail());
    assert_eq!(hearing.transcript().text, "number 1.");
}

#[test]
fn long_speech_is_cut_in_the_middle_of_its_pauses_without_overlap() {
    let mut hearing = hearing(Way::Phrases);
    let sentence = [(true, 5200), (false, 320)];
    let pcm = voice(&[&[(false, 100)][..], &sentence, &sentence, &[(true, 900), (false, 250)]].concat());
    let jobs = jobs(&mut hearing, &pcm);
    assert_eq!(jobs.len(), 3, "{jobs:?}");
    let ranges: Vec<Range<usize>> = jobs.iter().map(|(job, _)| job.range.clone()).collect();
    assert_eq!(jobs.iter().map(|(job, _)| job.phrase_to.is_some()).collect::<Vec<_>>(), [true, true, false]);
    for two in ranges.windows(2) {
        assert!(two[0].end <= two[1].start, "no sample is heard twice: {ranges:?}");
    }
    for (range, pause) in [(&ranges[0], 5300..5620), (&ranges[1], 10_820..11_140)] {
        assert!(range.end > ms(pause.start + 80) && range.end <= ms(pause.start + 220), "{range:?}");
    }
    let lost = |(at, sample): &(usize, &f32)| sample.abs() > 0.05 && !ranges.iter().any(|range| range.contains(at));
    assert_eq!(pcm.iter().enumerate().find(lost), None, "a sample of speech is in no phrase");
    assert_eq!(hearing.words(), Words { certain: "number 0. number 1. number".into(), uncertain: "2.".into() });
    hearing.key_up = true;
    assert_eq!(hearing.words().uncertain, "", "nothing can change it any more");
    assert_eq!(hearing.transcript().text, "number 0. number 1. number 2.");
}

#[test]
fn half_a_minute_without_a_pause_is_cut_all_the_same() {
    let mut hearing = hearing(Way::Phrases);
    let jobs = jobs(&mut hearing, &voice(&[(true, 70_000)]));
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    assert_eq!(jobs[0].0.range.end, jobs[1].0.range.start);
    assert!(jobs.iter().all(|(job, _)| (ms(20_000)..=ms(30_000)).contains(&job.range.len())));
}

#[test]
fn very_little_speech_waits_for_more() {
    let mut hearing = hearing(Way::Phrases);
    assert_eq!(jobs(&mut hearing, &voice(&[(true, 300), (false, 300)])), [], "Well, …");
    assert_eq!(jobs(&mut hearing, &voice(&[(true, 900), (false, 300)])).len(), 1);
    let mut stop = self::hearing(Way::Phrases);
    assert_eq!(jobs(&mut stop, &voice(&[(true, 300), (false, 500)])).len(), 1, "Stop.");
    let mut fan = self::hearing(Way::Phrases);
    assert_eq!(jobs(&mut fan, &[vec![0.3; 16_000], vec![0.0; 16_000]].concat()).len(), 1, "a sound with an end is no fan");
    let mut silence = self::hearing(Way::Phrases);
    assert_eq!(jobs(&mut silence, &[0.0; 32_000]), []);
    silence.key_up = true;
    assert!(!silence.is_complete_without_tail() && silence.last_job().is_none());
}

#[test]
fn the_tail_is_looked_at_when_someone_still_spoke() {
    let pcm = voice(&[(true, 1500), (false, 100)]);
    let mut hearing = hearing(Way::Phrases);
    assert_eq!(jobs(&mut hearing, &pcm), []);
    hearing.key_up = true;
    assert!(hearing.is_worth_a_try() && !hearing.is_complete_without_tail());
    let job = hearing.last_job().unwrap();
    hearing.done(&job, said("What time"));
    assert!(hearing.last_job().is_none() && !hearing.is_complete_without_tail(), "the pause is too short to be sure");
    // A quiet tail: the words stand. A loud one: they do not.
    let quiet = [pcm.clone(), vec![0.0; 1920]].concat();
    let loud = [pcm.clone(), voice(&[(true, 120)])].concat();
    assert!(hearing.complete(&quiet) && hearing.last_job().is_none());
    assert_eq!(hearing.transcript().text, "What time");
    let mut hearing = self::hearing(Way::Phrases);
    assert!(hearing.push(0, &pcm));
    hearing.done(&job, said("What time"));
    assert!(!hearing.complete(&loud[1..]), "another recording");
    assert!(hearing.complete(&loud));
    assert!(hearing.last_job().is_some_and(|job| job.range.end == loud.len()));
    // Speech up to the key: nothing is tried before the tail is there.
    let mut hearing = self::hearing(Way::Phrases);
    hearing.push(0, &voice(&[(true, 1500), (false, 30)]));
    hearing.key_up = true;
    assert!(!hearing.is_worth_a_try());
}

#[test]
fn pieces_that_are_not_trusted_are_heard_again_as_a_whole() {
    let mut hearing = hearing(Way::Phrases);
    let pcm = voice(&[(true, 5200), (false, 300), (true, 2000), (false, 600)]);
    hearing.push(0, &pcm[..ms(5450)]);
    let first = hearing.next_job().unwrap();
    hearing.done(&first, said("And so my fellow Americans ask not."));
    hearing.push(ms(5450), &pcm[ms(5450)..]);
    let second = hearing.next_job().unwrap();
    hearing.done(&second, Transcript { confidence: 0.2, ..said("you") });
    assert_eq!(hearing.transcript().text, "", "nothing of it counts");
    let whole = hearing.next_job().unwrap();
    assert!(whole.range.start == 0 && whole.range.end > ms(7500) && whole.phrase_to.is_none(), "{whole:?}");
    hearing.done(&whole, said("And so my fellow Americans."));
    hearing.key_up = true;
    assert!(hearing.is_complete_without_tail());
    assert_eq!(hearing.transcript().text, "And so my fellow Americans.");
}

#[test]
fn a_lost_piece_or_the_switch_leaves_all_to_the_end() {
    let pcm = voice(&[(true, 1500), (false, 500)]);
    for off in [false, true] {
        let mut hearing = hearing(if off { Way::AtTheEnd } else { Way::Phrases });
        if off {
            hearing.push(0, &pcm);
        } else {
            assert!(!hearing.push(160, &pcm));
            hearing.give_up();
        }
        hearing.key_up = true;
        assert!(hearing.next_job().is_none() && !hearing.is_worth_a_try() && !hearing.is_complete_without_tail());
        assert!(hearing.complete(&pcm));
        assert_eq!(hearing.last_job().unwrap().range, 0..pcm.len());
    }
}

#[test]
fn the_last_word_of_a_draft_is_uncertain() {
    assert_eq!("What is the capital.".split_at(last_word("What is the capital.")), ("What is the ", "capital."));
    assert_eq!("今天天气怎么样？".split_at(last_word("今天天气怎么样？")), ("今天天气怎", "么样？"));
    assert_eq!((last_word("Hello."), last_word(""), last_word("天")), (0, 0, 0));
}
