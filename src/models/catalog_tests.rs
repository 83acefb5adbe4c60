//! The rules of a catalog, one by one, and the catalog of the program itself.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;
use std::time::{Duration, Instant};

const SUM: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A catalog of one chat model, all fields there.
const RIGHT: &str = r#"
format = 1
[[model]]
id = "a.model_1-x"
name = "A model"
kind = "chat"
languages = ["en", "zh"]
licence = "MIT"
about = "https://huggingface.co/owner/name"
context = 4096
memory_mb = 300
speed = "fast"
file = [{ name = "A.gguf", path = "en/A.gguf", bytes = 200_000_000, sha256 = "SUM", evidence = "seen" }, { name = "b.txt" }]
source = [
    { hub = { repo = "owner/name", revision = "0123456789abcdef0123456789abcdef01234567" } },
    { web = { base = "https://example.org/models" } },
    { folder = { path = "/media/stick" } },
    { setup = { package = "some-package 1.0" } },
]
"#;

fn right() -> String {
    RIGHT.replace("SUM", SUM)
}

fn refusal(text: &str) -> String {
    match Catalog::parse(text) {
        Ok(_) => panic!("was accepted:\n{text:.2000}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_right_catalog_is_read_with_all_it_says() {
    let catalog = Catalog::parse(&right()).unwrap();
    let model = catalog.get("a.model_1-x").unwrap();
    assert_eq!((model.kind, model.context, model.memory_mb, model.speed), (ModelKind::Chat, Some(4096), 300, SpeedClass::Fast));
    assert_eq!(model.files[0].evidence, Evidence::Seen);
    assert_eq!(model.files[1].evidence, Evidence::Unknown, "what is not said is not known");
    assert_eq!(model.bytes(), None, "one size is missing");
    assert_eq!(model.sources.len(), 4);
    let again = Catalog::parse(&toml::to_string(&catalog).unwrap()).unwrap();
    assert_eq!(again, catalog, "what is written is read again");
}

/// What is replaced by what, and what the refusal must say: the model and the field.
const WRONG: &[(&str, &str, &[&str])] = &[
    ("format = 1", "format = 2", &["format 2", "reads format 1"]),
    ("format = 1", "", &["format"]),
    ("\"a.model_1-x\"", "\"\"", &["model number 1", "id is empty"]),
    ("\"a.model_1-x\"", "\"A\"", &["model number 1", "id \"A\""]),
    ("\"a.model_1-x\"", "\"a/b\"", &["id \"a/b\""]),
    ("\"a.model_1-x\"", "\"..\"", &["dot"]),
    ("\"a.model_1-x\"", "\".incoming\"", &["dot"]),
    ("\"a.model_1-x\"", "\"nul\"", &["Windows"]),
    ("\"A model\"", "\" \"", &["a.model_1-x", "name is empty"]),
    ("\"A model\"", "\"A\\u001b[2Jmodel\"", &["a.model_1-x", "name has a control character"]),
    ("kind = \"chat\"", "kind = \"cat\"", &["line 6", "cat"]),
    ("[\"en\", \"zh\"]", "[]", &["a.model_1-x", "languages is empty"]),
    ("\"zh\"", "\"qq\"", &["a.model_1-x", "languages", "\"qq\""]),
    ("\"MIT\"", "\"\"", &["a.model_1-x", "licence is empty"]),
    ("about = \"https", "about = \"ftp", &["a.model_1-x", "about", "https"]),
    ("context = 4096", "", &["a.model_1-x", "context is missing"]),
    ("context = 4096", "context = 3", &["a.model_1-x", "context cannot be 3"]),
    ("context = 4096", "context = -1", &["line 10"]),
    ("kind = \"chat\"", "kind = \"stt\"", &["a.model_1-x", "context", "only chat"]),
    ("memory_mb = 300", "memory_mb = 199", &["a.model_1-x", "memory_mb is 199", "200 MB"]),
    ("memory_mb = 300", "memory_mb = 9000000000", &["a.model_1-x", "memory_mb cannot be"]),
    ("memory_mb = 300", "", &["memory_mb"]),
    ("speed = \"fast\"", "speed = \"fast\"\nspede = 1", &["spede"]),
    ("name = \"A.gguf\"", "name = \"\"", &["a.model_1-x", "its name is none"]),
    ("name = \"A.gguf\"", "name = \"..\"", &["a.model_1-x", "file \"..\""]),
    ("name = \"A.gguf\"", "name = \"../A.gguf\"", &["a.model_1-x", "slash"]),
    ("name = \"A.gguf\"", "name = \"a\\\\A.gguf\"", &["a.model_1-x", "slash"]),
    ("name = \"A.gguf\"", "name = \"a\\u0000.gguf\"", &["a.model_1-x", "control character"]),
    ("name = \"A.gguf\"", "name = \"Com1.gguf\"", &["a.model_1-x", "Windows"]),
    ("name = \"A.gguf\"", "name = \"aux\"", &["a.model_1-x", "Windows"]),
    ("name = \"A.gguf\"", "name = \"a:b\"", &["a.model_1-x", "Windows"]),
    ("name = \"A.gguf\"", "name = \"A.gguf.\"", &["a.model_1-x", "dot"]),
    ("name = \"A.gguf\"", "name = \".A\"", &["a.model_1-x", "dot"]),
    ("name = \"A.gguf\"", "name = \"A.gguf.part\"", &["a.model_1-x", "of its own"]),
    ("name = \"A.gguf\"", "name = \"hark-model.toml\"", &["a.model_1-x", "of its own"]),
    ("name = \"b.txt\"", "name = \"a.GGUF\"", &["a.model_1-x", "a.GGUF", "twice"]),
    ("en/A.gguf", "../A.gguf", &["a.model_1-x", "A.gguf", "path"]),
    ("en/A.gguf", "/etc/passwd", &["a.model_1-x", "A.gguf", "path"]),
    ("en/A.gguf", "en//A.gguf", &["a.model_1-x", "A.gguf", "path"]),
    ("en/A.gguf", "en\\\\A.gguf", &["a.model_1-x", "path", "backslash"]),
    ("en/A.gguf", "c:A.gguf", &["a.model_1-x", "path", "colon"]),
    ("en/A.gguf", "en/A\\n.gguf", &["a.model_1-x", "path", "control character"]),
    ("bytes = 200_000_000", "bytes = 0", &["a.model_1-x", "A.gguf", "bytes cannot be 0"]),
    ("bytes = 200_000_000", "bytes = 1_000_000_000_000", &["a.model_1-x", "A.gguf", "bytes cannot be"]),
    ("bytes = 200_000_000", "bytes = -5", &["line 13"]),
    ("bytes = 200_000_000, ", "", &["a.model_1-x", "A.gguf", "evidence is seen", "bytes"]),
    ("\"seen\"", "\"unknown\"", &["a.model_1-x", "A.gguf", "evidence is unknown"]),
    ("{ name = \"b.txt\" }", "{ name = \"b.txt\", evidence = \"reported\" }", &["b.txt", "evidence is reported"]),
    (SUM, "abc", &["a.model_1-x", "A.gguf", "sha256"]),
    ("sha256 = \"a", "sha256 = \"A", &["a.model_1-x", "A.gguf", "sha256"]),
    ("sha256 = \"a", "sha256 = \"é", &["a.model_1-x", "A.gguf", "sha256"]),
    ("owner/name\", revision", "owner\", revision", &["a.model_1-x", "hub", "repo"]),
    ("owner/name\", revision", "owner/name/more\", revision", &["a.model_1-x", "hub", "repo"]),
    ("owner/name\", revision", "../name\", revision", &["a.model_1-x", "hub", "repo"]),
    ("0123456789abcdef0123456789abcdef01234567", "main", &["a.model_1-x", "hub", "revision"]),
    ("https://example.org", "http://example.org", &["a.model_1-x", "web", "this machine only"]),
    ("https://example.org", "https://", &["a.model_1-x", "web", "host"]),
    ("https://example.org", "file:///", &["a.model_1-x", "web", "https"]),
    ("https://example.org", "https://me@example.org", &["a.model_1-x", "web", "character"]),
    ("https://example.org", "https://example.org/..", &["a.model_1-x", "web", "up a folder"]),
    ("https://example.org", "http://localhost.example.org", &["a.model_1-x", "web", "this machine only"]),
    ("\"/media/stick\"", "\"\"", &["a.model_1-x", "folder", "empty"]),
    ("\"some-package 1.0\"", "\"\"", &["a.model_1-x", "setup", "empty"]),
];

#[test]
fn each_wrong_field_is_refused_by_its_name() {
    for (from, to, says) in WRONG {
        let text = right().replacen(from, to, 1);
        assert_ne!(text, right(), "{from} was not found");
        let refusal = refusal(&text);
        assert!(says.iter().all(|word| refusal.contains(word)), "{to}: {refusal:?} does not say {says:?}");
        assert!(refusal.len() < 400 && !refusal.chars().any(char::is_control), "{to}: one line for a person: {refusal:?}");
    }
}

#[test]
fn a_model_without_files_or_sources_or_with_the_name_of_another_is_refused() {
    let head = right().split("file = ").next().unwrap().to_owned();
    assert!(refusal(&format!("{head}file = []")).contains("file is missing"));
    let bare = format!("{head}file = [{{ name = \"a.gguf\" }}]\n");
    assert!(refusal(&bare).contains("a.model_1-x: source is missing"));
    assert!(Catalog::parse(&format!("{bare}starter = true")).is_ok(), "a starter lies in the checkout");
    let twice = format!("{}{}", right(), right().replace("format = 1", ""));
    assert_eq!(refusal(&twice), "model a.model_1-x: its id stands there twice");
}

#[test]
fn a_revision_may_be_unknown_and_is_then_a_branch_and_not_pinned() {
    let text = right().replace(", revision = \"0123456789abcdef0123456789abcdef01234567\"", "");
    let catalog = Catalog::parse(&text).unwrap();
    let source = &catalog.models[0].sources[0];
    assert!(!source.is_pinned());
    assert_eq!(source.address("a/b.gguf", HUB).as_deref(), Some("https://huggingface.co/owner/name/resolve/main/a/b.gguf"));
    assert!(Catalog::parse(&right()).unwrap().models[0].sources.iter().all(Source::is_pinned));
}

#[test]
fn files_have_addresses_at_the_hub_or_a_mirror_and_none_on_a_stick() {
    let catalog = Catalog::parse(&right()).unwrap();
    let model = &catalog.models[0];
    assert_eq!(
        model.addresses(&model.files[0], "http://127.0.0.1:8080/mirror/"),
        [
            "http://127.0.0.1:8080/mirror/owner/name/resolve/0123456789abcdef0123456789abcdef01234567/en/A.gguf",
            "https://example.org/models/en/A.gguf",
        ]
    );
    assert_eq!(model.addresses(&model.files[1], HUB).len(), 2);
    let odd = model.sources[1].address("pt/tugão #1?.onnx", HUB).unwrap();
    assert_eq!(odd, "https://example.org/models/pt/tug%C3%A3o%20%231%3F.onnx");
}

#[test]
fn a_server_on_this_machine_needs_no_certificate() {
    for host in ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:9", "https://example.org:8443"] {
        assert!(Catalog::parse(&right().replace("https://example.org", host)).is_ok(), "{host}");
    }
}

#[test]
fn languages_are_known_with_and_without_a_region() {
    let catalog = Catalog::parse(&right()).unwrap();
    let model = &catalog.models[0];
    assert!(model.speaks("en") && model.speaks("en-GB") && model.speaks("ZH_cn.UTF-8"));
    assert!(!model.speaks("de") && !model.speaks(""));
    let many = Catalog::parse(&right().replace("[\"en\", \"zh\"]", "[\"*\"]")).unwrap();
    assert!(many.models[0].speaks("de"));
}

#[test]
fn a_catalog_of_four_megabytes_takes_no_more_than_its_share_of_time_and_a_larger_one_is_refused() {
    let one = right().replace("format = 1", "");
    let mut text = "format = 1\n".to_owned();
    let mut count = 0;
    while text.len() + one.len() + 10 < MOST_BYTES {
        text.push_str(&one.replace("a.model_1-x", &format!("m{count}")));
        count += 1;
    }
    let begun = Instant::now();
    assert_eq!(Catalog::parse(&text).unwrap().models.len(), count);
    let took = begun.elapsed();
    println!("{count} models, {} bytes: {took:?}", text.len());
    assert!(took < Duration::from_secs(5), "{took:?}");
    text.push_str(&"#".repeat(MOST_BYTES + 1 - text.len()));
    assert!(refusal(&text).contains("4000001 bytes"));
}

#[test]
fn deep_and_broken_texts_are_refused_in_one_line() {
    for text in [
        String::new(),
        "\u{0}".to_owned(),
        "format = ".to_owned(),
        format!("format = 1\nx = {}1{}", "[".repeat(200_000), "]".repeat(200_000)),
        format!("format = 1\n[{}a]\n", "a.".repeat(200_000)),
        format!("format = 1\nx = {}", "{a=".repeat(200_000)),
        right().replace('\n', "\r"),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.len() < 1000 && !refusal.contains('\n'), "{:.80}: {:.300}", text, refusal);
    }
}

