//! P1 to P12: what was asked for, what was measured, whether it is met. `"met": null` comes with a `why`.

use super::dialogue::{Dialogue, PeerTurns, peer_first_audio};
use super::plan::{IDS, Plan};
use super::session::Session;
use super::stats::{p50, p95, ratio, rounded, summary};
use super::trials;
use serde_json::{Map, Value, json};

/// What is asked for, for the table.
#[must_use]
pub fn wanted(id: &str) -> &'static str {
    match id {
        "P1" => "first sound ≥ 12x faster than COLD (p50), ≥ 4x than WARM (p50), both ≥ 3x (p95)",
        "P2" => "overhead ≤ 15 ms p50, ≤ 30 ms p95",
        "P3" => "first sound after ≤ 0.35 of the stages' full times",
        "P4" => "recognition after release ≤ 0.20 of whisper alone, same words",
        "P5" => "first token at turn 20 ≤ 1.15 of turn 2, nothing computed twice",
        "P6" => "decoding ≥ 0.98 of the bare engine, ≥ 0.80 while speaking",
        "P7" => "first sound of 10 s ≤ 0.15 of Piper's whole sentence, no gap",
        "P8" => "key down to silence ≤ 60 ms, to recording ≤ 30 ms (p99)",
        "P9" => "ready ≤ 2 s, first turn ≤ 1.3 of a steady one",
        "P10" => "memory ≤ 1.10 of files + KV, idle with window ≤ 0.3 % of a core",
        "P11" => "processor time per turn ≤ 0.6 of COLD",
        _ => "first sound with one of two cores busy ≤ 2.5 of the quiet one",
    }
}

/// Figures with a verdict; without one nothing could be computed.
#[must_use]
pub fn verdict(figures: Value, met: Option<bool>) -> Value {
    match met {
        Some(met) => with(figures, "met", json!(met)),
        None => open(figures, "A figure is missing: no turn gave it."),
    }
}

/// Figures without a verdict, and why.
#[must_use]
pub fn open(figures: Value, why: &str) -> Value {
    with(with(figures, "met", Value::Null), "why", json!(why))
}

fn with(mut figures: Value, key: &str, value: Value) -> Value {
    figures[key] = value;
    figures
}

/// Why a peer has no figures.
fn absence(turns: &PeerTurns) -> String {
    turns.as_ref().err().cloned().unwrap_or_else(|| "No turn of the peer was measured.".to_owned())
}

fn first_sound(dialogue: &Dialogue) -> Value {
    let own = dialogue.first_audio();
    let (mine50, mine95) = (p50(&own), p95(&own));
    let against = |turns: &PeerTurns| {
        let peer = peer_first_audio(turns);
        (ratio(peer.map(|p| p.0), mine50), ratio(peer.map(|p| p.1), mine95))
    };
    let ((cold50, cold95), (warm50, warm95)) = (against(&dialogue.cold), against(&dialogue.warm));
    let by_sentence: Vec<f64> = dialogue.warm.iter().flatten().filter_map(|turn| turn.by_sentence_ms).collect();
    let figures = json!({
        "cold_p50": cold50.map(rounded), "cold_p95": cold95.map(rounded), "warm_p50": warm50.map(rounded), "warm_p95": warm95.map(rounded),
        "warm_by_sentence_p50": ratio(p50(&by_sentence), mine50).map(rounded), "hark_ms": summary(&own),
    });
    match (cold50, cold95, warm50, warm95) {
        (Some(cold50), Some(cold95), Some(warm50), Some(warm95)) => {
            verdict(figures, Some(cold50 >= 12.0 && warm50 >= 4.0 && cold95 >= 3.0 && warm95 >= 3.0))
        }
        (None, ..) => open(figures, &absence(&dialogue.cold)),
        _ => open(figures, &absence(&dialogue.warm)),
    }
}

