"""Texts without secrets, before they reach a log or a visitor. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

SHORT = 24
"""A query value up to this long is taken for a name, not for a signature (as in published sources)."""

_QUERY = re.compile(r"(https?://[^\s?#\"'<>]+)\?[^\s\"'<>]*")
_LOGIN = re.compile(r"(https?://)[^/\s@\"'<>]+@")
_HEADER = re.compile(
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z0-9-]*token)\b(['\"]?\s*[:=]\s*).+"
)


def secrets_of(source: str) -> tuple[str, ...]:
    """What must not be shown of a link: the link itself when it carries any, and each of them."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https"):
        return ()
    raw = [pair.partition("=")[2] for pair in parts.query.split("&")]
    long = [value for value in (*raw, *(v for _, v in parse_qsl(parts.query))) if len(value) > SHORT]
    login = parts.netloc.rpartition("@")[0]
    found = [value for value in (*long, login, parts.password or "") if value]
    return (source, *found) if found else ()


def without(text: str, secrets: Iterable[str]) -> str:
    """`text` with each known secret replaced by `…`."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        if secret:
            text = text.replace(secret, "…")
    return text


def for_log(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` for an operator's log: no known secret, no query or login of any link, no token header."""
    text = _HEADER.sub(r"\1\2…", without(text, secrets))
    return _QUERY.sub(r"\1?…", _LOGIN.sub(r"\1…@", text))
