"""The title as a card at the top of the opening seconds: wrapped by the width of the real font. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.captions.measure import Measure
from pipeline.captions.styles import Sheet
from pipeline.records import Ms

CARD_MS: Ms = 3_000
"""Long enough to read ten words, gone before it is in the way."""
SIZES = (1.0, 0.85, 0.7, 0.58, 0.48)
"""Of the captions' font size; a long title takes the first that fits."""
MOST_LINES = 4


@dataclass(frozen=True, slots=True)
class Card:
    """Lines of the title and their font size, in pixels of the output."""

    lines: tuple[str, ...]
    font_size: int


def title_card(title: str, sheet: Sheet, measure_at: Callable[[int], Measure]) -> Card | None:
    """The card in the largest size that takes at most `MOST_LINES`; the smallest ends with `…` if need be.

    None when the title holds nothing to show.
    """
    words = title.split()
    if not words:
        return None
    for share in SIZES:
        size = max(10, round(sheet.font_size * share))
        # The box around a line takes a fifth of the size at either side.
        width = sheet.width - 2 * sheet.margin_h - 2 * round(size / 5)
        lines = _wrapped(words, measure_at(size), width)
        if len(lines) <= MOST_LINES:
            return Card(tuple(lines), size)
    return Card((*lines[: MOST_LINES - 1], _ended(lines[MOST_LINES - 1], measure_at(size), width)), size)


def _wrapped(words: Sequence[str], measure: Measure, width: int) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else ""
        if lines and measure(longer) <= width:
            lines[-1] = longer
        else:
            lines += _pieces(word, measure, width)
    return lines


def _pieces(word: str, measure: Measure, width: int) -> list[str]:
    """The word, broken where it is wider than a line: also how scripts without spaces are wrapped."""
    pieces = [""]
    for letter in word:
        if pieces[-1] and measure(pieces[-1] + letter) > width:
            pieces.append("")
        pieces[-1] += letter
    return pieces


def _ended(line: str, measure: Measure, width: int) -> str:
    while line and measure(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"
