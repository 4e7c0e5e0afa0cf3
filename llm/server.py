"""The local model: one `vllm serve` with all its processes, from its start to its end.

It is started on a thread of its own and nobody waits for it who does not want to. It has a random key,
listens on 127.0.0.1 alone, is started once more when it breaks down, and ends with us whatever happens.
"""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from llm.client import ModelUnusable
from llm.crashes import Cause, cause_of
from llm.leash import Leash
from llm.server_calls import ServerCalls
from llm.server_log import ServerLog
from llm.vllm_command import ServerOptions, arguments, variables
from pipeline.options import ModelOptions


class State(StrEnum):
    """STOPPED also before the start; LOADING: the process lives; READY: it answers a question too."""

    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    ASLEEP = "asleep"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ServerState:
    """`after_s`: seconds from the start to this state. `why`: of FAILED, and of STARTING a second time."""

    state: State
    why: str = ""
    after_s: float = 0.0


class ModelServer:
    """One life of the server: `start`, and `stop` from any thread, or use it as a context manager.

    `tell` gets every state in order, on the thread that brought it about. It must not raise, nor call
    the server's methods.
    """

    def __init__(self, options: ServerOptions, tell: Callable[[ServerState], None] | None = None) -> None:
        self._options = options
        self._tell = tell
        self._key = secrets.token_urlsafe(32)
        self._log = ServerLog(options.log_file, self._key, options.log_limit_bytes)
        self._changed = threading.Condition()
        self._state = ServerState(State.STOPPED)
        self._stopping = False
        self._leash: Leash | None = None
        self._calls: ServerCalls | None = None
        self._port = 0
        self._started_at = 0.0
        # The kernel takes the end of this thread for ours, so it outlives the server.
        self._thread = threading.Thread(target=self._live, name="model server", daemon=True)

    def __enter__(self) -> ModelServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def state(self) -> ServerState:
        return self._state

    def start(self) -> None:
        """Begin; returns at once. Harmless when it has begun."""
        if self._thread.ident is not None:
            return
        self._started_at = time.monotonic()
        self._enter(State.STARTING)
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when nothing is left of it. Harmless when it is over or never began."""
        with self._changed:
            self._stopping = True
            if self._leash:
                self._leash.let_go()
        if self._thread.is_alive():
            self._thread.join()

    def wait_ready(self, timeout_s: float) -> ModelOptions:
        """How to ask the model, when it is ready. Raises ModelUnusable when it is not in time or never will.

        Ask again after a failed question: a server that was started again may have another address.
        """
        over = (State.READY, State.STOPPED, State.FAILED)
        with self._changed:
            self._changed.wait_for(lambda: self._state.state in over, timeout_s)
            now, calls = self._state, self._calls
        if now.state is State.READY and calls:
            return ModelOptions(calls.api_base, self._options.model_name, self._key)
        if now.state in over:
            raise ModelUnusable(now.why or "the model's server is not running")
        raise ModelUnusable(f"the model's server was still {now.state} after {timeout_s:g} s")

    def sleep(self) -> None:
        """Give the GPU's memory back, the weights stay in main memory. Raises ModelUnusable.

        A server that breaks down while it sleeps is started again, awake.
        """
        calls = self._calls_in(State.READY)
        calls.sleep()
        self._enter(State.ASLEEP, calls=calls)

    def wake(self) -> None:
        """Take the memory again; returns when the model answers. Raises ModelUnusable."""
        calls = self._calls_in(State.ASLEEP)
        calls.wake_up()
        if trouble := calls.trouble():
            raise ModelUnusable(f"the model's server was woken up: {trouble}")
        self._enter(State.READY, calls=calls)

    def _calls_in(self, state: State) -> ServerCalls:
        with self._changed:
            now, calls = self._state.state, self._calls
        if not self._options.can_sleep:
            raise ModelUnusable("the model's server was started without sleep")
        if now is not state or not calls:
            raise ModelUnusable(f"the model's server is {now}, not {state}")
        return calls

    def _enter(self, state: State, why: str = "", calls: ServerCalls | None = None) -> None:
        """Be in that state from now on, unless the server that `calls` belongs to is gone, or is to go."""
        with self._changed:
            if calls is not self._calls or (self._stopping and state is not State.STOPPED):
                return
            self._state = ServerState(state, why, round(time.monotonic() - self._started_at, 3))
            self._changed.notify_all()
            if self._tell:
                self._tell(self._state)

    # -- on its own thread -----------------------------------------------------------------------------

    def _live(self) -> None:
        cause = self._serve()
        if not cause.lasting and not self._stopping:
            self._enter(State.STARTING, cause.why)
            cause = self._serve()
        if self._stopping:
            self._enter(State.STOPPED)
        else:
            self._enter(State.FAILED, cause.why)

    def _serve(self) -> Cause:
        """Run one process from its start to its end, and say why it ended."""
        options = self._options
        self._port = _free_port(self._port)
        self._log.forget()
        with self._changed:
            if self._stopping:
                return Cause("the model's server was stopped")
            try:
                leash = self._leash = Leash(
                    arguments(options, self._port),
                    variables(options, self._key),
                    self._log.feed,
                    options.patience.grace_s,
                    options.environment,
                )
            except OSError as exc:
                return Cause(f"the model's server cannot be started ({exc.strerror})")
            calls = ServerCalls(self._port, self._key, options.model_name, options.patience)
            self._calls = calls
        self._enter(State.LOADING, calls=calls)
        hopeless = self._load(leash, calls)
        if not hopeless:
            leash.ended(None)
        with self._changed:
            self._calls = None
        code = leash.close()
        return Cause(hopeless, lasting=True) if hopeless else cause_of(list(self._log.tail), code)

    def _load(self, leash: Leash, calls: ServerCalls) -> str:
        """Wait until it answers or ends. A sentence when it has to be given up."""
        patience = self._options.patience
        deadline = time.monotonic() + patience.start_s
        trouble = "it does not say that it is healthy"
        while not leash.ended(patience.look_s):
            if time.monotonic() > deadline:
                return f"the model's server was not ready within {patience.start_s:g} s: {trouble}"
            if not calls.is_healthy():
                continue
            try:
                trouble = calls.trouble()
            except ModelUnusable as exc:
                return str(exc)
            if not trouble:
                self._log.forget()
                self._enter(State.READY, calls=calls)
                break
        return ""


def _free_port(wanted: int) -> int:
    """A free port of 127.0.0.1, the wanted one if it is free: who asks the server keeps its address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
