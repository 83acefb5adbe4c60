//! Writes the first inputs of every target into `corpus/<target>/` below the current folder. They come from the generators of
//! the malformed corpora and from a few lines here, so none is stored.

use hark_fuzz::ctranslate2_make;
use hark_fuzz::made::{ggml, gguf, onnx};
use hark_fuzz::packs;
use std::fs;
use std::path::Path;

fn put(target: &str, seeds: impl IntoIterator<Item = Vec<u8>>) {
    let folder = Path::new("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder");
    for (n, seed) in seeds.into_iter().enumerate() {
        fs::write(folder.join(format!("seed-{n:03}")), seed).expect("room on the disk");
    }
}

/// A GGUF file as `patch::Sparse` takes it: the weights are only a length.
fn sparse(file: &[u8]) -> Vec<u8> {
    // The generator writes 0, 1, 2, … as weights: the longest such run at the end is cut.
    let mut head = file.len();
    while head > 1 && file[head - 1] == file[head - 2].wrapping_add(1) {
        head -= 1;
    }
    let zeros = ((file.len() - head) as u32).to_be_bytes();
    [&zeros[1..], &file[..head]].concat()
}

/// 16-bit PCM, 0.1 s of a ramp.
fn wav(rate: u32, channels: u16, bits: u16) -> Vec<u8> {
    let frame = channels * bits / 8;
    let data: Vec<u8> = (0..rate / 10 * u32::from(frame)).map(|n| n as u8).collect();
    let mut file =
        [&b"RIFF"[..], &(36 + data.len() as u32).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes(), &1_u16.to_le_bytes()].concat();
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    [file, data].concat()
}

/// The catalog of the program, a model each.
fn catalogs() -> impl Iterator<Item = Vec<u8>> {
    let models = include_str!("../../models/catalog.toml").split("[[model]]").skip(1);
    models.map(|model| format!("format = 1\n[[model]]{model}").into())
}

/// Packs as `packs::pack` makes them: kind, what is wrong, path, bytes.
fn recipe(files: &[(u8, u8, &str, &str)]) -> Vec<u8> {
    let file = |(kind, how, path, bytes): &(u8, u8, &str, &str)| {
        [&[*kind, *how], path.as_bytes(), b"\n", bytes.as_bytes(), &[packs::END]].concat()
    };
    [vec![1], files.iter().flat_map(file).collect()].concat()
}

