//! Chinese (Mandarin): numbers, dates, times, money and units in characters.

use super::dashes;
use super::numbers::{zh_cardinal, zh_decimal, zh_digits};
use super::{Found, Lang, Rule, Say, address_rules, rules};
use std::sync::LazyLock;

pub(super) static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut all = address_rules(Lang::Zh);
    all.extend(rules(TABLE));
    all
});

/// In this order: at one place the first that fits wins.
pub(super) const TABLE: &[(&str, Say)] = &[
    // Dates: 2024-03-05, 2024/3/5, 2024年; a year is read digit by digit.
    (r"([12][0-9]{3})[-/.]([01]?[0-9])[-/.]([0-3]?[0-9])日?", |f| {
        let plain = |n: &str| zh_cardinal(n.trim_start_matches('0'));
        let ends =
            !f.char_before().is_some_and(|c| c.is_ascii_alphanumeric()) && !f.char_after().is_some_and(|c| c.is_ascii_alphanumeric());
        ends.then(|| format!("{}年{}月{}日", zh_digits(f.group(1)), plain(f.group(2)), plain(f.group(3))))
    }),
    (r"([0-9]{4})(\s?[-–—~至到]\s?)([0-9]{4})\s?年", |f| {
        let years = is_year(f, f.group(1)) && is_year(f, f.group(3));
        years.then(|| format!("{}到{}年", zh_digits(f.group(1)), zh_digits(f.group(3))))
    }),
    (r"([0-9]{4})\s?年", |f| is_year(f, f.group(1)).then(|| format!("{}年", zh_digits(f.group(1))))),
    (r"0([1-9])\s?([月日号])", |f| {
        let whole = !f.char_before().is_some_and(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
        whole.then(|| format!("{}{}", zh_cardinal(f.group(1)), f.group(2)))
    }),
    // A bare day behind a blank, and 天 in any case, may start something else: 周日 - 天气晴.
    (
        r"((?:周|星期|礼拜)[一二三四五六日天])(?:\s?[-–—~]\s?((?:周|星期|礼拜)[一二三四五六日天])|[-–—~]([一二三四五六日]))",
        |f| Some(format!("{}到{}{}", f.group(1), f.group(2), f.group(3))),
    ),
    (r"([0-9]0)\s?年代", |f| Some(format!("{}年代", zh_cardinal(f.group(1))))),
    // Times.
    (r"([0-9]{1,2})[:：]([0-5][0-9])(?:[:：]([0-5][0-9]))?", time),
    (r"([0-9]+)[:：]([0-9]+)", |f| Some(format!("{}比{}", zh_cardinal(f.group(1)), zh_cardinal(f.group(2))))),
    (dashes::DASH, dashes::chinese),
    // Telephone numbers and versions.
    (r"((?:拨打|致电|电话|热线|验证码|密码|邮编)[:：是为]?\s?)([0-9]{3,})", |f| {
        const COUNTED: &[char] = &['元', '块', '个', '次', '万', '人', '台', '部', '分', '秒', '多', '余', '名', '位', '通', '条', '%'];
        // A full stop or a comma ends the sentence unless the number goes on.
        let goes_on =
            f.after.starts_with('-') || f.after.strip_prefix(['.', ',']).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let count = goes_on || f.after.starts_with(COUNTED) || f.after.starts_with("小时");
        (!count).then(|| format!("{}{}", f.group(1), zh_digits(f.group(2))))
    }),
    (r"\+?[0-9]{3,4}-[0-9]{3,4}-[0-9]{3,4}|(?-u:\b)1[3-9][0-9]{9}|[0-9]{3,4}-[0-9]{7,8}", |f| Some(zh_digits(f.group(0)))),
    (r"v?([0-9]+(?:\.[0-9]+){2,})", |f| Some(f.group(1).split('.').map(zh_cardinal).collect::<Vec<_>>().join("点"))),
    // Money.
    (
        r"([$€£¥])\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?:\s?[-–~]\s?[$€£¥]?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?))?\s?(万亿|亿|万|千)?",
        money,
    ),
    (r"((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)\s?(USD|EUR|GBP|JPY|CNY|RMB|€|£)", |f| {
        Some(format!("{}{}", zh_decimal(f.group(1)), currency(f.group(2))?))
    }),
    // Fractions and percentages, units.
    (r"([0-9]+)/([0-9]+)", |f| {
        let zero = f.group(2).bytes().all(|b| b == b'0');
        (!zero && !f.after.starts_with('/')).then(|| format!("{}分之{}", zh_cardinal(f.group(2)), zh_cardinal(f.group(1))))
    }),
    (
        r"([-−])?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?:%?\s?[-–~到至]\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?))?\s?%",
        |f| {
            let to = if f.has(3) { format!("到百分之{}", zh_decimal(f.group(3))) } else { String::new() };
            Some(format!("{}百分之{}{to}", minus(f), zh_decimal(f.group(2))))
        },
    ),
    (
        r"([-−])?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?:\s?[-–~到至]\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?))?\s?(°\s?[CF]|℃|℉|°|(?:km/h|m/s|km²|m²|m³|kg|km|cm|mm|mg|ml|mL|TB|GB|MB|KB|GHz|MHz|kHz|Hz|kWh|kW|mAh|min|ms|g|m|L|W|h)(?-u:\b))",
        measure,
    ),
    // 2个 is 两个.
    (
        r"([0-9]+)(?:\s?[-–~到至]\s?([0-9]+))?\s?(个|只|本|张|位|次|种|件|条|杯|公斤|千克|毫克|斤|克|吨|升|毫升|公里|千米|厘米|毫米|米|百|千|万|亿|周|倍|岁|点|名|台|辆|家|项|块|元|小时|分钟|秒|天|年|部|首|篇|句|段|步|层|座|把|双|套|份|碗|瓶|颗|棵|勺|遍|人)",
        counted,
    ),
    // Ranges and plain numbers.
    (r"((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)\s?[-–—~]\s?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)", |f| {
        let chain = f.before.ends_with('-') || f.after.starts_with('-');
        let difference = f.group(0).contains(['-', '–']) && dashes::leads_to_equals(f.after);
        (!chain && !difference && !f.group(0).contains(" - ")).then(|| format!("{}到{}", zh_decimal(f.group(1)), zh_decimal(f.group(2))))
    }),
    (r"([-−])?((?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)", |f| Some(format!("{}{}", minus(f), zh_decimal(f.group(2))))),
    (r"\s?(\+|=|×|÷|≈|→|&|<=|≤|>=|≥|≠|<|>)\s?", |f| {
        let word = match f.group(1) {
            "+" => "加",
            "=" => "等于",
            "×" => "乘",
            "÷" => "除以",
            "≈" => "约等于",
            "→" => "到",
            "&" => "和",
            "<=" | "≤" => "小于等于",
            ">=" | "≥" => "大于等于",
            "≠" => "不等于",
            "<" => "小于",
            _ => "大于",
        };
        let between =
            f.before.ends_with(|c: char| c.is_alphanumeric() || c == ')') && f.after.starts_with(|c: char| c.is_alphanumeric() || c == '(');
        between.then(|| word.to_owned())
    }),
    (r"²", |_| Some("的平方".to_owned())),
    (r"³", |_| Some("的立方".to_owned())),
    (r"~", |f| {
        let to = f.char_before().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '%' | '°' | '℃' | '℉'));
        let digit = f.char_after().is_some_and(|c| c.is_ascii_digit());
        Some(
            if to {
                "到"
            } else if digit && !f.before.ends_with('约') {
                "大约"
            } else {
                ""
            }
            .to_owned(),
        )
    }),
    (r",\s?", |f| {
        let near = f.char_before().is_some_and(super::is_han) || f.char_after().is_some_and(super::is_han);
        near.then(|| "，".to_owned())
    }),
    (r"[$€£¥°]", |_| Some(" ".to_owned())),
];

