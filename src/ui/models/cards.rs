//! What goes on and what became of it: questions, progress, results.

use super::view::{Card, ModelsView};
use super::{amounts, ask, button};
use crate::error::{Severity, Stage, StageError};
use crate::models::manager::{Done, ManagerCommand, Progress, Question, Work};
use crate::ui::icons::{self, Icon};
use crate::ui::view_state::{Item, ViewState};
use crate::ui::{UiCommand, UiContext, theme, widgets};
use egui::accesskit::Live;
use egui::{Color32, Id, Role, Sense, Ui, UiBuilder, WidgetInfo, vec2};
use std::fmt::Debug;
use std::hash::Hash;

/// Draws what the engines had to say about their models: a new one that could not be loaded, a smaller one that is used.
pub fn notices_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let notices = state.items.iter().rev().filter_map(|item| match item {
        Item::Notice(error) if matches!(error.stage, Stage::Stt | Stage::Llm | Stage::Tts) => Some(error),
        _ => None,
    });
    // What is older stands in the conversation.
    for error in notices.take(2) {
        let card = Told { error, again: None, dismiss: UiCommand::Dismiss(error.clone()) };
        card_of(ui, &("model notice", &error.message, &error.hint, error.stage), |ui| fault_ui(ui, cx, card, out));
    }
}

/// Draws all of them, the one that needs the person first.
pub fn cards_ui(ui: &mut Ui, view: &ModelsView, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    for question in &view.questions {
        card_of(ui, &("question", &question.id, &question.file), |ui| question_ui(ui, view, question, cx, out));
    }
    for card in view.cards.iter().rev() {
        card_of(ui, &("card", &card.id), |ui| card_ui(ui, view, card, cx, out));
    }
    for progress in view.work.values() {
        card_of(ui, &("work", &progress.id), |ui| progress_ui(ui, view, progress, cx, out));
    }
}

/// A card with an id of its own, so that it is not new to a screen reader, and keeps the keyboard, when one before it comes or goes.
fn card_of(ui: &mut Ui, about: &(impl Hash + Debug), add: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().scope_id(Id::unique(about)), add);
}

/// A file came that is not known: its hash, what was expected, and the two answers.
fn question_ui(ui: &mut Ui, view: &ModelsView, question: &Question, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    widgets::card(t, t.raised, t.thinking).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 4.0;
        let title = cx.texts.f("question.title", cx.texts.said(view.listing.name(&question.id)));
        widgets::announce(&ui.add(egui::Label::new(theme::lined(title, 15.0).color(t.text)).wrap()), Live::Assertive);
        let why = if question.expected.is_some() { cx.texts.t("question.differs") } else { cx.texts.t("question.unknown") };
        ui.add(egui::Label::new(theme::lined(why, 14.0).color(t.secondary)).wrap());
        let line = |name: &str, value: &str| format!("{name} {value}");
        let mut lines = vec![
            line(cx.texts.t("question.file"), &format!("{} ({})", question.file, amounts::size(question.bytes))),
            line(cx.texts.t("question.came"), &question.sha256),
        ];
        lines.extend(question.expected.as_deref().map(|expected| line(cx.texts.t("question.expected"), expected)));
        for line in lines {
            // It may be compared with what a web page says, so it can be selected.
            ui.add(egui::Label::new(egui::RichText::new(line).size(12.0).monospace().color(t.secondary)).wrap());
        }
        ui.add_space(4.0);
        let answer = |keep| ManagerCommand::Answer { id: question.id.clone(), file: question.file.clone(), keep };
        ui.horizontal_wrapped(|ui| {
            for (words, keep) in [(cx.texts.t("question.refuse"), false), (cx.texts.t("question.keep"), true)] {
                if button(ui, cx, words, words, false, "") {
                    ask(out, answer(keep));
                }
            }
        });
    });
}

/// Two sentences and what can be done about them.
struct Told<'a> {
    error: &'a StageError,
    again: Option<&'a ManagerCommand>,
    dismiss: UiCommand,
}

/// What became of earlier work.
fn card_ui(ui: &mut Ui, view: &ModelsView, card: &Card, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let dismiss = UiCommand::DismissWork(card.id.clone());
    match &card.result {
        Ok(done) => {
            let words = sentence(view, &card.id, done, cx);
            told_ui(ui, cx, (Icon::Check, cx.tokens.speaking, Live::Polite), [&words, ""], dismiss, out, |_, _| {});
        }
        Err(error) => fault_ui(ui, cx, Told { error, again: card.again.as_ref(), dismiss }, out),
    }
}

fn fault_ui(ui: &mut Ui, cx: &UiContext<'_>, told: Told<'_>, out: &mut Vec<UiCommand>) {
    let Told { error, again, dismiss } = told;
    let (icon, color) = if error.severity == Severity::Info { (Icon::Info, cx.tokens.accent) } else { (Icon::Warning, cx.tokens.thinking) };
    let look = (icon, color, widgets::urgency(error.severity));
    told_ui(ui, cx, look, [&cx.texts.said(&error.message), &cx.texts.said(&error.hint)], dismiss, out, |ui, out| {
        let Some(again) = again else { return };
        ui.add_space(2.0);
        if button(ui, cx, cx.texts.t("models.again"), cx.texts.t("models.again"), true, "") {
            ask(out, again.clone());
        }
    });
}

