"""The only reader of the environment.

`NodeSettings.from_env()` reads every variable once, casts it, and refuses a bad value by the name of
its key. `table()` and `example()` print the README's table and `.env.example`; tests hold both
against this file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

TABLE_START = "<!-- settings: written by make docs -->"
TABLE_END = "<!-- /settings -->"


class SettingsError(ValueError):
    """A variable has a value it may not have; the message names the key, the value and the rule."""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError
        return value

    parse.__doc__ = f"a whole number from {low} to {high}"
    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError
        return value

    parse.__doc__ = f"a number from {low:g} to {high:g}"
    return parse


def _flag(text: str) -> bool:
    """1, true, yes, on or 0, false, no, off"""
    lowered = text.lower()
    if lowered in ("1", "true", "yes", "on"):
        return True
    if lowered in ("0", "false", "no", "off"):
        return False
    raise ValueError


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError
        return text.lower()

    parse.__doc__ = "one of " + ", ".join(allowed)
    return parse


PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"),
    *("p1", "p2", "p3", "p4", "p5", "p6", "p7"),
)
"""x264's and NVENC's; each encoder falls back to its own when it is given the other's."""


def _size(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT in even numbers from 64 to 4096, for example 1080x1920"""
    width, height = (int(part) for part in text.lower().split("x"))
    if not all(64 <= side <= 4096 and side % 2 == 0 for side in (width, height)):
        raise ValueError
    return width, height


def _text(text: str) -> str:
    """any text"""
    return text


def _path(text: str) -> Path:
    """a path"""
    return Path(text).expanduser()


def _prefix(text: str) -> str:
    """a path such as /s/abc, of letters, digits, '-', '_', '.' and '/'"""
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)*/?", text) or ".." in text:
        raise ValueError
    return text.rstrip("/")


def _sha256(text: str) -> str:
    """64 hex digits"""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError
    return text.lower()


def _env(key: str, default: Any, parse: Callable[[str], Any], doc: str, secret: bool = False) -> Any:
    return field(
        default=default, repr=not secret, metadata={"key": key, "parse": parse, "doc": doc, "secret": secret}
    )


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Everything a session node can be told from outside. Units are in the names."""

    # the job, as the first version named it
    job_id: str = _env("JOB_ID", "", _text, "id of the job; the same id resumes it")
    video_url: str = _env(
        "VIDEO_URL", "", _text, "link or path of the video, when none is on the command line"
    )
    clip_count: int = _env("CLIP_COUNT", 3, _whole(1, 5), "how many clips")
    min_clip_s: float | None = _env(
        "MIN_CLIP_SECONDS", None, _number(3, 600), "shortest clip; empty: two thirds of the longest"
    )
    max_clip_s: float = _env("MAX_CLIP_SECONDS", 45.0, _number(5, 600), "longest clip")
    language: str = _env("SPOKEN_LANGUAGE", "auto", _text, "language spoken in the video (auto, en, id, …)")
    output_language: str = _env("OUTPUT_LANGUAGE", "auto", _text, "language of the titles; auto: as spoken")
    focus: str = _env("CLIP_FOCUS", "", _text, "what the clips should be about")
    # places
    out_dir: Path = _env("OUT_DIR", Path("out"), _path, "where finished jobs go, when no bucket is set")
    work_dir: Path = _env("WORK_DIR", Path("work"), _path, "where unfinished jobs live")
    model_dir: Path = _env("MODEL_DIR", Path("models"), _path, "where model weights are looked for and kept")
    ffmpeg: str = _env("FFMPEG", "", _text, "a system ffmpeg to use; empty: the packaged FFmpeg 9")
    # DOWNLOAD
    max_source_hours: float = _env("MAX_SOURCE_HOURS", 4.0, _number(0.01, 24), "longest video taken")
    max_source_gb: float = _env("MAX_SOURCE_GB", 8.0, _number(0.001, 100), "largest video taken")
    download_height: int = _env("DOWNLOAD_HEIGHT", 1080, _whole(144, 4320), "picture height asked of a site")
    cookies_file: Path | None = _env(
        "COOKIES_FILE", None, _path, "cookies.txt for sites that want a signed-in reader"
    )
    allow_private_addresses: bool = _env(
        "ALLOW_PRIVATE_ADDRESSES", False, _flag, "let links reach private addresses: for tests only"
    )
    # TRANSCRIPT
    asr_model: str = _env("ASR_MODEL", "", _text, "Whisper size or folder; empty: by machine")
    asr_device: str = _env("ASR_DEVICE", "auto", _one_of("auto", "cpu", "cuda"), "where Whisper runs")
    asr_compute_type: str = _env("ASR_COMPUTE_TYPE", "", _text, "CTranslate2 type; empty: by device")
    asr_batch_size: int = _env("ASR_BATCH_SIZE", 8, _whole(1, 64), "Whisper's batch")
    asr_threads: int = _env("ASR_THREADS", 0, _whole(0, 256), "CPU threads of Whisper; 0: all")
    offline: bool = _env("OFFLINE", False, _flag, "never ask a model hub")
    use_site_subtitles: bool = _env(
        "USE_SITE_SUBTITLES", True, _flag, "take a site's human subtitles instead of recognising"
    )
    # SELECT
    llm_api_base: str = _env(
        "LLM_API_BASE", "", _text, "OpenAI-compatible server that chooses; empty: the heuristic"
    )
    llm_model_name: str = _env("LLM_MODEL_NAME", "", _text, "model to ask for there")
    llm_api_key: str = _env("LLM_API_KEY", "", _text, "its key", secret=True)
    llm_timeout_s: float = _env("LLM_TIMEOUT_SECONDS", 60.0, _number(1, 3600), "longest wait for one answer")
    # RENDER
    render_resolution: tuple[int, int] = _env("RENDER_RESOLUTION", (1080, 1920), _size, "size of the clips")
    render_max_fps: int | None = _env(
        "RENDER_MAX_FPS", None, _whole(1, 120), "highest frame rate of the clips"
    )
    render_crf: int | None = _env("RENDER_CRF", None, _whole(10, 35), "quality; empty: 23")
    render_preset: str = _env(
        "RENDER_PRESET", "", _one_of(*PRESETS), "the encoder's preset; empty: veryfast, NVENC p4"
    )
    render_encoder: str = _env(
        "RENDER_ENCODER", "auto", _one_of("auto", "libx264", "h264_nvenc"), "auto tries NVENC first"
    )
    render_workers: int = _env("RENDER_WORKERS", 0, _whole(0, 16), "clips rendered at once; 0: by machine")
    face_model: Path | None = _env("FACE_MODEL", None, _path, "YuNet's ONNX file")
    face_model_fetch: bool = _env(
        "FACE_MODEL_FETCH", False, _flag, "fetch YuNet (checked by sha256) when FACE_MODEL is empty"
    )
    caption_style: str = _env("CAPTION_STYLE", "karaoke", _text, "look of the captions")
    caption_font: str = _env("CAPTION_FONT", "Roboto", _text, "font of the captions")
    caption_font_size: int | None = _env(
        "CAPTION_FONT_SIZE", None, _whole(32, 140), "its size; empty: 68 at a height of 1920"
    )
    caption_max_chars: int | None = _env(
        "CAPTION_MAX_CHARS", None, _whole(12, 40), "letters in a line; empty: 22 at 9:16"
    )
    caption_max_lines: int = _env("CAPTION_MAX_LINES", 3, _whole(1, 4), "lines shown at once")
    caption_margin_h: int | None = _env(
        "CAPTION_MARGIN_H", None, _whole(40, 260), "free space beside the captions; empty: 120 at 1920"
    )
    caption_margin_v: int | None = _env(
        "CAPTION_MARGIN_V", None, _whole(60, 960), "free space below them; empty: 400 at 1920"
    )
    # UPLOAD
    r2_endpoint: str = _env("R2_ENDPOINT", "", _text, "S3-compatible endpoint")
    r2_bucket: str = _env("R2_BUCKET", "", _text, "bucket; empty: the folder OUT_DIR")
    r2_access_key_id: str = _env("R2_ACCESS_KEY_ID", "", _text, "its key id", secret=True)
    r2_secret_access_key: str = _env("R2_SECRET_ACCESS_KEY", "", _text, "its secret", secret=True)
    r2_prefix: str = _env("R2_PREFIX", "", _text, "prefix of every object")
    presigned_urls_file: Path | None = _env(
        "PRESIGNED_URLS_FILE", None, _path, "JSON of PUT and GET URLs given from outside, instead of keys"
    )
    # the session
    host: str = _env("HOST", "127.0.0.1", _text, "address the page listens on; others need a session token")
    port: int = _env("PORT", 7860, _whole(1, 65535), "its port")
    root_path: str = _env("ROOT_PATH", "", _prefix, "path prefix under which a proxy shows the page")
    public_hosts: str = _env(
        "PUBLIC_HOSTS", "", _text, "further host names the open page answers to, comma-separated"
    )
    session_id: str = _env("SESSION_ID", "", _text, "id of this session, given by a launcher")
    session_token_sha256: str = _env(
        "SESSION_TOKEN_SHA256", "", _sha256, "sha256 of the token that the launcher shows on every request"
    )
    temp_dir: Path | None = _env(
        "TEMP_DIR", None, _path, "uploads and released files; empty: `session` below WORK_DIR"
    )
    idle_minutes: float | None = _env(
        "IDLE_MINUTES", None, _number(0, 1440), "closes after this; 0: never; empty: 15 behind a launcher"
    )
    max_queue: int = _env("MAX_QUEUE", 20, _whole(0, 1000), "jobs that may wait")
    keep_hours: float = _env(
        "KEEP_HOURS", 24.0, _number(0.01, 8760), "uploads and finished work stay this long"
    )
    disk_quota_gb: float = _env("DISK_QUOTA_GB", 50.0, _number(0.01, 100000), "room for all of it")
    min_free_gb: float = _env(
        "MIN_FREE_GB", 2.0, _number(0, 1000), "new jobs are refused below this free space"
    )
    price_per_hour_usd: float | None = _env(
        "PRICE_PER_HOUR_USD", None, _number(0, 1000), "what an hour of this machine costs, for the forecast"
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read every variable once. An empty value means the default. Raises SettingsError."""
        environ = os.environ if environ is None else environ
        values = {}
        for entry in fields(cls):
            text = environ.get(entry.metadata["key"], "").strip()
            if text:
                values[entry.name] = _parse(entry, text)
        return cls(**values)

    @property
    def session_temp_dir(self) -> Path:
        """Where uploads and released files of the page lie."""
        return self.temp_dir or self.work_dir / "session"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no log may hold."""
        shown = (getattr(self, entry.name) for entry in fields(self) if entry.metadata["secret"])
        return tuple(value for value in shown if value)

    def check_open_page(self) -> None:
        """Raises SettingsError when the page would be open to more than this machine."""
        if not self.session_token_sha256 and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise SettingsError(
                f"HOST is {self.host!r}, but without SESSION_TOKEN_SHA256 the page is for this machine "
                "alone; leave HOST at 127.0.0.1 or set the token's sha256"
            )


def prepare_gradio(settings: NodeSettings) -> None:
    """Tell Gradio, which reads the environment when it is imported, where files lie and to call nobody."""
    os.environ["GRADIO_TEMP_DIR"] = str(settings.session_temp_dir.resolve())
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def _parse(entry: Field[Any], text: str) -> Any:
    try:
        return entry.metadata["parse"](text)
    except ValueError as exc:
        key, rule = entry.metadata["key"], entry.metadata["parse"].__doc__
        shown = "the value given" if entry.metadata["secret"] else repr(text)
        raise SettingsError(f"{key} is {shown}, but must be {rule}") from exc


def _shown(value: Any) -> str:
    if value is None or value is MISSING or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "x".join(str(part) for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def table() -> str:
    """The settings as the rows of a Markdown table, for the README."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for entry in fields(NodeSettings):
        default = _shown(entry.default)
        cell = f"`{default}`" if default else ""
        rows.append(f"| `{entry.metadata['key']}` | {cell} | {entry.metadata['doc']} |")
    return "\n".join(rows)


def example() -> str:
    """The text of `.env.example`: every variable with its default, switched off."""
    lines = ["# Every setting of KangKlip with its default. Remove the # to change one.", ""]
    for entry in fields(NodeSettings):
        lines += [f"# {entry.metadata['doc']}", f"# {entry.metadata['key']}={_shown(entry.default)}", ""]
    return "\n".join(lines)


def _rewrite() -> None:
    """Put the table into the README and the example beside it."""
    root = Path(__file__).parent
    (root / ".env.example").write_text(example(), encoding="utf-8")
    readme = root / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(TABLE_START)
    _, _, after = rest.partition(TABLE_END)
    readme.write_text(f"{before}{TABLE_START}\n{table()}\n{TABLE_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
