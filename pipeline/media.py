"""The only place that starts ffmpeg.

Every run has a time limit, a limit on memory and on the size of what it writes, opens nothing but
files and pipes, and dies with its parent. Filter graphs are built with ffmpeg-python: `source()`
makes the input node with the safe options, `Ffmpeg.run` and `Ffmpeg.stream` carry a graph out.
"""

from __future__ import annotations

import ctypes
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import ffmpeg

from pipeline.errors import ClipError
from pipeline.records import Ms

SAFE_PROTOCOLS = "file,pipe"

# Containers of a single file. Playlists (hls, dash, concat, image2 …) are left out on purpose:
# they make ffmpeg open other files, which is how an upload reads /etc/passwd.
SAFE_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,flv,mpeg,mpegts,mpegvideo,asf,ogg,wav,mp3,flac,aac,"
    "ac3,eac3,amr,aiff,au,caf,w64,mxf,nut,ivf,rm,dv,gif,h264,hevc,m4v,ape,wv,tta,alaw,mulaw"
)

MEMORY_LIMIT_BYTES = 16 << 30
"""Of memory written to (RLIMIT_DATA): address space alone costs nothing, and deno reserves a lot."""
OUTPUT_LIMIT_BYTES = 20 << 30
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class FfmpegFailed(Exception):
    """ffmpeg ended with an error or overran its time. `tail` holds the end of what it printed."""

    def __init__(self, message: str, tail: str = "") -> None:
        super().__init__(message)
        self.tail = tail


def source(path: Path, *, start_ms: Ms | None = None, length_ms: Ms | None = None, **options: Any) -> Any:
    """The ffmpeg-python input node for an untrusted file, optionally only a stretch of it."""
    if start_ms is not None:
        options["ss"] = f"{start_ms / 1000:.3f}"
    if length_ms is not None:
        options["t"] = f"{length_ms / 1000:.3f}"
    return ffmpeg.input(
        f"file:{path}",
        protocol_whitelist=SAFE_PROTOCOLS,
        format_whitelist=SAFE_DEMUXERS,
        **options,
    )


