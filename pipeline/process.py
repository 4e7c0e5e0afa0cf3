"""How a job behaves as a process: how politely it runs, when it stops, what its exit code says."""

from __future__ import annotations

import ctypes
import os
import signal
import threading

from pipeline.errors import ClipError, Interrupted, WishError

_PR_SET_PDEATHSIG = 1
"""<linux/prctl.h>"""


def be_nice(steps: int) -> None:
    """Give way to other processes. Raises WishError when the system refuses."""
    try:
        os.nice(steps)
    except OSError as exc:
        raise WishError(
            f"--nice {steps} is refused here ({exc.strerror}); take a number from 0 to 19."
        ) from exc


def end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent is gone, kill -9 included, so that the job stops.

    The kernel goes by the thread that started this process: it must live as long as the parent should.
    """
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # gone before the kernel knew
        signal.raise_signal(signal.SIGTERM)


def stop_on_signals() -> threading.Event:
    """Set by the first Ctrl-C (or SIGTERM); the second ends the process at once, children too."""
    stop = threading.Event()

    def ask(*_: object) -> None:
        if stop.is_set():
            os._exit(Interrupted.exit_code)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return stop


def exit_code(code: str) -> int:
    """The exit code of an error's machine code."""
    kinds: list[type[ClipError]] = [ClipError]
    for kind in kinds:
        if kind.code == code:
            return kind.exit_code
        kinds += kind.__subclasses__()
    return ClipError.exit_code
