"""How long a stage has taken, what it cost in CPU, and when it will be done."""

from __future__ import annotations

import resource
import time

from pipeline.records import Ms

SURE_AFTER_MS: Ms = 2_000
"""Before that a forecast from the progress so far would jump about."""
SURE_FROM = 0.02


def cpu_seconds() -> float:
    """CPU seconds of this process and its finished children, all threads."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


class StageClock:
    """Starts when it is made."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._cpu = cpu_seconds()

    def wall_ms(self) -> Ms:
        return round((time.monotonic() - self._started) * 1000)

    def cpu_ms(self) -> Ms:
        """CPU time since the start; stages that run side by side share it."""
        return round((cpu_seconds() - self._cpu) * 1000)

    def left_ms(self, fraction: float) -> Ms | None:
        """Time left at the pace so far; None while nobody can tell."""
        elapsed = self.wall_ms()
        if fraction < SURE_FROM or elapsed < SURE_AFTER_MS:
            return None
        return max(0, round(elapsed * (1 - fraction) / fraction))
