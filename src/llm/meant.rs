//! What a question means for what Hark adds to it: the clock, or that it is a wish for a deed. Decided by the question's own
//! words, English and Chinese (the clock also in a few more languages); pure functions.

/// The question as lower-case words with a blank around each and a full stop behind the last: ` what is the date . `.
/// Apostrophes go (`what's` becomes `whats`).
fn plain(question: &str) -> String {
    let without: String = question.chars().filter(|c| !matches!(c, '\'' | '’')).flat_map(char::to_lowercase).collect();
    let words: Vec<&str> = without.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    format!(" {} . ", words.join(" "))
}

fn has(text: &str, phrases: &[&str]) -> bool {
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// Whether one of these stands in it as whole words; `|` parts them.
fn says(plain: &str, phrases: &str) -> bool {
    phrases.split('|').any(|phrase| plain.contains(&format!(" {phrase} ")))
}

/// Chinese characters and no Japanese or Korean letters.
pub(super) fn is_chinese(text: &str) -> bool {
    let other = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}');
    text.chars().any(|c| matches!(c, '\u{3400}'..='\u{9fff}')) && !text.chars().any(other)
}

/// It asks about words, not about what they say: the time has nothing to do with "How do you say today in French?".
fn is_about_words(plain: &str) -> bool {
    says(plain, "say|spell|spelled|mean|means|meaning|translate|translation|opposite|plural|tense|sentence|synonym|rhymes|pronounce")
        || has(plain, &["英语", "英文", "法语", "日语", "怎么说", "意思", "翻译", "反义词", "近义词", "怎么写", "怎么读", "拼音", "造句"])
}

const CLOCK: &str = "time is it|is the time|whats the time|me the time|have the time|got the time|know the time|current time|time now\
|day is it|day of the week is it|date is it|is the date .|whats the date .|me the date .|current date|current day|month is it|year is it\
|year are we|month are we|season is it|current month|current year|is it morning|is it afternoon|is it evening|is it night\
|is it the weekend|is it late|is it already|today|todays|tomorrow|tomorrows|yesterday|yesterdays|tonight|tonights|right now\
|this year|this month|this week|this weekend|this morning|this afternoon|this evening\
|next year|next month|next week|next weekend|last year|last month|last week|last night|days until|days till|days left|days to christmas\
|weeks until|weeks till|months until|months till|hours until|hours till|minutes until|minutes till|long until|long till|far away is christmas\
|next monday|next tuesday|next wednesday|next thursday|next friday|next saturday|next sunday|years ago|days ago|weeks ago|months ago|long ago was\
|wie spät|uhrzeit|datum|heute|morgen|gestern|welcher tag ist|welches jahr ist|quelle heure|aujourdhui|demain|hier|quel jour|quelle date\
|qué hora|que hora|qué día|hoy|mañana|ayer|fecha|che ora|che ore|che giorno|oggi|domani|ieri|que horas|que dia|hoje|amanhã|ontem\
|который час|сегодня|завтра|вчера";

const CLOCK_ANYWHERE: [&str; 40] = [
    "几点了",
    "几点钟",
    "现在",
    "什么时间了",
    "几号",
    "今天",
    "今日",
    "明天",
    "昨天",
    "后天",
    "前天",
    "今晚",
    "今早",
    "今年",
    "明年",
    "去年",
    "这个月",
    "本月",
    "下个月",
    "上个月",
    "这周",
    "本周",
    "下周",
    "上周",
    "这个星期",
    "下星期",
    "下个星期",
    "上星期",
    "周末还有",
    "还有几天",
    "还有多少天",
    "还有多久",
    "还有几个月",
    "何時",
    "明日",
    "昨日",
    "何曜日",
    "오늘",
    "내일",
    "몇 시",
];

/// Whether the question asks for date or time, or cannot be answered without them.
pub(super) fn clock(question: &str) -> bool {
    let plain = plain(question);
    let age = says(&plain, "how old") && says(&plain, "born") || plain.contains("出生") && has(&plain, &["几岁", "多大", "多少岁"]);
    !is_about_words(&plain) && (age || says(&plain, CLOCK) || has(&plain, &CLOCK_ANYWHERE))
}

/// What stands before the verb of a wish.
const POLITE: &str = "hey|hi|hello|ok|okay|hark|please|kindly|now|just|also|can you|could you|would you|will you|can u|help me|help me to\
|i want you to|i would like you to|id like you to|i need you to|go ahead and|go and";

/// Verbs of deeds, whatever follows.
const DEEDS: &str = "order|book|buy|purchase|reserve|dim|brighten|mute|unmute|lock|unlock|remind|wake|email|text|message|dial|phone|pay\
|transfer|print|download|upload|install|uninstall|restart|reboot|shut|delete|erase|snooze|pause|resume|skip|rewind|schedule|reschedule\
|cancel|switch|turn|start|open|close|play|call|send|put|navigate|stream|post|record|launch|activate|deactivate|enable|disable\
|connect|disconnect|pair|sync|forward|vacuum|feed|mow|deliver|rent|hire|bring|fetch|search|drive|clean|wash|cook|preheat|pick up|hang up\
|get me|order me|notify|tell my|check my|read my|read me my|log me|sign me|walk the|water the|charge my|back up|scan|unsubscribe|withdraw|deposit";

