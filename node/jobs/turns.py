"""Whose turn it is: one job at a time, and beside it one edit at a time. No threads in here.

An edit never waits behind a job of somebody else, and a waiting edit goes before the next job. Only
while its own job runs it waits for that to end: the pipeline locks a job's folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Edit:
    """The rendering of one clip as its edits want it."""

    job_id: str
    clip: int
    draft: bool

    @property
    def kind(self) -> str:
        return "draft" if self.draft else "full"


@dataclass(slots=True)
class Turns:
    """What is being taken in, what waits and what runs. The owner guards it with a lock."""

    admitting: set[str] = field(default_factory=set)
    jobs: list[str] = field(default_factory=list)
    running: str = ""
    edits: list[Edit] = field(default_factory=list)
    editing: Edit | None = None

    def next_job(self) -> str | None:
        """The job to start now, or None."""
        if self.running or not self.jobs or self._ready_edit() is not None:
            return None
        first = self.jobs[0]
        return None if self.editing is not None and self.editing.job_id == first else first

    def next_edit(self) -> Edit | None:
        """The edit to start now, or None."""
        return None if self.editing is not None else self._ready_edit()

    def start_job(self, job_id: str) -> None:
        self.jobs.remove(job_id)
        self.running = job_id

    def start_edit(self, edit: Edit) -> None:
        self.edits.remove(edit)
        self.editing = edit

    def want(self, edit: Edit) -> bool:
        """Queue an edit; a waiting one of the same clip and kind keeps its place and is enough.

        True when the one that runs now is outdated by it and is to be stopped.
        """
        if edit not in self.edits:
            self.edits.append(edit)
        return self.editing == edit

    def positions(self) -> Iterator[tuple[str, int]]:
        """Each waiting job with the number of jobs that run before it."""
        for index, job_id in enumerate(self.jobs):
            yield job_id, index + bool(self.running)

    @property
    def busy(self) -> bool:
        return bool(self.admitting or self.jobs or self.running or self.edits or self.editing)

    def holds(self, job_id: str) -> bool:
        """Whether anything of that job waits or runs."""
        return (
            job_id == self.running
            or job_id in self.admitting
            or job_id in self.jobs
            or any(edit.job_id == job_id for edit in (*self.edits, self.editing) if edit)
        )

    def _ready_edit(self) -> Edit | None:
        return next((edit for edit in self.edits if edit.job_id != self.running), None)
