//! The window without a mouse: where the keyboard is, and that what it is in can be seen.

use super::harness::{Log, Window};
use super::models::{TALL, listing, open_with};
use crate::config::settings::UiLanguage;
use crate::event::{Event, Phase, TurnEnd, UserAction};
use crate::fakes::models::sample;
use crate::models::manager::{ManagerCommand, ManagerEvent, Progress, Work};
use crate::turn::TurnId;
use crate::ui::UiCommand;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use std::collections::BTreeSet;

const NONE: Modifiers = Modifiers::NONE;

/// So many exchanges, each with a button that copies the answer.
fn conversation(w: &mut Window, turns: u64) {
    for turn in (1..=turns).map(TurnId) {
        w.send([
            Event::UserText { turn, text: format!("Question {}", turn.0).into(), language: "en".into(), confidence: 1.0 },
            Event::ReplyFinal { turn, text: format!("Answer {}. {}", turn.0, "More words. ".repeat(20)).into(), heard_bytes: 9 },
            Event::TurnEnded(turn, TurnEnd::Answered),
        ]);
    }
    w.send([Event::Phase(TurnId::NONE, Phase::Idle)]);
    w.harness.run_steps(3);
}

#[test]
fn the_keys_work_on_the_first_page_when_a_talk_key_was_waited_for() {
    let mut w = Window::new(UiLanguage::English, TALL).idle();
    w.click("Settings");
    w.click("Ctrl+Alt+Space");
    w.click("Show the first steps");
    w.acts();
    w.key(Key::Space, true, false);
    w.key(Key::Space, false, false);
    assert_eq!(w.acts(), [UserAction::PttPressed, UserAction::PttReleased]);
}

#[test]
fn a_text_that_is_being_typed_in_the_settings_is_kept_however_they_are_left() {
    type Leave = fn(&mut Window);
    let ways: [Leave; 4] = [
        |w| w.press(Modifiers::COMMAND, Key::Comma),
        |w| w.press(Modifiers::COMMAND, Key::M),
        |w| w.harness.state_mut().as_mut().unwrap().quit(),
        |w| {
            let ctx = w.harness.ctx.clone();
            w.harness.state_mut().as_mut().unwrap().apply(&ctx, UiCommand::ShowWelcome(true));
        },
    ];
    for (n, leave) in ways.into_iter().enumerate() {
        let mut w = Window::new(UiLanguage::English, TALL).idle();
        w.click("Settings");
        w.harness.get_by_label("More").click();
        w.harness.run_steps(4);
        w.harness.get_by_role_and_label(Role::MultilineTextInput, "What the assistant is told about its task").focus();
        w.harness.run_steps(2);
        w.harness.event(egui::Event::Text("Be brief.".into()));
        w.harness.run_steps(2);
        assert_eq!(w.log.borrow().saved.len(), 0, "it is still being typed");
        // What is changed meanwhile stays changed.
        w.press(Modifiers::COMMAND, Key::Minus);
        let zoom = w.saved().window.zoom;
        assert!(zoom < 1.0 && w.saved().chat.system.is_empty());
        leave(&mut w);
        assert_eq!((w.saved().chat.system.as_str(), w.saved().window.zoom), ("Be brief.", zoom), "way {n}");
    }
}

#[test]
fn what_has_the_keyboard_is_in_sight_in_the_settings() {
    for (size, top) in [([440.0, 720.0], 52.0), ([1100.0, 600.0], 0.0)] {
        let mut w = Window::new(UiLanguage::English, size).idle();
        w.click("Settings");
        let mut names = BTreeSet::new();
        for _ in 0..40 {
            w.press(NONE, Key::Tab);
            let Some((name, place)) = w.focused() else { continue };
            let inner = name != "Settings" && !name.starts_with("New") && !name.starts_with("Close");
            let least = if inner { top } else { 0.0 };
            assert!(place.top() >= least && place.bottom() <= size[1], "{name} is at {place:?}");
            names.insert(name);
        }
        assert!(names.contains("Show the first steps") && names.contains("Size"), "{names:?}");
    }
}

#[test]
fn every_exchange_is_reached_and_shown() {
    let mut w = Window::english().idle();
    conversation(&mut w, 25);
    let (mut places, mut copies) = (BTreeSet::new(), 0);
    // Backwards, from the last exchange, which is what is seen first, to the oldest.
    w.harness.get_by_role_and_label(Role::Button, "Type a question").focus();
    w.harness.run_steps(3);
    for _ in 0..25 {
        w.press(Modifiers::SHIFT, Key::Tab);
        let (name, place) = w.focused().expect("something has the keyboard");
        if name == "Copy the answer" {
            copies += 1;
            assert!(place.top() >= 52.0 && place.bottom() <= 600.0, "{place:?}");
        }
        places.insert(name);
    }
    assert_eq!(copies, 25, "{places:?}");
    w.harness.get_by_label("Question 1");
}

#[test]
fn the_page_is_turned_by_its_keys_unless_a_text_is_written() {
    let mut w = Window::english().idle();
    w.click("Settings");
    let y = |w: &Window| w.harness.get_by_role_and_label(Role::ComboBox, "Microphone").rect().top();
    let begin = y(&w);
    w.press(NONE, Key::PageDown);
    let one = begin - y(&w);
    assert!((300.0..634.0).contains(&one), "a page, less a few lines: {one}");
    w.press(NONE, Key::PageUp);
    assert_eq!(y(&w), begin);
    w.press(NONE, Key::End);
    let place = w.harness.get_by_role_and_label(Role::Button, "Show the first steps").rect();
    assert!(place.top() > 52.0 && place.bottom() < 686.0, "{place:?}");
    w.press(NONE, Key::Home);
    assert_eq!(y(&w), begin);
    w.click("Close the settings");
    conversation(&mut w, 25);
    w.press(NONE, Key::Home);
    let first = w.harness.get_by_label("Question 1").rect().top();
    assert!(first > 52.0, "{first}");
    w.click("Type a question");
    w.press(NONE, Key::End);
    assert_eq!(w.harness.get_by_label("Question 1").rect().top(), first, "the key moves the cursor of the text");
}

