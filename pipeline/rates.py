"""The frame rate of a clip. Shots are found at the rate the clip is rendered at, so that a cut found
on a frame falls on the same frame there. Pure.
"""

from __future__ import annotations

from fractions import Fraction

from pipeline.records import Source

HIGHEST_FPS = 60


def output_fps(source: Source, max_fps: int | None) -> Fraction:
    """The source's rate, at least 1 and at most `max_fps` (60 if not given)."""
    rate = Fraction(source.fps_num, source.fps_den)
    limit = Fraction(max_fps or HIGHEST_FPS)
    if rate > limit:
        # Dropping every second frame keeps motion even (50 -> 25): worth up to a fifth of the rate.
        rate = rate / 2 if limit * 4 / 5 <= rate / 2 <= limit else limit
    return max(rate, Fraction(1))
