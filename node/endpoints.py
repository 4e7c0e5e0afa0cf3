"""The named endpoints: the same for `gradio_client`, curl and agents (MCP), and nothing beside them.

Every endpoint gives JSON. A file in it is Gradio's FileData: clients download it, others read its `url`.
An error is a sentence that begins with its code, such as `unknown_job: There is no job …`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr

from node import studio
from node.errors import BadRequest, NodeError, NotReady
from node.service import Service
from node.wishes import Asked
from pipeline.editing import open_job
from pipeline.errors import ClipError

Json = dict[str, Any]

PUBLIC = frozenset(
    ("generate_clips", "job_status", "list_clips", "edit_clip", "render_clip", "export_job", "cancel_job")
)
WAIT_S = 2.0
"""A stream tells at least this often that it is alive."""


def told(exc: NodeError | ClipError) -> gr.Error:
    """The error as Gradio sends it: code, sentence, and where it can be unlocked; no traceback."""
    said = " ".join(part for part in (f"{exc.code}: {exc}", getattr(exc, "url", "")) if part)
    return gr.Error(said, title=exc.code, print_exception=False)


def _answering(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (NodeError, ClipError) as exc:
            raise told(exc) from exc

    return answer


def _streaming(function: Callable[..., Iterator[Json]]) -> Callable[..., Iterator[Json]]:
    @wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Iterator[Json]:
        try:
            yield from function(*args, **kwargs)
        except (NodeError, ClipError) as exc:
            raise told(exc) from exc

    return answer


def file_data(path: Path | None, mime_type: str) -> Json | None:
    """A released file in the form that Gradio's clients know; None stays None."""
    if path is None:
        return None
    made: Json = gr.FileData(path=str(path), orig_name=path.name, mime_type=mime_type).model_dump()
    return made


