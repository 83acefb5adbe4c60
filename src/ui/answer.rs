//! An answer on the screen: markdown by `egui_commonmark`, code blocks as cards of their own, the clause that sounds
//! underlaid, and what was not heard in grey.

use super::icons::Icon;
use super::view_state::TurnView;
use super::{UiCommand, UiContext, UiMemory, theme, widgets};
use crate::printable::printable;
use egui::{Frame, Id, Margin, RichText, Ui};
use egui_commonmark::CommonMarkViewer;
use std::ops::Range;

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its place in the answer, bytes; for code without the fences.
    pub range: Range<usize>,
    /// `Some(language)` for a code block.
    pub code: Option<String>,
    /// It was written and not heard.
    pub unheard: bool,
}

/// Splits markdown into text and fenced code (CommonMark 4.5: three or more backticks or tildes, indented at most 3
/// spaces; a fence that is still open ends with the text). Text is split once more at `unheard_from`, bytes.
#[must_use]
pub fn segments(text: &str, unheard_from: Option<usize>) -> Vec<Segment> {
    let cut = unheard_from.unwrap_or(text.len());
    let mut out = Vec::new();
    let mut add = |range: Range<usize>, code: Option<String>| {
        let blank = text.get(range.clone()).is_none_or(|part| part.trim().is_empty());
        if blank {
            return;
        }
        if code.is_none() && range.start < cut && cut < range.end {
            out.push(Segment { range: range.start..cut, code: None, unheard: false });
            out.push(Segment { range: cut..range.end, code: None, unheard: true });
        } else {
            out.push(Segment { unheard: range.start >= cut, range, code });
        }
    };
    let (mut start, mut open) = (0, None::<(char, usize, String)>);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        match (&open, fence(line)) {
            (None, Some((mark, count, language))) => {
                add(start..at, None);
                start = end;
                open = Some((mark, count, language.to_owned()));
            }
            (Some((mark, count, language)), Some((m, c, ""))) if m == *mark && c >= *count => {
                add(start..at, Some(language.clone()));
                start = end;
                open = None;
            }
            _ => {}
        }
        at = end;
    }
    add(start..text.len(), open.map(|(_, _, language)| language));
    out
}

fn fence(line: &str) -> Option<(char, usize, &str)> {
    let inner = line.trim_start_matches(' ');
    let mark = inner.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let count = inner.chars().take_while(|c| *c == mark).count();
    let rest = inner.get(count..)?.trim();
    (line.len() - inner.len() <= 3 && count >= 3 && !rest.contains('`'))
        .then(|| (mark, count, rest.split_whitespace().next().unwrap_or("")))
}

/// Draws the answer of `turn`.
pub fn answer_ui(ui: &mut Ui, turn: &TurnView, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let mut marked = false;
    for (n, segment) in segments(&turn.answer, turn.unheard_from()).iter().enumerate() {
        let Some(part) = turn.answer.get(segment.range.clone()) else { continue };
        if segment.unheard && !marked {
            marked = true;
            not_heard_ui(ui, cx);
        }
        let id = Id::unique(("answer", turn.id.0, n));
        let part = &printable(part);
        match &segment.code {
            Some(language) => code_ui(ui, id, language, part, cx, memory, out),
            None => text_ui(ui, id, part, segment, turn, cx, memory),
        }
    }
}

fn text_ui(ui: &mut Ui, id: Id, part: &str, segment: &Segment, turn: &TurnView, cx: &UiContext<'_>, memory: &mut UiMemory) {
    let clause = turn.clause.as_ref().map(|c| c.range.clone());
    let offset = segment.range.start;
    let sounding = clause.map(|c| c.start.max(offset)..c.end.min(segment.range.end)).filter(|c| c.start < c.end);
    // Places in what the model wrote become places in what is shown of it.
    let shown = |to: usize| turn.answer.get(offset..to).map_or(0, |before| printable(before).len());
    let ranges = sounding.map(|c| shown(c.start)..shown(c.end)).into_iter().collect();
    memory.markdown.search_cache_mut(&id).set_search_ranges(ranges);
    ui.scope(|ui| {
        let t = cx.tokens;
        let style = ui.style_mut();
        style.text_styles.insert(egui::TextStyle::Body, theme::reading_font(theme::BODY));
        style.text_styles.insert(egui::TextStyle::Heading, theme::reading_font(19.0));
        style.text_styles.insert(egui::TextStyle::Monospace, theme::reading_code(15.0));
        // A list's rows are as high as their text.
        style.spacing.interact_size.y = (theme::BODY * theme::LINE).round();
        style.spacing.item_spacing.y = 2.0;
        // There is no bold font: what is strong is a little brighter than the rest.
        style.visuals.widgets.noninteractive.fg_stroke.color = theme::mix(t.text, t.secondary, 0.22);
        style.visuals.widgets.active.fg_stroke.color = theme::mix(t.text, t.strongest, 0.9);
        if segment.unheard {
            style.visuals.override_text_color = Some(t.secondary);
        }
        CommonMarkViewer::new().search_match_color(cx.tokens.spoken).show_with_id(id, ui, &mut memory.markdown, part.trim_matches('\n'));
    });
}

