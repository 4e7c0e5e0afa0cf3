"""The page: header, start form, studio. What they do is in the service; here they are wired."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import gradio as gr

from node.errors import NodeError
from node.page.parts import words
from node.page.start import Form, form
from node.service import Service
from node.wishes import Asked
from pipeline.errors import ClipError

Json = dict[str, Any]

LOGO = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9" fill="#ffc53d"/>'
    '<path d="M9 7v18M9 17l9-10M13 13l9 12" stroke="#1d1600" stroke-width="3.6" fill="none" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
MOUNT = "window.KangKlip.mount(element, server, watch, props, window.KangKlipFacts);"


def lay_out(service: Service) -> gr.I18n:
    """Put the page into the Blocks under construction; gives the words for `launch(i18n=)`."""
    i18n = gr.I18n(**words())
    gr.HTML(
        f'<div class="kk-row"><a class="kk-brand" href="./">{LOGO}KangKlip</a></div>',
        elem_id="kk-header",
        apply_default_css=False,
    )
    with gr.Column(elem_id="kk-start"):
        start = form(i18n)
    studio = gr.HTML(
        {"job_id": ""},
        html_template='<div class="kk-app"><div class="kk-app-body"></div></div>',
        js_on_load=MOUNT,
        server_functions=[_calls(service)],
        elem_id="kk-studio",
        apply_default_css=False,
    )
    _wire(service, start, studio)
    return i18n


def _calls(service: Service) -> Any:
    """The page's one way to the session: a name and arguments in, {ok, value} or {ok, code, message} out."""
    doors: dict[str, Callable[..., Json]] = {
        "job_status": service.job_status,
        "list_jobs": service.list_jobs,
        "list_clips": service.list_clips,
        "film_map": service.film_map,
        "clip_text": service.clip_text,
        "edit_clip": lambda job_id, clip, **wanted: service.edit_clip(job_id, clip, wanted),
        "add_clip": service.add_clip,
        "render_clip": service.render_clip,
        "release": service.release,
        "export_job": service.export_job,
        "share_job": service.share_job,
        "cancel_job": service.cancel_job,
        "retry_job": service.retry_job,
        "go_on": lambda job_id="": service.go_on(),
    }

    def call(question: Json) -> Json:
        try:
            door = doors[question["name"]]
            return {"ok": True, "value": door(**question["args"])}
        except (NodeError, ClipError) as exc:
            return {"ok": False, **_refusal(exc)}
        except (KeyError, TypeError, ValueError):
            return {
                "ok": False,
                "code": "bad_request",
                "message": "The page asked for something unknown; reload it.",
            }

    return call


def _wire(service: Service, start: Form, studio: gr.HTML) -> None:
    def asked(
        link: str, upload: str | None, length: int, count: int, language: str, focus: str, style: str,
        shortest: str | None, longest: str | None, output_language: str, transcript: str | None,
    ) -> Asked:  # fmt: skip
        return Asked(
            link=link or "", upload=upload or "", length=int(length), count=int(count), language=language,
            focus=focus or "", captions=style, min_seconds=_number(shortest), max_seconds=_number(longest),
            output_language=output_language, transcript=transcript or "",
        )  # fmt: skip

    def begin(*values: Any) -> Json:
        return _started(service, asked(*values))

    def begin_sample(*values: Any) -> Json:
        return _started(service, asked("", "sample", *values[2:]))

    def promise(*values: Any) -> Iterator[str]:
        if not values[0] and not values[1]:
            yield '<span data-word="forecast_ask"></span>'
            return
        yield '<span data-word="forecast_looking"></span>'
        try:
            made = service.forecast(asked(*values))
        except (NodeError, ClipError) as exc:
            yield f'<span class="kk-bad">{escape(str(exc))}</span>'
            return
        usd = "" if made["usd"] is None else made["usd"]
        yield f'<span data-forecast="{made["duration_ms"]},{made["total_s"]},{usd}"></span>'

    private: Any = {"api_visibility": "private", "show_progress": "hidden"}
    start.start.click(begin, start.values, studio, concurrency_limit=8, **private)
    start.sample.click(begin_sample, start.values, studio, concurrency_limit=8, **private)
    gr.on(
        [start.link.blur, start.link.submit, start.upload.change, start.transcript.change,
         start.length.change, start.count.release],
        promise, start.values, start.forecast, trigger_mode="always_last", concurrency_limit=4, **private,
    )  # fmt: skip


def _number(text: str | None) -> Any:
    """0 for an empty field. What is no number stays a text, which the check of the wish refuses."""
    text = (text or "").strip().replace(",", ".")
    try:
        return float(text or 0)
    except ValueError:
        return text


def _started(service: Service, asked: Asked) -> Json:
    """The studio's value: the job to show, or why there is none. `at` makes each a new value."""
    try:
        return {"job_id": service.start(asked)["job_id"], "at": time.time_ns()}
    except (NodeError, ClipError) as exc:
        return {"job_id": "", "refused": _refusal(exc), "at": time.time_ns()}


def _refusal(exc: NodeError | ClipError) -> Json:
    """`url`: where it can be unlocked, if anywhere."""
    return {"code": exc.code, "message": str(exc), "url": getattr(exc, "url", "")}
