"""The one place that serves a job's files: those under `temp_dir/released/`, and nothing else.

What a visitor uploads lies in the same `temp_dir` and is never given out. Gradio's own way copies
request headers into the answer of a closed range and reads it 4 KiB at a time. gr.Video and gr.File
need nothing more, as long as they are given released paths: Gradio copies files that lie elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from stat import S_ISREG

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from node.web.answers import refusal
from node.web.showcase import FILE_NAME, RELEASED

CHUNK_BYTES = 256 * 1024
"""Read at once; benchmarks/file_serving.py holds it against Starlette's 64 KiB."""

SHOWN = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
}
SAVED = {
    ".srt": "text/plain; charset=utf-8",
    ".vtt": "text/vtt; charset=utf-8",
    ".json": "application/json",
    ".zip": "application/zip",
}
_RANGES = re.compile(
    r"bytes=\s*(?:\d{1,18}-\d{0,18}|-\d{1,18})(?:\s*,\s*(?:\d{1,18}-\d{0,18}|-\d{1,18}))*", re.A
)
_BACKWARDS = re.compile(r"(\d+)-(\d+)")


class _Released(FileResponse):
    chunk_size = CHUNK_BYTES


class Files:
    """Answers GET and HEAD for released files: whole, ranges (206, 416), not modified (304)."""

    def __init__(self, temp_dir: Path) -> None:
        self._released = temp_dir.resolve() / RELEASED
        self._name = re.compile(rf"{re.escape(str(self._released))}/[0-9a-f]{{32}}/{FILE_NAME}")

    async def answer(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the file that `path` names."""
        response = await anyio.to_thread.run_sync(self._response, path, scope)
        await response(_with_sane_range(scope), receive, send)

    def _response(self, path: str, scope: Scope) -> Response:
        if path.lower().startswith(("http:", "https:", "ftp:", "file:")):
            return refusal(403, "Files of other places are not fetched from here; open the link itself.")
        if not self._name.fullmatch(path):
            return refusal(404, "There is no such file in this session.")
        file = Path(path)
        try:
            # a link anywhere on the way would resolve to another path
            real, stat = file.resolve(strict=True), file.lstat()
        except OSError:
            return refusal(404, "This file is gone; reload the page.")
        if real != file or not S_ISREG(stat.st_mode):
            return refusal(404, "There is no such file in this session.")
        kind = SHOWN.get(file.suffix) or SAVED.get(file.suffix, "application/octet-stream")
        manner = "inline" if file.suffix in SHOWN else "attachment"
        headers = {
            "content-disposition": f'{manner}; filename="{file.name}"',
            "cache-control": "private, max-age=3600",
        }
        response = _Released(file, headers=headers, media_type=kind, stat_result=stat)
        if response.headers["etag"] in Headers(raw=scope["headers"]).get("if-none-match", ""):
            kept = {name: response.headers[name] for name in ("etag", "cache-control", "last-modified")}
            return Response(status_code=304, headers=kept)
        return response


def _with_sane_range(scope: Scope) -> Scope:
    """A Range that is none by RFC 9110 is taken off: the answer is then the whole file."""
    asked = Headers(raw=scope["headers"]).getlist("range")
    if not asked:
        return scope
    sane = len(asked) == 1 and _RANGES.fullmatch(asked[0]) is not None
    if sane and all(int(first) <= int(last) for first, last in _BACKWARDS.findall(asked[0])):
        return scope
    return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"range"]}
