"""DOWNLOAD: a URL or a local file becomes a checked `Source`.

A URL goes through yt-dlp behind the guarded proxy (`pipeline.net`); a local file stays where it is.
Either is then examined by `pipeline.probe`, so that later stages can rely on picture and sound.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import ffmpeg

from pipeline.errors import SourceError
from pipeline.media import Ffmpeg, FfmpegFailed, source
from pipeline.net.download import Fetched, describe, fetch
from pipeline.net.egress import GuardedProxy
from pipeline.net.reasons import too_big, too_long
from pipeline.options import IngestOptions
from pipeline.packets import shown
from pipeline.probe import probe
from pipeline.records import Ms, Source, Wish

SAMPLE_BYTES = 1 << 20
LONGEST_TITLE = 300
NET_OVERHEAD = 1.1
"""Pages, fragments and repeated pieces: how much more than the file may come from outside."""
PAGES_BYTES = 64 << 20
JOIN_TIMEOUT_S = 1800.0
GLANCE_S = 25.0
"""Somebody is waiting for an answer."""
KNOWN_EXTENSIONS = frozenset({"mp4", "m4v", "mov", "webm", "mkv", "flv", "avi", "ts", "3gp", "mpg", "ogv"})
MP4_FAMILY = frozenset({"mp4", "m4v", "m4a", "mov"})

OnProgress = Callable[[float, str], None]


def ingest(
    wish: Wish, folder: Path, options: IngestOptions, engine: Ffmpeg, on_progress: OnProgress
) -> Source:
    """The film of the wish, checked. A download lands in `folder` as `source.<ext>`.

    `on_progress` gets fractions 0..1 and a few words. Raises Refused, NotMedia, TooBig, SourceError.
    """
    if _is_address(wish.source):
        with _proxy(options) as proxy:
            return ingest_address(wish, folder, options, engine, on_progress, proxy)
    path = _local_file(wish.source)
    on_progress(0.1, "examining the file")
    return _checked(path, options, title=path.stem)


def ingest_address(
    wish: Wish,
    folder: Path,
    options: IngestOptions,
    engine: Ffmpeg,
    on_progress: OnProgress,
    proxy: GuardedProxy,
) -> Source:
    """`ingest` for a URL through a given proxy, which decides what the net is."""
    folder.mkdir(parents=True, exist_ok=True)

    def on_download(fraction: float, message: str) -> None:
        on_progress(0.95 * fraction, message)

    fetched = fetch(wish.source.strip(), wish.language, folder.resolve(), options, proxy, on_download)
    on_progress(0.95, "examining the file")
    path = _into_one_file(fetched, folder.resolve(), engine)
    on_progress(1.0, "downloaded")
    subtitles = fetched.subtitles
    if subtitles is not None:
        subtitles = subtitles.rename(folder.resolve() / f"subtitles{subtitles.suffix}")
    return _checked(
        path,
        options,
        title=fetched.title,
        url=fetched.url,
        uploader=fetched.uploader,
        license=fetched.license,
        subtitles=subtitles,
        subtitles_language=fetched.subtitles_language,
        warnings=fetched.warnings,
    )


@dataclass(frozen=True, slots=True)
class Glance:
    """What can be said of a video without taking it; None where the site does not tell."""

    duration_ms: Ms | None
    width: int | None
    height: int | None
    title: str


def glance(text: str, options: IngestOptions) -> Glance:
    """A short look at a link or a file, within `GLANCE_S`. Raises what `ingest` raises."""
    if not _is_address(text):
        path = _local_file(text)
        found = probe(path, timeout_s=GLANCE_S)
        if found.duration_ms > options.max_duration_s * 1000:
            raise too_long(shown(path), found.duration_ms // 1000, options)
        return Glance(found.duration_ms, found.width, found.height, _one_line(path.stem))
    hurried = replace(options, connect_timeout_s=GLANCE_S / 3, total_timeout_s=GLANCE_S, retries=1)
    with _proxy(hurried) as proxy, TemporaryDirectory(prefix="kangklip-") as folder:
        told = describe(text.strip(), Path(folder), hurried, proxy)
    length_ms = round(told.duration_s * 1000) if told.duration_s else None
    return Glance(length_ms, told.width, told.height, _one_line(told.title))


def fingerprint(path: Path) -> str:
    """What stands for the content: sha256 over the size (8 bytes, big-endian) and the first, middle
    and last MiB. Equal files have equal fingerprints wherever they lie; reading stays cheap for 8 GB.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(size.to_bytes(8, "big"))
    with path.open("rb") as file:
        for start in (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES):
            file.seek(max(0, start))
            digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()


