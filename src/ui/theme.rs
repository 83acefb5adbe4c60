//! The only colours, sizes and distances of the window: dark and light.

use super::view_state::TalkLook;
use crate::config::settings::ThemeChoice;
use crate::printable::printable;
use egui::style::{ScrollStyle, Selection, WidgetVisuals};
use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, RichText, Shadow, Stroke, TextStyle, Theme, Vec2, Visuals};

/// Diameter of the talk button, points.
pub const TALK_DIAMETER: f32 = 96.0;
/// From this width on the window has the wide layout, points.
pub const WIDE: f32 = 820.0;
/// Widest column of text: about 68 characters of the body size.
pub const TEXT_COLUMN: f32 = 560.0;
/// Widest talk area.
pub const TALK_COLUMN: f32 = 640.0;
/// Width of the settings column in the wide layout.
pub const SETTINGS_COLUMN: f32 = 340.0;
/// Smallest side of anything that can be clicked.
pub const TARGET: f32 = 32.0;
/// Distance between the window's edge and what is in it.
pub const GUTTER: f32 = 16.0;
/// Corners of cards.
pub const CARD_RADIUS: u8 = 12;
/// Body text.
pub const BODY: f32 = 16.0;
/// Secondary text.
pub const SMALL: f32 = 13.0;
/// Height of a line of reading text, in font sizes.
pub const LINE: f32 = 1.45;
/// The family of answers: the proportional one with rows of [`LINE`] (`fonts.rs` makes it), because the markdown viewer
/// takes its row height from the font.
pub const READING: &str = "reading";
/// The same of the monospaced family.
pub const READING_CODE: &str = "reading code";

/// Colours by their task. Values are those of the window's brief.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tokens {
    /// Behind everything.
    pub background: Color32,
    /// Bars and fields.
    pub surface: Color32,
    /// Cards and buttons.
    pub raised: Color32,
    /// Reading text.
    pub text: Color32,
    /// Text that may be overlooked.
    pub secondary: Color32,
    /// Lines.
    pub hairline: Color32,
    /// Edges of fields and buttons: at least 3:1 where an edge alone says that something can be used.
    pub edge: Color32,
    /// Idle, links, focus.
    pub accent: Color32,
    /// Listening.
    pub listening: Color32,
    /// Hearing and thinking.
    pub thinking: Color32,
    /// Speaking.
    pub speaking: Color32,
    /// Icons on a filled phase colour.
    pub on_phase: Color32,
    /// The own words' bubble.
    pub bubble: Color32,
    /// Behind the clause that sounds.
    pub spoken: Color32,
    /// Behind code.
    pub code: Color32,
    /// Further from the background than any text: strong words are mixed towards it.
    pub strongest: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Dark.
pub const DARK: Tokens = Tokens {
    background: rgb(0x11_14_18),
    surface: rgb(0x18_1C_22),
    raised: rgb(0x20_26_2E),
    text: rgb(0xE8_EB_EF),
    secondary: rgb(0x9A_A4_B2),
    hairline: rgb(0x2A_31_3B),
    edge: rgb(0x3A_43_50),
    accent: rgb(0x6A_A6_FF),
    listening: rgb(0xFF_6B_6B),
    thinking: rgb(0xF2_B8_4B),
    speaking: rgb(0x4F_D1_A5),
    on_phase: rgb(0x0C_10_15),
    bubble: rgb(0x1E_2F_49),
    spoken: rgb(0x1B_40_38),
    code: rgb(0x0C_0F_13),
    strongest: Color32::WHITE,
};

