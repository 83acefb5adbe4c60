use super::*;
use std::path::PathBuf;

type Row = (String, Option<char>, bool);
type Rule = (&'static str, fn(Row) -> Row);

fn ours(text: &str) -> Vec<Row> {
    clauses(text, "en-us").unwrap().into_iter().map(|c| (c.phonemes, c.mark, c.ends_sentence)).collect()
}

/// The rules that explain a difference to the other program's espeak-ng 1.52.
const RULES: [Rule; 4] = [
    ("glide: 1.52 writes ʲ between vowels", |row| (row.0.replace('ʲ', ""), row.1, row.2)),
    ("vowel: 1.52 writes ɔːɹ for oːɹ", |row| (row.0.replace("oːɹ", "ɔːɹ"), row.1, row.2)),
    ("stress: main for secondary", |row| (row.0.replace('ˌ', "ˈ"), row.1, row.2)),
    ("title: Dr. before a name ends no sentence in ours", |row| match row.0.as_str() {
        "dˈɑːktɚ" | "mˈɪstɚ" => (row.0, None, false),
        _ => row,
    }),
];

/// The fewest rules that make both equal; `None` when all together do not.
fn explain(ours: &[Row], peer: &[Row]) -> Option<Vec<&'static str>> {
    let mut sets: Vec<u32> = (0..1 << RULES.len()).collect();
    sets.sort_by_key(|set| set.count_ones());
    let chosen = |set: u32| RULES.iter().enumerate().filter(move |(i, _)| set >> i & 1 == 1).map(|(_, rule)| rule);
    let by = |rows: &[Row], set| -> Vec<Row> { rows.iter().map(|row| chosen(set).fold(row.clone(), |row, (_, rule)| rule(row))).collect() };
    let set = sets.into_iter().find(|set| by(ours, *set) == by(peer, *set))?;
    Some(chosen(set).map(|(name, _)| *name).collect())
}

#[test]
fn differences_to_the_golden_phonemes_are_all_explained() {
    let root = std::env::var_os("HARK_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join("golden/espeak/piper_phonemes.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: needs {}", path.display());
        return;
    };
    let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (mut same, mut explained, mut wrong) = (0, 0, Vec::new());
    for row in golden["rows"].as_array().unwrap() {
        let text = row["text"].as_str().unwrap();
        let peer: Vec<Row> = row["peer_clauses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| (c[0].as_str().unwrap().nfd().collect(), c[1].as_str().unwrap().chars().next(), c[2].as_bool().unwrap()))
            .collect();
        let ours = ours(text);
        if ours == peer {
            same += 1;
        } else if let Some(rules) = explain(&ours, &peer) {
            explained += 1;
            println!("{text:?}: {}", rules.join("; "));
        } else {
            wrong.push(format!("{text:?}\n  ours {ours:?}\n  peer {peer:?}"));
        }
    }
    println!("{same} equal, {explained} explained, {} not", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(same >= 30 && same + explained == 48, "{same} equal, {explained} explained");
}

#[test]
fn the_explanations_do_not_explain_everything() {
    let row = |text: &str, mark, ends| vec![(text.to_owned(), mark, ends)];
    assert!(explain(&row("həlˈoʊ", Some('.'), true), &row("həlˈoʊ", Some(','), false)).is_none());
    assert!(explain(&row("həlˈoʊ", None, true), &row("həlˈaʊ", None, true)).is_none());
    assert!(explain(&row("həlˈoʊ", None, true), &row("hˈəloʊ", None, true)).is_none());
    assert_eq!(explain(&row("wˈʌn", None, true), &row("wˌʌn", None, true)), Some(vec!["stress: main for secondary"]));
}

#[test]
fn the_character_after_the_mark_belongs_to_the_next_clause() {
    for (consumed, mark) in [
        ("Well, t", ','),
        ("irst; B", ';'),
        ("Stop!\"", '!'),
        ("“Quoted.”", '.'),
        ("said: \"", ':'),
        ("what?! S", '?'),
        ("你好。我", '。'),
        ("dash — e", ';'),
        ("dash – e", ';'),
        ("(Yes.) N", '.'),
    ] {
        let mark = if mark == '。' { '.' } else { mark };
        assert_eq!(end_of(consumed, consumed, true), End::Mark(mark), "{consumed:?}");
    }
    assert_eq!(end_of("as… f", "as… f", true), End::Ellipsis);
    assert_eq!(end_of("Wait... w", "Wait... w", true), End::Ellipsis);
    assert_eq!(end_of("line.\n\ns", "line.\n\ns", true), End::Text);
    assert_eq!(end_of("blah v2.5", "blah v2.5", true), End::Length, "a cut inside of a number");
    assert_eq!(end_of("blah v2.5", "blah v2.5", false), End::Text);
    assert_eq!(end_of("Dr. S", "Dr. S", true), End::Title);
    assert_eq!(end_of("the dr. S", "the dr. S", true), End::Mark('.'), "a title has a capital");
}

#[test]
fn titles_do_not_end_a_sentence() {
    for (text, count) in [
        ("Dr. Smith is here. He waits.", 2),
        ("Mr. Brown met Mrs. Jones and Prof. Lee.", 1),
        ("I like the doctor. She is nice.", 2),
        ("He is a Dr.", 1),
    ] {
        let sentences = sentences(&clauses(text, "en-us").unwrap());
        assert_eq!(sentences.len(), count, "{text}: {sentences:?}");
    }
    assert_eq!(sentences(&clauses("Dr. Smith.", "en-us").unwrap()), ["dˈɑːktɚ smˈɪθ."]);
}

#[test]
fn sentences_have_their_marks_and_blanks() {
    let said = |text: &str| sentences(&clauses(text, "en-us").unwrap());
    assert_eq!(said("Well, that's easy: turn left; then stop!"), ["wˈɛl, ðæts ˈiːzi: tˈɜːn lˈɛft; ðˈɛn stˈɑːp!"]);
    assert_eq!(said("Yes"), ["jˈɛs"]);
    for nothing in ["", "  ", "...", "?", "\n\n", "🙂"] {
        assert!(said(nothing).len() <= usize::from(nothing == "🙂"), "{nothing:?}: {:?}", said(nothing));
    }
}

#[test]
fn east_asian_marks_become_those_that_voices_know() {
    let marks: Vec<_> = clauses("你好。我是，你。", "cmn").unwrap().into_iter().map(|c| (c.mark, c.ends_sentence)).collect();
    assert_eq!(marks, [(Some('.'), true), (Some(','), false), (Some('.'), true)]);
}

#[test]
fn language_switches_are_dropped() {
    assert_eq!(without_switches("(en)sˈɒft(de) ja (x"), "sˈɒft ja x");
    let said = sentences(&clauses("Das Computer Update.", "de").unwrap()).join("");
    assert!(!said.contains('(') && said.contains("ʊpdeɪt") || said.contains("ʌpdeɪt"), "{said}");
}

#[test]
fn very_long_and_strange_texts_come_to_an_end() {
    for text in [
        "word ".repeat(2_000),
        "x".repeat(20_000),
        ".,;".repeat(2_000),
        "مرحبا ".repeat(500),
        "\u{202e}abc\u{200b}".repeat(300),
        "🙂".repeat(500),
    ] {
        let clauses = clauses(&text, "en-us").unwrap();
        assert!(clauses.iter().all(|c| c.phonemes.len() < 20_000), "{}", text.chars().take(5).collect::<String>());
    }
}