fn minus(f: &Found) -> &'static str {
    match f.char_before() {
        _ if !f.has(1) => "",
        Some(c) if c.is_ascii_alphanumeric() => " ",
        _ => "负",
    }
}

/// 2024年, and not 5000年的历史 or 2000年前: these are spans of time.
fn is_year(f: &Found, digits: &str) -> bool {
    if f.before.ends_with("公元") || f.before.ends_with("公元前") {
        return true;
    }
    let year: u32 = digits.parse().unwrap_or(0);
    let round = year.is_multiple_of(100);
    if (1800..=2100).contains(&year) && !round {
        return true;
    }
    let starts = |words: &[&str]| words.iter().any(|word| f.after.starts_with(word));
    // 2000年的历史新高, 2000年的时间表: what happened in that year.
    let ends = |rest: &str| !rest.starts_with(char::is_alphanumeric) || rest.starts_with('了');
    let long = ["的历史", "的时间"].iter().any(|word| f.after.strip_prefix(word).is_some_and(ends));
    // 2000年前后 is about that year; 2000年后出生 is after it, as 1995年后 is.
    let ago = round && (starts(&["前", "来", "间"]) && !starts(&["前后"]) || !matches!(year, 1900 | 2000) && starts(&["后"]));
    let span = long || starts(&["历史", "之久"]) || ago;
    (1001..=2100).contains(&year) && !span
}

