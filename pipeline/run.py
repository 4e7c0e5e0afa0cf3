"""The order of the work, and nothing else.

    DOWNLOAD -> TRANSCRIPT -> CHUNK -> SELECT -> RENDER -> UPLOAD

`run` yields events. Each stage's result is kept under a key of what it was made from and put into
the storage at once; a job that is started again, here or on another machine, repeats none of them.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from queue import Queue

from pipeline import artifacts
from pipeline.chunking import CHUNK_MS, OVERLAP_MS, chunk
from pipeline.clock import StageClock
from pipeline.errors import ClipError, NoSpeech
from pipeline.logbook import Logbook
from pipeline.published import ClipFaces, StageReport
from pipeline.records import (
    Chunk,
    Clip,
    ClipPlan,
    ClipReady,
    Done,
    Edl,
    Event,
    Failed,
    Heard,
    MadeBy,
    Source,
    Stage,
    Transcript,
    Wish,
)
from pipeline.settle import settle
from pipeline.tools import Renderer, Report, Tools
from pipeline.workspace import Kept, Workspace, content_key, to_json, write_json


def run(wish: Wish, tools: Tools, workspace: Workspace, stop: threading.Event) -> Iterator[Event]:
    """Do the job and yield what happens; the last event is Done or Failed.

    The work goes on in a thread of its own, so that events come while a stage is busy. Setting
    `stop` (or closing the iterator) ends the job at its next sign of life; it can be resumed.
    """
    events: Queue[Event | None] = Queue()
    book = Logbook(workspace, tools.storage, events.put, stop)
    job = _Job(wish, tools, workspace, book)
    thread = threading.Thread(target=_finish, args=(job, events), name="job", daemon=True)
    thread.start()
    try:
        while (event := events.get()) is not None:
            yield event
    finally:
        stop.set()
        thread.join(timeout=10)


def _finish(job: _Job, events: Queue[Event | None]) -> None:
    try:
        with job.workspace.locked():
            job.work()
    except ClipError as exc:
        events.put(Failed(exc.code, exc.user_message, exc.detail, job.book.stage))
    except Exception:  # noqa: BLE001 - the outermost door: whoever watches must learn that it is over
        message = "Something went wrong that should not; the details are for whoever maintains this."
        events.put(Failed(ClipError.code, message, traceback.format_exc(), job.book.stage))
    finally:
        events.put(None)


@dataclass(frozen=True, slots=True)
class _ClipResult:
    """What RENDER keeps of one clip."""

    clip: Clip
    faces: ClipFaces


class _Job:
    """One run of one job. Methods are the stages, in their order."""

    def __init__(self, wish: Wish, tools: Tools, workspace: Workspace, book: Logbook) -> None:
        self.wish = wish
        self.tools = tools
        self.workspace = workspace
        self.book = book

    def work(self) -> None:
        self.workspace.clean_temporary()
        self.book.fetch_stages()
        source = self._download()
        transcript, transcript_key = self._transcribe(source)
        chunks, chunk_key = self._chunk(transcript, transcript_key)
        edl = self._select(transcript, chunks, chunk_key, source)
        results = self._render(edl, source, transcript, transcript_key)
        self._upload(source, transcript, chunks, edl, results)

    # -- the stages --------------------------------------------------------------------------------

    def _download(self) -> Source:
        key = content_key("download/1", self.wish.source, self.tools.ingest_identity)
        kept = self.workspace.load("download", key, Source)
        if kept is not None and (found := self._source_again(kept.value)) is not None:
            return self.book.resumed(Stage.DOWNLOAD, replace(kept, value=found))
        self.book.start(Stage.DOWNLOAD)
        source = self.tools.ingest(self.wish, self.workspace.folder, self.book.report)
        for message in source.warnings:
            self.book.warn(message)
        made_by = MadeBy("yt-dlp", version("yt-dlp")) if source.url else MadeBy("local file")
        self.book.keep("download", key, source, made_by)
        if self.tools.storage.keeps_source:
            self.book.store(f"source{source.path.suffix}", source.path)
        return source

    def _transcribe(self, source: Source) -> tuple[Transcript, str]:
        own = self.tools.fingerprint(self.wish.transcript) if self.wish.transcript else ""
        key = content_key(
            "transcript/1", source.fingerprint, self.wish.language, own, self.tools.transcribe_identity
        )
        kept = self.workspace.load("transcript", key, Transcript)
        if kept is not None:
            if kept.value.made_by.fallback:
                self.book.warn_as(Stage.TRANSCRIPT, kept.value.made_by.fallback)
            return self.book.resumed(Stage.TRANSCRIPT, kept), key
        self.book.start(Stage.TRANSCRIPT)
        transcript = None
        for item in self.tools.transcribe(source, self.wish, self.book.report, self.book.warn):
            self.book.check()
            if isinstance(item, Transcript):
                transcript = item
            else:
                self.book.emit(Heard((item,)))
        if transcript is None or not transcript.sentences:
            raise NoSpeech("Nobody speaks in this video, so there is nothing to caption or to choose from.")
        self.book.keep("transcript", key, transcript, transcript.made_by)
        return transcript, key

    def _chunk(self, transcript: Transcript, transcript_key: str) -> tuple[tuple[Chunk, ...], str]:
        key = content_key("chunk/1", transcript_key)
        kept = self.workspace.load("chunk", key, tuple[Chunk, ...])
        if kept is not None:
            return self.book.resumed(Stage.CHUNK, kept), key
        self.book.start(Stage.CHUNK)
        chunks = chunk(transcript.sentences)
        self.book.keep(
            "chunk",
            key,
            chunks,
            MadeBy("chunking", settings=f"{CHUNK_MS // 1000} s, overlap {OVERLAP_MS // 1000} s"),
        )
        return chunks, key

    def _select(self, transcript: Transcript, chunks: Sequence[Chunk], chunk_key: str, source: Source) -> Edl:
        wish = self.wish
        key = content_key(
            "select/1", chunk_key, wish.count, wish.min_ms, wish.max_ms, wish.focus,
            wish.output_language, self.tools.choose_identity,
        )  # fmt: skip
        kept = self.workspace.load("select", key, Edl)
        if kept is not None:
            edl = self.book.resumed(Stage.SELECT, kept)
        else:
            self.book.start(Stage.SELECT)
            choice = self.tools.choose(transcript, chunks, wish)
            edl = settle(choice, transcript, wish, source.duration_ms)
            self.book.keep("select", key, edl, edl.made_by)
        if edl.made_by.fallback:
            self.book.warn_as(Stage.SELECT, f"Chosen by {edl.made_by.name}: {edl.made_by.fallback}")
        for message in (*edl.notes, edl.shortfall):
            if message:
                self.book.warn_as(Stage.SELECT, message)
        return edl

    def _render(
        self, edl: Edl, source: Source, transcript: Transcript, transcript_key: str
    ) -> list[_ClipResult]:
        keys = {
            plan.index: content_key("clip/1", to_json(plan), transcript_key, self.tools.render_identity)
            for plan in edl.clips
        }
        kept = {plan.index: self._clip_again(plan, keys[plan.index]) for plan in edl.clips}
        self.book.start(Stage.RENDER, resumed=all(kept.values()))
        renderer = None if all(kept.values()) else self.tools.open_renderer(self.book.warn)
        done = {plan.index: 1.0 if kept[plan.index] else 0.0 for plan in edl.clips}

        def one(plan: ClipPlan) -> Kept[_ClipResult]:
            def report(fraction: float, message: str) -> None:
                done[plan.index] = fraction
                self.book.report(sum(done.values()) / len(done), message)

            result = kept[plan.index]
            if result is None:
                assert renderer is not None
                result = self._render_one(plan, keys[plan.index], source, transcript, renderer, report)
            self.book.emit(ClipReady(result.value.clip, self.workspace.folder))
            return result

        with ThreadPoolExecutor(max_workers=renderer.workers if renderer else 1) as pool:
            results = list(pool.map(one, edl.clips))
        for result in results:
            self.book.warnings += result.value.clip.warnings
        clips = [result.value for result in results]
        wall, cpu = sum(r.wall_ms for r in results), sum(r.cpu_ms for r in results)
        self.book.reports.append(StageReport(Stage.RENDER, wall, cpu, clips[0].clip.made_by))
        return clips

    def _render_one(
        self,
        plan: ClipPlan,
        key: str,
        source: Source,
        transcript: Transcript,
        renderer: Renderer,
        report: Report,
    ) -> Kept[_ClipResult]:
        clock = StageClock()
        report(0.0, f"looking at clip {plan.index}")
        sighting, framing = renderer.frame(plan, source, self.book.warn)
        report(0.1, f"rendering clip {plan.index}")
        clip = renderer.render(
            plan,
            source,
            transcript,
            framing,
            self.workspace.folder,
            lambda fraction, message: report(0.1 + 0.9 * fraction, message),
            self.book.warn,
        )
        for name in clip.files:
            self.book.store(name, self.workspace.path(name))
        faces = artifacts.clip_faces(plan.index, sighting, framing)
        kept = Kept(_ClipResult(clip, faces), clock.wall_ms(), clock.cpu_ms())
        self.book.keep_part(plan.stem, key, kept)
        return kept

    def _upload(
        self,
        source: Source,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        edl: Edl,
        results: Sequence[_ClipResult],
    ) -> None:
        self.book.start(Stage.UPLOAD)
        job_id, storage = self.workspace.job_id, self.tools.storage
        documents = {
            "meta": artifacts.meta(job_id, self.wish, source),
            "video_stats": artifacts.video_stats(job_id, source),
            "transcript": artifacts.transcript_file(job_id, transcript),
            "chunks": artifacts.chunks_file(job_id, chunks),
            "edl": artifacts.edl_file(job_id, edl),
            "face_log": artifacts.face_log(job_id, [result.faces for result in results]),
        }
        for name, document in documents.items():
            write_json(self.workspace.path(f"{name}.json"), to_json(document))
        clips = [result.clip for result in results]
        names = [f"{name}.json" for name in documents] + [name for clip in clips for name in clip.files]
        for done, name in enumerate(names):
            self.book.report(done / (len(names) + 1), name)
            self.book.store(name, self.workspace.path(name))
        wall, cpu = self.book.clock.wall_ms(), self.book.clock.cpu_ms()
        self.book.reports.append(StageReport(Stage.UPLOAD, wall, cpu, MadeBy(type(storage).__name__)))
        stored = [self.book.stored[name] for name in names]
        manifest = artifacts.manifest(
            job_id, self.wish, self.book.reports, edl, clips, self.book.warnings, stored
        )
        write_json(self.workspace.path("manifest.json"), to_json(manifest))
        last = self.book.store("manifest.json", self.workspace.path("manifest.json"))
        self.book.report(1.0, "manifest.json")
        self.book.emit(Done(tuple(clips), (*stored, last), storage.location(job_id), edl.shortfall))

    # -- resuming ----------------------------------------------------------------------------------

    def _source_again(self, source: Source) -> Source | None:
        """The kept source if its file is (or can be put) here and is still the same."""
        here = source.path
        if not here.is_file():
            here = self.workspace.path(f"source{source.path.suffix}")
            if not here.is_file() and not self.tools.storage.get(self.workspace.job_id, here.name, here):
                return None
        if self.tools.fingerprint(here) != source.fingerprint:
            return None
        return replace(source, path=here)

    def _clip_again(self, plan: ClipPlan, key: str) -> Kept[_ClipResult] | None:
        """A clip of an earlier run, with all its files here or fetched."""
        kept = self.workspace.load(plan.stem, key, _ClipResult)
        if kept is None:
            return None
        for name in kept.value.clip.files:
            path = self.workspace.path(name)
            if not path.is_file() and not self.tools.storage.get(self.workspace.job_id, name, path):
                return None
        return kept
