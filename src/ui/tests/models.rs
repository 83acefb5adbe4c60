//! The model page: what a person reads and presses there, and what the manager is asked for.

use super::harness::{Log, Window};
use crate::config::settings::UiLanguage;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus, UserAction};
use crate::fakes::models::sample;
use crate::models::catalog::{Evidence, ModelKind};
use crate::models::listing::{Fit, Listing};
use crate::models::manager::{Done, ManagerCommand, ManagerEvent, Progress, Question, Taken, Work};
use crate::models::policy::{Plan, Reason};
use crate::platform::power::Power;
use crate::stt::EngineInfo;
use crate::turn::TurnId;
use crate::ui::models::Used;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use std::path::PathBuf;
use std::sync::Arc;

pub(super) const TALL: [f32; 2] = [440.0, 6000.0];

pub(super) fn listing(listing: Listing) -> ManagerEvent {
    ManagerEvent::Listing(Arc::new(listing))
}

pub(super) fn open_with(size: [f32; 2], what: Listing) -> Window {
    let mut w = Window::new(UiLanguage::English, size).idle();
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.harness.run_steps(3);
    assert_eq!(w.commands(), [ManagerCommand::Refresh(vec!["en".into()])], "the page looks what is there when it opens");
    w.tell([listing(what)]);
    w
}

fn pull(id: &str) -> ManagerCommand {
    ManagerCommand::Pull(vec![id.to_owned()])
}

fn has(w: &Window, words: &str) -> bool {
    w.harness.query_all_by_label_contains(words).next().is_some()
}

#[test]
fn the_page_opens_by_key_by_the_welcome_and_by_the_settings_and_esc_closes_it() {
    let mut w = open_with([440.0, 720.0], sample());
    assert!(has(&w, "Recommended for this computer"));
    w.key(egui::Key::Escape, true, false);
    w.harness.run_steps(2);
    assert!(!has(&w, "Recommended for this computer"));
    w.click("Settings");
    w.harness.get_by_role_and_label(Role::Button, "Get models").scroll_to_me();
    w.harness.run_steps(3);
    w.click("Get models");
    assert!(has(&w, "Recommended for this computer"));
    w.click("Close the models");
    assert!(has(&w, "Language of the window"), "the settings were below it");
}

#[test]
fn one_press_gets_the_recommended_set_and_the_size_is_said_before() {
    let mut w = open_with(TALL, sample());
    w.click("Get these (521 MB)");
    let ids = ["whisper-base-q5_1", "qwen2.5-0.5b-instruct-q4", "en_us-lessac-medium"].map(str::to_owned).to_vec();
    assert_eq!(w.commands(), [ManagerCommand::Pull(ids)]);
    assert!(has(&w, "They are on their way."), "it shows at once, before a thread has time for it");
    assert_eq!(w.harness.query_all_by_label("Waiting for its turn").count(), 3);
}

#[test]
fn whether_a_model_fits_is_said_in_words_before_it_is_fetched() {
    let mut what = sample();
    for (offer, fit) in what.offers.iter_mut().zip([
        Fit::Good,
        Fit::Slow,
        Fit::Tight { free_bytes: 400_000_000 },
        Fit::TooBig { needs_bytes: 8_000_000_000, there_bytes: 4_000_000_000 },
        Fit::NoRoom { needs_bytes: 5_000_000_000, free_bytes: 1_000_000_000 },
    ]) {
        offer.fit = fit;
    }
    what.recommended.clear();
    let w = open_with(TALL, what);
    for words in [
        "Fits this computer",
        "Fits, but will be slow here",
        "Needs 1.2 GB of memory, 400 MB are free now",
        "Too big: needs 8.0 GB of memory, this computer has 4.0 GB",
        "No room: needs 5.0 GB on the disk, 1.0 GB are free",
        "There is no set for this computer. You can choose single models below, or import some.",
    ] {
        assert!(has(&w, words), "{words}");
    }
    w.harness.get_by_role_and_label(Role::Button, "Get it anyway: Qwen2.5 0.5B");
}

