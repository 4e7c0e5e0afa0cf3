"""One job's own folder: stage results kept by content key, so that a killed job goes on.

    <work>/<job_id>/job.json          the wish, written once
    <work>/<job_id>/stages/<name>.json  one result each, with the key of what it was made from
    <work>/<job_id>/…                 media and artifacts

Everything is written to a temporary name, flushed to the disk and renamed: a file that is there is
whole. A lock (flock) keeps two processes from working on one job; the kernel drops it with the
process, kill -9 included.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from pipeline.errors import WishError
from pipeline.records import Ms

T = TypeVar("T")

JOB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@cache
def _cached_adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))


def _adapter(kind: Any) -> TypeAdapter[Any]:
    return _cached_adapter(cast(Hashable, kind))


def to_json(value: Any) -> Any:
    """A record, or a tuple of records, as plain JSON values."""
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return _adapter(type(value)).dump_python(value, mode="json")


def from_json(kind: type[T], data: Any) -> T:
    """The record back again. Raises ValueError when the data is not that record."""
    value: T = _adapter(kind).validate_python(data)
    return value


def content_key(*parts: Any) -> str:
    """A key for what a result is made from: equal parts give equal keys, on every machine."""

    def plain(value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return asdict(value)
        return str(value)

    text = json.dumps(parts, default=plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is either whole or not there, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, data: Any) -> None:
    """`write_whole` for JSON, indented for people, keys in the order given."""
    write_whole(path, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """A stage's result and what it cost: wall and CPU milliseconds of the run that made it."""

    value: T
    wall_ms: Ms
    cpu_ms: Ms


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder of one job."""

    job_id: str
    folder: Path

    @classmethod
    def open(cls, root: Path, job_id: str) -> Workspace:
        """The job's folder below `root`, made if needed. Raises WishError for an unusable id."""
        if not JOB_ID.fullmatch(job_id):
            raise WishError(
                f"The job id {job_id!r} can't be used: take up to 64 letters, digits, '_' and '-'."
            )
        folder = (root / job_id).resolve()
        (folder / "stages").mkdir(parents=True, exist_ok=True)
        return cls(job_id, folder)

    @classmethod
    def find(cls, root: Path, job_id: str) -> Workspace:
        """The folder of a job that was begun below `root`. Raises WishError when there is none."""
        if JOB_ID.fullmatch(job_id) and (root / job_id / "job.json").is_file():
            return cls.open(root, job_id)
        raise WishError(f"There is no job {job_id[:80]!r} in {str(root)!r}; check its id.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the job for this process. Raises WishError when another one works on it."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise WishError(
                    f"Job {self.job_id} is being worked on by another process; wait for it or stop it."
                ) from exc
            yield

    def path(self, name: str) -> Path:
        return self.folder / name

    def stage_path(self, name: str) -> Path:
        return self.folder / "stages" / f"{name}.json"

    def load(self, name: str, key: str | None, kind: type[T]) -> Kept[T] | None:
        """The kept result if it was made from the same things, else None. A key of None takes any."""
        try:
            data = json.loads(self.stage_path(name).read_bytes())
            if key not in (None, data["key"]):
                return None
            return Kept(from_json(kind, data["value"]), data["wall_ms"], data["cpu_ms"])
        except FileNotFoundError:
            return None
        except (json.JSONDecodeError, KeyError, TypeError, ValidationError):
            return None  # written by another version: make it again

    def key_of(self, name: str) -> str | None:
        """The key of a kept result; None when there is none."""
        try:
            return str(json.loads(self.stage_path(name).read_bytes())["key"])
        except (OSError, json.JSONDecodeError, KeyError, TypeError):
            return None

    def save(self, name: str, key: str, kept: Kept[Any]) -> Path:
        """Keep a result under its key; gives the file."""
        path = self.stage_path(name)
        document = {
            "schema": "kangklip/stage/1",
            "key": key,
            "wall_ms": kept.wall_ms,
            "cpu_ms": kept.cpu_ms,
            "value": to_json(kept.value),
        }
        write_json(path, document)
        return path

    def clean_temporary(self, is_ours: Callable[[Path], bool] = lambda path: True) -> None:
        """Remove what a killed run left half written."""
        for path in self.folder.rglob(".*.tmp*"):
            if path.is_file() and is_ours(path):
                path.unlink(missing_ok=True)