fn overhead(dialogue: &Dialogue) -> Value {
    let paths = dialogue.paths();
    let own: Vec<f64> = paths.iter().map(|path| path.overhead).collect();
    let with_tail: Vec<f64> = paths.iter().map(|path| path.overhead + path.tail).collect();
    let met = p50(&own).zip(p95(&own)).map(|(p50, p95)| p50 <= 15.0 && p95 <= 30.0);
    verdict(json!({"p50": p50(&own).map(rounded), "p95": p95(&own).map(rounded), "with_tail": summary(&with_tail)}), met)
}

fn overlap(dialogue: &Dialogue) -> Value {
    let shares = dialogue.overlap();
    let met = p50(&shares).map(|share| share <= 0.35);
    verdict(json!({"p50": p50(&shares).map(rounded), "p95": p95(&shares).map(rounded)}), met)
}

/// Letters and digits only: marks and capitals are not words.
fn words(text: &str) -> Vec<String> {
    let plain: String = text.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    plain.split_whitespace().map(str::to_owned).collect()
}

fn recognition(plan: &Plan, dialogue: &Dialogue) -> Value {
    let own: Vec<f64> = dialogue.paths().iter().map(|path| path.stt_after).collect();
    let Ok(cold) = &dialogue.cold else { return open(json!({"hark_ms": summary(&own)}), &absence(&dialogue.cold)) };
    let alone: Vec<f64> = cold.iter().map(|turn| turn.stt_ms).collect();
    let pairs = dialogue.hark.iter().zip(cold);
    let other: Vec<Value> = pairs
        .filter(|((_, turn), peer)| words(&turn.text) != words(&peer.text))
        .map(|((number, turn), peer)| json!({"question": plan.clips[*number].name, "hark": turn.text, "whisper": peer.text}))
        .collect();
    let figure = ratio(p50(&own), p50(&alone));
    let same = other.is_empty();
    let figures = json!({"hark_ms": summary(&own), "whisper_ms": summary(&alone), "ratio": figure.map(rounded), "same_words": same, "differences": other});
    verdict(figures, figure.map(|figure| figure <= 0.20 && same))
}

fn processor_time(dialogue: &Dialogue) -> Value {
    let own: Vec<f64> = dialogue.hark.iter().filter_map(|(_, turn)| turn.cpu_s).collect();
    let Ok(cold) = &dialogue.cold else { return open(json!({"hark_s": summary(&own)}), &absence(&dialogue.cold)) };
    let cold: Vec<f64> = cold.iter().filter_map(|turn| turn.cpu_s).collect();
    let figure = ratio(p50(&own), p50(&cold));
    verdict(json!({"hark_s": summary(&own), "cold_s": summary(&cold), "ratio": figure.map(rounded)}), figure.map(|figure| figure <= 0.6))
}

