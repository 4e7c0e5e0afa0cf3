"""The renderer of this machine: eyes, ears, camera and encoder, each made when first needed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from pipeline import camera, encoders, faces, sight
from pipeline import render as rendering
from pipeline.media import Ffmpeg
from pipeline.options import RenderOptions
from pipeline.records import Clip, ClipPlan, Draft, Framing, Gain, Sighting, Source, Transcript
from pipeline.tools import Report, Warn


class LocalRenderer:
    """A `Renderer`. The detector is loaded by the first look, the encoder tried by the first render:
    what a change of captions does not need it does not pay for.

    Used from several threads; Python 3.11's cached_property makes each part once.
    """

    def __init__(self, options: RenderOptions, engine: Ffmpeg, clips: int, warn: Warn) -> None:
        cores = os.cpu_count() or 1
        self._options = options
        self._engine = engine
        self._warn = warn
        # One x264 at this size keeps about four cores busy.
        self.workers = options.workers or max(1, min(clips, cores // 4))
        self._threads = max(1, cores // self.workers) if self.workers > 1 else 0

    @cached_property
    def _detector(self) -> faces.Detector:
        return faces.pick_detector(self._options, self._warn)

    @cached_property
    def _encoder(self) -> encoders.Encoder:
        encoder, why = encoders.pick_encoder(self._options, self._engine)
        if why:
            self._warn(why)
        return encoder

    def look(self, plan: ClipPlan, source: Source) -> Sighting:
        return sight.watch(source, plan.span, self._options, self._engine, self._detector)

    def frame(self, plan: ClipPlan, source: Source, seen: Sighting) -> tuple[Framing, ...]:
        size = self._options.width, self._options.height
        return camera.plan(seen, source.width, source.height, *size, plan.span_ms, plan.look.layout)

    def listen(self, plan: ClipPlan, source: Source) -> Gain:
        return rendering.listen(plan, source, self._options, self._engine)

    def render(
        self,
        plan: ClipPlan,
        source: Source,
        transcript: Transcript,
        framing: Sequence[Framing],
        gain: Gain,
        folder: Path,
        report: Report,
    ) -> Clip:
        clip = rendering.render(
            plan, source, transcript, framing, gain, self._options, self._encoder, self._engine, folder,
            lambda fraction: report(fraction, f"rendering clip {plan.index}"), self._threads,
        )  # fmt: skip
        for message in clip.warnings:
            self._warn(f"clip {plan.index}: {message}")
        return clip

    def draft(
        self,
        plan: ClipPlan,
        source: Source,
        transcript: Transcript,
        framing: Sequence[Framing],
        gain: Gain,
        folder: Path,
        report: Report,
    ) -> Draft:
        return rendering.draft(
            plan, source, transcript, framing, gain, self._options, self._engine, folder,
            lambda fraction: report(fraction, f"drafting clip {plan.index}"),
        )  # fmt: skip