#[test]
fn a_download_shows_how_far_it_is_and_can_be_stopped_and_gone_on_with() {
    let mut w = open_with(TALL, sample());
    w.click("Go on: Qwen2.5 1.5B");
    assert_eq!(w.commands(), [pull("qwen2.5-1.5b-instruct-q4")]);
    let progress = Progress {
        id: "qwen2.5-1.5b-instruct-q4".into(),
        done: 502_000_000,
        total: Some(1_117_000_000),
        per_second: 12.4e6,
        seconds_left: Some(49.6),
        work: Work::Fetching,
        ..Progress::default()
    };
    w.tell([ManagerEvent::Progress(progress)]);
    w.harness.get_by_label("44 % · 502 MB of 1.1 GB · 12.4 MB/s · 50 s left");
    let bar = w.harness.get_by_role_and_label(Role::ProgressIndicator, "Qwen2.5 1.5B");
    assert_eq!(bar.accesskit_node().numeric_value(), Some(45.0));
    w.click("Stop: Qwen2.5 1.5B");
    assert_eq!(w.commands(), [ManagerCommand::Stop(Some("qwen2.5-1.5b-instruct-q4".into()))]);
    w.tell([ManagerEvent::Finished { id: "qwen2.5-1.5b-instruct-q4".into(), result: Ok(Done::Stopped) }]);
    assert_eq!(w.commands(), [ManagerCommand::Refresh(vec!["en".into()])]);
    w.harness.get_by_role_and_label(Role::Button, "Go on: Qwen2.5 1.5B");
}

#[test]
fn what_came_is_used_at_once_and_a_failure_can_be_tried_again() {
    let mut w = open_with(TALL, sample());
    w.click("Get: Whisper base");
    w.commands();
    let error = StageError::new(Stage::Desktop, Severity::Turn, "No source of this model answered.", "Look at the network.");
    w.tell([ManagerEvent::Finished { id: "whisper-base-q5_1".into(), result: Err(error) }]);
    assert!(has(&w, "No source of this model answered."));
    assert_eq!(w.log.borrow().model_changes, 0);
    w.commands();
    w.click("Try again");
    assert_eq!(w.commands(), [pull("whisper-base-q5_1")]);
    assert!(!has(&w, "No source of this model answered."));
    w.tell([ManagerEvent::Finished { id: "whisper-base-q5_1".into(), result: Ok(Done::Got) }]);
    assert!(has(&w, "Whisper base is there and can be used."));
    assert_eq!(w.log.borrow().model_changes, 1, "what the settings leave open is chosen anew");
    assert_eq!(w.log.borrow().acts, [UserAction::TryAgain(Stage::Stt)], "what could not be loaded may be whole now");
    w.click("Hide this message");
    assert!(!has(&w, "Whisper base is there"));
}

#[test]
fn use_saves_the_file_and_remove_asks_in_its_own_place() {
    let mut what = sample();
    what.installed[1].removable = true;
    let mut w = open_with(TALL, what);
    w.click("Use: SmolLM2 135M");
    assert_eq!(w.saved().models.chat, Some(PathBuf::from("smollm2-135m-instruct")));
    w.click("Remove: SmolLM2 135M");
    assert_eq!(w.commands(), [], "nothing is removed by one press");
    w.click("Keep it");
    w.click("Remove: SmolLM2 135M");
    w.click("Remove it");
    assert_eq!(w.commands(), [ManagerCommand::Remove("smollm2-135m-instruct".into())]);
}

#[test]
fn the_model_in_use_says_so() {
    let used = Used { chat: Some(PathBuf::from("smollm2-135m-instruct")), ..Used::default() };
    let mut w = Window::with(UiLanguage::English, TALL, Log { used, ..Log::default() }).idle();
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.tell([listing(sample())]);
    w.harness.get_by_label("In use");
    assert!(w.harness.query_by_label("Use: SmolLM2 135M").is_none());
    w.harness.get_by_label("Use: Starter (English)");
    // What only was chosen is not in use, whatever is saved meanwhile; and it can be chosen again after a failure.
    for _ in 0..2 {
        w.log.borrow_mut().acts.clear();
        w.click("Use: Starter (English)");
        assert_eq!(w.log.borrow().acts, [UserAction::TryAgain(Stage::Stt)]);
        let error = StageError::new(Stage::Stt, Severity::Info, "It needs more memory than there is.", "Close other programs.");
        w.send([Event::Notice(TurnId::NONE, error)]);
    }
    let lost = StageError::new(Stage::Llm, Severity::Stage, "The chat model is gone.", "Choose another.");
    w.send([Event::Status(Stage::Llm, StageStatus::Unavailable(lost))]);
    w.harness.get_by_label("Use: SmolLM2 135M");
}

#[test]
fn a_file_that_nobody_knows_is_shown_with_its_hash_and_the_person_decides() {
    let mut w = Window::english().idle();
    w.tell([listing(sample())]);
    let question = Question {
        id: "whisper-small-q5_1".into(),
        file: "ggml-small-q5_1.bin".into(),
        bytes: 190_000_000,
        sha256: "ab".repeat(32),
        expected: Some("cd".repeat(32)),
        evidence: Evidence::Reported,
    };
    w.tell([ManagerEvent::Question(question)]);
    // Another page is open: the strip leads to the question.
    w.click("A model's file needs your decision");
    assert!(has(&w, "Keep this file of Whisper small?"));
    assert!(has(&w, &"ab".repeat(32)) && has(&w, &"cd".repeat(32)));
    w.commands();
    w.click("Do not use it");
    let answer = ManagerCommand::Answer { id: "whisper-small-q5_1".into(), file: "ggml-small-q5_1.bin".into(), keep: false };
    assert_eq!(w.commands(), [answer]);
    assert!(!has(&w, "Keep this file"));
}

