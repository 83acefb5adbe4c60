//! What the core says in English stands in the Chinese window in Chinese, for eyes and for screen readers.

use super::harness::Window;
use crate::config::settings::UiLanguage;
use crate::error::{Severity, Stage, StageError};
use crate::event::{Event, Phase, StageStatus};
use crate::llm::ChatError;
use crate::models::catalog::ModelKind;
use crate::models::fault::InstallError;
use crate::models::manager::{Done, ManagerEvent, Progress, Taken, Work};
use crate::models::policy::{Plan, Reason};
use crate::stt::EngineInfo;
use crate::turn::TurnId;
use egui_kittest::kittest::Queryable;
use std::path::Path;
use std::sync::Arc;

fn has(w: &Window, label: &str) -> bool {
    w.harness.query_all_by_label(label).next().is_some()
}

fn window() -> Window {
    Window::new(UiLanguage::Chinese, [700.0, 3000.0]).idle()
}

#[test]
fn a_notice_is_shown_in_the_language_of_the_window() {
    let error = || StageError::from(ChatError::ModelCorrupt { path: "/m/a.gguf".into(), reason: "it is cut off or damaged".into() });
    let mut w = window();
    w.send([Event::Notice(TurnId::NONE, error())]);
    assert!(has(&w, "对话模型 /m/a.gguf 无法使用：它不完整或已损坏。"));
    assert!(has(&w, "请在设置中或用 --chat 选择另一个文件；如果它是复制或下载来的，请重新复制或下载。"));
    assert!(!has(&w, &error().message));
    let mut english = Window::english().idle();
    english.send([Event::Notice(TurnId::NONE, error())]);
    assert!(has(&english, &error().message));
}

#[test]
fn why_talking_does_not_work_is_said_in_chinese() {
    let gone = StageError::new(Stage::Capture, Severity::Stage, "No microphone was found.", "Try again.");
    let mut w = window();
    w.send([Event::Status(Stage::Capture, StageStatus::Unavailable(gone)), Event::Phase(TurnId::NONE, Phase::Idle)]);
    assert!(w.harness.query_all_by_label("没有找到麦克风。").count() >= 2, "in the notice, and below the button");
    assert!(!has(&w, "No microphone was found."));
}

#[test]
fn the_model_page_speaks_chinese_throughout() {
    let mut w = window();
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.harness.run_steps(3);
    let failed = InstallError::refused(Path::new("/m/b.bin"), "it is not in whisper.cpp's ggml format");
    let taken = Taken { names: vec!["A".into()], kinds: Vec::new(), notes: vec![failed.message.clone(), "Nobody knows this.".into()] };
    let retry = Work::Retrying { why: "hub.test cannot be reached: the connection was cut.".into(), attempt: 2 };
    w.tell([
        ManagerEvent::Finished { id: "b".into(), result: Err(failed.into()) },
        ManagerEvent::Finished { id: "a".into(), result: Ok(Done::Imported(taken)) },
        ManagerEvent::Progress(Progress { id: "c".into(), work: retry, ..Progress::default() }),
    ]);
    let whole = "/m/b.bin 无法使用：它不是 whisper.cpp 的 ggml 格式。";
    assert!(has(&w, whole) && has(&w, "请重新复制或下载，或者选择另一个文件。"));
    assert!(has(&w, &format!("已导入：A。\n{whole}\nNobody knows this.")));
    assert!(w.harness.query_all_by_label_contains("无法连接 hub.test：连接中断了。").next().is_some());
    let smaller =
        Reason::Smaller { kind: ModelKind::Chat, wished: ("Large".into(), 6_000_000_000), used: "Small".into(), free_bytes: 1_500_000_000 };
    let plan = Plan { reasons: vec![smaller, Reason::BatteryIgnored], ..Plan::default() };
    let ready = StageStatus::Ready(EngineInfo { engine: "x".into(), name: "Small".into(), starter: false });
    let none = StageError::new(Stage::Tts, Severity::Stage, "There is not enough memory for the voice A.", "");
    w.send([Event::Plan(Arc::new(plan)), Event::Status(Stage::Llm, ready), Event::Status(Stage::Tts, StageStatus::Unavailable(none))]);
    assert_eq!(w.harness.query_all_by_label("可用内存只有 1.5 GB，所以用较小的对话模型 Small 代替 Large。").count(), 2);
    assert!(has(&w, "电脑正在使用电池，但设置中没有打开省电。") && has(&w, "内存不足，无法载入声音 A。"));
    // The narrow strip of the other pages.
    w.harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::M);
    w.harness.run_steps(3);
    assert!(has(&w, whole));
}

#[test]
fn the_examples_are_in_a_language_that_the_models_understand() {
    let mut w = window();
    let ready = |starter| Event::Status(Stage::Stt, StageStatus::Ready(EngineInfo { engine: "x".into(), name: "A".into(), starter }));
    w.send([ready(false)]);
    assert!(has(&w, "法国的首都是哪里？") && !has(&w, "What is the capital of France?"));
    w.click("你是谁？");
    assert_eq!(w.acts(), [crate::event::UserAction::SubmitText("你是谁？".into())]);
    w.send([ready(true)]);
    assert!(has(&w, "What is the capital of France?") && !has(&w, "法国的首都是哪里？"), "the small ones know only these");
}
