"""The parent's side of a download: starts the yt-dlp child behind the guarded proxy and watches it.

The child is ended when it overruns the total time, or when for the stall time it says nothing, the
proxy receives next to nothing and the folder does not grow.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from pipeline.errors import SourceError
from pipeline.media import spawn
from pipeline.net.address import check_url
from pipeline.net.egress import GuardedProxy
from pipeline.net.reasons import reason
from pipeline.net.ytdlp import DOWNLOADED, Job
from pipeline.options import IngestOptions

CHILD_MEMORY_BYTES = 4 << 30
LIFE_SIGN_BYTES = 16 << 10
LARGEST_COOKIES_BYTES = 4 << 20
ROOT = Path(__file__).resolve().parents[2]

OnProgress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the child brought: one file, or picture and sound apart, and what the site says of them."""

    files: tuple[Path, ...]
    extensions: tuple[str, ...]
    title: str
    uploader: str
    license: str
    url: str
    subtitles: Path | None = None
    subtitles_language: str = ""
    warnings: tuple[str, ...] = ()


def fetch(
    url: str,
    language: str,
    folder: Path,
    options: IngestOptions,
    proxy: GuardedProxy,
    on_progress: OnProgress,
) -> Fetched:
    """Download the video behind the URL into the folder. Raises Refused, TooBig, SourceError."""
    answer = _asked(url, language, folder, options, proxy, on_progress)
    return Fetched(
        files=tuple(folder / name for name in answer["files"]),
        extensions=tuple(answer["extensions"]),
        title=answer["title"],
        uploader=answer["uploader"],
        license=answer["license"],
        url=answer["url"],
        subtitles=folder / answer["subtitles"] if "subtitles" in answer else None,
        subtitles_language=answer.get("subtitles_language", ""),
        warnings=(answer["warning"],) if "warning" in answer else (),
    )


@dataclass(frozen=True, slots=True)
class Described:
    """What a site says of a video; None where it does not."""

    title: str
    duration_s: float | None
    width: int | None
    height: int | None


def describe(url: str, folder: Path, options: IngestOptions, proxy: GuardedProxy) -> Described:
    """The site's description, nothing downloaded. Raises Refused, TooBig, SourceError."""
    answer = _asked(url, "auto", folder, options, proxy, lambda fraction, message: None, look_only=True)
    return Described(answer["title"], answer["duration_s"], answer["width"], answer["height"])


def _asked(
    url: str,
    language: str,
    folder: Path,
    options: IngestOptions,
    proxy: GuardedProxy,
    on_progress: OnProgress,
    look_only: bool = False,
) -> Mapping[str, Any]:
    """The child's `result` line. Raises Refused, TooBig, SourceError."""
    host = check_url(url, allow_private=options.allow_private_addresses).host
    with _private_copy(options.cookies_file) as cookies:
        job = Job(
            url=url,
            proxy=proxy.url,
            cookies_file=str(cookies or ""),
            language=language,
            target_height=options.target_height,
            max_fps=options.max_fps,
            max_duration_s=options.max_duration_s,
            max_size_bytes=options.max_size_bytes,
            # Longer than the proxy takes to connect, so that the proxy's reason arrives first.
            socket_timeout_s=options.connect_timeout_s + 5,
            retries=options.retries,
            deno=_deno(),
            look_only=look_only,
        )
        answer = _run(job, host, folder, options, proxy, on_progress)
    if answer["event"] == "failed":
        raise reason(answer, host, url, proxy.troubles, options)
    return answer


def _deno() -> str:
    """The JavaScript runtime for sites that need one. It runs without any permission."""
    beside = Path(sys.executable).with_name("deno")
    return str(beside) if beside.is_file() else shutil.which("deno") or ""


@contextmanager
def _private_copy(cookies: Path | None) -> Iterator[Path | None]:
    """A copy that only we can read, gone afterwards: yt-dlp writes into its cookies file."""
    if cookies is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="kangklip-") as private:
        copy = Path(private) / "cookies.txt"
        try:
            if cookies.stat().st_size > LARGEST_COOKIES_BYTES:
                raise SourceError(f"The cookies file {cookies} is larger than 4 MB; export it anew.")
            copy.write_bytes(cookies.read_bytes())
        except OSError as exc:
            raise SourceError(
                f"The cookies file {cookies} cannot be read; check its path.", str(exc)
            ) from exc
        yield copy


