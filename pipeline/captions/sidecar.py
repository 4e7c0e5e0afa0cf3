"""Cues to SRT and WebVTT, for players and platforms that take captions as a file. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence

from pipeline.captions.cues import Cue
from pipeline.records import Ms


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip: numbered cues, comma before the milliseconds."""
    blocks = [
        f"{number}\n{_time(cue.start_ms, ',')} --> {_time(cue.end_ms, ',')}\n" + "\n".join(cue.texts)
        for number, cue in enumerate(cues, start=1)
    ]
    return "\n\n".join(blocks) + "\n"


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT with a time tag before each word, so that players can light it."""
    blocks = []
    for cue in cues:
        lines = []
        for line in cue.lines:
            words = [f"<{_time(word.start_ms, '.')}>{html.escape(word.text, quote=False)}" for word in line]
            lines.append(cue.joiner.join(words))
        blocks.append(f"{_time(cue.start_ms, '.')} --> {_time(cue.end_ms, '.')}\n" + "\n".join(lines))
    return "WEBVTT\n\n" + "\n\n".join(blocks) + "\n"


def _time(ms: Ms, point: str) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"
