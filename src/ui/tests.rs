//! The window without a window: what a person presses, what the host gets, what is on the screen.

use super::app::frame_time;
use super::view_state::TalkLook;
use crate::config::settings::UiLanguage;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus, Timing, TurnEnd, UserAction};
use crate::turn::TurnId;
use egui::accesskit::Role;
use egui_kittest::kittest::{By, NodeT, Queryable};
use std::path::PathBuf;

mod chinese;
mod harness;
mod keyboard;
mod models;
mod models_rows;
mod screen_reader;
mod timeline;
mod welcome;

use harness::Window;

const TALK: &str = "Talk: hold and speak";

#[test]
fn holding_the_button_talks_until_the_mouse_goes_up_wherever_it_is() {
    let mut w = Window::english().idle();
    let at = w.harness.get_by_label(TALK).rect().center();
    w.pointer(at, true);
    assert_eq!(w.acts(), [UserAction::PttPressed]);
    w.send([Event::Phase(TurnId(1), Phase::Listening)]);
    w.harness.get_by_label("Listening: let go when you are done");
    w.pointer(egui::pos2(20.0, 20.0), false);
    assert_eq!(w.acts(), [UserAction::PttReleased]);
}

#[test]
fn losing_the_window_lets_go() {
    let mut w = Window::english().idle();
    let at = w.harness.get_by_label(TALK).rect().center();
    w.pointer(at, true);
    w.harness.event(egui::Event::WindowFocused(false));
    w.harness.step();
    assert_eq!(w.acts(), [UserAction::PttPressed, UserAction::PttReleased]);
    w.pointer(at, false);
    assert_eq!(w.acts(), []);
}

#[test]
fn space_talks_and_its_repeats_say_nothing_new() {
    let mut w = Window::english().idle();
    for (pressed, repeat) in [(true, false), (true, true), (true, true), (false, false), (false, false)] {
        w.key(egui::Key::Space, pressed, repeat);
    }
    assert_eq!(w.acts(), [UserAction::PttPressed, UserAction::PttReleased]);
    // With the focus on another button Space still talks and does not press that button.
    w.harness.get_by_role_and_label(Role::Button, "Settings").focus();
    w.harness.step();
    w.key(egui::Key::Space, true, false);
    w.key(egui::Key::Space, false, false);
    assert_eq!(w.acts(), [UserAction::PttPressed, UserAction::PttReleased]);
    assert!(w.harness.query_by_label("Close the settings").is_none());
}

#[test]
fn a_screen_reader_starts_and_ends_with_one_click_each() {
    let mut w = Window::english().idle();
    w.harness.get_by_label(TALK).click_accesskit();
    w.harness.run_steps(2);
    assert_eq!(w.acts(), [UserAction::PttToggle]);
}

#[test]
fn typing_and_enter_send_the_question_and_space_is_a_letter_there() {
    let mut w = Window::english().idle();
    w.click("Type a question");
    let field = w.harness.get_by_role_and_label(Role::TextInput, "Type a question");
    assert!(field.is_focused());
    w.harness.event(egui::Event::Text("Who".into()));
    w.key(egui::Key::Space, true, false);
    w.harness.event(egui::Event::Text(" ".into()));
    w.key(egui::Key::Space, false, false);
    w.harness.event(egui::Event::Text("are you?".into()));
    w.harness.run_steps(2);
    w.key(egui::Key::Enter, true, false);
    w.key(egui::Key::Enter, false, false);
    assert_eq!(w.acts(), [UserAction::SubmitText("Who are you?".into())]);
    w.key(egui::Key::Enter, true, false);
    assert_eq!(w.acts(), [], "an empty field sends nothing");
}

#[test]
fn esc_stops_and_so_does_the_stop_button() {
    let mut w = Window::english().idle();
    w.send([Event::Phase(TurnId(1), Phase::Speaking)]);
    w.key(egui::Key::Escape, true, false);
    assert_eq!(w.acts(), [UserAction::Cancel]);
    w.harness.get_by_label("Stop (Esc)").click();
    w.harness.run_steps(4);
    assert_eq!(w.acts(), [UserAction::Cancel]);
}

#[test]
fn every_phase_has_its_own_name_in_both_languages() {
    let phases = [Phase::Loading, Phase::Idle, Phase::Listening, Phase::Transcribing, Phase::Thinking, Phase::Speaking, Phase::Stopping];
    let expected = [
        (
            UiLanguage::English,
            [
                "Talk button, getting ready",
                TALK,
                "Listening: let go when you are done",
                "Writing down what you said",
                "Thinking: press to ask something else",
                "Speaking: press to interrupt",
                "Talk button, closing",
            ],
        ),
        (
            UiLanguage::Chinese,
            [
                "说话按钮，正在准备",
                "说话：按住并讲话",
                "正在听：说完后松开",
                "正在记下你说的话",
                "正在思考：按下可以改问别的",
                "正在回答：按下可以打断",
                "说话按钮，正在关闭",
            ],
        ),
    ];
    for (language, names) in expected {
        let mut w = Window::new(language, [440.0, 720.0]);
        if language == UiLanguage::Chinese && !super::fonts::has_chinese(&w.harness.ctx) {
            println!("skipped: needs a font for Chinese");
            continue;
        }
        for (phase, name) in phases.into_iter().zip(names) {
            w.send([Event::Phase(TurnId(1), phase)]);
            w.harness.get_by_label(name);
        }
    }
}