class Endpoints:
    """The seven endpoints over one service. Their docstrings are what agents read."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def attach(self) -> None:
        """Make them endpoints of the Blocks under construction."""
        for name in sorted(PUBLIC):
            function = getattr(self, name)
            shape = _streaming if name in ("generate_clips", "render_clip") else _answering
            # Waiting for a job costs nothing, so many may wait at once.
            gr.api(shape(function), api_name=name, concurrency_limit=100 if shape is _streaming else 20)

    def generate_clips(
        self,
        link: str = "",
        upload: str = "",
        length: int = 45,
        count: int = 3,
        language: str = "auto",
        focus: str = "",
        captions: str = "karaoke",
        min_seconds: float = 0,
        max_seconds: float = 0,
        output_language: str = "auto",
        transcript: str = "",
        idempotency_key: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Turn a long video into 1-5 vertical clips with titles and captions; streams the progress, ends with
        the clips. The job goes on when the stream is closed: ask job_status with its job_id.

        Args:
            link: address of the video (http or https); leave it empty to use upload
            upload: path that POST /gradio_api/upload answered, or the word sample for the sample talk
            length: longest clip in seconds: 30, 45 or 60
            count: how many clips, 1 to 5
            language: language spoken, such as en or id; auto finds out
            focus: what the clips should be about
            captions: caption style: karaoke, bold, boxed, plain or classic
            min_seconds: shortest clip, instead of length; 0 leaves it open
            max_seconds: longest clip, instead of length; 0 leaves it open
            output_language: language of the titles; auto: as spoken
            transcript: uploaded .srt, .vtt or .json that says what is spoken, instead of recognition
            idempotency_key: any text; the same key gives the same job instead of a second one
        """
        asked = Asked(
            link=link, upload=upload, length=length, min_seconds=min_seconds, max_seconds=max_seconds,
            count=count, language=language, output_language=output_language, focus=focus, captions=captions,
            transcript=transcript,
        )  # fmt: skip
        status = self._service.start(asked, idempotency_key=idempotency_key)
        job_id = status["job_id"]
        while not self._service.board.state(job_id).status.ended:
            yield _brief(status)
            self._service.board.wait(job_id, status["version"], WAIT_S)
            status = self._service.job_status(job_id)
        yield {**_brief(status), **self.list_clips(job_id)}

    def job_status(self, job_id: str) -> dict[str, Any]:
        """How far a job is: status (QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED), stage, fraction 0-1, time
        left, notes, and the problem if it failed.

        Args:
            job_id: id that generate_clips gave
        """
        return _brief(self._service.job_status(job_id))

    def list_clips(self, job_id: str) -> dict[str, Any]:
        """The clips of a job: title, score, reason, times in milliseconds, the passages that were not taken
        with why, a watermarked preview file, and the full video file where it is released.

        Args:
            job_id: id that generate_clips gave
        """
        found = self._service.list_clips(job_id)
        if not found["editable"] and not found["clips"]:
            return {"job_id": job_id, "clips": [], "not_taken": []}
        opened = open_job(self._service.workspace(job_id))
        clips = [self._clip(job_id, view) for view in found["clips"]]
        return {"job_id": job_id, "clips": clips, "not_taken": studio.film_map(opened)["rejected"]}

    def edit_clip(
        self,
        job_id: str,
        clip: int,
        first: int | None = None,
        last: int | None = None,
        cut: list[str] | None = None,
        restore: list[str] | None = None,
        words: dict[str, str] | None = None,
        title: str = "",
        look: dict[str, str] | None = None,
        drop: bool = False,
        reset: bool = False,
        undo: bool = False,
        redo: bool = False,
    ) -> dict[str, Any]:
        """Change a clip of a finished job and start a new preview. Clip 0 makes the sentences first-last
        a new clip. Gives the clip as it is now with its sentences and words, whose numbers the next edit
        can name.

        Args:
            job_id: id that generate_clips gave
            clip: number of the clip; 0 for a new one
            first: number of the sentence it begins with
            last: number of the sentence it ends with
            cut: words to cut out, such as ["12.3", "12.5-12.8"] (sentence.word, counted from 0)
            restore: cut words to bring back, written the same way
            words: other caption text for words, such as {"12.3": "KangKlip"}; empty text hides the word
            title: a new title
            look: options such as {"captions": "bold", "layout": "fit", "position": "top"}
            drop: take the clip out of the job
            reset: as it was chosen at first
            undo: take the last change back
            redo: make it again
        """
        if clip == 0:
            made = self._service.add_clip(job_id, _needed(first, "first"), _needed(last, "last"), title)
            return self._edited(job_id, made)
        wanted = {
            "first": first, "last": last, "cut": cut, "restore": restore, "words": words, "title": title,
            "look": look, "drop": drop, "reset": reset, "undo": undo, "redo": redo,
        }  # fmt: skip
        made = self._service.edit_clip(
            job_id, clip, {k: v for k, v in wanted.items() if v or (v == 0 and v is not False)}
        )
        return self._edited(job_id, made)

    def render_clip(self, job_id: str, clip: int) -> Iterator[dict[str, Any]]:
        """Render a clip in full size as it is edited now; streams the progress, ends with the video file.

        Args:
            job_id: id that generate_clips gave
            clip: number of the clip
        """
        service = self._service
        task = service.render_clip(job_id, clip)
        state = service.board.state(job_id)
        while task["status"] in ("QUEUED", "RUNNING"):
            yield {**task, "video": None}
            state = service.board.wait(job_id, state.version, WAIT_S)
            task = _task(state, clip) or task
        if task["status"] != "SUCCEEDED":
            problem = task.get("problem") or {}
            raise NotReady(str(problem.get("message") or f"Clip {clip} was not rendered; try again."))
        plan = studio.plan_of(open_job(service.workspace(job_id)), clip)
        service.outlet.demand(job_id, clip)
        path = service.outlet.path(service.workspace(job_id), plan)
        yield {**task, "video": file_data(path, "video/mp4")}

    def export_job(self, job_id: str) -> dict[str, Any]:
        """All finished clips of a job with captions, posters and manifest as one zip file.

        Args:
            job_id: id that generate_clips gave
        """
        service = self._service
        workspace = service.editable(job_id)
        path, missing = service.outlet.zip_path(job_id, workspace, open_job(workspace))
        return {"job_id": job_id, "zip": file_data(path, "application/zip"), "missing": missing}

    def cancel_job(self, job_id: str) -> dict[str, Any]:
        """Stop a job that waits or runs; a job that has ended stays as it is.

        Args:
            job_id: id that generate_clips gave
        """
        return self._service.cancel_job(job_id)

    # -- shapes ------------------------------------------------------------------------------------

    def _clip(self, job_id: str, view: Json) -> Json:
        """A clip for programs: the page's addresses become files."""
        service = self._service
        workspace = service.workspace(job_id)
        plan = studio.plan_of(open_job(workspace), view["index"])
        hidden = ("preview", "poster", "video", "texts", "can_undo", "can_redo", "granted")
        shown = {key: value for key, value in view.items() if key not in hidden}
        return {
            **shown,
            "preview": file_data(service.outlet.preview_path(workspace, plan), "video/mp4"),
            "video": file_data(service.outlet.path(workspace, plan), "video/mp4"),
        }

    def _edited(self, job_id: str, made: Json) -> Json:
        if made["dropped"]:
            return {"job_id": job_id, "clip": made["clip"], "dropped": True}
        clip = self._clip(job_id, made["now"])
        text = self._service.clip_text(job_id, made["clip"], 3, 3)
        return {
            "job_id": job_id,
            "clip": made["clip"],
            "dropped": False,
            "now": clip,
            "text": text["sentences"],
        }


def _brief(status: Json) -> Json:
    """A status without what only the page needs."""
    hidden = ("clips_version", "files", "session", "heard")
    return {key: value for key, value in status.items() if key not in hidden}


def _needed(value: int | None, name: str) -> int:
    if value is None:
        raise BadRequest(f"A new clip needs {name}: the number of a sentence.")
    return value


def _task(state: Any, clip: int) -> Json | None:
    found = [task for task in state.tasks if task.clip == clip and task.kind == "full"]
    if not found:
        return None
    task = found[-1]
    problem = {"code": task.problem.code, "message": task.problem.message} if task.problem else None
    return {
        "job_id": state.job_id,
        "clip": clip,
        "status": task.status.value,
        "fraction": task.fraction,
        "problem": problem,
    }
