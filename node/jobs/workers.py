"""The two threads that do the work: jobs in one, edits in the other, each through child processes."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from node.jobs import progress
from node.jobs.child import Child, Ending, Event, Limits
from node.jobs.childlog import ChildLog
from node.jobs.commands import edit_command, job_command
from node.jobs.costs import Costs
from node.jobs.crashes import why
from node.jobs.redact import secrets_of, without
from node.jobs.table import Table
from node.jobs.turns import Edit
from node.jobs.values import MAX_TEXT
from node.records import ClipTask, JobState, JobStatus, Problem
from pipeline.errors import WishError
from pipeline.workspace import Workspace

LOCK_WAIT_S = 60.0
"""A child of a killed node gets SIGTERM from the kernel; it may take some seconds to end."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What the workers work with."""

    program: tuple[str, ...]
    work_dir: Path
    nice: int
    limits: Limits
    environment: Mapping[str, str] | None
    secrets: tuple[str, ...]


class Worker(threading.Thread):
    """Takes turns until the table closes; knows its child, so that others can stop it."""

    def __init__(self, name: str, table: Table, means: Means) -> None:
        super().__init__(name=name, daemon=True)
        self._table = table
        self._means = means
        self._child: Child | None = None

    def stop_child(self) -> None:
        with self._table.condition:
            if self._child is not None:
                self._child.stop()

    def _log_of(self, job_id: str) -> ChildLog:
        return ChildLog(self._table.journal.folder(job_id) / "node.log", self._secrets_of(job_id))

    def _secrets_of(self, job_id: str) -> tuple[str, ...]:
        return (*self._means.secrets, *secrets_of(self._table.state(job_id).request.source))

    def _new_child(self, job_id: str, command: list[str]) -> Child:
        return Child(command, self._log_of(job_id), self._means.limits, self._means.environment)

    def _run_child(self, job_id: str, child: Child, tell: Callable[[Event], None]) -> Ending:
        """Run it as soon as no child of an earlier node works on the job any more."""
        log = self._log_of(job_id)
        try:
            free = self._wait_for_lock(job_id, child)
        except OSError as exc:
            _log.error("the folder of job %s can't be used: %s", job_id, exc.strerror)
            return _refused("no_room", "The job's folder can't be written; free some disk space, then retry.")
        if not free:
            return _refused("busy", "Another process works on this job; retry it when that has ended.")
        ending = child.run(tell)
        if ending.last and isinstance(detail := ending.last.get("detail"), str):
            for line in detail.splitlines()[-100:]:
                log.write(line)
        log.write(f"ended with {ending.code}{', stopped' if ending.stopped else ''}")
        return ending

    def _problem(self, job_id: str, ending: Ending) -> Problem:
        """Why a child failed, for people."""
        found = progress.problem_in(ending.last) if ending.last and not ending.overran else why(ending)
        return replace(found, message=without(found.message, self._secrets_of(job_id))[:MAX_TEXT])

    def _wait_for_lock(self, job_id: str, child: Child) -> bool:
        until = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                with Workspace.open(self._means.work_dir, job_id).locked():
                    return True
            except WishError:
                if time.monotonic() > until or child.stopped:
                    return False
                time.sleep(0.1)


