"""What must not be lost between the node and its launcher: outcomes not yet taken, grants, open asks.

One small file each, readable by its owner only, in the form `kangklip/<kind>/1`.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from node.records import Grant
from pipeline.workspace import JOB_ID, from_json, write_json

_log = logging.getLogger(__name__)

Event = dict[str, Any]


class Spool:
    """A folder. Methods raise OSError when the disk does not take it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in ("outcomes", "grants", "asks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)

    # -- outcomes ----------------------------------------------------------------------------------

    def keep_outcome(self, event: Event) -> None:
        self._write(self._outcome(event), event)

    def drop_outcome(self, event: Event) -> None:
        self._outcome(event).unlink(missing_ok=True)

    def outcomes(self) -> list[Event]:
        """Those not yet taken, in their order."""
        found = [_read(path) for path in (self._folder / "outcomes").glob("*.json")]
        usable = [e for e in found if isinstance(e.get("job_id"), str) and isinstance(e.get("seq"), int)]
        return sorted(usable, key=lambda event: int(event["seq"]))

    def _outcome(self, event: Event) -> Path:
        return self._folder / "outcomes" / f"{_checked(event['job_id'])}.{int(event['seq'])}.json"

    # -- grants ------------------------------------------------------------------------------------

    def keep_grant(self, kind: str, job_id: str, clip: int | None, grant: Grant) -> None:
        self._write(self._of("grants", kind, job_id, clip), asdict(grant))

    def grant(self, kind: str, job_id: str, clip: int | None) -> Grant | None:
        """The remembered grant; None when there is none (or none that can be read)."""
        data = _read(self._of("grants", kind, job_id, clip))
        data.pop("schema", None)
        try:
            return from_json(Grant, data) if data else None
        except ValueError:
            _log.warning("a remembered grant of job %s can't be read; it will be asked for again", job_id)
            return None

    # -- asks --------------------------------------------------------------------------------------

    def ask_key(self, kind: str, job_id: str, clip: int | None) -> str:
        """The key of a question without an answer yet: the same one after a restart."""
        path = self._of("asks", kind, job_id, clip)
        key = _read(path).get("key")
        if not isinstance(key, str):
            key = uuid.uuid4().hex
            self._write(path, {"key": key})
        return key

    def answered(self, kind: str, job_id: str, clip: int | None) -> None:
        """The next question of this kind is another one."""
        self._of("asks", kind, job_id, clip).unlink(missing_ok=True)

    def _of(self, room: str, kind: str, job_id: str, clip: int | None) -> Path:
        return self._folder / room / f"{_checked(kind)}.{_checked(job_id)}.{clip or 0:d}.json"

    def _write(self, path: Path, data: Mapping[str, Any]) -> None:
        write_json(path, {"schema": f"kangklip/{path.parent.name}/1", **data})
        path.chmod(0o600)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as exc:
        _log.warning("%s can't be read and is left out: %s", path.name, type(exc).__name__)
        return {}
    return data if isinstance(data, dict) else {}


def _checked(name: str) -> str:
    if not JOB_ID.fullmatch(name):
        raise ValueError(f"{name[:80]!r} can't be part of a file's name")
    return name
