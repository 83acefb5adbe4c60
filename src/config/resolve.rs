//! From settings, command line and what is installed to one [`Config`]. Wishes of the command line go before the settings,
//! and both before what is found.

use super::paths::Surroundings;
use super::settings::{Settings, UiLanguage};
use super::{Config, EngineSet, Spare, VoiceChoice};
use crate::error::{Severity, Stage, StageError};
use crate::llm::prompt;
use crate::llm::{ChatOptions, Sampling};
use crate::models::store::{self, Inventory, ModelEntry};
use crate::models::voice_files::{VoiceFiles, VoiceForm};
use crate::models::voice_toml::VoiceToml;
use crate::stt::chinese::ChineseScript;
use crate::stt::{Phrases, SpokenLanguage, SttOptions};
use crate::tts::piper::{PhonemeType, PiperConfig};
use crate::tts::{VoiceOptions, espeak, languages};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More threads than this make a short answer no faster on a laptop and take the cores from everything else.
const MOST_THREADS_BY_DEFAULT: u32 = 4;

/// espeak-ng's voice when nothing else is known or there.
const ENGLISH: &str = "en-us";

/// What the command line says; `None`: nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Overrides {
    /// A folder whose models go before all others.
    pub models: Option<PathBuf>,
    /// The speech model.
    pub stt: Option<PathBuf>,
    /// The chat model.
    pub chat: Option<PathBuf>,
    /// The voice.
    pub voice: Option<VoiceChoice>,
    /// Real engines or fakes.
    pub engines: Option<EngineSet>,
    /// See [`VoiceOptions`].
    pub speed: Option<f32>,
    /// See [`VoiceOptions`].
    pub noise: Option<f32>,
    /// See [`VoiceOptions`].
    pub noise_width: Option<f32>,
    /// See [`VoiceOptions`].
    pub speaker: Option<u32>,
    /// See [`VoiceOptions`].
    pub volume: Option<f32>,
    /// See [`Sampling`].
    pub temperature: Option<f32>,
    /// See [`Sampling`].
    pub top_p: Option<f32>,
    /// See [`Sampling`].
    pub top_k: Option<i32>,
    /// See [`Sampling`].
    pub min_p: Option<f32>,
    /// See [`Sampling`].
    pub repeat_penalty: Option<f32>,
    /// See [`Sampling`].
    pub seed: Option<u32>,
    /// Longest answer, tokens.
    pub max_tokens: Option<u32>,
    /// Size of the context, tokens.
    pub context: Option<u32>,
    /// The system prompt.
    pub system: Option<String>,
    /// Threads of each engine.
    pub threads: Option<u32>,
    /// Languages that are spoken; empty: all.
    pub languages: Option<Vec<String>>,
}

/// Looks for models in all folders and puts the configuration together.
///
/// The notices say which of the settings' files are gone (then the best other one is taken). A file that the command line
/// names is taken as it is: its loading says what is wrong with it.
#[must_use]
pub fn resolve(settings: &Settings, overrides: &Overrides, surroundings: &Surroundings) -> (Config, Vec<StageError>) {
    let folders = surroundings.model_folders(overrides.models.as_deref(), settings.models.folder.as_deref());
    let mut inventory = store::scan(&folders);
    let spoken = overrides.languages.as_ref().unwrap_or(&settings.hearing.languages);
    // espeak-ng's data is loaded only where the answer counts.
    if espeak_default(&answered(spoken, settings, surroundings), !spoken.is_empty(), &[]) != ENGLISH {
        inventory.espeak_languages = espeak::languages();
    }
    resolve_with(settings, overrides, surroundings, &inventory)
}

