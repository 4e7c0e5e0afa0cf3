"""Small films for the tests, made by the packaged ffmpeg from the sample talk."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.media import Ffmpeg, source

ROOT = Path(__file__).resolve().parents[1]
TALK = ROOT / "assets" / "sample" / "talk.mp4"
WORDS = ROOT / "assets" / "sample" / "words.json"


def talk_excerpt(folder: Path, engine: Ffmpeg, length_ms: int = 75_000) -> Path:
    """The beginning of the sample talk, 320x180, with its real voices."""
    path = folder / "excerpt.mp4"
    node = source(TALK, length_ms=length_ms)
    picture = node.video.filter("scale", 320, 180)
    engine.run(
        picture.output(node.audio, str(path), **{"c:v": "libx264", "preset": "ultrafast", "c:a": "aac"}),
        timeout_s=120,
    )
    return path


def talk_subtitles(folder: Path, length_ms: int = 75_000) -> Path:
    """The true sentences of that beginning, as a list of {start, end, text} in seconds."""
    path = folder / "own.json"
    sentences = json.loads(WORDS.read_text(encoding="utf-8"))["sentences"]
    cues = [
        {"start": s["start_ms"] / 1000, "end": s["end_ms"] / 1000, "text": s["text"]}
        for s in sentences
        if s["end_ms"] < length_ms
    ]
    path.write_text(json.dumps(cues), encoding="utf-8")
    return path
