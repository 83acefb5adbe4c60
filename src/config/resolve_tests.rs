use super::*;
use crate::speech::Lang;

fn found(path: &str, starter: bool) -> ModelEntry {
    ModelEntry { path: path.into(), name: path.into(), bytes: 1, starter, languages: Vec::new(), terms: None }
}

fn machine(cores: usize, language: &str) -> Surroundings {
    Surroundings { cores, language: language.into(), ..Surroundings::default() }
}

fn run(settings: &Settings, overrides: &Overrides, inventory: &Inventory) -> (Config, Vec<StageError>) {
    resolve_with(settings, overrides, &machine(4, "en"), inventory)
}

#[test]
fn nothing_installed_gives_no_models_and_espeak() {
    let (config, notices) = run(&Settings::default(), &Overrides::default(), &Inventory::default());
    assert_eq!((config.stt_model, config.chat_model), (None, None));
    assert_eq!(config.voice, VoiceChoice::Espeak("en-us".into()));
    assert_eq!(config.engines, EngineSet::Real);
    assert_eq!(config.chat.system, prompt::DEFAULT_SYSTEM);
    assert_eq!(config.stt.language, SpokenLanguage::Detect(vec![]));
    assert_eq!(notices, []);
}

#[test]
fn the_command_line_goes_before_the_settings_and_these_before_what_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let in_settings = dir.path().join("settings.gguf");
    std::fs::write(&in_settings, "x").unwrap();
    let inventory = Inventory { chat: vec![found("/found.gguf", false)], ..Inventory::default() };
    let mut settings = Settings::default();
    let mut overrides = Overrides::default();
    assert_eq!(run(&settings, &overrides, &inventory).0.chat_model, Some("/found.gguf".into()));
    settings.models.chat = Some(in_settings.clone());
    assert_eq!(run(&settings, &overrides, &inventory).0.chat_model, Some(in_settings));
    overrides.chat = Some("/not/there.gguf".into());
    let (config, notices) = run(&settings, &overrides, &inventory);
    assert_eq!(config.chat_model, Some("/not/there.gguf".into()), "its loading says that it is missing");
    assert_eq!(notices, []);
}

#[test]
fn an_ear_that_knows_english_only_is_not_taken_for_another_language_nor_instead_of_one_that_knows_it() {
    let english = |path, starter| ModelEntry { languages: vec!["en".to_owned()], ..found(path, starter) };
    let stt = vec![english("/base.en.bin", false), found("/small.bin", false), english("/starter.bin", true)];
    let inventory = Inventory { stt: stt.clone(), ..Inventory::default() };
    let ears = |languages: &[&str], inventory: &Inventory| {
        let overrides = Overrides { languages: Some(languages.iter().map(|l| (*l).to_owned()).collect()), ..Overrides::default() };
        let (config, _) = run(&Settings::default(), &overrides, inventory);
        (config.stt_model.unwrap(), config.spare.stt.len())
    };
    assert_eq!(ears(&["en"], &inventory), ("/base.en.bin".into(), 3));
    for languages in [&["zh"][..], &["en", "zh"]] {
        assert_eq!(ears(languages, &inventory), ("/small.bin".into(), 1), "{languages:?}");
    }
    let only = Inventory { stt: vec![stt[2].clone()], ..Inventory::default() };
    assert_eq!(ears(&["zh"], &only), ("/starter.bin".into(), 1), "better than none");
}

#[test]
fn a_file_of_the_settings_that_is_gone_is_said_and_replaced() {
    let mut settings = Settings::default();
    settings.models.stt = Some("/gone/ggml-base.bin".into());
    settings.models.voice = Some("/gone/voice.onnx".into());
    let inventory = Inventory { stt: vec![found("/found.bin", true)], ..Inventory::default() };
    let (config, notices) = run(&settings, &Overrides::default(), &inventory);
    assert_eq!(config.stt_model, Some("/found.bin".into()));
    assert_eq!(config.voice, VoiceChoice::Espeak("en-us".into()));
    let said: Vec<_> = notices.iter().map(|n| (n.stage, n.severity, n.message.contains("/gone/"))).collect();
    assert_eq!(said, [(Stage::Stt, Severity::Info, true), (Stage::Tts, Severity::Info, true)]);
}

#[test]
fn the_models_folder_of_the_command_line_goes_before_better_ones_elsewhere() {
    let inventory = Inventory { stt: vec![found("/real/a.bin", false), found("/chosen/starter/b.bin", true)], ..Inventory::default() };
    let overrides = Overrides { models: Some("/chosen".into()), ..Overrides::default() };
    assert_eq!(run(&Settings::default(), &overrides, &inventory).0.stt_model, Some("/chosen/starter/b.bin".into()));
    let overrides = Overrides { models: Some("/empty".into()), ..Overrides::default() };
    assert_eq!(run(&Settings::default(), &overrides, &inventory).0.stt_model, Some("/real/a.bin".into()));
}

