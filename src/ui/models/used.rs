//! What is in use now, and why.

use super::{kind_name, section_ui};
use crate::config::settings::ModelSettings;
use crate::error::Stage;
use crate::event::StageStatus;
use crate::models::catalog::ModelKind;
use crate::models::policy::Reason;
use crate::ui::icons::Icon;
use crate::ui::models::row;
use crate::ui::view_state::ViewState;
use crate::ui::{UiContext, widgets};
use egui::Ui;

/// Draws the section.
pub fn used_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>) {
    section_ui(ui, cx, cx.texts.t("used.title"));
    let t = cx.tokens;
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 3.0;
        for (kind, stage) in [(ModelKind::Stt, Stage::Stt), (ModelKind::Chat, Stage::Llm), (ModelKind::Voice, Stage::Tts)] {
            let (what, colon) = (kind_name(cx, kind), cx.texts.t("models.colon"));
            match state.stages.get(&stage) {
                Some(StageStatus::Ready(info)) => {
                    row::name_ui(ui, cx, &format!("{what}{colon}{}", info.name));
                    match smaller(state, kind) {
                        _ if state.switching.contains(&stage) => {
                            row::mark_ui(ui, cx, Icon::Dots, t.secondary, cx.texts.t("used.switching"), "");
                        }
                        Some(reason) => {
                            row::mark_ui(ui, cx, Icon::Info, t.accent, &cx.texts.said(&reason.sentence()), &cx.texts.said(reason.hint()))
                        }
                        None => row::mark_ui(ui, cx, Icon::Check, t.speaking, why(&cx.settings.models, kind, info.starter, cx), ""),
                    }
                }
                Some(StageStatus::Unavailable(error)) => {
                    row::name_ui(ui, cx, &format!("{what}{colon}{}", cx.texts.t("status.none")));
                    row::mark_ui(ui, cx, Icon::Warning, t.thinking, &cx.texts.said(&error.message), &cx.texts.said(&error.hint));
                }
                Some(StageStatus::Loading) | None => {
                    row::name_ui(ui, cx, &format!("{what}{colon}…"));
                    row::mark_ui(ui, cx, Icon::Dots, t.secondary, cx.texts.t("loading.start"), "");
                }
            }
            ui.add_space(4.0);
        }
    });
}

/// Why a smaller one of this kind is used.
fn smaller(state: &ViewState, kind: ModelKind) -> Option<&Reason> {
    state.plan.as_ref()?.reasons.iter().find(|reason| matches!(reason, Reason::Smaller { kind: of, .. } if *of == kind))
}

fn why<'a>(models: &ModelSettings, kind: ModelKind, starter: bool, cx: &UiContext<'a>) -> &'a str {
    if starter {
        return cx.texts.t("used.starter");
    }
    let chosen = match kind {
        ModelKind::Stt => models.stt.is_some(),
        ModelKind::Chat => models.chat.is_some(),
        ModelKind::Voice => models.voice.is_some(),
        ModelKind::Vad | ModelKind::Embedding => false,
    };
    if chosen { cx.texts.t("used.chosen") } else { cx.texts.t("used.best") }
}
