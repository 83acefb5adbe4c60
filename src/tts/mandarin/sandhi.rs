//! How tones change in connected speech: 一 and 不, neutral tones, 儿, and third tones in a row.

use super::readings::Word;
use super::syllable::Syllable;

/// Words of which the 儿 is a syllable: behind these characters.
const CHILDREN: &str = "女婴幼孤健少胎男孩宠新";
/// Said twice, the second time lightly: people and things with pet names.
const PETS: &str = "爸妈哥姐弟妹爷奶叔舅姑婆娃宝太星猩蛐蝈";
/// Said twice, the second time lightly: to do it a little.
const TRIES: &str = "看听想说试谢走问找聊玩坐读写用学教讲谈歇尝逛洗查动练帮转笑猜数";
const DIGITS: &str = "零〇一二三四五六七八九";
/// What is counted with 个.
const COUNTS: &str = "一二两三四五六七八九十百千万亿几多半数这那哪每某另各";

/// Changes the tones of the words between two pauses.
pub(super) fn apply(words: &mut Vec<Word>) {
    curl(words);
    let chars: Vec<char> = words.iter().flat_map(|word| word.syllables.iter().map(|syllable| syllable.han)).collect();
    // Where words end, by syllables.
    let ends: Vec<usize> = words
        .iter()
        .scan(0, |end, word| {
            *end += word.syllables.len();
            Some(*end)
        })
        .collect();
    let feet: Vec<usize> = words.iter().flat_map(|word| word.feet.iter().copied()).collect();
    let mut all: Vec<Syllable> = words.iter().flat_map(|word| word.syllables.iter().copied()).collect();
    lighten(&mut all, &chars);
    for at in 0..all.len() {
        let tone = match chars.get(at) {
            Some('一') => one(&all, &chars, &ends, at),
            Some('不') => not(&all, &chars, words, &ends, at),
            _ => None,
        };
        if let (Some(tone), Some(syllable)) = (tone, all.get_mut(at)) {
            syllable.tone = tone;
        }
    }
    third(&mut all, &feet);
    let mut changed = all.into_iter();
    for syllable in words.iter_mut().flat_map(|word| word.syllables.iter_mut()) {
        *syllable = changed.next().unwrap_or(*syllable);
    }
}

/// 点 and 儿 become one syllable.
fn curl(words: &mut Vec<Word>) {
    let mut before: Option<char> = None;
    let mut n = 0;
    while n < words.len() {
        let (earlier, rest) = words.split_at_mut(n);
        let Some(word) = rest.first_mut() else { return };
        let mut at = 0;
        while let Some(syllable) = word.syllables.get(at).copied() {
            let joins =
                syllable.han == '儿' && at + 1 == word.syllables.len() && before.is_some_and(|c| !CHILDREN.contains(c) && c != '儿');
            before = Some(syllable.han);
            let host = if at > 0 { word.syllables.get_mut(at - 1) } else { earlier.last_mut().and_then(|word| word.syllables.last_mut()) };
            match host.filter(|_| joins) {
                Some(host) => {
                    host.curled = true;
                    word.syllables.truncate(at);
                }
                None => at += 1,
            }
        }
        let (mut left, syllables) = (word.syllables.len(), word.syllables.len());
        word.feet.retain_mut(|foot| {
            *foot = (*foot).min(left);
            left -= *foot;
            *foot > 0
        });
        if syllables == 0 {
            words.remove(n);
        } else {
            n += 1;
        }
    }
}

/// Neutral tones by what stands beside.
fn lighten(all: &mut [Syllable], chars: &[char]) {
    for at in 1..all.len() {
        let (Some(&[before, own]), Some(&behind)) = (chars.get(at - 1..=at), chars.get(at + 1).or(Some(&' '))) else { continue };
        let twice = before == own && at.checked_sub(2).and_then(|at| chars.get(at)) != Some(&own) && behind != own;
        let (Some(host), true) = (all.get(at - 1).copied(), true) else { continue };
        let Some(syllable) = all.get_mut(at) else { continue };
        if twice && (PETS.contains(own) || TRIES.contains(own)) {
            syllable.tone = 5;
            if TRIES.contains(own) && host.tone == 3 {
                // 想想: the second third tone is heard in the first.
                if let Some(host) = all.get_mut(at - 1) {
                    host.tone = 2;
                }
            }
        } else if own == '个' && COUNTS.contains(before) {
            syllable.tone = 5;
        }
    }
}

/// The tone of 一.
fn one(all: &[Syllable], chars: &[char], ends: &[usize], at: usize) -> Option<u8> {
    let char_at = |place: Option<usize>| place.and_then(|place| chars.get(place)).copied().unwrap_or(' ');
    let (before, behind, after) = (char_at(at.checked_sub(1)), char_at(Some(at + 1)), char_at(Some(at + 2)));
    let next = all.get(at + 1)?;
    // 统一, 星期一; but 一 as a word counts what follows.
    let is_last = ends.contains(&(at + 1)) && at > 0 && !ends.contains(&at) && !DIGITS.contains(before) && before != '十';
    let decimal = behind == '点' && DIGITS.contains(after) && char_at(Some(at + 3)) != '十';
    let number = before == '第' || before == '十' || behind == '十' || DIGITS.contains(before) || DIGITS.contains(behind) || before == '点';
    // 一月, 一等奖, 一年级: the first, and not one.
    let name = match behind {
        '月' | '号' | '楼' | '级' | '班' => !"了再这那".contains(before),
        '等' => "奖级舱座".contains(after),
        '年' => after == '级',
        '日' => before == '月',
        _ => false,
    };
    // 看一看, and not 一闪一闪.
    if before == behind && at.checked_sub(2).and_then(|place| chars.get(place)) != Some(&'一') {
        return Some(5);
    }
    if is_last || decimal || number || name {
        return Some(1);
    }
    Some(if next.tone == 4 || behind == '个' { 2 } else { 4 })
}

/// The tone of 不.
fn not(all: &[Syllable], chars: &[char], words: &[Word], ends: &[usize], at: usize) -> Option<u8> {
    let before = at.checked_sub(1).and_then(|before| chars.get(before));
    let next = all.get(at + 1)?;
    // 好不好; 对不起 and 来不及 are words of three with it in the middle.
    let middle = ends.iter().position(|end| *end == at + 2).is_some_and(|n| words.get(n).is_some_and(|word| word.syllables.len() == 3));
    let light = before.is_some_and(|c| Some(c) == chars.get(at + 1) && *c != '得')
        || middle && before.is_some_and(|c| !"要可并决从毫绝无".contains(*c));
    Some(match next.tone {
        _ if light => 5,
        4 => 2,
        _ => 4,
    })
}

/// Of two third tones the first is said as a second: within words first, then from the end across them.
fn third(all: &mut [Syllable], feet: &[usize]) {
    let mut rise = |at: usize| {
        if let Some([first, second]) = all.get_mut(at..at + 2)
            && (first.tone, second.tone) == (3, 3)
        {
            first.tone = 2;
        }
    };
    let starts: Vec<usize> = feet
        .iter()
        .scan(0, |start, foot| {
            *start += foot;
            Some(*start - foot)
        })
        .collect();
    for (start, foot) in starts.iter().zip(feet) {
        if *foot == 2 {
            rise(*start);
        }
    }
    for start in starts.iter().rev().filter(|start| **start > 0) {
        rise(start - 1);
    }
}
