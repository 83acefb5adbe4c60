//! What a dash between two numbers means: from one to the other, or minus.
//!
//! Two plain numbers with a dash are the languages' own rules. Here are those with a unit or a time before the dash, and differences.

use super::{Found, is_han};
use regex::Regex;
use std::sync::LazyLock;

/// A dash, with the blanks around it.
pub(super) const DASH: &str = r"\s?[-−–—~]\s?";
/// So much of the text beside a dash is looked at, bytes: the time stays linear in the text.
const NEAR: usize = 40;
/// The half of the day behind a time.
const HALF: &str = r"\s?[aApP](?:\.[mM]\.|[mM](?-u:\b))";

/// English: to or minus.
pub(super) fn english(f: &Found) -> Option<String> {
    if is_difference(f) {
        return Some(" minus ".to_owned());
    }
    (is_between_times(f) || is_between_measures(f)).then(|| " to ".to_owned())
}

/// Chinese: 到 or 减.
pub(super) fn chinese(f: &Found) -> Option<String> {
    if is_difference(f) {
        return Some("减".to_owned());
    }
    (is_between_times(f) || is_between_measures(f)).then(|| "到".to_owned())
}

/// Whether a term goes on to an equals sign: `7 = 5` behind `12 -`.
pub(super) fn leads_to_equals(after: &str) -> bool {
    let mut units = 0;
    for (at, c) in after.char_indices().take_while(|(at, _)| *at < NEAR) {
        match c {
            '=' => return starts_with_result(&after[at + 1..]),
            '0'..='9' | ' ' | '.' | ',' | '+' | '-' | '−' | '–' | '×' | '÷' | '*' | '/' | '(' | ')' | '^' | '%' | '$' | '€' | '£' | '¥' =>
                {}
            // 100元-30元=70元
            c if is_han(c) && units < 2 => units += 1,
            _ => return false,
        }
    }
    false
}

/// A number that is the result, or is asked for: an arrow is none, nor is the name of a level (`1-3 = low`, `90-100=A`).
fn starts_with_result(after: &str) -> bool {
    let sign = |c: char| c.is_whitespace() || matches!(c, '=' | '+' | '-' | '−' | '±' | '(' | '$' | '€' | '£' | '¥');
    let result = head(after).trim_start_matches(sign);
    result.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '?' | '？' | '几')) || result.starts_with("多少")
}

/// Whether this ends with a dash behind a measure: what follows is no decimal's tail and no part of a code.
pub(super) fn is_joined(before: &str) -> bool {
    before.strip_suffix(['-', '–']).is_some_and(ends_in_measure)
}

fn is_difference(f: &Found) -> bool {
    let sign = f.group(0).trim();
    matches!(sign, "-" | "−" | "–")
        && (f.before.ends_with(|c: char| c.is_ascii_digit() || c == ')') || ends_in_measure(f.before))
        && f.after.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '(' | '$' | '€' | '£' | '¥'))
        && leads_to_equals(f.after)
}

/// 9:00-17:00, 9 am-5 pm, 9-11am.
fn is_between_times(f: &Found) -> bool {
    static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!(r"(?:^|[^0-9:：.])(?:[0-9]{{1,2}}[:：][0-5][0-9](?:[:：][0-5][0-9])?(?:{HALF})?|[0-9]{{1,2}}{HALF})$")).ok()
    });
    static NEXT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"^(?:[0-9]{{1,2}}[:：][0-5][0-9]|[0-9]{{1,2}}{HALF})")).ok());
    static HOUR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:^|[^0-9:：.,$€£¥-])[0-9]{1,2}$").ok());
    let fits = |regex: &Option<Regex>, text: &str| regex.as_ref().is_some_and(|regex| regex.is_match(text));
    let (before, after) = (tail(f.before), head(f.after));
    // Any number may stand before a dash with blanks: "Gate 12 - 5 pm".
    fits(&TIME, before) && fits(&NEXT, after) || f.group(0).trim() == f.group(0) && fits(&HOUR, before) && starts_with_half(after)
}

