//! Single rows of the model page.

use super::harness::Window;
use super::models::{TALL, listing, open_with};
use crate::config::settings::UiLanguage;
use crate::fakes::models::sample;
use crate::models::manager::ManagerCommand;
use egui_kittest::kittest::Queryable;

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
