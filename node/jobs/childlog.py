"""What a child prints beside its events, kept for the operator: one bounded file, never for visitors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from node.jobs.redact import for_log

LIMIT_BYTES = 1_000_000


class ChildLog:
    """Appends lines without secrets to a file that only its owner can read.

    At `LIMIT_BYTES` the older half is dropped. A file that can't be written loses lines, not the job.
    """

    def __init__(self, path: Path, secrets: Sequence[str] = ()) -> None:
        self._path = path
        self._secrets = tuple(secrets)
        self.lost = 0

    def write(self, line: str) -> None:
        """Append one line; whatever it holds, it stays one line."""
        data = (for_log(line, self._secrets).replace("\n", " ") + "\n").encode(errors="replace")
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                if os.fstat(descriptor).st_size + len(data) > LIMIT_BYTES:
                    file.seek(-min(LIMIT_BYTES // 2, os.fstat(descriptor).st_size), os.SEEK_END)
                    kept = file.read()
                    file.truncate(0)
                    file.write(b"(older lines were dropped)\n" + kept.partition(b"\n")[2])
                file.write(data[-LIMIT_BYTES // 4 :])
        except OSError:
            self.lost += 1
