//! The whole way from answer to clauses.

use super::*;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn speak<'a>(early: bool, chunks: impl IntoIterator<Item = &'a str>) -> Vec<Clause> {
    let mut spoken = SpokenText::new(early);
    let mut clauses: Vec<Clause> = chunks.into_iter().flat_map(|chunk| spoken.push(chunk)).collect();
    clauses.extend(spoken.finish());
    clauses
}

fn by_character(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()])
}

fn texts(clauses: &[Clause]) -> Vec<&str> {
    clauses.iter().map(|clause| clause.text.as_str()).collect()
}

/// Ranges touch, lie in the text and on borders of characters.
fn check_ranges(text: &str, clauses: &[Clause]) {
    let mut last = 0;
    for clause in clauses {
        assert_eq!(clause.range.start, last, "{text:?} {clause:?}");
        assert!(clause.range.end > last && text.get(clause.range.clone()).is_some(), "{text:?} {clause:?}");
        last = clause.range.end;
    }
}

/// (answer, clauses with an early first one)
const ANSWERS: &[(&str, &[&str])] = &[
    ("Hello! How can I help you today?", &["Hello!", "How can I help you today?"]),
    ("Paris is the capital of France.", &["Paris is the capital of France."]),
    (
        "The capital of Australia is Canberra, not Sydney. It was chosen in 1908.",
        &["The capital of Australia is Canberra,", "not Sydney.", "It was chosen in nineteen oh eight."],
    ),
    (
        "A rainbow forms when sunlight enters raindrops and bends inside them. Then it comes out again.",
        &["A rainbow forms when sunlight enters raindrops", "and bends inside them.", "Then it comes out again."],
    ),
    (
        "Dr. Smith met Mr. J. R. Jones at 10:45 a.m. in the U.S. embassy. It was 3.14 km away.",
        &["Doctor Smith met Mister J. R. Jones at ten forty-five AM in the US embassy.", "It was three point one four kilometers away."],
    ),
    (
        "**Photosynthesis** is how plants make food:\n\n1. They take in *water* and CO2.\n2. They use `sunlight`.\n3. They release oxygen\n\nThat's all!",
        &[
            "Photosynthesis is how plants make food:",
            "one, They take in water and CO two.",
            "two, They use sunlight.",
            "three, They release oxygen",
            "That's all!",
        ],
    ),
    (
        "# Pancakes\n\n## Ingredients\n- 2 eggs\n- 1/2 cup milk\n- salt\n\n## Steps\nMix it. Fry it 😋.",
        &["Pancakes", "Ingredients", "two eggs", "one half cup milk", "salt", "Steps", "Mix it.", "Fry it."],
    ),
    (
        "Here's an example:\n```python\nprint(\"Hello, world. Bye.\")\n```\nIt prints a greeting.",
        &["Here's an example:", "It prints a greeting."],
    ),
    ("| Planet | Moons |\n|---|---|\n| Earth | 1 |\n| Mars | 2 |", &["Planet, Moons", "Earth, one", "Mars, two"]),
    (
        "See [the Rust book](https://doc.rust-lang.org/book/) or visit https://www.example.com/x?y=1. Bye.",
        &["See the Rust book or visit example dot com.", "Bye."],
    ),
    (
        "\"Stop!\" he said. \"Why?\" (She laughed.) Then... nothing happened.",
        &["\"Stop!\" he said.", "\"Why?\"", "She laughed.", "Then... nothing happened."],
    ),
    ("I don't know... Maybe you do?", &["I don't know...", "Maybe you do?"]),
    (
        "It costs $1,299.99, which is 10% less.",
        &["It costs one thousand two hundred ninety-nine dollars and ninety-nine cents,", "which is ten percent less."],
    ),
    ("On July 4, 1776, they signed it.", &["On July fourth, seventeen seventy-six,", "they signed it."]),
    ("Sure thing<|im_end|>", &["Sure thing"]),
    ("Well, yes. Well, no.", &["Well, yes.", "Well, no."]),
    ("Roses are red\nViolets are blue", &["Roses are red", "Violets are blue"]),
    ("Use e.g. apples, pears etc. The rest is easy.", &["Use for example apples,", "pears et cetera.", "The rest is easy."]),
    ("He moved to the U.S. He liked it.", &["He moved to the US.", "He liked it."]),
    ("Great question! The answer — as always — is 42.", &["Great question!", "The answer, as always, is forty-two."]),
    ("你好！我是你的助手。有什么可以帮你的吗？", &["你好！", "我是你的助手。", "有什么可以帮你的吗？"]),
    ("今天天气很好，气温25°C，适合出门。明天有雨。", &["今天天气很好，", "气温二十五摄氏度，适合出门。", "明天有雨。"]),
    (
        "好的，以下是步骤：\n1. 打开**设置**\n2. 点击“网络”。\n3. 输入密码",
        &["好的，以下是步骤：", "一，打开设置", "二，点击“网络”。", "三，输入密码"],
    ),
    ("他说：“你好。”然后走了……没有回来。", &["他说：“你好。”", "然后走了……没有回来。"]),
    ("我用 Python 3.11 写代码。It works well. 很好！", &["我用 Python 三点一一写代码。", "It works well.", "很好！"]),
    ("2024年3月5日，会议在10:30开始。", &["二零二四年三月五日，", "会议在十点三十分开始。"]),
    ("🎉🎉 👨‍👩‍👧 ❤️", &[]),
    ("", &[]),
    ("...", &[]),
    ("```\ncode only\n```", &[]),
    ("שלום עולם. מה שלומך?", &["שלום עולם.", "מה שלומך?"]),
    ("مرحبا بالعالم؟ نعم، بالطبع.", &["مرحبا بالعالم؟", "نعم، بالطبع."]),
    (
        "Open 9 a.m.–5 p.m., Monday–Friday. World War II ended in 1945.",
        &["Open nine AM to five PM,", "Monday to Friday.", "World War two ended in nineteen forty-five."],
    ),
    (
        "Check it with `rustc --version` or `Vec<u8>`. Use C = (F - 32) here.",
        &["Check it with rustc version or.", "Use C equals, F minus thirty-two, here."],
    ),
    ("现在气温-2℃～8℃，湿度65%。", &["现在气温零下二摄氏度到八摄氏度，", "湿度百分之六十五。"]),
    ("Wait - what? No way!!! Really?! Yes.", &["Wait, what?", "No way!!!", "Really?!", "Yes."]),
];

