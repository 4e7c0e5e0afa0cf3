"""Events folded into a state: what makes sense counts, what makes none changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.jobs import progress
from node.records import ClipTask, Forecast, JobRequest, JobStatus, Problem, StageView

REQUEST = JobRequest("/films/a.mp4", "a.mp4")
STAGE_S = {"DOWNLOAD": 10.0, "TRANSCRIPT": 60.0, "CHUNK": 0.0, "SELECT": 10.0, "RENDER": 20.0, "UPLOAD": 0.0}


def fresh(forecast: bool = True):
    request = replace(REQUEST, forecast=Forecast(60_000, STAGE_S) if forecast else None)
    return progress.started(progress.begin(request, "kk_1", 100.0), 200.0)


def folded(state, *events, now=210.0, cancelling=False):
    for event in events:
        state = progress.after(state, event, now, cancelling)
    return state


def begin(stage, resumed=False):
    return {"event": "StageStarted", "stage": stage, "resumed": resumed}


def at(stage, fraction, left_ms=None, elapsed_ms=0):
    return {"event": "Progress", "stage": stage, "fraction": fraction, "elapsed_ms": elapsed_ms,
            "left_ms": left_ms, "message": "m"}  # fmt: skip


def failure(code):
    return {"event": "Failed", "code": code, "message": "Why.", "detail": "", "stage": None}


def test_the_whole_is_weighted_by_the_forecast():
    state = folded(
        fresh(), begin("DOWNLOAD"), at("DOWNLOAD", 1.0), begin("TRANSCRIPT"), at("TRANSCRIPT", 0.5)
    )
    assert state.fraction == pytest.approx(0.4) and state.left_ms == 60_000
    assert folded(state, at("TRANSCRIPT", 0.5, left_ms=90_000)).left_ms == 120_000
    assert [view.status for view in state.stages][:3] == ["done", "running", "waiting"]


def test_without_a_forecast_the_pace_so_far_says_what_is_left():
    early = folded(fresh(False), begin("TRANSCRIPT"), at("TRANSCRIPT", 0.5), now=201.0)
    assert 0 < early.fraction < 1 and early.left_ms is None
    later = folded(early, at("TRANSCRIPT", 0.6), now=260.0)
    assert later.left_ms == pytest.approx(60_000 * (1 - later.fraction) / later.fraction, abs=1)


def test_stages_of_an_earlier_run_are_marked_and_count_as_done():
    state = folded(fresh(), begin("DOWNLOAD", True), begin("TRANSCRIPT", True), begin("SELECT"))
    assert [view.status for view in state.stages] == [
        "resumed",
        "resumed",
        *["waiting"],
        "running",
        *["waiting"] * 2,
    ]
    assert state.fraction == pytest.approx(0.7)


def test_a_job_ends_once():
    done = folded(fresh(), {"event": "Done", "clips": [{"plan": {"index": 2}}], "shortfall": "One less."})
    assert (done.status, done.fraction, done.rendered) == (JobStatus.SUCCEEDED, 1.0, (2,))
    assert done.shortfall == "One less." and done.ended == 210.0
    assert folded(done, failure("late"), at("RENDER", 0.1)) is done


@pytest.mark.parametrize(
    ("code", "cancelling", "status"),
    [
        ("interrupted", True, JobStatus.CANCELLED),
        ("interrupted", False, JobStatus.FAILED),
        ("no_speech", True, JobStatus.FAILED),
    ],
)
def test_a_stopped_job_is_cancelled_only_if_somebody_asked(code, cancelling, status):
    state = folded(fresh(), failure(code), cancelling=cancelling)
    assert state.status is status and (state.problem is None) == (status is JobStatus.CANCELLED)


def test_moves_that_there_are_not_raise():
    waiting = progress.begin(REQUEST, "kk_1", 0)
    done = folded(fresh(), {"event": "Done"})
    for move in (
        lambda: progress.moved(waiting, JobStatus.SUCCEEDED),
        lambda: progress.started(fresh(), 0),
        lambda: progress.again(done),
        lambda: progress.cancelled(done, 0),
        lambda: progress.failed(done, Problem("x", "y"), 0),
    ):
        with pytest.raises(ValueError, match="can't become"):
            move()
    assert progress.again(progress.cancelled(fresh(), 1)).status is JobStatus.QUEUED


def test_notes_and_sentences_stay_few():
    sentences = [{"id": i, "start_ms": i, "end_ms": i, "text": f"s{i}"} for i in range(9)]
    state = folded(fresh(), {"event": "Heard", "sentences": sentences},
                   *({"event": "Warned", "message": f"note {i % 70}"} for i in range(200)))  # fmt: skip
    assert [heard.id for heard in state.heard] == [6, 7, 8] and len(state.notes) == progress.MAX_NOTES
    assert len(progress.heard_in({"event": "Heard", "sentences": sentences})) == 9


def test_a_task_only_goes_forward():
    task = ClipTask(1, "draft", JobStatus.RUNNING)
    task = progress.task_after(task, at("RENDER", 0.5))
    assert 0.4 < task.fraction < 0.5
    assert (
        progress.task_after(task, at("RENDER", 0.1)) == task == progress.task_after(task, at("UPLOAD", 1.0))
    )


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["RENDER", "UPLOAD", "TRANSCRIPT", "interrupted", 10**400, -1, 0.5, float("nan")]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["plan", "index", "id", "text", "start_ms"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["StageStarted", "Progress", "Heard", "ClipReady", "Warned", "Other"]) | ODD},
    optional={
        "stage": st.sampled_from(progress.STAGES) | ODD,
        "fraction": st.floats(0, 1) | ODD,
        **{
            key: ODD
            for key in ("resumed", "elapsed_ms", "left_ms", "message", "sentences", "clip", "clips", "code")
        },
    },
)
LAST = st.one_of(EVENTS, st.fixed_dictionaries({"event": st.sampled_from(["Done", "Failed"]), "clips": ODD}))


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=12), LAST, st.booleans(), st.booleans())
def test_whatever_comes_the_fraction_only_grows(events, last, forecast, cancelling):
    state = fresh(forecast)
    for event in [*events, last]:
        newer = progress.after(state, event, 210.0, cancelling)
        assert state.fraction <= newer.fraction <= 1
        assert newer.left_ms is None or newer.left_ms >= 0
        assert tuple(view.stage for view in newer.stages) == progress.STAGES
        assert all(0 <= view.fraction <= 1 for view in newer.stages)
        progress.heard_in(event)
        progress.task_after(ClipTask(1, "full", JobStatus.RUNNING), event)
        state = newer
    assert state.status is not JobStatus.QUEUED and isinstance(state.stages[0], StageView)
