"""What travels inside the session node: frozen records. Times of the film are milliseconds;
moments are Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pipeline.records import Ms


class JobStatus(StrEnum):
    """QUEUED -> RUNNING -> SUCCEEDED | FAILED | CANCELLED. Back to QUEUED: a FAILED or CANCELLED job
    that a person retries, and a RUNNING one whose node ended before it."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a visitor asked for. `source` is a link or the path of a file that is already ours;
    `shown_source` is what may be shown of it."""

    source: str
    shown_source: str
    count: int = 3
    min_ms: Ms = 30_000
    max_ms: Ms = 45_000
    language: str = "auto"
    output_language: str = "auto"
    focus: str = ""
    captions: str = "karaoke"
    transcript: Path | None = None
    forecast: Forecast | None = None


@dataclass(frozen=True, slots=True)
class Probed:
    """What a short look at the source found, before any work: length and picture size."""

    duration_ms: Ms
    width: int
    height: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a job will take: wall seconds for each stage, and money where the node has a price."""

    duration_ms: Ms
    stage_s: Mapping[str, float]
    usd: float | None = None

    @property
    def total_s(self) -> float:
        return sum(self.stage_s.values())


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the job took, and how far the forecast was off (0.1: it took a tenth longer)."""

    wall_s: float
    usd: float | None
    forecast_s: float | None
    off_by: float | None


@dataclass(frozen=True, slots=True)
class StageView:
    """One of the six stages. `status`: waiting, running, done, resumed (done in an earlier run)."""

    stage: str
    status: str = "waiting"
    fraction: float = 0.0
    wall_ms: Ms = 0
    left_ms: Ms | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something did not work: a code for programs, a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence of the transcript as it is made."""

    id: int
    start_ms: Ms
    text: str


@dataclass(frozen=True, slots=True)
class ClipTask:
    """An edit's rendering: what is under way or was last done for one clip of a job, once for each kind.

    `kind`: draft (preview only) or full. `status` as of a job.
    """

    clip: int
    kind: str
    status: JobStatus
    fraction: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """Everything to be known about a job at one moment.

    `version` grows with every change. `position` counts the jobs that run before it (0: running or
    ended). `fraction` is of the whole job. `rendered` are the numbers of the clips that exist so far.
    """

    job_id: str
    status: JobStatus
    request: JobRequest
    created: float
    version: int = 0
    position: int = 0
    stage: str = ""
    fraction: float = 0.0
    left_ms: Ms | None = None
    message: str = ""
    stages: tuple[StageView, ...] = ()
    notes: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()
    rendered: tuple[int, ...] = ()
    problem: Problem | None = None
    started: float | None = None
    ended: float | None = None
    forecast: Forecast | None = None
    receipt: Receipt | None = None
    shortfall: str = ""
    tasks: tuple[ClipTask, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """The launcher's answer: may it be done. `presigned` are the storage URLs of the job, if any."""

    granted: bool
    message: str = ""
    url: str = ""
    presigned: Mapping[str, Any] | None = None
