#!/usr/bin/env python3
"""Makes assets/mandarin/phrases.txt: words of which a character is read otherwise than it mostly is.

    pip install pypinyin==0.55.0 jieba==0.42.1 && training/mandarin/phrases.py

Readings are those of pypinyin (MIT), words and how often they occur those of jieba's dictionary (MIT). What assets/mandarin/words.txt
says already is left out, and so is what the rules there would read rightly by themselves.
"""

import collections
import os

import jieba
from pypinyin import phrases_dict, pinyin_dict
from pypinyin.contrib.tone_convert import to_tone3

ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "assets", "mandarin")
# Behind these 儿 is a syllable of its own.
CHILDREN = "女婴幼孤健少胎男孩宠新"


def numbered(syllable):
    syllable = to_tone3(syllable, neutral_tone_with_five=True, v_to_u=False)
    return syllable if syllable[-1].isdigit() else syllable + "5"


def is_han(word):
    return all("\u3400" <= c <= "\u9fff" for c in word)


own, rules = {}, collections.defaultdict(list)
for line in open(os.path.join(ASSETS, "words.txt"), encoding="utf8"):
    if line.startswith("#"):
        continue
    word, rest = line.rstrip("\n").split(" ", 1)
    if "|" in rest:
        reading, places = rest.split(" ", 1)
        rules[word].append((reading, *places.split("|")))
    else:
        own[word] = rest.split(" ")
usual = {chr(code): numbered(readings.split(",")[0]) for code, readings in pinyin_dict.pinyin_dict.items()}
table = {}


def character(word, at):
    c = word[at]
    for reading, behind, before in rules.get(c, []):
        if (at > 0 and word[at - 1] in behind) or (at + 1 < len(word) and word[at + 1] in before):
            return reading
    if c == "得" and at > 0:
        return "de5"
    return own[c][0] if c in own else usual.get(c, "?")


def read(word):
    """As src/tts/mandarin/readings.rs does it."""
    found, at = [], 0
    while at < len(word):
        for length in range(min(8, len(word) - at), 1, -1):
            known = own.get(word[at : at + length]) or table.get(word[at : at + length])
            if known:
                found += known
                at += length
                break
        else:
            found.append(character(word, at))
            at += 1
    return found


often = {}
for line in open(os.path.join(os.path.dirname(jieba.__file__), "dict.txt"), encoding="utf8"):
    word, count, _ = line.split(" ")
    often[word] = int(count)

words = {}
for word, syllables in phrases_dict.phrases_dict.items():
    if often.get(word, 0) >= 2 and 2 <= len(word) == len(syllables) <= 8 and is_han(word):
        words[word] = [numbered(ways[0]) for ways in syllables]
        if word[-1] == "儿" and word[-2] not in CHILDREN:
            words[word][-1] = "er5"
for word, count in often.items():
    # 桌子: light, unless pypinyin says otherwise.
    if count >= 2 and word not in words and len(word) in (2, 3) and word.endswith("子") and is_han(word):
        words[word] = read(word)[:-1] + ["zi5"]

for word in sorted(words, key=lambda word: (len(word), -often[word], word)):
    # The tones of 一 and 不 are found by their neighbours.
    if word not in own and any(a != b and c not in "一不" for c, a, b in zip(word, words[word], read(word))):
        table[word] = ["yi1" if c == "一" else "bu4" if c == "不" else reading for c, reading in zip(word, words[word])]

with open(os.path.join(ASSETS, "phrases.txt"), "w", encoding="utf8") as out:
    out.write("# Words of which a character is read otherwise than it mostly is. Made by training/mandarin/phrases.py from the Python\n")
    out.write("# package pypinyin 0.55.0 (MIT, © 2016 mozillazg, 闲耘), of the words that jieba's dictionary has. Edit words.txt instead.\n")
    out.writelines(f"{word} {' '.join(table[word])}\n" for word in sorted(table))
