"""From scored windows to the best set: no overlap, no topic twice, and the best of what is left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llm.features import Features, Floats
from llm.topics import SAME_TOPIC, Vector, likeness, vector_of
from llm.windows import Windows

RESERVES = 8
REJECTED = 30
SAME_PASSAGE = 0.5
"""Windows that share this much of their sentences (intersection over union) are one candidate."""

Mask = npt.NDArray[np.bool_]
_Packing = tuple[int, float, tuple[int, ...]]
"""How many windows, their summed totals, their indices."""


@dataclass(frozen=True, slots=True)
class BestSet:
    """Indices into the windows.

    `chosen`: best first, mutually apart, no topic twice. `reserves`: the next best, which may
    overlap the chosen ones. `left`: candidates not taken, each with the place (0..) in `chosen` that
    it overlaps or repeats, and which of both.
    """

    chosen: tuple[int, ...]
    reserves: tuple[int, ...]
    left: tuple[tuple[int, str, int], ...]


def best_set(features: Features, windows: Windows, total: Floats, count: int) -> BestSet:
    """Take greedily by `total`; windows with a total of 0 or less are never taken.

    Where greed leaves the number short although more would fit side by side, the densest packing is
    taken instead, so that a short film still yields what it holds.
    """
    taken = _greedy(features, windows, total, count + RESERVES)
    if len(taken) < count:
        packed = _distinct(features, windows, _packed(windows, total, count))
        taken = packed if len(packed) > len(taken) else taken
    chosen, reserves = taken[:count], taken[count:]
    reserves += _variants(windows, total, taken, RESERVES - len(reserves))
    return BestSet(tuple(chosen), tuple(reserves), tuple(_left(features, windows, total, chosen)))


def _overlaps(windows: Windows, index: int) -> Mask:
    return np.asarray(
        (windows.first <= windows.last[index]) & (windows.last >= windows.first[index]), dtype=np.bool_
    )


def _shared(windows: Windows, index: int) -> Floats:
    """Intersection over union of every window with one of them, counted in sentences."""
    first, last = windows.first[index], windows.last[index]
    common = np.minimum(windows.last, last) - np.maximum(windows.first, first) + 1
    union = np.maximum(windows.last, last) - np.minimum(windows.first, first) + 1
    return np.asarray(np.maximum(0, common) / union, dtype=np.float64)


def _vector(features: Features, windows: Windows, index: int) -> Vector:
    return vector_of(features, int(windows.first[index]), int(windows.last[index]))


def _best(total: Floats, free: Mask) -> int | None:
    """The free window with the highest positive total; the earliest of equals."""
    if not free.any():
        return None
    index = int(np.argmax(np.where(free, total, -1.0)))
    return index if total[index] > 0 else None


def _greedy(features: Features, windows: Windows, total: Floats, count: int) -> list[int]:
    free = np.ones(len(total), dtype=bool)
    taken: list[int] = []
    vectors: list[Vector] = []
    while len(taken) < count and (index := _best(total, free)) is not None:
        vector = _vector(features, windows, index)
        if any(likeness(vector, other) >= SAME_TOPIC for other in vectors):
            free &= _shared(windows, index) < SAME_PASSAGE
            continue
        taken.append(index)
        vectors.append(vector)
        free &= ~_overlaps(windows, index)
    return taken


def _packed(windows: Windows, total: Floats, count: int) -> list[int]:
    """At most `count` windows apart from each other: most windows first, then the highest sum.

    Weighted interval scheduling over sentence positions, only run when few windows exist.
    """
    ends = int(windows.last.max()) + 2 if len(total) else 1
    by_last: list[list[int]] = [[] for _ in range(ends)]
    for index in np.flatnonzero(total > 0).tolist():
        by_last[int(windows.last[index]) + 1].append(index)
    # best[e] after k rounds: the best of at most k windows within the first e sentences.
    best: list[_Packing] = [(0, 0.0, ())] * ends
    for _ in range(count):
        before, best = best, [(0, 0.0, ())]
        for end in range(1, ends):
            here = best[end - 1]
            for index in by_last[end]:
                taken, value, chain = before[int(windows.first[index])]
                option = (taken + 1, value + float(total[index]), (*chain, index))
                here = max(here, option, key=lambda each: each[:2])
            best.append(here)
    chain = best[-1][2]
    return sorted(chain, key=lambda index: (-total[index], index))


def _distinct(features: Features, windows: Windows, indices: list[int]) -> list[int]:
    kept: list[int] = []
    for index in indices:
        vector = _vector(features, windows, index)
        if all(likeness(vector, _vector(features, windows, other)) < SAME_TOPIC for other in kept):
            kept.append(index)
    return kept


def _variants(windows: Windows, total: Floats, taken: list[int], count: int) -> list[int]:
    """Other cuts of the taken passages, for when one cannot be cut cleanly.

    Each overlaps a taken one, so that none slips in as a further clip that repeats a topic.
    """
    free = np.zeros(len(total), dtype=bool)
    for index in taken:
        free |= _overlaps(windows, index)
    free[taken] = False
    found: list[int] = []
    while len(found) < count and (best := _best(total, free)) is not None:
        found.append(best)
        free &= _shared(windows, best) < 0.85
    return found


def _left(
    features: Features, windows: Windows, total: Floats, chosen: list[int]
) -> list[tuple[int, str, int]]:
    free = np.ones(len(total), dtype=bool)
    for index in chosen:
        free &= _shared(windows, index) < 0.7
    vectors = [_vector(features, windows, index) for index in chosen]
    left: list[tuple[int, str, int]] = []
    # Windows of total 0 are listed too: that is where advertising and the wrong subject end up.
    while len(left) < REJECTED and free.any():
        index = int(np.argmax(np.where(free, total, -1.0)))
        free &= _shared(windows, index) < SAME_PASSAGE
        left.append((index, *_relation(features, windows, chosen, vectors, index)))
    return left


def _relation(
    features: Features, windows: Windows, chosen: list[int], vectors: list[Vector], index: int
) -> tuple[str, int]:
    for place, other in enumerate(chosen):
        if windows.first[other] <= windows.last[index] and windows.last[other] >= windows.first[index]:
            return "overlaps", place
    vector = _vector(features, windows, index)
    for place, other_vector in enumerate(vectors):
        if likeness(vector, other_vector) >= SAME_TOPIC:
            return "repeats", place
    return "", -1