/// Verbs that are deeds with one of the [`THINGS`]: "Add 5 and 7" is a sum, "Add milk to my list" is not.
const DEEDS_WITH_THINGS: &str =
    "add|set|stop|take|make|show|find|move|raise|lower|increase|decrease|reduce|change|run|create|get|check|give|adjust|prepare|leave";

const THINGS: &str = "alarm|alarms|timer|reminder|light|lights|lamp|tv|television|radio|music|song|songs|playlist|volume|brightness|temperature\
|heating|heater|heat|thermostat|fan|blinds|curtains|door|garage|car|phone|message|messages|email|emails|mail|appointment|reservation|meeting\
|calendar|shopping list|cart|basket|taxi|cab|uber|ride|flight|flights|ticket|tickets|hotel|pizza|coffee|tea|sandwich|photo|photos|selfie\
|screenshot|video|note|memo|map|browser|app|file|files|folder|computer|printer|oven|washing machine|coffee machine|dishwasher|camera|bill|payment|bath|phone call\
|a call|my picture|picture of me|wifi|bluetooth|password|contacts|settings";

/// A text is wished, which a chat model can give.
const TEXTS: &str = "sentence|words|numbers|alphabetical|order from|in order|into|paragraph|poem|story|essay";

const CHINESE_DEEDS: [&str; 88] = [
    "打开",
    "关掉",
    "关上",
    "关闭",
    "开灯",
    "关灯",
    "开门",
    "关门",
    "调到",
    "调大",
    "调小",
    "调高",
    "调低",
    "调亮",
    "调暗",
    "打电话",
    "打个电话",
    "打一个电话",
    "拨打",
    "拨通",
    "发短信",
    "发一条",
    "发条",
    "发消息",
    "发个消息",
    "发邮件",
    "发一封",
    "发封",
    "发微信",
    "发个",
    "叫我起床",
    "叫醒我",
    "闹钟",
    "提醒我",
    "播放",
    "放一首",
    "放首",
    "放点",
    "放一点",
    "点一份",
    "点份",
    "点一杯",
    "点外卖",
    "叫外卖",
    "订一",
    "订两",
    "订张",
    "订个",
    "预订",
    "预定",
    "订票",
    "订机票",
    "买一",
    "买两",
    "买张",
    "买点",
    "帮我买",
    "帮我订",
    "帮我点",
    "帮我叫",
    "帮我关",
    "帮我开",
    "帮我付",
    "帮我洗",
    "帮我倒",
    "帮我拿",
    "叫一辆",
    "叫辆",
    "叫车",
    "拍一张",
    "拍张",
    "拍照",
    "截图",
    "截屏",
    "锁上",
    "锁门",
    "付电费",
    "付房租",
    "缴费",
    "转账",
    "下载",
    "安装",
    "重启",
    "关机",
    "删除",
    "清单",
    "定时",
    "计时",
];

const MORE_CHINESE_DEEDS: [&str; 22] = [
    "设一个",
    "设个",
    "设置",
    "定个",
    "定一个",
    "暂停",
    "下一首",
    "上一首",
    "静音",
    "打印",
    "导航",
    "启动",
    "拉上",
    "拉开",
    "加到",
    "添加",
    "给我倒",
    "倒一杯",
    "扫地",
    "转给",
    "转五",
    "上网搜",
];

/// Whether it wishes for a deed: to order, to switch, to send. Hark talks and does nothing of that.
pub(super) fn deed(question: &str) -> bool {
    let plain = plain(question);
    if is_about_words(&plain) {
        return false;
    }
    if is_chinese(question) {
        let asks = has(&plain, &["怎么", "怎样", "如何", "为什么", "什么", "哪", "谁", "多少"]);
        let yes_or_no = plain.contains('吗') && !has(&plain, &["能", "可以"]);
        return !asks && !yes_or_no && (has(&plain, &CHINESE_DEEDS) || has(&plain, &MORE_CHINESE_DEEDS));
    }
    let mut wish = plain.as_str();
    let begins = |wish: &str, phrases: &str| {
        let after = |phrase: &str| wish.strip_prefix(' ')?.strip_prefix(phrase)?.starts_with(' ').then_some(phrase.len() + 1);
        phrases.split('|').filter_map(after).max()
    };
    while let Some(end) = begins(wish, POLITE) {
        wish = wish.get(end..).unwrap_or_default();
    }
    // One word is an answer or an interruption, and "Order is half of life" tells something.
    let told = ["is", "are", "was", "were", "means", "does"].iter().any(|verb| wish.split(' ').nth(2) == Some(verb));
    if wish.split(' ').count() < 5 || told || says(wish, TEXTS) {
        return false;
    }
    let called = begins(wish, "call me").is_some() && begins(wish, "call me a|call me an").is_none();
    !called && (begins(wish, DEEDS).is_some() || begins(wish, DEEDS_WITH_THINGS).is_some() && says(wish, THINGS))
}

#[cfg(test)]
#[path = "meant_tests.rs"]
mod tests;
