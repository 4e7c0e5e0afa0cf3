"""A real HTTP server in front of an S3 server that passes requests on, and goes wrong when told to.

`FaultyServer(upstream)` forwards to `upstream` ("host:port"); a test arms it through `faults`.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP_HEADERS = {"connection", "transfer-encoding", "keep-alive", "expect", "content-length", "date", "server"}


@dataclass
class Faults:
    """What goes wrong. The numbers count down: so many requests go wrong, later ones go through."""

    statuses: list[int] = field(default_factory=list)  # answered first, one a request
    resets: int = 0  # the connection is reset in the middle of a PUT's body
    truncated: int = 0  # a GET's body ends in the middle of the promised length
    damaged: int = 0  # a GET's body has one byte changed
    silence_s: float = 0.0  # before every answer
    refuse_all: int = 0  # the status of every answer
    redirect_to: str = ""  # every answer sends the client there
    stall_gets: bool = False  # a GET sends half of its body, then nothing until these faults are over
    over: threading.Event = field(default_factory=threading.Event)


class FaultyServer(ThreadingHTTPServer):
    """Serves until the end of its `with` block; `requests` lists (method, path) of what came in."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.lock = threading.Lock()
        self.faults = Faults()
        self.forget()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def forget(self) -> None:
        """Start anew: no faults, nothing came in."""
        self.faults.over.set()
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0

    def count(self, method: str) -> int:
        return sum(1 for used, _ in self.requests if used == method)

    def take(self, fault: str) -> bool:
        """Whether the fault strikes this time; counts it down."""
        with self.lock:
            left: int = getattr(self.faults, fault)
            setattr(self.faults, fault, max(0, left - 1))
            return left > 0

    def process_request(self, request: object, client_address: object) -> None:
        self.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def next_status(self) -> int:
        with self.lock:
            if self.faults.refuse_all:
                return self.faults.refuse_all
            return self.faults.statuses.pop(0) if self.faults.statuses else 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of these tests."""


@contextmanager
def faulty_server(upstream: str) -> Iterator[FaultyServer]:
    server = FaultyServer(upstream)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.faults.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FaultyServer
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _serve(self) -> None:
        server = self.server
        with server.lock:
            server.requests.append((self.command, urlsplit(self.path).path))
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
        length = int(self.headers.get("Content-Length", 0))
        if self.command == "PUT" and length and server.take("resets"):
            self.rfile.read(length // 2)
            self._reset()
            return
        body = self.rfile.read(length)
        if server.faults.silence_s:
            server.faults.over.wait(server.faults.silence_s)
        if server.faults.redirect_to:
            self._reply(307, [("Location", server.faults.redirect_to)], b"")
        elif status := server.next_status():
            self._reply(status, [], b"")
        else:
            self._forward(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    def _forward(self, body: bytes) -> None:
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=20)
        try:
            headers = {
                name: value for name, value in self.headers.items() if name.lower() not in _HOP_HEADERS
            }
            headers["Content-Length"] = str(len(body))
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
            kept = [pair for pair in answer.getheaders() if pair[0].lower() not in _HOP_HEADERS]
            promised = answer.getheader("Content-Length")
        finally:
            upstream.close()
        if self.command == "HEAD":
            self._reply(answer.status, kept, b"", promised)
        else:
            self._reply(answer.status, kept, content)

    def _reply(
        self, status: int, headers: list[tuple[str, str]], body: bytes, promised: str | None = None
    ) -> None:
        download = self.command == "GET" and status in (200, 206) and len(body) > 1
        if download and self.server.take("damaged"):
            body = bytes([body[0] ^ 1]) + body[1:]
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", promised or str(len(body)))
        self.end_headers()
        if download and self.server.faults.stall_gets:
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.faults.over.wait(30)
            self.close_connection = True
        elif download and self.server.take("truncated"):
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)

    def _reset(self) -> None:
        """Close with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())
        self.close_connection = True
