//! `hark-voice.toml`: which file is what in a voice of two ONNX files, and how the two fit together.
//!
//! ```toml
//! format = 1
//! kind = "fastspeech2"              # or "matcha"
//! acoustic = "acoustic.onnx"        # symbols to mel frames
//! vocoder = "vocoder.onnx"          # mel frames to samples
//! tokens = "tokens.txt"
//! lexicon = "lexicon.txt"           # without it each character is a symbol
//! sample_rate = 22050
//! hop = 256                         # samples of a frame
//! bands = 80
//! acoustic_layout = "bands-first"   # [1, 80, n]; "frames-first" is [1, n, 80]
//! vocoder_layout = "bands-first"
//! ```
//! Instead of `lexicon`: `symbols = "pinyin"` for a voice of Mandarin whose symbols are initials (`zh`) and finals with their tone
//! (`ong1`), or `espeak = "en-us"` when they are phonemes of espeak-ng. Inputs whose names say nothing are explained in a table,
//! `[inputs]` with lines as `speed_ratios = "length-scale"`: `ids`, `length`, `mask`, `tones`, `speaker`, `noise`, `length-scale`
//! (twice is twice as slow), `rate` (twice is twice as fast), `one` (a factor that stays 1: pitch, energy).
//!
//! Also: `mel_output` (name of the acoustic model's output), `speed_input` with `speed = "length"` or `"rate"`, `speakers`,
//! `add_blank`, `blank_id`, `language`, and `terms = "non-commercial"` when the voice may be used for that only.

use crate::platform::files;
use crate::tts::graph::Role;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The name of the file.
pub const NAME: &str = "hark-voice.toml";
/// Real ones have 500 bytes.
const MAX_BYTES: u64 = 64 << 10;

/// Which axis of a mel comes first, after the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `[1, bands, frames]`.
    #[default]
    BandsFirst,
    /// `[1, frames, bands]`.
    FramesFirst,
}

/// What the number means that the acoustic model takes for its speed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speed {
    /// Length: twice is twice as slow.
    #[default]
    Length,
    /// Rate: twice is twice as fast.
    Rate,
}

/// What made the acoustic model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Acoustic {
    /// FastSpeech 2 and its relatives: the same text sounds the same each time.
    #[default]
    Fastspeech2,
    /// Matcha-TTS: takes a noise scale.
    Matcha,
}

impl Acoustic {
    /// The engine's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Acoustic::Fastspeech2 => "fastspeech2",
            Acoustic::Matcha => "matcha",
        }
    }
}

/// What the symbols are, where the table does not show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SymbolKind {
    /// Initials and finals of Mandarin.
    Pinyin,
}

/// What a voice may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// Not for money: so the recordings that it learnt from were given.
    NonCommercial,
}

/// A validated description.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VoiceToml {
    /// Version of the format; this program reads 1.
    pub format: u32,
    /// What made the acoustic model.
    #[serde(default)]
    pub kind: Acoustic,
    /// File of the acoustic model, in the same folder.
    pub acoustic: String,
    /// File of the vocoder.
    pub vocoder: String,
    /// File of the table of symbols.
    pub tokens: String,
    /// File of the lexicon.
    pub lexicon: Option<String>,
    /// espeak-ng's voice, when the symbols are its phonemes.
    pub espeak: Option<String>,
    /// What the symbols are.
    pub symbols: Option<SymbolKind>,
    /// Samples per second.
    pub sample_rate: u32,
    /// Samples of a frame.
    pub hop: u32,
    /// Mel bands of a frame.
    pub bands: u32,
    /// How the acoustic model gives its mel.
    #[serde(default)]
    pub acoustic_layout: Layout,
    /// How the vocoder takes it.
    #[serde(default)]
    pub vocoder_layout: Layout,
    /// Name of the acoustic model's output, when it gives several.
    pub mel_output: Option<String>,
    /// Name of the acoustic model's input for the speed, when it is an unusual one.
    pub speed_input: Option<String>,
    /// What that input means.
    #[serde(default)]
    pub speed: Speed,
    /// Speakers.
    #[serde(default = "one")]
    pub speakers: u32,
    /// A symbol that means nothing stands before, between and after the others; without: what the graph says, else not.
    pub add_blank: Option<bool>,
    /// That symbol.
    #[serde(default)]
    pub blank_id: u16,
    /// Its language, a code or a name; `zh` matters for the blank after words.
    #[serde(default)]
    pub language: String,
    /// Meanings of the acoustic model's inputs, by their names.
    #[serde(default)]
    pub inputs: BTreeMap<String, Role>,
    /// What it may be used for; without: nothing is known against any use.
    pub terms: Option<Terms>,
}

fn one() -> u32 {
    1
}

