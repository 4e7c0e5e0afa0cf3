"""How fast a film is downloaded from the node: Gradio as it is, the node's door, plain Starlette.

    python -m benchmarks.file_serving [--mb 256] [--times 5]

Every server is a process of its own; one client reads a closed range (`bytes=0-N`, as Safari and
download tools ask), an open one, and the whole file over a socket. Best of several; the ratio is to
plain Starlette. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.servers import PATIENCE_S, started

KINDS = ("starlette", "gradio", "door")
BUFFER = 1 << 20


def serve(kind: str, port: int, film: Path) -> None:
    """Serve the film as `kind` does, until killed. The film lies in GRADIO_TEMP_DIR."""
    if kind == "starlette":
        import uvicorn
        from starlette.applications import Starlette
        from starlette.responses import FileResponse
        from starlette.routing import Route

        app = Starlette(routes=[Route("/{path:path}", lambda request: FileResponse(film))])
        uvicorn.run(app, port=port, log_level="warning")
        return
    import gradio as gr

    from node.web.door import Rules, before_everything

    with gr.Blocks(analytics_enabled=False) as demo:
        gr.Markdown("files")
    rules = Rules("", frozenset(), lambda: "", frozenset())
    door = {"lifespan": before_everything(rules, film.parents[2])} if kind == "door" else {}
    demo.launch(server_port=port, quiet=True, ssr_mode=False, run_history=False, app_kwargs=door)


@contextmanager
def served(kind: str, film: Path) -> Iterator[int]:
    """The port of a server process that is ready."""

    def program(port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        arguments = ["-m", "benchmarks.file_serving", "--serve", kind, str(port), str(film)]
        return arguments, {"GRADIO_TEMP_DIR": str(folder), "GRADIO_ANALYTICS_ENABLED": "False"}

    with started(program, film.parents[2]) as server:
        while not _answers(server.port, film):
            if time.monotonic() > server.began + PATIENCE_S:
                raise RuntimeError(f"the {kind} server did not start: {server.log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield server.port


def _answers(port: int, film: Path) -> bool:
    try:
        return download(port, film, "bytes=0-0") == 1
    except OSError:
        return False


def download(port: int, film: Path, asked: str) -> int:
    """Fetch the film, a range of it when one is asked; gives the bytes of the body."""
    ranged = f"Range: {asked}\r\n" if asked else ""
    head = (
        f"GET /gradio_api/file={film} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{ranged}Connection: close\r\n\r\n"
    )
    buffer = bytearray(BUFFER)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        link.sendall(head.encode())
        start = b""
        while b"\r\n\r\n" not in start:
            piece = link.recv(4096)
            if not piece:
                raise OSError(f"no answer: {start[:80]!r}")
            start += piece
        header, _, body = start.partition(b"\r\n\r\n")
        if header.split(b" ")[1] not in (b"200", b"206"):
            raise OSError(f"the answer is {header[:40]!r}")
        total = len(body)
        while taken := link.recv_into(buffer):
            total += taken
    return total


def rate(port: int, film: Path, asked: str) -> float:
    """Megabytes (10^6) a second of one download."""
    size = film.stat().st_size
    start = time.perf_counter()
    if download(port, film, asked) != size:
        raise RuntimeError(f"the download of {asked or 'the whole file'} was cut short")
    return size / 1e6 / (time.perf_counter() - start)


def measure(mb: int = 256, times: int = 5) -> dict[str, Any]:
    """MB/s by server and way of asking, and each server's ratio to plain Starlette."""
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder).resolve() / "released" / ("0" * 32) / "clip_01.mp4"
        film.parent.mkdir(parents=True)
        film.write_bytes(os.urandom(1 << 20) * mb)
        ways = {"closed_range": f"bytes=0-{film.stat().st_size - 1}", "open_range": "bytes=0-", "whole": ""}
        found = {kind: dict.fromkeys(ways, 0.0) for kind in KINDS}
        with ExitStack() as stack:
            ports = {kind: stack.enter_context(served(kind, film)) for kind in KINDS}
            for way, asked in ways.items():
                for _ in range(times):  # in turns: other load on the machine meets all alike
                    for kind, port in ports.items():
                        found[kind][way] = max(found[kind][way], round(rate(port, film, asked)))
    ratios = {
        kind: {way: round(found[kind][way] / found["starlette"][way], 2) for way in ways} for kind in KINDS
    }
    return {"film_mb": mb, "mb_per_s": found, "ratio_to_starlette": ratios}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=256)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], int(given.serve[1]), Path(given.serve[2]))
    else:
        print(json.dumps(measure(given.mb, given.times), indent=1))
