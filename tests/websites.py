"""Small whole servers for the download tests: a web site with good and bad manners, and a small
internet whose public names and addresses all end at such sites on this machine."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

KINDS = {
    ".mp4": "video/mp4",
    ".m4a": "audio/mp4",
    ".webm": "video/webm",
    ".html": "text/html",
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".ts": "video/mp2t",
    ".vtt": "text/vtt",
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Website

    def log_message(self, format: str, *args: Any) -> None:
        self.server.asked.append(f"{self.command} {self.path} {self.headers.get('Range', '')}".strip())

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        behaviour: Callable[[], None] | None = getattr(self, "serve_" + parts.path.split("/")[1], None)
        if behaviour:
            behaviour()
        else:
            self._file(self.server.folder / parts.path.lstrip("/"))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, body)

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _file(self, path: Path) -> None:
        if path.is_file():
            kind = KINDS.get(path.suffix, "application/octet-stream")
            whole = path.read_bytes()
            start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if start:
                place = f"bytes {start[1]}-{len(whole) - 1}/{len(whole)}"
                self._answer(206, whole[int(start[1]) :], Content_Type=kind, Content_Range=place)
            else:
                self._answer(200, whole, Content_Type=kind)
        else:
            self._answer(404, b"nothing here")

    def serve_status(self) -> None:
        self._answer(int(self.path.rsplit("/", 1)[1]), b"no")

    def serve_redirect(self) -> None:
        target = parse_qs(urlsplit(self.path).query)["to"][0]
        self._answer(302, b"", Location=target)

    def serve_headers(self) -> None:
        self._answer(200, json.dumps(list(self.headers.items())).encode(), Content_Type="application/json")

    def _announce(self, size: int | None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        if size is not None:
            self.send_header("Content-Length", str(size))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def serve_stalled(self) -> None:
        """Announces a megabyte, sends a little, then nothing until the server ends."""
        self._announce(1_000_000)
        if self.command != "HEAD":
            self.wfile.write(b"\0\0\0\x20ftypisom" + b"\0" * 20)
            self.wfile.flush()
            self.server.ending.wait(30)

    def serve_huge(self) -> None:
        self._announce(9_000_000_000)

    def serve_endless(self) -> None:
        """Sends zeros without announcing a length until the other side has enough."""
        self._announce(None)
        if self.command == "HEAD":
            return
        try:
            while not self.server.ending.is_set():
                self.wfile.write(bytes(65536))
        except (BrokenPipeError, ConnectionResetError):
            return


class Website(ThreadingHTTPServer):
    """Serves the files of a folder, and /status/N, /redirect?to=, /headers, /stalled, /huge, /endless."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.asked: list[str] = []
        self.ending = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Website:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what many of these tests are about."""


class SmallInternet:
    """Names with their addresses, one list a lookup (the last one stays); every address leads to the site.

    `lookups` and `connections` say what was asked for.
    """

    def __init__(self, site: Website, names: dict[str, list[list[str]]]) -> None:
        self._site = site
        self._names = names
        self.lookups: list[str] = []
        self.connections: list[str] = []

    def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append(host)
        if host not in self._names:
            raise OSError(f"{host}: name not known")
        answers = self._names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        self.connections.append(address)
        return await asyncio.open_connection("127.0.0.1", self._site.server_port)
