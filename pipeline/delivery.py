"""UPLOAD: the documents of a job, every file into the storage, and the manifest last."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline import artifacts
from pipeline.logbook import Logbook
from pipeline.published import ClipResult, StageReport
from pipeline.records import Chunk, Done, Edl, MadeBy, Source, Stage, Transcript, Wish
from pipeline.storage import Storage
from pipeline.workspace import Workspace, to_json, write_json


def deliver(
    wish: Wish,
    workspace: Workspace,
    storage: Storage,
    book: Logbook,
    source: Source,
    transcript: Transcript,
    chunks: Sequence[Chunk],
    edl: Edl,
    results: Sequence[ClipResult],
) -> None:
    """Write and store everything, and emit Done. Raises StorageError."""
    book.start(Stage.UPLOAD)
    job_id = workspace.job_id
    documents = {
        "meta": artifacts.meta(job_id, wish, source),
        "video_stats": artifacts.video_stats(job_id, source),
        "transcript": artifacts.transcript_file(job_id, transcript),
        "chunks": artifacts.chunks_file(job_id, chunks),
        "edl": artifacts.edl_file(job_id, edl),
        "face_log": artifacts.face_log(job_id, [result.faces for result in results]),
    }
    for name, document in documents.items():
        write_json(workspace.path(f"{name}.json"), to_json(document))
    clips = [result.clip for result in results]
    names = [f"{name}.json" for name in documents] + [name for clip in clips for name in clip.files]
    for done, name in enumerate(names):
        book.report(done / (len(names) + 1), name)
        book.store(name, workspace.path(name))
    wall, cpu = book.clock.wall_ms(), book.clock.cpu_ms()
    book.reports.append(StageReport(Stage.UPLOAD, wall, cpu, MadeBy(type(storage).__name__)))
    stored = [book.stored[name] for name in names]
    manifest = artifacts.manifest(job_id, wish, book.reports, edl, clips, book.warnings, stored)
    write_json(workspace.path("manifest.json"), to_json(manifest))
    last = book.store("manifest.json", workspace.path("manifest.json"))
    book.report(1.0, "manifest.json")
    book.emit(Done(tuple(clips), (*stored, last), storage.location(job_id), edl.shortfall))
