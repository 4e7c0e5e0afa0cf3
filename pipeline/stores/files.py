"""Whole files only: what a file holds, and how one appears under its name in a single step."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StorageError


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a file; equal contents need not be sent twice."""

    size_bytes: int
    sha256: str


def digest_of(path: Path, algorithm: str = "sha256") -> str:
    """The hex digest of a file, read in blocks. Raises OSError when it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def content_of(path: Path) -> Content:
    """Size and sha256 of a regular file. Raises StorageError when there is none that can be read."""
    try:
        if not path.is_file():
            raise StorageError(f"{path.name!r} cannot be stored: there is no such file in {path.parent}.")
        return Content(path.stat().st_size, digest_of(path))
    except OSError as exc:
        raise StorageError(f"{path.name!r} cannot be stored: {exc.strerror} when reading it.") from exc


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; what is there at the end takes the place of `path` in one step.

    When the block raises, `path` stays as it was. What a killed process left of an earlier attempt
    is cleared away first, so only one writer at a time may replace the same file. Raises
    StorageError when the disk refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(path)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
        try:
            yield temporary
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as exc:
        raise StorageError(
            f"{path.name!r} could not be written to {path.parent}: {exc.strerror}. "
            "Make room there or choose another folder, then start the job again under its id."
        ) from exc


def _clear_leftovers(path: Path) -> None:
    leftover = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.part")
    for entry in path.parent.iterdir():
        if leftover.fullmatch(entry.name):
            entry.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Have the kernel write a file or a folder to the disk, so that a power cut does not undo a rename."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
