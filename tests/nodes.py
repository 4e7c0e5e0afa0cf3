"""A small, real Gradio node behind the door, as a process of its own on a free port.

python -m tests.nodes PORT FOLDER [--token-sha256 X] [--root-path /s/abc] [--host NAME]…
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp

from node.errors import UnknownJob
from node.web.control import Configuration, Health, Released, StartJob
from node.web.token import digest
from tests.films import ROOT

TOKEN = "a-session-token"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Node:
    """A running node. `folder` holds jobs/one/ with files to release, and temp/ for Gradio."""

    port: int
    folder: Path
    token: str = ""
    prefix: str = ""
    log: Path = field(default=Path())

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-kangklip-token": self.token} if self.token else {}

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers=self.headers, timeout=20, **more)

    def raw(self, data: bytes) -> bytes:
        """The answer to bytes that no HTTP library would send; at most 64 KB of it."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as link:
            link.sendall(data)
            answer = b""
            while len(answer) < 65536 and (piece := link.recv(65536)):
                answer += piece
        return answer

    def get_raw(self, target: str, headers: Mapping[str, str] | None = None) -> bytes:
        """GET a target exactly as written."""
        lines = {"Host": f"127.0.0.1:{self.port}", "Connection": "close"} | self.headers | dict(headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return self.raw(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))


@contextmanager
def running(folder: Path, token: str = "", prefix: str = "", *args: str) -> Iterator[Node]:
    """A node process, up and well; stopped at the end."""
    node = Node(free_port(), folder, token, prefix, folder / "log")
    job = folder / "jobs" / "one"
    job.mkdir(parents=True, exist_ok=True)
    (job / "clip_01.mp4").write_bytes(bytes(range(256)) * 4096)
    more = ["--root-path", prefix, *(["--token-sha256", digest(token)] if token else [])]
    with node.log.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.small_node", str(node.port), str(folder), *more, *args],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(node, child)
        yield node
    finally:
        child.terminate()
        child.wait(timeout=20)


def _wait(node: Node, child: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 150
    while time.monotonic() < end and child.poll() is None:
        try:
            if httpx.get(f"{node.base}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the node did not start: {node.log.read_text()}")


@contextmanager
def serving(app: ASGIApp) -> Iterator[int]:
    """An ASGI app over real HTTP in a thread; gives its port."""
    port = free_port()
    config = uvicorn.Config(app, port=port, log_level="critical", ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started and time.monotonic() < end:
        time.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(timeout=10)


class Hooks:
    """What the control routes reach: remembers what was asked, and moves the app."""

    def __init__(self, move: Callable[[str], None]) -> None:
        self.move = move
        self.jobs: dict[str, dict[str, Any]] = {}
        self.seen: list[str] = []
        self.ended = threading.Event()

    def health(self) -> Health:
        return Health(session="s1", version="0", busy=False, jobs=len(self.jobs), loaded=tuple(self.seen))

    def configure(self, wanted: Configuration) -> None:
        if wanted.root_path is not None:
            self.move(wanted.root_path)
        self.seen.append("configured")

    def start(self, wanted: StartJob) -> Mapping[str, Any]:
        self.jobs[wanted.job_id] = {"job_id": wanted.job_id, "count": wanted.count}
        return self.jobs[wanted.job_id]

    def state(self, job_id: str) -> Mapping[str, Any]:
        if job_id not in self.jobs:
            raise UnknownJob(f"There is no job {job_id[:64]!r} in this session.")
        return self.jobs[job_id]

    def grant(self, released: Released) -> None:
        self.seen.append(f"{released.kind} {released.job_id} {released.clip}")

    def drain(self) -> None:
        self.seen.append("drained")

    def stop(self) -> None:
        self.ended.set()
