//! English: numbers, dates, times, money, units and abbreviations in words.

use super::dashes;
use super::en_abbreviations::{abbreviation, roman};
use super::numbers::{cardinal, decimal, each_digit, ordinal, year};
use super::units::{currency, unit_name, vulgar};
use super::{Found, Lang, Rule, Say, address_rules, rules};
use std::sync::LazyLock;

pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut all = address_rules(Lang::En);
    all.extend(rules(TABLE));
    all
});

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// In this order: at one place the first that fits wins.
pub(super) const TABLE: &[(&str, Say)] = &[
    // Dates: 2024-03-05, 3/5/2024, March 5(–7)(, 2024), 5 March (2024).
    (r"\b([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\b", |f| date(f.group(2), f.group(3), f.group(1))),
    (r"\b([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})\b", |f| {
        date(f.group(1), f.group(2), f.group(3)).or_else(|| date(f.group(2), f.group(1), f.group(3)))
    }),
    (
        r"\b(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)([a-z]{1,6})?\.? ([0-9]{1,2})(?:st|nd|rd|th)?\b(?:\s?[-–]\s?([0-9]{1,2})(?:st|nd|rd|th)?\b)?(?:,? ([12][0-9]{3})\b)?",
        month_day,
    ),
    (
        r"\b([0-9]{1,2})(?:st|nd|rd|th)?(?: of)? (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)([a-z]{1,6})?\b\.?(?:,? ([12][0-9]{3})\b)?",
        day_month,
    ),
    // Telephone numbers, versions and addresses of machines: digit by digit.
    (r"(?:\+[0-9]{1,3}[ -])?(?:\([0-9]{3}\) ?|\b[0-9]{3}[-. ])[0-9]{3}[-.][0-9]{4}\b|\b[0-9]{3}-[0-9]{4}\b", |f| Some(phone(f.group(0)))),
    (r"\b(v)?([0-9]+(?:\.[0-9]+){2,})\b", |f| Some(format!("{}{}", if f.has(1) { "version " } else { "" }, dotted(f.group(2))))),
    (r"\bv([0-9]+(?:\.[0-9]+)?)\b", |f| Some(format!("version {}", dotted(f.group(1))))),
    // Times.
    (r"\b([0-9]{1,2}):([0-5][0-9])(?::([0-5][0-9]))?(?:\s?([aApP])\.?[mM]\b(\.?))?", time),
    (r"\b([0-9]{1,2})\s?([aApP])(?:\.[mM]\.|[mM]\b)", |f| {
        Some(format!("{} {}M{}", cardinal(f.group(1)), f.group(2).to_uppercase(), full_stop(f)))
    }),
    (r"\b([ap])\.m\.", |f| Some(format!("{}M{}", f.group(1).to_uppercase(), full_stop(f)))),
    (r"\b([0-9]+):([0-9]+)\b", |f| Some(format!("{} to {}", cardinal(f.group(1)), cardinal(f.group(2))))),
    (dashes::DASH, dashes::english),
    // Money: $5.50, €1.5 million, $5–10, 20 EUR.
    (
        r"([$€£¥₹])\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?:\s?[-–]\s?[$€£¥₹]?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?))?(?:\s?(hundred|thousand|million|billion|trillion|[KkMBT])\b)?",
        money,
    ),
    (r"\b((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)\s?(€|£|₹|(?:USD|EUR|GBP|JPY|CNY|RMB|INR|CHF)\b)", |f| {
        Some(format!("{} {}", decimal(f.group(1)), currency(f.group(2)).map_or(f.group(2), |c| if f.group(1) == "1" { c.0 } else { c.1 })))
    }),
    // Ordinals and decades.
    (r"\b([0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:st|nd|rd|th)\b", |f| Some(ordinal(f.group(1)))),
    (r"\b([12][0-9]{2}0)[’']?s\b", |f| Some(plural(&year(f.group(1))))),
    (r"[’']?\b([1-9]0)[’']?s\b", |f| Some(plural(&cardinal(f.group(1))))),
    // Fractions.
    (r"\b(?:([0-9]+) )?([0-9]+)/([0-9]+)\b", fraction),
    (r"\b([0-9]+)?\s?([½⅓⅔¼¾⅕⅛⅜⅝⅞])", |f| {
        let part = vulgar(f.group(2))?;
        Some(if f.has(1) { format!("{} and {part}", cardinal(f.group(1))) } else { part.to_owned() })
    }),
    (r"[½⅓⅔¼¾⅕⅛⅜⅝⅞]", |f| vulgar(f.group(0)).map(str::to_owned)),
    // Feet and inches: 5'11".
    (r#"\b([0-9])['’′]\s?([0-9]{1,2})(?:["”″]|'')"#, |f| {
        Some(format!("{} feet {} inches", cardinal(f.group(1)), cardinal(f.group(2))))
    }),
    // Numbers with a unit, alone or in a range; 5-km.
    (
        r"([-−])?\b((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?:\s?(?:[-–~]|to)\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?))?([\s-]?)(°\s?[CF]\b|℃|℉|%|‰|°|(?:km/h|km²|km2|m²|m2|m³|m3|ft²|m/s|kg|km|cm|mm|nm|mg|lbs?|oz|ft|mph|mi|mL|ml|TB|GB|MB|KB|kB|GHz|MHz|kHz|Hz|kWh|kW|mAh|hrs?|mins?|secs?|ms|kcal|dB|px|yrs?|µm|μm|g|m|L|W|V|x)\b[²³]?)",
        measure,
    ),
    // Ranges and plain numbers.
    (r"\b((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)\s?[-–—~]\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)\b", range),
    (r"\b(?:No|Nos|no)\. ?([0-9]+)", |f| Some(format!("number {}", cardinal(f.group(1))))),
    (r"#\s?([0-9]+)", |f| Some(format!("number {}", cardinal(f.group(1))))),
    (r"~\s?([0-9])", |f| {
        Some(format!("about {}", cardinal(f.group(1))))
            .filter(|_| !f.char_after().is_some_and(|c| c.is_ascii_digit() || matches!(c, '.' | ',')))
    }),
    (r"~", |f| Some(if f.char_after().is_some_and(|c| c.is_ascii_digit()) { "about ".to_owned() } else { " ".to_owned() })),
    (r"\^\s?(-?[0-9]+)", |f| {
        Some(match f.group(1) {
            "2" => " squared".to_owned(),
            "3" => " cubed".to_owned(),
            n => format!(" to the power of {}{}", if n.starts_with('-') { "minus " } else { "" }, cardinal(n.trim_start_matches('-'))),
        })
    }),
    (r"([-−+])?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)", number),
    // Signs. A glued dash between words or times is a range, a free minus between numbers is arithmetic.
    (r"–", |f| {
        let glued = f.char_before().is_some_and(|c| c.is_alphanumeric() || c == '.') && f.char_after().is_some_and(char::is_alphanumeric);
        glued.then(|| " to ".to_owned())
    }),
    (r" [-−] ", |f| {
        let left = f.before.split([' ', '(']).next_back().unwrap_or_default();
        let number = left.ends_with(|c: char| c.is_ascii_digit() || c == ')') || left.len() == 1 && !dashes::ends_in_measure(f.before);
        // Gate 12 - 5 pm
        let term = f.after.starts_with(|c: char| c.is_ascii_digit() || c == '(') && !dashes::starts_with_half(f.after);
        (number && term).then(|| " minus ".to_owned())
    }),
    (r"\b(thousand|million|billion|trillion) (km²|km|kg|m|g|L|lbs|ft|mi|kWh|kW|W|GB|TB)\b", |f| {
        Some(format!("{} {}", f.group(1), unit_name(f.group(2))?.1))
    }),
    (r"\bkm/h\b", |_| Some("kilometers per hour".to_owned())),
    (r"\bm/s\b", |_| Some("meters per second".to_owned())),
    (r"\b([A-Z][a-z]+) ([IVX]+)\b", roman),
    (r"²", |_| Some(" squared".to_owned())),
    (r"³", |_| Some(" cubed".to_owned())),
    (r"(?:->|=>|→|⇒|⟶)", |_| Some(" to ".to_owned())),
    (r"(?:<=|≤)", |_| Some(" at most ".to_owned())),
    (r"(?:>=|≥)", |_| Some(" at least ".to_owned())),
    (r"(?:!=|≠)", |_| Some(" is not equal to ".to_owned())),
    (r" ?(==?|[+×÷≈±√<>&]) ?", sign),
    (r"([^\s/]+)/([^\s/]+)", slash),
    (r"@", |f| Some(if f.char_after().is_some_and(char::is_alphabetic) { " at ".to_owned() } else { " ".to_owned() })),
    (r"[$€£¥₹°]", |_| Some(" ".to_owned())),
    // Abbreviations.
    (r"\b(?:e\.\s?g\.|eg\.),?", |_| Some("for example".to_owned())),
    (r"\b(?:i\.\s?e\.|ie\.),?", |_| Some("that is".to_owned())),
    (r"\b([A-Z][a-z]{0,4}|[a-z]{2,6})\.", abbreviation),
    (r"\bSt\b", |f| if f.after.starts_with(' ') { None } else { Some("Street".to_owned()) }),
    (r"\b(vs|w/o|w/)(?:$|\s)", |f| {
        Some(format!(
            "{} ",
            match f.group(1) {
                "vs" => "versus",
                "w/" => "with",
                _ => "without",
            }
        ))
    }),
    (r"\bPh\.D\b\.?", |f| Some(format!("PhD{}", full_stop(f)))),
    (r"\bC#", |_| Some("C sharp".to_owned())),
    (r"\bC\+\+", |_| Some("C plus plus".to_owned())),
    (r"\b(?:[A-Z]\.){2,}", |f| Some(format!("{}{}", f.group(0).replace('.', ""), full_stop(f)))),
];

