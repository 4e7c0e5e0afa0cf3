"""What a board finds again: after closing, after kill -9 of its process, with files that are broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from node.errors import UnknownJob
from node.records import ClipTask, JobRequest, JobStatus
from tests.boards import board, ended, pids, reached, real_board, running, runs, wanted
from tests.films import ROOT
from tests.places import clean_shell


def owner(folder, source, *more) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.board_owner", str(folder), source, *map(str, more)],
        cwd=ROOT,
        env=clean_shell(),
    )


def killed_in(process: subprocess.Popen, folder, stage: str, starts: int = 1) -> None:
    """kill -9 as soon as the job's file says that the stage runs, in that start of it."""
    until = time.monotonic() + 60
    while True:
        try:
            entry = json.loads((folder / "work" / "owned" / "node.json").read_text())
            at = (entry["starts"], entry["state"]["status"], entry["state"]["stage"])
            if at == (starts, "RUNNING", stage):
                break
        except FileNotFoundError:
            pass
        assert time.monotonic() < until and process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def gone(pid: int, within_s: float = 10.0) -> bool:
    """Whether it ends in time; an orphan that nobody waits for has ended too."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def test_a_job_whose_node_dies_with_it_is_started_again_three_times_and_no_more(tmp_path):
    for starts in range(1, 5):
        killed_in(owner(tmp_path, "/films/slow.mp4"), tmp_path, "RENDER", starts)
        assert gone(pids(tmp_path, "owned")[-1])
    assert len(runs(tmp_path, "owned")) == 4
    desk = board(tmp_path, environment={"SLOW_S": "0"})
    try:
        state = desk.state("owned")
        assert (state.status, state.problem.code) == (JobStatus.FAILED, "crashed")
        assert "4 times" in state.problem.message
        desk.retry("owned")
        assert ended(desk, "owned").status is JobStatus.SUCCEEDED
    finally:
        desk.close()


def test_a_job_goes_on_after_its_node_was_killed_once(tmp_path):
    killed_in(owner(tmp_path, "/films/slow.mp4"), tmp_path, "RENDER")
    desk = board(tmp_path, environment={"SLOW_S": "0"})
    try:
        assert ended(desk, "owned").status is JobStatus.SUCCEEDED
        assert len(runs(tmp_path, "owned")) == 2 and gone(pids(tmp_path, "owned")[0], 1)
    finally:
        desk.close()


def test_closing_stops_the_children_and_loses_nothing(tmp_path):
    first = board(tmp_path)
    running_id = first.submit(wanted("slow"), None, "key-1").job_id
    running(first, running_id)
    waiting = [first.submit(wanted("ok")).job_id for _ in range(2)]
    ended_id = first.submit(wanted("ok")).job_id
    first.cancel(ended_id)
    first.render(running_id, 1, True)
    started = time.monotonic()
    first.close()
    assert time.monotonic() - started < 5 and gone(pids(tmp_path, running_id)[0], 1)

    second = board(tmp_path, environment={"SLOW_S": "0"})
    try:
        assert [s.job_id for s in second.jobs()] == [ended_id, *reversed(waiting), running_id]
        assert second.submit(wanted("slow"), None, "key-1").job_id == running_id
        for job_id in (running_id, *waiting):
            assert ended(second, job_id).status is JobStatus.SUCCEEDED
        assert second.state(ended_id).status is JobStatus.CANCELLED and not runs(tmp_path, ended_id)
        done = ClipTask(1, "draft", JobStatus.SUCCEEDED, 1.0)
        reached(second, running_id, lambda state: state.tasks == (done,))
    finally:
        second.close()


def test_a_broken_file_is_left_out_and_the_others_are_found(tmp_path, caplog):
    first = board(tmp_path)
    jobs = [first.submit(wanted("ok")).job_id for _ in range(5)]
    for job_id in jobs:
        ended(first, job_id)
    first.close()
    work = tmp_path / "work"
    broken = ['{"half', "[]", '{"state": {"job_id": "x"}, "key": "", "starts": 0}', "[" * 100_000]
    for job_id, text in zip(jobs, broken, strict=False):
        (work / job_id / "node.json").write_text(text)
    (work / "rates.json").write_text('{"rates": {"chunk_per_job": -1}}')
    (work / "link").symlink_to(work / jobs[4])
    second = board(tmp_path)
    try:
        assert [state.job_id for state in second.jobs()] == [jobs[4]]
        assert caplog.text.count("can't be read and is left out") == 4 and "forecasts start" in caplog.text
        with pytest.raises(UnknownJob):
            second.state(jobs[0])
    finally:
        second.close()


@pytest.mark.slow
def test_the_real_pipeline_makes_clips_a_look_and_a_draft(tmp_path, film, subtitles):
    desk = real_board(tmp_path)
    try:
        probed = desk.probe(str(film))
        assert (probed.width, probed.height) == (320, 180) and 74_000 < probed.duration_ms < 76_000
        request = JobRequest(str(film), film.name, 1, 8_000, 16_000, transcript=subtitles)
        job_id = desk.submit(request).job_id
        state = ended(desk, job_id, 120)
        assert state.status is JobStatus.SUCCEEDED, state.problem
        assert state.rendered == (1,) and {view.status for view in state.stages} == {"done"}
        assert desk.heard_since(job_id, 0)[0].text and state.notes
        desk.render(job_id, 1, True)
        draft = reached(desk, job_id, lambda s: s.tasks and s.tasks[0].status.ended, 60).tasks[0]
        assert draft.status is JobStatus.SUCCEEDED, draft.problem
        desk.render(job_id, 7, True)
        bad = reached(desk, job_id, lambda s: len(s.tasks) > 1 and s.tasks[1].status.ended, 60).tasks[1]
        assert bad.status is JobStatus.FAILED and "7" in bad.problem.message
    finally:
        desk.close()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["TRANSCRIPT", "RENDER"])
def test_the_real_pipeline_goes_on_after_its_node_was_killed(tmp_path, film, subtitles, stage):
    process = owner(tmp_path, str(film), subtitles)
    killed_in(process, tmp_path, stage)
    desk = real_board(tmp_path)
    try:
        state = ended(desk, "owned", 180)
        assert state.status is JobStatus.SUCCEEDED, state.problem
        resumed = {view.stage for view in state.stages if view.status == "resumed"}
        assert "DOWNLOAD" in resumed and state.rendered == (1, 2)
        running_ones = [p for p in psutil.process_iter(["cmdline"]) if "owned" in (p.info["cmdline"] or [])]
        assert not running_ones
    finally:
        desk.close()
