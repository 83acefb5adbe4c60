//! Writes the first inputs of every target into `corpus/<target>/` below the current folder. They come from the generators of
//! the malformed corpora and from a few lines here, so none is stored.

use hark_fuzz::made::{ggml, gguf, onnx};
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
    let mut file = [&b"RIFF"[..], &(36 + data.len() as u32).to_le_bytes(), b"WAVEfmt ", &16_u32.to_le_bytes(), &1_u16.to_le_bytes()].concat();
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    [file, data].concat()
}

fn main() {
    let broken = gguf::CLASSES.iter().map(|(class, _)| sparse(&gguf::broken(100, *class)));
    put("gguf", (0..40).map(|seed| sparse(&gguf::whole(seed))).chain(broken));
    let patches = |first: u8| (0..64_u8).map(move |n| [&[first][..], &[n.wrapping_mul(37), n, 2, n, 0, 0, 0]].concat());
    put("ggml", (1..8).flat_map(patches).chain([[&[0][..], &ggml::whisper(1).bytes[..400]].concat()]));
    put("ggml_vad", (1..4).flat_map(patches).chain([[&[0][..], &ggml::vad(1).bytes[..400]].concat()]));
    let small = onnx::malformed("weights.bin").into_iter().map(|(_, bytes)| bytes).filter(|bytes| bytes.len() < 4096);
    put("onnx", (0..20).map(onnx::whole).chain(small.step_by(3)));
    let config = r#"{"audio":{"sample_rate":22050},"espeak":{"voice":"en-us"},"inference":{"noise_scale":0.667,"length_scale":1,"noise_w":0.8},"phoneme_type":"espeak","phoneme_map":{"a":["b"]},"phoneme_id_map":{"_":[0],"^":[1],"$":[2],"h":[3],"ə":[4,5]},"num_speakers":2,"speaker_id_map":{"one":0,"two":1}}"#;
    put("piper_config", [config.into(), config.replace("espeak\",\"phoneme_map", "text\",\"phoneme_map").into()]);
    put("letters", ["_ 0\na 1\nb 2\n  3\n<unk> 4\n", "你 1\n好 2\n"].map(Into::into));
    put("settings", ["[voice]\nspeed = 1.5\n[chat]\nseed = 1\nflash_attention = \"on\"\n[window]\nlanguage = \"zh-CN\"\n", "x = [[", "[voice]\nspeed = nan\n"].map(Into::into));
    put("spoken_text", [
        "# Title\n\nDr. Smith paid $3.50 on 3/4/2024 at 10:30 a.m. **Well**, `code` and [a link](http://x.y/z).\n\n- one\n- two\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```rust\nfn main() {}\n```\nThe end! 2nd, 1,000,000 and 25%.",
        "<think>hm</think>今天是2024年3月4日，气温-3°C，价格￥12.50。好吗？是的！",
        "1. *a* _b_ ~~c~~ ***d***\n> quote\n\n---\n\\* &amp; <b>bold</b> 👋🏽 VIII. e.g. x² km/h",
    ].map(Into::into));
    put("wav", [(16_000, 1, 16), (44_100, 2, 16), (8_000, 1, 8), (48_000, 2, 24)].map(|(rate, channels, bits)| wav(rate, channels, bits)));
    put("template", [
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ 'x' }}{% endif %}",
        "{{ bos_token }}{% if messages[0].role == 'system' %}{% set s = messages[0].content | trim %}{% set messages = messages[1:] %}{% endif %}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('no') }}{% endif %}[{{ m.content.strip().split('x')[-1] }}]{% endfor %}{{ strftime_now('%Y') }}",
        "{% macro f(a) %}{{ a * 3 }}{% endmacro %}{% for i in range(3) %}{{ f('x') }}{% endfor %}{{ messages | tojson }}{{ '%s' | format(1) }}",
    ].map(Into::into));
}
