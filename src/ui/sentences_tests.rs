//! The sentences of the core in the window's language.

use super::*;
use crate::config::settings::UiLanguage;
use crate::ui::i18n::Texts;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::time::Instant;

const FILE: &str = include_str!("../../assets/locales/zh-CN.sentences.toml");

fn chinese(text: &str) -> Cow<'_, str> {
    Texts::of(UiLanguage::Chinese, "").said(text)
}

/// Templates of the file; those of the system and of libraries are not in our sources.
fn templates(with_system: bool) -> Vec<(String, String)> {
    let source: Source = toml::from_str(FILE).unwrap();
    let own = source.sentences.into_iter().chain(source.parts).chain(source.names).chain(source.words);
    own.chain(source.system.into_iter().filter(|_| with_system)).collect()
}

/// Every string literal of the program, without its tests, and the names of the catalog.
fn literals() -> Vec<String> {
    let names = crate::models::catalog::Catalog::builtin().models.iter().map(|model| model.name.clone()).collect();
    let (mut folders, mut all): (_, Vec<String>) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")], names);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            match path.is_dir() {
                _ if name.ends_with("tests") || name == "fakes" => {}
                true => folders.push(path),
                false => {
                    let text = std::fs::read_to_string(path).unwrap();
                    let own = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                    all.extend(literals_of(own));
                }
            }
        }
    }
    all
}

fn literals_of(source: &str) -> Vec<String> {
    let (mut all, mut chars) = (Vec::new(), source.chars().peekable());
    let mut before = ' ';
    while let Some(c) = chars.next() {
        match c {
            '/' if before == '/' => drop(chars.by_ref().find(|c| *c == '\n')),
            // `'"'` is no text.
            '"' if before == '\'' => {}
            '"' => {
                let mut text = String::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match (c, chars.peek()) {
                        // A text goes on in the next line.
                        ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                        ('\\', Some(_)) => text.extend(chars.next()),
                        _ => text.push(c),
                    }
                }
                all.push(text);
            }
            _ => {}
        }
        before = if c == '"' { ' ' } else { c };
    }
    all
}

#[test]
fn every_template_is_still_said_somewhere() {
    let literals = literals();
    assert!(literals.len() > 2_000 && literals.iter().any(|text| text == "it is cut off or damaged"));
    let mut gone = Vec::new();
    for (english, _) in templates(false) {
        // What stands around a text (a full stop, a blank) may come from the place where it is put in.
        let template = Template::new(&english, "", false);
        let pieces: Vec<&str> =
            template.pieces.iter().map(|piece| piece.trim_matches(['.', ' '])).filter(|piece| !piece.is_empty()).collect();
        let says = |literal: &String| {
            let mut rest = Some(literal.as_str());
            for piece in &pieces {
                rest = rest.and_then(|rest| rest.split_once(piece)).map(|(_, rest)| rest);
            }
            rest.is_some()
        };
        if !literals.iter().any(says) {
            gone.push(english);
        }
    }
    assert_eq!(gone, Vec::<String>::new(), "no such text is in the sources any more: was it changed? Then change the template, too.");
}

#[test]
fn every_translation_has_the_places_of_its_template() {
    let all = templates(true);
    assert!(all.len() > 500, "the file could not be read");
    for (english, chinese) in all {
        let template = Template::new(&english, &chinese, false);
        let mut places: Vec<usize> =
            template.said.iter().filter_map(|said| if let Said::Place(n) = said { Some(*n) } else { None }).collect();
        places.sort_unstable();
        assert_eq!(places, (0..template.known.len()).collect::<Vec<_>>(), "{english}");
        assert!(template.pieces.iter().any(|piece| !piece.is_empty()), "{english}");
        let inner = template.pieces.get(1..template.pieces.len() - 1).unwrap_or_default();
        assert!(inner.iter().all(|piece| !piece.is_empty()), "two places without anything between: {english}");
        assert_eq!(english.ends_with('.'), chinese.ends_with('。'), "{english}");
        assert!(!chinese.contains('！') && !chinese.trim().is_empty() && !template.pieces.concat().contains(['{', '}']), "{english}");
        let ascii = chinese
            .split(['{', '}'])
            .step_by(2)
            .any(|text| text.contains(|c| ",;:?".contains(c)) && !text.contains("://") && !text.contains("espeak:"));
        assert!(!ascii, "half-width punctuation: {chinese}");
    }
}

#[test]
fn words_of_the_window_are_called_as_the_window_calls_them() {
    let (english, said) = (Texts::of(UiLanguage::English, ""), Texts::of(UiLanguage::Chinese, ""));
    for key in ["policy.fit_memory", "policy.battery"] {
        let quoted = |texts: &Texts| FILE.matches(texts.t(key)).count();
        assert!(quoted(english) == 1 && quoted(said) == 1, "{key}");
    }
}

