"""The one way out: a loopback HTTP proxy that resolves a name once, checks every address it gets,
and connects to a checked address itself.

Whoever uses the proxy looks up no names, so neither a redirect nor a name that changes its address
between check and use (DNS rebinding) leads into a private network. Requests are plain HTTP with an
absolute address, one to a connection, or CONNECT. Only holders of the token in `url` are served.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from pipeline.errors import Refused
from pipeline.net.address import Place, check_place, check_url, is_public, looks_like_address, plain_host
from pipeline.net.heads import (
    HEAD_LIMIT_BYTES,
    Head,
    OwnAnswer,
    Trouble,
    body_length,
    onward_head,
    read_head,
    say,
)

BLOCK_BYTES = 256 << 10
MOST_ADDRESSES_TRIED = 4

Resolve = Callable[[str, int], list[str]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[str, int], Awaitable[Streams]]


def system_resolve(host: str, port: int) -> list[str]:
    """Every address the system knows for the name, without repeats. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def open_address(address: str, port: int) -> Streams:
    """A TCP connection to a written IP address. Raises OSError."""
    return await asyncio.open_connection(address, port, limit=HEAD_LIMIT_BYTES)


class GuardedProxy:
    """`with GuardedProxy() as proxy:` serves on 127.0.0.1 until the block ends.

    `url` (valid inside the block) holds the token: keep it out of logs. `received_bytes` counts what
    came from outside; past `max_bytes` everything is cut off. `resolve` and `connect` stand for the
    name service and the network. `allow_private` is for tests and trusted networks.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        connect_timeout_s: float = 15.0,
        idle_timeout_s: float = 60.0,
        max_bytes: int | None = None,
        max_connections: int = 64,
        resolve: Resolve = system_resolve,
        connect: Connect = open_address,
    ) -> None:
        self.received_bytes = 0
        self.troubles: list[Trouble] = []
        self.port = 0
        self._allow_private = allow_private
        self._connect_timeout_s = connect_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._max_bytes = max_bytes
        self._max_connections = max_connections
        self._resolve = resolve
        self._connect = connect
        self._token = secrets.token_urlsafe(24)
        self._clients: set[asyncio.Task[Any]] = set()
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._lookups = ThreadPoolExecutor(8, "lookup")
        self._thread = threading.Thread(target=self._run, name="guarded-proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://kangklip:{self._token}@127.0.0.1:{self.port}"

    def __enter__(self) -> GuardedProxy:
        self._thread.start()
        self._ready.wait()
        if not self.port:
            self._thread.join()
            raise OSError("the download proxy could not open a port on 127.0.0.1")
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._lookups.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._welcome, "127.0.0.1", 0, limit=HEAD_LIMIT_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await server.wait_closed()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if len(self._clients) > self._max_connections:
                raise OwnAnswer(503, "Too many connections")
            await self._one_request(reader, writer)
        except OwnAnswer as answer:
            if answer.trouble is not None:
                self.troubles.append(answer.trouble)
            await say(writer, answer)
        except (OSError, EOFError, TimeoutError):
            # A side went away or fell silent: nobody is left to be told, closing says it all.
            return
        finally:
            self._clients.discard(task)
            await _close(writer)

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await read_head(reader, self._connect_timeout_s)
        method, _, rest = head.first.partition(" ")
        target, _, version = rest.partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not re.fullmatch(r"[A-Z]{3,10}", method):
            raise OwnAnswer(400, "Not an HTTP request")
        self._require_token(head)
        if method == "CONNECT":
            upstream = await self._reach(_connect_place(target, self._allow_private))
            await self._tunnel((reader, writer), upstream)
        else:
            place = _absolute_place(target, self._allow_private)
            _require_same_host(head, place)
            length = body_length(head)
            upstream = await self._reach(place)
            await self._exchange((reader, writer), upstream, method, target, head, length)

    def _require_token(self, head: Head) -> None:
        expected = base64.b64encode(f"kangklip:{self._token}".encode()).decode()
        given = " ".join(head.all("proxy-authorization"))
        if not hmac.compare_digest(given.encode(), f"Basic {expected}".encode()):
            raise OwnAnswer(407, "Token needed")

    async def _reach(self, place: Place) -> Streams:
        """A connection to a checked address of the place. Raises OwnAnswer."""
        addresses = await self._look_up(place)
        if not self._allow_private and not all(is_public(address) for address in addresses):
            sentence = f"{place.host} lies in a private network; only public addresses are fetched."
            raise OwnAnswer(403, "Refused", Trouble("refused", sentence))
        for address in addresses[:MOST_ADDRESSES_TRIED]:
            with suppress(OSError, TimeoutError):
                return await asyncio.wait_for(self._connect(address, place.port), self._connect_timeout_s)
        sentence = f"{place.host} does not answer on port {place.port}; try again later."
        raise OwnAnswer(504, "Unreachable", Trouble("unreachable", sentence))

    async def _look_up(self, place: Place) -> list[str]:
        if looks_like_address(place.host):
            return [place.host]
        sentence = f"The site {place.host} cannot be found (its name has no address); check the link."
        loop = asyncio.get_running_loop()
        try:
            pending = loop.run_in_executor(self._lookups, self._resolve, place.host, place.port)
            addresses = await asyncio.wait_for(pending, self._connect_timeout_s)
        except (OSError, UnicodeError, TimeoutError) as exc:
            raise OwnAnswer(502, "Name not found", Trouble("unresolved", sentence)) from exc
        if not addresses:
            raise OwnAnswer(502, "Name not found", Trouble("unresolved", sentence))
        return addresses

    async def _tunnel(self, client: Streams, upstream: Streams) -> None:
        clock = _Clock(self._idle_timeout_s)
        try:
            client[1].write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await client[1].drain()
            await _both(
                self._pump(client[0], upstream[1], clock, counted=False),
                self._pump(upstream[0], client[1], clock, counted=True),
            )
        finally:
            await _close(upstream[1])

    async def _exchange(
        self, client: Streams, upstream: Streams, method: str, target: str, head: Head, body_bytes: int
    ) -> None:
        clock = _Clock(self._idle_timeout_s)
        try:
            upstream[1].write(onward_head(method, target, head))
            await self._pump(client[0], upstream[1], clock, counted=False, limit_bytes=body_bytes)
            answer = await read_head(upstream[0], self._idle_timeout_s)
            while re.match(r"HTTP/1\.[01] 1\d\d\b", answer.first):
                answer = await read_head(upstream[0], self._idle_timeout_s)
            # One request to a connection: a second one could be meant for another, unchecked host.
            text = f"{answer.first}\r\n{answer.end_to_end()}Connection: close\r\n\r\n"
            client[1].write(text.encode("latin-1"))
            await self._pump(upstream[0], client[1], clock, counted=True)
        finally:
            await _close(upstream[1])

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: _Clock,
        *,
        counted: bool,
        limit_bytes: int | None = None,
    ) -> None:
        """Pass bytes on until the reader's side ends or `limit_bytes` have passed."""
        left = limit_bytes
        while left is None or left > 0:
            block = await clock.read(reader, BLOCK_BYTES if left is None else min(left, BLOCK_BYTES))
            if not block:
                break
            if counted:
                self._count(len(block))
            if left is not None:
                left -= len(block)
            writer.write(block)
            await asyncio.wait_for(writer.drain(), self._idle_timeout_s)
        if limit_bytes is None and writer.can_write_eof():
            writer.write_eof()

    def _count(self, size: int) -> None:
        self.received_bytes += size
        if self._max_bytes is not None and self.received_bytes > self._max_bytes:
            sentence = f"The site sends more than the {self._max_bytes / 1e9:.2f} GB that are allowed."
            self.troubles.append(Trouble("too_big", sentence))
            raise ConnectionAbortedError(sentence)


