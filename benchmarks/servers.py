"""Servers to be compared, each a process of its own; among them `python app.py` and a bare Gradio app."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from settings import NodeSettings

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0
LOOK_EVERY_S = 0.02


@dataclass(frozen=True, slots=True)
class Server:
    """A server process. `began` is the monotonic second at which it was started."""

    port: int
    pid: int
    began: float
    log: Path

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def cpu_s(self) -> float:
        """Processor seconds of the server itself so far, its children's left out."""
        spent = psutil.Process(self.pid).cpu_times()
        return float(spent.user + spent.system)


def ours(port: int, folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
    """Command and settings of the session node on a folder of its own."""
    places = {"WORK_DIR": str(folder / "work"), "OUT_DIR": str(folder / "out")}
    return ["app.py"], {"PORT": str(port), "MIN_FREE_GB": "0.1", "OFFLINE": "1", **places}


def bare(port: int, folder: Path) -> tuple[Sequence[str], Mapping[str, str]]:
    """Command and settings of the bare Gradio app."""
    settings = {"GRADIO_ANALYTICS_ENABLED": "False", "GRADIO_TEMP_DIR": str(folder / "bare")}
    return ["-m", "benchmarks.bare_gradio", str(port)], settings


Kind = Callable[[int, Path], tuple[Sequence[str], Mapping[str, str]]]
"""A port and a folder become Python's arguments and the environment."""


@contextmanager
def started(kind: Kind, folder: Path) -> Iterator[Server]:
    """A server process from its first moment on, not waited for; ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command, settings = kind(port, folder)
    log = folder / f"server_{port}.log"
    with log.open("ab") as out:
        began = time.monotonic()
        child = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=_clean_shell() | settings, stdout=out, stderr=out
        )
    try:
        yield Server(port, child.pid, began, log)
    finally:
        child.terminate()
        try:
            child.wait(timeout=60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(timeout=20)


def seconds_until(server: Server, path: str) -> float:
    """Seconds from the start of the process to the whole first good answer at `path`."""
    with httpx.Client(base_url=server.base, timeout=20, verify=False) as client:
        while time.monotonic() < server.began + PATIENCE_S:
            try:
                if client.get(path).status_code == 200:
                    return time.monotonic() - server.began
            except httpx.TransportError:
                time.sleep(LOOK_EVERY_S)
    raise RuntimeError(f"/{path} did not answer in {PATIENCE_S:g} s: {server.log.read_text()[-2000:]}")


def _clean_shell() -> dict[str, str]:
    """The shell's environment without the node's settings, and with Python keeping its bytecode."""
    ours = {entry.metadata["key"] for entry in NodeSettings.__dataclass_fields__.values()}
    return {k: v for k, v in os.environ.items() if k not in ours | {"PYTHONDONTWRITEBYTECODE"}}
