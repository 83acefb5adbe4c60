//! Keys and the held mouse button, as actions. Pure but for what egui says about this frame.

use super::view_state::ViewState;
use super::{UiCommand, UiMemory};
use crate::event::UserAction;
use egui::{Event, Key, Modifiers};

/// Who holds the talk key down. Only the one who pressed can release, so auto-repeat and a second key change nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// Nobody.
    #[default]
    Nobody,
    /// The mouse, on the talk button.
    Mouse,
    /// Space.
    Space,
}

impl Hold {
    /// `who` presses.
    pub fn press(&mut self, who: Hold, out: &mut Vec<UiCommand>) {
        if *self == Hold::Nobody {
            *self = who;
            out.push(UiCommand::Act(UserAction::PttPressed));
        }
    }

    /// `who` lets go.
    pub fn release(&mut self, who: Hold, out: &mut Vec<UiCommand>) {
        if *self == who && who != Hold::Nobody {
            *self = Hold::Nobody;
            out.push(UiCommand::Act(UserAction::PttReleased));
        }
    }
}

/// Reads the keys of this frame before any widget sees them. Space belongs to talking while no text field has the focus;
/// it is taken out of the input, so that it does not press the focused button as well (Enter does).
pub fn keys_ui(ctx: &egui::Context, state: &ViewState, memory: &mut UiMemory, out: &mut Vec<UiCommand>) {
    if memory.recording_hotkey {
        return;
    }
    let writing = ctx.text_edit_focused();
    let mut hold = memory.hold;
    ctx.input_mut(|input| {
        input.events.retain(|event| match event {
            Event::Key { key: Key::Space, pressed: true, repeat, modifiers, .. } if !writing && talks(*modifiers) => {
                if !repeat {
                    hold.press(Hold::Space, out);
                }
                false
            }
            Event::Key { key: Key::Space, pressed: false, .. } => {
                hold.release(Hold::Space, out);
                writing
            }
            Event::Text(text) => writing || text != " ",
            // The release of a key that is up in another window is never seen here.
            Event::WindowFocused(false) => {
                hold.release(hold, out);
                true
            }
            _ => true,
        });
        if input.consume_key(Modifiers::COMMAND, Key::Comma) {
            out.push(UiCommand::ShowSettings(!memory.settings_open));
        }
        if input.consume_key(Modifiers::COMMAND, Key::M) {
            out.push(UiCommand::ShowModels(!memory.models_open));
        }
        if input.consume_key(Modifiers::COMMAND, Key::N) {
            out.push(UiCommand::Act(UserAction::NewConversation));
        }
    });
    memory.hold = hold;
    // A menu that is open takes Esc for itself. (The context's own question is about this frame, in which nothing is drawn yet.)
    if !egui::Popup::is_any_open(ctx) && ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
        out.push(if state.busy() {
            UiCommand::Act(UserAction::Cancel)
        } else if memory.models_open {
            UiCommand::ShowModels(false)
        } else if memory.settings_open {
            UiCommand::ShowSettings(false)
        } else if memory.welcome_open {
            UiCommand::ShowWelcome(false)
        } else if memory.typing {
            UiCommand::ShowTyping(false)
        } else {
            UiCommand::Act(UserAction::Cancel)
        });
    }
}

fn talks(modifiers: Modifiers) -> bool {
    !modifiers.command && !modifiers.ctrl && !modifiers.alt
}
