"""Every passage that could be a clip, and its four sub-scores.

All arrays run over windows; a window is a stretch of whole sentences whose spoken length lies within
the wish's bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from llm.features import LONG_PAUSE_MS, Features, Floats, Ints
from pipeline.records import Ms, Sound, Wish

EDGE_ROOM_MS = 400
"""Left free below the longest clip, for lead-in and lead-out in the silence around the words."""

MOST_WINDOWS = 1_000_000
"""Memory stays below some 200 MB; an ordinary 3 h talk has about 70,000 windows."""

# The parts of the score. Substance leads, because a clip without it is empty however it starts. On the
# meetings of `benchmarks/choice.py`, where people marked substance alone, it would do best by itself
# (0.63 and 0.49); the other three get what talks need to begin with a question and to end on a thought.
PART_WEIGHTS = (("hook", 0.1), ("completeness", 0.1), ("substance", 0.72), ("delivery", 0.08))

SPREAD = 2
"""Power to which a window's worth is raised: windows of one film differ little in it, and it decides."""

LIVELY_DB = 6.0
"""Speech this much louder than its surroundings is as energetic as it gets: twice the amplitude."""


@dataclass(frozen=True, slots=True)
class Windows:
    """`first`, `last`: sentence indices, inclusive. Sub-scores and `total` 0..1."""

    first: Ints
    last: Ints
    hook: Floats
    completeness: Floats
    substance: Floats
    delivery: Floats
    total: Floats

    def parts(self, index: int) -> tuple[tuple[str, int], ...]:
        """The sub-scores of one window as integers 0..100."""
        return tuple((name, round(100 * float(getattr(self, name)[index]))) for name, _ in PART_WEIGHTS)


def bounds_of(wish: Wish) -> tuple[Ms, Ms]:
    """Shortest and longest spoken length of a window."""
    longest = max(1, wish.max_ms - EDGE_ROOM_MS)
    return min(wish.min_ms, longest), longest


def score_windows(features: Features, sound: Sound, wish: Wish) -> Windows:
    """All windows within the bounds, scored; in order of first, then last."""
    first, last = _all_windows(features, *bounds_of(wish))
    span = np.maximum(1, features.end_ms[last] - features.start_ms[first]).astype(np.float64)
    hook = features.hook[first] if len(first) else np.zeros(0)
    # The geometric mean: a clip that begins well and breaks off is not half good.
    completeness = np.sqrt(features.opening[first] * features.closing[last]) if len(first) else np.zeros(0)
    substance = _substance(features, first, last)
    delivery = _delivery(features, sound, first, last, span)
    parts = dict(hook=hook, completeness=completeness, substance=substance, delivery=delivery)
    total = sum((weight * parts[name] for name, weight in PART_WEIGHTS), np.zeros(len(first)))
    return Windows(first, last, **parts, total=total * _certainty(features, first, last))


