"""The order of the work, and nothing else.

    DOWNLOAD -> TRANSCRIPT -> CHUNK -> SELECT -> RENDER -> UPLOAD

`run` yields events. Each stage's result is kept under a key of what it was made from and put into
the storage at once; a job that is started again, here or on another machine, repeats none of them.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from queue import Queue

from pipeline.chunking import CHUNK_MS, OVERLAP_MS, chunk
from pipeline.clips import ClipWork, render_clips
from pipeline.delivery import deliver
from pipeline.editing import FILE, read_edits, stored_edits
from pipeline.edits import apply
from pipeline.errors import ClipError, NoSpeech, WishError
from pipeline.logbook import Logbook
from pipeline.published import ClipResult
from pipeline.records import (
    Chunk,
    Done,
    DraftReady,
    Edl,
    Event,
    Failed,
    Heard,
    MadeBy,
    Scope,
    Source,
    Stage,
    Transcript,
    Wish,
)
from pipeline.settle import settle
from pipeline.tools import Tools
from pipeline.workspace import Kept, Workspace, content_key


def run(
    wish: Wish, tools: Tools, workspace: Workspace, stop: threading.Event, scope: Scope | None = None
) -> Iterator[Event]:
    """Do the job and yield what happens; the last event is Done or Failed.

    With a `scope` the stages up to SELECT are taken as they are kept, whatever the settings are now, and
    only what the edits ask for is rendered. The work goes on in a thread of its own, so that events come
    while a stage is busy. Setting `stop` (or closing the iterator) ends the job at its next sign of life;
    it can be resumed.
    """
    events: Queue[Event | None] = Queue()
    book = Logbook(workspace, tools.storage, events.put, stop)
    job = _Job(wish, tools, workspace, book, scope)
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


class _Job:
    """One run of one job. Methods are the stages, in their order."""

    def __init__(
        self, wish: Wish, tools: Tools, workspace: Workspace, book: Logbook, scope: Scope | None
    ) -> None:
        self.wish = wish
        self.tools = tools
        self.workspace = workspace
        self.book = book
        self.scope = scope

    def work(self) -> None:
        # Another process may be writing an edit: it clears up after itself.
        self.workspace.clean_temporary(lambda path: not path.name.startswith(f".{FILE}."))
        drafting = self.scope is not None and self.scope.draft
        if not (drafting and self.workspace.key_of("select")):
            self.book.fetch_stages()
        source = self._download()
        transcript, transcript_key = self._transcribe(source)
        chunks, chunk_key = self._chunk(transcript, transcript_key)
        edl = self._edited(self._select(transcript, chunks, chunk_key, source), transcript, source)
        work = ClipWork(self.tools, self.workspace, self.book, source, transcript, transcript_key)
        if drafting:
            self._draft(edl, work)
            return
        results = render_clips(edl, self.scope.clip if self.scope else None, work)
        made = replace(edl, clips=tuple(result.clip.plan for result in results))
        self._upload(source, transcript, chunks, made, results)

    def _key(self, stage: str, *parts: object) -> str:
        """The key of a stage; for an edit the one it was kept under, so that nothing is chosen anew."""
        kept = self.workspace.key_of(stage) if self.scope is not None else None
        return kept or content_key(*parts)

    # -- the stages --------------------------------------------------------------------------------

    def _download(self) -> Source:
        key = self._key("download", "download/1", self.wish.source, self.tools.ingest_identity)
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
        key = self._key(
            "transcript",
            *("transcript/1", source.fingerprint, self.wish.language, own, self.tools.transcribe_identity),
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
        key = self._key("chunk", "chunk/1", transcript_key)
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
        key = self._key(
            "select",
            *("select/1", chunk_key, wish.count, wish.min_ms, wish.max_ms, wish.focus),
            *(wish.output_language, self.tools.choose_identity),
        )
        kept = self.workspace.load("select", key, Edl)
        if kept is not None:
            edl = self.book.resumed(Stage.SELECT, kept)
        else:
            self.book.start(Stage.SELECT)
            choice = self.tools.choose(transcript, chunks, wish, self.workspace.path("answers"))
            edl = settle(choice, transcript, wish, source.duration_ms)
            self.book.keep("select", key, edl, edl.made_by)
        if edl.made_by.fallback:
            self.book.warn_as(Stage.SELECT, f"Chosen by {edl.made_by.name}: {edl.made_by.fallback}")
        for message in (*edl.notes, edl.shortfall):
            if message:
                self.book.warn_as(Stage.SELECT, message)
        return edl

    def _edited(self, edl: Edl, transcript: Transcript, source: Source) -> Edl:
        """The clips as a person changed them."""
        written, edits = stored_edits(self.workspace), read_edits(self.workspace)
        if written is not None and written.base != edits.base:
            self.book.warn_as(
                Stage.SELECT, "The clips were chosen anew, so earlier edits do not apply and are left aside."
            )
        if edits.clips or edits.added:
            kept = Kept(edits, 0, 0)
            drafting = self.scope is not None and self.scope.draft
            keep = self.book.keep_here if drafting else self.book.keep_part
            keep("edits", edits.base, kept)
        return apply(edl, edits, transcript, source.duration_ms)

    def _draft(self, edl: Edl, work: ClipWork) -> None:
        """A preview of one clip, and nothing else."""
        plan = next((p for p in edl.clips if self.scope and p.index == self.scope.clip), None)
        if plan is None:
            raise WishError("There is no such clip to make a draft of, or it was dropped.")
        draft = work.kept_draft(plan)
        self.book.start(Stage.RENDER, resumed=draft is not None)
        if draft is None:
            draft = work.draft(plan, self.tools.open_renderer(self.book.warn), self.book.report)
        folder = self.workspace.folder
        self.book.emit(DraftReady(plan.index, draft.preview, draft.poster, folder))
        self.book.emit(Done((), (), str(folder)))

    def _upload(
        self,
        source: Source,
        transcript: Transcript,
        chunks: Sequence[Chunk],
        edl: Edl,
        results: Sequence[ClipResult],
    ) -> None:
        deliver(
            self.wish, self.workspace, self.tools.storage, self.book, source, transcript, chunks, edl, results
        )

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
