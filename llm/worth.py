"""How much a sentence is worth to people, learnt from what they took into summaries of real meetings.

A logistic regression over a dozen plain measures of text and times, and over common English words. The
measures are taken relative to the film (mean 0, deviation 1), so that they mean the same in a talk as in
a meeting; the words count in English only. `benchmarks/learn_worth.py` learns the weights.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from llm.wordlists import words_for

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WEIGHTS_FILE = Path(__file__).parent / "weights" / "worth.json"

USUAL = {
    "long": 0.58, "very_long": 1.37, "long_after": 0.58, "long_before": 0.58, "long_around": 0.28,
    "fast": 1.5, "repeating_itself": 0.1, "spoken_over": 1.0, "central": 0.045, "central_around": 0.029,
    "rich": 0.52, "addressing": 0.43,
}  # fmt: skip
"""The measures with their usual deviation in a meeting."""
MEASURES = tuple(USUAL)

NEAR, WIDE = 2, 8
"""Sentences to either side that belong to a sentence's surroundings."""
MOST_OVERLAP_S = 5.0


@dataclass(frozen=True, slots=True)
class Weights:
    """`measures` and `words` by name; `learnt_on` says from which meetings."""

    learnt_on: str
    bias: float
    measures: Mapping[str, float]
    words: Mapping[str, float]


@cache
def shipped_weights() -> Weights:
    """The weights that come with KangKlip."""
    data = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return Weights(data["learnt_on"], data["bias"], data["measures"], data["words"])


def worth_of(
    start_ms: Ints,
    end_ms: Ints,
    spoken: Sequence[Sequence[str]],
    vectors: Sequence[Mapping[str, float]],
    language: str,
    weights: Weights,
) -> Floats:
    """For each sentence the share 0..1 of people's interest that it is likely to have."""
    found = measures(start_ms, end_ms, spoken, vectors, language)
    logit = np.full(len(spoken), weights.bias)
    for name, weight in weights.measures.items():
        logit += weight * found[name]
    if language == "en":
        logit += [sum(weights.words.get(word, 0.0) for word in set(words)) for words in spoken]
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float64)


def measures(
    start_ms: Ints,
    end_ms: Ints,
    spoken: Sequence[Sequence[str]],
    vectors: Sequence[Mapping[str, float]],
    language: str,
) -> dict[str, Floats]:
    """What is measured on each sentence, by name; each has mean 0 and usually deviation 1 over the film.

    `vectors` are the sentences' term weights.
    """
    if not spoken:
        return {name: np.zeros(0) for name in MEASURES}
    count = np.array([max(1, len(words)) for words in spoken], dtype=np.float64)
    seconds = (end_ms - start_ms) / 1000
    long = np.log1p(seconds)
    central = _centrality(vectors)
    found = {
        "long": long,
        "very_long": long**2,
        "long_after": np.append(long[1:], 0.0),
        "long_before": np.insert(long[:-1], 0, 0.0),
        "long_around": around(long, seconds, WIDE),
        "fast": count / np.maximum(0.2, seconds),
        "repeating_itself": 1 - np.array([len(set(words)) for words in spoken]) / count,
        "spoken_over": _overlap(start_ms, end_ms),
        "central": around(central, count, NEAR),
        "central_around": around(central, count, WIDE),
        "rich": around(np.log1p([sum(vector.values()) for vector in vectors]), count, NEAR),
        "addressing": _addressing(spoken, language),
    }
    return {name: _relative(found[name], usual) for name, usual in USUAL.items()}


def _relative(values: Floats, usual: float) -> Floats:
    """Mean 0, deviation 1; where sentences hardly differ, they differ hardly here too."""
    return np.asarray((values - values.mean()) / max(float(values.std()), usual / 2), dtype=np.float64)


def around(values: Floats, weights: Floats, reach: int) -> Floats:
    """The weighted mean of each sentence and `reach` others to either side."""
    places = np.arange(len(values))
    low, high = np.maximum(0, places - reach), np.minimum(len(values), places + reach + 1)
    total = np.concatenate([[0.0], np.cumsum(values * weights)])
    weight = np.concatenate([[0.0], np.cumsum(weights)])
    return np.asarray((total[high] - total[low]) / np.maximum(1e-9, weight[high] - weight[low]))


def _overlap(start_ms: Ints, end_ms: Ints) -> Floats:
    """Seconds by which each sentence begins before all earlier ones have ended."""
    ended = np.maximum.accumulate(end_ms)
    early = np.concatenate([[0], np.maximum(0, ended[:-1] - start_ms[1:])])
    return np.minimum(MOST_OVERLAP_S, early / 1000)


def _centrality(vectors: Sequence[Mapping[str, float]]) -> Floats:
    """Cosine of each sentence with the whole film, each sentence counting once."""
    lengths = [math.sqrt(sum(weight * weight for weight in vector.values())) or 1.0 for vector in vectors]
    film: Counter[str] = Counter()
    for vector, length in zip(vectors, lengths, strict=True):
        for term, weight in vector.items():
            film[term] += weight / length  # type: ignore[assignment]
    whole = math.sqrt(sum(weight * weight for weight in film.values())) or 1.0
    return np.array(
        [
            sum(weight * film[term] for term, weight in vector.items()) / length / whole
            for vector, length in zip(vectors, lengths, strict=True)
        ]
    )


def _addressing(spoken: Sequence[Sequence[str]], language: str) -> Floats:
    """How often somebody is spoken to; twice is as often as counts."""
    address = words_for(language).address
    return np.array([min(2, sum(word in address for word in words)) for words in spoken], dtype=np.float64)
