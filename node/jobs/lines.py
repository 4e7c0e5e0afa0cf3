"""The output of a child as lines and events. Pure."""

from __future__ import annotations

import json
from typing import Any


class Lines:
    """Bytes as they come -> whole lines. A line over the limit is dropped and counted."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._dropping = False
        self.dropped = 0

    def feed(self, data: bytes) -> list[bytes]:
        *ends, rest = data.split(b"\n")
        lines = []
        for part in ends:
            self._add(part)
            if not self._dropping:
                lines.append(bytes(self._buffer))
            self._buffer.clear()
            self._dropping = False
        self._add(rest)
        return lines

    def _add(self, part: bytes) -> None:
        if self._dropping:
            return
        if len(self._buffer) + len(part) > self._limit:
            self._dropping = True
            self.dropped += 1
            self._buffer.clear()
        else:
            self._buffer += part


def event_of(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line, or None."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
