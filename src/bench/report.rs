//! The result of a bench: for machines (`--json`), for people, and as a table for a document (`--markdown`).

use super::dialogue::{Dialogue, hold, peer};
use super::plan::{IDS, Plan};
use super::process;
use super::session::Session;
use super::setup;
use super::stats::summary;
use super::svg;
use super::targets::{measure, wanted};
use crate::audio::outputs::Pace;
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::Path;

/// Measures all of it. `note` is told how far it is; `timeline` gets the picture of the typical turn.
///
/// # Errors
/// A sentence, when Hark itself did not answer or the picture cannot be written.
pub fn run(plan: &Plan, version: &str, timeline: Option<&Path>, note: &mut dyn FnMut(&str)) -> Result<Value, String> {
    note("loading the models");
    let session = Session::start(plan.config.clone(), Pace::Instant)?;
    let dialogue = hold(plan, &session, note)?;
    if let (Some(file), Some(turn)) = (timeline, dialogue.typical()) {
        std::fs::write(file, svg::draw(&turn.timeline)).map_err(|error| format!("{} cannot be written: {error}.", file.display()))?;
    }
    let memory = process::memory("self");
    let targets = plan.targets.then(|| measure(plan, &session, &dialogue, note));
    let ready_ms = session.ready_ms;
    session.stop();
    Ok(assemble(plan, version, &dialogue, memory, ready_ms, targets))
}

fn assemble(
    plan: &Plan,
    version: &str,
    dialogue: &Dialogue,
    memory: Option<process::Memory>,
    ready_ms: f64,
    targets: Option<Map<String, Value>>,
) -> Value {
    let figures: Map<String, Value> = dialogue.figures().into_iter().map(|(name, values)| (name.to_owned(), summary(&values))).collect();
    let mut report = json!({
        "hark": version,
        "percentiles": "nearest rank",
        "machine": setup::machine(),
        "models": setup::models(&plan.config),
        "choices": setup::choices(&plan.config),
        "questions": plan.clips.len(),
        "runs": plan.runs,
        "figures": figures,
        "process": {"loaded_ms": super::stats::rounded(ready_ms), "resident_bytes": memory.map(|m| m.resident), "peak_bytes": memory.map(|m| m.peak)},
        "turns": dialogue.turns(plan),
    });
    if plan.compare {
        report["peers"] = json!({"cold": peer(&dialogue.cold), "warm": peer(&dialogue.warm), "floor": peer(&dialogue.floor)});
    }
    if let Some(targets) = targets {
        report["targets"] = Value::Object(targets);
    }
    report
}

/// A number for people: as many digits as it deserves.
fn number(value: &Value) -> String {
    match value.as_f64() {
        None => "–".to_owned(),
        Some(value) if value.abs() >= 100.0 => format!("{value:.0}"),
        Some(value) if value.abs() >= 10.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.2}"),
    }
}

fn met(target: &Value) -> &'static str {
    match target["met"].as_bool() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not measured",
    }
}

/// The figures of a target on one line.
fn measured(target: &Value) -> String {
    let mut parts = Vec::new();
    for (name, value) in target.as_object().into_iter().flatten() {
        let name_for_people = name.replace('_', " ");
        match value {
            Value::Object(fields) if fields.contains_key("p95") => {
                parts.push(format!("{name_for_people} {} / {}", number(&fields["p50"]), number(&fields["p95"])));
            }
            Value::Number(_) if name.ends_with("_bytes") => {
                parts.push(format!(
                    "{} {:.0} MiB",
                    name_for_people.trim_end_matches(" bytes"),
                    value.as_f64().unwrap_or(0.0) / 1_048_576.0
                ));
            }
            Value::Number(_) => parts.push(format!("{name_for_people} {}", number(value))),
            Value::Bool(yes) if name != "met" => parts.push(format!("{name_for_people}: {}", if *yes { "yes" } else { "no" })),
            Value::String(why) => parts.push(why.clone()),
            _ => {}
        }
    }
    parts.join(", ")
}

