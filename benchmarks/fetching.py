"""Fetching files as a browser does, over a few kept connections, with next to no work of one's own.

A general HTTP client spends more on one of these answers than the server does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

TIMEOUT_S = 30.0


async def fetch_all(base: str, paths: Sequence[str], at_once: int) -> list[str]:
    """Fetch every path below `base`, `at_once` at a time; gives what failed as sentences."""
    waiting, failed = iter(paths), list[str]()
    await asyncio.gather(*(_one_connection(base, waiting, failed) for _ in range(at_once)))
    return failed


async def _one_connection(base: str, waiting: Iterator[str], failed: list[str]) -> None:
    where = urlsplit(base)
    path = ""
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        for path in waiting:
            writer.write(
                f"GET {where.path}{path} HTTP/1.1\r\nHost: {where.netloc}\r\n"
                "Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n".encode()
            )
            status = await asyncio.wait_for(_read_answer(reader), TIMEOUT_S)
            if status != 200:
                failed.append(f"GET /{path}: {status}")
        writer.close()
    except (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError) as exc:
        failed.append(f"GET /{path}: {type(exc).__name__} {exc}"[:200])


async def _read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end; gives its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"transfer-encoding: chunked" in head:
        while size := int((await reader.readline()).partition(b";")[0], 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
    return int(head.split(b" ", 2)[1])
