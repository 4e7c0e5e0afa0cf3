"""What there is to see in a clip: shots and faces, found on the same frames in one small read."""

from __future__ import annotations

from pipeline.faces import Detector
from pipeline.frames import small_frames
from pipeline.media import Ffmpeg
from pipeline.options import RenderOptions
from pipeline.rates import output_fps
from pipeline.records import FaceSample, Sighting, Source, Span
from pipeline.shots import ShotFinder

SAMPLES_PER_SECOND = 5
"""People turn and lean in a few tenths of a second; more samples cost more than they tell."""

SHOT_SIDE = 256
"""Cuts show at this size as well as at any; most of the finder's time goes by pixels."""


def watch(source: Source, span: Span, options: RenderOptions, engine: Ffmpeg, detector: Detector) -> Sighting:
    """Shots and sampled faces of `span`, in clip time. Raises RenderError when it cannot be read."""
    import cv2

    fps = output_fps(source, options.max_fps)
    finder = ShotFinder(fps)
    samples: list[FaceSample] = []
    for frame in small_frames(source, span, engine, fps=fps):
        height, width = frame.pixels.shape[:2]
        factor = min(1.0, SHOT_SIDE / max(width, height))
        small = cv2.resize(frame.pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        finder.push(type(frame)(frame.at_ms, small))
        if frame.at_ms * SAMPLES_PER_SECOND >= len(samples) * 1000:
            samples.append(FaceSample(frame.at_ms, detector.find(frame.pixels)))
    return Sighting(finder.shots(span.length_ms), tuple(samples), detector.made_by)
