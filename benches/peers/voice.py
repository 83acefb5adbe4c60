"""COLD, stage 3: a process that loads the voice, speaks one text and ends. The first sentence counts as first audio."""
from engines import CONFIG, Mouth, cpu_s, guarded, now_ms, say


def main():
    begun = now_ms()
    mouth = Mouth()
    loaded = now_ms() - begun
    say("done", load_ms=loaded, **mouth.speak(CONFIG["text"], lambda: say("first_audio")), cpu_s=cpu_s())


guarded(main)
