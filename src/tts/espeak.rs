//! espeak-ng's own voice: over a hundred languages, no model file, at once. The voice when no other is installed.

use super::{SpeechStats, SynthesisError, Synthesizer, VoiceOptions, espeak_lib};
use crate::speech::is_han;
use crate::stt::EngineInfo;
use crate::turn::{CancelToken, Outcome};

/// Words per minute at speed 1; the library knows 80 to 450.
const WORDS_PER_MINUTE: f32 = 175.0;

/// The languages that are written with Chinese characters.
const CHINESE: [&str; 5] = ["cmn", "cmn-latn-pinyin", "hak", "yue", "zh"];

/// The language in which a clause can be said: an English answer through the Chinese voice, or a Chinese one through any
/// other, would be spelled out letter by letter.
fn language_for<'a>(own: &'a str, clause: &str) -> &'a str {
    let (han, latin) = (clause.chars().any(is_han), clause.chars().any(|c| c.is_ascii_alphabetic()));
    match (CHINESE.contains(&own), han, latin) {
        (true, false, true) => "en-us",
        // Japanese is written with some of these characters too.
        (false, true, _) if own != "ja" => "cmn",
        _ => own,
    }
}

/// A voice in one language. Clauses in the other one of English and Chinese are said in theirs.
#[derive(Debug)]
pub struct EspeakVoice {
    language: String,
    sample_rate: u32,
}

/// The languages that the installed library speaks (`af`, …, `cmn`, …, `en-us`), sorted. Empty when it has no data.
#[must_use]
pub fn languages() -> Vec<String> {
    espeak_lib::languages().unwrap_or_default()
}

impl EspeakVoice {
    /// The voice of a language (`en-us`, `cmn`, …).
    ///
    /// # Errors
    /// [`SynthesisError::Unsupported`] for a language that it does not speak, with close names;
    /// [`SynthesisError::RuntimeMissing`] without the library's data.
    pub fn load(language: &str) -> Result<Self, SynthesisError> {
        let mut espeak = espeak_lib::lock()?;
        espeak.set_language(language)?;
        Ok(EspeakVoice { language: language.to_owned(), sample_rate: espeak.rate()? })
    }
}

impl Synthesizer for EspeakVoice {
    fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    fn synthesize(
        &mut self,
        clause: &str,
        options: &VoiceOptions,
        cancel: &CancelToken,
        on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        let mut stats = SpeechStats::default();
        // Marks alone would be a pause, and a lone "?" is spelled out in some languages.
        if !clause.chars().any(|c| c.is_alphanumeric() || "%+=$&@#€£°".contains(c)) {
            return Ok(Outcome::Done(stats));
        }
        let mut espeak = espeak_lib::lock()?;
        if espeak.set_language(language_for(&self.language, clause)).is_err() {
            espeak.set_language(&self.language)?;
        }
        let speed = if options.speed.is_finite() { options.speed.clamp(0.25, 4.0) } else { 1.0 };
        let mut piece = Vec::new();
        let finished = espeak.speak(clause, (WORDS_PER_MINUTE * speed) as u32, &mut |samples| {
            if cancel.is_cancelled() {
                return false;
            }
            piece.clear();
            piece.extend(samples.iter().map(|sample| f32::from(*sample) / 32_768.0));
            super::apply_volume(&mut piece, options.volume);
            stats.samples = stats.samples.saturating_add(piece.len());
            on_audio(&piece);
            true
        })?;
        Ok(if finished && !cancel.is_cancelled() { Outcome::Done(stats) } else { Outcome::Cancelled })
    }

    fn synthesize_phonemes(
        &mut self,
        _phonemes: &str,
        _options: &VoiceOptions,
        _cancel: &CancelToken,
        _on_audio: &mut dyn FnMut(&[f32]),
    ) -> Result<Outcome<SpeechStats>, SynthesisError> {
        Err(SynthesisError::Unsupported("espeak-ng's own voice takes text, not IPA phonemes".to_owned()))
    }

