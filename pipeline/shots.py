"""Shot cuts of a clip, found frame by frame with PySceneDetect."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

from pipeline.frames import Frame
from pipeline.records import Ms, Span

SHORTEST_MS: Ms = 300
"""Nobody sees a shot shorter than that as a shot; a flash is not one."""

RATIO = 3.0
"""A cut differs this many times more than the frames around it: fast motion does not."""

DIFFERENCE = 15.0
"""And by this much at least (mean of hue, saturation and brightness, 0-255)."""


class ShotFinder:
    """Push frames in order, then ask for the shots.

    PySceneDetect's adaptive detector: a frame is a cut when it differs from the one before much more
    than its neighbours do, so that a hand before the lens or a camera on the move is none.
    """

    def __init__(self, fps: Fraction) -> None:
        from scenedetect import AdaptiveDetector

        self._fps = fps
        self._number = 0
        self._cuts: list[Ms] = []
        self._detector: Any = AdaptiveDetector(
            adaptive_threshold=RATIO,
            min_scene_len=max(1, round(fps * SHORTEST_MS / 1000)),
            min_content_val=DIFFERENCE,
        )

    def push(self, frame: Frame) -> None:
        from scenedetect import FrameTimecode

        found = self._detector.process_frame(FrameTimecode(self._number, self._fps), frame.pixels)
        self._cuts += [self._at_ms(cut.frame_num) for cut in found]
        self._number += 1

    def shots(self, length_ms: Ms) -> tuple[Span, ...]:
        """The shots in clip time: the first starts at 0, each where the one before ends."""
        inside = sorted({cut for cut in self._cuts if 0 < cut < length_ms})
        edges = [0, *inside, length_ms]
        return tuple(Span(a, b) for a, b in pairwise(edges))

    def _at_ms(self, number: int) -> Ms:
        return int(number * 1000 / self._fps)
