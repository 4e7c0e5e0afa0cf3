"""Cues to an ASS file that libass burns into the picture, one event for each spoken word. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.captions.card import CARD_MS, Card
from pipeline.captions.cues import Cue
from pipeline.captions.styles import Sheet
from pipeline.records import Ms, Word

GAP_MS: Ms = 300
"""The highlight stays on a word through a shorter gap; in a longer one no word is lit."""


_DIRECTION_BY_TEXT = -1
"""As the Encoding of a style: libass then takes the writing direction from the line's first letter."""


_ALIGNMENT = {"bottom": 2, "middle": 5, "top": 8}
"""As on a number pad, in the middle column."""


def to_ass(cues: Sequence[Cue], sheet: Sheet, length_ms: Ms, card: Card | None = None) -> str:
    """The whole file. Sizes are pixels of the output (PlayRes); nothing lasts beyond the clip."""
    head = f"""[Script Info]
ScriptType: v4.00+
PlayResX: {sheet.width}
PlayResY: {sheet.height}
WrapStyle: 2
ScaledBorderAndShadow: yes
YCbCr Matrix: TV.709

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, \
Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
{_style_line(sheet)}
{_card_style(sheet, card) if card else ""}
[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
    shown = [_card_event(card, length_ms)] if card else []
    lines = shown + [
        f"Dialogue: 0,{_time(start)},{_time(end)},Caption,,0,0,0,,{text}"
        for cue in cues
        for start, end, text in _states(cue, sheet)
        if _time(start) != _time(end) and start < length_ms
    ]
    return head + "\n".join(lines) + "\n"


def _style_line(sheet: Sheet) -> str:
    style = sheet.style
    outline, shadow = (round(sheet.font_size / 5), 0) if style.boxed else (sheet.outline, sheet.shadow)
    values = [
        "Caption", sheet.font, sheet.font_size, _colour(style.text), _colour(style.active),
        _colour(style.outline, 0x30 if style.boxed else 0), _colour("000000", 0x60), -1,
        0, 0, 0, 100, 100, 0, 0, 3 if style.boxed else 1, outline, shadow,
        _ALIGNMENT[sheet.position], sheet.margin_h, sheet.margin_h,
        sheet.margin_top if sheet.position == "top" else sheet.margin_v, _DIRECTION_BY_TEXT,
    ]  # fmt: skip
    return "Style: " + ",".join(str(value) for value in values)


def _card_style(sheet: Sheet, card: Card) -> str:
    values = [
        "Card", sheet.font, card.font_size, _colour("FFFFFF"), _colour("FFFFFF"), _colour("101418", 0x20),
        _colour("000000", 0x60), -1, 0, 0, 0, 100, 100, 0, 0, 3, round(card.font_size / 5), 0,
        _ALIGNMENT["top"], sheet.margin_h, sheet.margin_h, sheet.margin_top, _DIRECTION_BY_TEXT,
    ]  # fmt: skip
    return "Style: " + ",".join(str(value) for value in values) + "\n"


def _card_event(card: Card, length_ms: Ms) -> str:
    """First of all events: libass puts captions that stand at the top too below it."""
    text = r"\N".join(escaped(line) for line in card.lines)
    return f"Dialogue: 0,{_time(0)},{_time(min(CARD_MS, length_ms))},Card,,0,0,0,,{text}"


def _states(cue: Cue, sheet: Sheet) -> Iterable[tuple[Ms, Ms, str]]:
    """The cue as it looks from moment to moment: same words, another one lit."""
    words = cue.words
    if sheet.style.active == sheet.style.text:
        yield cue.start_ms, cue.end_ms, _text(cue, None, sheet)
        return
    for i, word in enumerate(words):
        until = words[i + 1].start_ms if i + 1 < len(words) else cue.end_ms
        lit = until if until - word.end_ms < GAP_MS else word.end_ms
        yield word.start_ms, lit, _text(cue, word, sheet)
        if lit < until:
            yield lit, until, _text(cue, None, sheet)


def _text(cue: Cue, active: Word | None, sheet: Sheet) -> str:
    on, off = f"{{\\c{_colour(sheet.style.active)}&}}", f"{{\\c{_colour(sheet.style.text)}&}}"
    lines = []
    for line in cue.lines:
        shown = [f"{on}{escaped(word.text)}{off}" if word is active else escaped(word.text) for word in line]
        lines.append(cue.joiner.join(shown))
    return r"\N".join(lines)


def escaped(text: str) -> str:
    """Text that libass shows as it is: no override block, no escape, no line break.

    A word joiner (U+2060, no width) parts a backslash from the letter that would make it a command.
    """
    printable = "".join(c for c in text if c.isprintable() or c in "\u200c\u200d")
    return printable.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _colour(rgb: str, transparency: int = 0) -> str:
    return f"&H{transparency:02X}{rgb[4:6]}{rgb[2:4]}{rgb[0:2]}"


def _time(ms: Ms) -> str:
    """H:MM:SS.cc, rounded to the centiseconds ASS has."""
    cs = (ms + 5) // 10
    return f"{cs // 360_000}:{cs // 6_000 % 60:02d}:{cs // 100 % 60:02d}.{cs % 100:02d}"
