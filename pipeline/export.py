"""The files of a finished job as one zip."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from pipeline.errors import StorageError, WishError
from pipeline.storage import Storage
from pipeline.stores.files import replacing
from pipeline.workspace import Workspace

MANIFEST = "manifest.json"


def published_names(workspace: Workspace, storage: Storage) -> tuple[str, ...]:
    """The manifest and every file in it, each made sure to be in the job's folder.

    Raises WishError when the job is not whole, StorageError when one of its files is gone.
    """
    path = workspace.path(MANIFEST)
    if not path.is_file() and not storage.get(workspace.job_id, MANIFEST, path):
        raise WishError(f"Job {workspace.job_id} is not finished, so there is nothing to export yet.")
    try:
        listed = [str(entry["name"]) for entry in json.loads(path.read_bytes())["artifacts"]]
    except (json.JSONDecodeError, KeyError, TypeError) as exc:
        raise StorageError(f"{MANIFEST} of job {workspace.job_id} can't be read.", str(exc)) from exc
    for name in listed:
        if not workspace.path(name).is_file() and not storage.get(
            workspace.job_id, name, workspace.path(name)
        ):
            raise StorageError(f"{name!r} of job {workspace.job_id} is gone; render the clip again.")
    return (*listed, MANIFEST)


def write_zip(folder: Path, names: Sequence[str], target: Path) -> None:
    """Put the files `names` of `folder` into `target`, flat; it appears whole or not at all.

    Nothing is compressed but text: media would only cost time. Raises StorageError for a name that is no
    plain file of the folder, one given twice, and when the disk refuses.
    """
    for name in names:
        if PurePosixPath(name).name != name or not (folder / name).is_file() or (folder / name).is_symlink():
            raise StorageError(f"{name[:80]!r} is no file of the job, so it can't be exported.")
    if len(set(names)) != len(names):
        raise StorageError("A file was named twice for one zip; name each once.")
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            text = name.endswith((".json", ".srt", ".vtt"))
            archive.write(folder / name, name, zipfile.ZIP_DEFLATED if text else zipfile.ZIP_STORED)