/// Whether a time of one half of the day follows: 5 pm, 11:30 a.m.
pub(super) fn starts_with_half(after: &str) -> bool {
    static NEXT_HALF: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&format!(r"^[0-9]{{1,2}}(?:[:：][0-5][0-9])?{HALF}")).ok());
    NEXT_HALF.as_ref().is_some_and(|regex| regex.is_match(head(after)))
}

/// 50%-60%, 3℃-8℃, 100元-200元, 3月5日-7日. A sign that stands at the second number only is its own, and a dash with blanks parts two
/// thoughts (`5 km - 10 minutes`, `5 kg — 2 more`) unless both have one unit.
fn is_between_measures(f: &Found) -> bool {
    let dash = f.group(0);
    let (blank_before, blank_behind) = (dash.starts_with(char::is_whitespace), dash.ends_with(char::is_whitespace));
    let number = f.after.trim_start_matches(['-', '−', '$', '€', '£', '¥']);
    let follows = f.after.len() - number.len() <= 4 && number.starts_with(|c: char| c.is_ascii_digit());
    let Some(unit) = measure_before(f.before).filter(|_| follows) else { return false };
    match (blank_before, blank_behind) {
        (true, false) => false,
        (true, true) => dash.trim() != "—" && carries(head(number), unit),
        _ => true,
    }
}

/// Whether this number has that unit, maybe as the last part of a date or time: `7日`, `4月7日`.
fn carries(number: &str, unit: &str) -> bool {
    let latin = !unit.starts_with(is_han);
    // 个 of 个月, 点 of 点半: the first character tells the units apart.
    let unit = if latin { unit } else { &unit[..unit.chars().next().map_or(0, char::len_utf8)] };
    let mut rest = number;
    for _ in 0..3 {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ',')).trim_start();
        if let Some(behind) = rest.strip_prefix(unit) {
            // The m of 10 min is another unit.
            return !(latin && behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/'));
        }
        let Some(later) = rest.strip_prefix(['年', '月', '点']) else { return false };
        rest = later;
    }
    false
}

/// Whether this ends with a number and a unit.
pub(super) fn ends_in_measure(before: &str) -> bool {
    measure_before(before).is_some()
}

/// The unit that this ends with, when a number stands before it.
fn measure_before(before: &str) -> Option<&str> {
    static MEASURE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        const LATIN: &str = "%|°\\s?[CF]?|℃|℉|km/h|m/s|kg|km|cm|mm|mg|ml|mL|TB|GB|MB|KB|GHz|MHz|kHz|Hz|kWh|kW|min|ms|g|m|L|W|h|s";
        const HAN: &str = "元|块钱?|角|分钟?|秒钟?|小时|点半?钟?|天|日|号|月份?|年代?|周岁?|岁|个月|个小时|个星期|个人|个|人|次|倍|名|位|度|\
             摄氏度|公里|千米|厘米|毫米|米|公斤|千克|毫克|克|斤|吨|毫升|升|平方米|平方公里|平米|层|楼|页|章|节|届|级|条|件|本|张|只|\
             台|辆|家|杯|瓶|碗|片|粒|口|步|段|句|字|集|期|遍|折|美元|欧元|英镑|日元";
        Regex::new(&format!(r"[0-9]\s?({LATIN}|[百千万亿]{{1,2}}|[百千万亿]{{0,2}}(?:{HAN}))$")).ok()
    });
    MEASURE.as_ref()?.captures(tail(before))?.get(1).map(|unit| unit.as_str())
}

