"""Makes voices for the tests of Hark's engines: `make.py OUT [SHARED]`.

Each has the inputs, names, sizes of tables and metadata of the published kind, and random weights from a fixed seed: what they say is
no speech, how long it takes and how it is loaded is real. The vocoder of `fastspeech2` and `real-mel` is a real one (HiFi-GAN V2 of
LJSpeech), when SHARED has it. `real-mel` says one recorded sentence whatever it is given: its mel comes from the recording.
"""
import json
import pathlib
import sys
import wave

import numpy as np

import torch_file
from layers import FLOAT, INT64, SMALL_GENERATOR, Graph, attention_block, conv, hifigan, regulate

WIDTH = 192
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def table_text(symbols):
    return "".join(f"{symbol} {at}\n" for at, symbol in enumerate(symbols))


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def durations_of(g, ids, length, name, rows, frames):
    """A duration for each symbol, made for its number: [n], whole numbers of at least 1."""
    # Around `frames`, from a third to twice of it.
    own = g.const(frames * g.random.uniform(0.33, 2.0, (rows, 1)), name=name)
    spoken = g.add("Mul", [g.add("Squeeze", [g.add("Gather", [own, ids]), g.ints(0, 2)]), length])
    return g.add("Max", [g.add("Ceil", [spoken]), g.const(1.0)])


def vits(path, symbols, rate, metadata, speakers=1, tones=0, seed=1, names=("x", "x_length")):
    """Text side, prior with noise, flow and vocoder, with the names that published voices have for the tensors."""
    g = Graph(seed)
    ids, length = names
    inputs = [(ids, INT64, [1, "n"]), (length, INT64, [1])]
    x = g.add("Gather", [g.table("enc_p.emb.weight", symbols, WIDTH), ids])
    if tones:
        inputs.append(("tones", INT64, [1, "n"]))
        x = g.add("Add", [x, g.add("Gather", [g.table("enc_p.tone_emb.weight", tones, WIDTH), "tones"])])
    scales = ["noise_scale", "length_scale", "noise_scale_w"]
    inputs += [(name, FLOAT, [1]) for name in scales]
    for layer in range(2):
        x = attention_block(g, f"enc_p.encoder.{layer}", x, WIDTH)
    durations = durations_of(g, ids, "length_scale", "dp.durations", symbols, rate / 256 * 0.06)
    # The length and the noise of the rhythm are read, as real graphs do, and change nothing without noise.
    wobble = g.add("RandomNormalLike", [durations])
    wobble = g.add("Mul", [wobble, "noise_scale_w"])
    durations = g.add("Max", [g.add("Round", [g.add("Add", [durations, wobble])]), g.const(1.0)])
    shown = g.add("Mul", [g.add("Cast", [length], to=FLOAT), g.const(0.0)])
    x = regulate(g, g.add("Add", [x, shown]), durations)
    mean = g.add("Transpose", [x], perm=[0, 2, 1])
    deviation = g.add("Exp", [g.add("Mul", [conv(g, "enc_p.proj", mean, WIDTH, WIDTH, 1), g.const(0.1)])])
    noise = g.add("Mul", [g.add("Mul", [g.add("RandomNormalLike", [mean]), deviation]), "noise_scale"])
    latent = g.add("Add", [mean, noise])
    for layer in range(2):
        # A coupling without its split: what stands before the vocoder needs frames around it.
        step = conv(g, f"flow.flows.{layer}.pre", g.add("Tanh", [latent]), WIDTH, WIDTH, 5)
        latent = g.add("Sub", [latent, step])
    if speakers > 1:
        inputs.append(("sid", INT64, [1]))
        voice = g.add("Unsqueeze", [g.add("Gather", [g.table("emb_g.weight", speakers, WIDTH), "sid"]), g.ints(2)])
        latent = g.add("Add", [latent, voice])
    elif "speaker_id" in metadata:
        inputs.append(("sid", INT64, [1]))
        latent = g.add("Add", [latent, g.add("Unsqueeze", [g.add("Gather", [g.table("emb_g.weight", 2, WIDTH), "sid"]), g.ints(2)])])
    hifigan(g, latent, SMALL_GENERATOR, prefix="dec.", output="y")
    g.save(path, inputs, [("y", FLOAT, [1, 1, "samples"])], {"model_type": "vits", "sample_rate": rate, "n_speakers": speakers, **metadata})


# A small lexicon with what the tests say. Sounds are pinyin's initials and finals with tones, or phonemes of English.
CHINESE = {
    "你": "n i3", "好": "h ao3", "今": "j in1", "天": "t ian1", "气": "q i4", "很": "h en3", "我": "uo3", "们": "m en2", "说": "sh uo1",
    "中": "zh ong1", "文": "uen2", "一": "i1", "二": "er4", "三": "s an1", "长": "ch ang2", "大": "d a4", "是": "sh ix4", "的": "d e5",
    "长大": "zh ang3 d a4", "天气": "t ian1 q i4", "你好": "n i3 h ao3",
}
ENGLISH = {
    "hello": "h ə l oʊ", "world": "w ɜː l d", "this": "ð ɪ s", "is": "ɪ z", "a": "ə", "test": "t ɛ s t", "of": "ʌ v", "the": "ð ə",
    "voice": "v ɔɪ s", "good": "ɡ ʊ d", "morning": "m ɔː n ɪ ŋ", "ready": "ɹ ɛ d i", "ok": "oʊ k eɪ", "don't": "d oʊ n t",
}


