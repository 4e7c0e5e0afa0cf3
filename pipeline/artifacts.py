"""Records to the published files of a job. Pure; no file names a path of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from pipeline.published import (
    ChunksFile,
    ClipFaces,
    ClipReport,
    EdlFile,
    FaceLog,
    FileReport,
    Manifest,
    Meta,
    StageReport,
    TranscriptFile,
    VideoStats,
    WishReport,
)
from pipeline.records import (
    Artifact,
    Chunk,
    Clip,
    Edl,
    Framing,
    Sighting,
    Source,
    Transcript,
    Wish,
)


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