/// Light.
pub const LIGHT: Tokens = Tokens {
    background: rgb(0xF7_F8_FA),
    surface: rgb(0xFF_FF_FF),
    raised: rgb(0xFF_FF_FF),
    text: rgb(0x14_18_1F),
    secondary: rgb(0x5B_66_75),
    hairline: rgb(0xE3_E7_EC),
    edge: rgb(0xC9_D0_D9),
    accent: rgb(0x1F_6F_EB),
    listening: rgb(0xD6_3C_3C),
    thinking: rgb(0xA8_6A_00),
    speaking: rgb(0x0E_8A_63),
    on_phase: rgb(0xFF_FF_FF),
    bubble: rgb(0xDF_EA_FC),
    spoken: rgb(0xCF_F0_E3),
    code: rgb(0xEE_F1_F5),
    strongest: Color32::BLACK,
};

impl Tokens {
    /// The tokens of a theme.
    #[must_use]
    pub fn of(theme: Theme) -> &'static Tokens {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// The colour of a look of the talk button.
    #[must_use]
    pub fn phase(&self, look: TalkLook) -> Color32 {
        match look {
            TalkLook::Loading | TalkLook::Stopping => self.secondary,
            TalkLook::Idle | TalkLook::NothingHeard => self.accent,
            TalkLook::Listening => self.listening,
            TalkLook::Hearing | TalkLook::Thinking | TalkLook::Fault => self.thinking,
            TalkLook::Speaking => self.speaking,
        }
    }
}

/// `a` mixed with `b`; `k` = 0 is `a`, 1 is `b`.
#[must_use]
pub fn mix(a: Color32, b: Color32, k: f32) -> Color32 {
    a.lerp_to_gamma(b, k.clamp(0.0, 1.0))
}

/// `color` with this opacity, 0 to 1.
#[must_use]
pub fn alpha(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

/// A font of the reading family.
#[must_use]
pub fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// A font of the family with high rows.
#[must_use]
pub fn reading_font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(READING.into()))
}

/// A font for code between words, with the same rows.
#[must_use]
pub fn reading_code(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(READING_CODE.into()))
}

/// Text of this size with reading lines; without what would steer or hide it ([`crate::printable`]), whoever wrote it.
#[must_use]
pub fn lined(text: impl Into<String>, size: f32) -> RichText {
    // A little less for small text: its lines are short.
    let line = if size < BODY { 1.35 } else { LINE };
    RichText::new(printable(&text.into())).size(size).line_height(Some((size * line).round()))
}

/// Body text.
#[must_use]
pub fn reading(text: impl Into<String>) -> RichText {
    lined(text, BODY)
}

/// What egui is told about the choice of colours; the system's own is dark when it says nothing.
#[must_use]
pub fn preference(choice: ThemeChoice) -> egui::ThemePreference {
    match choice {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
        ThemeChoice::Light => egui::ThemePreference::Light,
    }
}

/// Puts both styles into the context, once at the start and when moving parts are switched on or off.
pub fn install(ctx: &egui::Context, reduced_motion: bool) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_visuals_of(theme, visuals(theme));
        ctx.style_mut_of(theme, |style| {
            style.text_styles = [
                (TextStyle::Small, font(SMALL)),
                (TextStyle::Body, font(BODY)),
                (TextStyle::Button, font(15.0)),
                (TextStyle::Heading, font(19.0)),
                (TextStyle::Monospace, FontId::new(14.0, FontFamily::Monospace)),
            ]
            .into();
            style.spacing.item_spacing = Vec2::new(8.0, 8.0);
            style.spacing.button_padding = Vec2::new(12.0, 6.0);
            style.spacing.interact_size = Vec2::new(TARGET, TARGET);
            style.spacing.menu_margin = Margin::same(6);
            style.spacing.combo_height = 280.0;
            style.spacing.combo_width = 60.0;
            style.spacing.slider_rail_height = 4.0;
            style.spacing.icon_width = 18.0;
            style.spacing.scroll = ScrollStyle { bar_width: 8.0, floating_width: 4.0, ..ScrollStyle::floating() };
            style.interaction.tooltip_delay = 0.4;
            style.animation_time = if reduced_motion { 0.0 } else { 0.12 };
            if reduced_motion {
                style.scroll_animation = egui::style::ScrollAnimation::none();
            }
        });
    }
}