def _proxy(options: IngestOptions) -> GuardedProxy:
    return GuardedProxy(
        allow_private=options.allow_private_addresses,
        connect_timeout_s=options.connect_timeout_s,
        idle_timeout_s=options.stall_timeout_s,
        max_bytes=int(options.max_size_bytes * NET_OVERHEAD) + PAGES_BYTES,
    )


def _is_address(text: str) -> bool:
    """Whether this is meant as an address. A file that exists is a file, even with a colon in it."""
    text = text.strip()
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return True
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", text) is not None and not Path(text).exists()


def _local_file(text: str) -> Path:
    """The file the person names. Raises SourceError for everything that is no ordinary file."""
    name = shown(Path(text))
    if not text or "\0" in text:
        raise SourceError("No video was named; give the path of a file or a link.")
    try:
        path = Path(text).resolve()
        mode = path.stat().st_mode
    except FileNotFoundError as exc:
        raise SourceError(f"There is no file {name}; check its path, or begin a link with https://.") from exc
    except (OSError, RuntimeError) as exc:
        raise SourceError(f"{name} cannot be opened; check its path and rights.", str(exc)) from exc
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or pipe"
        raise SourceError(f"{name} is {what}; give the video file itself.")
    try:
        path.open("rb").close()
    except OSError as exc:
        raise SourceError(f"{name} may not be read; check the file's rights.", str(exc)) from exc
    return path


def _into_one_file(fetched: Fetched, folder: Path, engine: Ffmpeg) -> Path:
    """The download under its final name; picture and sound that came apart are joined, not re-encoded."""
    if len(fetched.files) == 1:
        extension = fetched.extensions[0].lower()
        return fetched.files[0].replace(
            folder / f"source.{extension if extension in KNOWN_EXTENSIONS else 'media'}"
        )
    extension = "mp4" if MP4_FAMILY.issuperset(fetched.extensions) else "mkv"
    joined = folder / f"joined.{extension}"
    picture, sound = (source(file) for file in fetched.files[:2])
    graph = ffmpeg.output(picture["v:0"], sound["a:0"], f"file:{joined}", c="copy")
    try:
        engine.run(graph, timeout_s=JOIN_TIMEOUT_S)
    except FfmpegFailed as exc:
        raise SourceError(
            "Picture and sound of the download do not fit together; try again.", exc.tail
        ) from exc
    final = joined.replace(folder / f"source.{extension}")
    for part in fetched.files:
        part.unlink(missing_ok=True)
    return final


def _checked(
    path: Path,
    options: IngestOptions,
    *,
    title: str,
    url: str = "",
    uploader: str = "",
    license: str = "",
    subtitles: Path | None = None,
    subtitles_language: str = "",
    warnings: tuple[str, ...] = (),
) -> Source:
    size = path.stat().st_size
    if size > options.max_size_bytes:
        raise too_big(shown(path), size, options)
    found = probe(path)
    if found.duration_ms > options.max_duration_s * 1000:
        raise too_long(shown(path), found.duration_ms // 1000, options)
    return Source(
        path=path,
        title=_one_line(title) or _one_line(path.stem),
        duration_ms=found.duration_ms,
        width=found.width,
        height=found.height,
        fps_num=found.fps_num,
        fps_den=found.fps_den,
        video_codec=found.video_codec,
        audio_codec=found.audio_codec,
        audio_index=found.audio_index,
        video_index=found.video_index,
        rotation=found.rotation,
        transfer=found.transfer,
        size_bytes=size,
        fingerprint=fingerprint(path),
        url=url,
        uploader=_one_line(uploader),
        license=_one_line(license),
        subtitles=subtitles,
        subtitles_language=subtitles_language,
        warnings=warnings,
    )


def _one_line(text: str) -> str:
    """Foreign text without control characters and line breaks, of bounded length."""
    cleaned = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(cleaned.split())[:LONGEST_TITLE]