impl VoiceToml {
    /// Reads the description in a folder.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let metadata = std::fs::metadata(path).map_err(|_| format!("its {NAME} is missing"))?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Err(format!("its {NAME} is no description of a voice"));
        }
        let text = files::read_text(path, files::LARGEST_CONFIG).map_err(|error| format!("its {NAME} cannot be read ({error})"))?;
        Self::parse(&text).map_err(|reason| format!("its {NAME} {reason}"))
    }

    /// Reads the text of a description.
    ///
    /// # Errors
    /// What is wrong with it, to follow "its hark-voice.toml".
    pub fn parse(text: &str) -> Result<Self, String> {
        let found: VoiceToml = toml::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            let line = error.span().map(|span| 1 + text.get(..span.start).unwrap_or("").matches('\n').count());
            let reason = error.message().lines().next().unwrap_or("");
            // It repeats words of the file, which may be anything.
            let reason: String = reason.chars().filter(|c| !c.is_control()).take(160).collect();
            line.map_or(format!("cannot be read ({reason})"), |line| format!("is wrong in line {line} ({reason})"))
        })?;
        found.validate()?;
        Ok(found)
    }

    fn validate(&self) -> Result<(), String> {
        if self.format != 1 {
            return Err(format!("has the format {}, and this program knows 1", self.format));
        }
        let files = [Some(&self.acoustic), Some(&self.vocoder), Some(&self.tokens), self.lexicon.as_ref()];
        if let Some(wrong) = files.into_iter().flatten().find(|name| !is_plain_name(name)) {
            let wrong: String = wrong.chars().filter(|c| !c.is_control()).take(60).collect();
            return Err(format!("names the file \"{wrong}\", which is no name of a file beside it"));
        }
        if self.acoustic == self.vocoder {
            return Err("names the same file as acoustic model and as vocoder".to_owned());
        }
        let bounds = [
            ("sample_rate", self.sample_rate, 8_000..=48_000),
            ("hop", self.hop, 16..=4_096),
            ("bands", self.bands, 8..=512),
            ("speakers", self.speakers, 1..=65_536),
        ];
        if let Some((name, value, range)) = bounds.into_iter().find(|(_, value, range)| !range.contains(value)) {
            return Err(format!("gives {name} = {value}, and {} to {} are possible", range.start(), range.end()));
        }
        let name = |text: &String| (1..=40).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        let readers = [self.lexicon.is_some(), self.espeak.is_some(), self.symbols.is_some()];
        if readers.into_iter().filter(|there| *there).count() > 1 {
            return Err("has more than one of lexicon, espeak and symbols, and only one of them can be used".to_owned());
        }
        match &self.espeak {
            Some(voice) if !name(voice) => Err("names no voice of espeak-ng".to_owned()),
            _ => Ok(()),
        }
    }
}

/// The name of a file in the same folder: no way out of it, on no system.
fn is_plain_name(name: &str) -> bool {
    (1..=200).contains(&name.len()) && !matches!(name, "." | "..") && !name.chars().any(|c| matches!(c, '/' | '\\' | ':') || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 22050\nhop = 256\nbands = 80\n";

    #[test]
    fn a_refusal_holds_no_control_characters_of_the_file() {
        // Found by fuzzing: a kind that is none, with bytes that move the cursor of a terminal.
        for text in [GOOD.replace("format = 1\n", "format = 1\nkind = \"x\t\u{9b}2J\u{1b}\"\n"), GOOD.replace("a.onnx", "a\\u001b[2J")] {
            let reason = VoiceToml::parse(&text).unwrap_err();
            assert!(!reason.contains(char::is_control), "{reason:?}");
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let found = VoiceToml::parse(GOOD).unwrap();
        assert_eq!(
            (found.kind, found.acoustic_layout, found.speakers, found.speed),
            (Acoustic::Fastspeech2, Layout::BandsFirst, 1, Speed::Length)
        );
        let text = format!("{GOOD}kind = \"matcha\"\nacoustic_layout = \"frames-first\"\nspeed = \"rate\"\nlexicon = \"lexicon.txt\"\n");
        let found = VoiceToml::parse(&text).unwrap();
        assert_eq!((found.kind.name(), found.acoustic_layout, found.speed), ("matcha", Layout::FramesFirst, Speed::Rate));
    }

    #[test]
    fn every_field_is_bounded_and_no_name_leads_out_of_the_folder() {
        let cases = [
            ("format = 1", "format = 2", "format 2"),
            ("a.onnx", "../a.onnx", "no name of a file"),
            ("a.onnx", "/etc/passwd", "no name of a file"),
            ("a.onnx", "c:\\\\a.onnx", "no name of a file"),
            ("a.onnx", "", "no name of a file"),
            ("v.onnx", "a.onnx", "the same file"),
            ("22050", "5", "sample_rate = 5"),
            ("22050", "\"fast\"", "line 5"),
            ("256", "0", "hop = 0"),
            ("80", "100000", "bands = 100000"),
            ("hop", "hops", "line 6"),
            ("bands = 80", "bands = 80\nespeak = \"../en\"", "espeak-ng"),
            ("bands = 80", "bands = 80\nespeak = \"en\"\nlexicon = \"l.txt\"", "only one"),
            ("bands = 80\n", "", "bands"),
            ("bands = 80", "bands = 80\nsymbols = \"pinyin\"\nlexicon = \"l.txt\"", "only one"),
            ("bands = 80", "bands = 80\nsymbols = \"letters\"", "line 8"),
            ("bands = 80", "bands = 80\nterms = \"free\"", "line 8"),
            ("bands = 80", "bands = 80\n[inputs]\nf0 = \"height\"", "line 9"),
            (GOOD, "\u{1}\u{2}", "line 1"),
        ];
        for (old, new, part) in cases {
            let reason = VoiceToml::parse(&GOOD.replacen(old, new, 1)).unwrap_err();
            assert!(reason.contains(part), "{new}: {reason}");
        }
        assert!(VoiceToml::parse("").is_err());
    }

    #[test]
    fn a_large_or_missing_description_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        assert!(VoiceToml::read(&path).unwrap_err().contains("missing"));
        std::fs::write(&path, vec![b'#'; 70_000]).unwrap();
        assert!(VoiceToml::read(&path).unwrap_err().contains("no description"));
        assert!(VoiceToml::read(folder.path()).is_err());
    }
}
