"""The child process that runs yt-dlp: `python -m pipeline.net.ytdlp`.

One job as JSON on stdin, JSON lines on stdout: `progress` and `alive` while it works, then one
`result` or `failed`. It reaches the net only through the proxy it is given: an audit hook forbids
every other connection and every other program, whatever an extractor or a downloader tries.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

MOST_ENTRIES_COUNTED = 200
LARGEST_SUBTITLES_BYTES = 5_000_000
PROGRESS_EVERY_S = 0.25
DOWNLOADED = "download"
"""Every file of a download begins with this word, so that the parent knows its own."""

WEB_PROTOCOLS = ("http", "https", "m3u8", "m3u8_native", "http_dash_segments", "ism", "f4m", "mhtml")
LIVE = {"is_live": "is a live stream", "is_upcoming": "has not begun yet", "post_live": "is still processed"}


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks; `cookies_file` is a private copy, for yt-dlp writes to it."""

    url: str
    proxy: str
    cookies_file: str
    language: str
    target_height: int
    max_fps: int | None
    max_duration_s: int
    max_size_bytes: int
    socket_timeout_s: float
    retries: int
    deno: str
    look_only: bool = False


class Stop(Exception):
    """The download may not or cannot go on; `kind` is a word of `pipeline.net.reasons`."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.facts = facts


Tell = Callable[..., None]


class _Log:
    """yt-dlp's logger: every word is a sign of life, the last ones are kept for the operator."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.lines: list[str] = []

    def debug(self, text: str) -> None:
        self.lines = [*self.lines[-19:], text[:500]]
        self._tell("alive")

    info = warning = error = debug


