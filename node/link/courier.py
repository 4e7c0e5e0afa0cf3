"""One thread that brings news to the launcher: in order for each job, outcomes until they are taken."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from node.link.spool import Spool

PROGRESS_EVERY_S = 2.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0

_log = logging.getLogger(__name__)

Event = dict[str, Any]


class Answer(Enum):
    """What became of a message: taken, refused for good (a 4xx), or to be tried again."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"


@dataclass(slots=True)
class _Outcome:
    event: Event
    due: float = 0.0
    delay_s: float = FIRST_DELAY_S
    refused: bool = False


class Courier:
    """`send` brings one event and never raises; it is called by the courier's thread only.

    Of a job's progress only the newest waits, and an outcome makes it needless. `ready` says whether
    there is somewhere to send to: until then outcomes wait in the spool.
    """

    def __init__(self, spool: Spool, send: Callable[[Event], Answer], ready: Callable[[], bool]) -> None:
        self._spool = spool
        self._send = send
        self._ready = ready
        self._condition = threading.Condition()
        self._outcomes = [_Outcome(event) for event in spool.outcomes()]
        self._progress: dict[str, Event] = {}
        self._next_progress: dict[str, float] = {}
        self._closing = False
        self._refusing = False
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)
        self._thread.start()

    def outcome(self, event: Event) -> None:
        """Keep it on the disk, then send it until it is taken."""
        try:
            self._spool.keep_outcome(event)
        except OSError as exc:
            _log.error("the outcome of job %s is kept in memory only: %s", event["job_id"], exc.strerror)
        with self._condition:
            self._progress.pop(event["job_id"], None)
            self._next_progress.pop(event["job_id"], None)
            self._outcomes.append(_Outcome(event))
            self._condition.notify_all()

    def progress(self, event: Event) -> None:
        with self._condition:
            self._progress[event["job_id"]] = event
            self._condition.notify_all()

    def wake(self) -> None:
        """The address is new: everything is due now."""
        with self._condition:
            for outcome in self._outcomes:
                outcome.due, outcome.delay_s = 0.0, FIRST_DELAY_S
            self._condition.notify_all()

    def waiting(self) -> int:
        """Outcomes that nobody has taken yet."""
        with self._condition:
            return len(self._outcomes)

    def close(self, patience_s: float, longest_s: float) -> None:
        """Give what waits a last chance; the rest stays in the spool. A message under way may end."""
        with self._condition:
            if self._ready():
                self._condition.wait_for(lambda: not self._outcomes, timeout=patience_s)
            self._closing = True
            self._condition.notify_all()
        self._thread.join(timeout=longest_s)

    def _run(self) -> None:
        while (work := self._next()) is not None:
            if isinstance(work, _Outcome):
                self._deliver(work)
            else:
                answer = self._send(work)
                if answer is Answer.REFUSED and not self._refusing:
                    _log.warning("the launcher refuses progress, first of job %s", work["job_id"])
                self._refusing = answer is Answer.REFUSED

    def _next(self) -> _Outcome | Event | None:
        with self._condition:
            while not self._closing:
                now = time.monotonic()
                work, due = self._first(now) if self._ready() else (None, None)
                if work is not None:
                    return work
                self._condition.wait(None if due is None else max(0.01, due - now))
            return None

    def _first(self, now: float) -> tuple[_Outcome | Event | None, float | None]:
        """What is due now; else when something will be."""
        blocked: set[str] = set()
        dues: list[float] = []
        for outcome in self._outcomes:
            job_id = outcome.event["job_id"]
            if job_id not in blocked and outcome.due <= now:
                return outcome, None
            blocked.add(job_id)
            dues.append(outcome.due)
        for job_id in list(self._progress):
            due = self._next_progress.get(job_id, 0.0)
            if job_id not in blocked and due <= now:
                self._next_progress[job_id] = now + PROGRESS_EVERY_S
                return self._progress.pop(job_id), None
            dues.append(max(due, now + FIRST_DELAY_S) if job_id in blocked else due)
        return None, min(dues, default=None)

    def _deliver(self, outcome: _Outcome) -> None:
        answer = self._send(outcome.event)
        job_id = outcome.event["job_id"]
        if answer is Answer.TAKEN:
            try:
                self._spool.drop_outcome(outcome.event)
            except OSError as exc:
                _log.error("the outcome of job %s will be told again: %s", job_id, exc.strerror)
        with self._condition:
            if answer is Answer.TAKEN:
                self._outcomes.remove(outcome)
            else:
                if answer is Answer.REFUSED and not outcome.refused:
                    _log.warning("the launcher refused the outcome of job %s; it is kept", job_id)
                    outcome.refused = True
                slow = LONGEST_DELAY_S if answer is Answer.REFUSED else outcome.delay_s
                outcome.due = time.monotonic() + slow
                outcome.delay_s = min(LONGEST_DELAY_S, outcome.delay_s * 2)
            self._condition.notify_all()
