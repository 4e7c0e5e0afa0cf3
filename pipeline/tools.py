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
    Framing,
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

    def frame(self, plan: ClipPlan, source: Source, warn: Warn) -> tuple[Sighting, tuple[Framing, ...]]: ...

    def render(
        self,
        plan: ClipPlan,
        source: Source,
        transcript: Transcript,
        framing: Sequence[Framing],
        folder: Path,
        report: Report,
        warn: Warn,
    ) -> Clip: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """The real parts, passed in. The `*_identity` values say what would change each result."""

    ingest: Callable[[Wish, Path, Report], Source]
    fingerprint: Callable[[Path], str]
    transcribe: Callable[[Source, Wish, Report, Warn], Iterator[Sentence | Transcript]]
    choose: Callable[[Transcript, Sequence[Chunk], Wish], Choice]
    open_renderer: Callable[[Warn], Renderer]
    storage: Storage
    ingest_identity: tuple[object, ...] = ()
    transcribe_identity: tuple[object, ...] = ()
    choose_identity: tuple[object, ...] = ()
    render_identity: tuple[object, ...] = ()