#[test]
fn a_whole_answer_with_an_interrupt_can_be_read() {
    let mut w = Window::english().idle();
    let t = TurnId(1);
    w.send([
        Event::UserText { turn: t, text: "Show me code".into(), language: "en".into(), confidence: 0.2 },
        Event::ThinkingDelta(t, "They want code.".into()),
        Event::ReplyFinal { turn: t, text: "Here **it** is.\n\n```rust\nfn main() {}\n```\nNot this.".into(), heard_bytes: 15 },
        Event::TurnEnded(t, TurnEnd::Cancelled),
        Event::Timing(t, Timing { first_audio_ms: Some(424.0), ..Timing::default() }),
    ]);
    w.harness.get_by_label("Show me code");
    w.harness.get_by_label("not sure that I heard this right");
    w.harness.get_by_label("not heard");
    w.harness.get_by_label("fn main() {}");
    w.harness.get_by_label("After you stopped speaking: first sound 0.42 s");
    assert!(w.harness.query_by_label("They want code.").is_none(), "thinking is folded");
    w.harness.get_by_label("What it thought first").click();
    w.harness.run_steps(4);
    w.harness.get_by_label("They want code.");
    w.harness.get_by_label("Copy the code").click();
    w.harness.run_steps(3);
    let copies = |w: &Window| w.harness.output().platform_output.commands.contains(&egui::OutputCommand::CopyText("fn main() {}".into()));
    assert!(copies(&w) || w.harness.query_by_label("Copied").is_some());
}

#[test]
fn a_notice_has_a_button_that_leads_to_its_cure_and_one_that_hides_it() {
    let mut w = Window::english().idle();
    let error = StageError::new(Stage::Capture, Severity::Stage, "No microphone was found.", "Plug one in.");
    w.send([Event::Status(Stage::Capture, StageStatus::Unavailable(error))]);
    w.harness.get_by_label("Talk button, something is missing");
    w.click("Open the settings");
    w.harness.get_by_role_and_label(Role::ComboBox, "Microphone");
    w.click("Close the settings");
    w.click("Hide this message");
    assert!(w.harness.query_by_label("Open the settings").is_none());
}

#[test]
fn a_starter_question_can_be_clicked_and_then_the_welcome_goes() {
    let mut w = Window::english().idle();
    w.click("Who are you?");
    assert_eq!(w.acts(), [UserAction::SubmitText("Who are you?".into())]);
    w.send([Event::UserText { turn: TurnId(1), text: "Who are you?".into(), language: String::new(), confidence: 1.0 }]);
    assert!(w.harness.query_by_label("Tell me a joke.").is_none());
}

#[test]
fn choosing_another_model_is_saved() {
    for size in [[440.0, 720.0], [1100.0, 760.0]] {
        let mut w = Window::new(UiLanguage::English, size).idle();
        w.click("Settings");
        w.harness.get_by_role_and_label(Role::ComboBox, "Chat model").click();
        w.harness.run_steps(4);
        w.harness.get_by_label("second-chat (98 MB)").click();
        w.harness.run_steps(4);
        let saved = w.log.borrow().saved.last().cloned().expect("saved");
        assert_eq!(saved.models.chat, Some(PathBuf::from("second-chat")));
        w.harness.get_by_role_and_label(Role::CheckBox, "Show answers only, say nothing").click();
        w.harness.run_steps(4);
        assert!(w.log.borrow().saved.last().expect("saved").audio.mute);
    }
}

#[test]
fn the_talk_key_is_recorded_by_pressing_it_and_a_taken_one_is_said() {
    let mut w = Window::english().idle();
    assert_eq!(w.log.borrow().hotkeys, ["Ctrl+Alt+Space"]);
    let press = |w: &mut Window, key| {
        let label = w.log.borrow().saved.last().map_or("Ctrl+Alt+Space".to_owned(), |s| s.window.hotkey.clone());
        w.harness.get_by_role_and_label(Role::Button, &label).click();
        w.harness.run_steps(4);
        let modifiers = egui::Modifiers { ctrl: true, command: true, ..Default::default() };
        w.harness.event(egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers });
        w.harness.run_steps(3);
    };
    w.click("Settings");
    w.harness.get_by_role_and_label(Role::Button, "Ctrl+Alt+Space").scroll_to_me();
    w.harness.run_steps(3);
    press(&mut w, egui::Key::F9);
    assert_eq!(w.log.borrow().saved.last().unwrap().window.hotkey, "Ctrl+F9");
    press(&mut w, egui::Key::T);
    assert_eq!(w.log.borrow().saved.last().unwrap().window.hotkey, "Ctrl+F9", "a key that cannot be had is not kept");
    w.harness.get_by_label_contains("Another program already uses Ctrl+T.");
    assert_eq!(w.acts(), []);
}

