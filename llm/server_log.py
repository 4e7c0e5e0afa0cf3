"""What the model's server prints: a bounded file for the operator, without the key and without prompts."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Sequence
from pathlib import Path

LINE_BYTES = 64 << 10
"""More of one line is not looked at, so a key or a prompt can't lie across the cut."""
SHOWN_CHARACTERS = 2000
TAIL_LINES = 400
"""What is kept to find the reason of a failure."""

_NOT_KEPT = "… (not kept)"
_TEXT = re.compile(
    r"""(\b(?:prompts?|prompt_token_ids|messages|content|text|input_value|generated_text|outputs?)\b['"]?\s*[:=]"""
    r"""|<\|im_start\|>|\[INST\]).*""",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RECORD = re.compile(r"\(\w+ pid=\d+\)|(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")


class ServerLog:
    """Takes bytes as they come. `tail` holds the last lines since `forget`, as they are in the file.

    At the limit the older half of the file is dropped. A file that can't be written loses lines, not
    the server.
    """

    def __init__(self, path: Path, key: str, limit_bytes: int) -> None:
        self._path = path
        self._key = key
        self._limit = limit_bytes
        self._rest = b""
        self._in_prompt = False
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def forget(self) -> None:
        """What was said so far explains no failure to come."""
        self.tail.clear()

    def feed(self, data: bytes) -> None:
        """Output of the process; nothing at all means its end. One thread at a time."""
        *lines, rest = re.split(rb"[\r\n]+", self._rest + (data or b"\n"))
        self._rest = rest[:LINE_BYTES]
        shown = [line for line in map(self._shown, lines) if line]
        self._in_prompt = self._in_prompt and bool(data)
        self.tail.extend(shown)
        self._write(shown)

    def _shown(self, line: bytes) -> str:
        """The line as it may be seen; empty where it goes on with a text of several lines."""
        text = _COLOUR.sub("", line[:LINE_BYTES].decode(errors="replace"))
        if self._in_prompt and not _RECORD.match(text):
            return ""
        clean = _TEXT.sub(rf"\1{_NOT_KEPT}", text.replace(self._key, "…"))
        self._in_prompt = clean.endswith(_NOT_KEPT)
        return clean[:SHOWN_CHARACTERS]

    def _write(self, lines: Sequence[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode(errors="replace")[-self._limit // 2 :]
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                size = os.fstat(descriptor).st_size
                if size + len(data) > self._limit:
                    file.seek(max(0, size - self._limit // 2 + 100))
                    kept = file.read()
                    file.truncate(0)
                    file.write(b"(older lines were dropped)\n" + kept.partition(b"\n")[2])
                file.write(data)
        except OSError:
            return
