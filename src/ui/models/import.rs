//! Taking models over from a file, a folder, a stick: written here, or dropped onto the window.

use super::{ModelsMemory, ask, button, note_ui, section_ui};
use crate::models::catalog::ModelKind;
use crate::models::gather::belongings;
use crate::models::manager::ManagerCommand;
use crate::ui::icons::{self, Icon};
use crate::ui::{UiCommand, UiContext, UiMemory, theme, widgets};
use egui::{Align2, Context, Id, LayerId, Order, Ui};
use std::collections::HashSet;
use std::path::PathBuf;

/// Draws the section.
pub fn import_ui(ui: &mut Ui, cx: &UiContext<'_>, memory: &mut ModelsMemory, out: &mut Vec<UiCommand>) {
    section_ui(ui, cx, cx.texts.t("import.title"));
    note_ui(ui, cx, cx.texts.t("import.how"));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let words = cx.texts.t("import.do");
        let wide = ui.painter().layout_no_wrap(words.to_owned(), theme::font(14.0), cx.tokens.text).size().x + 28.0;
        let field = egui::TextEdit::singleline(&mut memory.path)
            .hint_text(cx.texts.t("import.hint"))
            .desired_width((ui.available_width() - wide - 24.0).max(80.0))
            .char_limit(4096)
            .font(theme::font(14.0))
            .margin(egui::Margin::symmetric(10, 7));
        let response = ui.add(field).accessible_name(cx.texts.t("import.path"));
        let enter = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        let pressed = button(ui, cx, words, words, false, "import");
        if (enter || pressed) && !memory.path.trim().is_empty() {
            ask(out, ManagerCommand::Import(tidy(&std::mem::take(&mut memory.path))));
        }
    });
    ui.add_space(4.0);
    if widgets::word_button(ui, cx.tokens, cx.texts.t("action.models_folder"), false)
        .on_hover_text(cx.texts.t("action.models_folder_tip"))
        .clicked()
    {
        out.push(UiCommand::OpenModelsFolder);
    }
}

/// A path as people paste it: with quotes around it, or as the address of a file.
fn tidy(text: &str) -> PathBuf {
    let text = text.trim();
    if let Some(address) = text.strip_prefix("file://") {
        return PathBuf::from(percent_encoding::percent_decode_str(address).decode_utf8_lossy().as_ref());
    }
    let bare = ['"', '\''].into_iter().find_map(|q| text.strip_prefix(q)?.strip_suffix(q));
    PathBuf::from(bare.unwrap_or(text))
}

/// Files that were dropped onto the window, and the page that shows what becomes of them.
pub fn dropped(ctx: &Context, memory: &UiMemory, out: &mut Vec<UiCommand>) {
    let paths: Vec<PathBuf> =
        ctx.input_mut(|i| std::mem::take(&mut i.raw.dropped_files)).iter().map(|file| file.path().to_owned()).collect();
    if paths.is_empty() {
        return;
    }
    if !memory.models_open {
        out.push(UiCommand::ShowModels(true));
    }
    let paths = without_companions(paths);
    // A hundred files at once are a folder that was meant.
    out.extend(paths.into_iter().take(32).map(|path| UiCommand::Models(ManagerCommand::Import(path))));
}

/// A voice is taken over with what lies beside it and belongs to it: dropped together they are one thing.
fn without_companions(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let voices = paths.iter().filter(|path| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx")));
    let belonging: HashSet<PathBuf> = voices.flat_map(|path| belongings(path, ModelKind::Voice)).collect();
    paths.retain(|path| !belonging.contains(path));
    paths
}

/// While something is held over the window: what will happen when it is let go.
pub fn hover_ui(ctx: &Context, cx: &UiContext<'_>) {
    if ctx.input(|i| i.raw.hovered_files.is_empty()) {
        return;
    }
    let t = cx.tokens;
    let all = ctx.content_rect();
    let painter = ctx.layer_painter(LayerId::new(Order::Foreground, Id::unique("drop")));
    painter.rect_filled(all, 0.0, theme::alpha(t.background, 0.92));
    painter.rect_stroke(all.shrink(12.0), 12.0, egui::Stroke::new(2.0, t.accent), egui::StrokeKind::Inside);
    icons::paint(&painter, Icon::Plus, all.center() - egui::vec2(0.0, 34.0), 32.0, t.accent);
    painter.text(all.center() + egui::vec2(0.0, 8.0), Align2::CENTER_CENTER, cx.texts.t("import.drop"), theme::font(17.0), t.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_voice_and_its_description_are_one_thing() {
        let folder = tempfile::tempdir().unwrap();
        let paths = |names: &[&str]| names.iter().map(|name| folder.path().join(name)).collect::<Vec<_>>();
        let toml =
            "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 16000\nhop = 16\nbands = 8\n";
        std::fs::create_dir(folder.path().join("two")).unwrap();
        for (name, text) in [
            ("p.onnx", ""),
            ("p.onnx.json", ""),
            ("other.onnx.json", ""),
            ("two/a.onnx", ""),
            ("two/v.onnx", ""),
            ("two/tokens.txt", ""),
            ("two/hark-voice.toml", toml),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let dropped = paths(&["p.onnx", "p.onnx.json", "other.onnx.json", "m.gguf"]);
        assert_eq!(without_companions(dropped), paths(&["p.onnx", "other.onnx.json", "m.gguf"]));
        let dropped = paths(&["two/v.onnx", "two/tokens.txt", "two/hark-voice.toml", "two/a.onnx"]);
        assert_eq!(without_companions(dropped), paths(&["two/a.onnx"]));
    }

    #[test]
    fn a_pasted_path_loses_its_quotes_and_its_scheme() {
        for (text, path) in [
            (" /a/b c.gguf \n", "/a/b c.gguf"),
            ("\"/a/b c.gguf\"", "/a/b c.gguf"),
            ("'/a'", "/a"),
            ("file:///a/b", "/a/b"),
            ("file:///a/my%20models/%E5%A5%BD.gguf", "/a/my models/好.gguf"),
            ("/a/100%20.gguf", "/a/100%20.gguf"),
            ("'/a", "'/a"),
            ("'", "'"),
        ] {
            assert_eq!(tidy(text), PathBuf::from(path), "{text}");
        }
    }
}
