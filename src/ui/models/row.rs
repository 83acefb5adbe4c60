//! What the rows of the page share: a card, a line of marks, and not drawing what is out of sight.

use crate::models::catalog::Evidence;
use crate::models::listing::Fit;
use crate::models::manager::ManagerCommand;
use crate::ui::icons::{self, Icon};
use crate::ui::models::{amounts, ask, button, button_response};
use crate::ui::{UiCommand, UiContext, page, theme, widgets};
use egui::{Color32, Id, Rect, Sense, Ui, UiBuilder, vec2};
use std::collections::HashMap;

/// Heights of rows as they were drawn last, for one width.
#[derive(Debug, Default)]
pub struct Heights {
    width: f32,
    known: HashMap<String, f32>,
}

/// Draws a row, or only leaves its place when it is far out of sight: five hundred models cost no more than twenty.
pub fn lazy_ui(ui: &mut Ui, cx: &UiContext<'_>, heights: &mut Heights, key: String, add: impl FnOnce(&mut Ui)) {
    let t = cx.tokens;
    let width = ui.available_width();
    if (heights.width - width).abs() > 0.5 {
        *heights = Heights { width, known: HashMap::new() };
    }
    if let Some(&height) = heights.known.get(&key) {
        let place = Rect::from_min_size(ui.cursor().min, vec2(width, height));
        if !ui.clip_rect().expand(page::NEAR).intersects(place) {
            ui.allocate_space(place.size());
            return;
        }
    }
    let drawn = ui.scope_builder(UiBuilder::new().scope_id(Id::unique(("row", &key))), |ui| {
        widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 3.0;
            add(ui);
        });
    });
    heights.known.insert(key, drawn.response.rect.height());
}

/// The model that would be removed by one more press, and where the keyboard goes meanwhile: the buttons of its row come and go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deciding {
    asked: Option<String>,
    focus: Option<String>,
}

impl Deciding {
    /// Asks about this model; the answer that changes nothing gets the keyboard.
    pub fn ask(&mut self, id: &str) {
        *self = Deciding { asked: Some(id.to_owned()), focus: Some(id.to_owned()) };
    }

    /// Nothing is removed; the button that asked gets the keyboard back.
    fn keep(&mut self) {
        *self = Deciding { focus: self.asked.take(), asked: None };
    }

    /// Whether this model is asked about.
    #[must_use]
    pub fn is_about(&self, id: &str) -> bool {
        self.asked.as_deref() == Some(id)
    }

    /// Gives the keyboard to the button of this model's row when it is due, once.
    pub fn hand_over(&mut self, id: &str, response: &egui::Response) {
        if self.focus.take_if(|due| due == id).is_some() {
            response.request_focus();
        }
    }
}

/// The name of a model, on as many lines as it needs: names of one family differ at their ends.
pub fn name_ui(ui: &mut Ui, cx: &UiContext<'_>, name: &str) {
    ui.add(egui::Label::new(theme::lined(cx.texts.said(name), 15.0).color(cx.tokens.text)).wrap().selectable(false));
}

/// What removes something asks once more in its own place (`words`, and those of the button); what is safe comes first.
pub fn confirm_ui(
    ui: &mut Ui,
    cx: &UiContext<'_>,
    (words, remove): (&str, &str),
    id: &str,
    deciding: &mut Deciding,
    out: &mut Vec<UiCommand>,
) {
    ui.add(egui::Label::new(theme::lined(words, 14.0).color(cx.tokens.text)).wrap().selectable(false));
    ui.horizontal_wrapped(|ui| {
        let keep = cx.texts.t("installed.keep");
        let response = button_response(ui, cx, keep, keep, false, "");
        deciding.hand_over(id, &response);
        if response.clicked() {
            deciding.keep();
        }
        if button(ui, cx, remove, remove, false, &format!("remove {id}")) {
            *deciding = Deciding::default();
            ask(out, ManagerCommand::Remove(id.to_owned()));
        }
    });
}

/// An icon and a few words. The words say all that the icon says.
pub fn mark_ui(ui: &mut Ui, cx: &UiContext<'_>, icon: Icon, color: Color32, text: &str, tip: &str) {
    let response = ui
        .scope(|ui| {
            // A line of text is lower than a button.
            ui.spacing_mut().interact_size.y = 18.0;
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                let (place, _) = ui.allocate_exact_size(vec2(15.0, 18.0), Sense::hover());
                icons::paint(ui.painter(), icon, place.center(), 14.0, color);
                ui.add(egui::Label::new(widgets::small(cx.tokens, text)).wrap().selectable(false))
            })
            .inner
        })
        .inner;
    if !tip.is_empty() {
        response.on_hover_text(tip);
    }
}

/// Whether a model fits this computer, in words and with an icon.
pub fn fit_ui(ui: &mut Ui, cx: &UiContext<'_>, fit: Fit, memory_bytes: u64) {
    let t = cx.tokens;
    let pair = |words: &str, a: u64, b: u64| words.replacen("{}", &amounts::size(a), 1).replacen("{}", &amounts::size(b), 1);
    let (icon, color, text) = match fit {
        Fit::Good => (Icon::Check, t.speaking, cx.texts.t("fit.good").to_owned()),
        Fit::Slow => (Icon::Clock, t.thinking, cx.texts.t("fit.slow").to_owned()),
        Fit::Tight { free_bytes } => (Icon::Warning, t.thinking, pair(cx.texts.t("fit.tight"), memory_bytes, free_bytes)),
        Fit::TooBig { needs_bytes, there_bytes } => (Icon::Close, t.listening, pair(cx.texts.t("fit.too_big"), needs_bytes, there_bytes)),
        Fit::NoRoom { needs_bytes, free_bytes } => (Icon::Close, t.listening, pair(cx.texts.t("fit.no_room"), needs_bytes, free_bytes)),
    };
    mark_ui(ui, cx, icon, color, &text, cx.texts.t("fit.tip"));
}

/// What the hash of a download rests on.
pub fn evidence_ui(ui: &mut Ui, cx: &UiContext<'_>, evidence: Evidence) {
    let t = cx.tokens;
    match evidence {
        Evidence::Seen => mark_ui(ui, cx, Icon::Lock, t.speaking, cx.texts.t("evidence.seen"), cx.texts.t("evidence.seen_tip")),
        Evidence::Reported => {
            mark_ui(ui, cx, Icon::Info, t.accent, cx.texts.t("evidence.reported"), cx.texts.t("evidence.reported_tip"));
        }
        Evidence::Unknown => {
            mark_ui(ui, cx, Icon::Info, t.thinking, cx.texts.t("evidence.unknown"), cx.texts.t("evidence.unknown_tip"));
        }
    }
}
