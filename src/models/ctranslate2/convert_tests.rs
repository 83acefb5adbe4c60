use super::make::{BANDS, Model, TOKENS, WIDTH, value, vocabulary};
use super::*;
use crate::models::check::ggml;
use crate::turn::Outcome;
use std::collections::HashMap;
use std::io::{self, Cursor, Write};

fn tokens() -> Result<Tokens, CheckError> {
    Tokens::parse("vocabulary.json", serde_json::to_string(&vocabulary()).unwrap().as_bytes())
}

fn planned(bytes: Vec<u8>, weights: Weights) -> Result<Conversion<Cursor<Vec<u8>>>, CheckError> {
    Conversion::plan(Cursor::new(bytes), tokens, weights)
}

fn converted(model: &Model, weights: Weights) -> Vec<u8> {
    let conversion = planned(model.bytes(), weights).unwrap();
    let (bytes, mut out) = (conversion.bytes(), Vec::new());
    assert_eq!(conversion.write(&mut out, &|| false, &mut |_| {}).unwrap(), Outcome::Done(()));
    assert_eq!(out.len() as u64, bytes, "the size is known before");
    out
}

fn reason(model: &Model) -> String {
    planned(model.bytes(), Weights::F16).expect_err("refused").reason
}

/// The tensors of a ggml file in their order: name, type, bytes.
fn tensors(file: &[u8]) -> Vec<(String, i32, Vec<u8>)> {
    let number = |at: usize| i32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut at = 48 + 8 + BANDS * 201 * 4;
    let words = number(at);
    at += 4;
    for _ in 0..words {
        at += 4 + number(at) as usize;
    }
    let mut all = Vec::new();
    while at < file.len() {
        let (n_dims, name, kind) = (number(at) as usize, number(at + 4) as usize, number(at + 8));
        at += 12;
        let count: i32 = (0..n_dims).map(|n| number(at + 4 * n)).product();
        at += 4 * n_dims;
        let name = String::from_utf8(file[at..at + name].to_vec()).inspect(|name| at += name.len()).unwrap();
        let bytes = count as usize / 32 * HashMap::from([(0, 128), (1, 64), (8, 34), (7, 24)])[&kind];
        all.push((name, kind, file[at..at + bytes].to_vec()));
        at += bytes;
    }
    all
}

#[test]
fn whisper_cpp_s_own_check_takes_what_comes_out_in_every_type() {
    for kind in [0, 1, 4] {
        let model = Model::of(kind);
        for weights in Weights::ALL {
            let found = ggml::check(Cursor::new(converted(&model, weights))).unwrap();
            assert_eq!((found.weights, found.n_vocab, found.n_languages), (weights.name(), TOKENS as u32, 1), "{kind}");
            assert_eq!((found.n_state, found.n_audio_ctx, found.n_text_ctx, found.tensors), (32, 8, 32, 50));
        }
    }
}

