"""The published files of a job as types, each with its own JSON Schema.

`jobs/{job_id}/` holds `meta.json`, `video_stats.json`, `transcript.json`, `chunks.json`, `edl.json`,
`face_log.json`, per clip `clip_NN.mp4`, `.preview.mp4`, `.jpg`, `.srt`, `.vtt`, and `manifest.json`,
which is written last: its existence means the job is whole.

`python -m pipeline.published` writes the schemas to assets/schemas.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from pipeline.records import (
    Chunk,
    Clip,
    ClipPlan,
    Framing,
    MadeBy,
    Ms,
    Rejected,
    Sentence,
    Sound,
    Span,
)


@dataclass(frozen=True, slots=True)
class Meta:
    """Where the video comes from, and the licence its site states."""

    schema: Literal["kangklip/meta/1"]
    job_id: str
    title: str
    source: str
    uploader: str
    license: str


@dataclass(frozen=True, slots=True)
class VideoStats:
    """What kind of file the source is, as a viewer sees it."""

    schema: Literal["kangklip/video_stats/1"]
    job_id: str
    duration_ms: Ms
    width: int
    height: int
    fps: float
    rotation: int
    video_codec: str
    audio_codec: str
    transfer: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TranscriptFile:
    """Everything that was said, with word times and probabilities."""

    schema: Literal["kangklip/transcript/1"]
    job_id: str
    language: str
    punctuated: bool
    made_by: MadeBy
    sentences: tuple[Sentence, ...]
    speech: tuple[Span, ...]
    sound: Sound


@dataclass(frozen=True, slots=True)
class ChunksFile:
    """The stretches a model looks at, one call each."""

    schema: Literal["kangklip/chunks/1"]
    job_id: str
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class EdlFile:
    """The clips, the passages that were not taken and why, and who chose."""

    schema: Literal["kangklip/edl/1"]
    job_id: str
    clips: tuple[ClipPlan, ...]
    rejected: tuple[Rejected, ...]
    made_by: MadeBy
    shortfall: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClipFaces:
    """What was seen in one clip and how each shot is shown."""

    index: int
    detector: MadeBy
    samples: int
    samples_with_face: int
    shots: tuple[Span, ...]
    framing: tuple[Framing, ...]


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What RENDER keeps of one clip."""

    clip: Clip
    faces: ClipFaces


@dataclass(frozen=True, slots=True)
class FaceLog:
    """Faces, shots and layouts of every clip."""

    schema: Literal["kangklip/face_log/1"]
    job_id: str
    clips: tuple[ClipFaces, ...]


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage cost when it was done, and who did it."""

    stage: str
    wall_ms: Ms
    cpu_ms: Ms
    made_by: MadeBy


@dataclass(frozen=True, slots=True)
class FileReport:
    """A stored file, and what it must be."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ClipReport:
    """A delivered clip: what it is, its files, how it was made."""

    plan: ClipPlan
    files: tuple[str, ...]
    made_by: MadeBy
    loudness_lufs: float
    layouts: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WishReport:
    """What was asked for, without secrets and local paths."""

    source: str
    count: int
    min_ms: Ms
    max_ms: Ms
    language: str
    output_language: str
    focus: str
    captions: str
    own_transcript: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """The table of contents of a whole job. Written last."""

    schema: Literal["kangklip/manifest/1"]
    job_id: str
    wish: WishReport
    stages: tuple[StageReport, ...]
    clips: tuple[ClipReport, ...]
    shortfall: str
    warnings: tuple[str, ...]
    artifacts: tuple[FileReport, ...]


PUBLISHED: dict[str, type] = {
    "meta": Meta,
    "video_stats": VideoStats,
    "transcript": TranscriptFile,
    "chunks": ChunksFile,
    "edl": EdlFile,
    "face_log": FaceLog,
    "manifest": Manifest,
}


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a published file."""
    schema = TypeAdapter(PUBLISHED[name]).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"kangklip/{name}/1", **schema}


if __name__ == "__main__":
    from pipeline.workspace import write_json

    for published in PUBLISHED:
        write_json(Path("assets/schemas") / f"{published}.json", json_schema(published))
