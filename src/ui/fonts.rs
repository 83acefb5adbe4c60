//! Fonts: egui's own for Latin, and whatever the system has for every other script, found when it is first needed.

use super::theme;
use egui::epaint::text::{FallbackRequest, FontInsert, FontProvider};
use egui::{FontData, FontDefinitions, FontFamily};
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
    ctx.set_fonts(definitions());
    // Chinese is written with other shapes than Japanese; with no hint from the system it is simplified Chinese here.
    let east = ["ja", "ko", "zh"].iter().any(|l| system_locale.starts_with(l));
    let locale = if east { system_locale.replace('_', "-").split('.').next().unwrap_or("zh-CN").to_owned() } else { "zh-CN".to_owned() };
    ctx.add_font_provider(Arc::new(LazySystemFonts { locale, provider: OnceLock::new() }));
}

/// egui's fonts and the family for reading.
fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::default();
    for (family, name) in [(FontFamily::Proportional, theme::READING), (FontFamily::Monospace, theme::READING_CODE)] {
        let mut faces = fonts.families.get(&family).cloned().unwrap_or_default();
        if let Some(first) = faces.first_mut() {
            let high = fonts.font_data.get(first).and_then(|data| with_high_rows((*data.font).as_ref(), theme::LINE));
            if let Some(bytes) = high {
                *first = name.to_owned();
                fonts.font_data.insert(first.clone(), Arc::new(FontData::from_owned(bytes)));
            }
        }
        fonts.families.insert(FontFamily::Name(name.into()), faces);
    }
    fonts
}

/// The same font with rows of `line` font sizes: half of what is missing goes above the letters, half below. Only the
/// ascender and descender of the table `hhea` change (OpenType 1.9, "hhea": ascender at 4, descender at 6, lineGap at 8;
/// "head": unitsPerEm at 18). `None` when the file is not as expected.
fn with_high_rows(font: &[u8], line: f32) -> Option<Vec<u8>> {
    let number = |at: usize| Some(i16::from_be_bytes(font.get(at..at + 2)?.try_into().ok()?));
    let table = |tag: &[u8; 4]| {
        let entry = font.get(12..)?.chunks_exact(16).take(64).find(|e| e.starts_with(tag))?;
        usize::try_from(u32::from_be_bytes(entry.get(8..12)?.try_into().ok()?)).ok()
    };
    let (head, hhea) = (table(b"head")?, table(b"hhea")?);
    let em = f32::from(number(head + 18)?);
    let (up, down) = (f32::from(number(hhea + 4)?), f32::from(number(hhea + 6)?));
    let missing = (line * em - (up - down)) / 2.0;
    let mut out = font.to_vec();
    for (at, value) in [(4, up + missing), (6, down - missing), (8, 0.0)] {
        out.get_mut(hhea + at..hhea + at + 2)?.copy_from_slice(&(value.round() as i16).to_be_bytes());
    }
    Some(out)
}

/// Whether Chinese can be written: asked when the settings are opened.
#[must_use]
pub fn has_chinese(ctx: &egui::Context) -> bool {
    let font = egui::FontId::proportional(14.0);
    ctx.fonts_mut(|fonts| fonts.has_glyph(&font, '语') && fonts.has_glyph(&font, '说'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_rows_are_as_high_as_the_brief_says() {
        let ctx = egui::Context::default();
        install(&ctx, "");
        let mut rows = (0.0, 0.0);
        let output = ctx.run_ui(egui::RawInput::default(), |ui| {
            rows = ui.fonts_mut(|f| (f.row_height(&theme::reading_font(16.0)), f.row_height(&theme::font(16.0))));
        });
        output.drop_without_applying_deltas();
        assert!((rows.0 / 16.0 - theme::LINE).abs() < 0.05 && rows.0 > rows.1, "{rows:?}");
    }

    #[test]
    fn a_file_that_is_no_font_is_left_alone() {
        for bytes in [&b""[..], &[0; 11], &[0xFF; 400]] {
            assert_eq!(with_high_rows(bytes, 1.45), None);
        }
    }
}
