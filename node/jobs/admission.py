"""How a job gets into the queue: once for each key, when there is room and the launcher agrees."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace
from pathlib import Path

from node.errors import BadRequest, Busy, Closing, NoRoom, NotGranted, UnknownJob
from node.jobs import progress
from node.jobs.housekeeping import room
from node.jobs.journal import Entry
from node.jobs.keeper import Keeper
from node.jobs.table import Table
from node.link.launcher import Launcher
from node.records import JobRequest, JobState, JobStatus
from pipeline.workspace import JOB_ID

KEY_WAIT_S = 60.0
"""A second call with the same key waits that long for the first one's answer of the launcher."""


class Admission:
    """Takes jobs in; every refusal is an error with a sentence."""

    def __init__(
        self, table: Table, launcher: Launcher | None, keeper: Keeper, max_queue: int, min_free_bytes: int
    ) -> None:
        self.draining = False
        self._table = table
        self._launcher = launcher
        self._keeper = keeper
        self._max_queue = max_queue
        self._min_free_bytes = min_free_bytes
        self._keys: dict[str, str] = {}
        self._pending_keys: set[str] = set()

    def remember(self, entry: Entry) -> None:
        """A job that was taken in by an earlier process."""
        if entry.key:
            self._keys[entry.key] = entry.state.job_id

    def check_open(self) -> None:
        """Raises Closing."""
        if self.draining or self._table.closing:
            raise Closing("This session is closing and takes no new work; open another one.")

    def submit(self, request: JobRequest, job_id: str, key: str) -> JobState:
        """The job of this key or id, or a new one. Raises as `Board.submit` says."""
        if not JOB_ID.fullmatch(job_id):
            raise BadRequest(
                f"The job id {job_id[:80]!r} can't be used: take up to 64 letters, digits, '_' and '-'."
            )
        _check_text(request)
        with self._table.condition:
            if (known := self._known(request, job_id, key)) is not None:
                return known
            self._reserve(job_id, key)
        try:
            self._have_room()
            self._have_grant(job_id, request)
            entry = Entry(progress.begin(request, job_id, time.time()), key)
            self._write_down(entry)
            with self._table.condition:
                self.remember(entry)
                self._table.put(entry)
                self._enqueue(job_id)
        finally:
            self._release(job_id, key)
        return self._table.state(job_id)

    def retry(self, job_id: str) -> JobState:
        """An ended job back into the queue. Raises as `Board.retry` says."""
        with self._table.condition:
            state = self._table.state(job_id)
            if not state.status.ended or job_id in self._table.turns.admitting:
                return state
            if state.status is JobStatus.SUCCEEDED:
                raise BadRequest("This job is finished; start a new one for other clips.")
            self._reserve(job_id, "")
        try:
            self._have_room()
            self._have_grant(job_id, state.request)
            self._table.change(job_id, progress.again, lambda _: 0)
            with self._table.condition:
                self._enqueue(job_id)
        finally:
            self._release(job_id, "")
        return self._table.state(job_id)

    # -- under the lock ----------------------------------------------------------------------------

    def _known(self, request: JobRequest, job_id: str, key: str) -> JobState | None:
        """The job that this call means, when there is one already."""
        while key in self._pending_keys or job_id in self._table.turns.admitting:
            if not self._table.condition.wait(timeout=KEY_WAIT_S):
                raise Busy("The same job is just being started; ask for its state in a moment.")
        if (earlier := self._keys.get(key)) is not None:
            with suppress(UnknownJob):  # swept meanwhile: the key is free again
                return self._table.state(earlier)
        try:
            state = self._table.state(job_id)
        except UnknownJob:
            return None
        if replace(state.request, forecast=None) != replace(request, forecast=None):
            raise BadRequest(f"There is a job {job_id!r} with another wish already; take another id.")
        return state

    def _reserve(self, job_id: str, key: str) -> None:
        self.check_open()
        turns = self._table.turns
        waiting = len(turns.jobs) + len(turns.admitting)
        if waiting + bool(turns.running) > self._max_queue:
            raise Busy(f"{waiting} jobs wait already; try again when one of them is done.")
        turns.admitting.add(job_id)
        if key:
            self._pending_keys.add(key)

    def _enqueue(self, job_id: str) -> None:
        self._table.turns.jobs.append(job_id)
        self._table.renumber()

    # -- outside of it -----------------------------------------------------------------------------

    def _release(self, job_id: str, key: str) -> None:
        with self._table.condition:
            self._table.turns.admitting.discard(job_id)
            self._pending_keys.discard(key)
            self._table.condition.notify_all()

    def _have_room(self) -> None:
        self._keeper.sweep()
        room(self._table.journal.work_dir, self._min_free_bytes)

    def _have_grant(self, job_id: str, request: JobRequest) -> None:
        if self._launcher is None:
            return
        details = {"count": request.count, "max_ms": request.max_ms}
        if request.forecast is not None:
            details["duration_ms"] = request.forecast.duration_ms
        grant = self._launcher.ask("job", job_id, None, details)
        if not grant.granted:
            raise NotGranted(grant.message or "The launcher has not released this job.", grant.url)
        if grant.presigned is not None:
            with _disk_errors():
                self._table.journal.keep_presigned(job_id, grant.presigned)

    def _write_down(self, entry: Entry) -> None:
        with _disk_errors():
            self._table.journal.save(entry)


def _check_text(request: JobRequest) -> None:
    """No argument of a process can hold a NUL, and no file half a character."""
    for field in fields(request):
        value = getattr(request, field.name)
        if isinstance(value, str | Path) and not _is_plain(str(value)):
            raise BadRequest(f"{field.name} holds characters that can't be used; write it without them.")


def _is_plain(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise NoRoom(f"The job can't be written to the disk ({exc.strerror}); free some space.") from exc
