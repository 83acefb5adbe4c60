//! Whether the words of a recording that was heard in pieces are to be trusted, or the whole is to be heard again.
//!
//! A piece is shorter than what whisper was trained on, and lacks what comes after. That shows in the ways below; each of
//! them costs one more pass over the whole recording and no word.

use super::guard;
use super::{Transcript, join};

/// Pieces below this are not trusted. The starter model has 0.91 and more for each of its own questions, with and without
/// a pause in them. That a larger model is unsure of wrong words at about this was not measured: no such model is part of
/// the tests.
const UNSURE: f32 = 0.5;
/// More words than this per second of speech (as the voice detector counts it) nobody says: 21 clips of the tests have
/// 2.2 to 5.0.
const FASTEST_WORDS: f32 = 7.0;
/// The same for characters of unspaced writing: the one Chinese clip has 3.9.
const FASTEST_CHARACTERS: f32 = 11.0;
/// Words more than that which a short piece may have: the detector finds less speech in short words than there is.
const SPARE_WORDS: f32 = 3.0;
/// Two pieces in a row with the same words, at least so many, are a model that is stuck.
const SAME_WORDS: usize = 4;

/// A piece of a recording and its words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Piece {
    /// What was heard; the marks of sounds are taken out.
    pub transcript: Transcript,
    /// Time of the speech in it, ms.
    pub speech_ms: u64,
}

/// Why the pieces are not to be trusted; `None` when they are. A single piece is the whole: hearing it again changes nothing.
pub(crate) fn doubt(pieces: &[Piece]) -> Option<&'static str> {
    let spoken: Vec<&Piece> = pieces.iter().filter(|piece| !piece.transcript.text.is_empty()).collect();
    if pieces.len() < 2 {
        return None;
    }
    if spoken.iter().any(|piece| piece.transcript.confidence < UNSURE) {
        return Some("the model is unsure of a piece");
    }
    if spoken.windows(2).any(|two| two[0].transcript.language != two[1].transcript.language) {
        return Some("the language seems to change");
    }
    if spoken.iter().any(|piece| too_many_words(&piece.transcript.text, piece.speech_ms)) {
        return Some("a piece has more words than anybody says in its time");
    }
    let plain: Vec<Vec<String>> = spoken.iter().map(|piece| plain_words(&piece.transcript.text)).collect();
    if plain.windows(2).any(|two| two[0] == two[1] && two[0].len() >= SAME_WORDS) {
        return Some("two pieces have the same words");
    }
    guard::repetition(&joined(pieces).text).map(|_| "words come again and again")
}

fn too_many_words(text: &str, speech_ms: u64) -> bool {
    let unspaced = text.chars().filter(|c| guard::is_unspaced(*c) && c.is_alphanumeric()).count();
    let spaced = plain_words(text).iter().filter(|word| !word.chars().any(guard::is_unspaced)).count();
    let needed = spaced as f32 / FASTEST_WORDS + unspaced as f32 / FASTEST_CHARACTERS;
    needed > speech_ms as f32 / 1000.0 + SPARE_WORDS / FASTEST_WORDS
}

fn plain_words(text: &str) -> Vec<String> {
    let plain = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect()
}

/// All pieces as one: the words in order, the language of the first that has some, the confidence as the geometric mean
/// by words.
pub(crate) fn joined(pieces: &[Piece]) -> Transcript {
    let mut all = Transcript::default();
    let (mut logs, mut count) = (0.0_f64, 0.0_f64);
    for piece in pieces.iter().filter(|piece| !piece.transcript.text.is_empty()) {
        let weight = piece.transcript.text.split_whitespace().count().max(1) as f64;
        logs += f64::from(piece.transcript.confidence.clamp(1e-6, 1.0)).ln() * weight;
        count += weight;
        join(&mut all.text, &piece.transcript.text);
        if all.language.is_empty() {
            all.language.clone_from(&piece.transcript.language);
        }
    }
    if count > 0.0 {
        all.confidence = (logs / count).exp() as f32;
    } else if let Some(only) = pieces.first() {
        all = only.transcript.clone();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, confidence: f32, language: &str, speech_ms: u64) -> Piece {
        Piece { transcript: Transcript { text: text.into(), language: language.to_owned(), confidence }, speech_ms }
    }

    #[test]
    fn honest_pieces_are_trusted() {
        let good = [
            piece("And so my fellow Americans", 0.9, "en", 1700),
            piece("", 0.1, "zh", 300), // a cough
            piece("ask not what your country can do for you,", 0.8, "en", 2300),
            piece("ask what you can do for your country.", 0.8, "en", 2200),
        ];
        assert_eq!(doubt(&good), None);
        let whole = joined(&good);
        assert_eq!(
            whole.text,
            "And so my fellow Americans ask not what your country can do for you, ask what you can do for your country."
        );
        assert!((0.8..0.9).contains(&whole.confidence) && whole.language == "en", "{whole:?}");
        assert_eq!(doubt(&[piece("No.", 0.9, "en", 200), piece("No.", 0.9, "en", 200)]), None, "people say so");
        assert_eq!(doubt(&[]), None);
        assert_eq!(joined(&[piece("今天", 0.9, "zh", 400), piece("天气", 0.9, "zh", 400)]).text, "今天天气");
    }

    #[test]
    fn nobody_in_the_clips_speaks_too_fast() {
        let shared =
            std::env::var_os("HARK_SHARED").map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), Into::into);
        let folders = [std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/questions"), shared.join("models/speech")];
        for (folder, list) in folders.iter().zip(["transcripts.txt", "transcripts.tsv"]) {
            let Ok(list) = std::fs::read_to_string(folder.join(list)) else {
                println!("skipped: needs ../shared/models/speech");
                continue;
            };
            for (file, words) in list.lines().filter_map(|line| line.split_once('\t')) {
                let Some(path) = [file.to_owned(), format!("{file}.wav")].iter().map(|file| folder.join(file)).find(|path| path.is_file())
                else {
                    continue;
                };
                let speech_ms = crate::audio::vad::speech_span(&crate::audio::file::read_audio_16k(&path).unwrap()).speech_ms;
                let units = plain_words(words).len().max(words.chars().filter(|c| guard::is_unspaced(*c)).count());
                println!("{file}: {units} in {speech_ms} ms, {:.1} a second", units as f32 * 1000.0 / speech_ms as f32);
                assert!(!too_many_words(words, speech_ms), "{file}: {words}");
            }
        }
    }

    #[test]
    fn pieces_of_a_model_that_lost_its_way_are_not() {
        let good = || piece("What is the capital of France?", 0.9, "en", 1500);
        let all_of_it = "And so my fellow Americans ask not what your country can do for you";
        let bad = [
            piece("you", 0.3, "en", 500),
            piece("und so weiter", 0.9, "de", 900),
            piece(all_of_it, 0.9, "en", 1500),
            piece("what is the capital of France", 0.9, "en", 1500),
            piece("yes yes yes yes yes yes", 0.9, "en", 1500),
            piece("今天天气好今天天气好今天天气好", 0.9, "en", 700),
        ];
        for piece in bad {
            assert!(doubt(&[good(), piece.clone()]).is_some(), "{piece:?}");
            assert_eq!(doubt(std::slice::from_ref(&piece)), None, "alone it is the whole: {piece:?}");
        }
    }
}
