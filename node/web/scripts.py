"""Gradio's scripts and sheets, compressed once instead of at every visit.

A first visit takes about seventy of them; Gradio reads and compresses each anew, which is nine tenths
of what a visitor costs. Their names hold a hash of their content, so an answer stays right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 << 20
"""Gradio 6.31 has 18 MB of them uncompressed."""
_OWN_ANSWER = ("range", "if-none-match", "if-modified-since", "if-range")


@dataclass(frozen=True, slots=True)
class _Kept:
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Scripts:
    """ASGI: answers from memory what `app` has answered before, by path and compression."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._bytes = 0

    async def answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request; `path` is without a proxy's prefix and names a file by its hash."""
        headers = Headers(scope=scope)
        if scope["method"] != "GET" or scope["query_string"] or any(name in headers for name in _OWN_ANSWER):
            await self._app(scope, receive, send)
            return
        key = (path, _coding(headers.get("accept-encoding", "")))
        if (kept := self._kept.get(key)) is None:
            await self._pass_and_keep(key, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(kept.headers)})
        await send({"type": "http.response.body", "body": kept.body})

    async def _pass_and_keep(self, key: tuple[str, str], scope: Scope, receive: Receive, send: Send) -> None:
        start: Message = {}
        pieces: list[bytes] = []

        async def listening(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                # taken before `send`, which dresses the message
                start = {**message, "headers": tuple((bytes(n), bytes(v)) for n, v in message["headers"])}
            elif message["type"] == "http.response.body" and start.get("status") == 200:
                pieces.append(message.get("body", b""))
                if not message.get("more_body"):
                    self._keep(key, start["headers"], b"".join(pieces))
            await send(message)

        await self._app(scope, receive, listening)

    def _keep(self, key: tuple[str, str], headers: Sequence[tuple[bytes, bytes]], body: bytes) -> None:
        if key not in self._kept and self._bytes + len(body) <= MOST_BYTES:
            self._bytes += len(body)
            others = [(name, value) for name, value in headers if name.lower() != b"content-length"]
            self._kept[key] = _Kept((*others, (b"content-length", b"%d" % len(body))), body)


def _coding(accepted: str) -> str:
    """Which compression Gradio chooses, found as Gradio finds it."""
    return next((coding for coding in ("br", "gzip") if coding in accepted), "")
