"""What leaves the node: the headers of every answer, and errors as {"detail": a sentence}.

Gradio's page shows `detail` to the person; anything else becomes "could not parse server response".
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
"""What Gradio's page works under, tried in Chromium: its settings are inline scripts, its HTML parts
are compiled by `Function`, its icons are data, its previews blobs. Nothing comes from another host."""

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
    "content-security-policy": CONTENT_SECURITY_POLICY,
}

SENTENCES = {
    400: "The request can't be understood; check its address and its body.",
    404: "There is nothing at this address.",
    405: "This address does not take that kind of request.",
    413: "The file is larger than this session takes; send a smaller one.",
    500: "Something went wrong that should not; try again, and tell whoever runs this session.",
}
_MOST_TEXT = 500


def refusal(status: int, sentence: str = "", headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error for the person who asked."""
    if not sentence:
        sentence = SENTENCES.get(status, f"This did not work: {HTTPStatus(status).phrase}.")
    return JSONResponse({"detail": sentence}, status, headers)


class Answer:
    """Stands between an app and `send`: sets the headers, turns errors that are no JSON into ours.

    `cache` is the Cache-Control of a good answer; None for a page of ours, which says this and its
    errors itself.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self.cache: str | None = "no-store"
        self._replaced: Message | None = None
        self._text = b""
        self.started = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._dress(message)
            if self.cache is not None and self._is_foreign_error(message):
                self._replaced = message
                return
            self.started = True
        elif self._replaced is not None:
            await self._replace(message)
            return
        await self._send(message)

    async def refuse(self, status: int, sentence: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Send an error of our own."""
        await refusal(status, sentence, headers)(self._scope, self._receive, self.send)

    async def move_on(self, path: str, query: bytes) -> None:
        """Send the visitor to another path of this node, with the same query."""
        where = quote(path) + (f"?{query.decode('latin-1')}" if query else "")
        response = JSONResponse({"detail": f"Go on to {path}."}, 307, {"location": where})
        await response(self._scope, self._receive, self.send)

    def _dress(self, message: Message) -> None:
        headers = MutableHeaders(raw=list(message["headers"]))
        for name in [name for name in headers if name.startswith("access-control-")]:
            del headers[name]
        for name, value in SECURITY.items():
            headers.setdefault(name, value)  # an app of ours may be stricter: a shared page is
        if message["status"] >= 400:
            headers["cache-control"] = "no-store"
        elif self.cache is not None:
            headers["cache-control"] = self.cache
        message["headers"] = headers.raw

    @staticmethod
    def _is_foreign_error(message: Message) -> bool:
        kind = MutableHeaders(raw=message["headers"]).get("content-type", "")
        return message["status"] >= 400 and message["status"] != 416 and "json" not in kind

    async def _replace(self, message: Message) -> None:
        """Hold back a foreign error until it is whole, then say it as JSON."""
        assert self._replaced is not None
        self._text = (self._text + message.get("body", b""))[: _MOST_TEXT + 1]
        if message.get("more_body"):
            return
        start, self._replaced = self._replaced, None
        headers = MutableHeaders(raw=start["headers"])
        plain = "text/plain" in headers.get("content-type", "") and "content-encoding" not in headers
        told = self._text.decode("utf-8", "replace") if plain and start["status"] < 500 else ""
        kept = {name: headers[name] for name in ("allow", "retry-after") if name in headers}
        known = start["status"] in SENTENCES or len(told) > _MOST_TEXT
        await self.refuse(start["status"], "" if known else told, kept)
