"""What the model wants of one part: claims whose ids exist, whose words are there, whose length fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from llm.answer import holds_link, plain, rating, read_list, whole
from llm.quotes import place_of
from llm.windows import Windows, bounds_of
from pipeline.records import Chunk, Rejected, Sentence, Wish

MOST_CLIPS = 8
"""Passages asked for per part: a part of five minutes holds no more clips of 30 s worth having."""

SUB_SCORES = ("hook", "completeness", "substance", "shareability")
LONGEST_REASON = 200

TOO_LONG_FACTOR = 2
"""A passage longer than this many longest clips is no misjudged clip but no clip at all."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A passage the model wants, its ids checked. `key` is its strongest sentence."""

    first: int
    last: int
    key: int
    score: int
    parts: tuple[tuple[str, int], ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer came to: claims that fit the bounds, and what was wrong with the others."""

    claims: tuple[Claim, ...]
    rejected: tuple[Rejected, ...]
    faults: tuple[str, ...]


def read_claims(
    text: str, part: Chunk, sentences: Sequence[Sentence], windows: Windows, wish: Wish
) -> Reading:
    """Check an answer item by item. Raises BadAnswer when it holds no list of clips at all."""
    claims: list[Claim] = []
    rejected: list[Rejected] = []
    faults: list[str] = []
    for number, item in enumerate(read_list(text, "clips")[:MOST_CLIPS], start=1):
        claim = _claim(item, part, sentences)
        if isinstance(claim, str):
            faults.append(f"clip {number}: {claim}")
            continue
        fitted = _fitted(claim, sentences, windows, wish)
        if isinstance(fitted, str):
            faults.append(f"clip {number}: {fitted}")
            rejected.append(Rejected(claim.first, claim.last, claim.score, fitted))
        else:
            claims.append(fitted)
    return Reading(tuple(claims), tuple(rejected), tuple(faults))


def _claim(item: object, part: Chunk, sentences: Sequence[Sentence]) -> Claim | str:
    """The item as a claim, or what is wrong with it in words fit for the model."""
    if not isinstance(item, dict):
        return "it is not an object"
    named, last, quote = whole(item.get("first")), whole(item.get("last")), item.get("quote")
    if named is None or last is None:
        return "first and last have to be sentence ids, whole numbers"
    if not (part.first <= named <= part.last and part.first <= last <= part.last):
        return f"there are only the ids {part.first} to {part.last}"
    if not isinstance(quote, str):
        return "quote has to be the opening words of sentence first"
    first = place_of(quote, named, sentences, part.first, part.last)
    if first is None:
        return f"sentence {named} does not begin with the quoted words"
    if first > last:
        return f"first ({first}) comes after last ({last})"
    key, reason = whole(item.get("key")), plain(item.get("reason"), LONGEST_REASON)
    return Claim(
        first=first,
        last=last,
        key=key if key is not None and first <= key <= last else (first + last) // 2,
        score=rating(item.get("score")),
        parts=tuple((name, rating(item.get(name))) for name in SUB_SCORES),
        reason="" if holds_link(reason) else reason,
    )


def _fitted(claim: Claim, sentences: Sequence[Sentence], windows: Windows, wish: Wish) -> Claim | str:
    """The claim cut or grown by whole sentences into the bounds, or why that cannot be.

    A long one keeps its key sentence; a short one is kept whole. Of all windows that do so, the most
    complete is taken.
    """
    shortest, longest = bounds_of(wish)
    length = sentences[claim.last].end_ms - sentences[claim.first].start_ms
    if shortest <= length <= longest:
        return claim
    told = f"{length / 1000:.0f} s long, asked were {shortest / 1000:g} to {longest / 1000:g} s"
    if length > TOO_LONG_FACTOR * longest:
        return told
    if length > longest:
        fits = (windows.first >= claim.first) & (windows.last <= claim.last)
        fits &= (windows.first <= claim.key) & (windows.last >= claim.key)
    else:
        fits = (windows.first <= claim.first) & (windows.last >= claim.last)
    if not fits.any():
        return f"{told}, and no whole sentences around it fit"
    best = int(np.argmax(np.where(fits, windows.completeness, -1.0)))
    return replace(claim, first=int(windows.first[best]), last=int(windows.last[best]))
