"""A short look at a link or a file, in a child process: how long is it, how large is its picture."""

from __future__ import annotations

import threading
import time

from node.errors import BadRequest, Busy
from node.jobs.child import Child, Ending, Event, Limits
from node.jobs.commands import probe_command
from node.jobs.redact import secrets_of, without
from node.jobs.workers import Means
from node.records import Probed
from pipeline.artifacts import public_source

LIMIT_S = 30.0
AT_ONCE = 2
GRACE_S = 2.0


class _Nowhere:
    """A look leaves no log: it has no folder, and its sentence is in its ending."""

    def write(self, line: str) -> None:
        pass


class Prober:
    """At most two looks at once; others wait for their turn."""

    def __init__(self, means: Means, limit_s: float = LIMIT_S) -> None:
        self._means = means
        self._limit_s = limit_s
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._children: set[Child] = set()

    def probe(self, source: str) -> Probed:
        """Raises BadRequest with what is wrong with the source, Busy when nobody gets a turn."""
        if not source.strip() or "\0" in source:
            raise BadRequest("No video was given; name a link or upload a file.")
        until = time.monotonic() + self._limit_s
        if not self._places.acquire(timeout=self._limit_s):
            raise Busy("Other videos are being looked at; try again in a moment.")
        try:
            return self._look(source, max(1.0, until - time.monotonic()))
        finally:
            self._places.release()

    def close(self) -> None:
        with self._lock:
            for child in self._children:
                child.stop()

    def _look(self, source: str, limit_s: float) -> Probed:
        answers: list[Event] = []
        limits = Limits(total_s=limit_s, grace_s=GRACE_S)
        child = Child(probe_command(self._means.program, source), _Nowhere(), limits, self._means.environment)
        with self._lock:
            self._children.add(child)
        try:
            ending = child.run(answers.append)
        finally:
            with self._lock:
                self._children.discard(child)
        shown = public_source(source)[:200]
        if ending.code == 0 and not ending.overran and (probed := _probed(answers)) is not None:
            return probed
        if ending.overran:
            raise BadRequest(f"{shown!r} could not be looked at within {self._limit_s:g} s; try another one.")
        found = _sentence(ending) or f"{shown!r} can't be used as a video; try another one."
        raise BadRequest(without(found, (*self._means.secrets, *secrets_of(source)))[:500])


def _probed(answers: list[Event]) -> Probed | None:
    """The answer with a length that can be one."""
    for answer in reversed(answers):
        numbers = [answer.get(name) for name in ("duration_ms", "width", "height")]
        if all(isinstance(number, int) and number >= 0 for number in numbers) and numbers[0]:
            duration_ms, width, height = (int(number or 0) for number in numbers)
            title = answer.get("title")
            return Probed(duration_ms, width, height, title[:200] if isinstance(title, str) else "")
    return None


def _sentence(ending: Ending) -> str:
    """What the child says for people: a Failed event, or its line `error: …`."""
    if ending.last is not None and isinstance(message := ending.last.get("message"), str):
        return message
    return ending.said
