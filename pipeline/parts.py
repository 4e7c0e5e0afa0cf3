"""Settings to the real parts of a job: the one place where they are fitted together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llm.choose import choose
from pipeline import asr, ingest
from pipeline.local import LocalRenderer
from pipeline.media import find_ffmpeg
from pipeline.options import (
    AsrOptions,
    CaptionOptions,
    IngestOptions,
    ModelOptions,
    RenderOptions,
    StorageOptions,
)
from pipeline.records import Sentence, Source, Transcript, Wish
from pipeline.speech.notes import AsrWarning, Note
from pipeline.storage import open_storage
from pipeline.tools import Report, Tools, Warn
from settings import NodeSettings


def open_tools(settings: NodeSettings, wish: Wish, out: Path) -> Tools:
    """The parts this machine and these settings have, behind the doors a job works through."""
    engine = find_ffmpeg(settings.ffmpeg)
    ingesting = ingest_options(settings)
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
        ingest=lambda wish, folder, report: ingest.ingest(wish, folder, ingesting, engine, report),
        fingerprint=ingest.fingerprint,
        transcribe=transcribe,
        choose=lambda transcript, chunks, wish, keep: choose(transcript, chunks, wish, model, keep),
        open_renderer=lambda warn: LocalRenderer(render_options, engine, wish.count, warn),
        storage=open_storage(storage_options(settings, out)),
        ingest_identity=ingesting.identity,
        transcribe_identity=asr_options.identity,
        choose_identity=model.identity,
        render_identity=render_options.identity,
        sight_identity=render_options.sight_identity,
        sound_identity=render_options.sound_identity,
    )


def ingest_options(settings: NodeSettings) -> IngestOptions:
    """The limits of DOWNLOAD as they are set."""
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


def storage_options(settings: NodeSettings, out: Path) -> StorageOptions:
    """Where finished jobs go as it is set."""
    return StorageOptions(
        folder=out,
        endpoint=settings.r2_endpoint,
        bucket=settings.r2_bucket,
        access_key_id=settings.r2_access_key_id,
        secret_access_key=settings.r2_secret_access_key,
        prefix=settings.r2_prefix,
        presigned_file=settings.presigned_urls_file,
    )
