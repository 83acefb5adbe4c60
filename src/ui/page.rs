//! What the keyboard needs of a page that scrolls: what has the focus comes into sight, and the page can be turned.

use egui::style::ScrollAnimation;
use egui::{Key, Modifiers, Popup, Rect, Response, Ui, vec2};

/// What is so far outside of what is seen is still drawn, so that Tab and screen readers find the next thing, points.
pub const NEAR: f32 = 300.0;
/// Room between what has the focus and the edge of the page, points.
const MARGIN: f32 = 8.0;
/// Longer than any page, points.
const ALL: f32 = 1e6;

/// At the end of what scrolls: what has got the keyboard since the last frame comes into sight.
pub fn follow_focus(ui: &Ui) {
    let key = ui.scope_id().with("focus");
    let focused = ui.memory(|memory| memory.focused());
    if ui.data(|data| data.get_temp(key)) == Some(focused) {
        return;
    }
    let response = focused.and_then(|id| ui.ctx().read_response(id));
    if focused.is_some() && response.is_none() {
        // It is drawn in the next frame.
        return;
    }
    ui.data_mut(|data| data.insert_temp(key, focused));
    let own = |r: &Response| r.layer_id == ui.layer_id() && lies_in(ui.clip_rect(), r) && ui.min_rect().contains(r.rect.center());
    if let Some(response) = response.filter(own) {
        ui.scroll_to_rect(response.rect.expand2(vec2(0.0, MARGIN)), None);
    }
}

/// Whether a widget is in the part of the window with these borders, in sight or scrolled out of it.
#[must_use]
pub fn lies_in(part: Rect, response: &Response) -> bool {
    let seen = response.interact_rect;
    // Of what is out of sight only the column is left.
    if seen.is_positive() { part.contains(seen.center()) } else { part.x_range().contains(seen.center().x) }
}

/// PageUp, PageDown, Home and End turn the page that is drawn next and is so high, unless a text or a list wants them.
pub fn turn(ui: &Ui, height: f32) {
    if ui.ctx().text_edit_focused() || Popup::is_any_open(ui.ctx()) {
        return;
    }
    // A little of what was read stays in sight.
    let one = (height * 0.9).max(1.0);
    let whole = ScrollAnimation::none();
    let by_page = ui.style().scroll_animation;
    for (key, way, animation) in
        [(Key::PageUp, one, by_page), (Key::PageDown, -one, by_page), (Key::Home, ALL, whole), (Key::End, -ALL, whole)]
    {
        if ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)) {
            ui.scroll_with_delta_animation(vec2(0.0, way), animation);
        }
    }
}