#[test]
fn answers_are_spoken_as_one_would_read_them_out() {
    for (answer, expected) in ANSWERS {
        let whole = speak(true, [*answer]);
        assert_eq!(texts(&whole), *expected, "{answer:?}");
        check_ranges(answer, &whole);
        assert_eq!(speak(true, by_character(answer)), whole, "by character: {answer:?}");
    }
}

#[test]
fn a_range_is_the_source_of_its_clause() {
    let answer = "It is **very *important*** to know. Next `x` one.\n```\ncode\n```\nLast.";
    let clauses = speak(false, [answer]);
    let sources: Vec<&str> = clauses.iter().map(|c| &answer[c.range.clone()]).collect();
    assert_eq!(sources, ["It is **very *important*** to know.", " Next `x` one.", "\n```\ncode\n```\nLast."]);
}

#[test]
fn the_first_clause_comes_while_the_sentence_is_still_written() {
    let mut spoken = SpokenText::new(true);
    assert!(spoken.push("The weather today,").is_empty(), "a digit may follow");
    assert_eq!(texts(&spoken.push(" as")), ["The weather today,"]);

    // No mark anywhere: between 6 and 12 words, never inside a name or behind "the".
    let words = "my old neighbour keeps telling everyone about the Grand Hotel Budapest every single morning before work starts again";
    let clauses = speak(true, [words]);
    let first = clauses[0].text.split(' ').count();
    assert!((6..=12).contains(&first), "{clauses:?}");
    assert!(!clauses[0].text.ends_with("the") && !clauses[0].text.ends_with("Grand"), "{clauses:?}");
    // Without the wish for an early clause it is one sentence.
    assert_eq!(speak(false, [words]).len(), 1);
}