#[test]
fn the_voice_is_a_vits_one_when_there_is_one_and_espeak_speaks_the_first_language() {
    let none = Inventory::default();
    let some = Inventory { voices: vec![found("/a.onnx", false)], ..Inventory::default() };
    let voice = |settings: &Settings, language: &str, inventory| {
        resolve_with(settings, &Overrides::default(), &machine(2, language), inventory).0.voice
    };
    let mut settings = Settings::default();
    assert_eq!(voice(&settings, "zh", &some), VoiceChoice::Vits("/a.onnx".into()));
    assert_eq!(voice(&settings, "zh", &none), VoiceChoice::Espeak("cmn".into()));
    settings.window.language = UiLanguage::English;
    assert_eq!(voice(&settings, "zh", &none), VoiceChoice::Espeak("en-us".into()));
    settings.hearing.languages = vec!["zh".into(), "en".into()];
    assert_eq!(voice(&settings, "en", &none), VoiceChoice::Espeak("cmn".into()));
    settings.models.voice = Some("espeak:de".into());
    assert_eq!(voice(&settings, "en", &some), VoiceChoice::Espeak("de".into()));
}

fn voice_of(path: &str, languages: &[&str]) -> ModelEntry {
    ModelEntry { languages: languages.iter().map(|code| (*code).to_owned()).collect(), ..found(path, false) }
}

fn speaking(languages: &[&str]) -> Settings {
    let mut settings = Settings::default();
    settings.hearing.languages = languages.iter().map(|code| (*code).to_owned()).collect();
    settings
}

#[test]
fn an_unchosen_voice_speaks_the_first_language_that_one_of_them_speaks() {
    // One that came with the program is taken where no other speaks the language.
    let lent = ModelEntry { starter: true, ..voice_of("/starter/zh-baker/fastspeech2.onnx", &["zh"]) };
    let (english, chinese) = (voice_of("/en.onnx", &["en"]), voice_of("/zh.onnx", &["zh"]));
    for (all, chosen) in [(vec![english.clone(), lent.clone()], &lent), (vec![english, chinese.clone(), lent.clone()], &chinese)] {
        let found = run(&speaking(&["zh", "en"]), &Overrides::default(), &Inventory { voices: all, ..Inventory::default() }).0;
        assert_eq!(found.voice, VoiceChoice::Vits(chosen.path.clone()));
    }
    let only = Inventory { voices: vec![lent], ..Inventory::default() };
    let found = run(&speaking(&["en"]), &Overrides::default(), &only).0;
    assert_eq!(found.voice, VoiceChoice::Espeak("en-us".into()), "it would spell every word");
    let voices = [("/de.onnx", "de"), ("/en.onnx", "en"), ("/zh.onnx", "zh")].map(|(path, code)| voice_of(path, &[code])).to_vec();
    let inventory = Inventory { voices, ..Inventory::default() };
    let voice = |languages: &[&str], system: &str| {
        resolve_with(&speaking(languages), &Overrides::default(), &machine(2, system), &inventory).0.voice
    };
    let is = |path: &str| VoiceChoice::Vits(path.into());
    assert_eq!(voice(&["en", "zh"], "en"), is("/en.onnx"));
    assert_eq!(voice(&["zh", "en"], "en"), is("/zh.onnx"));
    assert_eq!(voice(&["ta", "zh"], "en"), is("/zh.onnx"));
    assert_eq!(voice(&[], "zh"), is("/zh.onnx"));
    assert_eq!(voice(&["ta"], "en"), is("/de.onnx"), "the first, as none speaks it");
    let spare = resolve_with(&speaking(&["zh"]), &Overrides::default(), &machine(2, "en"), &inventory).0.spare.voices;
    assert_eq!(spare.last(), Some(&VoiceChoice::Espeak("cmn".into())));
    assert!(!spare.contains(&is("/en.onnx")), "{spare:?}");
}

#[test]
fn espeak_speaks_the_language_that_was_chosen_and_its_numbers_are_its_own() {
    let config = |languages: &[&str], system: &str| {
        resolve_with(&speaking(languages), &Overrides::default(), &machine(2, system), &Inventory::default()).0
    };
    for (languages, system, name, latin) in [
        (&["de", "en"][..], "en", "de", Lang::Other),
        (&["fr"], "en", "fr-fr", Lang::Other),
        (&["zh", "en"], "en", "cmn", Lang::En),
        (&["en"], "de", "en-us", Lang::En),
        (&["ha"], "en", "en-us", Lang::En),
        (&[], "de", "en-us", Lang::En),
    ] {
        let config = config(languages, system);
        assert_eq!((config.voice.clone(), config.latin()), (VoiceChoice::Espeak(name.into()), latin), "{languages:?}");
    }
}

