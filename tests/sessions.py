"""The session app as a real process on a free port, small and fast."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.films import ROOT
from tests.nodes import free_port
from tests.places import SMALL, clean_shell

PATIENCE_S = 120.0


@dataclass
class Session:
    """A running `python app.py`; its jobs lie in `folder`/work, its log in `folder`/log."""

    port: int
    folder: Path
    child: subprocess.Popen[bytes]
    token: str = ""
    prefix: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}/"

    @property
    def headers(self) -> dict[str, str]:
        return {"x-kangklip-token": self.token} if self.token else {}

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.base, headers=self.headers, timeout=60)

    def upload(self, path: Path) -> str:
        """Send a file as the page does; gives the path that names it from then on."""
        with self.client() as client, path.open("rb") as file:
            answer = client.post("gradio_api/upload", files={"files": (path.name, file)})
        answer.raise_for_status()
        return str(answer.json()[0])

    def call(self, endpoint: str, **arguments: Any) -> list[tuple[str, Any]]:
        """Ask an endpoint as curl does: the (event, data) pairs of its answer, heartbeats left out."""
        import json

        with self.client() as client:
            begun = client.post(f"gradio_api/call/v2/{endpoint}", json=arguments)
            begun.raise_for_status()
            events: list[tuple[str, Any]] = []
            name = ""
            url = f"gradio_api/call/{endpoint}/{begun.json()['event_id']}"
            with client.stream("GET", url, timeout=PATIENCE_S) as answer:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("data: ") and name != "heartbeat":
                        events.append((name, json.loads(line[6:])))
            return events

    def result(self, endpoint: str, **arguments: Any) -> Any:
        """The last value of an endpoint; fails with what it said instead."""
        name, data = self.call(endpoint, **arguments)[-1]
        assert name == "complete", f"{endpoint}: {name} {data}"
        return data[0]

    def refusal(self, endpoint: str, **arguments: Any) -> str:
        """The error of an endpoint that must refuse."""
        name, data = self.call(endpoint, **arguments)[-1]
        assert name == "error", f"{endpoint}: {name} {data}"
        return str(data["error"])

    def page(self) -> Callable[..., dict[str, Any]]:
        """The page's own way in: `ask(name, **arguments)` gives {ok, value} or {ok, code, message, url}."""
        with self.client() as client:
            parts = client.get("config").json()["components"]
        number = next(part["id"] for part in parts if part["props"].get("elem_id") == "kk-studio")

        def ask(name: str, **arguments: Any) -> dict[str, Any]:
            body = {
                "data": {"name": name, "args": arguments},
                "component_id": number, "fn_name": "call", "session_hash": "a-page",
            }  # fmt: skip
            with self.client() as client:
                answer = client.post("gradio_api/component_server", json=body)
            answer.raise_for_status()
            return dict(answer.json())

        return ask

    def control(self, what: str, **body: Any) -> httpx.Response:
        """Ask as the launcher itself does: POST /control/{what}."""
        with self.launcher() as client:
            return client.post(f"control/{what}", json=body)

    def launcher(self) -> httpx.Client:
        """The launcher's own way in, beside what it passes on for visitors."""
        return httpx.Client(base_url=self.base, headers={"x-kangklip-control": self.token}, timeout=60)


def shell(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a small and fast `python app.py`."""
    places = {"WORK_DIR": str(folder / "work"), "OUT_DIR": str(folder / "out")}
    return clean_shell() | SMALL | places | {"MIN_FREE_GB": "0.1", **settings}


@contextmanager
def session(folder: Path, token: str = "", prefix: str = "", **settings: str) -> Iterator[Session]:
    """A session that is open; closed at the end, all its children with it."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    environment = shell(folder, PORT=str(port), ROOT_PATH=prefix, **settings)
    with (folder / "log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    made = Session(port, folder, child, token, prefix)
    try:
        _until_open(made)
        yield made
    finally:
        child.terminate()
        try:
            child.wait(timeout=30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _until_open(made: Session) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert made.child.poll() is None, made.log
        try:
            if httpx.get(f"http://127.0.0.1:{made.port}/healthz", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the session did not open:\n{made.log}")
