//! The line at the bottom: models in use, time to the first sound of the last answer with its parts, the microphone.

use super::icons::{self, Icon};
use super::view_state::ViewState;
use super::{UiCommand, UiContext, theme, timeline, widgets};
use crate::error::Stage;
use crate::event::{StageStatus, Timing};
use crate::trace::Timeline;
use egui::{CursorIcon, Role, Sense, Ui, WidgetInfo, vec2};

/// Milliseconds as people say them: `0.42 s`, `12 s`.
#[must_use]
pub fn seconds(ms: f64) -> String {
    let s = if ms.is_finite() { ms.max(0.0) / 1000.0 } else { 0.0 };
    if s < 9.995 { format!("{s:.2} s") } else { format!("{s:.0} s") }
}

/// Draws the line.
pub fn status_line_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    ui.horizontal_centered(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.add_space(theme::GUTTER - 6.0);
        // Right side first, so that the models get what is left.
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.add_space(theme::GUTTER - 6.0);
            microphone_ui(ui, state, cx, out);
            if let Some(timing) = &state.last_timing {
                latency_ui(ui, timing, state.last_timeline(), cx);
            }
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| models_ui(ui, state, cx, out));
        });
    });
}

fn models_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let names: Vec<String> = [Stage::Stt, Stage::Llm, Stage::Tts]
        .into_iter()
        .map(|stage| match state.stages.get(&stage) {
            Some(StageStatus::Ready(info)) => info.name.clone(),
            Some(StageStatus::Unavailable(_)) => cx.texts.t("status.none").to_owned(),
            _ => "…".to_owned(),
        })
        .collect();
    let line = names.iter().map(|name| short(name)).collect::<Vec<_>>().join(" · ");
    let kinds = [cx.texts.t("status.speech_model"), cx.texts.t("status.chat_model"), cx.texts.t("status.voice")];
    let parts: Vec<String> =
        kinds.into_iter().zip(&names).map(|(kind, name)| format!("{kind}{}{name}", cx.texts.t("models.colon"))).collect();
    let response = entry(ui, None, (&line, &parts.join(cx.texts.t("timeline.comma"))), cx, ui.available_width());
    let response = response.on_hover_ui(|ui| {
        for part in &parts {
            ui.label(part);
        }
    });
    if response.clicked() {
        out.push(UiCommand::ShowSettings(true));
    }
}

/// A model's name without what only its file needs: the format before it, and the kind of weights behind it.
/// The whole name is in the tooltip.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("ggml-").or_else(|| name.strip_prefix("espeak-ng ")).unwrap_or(name);
    let is_noise = |word: &str| {
        let word = word.to_ascii_lowercase();
        matches!(word.as_str(), "instruct" | "chat" | "it" | "f16" | "bf16" | "f32" | "k" | "gguf")
            || word.strip_prefix("iq").or_else(|| word.strip_prefix('q')).is_some_and(|bits| bits.starts_with(|c: char| c.is_ascii_digit()))
    };
    let mut rest = name;
    while let Some((front, _)) = rest.rsplit_once(['-', '.']).filter(|(front, word)| !front.is_empty() && is_noise(word)) {
        rest = front;
    }
    rest
}

fn microphone_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let name = match state.stages.get(&Stage::Capture) {
        Some(StageStatus::Ready(info)) => info.name.clone(),
        Some(StageStatus::Unavailable(_)) => cx.texts.t("status.no_microphone").to_owned(),
        _ => "…".to_owned(),
    };
    // A narrow window says which only in the tooltip: the names of the models tell more.
    let widest = if ui.available_width() < 480.0 { 0.0 } else { 200.0 };
    let whole = cx.texts.f("status.microphone_tip", &name);
    let response = entry(ui, Some(Icon::Microphone), (&name, &whole), cx, widest);
    if response.on_hover_text(whole).clicked() {
        out.push(UiCommand::ShowSettings(true));
    }
}

fn latency_ui(ui: &mut Ui, timing: &Timing, timeline: Option<&Timeline>, cx: &UiContext<'_>) {
    let (what, ms) = match (timing.first_audio_ms, timing.first_token_ms) {
        (Some(ms), _) => (cx.texts.t("latency.first_sound"), seconds(ms)),
        (None, Some(ms)) => (cx.texts.t("latency.first_token"), seconds(ms)),
        (None, None) => return,
    };
    let whole = format!("{}{}{what} {ms}", cx.texts.t("latency.title"), cx.texts.t("models.colon"));
    let response = entry(ui, Some(Icon::Clock), (&ms, &whole), cx, 90.0);
    egui::Popup::menu(&response).accessible_name(cx.texts.t("latency.title")).show(|ui| parts_ui(ui, timing, timeline, cx));
    if !egui::Popup::is_any_open(ui.ctx()) {
        response.on_hover_ui(|ui| parts_ui(ui, timing, timeline, cx));
    }
}

