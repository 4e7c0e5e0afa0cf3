"""The looks of captions. Colours are RRGGBB; sizes follow the first version's formulas."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import WishError
from pipeline.options import CaptionOptions
from pipeline.records import CaptionPlace

TOP_SHARE = 0.13
"""Of the height: 250 of 1920 px, below the top bars of TikTok, Reels and Shorts."""


@dataclass(frozen=True, slots=True)
class Style:
    """A look. `active` colours the word being spoken; equal to `text` means no highlight.

    Only the colour of the active word changes, so no neighbouring word ever moves.
    """

    name: str
    description: str
    text: str = "FFFFFF"
    active: str = "FFD400"
    outline: str = "000000"
    boxed: bool = False
    upper: bool = False
    lines: int = 2
    scale: float = 1.0


STYLES = {
    style.name: style
    for style in (
        Style("karaoke", "white, the spoken word yellow, black outline", scale=1.45),
        Style("bold", "capitals, the spoken word green, larger", active="4CFF6B", upper=True, scale=1.5),
        Style(
            "boxed", "white on a dark box, the spoken word yellow", outline="101418", boxed=True, scale=1.2
        ),
        Style("plain", "white with an outline, no highlight", active="FFFFFF", scale=1.2),
        Style("classic", "the first version's look: up to three lines, the spoken word yellow", lines=3),
    )
}


def style_named(name: str) -> Style:
    """The style of that name. Raises WishError with the names there are."""
    if name not in STYLES:
        raise WishError(f"There is no caption style {name!r}; choose one of {', '.join(STYLES)}.")
    return STYLES[name]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A style worked out for one output size, in pixels of that size."""

    style: Style
    font: str
    width: int
    height: int
    font_size: int
    max_chars: int
    max_lines: int
    margin_h: int
    margin_v: int
    outline: int
    shadow: int
    position: CaptionPlace = "bottom"

    @property
    def margin_top(self) -> int:
        """Free space above what stands at the top: the names and buttons of the players lie there."""
        return round(self.height * TOP_SHARE)

    @property
    def line_width(self) -> int:
        """Pixels a line of text may take, outline included on both sides."""
        return self.width - 2 * self.margin_h - 2 * self.outline


def _bounded(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))


def sheet(
    options: CaptionOptions, width: int, height: int, name: str = "", position: CaptionPlace = "bottom"
) -> Sheet:
    """Fill what the options leave open by the first version's formulas for 1080x1920.

    Two differ on purpose: 140 px below the captions lay under the buttons of TikTok, Reels and
    Shorts, so the margin below is 400 at 1920; and the letters in a line go by the shape of the
    picture, not by its width, because the font grows with it. `name` is a style that stands before the
    options' own. Raises WishError for an unknown style.
    """
    style = style_named(name or options.style)
    unit = height / 1920
    size = options.font_size or _bounded(68 * style.scale * unit, 12, 140)
    margin_h = options.margin_h if options.margin_h is not None else _bounded(120 * unit, 8, 260)
    margin_v = options.margin_v if options.margin_v is not None else _bounded(400 * unit, 8, 960)
    return Sheet(
        style=style,
        font=options.font,
        width=width,
        height=height,
        font_size=min(size, height // 4),
        max_chars=options.max_chars or _bounded(22 * (width / height) / (1080 / 1920), 12, 40),
        max_lines=max(1, min(style.lines, options.max_lines)),
        margin_h=min(margin_h, width // 4),
        margin_v=min(margin_v, height // 2),
        outline=max(2, round(size / 14)),
        shadow=max(1, round(size / 40)),
        position=position,
    )