#[test]
fn a_language_that_this_espeak_does_not_speak_is_left_to_english_or_chinese() {
    let installed =
        |names: &[&str]| Inventory { espeak_languages: names.iter().map(|name| (*name).into()).collect(), ..Inventory::default() };
    for (language, names, name) in [
        ("de", &["cmn", "de", "en-us"][..], "de"),
        ("kk", &["cmn", "de", "en-us"], "en-us"),
        ("yue", &["cmn", "en-us"], "cmn"),
        ("zh", &["en-us", "zh"], "zh"),
        ("zh", &["en-us"], "en-us"),
        ("kk", &[], "kk"),
    ] {
        let config = resolve_with(&speaking(&[language]), &Overrides::default(), &machine(2, "en"), &installed(names)).0;
        assert_eq!(config.voice, VoiceChoice::Espeak(name.into()), "{language} of {names:?}");
    }
}

#[test]
fn a_voice_whose_symbols_are_letters_gets_words_for_numbers() {
    let piper = |kind: &str| {
        format!(
            r#"{{"audio":{{"sample_rate":22050}},"espeak":{{"voice":"de"}},"phoneme_type":"{kind}","phoneme_id_map":{{"_":[0],"^":[1],"$":[2],"a":[3]}}}}"#
        )
    };
    let two = "format = 1\nacoustic = \"de_DE-anna-low.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 22050\nhop = 256\nbands = 80\nlanguage = \"de\"\n";
    let (own, words) = ("Das kostet 25 Euro.", "Das kostet twenty-five Euro.");
    for (beside, text, said) in [
        ("de_DE-anna-low.onnx.json", piper("espeak"), own),
        ("de_DE-anna-low.onnx.json", piper("text"), words),
        ("tokens.txt", String::new(), words),
        ("hark-voice.toml", format!("{two}espeak = \"de\"\n"), own),
        ("hark-voice.toml", two.to_owned(), words),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let voice = folder.path().join("de_DE-anna-low.onnx");
        for (name, text) in [("de_DE-anna-low.onnx", ""), ("v.onnx", ""), ("tokens.txt", ""), (beside, &text)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let overrides = Overrides { voice: Some(VoiceChoice::Vits(voice)), ..Overrides::default() };
        let config = run(&Settings::default(), &overrides, &Inventory::default()).0;
        assert_eq!(config.voice_languages, ["de"]);
        assert_eq!(crate::cli::engines::clauses(own, config.latin()), [said], "{beside}: {text}");
    }
}

#[test]
fn a_german_voice_reads_german_numbers_and_an_english_one_english_words() {
    let folder = tempfile::tempdir().unwrap();
    for (name, said) in [("de", "Das kostet 25 Euro."), ("en-us", "Das kostet twenty-five Euro.")] {
        let voice = folder.path().join(format!("{name}.onnx"));
        std::fs::write(&voice, "").unwrap();
        std::fs::write(voice.with_added_extension("json"), format!(r#"{{"espeak":{{"voice":"{name}"}}}}"#)).unwrap();
        let overrides = Overrides { voice: Some(VoiceChoice::Vits(voice)), ..Overrides::default() };
        let config = run(&Settings::default(), &overrides, &Inventory::default()).0;
        assert_eq!(crate::cli::engines::clauses("Das kostet 25 Euro.", config.latin()), [said]);
    }
}

#[test]
fn one_core_is_left_to_the_desktop() {
    assert_eq!([0, 1, 2, 3, 5, 64].map(default_threads), [1, 1, 1, 2, 4, 4]);
    let overrides = Overrides { threads: Some(7), ..Overrides::default() };
    let config = run(&Settings::default(), &overrides, &Inventory::default()).0;
    assert_eq!((config.stt.threads, config.chat.threads), (7, 7));
    let mut settings = Settings::default();
    let chat = |settings: &Settings| run(settings, &Overrides::default(), &Inventory::default()).0.chat;
    assert_eq!(chat(&settings).threads, 0, "the chat model is measured");
    settings.hearing.threads = Some(3);
    assert_eq!(chat(&settings).threads, 3);
    settings.chat.threads = Some(2);
    settings.chat.flash_attention = crate::llm::FlashAttention::On;
    assert_eq!((chat(&settings).threads, chat(&settings).flash_attention), (2, crate::llm::FlashAttention::On));
}

#[test]
fn every_option_of_the_command_line_arrives() {
    let overrides = Overrides {
        engines: Some(EngineSet::Fake),
        speed: Some(2.0),
        noise: Some(0.0),
        noise_width: Some(0.1),
        speaker: Some(3),
        volume: Some(0.5),
        temperature: Some(0.0),
        top_p: Some(0.5),
        top_k: Some(1),
        min_p: Some(0.2),
        repeat_penalty: Some(1.5),
        seed: Some(9),
        max_tokens: Some(50),
        context: Some(512),
        system: Some("Be short.".into()),
        languages: Some(vec!["zh".into()]),
        ..Overrides::default()
    };
    let config = run(&Settings::default(), &overrides, &Inventory::default()).0;
    assert_eq!(config.engines, EngineSet::Fake);
    let expected = VoiceOptions { speed: 2.0, noise: Some(0.0), noise_width: Some(0.1), speaker: Some(3), volume: 0.5 };
    assert_eq!(config.voice_options, expected);
    let expected = Sampling { temperature: 0.0, top_p: 0.5, top_k: 1, min_p: 0.2, repeat_penalty: 1.5, seed: Some(9) };
    assert_eq!(config.chat.sampling, expected);
    assert_eq!((config.chat.max_tokens, config.chat.context_tokens, config.chat.system.as_str()), (50, 512, "Be short."));
    assert_eq!(config.stt.language, SpokenLanguage::Fixed("zh".into()));
}

#[test]
fn an_answer_never_takes_the_whole_context() {
    let overrides = Overrides { max_tokens: Some(8000), context: Some(512), ..Overrides::default() };
    assert_eq!(run(&Settings::default(), &overrides, &Inventory::default()).0.chat.max_tokens, 256);
}

#[test]
fn a_voice_is_a_file_or_a_language_of_espeak() {
    assert_eq!(parse_voice("espeak:cmn"), Ok(VoiceChoice::Espeak("cmn".into())));
    assert_eq!(parse_voice("a b.onnx"), Ok(VoiceChoice::Vits("a b.onnx".into())));
    assert!(parse_voice("espeak:").is_err() && parse_voice(" ").is_err());
}

#[test]
fn what_may_be_used_instead_is_all_that_is_installed_unless_the_command_line_names_a_file() {
    let voices = ["en_US-amy", "de_DE-thorsten", "en_GB-alan"].map(|name| store::entry(Path::new(&format!("/v/{name}.onnx")))).to_vec();
    let inventory = Inventory {
        stt: vec![found("/a.bin", false), found("/b.bin", true)],
        chat: vec![found("/a.gguf", false), found("/b.gguf", true)],
        voices,
        ..Inventory::default()
    };
    let config = run(&Settings::default(), &Overrides::default(), &inventory).0;
    assert_eq!((config.spare.stt.len(), config.spare.chat.len()), (2, 2));
    let english = [VoiceChoice::Vits("/v/en_US-amy.onnx".into()), VoiceChoice::Vits("/v/en_GB-alan.onnx".into())];
    assert_eq!(config.spare.voices[..2], english, "not another language");
    assert_eq!(config.spare.voices[2], VoiceChoice::Espeak("en-us".into()));
    let named = Overrides {
        stt: Some("/x.bin".into()),
        chat: Some("/x.gguf".into()),
        voice: Some(VoiceChoice::Vits("/x.onnx".into())),
        ..Overrides::default()
    };
    assert_eq!(run(&Settings::default(), &named, &inventory).0.spare, Spare::default());
}

#[test]
fn memory_and_battery_decide_unless_the_settings_say_otherwise() {
    let mut settings = Settings::default();
    let config = run(&settings, &Overrides::default(), &Inventory::default()).0;
    assert!(config.fit_memory && config.save_on_battery && config.speculate);
    settings = toml::from_str("[models]\nfit_memory = false\n[power]\nsave_on_battery = false\n").unwrap();
    let config = run(&settings, &Overrides::default(), &Inventory::default()).0;
    assert!(!config.fit_memory && !config.save_on_battery && config.speculate);
}

#[test]
fn the_built_in_prompt_is_in_the_language_that_is_spoken_first() {
    let system = |settings: &Settings, language: &str| {
        resolve_with(settings, &Overrides::default(), &machine(4, language), &Inventory::default()).0.chat.system
    };
    let mut settings = Settings::default();
    assert_eq!(system(&settings, "zh"), prompt::CHINESE_SYSTEM);
    assert_eq!(system(&settings, "de"), prompt::DEFAULT_SYSTEM);
    settings.hearing.languages = vec!["zh".into(), "en".into()];
    assert_eq!(system(&settings, "en"), prompt::CHINESE_SYSTEM);
    settings.chat.system = "Be short.".into();
    assert_eq!(system(&settings, "zh"), "Be short.");
}
