//! The small picture of a turn behind the latency figure: who worked when, before and after the key went up.

use super::status_line::seconds;
use super::{UiContext, theme};
use crate::trace::{Lane, Timeline, Work};
use crate::turn::Moment;
use egui::{Align2, Color32, CornerRadius, Rect, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2};

/// Height of a lane.
const LANE: f32 = 18.0;
/// Height of a bar in it.
const BAR: f32 = 10.0;
/// A piece of work of a millisecond can still be seen.
const NARROWEST: f32 = 2.0;
/// Width of the names, points.
const NAMES: f32 = 88.0;
/// Room under the lanes for the two times.
const FOOT: f32 = 18.0;
/// Least part of a second that is shown after the key went up.
const LEAST_AFTER_MS: f64 = 200.0;

/// The part of the turn that the picture shows, ms; 0 is the end of the input.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Range {
    from: f64,
    to: f64,
}

/// `moment` on the picture's axis, ms.
fn axis(timeline: &Timeline, moment: Moment) -> f64 {
    moment.ms_since(timeline.input_end) - timeline.input_end.ms_since(moment)
}

/// What matters is the wait: all of it, a little of the speech after it, and of the question before it no more than that.
fn range(timeline: &Timeline) -> Range {
    let heard = timeline.first_audio.map(|at| axis(timeline, at).max(0.0) * 1.35);
    let to = heard.unwrap_or_else(|| axis(timeline, timeline.end())).max(LEAST_AFTER_MS);
    Range { from: axis(timeline, timeline.begin()).max(-to * 0.8).min(0.0), to }
}

/// The lanes in words.
fn name<'a>(lane: Lane, cx: &UiContext<'a>) -> &'a str {
    match lane {
        Lane::Key => cx.texts.t("timeline.you"),
        Lane::Capture => cx.texts.t("timeline.microphone"),
        Lane::Stt => cx.texts.t("timeline.hearing"),
        Lane::Llm => cx.texts.t("timeline.thinking"),
        Lane::Tts => cx.texts.t("timeline.voice"),
        Lane::Playback => cx.texts.t("timeline.speaker"),
    }
}

/// The colours of the talk button: what is red there is red here.
fn color(lane: Lane, work: Work, cx: &UiContext<'_>) -> Color32 {
    let t = cx.tokens;
    let base = match lane {
        Lane::Key | Lane::Capture => t.listening,
        Lane::Stt | Lane::Llm => t.thinking,
        Lane::Tts => t.accent,
        Lane::Playback => t.speaking,
    };
    // What was done ahead, while the key was down, is paler.
    if matches!(work, Work::Phrase | Work::Prefill) { theme::mix(t.raised, base, 0.55) } else { base }
}

/// The picture in words, for screen readers: how long each worked, and when the first sound came.
fn words(timeline: &Timeline, cx: &UiContext<'_>) -> String {
    let mut parts = Vec::new();
    for lane in Lane::ALL {
        let ms: f64 = timeline.spans.iter().filter(|span| span.lane == lane).map(crate::trace::Span::ms).sum();
        if ms > 0.0 {
            parts.push(format!("{} {}", name(lane, cx), seconds(ms)));
        }
    }
    if let Some(at) = timeline.first_audio {
        parts.push(format!("{} {}", cx.texts.t("latency.first_sound"), seconds(axis(timeline, at))));
    }
    format!("{}: {}", cx.texts.t("timeline.title"), parts.join(cx.texts.t("timeline.comma")))
}

