"""The thread that keeps the disk below its quota, every few minutes and whenever a job comes in."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from node.jobs.housekeeping import sweep
from node.jobs.table import Table

_log = logging.getLogger(__name__)


class Keeper(threading.Thread):
    """Sweeps until the table closes. `sweep` may be called by any thread."""

    def __init__(
        self,
        table: Table,
        work_dir: Path,
        temp_dir: Path,
        keep_s: float,
        quota_bytes: int,
        every_s: float,
    ) -> None:
        super().__init__(name="keeper", daemon=True)
        self._table = table
        self._work_dir = work_dir
        self._temp_dir = temp_dir
        self._keep_s = keep_s
        self._quota_bytes = quota_bytes
        self._every_s = every_s
        self._one_at_a_time = threading.Lock()

    def run(self) -> None:
        while not self._closed_within(self._every_s):
            self.sweep()

    def sweep(self) -> int:
        """Delete what is too old or too much; gives the bytes freed."""
        table = self._table
        with self._one_at_a_time:
            with table.condition:
                states = [entry.state for entry in table.entries()]
                held = {state.job_id for state in states if table.turns.holds(state.job_id)}
            ended = {
                state.job_id: state.ended or state.created
                for state in states
                if state.status.ended and state.job_id not in held
            }
            in_use = [
                Path(path)
                for state in states
                if state.job_id not in ended
                for path in (state.request.source, state.request.transcript)
                if path and Path(path).is_absolute()
            ]
            freed = sweep(
                self._work_dir,
                self._temp_dir,
                ended,
                in_use,
                table.remove,
                time.time(),
                self._keep_s,
                self._quota_bytes,
            )
        if freed:
            _log.info("%d MB of old files were deleted", freed // 1_000_000)
        return freed

    def _closed_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        with self._table.condition:
            while not self._table.closing and (left := until - time.monotonic()) > 0:
                self._table.condition.wait(left)
            return self._table.closing