def sounds(*lexicons):
    return sorted({sound for lexicon in lexicons for line in lexicon.values() for sound in line.split()})


def spelled():
    """Each letter as a word, so that what is not known can be spelled."""
    return {letter: ENGLISH["a"] if letter == "a" else f"{ENGLISH['of'].split()[0]} t" for letter in LETTERS}


def lexicon_text(*lexicons):
    return "".join(f"{word} {line}\n" for lexicon in lexicons for word, line in lexicon.items())


def aishell3(out):
    symbols = ["sil", "eos", "sp", "#0", "#1", "#2", "#3"] + sounds(CHINESE)
    folder = out / "vits-zh-aishell3"
    write(folder, {"tokens.txt": table_text(symbols), "lexicon.txt": lexicon_text(CHINESE)})
    facts = {"comment": "icefall", "language": "Chinese", "add_blank": 0, "punctuation": ", . : ; ! ? ， 。 ： ； ！ ？ 、"}
    vits(folder / "model.onnx", len(symbols), 8000, facts, speakers=174, names=("tokens", "tokens_lens"))


def ljs(out):
    words = {**ENGLISH, **spelled(), "a": ENGLISH["a"]}
    symbols = ["_", ";", ":", ",", ".", "!", "?"] + sounds(words)
    folder = out / "vits-ljs"
    # The line of the blank has its number alone behind a blank, as published tables have it.
    write(folder, {"tokens.txt": table_text(symbols) + f"  {len(symbols)}\n", "lexicon.txt": lexicon_text(words)})
    facts = {"comment": "ljspeech", "language": "English", "add_blank": 1, "punctuation": "; : , . ! ?"}
    vits(folder / "vits-ljs.onnx", len(symbols) + 1, 22050, facts, seed=2)


def melo(out):
    def toned(lexicon, tone):
        lines = {}
        for word, line in lexicon.items():
            plain = [sound.rstrip("12345") for sound in line.split()]
            tones = [str(tone or next((int(s[-1]) for s in [sound] if s[-1].isdigit()), 1)) for sound in line.split()]
            lines[word] = " ".join(plain + tones)
        return lines

    chinese, english = toned(CHINESE, None), toned({**spelled(), **ENGLISH}, 8)
    known = {sound for lexicon in (CHINESE, ENGLISH, spelled()) for line in lexicon.values() for sound in line.split()}
    symbols = ["_", ",", ".", "!", "?", "…", "'", "-"] + sorted({sound.rstrip("12345") for sound in known})
    folder = out / "vits-melo-zh_en"
    write(folder, {"tokens.txt": table_text(symbols), "lexicon.txt": lexicon_text(chinese, english)})
    facts = {"comment": "melo", "language": "Chinese + English", "add_blank": 1, "speaker_id": 1, "jieba": 1, "version": 2}
    vits(folder / "model.onnx", len(symbols), 44100, facts, tones=11, seed=3, names=("x", "x_lengths"))


def mms(out):
    symbols = list("_eniorsatdulhgcmbkwfzpvüäöyjßx-q'") + [" "]
    folder = out / "vits-mms-deu"
    write(folder, {"tokens.txt": table_text(symbols)})
    facts = {"comment": "mms", "language": "deu", "add_blank": 1, "frontend": "characters"}
    vits(folder / "model.onnx", len(symbols), 16000, facts, seed=4)


DESCRIPTION = """# Which file is what in this voice, see hark's documentation.
format = 1
kind = "fastspeech2"
acoustic = "fastspeech2.onnx"
vocoder = "hifigan.onnx"
tokens = "tokens.txt"
lexicon = "lexicon.txt"
sample_rate = 22050
hop = 256
bands = 80
acoustic_layout = "{layout}"
vocoder_layout = "bands-first"
language = "zh"
"""


def fastspeech2(out, vocoder):
    words = {**spelled(), **ENGLISH, **CHINESE}
    symbols = ["_", "sil", "eos", ",", "."] + sounds(words)
    folder = out / "fastspeech2"
    write(folder, {
        "tokens.txt": table_text(symbols), "lexicon.txt": lexicon_text(words), "hark-voice.toml": DESCRIPTION.format(layout="frames-first"),
    })
    g = Graph(5)
    x = g.add("Gather", [g.table("encoder.emb.weight", len(symbols), 256), "text"])
    for layer in range(4):
        x = attention_block(g, f"encoder.{layer}", x, 256)
    pitch = conv(g, "pitch", g.add("Transpose", [x], perm=[0, 2, 1]), 256, 1, 3)
    pitch = g.add("Mul", [pitch, "p_control"])
    x = g.add("Add", [x, g.add("Transpose", [pitch], perm=[0, 2, 1])])
    x = regulate(g, x, durations_of(g, "text", "d_control", "durations", len(symbols), 7.0))
    for layer in range(4):
        x = attention_block(g, f"decoder.{layer}", x, 256)
    # Log-mel values of speech lie between -11 and 1.
    x = g.add("Tanh", [g.add("MatMul", [x, g.normal("mel_linear.weight", 256, 80)])])
    g.add("Sub", [g.add("Mul", [x, g.const(4.0)]), g.const(5.0)], "mel")
    g.save(folder / "fastspeech2.onnx", [("text", INT64, [1, "n"]), ("d_control", FLOAT, [1]), ("p_control", FLOAT, [1])],
           [("mel", FLOAT, [1, "frames", 80])], {"comment": "fastspeech2", "sample_rate": 22050})
    vocoder(folder / "hifigan.onnx")


