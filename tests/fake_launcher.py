"""A whole launcher over real HTTP: it grants, takes news, shares, and has every fault one can ask for."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "callback-token-of-the-session-0123456789"


class FakeLauncher:
    """`received` is all that came, whatever became of it; `accepted` is what was taken.

    `faults[path]` holds what happens to the next requests of that path, one after the other:

    a number: that status; "reset": the line is cut; "slow": an answer after `slow_s`; "text": no JSON;
    "list": the wrong JSON. Without a fault it answers as a launcher does, if the token is right.
    """

    def __init__(self) -> None:
        self.faults: dict[str, deque[Any]] = {"/events": deque(), "/grants": deque(), "/share": deque()}
        self.deny = ""
        self.presigned: dict[str, Any] | None = None
        self.slow_s = 1.0
        self.tries: Counter[tuple[str, str]] = Counter()
        self.accepted: list[tuple[str, str, dict[str, Any]]] = []
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.unauthorised = 0
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                fake.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    # -- for the tests -----------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def line(self) -> dict[str, str]:
        """What `Launcher.configure` wants."""
        named = {f"{name}_url": f"{self.url}/{name}" for name in ("events", "grants", "share")}
        return {**named, "token": TOKEN}

    def taken(self, path: str) -> list[dict[str, Any]]:
        """The bodies accepted under that path."""
        with self._lock:
            return [body for where, _, body in self.accepted if where == path]

    def outcomes(self) -> list[dict[str, Any]]:
        ends = ("SUCCEEDED", "FAILED", "CANCELLED")
        return [body for body in self.taken("/events") if body["status"] in ends]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    # -- as a launcher -----------------------------------------------------------------------------

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["content-length"])))
        key = request.headers.get("idempotency-key", "")
        with self._lock:
            self.tries[request.path, key] += 1
            self.received.append((request.path, body))
            faults = self.faults[request.path]
            fault = faults.popleft() if faults else None
        if fault == "slow":
            time.sleep(self.slow_s)
        elif fault == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.connection.close()
            return
        elif isinstance(fault, int):
            return _send(request, fault, b"{}")
        elif fault is not None:
            return _send(request, 200, b"<h1>hello</h1>" if fault == "text" else b"[1, 2]")
        if request.headers.get("x-callback-token") != TOKEN:
            self.unauthorised += 1
            return _send(request, 403, b"{}")
        with self._lock:
            self.accepted.append((request.path, key, body))
        _send(request, 200, json.dumps(self._reply(request.path)).encode())

    def _reply(self, path: str) -> dict[str, Any]:
        if path == "/share":
            return {"url": "https://clips.example/abc"}
        if path == "/grants" and self.deny:
            return {"granted": False, "message": self.deny, "url": "https://pay.example/top-up"}
        return {"granted": True, "presigned": self.presigned} if path == "/grants" else {"ok": True}


def _send(request: BaseHTTPRequestHandler, status: int, data: bytes) -> None:
    try:
        request.send_response(status)
        request.send_header("content-length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)
    except OSError:
        return  # whoever asked has hung up
