use super::*;

#[test]
fn the_clock_is_meant_by_questions_about_now_and_by_no_others() {
    for question in [
        "What time is it?",
        "what's the time",
        "Can you tell me the time please?",
        "What day is it?",
        "What day is it today?",
        "What's today’s date?",
        "What is the date?",
        "Which year is it?",
        "What day of the week was yesterday?",
        "Is tomorrow a Sunday?",
        "How many days until Christmas?",
        "How old is someone who was born in 1990?",
        "What month is it right now?",
        "Is it the weekend?",
        "Wie spät ist es?",
        "¿Qué hora es?",
        "现在几点了？",
        "几点钟了",
        "今天星期几？",
        "今天是几月几号？",
        "明天是几号？",
        "今年是哪一年？",
        "离春节还有几天？",
        "1990年出生的人几岁？",
    ] {
        assert!(clock(question), "{question}");
    }
    for question in [
        "How many continents are there?",
        "How many days are in a week?",
        "How many hours does a day have?",
        "How many minutes are in an hour?",
        "Which day comes after Friday?",
        "In which year did World War Two end?",
        "What is the date of Christmas?",
        "What is time?",
        "What does a year on Mars mean?",
        "How do you say today in French?",
        "Spell tomorrow.",
        "What is the opposite of yesterday?",
        "What is the capital of Spain?",
        "Tell me a joke.",
        "谢谢用英语怎么说？",
        "“今天”用英语怎么说？",
        "一个星期有几天？",
        "一年有几个月？",
        "星期五的后一天是星期几？",
        "日本的首都是哪里？",
        "一小时有多少分钟？",
    ] {
        assert!(!clock(question), "{question}");
    }
}

#[test]
fn a_deed_is_wished_by_its_verb_and_not_by_a_question_or_a_text() {
    for wish in [
        "Order a pizza.",
        "Please book me a table for two.",
        "Hey Hark, could you turn on the light?",
        "Can you call my mother?",
        "Set an alarm for seven.",
        "Add milk to my shopping list.",
        "Take a photo.",
        "Make me a cup of coffee.",
        "I want you to send a message to Tom.",
        "Remind me tomorrow to buy bread.",
        "帮我点一份披萨。",
        "把空调调到二十六度。",
        "明天早上七点叫我起床。",
        "你能打开灯吗？",
    ] {
        assert!(deed(wish), "{wish}");
    }
    for other in [
        "How do I order a pizza?",
        "What is a light?",
        "Who invented the light bulb?",
        "Add 5 and 7.",
        "Take 5 from 9.",
        "Give me a list of fruits.",
        "Make a sentence with the word light.",
        "Turn 5 miles into kilometres.",
        "Order is half of life.",
        "Call me Tom.",
        "Write an email to my boss.",
        "Tell me a joke.",
        "Stop.",
        "How do you say open the door in Spanish?",
        "Can you explain rain?",
        "Put these words in alphabetical order: pear, apple.",
        "怎么打开罐头？",
        "什么是闹钟？",
        "“打开”用英语怎么说？",
        "雨伞有什么用？",
        "给我讲个故事。",
    ] {
        assert!(!deed(other), "{other}");
    }
}

#[test]
fn japanese_is_not_chinese() {
    assert!(is_chinese("东京") && !is_chinese("日本の首都はどこですか") && !is_chinese("Tokyo"));
}
