"""The local model's server: real processes, real HTTP, a program that behaves like vLLM and its faults."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from llm.budget import Plan
from llm.client import ModelUnusable
from llm.crashes import cause_of
from llm.server import ModelServer, ServerState, State
from llm.server_log import ServerLog
from llm.vllm_command import Patience, ServerOptions, arguments
from tests.films import ROOT

PLAN = Plan("Qwen/Qwen3-4B-AWQ", 0.65, 8192, 4, sequential=True, eager=True)
QUICK = Patience(start_s=15, health_s=1, chat_s=0.4, sleep_s=5, grace_s=0.5, look_s=0.05)
FAKE = str(ROOT / "tests" / "fake_vllm.py")
WAIT_S = 15.0


class Place:
    """A folder with the server's log and the notes of the fake program."""

    def __init__(self, folder: Path) -> None:
        self.log_file = folder / "vllm.log"
        self.notes_file = folder / "notes"
        self.told: list[ServerState] = []

    def options(self, *faults: str, fake: tuple[str, ...] = (), **changes: Any) -> ServerOptions:
        switched_on = [word for fault in faults for word in ("--fault", fault)]
        program = (sys.executable, "-I", "-S", FAKE, "--notes", str(self.notes_file), *switched_on, *fake)
        return replace(ServerOptions(PLAN, self.log_file, program, patience=QUICK), **changes)

    @contextmanager
    def server(self, *faults: str, fake: tuple[str, ...] = (), **changes: Any) -> Iterator[ModelServer]:
        with ModelServer(self.options(*faults, fake=fake, **changes), self.told.append) as server:
            yield server
        assert self.alive() == [], "a process was left behind"

    @property
    def notes(self) -> list[dict[str, Any]]:
        text = self.notes_file.read_text() if self.notes_file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def alive(self) -> list[int]:
        numbers = [start[name] for start in self.notes for name in ("pid", "parent", "engine")]
        return [number for number in numbers if _runs(number)]

    @property
    def states(self) -> list[State]:
        return [told.state for told in self.told]


