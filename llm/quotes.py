"""Finding where a passage begins by its quoted opening words: a model may miscount ids, not make up words."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from difflib import SequenceMatcher

from pipeline.records import Sentence

LONGEST_QUOTE = 80

NEARBY = (0, -1, 1, -2, 2)
"""How far an id may be off, nearest first."""

SHORTEST_LETTERS = 3
TELLING_LETTERS = 6
"""Fewer letters fit by chance, so they neither move an id nor are they matched loosely."""

_SLACK_LETTERS = 12
"""A quote may leave out an "Um, so" before it."""
_ALIKE = 0.8
_TATWEEL = "\u0640"


def letters(text: str) -> str:
    """The letters and digits of a text alone: without case, spaces, punctuation, accents and vowel marks."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in folded if char.isalnum() and char != _TATWEEL)


def place_of(quote: str, first: int, sentences: Sequence[Sentence], lowest: int, highest: int) -> int | None:
    """Where the quote begins: at `first`, or near it from `lowest` to `highest`; None where it does not."""
    said = letters(quote)
    if len(said) < SHORTEST_LETTERS:
        return None
    telling = len(said) >= TELLING_LETTERS
    near = [first + move for move in (NEARBY if telling else NEARBY[:1])]
    openings = {at: _opening(at, sentences, len(said)) for at in near if lowest <= at <= highest}
    for at, opening in openings.items():
        if opening.startswith(said):
            return at
    if telling:
        for at, opening in openings.items():
            # Behind a few letters, but not behind a whole short sentence.
            skipped = opening.find(said)
            if 0 <= skipped < len(letters(sentences[at].text)):
                return at
            if SequenceMatcher(None, said, opening[: len(said)]).ratio() >= _ALIKE:
                return at
    return None


def _opening(at: int, sentences: Sequence[Sentence], length: int) -> str:
    """Letters from the sentence's beginning on, some more than a quote of that length has."""
    wanted, found = length + _SLACK_LETTERS, ""
    for sentence in sentences[at : at + 4]:
        found += letters(sentence.text[: 4 * wanted])
        if len(found) >= wanted:
            break
    return found[:wanted]
