"""The doors through which a job does its work; the command line fits the real parts in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipeline.records import (
    Choice,
    Chunk,
    Clip,
    ClipPlan,
    Draft,
    Framing,
    Gain,
    Sentence,
    Sighting,
    Source,
    Transcript,
    Wish,
)
from pipeline.storage import Storage

Report = Callable[[float, str], None]
"""How a stage tells its progress: fraction 0..1 and what it is doing."""
Warn = Callable[[str], None]


class Renderer(Protocol):
    """The rendering half of the tools; `workers` clips may be rendered at once."""

    @property
    def workers(self) -> int: ...

    def look(self, plan: ClipPlan, source: Source) -> Sighting:
        """What there is to see in the plan's span. The costly half of framing, and the only one with eyes."""

    def frame(self, plan: ClipPlan, source: Source, seen: Sighting) -> tuple[Framing, ...]:
        """What to show of it. Pure."""

    def listen(self, plan: ClipPlan, source: Source) -> Gain:
        """How to bring the clip's sound, as it is cut, to its loudness."""

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
        """The finished clip, its files in `folder`. Raises RenderError."""

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
        """The quick preview and its poster in `folder`. Raises RenderError."""


@dataclass(frozen=True, slots=True)
class Tools:
    """The real parts, passed in. The `*_identity` values say what would change each result."""

    ingest: Callable[[Wish, Path, Report], Source]
    fingerprint: Callable[[Path], str]
    transcribe: Callable[[Source, Wish, Report, Warn], Iterator[Sentence | Transcript]]
    choose: Callable[[Transcript, Sequence[Chunk], Wish, Path], Choice]
    open_renderer: Callable[[Warn], Renderer]
    storage: Storage
    ingest_identity: tuple[object, ...] = ()
    transcribe_identity: tuple[object, ...] = ()
    choose_identity: tuple[object, ...] = ()
    render_identity: tuple[object, ...] = ()
    sight_identity: tuple[object, ...] = ()
    sound_identity: tuple[object, ...] = ()