fn tail(text: &str) -> &str {
    let at = (text.len().saturating_sub(NEAR)..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[at..]
}

fn head(text: &str) -> &str {
    let end = (0..=text.len().min(NEAR)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::super::{Lang, normalize};

    #[test]
    fn from_one_to_the_other_and_minus_in_english() {
        for (text, said) in [
            ("Open 9:00-17:00.", "Open nine o'clock to seventeen hundred."),
            ("9:30 am - 5:00 pm", "nine thirty AM to five PM"),
            ("9-11am or 9am-5pm", "nine to eleven AM or nine AM to five PM"),
            ("50%-60% at 20°C-25°C", "fifty percent to sixty percent at twenty degrees Celsius to twenty-five degrees Celsius"),
            ("12-7=5 and 12 - 7 = 5", "twelve minus seven equals five and twelve minus seven equals five"),
            ("10-3-2=5", "ten minus three minus two equals five"),
            ("5-10 apples, COVID-19, F-16", "five to ten apples, COVID-nineteen, F-sixteen"),
            ("from 5° to -3°", "from five degrees to minus three degrees"),
            // Scales, and not differences.
            ("1-3 = low, 4-6 = medium", "one to three equals low, four to six equals medium"),
            ("90-100 = A", "ninety to one hundred equals A"),
            ("12 - 7 == 5", "twelve minus seven equals five"),
            ("8-3 = $5 and 3-8 = -5", "eight minus three equals five dollars and three minus eight equals minus five"),
            // A dash with blanks parts two thoughts.
            ("Water boils at 100°C — 212°F", "Water boils at one hundred degrees Celsius, two hundred twelve degrees Fahrenheit"),
            ("It weighs 5 kg — 2 more", "It weighs five kilograms, two more"),
            ("Distance: 5 km - 10 minutes", "Distance: five kilometers, ten minutes"),
            ("5 m - 10 min", "five meters, ten minutes"),
            ("20°C - 25°C", "twenty degrees Celsius to twenty-five degrees Celsius"),
            ("Gate 12 - 5 pm", "Gate twelve, five PM"),
            ("9:30 - 11:00", "nine thirty to eleven o'clock"),
        ] {
            assert_eq!(normalize(text, Lang::En), said, "{text}");
        }
    }

    #[test]
    fn from_one_to_the_other_and_minus_in_chinese() {
        for (text, said) in [
            ("营业时间9:00-18:00", "营业时间九点到十八点"),
            ("9:30 - 11:00开会", "九点三十分到十一点开会"),
            ("上午9点-11点", "上午九点到十一点"),
            ("3月5日-7日放假", "三月五日到七日放假"),
            ("价格100元-200元", "价格一百元到二百元"),
            ("1个-2个", "一个到两个"),
            ("3℃-8℃", "三摄氏度到八摄氏度"),
            ("-5℃~-3℃", "零下五摄氏度到零下三摄氏度"),
            ("气温5℃ -3℃", "气温五摄氏度零下三摄氏度"),
            ("5kg-10kg", "五公斤到十公斤"),
            ("3万-5万", "三万到五万"),
            ("2008年-2012年", "二零零八年到二零一二年"),
            ("12 - 7 = 5", "十二减七等于五"),
            ("12-7=5", "十二减七等于五"),
            ("10-3-2=5", "十减三减二等于五"),
            ("100元-30元=70元", "一百元减三十元等于七十元"),
            ("周一-周五和周六~日", "周一到周五和周六到日"),
            ("周一 - 周五", "周一到周五"),
            ("周日 - 天气晴", "周日,天气晴"),
            ("周日-天气晴", "周日-天气晴"),
            ("周日 - 一起去", "周日,一起去"),
            ("90-100=优秀", "九十到一百等于优秀"),
            ("12-7=几", "十二减七等于几"),
            ("3月5日 - 4月7日", "三月五日到四月七日"),
            ("9点 - 11点半", "九点到十一点半"),
            ("5公里 - 10分钟", "五公里,十分钟"),
            ("最低-5℃", "最低零下五摄氏度"),
            ("GPT-4和A4纸", "GPT 四和A四纸"),
        ] {
            assert_eq!(normalize(text, Lang::Zh), said, "{text}");
        }
    }

    #[test]
    fn dashes_without_end_cost_little() {
        crate::on_time::on_time(|| {
            let start = std::time::Instant::now();
            for text in ["1-".repeat(20_000), "1元-".repeat(10_000), "9:00-".repeat(10_000), "1 - (".repeat(10_000)] {
                let _ = (normalize(&text, Lang::En), normalize(&text, Lang::Zh));
            }
            assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
        });
    }
}
