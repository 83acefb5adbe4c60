//! What a value may be: one table for the settings file (which is clamped) and for the command line (which refuses).

use super::settings::Settings;
use crate::error::{Severity, Stage, StageError};
use crate::stt::chinese::ChineseScript;
use std::ops::RangeInclusive;

/// Playing speed of the voice, see [`crate::tts::VoiceOptions`].
pub const SPEED: RangeInclusive<f32> = 0.25..=4.0;
/// VITS noise scale and noise width.
pub const NOISE: RangeInclusive<f32> = 0.0..=2.0;
/// Loudness of the voice.
pub const VOLUME: RangeInclusive<f32> = 0.0..=2.0;
/// Sampling temperature, see [`crate::llm::Sampling`].
pub const TEMPERATURE: RangeInclusive<f32> = 0.0..=2.0;
/// A probability: top-p and min-p.
pub const PROBABILITY: RangeInclusive<f32> = 0.0..=1.0;
/// Top-k; 0 is off.
pub const TOP_K: RangeInclusive<i32> = 0..=1000;
/// Repeat penalty; 1 is off, less than 1 would reward repeating.
pub const REPEAT_PENALTY: RangeInclusive<f32> = 1.0..=2.0;
/// Longest answer, tokens.
pub const MAX_TOKENS: RangeInclusive<u32> = 1..=8192;
/// Context, tokens; less than 256 holds no system prompt, question and answer.
pub const CONTEXT: RangeInclusive<u32> = 256..=131_072;
/// Threads of an engine.
pub const THREADS: RangeInclusive<u32> = 1..=64;
/// Minutes after which idle engines are unloaded.
pub const UNLOAD_MINUTES: RangeInclusive<u32> = 1..=1440;
/// Zoom of the window.
pub const ZOOM: RangeInclusive<f32> = 0.75..=2.5;
/// Width and height of the window, points.
pub const WINDOW: RangeInclusive<f32> = 240.0..=16_384.0;

/// Brings every value of the settings into its range and says which were not. A number that is none (NaN) becomes the
/// default.
pub fn clamp(settings: &mut Settings) -> Vec<StageError> {
    let defaults = Settings::default();
    let mut notices = Vec::new();
    let n = &mut notices;
    float(n, "window.zoom", &mut settings.window.zoom, &ZOOM, defaults.window.zoom);
    float(n, "window.size", &mut settings.window.size.0, &WINDOW, defaults.window.size.0);
    float(n, "window.size", &mut settings.window.size.1, &WINDOW, defaults.window.size.1);
    float(n, "chat.temperature", &mut settings.chat.temperature, &TEMPERATURE, defaults.chat.temperature);
    float(n, "chat.top_p", &mut settings.chat.top_p, &PROBABILITY, defaults.chat.top_p);
    float(n, "chat.min_p", &mut settings.chat.min_p, &PROBABILITY, defaults.chat.min_p);
    float(n, "chat.repeat_penalty", &mut settings.chat.repeat_penalty, &REPEAT_PENALTY, defaults.chat.repeat_penalty);
    whole(n, "chat.top_k", &mut settings.chat.top_k, &TOP_K);
    whole(n, "chat.max_tokens", &mut settings.chat.max_tokens, &MAX_TOKENS);
    whole(n, "chat.context_tokens", &mut settings.chat.context_tokens, &CONTEXT);
    float(n, "voice.speed", &mut settings.voice.speed, &SPEED, defaults.voice.speed);
    float(n, "voice.volume", &mut settings.voice.volume, &VOLUME, defaults.voice.volume);
    if let Some(noise) = &mut settings.voice.noise {
        float(n, "voice.noise", noise, &NOISE, 0.0);
    }
    if let Some(width) = &mut settings.voice.noise_width {
        float(n, "voice.noise_width", width, &NOISE, 0.0);
    }
    if let Some(threads) = &mut settings.hearing.threads {
        whole(n, "hearing.threads", threads, &THREADS);
    }
    if let Some(threads) = &mut settings.chat.threads {
        whole(n, "chat.threads", threads, &THREADS);
    }
    if let Some(minutes) = &mut settings.models.unload_after_minutes {
        whole(n, "models.unload_after_minutes", minutes, &UNLOAD_MINUTES);
    }
    settings.hearing.languages.retain_mut(|language| match language_code(language) {
        Some(code) => {
            *language = code;
            true
        }
        None => {
            n.push(notice(format!("The setting hearing.languages names \"{language}\", which is no language code; it is left out.")));
            false
        }
    });
    notices
}

