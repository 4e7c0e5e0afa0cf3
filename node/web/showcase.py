"""What of a job can be fetched by its address, and how a visitor's upload becomes a job's.

    temp_dir/<sha256>/name              Gradio keeps an upload here
    temp_dir/released/<32 hex>/name     a released file, hard-linked: no copy, no space

The 32 digits come from a secret of this process and from what the file is, so an address can't be
guessed and changes with the file.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import shutil
import threading
from errno import EMLINK, ENOTSUP, EPERM, EXDEV
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from urllib.parse import quote

from node.errors import BadRequest, NotReady
from pipeline.workspace import JOB_ID

log = logging.getLogger("kangklip.node")

RELEASED = "released"
FILE_NAME = r"[a-z0-9_][a-z0-9_.-]{0,99}"
_NAME = re.compile(FILE_NAME)
_UPLOAD_FOLDER = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
_NO_LINKS = {EXDEV, EMLINK, ENOTSUP, EPERM}
_TRIES = 5


class Showcase:
    """The released files of one session. What an earlier process released is removed at the start:
    nobody holds its addresses any more. Methods may be called from any thread.

    `temp_dir` must be the folder that Gradio knows as GRADIO_TEMP_DIR, written the same way.
    """

    def __init__(self, temp_dir: Path) -> None:
        self._temp_dir = temp_dir.resolve()
        self._released = self._temp_dir / RELEASED
        self._secret = secrets.token_bytes(32)
        self._folders: dict[str, set[Path]] = {}
        self._lock = threading.Lock()
        if self._released.is_symlink():
            self._released.unlink()
        elif self._released.exists():
            shutil.rmtree(self._released)
        self._released.mkdir(parents=True, mode=0o700)

    def release(self, job_folder: Path, name: str) -> Path:
        """The path under which a file of a job can be fetched from now on; the same while it is the same.

        Raises BadRequest for a name that no file of a job has, NotReady when the file is not there.
        """
        job_id = job_folder.name
        if not (_NAME.fullmatch(name) and JOB_ID.fullmatch(job_id)):
            raise BadRequest(f"{name[:80]!r} is not the name of a job's file.")
        source = job_folder / name
        with self._lock:
            for _ in range(_TRIES):
                before = _regular(source)
                if before is None:
                    raise NotReady(f"{name} of job {job_id} is not there yet; wait until it is made.")
                target = self._released / self._key(job_id, name, before) / name
                self._folders.setdefault(job_id, set()).add(target.parent)
                target.parent.mkdir(mode=0o700, exist_ok=True)
                if _give(source, target, before):
                    return target
        raise NotReady(f"{name} of job {job_id} is being made anew; ask again in a moment.")

    def url(self, path: Path) -> str:
        """The address of a released file, relative to the page."""
        return f"gradio_api/file={quote(str(path))}"

    def withdraw(self, job_id: str) -> None:
        """Remove what was released of a job; its own files stay."""
        with self._lock:
            for folder in self._folders.pop(job_id, set()):
                shutil.rmtree(folder, ignore_errors=True)

    def upload(self, path: str) -> Path:
        """The file that a visitor names as an upload.

        Raises BadRequest for anything that is not a file which was uploaded to this session.
        """
        folder, _, name = path.removeprefix(f"{self._temp_dir}/").partition("/")
        inside = path.startswith(f"{self._temp_dir}/") and _UPLOAD_FOLDER.fullmatch(folder)
        if not (inside and name) or name.startswith(".") or any(letter in name for letter in "/\\\0"):
            raise _no_upload(path)
        file = self._temp_dir / folder / name
        try:
            is_folder = S_ISDIR(file.parent.lstat().st_mode)
        except OSError as exc:
            raise _no_upload(path) from exc
        if not is_folder or _regular(file) is None:
            raise _no_upload(path)
        return file

    def adopt_upload(self, path: str, job_folder: Path) -> Path:
        """Take an upload that a visitor names into a job's folder (made if needed), as `upload<ext>`.

        Raises BadRequest as `upload` does.
        """
        source = self.upload(path)
        suffix = source.suffix.lower()
        target = job_folder / f"upload{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        temporary = job_folder / f".{target.name}.{secrets.token_hex(8)}.tmp"
        job_folder.mkdir(parents=True, exist_ok=True)
        try:
            before = _regular(source)
            if before is None or not _give(source, temporary, before):
                raise _no_upload(path)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
        return target

    def _key(self, job_id: str, name: str, stat: os.stat_result) -> str:
        what = f"{job_id}/{name}/{stat.st_mtime_ns}/{stat.st_size}"
        return hmac.digest(self._secret, what.encode(), hashlib.sha256).hex()[:32]


def _no_upload(path: str) -> BadRequest:
    return BadRequest(
        f"{path[-80:]!r} is not a file that was uploaded to this session; upload it, "
        "then pass the path that the upload gave."
    )


def _regular(path: Path) -> os.stat_result | None:
    """What is there, when it is a regular file and no link."""
    try:
        stat = path.lstat()
    except (OSError, ValueError):
        return None
    return stat if S_ISREG(stat.st_mode) else None


def _give(source: Path, target: Path, expected: os.stat_result) -> bool:
    """Put `source` at `target` too; False when it is no longer the file that was expected."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        there = target.lstat()
        return (there.st_size, there.st_mtime_ns) == (expected.st_size, expected.st_mtime_ns)
    except FileNotFoundError:
        return False
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        log.warning("%s is copied to the session's folder: it can't be linked there (%s)", target.name, exc)
        return _copy(source, target, expected)
    if os.path.samestat(target.lstat(), expected):
        return True
    target.unlink()
    return False


def _copy(source: Path, target: Path, expected: os.stat_result) -> bool:
    temporary = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        opened = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        with os.fdopen(opened, "rb") as file:
            if not os.path.samestat(os.fstat(file.fileno()), expected):
                return False
            with temporary.open("xb") as copy:
                shutil.copyfileobj(file, copy, 1 << 20)
        os.utime(temporary, ns=(expected.st_atime_ns, expected.st_mtime_ns))
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return True
