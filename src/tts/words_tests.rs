use super::*;

fn words(tokens: &str, lexicon: &str, facts: Facts, tones: bool) -> Words {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lexicon.txt");
    std::fs::write(&path, lexicon).unwrap();
    let tokens = Tokens::parse(tokens).unwrap();
    let lexicon = Lexicon::read(&path, &tokens, tones).unwrap();
    Words::new(lexicon, tokens, facts, tones)
}

fn facts(language: &str, add_blank: bool) -> Facts {
    Facts { speakers: 1, language: language.to_owned(), add_blank: Some(add_blank), ..Facts::default() }
}

/// VITS of LJSpeech: a symbol for the blank, marks have their own.
fn english(add_blank: bool) -> Words {
    words(
        "_ 0\n, 1\n. 2\n  3\nh 4\nɛ 5\nl 6\noʊ 7\nw 8\nɜ 9\nd 10\na 11\nb 12\n? 13\n",
        "hello h ɛ l oʊ\nworld w ɜ l d\ncafe b a l\na a\nb b\ndon't d oʊ\nwell w ɛ l\nhalo h a l oʊ\n",
        facts("english", add_blank),
        false,
    )
}

fn ids(words: &Words, text: &str) -> Vec<Vec<i64>> {
    words.symbols_of(text).into_iter().map(|symbols| symbols.ids).collect()
}

const HELLO: [i64; 5] = [4, 5, 6, 7, 3];

#[test]
fn english_words_have_a_blank_between_and_none_at_the_end() {
    let voice = english(false);
    assert_eq!(ids(&voice, "Hello world"), [[&HELLO[..], &[8, 9, 6, 10]].concat()]);
    assert_eq!(ids(&voice, "HELLO,  world."), [[&HELLO[..], &[1, 8, 9, 6, 10, 3, 2]].concat()]);
    assert_eq!(ids(&voice, "Hello. Hello?").len(), 2);
    assert_eq!(ids(&voice, "Don’t")[0], [10, 7]);
    assert_eq!(ids(&voice, "hello；")[0], [4, 5, 6, 7, 3, 1], "a mark that it lacks is the next best");
}

#[test]
fn a_word_that_is_not_there_is_taken_apart_or_spelled_or_passed_over() {
    let voice = english(false);
    assert_eq!(ids(&voice, "Café"), ids(&voice, "cafe"));
    assert_eq!(ids(&voice, "worldwell"), ids(&voice, "world well"));
    assert_eq!(ids(&voice, "abx"), ids(&voice, "a b"), "no x is known");
    assert_eq!(ids(&voice, "world'a"), ids(&voice, "world a"));
    assert_eq!(ids(&voice, "hellos"), Vec::<Vec<i64>>::new(), "hello is not the start of it");
    assert_eq!(ids(&voice, "xyz hello 123"), ids(&voice, "hello"));
    for nothing in ["", " ", "...", "?!,", "你好", "🙂\u{1}"] {
        assert!(voice.symbols_of(nothing).is_empty(), "{nothing:?}");
    }
}

#[test]
fn blanks_stand_before_between_and_after() {
    assert_eq!(ids(&english(true), "a b"), [[0, 11, 0, 3, 0, 12, 0]]);
    let voice = Words { blank: Some(9), ..english(true) };
    assert_eq!(ids(&voice, "a"), [[9, 11, 9]]);
}

/// icefall's AISHELL-3: `sil` and `eos` around, `#0` for a pause.
#[test]
fn chinese_words_are_matched_long_and_characters_one_by_one() {
    let voice = words(
        "sil 0\neos 1\n#0 2\nn 3\ni3 4\nh 5\nao3 6\nao4 7\nch 8\nang2 9\nzh 10\nang3 11\n",
        "你 n i3\n好 h ao3\n长 ch ang2\n大 n i3\n长大 zh ang3 n i3\n爱好 n i3 h ao4\n",
        facts("chinese", false),
        false,
    );
    assert_eq!(ids(&voice, "你好"), [[0, 3, 4, 5, 6, 0, 1]]);
    assert_eq!(ids(&voice, "长大长"), [[0, 10, 11, 3, 4, 8, 9, 0, 1]], "the longer word first");
    assert_eq!(ids(&voice, "你，好。爱好！"), [vec![0, 3, 4, 2, 5, 6, 2, 0, 1], vec![0, 3, 4, 5, 7, 2, 0, 1]]);
    assert_eq!(ids(&voice, "你 hello 好"), [[0, 3, 4, 5, 6, 0, 1]], "no letters are known");
}

/// MeloTTS, Chinese and English: a tone for each sound, blanks between.
#[test]
fn both_languages_in_one_text_with_tones() {
    let voice = words(
        "_ 0\nn 1\ni 2\nh 3\nao 4\nəʊ 5\nk 6\nei 7\n, 8\n? 9\nt 10\n",
        "你 n i 3 3\n好 h ao 3 3\nok əʊ k ei 7 9 9\nt t i 7 8\n卡拉ok k ei 1 1\n",
        facts("chinese + english", true),
        true,
    );
    let [said] = &voice.symbols_of("OK，你好？")[..] else { unreachable!() };
    assert_eq!(said.ids, [0, 5, 0, 6, 0, 7, 0, 8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 9, 0]);
    assert_eq!(said.tones, [0, 7, 0, 9, 0, 9, 0, 0, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0, 0]);
    assert_eq!(ids(&voice, "TTS"), ids(&voice, "t t"));
    assert_eq!(ids(&voice, "卡拉OK"), [[0, 6, 0, 7, 0]]);
    assert_eq!(ids(&voice, "ＯＫ"), ids(&voice, "ok"), "wide letters");
    assert_eq!((voice.highest_tone(), voice.highest_id()), (9, 10));
    let probe = voice.probe(6);
    assert!(probe.ids.len() == probe.tones.len() && probe.ids.len() > 6);
}

#[test]
fn a_text_without_end_is_cut_at_words_and_ends() {
    let voice = english(true);
    let text = "hello world ".repeat(20_000);
    let start = std::time::Instant::now();
    let runs = voice.symbols_of(&text);
    println!("240 KB of text in {:?}, {} runs", start.elapsed(), runs.len());
    assert!(runs.iter().all(|run| run.ids.len() < MAX_SYMBOLS + 300));
    let whole: usize = runs.iter().map(|run| (run.ids.len() - 1) / 2).sum();
    // Each run loses the blank at its end.
    assert_eq!(whole + runs.len(), 20_000 * 10);
    let solid = "x".repeat(2_000_000);
    assert!(voice.symbols_of(&solid).is_empty());
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn a_word_that_is_spelled_is_cut_as_well() {
    for voice in [english(false), english(true)] {
        for text in ["ab".repeat(5_000), "ab'".repeat(5_000) + "x"] {
            let runs = voice.symbols_of(&text);
            assert!(runs.len() > 20 && runs.iter().all(|run| run.ids.len() < MAX_SYMBOLS + 10), "{}", runs.len());
            let spoken = runs.iter().flat_map(|run| &run.ids).filter(|id| [11, 12].contains(*id)).count();
            assert_eq!(spoken, 10_000, "nothing is lost at the cuts");
        }
    }
}

#[test]
fn the_symbols_of_start_and_end_count_among_the_highest() {
    let voice = Words { facts: Facts { ends: Some((90, 99)), ..facts("english", false) }, ..english(false) };
    assert_eq!((ids(&voice, "a"), voice.highest_id()), (vec![vec![90, 11, 99]], 99));
}
