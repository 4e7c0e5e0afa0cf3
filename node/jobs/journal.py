"""What must survive kill -9 of the node: one file in each job's folder, readable by its owner only."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from node.records import JobState
from pipeline.workspace import JOB_ID, from_json, to_json, write_json

NAME = "node.json"
SCHEMA = "kangklip/node/1"
PRESIGNED = "presigned.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A job with what only the board needs: the visitor's key for it, and how often it was started
    without coming to an end."""

    state: JobState
    key: str = ""
    starts: int = 0


class Journal:
    """Saves and reads entries below `work_dir`. Any thread may save; an older version never wins."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        self._lock = threading.Lock()
        self._versions: dict[str, int] = {}

    def folder(self, job_id: str) -> Path:
        return self.work_dir / job_id

    def save(self, entry: Entry) -> None:
        """Raises OSError when the disk does not take it."""
        state = entry.state
        with self._lock:
            if self._versions.get(state.job_id, -1) > state.version:
                return
            _write_private(
                self.folder(state.job_id) / NAME,
                {
                    "schema": SCHEMA,
                    "key": entry.key,
                    "starts": entry.starts,
                    "state": to_json(replace(state, heard=())),
                },
            )
            self._versions[state.job_id] = state.version

    def read_all(self) -> list[Entry]:
        """Every job that was kept, oldest first. One that can't be read is skipped, with a note."""
        return sorted(self._read(), key=lambda entry: entry.state.created)

    def _read(self) -> Iterator[Entry]:
        for path in self.work_dir.glob(f"*/{NAME}"):
            if path.is_symlink() or path.parent.is_symlink() or not JOB_ID.fullmatch(path.parent.name):
                continue
            try:
                data = json.loads(path.read_bytes())
                entry = Entry(from_json(JobState, data["state"]), str(data["key"]), int(data["starts"]))
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
                _log.warning("%s of job %s can't be read and is left out: %s", NAME, path.parent.name,
                             type(exc).__name__)  # fmt: skip
                continue
            if entry.state.job_id == path.parent.name:
                yield entry

    # -- storage URLs of a job ---------------------------------------------------------------------

    def presigned(self, job_id: str) -> Path | None:
        """The file with the job's storage URLs, if it has any."""
        path = self.folder(job_id) / PRESIGNED
        return path if path.is_file() else None

    def keep_presigned(self, job_id: str, urls: Any) -> None:
        _write_private(self.folder(job_id) / PRESIGNED, urls)


def _write_private(path: Path, data: Any) -> None:
    """In a folder that nobody else may enter, so that no moment of the writing is public."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    try:
        write_json(path, data)
    except FileNotFoundError:  # a starting child clears temporary files away, this one among them
        write_json(path, data)
    path.chmod(0o600)
