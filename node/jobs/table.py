"""The jobs of this session as everybody sees them: one lock, one place where states change.

A change is made under the lock; what it must leave on the disk and with the launcher follows outside
of it, so that no visitor ever waits for a disk or a network.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from node.errors import UnknownJob
from node.jobs.journal import Entry, Journal
from node.jobs.turns import Edit, Turns
from node.records import ClipTask, Heard, JobState, JobStatus

_log = logging.getLogger(__name__)


class Teller(Protocol):
    """Who is told of progress and outcomes."""

    def tell(self, event: dict[str, Any]) -> None: ...


@dataclass(slots=True)
class _Row:
    entry: Entry
    heard: list[Heard] = field(default_factory=list)


class Table:
    """All jobs by id. `condition` guards everything in here, `turns` too."""

    def __init__(self, journal: Journal, teller: Teller | None) -> None:
        self.condition = threading.Condition()
        self.turns = Turns()
        self.journal = journal
        self.closing = False
        self._teller = teller
        self._rows: dict[str, _Row] = {}

    # -- looking -----------------------------------------------------------------------------------

    def entry(self, job_id: str) -> Entry:
        """Raises UnknownJob."""
        with self.condition:
            row = self._rows.get(job_id) if isinstance(job_id, str) else None  # clients send any JSON
            if row is None:
                shown = "".join(c for c in str(job_id)[:40] if c.isprintable())
                raise UnknownJob(f"This session has no job {shown!r}; its jobs are on its page.")
            return row.entry

    def state(self, job_id: str) -> JobState:
        return self.entry(job_id).state

    def entries(self) -> tuple[Entry, ...]:
        """Oldest first."""
        with self.condition:
            return tuple(row.entry for row in self._rows.values())

    def heard_since(self, job_id: str, count: int) -> tuple[Heard, ...]:
        """The sentences heard in this run of the job but for the first `count`."""
        with self.condition:
            self.entry(job_id)
            return tuple(self._rows[job_id].heard[max(0, count) :])

    def wait(self, job_id: str, version: int, timeout_s: float) -> JobState:
        """The state as soon as it is newer than `version`, or as it is after the time-out."""
        with self.condition:
            self.condition.wait_for(
                lambda: self.closing or self.state(job_id).version > version, timeout=max(0.0, timeout_s)
            )
            return self.state(job_id)

    # -- changing ----------------------------------------------------------------------------------

    def put(self, entry: Entry) -> JobState:
        """Take in a job that is not here yet."""
        with self.condition:
            self._rows[entry.state.job_id] = _Row(entry)
            self.condition.notify_all()
        return entry.state

    def change(
        self, job_id: str, how: Callable[[JobState], JobState], starts: Callable[[int], int] | None = None
    ) -> JobState:
        """Give a job its next state. What `how` raises passes through and changes nothing."""
        with self.condition:
            before = self.entry(job_id)
            state = how(before.state)
            if state is before.state and starts is None:
                return state
            state = replace(state, version=before.state.version + 1)
            count = starts(before.starts) if starts else before.starts
            entry = replace(before, state=state, starts=count)
            self._rows[job_id].entry = entry
            self.condition.notify_all()
        self._follow(before, entry)
        return state

    def hear(self, job_id: str, heard: tuple[Heard, ...]) -> None:
        with self.condition:
            self._rows[job_id].heard.extend(heard)

    def hear_anew(self, job_id: str) -> None:
        with self.condition:
            self._rows[job_id].heard.clear()

    def show_edit(self, edit: Edit, task: ClipTask) -> None:
        """Show an edit's rendering in its job: one entry for each clip and kind.

        While a newer one of the same clip waits, that one stays to be seen.
        """

        def placed(state: JobState) -> JobState:
            if task.status is not JobStatus.QUEUED and edit in self.turns.edits:
                return state
            others = [t for t in state.tasks if (t.clip, t.kind) != (task.clip, task.kind)]
            return replace(state, tasks=tuple(sorted((*others, task), key=lambda t: (t.clip, t.kind))))

        self.change(edit.job_id, placed)

    def renumber(self) -> None:
        """After the queue changed: every waiting job knows how many run before it."""
        with self.condition:
            for job_id, position in self.turns.positions():
                row = self._rows[job_id]
                state = row.entry.state
                if state.position != position:
                    moved = replace(state, position=position, version=state.version + 1)
                    row.entry = replace(row.entry, state=moved)
            self.condition.notify_all()

    def remove(self, job_id: str) -> bool:
        """Forget an ended job that nothing waits for; False when it is not one."""
        with self.condition:
            row = self._rows.get(job_id)
            if row is None or not row.entry.state.status.ended or self.turns.holds(job_id):
                return False
            del self._rows[job_id]
            self.condition.notify_all()
            return True

    # -- what a change leaves behind ---------------------------------------------------------------

    def _follow(self, before: Entry, entry: Entry) -> None:
        # The launcher's spool first: an outcome that is only in the journal would never be told.
        if self._teller is not None and _tellable(before.state) != _tellable(entry.state):
            self._teller.tell(_told(entry.state))
        if _lasting(before) != _lasting(entry):
            try:
                self.journal.save(entry)
            except OSError as exc:
                _log.error("job %s could not be written down: %s", entry.state.job_id, exc.strerror)


def _lasting(entry: Entry) -> tuple[object, ...]:
    """What a killed process must find again; progress within a stage is not part of it."""
    state = entry.state
    tasks = tuple((task.clip, task.kind, task.status) for task in state.tasks)
    return (entry.starts, state.status, state.stage, state.rendered, state.receipt, tasks)


def _tellable(state: JobState) -> tuple[object, ...]:
    return (state.status, state.stage, round(state.fraction * 100), state.rendered)


def _told(state: JobState) -> dict[str, Any]:
    return {
        "job_id": state.job_id,
        "status": state.status.value,
        "stage": state.stage,
        "progress": round(state.fraction * 100),
        "error": state.problem.message if state.problem else "",
        "code": state.problem.code if state.problem else "",
        "clips": list(state.rendered),
    }
