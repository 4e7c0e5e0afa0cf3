"""A board with a launcher: nothing starts without its grant, and it hears of every end once."""

from __future__ import annotations

import json
import stat
import time

import pytest

from node.errors import LauncherDown, NotGranted
from node.link.launcher import Launcher
from node.records import JobStatus
from tests.boards import board, ended, running, runs, wanted
from tests.fake_launcher import FakeLauncher


@pytest.fixture
def fake():
    made = FakeLauncher()
    yield made
    made.close()


@pytest.fixture
def session(tmp_path, fake):
    """Opens a board with its line to the launcher; all are closed in the end."""
    made = []

    def new(connected=True, **more):
        launcher = Launcher(tmp_path / "spool", "session-1", timeout_s=1.0)
        if connected:
            launcher.configure(**fake.line)
        desk = board(tmp_path, launcher, **more)
        made.append((desk, launcher))
        return desk, launcher

    yield new
    for desk, launcher in made:
        desk.close()
        launcher.close(patience_s=0)


def told(fake, status: str, within_s: float = 10.0) -> list[dict]:
    until = time.monotonic() + within_s
    while not (found := [event for event in fake.taken("/events") if event["status"] == status]):
        assert time.monotonic() < until, f"the launcher was not told of {status}"
        time.sleep(0.02)
    return found


def test_a_granted_job_runs_with_its_storage_urls_and_is_reported(session, fake, tmp_path):
    fake.presigned = {"put": {"clip_01.mp4": "https://store.example/1?X-Sig=" + "s" * 40}}
    desk, _ = session()
    job_id = desk.submit(wanted("ok", count=2)).job_id
    assert ended(desk, job_id).status is JobStatus.SUCCEEDED
    (outcome,) = told(fake, "SUCCEEDED")
    assert (outcome["job_id"], outcome["session_id"], outcome["progress"]) == (job_id, "session-1", 100)
    assert outcome["clips"] == [1, 2] and outcome["error"] == ""
    kept = tmp_path / "work" / job_id / "presigned.json"
    assert json.loads(kept.read_text()) == fake.presigned and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert f"presigned={kept}" in runs(tmp_path, job_id)[0]
    assert fake.taken("/grants")[0]["details"]["count"] == 2


@pytest.mark.parametrize("kind", ["denied", "down", "not there"])
def test_without_a_grant_nothing_starts(session, fake, tmp_path, kind):
    desk, _ = session(connected=kind != "not there")
    fake.deny = "No credits are left." if kind == "denied" else ""
    if kind == "down":
        fake.faults["/grants"].extend([500] * 3)
    with pytest.raises(NotGranted if kind == "denied" else LauncherDown) as refusal:
        desk.submit(wanted("ok"), "own_id", "key-1")
    if kind == "denied":
        assert str(refusal.value) == fake.deny and refusal.value.url == "https://pay.example/top-up"
    assert desk.jobs() == () and not desk.busy and not (tmp_path / "work" / "own_id").exists()


def test_a_denied_job_can_be_had_later_under_the_same_key(session, fake):
    desk, _ = session()
    fake.deny = "No credits are left."
    with pytest.raises(NotGranted):
        desk.submit(wanted("ok"), "own_id", "key-1")
    fake.deny = ""
    assert desk.submit(wanted("ok"), "own_id", "key-1").job_id == "own_id"
    assert ended(desk, "own_id").status is JobStatus.SUCCEEDED


def test_a_failure_and_a_cancelled_job_are_reported_with_their_codes(session, fake):
    desk, _ = session()
    bad = desk.submit(wanted("refuse")).job_id
    slow = desk.submit(wanted("slow")).job_id
    (failed,) = told(fake, "FAILED")
    assert (failed["job_id"], failed["code"], failed["error"]) == (bad, "no_speech", "Nobody speaks.")
    running(desk, slow)
    (news,) = [event for event in told(fake, "RUNNING") if event["job_id"] == slow][-1:]
    assert 0 <= news["progress"] <= 100
    desk.cancel(slow)
    assert told(fake, "CANCELLED")[0]["job_id"] == slow


def test_an_outcome_waits_for_the_launcher_over_a_restart_and_no_grant_is_asked_twice(session, fake):
    desk, launcher = session()
    fake.faults["/events"].extend([503] * 1000)
    waiting = desk.submit(wanted("slow")).job_id
    running(desk, waiting)
    desk.close()
    launcher.close(patience_s=0)
    desk, launcher = session(environment={"SLOW_S": "0"})
    assert ended(desk, waiting).status is JobStatus.SUCCEEDED
    desk.close()
    launcher.close(patience_s=0)
    fake.faults["/events"].clear()
    _, launcher = session()
    told(fake, "SUCCEEDED")
    time.sleep(0.2)
    assert len(fake.outcomes()) == 1 and launcher.undelivered() == 0
    assert len(fake.taken("/grants")) == 1