@cache
def bundled_ffmpeg() -> str:
    """The ffmpeg that comes as a package, FFmpeg 9 with libass, libx264, zimg and NVENC."""
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _in_child() -> None:
    """Runs between fork and exec: the kernel ends the child when the parent dies, kill -9 too."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(args: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child that dies with its parent and is bounded in memory and output size.

    The death signal belongs to the calling thread: call from a thread that outlives the child.
    """
    child: subprocess.Popen[bytes] = subprocess.Popen(args, preexec_fn=_in_child, **options)
    for limit, value in (
        (resource.RLIMIT_DATA, MEMORY_LIMIT_BYTES),
        (resource.RLIMIT_FSIZE, OUTPUT_LIMIT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.prlimit(child.pid, limit, (value, value))
        except ProcessLookupError:
            break
    return child


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """An ffmpeg binary and how long it may be silent."""

    binary: str
    silence_s: float = 120.0

    @classmethod
    def bundled(cls) -> Ffmpeg:
        return cls(bundled_ffmpeg())

    def version(self) -> str:
        """The version the binary states, such as "n9.0.2"; empty when it states none."""
        said = subprocess.run([self.binary, "-version"], capture_output=True, text=True, timeout=20).stdout
        words = said.split()
        return words[2] if words[:2] == ["ffmpeg", "version"] else ""

    def command(self, graph: Any, loglevel: str = "error") -> list[str]:
        """The full argument list for an ffmpeg-python output graph."""
        head = [self.binary, "-nostdin", "-hide_banner", "-loglevel", loglevel, "-y"]
        return head + list(ffmpeg.get_args(graph))

    def run(
        self,
        graph: Any,
        *,
        timeout_s: float,
        total_ms: Ms = 0,
        on_progress: Callable[[float], None] | None = None,
        loglevel: str = "error",
    ) -> str:
        """Carry the graph out and give the end of what ffmpeg printed at that log level.

        `on_progress` gets fractions 0..1 of `total_ms` of output. Raises FfmpegFailed.
        """
        command = self.command(graph, loglevel)
        command[1:1] = ["-progress", "pipe:1", "-nostats"]
        child = spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with _Watch(child, timeout_s, timeout_s) as watch:
            assert child.stdout is not None
            for line in child.stdout:
                key, _, value = line.partition(b"=")
                if key == b"out_time_us" and total_ms and on_progress and value.strip().isdigit():
                    on_progress(min(1.0, int(value) / 1000 / total_ms))
        return watch.finish()

    def stream(self, graph: Any, *, block_bytes: int, timeout_s: float) -> Iterator[bytes]:
        """Carry out a graph that writes to `pipe:` and give its bytes in blocks of `block_bytes`.

        The last block may be shorter. Raises FfmpegFailed when ffmpeg fails, after what it gave.
        """
        child = spawn(self.command(graph), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with _Watch(child, timeout_s, self.silence_s) as watch:
            assert child.stdout is not None
            while True:
                watch.started_waiting()
                block = child.stdout.read(block_bytes)
                watch.stopped_waiting()
                if block:
                    yield block
                if len(block) < block_bytes:
                    break
        watch.finish()


class _Watch:
    """Drains stderr, and kills the child when it overruns `timeout_s` or a wait of `silence_s`."""

    TAIL_BYTES = 8000

    def __init__(self, child: subprocess.Popen[bytes], timeout_s: float, silence_s: float) -> None:
        self.child = child
        self.deadline = time.monotonic() + timeout_s
        self.silence_s = silence_s
        self.waiting_since: float | None = None
        self.overran = ""
        self.tail = b""
        self._ended = threading.Event()
        assert child.stderr is not None
        self._threads = [
            threading.Thread(target=self._drain, args=(child.stderr,), daemon=True),
            threading.Thread(target=self._guard, daemon=True),
        ]

    def __enter__(self) -> _Watch:
        for thread in self._threads:
            thread.start()
        return self

    def started_waiting(self) -> None:
        self.waiting_since = time.monotonic()

    def stopped_waiting(self) -> None:
        self.waiting_since = None

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.child.kill()
        if self.child.stdout:
            self.child.stdout.close()
        self.child.wait()
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self.child.stderr:
            self.child.stderr.close()

    def finish(self) -> str:
        printed = self.tail.decode("utf-8", "replace").strip()
        if self.overran:
            raise FfmpegFailed(self.overran, printed)
        if self.child.returncode != 0:
            raise FfmpegFailed(f"ffmpeg ended with {self.child.returncode}", printed)
        return printed

    def _drain(self, pipe: IO[bytes]) -> None:
        while piece := pipe.read1(65536):  # type: ignore[attr-defined]
            self.tail = (self.tail + piece)[-self.TAIL_BYTES :]

    def _guard(self) -> None:
        while not self._ended.wait(0.25):
            now = time.monotonic()
            waiting = self.waiting_since
            if now > self.deadline:
                self.overran = "ffmpeg overran its time limit"
            elif waiting is not None and now - waiting > self.silence_s:
                self.overran = f"ffmpeg gave nothing for {self.silence_s:.0f} s"
            if self.overran:
                self.child.kill()
                return


def can_encode(engine: Ffmpeg, encoder: str) -> bool:
    """Whether a trial encode of a few frames works: the only honest test of NVENC."""
    graph = ffmpeg.input("color=black:size=256x256:rate=25:duration=0.4", f="lavfi").output(
        "pipe:", f="null", vcodec=encoder
    )
    try:
        engine.run(graph, timeout_s=20)
    except FfmpegFailed:
        return False
    return True


class MissingFfmpeg(ClipError):
    """The configured ffmpeg is not there."""

    code = "no_ffmpeg"


def find_ffmpeg(configured: str) -> Ffmpeg:
    """The packaged ffmpeg, or the one a setting names. Raises MissingFfmpeg."""
    import shutil

    if not configured:
        return Ffmpeg.bundled()
    found = shutil.which(configured)
    if found is None:
        raise MissingFfmpeg(
            f"FFMPEG is set to {configured!r}, but there is no such program. "
            "Unset it to use the ffmpeg that comes with KangKlip."
        )
    return Ffmpeg(found)
