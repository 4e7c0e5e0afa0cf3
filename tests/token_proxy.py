"""A small reverse proxy in front of a node, as a launcher is: shows the token, says the public host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.nodes import Node, serving

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
NOT_PASSED = {"x-kangklip-token", "x-forwarded-host", "connection", "transfer-encoding"}


def _app(node: Node) -> Starlette:
    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{node.port}", timeout=None)

    async def relay(request: Request) -> Response:
        headers = [(k, v) for k, v in request.headers.items() if k not in NOT_PASSED]
        headers += [(k, v) for k, v in node.headers.items()]
        headers.append(("x-forwarded-host", request.headers["host"]))
        url = httpx.URL(request.url.path, query=request.url.query.encode())
        has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
        asked = client.build_request(
            request.method, url, headers=headers, content=request.stream() if has_body else None
        )
        answer = await client.send(asked, stream=True)
        response = StreamingResponse(
            answer.aiter_raw(), answer.status_code, background=BackgroundTask(answer.aclose)
        )
        response.raw_headers = [(k, v) for k, v in answer.headers.raw if k.lower() != b"transfer-encoding"]
        return response

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    return Starlette(routes=[Route("/{path:path}", relay, methods=METHODS)], lifespan=lifespan)


@contextmanager
def proxied(node: Node) -> Iterator[str]:
    """The address under which the node is shown, with its prefix and no slash at the end."""
    with serving(_app(node)) as port:
        yield f"http://127.0.0.1:{port}{node.prefix}"
