"""What a job tells while it works, and what it keeps when a stage is done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.clock import StageClock
from pipeline.errors import Interrupted
from pipeline.published import StageReport
from pipeline.records import Artifact, Event, MadeBy, Progress, Stage, StageStarted, Warned
from pipeline.storage import Storage
from pipeline.workspace import Kept, Workspace

T = TypeVar("T")


class Logbook:
    """The job's voice and memory: events out, results into the workspace and the storage."""

    def __init__(
        self,
        workspace: Workspace,
        storage: Storage,
        emit: Callable[[Event], None],
        stop: threading.Event,
    ) -> None:
        self.emit = emit
        self.stage: Stage | None = None
        self.clock = StageClock()
        self.warnings: list[str] = []
        self.reports: list[StageReport] = []
        self.stored: dict[str, Artifact] = {}
        self._workspace = workspace
        self._storage = storage
        self._stop = stop

    # -- telling -----------------------------------------------------------------------------------

    def check(self) -> None:
        """Raises Interrupted once the job is to stop."""
        if self._stop.is_set():
            raise Interrupted(
                f"The job was stopped. Go on with: python -m pipeline --job-id {self._workspace.job_id}"
            )

    def start(self, stage: Stage, resumed: bool = False) -> None:
        self.check()
        self.stage = stage
        self.clock = StageClock()
        self.emit(StageStarted(stage, resumed))

    def report(self, fraction: float, message: str) -> None:
        """Progress of the stage under way, 0..1."""
        self.check()
        assert self.stage is not None
        elapsed, left = self.clock.wall_ms(), self.clock.left_ms(fraction)
        self.emit(Progress(self.stage, max(0.0, min(1.0, fraction)), elapsed, left, message))

    def warn(self, message: str) -> None:
        assert self.stage is not None
        self.warn_as(self.stage, message)

    def warn_as(self, stage: Stage, message: str) -> None:
        self.warnings.append(message)
        self.emit(Warned(stage, message))

    # -- keeping -----------------------------------------------------------------------------------

    def keep(self, name: str, key: str, value: Any, made_by: MadeBy) -> None:
        """A finished stage's result, here and in the storage."""
        assert self.stage is not None
        kept = Kept(value, self.clock.wall_ms(), self.clock.cpu_ms())
        self.keep_part(name, key, kept)
        self.reports.append(StageReport(self.stage, kept.wall_ms, kept.cpu_ms, made_by))
        self.report(1.0, "")

    def keep_part(self, name: str, key: str, kept: Kept[Any]) -> None:
        """A result that is one of several of its stage, such as a clip."""
        path = self.keep_here(name, key, kept)
        self._storage.put(self._workspace.job_id, f"stages/{name}.json", path)

    def keep_here(self, name: str, key: str, kept: Kept[Any]) -> Path:
        """A result that only saves time on this machine; gives its file."""
        return self._workspace.save(name, key, kept)

    def resumed(self, stage: Stage, kept: Kept[T]) -> T:
        """Take over the result of an earlier run."""
        self.start(stage, resumed=True)
        made_by = getattr(kept.value, "made_by", MadeBy("earlier run"))
        self.reports.append(StageReport(stage, kept.wall_ms, kept.cpu_ms, made_by))
        return kept.value

    def store(self, name: str, path: Path) -> Artifact:
        """Put a file where artifacts go; the same content is not sent twice."""
        self.check()
        artifact = self._storage.put(self._workspace.job_id, name, path)
        self.stored[name] = artifact
        return artifact

    def fetch_stages(self) -> None:
        """On a new machine: the kept results of the job's earlier life."""
        for name in self._storage.names(self._workspace.job_id):
            path = self._workspace.path(name)
            if name.startswith("stages/") and not path.exists():
                self._storage.get(self._workspace.job_id, name, path)
