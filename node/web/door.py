"""The door of the node: it stands before everything Gradio does, its CORS answers included.

A request is first known by who sends it (node.web.visitors), then by what it asks for (node.web.routes);
both on the path as it is after decoding, with or without the prefix of a proxy. What comes back is
dressed by node.web.answers. Released files are served from here (node.web.files), never by Gradio.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.web import routes, visitors
from node.web.answers import Answer
from node.web.files import Files
from node.web.routes import Route
from node.web.scripts import Scripts
from node.web.token import CONTROL_HEADER, INNER_HEADER, TOKEN_HEADER, is_secret, is_token, new_secret
from node.web.visitors import Asked, Refused

log = logging.getLogger("kangklip.node")

T = TypeVar("T")

_TOLD = ("x-forwarded-", "x-gradio-", "forwarded")
"""Headers that say how the visitor came: believed from a launcher, dropped from others."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`token_sha256` "": no launcher. `hosts`: further names of an open page, without ports.
    `root_path`: the prefix at this moment. `public`: the endpoints that may be called by name.
    `used` is told while a file comes in or goes out. `inner`: what this process shows to itself."""

    token_sha256: str
    hosts: frozenset[str]
    root_path: Callable[[], str]
    public: frozenset[str]
    used: Callable[[], None] = lambda: None
    inner: str = field(default_factory=new_secret, repr=False)


def before_everything(
    rules: Rules, temp_dir: Path
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """A lifespan that puts the door in front of an app before the first request.

    For `launch(app_kwargs={"lifespan": …})`. A middleware given to Gradio would stand behind its CORS
    and compression.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        assert app.middleware_stack is not None
        app.middleware_stack = Door(app.middleware_stack, rules, Files(temp_dir))
        yield

    return lifespan


def move_to(demo: Any, root_path: str) -> None:
    """Tell a running Gradio app the prefix under which a proxy shows it ("" for none)."""
    demo.root_path = demo.app.root_path = root_path
    if demo.mcp_server_obj is not None:
        demo.mcp_server_obj.root_path = root_path


class Door:
    """ASGI: lets a request through to `app`, to the released files, or refuses it."""

    def __init__(self, app: ASGIApp, rules: Rules, files: Files) -> None:
        self.app, self.rules, self.files, self.scripts = app, rules, files, Scripts(app)
        self.hosts = frozenset(name.lower() for name in rules.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] != "http":
            await self.app(scope, receive, send)
        else:
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        prefix = self.rules.root_path().rstrip("/")
        answer = Answer(scope, receive, send)
        try:
            asked = self._asked(scope, prefix)
            visitors.check(asked, bool(self.rules.token_sha256), self.hosts)
            if prefix and asked.path == prefix and asked.method in ("GET", "HEAD"):
                await answer.move_on(f"{prefix}/", scope["query_string"])
                return
            route = self._route(asked)
        except Refused as refused:
            await answer.refuse(refused.http_status, str(refused))
            return
        answer.cache = routes.cache_control(route, asked.path)
        await self._pass(route, asked, _as_seen_behind(scope, asked, prefix), receive, answer)

    def _asked(self, scope: Scope, prefix: str) -> Asked:
        path: str = scope["path"]
        if not routes.is_normal(path):
            raise Refused(404)
        if prefix and path.startswith(f"{prefix}/"):
            path = path[len(prefix) :]
        headers = Headers(raw=scope["headers"])
        client, server = scope.get("client") or ("", -1), scope.get("server") or ("", None)
        return Asked(scope["method"], path, headers, self._is_trusted(headers), client, server[0])

    def _is_trusted(self, headers: Headers) -> bool:
        inner = headers.getlist(INNER_HEADER)
        if len(inner) == 1 and is_secret(inner[0], self.rules.inner):
            return True
        return self._shows_token(headers, TOKEN_HEADER) or self._shows_token(headers, CONTROL_HEADER)

    def _shows_token(self, headers: Headers, name: str) -> bool:
        sha256, shown = self.rules.token_sha256, headers.getlist(name)
        return bool(sha256) and len(shown) == 1 and is_token(shown[0], sha256)

    def _route(self, asked: Asked) -> Route:
        route = routes.find(asked.path)
        if route is None or (route.launcher_only and not self.rules.token_sha256):
            raise Refused(404)
        if route.launcher_only and not self._shows_token(asked.headers, CONTROL_HEADER):
            raise Refused(403, "Only the launcher itself may ask for this.")
        if asked.method not in route.methods:
            raise Refused(405)
        name = route.endpoint(asked.path)
        if name is not None and name not in self.rules.public:
            offered = ", ".join(sorted(self.rules.public))
            raise Refused(404, f"There is no endpoint {name[:80]!r}; there are: {offered}.")
        length = asked.headers.get("content-length", "")
        if route.body_bytes is not None and length.isdigit() and int(length) > route.body_bytes:
            raise _too_long(route.body_bytes)
        return route

    async def _pass(self, route: Route, asked: Asked, scope: Scope, receive: Receive, answer: Answer) -> None:
        try:
            if route is routes.FILE:
                send = _telling(answer.send, self.rules.used)
                await self.files.answer(asked.path.partition("=")[2], scope, receive, send)
            elif route is routes.UPLOAD:
                await self.app(scope, _telling(receive, self.rules.used), answer.send)
            elif routes.is_hashed(asked.path):
                await self.scripts.answer(asked.path, scope, receive, answer.send)
            else:
                await self.app(scope, _bounded(receive, route.body_bytes), answer.send)
        except Refused as refused:
            await answer.refuse(refused.http_status, str(refused))
        except Exception:
            # the outermost place: the visitor gets a sentence, the log the rest
            log.exception("a request to %s failed", route.pattern.pattern)
            if not answer.started:
                await answer.refuse(500)


def _as_seen_behind(scope: Scope, asked: Asked, prefix: str) -> Scope:
    """The request for what is behind: always with the prefix, without what only the door may see."""
    hidden = {name.encode() for name in (TOKEN_HEADER, CONTROL_HEADER, INNER_HEADER)}
    told = () if asked.trusted else tuple(name.encode() for name in _TOLD)
    path = prefix + asked.path
    headers = [
        (name, value)
        for name, value in scope["headers"]
        if name not in hidden and not (told and name.startswith(told))
    ]
    return {**scope, "path": path, "raw_path": quote(path).encode("ascii"), "headers": headers}


def _telling(pass_on: Callable[..., Awaitable[T]], tell: Callable[[], None]) -> Callable[..., Awaitable[T]]:
    """`receive` or `send` that tells of each piece: a slow line may take longer than the idle time."""

    async def told(*message: Message) -> T:
        tell()
        return await pass_on(*message)

    return told


def _bounded(receive: Receive, most: int | None) -> Receive:
    """`receive` that ends a body without a length once it is too long."""
    if most is None:
        return receive
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_long(most)
        return message

    return counted


def _too_long(most: int) -> Refused:
    return Refused(413, f"This request is longer than {most >> 20} MB; send less.")