def _all_windows(features: Features, shortest: Ms, longest: Ms) -> tuple[Ints, Ints]:
    count = len(features.start_ms)
    starts, ends = features.start_ms, features.end_ms
    first = np.arange(count, dtype=np.int64)
    low = np.searchsorted(np.maximum.accumulate(ends), starts + shortest) if count else first
    high = np.searchsorted(starts, starts + longest)
    sizes = np.maximum(0, high - np.maximum(low, first))
    stride = max(1, -(-int(sizes.sum()) // MOST_WINDOWS))
    kept = first[::stride]
    sizes = sizes[::stride]
    firsts = np.repeat(kept, sizes)
    offsets = np.arange(len(firsts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    lasts = np.repeat(np.maximum(low, first)[::stride], sizes) + offsets
    lengths = ends[lasts] - starts[firsts] if len(firsts) else lasts
    fits = (lengths >= shortest) & (lengths <= longest)
    return firsts[fits], lasts[fits]


def _sums(values: Floats, first: Ints, last: Ints) -> Floats:
    prefix = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(prefix[last + 1] - prefix[first], dtype=np.float64)


def _relative(values: Floats) -> Floats:
    """0.5 for what is typical of the film, towards 1 for many times that."""
    typical = float(np.median(values)) if len(values) else 0.0
    return values / (values + typical) if typical > 0 else np.full(len(values), 0.5)


def _substance(features: Features, first: Ints, last: Ints) -> Floats:
    """What people are likely to find in the words said, 0.5 for what is usual in this film.

    A mean over words, so that no window gains by its length.
    """
    words = np.maximum(1.0, _sums(features.words, first, last))
    value = _relative((_sums(features.worth * features.words, first, last) / words) ** SPREAD)
    notices = np.minimum(1.0, _sums(features.notices, first, last) / words)
    # A quarter of advertising spoils a clip wholly.
    return np.asarray(value * np.maximum(0, 1 - 4 * notices), dtype=np.float64)


def _delivery(features: Features, sound: Sound, first: Ints, last: Ints, span: Floats) -> Floats:
    pauses = np.where(features.pause_after_ms > LONG_PAUSE_MS, features.pause_after_ms, 0.0)
    inner = _sums(features.silence_ms + pauses, first, last) - (pauses[last] if len(last) else 0)
    steady = np.clip(1 - 2 * inner / span, 0, 1)
    lift = energy_lift(sound)
    if not len(lift):
        return steady
    pace = _relative(_sums(features.words, first, last) / span)
    prefix = np.concatenate([[0.0], np.cumsum(lift)])
    begin = np.minimum(features.start_ms[first] // 1000, len(lift) - 1)
    stop = np.clip(-(-features.end_ms[last] // 1000), begin + 1, len(lift))
    energy = np.clip(0.5 + (prefix[stop] - prefix[begin]) / (stop - begin) / (2 * LIVELY_DB), 0, 1)
    return np.asarray(0.5 * energy + 0.25 * steady + 0.25 * pace, dtype=np.float64)


def energy_lift(sound: Sound) -> Floats:
    """How many dB each second lies above the running median of the 60 s around it.

    A running median and not the absolute level, so that a quiet speaker is judged by his own measure.
    """
    per_second = max(1, round(1000 / sound.step_ms))
    levels = np.array(sound.level_db, dtype=np.float64)
    seconds = len(levels) // per_second
    if seconds == 0:
        return np.zeros(0)
    # The loudest tenth of each second: a breath inside a second is no lack of energy.
    loud = np.quantile(levels[: seconds * per_second].reshape(seconds, per_second), 0.9, axis=1)
    padded = np.pad(loud, 30, mode="reflect" if seconds > 30 else "edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, 61)
    return np.asarray(loud - np.median(around, axis=1), dtype=np.float64)


def _certainty(features: Features, first: Ints, last: Ints) -> Floats:
    """How sure the recogniser was, against its usual sureness in this film, at most 1."""
    words = np.maximum(1.0, _sums(features.words, first, last))
    sure = _sums(features.probability * features.words, first, last) / words
    usual = float(np.median(sure)) if len(sure) else 1.0
    return np.clip(sure / usual, 0.2, 1.0) if usual > 0 else np.ones(len(sure))


def about(features: Features, windows: Windows, wanted: frozenset[str]) -> Floats:
    """How much of the wanted terms each window holds, 0..1, rare terms counting more."""
    held = np.zeros(len(windows.first))
    weights = {term: features.rarity[term] for term in sorted(wanted) if term in features.rarity}
    for term, weight in weights.items():
        there = np.array([float(row.count(term)) for row in features.terms])
        # Said three times is fully about it.
        held += (
            weight
            * np.minimum(1.0, (_sums(there, windows.first, windows.last) + 1) / 4)
            * (_sums(there, windows.first, windows.last) > 0)
        )
    return held / (sum(weights.values()) or 1.0)
