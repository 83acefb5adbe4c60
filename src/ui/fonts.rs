//! Fonts: egui's own for Latin, and whatever the system has for every other script, found when it is first needed.

use egui::epaint::text::{FallbackRequest, FontInsert, FontProvider};
use egui_system_font_provider::SystemFontProvider;
use std::sync::{Arc, OnceLock};

/// Looks for a font of the system when a character has none. The list of fonts (100–300 ms, some megabytes) is only read
/// when the first such character is to be drawn, so a purely English session never pays for it.
struct LazySystemFonts {
    locale: String,
    provider: OnceLock<SystemFontProvider>,
}

impl FontProvider for LazySystemFonts {
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        self.provider.get_or_init(|| SystemFontProvider::new().with_locale(Some(&self.locale))).font_for(request)
    }
}

/// Lets the context find fonts for characters that egui's own lack.
pub fn install(ctx: &egui::Context, system_locale: &str) {
    // Chinese is written with other shapes than Japanese; with no hint from the system it is simplified Chinese here.
    let east = ["ja", "ko", "zh"].iter().any(|l| system_locale.starts_with(l));
    let locale = if east { system_locale.replace('_', "-").split('.').next().unwrap_or("zh-CN").to_owned() } else { "zh-CN".to_owned() };
    ctx.add_font_provider(Arc::new(LazySystemFonts { locale, provider: OnceLock::new() }));
}

/// Whether Chinese can be written: asked when the settings are opened.
#[must_use]
pub fn has_chinese(ctx: &egui::Context) -> bool {
    let font = egui::FontId::proportional(14.0);
    ctx.fonts_mut(|fonts| fonts.has_glyph(&font, '语') && fonts.has_glyph(&font, '说'))
}
