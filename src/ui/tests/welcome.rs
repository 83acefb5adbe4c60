//! The first page: four steps, each of which can be left.

use super::harness::{Log, Window};
use crate::audio::level::Level;
use crate::config::settings::UiLanguage;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus, UserAction};
use crate::fakes::models::sample;
use crate::models::manager::{ManagerCommand, ManagerEvent};
use crate::turn::TurnId;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable;
use std::sync::Arc;

fn first(size: [f32; 2]) -> Window {
    Window::with(UiLanguage::English, size, Log { first_run: true, ..Log::default() }).idle()
}

fn has(w: &Window, words: &str) -> bool {
    w.harness.query_all_by_label_contains(words).next().is_some()
}

#[test]
fn the_steps_lead_from_a_language_to_a_conversation() {
    for size in [[440.0, 720.0], [1100.0, 800.0]] {
        let mut w = first(size);
        assert_eq!(w.commands(), [ManagerCommand::Refresh(vec!["en".into()])]);
        w.harness.get_by_role_and_label(Role::RadioButton, "English").click();
        w.harness.run_steps(3);
        assert_eq!(w.saved().hearing.languages, ["en"]);
        w.click("Next");
        w.click("Speak it");
        assert!(matches!(w.acts().as_slice(), [UserAction::Say(text)] if text.starts_with("Hello")));
        w.send([Event::Phase(TurnId(1), Phase::Speaking)]);
        w.click("Stop");
        assert_eq!(w.acts(), [UserAction::Cancel]);
        w.send([Event::Phase(TurnId(1), Phase::Idle)]);
        w.click("Next");
        assert!(has(&w, "Waiting for your press"));
        w.key(egui::Key::Space, true, false);
        assert_eq!(w.acts(), [UserAction::PttPressed]);
        w.send([Event::Phase(TurnId(2), Phase::Listening)]);
        assert!(has(&w, "Your press arrived") && has(&w, "The bar moves while you speak"));
        w.levels.input.push(Level { rms: 0.2, peak: 0.5 });
        w.harness.run_steps(2);
        assert!(has(&w, "The microphone hears you"));
        w.key(egui::Key::Space, false, false);
        w.acts();
        w.send([
            Event::UserText { turn: TurnId(2), text: "Who are you?".into(), language: "en".into(), confidence: 1.0 },
            Event::Phase(TurnId(2), Phase::Idle),
        ]);
        assert!(has(&w, "Heard: Who are you?"));
        w.click("Next");
        w.commands();
        w.tell([ManagerEvent::Listing(Arc::new(sample()))]);
        w.click("Get these (521 MB)");
        assert!(matches!(w.commands().as_slice(), [ManagerCommand::Pull(ids)] if ids.len() == 3));
        w.click("Start talking");
        assert!(!has(&w, "Step 4 of 4"));
        assert!(has(&w, "Getting models"), "they come while the conversation is there");
        w.harness.get_by_label("Who are you?");
    }
}

#[test]
fn skip_and_esc_leave_at_once_and_it_does_not_come_again() {
    let mut w = first([440.0, 720.0]);
    w.click("Skip");
    assert!(has(&w, "Ask me something."));
    assert_eq!(w.log.borrow().saved.len(), 1, "there is a settings file from now on");
    let mut w = first([440.0, 720.0]);
    w.key(egui::Key::Escape, true, false);
    w.harness.run_steps(2);
    assert!(has(&w, "Ask me something."));
    // It can be asked for again.
    w.click("Settings");
    w.harness.get_by_role_and_label(Role::Button, "Show the first steps").scroll_to_me();
    w.harness.run_steps(3);
    w.click("Show the first steps");
    assert!(has(&w, "Step 1 of 4"));
}

#[test]
fn it_goes_by_keyboard_alone() {
    let mut w = first([440.0, 720.0]);
    let press = |w: &mut Window, name: &str| {
        for _ in 0..30 {
            let at = w.harness.query_by_label(name).is_some_and(|node| node.is_focused());
            if at {
                w.key(egui::Key::Enter, true, false);
                w.key(egui::Key::Enter, false, false);
                w.harness.run_steps(2);
                return;
            }
            w.key(egui::Key::Tab, true, false);
            w.harness.run_steps(2);
        }
        panic!("{name} was not reached");
    };
    press(&mut w, "English");
    for _ in 0..3 {
        press(&mut w, "Next");
    }
    press(&mut w, "Start talking");
    assert!(has(&w, "Ask me something."));
}

#[test]
fn without_voice_or_network_every_step_still_leads_on() {
    let mut w = first([440.0, 720.0]);
    let error = |stage, text: &str| StageStatus::Unavailable(StageError::new(stage, Severity::Stage, text, "Look at it."));
    w.send([
        Event::Status(Stage::Tts, error(Stage::Tts, "There is no voice.")),
        Event::Status(Stage::Capture, error(Stage::Capture, "There is no microphone.")),
    ]);
    w.click("Next");
    assert!(has(&w, "There is no voice."));
    w.click("Next");
    assert!(has(&w, "There is no microphone."));
    w.click("Next");
    assert!(has(&w, "Looking at this computer…"), "nobody has answered yet, and the button works");
    let gone = StageError::new(Stage::Desktop, Severity::Turn, "No source of this model answered.", "Look at the network.");
    w.tell([ManagerEvent::Finished { id: "x".into(), result: Err(gone) }]);
    w.click("Start talking");
    assert!(has(&w, "Talk"));
}

#[test]
fn chinese_only_switches_the_window_and_other_languages_can_be_combined() {
    let mut w = first([440.0, 720.0]);
    w.harness.get_by_role_and_label(Role::RadioButton, "Other languages").click();
    w.harness.run_steps(3);
    for name in ["Deutsch", "English"] {
        w.harness.get_by_role_and_label(Role::CheckBox, name).scroll_to_me();
        w.harness.run_steps(3);
        w.harness.get_by_role_and_label(Role::CheckBox, name).click();
        w.harness.run_steps(3);
    }
    assert_eq!(w.saved().hearing.languages, ["de", "en"]);
    assert!(w.commands().contains(&ManagerCommand::Refresh(vec!["de".into(), "en".into()])), "the set is recommended anew");
    if !crate::ui::fonts::has_chinese(&w.harness.ctx) {
        println!("skipped: needs a font for Chinese");
        return;
    }
    w.harness.get_by_role_and_label(Role::RadioButton, "中文").click();
    w.harness.run_steps(3);
    assert_eq!((w.saved().window.language, w.saved().hearing.languages), (UiLanguage::Chinese, vec!["zh".to_owned()]));
    assert!(has(&w, "你说哪些语言？"));
}

#[test]
fn small_windows_hold_every_step() {
    for size in [[200.0, 150.0], [341.0, 480.0]] {
        let mut w = first(size);
        for _ in 0..5 {
            w.harness.state_mut().as_mut().unwrap().memory.welcome.step += 1;
            w.harness.run_steps(2);
        }
    }
}

#[test]
fn no_real_conversation_is_promised_when_no_set_fits() {
    let mut w = first([440.0, 720.0]);
    for _ in 0..3 {
        w.click("Next");
    }
    let promise = "With these, Hark can hold a real conversation";
    w.tell([ManagerEvent::Listing(Arc::new(sample()))]);
    assert!(has(&w, promise));
    let mut full = sample();
    full.recommended.clear();
    w.tell([ManagerEvent::Listing(Arc::new(full))]);
    assert!(!has(&w, promise) && has(&w, "Hark goes on with what is installed."));
}
