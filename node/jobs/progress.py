"""What a job's events say, folded into its state. Pure.

The child is a program that may misbehave: an event that makes no sense changes nothing, and whatever
comes, the fraction of the whole job only grows and stays within 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from node.jobs.forecast import usual_stage_s
from node.jobs.values import clip_numbers, ms, positive, text, unit
from node.records import ClipTask, Heard, JobRequest, JobState, JobStatus, Problem, StageView
from pipeline.records import Ms, Stage

Event = Mapping[str, Any]

STAGES = tuple(stage.value for stage in Stage)
MAX_NOTES = 50
HEARD_SHOWN = 3
"""Sentences in a state; the board has all of them."""
SURE_FROM, SURE_AFTER_MS = 0.05, 5_000
"""Without a forecast, the pace of the job so far is trusted from here on."""

_MOVES = {
    JobStatus.QUEUED: {JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED},
    JobStatus.RUNNING: {JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.QUEUED},
    JobStatus.SUCCEEDED: set(),
    JobStatus.FAILED: {JobStatus.QUEUED},
    JobStatus.CANCELLED: {JobStatus.QUEUED},
}
"""RUNNING -> QUEUED: the process ended, not the job. FAILED, CANCELLED -> QUEUED: a person retries."""


def begin(request: JobRequest, job_id: str, now: float) -> JobState:
    """A job that waits."""
    return JobState(
        job_id, JobStatus.QUEUED, request, created=now, stages=_fresh(), forecast=request.forecast
    )


def moved(state: JobState, status: JobStatus, **changes: Any) -> JobState:
    """The state with another status. Raises ValueError for a move that there is not."""
    if status not in _MOVES[state.status]:
        raise ValueError(f"job {state.job_id} is {state.status}, it can't become {status}")
    return replace(state, status=status, **changes)


def started(state: JobState, now: float) -> JobState:
    """QUEUED -> RUNNING, with nothing done yet."""
    return moved(state, JobStatus.RUNNING, started=now, ended=None, position=0, stages=_fresh(), **_NOTHING)


def again(state: JobState) -> JobState:
    """Back into the queue; finished stages will show up as resumed."""
    return moved(state, JobStatus.QUEUED, started=None, ended=None, stages=_fresh(), **_NOTHING)


def failed(state: JobState, problem: Problem, now: float) -> JobState:
    return moved(state, JobStatus.FAILED, problem=problem, ended=now, position=0, left_ms=None)


def cancelled(state: JobState, now: float) -> JobState:
    return moved(state, JobStatus.CANCELLED, ended=now, position=0, left_ms=None, message="")


def after(state: JobState, event: Event, now: float, cancelling: bool = False) -> JobState:
    """The state after one event of a running job's child; `cancelling`: a person asked to stop it.

    Done and Failed end the job. An unknown or senseless event gives the very same state.
    """
    fold = _FOLDS.get(event["event"]) if isinstance(event.get("event"), str) else None
    if fold is None or state.status is not JobStatus.RUNNING:
        return state
    if event["event"] == "Failed" and cancelling and event.get("code") == "interrupted":
        return cancelled(state, now)
    return fold(state, event, now)


def heard_in(event: Event) -> tuple[Heard, ...]:
    """The sentences of a Heard event."""
    found = event.get("sentences") if event.get("event") == "Heard" else None
    return tuple(
        Heard(ms(item.get("id")), ms(item.get("start_ms")), text(item.get("text")))
        for item in (found if isinstance(found, list) else ())
        if isinstance(item, dict) and isinstance(item.get("text"), str)
    )


def task_after(task: ClipTask, event: Event) -> ClipTask:
    """The task after one event of an edit's child: only RENDER takes noticeable time."""
    if event.get("event") == "Progress" and event.get("stage") == Stage.RENDER.value:
        return replace(task, fraction=max(task.fraction, 0.95 * unit(event.get("fraction"))))
    return task


def with_clip(state: JobState, event: Event) -> JobState:
    """The state after a clip was rendered, in a job or in an edit."""
    return _clip_ready(state, event, 0.0)


def problem_in(event: Event) -> Problem:
    """What a Failed event says, for people."""
    code = event.get("code") if isinstance(event.get("code"), str) else "failed"
    if code == "interrupted":
        return Problem("interrupted", "The job was stopped from outside; retry it to go on where it was.")
    return Problem(text(code), text(event.get("message")) or "The job failed without saying why.")


# -- one fold for each event ----------------------------------------------------------------------