fn time(f: &Found) -> Option<String> {
    // 比分是21:15
    let near = f.before.char_indices().rev().nth(4).map_or(0, |(at, _)| at);
    if ["比分", "比例", "比率"].iter().any(|word| f.before[near..].contains(word)) {
        return None;
    }
    let hour = f.group(1).parse::<u8>().ok().filter(|h| *h <= 24)?;
    let part = |n: &str, unit: &str| match n.strip_prefix('0') {
        Some(n) => format!("零{}{unit}", zh_cardinal(n)),
        None => format!("{}{unit}", zh_cardinal(n)),
    };
    let hour = if hour == 2 { "两".to_owned() } else { zh_cardinal(&hour.to_string()) };
    Some(match (f.group(2), f.has(3)) {
        ("00", false) => format!("{hour}点"),
        (minute, false) => format!("{hour}点{}", part(minute, "分")),
        (minute, true) => format!("{hour}点{}{}", part(minute, "分"), part(f.group(3), "秒")),
    })
}

fn currency(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "$" | "USD" => "美元",
        "€" | "EUR" => "欧元",
        "£" | "GBP" => "英镑",
        "JPY" => "日元",
        "¥" | "CNY" | "RMB" => "元",
        _ => return None,
    })
}

fn money(f: &Found) -> Option<String> {
    let to = if f.has(3) { format!("到{}", zh_decimal(f.group(3))) } else { String::new() };
    let name = currency(f.group(1))?;
    // ¥5元 says its unit already.
    let name = if f.after.starts_with(['元', '块']) { "" } else { name };
    let amount = f.group(2);
    Some(format!("{}{to}{}{name}", zh_decimal(amount.strip_suffix(".00").unwrap_or(amount)), f.group(4)))
}

fn measure(f: &Found) -> Option<String> {
    let sign = f.group(4).replace(' ', "");
    let name = match sign.as_str() {
        "°C" | "℃" => "摄氏度",
        "°F" | "℉" => "华氏度",
        "°" => "度",
        "km/h" => "公里每小时",
        "m/s" => "米每秒",
        "km²" => "平方公里",
        "m²" => "平方米",
        "m³" => "立方米",
        "kg" => "公斤",
        "km" => "公里",
        "cm" => "厘米",
        "mm" => "毫米",
        "mg" => "毫克",
        "ml" | "mL" => "毫升",
        "TB" => "太字节",
        "GB" => "吉字节",
        "MB" => "兆字节",
        "KB" => "千字节",
        "GHz" => "吉赫兹",
        "MHz" => "兆赫兹",
        "kHz" => "千赫兹",
        "Hz" => "赫兹",
        "kWh" => "千瓦时",
        "kW" => "千瓦",
        "mAh" => "毫安时",
        "min" => "分钟",
        "ms" => "毫秒",
        "g" => "克",
        "m" => "米",
        "L" => "升",
        "W" => "瓦",
        "h" => "小时",
        _ => return None,
    };
    let to = if f.has(3) { format!("到{}", zh_decimal(f.group(3))) } else { String::new() };
    let first = match (f.group(2), name) {
        ("2", "公斤" | "公里" | "米" | "分钟" | "小时" | "升" | "克") if !f.has(3) => "两".to_owned(),
        (n, _) => zh_decimal(n),
    };
    let sign = match (f.has(1), name) {
        (true, "摄氏度" | "华氏度" | "度") if minus(f) == "负" => "零下",
        _ => minus(f),
    };
    Some(format!("{sign}{first}{to}{name}"))
}

