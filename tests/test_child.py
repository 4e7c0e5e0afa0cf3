"""Lines, logs and texts of a child: bounded, whole, without secrets."""

from __future__ import annotations

import stat
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.jobs.child import Child
from node.jobs.childlog import LIMIT_BYTES, ChildLog
from node.jobs.lines import Lines, event_of
from node.jobs.redact import for_log, secrets_of, without


@given(st.lists(st.binary(max_size=20)), st.lists(st.integers(1, 9)))
def test_lines_are_the_same_however_the_bytes_come(lines, cuts):
    whole = [line.replace(b"\n", b"") for line in lines]
    data = b"".join(line + b"\n" for line in whole)
    split, got = Lines(100), []
    for size in cuts:
        got += split.feed(data[:size])
        data = data[size:]
    assert got + split.feed(data) == whole and split.dropped == 0


def test_a_line_without_end_is_dropped_and_costs_no_time():
    lines = Lines(1 << 20)
    started = time.monotonic()
    for _ in range(2000):
        assert lines.feed(b"x" * 65_536) == []
    assert lines.feed(b"\n{}\n") == [b"{}"] and lines.dropped == 1
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    "line", [b"", b"null", b"[1]", b'"a"', b"{", b"\xff{}", b"[" * 100_000, b'{"a":1} x']
)
def test_what_is_no_object_is_no_event(line):
    assert event_of(line) is None


@pytest.mark.parametrize("command", [["/nowhere/at/all"], [sys.executable, "a\0b"]])
def test_a_program_that_cannot_be_started_ends_at_once(tmp_path, command):
    child = Child(command, ChildLog(tmp_path / "node.log"))
    ending = child.run(print)
    assert (ending.code, ending.last) == (127, None)
    assert "could not be started" in (tmp_path / "node.log").read_text(encoding="utf-8")


def test_a_child_stopped_before_it_began_never_runs(tmp_path):
    child = Child(["touch", str(tmp_path / "ran")], ChildLog(tmp_path / "node.log"))
    child.stop()
    assert child.run(print).stopped and not (tmp_path / "ran").exists()


def test_a_grandchild_that_holds_the_output_does_not_hold_us(tmp_path):
    script = "import subprocess, sys; subprocess.Popen(['sleep', '60'], start_new_session=True); sys.exit(0)"
    started = time.monotonic()
    assert Child([sys.executable, "-c", script], ChildLog(tmp_path / "node.log")).run(print).code == 0
    assert time.monotonic() - started < 6


def test_a_log_keeps_the_newest_half_and_is_private(tmp_path):
    log = ChildLog(tmp_path / "node.log")
    for number in range(3000):
        log.write(f"{number} " + "x" * 1000)
    path = tmp_path / "node.log"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert path.stat().st_size <= LIMIT_BYTES and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "dropped" in lines[0] and lines[-1].startswith("2999 ") and lines[1].partition(" ")[0].isdigit()


def test_a_log_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "node.log").symlink_to(tmp_path / "elsewhere")
    log = ChildLog(tmp_path / "node.log")
    log.write("hello")
    assert log.lost == 1 and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("GET https://a.example/v.mp4?sig=1 now", "GET https://a.example/v.mp4?… now"),
        ("https://me:pw@a.example/v", "https://…@a.example/v"),
        ("Authorization: Bearer abc", "Authorization: …"),
        ("{'Cookie': 'a=b'}", "{'Cookie': …"),
        ("x-callback-token=abc def", "x-callback-token=…"),
        ("nothing secret: 5 of 7", "nothing secret: 5 of 7"),
    ],
)
def test_a_log_shows_no_login_no_query_and_no_token(text, shown):
    assert for_log(text) == shown


def test_the_secrets_of_a_link_are_its_long_values_and_its_login():
    long = "s" * 30
    assert secrets_of("https://a.example/watch?v=abc") == () == secrets_of("/films/a.mp4")
    link = f"https://me:pw@a.example/v?sig={long}%2F"
    assert {link, f"{long}%2F", f"{long}/", "me:pw", "pw"} == set(secrets_of(link))
    assert long not in without(f"{link} and {long}/", secrets_of(link))
