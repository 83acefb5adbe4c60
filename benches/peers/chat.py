"""COLD, stage 2: a process that loads the chat model, answers one question (without a history) and ends."""
from engines import CONFIG, Mind, cpu_s, guarded, now_ms, say


def main():
    begun = now_ms()
    mind = Mind()
    loaded = now_ms() - begun
    say("done", load_ms=loaded, **mind.answer(CONFIG["text"]), cpu_s=cpu_s())


guarded(main)
