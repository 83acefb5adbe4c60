//! The picture of one turn: a lane for each thread, time from left to right, 0 where the key went up, and a mark at the
//! first sound. Plain SVG without scripts; colours follow the reader's light or dark scheme.

use crate::trace::{Lane, Span, Timeline, Work};
use crate::turn::Moment;
use std::fmt::Write;

const WIDTH: f64 = 960.0;
const LEFT: f64 = 96.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const LANE: f64 = 34.0;
const BAR: f64 = 20.0;
/// Shorter ones could not be seen.
const THINNEST: f64 = 1.5;
/// A legend's column.
const COLUMN: f64 = 140.0;
/// Lines of the time axis, at most.
const TICKS: f64 = 12.0;

const STYLE: &str = "\
    svg { color: #1f2430; font: 13px system-ui, sans-serif } \
    .paper { fill: #ffffff } text { fill: currentColor } .small { font-size: 11px; opacity: .75 } .title { font-size: 15px; font-weight: 600 } \
    .grid { stroke: currentColor; opacity: .15 } .zero { stroke: currentColor; stroke-width: 1.5 } .row { fill: currentColor; opacity: .04 } \
    .first { stroke: #d6336c; stroke-width: 2 } .first-text { fill: #d6336c; font-weight: 600 } \
    .held { fill: #868e96 } .tail { fill: #ced4da } .phrase { fill: #74c0fc } .transcribe { fill: #1c7ed6 } .prefill { fill: #b197fc } \
    .prompt { fill: #845ef7 } .decode { fill: #5f3dc4 } .synthesis { fill: #f08c00 } .playing { fill: #2f9e44 } \
    @media (prefers-color-scheme: dark) { svg { color: #e6e8ee } .paper { fill: #14161c } .tail { fill: #495057 } .decode { fill: #7950f2 } \
    .prompt { fill: #9775fa } .transcribe { fill: #339af0 } .first { stroke: #f783ac } .first-text { fill: #f783ac } }";

const WORKS: [Work; 9] =
    [Work::Held, Work::Tail, Work::Phrase, Work::Transcribe, Work::Prefill, Work::Prompt, Work::Decode, Work::Synthesis, Work::Playing];

fn class(work: Work) -> &'static str {
    match work {
        Work::Held => "held",
        Work::Tail => "tail",
        Work::Phrase => "phrase",
        Work::Transcribe => "transcribe",
        Work::Prefill => "prefill",
        Work::Prompt => "prompt",
        Work::Decode => "decode",
        Work::Synthesis => "synthesis",
        Work::Playing => "playing",
    }
}

fn words(work: Work) -> &'static str {
    match work {
        Work::Held => "key held",
        Work::Tail => "end of recording",
        Work::Phrase => "phrase while held",
        Work::Transcribe => "rest transcribed",
        Work::Prefill => "computed ahead",
        Work::Prompt => "prompt",
        Work::Decode => "answer written",
        Work::Synthesis => "voice synthesised",
        Work::Playing => "sounds",
    }
}

fn lane_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Key => "Key",
        Lane::Capture => "Microphone",
        Lane::Stt => "Hearing",
        Lane::Llm => "Thinking",
        Lane::Tts => "Voice",
        Lane::Playback => "Speaker",
    }
}

/// Milliseconds before (negative) and after the end of the input that the picture shows, and the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    from: f64,
    to: f64,
    step: f64,
}

/// 1, 2 or 5 times a power of ten, so that at most [`TICKS`] lines are drawn.
fn step(length: f64) -> f64 {
    let rough = (length / TICKS).max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough).unwrap_or(power * 10.0)
}

fn after(zero: Moment, at: Moment) -> f64 {
    if at >= zero { at.ms_since(zero) } else { -zero.ms_since(at) }
}

impl Axis {
    fn of(timeline: &Timeline) -> Axis {
        let from = after(timeline.input_end, timeline.begin()).min(0.0);
        let last = timeline.first_audio.map_or(0.0, |at| after(timeline.input_end, at));
        let to = after(timeline.input_end, timeline.end()).max(last);
        let step = step((to - from).max(1.0));
        Axis { from: (from / step).floor() * step, to: ((to / step).ceil() * step).max(step), step }
    }

    fn x(&self, ms: f64) -> f64 {
        LEFT + (ms - self.from) / (self.to - self.from) * (WIDTH - LEFT - RIGHT)
    }
}

