"""A clip plan to a finished clip: one ffmpeg pass, then a preview and a poster from the result.

What to show (`framing`), how loud (`gain`) and which sentences to caption is decided before; building
the commands is pure (`picture`, `loudness.sound`, `preview`); this file runs them and puts the files in
place. A draft is the same picture on a small canvas, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.captions import measure, sidecar
from pipeline.captions.clip import ClipCaptions, clip_captions
from pipeline.encoders import Encoder, x264
from pipeline.errors import RenderError
from pipeline.loudness import find_gain, sound
from pipeline.media import Ffmpeg, FfmpegFailed, source
from pipeline.options import RenderOptions
from pipeline.picture import Canvas, picture
from pipeline.preview import ENCODED, PREVIEW_WIDTH, poster_of, preview_of, watermarked
from pipeline.rates import output_fps
from pipeline.records import Clip, ClipPlan, Draft, Framing, Gain, Source, Transcript
from pipeline.splice import Splice
from pipeline.workspace import write_whole


def listen(plan: ClipPlan, film: Source, options: RenderOptions, engine: Ffmpeg) -> Gain:
    """Measure the clip's sound as it will be cut. Raises RenderError with the end of ffmpeg's output."""
    splice = Splice.of(plan, output_fps(film, options.max_fps))
    with _translated(plan):
        return find_gain(
            film, splice, options.loudness_lufs, options.true_peak_dbtp, engine, _timeout_s(plan, options)
        )


def render(
    plan: ClipPlan,
    film: Source,
    transcript: Transcript,
    framing: Sequence[Framing],
    gain: Gain,
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
    shown = _captions(plan, transcript, options, work.splice)
    write_whole(folder / f"{plan.stem}.ass", shown.ass.encode())
    fallback = ""
    with _translated(plan):
        try:
            work.clip(framing, encoder, gain, lambda f: on_progress(f * 0.9))
        except FfmpegFailed as exc:
            if encoder.name == "libx264":
                raise
            fallback = f"{encoder.name} failed ({exc}); x264 encoded instead"
            encoder = x264(options)
            work.clip(framing, encoder, gain, lambda f: on_progress(f * 0.9))
        work.preview_and_poster()
    write_whole(folder / f"{plan.stem}.srt", sidecar.to_srt(shown.cues).encode())
    write_whole(folder / f"{plan.stem}.vtt", sidecar.to_vtt(shown.cues).encode())
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
        warnings=tuple(w for w in (shown.warning, fallback) if w),
    )


def draft(
    plan: ClipPlan,
    film: Source,
    transcript: Transcript,
    framing: Sequence[Framing],
    gain: Gain,
    options: RenderOptions,
    engine: Ffmpeg,
    folder: Path,
    on_progress: Callable[[float], None],
) -> Draft:
    """Make `clip_NN.draft.mp4` and `.draft.jpg` in `folder`: what the preview would be, in a fraction of
    the time. The captions are laid out for the full size and scaled with the picture. Raises RenderError.
    """
    work = _Work(plan, film, options, engine, folder, 0)
    captions = folder / f"{plan.stem}.draft.ass"
    write_whole(captions, _captions(plan, transcript, options, work.splice).ass.encode())
    with _translated(plan):
        work.draft(framing, gain, captions, lambda f: on_progress(f * 0.95))
    on_progress(1.0)
    return Draft(plan, f"{plan.stem}.draft.mp4", f"{plan.stem}.draft.jpg")


@contextmanager
def _translated(plan: ClipPlan) -> Iterator[None]:
    try:
        yield
    except FfmpegFailed as exc:
        raise RenderError(
            f"Clip {plan.index} ({plan.start_ms / 1000:.1f}-{plan.end_ms / 1000:.1f} s) could not be "
            f"rendered: {exc}.",
            exc.tail,
        ) from exc


def _timeout_s(plan: ClipPlan, options: RenderOptions) -> float:
    return 60 + plan.span_ms / 1000 * options.timeout_factor


def _captions(plan: ClipPlan, transcript: Transcript, options: RenderOptions, splice: Splice) -> ClipCaptions:
    size = options.width, options.height
    return clip_captions(plan, transcript, options.captions, size, splice.clip_ms, splice.length_ms)


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
        return _timeout_s(self.plan, self.options)

    @property
    def splice(self) -> Splice:
        return Splice.of(self.plan, output_fps(self.film, self.options.max_fps))

    def _temporary(self, suffix: str) -> Path:
        return self.folder / f".{self.plan.stem}.{os.getpid()}.tmp{suffix}"

    def _streams(
        self, framing: Sequence[Framing], canvas: Canvas, captions: Path, gain: Gain
    ) -> tuple[Any, Any]:
        plan, film, splice = self.plan, self.film, self.splice
        node = source(film.path, start_ms=plan.start_ms, length_ms=plan.span_ms)
        video = picture(
            node[str(film.video_index)], film, framing, canvas, captions, measure.fonts_folder(),
            splice.dropped,
        )  # fmt: skip
        return video, sound(node[str(film.audio_index)], splice, gain)

    def _length(self) -> dict[str, Any]:
        """Output options that end the clip: the kept frames where something was removed."""
        splice = self.splice
        if splice.dropped:
            return {"frames:v": splice.frames}
        return {"t": f"{splice.length_ms / 1000:.3f}"}

    def clip(
        self, framing: Sequence[Framing], encoder: Encoder, gain: Gain, on_progress: Callable[[float], None]
    ) -> None:
        canvas = Canvas(self.options.width, self.options.height, self.splice.fps)
        video, audio = self._streams(framing, canvas, self.folder / f"{self.plan.stem}.ass", gain)
        temporary = self._temporary(".mp4")
        output = video.output(audio, str(temporary), **self._output_options(encoder, canvas))
        self._run(output, on_progress)
        temporary.replace(self.folder / f"{self.plan.stem}.mp4")

    def _run(self, output: Any, on_progress: Callable[[float], None]) -> None:
        total_ms = self.splice.length_ms
        self.engine.run(output, timeout_s=self.timeout_s, total_ms=total_ms, on_progress=on_progress)

    def _output_options(self, encoder: Encoder, canvas: Canvas) -> dict[str, Any]:
        options: dict[str, Any] = {
            **self._length(),
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
        outputs = preview_of(finished, preview), poster_of(finished, self.splice.length_ms, poster)
        self.engine.run(ffmpeg.merge_outputs(*outputs), timeout_s=self.timeout_s)
        preview.replace(self.folder / f"{stem}.preview.mp4")
        poster.replace(self.folder / f"{stem}.jpg")

    def draft(
        self,
        framing: Sequence[Framing],
        gain: Gain,
        captions: Path,
        on_progress: Callable[[float], None],
    ) -> None:
        """The preview straight from the source, and a still of it."""
        stem, full = self.plan.stem, self.options
        height = round(PREVIEW_WIDTH * full.height / full.width / 2) * 2
        canvas = Canvas(PREVIEW_WIDTH, height, self.splice.fps)
        preview, poster = self._temporary(".draft.mp4"), self._temporary(".draft.jpg")
        video, audio = self._streams(framing, canvas, captions, gain)
        self._run(watermarked(video).output(audio, str(preview), **self._length(), **ENCODED), on_progress)
        self.engine.run(poster_of(preview, self.splice.length_ms, poster), timeout_s=self.timeout_s)
        poster.replace(self.folder / f"{stem}.draft.jpg")
        preview.replace(self.folder / f"{stem}.draft.mp4")