/// [`resolve`] with an inventory that is already there.
#[must_use]
pub fn resolve_with(
    settings: &Settings,
    overrides: &Overrides,
    surroundings: &Surroundings,
    inventory: &Inventory,
) -> (Config, Vec<StageError>) {
    let mut notices = Vec::new();
    let preferred = overrides.models.as_deref();
    let threads = overrides.threads.or(settings.hearing.threads).unwrap_or_else(|| default_threads(surroundings.cores));
    let spoken = overrides.languages.as_ref().unwrap_or(&settings.hearing.languages);
    let answered = answered(spoken, settings, surroundings);
    let ears = hearing(&inventory.stt, &answered);
    let stt_model = overrides
        .stt
        .clone()
        .or_else(|| if_there(settings.models.stt.as_deref(), Stage::Stt, "speech model", &mut notices))
        .or_else(|| best(&ears, preferred));
    let chat_model = overrides
        .chat
        .clone()
        .or_else(|| if_there(settings.models.chat.as_deref(), Stage::Llm, "chat model", &mut notices))
        .or_else(|| best(&inventory.chat, preferred));
    let espeak = VoiceChoice::Espeak(espeak_default(&answered, !spoken.is_empty(), &inventory.espeak_languages).to_owned());
    let voice = overrides
        .voice
        .clone()
        .or_else(|| voice_of_settings(settings, &mut notices))
        .or_else(|| best_voice(&inventory.voices, preferred, &answered).map(VoiceChoice::Vits))
        .unwrap_or_else(|| espeak.clone());
    let voice_languages = match &voice {
        VoiceChoice::Vits(path) => store::entry(path).languages,
        VoiceChoice::Espeak(_) => Vec::new(),
    };
    let spare = Spare {
        stt: if overrides.stt.is_some() { Vec::new() } else { ears },
        chat: if overrides.chat.is_some() { Vec::new() } else { inventory.chat.clone() },
        voices: if overrides.voice.is_some() { Vec::new() } else { spare_voices(&voice_languages, &inventory.voices, espeak) },
    };
    let files = [&voice].into_iter().chain(&spare.voices).filter_map(|voice| match voice {
        VoiceChoice::Vits(path) => Some(path),
        VoiceChoice::Espeak(_) => None,
    });
    let digitless_voices = files.filter(|path| !reads_digits(path)).cloned().collect();
    let config = Config {
        engines: overrides.engines.unwrap_or_default(),
        stt_model,
        chat_model,
        voice,
        voice_languages,
        digitless_voices,
        spare,
        voice_threads: threads,
        fit_memory: settings.models.fit_memory,
        save_on_battery: settings.power.save_on_battery,
        speculate: true,
        stt: SttOptions { language: heard(spoken), threads, phrases: Phrases::Auto, script: script(spoken) },
        chat: ChatOptions { cache: surroundings.cache_dir.clone(), ..chat_options(settings, overrides, &answered) },
        voice_options: VoiceOptions {
            speed: overrides.speed.unwrap_or(settings.voice.speed),
            noise: overrides.noise.or(settings.voice.noise),
            noise_width: overrides.noise_width.or(settings.voice.noise_width),
            speaker: overrides.speaker.or(settings.voice.speaker),
            volume: overrides.volume.unwrap_or(settings.voice.volume),
        },
        microphone: settings.audio.microphone.clone(),
        speaker: settings.audio.speaker.clone(),
        mute: settings.audio.mute,
        keep_microphone_open: settings.audio.keep_microphone_open,
        unload_after: settings.models.unload_after_minutes.map(|minutes| Duration::from_secs(60 * u64::from(minutes))),
    };
    (config, notices)
}

/// The voices that speak what the chosen one speaks, and espeak-ng's own. One of another language would be no help.
fn spare_voices(spoken: &[String], all: &[ModelEntry], espeak: VoiceChoice) -> Vec<VoiceChoice> {
    let same = all.iter().filter(|voice| !spoken.is_empty() && spoken.iter().all(|language| voice.languages.contains(language)));
    same.map(|voice| VoiceChoice::Vits(voice.path.clone())).chain([espeak]).collect()
}

/// `espeak:LANG` or a voice file.
///
/// # Errors
/// A sentence, when nothing is named.
pub fn parse_voice(text: &str) -> Result<VoiceChoice, String> {
    match text.trim().strip_prefix("espeak:") {
        Some(language) if language.trim().is_empty() => Err("a language is missing after espeak:, for example espeak:en-us".to_owned()),
        Some(language) => Ok(VoiceChoice::Espeak(language.trim().to_owned())),
        None if text.trim().is_empty() => Err("a voice file or espeak:LANG is needed".to_owned()),
        None => Ok(VoiceChoice::Vits(PathBuf::from(text))),
    }
}

/// One core is left for the rest of the desktop: ggml's threads wait in a circle for the slowest of them, and with one
/// busy neighbour on the same core decoding fell from 39 to 0.7 tokens/s.
fn default_threads(cores: usize) -> u32 {
    u32::try_from(cores.saturating_sub(1)).unwrap_or(MOST_THREADS_BY_DEFAULT).clamp(1, MOST_THREADS_BY_DEFAULT)
}

/// The first entry is the best; one in the folder that the command line names goes before it.
fn best(entries: &[ModelEntry], preferred: Option<&Path>) -> Option<PathBuf> {
    let in_preferred = preferred.and_then(|dir| entries.iter().find(|entry| entry.path.starts_with(dir)));
    in_preferred.or(entries.first()).map(|entry| entry.path.clone())
}

/// The speech models that know what is spoken, in their order. One that knows English only writes English words whatever it
/// hears, so it is taken for another language only when there is nothing else.
fn hearing(all: &[ModelEntry], spoken: &[String]) -> Vec<ModelEntry> {
    let knows = |model: &&ModelEntry| model.languages.is_empty() || spoken.iter().all(|language| model.languages.contains(language));
    let able: Vec<ModelEntry> = all.iter().filter(knows).cloned().collect();
    if able.is_empty() { all.to_vec() } else { able }
}

/// The first voice of the first language that one of them speaks: an English voice makes nothing of a Chinese answer. Without
/// such a one the best as of any other model, but none that came with the program: espeak-ng's voice speaks the language.
fn best_voice(voices: &[ModelEntry], preferred: Option<&Path>, answered: &[String]) -> Option<PathBuf> {
    let in_folder = |voice: &&ModelEntry| preferred.is_none_or(|dir| voice.path.starts_with(dir));
    let speaks = |language: &String| voices.iter().filter(in_folder).find(|voice| voice.languages.contains(language));
    let any = || voices.iter().filter(|voice| !voice.starter || voice.languages.is_empty()).cloned().collect::<Vec<_>>();
    answered.iter().find_map(speaks).map(|voice| voice.path.clone()).or_else(|| best(&any(), preferred))
}

