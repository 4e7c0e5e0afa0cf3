"""A clip plan to a finished clip: one ffmpeg pass, then a preview and a poster from the result.

What to show (`framing`) and which sentences to caption is decided before; building the commands is
pure (`picture`, `loudness.sound`); this file runs them and puts the files in place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.captions import ass, cues, measure, sidecar, styles
from pipeline.errors import RenderError
from pipeline.loudness import Gain, find_gain, sound
from pipeline.media import Ffmpeg, FfmpegFailed, can_encode, source
from pipeline.options import RenderOptions
from pipeline.picture import Canvas, picture
from pipeline.rates import output_fps
from pipeline.records import Clip, ClipPlan, Framing, MadeBy, Source, Transcript
from pipeline.workspace import write_whole

PREVIEW_WIDTH = 360
WATERMARK = "KangKlip preview"
POSTER_AT = 0.3
"""The poster shows this part of the clip: the speaker is under way, the first shot settled."""


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


def render(
    plan: ClipPlan,
    film: Source,
    transcript: Transcript,
    framing: Sequence[Framing],
    options: RenderOptions,
    encoder: Encoder,
    engine: Ffmpeg,
    folder: Path,
    on_progress: Callable[[float], None],
    threads: int = 0,
) -> Clip:
    """Make `clip_NN.mp4`, its preview, poster, SRT and VTT in `folder`.

    Every file appears whole or not at all. Raises RenderError with the end of ffmpeg's output.
    """
    work = _Work(plan, film, options, engine, folder, threads)
    laid_out, warnings = _captions(plan, transcript, options)
    write_whole(folder / f"{plan.stem}.ass", ass.to_ass(*laid_out, plan.length_ms).encode())
    fallback = ""
    try:
        gain = find_gain(film, plan, options.loudness_lufs, options.true_peak_dbtp, engine, work.timeout_s)
        try:
            work.clip(framing, encoder, gain, lambda f: on_progress(f * 0.9))
        except FfmpegFailed as exc:
            if encoder.name == "libx264":
                raise
            fallback = f"{encoder.name} failed ({exc}); x264 encoded instead"
            encoder = x264(options)
            work.clip(framing, encoder, gain, lambda f: on_progress(f * 0.9))
        work.preview_and_poster()
    except FfmpegFailed as exc:
        raise RenderError(
            f"Clip {plan.index} ({plan.start_ms / 1000:.1f}-{plan.end_ms / 1000:.1f} s) could not be "
            f"rendered: {exc}.",
            exc.tail,
        ) from exc
    write_whole(folder / f"{plan.stem}.srt", sidecar.to_srt(laid_out[0]).encode())
    write_whole(folder / f"{plan.stem}.vtt", sidecar.to_vtt(laid_out[0]).encode())
    on_progress(1.0)
    return Clip(
        plan=plan,
        video=f"{plan.stem}.mp4",
        preview=f"{plan.stem}.preview.mp4",
        poster=f"{plan.stem}.jpg",
        srt=f"{plan.stem}.srt",
        vtt=f"{plan.stem}.vtt",
        framing=tuple(framing),
        made_by=encoder.made_by(engine.version(), fallback),
        loudness_lufs=gain.result_lufs,
        warnings=tuple(w for w in (*warnings, fallback) if w),
    )


def _captions(
    plan: ClipPlan, transcript: Transcript, options: RenderOptions
) -> tuple[tuple[tuple[cues.Cue, ...], styles.Sheet], tuple[str, ...]]:
    sheet = styles.sheet(options.captions, options.width, options.height)
    words = cues.clip_words(plan, transcript)
    width = measure.font_measure(sheet.font, sheet.font_size)
    laid_out = cues.lay_out(words, sheet, width, cues.joiner_for(transcript.language))
    missing = measure.missing_letters("".join(word.text for word in words))
    warning = ""
    if missing:
        warning = (
            f"Roboto has no glyphs for {missing[:20]}: a font of this machine draws them, and where it "
            "has none, boxes show; install one (for example Noto) or set CAPTION_FONT"
        )
    return (laid_out, sheet), (warning,)


@dataclass(frozen=True, slots=True)
class _Work:
    """The ffmpeg runs of one clip."""

    plan: ClipPlan
    film: Source
    options: RenderOptions
    engine: Ffmpeg
    folder: Path
    threads: int

    @property
    def timeout_s(self) -> float:
        return 60 + self.plan.length_ms / 1000 * self.options.timeout_factor

    def _temporary(self, suffix: str) -> Path:
        return self.folder / f".{self.plan.stem}.{os.getpid()}.tmp{suffix}"

    def clip(
        self, framing: Sequence[Framing], encoder: Encoder, gain: Gain, on_progress: Callable[[float], None]
    ) -> None:
        plan, film = self.plan, self.film
        canvas = Canvas(self.options.width, self.options.height, output_fps(film, self.options.max_fps))
        node = source(film.path, start_ms=plan.start_ms, length_ms=plan.length_ms)
        video = picture(
            node[str(film.video_index)], film, framing, canvas,
            self.folder / f"{plan.stem}.ass", measure.fonts_folder(),
        )  # fmt: skip
        audio = sound(node[str(film.audio_index)], plan.length_ms, gain)
        temporary = self._temporary(".mp4")
        output = video.output(audio, str(temporary), **self._output_options(encoder, canvas))
        self.engine.run(output, timeout_s=self.timeout_s, total_ms=plan.length_ms, on_progress=on_progress)
        temporary.replace(self.folder / f"{plan.stem}.mp4")

    def _output_options(self, encoder: Encoder, canvas: Canvas) -> dict[str, Any]:
        options: dict[str, Any] = {
            "t": f"{self.plan.length_ms / 1000:.3f}",
            "c:v": encoder.name,
            **dict(encoder.options),
            "g": round(2 * canvas.fps),
            "c:a": "aac",
            "b:a": "160k",
            "colorspace": "bt709",
            "color_primaries": "bt709",
            "color_trc": "bt709",
            "color_range": "tv",
            "movflags": "+faststart",
            "map_metadata": -1,
            "map_chapters": -1,
            "metadata": f"title={self.plan.title}",
        }
        if self.threads:
            options["threads"] = self.threads
        return options

    def preview_and_poster(self) -> None:
        """A small watermarked film and a still, both from the finished clip."""
        import ffmpeg

        stem = self.plan.stem
        finished = self.folder / f"{stem}.mp4"
        preview, poster = self._temporary(".preview.mp4"), self._temporary(".jpg")
        node = source(finished)
        small = (
            node["v"]
            .filter("scale", PREVIEW_WIDTH, -2)
            .filter(
                "drawtext",
                text=WATERMARK,
                fontfile=str(measure.fonts_folder() / "Roboto-Bold.ttf"),
                fontsize=26,
                fontcolor="white@0.55",
                borderw=1,
                bordercolor="black@0.4",
                x="(w-text_w)/2",
                y="h*0.12",
            )
        )
        film = small.output(
            node["a"], str(preview),
            **{"c:v": "libx264", "preset": "ultrafast", "crf": 30, "c:a": "aac", "b:a": "64k",
               "movflags": "+faststart", "map_metadata": -1},
        )  # fmt: skip
        still = source(finished, start_ms=int(self.plan.length_ms * POSTER_AT)).video
        picture_ = still.output(str(poster), vframes=1, update=1, **{"q:v": 3})
        self.engine.run(ffmpeg.merge_outputs(film, picture_), timeout_s=self.timeout_s)
        preview.replace(self.folder / f"{stem}.preview.mp4")
        poster.replace(self.folder / f"{stem}.jpg")
