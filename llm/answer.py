"""The model's answer, distrusted: text -> JSON -> claims whose ids exist -> passages that fit.

Nothing the model says reaches a clip unchecked, so what a speaker in the video tells the model to do
cannot do harm: at worst a weaker passage is chosen, never the whole video, never a foreign title.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llm.client import BadAnswer
from llm.prompt import LONGEST_REASON, LONGEST_TITLE, MOST_CLIPS
from llm.titles import one_line, shortened
from llm.windows import Windows, bounds_of
from pipeline.records import Chunk, Rejected, Sentence, Wish

TOO_LONG_FACTOR = 2
"""A passage longer than this many longest clips is no misjudged clip but no clip at all."""

_FENCE = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL | re.IGNORECASE)
_LINK = re.compile(r"://|\bwww\.|\b[\w-]+\.(?:com|net|org|io|co|ru|me|xyz|info|app|link|id)\b", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>|[<>{}\\`]")
_PARTS = ("hook", "completeness", "substance")
_MIDDLE_SCORE = 50


@dataclass(frozen=True, slots=True)
class Claim:
    """A passage the model wants, its ids checked. `title` is empty when the model gave none fit to show."""

    first: int
    last: int
    key: int
    score: int
    parts: tuple[tuple[str, int], ...]
    title: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer came to: claims that fit the bounds, and what was wrong with the others."""

    claims: tuple[Claim, ...]
    rejected: tuple[Rejected, ...]
    faults: tuple[str, ...]


def read_answer(
    text: str, part: Chunk, sentences: Sequence[Sentence], windows: Windows, wish: Wish
) -> Reading:
    """Check an answer item by item. Raises BadAnswer when it holds no list of clips at all."""
    claims: list[Claim] = []
    rejected: list[Rejected] = []
    faults: list[str] = []
    for number, item in enumerate(_clips_in(text)[:MOST_CLIPS], start=1):
        claim = _claim(item, part)
        if isinstance(claim, str):
            faults.append(f"clip {number}: {claim}")
            continue
        fitted = _fitted(claim, sentences, windows, wish)
        if isinstance(fitted, str):
            faults.append(f"clip {number}: {fitted}")
            rejected.append(Rejected(claim.first, claim.last, claim.score, fitted, claim.title))
        else:
            claims.append(fitted)
    return Reading(tuple(claims), tuple(rejected), tuple(faults))


def _clips_in(text: str) -> list[Any]:
    for candidate in _candidates(text):
        try:
            # Not strict: constrained decoders let raw control characters into strings.
            found = json.loads(candidate, strict=False)
        except (ValueError, RecursionError):
            continue
        clips = found.get("clips") if isinstance(found, dict) else found
        if not isinstance(clips, list):
            raise BadAnswer('"clips" is not a list', answer=text)
        return clips
    raise BadAnswer("it is not JSON", answer=text)


def _candidates(text: str) -> list[str]:
    """The whole text, what stands in code fences, and the widest stretch in braces."""
    begin, end = text.find("{"), text.rfind("}")
    return [text, *_FENCE.findall(text), text[begin : end + 1] if 0 <= begin < end else ""]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _rating(value: object) -> int:
    number = _whole(value)
    return _MIDDLE_SCORE if number is None else max(0, min(100, number))


def _claim(item: object, part: Chunk) -> Claim | str:
    """The item as a claim, or what is wrong with it in words fit for the model."""
    if not isinstance(item, dict):
        return "it is not an object"
    first, last = _whole(item.get("first")), _whole(item.get("last"))
    if first is None or last is None:
        return "first and last have to be sentence ids, whole numbers"
    if not (part.first <= first <= part.last and part.first <= last <= part.last):
        return f"there are only the ids {part.first} to {part.last}"
    if first > last:
        return f"first ({first}) comes after last ({last})"
    key = _whole(item.get("key"))
    return Claim(
        first=first,
        last=last,
        key=key if key is not None and first <= key <= last else (first + last) // 2,
        score=_rating(item.get("score")),
        parts=tuple((name, _rating(item.get(name))) for name in _PARTS),
        title=checked_title(item.get("title")),
        reason=_plain(item.get("reason"), LONGEST_REASON),
    )


def _plain(value: object, longest: int) -> str:
    if not isinstance(value, str):
        return ""
    return shortened(" ".join(_MARKUP.sub(" ", one_line(value[: 10 * longest])).split()), longest)


def checked_title(value: object) -> str:
    """A title fit to show: one line, at most 70 characters, no markup; empty when it holds a link."""
    title = _plain(value, LONGEST_TITLE).strip(" \"'“”„«»*_#.,;:-")
    return "" if _LINK.search(title) or not any(char.isalnum() for char in title) else title


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
    return Claim(
        first=int(windows.first[best]),
        last=int(windows.last[best]),
        key=claim.key,
        score=claim.score,
        parts=claim.parts,
        title=claim.title,
        reason=claim.reason,
    )
