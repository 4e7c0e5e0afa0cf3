"""Boards for the tests, over the stand-in program."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from node.jobs.board import Board, BoardOptions
from node.link.launcher import Launcher
from node.records import JobRequest, JobState, JobStatus
from tests.films import ROOT
from tests.places import SMALL, clean_shell
from tests.stand_in import SECRET

PROGRAM = (sys.executable, "-m", "tests.stand_in")


def options(folder: Path, environment: Mapping[str, str] | None = None, **more: Any) -> BoardOptions:
    shell = (
        clean_shell() | {"WORK_DIR": str(folder / "work"), "PYTHONPATH": str(ROOT)} | dict(environment or {})
    )
    usual: dict[str, Any] = {
        "keep_s": 3600.0,
        "disk_quota_bytes": 10**12,
        "min_free_bytes": 0,
        "program": PROGRAM,
        "grace_s": 1.0,
        "secrets": (SECRET,),
    }
    return BoardOptions(folder / "work", folder / "temp", environment=shell, **(usual | more))


def board(folder: Path, launcher: Launcher | None = None, **more: Any) -> Board:
    made = Board(options(folder, **more), launcher)
    made.open()
    return made


def wanted(name: str = "ok", **more: Any) -> JobRequest:
    return JobRequest(f"/films/{name}.mp4", f"{name}.mp4", **more)


def ended(board: Board, job_id: str, within_s: float = 20.0) -> JobState:
    return reached(board, job_id, lambda state: state.status.ended, within_s)


def running(board: Board, job_id: str, stage: str = "RENDER") -> JobState:
    return reached(
        board,
        job_id,
        lambda state: state.status is JobStatus.RUNNING and state.stage == stage and state.rendered,
    )


def reached(
    board: Board, job_id: str, check: Callable[[JobState], object], within_s: float = 20.0
) -> JobState:
    """The first state that passes the check."""
    until = time.monotonic() + within_s
    state = board.state(job_id)
    while not check(state):
        assert time.monotonic() < until, f"not reached in time: {state}"
        state = board.wait(job_id, state.version, 1.0)
    return state


def runs(folder: Path, job_id: str) -> list[str]:
    """What was started for the job, in order, without the pids."""
    path = folder / "work" / job_id / "started.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [line.rpartition(" ")[0] for line in lines]


def pids(folder: Path, job_id: str) -> list[int]:
    lines = (folder / "work" / job_id / "started.txt").read_text(encoding="utf-8").splitlines()
    return [int(line.rpartition(" ")[2]) for line in lines]


def real_board(folder: Path) -> Board:
    """Over the real pipeline, small and fast."""
    settings = {**SMALL, "OUT_DIR": str(folder / "out")}
    usual = BoardOptions.__dataclass_fields__["program"].default
    return board(folder, environment=settings, program=usual, grace_s=10.0)