#[test]
fn every_sentence_of_one_push_is_returned_at_once() {
    let mut spoken = SpokenText::new(false);
    assert_eq!(texts(&spoken.push("One. Two! Three? Four")), ["One.", "Two!", "Three?"]);
    assert_eq!(texts(&spoken.finish()), ["Four"]);
    assert!(spoken.finish().is_empty());
}

#[test]
fn numbers_are_not_cut_by_the_chunks() {
    let mut spoken = SpokenText::new(true);
    let mut clauses = Vec::new();
    for chunk in ["It is ", "3", ".", "1", "4 or 1", ",", "000 at 10", ":", "45", ". ", "Done", "."] {
        clauses.extend(spoken.push(chunk));
    }
    clauses.extend(spoken.finish());
    assert_eq!(texts(&clauses), ["It is three point one four or one thousand at ten forty-five.", "Done."]);
}

#[test]
fn long_sentences_are_cut_at_their_commas() {
    let sentence = format!("{} end.", "this part of the sentence goes on for a while, ".repeat(20));
    let clauses = speak(false, [sentence.as_str()]);
    assert!(clauses.len() >= 5 && clauses.iter().all(|c| c.text.chars().count() <= 210), "{clauses:?}");
    assert!(clauses.iter().rev().skip(1).all(|c| c.text.ends_with(',')), "{clauses:?}");
    let endless = "words without any mark at all ".repeat(50);
    assert!(speak(false, [endless.as_str()]).iter().all(|c| c.text.chars().count() <= 300));
    let chinese = "天地玄黄宇宙洪荒".repeat(100);
    assert!(speak(false, [chinese.as_str()]).iter().all(|c| c.text.chars().count() <= 170));
}

#[test]
fn what_is_no_text_is_not_spoken() {
    for text in ["👍", "---", "***", "\u{1b}[0m", "\u{200b}\u{feff}", "<br>", "| | |\n|-|-|", "![](x.png)", "$$x^2$$", "\0\u{7}\u{8}"] {
        assert!(speak(true, [text]).is_empty(), "{text:?}: {:?}", speak(true, [text]));
    }
    // A key held down or data in one word: nothing to listen to, and what follows is said.
    assert_eq!(texts(&speak(true, [format!("{} End.", "A".repeat(100_000)).as_str()])), ["End."]);
}

/// Twice the text takes about twice the time; a quadratic step would take four times, in 16 steps 256 times.
#[test]
fn the_time_grows_with_the_text_only() {
    fn time(run: impl Fn()) -> Duration {
        (0..3)
            .map(|_| {
                let start = Instant::now();
                run();
                start.elapsed()
            })
            .min()
            .unwrap_or_default()
    }
    let unclosed = [
        "word ", "**", "[", "](", "`", "`` ` ", "<a ", "<|", "(", "$$ ", "1,", "a. ", "\n- ", "天", "…", "\"", "# ", "😀", "_a", "x",
        "\u{1b}[", "&am", "1/", "| ", ". ", " ", "\n", "~", "> ",
    ];
    let grows = |piece: &str| {
        let small = piece.repeat(4_096 / piece.len() + 1);
        let large = piece.repeat(65_536 / piece.len() + 1);
        for (name, small, large) in [
            ("at once", time(|| drop(speak(true, [small.as_str()]))), time(|| drop(speak(true, [large.as_str()])))),
            ("by character", time(|| drop(speak(true, by_character(&small)))), time(|| drop(speak(true, by_character(&large))))),
        ] {
            // Below a millisecond the clock and the other work of the machine weigh more than the text.
            let ratio = large.as_secs_f64() / small.as_secs_f64().max(0.001);
            assert!(ratio < 80.0, "{piece:?} {name}: {small:?} → {large:?}");
        }
    };
    unclosed.into_iter().for_each(|piece| crate::on_time::on_time(|| grows(piece)));
    let answer = ANSWERS.iter().map(|(answer, _)| *answer).collect::<Vec<_>>().join("\n\n");
    let megabyte = answer.repeat(1_000_000 / answer.len());
    let clauses = speak(true, [megabyte.as_str()]);
    check_ranges(&megabyte, &clauses);
    assert_eq!(speak(true, by_character(&megabyte)), clauses);
}

