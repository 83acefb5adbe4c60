"""The three engines as anyone would use them from Python, with the same files, threads and limits as Hark.

Every peer takes one JSON object as its first argument: stt, chat, voice (files), threads, chat_threads, context,
max_tokens, repeat_penalty, system. It prints one JSON object a line, each with an "event".
"""
import json
import resource
import sys
import time
import wave

CONFIG = json.loads(sys.argv[1])


def say(event, **fields):
    """One line for the bench, which stamps it when it arrives."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


def now_ms():
    return time.monotonic() * 1000


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def guarded(main):
    """Runs main; whatever goes wrong becomes an error event."""
    try:
        main()
    except Exception as error:  # the bench shows it and marks the figures as not measured
        say("error", message=f"{type(error).__name__}: {error}")
        sys.exit(1)


class Ears:
    """whisper.cpp as whisper-cli runs it with `-nfa -nf -nt -mc 0 -bs 1 -bo 1`: whole window, greedy, no fall-back."""

    def __init__(self):
        from pywhispercpp.model import ContextParams, Model

        self.model = Model(CONFIG["stt"], n_threads=CONFIG["threads"], print_progress=False, print_realtime=False,
                           print_timestamps=False, no_context=True, temperature_inc=0.0, greedy={"best_of": 1},
                           language="en", redirect_whispercpp_logs_to=None, context_params=ContextParams(flash_attn=False))

    def hear(self, path):
        import numpy

        with wave.open(path) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2), "16 kHz mono WAV is needed"
            samples = numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16).astype(numpy.float32) / 32768
        begun = now_ms()
        segments = self.model.transcribe(samples)
        return " ".join(segment.text.strip() for segment in segments).strip(), now_ms() - begun


class Mind:
    """llama.cpp. One object keeps its KV cache: a prompt that begins as the one before is computed from there on."""

    def __init__(self):
        from llama_cpp import Llama

        self.model = Llama(CONFIG["chat"], n_ctx=CONFIG["context"], n_threads=CONFIG["chat_threads"],
                           n_threads_batch=CONFIG["chat_threads"], verbose=False)
        self.history = [{"role": "system", "content": CONFIG["system"]}]

    def forget(self):
        del self.history[1:]

    def answer(self, question):
        """The reply, tokens, and the times (ms from the call) of the first token and of the first whole sentence."""
        begun, first, sentence, text, tokens = now_ms(), None, None, "", 0
        self.history.append({"role": "user", "content": question})
        stream = self.model.create_chat_completion(self.history, stream=True, temperature=0.0, max_tokens=CONFIG["max_tokens"],
                                                   repeat_penalty=CONFIG["repeat_penalty"])
        for chunk in stream:
            piece = chunk["choices"][0]["delta"].get("content")
            if not piece:
                continue
            first = first or now_ms() - begun
            text, tokens = text + piece, tokens + 1
            if sentence is None and text.rstrip()[-1:] in (".", "!", "?"):
                sentence = now_ms() - begun
        self.history.append({"role": "assistant", "content": text})
        total = now_ms() - begun
        rate = (tokens - 1) * 1000 / (total - first) if first and tokens > 1 and total > first else 0.0
        return {"reply": text.strip(), "llm_ms": total, "first_token_ms": first or total, "sentence_ms": sentence or total,
                "tokens": tokens, "tokens_per_s": rate}


class Mouth:
    """Piper's Python API. The session is its own, but for the number of threads."""

    def __init__(self):
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig, SynthesisConfig

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = CONFIG["threads"]
        session = onnxruntime.InferenceSession(CONFIG["voice"], sess_options=options, providers=["CPUExecutionProvider"])
        with open(CONFIG["voice"] + ".json", encoding="utf-8") as file:
            config = PiperConfig.from_dict(json.load(file))
        self.voice = PiperVoice(session=session, config=config)
        self.options = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)

    def speak(self, text, on_first):
        """Says a text, sentence by sentence. Times in ms from the call, length of the sound in seconds."""
        begun, first, seconds = now_ms(), None, 0.0
        for chunk in self.voice.synthesize(text, self.options):
            if first is None:
                first = now_ms() - begun
                on_first()
            seconds += len(chunk.audio_int16_bytes) / 2 / chunk.sample_rate
        return {"tts_ms": now_ms() - begun, "first_ms": first, "audio_s": seconds}
