//! What decides which of the installed models works and how hard: memory, battery, rest. Each can be overridden here.

use super::{amounts, row, section_ui};
use crate::platform::power::Power;
use crate::ui::icons::Icon;
use crate::ui::settings_panel::Form;
use crate::ui::view_state::ViewState;
use crate::ui::{UiCommand, UiContext, widgets};
use egui::Ui;

/// Draws the section: the facts, what follows from them, the switches.
pub fn policy_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    section_ui(ui, cx, cx.texts.t("policy.title"));
    let t = cx.tokens;
    widgets::card(t, t.raised, t.hairline).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.spacing_mut().item_spacing.y = 3.0;
        facts_ui(ui, state, cx);
        switches_ui(ui, cx, out);
    });
}

fn facts_ui(ui: &mut Ui, state: &ViewState, cx: &UiContext<'_>) {
    let t = cx.tokens;
    let computer = &state.models.listing.computer;
    if computer.memory_bytes > 0 {
        let free = cx.texts.f("policy.memory", amounts::size(computer.free_memory_bytes));
        let line = free.replacen("{}", &amounts::size(computer.memory_bytes), 1);
        row::mark_ui(ui, cx, Icon::Info, t.accent, &line, "");
    }
    let Some(plan) = &state.plan else { return };
    if plan.need_bytes > 0 {
        row::mark_ui(ui, cx, Icon::Info, t.accent, &cx.texts.f("policy.need", amounts::size(plan.need_bytes)), "");
    }
    match plan.power {
        Some(Power::Battery) => row::mark_ui(ui, cx, Icon::Info, t.accent, cx.texts.t("policy.on_battery"), ""),
        Some(Power::Mains) => row::mark_ui(ui, cx, Icon::Info, t.accent, cx.texts.t("policy.on_mains"), ""),
        None => row::mark_ui(ui, cx, Icon::Info, t.accent, cx.texts.t("policy.no_battery"), ""),
    }
    for reason in &plan.reasons {
        row::mark_ui(ui, cx, Icon::Warning, t.thinking, &cx.texts.said(&reason.sentence()), &cx.texts.said(reason.hint()));
    }
    if plan.reasons.is_empty() {
        row::mark_ui(ui, cx, Icon::Check, t.speaking, cx.texts.t("policy.as_wished"), "");
    }
    ui.add_space(4.0);
}

fn switches_ui(ui: &mut Ui, cx: &UiContext<'_>, out: &mut Vec<UiCommand>) {
    let mut edited = Box::new(cx.settings.clone());
    let mut form = Form { cx, commit: false };
    form.switch(ui, cx.texts.t("policy.fit_memory"), cx.texts.t("policy.fit_memory_tip"), &mut edited.models.fit_memory);
    form.switch(ui, cx.texts.t("policy.battery"), cx.texts.t("policy.battery_tip"), &mut edited.power.save_on_battery);
    let mut rests = vec![(cx.texts.t("policy.never").to_owned(), None)];
    let own = edited.models.unload_after_minutes;
    let mut minutes = vec![5, 15, 30, 60];
    minutes.extend(own);
    minutes.sort_unstable();
    minutes.dedup();
    rests.extend(minutes.into_iter().map(|m: u32| (cx.texts.f("policy.minutes", m), Some(m))));
    form.choice(ui, "policy.unload", &rests, &mut edited.models.unload_after_minutes);
    if form.commit && *edited != *cx.settings {
        out.push(UiCommand::Save(edited));
    }
}
