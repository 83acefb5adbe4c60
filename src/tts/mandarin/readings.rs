//! How the characters of a text are read: words by jieba's dictionary, then the readings of words, then those of characters.

use super::syllable::Syllable;
use jieba_rs::Jieba;
use pinyin::ToPinyin;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What this project wrote: neutral tones, and what the character before or behind decides.
const OWN: &str = include_str!("../../../assets/mandarin/words.txt");
/// Words of which a character is read otherwise than it mostly is.
const PHRASES: &str = include_str!("../../../assets/mandarin/phrases.txt");
/// Characters of the longest word in these lists.
const LONGEST: usize = 8;

/// A word and its syllables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// One for each character.
    pub(super) syllables: Vec<Syllable>,
    /// How many syllables belong closest together, in order: a word of three has an inner border.
    pub(super) feet: Vec<usize>,
}

/// `长 zhang3 会校|大高`: it is read so behind one of the first and before one of the second.
struct Rule {
    reading: &'static str,
    behind: &'static str,
    before: &'static str,
}

/// The dictionary; 35 MB and 0.1 s of work, so there is one for all voices, made when it is first needed.
pub(super) struct Dictionary {
    jieba: Jieba,
    words: HashMap<&'static str, &'static str>,
    rules: HashMap<char, Vec<Rule>>,
}

/// The only one.
pub(super) static DICTIONARY: LazyLock<Dictionary> = LazyLock::new(|| {
    let (mut words, mut rules): (_, HashMap<char, Vec<Rule>>) = (HashMap::new(), HashMap::new());
    // The project's own lines come last and win.
    for line in PHRASES.lines().chain(OWN.lines()).filter(|line| !line.starts_with('#')) {
        let Some((word, readings)) = line.split_once(' ') else { continue };
        match (readings.split_once(' '), word.chars().next()) {
            (Some((reading, places)), Some(han)) if places.contains('|') => {
                let (behind, before) = places.split_once('|').unwrap_or_default();
                rules.entry(han).or_default().push(Rule { reading, behind, before });
            }
            _ => drop(words.insert(word, readings)),
        }
    }
    Dictionary { jieba: Jieba::new(), words, rules }
});

impl Dictionary {
    /// The words of a text of Chinese characters. A character without a known reading is left out.
    pub(super) fn words(&self, han: &str) -> Vec<Word> {
        let tags = self.jieba.tag(han, false);
        let chars: Vec<char> = han.chars().collect();
        let (mut words, mut at) = (Vec::with_capacity(tags.len()), 0);
        for (n, tag) in tags.iter().enumerate() {
            let count = tag.word.chars().count();
            let kinds = (n.checked_sub(1).and_then(|before| tags.get(before)).map(|tag| tag.tag), tags.get(n + 1).map(|tag| tag.tag));
            let syllables = self.word(&chars, at, count, kinds);
            words.push(Word { feet: self.feet(tag.word, count), syllables });
            at += count;
        }
        words
    }

    /// The syllables of the word of `count` characters at `at`. `kinds` of the words before and behind.
    fn word(&self, chars: &[char], at: usize, count: usize, kinds: (Option<&str>, Option<&str>)) -> Vec<Syllable> {
        let (mut found, mut from, end) = (Vec::with_capacity(count), at, at + count);
        while from < end {
            let longest = (2..=LONGEST.min(end - from)).rev().find_map(|length| {
                let part = chars.get(from..from + length)?;
                let readings = self.words.get(part.iter().collect::<String>().as_str())?;
                let syllables: Vec<Syllable> =
                    part.iter().zip(readings.split(' ')).filter_map(|(han, pinyin)| Syllable::parse(*han, pinyin)).collect();
                (syllables.len() == length).then_some(syllables)
            });
            match longest {
                Some(syllables) => {
                    from += syllables.len();
                    found.extend(syllables);
                }
                None => {
                    found.extend(self.character(chars, from, (count == 1).then_some(kinds)));
                    from += 1;
                }
            }
        }
        found
    }

    /// The reading of a character that is in no word of the lists. `alone`: it is a word, between words of these kinds.
    fn character(&self, chars: &[char], at: usize, alone: Option<(Option<&str>, Option<&str>)>) -> Option<Syllable> {
        let han = *chars.get(at)?;
        let near = |set: &str, place: Option<usize>| place.and_then(|place| chars.get(place)).is_some_and(|c| set.contains(*c));
        let (before, behind) = (at.checked_sub(1), at.checked_add(1));
        let is = |kind: Option<&str>, of: &[char]| kind.is_some_and(|kind| kind.starts_with(of));
        let particle = match (han, alone) {
            // 我得走了, 还得把它做完: must.
            ('得', Some((Some(prior), Some(next)))) if !near("了奖分知", behind) => {
                let must = prior.starts_with('r') || prior.starts_with(['d', 't']) && next.starts_with(['v', 'p', 'd']);
                must.then_some("dei3")
            }
            // 慢慢地走.
            ('地', Some((prior, next))) if is(prior, &['a', 'd', 'z', 'i', 'l', 'o', 'b']) && !is(next, &['u', 'f']) && next.is_some() => {
                Some("de5")
            }
            // 桌子上, 冰箱里; but 儿子上大学.
            ('里', Some((prior, _))) if is(prior, &['n', 's']) => Some("li5"),
            ('上', Some((prior, next))) if is(prior, &['n', 's']) && !is(next, &['n']) => Some("shang5"),
            _ => None,
        };
        let ruled = || {
            let fits = |rule: &&Rule| near(rule.behind, before) || near(rule.before, behind);
            self.rules.get(&han)?.iter().find(fits).map(|rule| rule.reading)
        };
        let mut bytes = [0; 4];
        let usual = || self.words.get(&*han.encode_utf8(&mut bytes)).copied();
        // Behind anything it is that of a verb: 跑得快.
        let complement = (han == '得' && at > 0).then_some("de5");
        let reading =
            particle.or_else(ruled).or(complement).or_else(usual).or_else(|| han.to_pinyin().map(|found| found.with_tone_num_end()));
        Syllable::parse(han, reading?)
    }

    /// Two and two; of three the two that are a word themselves (展览·馆, 小·老虎).
    fn feet(&self, word: &str, count: usize) -> Vec<usize> {
        let head = word.char_indices().nth(2).map_or(word, |(end, _)| word.get(..end).unwrap_or(word));
        match count {
            3 if self.jieba.has_word(head) => vec![2, 1],
            3 => vec![1, 2],
            _ => (0..count).step_by(2).map(|at| (count - at).min(2)).collect(),
        }
    }
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Dictionary of {} words", self.words.len())
    }
}
