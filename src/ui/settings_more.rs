//! The rest of the settings, folded away: how the chat model chooses its words, how the voice varies, languages, threads.

use super::settings_panel::Form;
use super::{theme, widgets};
use crate::config::settings::{ChatSettings, Settings};
use egui::{RichText, Ui};

/// Draws the folded part.
pub(super) fn more_ui(ui: &mut Ui, form: &mut Form<'_>, edited: &mut Settings) {
    let cx = form.cx;
    ui.add_space(14.0);
    let title = RichText::new(cx.texts.t("settings.more")).size(15.0);
    egui::CollapsingHeader::new(title).id_salt("more").show_unindented(ui, |ui| {
        hearing_ui(ui, form, edited);
        chat_ui(ui, form, &mut edited.chat);
        variation_ui(ui, form, edited);
    });
}

fn hearing_ui(ui: &mut Ui, form: &mut Form<'_>, edited: &mut Settings) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("more.hearing"));
    let list = |codes: &[&str]| codes.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let mut languages = vec![
        (cx.texts.t("more.languages_all").to_owned(), list(&[])),
        (cx.texts.t("more.english").to_owned(), list(&["en"])),
        (cx.texts.t("more.chinese").to_owned(), list(&["zh"])),
        (cx.texts.t("more.english_chinese").to_owned(), list(&["en", "zh"])),
    ];
    let current = &edited.hearing.languages;
    if !languages.iter().any(|(_, codes)| codes == current) {
        languages.push((current.join(", "), current.clone()));
    }
    form.choice(ui, "more.languages", &languages, &mut edited.hearing.languages);
    let mut threads = vec![(cx.texts.t("more.automatic").to_owned(), None)];
    threads.extend((1..=16).map(|n: u32| (n.to_string(), Some(n))));
    form.choice(ui, "more.threads", &threads, &mut edited.hearing.threads);
}

fn chat_ui(ui: &mut Ui, form: &mut Form<'_>, chat: &mut ChatSettings) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("more.chat"));
    let label = form.name(ui, cx.texts.t("more.system"));
    let field = egui::TextEdit::multiline(&mut chat.system)
        .desired_rows(3)
        .desired_width(f32::INFINITY)
        .char_limit(8000)
        .font(theme::font(14.0))
        .hint_text(cx.texts.t("more.system_hint"));
    form.commit |= ui.add(field).labelled_by(label.id).lost_focus();
    form.slider(ui, cx.texts.t("more.temperature"), &mut chat.temperature, 0.0..=2.0, 0.05, |v| format!("{v:.2}"));
    form.slider(ui, cx.texts.t("more.top_p"), &mut chat.top_p, 0.05..=1.0, 0.01, |v| format!("{v:.2}"));
    let mut top_k = chat.top_k as f32;
    form.slider(ui, cx.texts.t("more.top_k"), &mut top_k, 0.0..=200.0, 1.0, |v| format!("{v:.0}"));
    chat.top_k = top_k as i32;
    form.slider(ui, cx.texts.t("more.min_p"), &mut chat.min_p, 0.0..=0.5, 0.01, |v| format!("{v:.2}"));
    form.slider(ui, cx.texts.t("more.repeat"), &mut chat.repeat_penalty, 1.0..=1.5, 0.01, |v| format!("{v:.2}"));
    let mut fixed = chat.seed.is_some();
    form.switch(ui, cx.texts.t("more.seed"), cx.texts.t("more.seed_tip"), &mut fixed);
    if fixed != chat.seed.is_some() {
        chat.seed = fixed.then_some(1);
    }
    let lengths = numbers(&[100, 200, 400, 800, 1600], chat.max_tokens);
    form.choice(ui, "more.max_tokens", &lengths, &mut chat.max_tokens);
    let contexts = numbers(&[1024, 2048, 4096, 8192, 16384], chat.context_tokens);
    form.choice(ui, "more.context", &contexts, &mut chat.context_tokens);
}

/// These numbers and the current one, in order.
fn numbers(usual: &[u32], current: u32) -> Vec<(String, u32)> {
    let mut all = usual.to_vec();
    all.push(current);
    all.sort_unstable();
    all.dedup();
    all.into_iter().map(|n| (n.to_string(), n)).collect()
}

fn variation_ui(ui: &mut Ui, form: &mut Form<'_>, edited: &mut Settings) {
    let cx = form.cx;
    form.section(ui, cx.texts.t("more.voice"));
    // What VITS voices are published with, shown while the voice's own value is in effect.
    optional_ui(ui, form, cx.texts.t("more.noise"), &mut edited.voice.noise, 0.667);
    optional_ui(ui, form, cx.texts.t("more.noise_width"), &mut edited.voice.noise_width, 0.8);
    let mut speakers = vec![(cx.texts.t("more.voices_own").to_owned(), None)];
    let most = edited.voice.speaker.map_or(16, |n| n.clamp(16, 1000));
    speakers.extend((0..=most).map(|n| (n.to_string(), Some(n))));
    form.choice(ui, "more.speaker", &speakers, &mut edited.voice.speaker);
}

fn optional_ui(ui: &mut Ui, form: &mut Form<'_>, name: &str, value: &mut Option<f32>, usual: f32) {
    let cx = form.cx;
    let mut number = value.unwrap_or(usual);
    let own = value.is_none();
    let before = number;
    form.slider(ui, name, &mut number, 0.0..=2.0, 0.01, |v| if own { cx.texts.t("more.voices_own").to_owned() } else { format!("{v:.2}") });
    if number != before {
        *value = Some(number);
    }
    if value.is_some()
        && widgets::word_button(ui, cx.tokens, cx.texts.t("more.reset"), false).on_hover_text(cx.texts.t("more.reset_tip")).clicked()
    {
        *value = None;
        form.commit = true;
    }
}
