"""UPLOAD: where the files of a job go, and where another machine finds them again.

One door, `open_storage`, to three places: a folder (the default), an S3-compatible bucket, and
presigned URLs given from outside. Each keeps a file as `jobs/{job_id}/{name}`, shows it under its
name only when it is whole, and does not send again what it holds already.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pipeline.errors import StorageError
from pipeline.options import StorageOptions
from pipeline.records import Artifact
from pipeline.stores.files import content_of, digest_of, replacing
from pipeline.stores.names import is_name, job_path


class Storage(Protocol):
    """A place for artifacts. Every method raises StorageError, and on names that could lead elsewhere.

    A name is a file name, alone or in one sub-folder: `clip_01.mp4`, `stages/select.json`. Files of
    different names may be put from several threads at once; one job has one writer.
    """

    keeps_source: bool
    """Whether the source film must be stored too, so that another machine can go on."""

    def put(
        self, job_id: str, name: str, path: Path, on_progress: Callable[[int], None] | None = None
    ) -> Artifact:
        """Store a file and say what was stored; `on_progress` gets the bytes stored so far."""

    def get(self, job_id: str, name: str, path: Path) -> bool:
        """Fetch a file to `path`, which is whole or not touched; False when it is not stored."""

    def names(self, job_id: str) -> tuple[str, ...]:
        """The names of what is stored for a job, sorted."""

    def location(self, job_id: str) -> str:
        """What to show a person who looks for the files; never a secret."""


def sha256_of(path: Path) -> str:
    """The sha256 of a file as hex digits, read in blocks. Raises OSError when it cannot be read."""
    return digest_of(path)


def open_storage(options: StorageOptions) -> Storage:
    """The place that the options name; the folder when they name no other. Raises StorageError."""
    if options.presigned_file is not None and options.bucket:
        raise StorageError(
            f"Both presigned URLs and the bucket {options.bucket!r} are set as storage; set only one of them."
        )
    if options.presigned_file is not None:
        from pipeline.stores.presigned import PresignedStorage

        return PresignedStorage(options.presigned_file)
    if options.bucket:
        from pipeline.stores.s3 import S3Storage

        return S3Storage(options)
    return FolderStorage(options.folder)


class FolderStorage:
    """Files under `folder/jobs/{job_id}`.

    On one file system a stored file is a hard link to the file that was put, and a fetched file one
    to the stored: the same bytes under two names. That is safe because everybody in this project
    replaces files by rename and never writes into one. `folder` itself may be a symbolic link;
    inside it none is followed.
    """

    keeps_source: bool = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(
        self, job_id: str, name: str, path: Path, on_progress: Callable[[int], None] | None = None
    ) -> Artifact:
        target = self._path(job_id, name)
        content = content_of(path)
        if not (_is_file(target) and (target.samefile(path) or content_of(target) == content)):
            _place(path, target)
        if on_progress:
            on_progress(content.size_bytes)
        return Artifact(name, content.size_bytes, content.sha256, str(target))

    def get(self, job_id: str, name: str, path: Path) -> bool:
        stored = self._path(job_id, name)
        if not _is_file(stored):
            return False
        if not (_is_file(path) and path.samefile(stored)):
            _place(stored, path)
        return True

    def names(self, job_id: str) -> tuple[str, ...]:
        folder = self._path(job_id)
        try:
            found = [
                path
                for path in (*folder.glob("*"), *folder.glob("*/*"))
                if _is_file(path) and not path.parent.is_symlink()
            ]
        except OSError as exc:
            raise StorageError(f"The folder {str(folder)!r} could not be read: {exc.strerror}.") from exc
        return tuple(sorted(filter(is_name, (path.relative_to(folder).as_posix() for path in found))))

    def location(self, job_id: str) -> str:
        return str(self._folder / job_path(job_id))

    def _path(self, job_id: str, name: str | None = None) -> Path:
        """Where a file or the job belongs. Raises StorageError when a symbolic link leads away from there."""
        path = self._folder / job_path(job_id, name)
        folder = path if name is None else path.parent
        while folder != self._folder:
            if folder.is_symlink():
                raise StorageError(
                    f"{str(folder)!r} is a symbolic link, which is not followed; put a real folder there."
                )
            folder = folder.parent
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink()
    except OSError as exc:
        raise StorageError(f"{str(path)!r} could not be read: {exc.strerror}.") from exc


def _place(source: Path, target: Path) -> None:
    """Make `target` hold what `source` holds: linked where the file system can, copied otherwise."""
    with replacing(target) as temporary:
        try:
            # Resolved, because a link to a symbolic link would store the link and not the film.
            os.link(source.resolve(), temporary)
        except OSError:
            shutil.copyfile(source, temporary)
