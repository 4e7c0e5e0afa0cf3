"""How a session begins and ends: refusals at the start, no room, draining, idle time, SIGTERM."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from node.web.token import digest
from tests.fake_launcher import TOKEN as CALLBACK_TOKEN
from tests.fake_launcher import FakeLauncher
from tests.films import ROOT
from tests.nodes import free_port
from tests.sessions import PATIENCE_S, Session, session, shell

TOKEN = "the-session-token"
IDLE_S = 9.0
ENOUGH = 1e12
"""The most that MIN_FREE_GB can ask for, in bytes."""


def started(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`python app.py` that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=shell(folder, **settings), timeout=PATIENCE_S,
        capture_output=True, text=True,
    )  # fmt: skip


def begun(where: Session, **arguments: Any) -> str:
    """Start a job without waiting for it; gives its id."""
    with where.client() as client:
        client.post("gradio_api/call/v2/generate_clips", json=arguments).raise_for_status()
    ask, end = where.page(), time.monotonic() + PATIENCE_S
    while not (jobs := ask("list_jobs")["value"]["jobs"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    return str(jobs[0]["job_id"])


def state_on_disk(folder: Path, job_id: str) -> dict[str, Any]:
    return dict(json.loads((folder / "work" / job_id / "node.json").read_bytes())["state"])


# -- beginning ------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_a_page_open_to_the_network_needs_a_token(tmp_path, host):
    ended = started(tmp_path, HOST=host)
    assert ended.returncode == 2 and ended.stdout == ""
    assert ended.stderr.startswith(f"error: HOST is {host!r}, but ") and len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("IDLE_MINUTES", "-1"), ("ROOT_PATH", "/../x"), ("SESSION_TOKEN_SHA256", "abc")],
)
def test_a_setting_that_cannot_be_is_named_with_its_rule(tmp_path, name, value):
    ended = started(tmp_path, **{name: value})
    assert ended.returncode == 2 and len(ended.stderr.splitlines()) == 1
    assert ended.stderr.startswith(f"error: {name} is {value!r}, but must be ")


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A session on a disk that is too small for it."""
    if shutil.disk_usage(tmp_path_factory.getbasetemp()).free > ENOUGH:
        pytest.skip("this disk has room for anything")
    with session(tmp_path_factory.mktemp("full"), MIN_FREE_GB="1000") as made:
        yield made


def test_without_room_a_new_job_is_refused_with_a_sentence(full):
    said = full.refusal("generate_clips", upload="sample")
    assert said.startswith("no_room: The disk has ") and "1000.0 GB" in said and said.endswith(".")
    assert full.page()("list_jobs")["value"]["jobs"] == []


def test_a_taken_port_is_a_sentence(full, tmp_path):
    ended = started(tmp_path, PORT=str(full.port))
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr and str(full.port) in ended.stderr


def test_a_second_start_by_mistake_leaves_the_first_session_alone(full):
    there = (full.folder / "work" / "session" / "released" / ("0" * 32) / "clip_01.mp4").resolve()
    there.parent.mkdir()
    there.write_bytes(b"a released clip")
    with full.client() as client:
        assert client.get(f"gradio_api/file={there}").content == b"a released clip"
        again = started(full.folder, PORT=str(free_port()))
        assert again.returncode == 2 and again.stderr.startswith("error: Another session works in ")
        assert client.get(f"gradio_api/file={there}").content == b"a released clip"


# -- ending ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def drained(tmp_path_factory, film, subtitles) -> dict[str, Any]:
    """The life of a session that is drained in the middle of its one job and then left alone."""
    folder, fake = tmp_path_factory.mktemp("drained"), FakeLauncher()
    settings = {"SESSION_TOKEN_SHA256": digest(TOKEN), "IDLE_MINUTES": str(IDLE_S / 60)}
    with session(folder, TOKEN, **settings) as made:
        line = {key: value for key, value in fake.line.items() if key != "token"}
        made.control("configure", **line, callback_token=CALLBACK_TOKEN).raise_for_status()
        wanted = {"upload": made.upload(film), "transcript": made.upload(subtitles),
                  "min_seconds": 8, "max_seconds": 16}  # fmt: skip
        job_id = begun(made, count=3, **wanted)
        made.control("drain").raise_for_status()
        ask = made.page()
        at_once = ask("job_status", job_id=job_id)["value"]
        told = {
            "job_id": job_id,
            "refusal": made.refusal("generate_clips", count=1, **wanted),
            "retry": ask("retry_job", job_id=job_id),
            "started": made.control("jobs", job_id="kk_late", source="http://a.example/", grant=True),
            "at_once": at_once,
            "code": made.child.wait(timeout=PATIENCE_S),
            "ended": time.time(),
            "state": state_on_disk(folder, job_id),
            "log": made.log,
        }
    told["outcomes"] = fake.outcomes()
    fake.close()
    return told


