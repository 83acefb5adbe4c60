//! Each command does what it says, for people and for programs, and fails with a sentence.

use super::*;

#[test]
fn a_folder_becomes_models_that_are_listed_verified_packed_and_removed() {
    let home = Home::new();
    home.voice("stick/voices/en_US-anna", 1, 5000);
    home.voice("stick/zh_CN-bo", 2, 5000);
    let ended = home.models(&["import", &home.name("stick")]);
    assert!(ended.good().out.contains("en_us-anna (voice") && ended.out.contains("zh_cn-bo (voice"), "{}", ended.out);

    let found = home.installed();
    assert_eq!((found.len(), found[0]["writable"].as_bool()), (2, Some(true)));
    let text = home.models(&["list"]);
    assert!(text.good().out.contains(&home.name("store")) && text.out.contains("zh_cn-bo"), "{}", text.out);
    let info = home.models(&["info", "zh_cn-bo"]);
    assert!(info.good().out.contains("SHA-256") && info.out.contains("taken from"), "{}", info.out);
    assert_eq!(home.models(&["path"]).good().out.trim(), home.name("store"));
    let path = home.models(&["path", "zh_cn-bo"]);
    assert_eq!(path.good().out.trim(), home.name("store/voices/zh_cn-bo/zh_CN-bo.onnx"));

    let verified = home.models(&["verify"]);
    assert_eq!(verified.good().out.matches("have not changed since they came").count(), 2, "{}", verified.out);
    let pack = home.name("two.harkpack");
    home.models(&["pack", "en_us-anna", "zh_cn-bo", "--out", &pack]).good();

    let other = Home::new();
    let ended = other.models(&["import", &pack, "--json"]);
    assert_eq!(ended.good().events("installed").len(), 2, "{}", ended.out);
    let mut files = tree(&other.path("store"));
    files.retain(|name| !name.ends_with("toml"));
    let mut ours = home.store();
    ours.retain(|name| !name.ends_with("toml"));
    assert_eq!(files, ours);
    assert!(other.models(&["import", &pack]).good().out.contains("is there already"));

    let removed = home.models(&["remove", "en_us-anna"]);
    assert!(removed.good().out.contains("en_us-anna is removed"), "{}", removed.out);
    home.models(&["remove", "en_us-anna"]).refused("No model called en_us-anna is installed");
    assert!(home.store().iter().all(|name| name.starts_with("voices/zh_cn-bo/")), "{:?}", home.store());
}

#[test]
fn a_changed_file_is_found_and_the_command_fails() {
    let home = Home::new();
    home.models(&["import", &home.voice("stick/anna", 1, 5000)]).good();
    let file = home.path("store/voices/anna/anna.onnx");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    home.models(&["verify", "anna"]).refused("anna.onnx has changed since it was installed");
    let ended = home.models(&["verify", "anna", "--json"]);
    assert_eq!((ended.code, ended.events("verified")[0]["good"].as_bool()), (1, Some(false)));
    home.models(&["pack", "anna", "--out", &home.name("x.harkpack")]).refused("has changed since it was installed");
    assert!(!home.path("x.harkpack").exists());
}

#[test]
fn a_model_can_be_chosen_and_the_removed_one_is_said_to_have_been_in_use() {
    let home = Home::new();
    home.models(&["import", &home.voice("stick/anna", 1, 100)]).good();
    home.models(&["import", &home.voice("stick/bo", 2, 100)]).good();
    home.models(&["use", "bo"]).good();
    let settings = std::fs::read_to_string(home.path("settings.toml")).unwrap();
    assert!(settings.contains("bo.onnx"), "{settings}");
    assert!(!home.models(&["remove", "anna"]).good().out.contains("in use"));
    assert!(home.models(&["remove", "bo"]).good().out.contains("it was the one in use"));
    home.models(&["use", "bo"]).refused("No model called bo");
}