/// A dot that was both part of an abbreviation and the end of the sentence.
fn full_stop(found: &Found) -> &'static str {
    if found.group(0).ends_with('.') && found.after.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '”' | ')')).is_empty() {
        "."
    } else {
        ""
    }
}

fn small(digits: &str, most: u32) -> Option<usize> {
    digits.parse::<u32>().ok().filter(|n| (1..=most).contains(n)).and_then(|n| usize::try_from(n).ok())
}

fn date(month: &str, day: &str, in_year: &str) -> Option<String> {
    let month = MONTHS[small(month, 12)? - 1];
    small(day, 31)?;
    Some(format!("{month} {}, {}", ordinal(day.trim_start_matches('0')), year(in_year)))
}

/// The month whose name or beginning this is.
pub(super) fn month_name(start: &str, rest: &str) -> Option<&'static str> {
    let name = MONTHS.iter().find(|m| m.starts_with(start) || start == "Sept" && m.starts_with("Sep"))?;
    (rest.is_empty() || format!("{start}{rest}") == *name).then_some(name)
}

fn month_day(f: &Found) -> Option<String> {
    let month = month_name(f.group(1), f.group(2))?;
    small(f.group(3), 31)?;
    if f.after.starts_with([':', '%', '°']) || f.after.starts_with('.') && f.after[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let to = if f.has(4) { format!(" to {}", ordinal(f.group(4))) } else { String::new() };
    let in_year = if f.has(5) { format!(", {}", year(f.group(5))) } else { String::new() };
    Some(format!("{month} {}{to}{in_year}", ordinal(f.group(3))))
}

fn day_month(f: &Found) -> Option<String> {
    let month = month_name(f.group(2), f.group(3))?;
    small(f.group(1), 31)?;
    let the = if f.before.trim_end().ends_with("the") { "" } else { "the " };
    let in_year = if f.has(4) { format!(", {}", year(f.group(4))) } else { String::new() };
    Some(format!("{the}{} of {month}{in_year}{}", ordinal(f.group(1)), full_stop(f)))
}

fn phone(text: &str) -> String {
    let groups: Vec<String> = text.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty()).map(each_digit).collect();
    format!("{}{}", if text.starts_with('+') { "plus " } else { "" }, groups.join(", "))
}

