//! What an ONNX voice says of itself in its metadata: the keys that sherpa-onnx's and icefall's exporters write.

use std::collections::BTreeMap;

/// Most speakers.
const MAX_SPEAKERS: u32 = 65_536;

/// The facts that matter here; `None` where the file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Samples per second.
    pub sample_rate: Option<u32>,
    /// Speakers, at least 1.
    pub speakers: u32,
    /// The number of the only speaker (MeloTTS).
    pub speaker: u32,
    /// A symbol that means nothing stands before, between and after the others.
    pub add_blank: Option<bool>,
    /// That symbol.
    pub blank: i64,
    /// Symbols of start and end, when they are wanted.
    pub ends: Option<(i64, i64)>,
    /// The language, in lower case (`chinese`, `english`, `deu`).
    pub language: String,
    /// Who made it (`melo`, `icefall`, `piper`, `mms`), in lower case.
    pub comment: String,
}

impl Facts {
    /// Reads the metadata of a graph.
    ///
    /// # Errors
    /// What is wrong with it, as a part of a sentence.
    pub fn of(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let number = |key: &str| match metadata.get(key).map(|value| value.trim()) {
            None | Some("") => Ok(None),
            Some(value) => value.parse::<u32>().map(Some).map_err(|_| format!("its metadata gives \"{value:.20}\" for {key}")),
        };
        let text = |key: &str| metadata.get(key).map(|value| value.trim().to_lowercase()).unwrap_or_default();
        let sample_rate = number("sample_rate")?;
        if let Some(rate) = sample_rate.filter(|rate| !(8_000..=48_000).contains(rate)) {
            return Err(format!("it gives an impossible sample rate of {rate} Hz"));
        }
        let speakers = number("n_speakers")?.unwrap_or(1).max(1);
        let speaker = number("speaker_id")?.unwrap_or(0);
        if speakers > MAX_SPEAKERS || speaker > MAX_SPEAKERS {
            return Err(format!("it gives an impossible number of speakers ({speakers})"));
        }
        let ends = match (number("use_eos_bos")?, number("bos_id")?, number("eos_id")?) {
            (Some(1), Some(start), Some(end)) => Some((i64::from(start), i64::from(end))),
            _ => None,
        };
        Ok(Facts {
            sample_rate,
            speakers,
            speaker,
            add_blank: number("add_blank")?.map(|add| add != 0),
            blank: i64::from(number("blank_id")?.unwrap_or(0)),
            ends,
            language: text("language"),
            comment: text("comment"),
        })
    }

    /// The symbols of a run with what stands around and between them.
    #[must_use]
    pub fn dress(&self, symbols: &[i64], add_blank: bool, blank: i64) -> Vec<i64> {
        let mut all = Vec::with_capacity(symbols.len() * 2 + 3);
        all.extend(self.ends.map(|(start, _)| start));
        if add_blank {
            all.push(blank);
        }
        for symbol in symbols {
            all.push(*symbol);
            if add_blank {
                all.push(blank);
            }
        }
        all.extend(self.ends.map(|(_, end)| end));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&str, &str)]) -> Result<Facts, String> {
        Facts::of(&pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_said_is_read_and_the_rest_has_a_default() {
        let found = facts(&[("sample_rate", "16000"), ("add_blank", "1"), ("n_speakers", "174"), ("language", "Chinese")]).unwrap();
        assert_eq!(
            (found.sample_rate, found.add_blank, found.speakers, found.language.as_str()),
            (Some(16_000), Some(true), 174, "chinese")
        );
        assert_eq!(facts(&[]).unwrap(), Facts { speakers: 1, ..Facts::default() });
        let ends = facts(&[("use_eos_bos", "1"), ("bos_id", "7"), ("eos_id", "8")]).unwrap();
        assert_eq!(ends.dress(&[3], true, 0), [7, 0, 3, 0, 8]);
        assert_eq!(facts(&[]).unwrap().dress(&[3, 4], false, 0), [3, 4]);
    }

    #[test]
    fn impossible_facts_are_refused() {
        for pair in [("sample_rate", "5"), ("sample_rate", "fast"), ("n_speakers", "-1"), ("n_speakers", "4000000"), ("add_blank", "yes")] {
            assert!(facts(&[pair]).is_err(), "{pair:?}");
        }
    }
}
