"""Room on the disk: what is old goes, then the oldest until the rest fits.

Only what lies directly in the two folders of the session is ever touched: uploads, released files,
the folders of ended jobs, and folders that were prepared for a job that was never taken in. A link is
removed as a link; what it points to stays. Folders of jobs that the command line made, and anything
else, are left alone.
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from node.errors import NoRoom

YOUNG_S = 600.0
"""Uploads and released files younger than this survive a full quota: somebody is about to use them."""
RELEASED = "released"
"""The folder of released files below the temporary one; each of them has a folder of its own there."""
SWEPT = ".swept-"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be deleted as a whole. `moment`: last change (files), end (jobs), Unix seconds."""

    path: Path
    size_bytes: int
    moment: float
    job_id: str = ""


def doomed(items: Iterable[Item], now: float, keep_s: float, quota_bytes: int) -> list[Item]:
    """What has to go, oldest first: what is older than `keep_s`, then until the rest fits."""
    ordered = sorted(items, key=lambda item: item.moment)
    left = sum(item.size_bytes for item in ordered)
    gone = []
    for item in ordered:
        age = now - item.moment
        over = left > quota_bytes and (bool(item.job_id) or age > YOUNG_S)
        if age > keep_s or over:
            gone.append(item)
            left -= item.size_bytes
    return gone


def sweep(
    work_dir: Path,
    temp_dir: Path,
    ended: Mapping[str, float],
    in_use: Collection[Path],
    release: Callable[[str], bool],
    now: float,
    keep_s: float,
    quota_bytes: int,
) -> int:
    """Delete what `doomed` names; gives the bytes freed.

    `ended` are the jobs that may go, with the moments of their ends; `release(job_id)` is asked
    before a job's folder goes and says whether it still may. `in_use` are files of living jobs.
    """
    used = {path.resolve() for path in in_use}
    counted: set[tuple[int, int]] = set()
    items = [*_jobs(work_dir, ended, counted), *_files(temp_dir, used, counted)]
    freed = 0
    for item in doomed(items, now, keep_s, quota_bytes):
        if not item.job_id or release(item.job_id):
            _delete(item.path)
            freed += item.size_bytes
    _delete_leftovers(work_dir, now - keep_s)
    for rest in work_dir.glob(f"{SWEPT}*"):
        _delete(rest)
    return freed


def room(folder: Path, needed_bytes: int) -> None:
    """Raises NoRoom when the disk of `folder` has less free space than that."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise NoRoom(
            f"The disk has {_gb(free)} free and a new job needs {_gb(needed_bytes)}; "
            "try again when older jobs have gone, or free some space."
        )


# -- what there is --------------------------------------------------------------------------------


def _jobs(work_dir: Path, ended: Mapping[str, float], counted: set[tuple[int, int]]) -> Iterator[Item]:
    for job_id, moment in ended.items():
        path = work_dir / job_id
        if path.parent == work_dir and path.is_dir() and not path.is_symlink():
            yield Item(path, _measure(path, counted)[0], moment, job_id)


def _delete_leftovers(work_dir: Path, before: float) -> None:
    for path in work_dir.glob("kk_*"):
        known = any((path / name).exists() for name in ("node.json", "job.json"))
        if path.is_dir() and not path.is_symlink() and not known and _measure(path, set())[1] < before:
            _delete(path)


def _files(temp_dir: Path, used: Collection[Path], counted: set[tuple[int, int]]) -> Iterator[Item]:
    for folder in (temp_dir, temp_dir / RELEASED):
        if folder.is_symlink() and folder.name == RELEASED:
            continue
        for entry in _entries(folder):
            path = Path(entry.path)
            if path == temp_dir / RELEASED or any(path.resolve() in (file, *file.parents) for file in used):
                continue
            size, moment = _measure(path, counted)
            yield Item(path, size, moment)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _measure(path: Path, counted: set[tuple[int, int]]) -> tuple[int, float]:
    """Bytes and last change of a file or a whole folder. A file with several names counts once."""
    size, moment, rest = 0, 0.0, [path]
    while rest:
        current = rest.pop()
        try:
            info = current.lstat()
        except FileNotFoundError:
            continue
        moment = max(moment, info.st_mtime)
        if stat.S_ISDIR(info.st_mode):
            rest += [Path(entry.path) for entry in _entries(current)]
        elif (info.st_dev, info.st_ino) not in counted:
            counted.add((info.st_dev, info.st_ino))
            size += info.st_size
    return size, moment


def _delete(path: Path) -> None:
    """Out of sight first, so that nobody finds half a folder; then gone."""
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        hidden = path if path.name.startswith(SWEPT) else path.with_name(SWEPT + path.name)
        if hidden != path:
            shutil.rmtree(hidden, ignore_errors=True)
            path.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as exc:
        _log.warning("%s could not be deleted: %s", path.name, exc.strerror)


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB"