class JobWorker(Worker):
    """One job after the other."""

    def __init__(self, table: Table, means: Means, costs: Costs) -> None:
        super().__init__("jobs", table, means)
        self._costs = costs
        self._cancelling = ""

    def cancel(self, job_id: str) -> None:
        """Stop the job's child; called under the table's lock, while the job has its turn."""
        self._cancelling = job_id
        self.stop_child()

    def run(self) -> None:
        while (turn := self._next()) is not None:
            self._one(*turn)
            with self._table.condition:
                self._table.turns.running = self._cancelling = ""
                self._child = None
                self._table.renumber()

    def _next(self) -> tuple[str, Child] | None:
        table = self._table
        with table.condition:
            table.condition.wait_for(lambda: table.closing or table.turns.next_job())
            job_id = table.turns.next_job()
            if table.closing or job_id is None:
                return None
            table.turns.start_job(job_id)
            table.renumber()
            command = job_command(
                self._means.program,
                job_id,
                table.state(job_id).request,
                self._means.nice,
                table.journal.presigned(job_id),
            )
            self._child = self._new_child(job_id, command)
            return job_id, self._child

    def _one(self, job_id: str, child: Child) -> None:
        self._table.hear_anew(job_id)
        self._table.change(job_id, lambda state: progress.started(state, time.time()), lambda n: n + 1)
        ending = self._run_child(job_id, child, lambda event: self._tell(job_id, event))
        self._end(job_id, ending)

    def _tell(self, job_id: str, event: Event) -> None:
        if heard := progress.heard_in(event):
            self._table.hear(job_id, heard)
        self._table.change(job_id, lambda state: self._after(state, event))

    def _after(self, state: JobState, event: Event) -> JobState:
        secrets = self._secrets_of(state.job_id)
        shown = {key: without(text, secrets) for key in ("message", "shortfall")
                 if isinstance(text := event.get(key), str)}  # fmt: skip
        return progress.after(state, {**event, **shown}, time.time(), self._cancelling == state.job_id)

    def _end(self, job_id: str, ending: Ending) -> None:
        with self._table.condition:
            cancelling = self._cancelling == job_id
            closing = self._table.closing
        done = ending.last is not None and ending.last.get("event") == "Done"
        if closing and ending.stopped and not cancelling and not done:
            self._table.change(job_id, progress.again, lambda _: 0)  # the next process goes on with it
        else:
            self._costs.learn(
                self._table.change(
                    job_id,
                    lambda state: self._costs.with_receipt(self._outcome(state, ending, cancelling)),
                    lambda _: 0,
                )
            )

    def _outcome(self, state: JobState, ending: Ending, cancelling: bool) -> JobState:
        name = ending.last.get("event") if ending.last else ""
        if ending.last and (name == "Done" or not (cancelling or ending.overran)):
            return self._after(state, ending.last)
        if cancelling:
            return progress.cancelled(state, time.time())
        return progress.failed(state, self._problem(state.job_id, ending), time.time())


class EditWorker(Worker):
    """One edit's rendering after the other."""

    def __init__(self, table: Table, means: Means) -> None:
        super().__init__("edits", table, means)

    def run(self) -> None:
        while (turn := self._next()) is not None:
            self._one(*turn)
            with self._table.condition:
                self._table.turns.editing = None
                self._child = None
                self._table.condition.notify_all()

    def _next(self) -> tuple[Edit, Child] | None:
        table = self._table
        with table.condition:
            table.condition.wait_for(lambda: table.closing or table.turns.next_edit())
            edit = table.turns.next_edit()
            if table.closing or edit is None:
                return None
            table.turns.start_edit(edit)
            presigned = table.journal.presigned(edit.job_id)
            command = edit_command(self._means.program, edit.job_id, edit.clip, edit.draft, presigned)
            self._child = self._new_child(edit.job_id, command)
            return edit, self._child

    def _one(self, edit: Edit, child: Child) -> None:
        task = ClipTask(edit.clip, edit.kind, JobStatus.RUNNING)
        self._table.show_edit(edit, task)

        def tell(event: Event) -> None:
            nonlocal task
            if (newer := progress.task_after(task, event)) != task:
                task = newer
                self._table.show_edit(edit, task)
            if event.get("event") == "ClipReady":
                self._table.change(edit.job_id, lambda state: progress.with_clip(state, event))

        ending = self._run_child(edit.job_id, child, tell)
        self._table.show_edit(edit, self._ended(edit.job_id, task, ending))

    def _ended(self, job_id: str, task: ClipTask, ending: Ending) -> ClipTask:
        if ending.code == 0:
            return replace(task, status=JobStatus.SUCCEEDED, fraction=1.0)
        if ending.stopped and self._table.closing:
            return replace(task, status=JobStatus.QUEUED, fraction=0.0)
        if ending.stopped:
            return replace(task, status=JobStatus.CANCELLED)
        return replace(task, status=JobStatus.FAILED, problem=self._problem(job_id, ending))


def _refused(code: str, message: str) -> Ending:
    return Ending(2, {"event": "Failed", "code": code, "message": message})