/// For people on a terminal.
#[must_use]
pub fn table(report: &Value) -> String {
    let mut out = String::new();
    let text = |value: &Value| value.as_str().unwrap_or("–").to_owned();
    let _ =
        writeln!(out, "hark {} on {}, {} cores", text(&report["hark"]), text(&report["machine"]["processor"]), report["machine"]["cores"]);
    for stage in ["stt", "chat", "voice"] {
        let model = &report["models"][stage];
        if let Some(file) = model["file"].as_str() {
            let sum: String = model["sha256"].as_str().unwrap_or_default().chars().take(12).collect();
            let _ = writeln!(out, "  {stage:<6} {file}  {sum}");
        }
    }
    let choices = &report["choices"];
    let _ = writeln!(out, "  threads: {} (speech), {} (chat)\n", choices["stt_threads"], choices["chat_threads"]);
    let _ = writeln!(out, "{:<28} {:>10} {:>10}", "", "p50", "p95");
    for (name, values) in report["figures"].as_object().into_iter().flatten() {
        let _ = writeln!(out, "{:<28} {:>10} {:>10}", name.replace('_', " "), number(&values["p50"]), number(&values["p95"]));
    }
    for (name, peer) in report["peers"].as_object().into_iter().flatten() {
        if let Some(why) = peer["why"].as_str() {
            let _ = writeln!(out, "{name}: not measured. {why}");
            continue;
        }
        let first = &peer["eos_to_first_audio_ms"];
        let _ = writeln!(out, "{:<28} {:>10} {:>10}", format!("{name}: first audio ms"), number(&first["p50"]), number(&first["p95"]));
    }
    for id in IDS {
        let target = &report["targets"][id];
        if target.is_object() {
            let _ = writeln!(out, "{id:<4} {:<13} {}\n     {}", met(target), wanted(id), measured(target));
        }
    }
    out.trim_end().to_owned()
}

/// For a document.
#[must_use]
pub fn markdown(report: &Value) -> String {
    let mut out = String::from("| id | target | measured (p50 / p95) | met |\n|---|---|---|---|\n");
    for id in IDS {
        let target = &report["targets"][id];
        if target.is_object() {
            let _ = writeln!(out, "| {id} | {} | {} | {} |", wanted(id), measured(target).replace('|', "/"), met(target));
        }
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::bench::plan::Clip;
    use crate::config::test_config;

    pub fn plan() -> Plan {
        let pcm = crate::bench::session::tests::question();
        Plan {
            clips: vec![Clip { name: "one".into(), file: "one.wav".into(), pcm }],
            runs: 1,
            compare: true,
            targets: true,
            only: ["P1", "P2", "P3", "P4", "P6", "P7", "P9", "P11", "P12"].map(str::to_owned).into(),
            python: "/nowhere/python".into(),
            peers: "benches/peers".into(),
            program: None,
            config: test_config(),
        }
    }

    #[test]
    fn a_bench_of_fakes_has_every_key_and_says_what_it_lacks() {
        let dir = tempfile::tempdir().unwrap();
        let picture = dir.path().join("turn.svg");
        let mut notes = Vec::new();
        let report = run(&plan(), "1.2.3 (abc)", Some(&picture), &mut |note| notes.push(note.to_owned())).unwrap();
        for id in IDS {
            let target = &report["targets"][id];
            assert!(target.as_object().unwrap().contains_key("met"), "{id}: {target}");
            assert!(
                target["met"].is_boolean() || target["why"].as_str().is_some_and(|why| why.ends_with('.') || why.ends_with(')')),
                "{id}: {target}"
            );
        }
        assert_eq!(report["targets"]["P5"]["why"], "It was not asked for (--only).");
        assert!(report["targets"]["P1"]["why"].as_str().unwrap().contains("speech model"), "{}", report["targets"]["P1"]);
        assert!(report["targets"]["P2"]["p50"].is_number());
        for key in ["cold_p50", "cold_p95", "warm_p50", "warm_p95"] {
            assert!(report["targets"]["P1"].as_object().unwrap().contains_key(key), "{key}");
        }
        for name in ["eos_to_first_audio_ms", "first_token_ms", "first_clause_ms", "overhead_ms", "overlap", "stt_after_release_ms"] {
            assert!(report["figures"][name]["p95"].is_number(), "{name}: {}", report["figures"][name]);
        }
        assert_eq!(report["peers"]["cold"]["measured"], false);
        assert_eq!(report["turns"].as_array().unwrap().len(), 1);
        assert!(std::fs::read_to_string(picture).unwrap().starts_with("<svg"));
        assert!(notes.iter().any(|note| note.contains("run 1 of 1")));
        let (people, document) = (table(&report), markdown(&report));
        assert!(people.contains("P12") && people.contains("eos to first audio ms"), "{people}");
        assert_eq!(document.lines().count(), 2 + IDS.len(), "{document}");
    }

    #[test]
    fn figures_are_written_for_people() {
        let target = json!({"ratio": 0.123, "hark_ms": {"p50": 12.34, "p95": 456.7, "n": 9}, "resident_bytes": 1_048_576 * 7, "same_words": true,
                            "differences": [], "gone": null, "met": true});
        assert_eq!(measured(&target), "ratio 0.12, hark ms 12.3 / 457, resident 7 MiB, same words: yes");
        assert_eq!((met(&target), met(&json!({"met": null}))), ("yes", "not measured"));
    }
}
