"""The command line: `python -m pipeline SOURCE`. Fits the real parts together and shows the events."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llm.choose import choose
from pipeline import asr, camera, console, faces, ingest, sight
from pipeline import render as rendering
from pipeline.captions.styles import style_named
from pipeline.errors import ClipError, Interrupted, WishError
from pipeline.media import Ffmpeg, find_ffmpeg
from pipeline.options import (
    AsrOptions,
    CaptionOptions,
    IngestOptions,
    ModelOptions,
    RenderOptions,
    StorageOptions,
)
from pipeline.records import (
    Clip,
    ClipPlan,
    Done,
    Failed,
    Framing,
    Sentence,
    Sighting,
    Source,
    Span,
    Transcript,
    Wish,
)
from pipeline.run import run
from pipeline.speech.notes import AsrWarning, Note
from pipeline.storage import open_storage
from pipeline.tools import Report, Tools, Warn
from pipeline.wishes import keep_wish, length_bounds, new_job_id, parser
from pipeline.workspace import Workspace
from settings import NodeSettings, SettingsError


def main(argv: Sequence[str] | None = None) -> int:
    """Do one job; gives the exit code (see `--help`)."""
    try:
        settings = NodeSettings.from_env()
        args = parser(settings).parse_args(argv)
        return _job(args, settings)
    except SettingsError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return WishError.exit_code
    except ClipError as exc:
        print(f"error: {exc.user_message}", file=sys.stderr)
        return exc.exit_code


def _job(args: argparse.Namespace, settings: NodeSettings) -> int:
    job_id = args.job_id or settings.job_id or new_job_id()
    workspace = Workspace.open(settings.work_dir, job_id)
    if (asked := _wish(args, settings)) is not None:
        _check_transcript(asked)
    wish = keep_wish(asked, workspace)
    _check_transcript(wish)
    tools = _tools(settings, wish, args.out or settings.out_dir)
    shown = console.JsonLines(sys.stdout) if args.json else console.Lines(sys.stdout)
    if not args.json:
        print(f"job        {job_id}")
    stop = _stop_on_signals()
    code = ClipError.exit_code
    for event in run(wish, tools, workspace, stop):
        shown.show(event)
        if isinstance(event, Failed):
            code = _exit_code(event.code)
        if isinstance(event, Done):
            code = 0
    return code


def _check_transcript(wish: Wish) -> None:
    if wish.transcript is not None and not wish.transcript.is_file():
        raise WishError(f"There is no transcript {wish.transcript.name!r}; check the path of --transcript.")


def _stop_on_signals() -> threading.Event:
    """Set by the first Ctrl-C (or SIGTERM); the second ends the process at once, children too."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():
            os._exit(Interrupted.exit_code)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return stop


def _exit_code(code: str) -> int:
    kinds: list[type[ClipError]] = [ClipError]
    for kind in kinds:
        if kind.code == code:
            return kind.exit_code
        kinds += kind.__subclasses__()
    return ClipError.exit_code


def _wish(args: argparse.Namespace, settings: NodeSettings) -> Wish | None:
    """What the arguments ask for; None when they only name a job to go on with."""
    text = args.source or settings.video_url
    if not text:
        return None
    min_ms, max_ms = length_bounds(args, settings)
    style = args.captions or settings.caption_style
    style_named(style)
    return Wish(
        source=text,
        count=args.count,
        min_ms=min_ms,
        max_ms=max_ms,
        language=args.language,
        output_language=args.output_language,
        focus=args.focus,
        captions=style,
        transcript=args.transcript.resolve() if args.transcript else None,
    )


# -- the real parts -------------------------------------------------------------------------------


def _tools(settings: NodeSettings, wish: Wish, out: Path) -> Tools:
    engine = find_ffmpeg(settings.ffmpeg)
    ingest_options = _ingest_options(settings)
    asr_options = _asr_options(settings)
    render_options = _render_options(settings, wish)
    model = ModelOptions(
        settings.llm_api_base, settings.llm_model_name, settings.llm_api_key, settings.llm_timeout_s
    )

    def transcribe(source: Source, wish: Wish, report: Report, warn: Warn) -> Iterator[Sentence | Transcript]:
        def note(event: Note) -> None:
            if isinstance(event, AsrWarning):
                warn(event.message)
            else:
                report(event.fraction, event.message)

        return asr.transcribe(source, wish, asr_options, engine, note)

    return Tools(
        ingest=lambda wish, folder, report: ingest.ingest(wish, folder, ingest_options, engine, report),
        fingerprint=ingest.fingerprint,
        transcribe=transcribe,
        choose=lambda transcript, chunks, wish: choose(transcript, chunks, wish, model),
        open_renderer=lambda warn: LocalRenderer.open(render_options, engine, wish.count, warn),
        storage=open_storage(_storage_options(settings, out)),
        ingest_identity=ingest_options.identity,
        transcribe_identity=asr_options.identity,
        choose_identity=model.identity,
        render_identity=render_options.identity,
    )


