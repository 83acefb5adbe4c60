//! A narrow strip below the top bar while models are worked on and their page is not open: how far, what failed, what is asked.

use super::amounts;
use super::view::ModelsView;
use crate::models::manager::Work;
use crate::ui::icons::{self, Icon};
use crate::ui::{UiCommand, UiContext, theme, widgets};
use egui::accesskit::Live;
use egui::{CursorIcon, Role, Sense, Ui, WidgetInfo, vec2};

/// Height of the strip, points.
pub const HEIGHT: f32 = 34.0;

/// Whether there is something to say.
#[must_use]
pub fn wanted(view: &ModelsView) -> bool {
    !view.questions.is_empty() || !view.work.is_empty() || view.fault().is_some()
}

/// Draws the strip; a click opens the page.
pub fn strip_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let (done, total) = view.whole();
    let share = amounts::share(done, total);
    let bad = view.fault().is_some() || !view.questions.is_empty();
    let (icon, color, words) = if !view.questions.is_empty() {
        (Icon::Warning, t.thinking, cx.texts.t("strip.question").to_owned())
    } else if let Some(error) = view.fault() {
        (Icon::Warning, t.thinking, cx.texts.said(&error.message).into_owned())
    } else if let Some(share) = share {
        (Icon::Down, t.accent, cx.texts.f("strip.share", format!("{:.0}", (share * 100.0).floor())))
    } else if view.downloads().next().is_some() {
        (Icon::Down, t.accent, cx.texts.t("strip.work").to_owned())
    } else if view.work.values().any(|p| p.work == Work::Checking) {
        (Icon::Dots, t.accent, cx.texts.t("progress.checking").to_owned())
    } else {
        (Icon::Dots, t.accent, cx.texts.t("strip.busy").to_owned())
    };
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &words));
    // A share that grows is no news.
    widgets::announce(&response, if bad { Live::Assertive } else { Live::Off });
    let hot = response.hovered() || response.has_focus();
    ui.painter().rect_filled(rect, 0.0, if hot { theme::mix(t.surface, t.text, 0.06) } else { t.surface });
    if let Some(share) = share {
        let line = egui::Rect::from_min_max(egui::pos2(rect.left(), rect.bottom() - 2.0), rect.right_bottom());
        ui.painter().rect_filled(line, 0.0, t.hairline);
        ui.painter().rect_filled(egui::Rect::from_min_size(line.min, vec2(line.width() * share, 2.0)), 0.0, t.accent);
    }
    icons::paint(ui.painter(), icon, rect.left_center() + vec2(theme::GUTTER + 8.0, 0.0), 15.0, color);
    let mut job = egui::text::LayoutJob::simple_singleline(words, theme::font(theme::SMALL), t.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width((rect.width() - 84.0).max(0.0));
    let galley = ui.painter().layout_job(job);
    ui.painter().galley(egui::pos2(rect.left() + theme::GUTTER + 26.0, rect.center().y - galley.size().y / 2.0), galley, t.text);
    icons::paint(ui.painter(), Icon::Right, rect.right_center() - vec2(theme::GUTTER + 6.0, 0.0), 14.0, t.secondary);
    widgets::focus_ring(ui, t, &response, 4.0);
    if response.on_hover_cursor(CursorIcon::PointingHand).on_hover_text(cx.texts.t("models.open_tip")).clicked() {
        out.push(UiCommand::ShowModels(true));
    }
}
