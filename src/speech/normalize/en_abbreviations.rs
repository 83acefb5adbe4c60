//! English abbreviations and Roman numerals in words.

use super::Found;
use super::numbers::{cardinal, ordinal};

/// The numerals from 1 on.
const ROMAN: [&str; 20] =
    ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV", "XV", "XVI", "XVII", "XVIII", "XIX", "XX"];

/// `World War II` → "World War two", `Henry VIII` → "Henry the eighth".
pub(super) fn roman(f: &Found) -> Option<String> {
    let value = (ROMAN.iter().position(|r| *r == f.group(2))? + 1).to_string();
    let counted = [
        "War", "Part", "Chapter", "Act", "Section", "Volume", "Book", "Phase", "Type", "Level", "Stage", "Class", "Title", "Article",
        "Bowl",
    ];
    if counted.contains(&f.group(1)) {
        return Some(format!("{} {}", f.group(1), cardinal(&value)));
    }
    // A name; one letter may be an initial or "I" itself.
    (f.group(2).len() > 1).then(|| format!("{} the {}", f.group(1), ordinal(&value)))
}

/// A word with a dot behind it.
pub(super) fn abbreviation(f: &Found) -> Option<String> {
    let next = f.after.trim_start();
    let capital = next.starts_with(|c: char| c.is_uppercase());
    let number = next.starts_with(|c: char| c.is_ascii_digit());
    let ends = next.trim_matches(|c: char| matches!(c, '"' | '”' | ')')).is_empty();
    let word = match f.group(1) {
        "Dr" if capital => "Doctor",
        "Dr" => "Drive",
        "Mr" => "Mister",
        "Mrs" => "Missus",
        "Ms" => "Miz",
        "Prof" => "Professor",
        "St" if capital && !f.before.trim_end().ends_with(|c: char| c.is_alphanumeric()) => "Saint",
        "St" if capital && !f.before.split_whitespace().next_back().is_some_and(|w| w.starts_with(|c: char| c.is_uppercase())) => "Saint",
        "St" => "Street",
        "Ave" => "Avenue",
        "Blvd" => "Boulevard",
        "Rd" => "Road",
        "Gen" if capital => "General",
        "Col" if capital => "Colonel",
        "Lt" if capital => "Lieutenant",
        "Sgt" if capital => "Sergeant",
        "Capt" if capital => "Captain",
        "Gov" if capital => "Governor",
        "Sen" if capital => "Senator",
        "Rep" if capital => "Representative",
        "Rev" if capital => "Reverend",
        "Mt" if capital => "Mount",
        "Jr" => "Junior",
        "Sr" => "Senior",
        "Inc" => "Incorporated",
        "Ltd" => "Limited",
        "Corp" => "Corporation",
        "Co" if capital || ends => "Company",
        "Dept" | "dept" => "department",
        "etc" => "et cetera",
        "vs" => "versus",
        "approx" => "approximately",
        "Fig" | "fig" if number => "figure",
        "Vol" | "vol" if number => "volume",
        "Ch" | "ch" if number => "chapter",
        "Sec" if number => "section",
        "Eq" | "eq" if number => "equation",
        "pp" if number => "pages",
        "p" if number => "page",
        "Jan" | "Feb" | "Apr" | "Jun" | "Jul" | "Aug" | "Sep" | "Sept" | "Oct" | "Nov" | "Dec" => super::en::month_name(f.group(1), "")?,
        _ => return None,
    };
    Some(format!("{word}{}", if ends { "." } else { "" }))
}