#[test]
fn the_program_has_a_catalog_and_it_keeps_its_own_rules() {
    let catalog = Catalog::builtin();
    assert!(catalog.models.len() >= 60, "{}", catalog.models.len());
    let count = |kind| catalog.models.iter().filter(|model| model.kind == kind).count();
    assert!(count(ModelKind::Stt) >= 15 && count(ModelKind::Chat) >= 15 && count(ModelKind::Vad) >= 1 && count(ModelKind::Embedding) >= 1);
    let spoken: HashSet<&str> = catalog
        .models
        .iter()
        .filter(|model| model.kind == ModelKind::Voice)
        .flat_map(|model| model.languages.iter().map(String::as_str))
        .collect();
    assert!(spoken.len() >= 12 && spoken.contains("en") && spoken.contains("zh"), "{spoken:?}");
    // A Piper voice is two files, and the engine is given the first.
    for voice in catalog.models.iter().filter(|model| model.id.starts_with("piper-")) {
        let names: Vec<&str> = voice.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, [names[0].to_owned(), format!("{}.json", names[0])], "{}", voice.id);
        assert!(names[0].ends_with(".onnx"), "{}", voice.id);
    }
}

/// Two entries with one hash would mean that one of them was copied by mistake.
#[test]
fn no_two_files_of_the_catalog_have_the_same_hash() {
    let mut seen = HashSet::new();
    for model in &Catalog::builtin().models {
        for sum in model.files.iter().filter_map(|file| file.sha256.as_deref()) {
            assert!(seen.insert(sum), "{}: {sum}", model.id);
            // What somebody makes up has patterns; a hash of 64 digits has about 16 different ones.
            let digits: HashSet<u8> = sum.bytes().collect();
            assert!(digits.len() >= 10, "{}: {sum}", model.id);
        }
    }
}

#[test]
fn what_was_seen_is_what_lies_here() {
    use sha2::Digest;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join("starter");
    for model in Catalog::builtin().models.iter().filter(|model| model.starter) {
        for file in &model.files {
            let Ok(bytes) = std::fs::read(root.join(&file.name)) else {
                println!("skipped: needs models/starter/{}", file.name);
                continue;
            };
            assert_eq!(file.bytes, Some(bytes.len() as u64), "{}", model.id);
            let sum: String = sha2::Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file.sha256.as_deref(), Some(sum.as_str()), "{}", model.id);
        }
    }
}

proptest! {
    #[test]
    fn no_text_ends_the_program(text in "\\PC{0,400}") {
        let _ = Catalog::parse(&text);
    }

    #[test]
    fn no_change_of_a_right_catalog_ends_the_program(at in 0..900_usize, cut in 0..40_usize, put in "[\\[\\]{}\"'=\\\\.a-z0-9é#\n-]{0,12}") {
        let mut text: Vec<char> = right().chars().collect();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.splice(at..end, put.chars());
        if let Err(error) = Catalog::parse(&text.into_iter().collect::<String>()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
