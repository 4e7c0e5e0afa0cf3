"""Values that another program prints, made usable whatever they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.records import Ms

MAX_TEXT = 500
MAX_MS: Ms = 30 * 24 * 3600 * 1000
MAX_CLIP = 999


def text(value: Any) -> str:
    """A printable line of at most `MAX_TEXT` letters; empty for what is no text."""
    return "".join(c if c.isprintable() else " " for c in value[:MAX_TEXT]) if isinstance(value, str) else ""


def positive(value: Any) -> float:
    """A number to reckon with: 0 for what is none, at most 1e9."""
    if not isinstance(value, int | float) or value != value:
        return 0.0
    return float(max(0, min(1_000_000_000, value)))


def unit(value: Any) -> float:
    """A fraction, 0..1."""
    return min(1.0, positive(value))


def ms(value: Any) -> Ms:
    """A time, 0 to a month."""
    return max(0, min(MAX_MS, value)) if isinstance(value, int) else 0


def clip_numbers(clips: Iterable[Any], known: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers of clips as events hold them, together with those known before, in order."""
    plans = [clip.get("plan") for clip in clips if isinstance(clip, dict)]
    found = [plan.get("index") for plan in plans if isinstance(plan, dict)]
    return tuple(sorted({*known, *(i for i in found if isinstance(i, int) and 0 <= i <= MAX_CLIP)}))
