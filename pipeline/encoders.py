"""The video encoders: x264 everywhere, NVENC where a trial encode works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.media import Ffmpeg, can_encode
from pipeline.options import RenderOptions
from pipeline.records import MadeBy


@dataclass(frozen=True, slots=True)
class Encoder:
    """The video encoder and its options, as ffmpeg takes them."""

    name: str
    options: tuple[tuple[str, Any], ...]

    def made_by(self, version: str, fallback: str) -> MadeBy:
        settings = " ".join(f"{key}={value}" for key, value in self.options)
        return MadeBy(f"ffmpeg {self.name}", version, settings, fallback)


def x264(options: RenderOptions) -> Encoder:
    preset = "veryfast" if _is_nvenc_preset(options.preset) else options.preset or "veryfast"
    return Encoder("libx264", (("preset", preset), ("crf", options.crf or 23), ("profile:v", "high")))


def _is_nvenc_preset(preset: str) -> bool:
    return preset.startswith("p") and preset[1:].isdigit()


def nvenc(options: RenderOptions) -> Encoder:
    """NVENC with constant quality; x264's preset names mean nothing to it, so p4 stands in."""
    preset = options.preset if _is_nvenc_preset(options.preset) else "p4"
    quality = (("rc", "vbr"), ("cq", options.crf or 23), ("b:v", 0))
    return Encoder("h264_nvenc", (("preset", preset), *quality, ("profile:v", "high")))


def pick_encoder(options: RenderOptions, engine: Ffmpeg) -> tuple[Encoder, str]:
    """The encoder to use and, when it is not the one asked for, why (empty otherwise)."""
    if options.encoder == "libx264":
        return x264(options), ""
    if can_encode(engine, "h264_nvenc"):
        return nvenc(options), ""
    asked = options.encoder == "h264_nvenc"
    return x264(options), "a trial encode with NVENC failed; x264 encodes instead" if asked else ""