#[test]
fn the_list_can_be_narrowed_by_kind_and_by_language() {
    let mut w = open_with(TALL, sample());
    let choose = |w: &mut Window, list: &str, entry: &str| {
        w.harness.get_by_role_and_label(Role::ComboBox, list).click();
        w.harness.run_steps(4);
        w.harness.get_by_role_and_label(Role::Button, entry).click();
        w.harness.run_steps(4);
    };
    choose(&mut w, "Kind of model", "Speaks");
    assert!(has(&w, "Get: Lessac") && has(&w, "Get: Huayan") && !has(&w, "Get: Whisper base"));
    choose(&mut w, "Language of the model", "English");
    assert!(has(&w, "Get: Lessac") && !has(&w, "Get: Huayan"));
    choose(&mut w, "Kind of model", "All kinds");
    assert!(has(&w, "Get: Whisper base"), "a model of a hundred languages speaks this one too");
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }
    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("nobody reads it here".into())
    }
}

#[test]
fn files_dropped_onto_any_page_are_taken_over_and_their_page_opens() {
    let mut w = Window::english().idle();
    w.harness.input_mut().hovered_files.push(egui::HoveredFile::default());
    w.harness.step();
    w.harness.input_mut().hovered_files.clear();
    for name in ["a.gguf", "b.bin"] {
        w.harness.input_mut().dropped_files.push(Arc::new(Dropped(PathBuf::from("/stick").join(name))));
    }
    w.harness.run_steps(3);
    let import = |name: &str| ManagerCommand::Import(PathBuf::from("/stick").join(name));
    assert_eq!(w.commands(), [ManagerCommand::Refresh(vec!["en".into()]), import("a.gguf"), import("b.bin")]);
    assert!(has(&w, "Stop: /stick/a.gguf"));
}

#[test]
fn a_path_can_be_written() {
    let mut w = open_with(TALL, sample());
    w.click("Import");
    assert_eq!(w.commands(), [], "an empty field imports nothing");
    w.harness.get_by_role_and_label(Role::TextInput, "Place of a model file or a folder").focus();
    w.harness.run_steps(2);
    w.harness.event(egui::Event::Text("\"/stick/my models\"".into()));
    w.harness.run_steps(2);
    w.click("Import");
    assert_eq!(w.commands(), [ManagerCommand::Import(PathBuf::from("/stick/my models"))]);
    assert!(has(&w, "Stop: /stick/my models"));
    w.tell([ManagerEvent::Finished {
        id: "/stick/my models".into(),
        result: Ok(Done::Imported(Taken {
            names: vec!["a".into(), "b".into()],
            kinds: vec![ModelKind::Chat, ModelKind::Voice],
            notes: vec!["c.gguf cannot be used.".into()],
        })),
    }]);
    assert!(has(&w, "Taken over: a, b."));
}

#[test]
fn every_button_can_be_reached_with_tab_and_comes_into_sight() {
    let mut w = open_with([440.0, 720.0], sample());
    let mut seen = Vec::new();
    for _ in 0..90 {
        w.key(egui::Key::Tab, true, false);
        w.harness.run_steps(3);
        let focused = w.harness.query_all(egui_kittest::kittest::By::new().predicate(|n| n.is_focused())).next();
        if let Some(node) = focused {
            seen.push(node.accesskit_node().label().unwrap_or_default());
        }
    }
    for name in ["Get these (521 MB)", "Use: SmolLM2 135M", "Kind of model", "Get: Whisper base", "Get: Silero", "Import"] {
        assert!(seen.iter().any(|label| label == name), "{name} was not reached: {seen:?}");
    }
    let place = |name: &str| seen.iter().position(|label| label == name).unwrap_or(usize::MAX);
    assert!(place("Get these (521 MB)") < place("Use: SmolLM2 135M"), "reading order");
}

#[test]
fn while_a_download_stands_still_nothing_is_drawn() {
    let mut w = open_with([440.0, 720.0], sample());
    w.tell([ManagerEvent::Progress(Progress { id: "whisper-base-q5_1".into(), work: Work::Fetching, ..Progress::default() })]);
    w.harness.run();
    let delay = w.harness.output().viewport_output[&egui::ViewportId::ROOT].repaint_delay;
    assert_eq!(delay, std::time::Duration::MAX);
}

