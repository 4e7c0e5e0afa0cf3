"""The published files of a job, each with its own JSON Schema. Pure.

`jobs/{job_id}/` holds `meta.json`, `video_stats.json`, `transcript.json`, `chunks.json`, `edl.json`,
`face_log.json`, per clip `clip_NN.mp4`, `.preview.mp4`, `.jpg`, `.srt`, `.vtt`, and `manifest.json`,
which is written last: its existence means the job is whole. No file names a path of this machine.

`python -m pipeline.artifacts` writes the schemas to assets/schemas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pydantic import TypeAdapter

from pipeline.records import (
    Artifact,
    Chunk,
    Clip,
    ClipPlan,
    Edl,
    Framing,
    MadeBy,
    Ms,
    Rejected,
    Sentence,
    Sighting,
    Sound,
    Source,
    Span,
    Transcript,
    Wish,
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


def public_source(source: str) -> str:
    """The source as others may see it: a link without credentials or signatures, a file's name.

    A query value is kept only when it is short: signed links carry their secret in long ones.
    """
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        return Path(source).name
    host = parts.hostname or ""
    netloc = f"{host}:{parts.port}" if parts.port else host
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if len(value) <= 24])
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _from(kind: type, name: str, job_id: str, record: Any, **more: Any) -> Any:
    """A published file whose fields are those of a record, plus `more`."""
    wanted = [f.name for f in fields(kind) if f.name not in ("schema", "job_id", *more)]
    values = {key: getattr(record, key) for key in wanted}
    return kind(schema=f"kangklip/{name}/1", job_id=job_id, **values, **more)


def meta(job_id: str, wish: Wish, source: Source) -> Meta:
    public = public_source(source.url or wish.source)
    made: Meta = _from(Meta, "meta", job_id, source, source=public)
    return made


def video_stats(job_id: str, source: Source) -> VideoStats:
    made: VideoStats = _from(VideoStats, "video_stats", job_id, source)
    return made


def transcript_file(job_id: str, transcript: Transcript) -> TranscriptFile:
    made: TranscriptFile = _from(TranscriptFile, "transcript", job_id, transcript)
    return made


def chunks_file(job_id: str, chunks: Sequence[Chunk]) -> ChunksFile:
    return ChunksFile("kangklip/chunks/1", job_id, tuple(chunks))


def edl_file(job_id: str, edl: Edl) -> EdlFile:
    made: EdlFile = _from(EdlFile, "edl", job_id, edl)
    return made


def clip_faces(index: int, sighting: Sighting, framing: Sequence[Framing]) -> ClipFaces:
    return ClipFaces(
        index=index,
        detector=sighting.detector,
        samples=len(sighting.samples),
        samples_with_face=sum(bool(sample.faces) for sample in sighting.samples),
        shots=sighting.shots,
        framing=tuple(framing),
    )


def face_log(job_id: str, clips: Sequence[ClipFaces]) -> FaceLog:
    return FaceLog("kangklip/face_log/1", job_id, tuple(clips))


def manifest(
    job_id: str,
    wish: Wish,
    stages: Sequence[StageReport],
    edl: Edl,
    clips: Sequence[Clip],
    warnings: Sequence[str],
    artifacts: Sequence[Artifact],
) -> Manifest:
    """The manifest of a job whose every other file is stored."""
    report: WishReport = WishReport(
        source=public_source(wish.source),
        own_transcript=wish.transcript is not None,
        **{
            f.name: getattr(wish, f.name)
            for f in fields(WishReport)
            if f.name not in ("source", "own_transcript")
        },
    )
    return Manifest(
        schema="kangklip/manifest/1",
        job_id=job_id,
        wish=report,
        stages=tuple(stages),
        clips=tuple(
            ClipReport(
                c.plan,
                c.files,
                c.made_by,
                c.loudness_lufs,
                tuple(dict.fromkeys(f.layout for f in c.framing)),
                c.warnings,
            )
            for c in clips
        ),
        shortfall=edl.shortfall,
        warnings=tuple(dict.fromkeys(warnings)),
        artifacts=tuple(FileReport(a.name, a.size_bytes, a.sha256) for a in artifacts),
    )


if __name__ == "__main__":
    from pipeline.workspace import write_json

    for published in PUBLISHED:
        write_json(Path("assets/schemas") / f"{published}.json", json_schema(published))