/// All targets, after the dialogue was held. `note` is told how far it is.
#[must_use]
pub fn measure(plan: &Plan, session: &Session, dialogue: &Dialogue, note: &mut dyn FnMut(&str)) -> Map<String, Value> {
    let mut found = Map::new();
    let mut rest = None;
    for id in IDS {
        if !plan.wants(id) {
            found.insert(id.to_owned(), open(json!({}), "It was not asked for (--only)."));
            continue;
        }
        note(&format!("{id}: {}", wanted(id)));
        let value = match id {
            "P1" => first_sound(dialogue),
            "P2" => overhead(dialogue),
            "P3" => overlap(dialogue),
            "P4" => recognition(plan, dialogue),
            "P5" => trials::settled(trials::long_conversation(plan, session)),
            "P6" => trials::settled(trials::decoding(plan, session)),
            "P7" => trials::settled(trials::first_sound(plan)),
            "P8" => trials::settled(trials::interrupts(plan, session)),
            "P9" | "P10" => {
                let both = rest.get_or_insert_with(|| trials::start_and_rest(plan));
                let mine = |pair: &(Value, Value)| if id == "P9" { pair.0.clone() } else { pair.1.clone() };
                trials::settled(both.as_ref().map(mine).map_err(Clone::clone))
            }
            "P11" => processor_time(dialogue),
            _ => trials::settled(trials::busy_machine(plan, session)),
        };
        found.insert(id.to_owned(), value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::peers::PeerTurn;
    use crate::bench::session::Turn;
    use crate::event::Timing;
    use crate::trace::{Lane, Span, Timeline, Work};
    use crate::turn::Moment;
    use std::time::Duration;

    fn turn(first: u64) -> Turn {
        let at = |ms: u64| Moment(Duration::from_millis(1000 + ms));
        let span = |lane, work, from, to| Span { lane, work, from: at(from), to: at(to) };
        let spans = vec![
            span(Lane::Stt, Work::Transcribe, 0, 20),
            span(Lane::Llm, Work::Decode, 20, 620),
            span(Lane::Tts, Work::Synthesis, 60, 500),
        ];
        let timing = Timing { first_audio_ms: Some(first as f64), first_clause_ms: Some(60.0), ..Timing::default() };
        let timeline = Timeline { input_end: at(0), first_audio: Some(at(first)), spans };
        Turn { timing, timeline, text: "What time is it?".into(), cpu_s: Some(1.0), ..Turn::default() }
    }

    fn peer(first: f64, stt: f64, cpu: f64) -> PeerTurns {
        Ok(vec![PeerTurn { first_audio_ms: first, stt_ms: stt, cpu_s: Some(cpu), text: "what time is it".into(), ..PeerTurn::default() }])
    }

    fn dialogue(cold: PeerTurns, warm: PeerTurns) -> Dialogue {
        Dialogue { hark: vec![(0, turn(100))], cold, warm, floor: Err("no".into()) }
    }

    #[test]
    fn ratios_are_peer_over_hark_and_all_four_must_be_met() {
        let value = first_sound(&dialogue(peer(1200.0, 0.0, 0.0), peer(400.0, 0.0, 0.0)));
        assert_eq!((value["cold_p50"].as_f64(), value["warm_p95"].as_f64(), value["met"].as_bool()), (Some(12.0), Some(4.0), Some(true)));
        assert_eq!(first_sound(&dialogue(peer(1199.0, 0.0, 0.0), peer(400.0, 0.0, 0.0)))["met"], json!(false));
        let value = first_sound(&dialogue(Err("not installed".into()), peer(400.0, 0.0, 0.0)));
        assert_eq!(
            (value["met"].clone(), value["why"].as_str(), value["warm_p50"].as_f64()),
            (Value::Null, Some("not installed"), Some(4.0))
        );
    }

    #[test]
    fn recognition_counts_after_the_release_and_the_words_must_be_the_same() {
        let plan = crate::bench::report::tests::plan();
        let value = recognition(&plan, &dialogue(peer(0.0, 100.0, 0.0), Err(String::new())));
        assert_eq!((value["ratio"].as_f64(), value["same_words"].as_bool(), value["met"].as_bool()), (Some(0.2), Some(true), Some(true)));
        let mut other = peer(0.0, 100.0, 0.0);
        other.as_mut().unwrap()[0].text = "what time was it".into();
        let value = recognition(&plan, &dialogue(other, Err(String::new())));
        assert_eq!((value["met"].as_bool(), value["differences"].as_array().unwrap().len()), (Some(false), 1));
    }

    #[test]
    fn overlap_overhead_and_processor_time_follow_their_definitions() {
        let dialogue = dialogue(peer(0.0, 0.0, 2.0), Err(String::new()));
        assert_eq!(overlap(&dialogue)["p50"].as_f64(), Some(rounded(100.0 / (20.0 + 600.0 + 440.0))));
        assert_eq!((overhead(&dialogue)["p50"].as_f64(), overhead(&dialogue)["met"].as_bool()), (Some(0.0), Some(true)));
        assert_eq!((processor_time(&dialogue)["ratio"].as_f64(), processor_time(&dialogue)["met"].as_bool()), (Some(0.5), Some(true)));
    }
}