fn main() {
    let broken = gguf::CLASSES.iter().map(|(class, _)| sparse(&gguf::broken(100, *class)));
    put("gguf", (0..40).map(|seed| sparse(&gguf::whole(seed))).chain(broken));
    let patches = |first: u8| (0..64_u8).map(move |n| [&[first][..], &[n.wrapping_mul(37), n, 2, n, 0, 0, 0]].concat());
    put("ggml", (1..8).flat_map(patches).chain([[&[0][..], &ggml::whisper(1).bytes[..400]].concat()]));
    put("ggml_vad", (1..4).flat_map(patches).chain([[&[0][..], &ggml::vad(1).bytes[..400]].concat()]));
    put(
        "ctranslate2",
        (4..13).flat_map(patches).chain([
            [&[0][..], &ctranslate2_make::Model::of(1).bytes()[..400]].concat(),
            b"\x01[\"a\", \"b\"]".to_vec(),
            b"\x03{\"model\": {\"vocab\": {\"a\": 0}}, \"added_tokens\": [{\"id\": 1, \"content\": \"b\"}]}".to_vec(),
        ]),
    );
    let small = onnx::malformed("weights.bin").into_iter().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() < 4096);
    put("onnx", (0..20).map(onnx::whole).chain(small.step_by(3)));
    let config = r#"{"audio":{"sample_rate":22050},"espeak":{"voice":"en-us"},"inference":{"noise_scale":0.667,"length_scale":1,"noise_w":0.8},"phoneme_type":"espeak","phoneme_map":{"a":["b"]},"phoneme_id_map":{"_":[0],"^":[1],"$":[2],"h":[3],"ə":[4,5]},"num_speakers":2,"speaker_id_map":{"one":0,"two":1}}"#;
    put("piper_config", [config.into(), config.replace("espeak\",\"phoneme_map", "text\",\"phoneme_map").into()]);
    put("letters", ["_ 0\na 1\nb 2\n  3\n<unk> 4\n", "你 1\n好 2\n"].map(Into::into));
    put(
        "settings",
        [
            "[voice]\nspeed = 1.5\n[chat]\nseed = 1\nflash_attention = \"on\"\n[window]\nlanguage = \"zh-CN\"\n",
            "x = [[",
            "[voice]\nspeed = nan\n",
        ]
        .map(Into::into),
    );
    put(
        "spoken_text",
        [
            "# Title\n\nDr. Smith paid $3.50 on 3/4/2024 at 10:30 a.m. **Well**, `code` and [a link](http://x.y/z).\n\n- one\n- two\n",
            "| a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\nfn main() {}\n```\nThe end! 2nd, 1,000,000 and 25%.",
            "<think>hm</think>今天是2024年3月4日，气温-3°C，价格￥12.50。好吗？是的！",
            "1. *a* _b_ ~~c~~ ***d***\n> quote\n\n---\n\\* &amp; <b>bold</b> 👋🏽 VIII. e.g. x² km/h",
        ]
        .map(Into::into),
    );
    put("wav", [(16_000, 1, 16), (44_100, 2, 16), (8_000, 1, 8), (48_000, 2, 24)].map(|(rate, channels, bits)| wav(rate, channels, bits)));
    put("template", [
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'x' }}{% endif %}",
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set s = messages[0].content | trim %}{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}[{{ m.content.strip().split('x')[-1] }}]{% endfor %}{{ strftime_now('%Y') }}",
        "{% macro f(a) %}{{ a * 3 }}{% endmacro %}{% for i in range(3) %}{{ f('x') }}{% endfor %}{{ messages | tojson }}{{ '%s' | format(1) }}",
    ].map(Into::into));
    put("catalog", catalogs().chain(["format = 2", "format = 1\nmodel = [[", "[[model]]\nid = \"a\""].map(Into::into)));
    let hash = "0123456789abcdef".repeat(4);
    let file = |table: &str| format!("[[{table}]]\nname = \"a.gguf\"\nbytes = 12\nsha256 = \"{hash}\"\n");
    let model = "id = \"anna\"\nname = \"Anna\"\nkind = \"chat\"\nlicence = \"MIT\"\nlanguages = [\"en\"]\n";
    put(
        "record",
        [
            format!("format = 1\n{model}installed = \"2026-01-02T03:04:05Z\"\nfrom = \"a stick\"\n{}as_expected = true\n", file("file"))
                .into(),
            format!("format = 1\nmade = \"2026-01-02T03:04:05Z\"\n[[model]]\n{model}{}", file("model.file")).into(),
        ],
    );
    let whole =
        recipe(&[(0, 0, "e/a.gguf", "GGUF1234"), (0, 0, "e/b.txt", "x"), (2, 0, "anna/a.onnx", "@o1"), (2, 0, "anna/a.onnx.json", "{}")]);
    let wrong = (0..8).map(|bit| recipe(&[(0, 0, "e/a.gguf", "GGUF"), (1, 1 << bit, "m/b.gguf", "@g1")]));
    let names = ["../x/a", "e/../../a", "/etc/a", "e/nul", "e/hark-model.toml", ".incoming/a", "e/a/b", "import-e/a"];
    let names =
        names.into_iter().flat_map(|name| [recipe(&[(0, 0, name, "GGUF")]), recipe(&[(0, 0, "e/a.gguf", "GGUF"), (0, 4, name, "y")])]);
    let raw = [&[0], &packs::pack(&whole)[..]].concat();
    put("unpack", wrong.chain(names).chain([whole, raw]));
    put("voice_toml", [
        "format = 1\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"tokens.txt\"\nsample_rate = 22050\nhop = 256\nbands = 80\n",
        "format = 1\nkind = \"matcha\"\nacoustic = \"a.onnx\"\nvocoder = \"v.onnx\"\ntokens = \"t\"\nlexicon = \"l\"\nsample_rate = 8000\nhop = 64\nbands = 8\nacoustic_layout = \"frames-first\"\nmel_output = \"mel\"\nspeed_input = \"s\"\nspeed = \"rate\"\nspeakers = 2\nadd_blank = true\nblank_id = 1\nlanguage = \"zh\"\n",
        "format = 1\nacoustic = \"../a.onnx\"\nvocoder = \"c:v.onnx\"\ntokens = \"/t\"\nespeak = \"en-us\"\nsample_rate = 1\nhop = 1\nbands = 1\n",
    ].map(Into::into));
    let lexicon = |tones: u8, parts: [&str; 4]| parts.iter().fold(vec![tones], |all, part| [&all[..], part.as_bytes(), &[0xff]].concat());
    put(
        "lexicon",
        [
            lexicon(
                0,
                [
                    "_ 0\n, 1\n. 2\n  3\nh 4\nl 5\no 6\n",
                    "hello h l l o\na o\nx h h h h\n",
                    "Hello, a Xhello. caf\u{e9} xx",
                    "add_blank 1\nlanguage English\nblank_id 0",
                ],
            ),
            lexicon(
                0,
                [
                    "sil 0\neos 1\n#0 2\nn 3\ni3 4\n",
                    "\u{4f60} n i3\n\u{4f60}\u{597d} n i3 n\n",
                    "\u{4f60}\u{597d}\u{ff0c}\u{4f60}\u{3002}",
                    "use_eos_bos 1\nbos_id 1\neos_id 2",
                ],
            ),
            lexicon(
                1,
                [
                    "_ 0\nn 1\ni 2\nk 3\n",
                    "\u{4f60} n i 3 3\nok n k 7 9\n",
                    "OK\u{ff0c}\u{4f60}? \u{ff2f}\u{ff2b} ok'ok",
                    "n_speakers 1\nspeaker_id 8\nsample_rate 44100",
                ],
            ),
        ],
    );
    let line = |text: &str| [&[0], text.as_bytes(), b"\n"].concat();
    let note = "source = \"https://host.test/m.gguf\"\netag = '\"abc\"'\nlast_modified = \"Sat, 21 Nov 2026 16:00:00 GMT\"\ntotal = 300\n";
    let answer = |head: &str| [&[1], head.as_bytes(), b"\n\"abc\"\n\n\n", note.as_bytes()].concat();
    put(
        "fetch",
        [
            line(
                r#"{"job":{"files":[{"name":"a","urls":["https://h/a"],"bytes":3,"sha256":null,"strict":true}],"folder":"/m"},"stall_ms":5,"tries":2}"#,
            ),
            line(r#"{"progress":{"bytes":{"name":"a","done":1,"total":3,"per_second":1.5,"seconds_left":null}}}"#),
            line(
                "\"alive\"\n{\"failed\":{\"unreachable\":{\"host\":\"h\",\"why\":\"w\"}}}\n{\"finished\":[{\"name\":\"a\",\"bytes\":1,\"sha256\":\"0\",\"as_expected\":true}]}",
            ),
            answer("206\nbytes 100-299/300\n200\n300"),
            answer("200\n\n300\n"),
            answer("416\nbytes */100\n\n"),
            answer("206\nbytes 100-199/*\n100\n"),
            answer("503\n\n\n"),
        ],
    );
}
