"""Everything a visitor can ask of the session, in one place; the page, the API and agents call it.

Each method gives plain JSON values and raises NodeError or ClipError with a sentence. What may leave
the session, and who may start a job, is decided below this line and nowhere above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from node import changes, studio
from node.errors import BadRequest, Busy, NotReady
from node.jobs.board import Board
from node.outlet import Outlet
from node.records import JobRequest, JobState, JobStatus, Probed
from node.wishes import Asked, bounds_ms, checked
from pipeline.artifacts import public_source
from pipeline.editing import Opened, open_job
from pipeline.wishes import new_job_id
from pipeline.workspace import Workspace

Json = dict[str, Any]

PROBES_KEPT = 50
"""A visitor tries options on one video; the look at it is not repeated for each."""


@dataclass(frozen=True, slots=True)
class Session:
    """What is fixed about the session. `idle_s` 0 means that it never closes by itself."""

    session_id: str
    work_dir: Path
    sample: Path
    idle_s: float


class Service:
    def __init__(self, session: Session, board: Board, outlet: Outlet) -> None:
        self.session = session
        self.board = board
        self.outlet = outlet
        self._probed: dict[str, Probed] = {}

    # -- starting ----------------------------------------------------------------------------------

    def forecast(self, asked: Asked) -> Json:
        """How long a job would take and what it would cost. Raises NodeError."""
        request = self._request(checked(asked))
        made = self.board.forecast(self._look(request.source), request)
        return {"duration_ms": made.duration_ms, "total_s": made.total_s, "usd": made.usd}

    def start(self, asked: Asked, job_id: str | None = None, idempotency_key: str = "") -> Json:
        """Queue a job; gives its state. Raises NodeError.

        A file that is no film is refused here, before anybody pays for it; a link that nobody looked at
        yet is left to the job, since a site may take long to answer.
        """
        self.board.touch()
        request = self._request(checked(asked))
        if not asked.link.strip() or request.source in self._probed:
            with suppress(Busy):  # then there is no forecast; the job itself looks again
                request = replace(request, forecast=self.board.forecast(self._look(request.source), request))
        made = job_id or new_job_id()
        folder = self.session.work_dir / made
        state = self.board.submit(self.outlet.adopted(request, folder), made, idempotency_key)
        return self.job_status(state.job_id)

    def _look(self, source: str) -> Probed:
        """What is known of a film without any work. Raises BadRequest, Busy."""
        if (known := self._probed.get(source)) is not None:
            return known
        probed = self.board.probe(source)
        while len(self._probed) >= PROBES_KEPT:
            self._probed.pop(next(iter(self._probed)), None)
        self._probed[source] = probed
        return probed

    def _source(self, asked: Asked) -> str:
        if asked.link.strip():
            return asked.link.strip()
        if not asked.upload:
            raise BadRequest("No video was named: give a link, upload a file, or try the sample.")
        if asked.upload == "sample":
            return str(self.session.sample)
        return str(self.outlet.checked_upload(asked.upload))

    def _request(self, asked: Asked) -> JobRequest:
        source = self._source(asked)
        shortest, longest = bounds_ms(asked)
        return JobRequest(
            source=source,
            shown_source=public_source(source),
            count=asked.count,
            min_ms=shortest,
            max_ms=longest,
            language=asked.language,
            output_language=asked.output_language,
            focus=asked.focus.strip(),
            captions=asked.captions,
            transcript=self.outlet.checked_upload(asked.transcript) if asked.transcript else None,
        )

    # -- watching ----------------------------------------------------------------------------------

    def job_status(self, job_id: str, heard_from: int = 0) -> Json:
        """Everything about a job at this moment; `heard` are the transcript's lines from that number on."""
        state = self.board.state(job_id)
        return {
            "job_id": job_id,
            "status": state.status.value,
            "stage": state.stage,
            "fraction": state.fraction,
            "left_ms": state.left_ms,
            "position": state.position,
            "message": state.message,
            "source": state.request.shown_source,
            "title": studio.title(self.workspace(job_id)),
            "stages": [asdict(stage) for stage in state.stages],
            "notes": list(state.notes),
            "shortfall": state.shortfall,
            "heard": [asdict(line) for line in self.board.heard_since(job_id, heard_from)],
            "problem": asdict(state.problem) if state.problem else None,
            "receipt": asdict(state.receipt) if state.receipt else None,
            "tasks": [asdict(task) for task in state.tasks],
            "version": state.version,
            "clips_version": self._clips_version(state),
            "files": list(self.outlet.FILES),
            "session": self.session_state(),
        }

    def session_state(self) -> Json:
        """What a page shows of the session: when it closes, whether it takes new work."""
        left = self.session.idle_s - self.board.idle_s() if self.session.idle_s else None
        return {"closes_in_s": left, "draining": self.board.draining}

    def _clips_version(self, state: JobState) -> str:
        edits = self.workspace(state.job_id).path("edits.json")
        at = edits.stat().st_mtime_ns if edits.is_file() else 0
        tasks = [(t.clip, t.kind, t.status.value) for t in state.tasks]
        return f"{state.status}-{state.rendered}-{at}-{tasks}"

    def list_jobs(self) -> Json:
        """The jobs of this session, newest first, and whether it stays open."""
        return {
            "jobs": [
                {
                    "job_id": state.job_id,
                    "status": state.status.value,
                    "fraction": state.fraction,
                    "source": state.request.shown_source,
                    "title": studio.title(self.workspace(state.job_id)),
                }
                for state in self.board.jobs()
            ],
            "session": self.session_state(),
        }

    def go_on(self) -> Json:
        """A person is still there: the session stays open."""
        self.board.touch()
        return self.session_state()

    def cancel_job(self, job_id: str) -> Json:
        """Stop a job that waits or runs; one that ended stays as it is."""
        self.board.touch()
        return {"job_id": job_id, "status": self.board.cancel(job_id).status.value}

    def retry_job(self, job_id: str) -> Json:
        """Go on with a failed or cancelled job; what was finished is kept."""
        self.board.touch()
        return {"job_id": job_id, "status": self.board.retry(job_id).status.value}

    # -- clips -------------------------------------------------------------------------------------

    def list_clips(self, job_id: str) -> Json:
        """The clips of a job so far, with previews."""
        state = self.board.state(job_id)
        workspace = self.workspace(job_id)
        if not studio.is_chosen(workspace):
            return {"job_id": job_id, "editable": False, "clips": [], "dropped": [], "map_version": ""}
        opened = open_job(workspace)
        editable = state.status is JobStatus.SUCCEEDED
        views = [
            studio.clip_view(opened, plan, workspace, self.outlet)
            for plan in opened.plans
            if editable or plan.index in state.rendered
        ]
        return {
            "job_id": job_id,
            "editable": editable,
            "clips": views,
            "dropped": studio.dropped(opened) if editable else [],
            "map_version": f"{len(opened.edl.rejected)}-{[(p.first, p.last) for p in opened.plans]}",
        }

    def film_map(self, job_id: str) -> Json:
        """The whole video: loudness, and the passages that were not taken, with why."""
        return studio.film_map(self._opened(job_id))

    def clip_text(self, job_id: str, clip: int, before: int = 2, after: int = 2) -> Json:
        """A clip's sentences word by word, and some around it."""
        return studio.clip_text(self._opened(job_id), clip, min(before, 400), min(after, 400))

    def edit_clip(self, job_id: str, clip: int, wanted: Mapping[str, Any]) -> Json:
        """Change a clip; a new preview is started. Gives the changed clip, or that it was dropped."""
        self.board.touch()
        workspace = self.editable(job_id)
        opened = changes.carry_out(workspace, clip, wanted)
        if any(plan.index == clip for plan in opened.plans):
            self._draft(job_id, clip, workspace, opened)
        return self._one(job_id, clip, workspace, opened)

    def add_clip(self, job_id: str, first: int, last: int, title: str = "") -> Json:
        """Make a passage (sentence ids, inclusive) a clip of its own."""
        self.board.touch()
        workspace = self.editable(job_id)
        opened, index = changes.add(workspace, first, last, title)
        self._draft(job_id, index, workspace, opened)
        return self._one(job_id, index, workspace, opened)

    def render_clip(self, job_id: str, clip: int) -> Json:
        """Start rendering a clip in full size as it is edited now; nothing to do gives SUCCEEDED."""
        self.board.touch()
        workspace = self.editable(job_id)
        plan = studio.plan_of(open_job(workspace), clip)
        if self.outlet.is_rendered(workspace, plan):
            return {"job_id": job_id, "clip": clip, "status": JobStatus.SUCCEEDED.value, "fraction": 1.0}
        task = self.board.render(job_id, clip, draft=False)
        return {"job_id": job_id, "clip": clip, "status": task.status.value, "fraction": task.fraction}

    def _draft(self, job_id: str, clip: int, workspace: Workspace, opened: Opened) -> None:
        if not self.outlet.has_preview(workspace, studio.plan_of(opened, clip)):
            self.board.render(job_id, clip, draft=True)

    def _one(self, job_id: str, clip: int, workspace: Workspace, opened: Opened) -> Json:
        for plan in opened.plans:
            if plan.index == clip:
                view = studio.clip_view(opened, plan, workspace, self.outlet)
                return {"job_id": job_id, "clip": clip, "dropped": False, "now": view}
        return {"job_id": job_id, "clip": clip, "dropped": True, "now": None}

    # -- taking away -------------------------------------------------------------------------------

    def release(self, job_id: str, clip: int, what: str) -> Json:
        """A file of a clip as {name, url}; the full clip only when the launcher grants it."""
        self.board.touch()
        workspace = self.editable(job_id)
        plan = studio.plan_of(open_job(workspace), clip)
        return self.outlet.file(job_id, workspace, plan, what)

    def export_job(self, job_id: str) -> Json:
        """Everything of the job that is granted, as one zip: {name, url, missing}."""
        self.board.touch()
        workspace = self.editable(job_id)
        return self.outlet.zip(job_id, workspace, open_job(workspace))

    def share_job(self, job_id: str) -> Json:
        """A link for anyone to see the previews: {url}."""
        self.board.touch()
        self.editable(job_id)
        return {"url": self.outlet.share(job_id)}

    # -- whose job ---------------------------------------------------------------------------------

    def workspace(self, job_id: str) -> Workspace:
        """The folder of a job that this session knows. Raises UnknownJob."""
        self.board.state(job_id)
        return Workspace(job_id, (self.session.work_dir / job_id).resolve())

    def _opened(self, job_id: str) -> Opened:
        return open_job(self.workspace(job_id))

    def editable(self, job_id: str) -> Workspace:
        """The folder of a finished job. Raises UnknownJob, NotReady."""
        state = self.board.state(job_id)
        if state.status is not JobStatus.SUCCEEDED:
            raise NotReady("This job is not finished; its clips can be edited and taken away when it is.")
        return self.workspace(job_id)
