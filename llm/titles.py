"""Titles and opening words, taken from what the clip says and from nothing else."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

from llm.features import Features
from llm.openings import cues_of, is_reply, leans_back
from llm.terms import carries_meaning, stem, words_of
from llm.wordlists import WordLists, words_for
from pipeline.records import Sentence

LONGEST_TITLE = 60
LONGEST_HOOK = 80
_SHORTEST_TITLE = 12

_CLAUSE_ENDS = re.compile(r"(?<=[,;:!?…。！？、，；])\s*|(?<=\.)\s+|\s+[–—-]\s+")
_EDGE = " \t,;:.…-–—\"'“”„«»()[]。、，；：·*_"


def one_line(text: str) -> str:
    """The text without control, format and other invisible characters, on one line.

    The joiners that Indic and Persian words and emoji need (U+200C, U+200D) stay.
    """
    kept = (
        " " if unicodedata.category(char)[0] in "ZC" and char not in "\u200c\u200d" else char for char in text
    )
    return " ".join("".join(kept).split())


def shortened(text: str, longest: int) -> str:
    """The text cut at a word's end to at most `longest` characters, with "…" where it was cut."""
    if len(text) <= longest:
        return text
    cut = text[: longest - 1]
    space = cut.rfind(" ")
    # Scripts without spaces, and single endless words, are cut where the room ends.
    return (cut[:space] if space > longest // 3 else cut).rstrip(_EDGE) + "…"


def title_of(sentences: Sequence[Sentence], features: Features, language: str, punctuated: bool) -> str:
    """The strongest short clause of a passage, in the words spoken; at most 60 characters."""
    language = language.partition("-")[0].lower()
    lists = words_for(language)
    clauses = [clause for sentence in sentences for clause in _clauses(sentence, lists, punctuated)]
    # The earliest of equals, so that the same clip always gets the same title.
    best = max(
        clauses,
        key=lambda each: each[1] * _strength(each[0], features, language, lists),
        default=(one_line(" ".join(s.text for s in sentences)), 0.0),
    )[0]
    ellipsis = "…" if best.endswith("…") else ""
    title = shortened(best.strip(_EDGE) + ellipsis, LONGEST_TITLE).strip() or "…"
    if language == "en":
        title = re.sub(r"\bi(?=\b(?!\.))", "I", title)
    return title[:1].upper() + title[1:]


def hook_of(sentences: Sequence[Sentence]) -> str:
    """The passage's opening words."""
    return shortened(one_line(sentences[0].text), LONGEST_HOOK) if sentences else ""


def _clauses(sentence: Sentence, lists: WordLists, punctuated: bool) -> list[tuple[str, float]]:
    """The pieces of a sentence that are short enough for a title, each with how well it is cut."""
    text = one_line(sentence.text)
    found = [(text, 1.3)] + [(piece, 1.0) for piece in _CLAUSE_ENDS.split(text)]
    if not punctuated:
        found += [(run, 0.6) for run in _runs(text.split(), lists)]
    elif len(text) > LONGEST_TITLE:
        # The head of a sentence can be read; words from its middle make no sense.
        found.append((shortened(text, LONGEST_TITLE), 0.8))
    return [each for each in found if _SHORTEST_TITLE <= len(each[0].strip(_EDGE)) <= LONGEST_TITLE]


def _runs(words: Sequence[str], lists: WordLists) -> list[str]:
    """Runs of 4 to 8 words that neither begin nor end on a function word: key phrases."""
    solid = [any(carries_meaning(each, lists.stop) for each in words_of(word)) for word in words]
    return [
        " ".join(words[i:j])
        for i in range(len(words))
        for j in range(i + 4, min(i + 9, len(words) + 1))
        if solid[i] and solid[j - 1]
    ]


def _strength(clause: str, features: Features, language: str, lists: WordLists) -> float:
    words = words_of(clause)
    if not words or is_reply(words, lists):
        return 0.0
    weight = sum(features.importance.get(stem(word, language), 0.0) for word in set(words))
    # Per root of the length: a title should say much, and briefly.
    strength = weight / math.sqrt(len(words))
    strength *= 1 + sum(cue.strength for cue in cues_of(clause, words, lists))
    if leans_back(words, lists) or words[-1] in lists.trailing:
        strength *= 0.4
    if any(word in lists.filler for word in words):
        strength *= 0.5
    return strength * (0.5 if len(words) < 3 else 1.0)
