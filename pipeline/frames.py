"""One sequential decode of a clip's span, small: the frames that shots and faces are found on.

Only the span is read (the file is entered by seeking), at the rate and with the first frame that the
render of the same span will use, so that a cut found here falls on the same frame there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from pipeline import media
from pipeline.errors import RenderError
from pipeline.media import Ffmpeg, FfmpegFailed
from pipeline.records import Ms, Source, Span

LONG_SIDE = 640
SECONDS_PER_SECOND = 20
"""How many times the span's length a decode may take before it is given up, plus a start-up time."""

START_UP_S = 60


@dataclass(frozen=True, slots=True)
class Frame:
    """A small picture, BGR, shape (h, w, 3); `at_ms` counts from the clip's start."""

    at_ms: Ms
    pixels: NDArray[np.uint8]


def small_size(width: int, height: int, long_side: int) -> tuple[int, int]:
    """The (width, height) of a picture shrunk to `long_side`, even numbers; never enlarged."""
    factor = min(1.0, long_side / max(width, height))
    return tuple(max(2, round(side * factor / 2) * 2) for side in (width, height))  # type: ignore[return-value]


def small_frames(
    source: Source, span: Span, engine: Ffmpeg, *, fps: Fraction, long_side: int = LONG_SIDE
) -> Iterator[Frame]:
    """The frames of `span` in order, upright, with square pixels, `long_side` pixels at most, at `fps`.

    HDR is not tone-mapped: cuts and faces are found without. Raises RenderError when ffmpeg fails or
    the span holds no picture.
    """
    width, height = small_size(source.width, source.height, long_side)
    graph = (
        media.source(source.path, start_ms=span.start_ms, length_ms=span.length_ms)[str(source.video_index)]
        # start_time=0 fills a span whose first picture comes late, so that frame 0 is the clip's start.
        .filter("fps", fps=f"{fps.numerator}/{fps.denominator}", start_time=0)
        .filter("scale", width, height, flags="area")
        .output("pipe:", format="rawvideo", pix_fmt="bgr24", fps_mode="passthrough")
    )
    block_bytes = width * height * 3
    timeout_s = START_UP_S + SECONDS_PER_SECOND * span.length_ms / 1000
    number = 0
    try:
        for block in engine.stream(graph, block_bytes=block_bytes, timeout_s=timeout_s):
            at_ms = int(number * 1000 / fps)
            if len(block) < block_bytes or at_ms >= span.length_ms:
                break
            yield Frame(at_ms, np.frombuffer(block, np.uint8).reshape(height, width, 3))
            number += 1
    except FfmpegFailed as exc:
        raise RenderError(_no_picture(span), detail=f"{exc}: {exc.tail}") from exc
    if number == 0:
        raise RenderError(_no_picture(span), detail="the decode gave no frame")


def _no_picture(span: Span) -> str:
    return (
        f"The picture between {span.start_ms / 1000:.1f} s and {span.end_ms / 1000:.1f} s cannot be read; "
        "check that the video file is whole."
    )