/// The settings' file if it is still there; otherwise a notice.
fn if_there(path: Option<&Path>, stage: Stage, what: &str, notices: &mut Vec<StageError>) -> Option<PathBuf> {
    let path = path.filter(|path| !path.as_os_str().is_empty())?;
    if path.is_file() {
        return Some(path.to_owned());
    }
    let message = format!("The {what} of the settings, {}, is not there any more; the best other one is used.", path.display());
    notices.push(StageError::new(stage, Severity::Info, message, "Put it back or choose another in the settings."));
    None
}

fn voice_of_settings(settings: &Settings, notices: &mut Vec<StageError>) -> Option<VoiceChoice> {
    match parse_voice(settings.models.voice.as_deref()?) {
        Ok(VoiceChoice::Vits(path)) => if_there(Some(&path), Stage::Tts, "voice", notices).map(VoiceChoice::Vits),
        Ok(espeak) => Some(espeak),
        Err(_) => None,
    }
}

/// The languages that answers are expected in, the main one first: those that are spoken to it, else the window's.
fn answered(spoken: &[String], settings: &Settings, surroundings: &Surroundings) -> Vec<String> {
    let window = match settings.window.language {
        UiLanguage::Chinese => "zh",
        UiLanguage::English => "en",
        UiLanguage::System => surroundings.language.as_str(),
    };
    let code = |language: &str| languages::code_of(language);
    match spoken {
        [] => code(window).into_iter().collect(),
        several => several.iter().filter_map(|language| code(language)).collect(),
    }
}

/// espeak-ng's voice of the first language. When none was chosen, only of Chinese, which says English, too: a machine that is
/// set to German may well have nothing but the starter models, and these know English only. `installed`: the languages that the
/// library of this machine speaks; empty: not known.
fn espeak_default(answered: &[String], chosen: bool, installed: &[String]) -> &'static str {
    let first = answered.first().filter(|first| chosen || *first == "zh");
    let wished = first.and_then(|first| languages::espeak_voice(first)).unwrap_or(ENGLISH);
    let is_there = |name: &&str| installed.is_empty() || installed.iter().any(|language| language == name);
    // Older libraries call it `zh`; it says the characters of Cantonese, too.
    let chinese = ["cmn", "zh"].into_iter().filter(|_| matches!(wished, "cmn" | "yue"));
    [wished].into_iter().chain(chinese).find(is_there).unwrap_or(ENGLISH)
}

/// Whether a voice file's text goes through espeak-ng, which says numbers in the voice's language. Letters and the words of a
/// lexicon are the symbols of the others: a digit is none, and would be left out without a word.
fn reads_digits(path: &Path) -> bool {
    VoiceFiles::of(path).is_ok_and(|files| match files.form {
        // Why a broken config is none, its loading says.
        VoiceForm::Piper => PiperConfig::read(&files.config).map_or(true, |config| config.phoneme_type == PhonemeType::Espeak),
        VoiceForm::TwoFiles => VoiceToml::read(&files.config).is_ok_and(|voice| voice.espeak.is_some()),
        VoiceForm::Lexicon | VoiceForm::Letters => false,
    })
}

/// The characters of Mandarin: those of the first language that says which (`zh-TW`).
fn script(spoken: &[String]) -> ChineseScript {
    spoken.iter().find_map(|tag| ChineseScript::of_tag(tag)).unwrap_or_default()
}

fn heard(languages: &[String]) -> SpokenLanguage {
    match languages {
        [one] => SpokenLanguage::Fixed(one.clone()),
        several => SpokenLanguage::Detect(several.to_vec()),
    }
}

fn chat_options(settings: &Settings, overrides: &Overrides, answered: &[String]) -> ChatOptions {
    let chat = &settings.chat;
    let system = overrides.system.as_deref().unwrap_or(&chat.system);
    let context_tokens = overrides.context.unwrap_or(chat.context_tokens);
    ChatOptions {
        system: if system.trim().is_empty() { prompt::built_in(answered.first().map(String::as_str)) } else { system }.into(),
        context_tokens,
        // An answer that fills the context leaves no room for the question.
        max_tokens: overrides.max_tokens.unwrap_or(chat.max_tokens).min(context_tokens / 2).max(1),
        sampling: Sampling {
            temperature: overrides.temperature.unwrap_or(chat.temperature),
            top_p: overrides.top_p.unwrap_or(chat.top_p),
            top_k: overrides.top_k.unwrap_or(chat.top_k),
            min_p: overrides.min_p.unwrap_or(chat.min_p),
            repeat_penalty: overrides.repeat_penalty.unwrap_or(chat.repeat_penalty),
            seed: overrides.seed.or(chat.seed),
        },
        // 0: what was measured to be the fastest.
        threads: overrides.threads.or(chat.threads).or(settings.hearing.threads).unwrap_or(0),
        adapt: true,
        flash_attention: chat.flash_attention,
        cache: None,
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