fn dotted(text: &str) -> String {
    let parts: Vec<String> = text.split('.').map(cardinal).collect();
    parts.join(" point ")
}

fn time(f: &Found) -> Option<String> {
    let hour = f.group(1).parse::<u8>().ok().filter(|h| *h <= 24)?;
    let minute = match f.group(2) {
        "00" if f.has(4) => String::new(),
        "00" if (1..=12).contains(&hour) => " o'clock".to_owned(),
        "00" => " hundred".to_owned(),
        m if m.starts_with('0') => format!(" oh {}", cardinal(&m[1..])),
        m => format!(" {}", cardinal(m)),
    };
    let seconds =
        if f.has(3) { format!(" and {} seconds", cardinal(f.group(3).strip_prefix('0').unwrap_or(f.group(3)))) } else { String::new() };
    let half = if f.has(4) { format!(" {}M", f.group(4).to_uppercase()) } else { String::new() };
    let stop = if f.has(4) { full_stop(f) } else { "" };
    Some(format!("{}{minute}{seconds}{half}{stop}", cardinal(&hour.to_string())))
}

fn money(f: &Found) -> Option<String> {
    let (one, many, cent, cents) = currency(f.group(1))?;
    let scale = match f.group(4) {
        "K" | "k" => " thousand",
        "M" => " million",
        "B" => " billion",
        "T" => " trillion",
        "" => "",
        word => &format!(" {word}"),
    };
    let amount = f.group(2);
    if f.has(3) {
        return Some(format!("{} to {}{scale} {many}", decimal(amount), decimal(f.group(3))));
    }
    if !scale.is_empty() {
        return Some(format!("{}{scale} {many}", decimal(amount)));
    }
    let unit = |n: &str, one, many| format!("{} {}", cardinal(n), if n == "1" { one } else { many });
    Some(match amount.split_once('.') {
        None => unit(amount, one, many),
        Some((whole, part)) if part.len() == 2 => {
            let part = part.strip_prefix('0').unwrap_or(part);
            match (whole, part) {
                (_, "0") => unit(whole, one, many),
                ("0", _) => unit(part, cent, cents),
                _ => format!("{} and {}", unit(whole, one, many), unit(part, cent, cents)),
            }
        }
        Some(_) => format!("{} {many}", decimal(amount)),
    })
}