#[test]
fn odd_states_do_not_break_the_page() {
    let mut many = Listing::default();
    for n in 0..500 {
        let mut offer = sample().offers[n % 9].clone();
        offer.id = format!("model-{n}");
        offer.name = if n % 2 == 0 { format!("{n} {}", "name ".repeat(40)) } else { format!("{n}{}", "x".repeat(200)) };
        offer.languages = (0..40).map(|l| format!("l{l}")).collect();
        offer.bytes = (n % 3 > 0).then_some(u64::MAX);
        offer.memory_bytes = u64::MAX;
        many.recommended.push(offer.id.clone());
        many.offers.push(offer);
        let mut here = sample().installed[n % 2].clone();
        (here.id, here.name) = (format!("here-{n}"), "字".repeat(200));
        here.kind = [ModelKind::Stt, ModelKind::Embedding][n % 2];
        many.installed.push(here);
    }
    many.recommended.push("nowhere".into());
    for what in [Listing::default(), many] {
        for size in [[200.0, 150.0], [341.0, 480.0], [1100.0, 800.0]] {
            let mut w = open_with(size, what.clone());
            let odd = |id: &str, done, total, per_second, left| {
                let work = Work::Fetching;
                ManagerEvent::Progress(Progress { id: id.into(), done, total, per_second, seconds_left: left, work, ..Progress::default() })
            };
            w.tell([
                odd("gone", 5, None, f64::NAN, Some(f64::INFINITY)),
                odd("model-3", u64::MAX, Some(0), f64::INFINITY, Some(-1.0)),
                odd("", u64::MAX, Some(1), -1.0, None),
                ManagerEvent::Question(Question { file: "f".repeat(3000), ..Question::default() }),
                ManagerEvent::Finished { id: "x".repeat(3000), result: Ok(Done::Imported(Taken::default())) },
            ]);
            w.harness.run_steps(3);
            w.send([Event::Phase(TurnId(1), Phase::Listening)]);
            w.key(egui::Key::Escape, true, false);
            w.harness.run_steps(2);
        }
    }
}

#[test]
fn a_manager_that_takes_no_more_says_so() {
    let mut w = Window::with(UiLanguage::English, TALL, Log { full: true, ..Log::default() }).idle();
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.tell([listing(sample())]);
    w.click("Get: Whisper base");
    assert!(has(&w, "Too much is waiting."));
    assert!(!has(&w, "Waiting for its turn"));
}

#[test]
fn the_policy_can_be_overridden_here() {
    let mut w = open_with(TALL, sample());
    assert!(has(&w, "2.6 GB of 4.1 GB of memory are free"));
    w.harness.get_by_role_and_label(Role::CheckBox, "Save power on battery").click();
    w.harness.run_steps(3);
    assert!(!w.saved().power.save_on_battery);
    w.harness.get_by_role_and_label(Role::CheckBox, "Take a smaller model when memory is short").click();
    w.harness.run_steps(3);
    assert!(!w.saved().models.fit_memory);
}

#[test]
fn what_memory_and_battery_decided_stands_where_the_model_stands_and_a_failed_change_is_told() {
    let mut w = open_with(TALL, sample());
    let smaller =
        Reason::Smaller { kind: ModelKind::Chat, wished: ("Large".into(), 6_000_000_000), used: "Small".into(), free_bytes: 1_500_000_000 };
    let sentence = smaller.sentence();
    let plan = Plan { power: Some(Power::Battery), need_bytes: 900_000_000, reasons: vec![smaller], ..Plan::default() };
    let info = EngineInfo { engine: "x".into(), name: "Small".into(), starter: false };
    w.send([Event::Plan(Arc::new(plan)), Event::Status(Stage::Llm, StageStatus::Ready(info))]);
    assert_eq!(w.harness.query_all_by_label(sentence.as_str()).count(), 2, "with the model, and with what decided it");
    assert!(has(&w, "This computer runs on its battery") && has(&w, "The models in use need about 900 MB"));
    w.send([Event::Switching(Stage::Llm, Some("large.gguf".into()))]);
    assert!(has(&w, "Another one is being loaded"));
    let error = StageError::new(Stage::Llm, Severity::Turn, "large.gguf cannot be used.", "The old one is kept.");
    w.send([Event::InUse(Stage::Llm, Some("smollm2-135m-instruct".into())), Event::Notice(TurnId::NONE, error)]);
    assert!(!has(&w, "Another one is being loaded"));
    assert!(has(&w, "large.gguf cannot be used.") && has(&w, "In use"));
    assert!(w.harness.query_by_label("Use: SmolLM2 135M").is_none(), "the old one is in use");
}