#[test]
fn each_number_comes_to_its_place() {
    for kind in [0, 1, 4] {
        let file = converted(&Model::of(kind), Weights::F16);
        let all = tensors(&file);
        let order: Vec<&str> = all.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(
            order[..4],
            [
                "decoder.positional_embedding",
                "encoder.positional_embedding",
                "decoder.token_embedding.weight",
                "decoder.blocks.0.mlp_ln.weight"
            ]
        );
        let d = WIDTH * WIDTH;
        // Tensor, type, its variable and the first of its values there.
        for (tensor, ggml, variable, first) in [
            ("decoder.token_embedding.weight", 1, "decoder/embeddings/weight", 0),
            ("encoder.positional_embedding", 0, "encoder/position_encodings/encodings", 0),
            ("encoder.conv1.weight", 1, "encoder/conv1/weight", 0),
            ("encoder.conv2.bias", 0, "encoder/conv2/bias", 0),
            ("encoder.ln_post.weight", 0, "encoder/layer_norm/gamma", 0),
            ("decoder.ln.bias", 0, "decoder/layer_norm/beta", 0),
            ("encoder.blocks.0.attn.query.weight", 1, "encoder/layer_0/self_attention/linear_0/weight", 0),
            ("encoder.blocks.0.attn.key.weight", 1, "encoder/layer_0/self_attention/linear_0/weight", d),
            ("decoder.blocks.0.attn.value.weight", 1, "decoder/layer_0/self_attention/linear_0/weight", 2 * d),
            ("decoder.blocks.0.attn.value.bias", 0, "decoder/layer_0/self_attention/linear_0/bias", 2 * WIDTH),
            ("decoder.blocks.0.attn.out.weight", 1, "decoder/layer_0/self_attention/linear_1/weight", 0),
            ("decoder.blocks.0.cross_attn.query.bias", 0, "decoder/layer_0/attention/linear_0/bias", 0),
            ("decoder.blocks.0.cross_attn.key.weight", 1, "decoder/layer_0/attention/linear_1/weight", 0),
            ("decoder.blocks.0.cross_attn.value.weight", 1, "decoder/layer_0/attention/linear_1/weight", d),
            ("decoder.blocks.0.cross_attn.value.bias", 0, "decoder/layer_0/attention/linear_1/bias", WIDTH),
            ("decoder.blocks.0.cross_attn.out.weight", 1, "decoder/layer_0/attention/linear_2/weight", 0),
            ("encoder.blocks.0.mlp.0.bias", 0, "encoder/layer_0/ffn/linear_0/bias", 0),
            ("encoder.blocks.0.mlp.2.weight", 1, "encoder/layer_0/ffn/linear_1/weight", 0),
        ] {
            let (_, found, bytes) = all.iter().find(|(name, ..)| name == tensor).unwrap();
            assert_eq!(*found, ggml, "{tensor}");
            let values: Vec<f32> = match found {
                1 => bytes.chunks(2).map(|two| half::to_f32(u16::from_le_bytes([two[0], two[1]]))).collect(),
                _ => bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect(),
            };
            // 8 bits keep a value within half a step of its row.
            let allowed = if kind == 1 { 0.5 / 127.0 + 0.001 } else { 0.0 };
            for (at, found) in values.iter().enumerate() {
                let expected = value(variable, first + at);
                assert!((found - expected).abs() <= allowed, "{kind}: {tensor} at {at}: {found}, not {expected}");
            }
        }
    }
}

#[test]
fn the_words_are_bytes_and_the_special_ones_are_left_to_the_engine() {
    let file = converted(&Model::of(4), Weights::Q5_1);
    let words = &file[48 + 8 + BANDS * 201 * 4..];
    assert_eq!(words[..4], 50_257_u32.to_le_bytes());
    assert_eq!(words[4..16], *b"\x01\0\0\0 \x03\0\0\0\xe5\x9c\xba");
}

#[test]
fn all_three_forms_of_a_vocabulary_give_the_same_words() {
    let list = vocabulary();
    let json = tokens().unwrap().words(TOKENS as u64).unwrap();
    let text = Tokens::parse("vocabulary.txt", (list.join("\n") + "\n").as_bytes()).unwrap();
    assert_eq!(text.words(TOKENS as u64).unwrap(), json);
    let (own, added) = list[..50_300].split_at(50_257);
    let vocab: HashMap<&String, usize> = own.iter().enumerate().map(|(at, token)| (token, at)).collect();
    let added: Vec<_> = added.iter().zip(50_257..).map(|(content, id)| serde_json::json!({"id": id, "content": content})).collect();
    let tokenizer = serde_json::json!({"model": {"vocab": vocab, "merges": []}, "added_tokens": added}).to_string();
    assert_eq!(Tokens::parse("tokenizer.json", tokenizer.as_bytes()).unwrap().words(TOKENS as u64).unwrap(), json);
}

#[test]
fn a_vocabulary_that_is_another_or_none_is_refused_in_a_sentence() {
    let words =
        |list: &[String]| Tokens::parse("vocabulary.json", serde_json::to_string(list).unwrap().as_bytes()).unwrap().words(TOKENS as u64);
    let why = |list: &[String]| words(list).unwrap_err().reason;
    let good = vocabulary();
    let with = |at: usize, token: &str| [&good[..at], &[token.to_owned()], &good[at + 1..]].concat();
    assert_eq!(why(&good[1..]), "its vocabulary.json has 51863 tokens, and the model 51864");
    assert!(why(&[&good[..], &good[..1]].concat()).contains("51865 tokens"));
    assert!(why(&with(50_256, "x")).contains("<|endoftext|> is not token 50256"));
    assert!(why(&with(7, "a b")).contains("broken at token 7"), "a blank is no letter of the alphabet");
    assert!(why(&with(8, &"a".repeat(1025))).contains("broken at token 8"));
    assert!(why(&with(0, "x")).contains("no blank"));
    for (name, text) in [("vocabulary.json", "{\"a\": 1}"), ("vocabulary.json", ""), ("tokenizer.json", "[]")] {
        assert_eq!(Tokens::parse(name, text.as_bytes()).unwrap_err().reason, format!("its {name} holds no vocabulary"));
    }
    for ids in ["{\"a\": 0, \"b\": 2}", "{\"a\": 99999999}", "{\"a\": -1}", "{\"a\": 0, \"b\": 0}"] {
        let text = format!("{{\"model\": {{\"vocab\": {ids}}}}}");
        assert!(Tokens::parse("tokenizer.json", text.as_bytes()).is_err(), "{ids}");
    }
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model.bin");
    std::fs::write(&model, Model::of(1).bytes()).unwrap();
    assert!(open(&model, Weights::F16).unwrap_err().reason.contains("vocabulary.json is missing"));
    std::fs::File::create(dir.path().join("vocabulary.txt")).unwrap().set_len(1 << 40).unwrap();
    assert!(open(&model, Weights::F16).unwrap_err().reason.contains("its vocabulary.txt has 0 tokens"));
}