def _run(
    job: Job, host: str, folder: Path, options: IngestOptions, proxy: GuardedProxy, on_progress: OnProgress
) -> Mapping[str, Any]:
    """The child's last word: its `result` or `failed` line. Raises SourceError."""
    child = spawn(
        [sys.executable, "-m", "pipeline.net.ytdlp"],
        cwd=folder,
        env=_environment(job.proxy),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    watch = _Watch(child, host, folder, options, proxy)
    try:
        resource.prlimit(child.pid, resource.RLIMIT_DATA, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
        assert child.stdin is not None
        with suppress(BrokenPipeError), child.stdin:
            child.stdin.write(json.dumps(asdict(job)).encode())
        furthest = 0.0
        for line in watch.lines():
            if line["event"] in ("result", "failed"):
                return line
            if line["event"] == "progress":
                fraction, words = _said(line, host)
                # A second file makes the total grow; what was reached is not taken back.
                furthest = max(furthest, fraction)
                on_progress(furthest, words)
    finally:
        watch.end()
    raise SourceError(f"The download from {host} broke off; try again.", watch.complaints)


def _environment(proxy_url: str) -> dict[str, str]:
    """Nothing of ours: no search path for programs, no settings, every proxy variable set."""
    proxies = {name: proxy_url for name in ("http_proxy", "https_proxy", "all_proxy")}
    upper = {name.upper(): value for name, value in proxies.items()}
    return {
        "PATH": "/nonexistent",
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONSAFEPATH": "1",
        "YTDLP_NO_PLUGINS": "1",
        "no_proxy": "",
        "NO_PROXY": "",
        **proxies,
        **upper,
    }


def _said(line: Mapping[str, Any], host: str) -> tuple[float, str]:
    done, total = int(line["done"]), int(line["total"])
    if not done:
        return 0.0, f"asking {host}"
    if not total:
        return 0.0, f"{done / 1e6:.1f} MB"
    return min(1.0, done / total), f"{done / 1e6:.1f} of {total / 1e6:.1f} MB"


class _Watch:
    """Gives the child's lines as they come, and ends it when it overruns or stalls."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        host: str,
        folder: Path,
        options: IngestOptions,
        proxy: GuardedProxy,
    ) -> None:
        self._child = child
        self._host = host
        self._folder = folder
        self._options = options
        self._proxy = proxy
        self._said: queue.Queue[bytes | None] = queue.Queue(maxsize=1000)
        self.complaints = ""
        assert child.stdout is not None and child.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(child.stdout,), daemon=True),
            threading.Thread(target=self._drain, args=(child.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def lines(self) -> Iterator[Mapping[str, Any]]:
        """Every line until the child ends. Raises SourceError when it takes too long."""
        deadline = time.monotonic() + self._options.total_timeout_s
        moved_at, moved = time.monotonic(), self._moved()
        while True:
            try:
                line = self._said.get(timeout=0.25)
            except queue.Empty:
                line = b""
            if line is None:
                return
            now = time.monotonic()
            if line or self._moved() - moved > LIFE_SIGN_BYTES:
                moved_at, moved = now, self._moved()
            if now > deadline:
                limit = self._options.total_timeout_s
                raise SourceError(f"{self._host} needs more than the {limit:.0f} s a download may take.")
            if now - moved_at > self._options.stall_timeout_s:
                limit = self._options.stall_timeout_s
                raise SourceError(f"{self._host} sent nothing for {limit:.0f} s; try again later.")
            if line:
                yield json.loads(line)

    def _moved(self) -> int:
        sizes = 0
        for file in self._folder.glob(f"{DOWNLOADED}.*"):
            with suppress(FileNotFoundError):
                sizes += file.stat().st_size
        return self._proxy.received_bytes + sizes

    def end(self) -> None:
        """Kill the child with all it started, and free everything."""
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        while self._threads[0].is_alive():
            with suppress(queue.Empty):
                self._said.get(timeout=0.05)
        for thread in self._threads:
            thread.join()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()

    def _read(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._said.put(line)
        self._said.put(None)

    def _drain(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self.complaints = (self.complaints + line.decode("utf-8", "replace"))[-4000:]
