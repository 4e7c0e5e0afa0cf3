"""Keeps a program on a leash: when we let go, or die, even by kill -9, it ends with all it ever started.

Two sides in one file. `Leash` is ours. `main` runs in a small process between us and the program
(`python -I -S leash.py`, the standard library alone). It holds a pipe to us and adopts whatever the
program leaves behind, so no grandchild escapes by outliving its parent or leaving its process group.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
"""<linux/prctl.h>"""

NOT_STARTED = 127
SIGNALLED = 128
"""Exit codes as a shell gives them: it cannot be started; ended by a signal, whose number is added."""

MARGIN_S = 5.0
"""What the process between us may take beyond the grace before it is killed too."""

_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class _Process(NamedTuple):
    pid: int
    parent: int
    group: int


def _processes() -> Iterator[_Process]:
    """Every process of the machine that runs; a zombie does not."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent, group, *_ = stat.read_text(errors="replace").rpartition(")")[2].split()
            if state not in "ZX":
                yield _Process(int(stat.parent.name), int(parent), int(group))


class Leash:
    """A program with its output. `ended` and `close` are for the thread that made it, the rest for any.

    That thread has to outlive the program: the kernel takes its end for ours.
    """

    def __init__(
        self,
        command: Sequence[str],
        variables: Mapping[str, str],
        hear: Callable[[bytes], None],
        grace_s: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it. `variables` are added to `environment` (None: ours) without being seen in any argument.

        `hear` gets its output, on a thread of its own. Between SIGTERM and SIGKILL lie `grace_s`.
        Raises OSError.
        """
        self._grace_s = grace_s
        self._hear = hear
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, f"{grace_s:g}", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            bufsize=0,
        )
        self._lock = threading.Lock()
        self._pidfd = os.pidfd_open(self._process.pid)
        self._reader = threading.Thread(target=self._read, name="model server output", daemon=True)
        self._reader.start()
        assert self._process.stdin is not None
        self._rope = self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._rope.write(json.dumps(dict(variables)).encode() + b"\n")

    def ended(self, timeout_s: float | None) -> bool:
        """Wait for the end, None: however long it takes."""
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return bool(poll.poll(None if timeout_s is None else max(0.0, timeout_s * 1000)))

    def let_go(self) -> None:
        """Have it ended: SIGTERM, after the grace SIGKILL. Returns at once."""
        with self._lock:
            self._rope.close()

    def close(self) -> int:
        """Let go, wait until nothing is left of it, and give its exit code as a shell would."""
        self.let_go()
        self.ended(self._grace_s + MARGIN_S)
        # Not waited for yet, so the number is still its own: whoever ended the process between us, none
        # of its group stays, and what it held of the GPU is free again.
        group = self._process.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        deadline = time.monotonic() + MARGIN_S
        while any(each.group == group for each in _processes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        code = self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()
        os.close(self._pidfd)
        return code if code >= 0 else SIGNALLED - code

    def _read(self) -> None:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(output, select.POLLIN)
        poll.register(self._pidfd, select.POLLIN)
        # At the end everything that wrote is gone: what is not there yet never comes.
        while any(descriptor == output for descriptor, _ in poll.poll()):
            if not (data := os.read(output, 1 << 16)):
                break
            self._hear(data)
        self._hear(b"")


# -- the process between us and the program --------------------------------------------------------------


def main() -> int:
    """Run `sys.argv[2:]` until it ends or stdin does; `sys.argv[1]` is the grace in seconds."""
    grace_s, command = float(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    variables = sys.stdin.buffer.readline()
    if not variables:
        return 0  # we were gone before it began
    for name, value in json.loads(variables).items():
        os.putenv(name, value)
    alarm, bell = os.pipe()
    os.set_blocking(bell, False)
    signal.set_wakeup_fd(bell)
    for number in (*_ENDING, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_leash)
    except OSError as exc:
        sys.stderr.write(f"{command[0]}: {exc.strerror}\n")
        return NOT_STARTED
    _watch(child, alarm)
    return _end(child, grace_s)


def _end_with_leash() -> None:
    """Runs between fork and exec."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _watch(child: subprocess.Popen[bytes], alarm: int) -> None:
    """Wait for the program's end, the pipe's, or a signal that asks for it."""
    while child.poll() is None:
        ready, _, _ = select.select([0, alarm], [], [])
        if 0 in ready and not os.read(0, 4096):
            return
        if alarm in ready and _ENDING & set(os.read(alarm, 4096)):
            return


def _end(child: subprocess.Popen[bytes], grace_s: float) -> int:
    """The program's exit code, when it and every process below us is gone."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    while True:
        for each in _processes():
            if each.parent == os.getpid():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)  # its own children are ours now
        except ChildProcessError:
            return child.returncode if child.returncode >= 0 else SIGNALLED - child.returncode


if __name__ == "__main__":
    sys.exit(main())