/// The parts of the way, each with the moment at which it was done, and the picture of who worked when.
fn parts_ui(ui: &mut Ui, timing: &Timing, timeline: Option<&Timeline>, cx: &UiContext<'_>) {
    let t = cx.tokens;
    // The smallest window is 340 points wide.
    let width = (ui.ctx().content_rect().width() - 2.0 * theme::GUTTER - 20.0).clamp(200.0, 340.0);
    ui.set_max_width(width);
    ui.add(egui::Label::new(widgets::small(t, cx.texts.t("latency.title"))).selectable(false));
    egui::Grid::new("latency").num_columns(2).spacing(vec2(20.0, 2.0)).min_row_height(20.0).show(ui, |ui| {
        let rows = [
            (cx.texts.t("latency.words"), timing.stt_ms),
            (cx.texts.t("latency.first_token"), timing.first_token_ms),
            (cx.texts.t("latency.first_clause"), timing.first_clause_ms),
            (cx.texts.t("latency.first_sound"), timing.first_audio_ms),
        ];
        for (name, ms) in rows {
            if let Some(ms) = ms {
                ui.label(egui::RichText::new(name).size(14.0));
                ui.label(egui::RichText::new(seconds(ms)).size(14.0).monospace());
                ui.end_row();
            }
        }
    });
    if timing.tokens > 1 && timing.tokens_per_s.is_finite() {
        ui.add(egui::Label::new(widgets::small(t, cx.texts.f("latency.speed", format!("{:.0}", timing.tokens_per_s)))).selectable(false));
    }
    if let Some(timeline) = timeline {
        timeline::timeline_ui(ui, timeline, cx, width);
    }
}

/// An icon and a word that can be clicked, cut at `widest`. A screen reader says the second text: what the word is about, too.
fn entry(ui: &mut Ui, icon: Option<Icon>, (text, whole): (&str, &str), cx: &UiContext<'_>, widest: f32) -> egui::Response {
    let t = cx.tokens;
    let lead = if icon.is_some() { 20.0 } else { 0.0 };
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), theme::font(theme::SMALL), t.secondary);
    job.wrap = egui::text::TextWrapping::truncate_at_width((widest - lead - 12.0).max(0.0));
    // No room for a word: the icon alone, its name is in the tooltip.
    let galley = (widest - lead - 12.0 > 24.0).then(|| ui.painter().layout_job(job));
    let width = lead + 12.0 + galley.as_ref().map_or(0.0, |g| g.size().x);
    let (rect, response) = ui.allocate_exact_size(vec2(width, theme::TARGET), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, whole));
    let color = if response.hovered() || response.has_focus() { t.text } else { t.secondary };
    if let Some(icon) = icon {
        icons::paint(ui.painter(), icon, rect.left_center() + vec2(14.0, 0.0), 15.0, color);
    }
    if let Some(galley) = galley {
        let at = egui::pos2(rect.left() + lead + 6.0, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley_with_override_text_color(at, galley, color);
    }
    widgets::focus_ring(ui, t, &response, 8.0);
    response.on_hover_cursor(CursorIcon::PointingHand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_never_strange() {
        for (ms, text) in
            [(0.0, "0.00 s"), (424.4, "0.42 s"), (9994.0, "9.99 s"), (12_400.0, "12 s"), (-3.0, "0.00 s"), (f64::NAN, "0.00 s")]
        {
            assert_eq!(seconds(ms), text);
        }
    }

    #[test]
    fn names_are_shown_without_their_file_s_trimmings() {
        for (name, shown) in [
            ("ggml-starter-en-q5_1", "starter-en"),
            ("SmolLM2-135M-Instruct", "SmolLM2-135M"),
            ("Qwen3-4B-Q4_K_M", "Qwen3-4B"),
            ("Llama-3.2-3B-Instruct-Q4_K_M", "Llama-3.2-3B"),
            ("ggml-base.en", "base.en"),
            ("espeak-ng en-us", "en-us"),
            ("en_US-lessac-medium", "en_US-lessac-medium"),
            ("Q4", "Q4"),
        ] {
            assert_eq!(short(name), shown);
        }
    }
}