fn told_ui(
    ui: &mut Ui,
    cx: &UiContext<'_>,
    (icon, color, live): (Icon, Color32, Live),
    [first, second]: [&str; 2],
    dismiss: UiCommand,
    out: &mut Vec<UiCommand>,
    more: impl FnOnce(&mut Ui, &mut Vec<UiCommand>),
) {
    let t = cx.tokens;
    let live = widgets::news(ui.ctx(), first, live);
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            let (place, _) = ui.allocate_exact_size(vec2(20.0, 22.0), Sense::hover());
            icons::paint(ui.painter(), icon, place.center(), 18.0, color);
            let text = ui.available_width() - theme::TARGET - 12.0;
            ui.vertical(|ui| {
                ui.set_width(text);
                ui.spacing_mut().item_spacing.y = 4.0;
                widgets::announce(&ui.add(egui::Label::new(theme::lined(first, 15.0).color(t.text)).wrap()), live);
                if !second.is_empty() {
                    widgets::announce(&ui.add(egui::Label::new(theme::lined(second, 14.0).color(t.secondary)).wrap()), live);
                }
                more(ui, out);
            });
            ui.spacing_mut().item_spacing.x = 0.0;
            if widgets::icon_button(ui, t, Icon::Close, cx.texts.t("action.dismiss"), theme::TARGET, true).clicked() {
                widgets::no_news(ui.ctx(), first);
                out.push(dismiss);
            }
        });
    });
}

fn sentence(view: &ModelsView, id: &str, done: &Done, cx: &UiContext<'_>) -> String {
    let name = cx.texts.said(view.listing.name(id));
    match done {
        Done::Got => cx.texts.f("done.got", name),
        Done::Imported(taken) => {
            let said = std::iter::once(cx.texts.f("done.imported", taken.names.join(", ")));
            said.chain(taken.notes.iter().map(|note| cx.texts.said(note).into_owned())).collect::<Vec<_>>().join("\n")
        }
        Done::Removed => cx.texts.f("done.removed", name),
        Done::Verified { known: true } => cx.texts.f("done.verified", name),
        Done::Verified { known: false } => cx.texts.f("done.usable", name),
        // Whoever stopped it knows; there is no card for it.
        Done::Stopped => String::new(),
    }
}

/// A bar, how far it is, how fast, how long it will take, and "Stop".
fn progress_ui(ui: &mut Ui, view: &ModelsView, progress: &Progress, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let name = cx.texts.said(view.listing.name(&progress.id));
    let name = name.as_ref();
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 6.0;
        ui.horizontal(|ui| {
            let words = cx.texts.t("models.stop");
            let room = (ui.available_width() - 84.0).max(60.0);
            ui.allocate_ui_with_layout(vec2(room, theme::TARGET), egui::Layout::left_to_right(egui::Align::Center), |ui| {
                ui.set_width(room);
                // One line beside the button; the whole name stands in the list below.
                ui.add(egui::Label::new(theme::lined(name, 15.0).color(t.text)).truncate().selectable(false));
            });
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                if button(ui, cx, words, &format!("{words}: {name}"), false, "") {
                    ask(out, ManagerCommand::Stop(Some(progress.id.clone())));
                }
            });
        });
        bar_ui(ui, cx, name, amounts::share(progress.done, progress.total));
        let text = line(progress, cx);
        ui.add(egui::Label::new(widgets::small(t, text)).wrap().selectable(false));
    });
}

/// A bar of which this share is filled; without one only its rail.
pub(super) fn bar_ui(ui: &mut Ui, cx: &UiContext<'_>, name: &str, share: Option<f32>) {
    let t = cx.tokens;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 6.0), Sense::hover());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, name);
        info.value = share.map(|share| f64::from(share * 100.0).round());
        info
    });
    ui.painter().rect_filled(rect, 3.0, t.edge);
    if let Some(share) = share {
        let width = (rect.width() * share).max(if share > 0.0 { 6.0 } else { 0.0 });
        ui.painter().rect_filled(egui::Rect::from_min_size(rect.min, vec2(width, rect.height())), 3.0, t.accent);
    }
}

fn line(progress: &Progress, cx: &UiContext<'_>) -> String {
    let mut parts = Vec::new();
    let amount = match progress.total {
        Some(total) => cx.texts.f("progress.of", amounts::size(progress.done)).replacen("{}", &amounts::size(total), 1),
        None => amounts::size(progress.done),
    };
    match &progress.work {
        Work::Waiting => parts.push(cx.texts.t("progress.waiting").to_owned()),
        Work::Starting => parts.push(cx.texts.t("progress.starting").to_owned()),
        Work::Fetching => {
            parts.extend(amounts::share(progress.done, progress.total).map(|share| format!("{:.0} %", (share * 100.0).floor())));
            parts.push(amount.clone());
            if progress.per_second.is_finite() && progress.per_second > 0.0 {
                parts.push(amounts::speed(progress.per_second));
            }
            parts.extend(progress.seconds_left.map(|left| cx.texts.f("progress.left", amounts::span(cx.texts, left))));
        }
        Work::Retrying { why, attempt } => {
            parts.push(cx.texts.f("progress.retrying", attempt));
            parts.push(cx.texts.said(why).into_owned());
        }
        Work::Checking => parts.push(cx.texts.t("progress.checking").to_owned()),
        Work::Copying => parts.push(cx.texts.t("progress.copying").to_owned()),
    }
    if matches!(progress.work, Work::Checking | Work::Copying) && progress.done > 0 {
        parts.push(amount);
    }
    parts.join(" · ")
}