@dataclass(frozen=True, slots=True)
class LocalRenderer:
    """Eyes, camera and encoder of this machine."""

    options: RenderOptions
    engine: Ffmpeg
    detector: faces.Detector
    encoder: rendering.Encoder
    workers: int
    threads: int

    @classmethod
    def open(cls, options: RenderOptions, engine: Ffmpeg, clips: int, warn: Warn) -> LocalRenderer:
        encoder, why = rendering.pick_encoder(options, engine)
        if why:
            warn(why)
        cores = os.cpu_count() or 1
        # One x264 at this size keeps about four cores busy.
        workers = options.workers or max(1, min(clips, cores // 4))
        threads = max(1, cores // workers) if workers > 1 else 0
        detector = faces.pick_detector(options, warn)
        return cls(options, engine, detector, encoder, workers, threads)

    def frame(self, plan: ClipPlan, source: Source, warn: Warn) -> tuple[Sighting, tuple[Framing, ...]]:
        span = Span(plan.start_ms, plan.end_ms)
        seen = sight.watch(source, span, self.options, self.engine, self.detector)
        options = self.options
        framing = camera.plan(
            seen, source.width, source.height, options.width, options.height, plan.length_ms
        )
        return seen, framing

    def render(
        self,
        plan: ClipPlan,
        source: Source,
        transcript: Transcript,
        framing: Sequence[Framing],
        folder: Path,
        report: Report,
        warn: Warn,
    ) -> Clip:
        clip = rendering.render(
            plan, source, transcript, framing, self.options, self.encoder, self.engine, folder,
            lambda fraction: report(fraction, f"rendering clip {plan.index}"), self.threads,
        )  # fmt: skip
        for message in clip.warnings:
            warn(f"clip {plan.index}: {message}")
        return clip


def _ingest_options(settings: NodeSettings) -> IngestOptions:
    return IngestOptions(
        max_duration_s=round(settings.max_source_hours * 3600),
        max_size_bytes=round(settings.max_source_gb * 1e9),
        target_height=settings.download_height,
        max_fps=settings.render_max_fps,
        cookies_file=settings.cookies_file,
        allow_private_addresses=settings.allow_private_addresses,
    )


def _asr_options(settings: NodeSettings) -> AsrOptions:
    return AsrOptions(
        model=settings.asr_model,
        model_dir=settings.model_dir,
        device=settings.asr_device,
        compute_type=settings.asr_compute_type,
        batch_size=settings.asr_batch_size,
        threads=settings.asr_threads,
        offline=settings.offline,
        use_site_subtitles=settings.use_site_subtitles,
    )


def _render_options(settings: NodeSettings, wish: Wish) -> RenderOptions:
    width, height = settings.render_resolution
    captions = CaptionOptions(
        style=wish.captions,
        font=settings.caption_font,
        font_size=settings.caption_font_size,
        max_chars=settings.caption_max_chars,
        max_lines=settings.caption_max_lines,
        margin_h=settings.caption_margin_h,
        margin_v=settings.caption_margin_v,
    )
    return RenderOptions(
        width=width,
        height=height,
        max_fps=settings.render_max_fps,
        crf=settings.render_crf,
        preset=settings.render_preset,
        encoder=settings.render_encoder,
        face_model=settings.face_model,
        fetch_face_model=settings.face_model_fetch and not settings.offline,
        model_dir=settings.model_dir,
        workers=settings.render_workers,
        captions=captions,
    )


def _storage_options(settings: NodeSettings, out: Path) -> StorageOptions:
    return StorageOptions(
        folder=out,
        endpoint=settings.r2_endpoint,
        bucket=settings.r2_bucket,
        access_key_id=settings.r2_access_key_id,
        secret_access_key=settings.r2_secret_access_key,
        prefix=settings.r2_prefix,
        presigned_file=settings.presigned_urls_file,
    )


if __name__ == "__main__":
    sys.exit(main())