/// A language as the speech model writes it: `zh-CN` and `ZH` are `zh`; `zh-TW` and `zh-HK` stay, because they say which
/// characters are meant. `None`: no code of two or three letters.
#[must_use]
pub fn language_code(text: &str) -> Option<String> {
    let main = text.trim().split(['-', '_']).next().unwrap_or_default().to_lowercase();
    match ChineseScript::of_tag(text.trim()) {
        Some(ChineseScript::Taiwan) => Some("zh-TW".to_owned()),
        Some(ChineseScript::HongKong) => Some("zh-HK".to_owned()),
        _ => (matches!(main.len(), 2 | 3) && main.bytes().all(|b| b.is_ascii_lowercase())).then_some(main),
    }
}

fn float(notices: &mut Vec<StageError>, name: &str, value: &mut f32, range: &RangeInclusive<f32>, default: f32) {
    let good = if value.is_nan() { default } else { value.clamp(*range.start(), *range.end()) };
    replace(notices, name, value, good, range);
}

fn whole<T: Ord + Copy + std::fmt::Display>(notices: &mut Vec<StageError>, name: &str, value: &mut T, range: &RangeInclusive<T>) {
    let good = (*value).clamp(*range.start(), *range.end());
    replace(notices, name, value, good, range);
}

fn replace<T: PartialEq + Copy + std::fmt::Display>(
    notices: &mut Vec<StageError>,
    name: &str,
    value: &mut T,
    good: T,
    range: &RangeInclusive<T>,
) {
    if *value != good {
        let (from, to) = (range.start(), range.end());
        notices.push(notice(format!("The setting {name} is {value}, which is not between {from} and {to}; {good} is used.")));
        *value = good;
    }
}

fn notice(message: String) -> StageError {
    StageError::new(Stage::Settings, Severity::Info, message, "Change it in the settings.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges() {
        let mut settings = Settings::default();
        assert_eq!(clamp(&mut settings), []);
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn values_out_of_range_are_clamped_and_each_is_said() {
        let mut settings = Settings::default();
        settings.voice.speed = 99.0;
        settings.chat.temperature = f32::NAN;
        settings.chat.top_k = -5;
        settings.chat.context_tokens = u32::MAX;
        settings.hearing.threads = Some(0);
        settings.chat.threads = Some(1000);
        settings.window.size = (f32::INFINITY, -1.0);
        settings.hearing.languages = vec!["zh-CN".into(), "Klingon language".into(), "EN".into(), "zh_tw".into(), "zh-HK".into()];
        let notices = clamp(&mut settings);
        assert_eq!(settings.voice.speed, 4.0);
        assert_eq!(settings.chat.temperature, Settings::default().chat.temperature);
        assert_eq!(settings.chat.top_k, 0);
        assert_eq!(settings.chat.context_tokens, 131_072);
        assert_eq!(settings.hearing.threads, Some(1));
        assert_eq!(settings.chat.threads, Some(64));
        assert_eq!(settings.window.size, (16_384.0, 240.0));
        assert_eq!(settings.hearing.languages, ["zh", "en", "zh-TW", "zh-HK"]);
        assert_eq!(notices.len(), 9, "{notices:#?}");
        assert!(notices.iter().any(|n| n.message.contains("voice.speed is 99")), "{notices:#?}");
    }
}