fn plural(words: &str) -> String {
    match words.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{words}s"),
    }
}

fn fraction(f: &Found) -> Option<String> {
    let (above, below) = (f.group(2), f.group(3));
    if f.after.starts_with('/') || f.before.ends_with('/') {
        return None;
    }
    let whole = if f.has(1) { format!("{} and ", cardinal(f.group(1))) } else { String::new() };
    let part = match (above.parse::<u64>().ok()?, below.parse::<u64>().ok()?) {
        (24, 7) => return Some("twenty-four seven".to_owned()),
        (9, 11) => return Some("nine eleven".to_owned()),
        (1, 2) => "one half".to_owned(),
        (n, 4) if n < 4 => format!("{} quarter{}", cardinal(above), if n == 1 { "" } else { "s" }),
        (_, 10 | 100) if !f.has(1) => format!("{} out of {}", cardinal(above), cardinal(below)),
        (n, d) if n < d && (3..=100).contains(&d) => format!("{} {}{}", cardinal(above), ordinal(below), if n == 1 { "" } else { "s" }),
        _ if f.has(1) => return None,
        _ => format!("{} over {}", cardinal(above), cardinal(below)),
    };
    Some(format!("{whole}{part}"))
}

fn measure(f: &Found) -> Option<String> {
    let sign = f.group(5).replace(' ', "");
    let (one, many) = match sign.as_str() {
        "°C" => ("degree Celsius", "degrees Celsius"),
        "°F" => ("degree Fahrenheit", "degrees Fahrenheit"),
        other => unit_name(other)?,
    };
    let hyphen = f.group(4) == "-";
    // "2 x 3" is arithmetic.
    if f.group(5) == "x" && !f.group(4).is_empty() {
        return None;
    }
    let negative = f.has(1) && !f.char_before().is_some_and(char::is_alphanumeric);
    let unit = if hyphen || f.group(2) == "1" && !f.has(3) { one } else { many };
    let to = if f.has(3) { format!(" to {}", decimal(f.group(3))) } else { String::new() };
    let minus = if negative {
        "minus "
    } else if f.has(1) {
        " "
    } else {
        ""
    };
    Some(format!("{minus}{}{to} {unit}", decimal(f.group(2))))
}

