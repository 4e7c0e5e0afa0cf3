"""The node's line to its launcher over real HTTP, with a launcher that has every fault."""

from __future__ import annotations

import json
import logging
import stat
import time
from collections.abc import Callable

import pytest

from node.errors import BadRequest, LauncherDown
from node.link.launcher import Launcher
from tests.fake_launcher import TOKEN, FakeLauncher


@pytest.fixture
def fake():
    made = FakeLauncher()
    yield made
    made.close()


@pytest.fixture
def lines(tmp_path):
    """Makes launchers on one spool, one after the other; all are closed in the end."""
    made = []

    def new(**options):
        made.append(Launcher(tmp_path / "spool", "session-1", **options))
        return made[-1]

    yield new
    for launcher in made:
        launcher.close(patience_s=0)


def outcome(job_id: str = "kk_1", status: str = "SUCCEEDED") -> dict:
    return {"job_id": job_id, "status": status, "stage": "UPLOAD", "progress": 100, "error": "", "code": "",
            "clips": [1, 2]}  # fmt: skip


def running(progress: int, job_id: str = "kk_1") -> dict:
    return {**outcome(job_id, "RUNNING"), "progress": progress}


def soon(check: Callable[[], object], within_s: float = 10.0) -> None:
    until = time.monotonic() + within_s
    while not check():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.02)


def test_a_grant_is_asked_for_once_and_remembered_after_a_restart(fake, lines):
    fake.presigned = {"put": {"a": "https://store.example/a?sig=1"}}
    first = lines()
    first.configure(**fake.line)
    grant = first.ask("job", "kk_1")
    assert grant.granted and grant.presigned == fake.presigned
    first.close()
    second = lines()
    assert second.granted("job", "kk_1") and not second.granted("clip", "kk_1", 1)
    assert second.ask("job", "kk_1").presigned == fake.presigned  # though it is not connected
    assert len(fake.taken("/grants")) == 1
    assert fake.taken("/grants")[0] == {
        "session_id": "session-1",
        "kind": "job",
        "job_id": "kk_1",
        "clip": None,
    }


def test_a_pushed_grant_needs_no_question(fake, lines):
    launcher = lines()
    launcher.grant("clip", "kk_1", 2)
    assert launcher.granted("clip", "kk_1", 2) and launcher.ask("clip", "kk_1", 2).granted
    assert not fake.tries
    launcher.grant("job", "kk_1", presigned={"put": {}})
    launcher.grant("job", "kk_1")
    assert launcher.ask("job", "kk_1").presigned == {"put": {}}


def test_a_denied_grant_says_why_and_where_and_is_asked_again_under_another_key(fake, lines):
    launcher = lines()
    launcher.configure(**fake.line)
    fake.deny = "Your credits are used up."
    grant = launcher.ask("clip", "kk_1", 1)
    assert (grant.granted, grant.message, grant.url) == (False, fake.deny, "https://pay.example/top-up")
    fake.deny = ""
    assert launcher.ask("clip", "kk_1", 1).granted
    assert len({key for path, key in fake.tries if path == "/grants"}) == 2


@pytest.mark.parametrize("faults", [[500, 502], ["reset", "reset"], ["text", "list"], [429, "slow"]])
def test_a_question_is_tried_three_times_under_one_key(fake, lines, faults):
    fake.faults["/grants"].extend(faults)
    launcher = lines(timeout_s=0.5)
    launcher.configure(**fake.line)
    assert launcher.ask("job", "kk_1").granted
    (tries,) = fake.tries.values()
    assert tries == 3


@pytest.mark.parametrize(("faults", "tries"), [([500] * 3, 3), ([404], 1), ([{"odd": 1}] * 3, 3)])
def test_a_launcher_that_gives_no_answer_is_named(fake, lines, faults, tries):
    fake.faults["/grants"].extend(faults)
    launcher = lines()
    launcher.configure(**fake.line)
    with pytest.raises(LauncherDown, match="could not be asked"):
        launcher.ask("job", "kk_1")
    assert sum(fake.tries.values()) == tries


def test_a_question_without_an_answer_keeps_its_key_over_a_restart(fake, lines):
    fake.faults["/grants"].extend([500] * 3)
    for launcher in (lines(), lines()):
        launcher.configure(**fake.line)
        try:
            launcher.ask("job", "kk_1")
        except LauncherDown:
            launcher.close()
    assert list(fake.tries.values()) == [4]


def test_nothing_is_sent_before_the_launcher_said_where(fake, lines):
    launcher = lines()
    with pytest.raises(LauncherDown, match="not connected"):
        launcher.ask("job", "kk_1")
    with pytest.raises(LauncherDown, match="not connected"):
        launcher.share("kk_1")
    launcher.tell(outcome())
    assert launcher.undelivered() == 1 and not fake.tries
    launcher.configure(**fake.line)
    soon(lambda: launcher.undelivered() == 0)
    assert len(fake.outcomes()) == 1