fn counted(f: &Found) -> Option<String> {
    // A decimal's tail, a group of thousands and 第2天 are not counts.
    let tail = f.before.ends_with(['.', ',', '-']) && !dashes::is_joined(f.before);
    if tail || f.before.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let ordinal = f.before.trim_end().ends_with('第');
    // 2点 may be a time or a list of points: both are 两点. 2年级 is 二年级.
    let grade = f.group(3) == "年" && f.after.starts_with('级');
    let say = |n: &str| if n == "2" && !ordinal && !grade { "两".to_owned() } else { zh_cardinal(n) };
    let to = if f.has(2) { format!("到{}", say(f.group(2))) } else { String::new() };
    Some(format!("{}{to}{}", say(f.group(1)), f.group(3)))
}

#[cfg(test)]
mod tests {
    use super::super::{Lang, normalize};

    #[test]
    fn chinese_is_said_in_characters() {
        for (text, said) in [
            ("现在是10:45。", "现在是十点四十五分。"),
            ("会议在14:00到15:05", "会议在十四点到十五点零五分"),
            ("2024年3月5日", "二零二四年三月五日"),
            ("日期是2024-03-05。", "日期是二零二四年三月五日。"),
            ("圆周率约为3.14159", "圆周率约为三点一四一五九"),
            ("增长了50%，或5%-10%", "增长了百分之五十，或百分之五到百分之十"),
            ("价格是¥99.5，约$15", "价格是九十九点五元，约十五美元"),
            ("气温20°C，最低-5℃", "气温二十摄氏度，最低零下五摄氏度"),
            ("跑5-10km，重2kg", "跑五到十公里，重两公斤"),
            ("我有2个苹果和12本书", "我有两个苹果和十二本书"),
            ("第2天是第1次", "第二天是第一次"),
            ("1/2杯水", "二分之一杯水"),
            ("人口约14,000,000人", "人口约一千四百万人"),
            ("2 + 3 = 5", "二加三等于五"),
            ("请打13800138000", "请打一三八零零一三八零零零"),
            ("比分是3:2", "比分是三比二"),
            ("iPhone 15 有 128GB 内存", "iPhone 十五有一百二十八吉字节内存"),
            ("你好,世界", "你好，世界"),
            ("大约5人，~10人", "大约五人，大约十人"),
            ("20世纪90年代，1990年", "二十世纪九十年代，一九九零年"),
            ("中国有5000年的历史", "中国有五千年的历史"),
            ("1000年前、1000年后和3000-5000年前", "一千年前、一千年后和三千到五千年前"),
            ("2000年后出生，1900年后，2000年前", "二零零零年后出生，一九零零年后，两千年前"),
            ("2023年的历史新高，1945年的历史事件", "二零二三年的历史新高，一九四五年的历史事件"),
            ("2024年的时间表，2000年的历史新高", "二零二四年的时间表，二零零零年的历史新高"),
            ("有2000年的历史了，有1200年历史的城", "有两千年的历史了，有一千二百年历史的城"),
            ("1368年的历史", "一千三百六十八年的历史"),
            ("1995年后出生，2000年前后，公元1000年", "一九九五年后出生，二零零零年前后，公元一零零零年"),
            ("2:30见，1.5倍，3-5个，50%-60%", "两点三十分见，一点五倍，三到五个，百分之五十到百分之六十"),
            ("2024-11-21，-5℃，第3名，第2名", "二零二四年十一月二十一日，零下五摄氏度，第三名，第二名"),
            ("请拨400-800-1234，拨打110报警", "请拨四零零八零零一二三四，拨打一一零报警"),
            ("电话500元，密码1234", "电话五百元，密码一二三四"),
            ("请拨打110. 密码1234, 好", "请拨打一一零.密码一二三四，好"),
            ("接到电话200多通，热线300条", "接到电话二百多通，热线三百条"),
            ("比分是21:15，比如9:00", "比分是二十一比十五，比如九点"),
            ("2024年03月05日", "二零二四年三月五日"),
            ("2万元，2米，2公斤，12万", "两万元，两米，两公斤，十二万"),
            ("¥1,299.00", "一千二百九十九元"),
        ] {
            assert_eq!(normalize(text, Lang::Zh), said, "{text}");
        }
    }
}
