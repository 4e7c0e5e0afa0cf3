"""HTTP/1.1 heads as the proxy reads, checks and rewrites them, and the answers that are its own."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

HEAD_LIMIT_BYTES = 64 << 10

GUARD_MARK = "by KangKlip's download guard"
"""Stands in the reason line of every answer that is the proxy's own."""

# RFC 9110, 7.6.1. Transfer-Encoding is not here: response bodies are passed on as they are.
HOP_BY_HOP = {"connection", "proxy-connection", "keep-alive", "te", "trailer", "upgrade"} | {
    f"proxy-{name}" for name in ("authorization", "authenticate", "authentication-info")
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the proxy did not fetch something; `sentence` is fit for the user."""

    kind: Literal["refused", "unresolved", "unreachable", "too_big"]
    sentence: str


class OwnAnswer(Exception):
    """Ends a request with the proxy's own status; `trouble` is what the owner gets to know."""

    def __init__(self, status: int, phrase: str, trouble: Trouble | None = None) -> None:
        super().__init__(phrase)
        self.status = status
        self.phrase = phrase
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a message and its header fields, names as sent."""

    first: str
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name]

    def end_to_end(self, *dropped: str) -> str:
        """The header fields that may be passed on, as text, without those `dropped`."""
        named = {word.strip().lower() for value in self.all("connection") for word in value.split(",")}
        gone = HOP_BY_HOP | named | set(dropped)
        return "".join(f"{key}: {value}\r\n" for key, value in self.fields if key.lower() not in gone)


async def read_head(reader: asyncio.StreamReader, timeout_s: float) -> Head:
    """A message head of at most HEAD_LIMIT_BYTES. Raises OwnAnswer, EOFError, TimeoutError."""
    try:
        raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), timeout_s)
    except asyncio.LimitOverrunError as exc:
        raise OwnAnswer(431, "Header too large") from exc
    first, *lines = raw[:-4].decode("latin-1").split("\r\n")
    fields = []
    for line in lines:
        found = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*", line)
        if found is None:
            raise OwnAnswer(400, "Malformed header")
        fields.append((found[1], found[2]))
    if re.search(r"[\r\n\0]", first):
        raise OwnAnswer(400, "Malformed header")
    return Head(first, tuple(fields))


def body_length(head: Head) -> int:
    """Bytes of the request's body. Raises OwnAnswer for chunked bodies and unclear lengths."""
    lengths = head.all("content-length") or ["0"]
    if head.all("transfer-encoding") or len(lengths) > 1 or not re.fullmatch(r"\d{1,12}", lengths[0]):
        raise OwnAnswer(411, "A plain Content-Length is needed")
    return int(lengths[0])


def onward_head(method: str, target: str, head: Head) -> bytes:
    parts = re.match(r"[^:]+://([^/?#]*)([^#]*)", target)
    assert parts is not None
    path = parts[2] if parts[2].startswith("/") else "/" + parts[2]
    fields = head.end_to_end("host", "expect")
    return f"{method} {path} HTTP/1.1\r\nHost: {parts[1]}\r\n{fields}Connection: close\r\n\r\n".encode(
        "latin-1"
    )


async def say(writer: asyncio.StreamWriter, answer: OwnAnswer) -> None:
    body = (answer.trouble.sentence if answer.trouble else answer.phrase).encode()
    ask = 'Proxy-Authenticate: Basic realm="download"\r\n' if answer.status == 407 else ""
    text = (
        f"HTTP/1.1 {answer.status} {answer.phrase} {GUARD_MARK}\r\n{ask}Connection: close\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with suppress(OSError, TimeoutError):
        writer.write(text.encode("latin-1") + body)
        await asyncio.wait_for(writer.drain(), 5)
