//! Numbers in words, from their digits. Digits come as text, so that no length can overflow.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const GROUPS: [&str; 6] = ["", " thousand", " million", " billion", " trillion", " quadrillion"];

fn below_thousand(n: u64) -> String {
    let (hundreds, rest) = (n / 100, n % 100);
    let small = match rest {
        0 if hundreds > 0 => String::new(),
        0..20 => ONES[rest as usize].to_owned(),
        _ if rest % 10 == 0 => TENS[rest as usize / 10].to_owned(),
        _ => format!("{}-{}", TENS[rest as usize / 10], ONES[rest as usize % 10]),
    };
    match (hundreds, small.is_empty()) {
        (0, _) => small,
        (_, true) => format!("{} hundred", ONES[hundreds as usize]),
        _ => format!("{} hundred {small}", ONES[hundreds as usize]),
    }
}

/// `1234` → "one thousand two hundred thirty-four". From 10^18 on, digit by digit.
pub(super) fn cardinal(digits: &str) -> String {
    let digits = digits.replace(',', "");
    let Some(n) = digits.parse::<u64>().ok().filter(|n| *n < 10u64.pow(18)) else { return each_digit(&digits) };
    if digits.len() > 1 && digits.starts_with('0') {
        return each_digit(&digits);
    }
    if n == 0 {
        return ONES[0].to_owned();
    }
    let mut words: Vec<String> = Vec::new();
    let mut rest = n;
    for name in GROUPS {
        if rest % 1000 > 0 {
            words.push(format!("{}{name}", below_thousand(rest % 1000)));
        }
        rest /= 1000;
    }
    words.reverse();
    words.join(" ")
}

/// `3.14` → "three point one four"; a whole number as [`cardinal`].
pub(super) fn decimal(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, part)) => format!("{} point {}", cardinal(if whole.is_empty() { "0" } else { whole }), each_digit(part)),
        None => cardinal(number),
    }
}

/// `105` → "one zero five".
pub(super) fn each_digit(digits: &str) -> String {
    let words: Vec<&str> = digits.bytes().filter(u8::is_ascii_digit).map(|b| ONES[usize::from(b - b'0')]).collect();
    words.join(" ")
}

/// `21` → "twenty-first".
pub(super) fn ordinal(digits: &str) -> String {
    let words = cardinal(digits);
    let cut = words.rfind([' ', '-']).map_or(0, |i| i + 1);
    let (head, last) = words.split_at(cut);
    let last = match last {
        "one" => "first".to_owned(),
        "two" => "second".to_owned(),
        "three" => "third".to_owned(),
        "five" => "fifth".to_owned(),
        "eight" => "eighth".to_owned(),
        "nine" => "ninth".to_owned(),
        "twelve" => "twelfth".to_owned(),
        other => match other.strip_suffix('y') {
            Some(stem) => format!("{stem}ieth"),
            None => format!("{other}th"),
        },
    };
    format!("{head}{last}")
}

/// `1905` → "nineteen oh five". Four digits; others as [`cardinal`].
pub(super) fn year(digits: &str) -> String {
    let Some(n) = digits.parse::<u64>().ok().filter(|n| (1000..10_000).contains(n)) else { return cardinal(digits) };
    let (century, rest) = (n / 100, n % 100);
    match rest {
        _ if n % 1000 < 10 => cardinal(digits),
        0 => format!("{} hundred", below_thousand(century)),
        1..10 => format!("{} oh {}", below_thousand(century), ONES[rest as usize]),
        _ => format!("{} {}", below_thousand(century), below_thousand(rest)),
    }
}

const ZH_DIGITS: [&str; 10] = ["零", "一", "二", "三", "四", "五", "六", "七", "八", "九"];

/// `105` → 一零五.
pub(super) fn zh_digits(digits: &str) -> String {
    digits.bytes().filter(u8::is_ascii_digit).map(|b| ZH_DIGITS[usize::from(b - b'0')]).collect()
}