/// Tooltips are no wider than the window: what stands outside of it is lost, and a narrow window with large letters has less than
/// 300 points.
pub fn fit_tooltips(ctx: &egui::Context) {
    let widest = (ctx.content_rect().width() - 2.0 * GUTTER).clamp(120.0, TEXT_COLUMN);
    if (ctx.global_style().spacing.tooltip_width - widest).abs() > 0.5 {
        ctx.all_styles_mut(|style| style.spacing.tooltip_width = widest);
    }
}

fn visuals(theme: Theme) -> Visuals {
    let t = Tokens::of(theme);
    let mut v = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    let widget = |fill: Color32, edge: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, edge),
        corner_radius: CornerRadius::same(8),
        fg_stroke: Stroke::new(1.25, text),
        expansion: 0.0,
    };
    v.override_text_color = None;
    v.weak_text_color = Some(t.secondary);
    v.widgets.noninteractive = widget(t.surface, t.hairline, t.text);
    v.widgets.inactive = widget(t.raised, t.edge, t.text);
    v.widgets.hovered = widget(mix(t.raised, t.text, 0.07), mix(t.edge, t.text, 0.25), t.text);
    v.widgets.active = widget(mix(t.raised, t.text, 0.13), t.accent, t.text);
    v.widgets.active.bg_stroke.width = 2.0;
    v.widgets.open = widget(mix(t.raised, t.text, 0.07), t.accent, t.text);
    v.selection = Selection { bg_fill: mix(t.surface, t.accent, 0.32), stroke: Stroke::new(1.5, t.accent) };
    v.hyperlink_color = t.accent;
    v.faint_bg_color = t.surface;
    v.extreme_bg_color = t.code;
    v.text_edit_bg_color = Some(t.surface);
    v.code_bg_color = t.code;
    v.warn_fg_color = t.thinking;
    v.error_fg_color = t.listening;
    v.window_fill = t.raised;
    v.window_stroke = Stroke::new(1.0, t.hairline);
    v.window_corner_radius = CornerRadius::same(CARD_RADIUS);
    v.menu_corner_radius = CornerRadius::same(CARD_RADIUS);
    v.panel_fill = t.background;
    let shade = Color32::from_black_alpha(if theme == Theme::Dark { 110 } else { 36 });
    v.popup_shadow = Shadow { offset: [0, 6], blur: 20, spread: 0, color: shade };
    v.window_shadow = v.popup_shadow;
    v.slider_trailing_fill = true;
    v.handle_shape = egui::style::HandleShape::Circle;
    // A cursor that blinks wakes the window twice a second: the only thing that would move while nothing happens.
    v.text_cursor.blink = false;
    v.text_cursor.stroke = Stroke::new(2.0, t.accent);
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast after WCAG 2.2.
    fn contrast(a: Color32, b: Color32) -> f32 {
        let channel = |c: u8| {
            let c = f32::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |c: Color32| 0.2126 * channel(c.r()) + 0.7152 * channel(c.g()) + 0.0722 * channel(c.b());
        let (x, y) = (luminance(a), luminance(b));
        (x.max(y) + 0.05) / (x.min(y) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_ground() {
        for t in [&DARK, &LIGHT] {
            for ground in [t.background, t.surface, t.raised, t.bubble, t.spoken, t.code] {
                assert!(contrast(t.text, ground) >= 7.0, "text on {ground:?}");
            }
            for ground in [t.background, t.surface, t.raised, t.code] {
                assert!(contrast(t.secondary, ground) >= 4.5, "secondary on {ground:?}: {}", contrast(t.secondary, ground));
            }
            assert!(contrast(t.accent, t.background) >= 4.3, "links: {}", contrast(t.accent, t.background));
            for phase in [t.accent, t.listening, t.thinking, t.speaking] {
                // Marks, not text: 3:1 is what AA asks.
                assert!(contrast(phase, t.background) >= 3.0);
                assert!(contrast(t.on_phase, phase) >= 3.0);
            }
        }
    }
}