/// A hairline with a small mark: from here on it was only written.
fn not_heard_ui(ui: &mut Ui, cx: &UiContext<'_>) {
    let t = cx.tokens;
    ui.horizontal(|ui| {
        let response = ui.add(egui::Label::new(widgets::small(t, cx.texts.t("turn.not_heard"))).selectable(false));
        let y = response.rect.center().y + 1.0;
        ui.painter().hline(response.rect.right() + 8.0..=ui.max_rect().right(), y, egui::Stroke::new(1.0, t.hairline));
        response.on_hover_text(cx.texts.t("turn.not_heard_tip"));
    });
}

fn code_ui(ui: &mut Ui, id: Id, language: &str, code: &str, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let t = cx.tokens;
    let code = code.trim_end_matches('\n');
    ui.add_space(4.0);
    let frame = Frame::new().fill(t.code).stroke(egui::Stroke::new(1.0, t.hairline)).corner_radius(theme::CARD_RADIUS);
    frame.inner_margin(Margin { left: 14, right: 6, top: 2, bottom: 10 }).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.horizontal(|ui| {
            let name = if language.is_empty() { cx.texts.t("turn.code") } else { language };
            ui.add(egui::Label::new(widgets::small(t, name)).truncate().selectable(false));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                copy_button(ui, id, cx.texts.t("turn.copy_code"), code, cx, memory, out);
            });
        });
        egui::ScrollArea::horizontal().id_salt(id).show(ui, |ui| {
            ui.add(egui::Label::new(RichText::new(code).monospace().line_height(Some(20.0)).color(t.text)).extend());
        });
    });
    ui.add_space(4.0);
}

/// A copy button that shows a tick for a moment.
pub fn copy_button(ui: &mut Ui, id: Id, name: &str, text: &str, cx: &UiContext<'_>, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    let done = memory.copied.is_some_and(|(copied, at)| copied == id && cx.now - at < 1.5);
    if done {
        ui.ctx().request_repaint_after(std::time::Duration::from_millis(1600));
    }
    let (icon, name) = if done { (Icon::Check, cx.texts.t("turn.copied")) } else { (Icon::Copy, name) };
    if widgets::icon_button(ui, cx.tokens, icon, name, theme::TARGET, true).clicked() {
        memory.copied = Some((id, cx.now));
        out.push(UiCommand::Copy(text.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, cut: Option<usize>) -> Vec<(&str, Option<String>, bool)> {
        segments(text, cut).into_iter().map(|s| (&text[s.range], s.code, s.unheard)).collect()
    }

    #[test]
    fn code_is_told_from_text() {
        let text = "Look:\n```rust\nlet x = \"```\";\n```\nDone.";
        assert_eq!(
            parts(text, None),
            [("Look:\n", None, false), ("let x = \"```\";\n", Some("rust".into()), false), ("Done.", None, false)]
        );
        assert_eq!(parts("~~~\na\n```\n", None), [("a\n```\n", Some(String::new()), false)]);
        assert_eq!(parts("a ``` b", None), [("a ``` b", None, false)]);
        assert_eq!(parts("", None), []);
    }

    #[test]
    fn what_was_not_heard_is_cut_off_but_never_inside_of_code() {
        let text = "One. Two.\n```\ncode\n```\nThree.";
        assert_eq!(
            parts(text, Some(4)),
            [("One.", None, false), (" Two.\n", None, true), ("code\n", Some(String::new()), true), ("Three.", None, true)]
        );
        assert!(parts(text, Some(0)).iter().all(|p| p.2));
        assert!(parts(text, Some(text.len())).iter().all(|p| !p.2));
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_split(text in "[a`~\n ü]{0,60}", cut in 0usize..80) {
            let cut = text.floor_char_boundary(cut.min(text.len()));
            let mut last = 0;
            for s in segments(&text, Some(cut)) {
                proptest::prop_assert!(s.range.start >= last && text.get(s.range.clone()).is_some());
                last = s.range.end;
            }
        }
    }
}
