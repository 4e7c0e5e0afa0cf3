"""The small watermarked film of a clip and its poster, as ffmpeg outputs. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.captions import measure
from pipeline.media import source
from pipeline.records import Ms

PREVIEW_WIDTH = 360
WATERMARK = "KangKlip preview"
POSTER_AT = 0.3
"""The poster shows this part of the clip: the speaker is under way, the first shot settled."""
ENCODED = {
    "c:v": "libx264", "preset": "ultrafast", "crf": 30, "c:a": "aac", "b:a": "64k",
    "movflags": "+faststart", "map_metadata": -1,
}  # fmt: skip


def watermarked(stream: Any) -> Any:
    return stream.filter(
        "drawtext",
        text=WATERMARK,
        fontfile=str(measure.fonts_folder() / "Roboto-Bold.ttf"),
        fontsize=26,
        fontcolor="white@0.55",
        borderw=1,
        bordercolor="black@0.4",
        x="(w-text_w)/2",
        y="h*0.07",
    )


def preview_of(finished: Path, target: Path) -> Any:
    """A finished clip, small and watermarked."""
    node = source(finished)
    small = watermarked(node["v"].filter("scale", PREVIEW_WIDTH, -2))
    return small.output(node["a"], str(target), **ENCODED)


def poster_of(finished: Path, length_ms: Ms, target: Path) -> Any:
    """A still of a finished clip."""
    still = source(finished, start_ms=int(length_ms * POSTER_AT)).video
    return still.output(str(target), vframes=1, update=1, **{"q:v": 3})
