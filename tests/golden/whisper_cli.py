#!/usr/bin/env python3
"""What another build of whisper.cpp hears, to compare with word by word and token by token.

usage: whisper_cli.py MODEL OUT.json CLIP.wav...      (needs numpy and pywhispercpp 1.5.1 from PyPI: whisper.cpp 1.8.5)

The same as `whisper-cli -nfa -nf -nt -bs 1 -bo 1 -mc 0 -t 1 -l en -ac N`, with whisper-cli's library called directly,
because the program cannot set single_segment and max_tokens. `audio_ctx`, `max_tokens` and
the missing silence before the speech are as in src/stt/pieces.rs. Clips must be 16 kHz mono 16 bit.
"""
import hashlib, json, os, sys, wave

import _pywhispercpp as pw
import numpy as np


def audio_ctx(samples):
    """max(50 s + 128, 384) rounded up to 8; 0 (all) above 22.5 s."""
    return 0 if samples * 2 > 45 * 16000 else max(-(-samples * 50 // 16000) + 128, 384) + 7 & ~7


def without_lead(pcm):
    """From 50 ms before the first 10 ms whose energy is above 0.0009 of the loudest."""
    energies = [float(np.sum(pcm[at:at + 160] ** 2)) for at in range(0, len(pcm), 160)]
    onset = next((at for at, e in enumerate(energies) if e > 9e-4 * max(energies)), 0) * 160
    return pcm[max(onset - 800, 0):]


def transcribe(ctx, pcm):
    params = pw.whisper_full_default_params(pw.whisper_sampling_strategy.WHISPER_SAMPLING_GREEDY)
    params.greedy = {"best_of": 1}
    params.n_threads = 1
    params.language = "en"
    params.no_context = params.single_segment = params.no_timestamps = params.suppress_blank = True
    params.temperature = params.temperature_inc = 0.0
    params.print_progress = params.print_realtime = params.print_timestamps = params.print_special = False
    params.audio_ctx = audio_ctx(len(pcm))
    params.max_tokens = -(-len(pcm) * 8 // 16000) + 16
    assert pw.whisper_full(ctx, params, pcm, len(pcm)) == 0
    text, ids, p = b"", [], []
    for i in range(pw.whisper_full_n_segments(ctx)):
        text += pw.whisper_full_get_segment_text(ctx, i)
        for j in range(pw.whisper_full_n_tokens(ctx, i)):
            ids.append(pw.whisper_full_get_token_id(ctx, i, j))
            p.append(round(pw.whisper_full_get_token_p(ctx, i, j), 4))
    return params.audio_ctx, text.decode("utf-8", "replace"), ids, p


def main():
    model, out, *clips = sys.argv[1:]
    options = pw.whisper_context_default_params()
    options.use_gpu = options.flash_attn = False
    ctx = pw.whisper_init_from_file_with_params(model, options)
    result = {"model": os.path.basename(model), "sha256": hashlib.sha256(open(model, "rb").read()).hexdigest(),
              "program": "whisper.cpp 1.8.5 (pywhispercpp 1.5.1), greedy, 1 thread, no flash attention", "clips": []}
    for clip in clips:
        with wave.open(clip) as w:
            if (w.getframerate(), w.getnchannels(), w.getsampwidth()) != (16000, 1, 2):
                print("left out (not 16 kHz mono 16 bit):", clip)
                continue
            pcm = np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768
        pcm = without_lead(pcm)
        ctx_used, text, ids, p = transcribe(ctx, pcm)
        result["clips"].append({"file": os.path.basename(clip), "samples": len(pcm), "audio_ctx": ctx_used,
                                "text": text, "ids": ids, "p": p})
    with open(out, "w", encoding="utf-8") as file:
        json.dump(result, file, ensure_ascii=False, indent=1)
        file.write("\n")


main()