def real_mel(out, vocoder, clip):
    """The acoustic model is a recording: whatever it is given, it gives the recording's mel."""
    folder = out / "real-mel"
    description = DESCRIPTION.format(layout="bands-first").replace('lexicon = "lexicon.txt"\n', "").replace('"zh"', '"en"')
    write(folder, {"tokens.txt": table_text("_" + LETTERS), "hark-voice.toml": description})
    g = Graph(6)
    zero = g.add("ReduceSum", [g.add("Mul", [g.add("Cast", ["text"], to=FLOAT), g.const(0.0)])], keepdims=0)
    g.add("Add", [g.const(mel_of(clip)[None]), zero], "mel")
    g.save(folder / "fastspeech2.onnx", [("text", INT64, [1, "n"])], [("mel", FLOAT, [1, 80, "frames"])])
    vocoder(folder / "hifigan.onnx")


def mel_of(path):
    """Log-mel frames as HiFi-GAN was trained on: window and FFT 1024, hop 256, 80 bands of Slaney's scale from 0 to 8000 Hz."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (22050, 1, 2), path
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64) / 32768
    size, hop, bands, rate = 1024, 256, 80, 22050
    sound = np.pad(sound, (size - hop) // 2, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[::hop] * window
    spectrum = np.sqrt(np.abs(np.fft.rfft(frames)) ** 2 + 1e-9)

    # Slaney's scale: linear up to 1000 Hz, 27 steps for each factor of 6.4 above.
    def mel(hz):
        return hz / (200 / 3) if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)

    def hertz(m):
        return m * 200 / 3 if m < 15 else 1000 * np.exp(np.log(6.4) * (m - 15) / 27)

    edges = np.array([hertz(m) for m in np.linspace(mel(0), mel(8000), bands + 2)])
    bins = np.linspace(0, rate / 2, size // 2 + 1)
    filters = np.zeros((bands, len(bins)))
    for band in range(bands):
        low, mid, high = edges[band:band + 3]
        filters[band] = np.maximum(0, np.minimum((bins - low) / (mid - low), (high - bins) / (high - mid))) * 2 / (high - low)
    return np.log(np.maximum(filters @ spectrum.T, 1e-5)).astype(np.float32)


def real_vocoder(shared):
    """Writes the published generator; its weights are stored as direction and length (weight_norm) and are multiplied here."""
    config = json.loads((shared / "models/tts/hifigan_LJ_V2_config.json").read_text())
    assert config["resblock"] == "1" and config["num_mels"] == 80 and config["hop_size"] == 256
    saved = torch_file.load(shared / "models/tts/hifigan_LJ_V2_generator_v2.pt")["generator"]
    weights = {name: value for name, value in saved.items() if name.endswith("bias")}
    for name in saved:
        if name.endswith("weight_v"):
            v, length = saved[name].astype(np.float64), saved[name[:-1] + "g"].astype(np.float64)
            norm = np.sqrt((v**2).sum(axis=tuple(range(1, v.ndim)), keepdims=True))
            weights[name[:-2]] = (v * length / norm).astype(np.float32)

    def save(path):
        g = Graph(0)
        hifigan(g, "mel", {**config, "bands": 80}, weights=weights, output="audio")
        g.save(path, [("mel", FLOAT, [1, 80, "frames"])], [("audio", FLOAT, [1, 1, "samples"])], {"comment": "HiFi-GAN V2, LJSpeech"})

    return save


def random_vocoder():
    def save(path):
        g = Graph(7)
        hifigan(g, "mel", {**SMALL_GENERATOR, "bands": 80}, output="audio")
        g.save(path, [("mel", FLOAT, [1, 80, "frames"])], [("audio", FLOAT, [1, 1, "samples"])])

    return save


def main():
    out = pathlib.Path(sys.argv[1])
    shared = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    for make in (aishell3, ljs, melo, mms):
        make(out)
    if shared and (shared / "models/tts/hifigan_LJ_V2_generator_v2.pt").exists():
        vocoder = real_vocoder(shared)
        real_mel(out, vocoder, shared / "models/speech/LJ001-0002.wav")
    else:
        print("voice-test-models: without ../shared the vocoder is a random one", file=sys.stderr)
        vocoder = random_vocoder()
    fastspeech2(out, vocoder)


main()