#[test]
fn a_model_that_is_not_whole_is_refused_in_a_sentence() {
    let good = Model::of(1);
    let why = |change: &dyn Fn(&mut Model)| {
        let mut model = good.clone();
        change(&mut model);
        reason(&model)
    };
    assert!(why(&|m| m.version = 5).contains("of version 5.3"));
    assert!(why(&|m| m.revision = 4).contains("of version 6.4"));
    assert!(why(&|m| m.variables.retain(|v| v.name != "encoder/conv2/bias")).contains("\"encoder/conv2/bias\" is missing"));
    assert!(why(&|m| m.variables.retain(|v| v.name != "encoder/num_heads")).contains("\"encoder/num_heads\" is missing"));
    let scale = "encoder/layer_0/ffn/linear_0/weight_scale";
    assert!(why(&|m| m.variables.retain(|v| v.name != scale)).contains("weight_scale\" is missing"));
    assert!(why(&|m| m.variables.push(m.variables[3].clone())).contains("is there twice"));
    assert!(why(&|m| m.second_names.push(("encoder/conv1/bias".into(), "encoder/conv2/bias".into()))).contains("is there twice"));
    assert!(why(&|m| m.get("encoder/conv1/weight").kind = 9).contains("of an unknown type (number 9)"));
    assert!(why(&|m| m.get("encoder/conv1/bias").kind = 2).contains("of a type that no whisper model has"));
    assert!(why(&|m| m.get("encoder/conv1/bias").dims = vec![31]).contains("does not fit its shape"));
    assert!(why(&|m| m.get("encoder/conv1/bias").dims = vec![u32::MAX; 4]).contains("does not fit its shape"));
    assert!(why(&|m| m.get("encoder/conv1/bias").dims = vec![1; 5]).contains("has 5 dimensions"));
    assert!(why(&|m| m.get("encoder/conv1/bias").dims = vec![2, 16]).contains("instead of [32]"));
    assert!(why(&|m| m.get("decoder/embeddings/weight").name = "decoder/embeddings/we\u{7}".into()).contains("broken name"));
    assert!(why(&|m| m.get("decoder/pre_norm").data = vec![0]).contains("not built like whisper"));
    assert!(why(&|m| m.get("decoder/num_heads").data = vec![0, 0]).contains("the number of text heads is 0"));
    assert!(why(&|m| m.get("decoder/num_heads").data = vec![7, 0]).contains("no multiple of the heads"));
    let more = |m: &mut Model| {
        let own = m.get("decoder/layer_norm/beta").clone();
        m.variables.push(super::make::Made { name: "decoder/projection_2/weight".into(), ..own });
    };
    assert!(why(&more).contains("does not belong into a whisper model"));
    let mut longer = good.bytes();
    longer.push(0);
    assert!(planned(longer, Weights::F16).unwrap_err().reason.contains("1 bytes behind its end"));
    assert_eq!(planned(Vec::new(), Weights::F16).unwrap_err().reason, "it is empty");
    for cut in [3, 20, 60, 5000, good.bytes().len() - 1] {
        let why = planned(good.bytes()[..cut].to_vec(), Weights::F16).unwrap_err().reason;
        assert!(why.contains("cut short"), "{cut}: {why}");
    }
}

