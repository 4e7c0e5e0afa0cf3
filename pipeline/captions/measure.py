"""How wide a text is in the real font, shaped by HarfBuzz as libass shapes it."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

Measure = Callable[[str], float]
"""Pixels that a line of text takes at the sheet's font size."""

UNKNOWN_FONT_SLACK = 1.2
"""Roboto stands in for a font whose file we do not know; most text faces are narrower than this."""


def fonts_folder() -> Path:
    """The folder with the packaged Roboto faces, for libass's `fontsdir`."""
    import font_roboto

    return Path(font_roboto.font_directory)


def font_measure(family: str, font_size: int) -> Measure:
    """A measure for `family` in bold at libass's `font_size`.

    libass sizes a face so that its Windows ascent plus descent (OS/2 table) fills the font size,
    not its em square; the scale below repeats that.
    """
    import uharfbuzz as hb

    known = family.lower() == "roboto"
    path = fonts_folder() / "Roboto-Bold.ttf"
    face = hb.Face(hb.Blob.from_file_path(str(path)))
    font = hb.Font(face)
    scale = font_size / _windows_height(path.read_bytes())
    slack = 1.0 if known else UNKNOWN_FONT_SLACK

    @lru_cache(maxsize=8192)
    def width(text: str) -> float:
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        hb.shape(font, buffer, {})
        total = 0.0
        for info, position in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            # A glyph the font lacks comes from some other font: count a full em for it.
            total += face.upem if info.codepoint == 0 else position.x_advance
        return total * scale * slack

    return width


def missing_letters(text: str) -> str:
    """The letters of `text` that the packaged font cannot draw, each once, in order."""
    import uharfbuzz as hb

    font = hb.Font(hb.Face(hb.Blob.from_file_path(str(fonts_folder() / "Roboto-Bold.ttf"))))
    letters = dict.fromkeys(c for c in text if not c.isspace())
    return "".join(c for c in letters if font.get_nominal_glyph(ord(c)) is None)


def _windows_height(font: bytes) -> int:
    """usWinAscent + usWinDescent of the OS/2 table (OpenType 1.9, offsets 74 and 76)."""
    (tables,) = struct.unpack(">H", font[4:6])
    for at in range(12, 12 + 16 * tables, 16):
        tag, _, offset, _ = struct.unpack(">4sLLL", font[at : at + 16])
        if tag == b"OS/2":
            ascent, descent = struct.unpack(">HH", font[offset + 74 : offset + 78])
            return int(ascent + descent)
    raise ValueError("the font has no OS/2 table")
