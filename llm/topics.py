"""Whether two passages say the same: cosine of their tf-idf term vectors."""

from __future__ import annotations

import math
from collections import Counter

from llm.features import Features

SAME_TOPIC = 0.6
"""Two passages of one talk share its vocabulary and reach about 0.2–0.4; retellings reach 0.7 and more."""

Vector = dict[str, float]


def vector_of(features: Features, first: int, last: int) -> Vector:
    """The passage's term weights, scaled to length 1; empty when it says nothing."""
    counts = Counter(term for row in features.terms[first : last + 1] for term in row)
    weights = {term: math.log1p(count) * features.rarity[term] for term, count in counts.items()}
    length = math.sqrt(sum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()} if length else {}


def likeness(one: Vector, other: Vector) -> float:
    """Cosine, 0..1."""
    if len(other) < len(one):
        one, other = other, one
    return sum(weight * other.get(term, 0.0) for term, weight in one.items())