/// Pieces that meet each other in unlucky ways.
fn noise() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,7} ",
        "[A-Z][a-z]{1,4}\\. ",
        prop::sample::select(vec![
            "**",
            "*",
            "_",
            "`",
            "``",
            "```",
            "\n",
            "\n\n",
            "- ",
            "1. ",
            "# ",
            "> ",
            "| ",
            "|",
            "[",
            "](",
            ")",
            "](http://x.y)",
            "![",
            "<b>",
            "</b>",
            "<",
            "<|",
            "|>",
            "<|im_end|>",
            "https://a.b/c ",
            "$$",
            "\\",
            "\\[",
            "\\]",
            "~",
            "$5",
            "3.14",
            "1,000",
            "10:45",
            ". ",
            ", ",
            "... ",
            "…",
            "。",
            "，",
            "”",
            "“",
            "\"",
            "'",
            "（",
            "）",
            "你好",
            "世界",
            "Dr. ",
            "U.S. ",
            "e.g. ",
            "—",
            " - ",
            "😀",
            "\u{200d}",
            "\u{1b}[1m",
            "é",
            "שלום ",
            "&amp;",
            "---",
            "\t",
            "\r\n",
            "(",
            "[^1]",
            "[1]",
            "<!--",
            "-->",
            "%",
            "°C",
            "½",
            "٣",
        ])
        .prop_map(str::to_owned),
        // Around the limits of what is looked ahead.
        (prop::sample::select(vec!["`", "*", "a", "é", "天", "-", "#", "_", "b "]), 60usize..70).prop_map(|(piece, n)| piece.repeat(n)),
        (prop::sample::select(vec!["`", "*", "a", "é", "天", "-", "=", "b "]), 145usize..310).prop_map(|(piece, n)| piece.repeat(n)),
        prop::sample::select(vec!["<a href=", "<a b! ", "=x", "/ >", "<|a ", "\u{1b}]"]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_chunks_do_not_matter(text in noise(), cuts in prop::collection::vec(1usize..9, 1..20), early: bool) {
        let whole = speak(early, [text.as_str()]);
        check_ranges(&text, &whole);
        prop_assert_eq!(&speak(early, by_character(&text)), &whole);
        let chars: Vec<char> = text.chars().collect();
        let (mut chunks, mut at) = (Vec::new(), 0);
        for cut in cuts.iter().cycle() {
            if at >= chars.len() { break; }
            chunks.push(chars[at..chars.len().min(at + cut)].iter().collect::<String>());
            at += cut;
        }
        prop_assert_eq!(speak(early, chunks.iter().map(String::as_str)), whole);
    }

    #[test]
    fn anything_may_come(text in any::<String>()) {
        check_ranges(&text, &speak(true, [text.as_str()]));
    }

    #[test]
    fn no_letter_and_no_digit_of_prose_is_lost(
        sentences in prop::collection::vec(("[a-z]{4,9}( [a-z]{4,9}| [0-9]{1,4}| 你好){0,30}", prop::sample::select(vec![". ", ", ", "! ", "? ", ": ", "。", "，", "; ", " — ", "\n\n"])), 1..12),
    ) {
        let text: String = sentences.iter().map(|(words, mark)| format!("{words}{mark}")).collect();
        let (mut markdown, mut items, mut raw) = (Markdown::default(), Vec::new(), Vec::new());
        let mut splitter = Clauses::new(true);
        markdown.push(&text, &mut items);
        markdown.finish(&mut items);
        items.drain(..).for_each(|item| splitter.push(item, &mut raw));
        let kept = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        prop_assert_eq!(raw.iter().map(|clause| kept(&clause.text)).collect::<String>(), kept(&text));
        // Whole words only: each one is found in the source.
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        for word in raw.iter().flat_map(|clause| clause.text.split(|c: char| !c.is_alphanumeric())) {
            prop_assert!(words.contains(&word), "{word:?} of {text:?}");
        }
        // What is spoken has every word of letters; numbers became words.
        let spoken = speak(true, [text.as_str()]).iter().map(|c| format!("{} ", c.text)).collect::<String>();
        for word in words.iter().filter(|w| w.chars().all(|c| c.is_ascii_lowercase())) {
            prop_assert!(spoken.contains(word), "{word:?} of {text:?} in {spoken:?}");
        }
    }
}