def _runs(pid: int) -> bool:
    """A zombie that nobody has asked after yet does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def _ended(server: ModelServer) -> ServerState:
    _until(lambda: server.state.state in (State.FAILED, State.STOPPED))
    return server.state


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# -- a good server -------------------------------------------------------------------------------------


def test_it_starts_without_being_waited_for_and_answers(place: Place) -> None:
    with place.server() as server:
        assert State.READY not in place.states
        model = server.wait_ready(WAIT_S)
        server.start()
        question = {"model": model.model, "messages": [], "max_tokens": 1}
        answer = httpx.post(
            f"{model.api_base}/chat/completions",
            json=question,
            headers={"Authorization": f"Bearer {model.api_key}"},
            trust_env=False,
        )
        assert answer.status_code == 200 and model.api_base.startswith("http://127.0.0.1:")
    assert place.states == [State.STARTING, State.LOADING, State.READY, State.STOPPED]
    assert "shutdown complete" in place.log
    assert server.state == place.told[-1]
    times = [told.after_s for told in place.told]
    assert times == sorted(times) and times[0] >= 0 and times[-1] < WAIT_S


def test_the_key_is_in_no_argument_and_in_no_log(place: Place) -> None:
    with place.server("tells-secrets", environment={"PATH": os.defpath, "HF_HOME": "/weights"}) as server:
        key = server.wait_ready(WAIT_S).api_key
        pids = [place.notes[0]["pid"], place.notes[0]["parent"]]
        told = [Path(f"/proc/{pid}/cmdline").read_text() for pid in pids]
    environment = place.notes[0]["environment"]
    assert len(key) > 30 and environment["VLLM_API_KEY"] == key and key not in "".join(told)
    assert environment["HF_HOME"] == "/weights" and "HOME" not in environment
    assert "Received request" in place.log and "Authorization: Bearer …" in place.log
    assert key not in place.log
    for words in ("Say yes", "first spoken", "last ones"):
        assert words not in place.log
    assert place.log_file.stat().st_mode & 0o777 == 0o600


def test_two_servers_have_their_own_keys_and_ports(place: Place, tmp_path: Path) -> None:
    other = Place(tmp_path / "other")
    other.log_file.parent.mkdir()
    with place.server() as one, other.server() as two:
        first, second = one.wait_ready(WAIT_S), two.wait_ready(WAIT_S)
    assert first.api_base != second.api_base and first.api_key != second.api_key


def test_the_command_is_the_one_that_was_tried(place: Place) -> None:
    options = replace(place.options(), program=("/opt/vllm/bin/vllm",), more=("--dtype", "float32"))
    assert arguments(options, 8123) == [
        *("/opt/vllm/bin/vllm", "serve", "Qwen/Qwen3-4B-AWQ", "--host", "127.0.0.1", "--port", "8123"),
        *("--served-model-name", "Qwen/Qwen3-4B-AWQ", "--max-model-len", "8192"),
        *("--gpu-memory-utilization", "0.65", "--max-num-seqs", "4", "--generation-config", "vllm"),
        *("--structured-outputs-config", '{"backend":"guidance","disable_any_whitespace":true}'),
        *("--default-chat-template-kwargs", '{"enable_thinking":false}', "--enforce-eager"),
        *("--dtype", "float32"),
    ]


def test_a_folder_is_served_under_its_name_and_an_unknown_context_is_left_to_vllm(place: Place) -> None:
    plan = replace(PLAN, model="/models/Mine-7B/", max_model_len=None, eager=False)
    command = arguments(place.options(plan=plan), 1)
    assert command[command.index("--served-model-name") + 1] == "Mine-7B"
    assert command[command.index("--max-model-len") + 1] == "auto"
    assert command[command.index("serve") + 1] == "/models/Mine-7B/" and "--enforce-eager" not in command


def test_it_asks_the_hub_only_when_it_may(place: Place) -> None:
    with place.server(offline=True) as server:
        server.wait_ready(WAIT_S)
    environment = place.notes[0]["environment"]
    assert environment["HF_HUB_OFFLINE"] == "1" and environment["VLLM_NO_USAGE_STATS"] == "1"


# -- sleep ---------------------------------------------------------------------------------------------


def test_it_sleeps_and_wakes_up(place: Place) -> None:
    with place.server(can_sleep=True) as server:
        model = server.wait_ready(WAIT_S)
        server.sleep()
        with pytest.raises(ModelUnusable, match=r"still asleep after 0\.1 s"):
            server.wait_ready(0.1)
        with pytest.raises(ModelUnusable, match="is asleep, not ready"):
            server.sleep()
        server.wake()
        assert server.wait_ready(0) == model
    assert place.states[2:] == [State.READY, State.ASLEEP, State.READY, State.STOPPED]
    assert "--enable-sleep-mode" in place.notes[0]["arguments"]


def test_a_server_that_does_not_wake_up_stays_asleep(place: Place) -> None:
    with place.server("stays-asleep", can_sleep=True) as server:
        server.wait_ready(WAIT_S)
        server.sleep()
        with pytest.raises(ModelUnusable, match="woken up: it is healthy, but answers no question"):
            server.wake()
        assert server.state.state is State.ASLEEP


def test_the_routes_to_sleep_are_closed_unless_asked_for(place: Place) -> None:
    with place.server() as server:
        address = server.wait_ready(WAIT_S).api_base.removesuffix("/v1")
        assert httpx.post(f"{address}/sleep?level=1", trust_env=False).status_code == 404
        with pytest.raises(ModelUnusable, match="without sleep"):
            server.sleep()
    assert "--enable-sleep-mode" not in place.notes[0]["arguments"]


def test_a_refused_sleep_leaves_it_ready(place: Place) -> None:
    with place.server("refuses-sleep", can_sleep=True) as server:
        server.wait_ready(WAIT_S)
        with pytest.raises(ModelUnusable, match=r"refused /sleep \(HTTP 500\)"):
            server.sleep()
        assert server.state.state is State.READY


# -- servers that never get ready ------------------------------------------------------------------------


def test_out_of_memory_is_tried_twice_and_named(place: Place) -> None:
    with place.server("out-of-memory") as server:
        with pytest.raises(ModelUnusable, match=r"too little free memory for it \(torch\.OutOfMemoryError"):
            server.wait_ready(WAIT_S)
        assert server.state.state is State.FAILED
    assert len(place.notes) == 2 and "594.00 MiB" in place.log
    assert place.states == [State.STARTING, State.LOADING, State.STARTING, State.LOADING, State.FAILED]
    assert place.told[2].why == place.told[-1].why


def test_a_model_that_does_not_exist_is_not_tried_again(place: Place) -> None:
    with place.server("no-model") as server:
        assert "there is no such model" in _ended(server).why
    assert len(place.notes) == 1


def test_a_program_that_is_not_there_is_named(place: Place) -> None:
    with ModelServer(replace(place.options(), program=("/nowhere/vllm",))) as server:
        state = _ended(server)
    expected = "the model's server cannot be started (/nowhere/vllm: No such file or directory)"
    assert (state.state, state.why) == (State.FAILED, expected)


def test_an_option_that_this_vllm_does_not_know_is_named(place: Place) -> None:
    with place.server(more=("--no-such-option",)) as server:
        assert "does not know an option" in (why := _ended(server).why) and "--no-such-option" in why


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("never-healthy", "not ready within 0.7 s: it does not say that it is healthy"),
        ("hangs-on-chat", "not ready within 0.7 s: it is healthy, but answers no question within 0.2 s"),
        ("breaks-chat", "not ready within 0.7 s: it answers a question with HTTP 500"),
    ],
)
def test_a_server_that_does_not_get_ready_in_time_is_given_up(place: Place, fault: str, why: str) -> None:
    with place.server(fault, patience=replace(QUICK, start_s=0.7, chat_s=0.2)) as server:
        assert _ended(server).why == f"the model's server was {why}"
    assert len(place.notes) == 1 and State.READY not in place.states


def test_a_server_that_refuses_its_own_key_is_given_up(place: Place) -> None:
    with place.server("refuses-key") as server:
        assert _ended(server).why == "the model's server refuses a plain question (HTTP 401)"


def test_waiting_has_an_end(place: Place) -> None:
    with place.server("never-healthy") as server:
        _until(lambda: server.state.state is State.LOADING)
        with pytest.raises(ModelUnusable, match=r"still loading after 0\.1 s"):
            server.wait_ready(0.1)


# -- breakdowns ----------------------------------------------------------------------------------------


def test_a_breakdown_while_ready_is_mended_once_at_the_same_address(place: Place) -> None:
    with place.server() as server:
        before = server.wait_ready(WAIT_S)
        os.kill(place.notes[0]["pid"], signal.SIGKILL)
        _until(lambda: State.READY in place.states[3:])
        assert server.wait_ready(WAIT_S) == before
        assert not _runs(place.notes[0]["engine"])
        os.kill(place.notes[1]["pid"], signal.SIGKILL)
        assert _ended(server).why == "the model's server was ended by signal 9"
    once = [State.STARTING, State.LOADING, State.READY]
    assert place.states == [*once, *once, State.FAILED] and len(place.notes) == 2


def test_the_reason_of_a_breakdown_is_what_was_said_last(place: Place) -> None:
    with place.server("warns") as server:
        _until(lambda: place.states.count(State.READY) == 1)
        os.kill(place.notes[0]["pid"], signal.SIGUSR1)
        _until(lambda: place.states.count(State.READY) == 2)
        os.kill(place.notes[1]["pid"], signal.SIGUSR1)
        why = _ended(server).why
    assert why == "the model's server ended with code 1 (RuntimeError: CUDA error: unspecified failure)"


def test_a_first_start_that_fails_costs_nothing_but_time(place: Place) -> None:
    with place.server("silent-end", fake=("--faulty-starts", "1")) as server:
        assert server.wait_ready(WAIT_S)
    again = place.told[2]
    assert (again.state, again.why[:36]) == (State.STARTING, "the model's server ended with code 3")


# -- its end -------------------------------------------------------------------------------------------


def test_a_server_that_ignores_sigterm_is_killed_after_the_grace(place: Place) -> None:
    with place.server("ignores-term") as server:
        server.wait_ready(WAIT_S)
        began = time.monotonic()
        server.stop()
        assert QUICK.grace_s <= time.monotonic() - began < QUICK.grace_s + 2
        assert place.alive() == []


@pytest.mark.parametrize("faults", [("orphans-engine",), ("orphans-engine", "engine-in-own-session")])
def test_an_engine_that_outlives_its_server_is_ended(place: Place, faults: tuple[str, ...]) -> None:
    with place.server(*faults) as server:
        server.wait_ready(WAIT_S)
        engine = place.notes[0]["engine"]
        assert _runs(engine)
        server.stop()
        assert not _runs(engine)


def test_stopping_is_quick_while_it_loads_and_does_no_harm_twice(place: Place) -> None:
    with place.server("hangs-on-chat", patience=replace(QUICK, chat_s=30)) as server:
        _until(lambda: server.state.state is State.LOADING and bool(place.notes))
        began = time.monotonic()
        server.stop()
        server.stop()
        assert time.monotonic() - began < 3
    assert place.states[-1] is State.STOPPED
    with pytest.raises(ModelUnusable, match="is not running"):
        server.wait_ready(WAIT_S)


def test_a_server_that_is_to_end_is_never_called_ready(place: Place) -> None:
    with place.server("slow-chat", "ignores-term", patience=replace(QUICK, chat_s=5)) as server:
        _until(lambda: place.log_file.exists() and "thinking" in place.log)
        server.stop()
    assert place.states == [State.STARTING, State.LOADING, State.STOPPED]


def test_a_server_stopped_before_its_start_never_runs(place: Place) -> None:
    server = ModelServer(place.options())
    server.stop()
    server.start()
    _until(lambda: not any(thread.name == "model server" for thread in threading.enumerate()))
    assert server.state.state is State.STOPPED and place.notes == []


OWNER = """
import json, sys, time
from pathlib import Path
from llm.server import ModelServer
from tests.test_llm_server import Place
place = Place(Path(sys.argv[1]))
server = ModelServer(place.options(*sys.argv[2:]))
server.start()
server.wait_ready(15)
Path(sys.argv[1], "ready").touch()
time.sleep(60)
"""


@pytest.mark.parametrize("faults", [(), ("ignores-term", "engine-in-own-session")])
def test_nothing_stays_when_we_are_killed(place: Place, tmp_path: Path, faults: tuple[str, ...]) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path), *faults], cwd=ROOT)
    try:
        _until((tmp_path / "ready").exists)
        assert len(place.alive()) == 3
    finally:
        owner.kill()
        owner.wait()
    _until(lambda: place.alive() == [])


def test_nothing_stays_when_the_process_between_is_killed(place: Place) -> None:
    with place.server("ignores-term") as server:
        server.wait_ready(WAIT_S)
        leash = place.notes[0]["parent"]
        os.kill(leash, signal.SIGKILL)
        _until(lambda: len(place.notes) == 2)
        assert not any(_runs(place.notes[0][name]) for name in ("pid", "engine", "parent"))


# -- its log -------------------------------------------------------------------------------------------


def test_a_flood_is_bounded_and_holds_nobody_up(place: Place) -> None:
    with place.server("floods", log_limit_bytes=200_000) as server:
        server.wait_ready(WAIT_S)
    lines = place.log.splitlines()
    assert place.log_file.stat().st_size <= 200_000 and "older lines" in lines[0]
    assert any("line 19999 " in line for line in lines) and not any("line 1 " in line for line in lines)


def test_a_log_that_cannot_be_written_costs_only_lines(place: Place, tmp_path: Path) -> None:
    with place.server("silent-end", log_file=tmp_path / "no folder" / "vllm.log") as server:
        assert _ended(server).why.startswith("the model's server ended with code 3")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("prompt: 'hello there', params: 5", "prompt:… (not kept)"),
        ('{"messages": [{"role": "user"}]}', '{"messages":… (not kept)'),
        ("prompt_token_ids=[1, 2]", "prompt_token_ids=… (not kept)"),
        ("<|im_start|>user", "<|im_start|>… (not kept)"),
        ("the key is s3cr3t.", "the key is …."),
        ("\x1b[31mthe key is s3c\x1b[0mr3t.", "the key is …."),
        ("Avg prompt throughput: 3.2 tokens/s", "Avg prompt throughput: 3.2 tokens/s"),
        ("prompt_tokens_len=20", "prompt_tokens_len=20"),
        ("x" * 200_000, "x" * 2000),
    ],
)
def test_a_log_keeps_neither_texts_nor_keys(place: Place, said: str, kept: str) -> None:
    log = ServerLog(place.log_file, "s3cr3t", 1_000_000)
    data = f"INFO 11-02 10:00:00 before\n{said}\nINFO after\n".encode()
    for start in range(0, len(data), 7001):
        log.feed(data[start : start + 7001])
    assert list(log.tail) == ["INFO 11-02 10:00:00 before", kept, "INFO after"]
    assert place.log.splitlines() == list(log.tail)


def test_a_line_without_end_costs_neither_time_nor_memory(place: Place) -> None:
    log = ServerLog(place.log_file, "s3cr3t", 1_000_000)
    began = time.process_time()
    for _ in range(400):
        log.feed(b"x" * 65_536)
    log.feed(b"\nnext\n")
    assert list(log.tail) == ["x" * 2000, "next"] and time.process_time() - began < 2


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_text_of_several_lines_is_left_out_however_its_bytes_come(place: Place, size: int) -> None:
    data = b"prompt: one\ntwo\r\nthree s3cr3t\n(EngineCore pid=7) Traceback\nunfinished s3cr3t"
    log = ServerLog(place.log_file, "s3cr3t", 1_000_000)
    for start in range(0, len(data), size):
        log.feed(data[start : start + size])
    log.feed(b"")
    assert list(log.tail) == ["prompt:… (not kept)", "(EngineCore pid=7) Traceback", "unfinished …"]


@pytest.mark.parametrize(
    ("line", "words", "lasting"),
    [
        (
            "ValueError: Free memory on device (3.2/4.0 GiB) on startup is less",
            "too little free memory",
            False,
        ),
        ("ValueError: No available memory for the cache blocks.", "too little free memory", False),
        ("AssertionError: Error in memory profiling. init_free_memory", "another program let go", False),
        (
            "OSError: [Errno 98] error while attempting to bind: address already in use",
            "port was taken",
            False,
        ),
        ("ValueError: Invalid repository ID or local directory specified: 'x'", "no such model", True),
        ("RuntimeError: Failed to infer device type", "finds no GPU", True),
        ("OSError: [Errno 28] No space left on device", "the disk is full", True),
        ("ZeroDivisionError: division by zero", "code 1 (ZeroDivisionError: division by zero)", False),
    ],
)
def test_the_reason_is_found_among_its_consequences(line: str, words: str, lasting: bool) -> None:
    prefix = "(EngineCore pid=9) ERROR 11-02 10:00:00 [core.py:7] "
    cause = cause_of(["INFO all is well", f"{prefix}{line}", f"{prefix}Bye."], 1)
    assert words in cause.why and cause.lasting is lasting and "core.py" not in cause.why
    assert "pid" not in cause.why


def test_who_said_nothing_is_known_by_its_code() -> None:
    assert cause_of([], 1).why == "the model's server ended with code 1"