fn is_year(digits: &str) -> bool {
    digits.len() == 4 && digits.parse::<u32>().is_ok_and(|n| (1100..2100).contains(&n))
}

fn range(f: &Found) -> Option<String> {
    let (from, to) = (f.group(1), f.group(2));
    let glued = !f.group(0).contains(' ');
    // "5 - 3" is arithmetic, "1-2-3" is neither.
    let difference = !f.group(0).contains(['—', '~']) && dashes::leads_to_equals(f.after);
    if difference || f.before.ends_with(['-', '–']) || f.after.starts_with(['-', '–']) || !glued && f.group(0).contains('-') {
        return None;
    }
    let say = |n: &str| if is_year(n) { year(n) } else { decimal(n) };
    Some(format!("{} to {}", say(from), if is_year(from) && to.len() == 2 { cardinal(to) } else { say(to) }))
}

fn number(f: &Found) -> Option<String> {
    let digits = f.group(2);
    let before = f.char_before();
    let sign = match f.group(1) {
        "" => "",
        "+" if before.is_none_or(char::is_whitespace) => "plus ",
        "+" => " plus ",
        _ if before.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '=' | ',')) => "minus ",
        "−" => " minus ",
        // COVID-19
        _ => "-",
    };
    // 5 - 3
    let sign = if sign == "minus " && f.before.trim_end().ends_with(|c: char| c.is_ascii_digit()) && f.group(0).len() == digits.len() {
        ""
    } else {
        sign
    };
    let lead = if sign.is_empty() && before.is_some_and(char::is_alphabetic) { " " } else { "" };
    let trail = if f.char_after().is_some_and(char::is_alphabetic) { " " } else { "" };
    let words = if is_year(digits) && lead.is_empty() && sign.is_empty() { year(digits) } else { decimal(digits) };
    Some(format!("{lead}{sign}{words}{trail}"))
}

fn sign(f: &Found) -> Option<String> {
    let word = match f.group(1) {
        "=" | "==" => "equals",
        "+" => "plus",
        "×" => "times",
        "÷" => "divided by",
        "≈" => "is about",
        "±" => "plus or minus",
        "√" => "square root of",
        "<" => "is less than",
        ">" => "is greater than",
        "&" => "and",
        _ => return None,
    };
    let between = !f.before.is_empty() && !f.after.is_empty();
    // A lone comparison sign is a leftover of a tag or an arrow; `C++` has a rule of its own.
    let spaced = f.group(0).starts_with(' ') && f.group(0).ends_with(' ');
    let digits = f.char_before().is_some_and(|c| c.is_ascii_digit()) && f.char_after().is_some_and(|c| c.is_ascii_digit());
    match f.group(1) {
        "<" | ">" | "=" | "==" | "+"
            if !(spaced || digits || f.group(0).starts_with(' ') && f.char_after().is_some_and(|c| c.is_ascii_digit())) =>
        {
            None
        }
        "√" | "±" => Some(format!(" {word} ")),
        _ if between => Some(format!(" {word} ")),
        _ => None,
    }
}

fn slash(f: &Found) -> Option<String> {
    let plain = |w: &str| w.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '-'));
    let (left, right) = (f.group(1), f.group(2));
    let stem = right.trim_end_matches(|c: char| !c.is_alphanumeric());
    if f.after.starts_with('/') || f.before.ends_with('/') || !plain(left) || !plain(stem) || left.len() < 2 || stem.len() < 2 {
        return None;
    }
    match left {
        "and" => Some(format!("and {right}")),
        _ => Some(format!("{left} or {right}")),
    }
}

#[cfg(test)]
#[path = "en_tests.rs"]
mod tests;