/// `10500` → 一万零五百. From 10^16 on, digit by digit.
pub(super) fn zh_cardinal(digits: &str) -> String {
    let digits = digits.replace(',', "");
    let Some(n) = digits.parse::<u64>().ok().filter(|n| *n < 10u64.pow(16)) else { return zh_digits(&digits) };
    if digits.len() > 1 && digits.starts_with('0') {
        return zh_digits(&digits);
    }
    if n == 0 {
        return ZH_DIGITS[0].to_owned();
    }
    let (high, low) = (n / 10u64.pow(8), n % 10u64.pow(8));
    let mut out = match high {
        0 => String::new(),
        2 => "两亿".to_owned(),
        _ => format!("{}亿", zh_cardinal(&high.to_string())),
    };
    if high > 0 && (1..10u64.pow(7)).contains(&low) {
        out.push('零');
    }
    let (high, low) = (low / 10_000, low % 10_000);
    match high {
        0 => {}
        2 => out.push_str("两万"),
        _ => out.push_str(&format!("{}万", zh_group(high, out.is_empty()))),
    }
    if low > 0 {
        if high > 0 && low < 1000 {
            out.push('零');
        }
        out.push_str(&zh_group(low, out.is_empty()));
    }
    out
}

/// 1 to 9999. `first`: nothing stands before it, so that 10 is 十 and not 一十.
fn zh_group(n: u64, first: bool) -> String {
    let mut out = String::new();
    let mut gap = false;
    for (digit, unit) in [(n / 1000, "千"), (n / 100 % 10, "百"), (n / 10 % 10, "十"), (n % 10, "")] {
        if digit == 0 {
            gap = !out.is_empty();
            continue;
        }
        if gap {
            out.push('零');
            gap = false;
        }
        match (digit, unit) {
            (1, "十") if first && out.is_empty() => {}
            (2, "千") => out.push('两'),
            _ => out.push_str(ZH_DIGITS[digit as usize]),
        }
        out.push_str(unit);
    }
    out
}

/// `3.14` → 三点一四.
pub(super) fn zh_decimal(number: &str) -> String {
    match number.split_once('.') {
        Some((whole, part)) => format!("{}点{}", zh_cardinal(if whole.is_empty() { "0" } else { whole }), zh_digits(part)),
        None => zh_cardinal(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_numbers() {
        for (digits, words) in [
            ("0", "zero"),
            ("13", "thirteen"),
            ("40", "forty"),
            ("100", "one hundred"),
            ("1,000,001", "one million one"),
            ("12345", "twelve thousand three hundred forty-five"),
            ("007", "zero zero seven"),
            ("1000000000000000000", "one zero zero zero zero zero zero zero zero zero zero zero zero zero zero zero zero zero zero"),
        ] {
            assert_eq!(cardinal(digits), words);
        }
        for (digits, words) in [
            ("1", "first"),
            ("12", "twelfth"),
            ("20", "twentieth"),
            ("21", "twenty-first"),
            ("100", "one hundredth"),
            ("33", "thirty-third"),
        ] {
            assert_eq!(ordinal(digits), words);
        }
        for (digits, words) in [
            ("1066", "ten sixty-six"),
            ("1900", "nineteen hundred"),
            ("1905", "nineteen oh five"),
            ("2000", "two thousand"),
            ("2005", "two thousand five"),
            ("2024", "twenty twenty-four"),
        ] {
            assert_eq!(year(digits), words);
        }
        assert_eq!(decimal("3.14"), "three point one four");
    }

    #[test]
    fn chinese_numbers() {
        for (digits, words) in [
            ("0", "零"),
            ("10", "十"),
            ("15", "十五"),
            ("105", "一百零五"),
            ("110", "一百一十"),
            ("2000", "两千"),
            ("10005", "一万零五"),
            ("10500", "一万零五百"),
            ("20000", "两万"),
            ("123456", "十二万三千四百五十六"),
            ("100000000", "一亿"),
            ("1000000010", "十亿零一十"),
            ("1000000000000", "一万亿"),
            ("1500000000000", "一万五千亿"),
        ] {
            assert_eq!(zh_cardinal(digits), words);
        }
        assert_eq!(zh_decimal("3.14"), "三点一四");
    }
}