#[test]
fn every_command_fails_with_one_sentence_when_there_is_nothing_to_do() {
    let home = Home::new();
    home.models(&["info", "nobody"]).refused("There is no model called nobody");
    home.models(&["verify", "nobody"]).refused("No model called nobody");
    home.models(&["remove", "nobody"]).refused("No model called nobody");
    home.models(&["path", "nobody"]).refused("No model called nobody");
    home.models(&["pull", "nobody"]).refused("The catalog has no model called nobody");
    home.models(&["pack", "nobody", "--out", "x"]).refused("No model called nobody");
    home.models(&["import", "nowhere"]).refused("nowhere is not there");
    std::fs::create_dir(home.path("empty")).unwrap();
    home.models(&["import", "empty"]).refused("There is no model in empty");
    home.models(&["list", "--catalog", "none.toml"]).refused("The catalog none.toml cannot be used");
    home.put("bad.toml", b"format = 1\n[[model]]\nid = 7\n");
    home.models(&["list", "--catalog", "bad.toml"]).refused("The catalog bad.toml cannot be used");
    let ended = home.models(&["import", "nowhere", "--json"]);
    assert_eq!((ended.code, ended.events("error").len()), (1, 1));
    for args in [&["models"][..], &["models", "pull"], &["models", "pack", "x"], &["models", "import"], &["models", "dance"]] {
        assert_eq!(super::ended(home.hark(args)).code, 2, "{args:?}");
    }
    assert_eq!(home.store(), [""; 0]);
}

#[test]
fn broken_files_are_refused_and_leave_nothing() {
    let home = Home::new();
    let cases: [(&str, &[u8], &str); 6] = [
        ("empty.gguf", b"", "it is empty"),
        ("cut.bin", b"lmgg\x98\xca\0\0", "cut short"),
        ("bad.gguf", b"GGUF\x03\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "bad.gguf cannot be used"),
        ("no.onnx", b"\x00\x01", "no.onnx"),
        ("no.harkpack", b"PK", "no model that Hark knows"),
        ("photo.jpg", b"\xff\xd8", "no model that Hark knows"),
    ];
    for (name, bytes, reason) in cases {
        home.models(&["import", &home.put(name, bytes)]).refused(reason);
        assert_eq!(home.store(), [""; 0], "{name}");
    }
    // What can be used is taken, and the rest makes the command fail.
    home.voice("mixed/anna", 1, 100);
    home.put("mixed/ggml-cut.bin", b"lmgg\x98\xca\0\0");
    let ended = home.models(&["import", "mixed"]);
    ended.refused("ggml-cut.bin");
    assert!(ended.out.contains("anna (voice"), "{}", ended.out);
}

#[test]
fn a_catalog_of_one_s_own_is_shown_with_what_fits() {
    let home = Home::new();
    let catalog = |memory_mb: u64| {
        format!(
            "format = 1\n[[model]]\nid = \"big\"\nname = \"Big\"\nkind = \"chat\"\nlanguages = [\"en\"]\nlicence = \"MIT\"\n\
             context = 4096\nmemory_mb = {memory_mb}\nspeed = \"slow\"\n[[model.file]]\nname = \"big.gguf\"\n\
             [[model.source]]\nhub = {{ repo = \"a/b\", revision = \"{}\" }}\n",
            "0".repeat(40)
        )
    };
    home.put("c.toml", catalog(900_000).as_bytes());
    let list = home.models(&["list", "--catalog", "c.toml", "--json"]);
    let offers = list.good().events("offer");
    assert_eq!((offers[0]["id"].as_str(), offers[0]["fit"].as_str()), (Some("big"), Some("too_big")), "{}", list.out);
    assert_eq!(offers[0]["recommended"], false, "{}", list.out);
    // Of the built-in one a set is marked for every computer that has the memory for the smallest.
    let list = home.models(&["list", "--language", "en", "--json"]);
    let offers = list.good().events("offer");
    let recommended: Vec<&str> =
        offers.iter().filter(|offer| offer["recommended"] == true).filter_map(|offer| offer["kind"].as_str()).collect();
    assert_eq!(recommended, ["stt", "chat", "voice"], "{}", list.out);
    let info = home.models(&["info", "big", "--catalog", "c.toml"]);
    assert!(info.good().out.contains("too big") && info.out.contains("SHA-256 not known"), "{}", info.out);
}
