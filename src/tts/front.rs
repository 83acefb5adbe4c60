//! From text to the numbers that a graph takes: one way for each kind of voice.

use super::chars::CharTable;
use super::graph::{Graph, Role};
use super::languages::readable;
use super::mandarin::Mandarin;
use super::piper::{PhonemeType, PiperConfig, Scales};
use super::split::split;
use super::words::Words;
use super::{SynthesisError, phonemes};
use crate::models::check::onnx::OnnxModel;

/// Most symbols in one run: attention takes memory by their square. The longest of the golden sentences has 130.
const MAX_SYMBOLS: usize = 400;
/// What VITS's trainers take when the voice does not say.
const VITS_SCALES: Scales = Scales { noise: 0.667, length: 1.0, noise_width: 0.8 };

/// What one run of a graph speaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    /// Numbers of the symbols.
    pub ids: Vec<i64>,
    /// A tone for each; empty when the voice has none.
    pub tones: Vec<i64>,
}

impl From<Vec<i64>> for Symbols {
    fn from(ids: Vec<i64>) -> Self {
        Symbols { ids, tones: Vec::new() }
    }
}

/// What turns text into symbols.
#[derive(Debug)]
pub(super) enum Front {
    /// Phonemes of espeak-ng, or letters, by a Piper config.
    Piper(Box<PiperConfig>),
    /// Letters.
    Chars(CharTable),
    /// Words of a lexicon.
    Words(Box<Words>),
    /// Syllables of Mandarin.
    Mandarin(Box<Mandarin>),
    /// Phonemes of espeak-ng's voice of this name, each a symbol of the table.
    Phonemes(CharTable, String),
}

impl Front {
    /// The engine's name for people and logs.
    pub(super) fn engine(&self) -> &'static str {
        match self {
            Front::Piper(_) => "vits",
            Front::Chars(_) | Front::Phonemes(..) => "mms",
            Front::Words(_) | Front::Mandarin(_) => "vits-lexicon",
        }
    }

    /// Samples per second, when it is known here.
    pub(super) fn sample_rate(&self) -> Option<u32> {
        match self {
            Front::Piper(config) => Some(config.sample_rate),
            Front::Chars(table) | Front::Phonemes(table, _) => Some(table.sample_rate),
            Front::Words(words) => words.facts().sample_rate,
            Front::Mandarin(mandarin) => mandarin.facts().sample_rate,
        }
    }

    /// How many speakers there are, and the number of the first.
    pub(super) fn speakers(&self) -> (u32, u32) {
        match self {
            Front::Piper(config) => (config.speakers, 0),
            Front::Chars(table) | Front::Phonemes(table, _) => (table.speakers, 0),
            // The only speaker of a MeloTTS voice may have any number.
            Front::Words(words) if words.facts().speakers == 1 => (1, words.facts().speaker),
            Front::Words(words) => (words.facts().speakers, 0),
            Front::Mandarin(mandarin) => (mandarin.facts().speakers, 0),
        }
    }

    /// What the voice itself says of noise and length.
    pub(super) fn scales(&self) -> Scales {
        if let Front::Piper(config) = self { config.scales } else { VITS_SCALES }
    }

    /// The highest id and the highest tone that can come out.
    fn highest(&self) -> (i64, i64) {
        match self {
            Front::Piper(config) => (config.highest_id(), 0),
            Front::Chars(table) | Front::Phonemes(table, _) => (table.highest_id(), 0),
            Front::Words(words) => (words.highest_id(), words.highest_tone()),
            Front::Mandarin(mandarin) => (mandarin.highest_id(), 0),
        }
    }

    /// So many symbols of this voice, whatever its language; empty when it has too few to say anything.
    pub(super) fn probe(&self, count: usize) -> Symbols {
        match self {
            Front::Piper(config) => config.ids_of(&config.symbols().into_iter().take(count).collect::<String>()).into(),
            Front::Chars(table) | Front::Phonemes(table, _) => {
                table.ids_of_phonemes(&table.symbols().into_iter().take(count).collect::<String>()).into()
            }
            Front::Words(words) => words.probe(count),
            Front::Mandarin(mandarin) => mandarin.probe(),
        }
    }

    /// The symbols of a piece of text, run by run. `name`: the voice's.
    pub(super) fn symbols_of(&self, text: &str, name: &str) -> Result<Vec<Symbols>, SynthesisError> {
        Ok(match self {
            Front::Chars(table) if !table.reads(text) => {
                let language = if table.language().is_empty() { String::new() } else { format!(" ({})", table.language()) };
                return Err(SynthesisError::Unreadable(format!(
                    "The voice {name}{language} does not know the letters of this text; a voice that was made with uroman reads Latin letters only"
                )));
            }
            Front::Chars(table) => split(text, MAX_SYMBOLS, str::len).map(|part| table.ids_of(part).into()).collect(),
            Front::Words(words) => some_of(words.symbols_of(text), text, name)?,
            Front::Mandarin(mandarin) => some_of(mandarin.symbols_of(text), text, name)?,
            Front::Phonemes(_, espeak) => {
                sentences_of(text, espeak, name)?.iter().flat_map(|sentence| self.symbols_of_phonemes(sentence)).flatten().collect()
            }
            Front::Piper(config) => {
                let sentences = match config.phoneme_type {
                    PhonemeType::Text => vec![text.trim().to_owned()],
                    PhonemeType::Espeak => sentences_of(text, &config.espeak_voice, name)?,
                };
                sentences.iter().flat_map(|sentence| self.symbols_of_phonemes(sentence)).flatten().collect()
            }
        })
    }

    /// The symbols of a sentence in phonemes, in several runs when it is very long. `None` when the voice takes none.
    pub(super) fn symbols_of_phonemes(&self, sentence: &str) -> Option<Vec<Symbols>> {
        let parts = split(sentence, MAX_SYMBOLS, |text| text.chars().count());
        match self {
            Front::Piper(config) => Some(parts.map(|part| config.ids_of(part).into()).collect()),
            Front::Phonemes(table, _) => Some(parts.map(|part| table.ids_of_phonemes(part).into()).collect()),
            Front::Chars(_) | Front::Words(_) | Front::Mandarin(_) => None,
        }
    }

    /// Whether the graph and what stands beside it belong together.
    pub(super) fn fits(&self, graph: &Graph, model: &OnnxModel) -> Result<(), String> {
        let rows = |role: Role| graph.rows(role);
        let named = |name: &str| model.initializers.get(name).and_then(|dims| dims.first().copied());
        let ((highest_id, highest_tone), (speakers, first)) = (self.highest(), self.speakers());
        let too_high = |rows: Option<i64>, highest: i64| rows.is_some_and(|rows| highest >= rows);
        let together = "so they do not belong together";
        if too_high(rows(Role::Ids), highest_id) || too_high(named("enc_p.emb.weight"), highest_id) {
            return Err(format!("its config has more symbols than its graph, {together}"));
        }
        if too_high(rows(Role::Tones), highest_tone) {
            return Err(format!("its lexicon has more tones than its graph, {together}"));
        }
        let last = i64::from(speakers) + i64::from(first) - 1;
        let has_speakers = graph.has(Role::Speaker);
        if (speakers > 1 && !has_speakers) || (has_speakers && too_high(rows(Role::Speaker).or(named("emb_g.weight")), last)) {
            return Err(format!("its config has more speakers than its graph, {together}"));
        }
        Ok(())
    }
}

