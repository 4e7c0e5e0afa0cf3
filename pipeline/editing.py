"""Edits of a job's clips, kept in its folder beside what the stages made.

    <work>/<job_id>/edits.json     every change, under a short lock of its own

Works while another process holds the job: an edit is only data until the job is run again.
"""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

from pydantic import ValidationError

from pipeline import edits as pure
from pipeline.changes import Change, changed
from pipeline.edits import Edits, History
from pipeline.errors import WishError
from pipeline.published import ClipResult
from pipeline.records import Clip, ClipPlan, Draft, Edl, Source, Transcript
from pipeline.trimming import Trimming
from pipeline.workspace import Workspace, from_json, to_json, write_json

T = TypeVar("T")
FILE = "edits.json"
LOCK_WAIT_S = 10.0
LOCK_STEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Opened:
    """A job that can be edited: what was chosen (`edl`), what was changed, and the `plans` that gives."""

    source: Source
    transcript: Transcript
    edl: Edl
    edits: Edits
    plans: tuple[ClipPlan, ...]

    def plan(self, index: int) -> ClipPlan | None:
        """The clip as it is now; None when it is dropped or was never there."""
        return next((plan for plan in self.plans if plan.index == index), None)


def open_job(workspace: Workspace) -> Opened:
    """The job as it stands. Raises WishError when its clips have not been chosen yet."""
    source = _kept(workspace, "download", Source)
    transcript = _kept(workspace, "transcript", Transcript)
    edl = _kept(workspace, "select", Edl)
    return _opened(source, transcript, edl, read_edits(workspace))


def edit(workspace: Workspace, index: int, *changes: Change) -> Opened:
    """Make the changes, in this order, all or none, as one step of undo. Raises WishError."""

    def make(opened: Opened) -> Edits:
        base = _base(opened, index)
        history = opened.edits.history(index)
        now = history.now
        for change in changes:
            now = changed(now, change, base, opened.transcript)
        return opened.edits.with_history(history.then(now))

    return _changed(workspace, make)


def undo(workspace: Workspace, index: int) -> Opened:
    """Take the clip's last step back. Raises WishError when there is none."""
    return _stepped(workspace, index, History.undone)


def redo(workspace: Workspace, index: int) -> Opened:
    """Make the step again that was taken back last. Raises WishError when there is none."""
    return _stepped(workspace, index, History.redone)


def add(workspace: Workspace, first: int, last: int, title: str = "") -> tuple[Opened, int]:
    """A new clip of sentences `first..last`, and its number. Raises WishError."""
    indices: list[int] = []

    def make(opened: Opened) -> Edits:
        edits, index = pure.added(opened.edl, opened.edits, first, last, title, opened.transcript)
        indices.append(index)
        return edits

    return _changed(workspace, make), indices[0]


def rendered(workspace: Workspace, plan: ClipPlan) -> Clip | None:
    """The finished clip of exactly this plan, if all its files are here."""
    kept = workspace.load(plan.stem, None, ClipResult)
    if kept is None or kept.value.clip.plan != plan:
        return None
    clip = kept.value.clip
    return clip if all(workspace.path(name).is_file() for name in clip.files) else None


def draft(workspace: Workspace, plan: ClipPlan) -> Draft | None:
    """The draft of exactly this plan, if its files are here."""
    kept = workspace.load(f"draft_{plan.index:02d}", None, Draft)
    if kept is None or kept.value.plan != plan:
        return None
    names = (kept.value.preview, kept.value.poster)
    return kept.value if all(workspace.path(name).is_file() for name in names) else None


def read_edits(workspace: Workspace) -> Edits:
    """The job's edits: the file here, or those that came with the stages of an earlier machine.

    Empty when there are none, or when they belong to another choice of clips than the present one.
    Raises WishError when the file can't be read.
    """
    base = workspace.key_of("select") or ""
    edits = stored_edits(workspace)
    return edits if edits is not None and edits.base == base else Edits(base)


def stored_edits(workspace: Workspace) -> Edits | None:
    """The edits as they were written, whatever choice they belong to."""
    path = workspace.path(FILE)
    try:
        return from_json(Edits, json.loads(path.read_bytes())["edits"])
    except FileNotFoundError:
        kept = workspace.load("edits", None, Edits)
        return kept.value if kept else None
    except (json.JSONDecodeError, KeyError, TypeError, ValidationError) as exc:
        raise WishError(
            f"{FILE} of job {workspace.job_id} can't be read; remove it to begin with the clips as chosen.",
            str(exc),
        ) from exc


# -- one change at a time -------------------------------------------------------------------------


def _stepped(workspace: Workspace, index: int, step: Callable[[History], History]) -> Opened:
    def make(opened: Opened) -> Edits:
        _base(opened, index)
        return opened.edits.with_history(step(opened.edits.history(index)))

    return _changed(workspace, make)


def _changed(workspace: Workspace, make: Callable[[Opened], Edits]) -> Opened:
    """Read, change, check and write, while no other process does."""
    with _edits_locked(workspace):
        before = open_job(workspace)
        edits = make(before)
        after = _opened(before.source, before.transcript, before.edl, edits)
        if edits != before.edits:
            write_json(workspace.path(FILE), {"schema": "kangklip/edits/1", "edits": to_json(edits)})
    return after


@contextmanager
def _edits_locked(workspace: Workspace) -> Iterator[None]:
    """Raises WishError when another process does not let go in time."""
    with workspace.path(".edits.lock").open("w") as file:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as exc:
                if time.monotonic() > deadline:
                    raise WishError(f"Job {workspace.job_id} is being edited elsewhere; try again.") from exc
                time.sleep(LOCK_STEP_S)
        for left in workspace.folder.glob(f".{FILE}.*.tmp"):
            left.unlink(missing_ok=True)
        yield


def _opened(source: Source, transcript: Transcript, edl: Edl, edits: Edits) -> Opened:
    plans = pure.apply(edl, edits, transcript, source.duration_ms).clips
    return Opened(source, transcript, edl, edits, plans)


def _base(opened: Opened, index: int) -> ClipPlan:
    """The clip before any change. Raises WishError when there is no such clip."""
    trimming = Trimming(opened.transcript, opened.source.duration_ms)
    bases = pure.base_plans(opened.edl, opened.edits, trimming)
    for base in bases:
        if base.index == index:
            return base
    known = ", ".join(str(base.index) for base in bases)
    raise WishError(f"There is no clip {index} in this job; it has {known}.")


def _kept(workspace: Workspace, name: str, kind: type[T]) -> T:
    path = workspace.stage_path(name)
    try:
        state = path.stat()
    except FileNotFoundError as exc:
        raise WishError(
            f"Job {workspace.job_id} has no clips to edit yet; run it first: "
            f"python -m pipeline --job-id {workspace.job_id}"
        ) from exc
    return cast(T, _read(path, cast(Hashable, kind), (state.st_mtime_ns, state.st_size, state.st_ino)))


@lru_cache(maxsize=12)
def _read(path: Path, kind: Hashable, identity: tuple[int, int, int]) -> object:
    """A stage's result, parsed once for each content of its file: hours of talk take a second."""
    try:
        return from_json(cast(type, kind), json.loads(path.read_bytes())["value"])
    except (OSError, json.JSONDecodeError, KeyError, TypeError, ValidationError) as exc:
        raise WishError(
            f"{path.name} of this job was written by another version; run the job again.", str(exc)
        ) from exc
