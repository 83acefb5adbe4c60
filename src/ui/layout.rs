//! Where the panels are, in a narrow and in a wide window.

use super::app::HarkApp;
use super::i18n::Texts;
use super::models::{self, import, strip};
use super::theme::{self, Tokens};
use super::{UiCommand, UiContext, conversation, page, settings_panel, status_line, talk_area, top_bar, welcome};
use egui::{Id, Rect, Ui, UiBuilder, pos2};

/// Height of the bar on top, points.
const TOP: f32 = 52.0;
/// Height of the status line.
const STATUS: f32 = 34.0;

/// What takes the place between the bar on top and the status line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Conversation,
    Welcome,
    Settings,
    Models,
}

impl HarkApp {
    /// Places the panels. They are drawn in reading order, because that is the order of the Tab key.
    pub(super) fn panels(&mut self, ui: &mut Ui, out: &mut Vec<UiCommand>) {
        let HarkApp { settings, inventory, levels, state, memory, used, hotkey, system_locale, .. } = self;
        let tokens = Tokens::of(ui.ctx().theme());
        let cx = UiContext {
            texts: Texts::of(settings.window.language, system_locale),
            tokens,
            levels,
            settings,
            inventory,
            used,
            hotkey: hotkey.as_ref(),
            now: ui.input(|i| i.time),
        };
        let all = ui.max_rect();
        ui.painter().rect_filled(all, 0.0, tokens.background);
        let wide = all.width() >= theme::WIDE;
        let shown = match (memory.models_open, memory.settings_open && !wide, memory.welcome_open) {
            (true, ..) => Page::Models,
            (_, true, _) => Page::Settings,
            (.., true) => Page::Welcome,
            _ => Page::Conversation,
        };
        let column = if wide && memory.settings_open { theme::SETTINGS_COLUMN } else { 0.0 };
        let talk = if matches!(shown, Page::Conversation | Page::Welcome) { talk_area::height(memory.typing) } else { 0.0 };
        let told = if shown != Page::Models && strip::wanted(&state.models) { strip::HEIGHT } else { 0.0 };
        let top = Rect::from_min_max(all.min, pos2(all.right(), all.top() + TOP));
        let status = Rect::from_min_max(pos2(all.left(), all.bottom() - STATUS), all.max);
        let right = Rect::from_min_max(pos2(all.right() - column, top.bottom()), pos2(all.right(), status.top()));
        let band = Rect::from_min_max(pos2(all.left(), top.bottom()), pos2(right.left(), top.bottom() + told));
        let lower = Rect::from_min_max(pos2(all.left(), status.top() - talk), pos2(right.left(), status.top()));
        let stream = Rect::from_min_max(pos2(all.left(), band.bottom()), pos2(right.left(), lower.top()));
        let line = egui::Stroke::new(1.0, tokens.hairline);

        region(ui, "top", top, |ui| top_bar::top_bar_ui(ui, state, &cx, memory, out));
        ui.painter().hline(all.x_range(), top.bottom(), line);
        if told > 0.0 {
            region(ui, "strip", band, |ui| strip::strip_ui(ui, &state.models, &cx, out));
        }
        // In the wide window two pages are there: the keyboard turns the one that it is in.
        let focused = ui.memory(|m| m.focused()).and_then(|id| ui.ctx().read_response(id));
        let beside = column > 0.0 && focused.is_some_and(|response| page::lies_in(right, &response));
        let turns = !memory.recording_hotkey;
        if turns && !beside {
            page::turn(ui, stream.height());
        }
        match shown {
            Page::Conversation => region(ui, "stream", stream, |ui| conversation::conversation_ui(ui, state, &cx, memory, out)),
            Page::Welcome => region(ui, "welcome", stream, |ui| welcome::welcome_ui(ui, state, &cx, memory, out)),
            Page::Settings => region(ui, "settings", stream, |ui| settings_panel::settings_ui(ui, state, &cx, memory, out)),
            Page::Models => region(ui, "models", stream, |ui| models::models_ui(ui, state, &cx, memory, out)),
        }
        if talk > 0.0 {
            region(ui, "talk", lower, |ui| talk_area::talk_area_ui(ui, state, &cx, memory, out));
        }
        ui.painter().hline(all.x_range(), status.top(), line);
        region(ui, "status", status, |ui| status_line::status_line_ui(ui, state, &cx, out));
        if column > 0.0 {
            ui.painter().rect_filled(right, 0.0, tokens.surface);
            ui.painter().vline(right.left(), right.y_range(), line);
            if turns && beside {
                page::turn(ui, right.height());
            }
            region(ui, "settings", right, |ui| settings_panel::settings_ui(ui, state, &cx, memory, out));
        }
        import::hover_ui(ui.ctx(), &cx);
    }
}

/// A part of the window with its own borders. Its widgets keep the keyboard when a part before it comes or goes, such as the
/// strip of a download.
fn region(ui: &mut Ui, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    ui.scope_builder(UiBuilder::new().scope_id(Id::unique(("part", name))).max_rect(rect), |ui| {
        ui.shrink_clip_rect(rect);
        add(ui);
    });
}
