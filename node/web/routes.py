"""What can be asked of the node, as a table; all else is refused.

Paths are without the prefix of a proxy, decoded once. Gradio has more routes than the page, its
clients, curl and agents need: a relay to other hosts, a code editor, monitoring, calls that bypass
the queue. They are left out by not being here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Cache = Literal["never", "hour", "year", "own"]
"""How long a good answer may be kept; own: the route says it itself."""

READ = frozenset({"GET", "HEAD"})
GET = frozenset({"GET"})
POST = frozenset({"POST"})
AGENT = frozenset({"GET", "POST", "DELETE"})

SMALL_BODY = 8 << 20
"""Bytes of a JSON request: the transcript of three hours with word times is about 3 MB."""

_PIECE = r"[A-Za-z0-9_@-][A-Za-z0-9_.@-]*"
_FILE = rf"{_PIECE}(?:/{_PIECE})*"
_HASHED = re.compile(r"-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$")


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` matches the whole path; `launcher_only`: not there without a session token."""

    pattern: re.Pattern[str]
    methods: frozenset[str]
    reason: str
    cache: Cache = "never"
    launcher_only: bool = False
    body_bytes: int | None = SMALL_BODY

    def endpoint(self, path: str) -> str | None:
        """The endpoint that a matching path names, or None."""
        match = self.pattern.fullmatch(path)
        return match.groupdict().get("name") if match else None


def _route(
    pattern: str,
    methods: frozenset[str],
    reason: str,
    cache: Cache = "never",
    launcher_only: bool = False,
    body_bytes: int | None = SMALL_BODY,
) -> Route:
    return Route(re.compile(pattern), methods, reason, cache, launcher_only, body_bytes)


HEALTH = _route(r"/healthz", READ, "a watcher's look, free of tokens")
PAGE = _route(r"/", READ, "the page")
STARTUP = _route(r"/gradio_api/startup-events", GET, "Gradio calls it once at its own start")
FILE = _route(r"/gradio_api/file=.*", READ, "released files, answered by node.web.files", "own")
UPLOAD = _route(r"/gradio_api/upload", POST, "a video of one's own", body_bytes=None)
CALL = _route(r"/gradio_api/call/(?:v2/)?(?P<name>[A-Za-z0-9_]+)/?", POST, "curl calls an endpoint")
RESULT = _route(
    r"/gradio_api/call/(?:v2/)?(?P<name>[A-Za-z0-9_]+)/[A-Za-z0-9_-]{1,64}", GET, "and reads its result"
)

TABLE: tuple[Route, ...] = (
    HEALTH,
    PAGE,
    STARTUP,
    FILE,
    CALL,
    RESULT,
    _route(r"/config/?", GET, "clients read the page's parts"),
    _route(r"/theme\.css", GET, "the page's look", "hour"),
    _route(rf"/(?:assets|svelte)/{_FILE}", GET, "the page's scripts", "hour"),
    _route(rf"/static/{_FILE}", GET, "fonts and pictures of the page", "hour"),
    _route(r"/favicon\.ico", GET, "browsers ask for it", "hour"),
    _route(r"/robots\.txt", GET, "crawlers ask for it", "hour"),
    _route(r"/gradio_api/info/?", GET, "clients read the endpoints"),
    _route(r"/gradio_api/openapi\.json", GET, "programs read the endpoints"),
    _route(r"/gradio_api/app_id/?", GET, "an open page notices a restart"),
    _route(r"/gradio_api/queue/join", POST, "the page and gradio_client start an event"),
    _route(r"/gradio_api/queue/data", GET, "and read what it gives"),
    _route(r"/gradio_api/heartbeat/[A-Za-z0-9_-]{1,64}", GET, "a tab says that it is open"),
    UPLOAD,
    _route(r"/gradio_api/upload_progress", GET, "how far an upload is"),
    _route(r"/gradio_api/cancel", POST, "a stopped event"),
    _route(r"/gradio_api/reset/?", POST, "gradio_client ends an iterator"),
    _route(r"/gradio_api/component_server/?", POST, "functions of the page's HTML parts"),
    _route(r"/gradio_api/mcp(?:/|/http/?)?", AGENT, "agents, streamable HTTP"),
    _route(r"/gradio_api/mcp/schema", GET, "agents read the tools"),
    _route(r"/gradio_api/mcp/sse", GET, "agents of the older transport"),
    _route(r"/gradio_api/mcp/messages/?", POST, "and their messages"),
    _route(rf"/share/{_FILE}", READ, "pages of shared clips", "own"),
    _route(rf"/control/{_FILE}", GET | POST, "the launcher", launcher_only=True),
)


def find(path: str) -> Route | None:
    """The route of a path, or None."""
    return next((route for route in TABLE if route.pattern.fullmatch(path)), None)


def is_normal(path: str) -> bool:
    """Whether a decoded path means the same to everyone: no empty, `.` or `..` pieces, no controls."""
    if not path.startswith("/") or any(ord(letter) < 32 or letter in "\\\x7f\ufffd" for letter in path):
        return False
    pieces = path[1:].split("/")
    return not any(piece in (".", "..") for piece in pieces) and "" not in pieces[:-1]


def cache_control(route: Route, path: str) -> str | None:
    """The Cache-Control of a good answer; None where the route itself says it."""
    if route.cache == "own":
        return None
    if route.cache == "never":
        return "no-store"
    if is_hashed(path):
        return "public, max-age=31536000, immutable"
    return "public, max-age=3600"


def is_hashed(path: str) -> bool:
    """Whether the path names a script or sheet by its content, so that it never changes."""
    return path.startswith(("/assets/", "/svelte/")) and _HASHED.search(path) is not None
