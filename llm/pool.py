"""The candidates of the whole film in one pool: apart from each other, none saying what another says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llm.film import Film
from llm.topics import SAME_TOPIC, Vector, likeness, vector_of
from pipeline.records import Pick, Rejected


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may become a clip.

    `good`: whether the model would publish it, having seen the whole pool; None while it was not asked.
    `alternatives` are other cuts of the same passage.
    """

    pick: Pick
    good: bool | None = None
    alternatives: tuple[Rejected, ...] = ()


def best_first(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Those not good last, then by score; the earliest of equals."""
    return sorted(candidates, key=lambda c: (c.good is False, -c.pick.score, c.pick.first, c.pick.last))


def apart(
    film: Film, candidates: Sequence[Candidate], taken: Sequence[Candidate] = ()
) -> tuple[list[Candidate], list[Candidate]]:
    """`taken` and those candidates, in order, that neither overlap nor repeat one before; and the others."""
    kept = _Kept(film, taken)
    away: list[Candidate] = []
    for candidate in candidates:
        if kept.clash(candidate.pick):
            away.append(candidate)
        else:
            kept.add(candidate)
    return kept.candidates, away


def turned_away(film: Film, away: Sequence[Candidate], taken: Sequence[Candidate]) -> list[Rejected]:
    """Why each of those is not among the taken ones."""
    kept = _Kept(film, taken)
    return [
        Rejected(
            pick.first,
            pick.last,
            pick.score,
            kept.clash(pick) or "enough better clips",
            pick.title,
        )
        for pick in (candidate.pick for candidate in away)
    ]


class _Kept:
    """Candidates with what each says, so that it is measured once."""

    def __init__(self, film: Film, candidates: Sequence[Candidate]) -> None:
        self.candidates: list[Candidate] = []
        self._film = film
        self._said: list[Vector] = []
        for candidate in candidates:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)
        self._said.append(vector_of(self._film.features, candidate.pick.first, candidate.pick.last))

    def clash(self, pick: Pick) -> str:
        """What the first of them that overlaps or says the same does; empty when none does."""
        vector = vector_of(self._film.features, pick.first, pick.last)
        for place, (other, said) in enumerate(zip(self.candidates, self._said, strict=True), start=1):
            if pick.first <= other.pick.last and other.pick.first <= pick.last:
                return f"overlaps a better clip (clip {place})"
            if likeness(vector, said) >= SAME_TOPIC:
                return f"says the same as clip {place}"
        return ""