def test_an_outcome_is_delivered_once_though_the_launcher_fails_nine_times(fake, lines, tmp_path):
    fake.faults["/events"].extend([500, "reset", 503])
    launcher = lines()
    launcher.configure(**fake.line)
    launcher.tell(outcome())
    soon(lambda: fake.tries and sum(fake.tries.values()) >= 3)
    fake.faults["/events"].extend([500] * 6)
    for _ in range(8):  # each new address makes it due at once
        launcher.configure(**fake.line)
        time.sleep(0.1)
    soon(lambda: launcher.undelivered() == 0, 15)
    (key,) = {key for _, key in fake.tries}
    assert fake.tries["/events", key] == 10 and len(fake.outcomes()) == 1
    assert fake.outcomes()[0]["session_id"] == "session-1" and fake.outcomes()[0]["clips"] == [1, 2]
    assert not list((tmp_path / "spool" / "outcomes").iterdir())


def test_an_outcome_survives_a_restart(fake, lines):
    first = lines()
    first.tell(outcome("kk_1"))
    first.tell(outcome("kk_2", "FAILED"))
    first.close()
    second = lines()
    assert second.undelivered() == 2
    second.configure(**fake.line)
    soon(lambda: second.undelivered() == 0)
    assert [(o["job_id"], o["status"]) for o in fake.outcomes()] == [
        ("kk_1", "SUCCEEDED"),
        ("kk_2", "FAILED"),
    ]
    third = lines()
    third.configure(**fake.line)
    time.sleep(0.2)
    assert len(fake.outcomes()) == 2


def test_a_refused_outcome_is_kept_and_a_refused_progress_is_not(fake, lines, caplog):
    launcher = lines()
    fake.faults["/events"].extend([400, 422])
    launcher.configure(**fake.line)
    with caplog.at_level(logging.WARNING):
        launcher.tell(running(5))
        soon(lambda: sum(fake.tries.values()) == 1)
        launcher.tell(outcome())
        soon(lambda: sum(fake.tries.values()) == 2)
        soon(lambda: len(caplog.records) == 2)
    time.sleep(0.2)
    assert launcher.undelivered() == 1 and sum(fake.tries.values()) == 2
    assert TOKEN not in caplog.text
    launcher.configure(**fake.line)
    soon(lambda: launcher.undelivered() == 0)


def test_of_progress_only_the_newest_waits_and_the_order_holds(fake, lines):
    launcher = lines()
    launcher.configure(**fake.line)
    for percent in range(100):
        launcher.tell(running(percent))
    soon(lambda: any(event["progress"] == 99 for event in fake.taken("/events")))
    launcher.tell(outcome())
    soon(lambda: fake.outcomes())
    told = fake.taken("/events")
    assert told[-2]["progress"] == 99 and len(told) <= 3
    assert [e["seq"] for e in told] == sorted({e["seq"] for e in told})


def test_an_outcome_makes_waiting_progress_needless(fake, lines):
    launcher = lines()
    launcher.tell(running(50))
    launcher.tell(outcome())
    launcher.configure(**fake.line)
    soon(lambda: launcher.undelivered() == 0)
    time.sleep(0.1)
    assert [e["status"] for e in fake.taken("/events")] == ["SUCCEEDED"]


def test_a_slow_launcher_holds_nobody_who_tells(fake, lines):
    fake.faults["/events"].extend(["slow"] * 3)
    launcher = lines()
    launcher.configure(**fake.line)
    started = time.monotonic()
    for number in range(50):
        launcher.tell(running(number, f"kk_{number}"))
    assert time.monotonic() - started < 0.2


def test_a_share_is_an_address(fake, lines):
    launcher = lines()
    launcher.configure(**fake.line)
    assert launcher.share("kk_1") == "https://clips.example/abc"


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "launcher", "http://", "javascript:alert(1)", "http://[::1"]
)
def test_an_address_that_is_none_is_refused(lines, url):
    with pytest.raises(BadRequest, match="events_url"):
        lines().configure(events_url=url)


def test_the_token_is_in_no_file_no_text_and_no_log(fake, lines, tmp_path, caplog):
    launcher = lines()
    with caplog.at_level(logging.DEBUG):
        fake.faults["/grants"].extend([500, "text"])
        launcher.configure(**fake.line)
        launcher.ask("job", "kk_1")
        launcher.tell(outcome())
        soon(lambda: launcher.undelivered() == 0)
    assert TOKEN not in caplog.text and TOKEN not in repr(launcher) + repr(launcher._line)
    files = [path for path in (tmp_path / "spool").rglob("*") if path.is_file()]
    assert files and all(TOKEN.encode() not in path.read_bytes() for path in files)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_a_corrupt_spool_is_left_out_with_a_note(fake, lines, tmp_path, caplog):
    first = lines()
    first.tell(outcome("kk_1"))
    first.close()
    (tmp_path / "spool" / "outcomes" / "kk_2.5.json").write_text("{half")
    (tmp_path / "spool" / "grants" / "job.kk_1.0.json").write_text(json.dumps({"granted": "perhaps?"}))
    second = lines()
    assert second.undelivered() == 1 and "kk_2.5.json" in caplog.text
    assert not second.granted("job", "kk_1")
