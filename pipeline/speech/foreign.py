"""Transcripts in JSON, ours and other people's, as cues. Pure; trusts nothing about their shape."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.errors import TranscriptError
from pipeline.records import Ms, Word

_LONGEST_CUE_MS = 15_000
_LONGEST_FILM_S = 100 * 3600


@dataclass(frozen=True, slots=True)
class Cue:
    """A line of a transcript and when it is said; `words` when the file times each of them."""

    start_ms: Ms
    end_ms: Ms
    text: str
    words: tuple[Word, ...] = ()


def parsed(text: str, name: str) -> tuple[tuple[Cue, ...], str]:
    """The cues of a JSON text and the language it names (or ""). Raises TranscriptError."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise TranscriptError(f"The transcript {name} is not valid JSON; check the file.", str(exc)) from exc
    try:
        cues = tuple(_cues(data))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as exc:
        raise TranscriptError(
            f"The transcript {name} is JSON of a kind KangKlip does not know; "
            'give a list of {"start", "end", "text"} with times in seconds.',
            detail=f"{type(exc).__name__}: {exc}",
        ) from exc
    language = data.get("language", "") if isinstance(data, dict) else ""
    return cues, language if isinstance(language, str) else ""


def _cues(data: Any) -> Iterator[Cue]:
    if isinstance(data, list):
        yield from map(_plain, data)
    elif "sentences" in data:
        yield from map(_ours, data["sentences"])
    elif "segments" in data:
        yield from map(_plain, data["segments"])
    elif isinstance(data["results"], dict):
        yield from _grouped(_amazon(data["results"]["items"]))
    else:
        yield from _watson(data["results"])


def _plain(one: Any) -> Cue:
    """{start, end, text} in seconds, perhaps with Whisper's words {start, end, word, probability}."""
    words = tuple(_word(word) for word in one.get("words") or () if "start" in word)
    complete = words if len(words) == len(one.get("words") or ()) else ()
    return Cue(_ms(one["start"]), _ms(one["end"]), _text(one["text"]), complete)


def _word(one: Any) -> Word:
    text = _text(one["word"] if "word" in one else one["text"])
    return _made(_ms(one["start"]), _ms(one["end"]), text, one.get("probability", one.get("score", 1.0)))


def _ours(one: Any) -> Cue:
    """A sentence of our own transcript.json, in milliseconds."""
    words = tuple(
        _made(_ms(w["start_ms"], 1), _ms(w["end_ms"], 1), _text(w["text"]), w.get("probability", 1.0))
        for w in one.get("words", ())
    )
    return Cue(_ms(one["start_ms"], 1), _ms(one["end_ms"], 1), _text(one["text"]), words)


def _watson(results: Any) -> Iterator[Cue]:
    """IBM Watson: results (or lists of results) of alternatives with `timestamps` [word, from, to]."""
    flat = [part for one in results for part in one.get("results", [one])]
    for one in flat:
        best = one["alternatives"][0]
        sure = {n: c[1] for n, c in enumerate(best.get("word_confidence") or ())}
        words = [
            _made(_ms(start), _ms(end), _text(word), sure.get(n, 1.0))
            for n, (word, start, end) in enumerate(best["timestamps"])
            if not word.startswith("%")
        ]
        yield from _grouped(words)


def _amazon(items: Any) -> list[Word]:
    """Amazon Transcribe: items are words with times as text, and punctuation without."""
    words: list[Word] = []
    for one in items:
        best = one["alternatives"][0]
        text = _text(best["content"])
        if one["type"] == "pronunciation":
            sure = float(best.get("confidence") or 1.0)
            words.append(_made(_ms(one["start_time"]), _ms(one["end_time"]), text, sure))
        elif words:
            last = words.pop()
            words.append(_made(last.start_ms, last.end_ms, last.text + text, last.probability))
    return words


def _grouped(words: Iterable[Word]) -> Iterator[Cue]:
    group: list[Word] = []
    for word in words:
        if group and word.end_ms - group[0].start_ms > _LONGEST_CUE_MS:
            yield _from_words(group)
            group = []
        group.append(word)
    if group:
        yield _from_words(group)


def _from_words(words: list[Word]) -> Cue:
    return Cue(words[0].start_ms, words[-1].end_ms, " ".join(w.text for w in words), tuple(words))


def _made(start: Ms, end: Ms, text: str, probability: Any) -> Word:
    sure = float(probability) if probability is not None else 1.0
    return Word(start, max(start, end), text.strip(), min(1.0, max(0.0, sure)) if sure == sure else 0.0)


def _ms(value: Any, per_unit: int = 1000) -> Ms:
    number = float(value)
    if (
        isinstance(value, bool)
        or not math.isfinite(number)
        or abs(number) * per_unit > _LONGEST_FILM_S * 1000
    ):
        raise ValueError(f"{value!r} is not a time")
    return round(number * per_unit)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
