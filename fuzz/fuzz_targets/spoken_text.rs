#![no_main]
use hark_fuzz::speech::{Clause, Lang, Part, SpokenText, ThinkSplitter, normalize};

/// The clauses of a text that comes in these pieces. Their ranges touch and stay within the text.
fn clauses(text: &str, cuts: &[u8]) -> Vec<Clause> {
    let mut spoken = SpokenText::new(cuts.first().is_some_and(|cut| cut & 1 == 1));
    let (mut all, mut rest) = (Vec::new(), text);
    let mut cuts = cuts.iter().skip(1).cycle();
    while !rest.is_empty() {
        let wish = cuts.next().map_or(rest.len(), |cut| usize::from(*cut % 32) + 1).min(rest.len());
        let cut = (wish..=rest.len()).find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(cut);
        all.extend(spoken.push(head));
        rest = tail;
    }
    all.extend(spoken.finish());
    let mut at = 0;
    for clause in &all {
        assert_eq!(clause.range.start, at);
        assert!(clause.range.end <= text.len() && text.is_char_boundary(clause.range.end));
        at = clause.range.end;
    }
    all
}

libfuzzer_sys::fuzz_target!(|input: (&[u8], &str)| {
    let (cuts, text) = input;
    // How the text was cut on its way changes nothing of what is said.
    let whole = clauses(text, &cuts[..cuts.len().min(1)]);
    assert_eq!(clauses(text, cuts), whole);
    for lang in [Lang::En, Lang::Zh] {
        let _ = normalize(text, lang);
    }
    let mut splitter = ThinkSplitter::default();
    let mut parts: Vec<Part> = splitter.push(text);
    parts.extend(splitter.finish());
});
