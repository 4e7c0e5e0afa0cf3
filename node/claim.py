"""What a session has for itself, its work folder and its port: claimed before anything is touched."""

from __future__ import annotations

import fcntl
import socket
from pathlib import Path
from typing import IO


class CannotOpen(Exception):
    """The session can't open: one sentence for the person who started it."""


def claim_folder(work_dir: Path) -> IO[str]:
    """Hold the folder for this process, for as long as the file is open. Raises CannotOpen.

    Two sessions in one folder would take up each other's jobs and clear each other's files.
    """
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        held = (work_dir / "session.lock").open("w")
    except OSError as exc:
        raise CannotOpen(f"WORK_DIR {str(work_dir)!r} can't be written ({exc.strerror}).") from exc
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        held.close()
        raise CannotOpen(
            f"Another session works in {str(work_dir)!r}; stop it, or set WORK_DIR to a folder of its own."
        ) from exc
    return held


def check_port(host: str, port: int) -> None:
    """Raises CannotOpen when nothing can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as exc:
        raise CannotOpen(
            f"Nothing can listen on {host} port {port} ({exc.strerror}); stop what uses it, or set PORT."
        ) from exc
