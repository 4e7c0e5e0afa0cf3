"""What a clip costs over bare ffmpeg: CPU seconds side by side, in one run, on the sample talk.

Bare ffmpeg makes the same cut, crop, scale and encode without captions, loudness or any analysis.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from pipeline.camera import plan as plan_camera
from pipeline.clock import cpu_seconds
from pipeline.encoders import pick_encoder
from pipeline.faces import pick_detector
from pipeline.ingest import ingest
from pipeline.media import Ffmpeg, source
from pipeline.options import IngestOptions, RenderOptions
from pipeline.picture import Canvas, crop_size
from pipeline.rates import output_fps
from pipeline.records import ClipPlan, MadeBy, Sentence, Sound, Source, Span, Transcript, Wish, Word
from pipeline.render import listen, render
from pipeline.sight import watch

START_MS, LENGTH_MS = 24_000, 30_000
ROUNDS = 3


def measure(film: Path) -> dict[str, float]:
    """Medians of `ROUNDS` rounds; `render_cpu_ratio` is analysis + render over bare ffmpeg."""
    rounds = [_one_round(film) for _ in range(ROUNDS)]
    middle = {key: sorted(r[key] for r in rounds)[ROUNDS // 2] for key in rounds[0]}
    ours = middle["analysis_cpu_s"] + middle["render_cpu_s"]
    return {
        **{key: round(value, 2) for key, value in middle.items()},
        "render_cpu_ratio": round(ours / middle["bare_ffmpeg_cpu_s"], 3),
        "clip_s": LENGTH_MS / 1000,
    }


def _one_round(path: Path) -> dict[str, float]:
    engine, options = Ffmpeg.bundled(), RenderOptions()
    with tempfile.TemporaryDirectory() as folder:
        film = ingest(Wish(str(path)), Path(folder), IngestOptions(), engine, lambda *_: None)
        plan = ClipPlan(1, 0, 0, START_MS, START_MS + LENGTH_MS, "title", "", 0, "")
        detector = pick_detector(options, lambda message: None)
        at = [cpu_seconds()]
        seen = watch(film, Span(plan.start_ms, plan.end_ms), options, engine, detector)
        framing = plan_camera(seen, film.width, film.height, options.width, options.height, LENGTH_MS)
        at.append(cpu_seconds())
        encoder, _ = pick_encoder(replace(options, encoder="libx264"), engine)
        gain = listen(plan, film, options, engine)
        made = Path(folder)
        render(plan, film, _words(plan), framing, gain, options, encoder, engine, made, lambda f: None)
        at.append(cpu_seconds())
        _bare(film, plan, options, engine, Path(folder))
        at.append(cpu_seconds())
    names = ("analysis_cpu_s", "render_cpu_s", "bare_ffmpeg_cpu_s")
    return dict(zip(names, (b - a for a, b in pairwise(at)), strict=True))


def _words(plan: ClipPlan) -> Transcript:
    """Three words a second, as people speak."""
    words = tuple(Word(plan.start_ms + i * 333, plan.start_ms + i * 333 + 300, f"word{i}") for i in range(90))
    sentence = Sentence(0, words[0].start_ms, words[-1].end_ms, "", words)
    return Transcript("en", (sentence,), (), Sound(100, ()), MadeBy("benchmark"))


def _bare(film: Source, plan: ClipPlan, options: RenderOptions, engine: Ffmpeg, folder: Path) -> None:
    canvas = Canvas(options.width, options.height, output_fps(film, None))
    width, height = crop_size(film.width, film.height, canvas)
    node = source(film.path, start_ms=plan.start_ms, length_ms=plan.length_ms)
    video = node.video.filter("crop", width, height).filter("scale", options.width, options.height)
    settings = {"c:v": "libx264", "preset": "veryfast", "crf": 23, "c:a": "aac", "pix_fmt": "yuv420p"}
    engine.run(video.output(node.audio, str(folder / "bare.mp4"), **settings), timeout_s=600)