#[test]
fn in_the_wide_window_the_page_with_the_keyboard_is_turned() {
    let mut w = Window::new(UiLanguage::English, [1100.0, 600.0]).idle();
    conversation(&mut w, 25);
    w.click("Settings");
    let settings = |w: &Window| w.harness.get_by_role_and_label(Role::ComboBox, "Microphone").rect().top();
    let begin = settings(&w);
    w.press(NONE, Key::Home);
    assert!(w.harness.get_by_label("Question 1").rect().top() > 52.0);
    w.harness.get_by_role_and_label(Role::ComboBox, "Microphone").focus();
    w.harness.run_steps(2);
    w.press(NONE, Key::PageDown);
    assert!(settings(&w) < begin - 300.0);
    assert!(w.harness.get_by_label("Question 1").rect().top() > 52.0);
}

#[test]
fn the_safe_answer_takes_the_keyboard_and_gives_it_back() {
    let mut what = sample();
    what.installed[1].removable = true;
    let mut w = open_with([440.0, 720.0], what);
    for asks in ["Remove: SmolLM2 135M", "Delete what came: Qwen2.5 1.5B"] {
        for _ in 0..90 {
            if w.focus_name() == asks {
                break;
            }
            w.press(NONE, Key::Tab);
        }
        assert_eq!(w.focus_name(), asks);
        w.press(NONE, Key::Enter);
        assert_eq!(w.focus_name(), "Keep it");
        w.press(NONE, Key::Enter);
        assert_eq!(w.focus_name(), asks);
    }
    assert_eq!(w.commands(), []);
}

#[test]
fn a_list_gives_the_keyboard_back_when_something_was_picked() {
    let pick = |w: &mut Window, list: &str, entry: &str| {
        w.harness.get_by_role_and_label(Role::ComboBox, list).focus();
        w.harness.run_steps(2);
        w.press(NONE, Key::Enter);
        for _ in 0..20 {
            if w.focus_name() == entry {
                break;
            }
            w.press(NONE, Key::Tab);
        }
        w.press(NONE, Key::Enter);
    };
    let mut w = open_with(TALL, sample());
    pick(&mut w, "Kind of model", "Speaks");
    assert_eq!(w.focus_name(), "Kind of model");
    let mut w = Window::new(UiLanguage::English, TALL).idle();
    w.click("Settings");
    pick(&mut w, "Colours", "Light");
    assert_eq!(w.focus_name(), "Colours");
    let chinese = if crate::ui::fonts::has_chinese(&w.harness.ctx) { "简体中文" } else { "Chinese (simplified)" };
    pick(&mut w, "Language of the window", chinese);
    assert_eq!((w.saved().window.language, w.focus_name().as_str()), (UiLanguage::Chinese, "窗口语言"));
}

#[test]
fn esc_closes_an_open_list_and_not_the_page_below_it() {
    let mut w = Window::new(UiLanguage::English, TALL).idle();
    w.click("Settings");
    w.harness.get_by_role_and_label(Role::ComboBox, "Colours").click();
    w.harness.run_steps(4);
    assert!(w.harness.query_by_label("Light").is_some());
    w.press(NONE, Key::Escape);
    assert!(w.harness.query_by_label("Light").is_none());
    w.harness.get_by_role_and_label(Role::ComboBox, "Colours");
    w.press(NONE, Key::Escape);
    assert!(w.harness.query_by_label("Colours").is_none());
}

#[test]
fn the_first_page_keeps_the_keyboard_on_its_way_from_step_to_step() {
    let mut w = Window::with(UiLanguage::English, [440.0, 720.0], Log { first_run: true, ..Log::default() }).idle();
    w.harness.get_by_role_and_label(Role::Button, "Next").focus();
    w.harness.run_steps(2);
    for name in ["Next", "Next", "Start talking"] {
        w.press(NONE, Key::Enter);
        assert_eq!(w.focus_name(), name);
    }
    w.harness.get_by_role_and_label(Role::Button, "Back").focus();
    w.harness.run_steps(2);
    for name in ["Back", "Back", "Next"] {
        w.press(NONE, Key::Enter);
        assert_eq!(w.focus_name(), name);
    }
}

#[test]
fn a_download_that_begins_or_ends_takes_the_keyboard_from_nobody() {
    let mut w = Window::english().idle();
    w.tell([listing(sample())]);
    w.harness.get_by_role_and_label(Role::Button, "Type a question").focus();
    w.harness.run_steps(2);
    let id = "whisper-base-q5_1";
    w.tell([ManagerEvent::Progress(Progress { id: id.into(), work: Work::Fetching, ..Progress::default() })]);
    w.harness.get_by_label_contains("Getting models");
    assert_eq!(w.focus_name(), "Type a question");
    w.tell([ManagerEvent::Finished { id: id.into(), result: Ok(crate::models::manager::Done::Stopped) }]);
    assert!(w.commands().contains(&ManagerCommand::Refresh(vec!["en".into()])));
    assert_eq!(w.focus_name(), "Type a question");
}
