"""WARM: one process that keeps all three engines loaded and warm, with the conversation in the KV cache.

Requests, one JSON object a line: {"do": "turn", "wav": …}, {"do": "speak", "text": …}, {"do": "write", "text": …}, {"do": "forget"}.
"""
import json
import sys

from engines import Ears, Mind, Mouth, guarded, say


def main():
    ears, mind, mouth = Ears(), Mind(), Mouth()
    mouth.speak("Ready.", lambda: None)
    mind.answer("Hello.")
    mind.forget()
    say("ready")
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "turn":
            text, stt_ms = ears.hear(request["wav"])
            answer = mind.answer(text)
            voice = mouth.speak(answer["reply"], lambda: say("first_audio"))
            # What a chain that speaks each sentence as it is written could reach, if the voice cost the model nothing.
            by_sentence = stt_ms + answer["sentence_ms"] + (voice["first_ms"] or 0.0)
            say("done", text=text, stt_ms=stt_ms, by_sentence_ms=by_sentence, **answer, **voice)
        elif request["do"] == "speak":
            say("done", **mouth.speak(request["text"], lambda: say("first_audio")))
        elif request["do"] == "write":
            say("done", **mind.answer(request["text"]))
        elif request["do"] == "forget":
            mind.forget()
            say("done")


guarded(main)
