"""The settings each stage takes, as frozen records with the unit in the name.

`pipeline` never reads the environment: the command line fills these from `settings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """Limits and manners of DOWNLOAD. `target_height` is the picture height asked of a site."""

    max_duration_s: int = 4 * 3600
    max_size_bytes: int = 8_000_000_000
    target_height: int = 1080
    max_fps: int | None = None
    cookies_file: Path | None = None
    allow_private_addresses: bool = False
    connect_timeout_s: float = 15.0
    stall_timeout_s: float = 60.0
    total_timeout_s: float = 3600.0
    retries: int = 3

    @property
    def identity(self) -> tuple[object, ...]:
        """What changes the result: part of the key under which it is kept."""
        return (self.target_height, self.max_fps)


@dataclass(frozen=True, slots=True)
class AsrOptions:
    """TRANSCRIPT. `model`: a Whisper size or folder; empty lets the machine decide."""

    model: str = ""
    model_dir: Path = Path("models")
    device: str = "auto"
    compute_type: str = ""
    batch_size: int = 8
    beam_size: int = 5
    threads: int = 0
    hub_first_byte_s: float = 10.0
    hub_stall_s: float = 30.0
    offline: bool = False
    use_site_subtitles: bool = True

    @property
    def identity(self) -> tuple[object, ...]:
        """What changes the words. How fast they come, and on what device, does not."""
        return (self.model, self.beam_size, self.use_site_subtitles)


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """The first version's CAPTION_* settings; None means its formula for the output size."""

    style: str = "karaoke"
    font: str = "Roboto"
    font_size: int | None = None
    max_chars: int | None = None
    max_lines: int = 3
    margin_h: int | None = None
    margin_v: int | None = None


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """RENDER. `crf` None means the encoder's usual value; `workers` 0 lets the machine decide."""

    width: int = 1080
    height: int = 1920
    max_fps: int | None = None
    crf: int | None = None
    preset: str = ""
    encoder: str = "auto"
    loudness_lufs: float = -14.0
    true_peak_dbtp: float = -1.5
    face_model: Path | None = None
    fetch_face_model: bool = False
    model_dir: Path = Path("models")
    workers: int = 0
    timeout_factor: float = 60.0
    captions: CaptionOptions = CaptionOptions()

    @property
    def identity(self) -> tuple[object, ...]:
        """What changes the finished file."""
        return (
            *(self.width, self.height, self.max_fps, self.crf, self.preset, self.encoder),
            *(self.loudness_lufs, self.true_peak_dbtp, self.captions),
        )

    @property
    def sight_identity(self) -> tuple[object, ...]:
        """What changes what is seen."""
        return (self.max_fps, str(self.face_model or ""), self.fetch_face_model)

    @property
    def sound_identity(self) -> tuple[object, ...]:
        """What changes the gain: a join lies on a frame."""
        return (self.max_fps, self.loudness_lufs, self.true_peak_dbtp)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """SELECT through an OpenAI-compatible server; an empty `api_base` means no model."""

    api_base: str = ""
    model: str = ""
    api_key: str = ""
    timeout_s: float = 60.0

    @property
    def identity(self) -> tuple[object, ...]:
        """What changes the choice."""
        return (self.api_base, self.model)

    def __repr__(self) -> str:
        key = "set" if self.api_key else "none"
        return f"ModelOptions(api_base={self.api_base!r}, model={self.model!r}, api_key={key})"


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """UPLOAD: a folder, or an S3-compatible bucket when `bucket` is set."""

    folder: Path = Path("out")
    endpoint: str = ""
    bucket: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    prefix: str = ""
    presigned_file: Path | None = None

    def __repr__(self) -> str:
        keys = "set" if self.secret_access_key else "none"
        return f"StorageOptions(folder={str(self.folder)!r}, bucket={self.bucket!r}, keys={keys})"
