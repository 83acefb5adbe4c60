//! What is recommended, on tables of computers and languages.

use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

const GB: u64 = 1 << 30;

fn machine(memory_gb: u64, cores: u32) -> Machine {
    let memory = memory_gb * GB;
    Machine { memory_bytes: memory, free_memory_bytes: memory / 2, cores, disk_free_bytes: Some(200 * GB), ..Machine::default() }
}

fn set(machine: &Machine, languages: &[&str]) -> Vec<&'static CatalogModel> {
    let languages: Vec<String> = languages.iter().map(|&language| language.to_owned()).collect();
    recommend(Catalog::builtin(), machine, &languages)
}

fn ids(models: &[&CatalogModel]) -> Vec<String> {
    models.iter().map(|model| model.id.clone()).collect()
}

fn of<'c>(models: &[&'c CatalogModel], kind: ModelKind) -> Option<&'c CatalogModel> {
    models.iter().find(|model| model.kind == kind).copied()
}

/// What every set must be, whatever the computer.
fn promises(models: &[&CatalogModel], machine: &Machine, languages: &[&str]) {
    let ids: HashSet<&str> = models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids.len(), models.len(), "nothing twice: {ids:?}");
    assert!(fit_together(models, machine), "{ids:?} on {machine:?}");
    for kind in [ModelKind::Stt, ModelKind::Chat] {
        assert!(models.iter().filter(|model| model.kind == kind).count() <= 1, "{ids:?}");
    }
    for model in models {
        assert!(fit(model, &machine.at_rest()).fits(), "{} on {machine:?}", model.id);
        let kind = model.kind;
        assert!(matches!(kind, ModelKind::Stt | ModelKind::Chat | ModelKind::Voice), "{} is not asked for", model.id);
        if kind == ModelKind::Voice {
            assert!(languages.iter().any(|language| model.speaks(language)), "{} speaks none of {languages:?}", model.id);
        }
    }
}

#[test]
fn every_usual_computer_gets_a_set_that_works_on_it() {
    println!("languages      memory cores  hears                   thinks            speaks");
    for languages in [vec!["en"], vec!["zh"], vec!["en", "zh"], vec!["de"], vec!["fr", "en"], vec!["pl", "en", "zh"], vec!["ja"]] {
        for memory in [4, 8, 16, 32] {
            for cores in [2, 4, 8] {
                let machine = machine(memory, cores);
                let models = set(&machine, &languages);
                promises(&models, &machine, &languages);
                let (ear, mind) = (of(&models, ModelKind::Stt).unwrap(), of(&models, ModelKind::Chat).unwrap());
                let voices: Vec<&CatalogModel> = models.iter().filter(|model| model.kind == ModelKind::Voice).copied().collect();
                println!(
                    "{:14} {memory:3} GB {cores:3}    {:23} {:17} {}",
                    languages.join(","),
                    ear.id,
                    mind.id,
                    ids(&voices).join(" ")
                );
                assert!(!ear.starter && !mind.starter, "something better fits");
                let others = languages.iter().any(|language| *language != "en");
                assert_eq!(ear.languages == ["*"], others, "{}: many languages only where they are wanted", ear.id);
                assert!(languages.iter().all(|language| ear.speaks(language)), "{}", ear.id);
                assert!(languages.iter().all(|language| mind.speaks(language)), "{}", mind.id);
                for language in languages.iter().filter(|language| **language != "ja") {
                    assert_eq!(voices.iter().filter(|voice| voice.speaks(language)).count(), 1, "a voice for {language}");
                }
            }
        }
    }
}

#[test]
fn a_better_computer_never_gets_a_smaller_mind() {
    for languages in [["en"], ["zh"], ["de"]] {
        for cores in [2, 4, 8] {
            let sizes = [4, 8, 16, 32].map(|memory| of(&set(&machine(memory, cores), &languages), ModelKind::Chat).unwrap().bytes());
            assert!(sizes.is_sorted(), "{languages:?}, {cores} cores: {sizes:?}");
        }
    }
}

