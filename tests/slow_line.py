"""A slow line to a server: all that is sent to it goes at a given pace, its answers at full speed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIECE = 16_384


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bytes_per_s: float) -> None:
    try:
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
            if bytes_per_s:
                await asyncio.sleep(len(piece) / bytes_per_s)
    except ConnectionError:
        pass  # either side may hang up at any time
    finally:
        writer.close()


@contextmanager
def slowed(port: int, bytes_per_s: float) -> Iterator[int]:
    """The port of the slow line's near end; `port` is the server's."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    server: asyncio.Server | None = None

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            _pass_on(reader, far_writer, bytes_per_s), _pass_on(far_reader, writer, 0), return_exceptions=True
        )

    def run() -> None:
        nonlocal server
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(asyncio.start_server(answer, "127.0.0.1", 0, limit=PIECE))
        ready.set()
        loop.run_forever()
        server.close()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(10) and server is not None
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
