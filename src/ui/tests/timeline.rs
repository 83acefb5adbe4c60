//! The picture of a turn behind the latency figure.

use super::*;
use crate::trace::{Lane, Span, Timeline, Work};
use crate::turn::Moment;
use std::time::Duration;

fn turn() -> [Event; 3] {
    let at = |ms| Moment(Duration::from_millis(ms));
    let span = |lane, work, from, to| Span { lane, work, from: at(from), to: at(to) };
    let spans = vec![
        span(Lane::Key, Work::Held, 1_000, 4_000),
        span(Lane::Capture, Work::Tail, 4_000, 4_120),
        span(Lane::Stt, Work::Transcribe, 4_120, 4_420),
        span(Lane::Llm, Work::Prompt, 4_420, 4_500),
        span(Lane::Llm, Work::Decode, 4_500, 4_840),
        span(Lane::Tts, Work::Synthesis, 4_600, 4_700),
        span(Lane::Playback, Work::Playing, 4_720, 9_000),
    ];
    let timeline = Timeline { input_end: at(4_000), first_audio: Some(at(4_720)), spans };
    let t = TurnId(1);
    [
        Event::UserText { turn: t, text: "Who are you?".into(), language: "en".into(), confidence: 1.0 },
        Event::Timing(t, Timing { stt_ms: Some(300.0), first_audio_ms: Some(720.0), ..Timing::default() }),
        Event::Timeline(t, timeline),
    ]
}

#[test]
fn the_figure_opens_by_key_a_picture_that_can_also_be_read_aloud() {
    for (language, figure, words) in [
        (
            UiLanguage::English,
            "After you stopped speaking: first sound 0.72 s",
            "Who worked when: You 3.00 s, Microphone 0.12 s, Hearing 0.30 s, Thinking 0.42 s, Voice 0.10 s, Speaker 4.28 s, first sound 0.72 s",
        ),
        (
            UiLanguage::Chinese,
            "从你说完开始计时：开始发声 0.72 s",
            "各部分何时工作: 你 3.00 s，麦克风 0.12 s，听写 0.30 s，思考 0.42 s，声音 0.10 s，扬声器 4.28 s，开始发声 0.72 s",
        ),
    ] {
        let mut w = Window::new(language, [440.0, 720.0]).idle();
        w.send(turn());
        w.harness.get_by_role_and_label(Role::Button, figure).focus();
        w.harness.run_steps(2);
        w.key(egui::Key::Enter, true, false);
        w.key(egui::Key::Enter, false, false);
        w.harness.run_steps(4);
        let picture = w.harness.get_by_role_and_label(Role::Image, words);
        assert!(picture.rect().width() > 250.0 && picture.rect().height() > 100.0);
    }
}

#[test]
fn a_turn_without_a_course_has_no_picture_and_the_smallest_window_has_room_for_one() {
    let mut w = Window::new(UiLanguage::English, [340.0, 480.0]).idle();
    let [question, timing, timeline] = turn();
    w.send([question, timing]);
    w.click("After you stopped speaking: first sound 0.72 s");
    assert!(w.harness.query_by_role(Role::Image).is_none());
    w.send([timeline]);
    w.harness.run_steps(4);
    let place = w.harness.get_by_role(Role::Image).rect();
    assert!(place.left() >= 0.0 && place.right() <= 340.0 && place.top() >= 0.0 && place.bottom() <= 480.0, "{place:?}");
    w.send([Event::ConversationCleared]);
    assert!(w.harness.query_by_role(Role::Image).is_none());
}
