"""Answers of the model kept in a folder by the hash of what was asked, so that nothing is asked twice.

A file holds one answer. It is written to a temporary name and renamed, readable by its owner alone;
whatever in it is not as it was written counts as not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from llm.client import Reply, Request

MAX_FILE_BYTES = 200_000
"""An answer of 2,000 tokens takes some 10 kB, whatever its script."""
MOST_FILES = 1_000
"""A job of four hours asks some 150 questions; the oldest answers go when there are more than this."""

_SCHEMA = "kangklip/answer/1"


def key_of(request: Request) -> str:
    """The hash of everything that decides the answer."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Answers:
    """The kept answers below `folder`; None keeps nothing."""

    folder: Path | None

    def recall(self, request: Request) -> Reply | None:
        """The answer kept for this request, or None where there is none that can be trusted."""
        if self.folder is None:
            return None
        key = key_of(request)
        try:
            with self._path(self.folder, key).open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            found = json.loads(data) if len(data) <= MAX_FILE_BYTES else None
        except (OSError, ValueError, RecursionError):
            return None
        return _reply_in(found, key)

    def keep(self, request: Request, reply: Reply) -> bool:
        """Keep an answer; False when it is too large or the folder cannot be written."""
        if self.folder is None:
            return True
        key = key_of(request)
        document = {"schema": _SCHEMA, "request": key, **asdict(reply)}
        data = json.dumps(document, ensure_ascii=True, indent=1).encode()
        if len(data) > MAX_FILE_BYTES:
            return False
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(self.folder)
            _write_whole(self._path(self.folder, key), data)
        except OSError:
            return False
        return True

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / f"{key}.json"

    @staticmethod
    def _make_room(folder: Path) -> None:
        files = list(folder.glob("*.json"))
        if len(files) < MOST_FILES:
            return
        ages = []
        for path in files:
            with suppress(FileNotFoundError):  # another thread was quicker
                ages.append((path.stat().st_mtime_ns, path))
        for _, path in sorted(ages)[: len(files) - MOST_FILES + 1]:
            path.unlink(missing_ok=True)


def _write_whole(path: Path, data: bytes) -> None:
    """The name is the one that `Workspace.clean_temporary` clears up after a killed run."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _reply_in(found: object, key: str) -> Reply | None:
    if not isinstance(found, dict) or found.get("schema") != _SCHEMA or found.get("request") != key:
        return None
    text, cut_off = found.get("text"), found.get("cut_off")
    prompt, completion = found.get("prompt_tokens"), found.get("completion_tokens")
    if not isinstance(text, str) or not isinstance(cut_off, bool):
        return None
    if not isinstance(prompt, int) or not isinstance(completion, int):
        return None
    return Reply(text, prompt, completion, cut_off)