#[test]
fn parts_names_and_several_sentences_are_told_apart() {
    for (english, expected) in [
        ("The chat model /m/a b.gguf cannot be used: it is cut off or damaged.", "对话模型 /m/a b.gguf 无法使用：它不完整或已损坏。"),
        (
            "/m/x.gguf cannot be used: it is not a GGUF file. The chat model Qwen 3. X stays in use.",
            "/m/x.gguf 无法使用：它不是 GGUF 文件。继续使用对话模型 Qwen 3. X。",
        ),
        ("The voice a. b cannot be used: its config a. b.json is missing.", "声音 a. b 无法使用：缺少它的配置文件 a. b.json。"),
        (
            "The speech model x.bin was not found. The voice of espeak-ng is used instead.",
            "没有找到听写模型 x.bin。改用 espeak-ng 的声音。",
        ),
        ("Something new. Try again.", "Something new. 请再试一次。"),
        ("Try again.\nIt is left out.", "请再试一次。\n已忽略它。"),
        ("The chat model (none installed) was not found.", "没有安装对话模型。"),
        // A file may be called like anything.
        ("voice cannot be read: the disk is full.", "voice 无法读取：磁盘已满。"),
        ("The microphone failed: voice.", "麦克风出错了：voice。"),
        (
            "ONNX Runtime, which VITS voices need, (/a/b.so: it is cut off; /c.so: No such file or directory (os error 2)) was not found.",
            "没有找到 VITS 声音需要的 ONNX Runtime（/a/b.so：它不完整；/c.so：没有这个文件或文件夹（系统错误 2））。",
        ),
        (
            "m of whisper-base is another file than was reported by this name: its SHA-256 is 12.",
            "whisper-base 的 m 与公开列表中同名的文件不同：它的 SHA-256 是 12。",
        ),
        ("microphone", "microphone"),
        ("", ""),
    ] {
        assert_eq!(chinese(english), expected);
    }
}

#[test]
fn a_look_costs_little() {
    let text = |n: u32| {
        format!("The chat model /models/{n}/name.gguf cannot be used: it is cut off or damaged. The chat model Qwen stays in use.")
    };
    let sentences = Sentences::read(FILE);
    // The fastest of many: a machine that stands still for a moment says nothing.
    let time = |text: &str| {
        let begin = Instant::now();
        assert!(sentences.said(text).contains("无法使用"));
        begin.elapsed()
    };
    let anew = (0..200).map(|n| time(&text(n))).min().unwrap();
    let known = text(199);
    let again = (0..2_000).map(|_| time(&known)).min().unwrap();
    eprintln!("anew {anew:?}, again {again:?}, {} templates", sentences.templates.values().map(Vec::len).sum::<usize>());
    // Far above what was measured, for busy machines and debug builds: a frame has 16 ms.
    assert!(anew.as_millis() < 50 && again.as_micros() < 500, "{anew:?} {again:?}");
    // The worst that a text can do.
    for evil in
        ["The a ".repeat(600), "The speech model ".repeat(200) + ".", ": ".repeat(1_900), "a; ".repeat(1_300), "it. ".repeat(900) + "."]
    {
        let begin = Instant::now();
        let _ = sentences.said(&evil);
        eprintln!("{:.20}: {:?}", evil, begin.elapsed());
        assert!(begin.elapsed().as_millis() < 500, "{evil:.20}");
    }
    assert!(sentences.cache.lock().unwrap().len() <= REMEMBERED);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_may_come_and_what_is_unknown_stays(text in "\\PC{0,80}", lines in "[a-z0-9 .\n:;(){}\"。]{0,120}") {
        let _ = chinese(&text);
        let _ = chinese(&format!("{text} cannot be used: {lines}."));
        let unknown = format!("Zzz{}", lines.replace(['.', ':', ';', '\n', '('], "q"));
        prop_assert_eq!(chinese(&unknown), unknown.as_str());
        let english = Texts::of(UiLanguage::English, "").said(&text);
        prop_assert_eq!(english, text.as_str());
    }

    /// Whatever a file is called, its name is said as it is.
    #[test]
    fn names_survive(name in "[a-zA-Z0-9_./ -]{1,40}") {
        let said = chinese(&format!("The chat model /{name} was not found.")).into_owned();
        prop_assert!(said.contains(name.as_str()), "{}", said);
    }
}

#[path = "sentences_real_tests.rs"]
mod real;

#[test]
fn the_names_of_the_catalog_are_said_in_chinese_where_they_say_more_than_a_name() {
    let all = Sentences::read(FILE);
    for model in &crate::models::catalog::Catalog::builtin().models {
        let said = all.said(&model.name);
        let says_more = ["English", "languages", "bits", "speakers", "Starter"].iter().any(|word| model.name.contains(word));
        assert!(!says_more || said != model.name, "{} stays English", model.name);
        let left = ["English", "languages", " bits", "speakers", ", "].iter().find(|word| said.contains(**word));
        assert!(left.is_none() || said == model.name, "{} is half translated: {said}", model.name);
    }
    assert_eq!(all.said("Whisper base, about 100 languages (8 bits)"), "Whisper base，约 100 种语言（8 位）");
    assert_eq!(all.said("Lessac, American English, finer and slower"), "Lessac，美式英语，更细腻也更慢");
    assert_eq!(all.said("Qwen 3 4B"), "Qwen 3 4B");
}