@pytest.mark.slow
def test_a_drained_session_refuses_new_work_and_ends_what_runs(drained):
    assert drained["at_once"]["status"] in ("QUEUED", "RUNNING")
    assert drained["at_once"]["session"]["draining"] is True
    assert drained["refusal"].startswith("closing: This session is closing ")
    assert drained["started"].status_code == 503 and drained["started"].json()["code"] == "closing"
    assert drained["state"]["status"] == "SUCCEEDED" and drained["state"]["rendered"] == [1, 2, 3]
    assert [(one["job_id"], one["status"]) for one in drained["outcomes"]] == [
        (drained["job_id"], "SUCCEEDED")
    ]


@pytest.mark.slow
def test_an_idle_session_ends_well_but_never_while_a_job_runs(drained):
    assert drained["code"] == 0
    assert drained["ended"] - drained["state"]["ended"] >= IDLE_S - 0.1
    assert "idle" in drained["log"] and "Traceback" not in drained["log"]


@pytest.mark.slow
def test_an_open_page_that_nobody_touches_does_not_keep_the_session(tmp_path):
    with session(tmp_path, IDLE_MINUTES="0.25") as made:
        ask, seen = made.page(), []
        end = time.monotonic() + PATIENCE_S
        while made.child.poll() is None and time.monotonic() < end:
            try:
                seen.append(ask("list_jobs")["ok"])
            except httpx.HTTPError:
                break  # the last question meets a closing server
            time.sleep(0.3)
        assert made.child.wait(timeout=60) == 0 and seen[0] is True


@pytest.mark.slow
def test_an_upload_under_way_keeps_the_session(tmp_path):
    """A large file over a slow line takes longer than the idle time."""

    def slow_body():
        yield b'--x\r\ncontent-disposition: form-data; name="files"; filename="a.mp4"\r\n\r\n'
        until = time.monotonic() + 2 * IDLE_S
        while time.monotonic() < until:
            yield b"0" * 1000
            time.sleep(0.2)
        yield b"\r\n--x--\r\n"

    with session(tmp_path, IDLE_MINUTES=str(IDLE_S / 60)) as made, made.client() as client:
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = client.post("gradio_api/upload", content=slow_body(), headers=headers)
        assert answer.status_code == 200


@pytest.mark.slow
def test_sigterm_in_the_middle_of_a_job_ends_everything_and_the_next_start_goes_on(tmp_path, film, subtitles):
    slow = {"RENDER_RESOLUTION": "1080x1920", "RENDER_PRESET": "slow"}
    with session(tmp_path, **slow) as made:
        job_id = begun(
            made, upload=made.upload(film), transcript=made.upload(subtitles),
            min_seconds=8, max_seconds=16, count=2,
        )  # fmt: skip
        ask, end = made.page(), time.monotonic() + PATIENCE_S
        while ask("job_status", job_id=job_id)["value"]["stage"] != "RENDER":
            assert time.monotonic() < end
            time.sleep(0.1)
        time.sleep(1)
        children = psutil.Process(made.child.pid).children(recursive=True)
        assert children
        made.child.send_signal(signal.SIGTERM)
        assert made.child.wait(timeout=60) == 0
        gone, left = psutil.wait_procs(children, timeout=10)
        assert len(gone) == len(children) and not left
        assert state_on_disk(tmp_path, job_id)["status"] == "QUEUED"
    with session(tmp_path) as again:
        ask, end = again.page(), time.monotonic() + PATIENCE_S
        while (state := ask("job_status", job_id=job_id)["value"])["status"] in ("QUEUED", "RUNNING"):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert state["status"] == "SUCCEEDED"
        resumed = {stage["stage"] for stage in state["stages"] if stage["status"] == "resumed"}
        assert {"DOWNLOAD", "TRANSCRIPT", "CHUNK", "SELECT"} <= resumed
        assert [c["rendered"] for c in again.result("list_clips", job_id=job_id)["clips"]] == [True, True]