class _Clock:
    """Idle time shared by both directions: a tunnel is idle only when nothing moves either way."""

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._moved_at = asyncio.get_running_loop().time()

    async def read(self, reader: asyncio.StreamReader, size: int) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            pending = asyncio.ensure_future(reader.read(size))
            try:
                done, _ = await asyncio.wait({pending}, timeout=self._moved_at + self._idle_s - loop.time())
            except asyncio.CancelledError:
                pending.cancel()
                raise
            if done:
                self._moved_at = loop.time()
                return pending.result()
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
            if loop.time() - self._moved_at >= self._idle_s:
                raise TimeoutError("nothing moved")


async def _both(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Run both to their ends; when one fails the other is stopped."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _connect_place(target: str, allow_private: bool) -> Place:
    host, _, port = target.rpartition(":")
    if not re.fullmatch(r"\d{1,5}", port) or not host:
        raise OwnAnswer(400, "Malformed target")
    return _checked(partial(_place_of, host.strip("[]"), int(port), allow_private))


def _place_of(host: str, port: int, allow_private: bool) -> Place:
    place = Place("https", plain_host(host), port)
    check_place(place, allow_private=allow_private)
    return place


def _absolute_place(target: str, allow_private: bool) -> Place:
    place = _checked(partial(check_url, target, allow_private=allow_private))
    if place.scheme != "http":
        raise OwnAnswer(400, "Use CONNECT for https")
    return place


def _checked(judge: Callable[[], Place]) -> Place:
    try:
        return judge()
    except Refused as exc:
        raise OwnAnswer(403, "Refused", Trouble("refused", exc.user_message)) from exc


def _require_same_host(head: Head, place: Place) -> None:
    """The Host field must name the place of the absolute address. Raises OwnAnswer."""
    for host in head.all("host"):
        if _checked(partial(check_url, f"http://{host}/", allow_private=True)) != place:
            raise OwnAnswer(400, "Host and address differ")


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 5)
