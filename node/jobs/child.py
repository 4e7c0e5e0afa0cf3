"""One pipeline process: its events, its end, its stopping. Nothing here knows what a job is.

A single loop watches the events, the error output, the process itself and the clock, so that no
output, silence or stray grandchild can hold it.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from node.jobs.lines import Lines, event_of

LINE_LIMIT = 16 << 20
"""Bytes of one event; a `Done` of twenty clips with their camera paths has about 1 MB."""
ERROR_LINE_LIMIT = 64 << 10
GRACE_S = 10.0
"""Between SIGTERM and SIGKILL."""
DRAIN_S = 2.0
"""How long the output of a dead child is still read."""
SAID = "error: "
LAST = frozenset({"Done", "Failed"})

Event = dict[str, Any]


class Log(Protocol):
    def write(self, line: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: without any event, from start to end (None: any), from SIGTERM to SIGKILL."""

    silence_s: float = 1800.0
    total_s: float | None = None
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended. `code` is negative for a signal; `last` its Done or Failed event, if any.

    `said`: the sentence of its last `error: …` line, for what goes wrong before the first event.
    `stopped`: `stop()` was called. `overran` names the limit that ended it, or is empty.
    """

    code: int
    last: Event | None = None
    stopped: bool = False
    overran: str = ""
    said: str = ""


class Child:
    """A process group of its own. `run` is called once; `stop` at any time from any thread.

    `run` must be called by a thread that outlives the process: the kernel tells the child that its
    parent died when that thread ends.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Log,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = list(command)
        self._log = log
        self._limits = limits or Limits()
        self._environment = environment
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_at: float | None = None
        self._stopped = False
        self._overran = ""
        self._said = ""
        self._last: Event | None = None

    def stop(self) -> None:
        """Ask it to end (SIGTERM once); `run` kills the whole group when it does not."""
        with self._lock:
            self._stopped = True
            self._terminate()

    @property
    def stopped(self) -> bool:
        return self._stopped

    def run(self, tell: Callable[[Event], None]) -> Ending:
        """Start it and pass on its events until it has ended; Done and Failed are kept for the end."""
        with self._lock:
            if self._stopped:
                return Ending(-signal.SIGTERM, stopped=True)
            try:
                process = self._process = self._spawn()
            except (OSError, ValueError) as exc:  # not there; an argument with a NUL
                self._log.write(f"could not be started: {exc}")
                return Ending(127)
        assert process.stdout is not None and process.stderr is not None
        try:
            with process.stdout, process.stderr:
                self._watch(process, tell)
        finally:
            self._end_group(process)
        return Ending(process.returncode, self._last, self._stopped, self._overran, self._said)

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            start_new_session=True,
            bufsize=0,
        )

    def _watch(self, process: subprocess.Popen[bytes], tell: Callable[[Event], None]) -> None:
        out, err = Lines(LINE_LIMIT), Lines(ERROR_LINE_LIMIT)
        started = heard = time.monotonic()
        ended: float | None = None
        pidfd = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                for item in (process.stdout, process.stderr, pidfd):
                    assert item is not None
                    selector.register(item, selectors.EVENT_READ)
                while selector.get_map() and (ended is None or time.monotonic() - ended < DRAIN_S):
                    for key, _ in selector.select(timeout=0.2):
                        if key.fd == pidfd:
                            ended = time.monotonic()
                            selector.unregister(pidfd)
                            self._kill_group(process)
                        elif not (data := os.read(key.fd, 1 << 18)):
                            selector.unregister(key.fileobj)
                        elif key.fileobj is process.stderr:
                            self._note(err, data)
                        else:
                            heard = time.monotonic()
                            self._events(out, data, tell)
                    self._check_clock(process, started, heard)
        finally:
            os.close(pidfd)
        for lines in (out, err):
            self._note(lines, b"\n") if lines is err else self._events(lines, b"\n", tell)
        if out.dropped or err.dropped:
            self._log.write(f"({out.dropped + err.dropped} lines were too long and were dropped)")

    def _events(self, lines: Lines, data: bytes, tell: Callable[[Event], None]) -> None:
        for line in lines.feed(data):
            event = event_of(line)
            if event is None:
                if line.strip():
                    self._log.write("no event: " + line[:500].decode(errors="replace"))
            elif event.get("event") in LAST:
                self._last = event
            else:
                tell(event)

    def _note(self, lines: Lines, data: bytes) -> None:
        for line in lines.feed(data):
            if line.strip():
                shown = line.decode(errors="replace")
                self._log.write(shown)
                if shown.startswith(SAID):
                    self._said = shown.removeprefix(SAID)

    # -- ending it ---------------------------------------------------------------------------------

    def _check_clock(self, process: subprocess.Popen[bytes], started: float, heard: float) -> None:
        now = time.monotonic()
        limits = self._limits
        with self._lock:
            if self._stop_at is None:
                if limits.total_s is not None and now - started > limits.total_s:
                    self._overran = f"{limits.total_s:g} s"
                elif now - heard > limits.silence_s:
                    self._overran = f"{limits.silence_s:g} s without a sign of life"
                if self._overran:
                    self._terminate()
            elif now - self._stop_at > limits.grace_s:
                self._kill_group(process)

    def _terminate(self) -> None:
        if self._stop_at is None and self._process is not None:
            self._stop_at = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)

    @staticmethod
    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        """Not reaped yet, so the number is still its own."""
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _end_group(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._kill_group(process)
            process.wait()
            self._process = None
