//! Single rows of the model page.

use super::harness::{Log, Window};
use super::models::{TALL, listing, open_with};
use crate::config::settings::UiLanguage;
use crate::event::Event;
use crate::fakes::models::sample;
use crate::models::catalog::ModelKind;
use crate::models::manager::{Done, ManagerCommand, ManagerEvent, Progress, Work};
use crate::models::policy::Plan;
use crate::models::voice_toml::Terms;
use crate::ui::models::Used;
use egui_kittest::kittest::Queryable;
use std::path::PathBuf;
use std::sync::Arc;

fn has(w: &Window, words: &str) -> bool {
    w.harness.query_all_by_label_contains(words).next().is_some()
}

#[test]
fn what_came_of_a_download_can_be_deleted() {
    let mut w = open_with(TALL, sample());
    w.click("Delete what came: Qwen2.5 1.5B");
    assert_eq!(w.commands(), [], "402 MB are not deleted by one press");
    w.click("Keep it");
    w.click("Delete what came: Qwen2.5 1.5B");
    w.click("Delete what came");
    assert_eq!(w.commands(), [ManagerCommand::Remove("qwen2.5-1.5b-instruct-q4".into())]);
}

#[test]
fn a_tooltip_stays_inside_of_a_narrow_window() {
    let mut w = Window::new(UiLanguage::Chinese, [300.0, 2400.0]).idle();
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.tell([listing(sample())]);
    let places =
        |w: &Window, part: &str| -> Vec<egui::Rect> { w.harness.query_all_by_label_contains(part).map(|node| node.rect()).collect() };
    let mark = places(&w, "文件信息来自公开列表")[0];
    w.harness.hover_at(mark.center());
    for _ in 0..60 {
        w.harness.step();
    }
    let tip = places(&w, "由你决定");
    assert!(!tip.is_empty(), "it comes");
    assert!(tip.iter().all(|rect| rect.left() >= 0.0 && rect.right() <= 300.0), "{tip:?}");
}

#[test]
fn a_removed_model_is_no_choice_any_more() {
    let removed = |id: &str| ManagerEvent::Finished { id: id.into(), result: Ok(Done::Removed) };
    let mut what = sample();
    what.installed[1].removable = true;
    let mut voice = what.installed[1].clone();
    (voice.id, voice.name, voice.kind, voice.file) = ("v".into(), "V".into(), ModelKind::Voice, PathBuf::from("/gone/voices/v/v.onnx"));
    what.installed.push(voice);
    let mut w = open_with(TALL, what);
    w.click("Use: SmolLM2 135M");
    w.harness.state_mut().as_mut().unwrap().settings.models.voice = Some("/gone/voices/v/hark-voice.toml".into());
    w.tell([removed("starter-en")]);
    assert_eq!(w.saved().models.chat, Some(PathBuf::from("smollm2-135m-instruct")), "another one was removed");
    w.tell([removed("smollm2-135m-instruct")]);
    assert_eq!(w.saved().models.chat, None, "the best that is left is used, and nothing complains");
    assert_eq!(w.saved().models.voice.as_deref(), Some("/gone/voices/v/hark-voice.toml"));
    w.tell([removed("v")]);
    assert_eq!(w.saved().models.voice, None, "another file of its folder was chosen");
    assert_eq!(w.log.borrow().model_changes, 3);
}

#[test]
fn a_neighbour_of_a_removed_file_stays_the_choice() {
    let folder = tempfile::tempdir().unwrap();
    let neighbour = folder.path().join("other.gguf");
    std::fs::write(&neighbour, "x").unwrap();
    let mut what = sample();
    what.installed[1].file = folder.path().join("gone.gguf");
    let mut w = open_with(TALL, what);
    w.harness.state_mut().as_mut().unwrap().settings.models.chat = Some(neighbour);
    w.tell([ManagerEvent::Finished { id: "smollm2-135m-instruct".into(), result: Ok(Done::Removed) }]);
    assert!(w.log.borrow().saved.is_empty());
}

#[test]
fn whoever_removes_the_model_in_use_is_told_that_it_is() {
    let used = Used { chat: Some(PathBuf::from("smollm2-135m-instruct")), ..Used::default() };
    let mut what = sample();
    what.installed.iter_mut().for_each(|here| here.removable = true);
    let mut w = Window::with(UiLanguage::English, TALL, Log { used, ..Log::default() }).idle();
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.tell([listing(what)]);
    w.click("Remove: Starter (English)");
    assert!(has(&w, "Remove it? This frees 20 MB.") && !has(&w, "It is in use."));
    w.click("Remove: SmolLM2 135M");
    assert!(has(&w, "It is in use. Remove it? This frees 105 MB."));
}

#[test]
fn the_battery_is_spoken_of_only_as_far_as_it_is_known() {
    let mut w = open_with(TALL, sample());
    assert!(!has(&w, "battery was found"), "nobody has looked yet");
    w.send([Event::Plan(Arc::new(Plan { power: None, ..Plan::default() }))]);
    assert!(has(&w, "No battery was found") && !has(&w, "has no battery"));
}

#[test]
fn the_strip_says_what_is_done_and_counts_only_downloads() {
    let mut w = open_with(TALL, sample());
    w.click("Check: SmolLM2 135M");
    w.click("Close the models");
    assert!(has(&w, "Working on models…") && !has(&w, "Getting models"));
    let at = |id: &str, work, done| {
        ManagerEvent::Progress(Progress { id: id.into(), done, total: Some(100_000_000), work, ..Progress::default() })
    };
    w.tell([at("smollm2-135m-instruct", Work::Checking, 90_000_000)]);
    assert!(has(&w, "Checking the files…") && !has(&w, "Getting models"));
    w.tell([at("whisper-base-q5_1", Work::Fetching, 20_000_000)]);
    assert!(has(&w, "Getting models: 20 %"), "what is checked is no download");
    w.tell([at("whisper-base-q5_1", Work::Checking, 100_000_000)]);
    assert!(has(&w, "Checking the files…") && !has(&w, "Getting models"));
}

#[test]
fn what_a_voice_may_be_used_for_is_said_where_voices_are_chosen() {
    for (language, settings, words) in [
        (UiLanguage::English, "Settings", "its recordings are for non-commercial use only"),
        (UiLanguage::Chinese, "设置", "录音仅供非商业使用"),
    ] {
        let mut w = Window::new(language, TALL).idle();
        w.click(settings);
        assert!(has(&w, "lent-voice") && has(&w, words), "{words}");
        let mut what = sample();
        what.installed[0].terms = Some(Terms::NonCommercial);
        let mut w = Window::new(language, TALL).idle();
        w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
        w.tell([listing(what)]);
        assert!(has(&w, words), "on the model page: {words}");
    }
}