#[test]
fn nothing_is_drawn_again_while_nothing_happens() {
    let mut w = Window::english().idle();
    // `run` fails when frames are asked for without end.
    w.harness.run();
    let delay = |w: &Window| w.harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    assert_eq!(delay(&w), std::time::Duration::MAX, "idle asks for no frame at all");
    w.send([Event::Phase(TurnId(1), Phase::Listening)]);
    w.harness.run_steps(3);
    assert!(delay(&w) <= std::time::Duration::from_millis(33));
    assert_eq!(frame_time(TalkLook::Thinking, true), None, "with less motion thinking stands still");
    assert_eq!(frame_time(TalkLook::Idle, false), None);
}

#[test]
fn the_size_is_kept_whether_it_was_chosen_or_typed() {
    let mut w = Window::english().idle();
    let zoom = |w: &Window| (w.harness.ctx.zoom_factor(), w.log.borrow().saved.last().map(|s| s.window.zoom));
    w.click("Settings");
    w.harness.get_by_role_and_label(Role::Slider, "Size").set_value_accesskit(1.5);
    w.harness.run_steps(5);
    assert_eq!(zoom(&w), (1.5, Some(1.5)));
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Minus);
    w.harness.run_steps(5);
    let (shown, kept) = zoom(&w);
    assert!(shown < 1.45 && kept == Some(shown), "{shown} {kept:?}");
    assert_eq!(w.log.borrow().saved.len(), 2);
}

#[test]
fn closing_says_quit_once() {
    let mut w = Window::english().idle();
    w.harness.state_mut().as_mut().unwrap().quit();
    w.harness.state_mut().as_mut().unwrap().quit();
    assert_eq!(w.acts(), [UserAction::Quit]);
}

#[test]
fn odd_texts_and_sizes_do_not_break_the_window() {
    for size in [[341.0, 300.0], [200.0, 150.0], [2400.0, 400.0]] {
        let mut w = Window::new(UiLanguage::English, size).idle();
        let t = TurnId(1);
        w.send([
            Event::UserText { turn: t, text: "word ".repeat(50_000).into(), language: String::new(), confidence: f32::NAN },
            Event::Phase(t, Phase::Listening),
            Event::PartialText(t, crate::stt::Words { certain: "x".repeat(100_000).into(), uncertain: "字".repeat(100_000).into() }),
        ]);
        w.send([
            Event::ReplyDelta(
                t,
                "| a | b |\n|--|--|\n| 1 | 2 |\n\n1. one\n   - two\n> quote\n\n# H\n[l](http://x) ![i](http://y)\n```\nopen".into(),
            ),
            Event::Phase(t, Phase::Speaking),
            Event::ClauseStarted { turn: t, seq: 0, text: "a".repeat(5000).into(), range: (1, 30) },
        ]);
        w.harness.run_steps(2);
        assert_eq!(w.harness.state().as_ref().unwrap().state().look(), TalkLook::Speaking);
    }
}

#[test]
fn nothing_on_the_screen_turns_or_hides_what_is_read() {
    let mut w = Window::english();
    let evil = "gpj\u{202e}\u{2066}exe\u{200b}\u{1b}[0m\u{feff}";
    let t = TurnId(1);
    let ready = StageStatus::Ready(crate::stt::EngineInfo { engine: "x".into(), name: evil.into(), starter: false });
    w.send([
        Event::Status(Stage::Llm, ready),
        Event::Phase(t, Phase::Thinking),
        Event::UserText { turn: t, text: evil.into(), language: "en".into(), confidence: 1.0 },
        Event::ThinkingDelta(t, evil.into()),
        Event::ReplyDelta(t, format!("{evil} `{evil}`\n\n```{evil}\n{evil}\n```\n").as_str().into()),
        Event::Notice(t, StageError::new(Stage::Llm, Severity::Turn, format!("The file {evil} is gone."), evil)),
    ]);
    let mut seen = 0;
    for node in w.harness.query_all(By::new()) {
        let node = node.accesskit_node();
        for text in [node.label(), node.value()].into_iter().flatten() {
            seen += usize::from(text.contains("gpj"));
            assert!(!text.chars().any(crate::printable::is_hidden), "{text:?}");
        }
    }
    assert!(seen >= 4, "the question, the answer, the code and the notice are there: {seen}");
}
