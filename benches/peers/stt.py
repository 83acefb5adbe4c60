"""COLD, stage 1: a process that loads the speech model, transcribes one file and ends."""
from engines import CONFIG, Ears, cpu_s, guarded, now_ms, say


def main():
    begun = now_ms()
    ears = Ears()
    loaded = now_ms() - begun
    text, work = ears.hear(CONFIG["wav"])
    say("done", text=text, load_ms=loaded, stt_ms=work, cpu_s=cpu_s())


guarded(main)