    fn info(&self) -> EngineInfo {
        EngineInfo { engine: "espeak-ng".to_owned(), name: format!("espeak-ng {}", self.language), starter: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn spoken(voice: &mut EspeakVoice, text: &str, options: &VoiceOptions) -> Vec<f32> {
        let mut all = Vec::new();
        let outcome = voice.synthesize(text, options, &CancelToken::never(), &mut |piece| all.extend_from_slice(piece)).unwrap();
        assert_eq!(outcome, Outcome::Done(SpeechStats { samples: all.len() }));
        all
    }

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|s| s * s).sum::<f32>() / samples.len().max(1) as f32).sqrt()
    }

    #[test]
    fn says_hello_in_two_languages() {
        for (language, text) in [("en-us", "Hello there, how are you?"), ("cmn", "你好，今天天气很好。"), ("de", "Guten Tag.")] {
            let mut voice = EspeakVoice::load(language).unwrap();
            assert_eq!(voice.sample_rate(), 22_050);
            let samples = spoken(&mut voice, text, &VoiceOptions::default());
            let seconds = samples.len() as f32 / 22_050.0;
            assert!((0.5..8.0).contains(&seconds), "{language}: {seconds} s");
            assert!(rms(&samples) > 0.01, "{language} is silent: {}", rms(&samples));
            assert!(samples.iter().all(|s| s.abs() <= 1.0));
        }
    }

    #[test]
    fn speed_and_volume_are_in_effect() {
        let mut voice = EspeakVoice::load("en-us").unwrap();
        let text = "The quick brown fox jumps over the lazy dog.";
        let normal = spoken(&mut voice, text, &VoiceOptions::default());
        let fast = spoken(&mut voice, text, &VoiceOptions { speed: 2.0, ..VoiceOptions::default() });
        let ratio = fast.len() as f32 / normal.len() as f32;
        assert!((0.4..0.65).contains(&ratio), "{ratio}");
        let quiet = spoken(&mut voice, text, &VoiceOptions { volume: 0.1, ..VoiceOptions::default() });
        assert!((0.08..0.12).contains(&(rms(&quiet) / rms(&normal))));
        assert_eq!(rms(&spoken(&mut voice, text, &VoiceOptions { volume: 0.0, ..VoiceOptions::default() })), 0.0);
    }

    #[test]
    fn text_is_plain_text() {
        let mut voice = EspeakVoice::load("en-us").unwrap();
        let options = VoiceOptions::default();
        let bare = spoken(&mut voice, "hello", &options).len();
        // As SSML the tags would be silent, as mnemonics the brackets would be one word.
        assert!(spoken(&mut voice, "<speak>hello</speak>", &options).len() > bare * 3 / 2);
        assert!(spoken(&mut voice, "[[h@l'oU]] [[h@l'oU]]", &options).len() > bare * 2);
    }

    #[test]
    fn nothing_to_say_is_no_sound() {
        let mut voice = EspeakVoice::load("en-us").unwrap();
        for text in ["", "   ", "...", "?", "\n\n", "\0\u{1}"] {
            assert!(spoken(&mut voice, text, &VoiceOptions::default()).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_cancel_stops_it_early() {
        let mut voice = EspeakVoice::load("en-us").unwrap();
        let (token, mut clock) = CancelToken::with_clock();
        let text = "This is a long sentence. ".repeat(2_000);
        let (start, mut pieces) = (Instant::now(), 0);
        let outcome = voice.synthesize(&text, &VoiceOptions::default(), &token, &mut |_| {
            pieces += 1;
            if pieces == 3 {
                clock.advance_to(crate::turn::TurnId(1));
            }
        });
        assert_eq!(outcome.unwrap(), Outcome::Cancelled);
        assert_eq!(pieces, 3);
        assert!(start.elapsed().as_millis() < 1_000, "{:?}", start.elapsed());
    }

    #[test]
    fn languages_are_many_and_unknown_ones_are_refused() {
        let languages = languages();
        assert!(languages.len() > 90 && languages.iter().any(|name| name == "cmn"), "{languages:?}");
        let error = EspeakVoice::load("en-moon").unwrap_err().to_string();
        assert!(error.contains("en-gb") && error.ends_with('.'), "{error}");
        let mut voice = EspeakVoice::load("en-us").unwrap();
        let result = voice.synthesize_phonemes("həlˈoʊ", &VoiceOptions::default(), &CancelToken::never(), &mut |_| {});
        assert!(matches!(result, Err(SynthesisError::Unsupported(_))));
    }

    #[test]
    fn the_languages_are_listed_while_a_clause_is_spoken() {
        let speaking = espeak_lib::lock().unwrap();
        let (tell, told) = crossbeam_channel::bounded(1);
        // The window asks from its own thread; the time is only there so that a wait without end fails.
        std::thread::Builder::new().name("asks".to_owned()).spawn(move || tell.send(languages())).unwrap();
        let names = told.recv_timeout(std::time::Duration::from_secs(20)).expect("it must not wait for the voice");
        assert!(names.iter().any(|name| name == "cmn"), "{names:?}");
        drop(speaking);
    }

    #[test]
    fn a_clause_is_said_in_the_language_of_its_letters() {
        for (own, clause, language) in [
            ("cmn", "The capital of France is Paris.", "en-us"),
            ("cmn", "巴黎是法国的首都。", "cmn"),
            ("cmn", "我用 Rust 写。", "cmn"),
            ("cmn", "19", "cmn"),
            ("en-us", "你好", "cmn"),
            ("ja", "東京です", "ja"),
            ("de", "Guten Tag", "de"),
        ] {
            assert_eq!(language_for(own, clause), language, "{clause}");
        }
    }
}
