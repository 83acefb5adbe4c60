use super::*;

fn voice() -> Mandarin {
    let tokens = Tokens::read(std::path::Path::new("models/starter/zh-baker/tokens.txt")).unwrap();
    Mandarin::new(tokens, Facts::default()).unwrap()
}

/// Names of the symbols of a text, sentence by sentence.
fn symbols(text: &str) -> Vec<String> {
    let voice = voice();
    let name = |id: &i64| voice.tokens.iter().find(|(_, known)| i64::from(*known) == *id).unwrap().0.to_owned();
    voice.symbols_of(text).iter().map(|symbols| symbols.ids.iter().map(name).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn two_hundred_sentences_are_read_as_people_read_them() {
    let text = include_str!("../../../tests/corpora/zh_pinyin.tsv");
    let (mut sentences, mut all, mut right) = (0, 0, 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sentence, wanted) = line.split_once('\t').unwrap();
        let read = pinyin(&normalize(sentence, Lang::Zh));
        let (wanted, found): (Vec<&str>, Vec<&str>) = (wanted.split(' ').collect(), read.split(' ').collect());
        let good = |(wanted, found): &(&&str, &&str)| wanted.split('/').any(|way| way == **found);
        let wrong: Vec<String> =
            wanted.iter().zip(&found).filter(|pair| !good(pair)).map(|(wanted, found)| format!("{found} for {wanted}")).collect();
        // A syllable too many shifts the others, and all of them are wrong.
        right += if wanted.len() == found.len() { wanted.len() - wrong.len() } else { 0 };
        all += wanted.len();
        sentences += 1;
        if !wrong.is_empty() || wanted.len() != found.len() {
            println!("{sentence} {}", wrong.join(", "));
        }
    }
    println!("{right} of {all} syllables of {sentences} sentences");
    assert!(sentences >= 200 && all >= 1_900);
    assert!(right * 100 >= all * 97, "{right} of {all}");
}

#[test]
fn words_decide_how_a_character_is_read_and_neighbours_its_tone() {
    for (text, said) in [
        ("重庆", "chong2 qing4"),
        ("银行行长", "yin2 hang2 hang2 zhang3"),
        ("音乐家很快乐", "yin1 yue4 jia1 hen3 kuai4 le4"),
        ("还想还钱", "hai2 xiang3 huan2 qian2"),
        ("长大", "zhang3 da4"),
        ("一天，一年，一次，一个，第一，统一，看一看", "yi4 tian1 yi4 nian2 yi2 ci4 yi2 ge5 di4 yi1 tong3 yi1 kan4 yi5 kan4"),
        ("不好，不去，好不好，对不起", "bu4 hao3 bu2 qu4 hao3 bu5 hao3 dui4 bu5 qi3"),
        ("展览馆，小老虎，你好", "zhan2 lan2 guan3 xiao3 lao2 hu3 ni2 hao3"),
        ("妈妈，想想，人人，孩子们", "ma1 ma5 xiang2 xiang5 ren2 ren2 hai2 zi5 men5"),
        ("一点儿，这儿，女儿，儿子", "yi4 dianr3 zher4 nv3 er2 er2 zi5"),
        ("我得换电池，他得了奖，说得对", "wo2 dei3 huan4 dian4 chi2 ta1 de2 le5 jiang3 shuo1 de5 dui4"),
        ("高兴得不得了，为人民服务", "gao1 xing4 de5 bu4 de2 liao3 wei4 ren2 min2 fu2 wu4"),
        ("5只猫只有15岁", "wu3 zhi1 mao1 zhi2 you3 shi2 wu3 sui4"),
    ] {
        assert_eq!(pinyin(text), said, "{text}");
    }
}

#[test]
fn a_sentence_has_its_symbols_with_pauses_between_and_silence_around() {
    assert_eq!(symbols("好，这儿。你！"), ["sil h ao3 #3 zh e4 er5 sil eos", "sil n i3 sil eos"]);
    assert_eq!(symbols("，VIP，"), ["sil ^ uei1 #0 ^ ai4 #0 p i1 sil eos"]);
    assert_eq!(symbols("A.I.").len(), 1);
    assert!(symbols("……。 \n").is_empty() && symbols("ありがとう").is_empty());
    // As the voice's own makers write it: 三小时是一百八十分钟。
    let own = "sil s an1 #0 x iao3 #0 sh iii2 #0 sh iii4 #0 ^ i4 #0 b ai3 #0 b a1 #0 sh iii2 #0 f en1 #0 zh ong1 sil eos";
    assert_eq!(symbols("3小时是180分钟。"), [own]);
}

#[test]
fn long_sentences_are_cut_at_a_pause_and_endless_ones_anywhere() {
    assert_eq!(symbols(&"今天天气很好，我们去公园散步。".repeat(3)).len(), 3);
    assert_eq!(symbols(&"今天天气很好，".repeat(10)).len(), 2);
    let runs = voice().symbols_of(&"好".repeat(950));
    assert!(runs.len() == 10 && runs.iter().all(|symbols| symbols.ids.len() <= 3 * LONGEST + 2));
}

#[test]
fn a_table_that_lacks_symbols_of_pinyin_is_refused() {
    let whole = std::fs::read_to_string("models/starter/zh-baker/tokens.txt").unwrap();
    for lacking in ["zh", "^", "iii4", "ve2", "#0", "sil", "er5"] {
        let text: String = whole.lines().filter(|line| !line.starts_with(&format!("{lacking} "))).map(|line| format!("{line}\n")).collect();
        let reason = Mandarin::new(Tokens::parse(&text).unwrap(), Facts::default()).unwrap_err();
        assert!(reason.contains(&format!("\"{lacking}\"")), "{reason}");
    }
}