#[test]
fn a_second_name_leads_to_its_variable_and_a_circle_to_a_sentence() {
    let mut model = Model::of(4);
    model.variables.retain(|made| made.name != "encoder/conv2/bias");
    model.second_names.push(("encoder/conv2/bias".into(), "encoder/conv1/bias".into()));
    let all = tensors(&converted(&model, Weights::F16));
    let of = |wanted: &str| all.iter().find(|(name, ..)| name == wanted).unwrap().2.clone();
    assert_eq!(of("encoder.conv2.bias"), of("encoder.conv1.bias"));
    let mut eight = Model::of(1);
    let second = "encoder/layer_0/ffn/linear_1/weight";
    eight.variables.retain(|made| !made.name.starts_with(second));
    eight.second_names.push((second.into(), "decoder/layer_0/ffn/linear_1/weight".into()));
    let all = tensors(&converted(&eight, Weights::Q8_0));
    let of = |wanted: &str| all.iter().find(|(name, ..)| name == wanted).unwrap().2.clone();
    assert_eq!(of("encoder.blocks.0.mlp.2.weight"), of("decoder.blocks.0.mlp.2.weight"), "with the scales of the first one");
    model.second_names.last_mut().unwrap().1 = "a".into();
    model.second_names.extend([("a".into(), "b".into()), ("b".into(), "a".into())]);
    assert!(reason(&model).contains("\"encoder/conv2/bias\" is missing"));
}

#[test]
fn numbers_of_the_structure_that_are_changed_never_panic() {
    let parts = Model::of(1).parts();
    let (mut at, mut structure) = (0, Vec::new());
    for (number, part) in parts.iter().enumerate() {
        // Every second part is weights.
        if number % 2 == 1 || number == 0 || number + 1 == parts.len() {
            structure.extend(at..at + part.len());
        }
        at += part.len();
    }
    let mut bytes = parts.concat();
    for at in structure.into_iter().step_by(7) {
        for value in [0_u8, 0xff, 0x80] {
            let before = std::mem::replace(&mut bytes[at], value);
            let mut reader = Cursor::new(&bytes);
            if let Err(error) = file::Variables::read(&mut reader).and_then(|mut file| plan::header(&mut file, Weights::F16).map(|_| ())) {
                assert!(!error.reason.is_empty());
            }
            bytes[at] = before;
        }
    }
}

/// Takes so many bytes, then the disk is full.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_is_no_number_a_full_disk_and_a_cancel_end_the_writing() {
    let mut model = Model::of(4);
    for bad in [0x7e00_u16, 0x7c00, 0xfc00] {
        model.get("encoder/layer_norm/beta").data[..2].copy_from_slice(&bad.to_le_bytes());
        let ended = planned(model.bytes(), Weights::Q8_0).unwrap().write(&mut io::sink(), &|| false, &mut |_| {});
        assert!(
            matches!(ended, Err(ConvertError::Model(why)) if why.reason.contains("\"encoder/layer_norm/beta\" holds what is no number"))
        );
    }
    let full = planned(Model::of(4).bytes(), Weights::F16).unwrap().write(&mut Disk(1_000_000), &|| false, &mut |_| {});
    assert!(matches!(full, Err(ConvertError::Write(why)) if why.kind() == io::ErrorKind::StorageFull));
    let cancelled = planned(Model::of(4).bytes(), Weights::F16).unwrap().write(&mut io::sink(), &|| true, &mut |_| {});
    assert!(matches!(cancelled, Ok(Outcome::Cancelled)));
}

#[test]
fn the_converted_base_model_is_bit_for_bit_what_whisper_cpp_s_own_tools_make() {
    let folder = std::env::var_os("HARK_CT2_BASE").map(std::path::PathBuf::from);
    let Some(model) = folder.map(|folder| folder.join("model.bin")).filter(|model| model.is_file()) else {
        println!("skipped: needs HARK_CT2_BASE, a folder with whisper base as faster-whisper keeps it (float16)");
        return;
    };
    // The first two are the published files. The published q5_1 was made by another build of the tool; this is what ggml 0.26 makes.
    for (weights, sha256) in [
        (Weights::F16, "60ed5bc3dd14eea856493d334349b405782ddcaf0028d4b5df4088345fba2efe"),
        (Weights::Q8_0, "c577b9a86e7e048a0b7eada054f4dd79a56bbfa911fbdacf900ac5b567cbb7d9"),
        (Weights::Q5_1, "80147c665f9ac54ab8c3c7f55da90ac030ea40610495ba4dd0aa6304fd49d731"),
    ] {
        let mut out = Vec::new();
        assert_eq!(open(&model, weights).unwrap().write(&mut out, &|| false, &mut |_| {}).unwrap(), Outcome::Done(()));
        assert_eq!(crate::models::fixtures::sha256(&out), sha256, "{}", weights.name());
    }
}
