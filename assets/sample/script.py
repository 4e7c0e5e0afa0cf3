"""The talk as text, turns and shots: what is said by whom, and what is seen meanwhile. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Scene = Literal["wide", "close", "host", "slide"]

BETWEEN_SENTENCES_MS = 420
BETWEEN_TURNS_MS = 950
OPENING_MS = 600
LONGEST_SHOT_MS = 16_000


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the script."""

    speaker: str
    text: str
    slide: bool
    opens_turn: bool


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line with its place in the film, milliseconds."""

    line: Line
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Shot:
    """What is seen from `start_ms` to `end_ms`."""

    scene: Scene
    start_ms: int
    end_ms: int


def read_script(text: str) -> list[Line]:
    """The sentences of the script in order."""
    lines = []
    for block in re.split(r"\n\s*\n", text):
        rows = [row for row in block.strip().splitlines() if row and not row.startswith("#")]
        slide = bool(rows) and rows[0] == "[slide]"
        spoken = " ".join(rows[1:] if slide else rows)
        if not spoken:
            continue
        speaker, _, said = spoken.partition(": ")
        for number, sentence in enumerate(re.findall(r"[^.?!]+[.?!]", said)):
            lines.append(Line(speaker, sentence.strip(), slide, opens_turn=number == 0))
    return lines


def place(lines: list[Line], lengths_ms: list[int]) -> list[Spoken]:
    """Give every sentence its time: a short pause between sentences, a longer one between turns."""
    spoken, at = [], OPENING_MS
    for line, length in zip(lines, lengths_ms, strict=True):
        if spoken:
            at += BETWEEN_TURNS_MS if line.opens_turn else BETWEEN_SENTENCES_MS
        spoken.append(Spoken(line, at, at + length))
        at += length
    return spoken


def shots(spoken: list[Spoken], film_ms: int) -> list[Shot]:
    """Cut with the speakers, and within long turns between the two cameras on the guest."""
    made: list[Shot] = []
    camera: Scene = "close"
    for one in spoken:
        begin = max(0, one.start_ms - 150)
        wanted: Scene = "slide" if one.line.slide else "host" if one.line.speaker == "HOST" else camera
        last = made[-1] if made else None
        if last and wanted == last.scene:
            if wanted not in ("wide", "close") or begin - last.start_ms < LONGEST_SHOT_MS:
                continue
            wanted = camera = "wide" if camera == "close" else "close"
        elif wanted == camera:
            wanted = camera = "wide" if camera == "close" else "close"
        if last:
            made[-1] = Shot(last.scene, last.start_ms, begin)
        made.append(Shot(wanted, begin if made else 0, film_ms))
    return made
