"""What is left of a clip when parts of it are cut out: whole frames of picture, the same instants of sound.

One `Splice` stands behind picture, sound and captions, so that they stay together. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import Self

from pipeline.records import ClipPlan, Ms, Span


@dataclass(frozen=True, slots=True)
class Splice:
    """A stretch of the film on the clip's grid of frames, without `dropped`.

    `dropped` holds (first frame, frame after the last) pairs, counted from the clip's start, sorted and
    disjoint. Only frames that lie wholly in a removed span are dropped: nothing beside it is touched.
    """

    span: Span
    fps: Fraction
    dropped: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, plan: ClipPlan, fps: Fraction) -> Self:
        dropped = []
        for removed in plan.removed:
            first = ceil((removed.start_ms - plan.start_ms) * fps / 1000)
            after = floor((removed.end_ms - plan.start_ms) * fps / 1000)
            if first < after:
                dropped.append((first, after))
        return cls(plan.span, fps, tuple(dropped))

    @property
    def kept(self) -> tuple[tuple[int, int], ...]:
        """The stretches of frames that stay, in order: (first frame, frame after the last)."""
        starts = [0, *(after for _, after in self.dropped)]
        ends = [*(first for first, _ in self.dropped), self._all_frames]
        return tuple((a, b) for a, b in zip(starts, ends, strict=True) if a < b)

    @property
    def frames(self) -> int:
        return sum(b - a for a, b in self.kept)

    @property
    def _all_frames(self) -> int:
        return ceil(self.span.length_ms * self.fps / 1000)

    @property
    def length_ms(self) -> Ms:
        """How long the clip plays: the span, or as long as the frames that are left."""
        return round(self.frames * 1000 / self.fps) if self.dropped else self.span.length_ms

    def clip_ms(self, film_ms: Ms) -> Ms:
        """A moment of the film in the clip's own time; one that is cut out lies at its join."""
        at = Fraction(min(max(film_ms - self.span.start_ms, 0), self.span.length_ms), 1000)
        gone = Fraction(0)
        for first, after in self.dropped:
            if at * self.fps <= first:
                break
            gone += min(at, after / self.fps) - first / self.fps
        return min(self.length_ms, round((at - gone) * 1000))
