"""The names artifacts may have, and what a name says about the content."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from pipeline.errors import StorageError

# A leading dot is kept for temporary files; 180 leaves room for what they add to a name.
_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,179}"
_NAME = re.compile(rf"(?:{_PART}/)?{_PART}")
_JOB_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

_CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    ".json": "application/json",
    ".otio": "application/json",
    ".zip": "application/zip",
}


def is_name(name: str) -> bool:
    """Whether `name` is a file name of ours, alone or in one sub-folder (`stages/edl.json`)."""
    return _NAME.fullmatch(name) is not None


def job_path(job_id: str, name: str | None = None) -> str:
    """`jobs/{job_id}` or `jobs/{job_id}/{name}`. Raises StorageError when either could lead elsewhere."""
    if not _JOB_ID.fullmatch(job_id):
        raise StorageError(
            f"The job id {job_id[:80]!r} cannot be used; it must be 1 to 64 letters, digits, '_' or '-'."
        )
    if name is None:
        return f"jobs/{job_id}"
    return f"jobs/{job_id}/{checked_name(name)}"


def checked_name(name: str) -> str:
    """`name` itself. Raises StorageError when it is not one of ours."""
    if not is_name(name):
        raise StorageError(
            f"The file name {name[:80]!r} cannot be stored; it must be letters, digits, '_', '.' or '-', "
            "not begin with a dot, and lie in one sub-folder at most."
        )
    return name


def content_type_of(name: str) -> str:
    """The media type sent with a PUT; whoever signs a Content-Type into a URL must sign this one."""
    return _CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