/// Draws a turn. A turn without spans is an empty picture with an axis.
#[must_use]
pub fn draw(timeline: &Timeline) -> String {
    let axis = Axis::of(timeline);
    let bottom = TOP + LANE * Lane::ALL.len() as f64;
    let used: Vec<Work> = WORKS.into_iter().filter(|work| timeline.spans.iter().any(|span| span.work == *work)).collect();
    let per_row = ((WIDTH - LEFT) / COLUMN).floor().max(1.0) as usize;
    let height = bottom + 48.0 + 22.0 * used.len().div_ceil(per_row) as f64;
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Course of one turn</title>\n<style>{STYLE}</style>\n"
    );
    let _ = writeln!(out, "<rect class=\"paper\" width=\"{WIDTH}\" height=\"{height}\"/>");
    let _ = writeln!(out, "<text class=\"title\" x=\"12\" y=\"24\">One turn, in milliseconds; 0 is where the key went up</text>");
    for (row, lane) in Lane::ALL.into_iter().enumerate() {
        let y = TOP + LANE * row as f64;
        if row % 2 == 0 {
            let _ = writeln!(out, "<rect class=\"row\" x=\"0\" y=\"{y}\" width=\"{WIDTH}\" height=\"{LANE}\"/>");
        }
        let _ = writeln!(out, "<text x=\"12\" y=\"{}\">{}</text>", y + LANE / 2.0 + 4.5, lane_name(lane));
    }
    grid(&mut out, axis, bottom);
    timeline.spans.iter().for_each(|span| bar(&mut out, axis, timeline.input_end, span));
    if let Some(at) = timeline.first_audio {
        let ms = after(timeline.input_end, at);
        let x = axis.x(ms);
        // Right of the line there may be no room for the words.
        let (anchor, text_x) = if x > WIDTH - 170.0 { ("end", x - 6.0) } else { ("start", x + 6.0) };
        let _ = writeln!(out, "<line class=\"first\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>", TOP - 14.0);
        let _ = writeln!(
            out,
            "<text class=\"first-text\" x=\"{text_x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">first sound {ms:.0} ms</text>",
            TOP - 4.0
        );
    }
    for (place, work) in used.into_iter().enumerate() {
        let (x, y) = (LEFT + COLUMN * (place % per_row) as f64, bottom + 40.0 + 22.0 * (place / per_row) as f64);
        let _ = writeln!(out, "<rect class=\"{}\" x=\"{x}\" y=\"{}\" width=\"14\" height=\"14\" rx=\"2\"/>", class(work), y - 11.0);
        let _ = writeln!(out, "<text x=\"{}\" y=\"{y}\">{}</text>", x + 20.0, words(work));
    }
    out.push_str("</svg>\n");
    out
}

fn grid(out: &mut String, axis: Axis, bottom: f64) {
    let lines = ((axis.to - axis.from) / axis.step).round() as i32;
    for line in 0..=lines {
        let ms = axis.from + f64::from(line) * axis.step;
        let x = axis.x(ms);
        let class = if ms.abs() < axis.step / 1000.0 { "zero" } else { "grid" };
        let _ = writeln!(out, "<line class=\"{class}\" x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>");
        let _ = writeln!(out, "<text class=\"small\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{ms:.0}</text>", bottom + 16.0);
    }
}

fn bar(out: &mut String, axis: Axis, zero: Moment, span: &Span) {
    let row = Lane::ALL.iter().position(|lane| *lane == span.lane).unwrap_or(0);
    let (from, to) = (axis.x(after(zero, span.from)), axis.x(after(zero, span.to)));
    let (y, width) = (TOP + LANE * row as f64 + (LANE - BAR) / 2.0, (to - from).max(THINNEST));
    let tip = format!("{}: {:.0} ms from {:.0}", words(span.work), span.ms(), after(zero, span.from));
    let _ = writeln!(
        out,
        "<rect class=\"{}\" x=\"{from:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\"><title>{tip}</title></rect>",
        class(span.work)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ms: i64) -> Moment {
        Moment(Duration::from_millis((5000 + ms).unsigned_abs()))
    }

    fn example() -> Timeline {
        let span = |lane, work, from, to| Span { lane, work, from: at(from), to: at(to) };
        let spans = vec![
            span(Lane::Key, Work::Held, -1800, 0),
            span(Lane::Stt, Work::Phrase, -900, -780),
            span(Lane::Llm, Work::Prefill, -770, -500),
            span(Lane::Capture, Work::Tail, 0, 120),
            span(Lane::Stt, Work::Transcribe, 122, 240),
            span(Lane::Llm, Work::Prompt, 242, 300),
            span(Lane::Llm, Work::Decode, 300, 2200),
            span(Lane::Tts, Work::Synthesis, 420, 500),
            span(Lane::Tts, Work::Synthesis, 1100, 1300),
            span(Lane::Playback, Work::Playing, 503, 2000),
        ];
        Timeline { input_end: at(0), first_audio: Some(at(503)), spans }
    }

    #[test]
    fn the_axis_covers_the_turn_and_has_a_line_at_zero() {
        let axis = Axis::of(&example());
        assert_eq!((axis.from, axis.to, axis.step), (-2000.0, 2500.0, 500.0));
        assert!((axis.x(axis.from) - LEFT).abs() < 1e-9 && (axis.x(axis.to) - (WIDTH - RIGHT)).abs() < 1e-9);
        let steps = [1.0, 7.0, 13.0, 100.0, 4000.0, 59_000.0].map(step);
        assert_eq!(steps, [1.0, 1.0, 2.0, 10.0, 500.0, 5000.0]);
        for length in [3.0, 999.0, 123_456.0] {
            assert!(length / step(length) <= TICKS);
        }
    }

    #[test]
    fn each_span_is_a_bar_in_its_lane_and_inside_the_picture() {
        let picture = draw(&example());
        let bars: Vec<&str> = picture.lines().filter(|line| line.starts_with("<rect") && line.contains("<title>")).collect();
        assert_eq!(bars.len(), example().spans.len());
        let number = |bar: &str, name: &str| -> f64 {
            bar.split(&format!(" {name}=\"")).nth(1).and_then(|rest| rest.split('"').next()).unwrap().parse().unwrap()
        };
        for bar in &bars {
            assert!(number(bar, "x") >= LEFT - 0.1 && number(bar, "x") + number(bar, "width") <= WIDTH - RIGHT + THINNEST, "{bar}");
        }
        // The second is hearing, the third lane from above.
        assert_eq!(number(bars[1], "y"), TOP + 2.0 * LANE + (LANE - BAR) / 2.0);
        assert!(picture.contains("first sound 503 ms") && picture.contains("class=\"zero\""));
        assert!(!picture.contains("<script"));
        for work in WORKS {
            assert!(picture.contains(&format!("\">{}</text>", words(work))), "{} is not in the legend", words(work));
        }
    }

    #[test]
    fn an_empty_turn_is_an_axis() {
        let picture = draw(&Timeline::default());
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n") && !picture.contains("NaN"), "{picture}");
    }
}