def _stage_started(state: JobState, event: Event, now: float) -> JobState:
    stage = event.get("stage")
    if stage not in STAGES:
        return state
    resumed = event.get("resumed") is True
    views = tuple(
        replace(view, status="done", fraction=1.0, left_ms=0)
        if view.status == "running" and view.stage != stage
        else view
        for view in state.stages
    )
    view = StageView(stage, "resumed" if resumed else "running", 1.0 if resumed else 0.0)
    return _advanced(replace(state, stages=_with(views, view), stage=stage, message=""), 0.0, now)


def _progress(state: JobState, event: Event, now: float) -> JobState:
    stage = event.get("stage")
    if stage not in STAGES:
        return state
    old = _view(state, stage)
    fraction = max(old.fraction, unit(event.get("fraction")))
    left = event.get("left_ms")
    view = replace(
        old,
        status="resumed" if old.status == "resumed" else "done" if fraction == 1 else "running",
        fraction=fraction,
        wall_ms=max(old.wall_ms, ms(event.get("elapsed_ms"))),
        left_ms=None if left is None else ms(left),
    )
    message = text(event.get("message"))
    state = replace(state, stages=_with(state.stages, view), stage=stage, message=message)
    return _advanced(state, fraction, now)


def _heard(state: JobState, event: Event, now: float) -> JobState:
    new = heard_in(event)
    return replace(state, heard=(state.heard + new[-HEARD_SHOWN:])[-HEARD_SHOWN:]) if new else state


def _clip_ready(state: JobState, event: Event, now: float) -> JobState:
    return replace(state, rendered=clip_numbers((event.get("clip"),), state.rendered))


def _warned(state: JobState, event: Event, now: float) -> JobState:
    note = text(event.get("message"))
    if not note or note in state.notes or len(state.notes) >= MAX_NOTES:
        return state
    return replace(state, notes=(*state.notes, note))


def _done(state: JobState, event: Event, now: float) -> JobState:
    stages = tuple(
        view if view.status == "resumed" else replace(view, status="done", fraction=1.0, left_ms=0)
        for view in state.stages
    )
    clips = event.get("clips")
    return moved(
        state,
        JobStatus.SUCCEEDED,
        fraction=1.0,
        left_ms=0,
        ended=now,
        message="",
        stages=stages,
        rendered=clip_numbers(clips if isinstance(clips, list) else (), state.rendered),
        shortfall=text(event.get("shortfall")),
    )


def _failed(state: JobState, event: Event, now: float) -> JobState:
    return failed(state, problem_in(event), now)


_FOLDS: Mapping[str, Callable[[JobState, Event, float], JobState]] = {
    "StageStarted": _stage_started,
    "Progress": _progress,
    "Heard": _heard,
    "ClipReady": _clip_ready,
    "Warned": _warned,
    "Done": _done,
    "Failed": _failed,
}

# -- the whole job ---------------------------------------------------------------------------------


def _advanced(state: JobState, fraction: float, now: float) -> JobState:
    """The whole job's fraction and time left, from the stage under way and the forecast's weights."""
    weights = state.forecast.stage_s if state.forecast else usual_stage_s(state.request)
    seconds = [positive(weights.get(stage)) for stage in STAGES]
    index = STAGES.index(state.stage)
    total = sum(seconds) or 1.0
    whole = min(1.0, (sum(seconds[:index]) + seconds[index] * fraction) / total)
    whole = max(state.fraction, whole)
    left: Ms | None = None
    if state.forecast:
        of_stage = _view(state, state.stage).left_ms
        if of_stage is None:
            of_stage = round(1000 * seconds[index] * (1 - fraction))
        left = of_stage + round(1000 * sum(seconds[index + 1 :]))
    elif state.started is not None and whole >= SURE_FROM:
        elapsed = max(0, round(1000 * (now - state.started)))
        left = round(elapsed * (1 - whole) / whole) if elapsed >= SURE_AFTER_MS else None
    return replace(state, fraction=whole, left_ms=left)


_NOTHING: Mapping[str, Any] = {
    "stage": "",
    "fraction": 0.0,
    "left_ms": None,
    "message": "",
    "notes": (),
    "heard": (),
    "problem": None,
    "receipt": None,
    "shortfall": "",
}


def _fresh() -> tuple[StageView, ...]:
    return tuple(StageView(stage) for stage in STAGES)


def _view(state: JobState, stage: str) -> StageView:
    return next((view for view in state.stages if view.stage == stage), StageView(stage))


def _with(views: tuple[StageView, ...], new: StageView) -> tuple[StageView, ...]:
    return tuple(new if view.stage == new.stage else view for view in views)