/// Draws the picture, `width` points wide.
pub fn timeline_ui(ui: &mut Ui, timeline: &Timeline, cx: &UiContext<'_>, width: f32) {
    if timeline.spans.is_empty() {
        return;
    }
    let t = cx.tokens;
    let height = LANE * Lane::ALL.len() as f32 + FOOT;
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, words(timeline, cx)));
    if !ui.is_rect_visible(rect) {
        return;
    }
    let shown = range(timeline);
    let area = Rect::from_min_max(rect.min + vec2(NAMES, 0.0), pos2(rect.right(), rect.bottom() - FOOT));
    let x = |ms: f64| area.left() + ((ms - shown.from) / (shown.to - shown.from)).clamp(0.0, 1.0) as f32 * area.width();
    let painter = ui.painter().clone();
    for (row, lane) in Lane::ALL.into_iter().enumerate() {
        let middle = area.top() + LANE * (row as f32 + 0.5);
        painter.text(pos2(rect.left(), middle), Align2::LEFT_CENTER, name(lane, cx), theme::font(theme::SMALL), t.secondary);
        painter.hline(area.x_range(), middle, Stroke::new(1.0, t.hairline));
        for span in timeline.spans.iter().filter(|span| span.lane == lane) {
            let (from, to) = (axis(timeline, span.from), axis(timeline, span.to));
            if to < shown.from || from > shown.to {
                continue;
            }
            let (left, right) = (x(from), x(to).max(x(from) + NARROWEST));
            let bar = Rect::from_min_max(pos2(left, middle - BAR / 2.0), pos2(right, middle + BAR / 2.0));
            painter.rect_filled(bar, CornerRadius::same(2), color(lane, span.work, cx));
        }
    }
    let mark = |ms: f64, strength: Color32| painter.vline(x(ms), area.y_range(), Stroke::new(1.0, strength));
    mark(0.0, t.text);
    let foot = area.bottom() + FOOT / 2.0;
    let label = |ms: f64, text: String, color: Color32| {
        let galley = painter.layout_no_wrap(text, theme::font(theme::SMALL), color);
        let left = (x(ms) - galley.size().x / 2.0).clamp(rect.left(), (rect.right() - galley.size().x).max(rect.left()));
        let place = Rect::from_min_size(pos2(left, foot - galley.size().y / 2.0), galley.size());
        painter.galley(place.min, galley, color);
        place
    };
    let Some(first) = timeline.first_audio.map(|at| axis(timeline, at)) else {
        label(0.0, cx.texts.t("timeline.zero").to_owned(), t.secondary);
        return;
    };
    mark(first, t.speaking);
    let sound = label(first, seconds(first), t.text);
    // Both words side by side, or only the one that counts.
    let zero = cx.texts.t("timeline.zero");
    let room = sound.left() - rect.left();
    let wide = painter.layout_no_wrap(zero.to_owned(), theme::font(theme::SMALL), t.secondary).size().x;
    if x(0.0) + wide / 2.0 + 6.0 < sound.left() && wide + 6.0 < room {
        label(0.0, zero.to_owned(), t.secondary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Span;
    use std::time::Duration;

    fn at(ms: u64) -> Moment {
        Moment(Duration::from_millis(ms))
    }

    fn timeline(first_audio: Option<u64>) -> Timeline {
        let span = |lane, work, from, to| Span { lane, work, from: at(from), to: at(to) };
        Timeline {
            input_end: at(10_000),
            first_audio: first_audio.map(at),
            spans: vec![
                span(Lane::Key, Work::Held, 6_000, 10_000),
                span(Lane::Stt, Work::Transcribe, 10_120, 10_300),
                span(Lane::Playback, Work::Playing, 10_600, 30_000),
            ],
        }
    }

    #[test]
    fn the_wait_fills_the_picture_however_long_the_question_and_the_answer_are() {
        let Range { from, to } = range(&timeline(Some(10_600)));
        assert!((to - 810.0).abs() < 1e-6 && (from + 648.0).abs() < 1e-6, "{from} to {to}");
        let silent = range(&timeline(None));
        assert_eq!((silent.from, silent.to), (-4_000.0, 20_000.0));
        let empty = range(&Timeline::default());
        assert_eq!(empty, Range { from: 0.0, to: LEAST_AFTER_MS });
        // The first sound before the end of the input (a stamp of another turn) must not turn the picture round.
        let odd = range(&timeline(Some(9_000)));
        assert!(odd.from <= 0.0 && odd.to >= LEAST_AFTER_MS);
    }

    #[test]
    fn moments_before_the_key_went_up_are_negative() {
        let line = timeline(None);
        assert_eq!((axis(&line, at(9_000)), axis(&line, at(10_000)), axis(&line, at(10_250))), (-1_000.0, 0.0, 250.0));
    }
}
