"""The session's jobs: taken in, queued, worked on, looked at, stopped, and found again after kill -9.

Every call comes back at once but `submit` and `retry` (they may ask the launcher), `wait` and `probe`.
The work happens in child processes, one job at a time and one edit beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ulid import ULID

from node.errors import BadRequest, Busy, NotReady
from node.jobs import progress
from node.jobs.admission import Admission
from node.jobs.child import Limits
from node.jobs.costs import Costs
from node.jobs.forecast import Rates
from node.jobs.journal import Entry, Journal
from node.jobs.keeper import Keeper
from node.jobs.probing import Prober
from node.jobs.table import Table
from node.jobs.turns import Edit
from node.jobs.workers import EditWorker, JobWorker, Means
from node.link.launcher import Launcher
from node.records import ClipTask, Forecast, Heard, JobRequest, JobState, JobStatus, Probed, Problem

MAX_STARTS = 4
"""A job is started, and three times again when the node died with it."""
MAX_EDITS = 100
"""Edits that may wait."""
MAX_CLIP = 99


@dataclass(frozen=True, slots=True)
class BoardOptions:
    """How the board works. `environment` is that of the children (None: this process's own);
    `secrets` are values that must not get into any log. Lengths of time are seconds."""

    work_dir: Path
    temp_dir: Path
    keep_s: float
    disk_quota_bytes: int
    min_free_bytes: int
    max_queue: int = 20
    price_per_hour_usd: float | None = None
    nice: int = 10
    program: tuple[str, ...] = (sys.executable, "-m", "pipeline")
    environment: Mapping[str, str] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    silence_s: float = 1800.0
    grace_s: float = 10.0
    sweep_every_s: float = 300.0


def new_job_id() -> str:
    """`kk_` and a ULID: unique, and in the order of time."""
    return f"kk_{ULID()}"


class Board:
    """Any thread may call anything between `open` and `close`. Without a launcher all is granted."""

    def __init__(self, options: BoardOptions, launcher: Launcher | None = None) -> None:
        options.work_dir.mkdir(parents=True, exist_ok=True)
        options.temp_dir.mkdir(parents=True, exist_ok=True)
        options = replace(options, work_dir=options.work_dir.resolve(), temp_dir=options.temp_dir.resolve())
        self._options = options
        limits = Limits(silence_s=options.silence_s, grace_s=options.grace_s)
        means = Means(
            options.program, options.work_dir, options.nice, limits, options.environment, options.secrets
        )
        self._table = table = Table(Journal(options.work_dir), launcher)
        self._keeper = Keeper(table, options.work_dir, options.temp_dir, options.keep_s,
                              options.disk_quota_bytes, options.sweep_every_s)  # fmt: skip
        self._admission = Admission(table, launcher, self._keeper, options.max_queue, options.min_free_bytes)
        self._costs = Costs(options.work_dir / "rates.json", options.price_per_hour_usd)
        self._jobs = JobWorker(table, means, self._costs)
        self._edits = EditWorker(table, means)
        self._prober = Prober(means)
        self._touched = time.monotonic()

    # -- opening and closing -----------------------------------------------------------------------

    def open(self) -> None:
        """Take up what an earlier process left, then begin to work."""
        self._costs.load()
        for entry in self._table.journal.read_all():
            self._take_up(entry)
        self._table.renumber()
        for thread in (self._jobs, self._edits, self._keeper):
            thread.start()

    def close(self) -> None:
        """Stop the children and the threads. What was not finished is taken up by the next `open`."""
        with self._table.condition:
            self._table.closing = True
            self._jobs.stop_child()
            self._edits.stop_child()
            self._table.condition.notify_all()
        self._prober.close()
        for thread in (self._jobs, self._edits, self._keeper):
            if thread.ident is not None:
                thread.join(timeout=3 * self._options.grace_s + 30)

    def drain(self) -> None:
        """Take no new work; what was accepted is finished."""
        self._admission.draining = True

    def set_price(self, price_per_hour_usd: float | None) -> None:
        """What an hour of this machine costs, when the launcher tells it later."""
        self._costs.price_per_hour_usd = price_per_hour_usd

    # -- jobs --------------------------------------------------------------------------------------

    def submit(self, request: JobRequest, job_id: str | None = None, idempotency_key: str = "") -> JobState:
        """Queue a job; the same key, or the same id with the same request, gives the same job.

        Raises Busy, NoRoom, Closing, NotGranted, LauncherDown, BadRequest.
        """
        self.touch()
        return self._admission.submit(request, job_id or new_job_id(), idempotency_key)

    def retry(self, job_id: str) -> JobState:
        """Queue a FAILED or CANCELLED job again under its id: what it had finished is not repeated.

        A job that waits or runs is given as it is. Raises what `submit` raises, and UnknownJob.
        """
        self.touch()
        return self._admission.retry(job_id)

    def cancel(self, job_id: str) -> JobState:
        """Stop a job: at once when it waits; when it runs, its child is asked to end."""
        self.touch()
        table = self._table
        with table.condition:
            table.state(job_id)
            if table.turns.running == job_id:
                self._jobs.cancel(job_id)
                return table.state(job_id)
            if job_id not in table.turns.jobs:
                return table.state(job_id)
            table.turns.jobs.remove(job_id)
        state = table.change(job_id, lambda state: progress.cancelled(state, time.time()))
        table.renumber()
        return state

    def state(self, job_id: str) -> JobState:
        """Raises UnknownJob."""
        return self._table.state(job_id)

    def wait(self, job_id: str, version: int, timeout_s: float) -> JobState:
        """The state once it is newer than `version`, or after the time-out. Raises UnknownJob."""
        return self._table.wait(job_id, version, timeout_s)

    def jobs(self) -> tuple[JobState, ...]:
        """All jobs, newest first."""
        return tuple(entry.state for entry in reversed(self._table.entries()))

    def heard_since(self, job_id: str, count: int) -> tuple[Heard, ...]:
        """The sentences heard in this run of the job but for the first `count`. Raises UnknownJob."""
        return self._table.heard_since(job_id, count)

    # -- edits, and looking ahead ------------------------------------------------------------------

    def render(self, job_id: str, clip: int, draft: bool) -> ClipTask:
        """Queue the rendering of a clip as its edits want it; a running one that is outdated is stopped.

        Raises UnknownJob, NotReady, Closing, Busy, BadRequest.
        """
        self.touch()
        if not 0 < clip <= MAX_CLIP:
            raise BadRequest(f"There is no clip {clip}; clips are numbered from 1.")
        table, edit = self._table, Edit(job_id, clip, draft)
        with table.condition:
            self._admission.check_open()
            state = table.state(job_id)
            if state.status is JobStatus.QUEUED and not state.tasks and not state.rendered:
                raise NotReady("This job has not started yet; its clips can be edited when they exist.")
            if len(table.turns.edits) >= MAX_EDITS:
                raise Busy(f"{MAX_EDITS} edits wait already; try again when some are done.")
            if table.turns.want(edit):
                self._edits.stop_child()
        task = ClipTask(clip, edit.kind, JobStatus.QUEUED)
        table.show_edit(edit, task)
        return task

    def probe(self, source: str) -> Probed:
        """Length and size of a film, without any work. Raises BadRequest with what is wrong, Busy."""
        self.touch()
        return self._prober.probe(source)

    def forecast(self, probed: Probed, request: JobRequest) -> Forecast:
        """What the job will take on this machine, from what earlier ones took."""
        return self._costs.forecast(probed, request)

    @property
    def rates(self) -> Rates:
        """What the stages take on this machine, for `node.jobs.forecast.forecast`."""
        return self._costs.rates

    # -- is anybody here ---------------------------------------------------------------------------

    def touch(self) -> None:
        """A person did something."""
        self._touched = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since a person did something or work ended; 0 while there is work."""
        if self.busy:
            self.touch()
            return 0.0
        return time.monotonic() - self._touched

    @property
    def busy(self) -> bool:
        """Whether a job or an edit runs or waits."""
        return self._table.turns.busy

    @property
    def draining(self) -> bool:
        return self._admission.draining

    # -- inside ------------------------------------------------------------------------------------

    def _take_up(self, entry: Entry) -> None:
        state = entry.state
        self._table.put(entry)
        self._admission.remember(entry)
        if state.status is JobStatus.RUNNING and entry.starts >= MAX_STARTS:
            text = f"The machine stopped {entry.starts} times during this job; retry it if you like."
            problem = Problem("crashed", text)
            self._table.change(state.job_id, lambda old: progress.failed(old, problem, time.time()))
        elif state.status is JobStatus.RUNNING:
            self._table.change(state.job_id, progress.again)
        if not self._table.state(state.job_id).status.ended:
            self._table.turns.jobs.append(state.job_id)
        for task in state.tasks:
            if not task.status.ended:
                edit = Edit(state.job_id, task.clip, task.kind == "draft")
                self._table.turns.edits.append(edit)
                self._table.show_edit(edit, ClipTask(task.clip, task.kind, JobStatus.QUEUED))