#[test]
fn a_laptop_of_two_cores_gets_models_that_answer_at_once() {
    let models = set(&machine(8, 2), &["en"]);
    for model in &models {
        assert_eq!(fit(model, &machine(8, 2).at_rest()), Fit::Good, "{}", model.id);
    }
}

#[test]
fn a_measured_speed_leads_to_larger_and_to_smaller_models() {
    let size = |speed| {
        let machine = Machine { speed, ..machine(32, 4) };
        of(&set(&machine, &["en"]), ModelKind::Chat).unwrap().bytes().unwrap()
    };
    assert!(size(Some(10.0)) < size(None), "a laptop that is held back");
    assert!(size(Some(100.0)) > size(None), "a workstation");
}

#[test]
fn what_other_programs_hold_now_does_not_change_the_set() {
    let busy = Machine { free_memory_bytes: GB / 2, ..machine(16, 4) };
    assert_eq!(ids(&set(&busy, &["en"])), ids(&set(&machine(16, 4), &["en"])));
}

#[test]
fn where_nothing_else_fits_the_starters_are_taken() {
    let small = Machine { memory_bytes: 2_600_000_000, disk_free_bytes: Some(GB / 2), ..machine(4, 1) };
    let models = set(&small, &["en"]);
    promises(&models, &small, &["en"]);
    assert!(of(&models, ModelKind::Stt).is_some_and(|ear| ear.starter), "{:?}", ids(&models));
    assert!(of(&models, ModelKind::Chat).is_some_and(|mind| mind.starter), "{:?}", ids(&models));
    assert!(of(&models, ModelKind::Voice).is_none(), "there is no room for a voice");
}

#[test]
fn a_computer_for_which_nothing_fits_gets_nothing() {
    let tiny = Machine { memory_bytes: GB, ..machine(1, 1) };
    assert!(set(&tiny, &["en"]).is_empty());
}

#[test]
fn a_small_disk_gets_a_set_that_has_room_together() {
    let full = Machine { disk_free_bytes: Some(1_500_000_000), ..machine(16, 8) };
    let models = set(&full, &["en", "zh"]);
    promises(&models, &full, &["en", "zh"]);
    let bytes: u64 = models.iter().filter_map(|model| model.bytes()).sum();
    assert!(bytes <= 1_000_000_000, "{bytes}");
    assert_eq!(models.len(), 4, "{:?}", ids(&models));
}

#[test]
fn regions_and_repetitions_are_the_same_language() {
    let plain = ids(&set(&machine(8, 4), &["en", "zh"]));
    assert_eq!(ids(&set(&machine(8, 4), &["en-GB", "zh_CN.UTF-8", "EN", "zh"])), plain);
    assert_eq!(ids(&set(&machine(8, 4), &[])), ids(&set(&machine(8, 4), &["en"])));
    assert_eq!(ids(&set(&machine(8, 4), &["", " "])), ids(&set(&machine(8, 4), &["en"])));
}

#[test]
fn a_language_that_nobody_speaks_still_gets_an_ear_and_a_mind() {
    let machine = machine(16, 4);
    let models = set(&machine, &["cy"]);
    promises(&models, &machine, &["cy"]);
    assert!(of(&models, ModelKind::Stt).is_some_and(|ear| ear.speaks("cy")), "{:?}", ids(&models));
    assert!(of(&models, ModelKind::Chat).is_some(), "{:?}", ids(&models));
}

proptest! {
    #[test]
    fn any_computer_and_any_languages_get_a_set_that_fits(
        memory in 0..40_000_000_000_u64, free in 0..40_000_000_000_u64, cores in 0..64_u32,
        disk in proptest::option::of(0..20_000_000_000_u64), speed in proptest::option::of(-10.0..500.0_f64),
        languages in proptest::collection::vec("(en|zh|de|ta|xx|\\PC{0,3})", 0..5),
    ) {
        let machine = Machine { memory_bytes: memory, free_memory_bytes: free, cores, disk_free_bytes: disk, speed, ..Machine::default() };
        let languages: Vec<&str> = languages.iter().map(String::as_str).collect();
        let models = set(&machine, &languages);
        let asked = if languages.iter().all(|tag| plain_language(tag).is_empty()) { vec!["en"] } else { languages };
        promises(&models, &machine, &asked);
    }
}