def close_other_ways(proxy: str, allowed_program: str) -> None:
    """Forbid this process, for good, any connection but to the proxy and any program but one."""
    parts = urlsplit(proxy)
    way_out = (parts.hostname, parts.port)

    def judge(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect" and tuple(args[1][:2]) != way_out:
            raise PermissionError(f"connection to {args[1]!r} must go through the proxy")
        if event in ("socket.sendto", "socket.sendmsg", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
            raise PermissionError(f"{event} is not allowed here")
        if event == "subprocess.Popen" and (not allowed_program or args[1][0] != allowed_program):
            raise PermissionError(f"starting {args[0]!r} is not allowed here")

    sys.addaudithook(judge)


def settings(job: Job, log: _Log, hook: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """yt-dlp's parameters: no configuration, cache, plugin or helper program of the machine."""
    rate = job.max_fps or 60
    return {
        "proxy": job.proxy,
        "logger": log,
        "progress_hooks": [hook],
        "noprogress": True,
        "color": "never",
        "cachedir": False,
        "usenetrc": False,
        "cookiefile": job.cookies_file or None,
        "enable_file_urls": False,
        "allowed_extractors": ["default", "-.*search.*"],
        "noplaylist": True,
        "extract_flat": "in_playlist",
        "playlistend": MOST_ENTRIES_COUNTED,
        # "best" alone is what a direct link offers: one file whose codecs nobody knows yet.
        "format": "bv*+ba/b/bv*+ba/best",
        "format_sort": [f"res:{job.target_height}", f"fps:{rate}", "hdr:sdr", "vcodec:h264"],
        "outtmpl": {"default": f"{DOWNLOADED}.%(format_id).40s.media"},
        "restrictfilenames": True,
        "windowsfilenames": False,
        "continuedl": True,
        "max_filesize": job.max_size_bytes,
        "socket_timeout": job.socket_timeout_s,
        "retries": job.retries,
        "fragment_retries": job.retries,
        "extractor_retries": job.retries,
        "file_access_retries": 1,
        "skip_unavailable_fragments": False,
        "concurrent_fragment_downloads": 4,
        # ffmpeg would open addresses by itself: it is hidden, the parent joins the streams.
        "hls_prefer_native": True,
        "external_downloader": {},
        "ffmpeg_location": "/nonexistent",
        "fixup": "never",
        "updatetime": False,
        "js_runtimes": {"deno": {"path": job.deno}} if job.deno else {},
    }


def check(info: dict[str, Any], job: Job) -> None:
    """Refuse what may not be downloaded, from the site's own description. Raises Stop."""
    if info.get("_type") in ("playlist", "multi_video"):
        count = info.get("playlist_count") or len(info.get("entries") or [])
        raise Stop("playlist", count=count, more=count >= MOST_ENTRIES_COUNTED)
    status = info.get("live_status")
    if status in LIVE or info.get("is_live"):
        raise Stop("live", state=LIVE.get(status or "", LIVE["is_live"]))
    if (info.get("duration") or 0) > job.max_duration_s:
        raise Stop("too_long", seconds=int(info["duration"]))
    formats = info.get("requested_formats") or [info]
    for chosen in formats:
        if chosen.get("protocol") not in WEB_PROTOCOLS or chosen.get("has_drm"):
            raise Stop("drm" if chosen.get("has_drm") else "protocol", protocol=str(chosen.get("protocol")))
    size = sum(chosen.get("filesize") or chosen.get("filesize_approx") or 0 for chosen in formats)
    if size > job.max_size_bytes:
        raise Stop("too_big", bytes=int(size))


def look(ydl: Any, job: Job) -> dict[str, Any]:
    """The site's description of the one video behind the address. Raises Stop, yt-dlp's errors."""
    info: dict[str, Any] | None = ydl.extract_info(job.url, download=False)
    if info and info.get("_type") in ("playlist", "multi_video") and len(info.get("entries") or []) == 1:
        ydl.params["extract_flat"] = False
        page = ydl.extract_info(job.url, download=False) or {}
        info = next(iter(page.get("entries") or []), None)
    if not info:
        raise Stop("nothing")
    return info


def title(info: dict[str, Any]) -> str:
    """The title without the number that the generic extractor gives even a page's only video."""
    text = str(info.get("title") or "")
    numbered = info.get("extractor_key") in ("Generic", "HTML5MediaEmbed")
    return text.removesuffix(" (1)") if numbered else text


def description(info: dict[str, Any]) -> dict[str, Any]:
    """Title, length and size as the site states them, None where it does not."""

    def number(value: Any) -> float | None:
        return value if isinstance(value, int | float) and 0 < value < 1e9 else None

    width, height = number(info.get("width")), number(info.get("height"))
    return {
        "title": title(info),
        "duration_s": number(info.get("duration")),
        "width": int(width) if width else None,
        "height": int(height) if height else None,
    }


def fetch(ydl: Any, info: dict[str, Any]) -> list[Path]:
    """Download the chosen formats, each into a file of its own. Raises Stop, yt-dlp's errors."""
    wanted = [chosen["format_id"] for chosen in info.get("requested_formats") or [info]]

    def only_wanted(context: dict[str, Any]) -> Any:
        return (f for name in wanted for f in context["formats"] if f["format_id"] == name)

    ydl.format_selector = only_wanted
    done = ydl.process_ie_result(ydl.sanitize_info(info, remove_private_keys=True), download=True)
    files = [Path(part.get("filepath") or "missing") for part in done.get("requested_downloads") or []]
    if len(files) != len(wanted) or not all(file.is_file() for file in files):
        raise Stop("incomplete")
    return files


def subtitle_choice(info: dict[str, Any], language: str) -> tuple[str, dict[str, Any]] | None:
    """The human subtitles (language, entry) that fit the wish, or else the video's own language."""
    offered: dict[str, list[dict[str, Any]]] = {
        tag: entries for tag, entries in (info.get("subtitles") or {}).items() if tag != "live_chat"
    }
    wanted = language if language != "auto" else info.get("language") or ""
    if not wanted and len(offered) == 1:
        wanted = next(iter(offered))
    main = wanted.split("-")[0].lower()
    tags = sorted(
        (tag for tag in offered if main and tag.lower().split("-")[0] == main),
        key=lambda tag: (tag.lower() != wanted.lower(), len(tag), tag),
    )
    for tag in tags:
        for kind in ("vtt", "srt"):
            for entry in offered[tag]:
                if entry.get("ext") == kind and (entry.get("data") or entry.get("url")):
                    return tag, entry
    return None


def fetch_subtitles(ydl: Any, info: dict[str, Any], job: Job, log: _Log) -> dict[str, str]:
    """The name and language of the subtitles, or a warning: without them the film is still whole."""
    from yt_dlp.utils import YoutubeDLError

    choice = subtitle_choice(info, job.language)
    if choice is None:
        return {}
    tag, entry = choice
    file = Path(f"{DOWNLOADED}.subtitles.{entry['ext']}")
    try:
        if entry.get("data"):
            file.write_text(entry["data"], encoding="utf-8")
        else:
            file.unlink(missing_ok=True)
            ydl.dl(str(file), {"http_headers": info.get("http_headers") or {}, **entry}, subtitle=True)
        if 0 < file.stat().st_size <= LARGEST_SUBTITLES_BYTES:
            return {"subtitles": str(file), "subtitles_language": tag}
    except (YoutubeDLError, OSError) as exc:
        log.warning(f"subtitles could not be fetched: {exc}")
    return {"warning": f"The site's {tag} subtitles could not be fetched; the speech is recognised instead."}


def download(job: Job, tell: Tell, log: _Log) -> None:
    """The whole job. Raises Stop, yt-dlp's errors, OSError."""
    from yt_dlp import YoutubeDL

    with YoutubeDL(settings(job, log, _progress_hook(job, tell))) as ydl:
        close_other_ways(job.proxy, job.deno)
        tell("progress", done=0, total=0)
        info = look(ydl, job)
        check(info, job)
        if job.look_only:
            tell("result", **description(info))
            return
        formats = info.get("requested_formats") or [info]
        files = fetch(ydl, info)
        tell(
            "result",
            files=[str(file) for file in files],
            extensions=[str(chosen.get("ext") or "") for chosen in formats],
            title=title(info),
            uploader=str(info.get("uploader") or info.get("channel") or ""),
            license=str(info.get("license") or ""),
            url=str(info.get("webpage_url") or job.url),
            **fetch_subtitles(ydl, info, job, log),
        )


def _progress_hook(job: Job, tell: Tell) -> Callable[[dict[str, Any]], None]:
    """Tells the bytes of all files so far, and stops at the limit whatever the site announced."""
    sizes: dict[str, tuple[int, int]] = {}
    told_at = 0.0

    def hook(state: dict[str, Any]) -> None:
        nonlocal told_at
        done = int(state.get("downloaded_bytes") or 0)
        total = int(state.get("total_bytes") or state.get("total_bytes_estimate") or 0)
        sizes[state.get("filename") or ""] = (done, total)
        done = sum(pair[0] for pair in sizes.values())
        total = sum(pair[1] for pair in sizes.values())
        if done > job.max_size_bytes or int(state.get("total_bytes") or 0) > job.max_size_bytes:
            raise Stop("too_big", bytes=max(done, total))
        if time.monotonic() - told_at >= PROGRESS_EVERY_S:
            told_at = time.monotonic()
            tell("progress", done=done, total=total)

    return hook


def failure(error: BaseException, log: _Log) -> dict[str, Any]:
    """What the parent needs to name the reason: the kinds of errors in the chain, HTTP status, text."""
    kinds: list[str] = []
    status = 0
    pending: list[BaseException | None] = [error]
    while pending and len(kinds) < 12:
        one = pending.pop(0)
        if one is None:
            continue
        kinds.append(type(one).__name__)
        status = status or int(getattr(one, "status", 0) or 0)
        carried = getattr(one, "exc_info", None) or (None, None, None)
        pending += [getattr(one, "cause", None), carried[1], one.__cause__]
    return {
        "kind": "error",
        "text": str(error)[:1000],
        "status": status,
        "kinds": kinds,
        "log": log.lines[-8:],
    }


def main() -> None:
    """Read the job, do it, answer. Anything else that is printed goes to stderr."""
    answers, sys.stdout = sys.stdout, sys.stderr

    def tell(event: str, **facts: Any) -> None:
        line = json.dumps({"event": event, **facts})
        answers.write(line.replace(job.proxy, "(proxy)") + "\n")
        answers.flush()

    job = Job(**json.loads(sys.stdin.read()))
    from yt_dlp.utils import YoutubeDLError

    log = _Log(tell)
    try:
        download(job, tell, log)
    except Stop as stop:
        tell("failed", kind=stop.kind, log=log.lines[-8:], **stop.facts)
    except (YoutubeDLError, OSError, ValueError) as exc:
        tell("failed", **failure(exc, log))


if __name__ == "__main__":
    main()