/// The sentences of a text, unless there are words in it and none in them.
fn some_of(sentences: Vec<Symbols>, text: &str, name: &str) -> Result<Vec<Symbols>, SynthesisError> {
    let silent = sentences.iter().all(|symbols| symbols.ids.is_empty());
    if silent && text.chars().any(char::is_alphanumeric) { Err(no_word(name)) } else { Ok(sentences) }
}

fn no_word(name: &str) -> SynthesisError {
    SynthesisError::Unreadable(format!("The voice {name} knows none of the words of this text"))
}

/// Sentences in phonemes by espeak-ng's voice. It would spell what it cannot read, and say "Chinese letter" for each character.
fn sentences_of(text: &str, espeak: &str, name: &str) -> Result<Vec<String>, SynthesisError> {
    let text = readable(text, espeak).ok_or_else(|| no_word(name))?;
    Ok(phonemes::sentences(&phonemes::clauses(&text, espeak)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piper(espeak: &str) -> Front {
        let config = serde_json::json!({
            "audio": {"sample_rate": 22_050},
            "espeak": {"voice": espeak},
            "phoneme_id_map": {"^": [1], "_": [0], "$": [2], "h": [3], "l": [4], "n": [5], "i": [6], "t": [7], "s": [8], "ə": [9]},
        });
        Front::Piper(Box::new(PiperConfig::parse(&config.to_string()).unwrap()))
    }

    #[test]
    fn a_piper_voice_says_that_it_cannot_read_another_script_instead_of_spelling_it() {
        for (espeak, text) in [("en-us", "你好，今天天气很好。"), ("de", "我用 Python 写。"), ("en-us", "ありがとう")] {
            let said = piper(espeak).symbols_of(text, "anna");
            assert!(matches!(&said, Err(SynthesisError::Unreadable(why)) if why.contains("anna")), "{text} by {espeak}: {said:?}");
        }
        for (espeak, text) in [("en-us", "Hello there."), ("cmn", "你好，今天天气很好。"), ("ja", "東京です"), ("en-us", "3.14")]
        {
            assert!(!piper(espeak).symbols_of(text, "anna").unwrap().is_empty(), "{text} by {espeak}");
        }
        // One foreign word does not silence the sentence around it.
        let (with, without) = ("The city of 北京 is large.", "The city of is large.");
        assert_eq!(piper("en-us").symbols_of(with, "anna").unwrap(), piper("en-us").symbols_of(without, "anna").unwrap());
    }
}
